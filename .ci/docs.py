"""Writes the parts of the documentation that come from the code. Called by the Makefile.

    .venv/bin/python .ci/docs.py           write settings, commands, error codes, scopes, metrics,
                                           .env.example
    .venv/bin/python .ci/docs.py --check   exit 1 if one of them is out of date

Settings are documented below their fields in config/settings.py, commands in their `--help`, error
codes, scopes and metrics in their tables.
"""

from __future__ import annotations

import ast
import inspect
import re
import sys
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from config import settings
from config.loading import FROM_FILE, GENERATED
from config.settings import Settings
from webhooks.api.openapi import CALLS
from worker.domain.access import Scope
from worker.domain.error_codes import TASK_CODES, ErrorCode
from worker.domain.job_spec import SUBMITTED_KINDS
from worker.domain.metrics import all_metrics
from worker.entrypoints.cli import cli

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from pydantic.fields import FieldInfo

ROOT = Path(__file__).resolve().parent.parent

ENV_HEADER = """\
# Copy to .env and uncomment what you need. Without any of it, `hookline up` starts a private Redis
# and the sandbox. The environment takes precedence over .env.
# Secrets and the URLs of Redis and the broker can be read from a file instead: NAME_FILE=/path
#
# Generated from config/settings.py by `make docs`.
"""

#: A kind's command takes these and its own; they are listed once.
JOB_COMMANDS = {kind.value.replace("_", "-") for kind in SUBMITTED_KINDS}


def main() -> None:
    """Write the pages, or with `--check` compare them."""
    stale = [path for path, text in pages() if not path.exists() or path.read_text("utf-8") != text]
    if "--check" not in sys.argv[1:]:
        for path, text in pages():
            path.write_text(text, "utf-8")
    elif stale:
        names = ", ".join(str(path.relative_to(ROOT)) for path in stale)
        sys.exit(f"Out of date: {names}. Run `make docs` and commit the result.")


def pages() -> Iterator[tuple[Path, str]]:
    """Every generated file and what it should contain."""
    yield _filled(ROOT / "docs/settings.md", "settings", settings_table())
    yield _filled(ROOT / "docs/cli.md", "commands", "\n".join(command_reference()))
    yield _filled(ROOT / "docs/retries.md", "error codes", error_codes())
    yield _filled(ROOT / "docs/tokens.md", "scopes", scopes())
    yield _filled(ROOT / "docs/metrics.md", "metrics", metrics_table())
    yield ROOT / ".env.example", env_example()


def _filled(path: Path, name: str, body: str) -> tuple[Path, str]:
    """The page with `body` between its markers."""
    begin, end = f"<!-- {name}: begin, by `make docs` -->\n", f"<!-- {name}: end -->\n"
    before, rest = path.read_text("utf-8").split(begin)
    return path, f"{before}{begin}{body}\n{end}{rest.split(end)[1]}"


def settings_table() -> str:
    """A row for each setting."""
    schemas = Settings.model_json_schema(by_alias=True)["properties"]
    meanings = documented()
    rows = ["| name | type | default | meaning |", "|---|---|---|---|"]
    for field, info in Settings.model_fields.items():
        name = str(info.alias)
        type_ = type_of(name, schemas[name])
        rows.append(f"| `{name}` | {type_} | {_default_cell(name, info)} | {meanings[field]} |")
    from_file = ", ".join(f"`{name}_FILE`" for name in FROM_FILE)
    return "\n".join([*rows, f"\nRead from a file instead of the value itself: {from_file}."])


def error_codes() -> str:
    """A row for each code: those that a submitted job may end with, then the others."""
    rows = ["| code | category | what Hookline does automatically | can be in `on` |"]
    rows.append("|---|---|---|---|")
    for code in TASK_CODES.values():
        on = f"no: {code.why_not}" if code.why_not else "**yes**"
        rows.append(f"| `{code}` | {code.family} | {code.by_itself} | {on} |")
    rows += ["\nBefore anything is sent, and once the task has succeeded, nothing is paid again:\n"]
    rows += ["| code | category | what Hookline does automatically |", "|---|---|---|"]
    others = (code for code in ErrorCode if code not in TASK_CODES.values())
    rows += [f"| `{code}` | {code.family} | {code.by_itself} |" for code in others]
    return "\n".join(rows)


def scopes() -> str:
    """A row for each scope: the calls that it opens, those that no tenant may make apart."""
    rows = ["| scope | calls | only without a tenant |", "|---|---|---|"]
    for scope in Scope:
        found: dict[bool, list[str]] = {False: [], True: []}
        for call in CALLS:
            if call.need and call.need.scope is scope:
                path = re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", call.rule)
                found[call.need.shared].append(f"`{call.method} {path}`")
        rows.append(f"| `{scope}` | {', '.join(found[False])} | {', '.join(found[True])} |")
    return "\n".join(rows)


def metrics_table() -> str:
    """A row for each metric."""
    rows = ["| name | type | labels | meaning |", "|---|---|---|---|"]
    for metric in all_metrics():
        labels = ", ".join(f"`{label}`" for label in metric.labels)
        rows.append(f"| `{metric.full_name}` | {metric.kind} | {labels} | {metric.help} |")
    return "\n".join(rows)


def env_example() -> str:
    """The settings as a commented `.env`."""
    parts, meanings = [ENV_HEADER], documented()
    for field, info in Settings.model_fields.items():
        text = re.sub(r"\[([^\]]+)\]\([^)]*\)", r"docs/\1", meanings[field]).replace("`", "")
        comment = textwrap.fill(text, 100, initial_indent="# ", subsequent_indent="# ")
        example = (info.examples or [default_of(info) or ""])[0]
        parts.append(f"{comment}\n#{info.alias}={example}\n")
    return "\n".join(parts)


def documented() -> dict[str, str]:
    """The documentation of each field: the string below it."""
    tree = ast.parse(Path(settings.__file__).read_text("utf-8"))
    (model,) = (n for n in tree.body if isinstance(n, ast.ClassDef) and n.name == "Settings")
    found = {}
    for node, below in zip(model.body, model.body[1:], strict=False):
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            if not isinstance(below, ast.Expr) or not isinstance(below.value, ast.Constant):
                sys.exit(f"config/settings.py: {node.target.id} is not documented")
            found[node.target.id] = " ".join(str(below.value.value).split())
    return found


def type_of(name: str, schema: dict[str, Any]) -> str:
    """The type of a setting's value in a few words."""
    schema = schema.get("anyOf", [schema])[0]
    secret = "password" in (schema.get("format"), schema.get("items", {}).get("format"))
    match schema:
        case {"enum": choices}:
            return ", ".join(f"`{choice}`" for choice in choices)
        case {"type": "array"}:
            return "secrets, comma-separated" if secret else "list, comma-separated"
        case {"type": "integer" | "number" as number}:
            return f"{number}, {schema['minimum']:.12g}-{schema['maximum']:.12g}"
        case {"$ref": _} | {"format": "path"}:
            return "path"
        case {"type": "object"}:
            return "durations"
    return "secret" if secret else "URL" if name.endswith("_URL") else "text"


def default_of(info: FieldInfo) -> str:
    """The default as it would be written in `.env`; empty if there is none."""
    if isinstance(info.default, float):
        return f"{info.default:g}"
    return str(info.default) if isinstance(info.default, str | int | Path) else ""


def _default_cell(name: str, info: FieldInfo) -> str:
    if name in GENERATED:
        return "generated"
    default = default_of(info)
    return f"`{default}`" if default else "none" if info.default == () else "unset"


def command_reference() -> Iterator[str]:
    """Every command with its options and examples."""
    root = click.Context(cli, info_name="hookline")
    job_commands = [cli.get_command(root, name) for name in sorted(JOB_COMMANDS)]
    shared = [set(_options(command, root)) for command in job_commands if command]
    common = set.intersection(*shared)
    yield "## Options of every job command\n"
    yield from (option for option in _options(job_commands[0], root) if option in common)
    for name in cli.list_commands(root):
        if command := cli.get_command(root, name):
            yield from _command(command, root, common if name in JOB_COMMANDS else ())


def _command(
    command: click.Command, parent: click.Context, listed: Collection[str]
) -> Iterator[str]:
    context = click.Context(command, info_name=command.name, parent=parent)
    yield f"\n## {context.command_path}\n"
    yield f"```\n{command.get_usage(context).replace('Usage: ', '')}\n```\n"
    yield inspect.cleandoc(command.help or "") + "\n"
    options = [option for option in _options(command, parent) if option not in listed]
    yield from options
    if listed:
        yield "- and the [options of every job command](#options-of-every-job-command)"
    if examples := getattr(command, "examples", ()):
        text = "\n".join(examples)
        yield ("\n" if options else "") + f"```sh\n{text}\n```"
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            if inner := command.get_command(context, name):
                yield from _command(inner, context, ())


def _options(command: click.Command | None, parent: click.Context) -> Iterator[str]:
    """The command's options as lines of a list."""
    if command is None:
        return
    context = click.Context(command, info_name=command.name, parent=parent)
    for param in command.params:
        if isinstance(param, click.Option) and (record := param.get_help_record(context)):
            flags, text = record
            yield f"- `{flags}`: {' '.join(text.split())}" if text else f"- `{flags}`"


if __name__ == "__main__":
    main()
