"""A browser's side of the pages: it signs in, and sends forms as their pages would."""

import re
from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.support.web import TOKEN, Web
from worker.domain.requests.tokens import NewToken

_FORM_TOKEN = re.compile(r'(?:name="form_token" value|data-form-token)="([^"]+)"')


def browser_of(web: Web) -> FlaskClient:
    """A client that asks for HTML; nobody has signed in."""
    client = web.app.test_client()
    client.environ_base["HTTP_ACCEPT"] = "text/html,application/xhtml+xml,*/*;q=0.8"
    return client


class Browser:
    """Signed in with a token, by default the settings'."""

    def __init__(self, web: Web, token: str = TOKEN) -> None:
        self.web = web
        self.client = browser_of(web)
        self.answer = self.client.post("/sign-in", data={"token": token, "next": "/"})

    def get(self, path: str, **more: Any) -> str:
        """The page as text. Fails unless it is 200."""
        answer = self.client.get(path, **more)
        assert answer.status_code == 200, (path, answer.status_code, answer.text)
        return answer.text

    def send(self, path: str, on: str = "/", **fields: str | list[str]) -> TestResponse:
        """Send a form as it is on the page ``on``."""
        found = _FORM_TOKEN.search(self.get(on))
        assert found
        return self.client.post(path, data={"form_token": found[1], **fields})


def token_for(web: Web, name: str, *scopes: str, **more: Any) -> str:
    """The secret of a new API token."""
    asked = NewToken.model_validate({"name": name, "scopes": list(scopes), **more})
    return web.services.api_tokens.create(asked)[1]
