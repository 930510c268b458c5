"""PURE. Follow-ups: the steps of ``then``, and their shorthand for the command line."""

import json
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, BeforeValidator, Field, TypeAdapter, ValidationError

from worker.errors import InvalidRequest
from worker.schema.base import (
    Model,
    Name,
    Picture,
    Problem,
    Prompt,
    at_least_one,
    count,
    exactly_one,
    field_errors,
)
from worker.templates import check_template

MAX_STEPS = 50  #: in one list
MAX_STEPS_IN_ALL = 500  #: in a whole tree: each is a payment
MAX_DEPTH = 20


class ModalAnswer(Model):
    """The answer to a window: a prompt, a mask or both."""

    what: ClassVar[str] = "`modal`"

    prompt: Prompt | None = None
    mask: Picture | None = None

    @classmethod
    def rules(cls, given: Mapping[str, Any]) -> Iterator[Problem]:
        """An answer must say something."""
        return at_least_one(given, "prompt", "mask")


def _known_template(text: str) -> str:
    if problem := check_template(text):
        raise ValueError(problem)
    return text


def _is_true(value: bool) -> bool:  # noqa: FBT001  # the field's own value
    if not value:
        raise ValueError("must be true")
    return value


class Step(Model):
    """What a finished job starts: exactly one of a press, an imagine or a describe."""

    what: ClassVar[str] = "a step"

    press: Name | None = None
    modal: ModalAnswer | None = None
    imagine: Annotated[Prompt, AfterValidator(_known_template)] | None = None
    describe: Annotated[bool, AfterValidator(_is_true)] | None = None
    then: "Steps" = Field(default_factory=list)

    @classmethod
    def rules(cls, given: Mapping[str, Any]) -> Iterator[Problem]:
        """One action per step, and a window only behind a button."""
        yield from exactly_one(given, "press", "imagine", "describe")
        if "modal" in given and "press" not in given:
            yield "modal", "belongs to a `press`: only a button opens a window"


def _bounded(then: Any) -> Any:
    """Refuse what is too deep or too much, before any model looks at it."""
    level, depth, steps = then, 0, 0
    while isinstance(level, list) and level:
        depth, steps = depth + 1, steps + len(level)
        if depth > MAX_DEPTH:
            raise ValueError(
                f"is nested too deep: at most {MAX_DEPTH} steps may follow one another"
            )
        if steps > MAX_STEPS_IN_ALL:
            raise ValueError(
                f"has too many steps: at most {MAX_STEPS_IN_ALL}, those below included"
            )
        below = [step.get("then") for step in level if isinstance(step, dict)]
        level = [step for each in below if isinstance(each, list) for step in each]
    return then


Steps = Annotated[list[Step], count(0, MAX_STEPS), BeforeValidator(_bounded)]
Step.model_rebuild()
_STEPS: TypeAdapter[list[Step]] = TypeAdapter(Steps)


def normal_form(steps: list[Step]) -> tuple[dict[str, Any], ...]:
    """The steps as JSON values, only with the fields that were given."""
    return tuple(step.model_dump(exclude_defaults=True) for step in steps)


def parse_then_shorthand(text: str) -> list[dict[str, Any]]:
    """The steps of the command line's ``--then``.

    ``U1,U2`` presses two buttons, ``V2>U1`` presses U1 under what V2 gave, and ``>`` binds closer
    than the comma. Text that starts with a bracket is JSON, as in a request.

    Raises:
        InvalidRequest: on the field ``then`` or a path below it.
    """
    try:
        data = _json(text) if text.lstrip().startswith(("[", "{")) else _presses(text)
        return list(normal_form(_STEPS.validate_python(data)))
    except ValidationError as error:
        raise InvalidRequest(field_errors(error, "then")) from None


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidRequest.of("then", f"is not readable JSON: {error}") from None


def _presses(text: str) -> list[dict[str, Any]]:
    return [_chain(chain) for chain in text.split(",")]


def _chain(text: str) -> dict[str, Any]:
    *before, last = (name.strip() for name in text.split(">"))
    if not last or not all(before):
        message = "has an empty place; write button names as in U1,U2 or V2>U1"
        raise InvalidRequest.of("then", message)
    step: dict[str, Any] = {"press": last}
    for name in reversed(before):
        step = {"press": name, "then": [step]}
    return step
