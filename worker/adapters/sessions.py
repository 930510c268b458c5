"""Who is signed in to the pages, as a signed cookie; and links that sign in once.

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


@dataclass(frozen=True, slots=True)
class Session:
    """A browser that signed in. ``digest``: of its API token's secret; empty: of the settings'."""

    digest: str
    cookie: str


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
        self._forms = Signer(oldest_first, salt="hookline.form", digest_method=sha256)
        newest = secrets[0].encode()
        self._mark = hmac.new(newest, api_token.encode(), sha256).hexdigest()[:16]

    def start(self, digest: str) -> str:
        """The cookie of a new session."""
        about = {"of": digest} if digest else {"mark": self._mark}
        return str(self._sessions.dumps({**about, "id": token_hex(8)}))

    def read(self, cookie: str) -> Session | None:
        """The session of this cookie; None if it is not one of ours, or too old."""
        match _loaded(self._sessions, cookie, SESSION_S):
            case {"of": str(digest)} if digest:
                return Session(digest, cookie)
            case {"mark": str(mark)} if hmac.compare_digest(mark, self._mark):
                return Session("", cookie)
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
