"""PURE. Ids of a provider's tasks, each of which becomes a part of a URL's path."""

import re

MAX_LENGTH = 255

#: Printable ASCII without spaces and without the separators of paths: a server that decodes
#: ``%2F`` before it looks for the path would answer about something else.
_USABLE = re.compile(rf"[!-.0-\[\]-~]{{1,{MAX_LENGTH}}}")
#: Servers and libraries resolve these as folders.
_FOLDERS = frozenset({".", ".."})


def is_usable(task_id: str) -> bool:
    """Whether a provider can be asked about the task by this id.

    Real ones are digits, UUIDs or ``task_...``.
    """
    return task_id not in _FOLDERS and _USABLE.fullmatch(task_id) is not None
