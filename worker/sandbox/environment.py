"""What all parts of one sandbox share."""

from dataclasses import dataclass
from typing import Self

from worker.sandbox.books import Books
from worker.sandbox.dialects import Dialect, dialect_named
from worker.sandbox.faults import Faults
from worker.sandbox.ledger import Ledger, Stats
from worker.sandbox.memory import Memory
from worker.sandbox.options import SandboxOptions
from worker.sandbox.scheduler import Scheduler


@dataclass(frozen=True)
class Environment:
    """The options of one sandbox, its dialect, and where it records what happened."""

    options: SandboxOptions
    dialect: Dialect
    stats: Stats
    ledger: Ledger
    faults: Faults
    scheduler: Scheduler
    books: Books
    memory: Memory

    @classmethod
    def of(cls, options: SandboxOptions, scheduler: Scheduler) -> Self:
        """The environment of a new sandbox."""
        dialect, stats = dialect_named(options.dialect), Stats()
        faults = Faults(options, dialect, stats)
        books = Books(options, dialect)
        ledger, memory = Ledger(options.ledger_path), Memory(options.memory_path)
        return cls(options, dialect, stats, ledger, faults, scheduler, books, memory)
