"""PURE. The shape of a picture before it is there, so that nothing moves when it arrives."""

import re

from worker.domain.job import Job

#: As the prompt asks for it: `--ar 3:2`.
_ASKED = re.compile(r"--(?:ar|aspect)\s+([0-9]{1,4}):([0-9]{1,4})(?![0-9])")
#: Of a blend, about.
_DIMENSIONS = {"PORTRAIT": (2, 3), "SQUARE": (1, 1), "LANDSCAPE": (3, 2)}


def asked_frame(job: Job) -> tuple[int, int] | None:
    """Width and height as the request asks for them; None: it does not."""
    if job.request.get("dimensions") in _DIMENSIONS:
        return _DIMENSIONS[job.request["dimensions"]]
    found = _ASKED.search(str(job.request.get("prompt") or ""))
    width, height = (int(found[1]), int(found[2])) if found else (0, 0)
    return (width, height) if width and height else None
