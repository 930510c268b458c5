"""The services of this process, built from the environment on first use."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import TYPE_CHECKING

from worker.domain.access import PYTHON, Caller

if TYPE_CHECKING:
    from config.settings import Settings
    from worker.bootstrap import Services
    from worker.services.desk import Desk
    from worker.services.enqueue import Enqueuer
    from worker.services.visible import Visible


class _Connection:
    lock = Lock()
    services: "Services | None" = None
    actor = PYTHON


def connect(settings: "Settings | None" = None) -> "Services":
    """Build the services from ``settings``, or from the environment, and use them from now on."""
    # Imported on first use: the Redis client and pydantic are slow to import.
    from worker.adapters.local.running import PATIENCE_S, settings_here  # noqa: PLC0415
    from worker.bootstrap import services_of  # noqa: PLC0415

    found = services_of(settings or settings_here(patience_s=PATIENCE_S))
    use(found)
    return found


def use(services: "Services | None") -> None:
    """Use ``services`` in this process from now on; ``None``: build them when next needed."""
    _Connection.services = services


def services() -> "Services":
    """The services in use, built if there are none yet."""
    with _Connection.lock:
        return _Connection.services or connect()


@contextmanager
def acting_as(actor: str) -> Iterator[None]:
    """Have the audit trail call this process ``actor``."""
    before, _Connection.actor = _Connection.actor, actor
    try:
        yield
    finally:
        _Connection.actor = before


def caller() -> Caller:
    """Whoever has the settings of this machine, in the trace that the calling program is in."""
    return Caller(_Connection.actor, traceparent=_present_trace())


def _present_trace() -> str | None:
    """The span in which the program is, if it uses OpenTelemetry."""
    trace = sys.modules.get("opentelemetry.trace")
    span = trace.get_current_span().get_span_context() if trace else None
    if span is None or not span.is_valid:
        return None
    return f"00-{span.trace_id:032x}-{span.span_id:016x}-{span.trace_flags:02x}"


def enqueuer() -> "Enqueuer":
    """What enqueues jobs for this program."""
    return services().enqueuer.acting_for(caller())


def visible() -> "Visible":
    """What the operator sees."""
    return services().visible(caller())


def desk() -> "Desk":
    """What the operator sees and does: whoever has the settings of this machine."""
    return services().desk(caller())
