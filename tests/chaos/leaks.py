"""Secrets that got into a log."""

import re
from collections.abc import Iterator

from tests.chaos.system import System
from worker.adapters.tokens import BadToken, Tokens

#: What a state token looks like: whoever reads one can send callbacks for its job.
_TOKEN = re.compile(r"[ja]\.[\w-]+(?:\.\d+)?\.[\w-]{20,}")


def leaks(stage: System) -> Iterator[str]:
    """Each log that holds a secret or a token of ours, and the secret's beginning."""
    for path in sorted(stage.log_files()):
        text = path.read_text(encoding="utf-8", errors="replace")
        for found in secrets_in(text, stage.secrets, stage.services.tokens):
            yield f"a secret in {path.name}: {found[:12]}..."


def secrets_in(text: str, secrets: frozenset[str], tokens: Tokens) -> Iterator[str]:
    """The secrets that occur in ``text``, and the first token that verifies."""
    yield from (secret for secret in sorted(secrets) if secret in text)
    yield from next(([token] for token in _TOKEN.findall(text) if _is_ours(token, tokens)), [])


def _is_ours(token: str, tokens: Tokens) -> bool:
    try:
        tokens.read(token)
    except BadToken:
        return False
    return True
