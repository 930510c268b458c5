"""PURE. The workers that run, and whether they were started with the settings that we have.

A worker reads its settings once. Its accounts' keys are compared by their keyed hashes.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import blake2b

from worker.domain.account import Account

#: What of an account must be the same everywhere.
_COMPARED = ("url", "key", "auth")


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """Hashes of settings; nothing can be told from them but whether two are the same."""

    secret: str  #: of HOOKLINE_SECRET, which also keys the others
    accounts: Mapping[str, Mapping[str, str]]  #: by account: its url, key and auth


@dataclass(frozen=True, slots=True)
class Worker:
    """A worker process that runs, or did until a moment ago."""

    place: str  #: its process and machine, in words
    seen_at: float  #: seconds since the epoch
    fingerprint: Fingerprint
    version: str = ""  #: of Hookline; older ones did not note it


def fingerprint(accounts: Mapping[str, Account], secret: str) -> Fingerprint:
    """The fingerprint of these settings."""
    key = blake2b(secret.encode()).digest()

    def hashed(*parts: str) -> str:
        return blake2b("\n".join(parts).encode(), key=key, digest_size=8).hexdigest()

    return Fingerprint(
        hashed("secret"),
        {
            name: {what: hashed(name, what, getattr(account, what)) for what in _COMPARED}
            for name, account in accounts.items()
        },
    )


def other_version(ours: str, worker: Worker) -> str | None:
    """A sentence if the worker runs another version of Hookline."""
    if worker.version == ours:
        return None
    theirs = f"version {worker.version}" if worker.version else "an older version"
    return f"the worker ({worker.place}) runs {theirs}, and this command is version {ours}"


def differences(ours: Fingerprint, worker: Worker) -> Iterator[tuple[str | None, str]]:
    """What the worker knows differently: the account, if it is about one, and a sentence."""
    theirs, who = worker.fingerprint, f"the worker ({worker.place}) was started with"
    restart = "than this command reads: restart it"
    if theirs.secret != ours.secret:  # then nothing else can be compared
        yield None, f"{who} another HOOKLINE_SECRET {restart}"
        return
    for name, hashes in ours.accounts.items():
        if name not in theirs.accounts:
            yield (
                name,
                f"the worker ({worker.place}) was started without account {name}: restart it",
            )
            continue
        others = [what for what in _COMPARED if theirs.accounts[name].get(what) != hashes[what]]
        if others:
            yield name, f"{who} another {' and '.join(others)} of account {name} {restart}"
