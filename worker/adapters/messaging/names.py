"""PURE. The names of our queues."""

#: Separate queues, so that a flood in one does not delay the others.
#: DOOR: jobs from other programs.
DOOR = "hookline"
WAKE = "hookline.wake"
FILES = "hookline.files"
NOTIFY = "hookline.notify"
#: Those that only Hookline sends to.
OUR_OWN = frozenset({WAKE, FILES, NOTIFY})
#: By their names in `hookline worker --queues`.
QUEUES = {"wake": WAKE, "door": DOOR, "files": FILES, "notify": NOTIFY}
OUR_QUEUES = frozenset(QUEUES.values())
