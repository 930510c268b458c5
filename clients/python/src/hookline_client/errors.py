"""Every error that the client raises."""

from collections.abc import Sequence

from hookline_client.codes import ERROR_CODES, ErrorCode
from hookline_client.types import BadField, Job, Problem


class HooklineError(Exception):
    """Something went wrong."""


class Unreachable(HooklineError):
    """Hookline did not answer, or the connection broke; it is unknown what became of the call.

    Calls that are harmless to repeat were repeated before this is raised.
    """


class ApiError(HooklineError):
    """Hookline answered with an error."""

    def __init__(self, status: int, problem: Problem, retry_after: float | None = None) -> None:
        self.status = status  #: of HTTP
        self.detail = problem["detail"]  #: what is wrong, and what to do
        self.errors: Sequence[BadField] = problem.get("errors", ())  #: every field that is wrong
        self.retry_after = retry_after  #: seconds after which the same call can succeed, if known
        super().__init__(f"{status}: {self.detail}")


class BadRequest(ApiError):
    """400: the request is wrong; `errors` names every bad field."""


class Unauthorized(ApiError):
    """401: no token, or a wrong one."""


class Forbidden(ApiError):
    """403: the token lacks the scope."""


class NotFound(ApiError):
    """404: there is no such job, batch or file, or it is another tenant's."""


class Conflict(ApiError):
    """409: the job's status does not allow it, or the key was used for another request."""


class ButtonNotFound(ApiError):
    """422: the job has no such button; `detail` lists those that it has."""


class TooManyRequests(ApiError):
    """429: the token's limit of requests or money is used up."""


class Unavailable(ApiError):
    """503: Hookline cannot reach its Redis, or is busy."""


class JobFailed(HooklineError):
    """The job that was waited for did not succeed."""

    def __init__(self, job: Job) -> None:
        error = job["error"]
        self.job = job
        self.code = error["code"] if error else None  #: a key of `ERROR_CODES`
        self.hint = error["hint"] if error else None  #: what to do about it
        self.retryable = bool(error and error["retryable"])  #: whether `retry` may help
        said = error["message"] if error else "no reason was given"
        super().__init__(f"Job {job['id']} {job['status']}: {said}")

    @property
    def meaning(self) -> ErrorCode | None:
        """The row of the table of error codes; None for a code that this version does not know."""
        return ERROR_CODES.get(self.code) if self.code else None


class NotOver(HooklineError, TimeoutError):
    """The time is up; the job continues without you."""


class InvalidSignature(HooklineError):
    """The notification was not signed with this secret, or is too old."""


#: By the status of the answer; any other is an `ApiError`.
BY_STATUS: dict[int, type[ApiError]] = {
    400: BadRequest,
    401: Unauthorized,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    422: ButtonNotFound,
    429: TooManyRequests,
    503: Unavailable,
}
