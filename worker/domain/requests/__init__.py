"""Everything a caller may hand in: one validation and one wording of errors for every door.

    base       what all models share: unknown fields, our own words for errors, common types
    notify     who is told, and of what
    retry      further attempts, and after which errors
    steps      follow-ups (``then``) and their shorthand for the command line
    options    what every kind of job takes
    kinds      the fields of each kind of job
    fields     what these fields hold, for doors where everything is text
    requests   the doors: ``parse_request``, ``parse_press``, ``parse_resolve``

Every parser returns a value or raises ``InvalidRequest``, which names every bad field. A field that
is null counts as left out. Pictures are only strings here; ``worker.adapters.storage.inputs`` opens
them.
"""

from worker.domain.requests.fields import picture_fields
from worker.domain.requests.requests import (
    JobRequest,
    PressRequest,
    parse_press,
    parse_request,
    parse_resolve,
)
from worker.domain.requests.steps import check_choosers, parse_choice, parse_then_shorthand

__all__ = [
    "JobRequest",
    "PressRequest",
    "check_choosers",
    "parse_choice",
    "parse_press",
    "parse_request",
    "parse_resolve",
    "parse_then_shorthand",
    "picture_fields",
]
