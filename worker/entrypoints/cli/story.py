"""What the demo does, as a program of its own that knows nothing but HTTP.

An imagine with its follow-ups; then, from what these gave, a blend, a describe with a new imagine
from its first prompt, and a change of one region. Each begins as soon as the pictures that it needs
are there.
"""

import base64
import time
from collections.abc import Callable, Sequence
from io import BytesIO
from pathlib import Path

from PIL import Image, ImageDraw

from worker.domain.errors import HooklineError
from worker.domain.job import Job, Status
from worker.entrypoints import client
from worker.entrypoints.cli.progress import View
from worker.entrypoints.cli.remote import Remote

PROMPT = "a small red lighthouse above a stormy sea, ink and watercolor --ar 3:2"
_THEN = [*({"press": f"U{n}"} for n in range(1, 5)), {"press": "V2", "then": [{"press": "U1"}]}]
_LOOK_EVERY_S = 0.3
#: Where nothing gets on for so long something is wrong, in seconds.
LONGEST_S = 120.0


class Story:
    """Runs the demo's jobs. ``output``: where the results are stored, to make a mask that fits."""

    def __init__(self, hookline: Remote, output: Path, *, windows: bool) -> None:
        self._hookline = hookline
        self._output = output
        self._roots: list[str] = []
        #: What begins when the upscales of these names are there.
        self._later: list[tuple[frozenset[str], Callable[..., Job]]] = [
            (frozenset({"U1", "U2"}), self._blend),
            (frozenset({"U3"}), self._describe),
        ]
        if windows:
            self._later.append((frozenset({"U4"}), self._change_region))

    def run(self, view: View) -> list[Job]:
        """All jobs once they are over. Raises ``HooklineError``."""
        deadline = time.monotonic() + LONGEST_S
        first = self._hookline.submit({"kind": "imagine", "prompt": PROMPT, "then": _THEN})
        self._roots = [first.id]
        while True:
            members = [job for root in self._roots for job in self._hookline.pipeline(root)]
            view.show(members)
            begun = self._go_on(members)
            if not begun and all(map(client.is_over, members)):
                return members
            if time.monotonic() > deadline:
                raise HooklineError(f"The jobs are not over within {LONGEST_S:g} s.")
            time.sleep(_LOOK_EVERY_S)

    def _go_on(self, members: Sequence[Job]) -> bool:
        """Begin what the stored upscales make possible; whether there was anything."""
        upscales = {
            job.request["button"]: job
            for job in members
            if job.spec.parent_id == self._roots[0] and _is_good(job)
        }
        possible = [(needed, begin) for needed, begin in self._later if needed <= upscales.keys()]
        for needed, begin in possible:
            self._later.remove((needed, begin))
            root = begin(*(upscales[name] for name in sorted(needed))).spec.pipeline_id
            if root not in self._roots:
                self._roots.append(root)
        return bool(possible)

    def _blend(self, *upscales: Job) -> Job:
        images = [job.result.image_url for job in upscales]
        return self._hookline.submit({"kind": "blend", "images": images, "dimensions": "LANDSCAPE"})

    def _describe(self, upscale: Job) -> Job:
        then = [{"imagine": "{prompts[0]}"}]
        image = upscale.result.image_url
        return self._hookline.submit({"kind": "describe", "image": image, "then": then})

    def _change_region(self, upscale: Job) -> Job:
        modal = {
            "prompt": "a full moon",
            "mask": self._mask(self._output / upscale.result.assets[0]),
        }
        return self._hookline.press(upscale.id, {"button": "Vary (Region)", "modal": modal})

    @staticmethod
    def _mask(picture: Path) -> str:
        """White where the picture shall change, black elsewhere; of the picture's size."""
        with Image.open(picture) as image:
            width, height = image.size
        mask = Image.new("L", (width, height), 0)
        box = (width * 0.6, height * 0.1, width * 0.9, height * 0.4)
        ImageDraw.Draw(mask).ellipse(box, fill=255)
        file = BytesIO()
        mask.save(file, "PNG")
        return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"


def _is_good(job: Job) -> bool:
    return job.status is Status.SUCCEEDED and client.is_over(job)
