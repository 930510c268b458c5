"""Every error that Hookline raises on purpose.

A class's docstring is its default message. ``retryable`` says whether the same call can succeed
later; callers only obey it. What a provider says about a *job* is not an exception but a value
(``worker.domain.provider_reports.Verdict``).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FieldError:
    """One problem of one field of a request; ``field`` is a path such as ``then[0].press``."""

    field: str
    message: str


class HooklineError(Exception):
    """Something went wrong in Hookline."""

    retryable = False

    def __init__(self, message: str | None = None, *, retryable: bool | None = None) -> None:
        if retryable is not None:
            self.retryable = retryable
        doc = (type(self).__doc__ or "").strip().splitlines()
        super().__init__(message or (doc[0] if doc else type(self).__name__))


class SettingsError(HooklineError):
    """The settings are wrong."""

    def __init__(self, problems: Iterable[FieldError]) -> None:
        self.problems = tuple(problems)
        lines = "\n".join(f"  {p.field}: {p.message}" for p in self.problems)
        super().__init__(f"The settings are wrong:\n{lines}")


class InvalidRequest(HooklineError):
    """The request is wrong."""

    def __init__(self, errors: Iterable[FieldError]) -> None:
        self.errors = tuple(errors)
        super().__init__("; ".join(f"{e.field}: {e.message}" for e in self.errors))

    @classmethod
    def of(cls, field: str, message: str) -> "InvalidRequest":
        """A request with a single wrong field."""
        return cls([FieldError(field, message)])


class NotFound(HooklineError):
    """There is no such thing here."""


class Ambiguous(HooklineError):
    """Several things have this name."""

    def __init__(self, name: str, candidates: Sequence[str], count: int) -> None:
        more = f"\n  and {count - len(candidates):,} more" if count > len(candidates) else ""
        listed = "".join(f"\n  {each}" for each in candidates)
        super().__init__(f"{name!r} may be one of {count:,} jobs; type more of it:{listed}{more}")


class Conflict(HooklineError):
    """The present state does not allow this."""


class Forbidden(HooklineError):
    """The API token may not do this."""


class TooMuch(HooklineError):
    """The API token has used up one of its limits."""

    retryable = True

    def __init__(self, message: str, *, again_s: float) -> None:
        self.again_s = again_s  #: seconds after which the same call can succeed
        super().__init__(message)


class AddressError(HooklineError):
    """The address cannot be used.

    ``host_fails``: not because it must not be, but its host has no name or no valid certificate.
    """

    def __init__(self, message: str, *, retryable: bool = False, host_fails: bool = False) -> None:
        self.host_fails = host_fails
        super().__init__(message, retryable=retryable)


class PictureError(HooklineError):
    """The picture cannot be used.

    ``dead_link``: a fresh URL of the same image may work.
    """

    def __init__(self, message: str, *, retryable: bool = False, dead_link: bool = False) -> None:
        self.dead_link = dead_link
        super().__init__(message, retryable=retryable)


class StaleVersion(HooklineError):
    """Another process changed the job first."""

    retryable = True


class ServiceUnavailable(HooklineError):
    """A service does not answer."""

    retryable = True


class StoreUnavailable(ServiceUnavailable):
    """Redis does not answer."""


class BrokerUnavailable(ServiceUnavailable):
    """The Celery broker does not answer."""


class ProxyUnavailable(ServiceUnavailable):
    """The HTTP proxy does not answer, or refuses us."""


class DecoderUnavailable(ServiceUnavailable):
    """The pictures cannot be decoded now."""


class QueueRefused(HooklineError):
    """The broker refuses a queue, or has none of that name."""


class ProviderRefused(HooklineError):
    """The provider refuses to answer us: the key is not valid, or lacks a right or quota."""


class ProviderUnavailable(ServiceUnavailable):
    """The provider does not answer."""


class NoLedger(HooklineError):
    """The provider has no such ledger."""


class NoSuchCall(HooklineError):
    """The provider has no such call.

    ``proven``: it answered other questions properly at that time.
    """

    def __init__(self, message: str, *, proven: bool) -> None:
        self.proven = proven
        super().__init__(message)
