"""What is known of the troubles that raise alerts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from worker.adapters.store import codec
from worker.adapters.store.base import Part
from worker.adapters.store.jobs import note_of
from worker.domain.alerts import Change, Paid, Trouble
from worker.domain.notifications import Notification

_PAID = "paid:"


@dataclass(frozen=True, slots=True)
class Known:
    """What the last looks left, with the documents as they are stored."""

    troubles: Mapping[str, Trouble]
    paid: Mapping[str, Paid]
    docs: Mapping[str, bytes]


class AlertStore(Part):
    """Every method raises ``StoreUnavailable`` when Redis does not answer."""

    def known(self) -> Known:
        """All of it."""
        found = self._ask(self._redis.hgetall, f"{self._prefix}alerts")
        docs = {field.decode(): doc for field, doc in found.items()}
        return Known(
            {k: codec.troubles.load(doc) for k, doc in docs.items() if not k.startswith(_PAID)},
            {
                k.removeprefix(_PAID): codec.payments.load(doc)
                for k, doc in docs.items()
                if k.startswith(_PAID)
            },
            docs,
        )

    def save(
        self,
        known: Known,
        changes: Sequence[tuple[Change, Notification | None]],
        paid: Mapping[str, Paid],
        now: float,
    ) -> None:
        """Record the changes and send their notifications, except where another process did."""
        args: list[bytes | str] = []
        for change, note in changes:
            after = codec.troubles.dump(change.after) if change.after else b""
            told = codec.dump_json(note_of(note)) if note else b""
            args += [change.key, known.docs.get(change.key, b""), after, told]
        for account, each in paid.items():
            field = f"{_PAID}{account}"
            args += [field, known.docs.get(field, b""), codec.payments.dump(each), b""]
        if args:
            self._run("save_alerts", repr(now), *args)
