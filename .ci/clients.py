"""Writes the parts of `clients/` that come from the code. Called by the Makefile.

    .venv/bin/python .ci/clients.py                 the Python client's types and blocking half, the
                                                    tables of error codes
    .venv/bin/python .ci/clients.py --typescript    the TypeScript client's types, by
                                                    openapi-typescript (`npm ci` there first)
    ... --check                                     exit 1 if one of them is out of date

Types come from the OpenAPI document, error codes from their table.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from webhooks.api.calls import REF
from webhooks.api.openapi import document
from worker.domain.error_codes import ErrorCode
from worker.domain.requests.kinds import MODELS

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parent.parent
PYTHON = ROOT / "clients/python/src/hookline_client"
TYPESCRIPT = ROOT / "clients/typescript"

MADE = "Made by `make clients`; do not edit."
#: Words of the asynchronous client, and of the blocking one.
BLOCKING = {
    r"\basync (def|with|for)\b": r"\1",
    r"\bawait ": "",
    r"\bAsync(Hookline|Rows|Iterator)\b": r"\1",
    r"\bhttpx\.Async(Client|BaseTransport)\b": r"httpx.\1",
    r"\basync_lines\b": "lines",
    r"\b__a(enter|exit)__\b": r"__\1__",
    r"\ba(close|read|iter_lines|iter_bytes)\b": r"\1",
    r"\basyncio\.sleep\b": "time.sleep",
    r"\nimport asyncio\b": "",
}
MESSAGES = ("JobMessage", "PipelineMessage", "BatchMessage", "RefusedMessage")


def main() -> None:
    """Write the files, or with `--check` compare them."""
    if "--typescript" in sys.argv[1:]:
        made = {TYPESCRIPT / "src/schema.ts": typescript_types()}
    else:
        made = dict(files())
    stale = [path for path, text in made.items() if not path.exists() or path.read_text() != text]
    if "--check" not in sys.argv[1:]:
        for path, text in made.items():
            path.write_text(text, encoding="utf-8")
    elif stale:
        names = ", ".join(str(path.relative_to(ROOT)) for path in stale)
        sys.exit(f"Out of date: {names}. Run `make clients` and commit the result.")


def files() -> Iterator[tuple[Path, str]]:
    """What needs no Node."""
    yield PYTHON / "types.py", python_types()
    yield PYTHON / "codes.py", python_codes()
    yield PYTHON / "_sync.py", blocking((PYTHON / "_async.py").read_text(encoding="utf-8"))
    yield TYPESCRIPT / "src/codes.ts", typescript_codes()


def python_types() -> str:
    """A TypedDict per schema."""
    with tempfile.TemporaryDirectory() as scratch:
        source, made = Path(scratch) / "openapi.json", Path(scratch) / "types.py"
        source.write_text(json.dumps(document()), encoding="utf-8")
        run(
            sys.executable, "-m", "datamodel_code_generator", "--input", str(source),
            "--input-file-type", "openapi", "--output", str(made),
            "--output-model-type", "typing.TypedDict", "--target-python-version", "3.11",
            "--enum-field-as-literal", "all", "--no-use-closed-typed-dict",
            "--use-schema-description", "--use-field-description", "--formatters", "builtin",
            "--custom-file-header", f'"""Requests and answers. {MADE}"""',
        )  # fmt: skip
        text = made.read_text(encoding="utf-8")
    text = text.replace("from typing_extensions import", "from typing import")
    new_job = " | ".join(model.__name__ for model in MODELS.values())
    return formatted(
        f'{text}\n\nNewJob: TypeAlias = {new_job}\n"""A request, by its `kind`."""\n\n'
        f'Notification: TypeAlias = {" | ".join(MESSAGES)}\n"""What a receiver gets, by its `type`.'
        '"""\n'
    )


def python_codes() -> str:
    """The table of error codes."""
    rows = (
        f"    {code.value!r}: ErrorCode({code.value!r}, {code.family.value!r}, "
        f"{code.by_itself!r}, {code.hint!r}, retryable={code.retryable}),"
        for code in ErrorCode
    )
    return formatted(f'''\
"""Why a job, or the storing of its files, failed. {MADE}"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ErrorCode:
    """A row of the table of error codes."""

    code: str
    family: str
    by_itself: str  #: what Hookline does about it
    hint: str | None  #: what you can do about it, unless that depends on the job
    retryable: bool  #: whether the same request may succeed later


ERROR_CODES = {{
{chr(10).join(rows)}
}}
"""By code; a newer Hookline may have more."""
''')


def blocking(text: str) -> str:
    """The same client without `async`."""
    for pattern, words in BLOCKING.items():
        text = re.sub(pattern, words, text)
    return formatted(
        text.replace(
            '"""The client for asyncio. `_sync.py` is made from this file by `make clients`."""',
            f'"""The client that blocks. {MADE}"""',
        )
    )


def typescript_codes() -> str:
    """The table of error codes."""
    rows = "".join(
        f"  {code.value}: "
        + json.dumps(
            {
                "family": code.family.value,
                "byItself": code.by_itself,
                "hint": code.hint,
                "retryable": code.retryable,
            }
        )
        + ",\n"
        for code in ErrorCode
    )
    return f"""\
// Why a job, or the storing of its files, failed. {MADE}

/** A row of the table of error codes. */
export interface ErrorCode {{
  readonly family: string;
  /** What Hookline does about it. */
  readonly byItself: string;
  /** What you can do about it, unless that depends on the job. */
  readonly hint: string | null;
  /** Whether the same request may succeed later. */
  readonly retryable: boolean;
}}

/** By code; a newer Hookline may have more. */
export const ERROR_CODES: Readonly<Record<string, ErrorCode>> = {{
{rows}}};
"""


def typescript_types() -> str:
    """The document's schemas, by openapi-typescript; calls are written by hand."""
    new_job = {"oneOf": [{"$ref": REF.format(model=model.__name__)} for model in MODELS.values()]}
    message = {"oneOf": [{"$ref": REF.format(model=name)} for name in MESSAGES]}
    schemas = {**document()["components"]["schemas"], "NewJob": new_job, "Notification": message}
    only_types = {**document(), "paths": {}, "webhooks": {}, "components": {"schemas": schemas}}
    with tempfile.TemporaryDirectory() as scratch:
        source, made = Path(scratch) / "openapi.json", Path(scratch) / "schema.ts"
        source.write_text(json.dumps(only_types), encoding="utf-8")
        tool = TYPESCRIPT / "node_modules/.bin/openapi-typescript"
        named = ("--root-types", "--root-types-no-schema-prefix", "--default-non-nullable=false")
        run(str(tool), str(source), "--output", str(made), *named)
        text = made.read_text(encoding="utf-8")
    return f"// Requests and answers. {MADE}\n{text}"


def formatted(text: str) -> str:
    """In the style of the checkout."""
    ruff = [str(Path(sys.executable).with_name("ruff"))]
    named = ["--config", str(ROOT / "pyproject.toml"), "--stdin-filename", "made.py", "-"]
    for what in (["check", "--quiet", "--fix-only", "--select", "I,UP,F401"], ["format"]):
        done = subprocess.run(
            [*ruff, *what, *named], input=text, capture_output=True, text=True, check=True
        )
        text = done.stdout
    return text


def run(*command: str) -> None:
    """Run a generator, quietly unless it fails."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(done.stdout + done.stderr)


if __name__ == "__main__":
    main()
