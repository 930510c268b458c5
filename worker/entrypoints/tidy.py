"""Log lines of our programs for people: changes of jobs, warnings and errors."""

import json
from collections.abc import Mapping
from typing import Any

_RED, _YELLOW, _PLAIN = "\x1b[31m", "\x1b[33m", "\x1b[0m"
_COLOURS = {"error": _RED, "critical": _RED, "warning": _YELLOW}


def tidy_line(program: str, line: str) -> tuple[str, str | None]:
    """The line's time (RFC 3339, empty if it has none) and its text; None: not worth printing."""
    event = read_event(line)
    if event is None:
        return "", f"{program:<8} {line}"
    at, level = str(event.get("timestamp") or ""), str(event.get("level"))
    changed = event.get("event") == "job.status_changed" and event.get("status")
    if not changed and (level not in _COLOURS or event.get("logger") == "py.warnings"):
        return at, None
    text = str(changed or event.get("event"))
    keys = ("kind", "job_id", "error") if changed else ("account", "job_id", "reason", "error")
    about = " ".join(str(event[key]) for key in keys if event.get(key))
    said = f"{at[11:19]} {program:<8} {text:<14} {about}"
    return at, f"{_COLOURS[level]}{said}{_PLAIN}" if level in _COLOURS else said


def read_event(line: str) -> Mapping[str, Any] | None:
    """The event of a line of JSON."""
    try:
        event = json.loads(line)
    except ValueError:
        return None
    return event if isinstance(event, dict) else None
