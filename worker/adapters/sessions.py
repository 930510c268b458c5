"""Who is signed in to the pages, as a signed cookie; links that sign in once; and links that show
one pipeline to others.

Nothing is stored, and nothing in it is a secret: a cookie names an API token by its hash, and what
that may do is looked up at each request. So a token that is revoked, or expires, ends its sessions.
"""

import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from secrets import token_hex
from typing import Any

from itsdangerous import BadData, Signer, URLSafeTimedSerializer

#: Seconds until a browser has to sign in again.
SESSION_S = 7 * 86_400
#: Seconds for which a sign-in link may be used, once.
LINK_S = 15 * 60
#: Seconds for which a pipeline may be shown to others at most.
SHARE_S = 30 * 86_400


@dataclass(frozen=True, slots=True)
class Session:
    """A browser that signed in. ``digest``: of its API token's secret; empty: of the settings'."""

    digest: str
    cookie: str


@dataclass(frozen=True, slots=True)
class Share:
    """A link to one pipeline. Whoever made it by this session's token lets others see it."""

    digest: str  #: as that of a ``Session``
    pipeline_id: str
    until: float  #: seconds since the epoch


class Sessions:
    """Signs and verifies. ``secrets``: newest first; all verify, the newest signs.

    ``api_token``: that of the settings; changing it ends the sessions that it began.
    """

    def __init__(self, secrets: Sequence[str], api_token: str) -> None:
        oldest_first = list(reversed(secrets))

        def signing(what: str) -> URLSafeTimedSerializer:
            return URLSafeTimedSerializer(
                oldest_first, salt=f"hookline.{what}", signer_kwargs={"digest_method": sha256}
            )

        self._sessions, self._links = signing("session"), signing("sign-in")
        self._shares = signing("share")
        self._forms = Signer(oldest_first, salt="hookline.form", digest_method=sha256)
        newest = secrets[0].encode()
        self._mark = hmac.new(newest, api_token.encode(), sha256).hexdigest()[:16]

    def start(self, digest: str) -> str:
        """The cookie of a new session."""
        return str(self._sessions.dumps({**self._naming(digest), "id": token_hex(8)}))

    def read(self, cookie: str) -> Session | None:
        """The session of this cookie; None if it is not one of ours, or too old."""
        digest = self._named(_loaded(self._sessions, cookie, SESSION_S))
        return None if digest is None else Session(digest, cookie)

    def share(self, share: Share) -> str:
        """The token of a link that shows a pipeline."""
        about = {"pipeline": share.pipeline_id, "until": int(share.until)}
        return str(self._shares.dumps({**self._naming(share.digest), **about}))

    def read_share(self, token: str, now: float) -> Share | None:
        """What the link of this token shows; None if it is not one of ours, or too old."""
        found = _loaded(self._shares, token, SHARE_S)
        digest = self._named(found)
        if digest is None or now >= found["until"]:
            return None
        return Share(digest, found["pipeline"], found["until"])

    def _naming(self, digest: str) -> dict[str, str]:
        return {"of": digest} if digest else {"mark": self._mark}

    def _named(self, about: Any) -> str | None:
        """The API token that made this; None if the settings' is another one now."""
        match about:
            case {"of": str(digest)} if digest:
                return digest
            case {"mark": str(mark)} if hmac.compare_digest(mark, self._mark):
                return ""
        return None

    def form_token(self, session: Session) -> str:
        """What every form of this session carries: other sites cannot know it."""
        return self._forms.get_signature(session.cookie).decode()

    def is_form_token(self, session: Session, given: str) -> bool:
        """Whether a form came from a page of this session."""
        return self._forms.verify_signature(session.cookie.encode(), given.encode())

    def link(self) -> str:
        """A token that signs in as the settings' API token, once and soon."""
        return str(self._links.dumps({"mark": self._mark, "id": token_hex(8)}))

    def read_link(self, token: str) -> str | None:
        """What names this link, to use it once; None if it is not valid (any more)."""
        match _loaded(self._links, token, LINK_S):
            case {"mark": str(mark), "id": str(name)} if hmac.compare_digest(mark, self._mark):
                return name
        return None


def _loaded(of: URLSafeTimedSerializer, text: str, max_age: int) -> Any:
    try:
        return of.loads(text, max_age=max_age)
    except BadData:
        return None
