"""PURE. Which jobs make films: those of the kind video, and presses such as Animate and Extend.

A film takes far longer than an image and costs more, however it was asked for: it has slots, a
price and a file name like a video. A pick among finished films (``video_virtual_upscale``) makes
none.
"""

import re
from functools import lru_cache

from worker.domain import buttons
from worker.domain.job_spec import JSON, Kind

#: Seen: animate_high, animate_low, animate_high_extend, animate_low_extend, video::...::manual.
_CUSTOM_IDS = re.compile(
    r"^MJ::JOB::(?:animate|video(?!_virtual_upscale)|\w+_extend\b)", re.IGNORECASE
)
#: In a name, label or emoji, where only that is known.
_WORDS = re.compile("animate|extend|\N{FILM FRAMES}", re.IGNORECASE)


def makes_film(kind: Kind, request: JSON) -> bool:
    """Whether a job of this kind and request makes a film.

    A button's customId decides; its name only where the customId is unknown, or not one we know.
    """
    if kind is not Kind.ACTION:
        return kind is Kind.VIDEO
    return _press_makes_film(str(request.get("custom_id") or ""), str(request.get("button") or ""))


@lru_cache(500)  # each change of a job asks several times
def _press_makes_film(custom_id: str, button: str) -> bool:
    if _CUSTOM_IDS.match(custom_id):
        return True
    return buttons.known_name(custom_id) is None and bool(_WORDS.search(button))
