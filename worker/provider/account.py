"""PURE. An account: one provider address and key, with its dialect and limits."""

from dataclasses import dataclass, field
from typing import Literal

#: How the key travels: `Authorization: Bearer KEY`, `mj-api-secret: KEY` or `Authorization: KEY`.
Auth = Literal["bearer", "mj-api-secret", "raw"]
#: The provider's manner of speaking; `auto` is learnt from its replies.
Dialect = Literal["auto", "novicezk", "trueai", "gateway", "crazyrouter"]


@dataclass(frozen=True, slots=True)
class Account:
    """Where jobs of one account are submitted, and how many at once."""

    name: str
    #: Base before `/mj`, no trailing slash; may end in a mode prefix such as `/mj-relax`.
    url: str
    #: The provider's key; empty for a provider that wants none. Never shown.
    key: str = field(default="", repr=False)
    auth: Auth = "bearer"
    dialect: Dialect = "auto"
    #: Jobs running at once, 1-100.
    max_running: int = 3
    #: A picture above this many bytes is made smaller or refused before it is sent.
    max_picture_bytes: int = 4 * 1024 * 1024
    #: Hosts from which pictures may come over plain http or from a private address, in lower case.
    allowed_hosts: frozenset[str] = frozenset()
