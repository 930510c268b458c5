"""Request validation, with the same error messages in HTTP, the command line, Celery and Python.

    base       the base model: unknown fields, error wording, common types
    notify     where to send notifications, and which
    retry      automatic retries, and the errors that trigger them
    steps      follow-ups (``then``) and their command-line shorthand
    options    the options of every kind of job
    kinds      the fields of each kind of job
    fields     field metadata, for input that is all text
    queries    the parameters of listings
    requests   the entry points: ``parse_request``, ``parse_press``, ``parse_resolve``

Every parser returns a value or raises ``InvalidRequest``, which names every bad field. A null field
counts as missing. Pictures are plain strings here; ``worker.adapters.storage.inputs`` opens them.
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
from worker.domain.requests.texts import parse_key

__all__ = [
    "JobRequest",
    "PressRequest",
    "check_choosers",
    "parse_choice",
    "parse_key",
    "parse_press",
    "parse_request",
    "parse_resolve",
    "parse_then_shorthand",
    "picture_fields",
]
