"""The jobs of the demo, submitted through the Python API.

An imagine with its follow-ups; then, from their results, a blend, a describe with an imagine from
its first prompt, and a change of one region. Each starts as soon as its pictures are there.
"""

import time
from collections.abc import Callable, Sequence
from pathlib import Path

from PIL import Image, ImageDraw

from worker.domain.errors import HooklineError
from worker.domain.job import Job, Status
from worker.entrypoints import client
from worker.entrypoints.cli.progress import View

PROMPT = "a small red lighthouse above a stormy sea, ink and watercolor --ar 3:2"
_LOOK_EVERY_S = 0.3
#: Seconds for all of it.
LONGEST_S = 120.0


class Story:
    """Runs the demo's jobs. ``output``: where results are stored, to make a mask that fits."""

    def __init__(self, output: Path, scratch: Path, *, windows: bool) -> None:
        self._output = output
        self._scratch = scratch
        self._roots: list[Job] = []
        #: What starts once these upscales are stored.
        self._later: list[tuple[frozenset[str], Callable[..., Job]]] = [
            (frozenset({"U1", "U2"}), _blend),
            (frozenset({"U3"}), _describe),
        ]
        if windows:
            self._later.append((frozenset({"U4"}), self._change_region))

    def run(self, view: View) -> list[Job]:
        """Return all jobs once they are over. Raises ``HooklineError``."""
        deadline = time.monotonic() + LONGEST_S
        self._roots = [client.imagine(PROMPT, then="U1,U2,U3,U4,V2>U1")]
        while True:
            members = [job for root in self._roots for job in client.pipeline(root).jobs]
            view.show(members)
            if not self._start_next(members) and all(map(client.is_over, members)):
                return members
            if time.monotonic() > deadline:
                raise HooklineError(f"The jobs are not over within {LONGEST_S:g} s.")
            time.sleep(_LOOK_EVERY_S)

    def _start_next(self, members: Sequence[Job]) -> bool:
        """Start what the stored upscales allow; return whether anything started."""
        upscales = {
            job.request["button"]: job
            for job in members
            if job.spec.parent_id == self._roots[0].id and _is_good(job)
        }
        possible = [(needed, start) for needed, start in self._later if needed <= upscales.keys()]
        for needed, start in possible:
            self._later.remove((needed, start))
            job = start(*(upscales[name] for name in sorted(needed)))
            if job.spec.parent_id is None:
                self._roots.append(job)
        return bool(possible)

    def _change_region(self, upscale: Job) -> Job:
        mask = self._scratch / "mask.png"
        _draw_mask(self._output / upscale.result.assets[0], mask)
        modal: client.ModalAnswer = {"prompt": "a full moon", "mask": str(mask)}
        return client.press(upscale, "Vary (Region)", modal=modal)[0]


def _blend(*upscales: Job) -> Job:
    return client.blend([job.result.image_url or "" for job in upscales], dimensions="LANDSCAPE")


def _describe(upscale: Job) -> Job:
    return client.describe(upscale.result.image_url or "", then=[{"imagine": "{prompts[0]}"}])


def _draw_mask(picture: Path, mask: Path) -> None:
    """White where the picture changes, black elsewhere; of the picture's size."""
    with Image.open(picture) as image:
        width, height = image.size
    drawn = Image.new("L", (width, height), 0)
    box = (width * 0.6, height * 0.1, width * 0.9, height * 0.4)
    ImageDraw.Draw(drawn).ellipse(box, fill=255)
    drawn.save(mask)


def _is_good(job: Job) -> bool:
    return job.status is Status.SUCCEEDED and client.is_over(job)
