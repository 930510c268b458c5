"""A client for Hookline: submit image jobs, follow them, fetch their files, verify notifications.

`Hookline` blocks, `AsyncHookline` is the same for asyncio. Requests and answers are plain dicts
with the types of `hookline_client.types`.
"""

from hookline_client._async import AsyncHookline
from hookline_client._sync import Hookline
from hookline_client.codes import ERROR_CODES, ErrorCode
from hookline_client.errors import (
    ApiError,
    BadRequest,
    ButtonNotFound,
    Conflict,
    Forbidden,
    HooklineError,
    InvalidSignature,
    JobFailed,
    NotFound,
    NotOver,
    TooManyRequests,
    Unauthorized,
    Unavailable,
    Unreachable,
)
from hookline_client.notifications import verify

__all__ = [
    "ERROR_CODES",
    "ApiError",
    "AsyncHookline",
    "BadRequest",
    "ButtonNotFound",
    "Conflict",
    "ErrorCode",
    "Forbidden",
    "Hookline",
    "HooklineError",
    "InvalidSignature",
    "JobFailed",
    "NotFound",
    "NotOver",
    "TooManyRequests",
    "Unauthorized",
    "Unavailable",
    "Unreachable",
    "verify",
]
