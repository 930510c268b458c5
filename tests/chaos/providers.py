"""Several accounts on a stage: each has a sandbox of its own, which refuses what has no place.

No further stand-in: these are only the sandboxes' options and the file of accounts.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from worker.domain.account import Dialect


@dataclass(frozen=True, slots=True)
class Provider:
    """An account, and so many places for running tasks in the sandbox behind it.

    ``keys``: further lines of the account's table, as ``budget = 100``. ``faults``: further
    arguments of its sandbox. ``via``: the port of what stands before the sandbox, which listens on
    ``port`` then. ``shared``: the name of a sandbox of several accounts, which has places for all
    that comes.
    """

    name: str
    places: int
    keys: str = ""
    faults: tuple[str, ...] = ()
    dialect: Dialect = "trueai"
    port: int | None = None
    via: int | None = None
    shared: str = ""

    @property
    def sandbox(self) -> str:
        """The name of its program and its ledger."""
        return f"sandbox-{self.shared or self.name}"

    @property
    def habits(self) -> tuple[str, ...]:
        """The sandbox's arguments: no task ever waits there."""
        places = ("--max-running", f"{0 if self.shared else self.places}", "--refuse-above", "0")
        return ("--dialect", self.dialect, *places, *self.faults)

    @property
    def auth(self) -> str:
        """How the key is sent."""
        return "mj-api-secret" if self.dialect in ("trueai", "novicezk") else "bearer"


_TABLE = """\
[accounts.{name}]
url = "{url}"
key = "{key}"
auth = "{auth}"
dialect = "{dialect}"
max_running = {places}
{keys}
"""


def write_accounts(
    path: Path, providers: Sequence[Provider], urls: Mapping[str, str], key: str
) -> None:
    """Write the file that HOOKLINE_ACCOUNTS names; ``urls`` by the names of the sandboxes."""
    tables = (
        _TABLE.format(
            name=provider.name,
            url=f"http://127.0.0.1:{provider.via}" if provider.via else urls[provider.sandbox],
            key=key,
            auth=provider.auth,
            dialect=provider.dialect,
            places=provider.places,
            keys=provider.keys,
        )
        for provider in providers
    )
    path.write_text("\n".join(tables), encoding="utf-8")
