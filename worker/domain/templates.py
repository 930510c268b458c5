"""PURE. Prompts made from a parent's result: ``{prompts[0]}``, ``{text}`` and ``{prompt}``.

``{{`` and ``}}`` stand for braces. Templates never go through ``str.format``, which gives access to
attributes.
"""

import re
from string import Formatter

from worker.domain.errors import HooklineError
from worker.domain.result import Result

#: Longest prompt, in characters; the provider truncates far earlier.
MAX_PROMPT = 6000

_FIELD = re.compile(r"(?P<name>prompts)\[(?P<index>[0-9]{1,3})\]|(?P<plain>text|prompt)")
_KNOWN = "{prompts[0]}, {text} and {prompt} (write {{ and }} for braces)"


class MissingValue(HooklineError):
    """The parent's result lacks a value of the template."""


def check_template(text: str) -> str | None:
    """The template's problem, worded for the caller; None if it is valid."""
    try:
        fields = [part[1:] for part in Formatter().parse(text) if part[1] is not None]
    except ValueError:
        return f"has an unmatched brace; allowed: {_KNOWN}"
    for name, spec, conversion in fields:
        if spec or conversion or not _FIELD.fullmatch(name or ""):
            return f"asks for {{{name}}}, in an unknown form; allowed: {_KNOWN}"
    return None


def render(text: str, result: Result) -> str:
    """Fill in the template from the parent's ``result``.

    Raises:
        MissingValue: the result lacks a value, or the prompt is empty or over ``MAX_PROMPT``.
        ValueError: the template is invalid (see ``check_template``).
    """
    if problem := check_template(text):
        raise ValueError(f"The template {problem}")
    prompt = "".join(
        literal + (_value(name, result) if name else "")
        for literal, name, _, _ in Formatter().parse(text)
    ).strip()
    if not prompt:
        raise MissingValue("the template gives an empty prompt")
    if len(prompt) > MAX_PROMPT:
        raise MissingValue(
            f"the prompt has {len(prompt)} characters, at most {MAX_PROMPT} may be sent"
        )
    return prompt


def _value(name: str, result: Result) -> str:
    field = _FIELD.fullmatch(name)
    if field and field["name"]:
        index, count = int(field["index"]), len(result.prompts)
        if index < count:
            return result.prompts[index]
        raise MissingValue(f"{name}: the parent has {count} prompt{'' if count == 1 else 's'}")
    value = result.text if name == "text" else result.prompt
    if value is None:
        raise MissingValue(f"{name}: the parent has none")
    return value
