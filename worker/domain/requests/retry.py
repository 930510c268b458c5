"""PURE. The ``retry`` field: automatic retries, and the errors that trigger them."""

from typing import Annotated, ClassVar

from pydantic import AfterValidator, Field

from worker.domain.error_codes import RETRY_ON, TASK_CODES
from worker.domain.job_spec import Retry as Asked
from worker.domain.requests.base import Model, count, suggestion, within


def _retryable(code: str) -> str:
    """Refuse codes of errors that a retry cannot help."""
    if code not in TASK_CODES:
        raise ValueError(f"is not the code of a task's failure; {suggestion(code, RETRY_ON)}")
    if why_not := TASK_CODES[code].why_not:
        raise ValueError(f"{code} cannot be retried: {why_not}")
    return code


def _unique(codes: list[str]) -> list[str]:
    return list(dict.fromkeys(codes))


Code = Annotated[str, AfterValidator(_retryable), Field(json_schema_extra={"enum": list(RETRY_ON)})]


class Retry(Model):
    """How many attempts a job gets when the provider's task fails, and after which errors."""

    what: ClassVar[str] = "`retry`"

    attempts: Annotated[int, within(1, 10)] = 3
    backoff_s: Annotated[int, within(1, 3600)] = 10
    on: Annotated[list[Code], count(1, len(TASK_CODES)), AfterValidator(_unique)] | None = None

    @property
    def value(self) -> Asked:
        """The value stored with the job."""
        return Asked(self.attempts, self.backoff_s, None if self.on is None else tuple(self.on))
