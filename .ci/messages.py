"""Keeps the pages' catalogues up to date with their texts. Called by the Makefile.

    .venv/bin/python .ci/messages.py           collect the texts into webhooks/translations, and
                                               compile what the web process reads
    .venv/bin/python .ci/messages.py --check   exit 1 if a text is missing or not translated

The texts are in the templates and in webhooks/pages; a translator edits hookline.po.
"""

from __future__ import annotations

import io
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parent.parent
WEB = ROOT / "webhooks"
#: The same file whenever it is made: its header has the times.
_ALWAYS = datetime(2026, 1, 1, tzinfo=UTC)
_METHODS = [("pages/**.py", "python"), ("templates/**.html", "jinja2")]
_OPTIONS = {"templates/**.html": {"trimmed": "true", "silent": "false"}}


def main() -> None:
    """Write the catalogues, or with `--check` compare them."""
    check = "--check" in sys.argv[1:]
    for path in sorted(WEB.glob("translations/*/LC_MESSAGES/hookline.po")):
        made = updated(path)
        files = [(path, as_po(made)), (path.with_suffix(".mo"), as_mo(made))]
        if not check:
            for file, data in files:
                file.write_bytes(data)
        elif any(not file.exists() or file.read_bytes() != data for file, data in files):
            sys.exit(f"Out of date: {path.relative_to(ROOT)}. Run `make messages` and commit it.")
        if missing := list(untranslated(made)):
            print(f"{path.relative_to(ROOT)} lacks {len(missing)}: {missing}", file=sys.stderr)
            sys.exit(check)


def updated(path: Path) -> Catalog:
    """The catalogue with all texts of today, and no others."""
    with path.open("rb") as file:
        known = read_po(file, locale=path.parent.parent.name)
    comment = "# The pages' texts. `make messages` adds new ones and removes those that are gone."
    found = Catalog(
        locale=known.locale,
        header_comment=comment,
        project="Hookline",
        version="",
        copyright_holder="",
        msgid_bugs_address="",
        last_translator="",
        language_team="",
        fuzzy=False,
    )
    for _file, _line, text, *_ in extract_from_dir(WEB, _METHODS, _OPTIONS):
        kept = known.get(text[0] if isinstance(text, tuple) else text)
        found.add(text, kept.string if kept else None)
    return found


def as_po(catalogue: Catalog) -> bytes:
    """For translators; without places and dates, which change with every line of code."""
    data = io.BytesIO()
    write_po(data, catalogue, width=100, omit_header=False, sort_output=True, no_location=True)
    lines = data.getvalue().split(b"\n")
    dated = (b'"POT-Creation-Date', b'"PO-Revision-Date', b'"Generated-By')
    return b"\n".join(line for line in lines if not line.startswith(dated))


def as_mo(catalogue: Catalog) -> bytes:
    """For the web process."""
    data, plain = io.BytesIO(), read_po(io.BytesIO(as_po(catalogue)), locale=catalogue.locale)
    plain.creation_date = plain.revision_date = _ALWAYS
    write_mo(data, plain)
    return data.getvalue()


def untranslated(catalogue: Catalog) -> Iterator[str]:
    """The texts that have no translation."""
    for message in catalogue:
        strings = message.string if isinstance(message.string, tuple | list) else [message.string]
        if message.id and not all(strings):
            yield str(message.id)


if __name__ == "__main__":
    main()
