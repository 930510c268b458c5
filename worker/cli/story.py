"""What the demo does, as a program of its own that knows nothing but HTTP.

An imagine with its follow-ups; then, from what these gave, a blend, a describe with a new imagine from
its first prompt, and a change of one region. Each begins as soon as the pictures that it needs are there.
"""

import base64
import time
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path

from PIL import Image, ImageDraw

from worker import api
from worker.cli.progress import View
from worker.cli.remote import Remote
from worker.errors import HooklineError
from worker.job import Job, Status

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
        self._later: list[tuple[tuple[str, ...], Callable[..., Job]]] = [
            (("U1", "U2"), self._blend),
            (("U3",), self._describe),
        ]
        if windows:
            self._later.append((("U4",), self._change_region))

    def run(self, view: View) -> list[Job]:
        """All jobs once they are over. Raises ``HooklineError``."""
        deadline = time.monotonic() + LONGEST_S
        self._roots = [
            self._hookline.submit({"kind": "imagine", "prompt": PROMPT, "then": _THEN}).id
        ]
        while True:
            members = [job for root in self._roots for job in self._hookline.pipeline(root)]
            view.show(members)
            if all(map(api.is_over, members)) and not self._go_on(members):
                return members
            if time.monotonic() > deadline:
                raise HooklineError(f"The jobs are not over within {LONGEST_S:g} s.")
            time.sleep(_LOOK_EVERY_S)

    def _members(self) -> Iterator[Job]:
        for root in self._roots:
            yield from self._hookline.pipeline(root)

    def _go_on(self, members: list[Job]) -> None:
        """Begin what the finished upscales make possible; forget what cannot be any more."""
        upscales = {
            job.request["button"]: job
            for job in members
            if job.parent_id == self._roots[0] and "button" in job.request
        }
        root = members[0]
        for needed, begin in list(self._later):
            jobs = [upscales[name] for name in needed if name in upscales]
            gone = root.status.terminal and len(jobs) < len(needed)
            if len(jobs) == len(needed) and all(map(api.is_over, jobs)):
                self._later.remove((needed, begin))
                if all(job.status is Status.SUCCEEDED for job in jobs):
                    self._roots.append(begin(*jobs).pipeline_id)
            elif gone:
                self._later.remove((needed, begin))
        self._roots = list(dict.fromkeys(self._roots))

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
