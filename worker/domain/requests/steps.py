"""PURE. Follow-ups: the steps of ``then``, and their command-line shorthand."""

import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)

from worker.domain import buttons
from worker.domain.errors import FieldError, InvalidRequest
from worker.domain.requests.base import (
    Found,
    Model,
    Problem,
    at_least_one,
    count,
    exactly_one,
    field_errors,
    run_validator,
)
from worker.domain.requests.retry import Retry
from worker.domain.requests.texts import Name, Picture, Prompt, as_text
from worker.domain.templates import check_template

MAX_STEPS = 50  #: in one list
MAX_STEPS_IN_ALL = 500  #: in the whole tree: each is paid for
MAX_DEPTH = 20

Dimensions = Literal["PORTRAIT", "SQUARE", "LANDSCAPE"]

_FUNCTION = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*", re.ASCII)


class ModalAnswer(Model):
    """The answer to a modal window: a prompt, a mask or both."""

    what: ClassVar[str] = "`modal`"

    prompt: Prompt | None = None
    mask: Picture | None = None

    @classmethod
    def rules(cls, given: Mapping[str, Any]) -> Iterator[Problem]:
        """Require a prompt or a mask."""
        return at_least_one(given, "prompt", "mask")


def _known_template(text: str) -> str:
    if problem := check_template(text):
        raise ValueError(problem)
    return text


def _is_true(value: bool) -> bool:  # noqa: FBT001  # the field's own value
    if not value:
        raise ValueError("must be true")
    return value


def _function(name: str) -> str:
    if not _FUNCTION.fullmatch(name):
        raise ValueError("must name a function as package.module:function")
    return name


class Step(Model):
    """What a finished job starts: exactly one action."""

    what: ClassVar[str] = "a step"

    press: Name | None = None
    modal: ModalAnswer | None = None
    imagine: Annotated[Prompt, AfterValidator(_known_template)] | None = None
    describe: Annotated[bool, AfterValidator(_is_true)] | None = None
    blend: Annotated[list[Name], count(2, 5)] | None = None
    dimensions: Dimensions | None = None
    choose: Annotated[Name, AfterValidator(_function)] | None = None
    retry: Retry | None = None
    then: "Steps" = Field(default_factory=list)

    @classmethod
    def rules(cls, given: Mapping[str, Any]) -> Iterator[Problem]:
        """Require one action; ``modal`` belongs to a press, ``dimensions`` to a blend."""
        yield from exactly_one(given, "press", "imagine", "describe", "blend", "choose")
        if "modal" in given and "press" not in given:
            yield "modal", "belongs to a `press`: only a button opens a window"
        if "dimensions" in given and "blend" not in given:
            yield "dimensions", "belongs to a `blend`"
        if "retry" in given and "choose" in given:
            yield "retry", "belongs to what is submitted; a `choose` calls a function of yours"


def _bounded(then: Any) -> Any:
    """Limit depth and size before validation, which is recursive."""
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
        nested = [step.get("then") for step in level if isinstance(step, dict)]
        level = [step for each in nested if isinstance(each, list) for step in each]
    # Before the steps are looked at one by one, each with all that is wrong with it.
    if isinstance(then, list) and len(then) > MAX_STEPS:
        raise ValueError(f"must have at most {MAX_STEPS} items, not {len(then)}")
    return then


def _blends_checked(then: Any, handler: ValidatorFunctionWrapHandler) -> list[Step]:
    """Require that a blend's pictures come from presses of the same list."""
    errors: list[Found] = []
    steps = [step for step in then if isinstance(step, dict)] if isinstance(then, list) else []
    pressed = [name for name in (as_text(step.get("press")) for step in steps) if _is_name(name)]
    for index, step in enumerate(then if steps else ()):
        names = step.get("blend") if isinstance(step, dict) else None
        if isinstance(names, list):
            errors += [((index, "blend"), problem) for problem in _blend_problems(names, pressed)]
    return run_validator(handler, then, errors)


def _is_name(value: Any) -> bool:
    return isinstance(value, str)


def _blend_problems(names: list[Any], pressed: list[str]) -> Iterator[str]:
    named = [name for name in map(as_text, names) if _is_name(name)]
    for name in dict.fromkeys(named):
        shown = json.dumps(name[:64])
        if buttons.is_glob(name):
            yield f"must name one button each; {shown} stands for several"
        elif not any(buttons.pressed_by(each, name) for each in pressed):
            yield f"names {shown}, which no step next to it presses; add a `press` of it there"
        if named.count(name) > 1:
            yield f"names {shown} twice"


Steps = Annotated[
    list[Step],
    WrapValidator(_blends_checked),
    BeforeValidator(_bounded),
]


def _spelled_out(then: Any) -> Any:
    """The steps of the short form, as in ``"U1,V2>U1"``."""
    if not isinstance(then, str):
        return then
    try:
        return _json(then) if _is_json(then) else _presses(then)
    except InvalidRequest as error:
        raise ValueError(error.errors[0].message) from None


def _all_exist(steps: list[Step]) -> list[Step]:
    """Refuse buttons that no task has: their parents would be paid for in vain."""
    names = dict.fromkeys(name for name in _pressed(steps) if not buttons.can_exist(name))
    if names:
        said = ", ".join(json.dumps(name) for name in names)
        raise ValueError(f"presses {said}, which is no button: write U1-U4, V1-V4, reroll, a label")
    return steps


def _pressed(steps: Iterable[Step]) -> Iterator[str]:
    for step in steps:
        if step.press is not None:
            yield step.press
        yield from _pressed(step.then)


#: ``then`` of a request: steps, or the short form.
Then = Annotated[
    Steps,
    AfterValidator(_all_exist),
    BeforeValidator(_spelled_out, json_schema_input_type=str | list[Step]),
]
_LATER = ConfigDict(defer_build=True)  # built on first use
_STEPS: TypeAdapter[list[Step]] = TypeAdapter(Steps, config=_LATER)
_THEN: TypeAdapter[list[Step]] = TypeAdapter(Then, config=_LATER)


def normal_form(steps: list[Step]) -> tuple[dict[str, Any], ...]:
    """The steps as JSON values, without defaults."""
    return tuple(step.model_dump(exclude_defaults=True) for step in steps)


def check_choosers(then: Iterable[Mapping[str, Any]], modules: Collection[str]) -> None:
    """Refuse functions outside of ``modules``: a caller who may name any function can run any code.

    Raises ``InvalidRequest``.
    """
    problems = [
        FieldError(
            path,
            f"{name!r} may not be called: list its module in the setting HOOKLINE_CHOOSERS",
        )
        for path, name in _choosers(then, "then")
        if name.partition(":")[0] not in modules
    ]
    if problems:
        raise InvalidRequest(problems)


def _choosers(then: Iterable[Mapping[str, Any]], path: str) -> Iterator[tuple[str, str]]:
    for index, step in enumerate(then):
        if "choose" in step:
            yield f"{path}[{index}].choose", step["choose"]
        yield from _choosers(step.get("then", ()), f"{path}[{index}].then")


def parse_choice(answer: Any) -> tuple[dict[str, Any], ...]:
    """Parse what a ``choose`` function returned: button names or press steps.

    Raises ``InvalidRequest`` on the field ``answer`` or a path below it.
    """
    if not isinstance(answer, list | tuple):
        raise InvalidRequest.of("answer", "must be a list of button names or of steps")
    data = [{"press": each} if isinstance(each, str) else each for each in answer]
    for index, step in enumerate(data):
        if isinstance(step, dict) and "press" not in step:
            raise InvalidRequest.of(f"answer[{index}]", "must press a button")
    try:
        return normal_form(_STEPS.validate_python(data))
    except ValidationError as error:
        raise InvalidRequest(field_errors(error, "answer")) from None


def parse_then_shorthand(text: str) -> list[dict[str, Any]]:
    """Parse the value of the command line's ``--then``.

    ``U1,U2`` presses two buttons, ``V2>U1`` presses U1 on the result of V2; ``>`` binds tighter
    than the comma. Text that starts with a bracket is JSON, as in a request.

    Raises:
        InvalidRequest: on the field ``then`` or a path below it.
    """
    try:
        data = _json(text) if _is_json(text) else _presses(text)
        return list(normal_form(_THEN.validate_python(data)))
    except ValidationError as error:
        raise InvalidRequest(field_errors(error, "then")) from None


def _is_json(text: str) -> bool:
    return text.lstrip().startswith(("[", "{"))


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidRequest.of("then", f"is not readable JSON: {error}") from None


def _presses(text: str) -> list[dict[str, Any]]:
    if text.count(",") + text.count(">") >= MAX_STEPS_IN_ALL:
        raise InvalidRequest.of("then", f"has too many steps: at most {MAX_STEPS_IN_ALL}")
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
