"""PURE. The ``notify`` field: where to send notifications, and on which topics."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, ClassVar
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from worker.domain.destinations import check_queue, check_task
from worker.domain.job_spec import Notify as Asked
from worker.domain.notifications import (
    BATCH_TOPICS,
    DEFAULT_BATCH_TOPICS,
    DEFAULT_TOPICS,
    JOB_TOPICS,
)
from worker.domain.requests.base import Model, Problem, count, exactly_one, suggestion
from worker.domain.requests.texts import Name, text


def _web_address(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.port == 0:
        raise ValueError("must be an http or https URL")
    if parts.username is not None or parts.password is not None:
        raise ValueError("must not contain a user name or password")
    return url


def _topics(known: Sequence[str]) -> Any:
    """A list of ``known`` topics, without duplicates."""

    def check(topic: str) -> str:
        if topic in known:
            return topic
        if topic in BATCH_TOPICS:
            raise ValueError(f"{topic} is a topic of batches; choose from {', '.join(known)}")
        raise ValueError(f"{topic[:64]!r} is not a topic; {suggestion(topic, known)}")

    one = Annotated[str, AfterValidator(check), Field(json_schema_extra={"enum": list(known)})]
    unique = AfterValidator(lambda topics: list(dict.fromkeys(topics)))
    return Annotated[list[one], count(1, len(BATCH_TOPICS)), unique]


class Notify(Model):
    """Where to send notifications (a Celery task or a URL), and on which topics."""

    what: ClassVar[str] = "`notify`"
    default: ClassVar[tuple[str, ...]] = DEFAULT_TOPICS

    celery_task: Annotated[Name, AfterValidator(check_task)] | None = None
    queue: Annotated[Name, AfterValidator(check_queue)] | None = None
    url: Annotated[str, text(2000), AfterValidator(_web_address)] | None = None
    on: _topics(JOB_TOPICS) | None = None  # type: ignore[valid-type]

    @classmethod
    def rules(cls, given: Mapping[str, Any]) -> Iterator[Problem]:
        """Require exactly one target; a queue only with a task."""
        yield from exactly_one(given, "celery_task", "url")
        if "queue" in given and "celery_task" not in given:
            yield "queue", "belongs to a `celery_task`"

    @property
    def value(self) -> Asked:
        """The value stored with the job."""
        return Asked(tuple(self.on or self.default), self.url, self.celery_task, self.queue)


class BatchNotify(Notify):
    """Where to send a batch's notifications; topics may include those of its jobs."""

    default: ClassVar[tuple[str, ...]] = DEFAULT_BATCH_TOPICS

    on: _topics(BATCH_TOPICS) | None = None  # type: ignore[valid-type]
