"""Several accounts on a stage: each has a sandbox of its own, which refuses what has no place.

No further stand-in: these are only the sandboxes' options and the file of accounts.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Provider:
    """An account, and so many places for running tasks in the sandbox behind it.

    ``keys``: further lines of the account's table, as ``budget = 100``. ``faults``: further
    arguments of its sandbox.
    """

    name: str
    places: int
    keys: str = ""
    faults: tuple[str, ...] = ()

    @property
    def sandbox(self) -> str:
        """The name of its program and its ledger."""
        return f"sandbox-{self.name}"

    @property
    def habits(self) -> tuple[str, ...]:
        """The sandbox's arguments: no task ever waits there."""
        return ("--max-running", f"{self.places}", "--refuse-above", "0", *self.faults)


_TABLE = """\
[accounts.{name}]
url = "{url}"
key = "{key}"
auth = "mj-api-secret"
dialect = "trueai"
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
            url=urls[provider.sandbox],
            key=key,
            places=provider.places,
            keys=provider.keys,
        )
        for provider in providers
    )
    path.write_text("\n".join(tables), encoding="utf-8")
