"""Which versions of Redis and Valkey can be used."""

import re

#: The oldest server that Hookline's scripts and Celery's broker run on.
OLDEST = (6, 2)


def is_too_old(version: str) -> bool:
    """Whether a server of this version cannot be used."""
    return tuple(int(number) for number in re.findall(r"\d+", version)[:2]) < OLDEST
