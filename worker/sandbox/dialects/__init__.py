"""The protocol as each provider speaks it; a dialect is a module with one small class."""

from worker.sandbox.dialects.base import Dialect
from worker.sandbox.dialects.crazyrouter import Crazyrouter
from worker.sandbox.dialects.gateway import Gateway
from worker.sandbox.dialects.novicezk import Novicezk
from worker.sandbox.dialects.trueai import Trueai

__all__ = ["Dialect", "dialect_named"]


def dialect_named(name: str) -> Dialect:
    """The dialect with that name."""
    return next(kind() for kind in (Novicezk, Trueai, Gateway, Crazyrouter) if kind.name == name)
