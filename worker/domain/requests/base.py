"""PURE. The base of all request models: cross-field rules, error wording, common types."""

import difflib
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from numbers import Integral
from typing import Annotated, Any, ClassVar, Self, TypeVar
from uuid import UUID

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    GetCoreSchemaHandler,
    ModelWrapValidatorHandler,
    ValidationError,
    model_validator,
)
from pydantic_core import ErrorDetails, InitErrorDetails, PydanticCustomError, core_schema

from worker.domain.errors import FieldError, InvalidRequest
from worker.domain.prompts import as_sent
from worker.domain.templates import MAX_PROMPT

#: Characters of an id or key.
MAX_ID = 255

#: A field's name and its error message.
Problem = tuple[str, str]

#: An error's location, as pydantic writes it, and its message.
Found = tuple[tuple[int | str, ...], str]

#: Error messages by pydantic's error type.
_WORDING = {
    "missing": "is required",
    "string_type": "must be a string",
    "int_type": "must be a whole number",
    "bool_type": "must be true or false",
    "list_type": "must be a list",
    "dict_type": "must be an object",
    "model_type": "must be an object",
}


class Model(BaseModel):
    """Base of all request models: strict, frozen, and an error for each unknown field."""

    model_config = ConfigDict(extra="ignore", strict=True, frozen=True)

    #: The model's name in error messages.
    what: ClassVar[str]

    @classmethod
    def rules(cls, given: Mapping[str, Any]) -> Iterator[Problem]:  # noqa: ARG003  # for overriding
        """Check rules across fields; ``given`` has the non-null fields, not yet validated."""
        return iter(())

    @model_validator(mode="wrap")
    @classmethod
    def _every_problem(cls, data: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        """Report broken rules and bad fields together; pydantic would stop at the bad fields."""
        errors: list[Found] = []
        if isinstance(data, dict):
            data = {
                name: v for name, v in data.items() if v is not None or name not in cls.model_fields
            }
            problems = [*cls._unknown(data), *cls.rules(data)]
            errors = [((name,), message) for name, message in problems]
        return run_validator(handler, data, errors)

    @classmethod
    def _unknown(cls, data: Mapping[Any, Any]) -> Iterator[Problem]:
        known = list(cls.model_fields)
        for name in (str(name) for name in data if name not in cls.model_fields):
            yield name, f"is not a field of {cls.what}; {suggestion(name, known)}"


M = TypeVar("M", bound=Model)
T = TypeVar("T")


def run_validator(handler: Callable[[Any], T], data: Any, errors: list[Found]) -> T:
    """Validate ``data`` with ``handler``; its errors are raised together with ``errors``."""
    try:
        value = handler(data)
    except ValidationError as error:
        errors = _found(error) + errors
    else:
        if not errors:
            return value
    # Some pydantic releases run the validators of a nested recursive model twice.
    unique = [_line_error(*each) for each in dict.fromkeys(errors)]
    raise ValidationError.from_exception_data("request", unique)


def validate(model: type[M], data: Any) -> M:
    """Validate ``data`` as ``model``; raises ``InvalidRequest`` with every bad field."""
    if not isinstance(data, dict):
        raise InvalidRequest.of("request", "must be an object")
    try:
        return model.model_validate(data)
    except ValidationError as error:
        raise InvalidRequest(field_errors(error)) from None


def field_errors(error: ValidationError, root: str = "") -> list[FieldError]:
    """Pydantic's errors in our wording; ``root`` is the name of the value itself."""
    return [FieldError(_path(root, loc), message) for loc, message in _found(error)]


def suggestion(name: str, known: Collection[str]) -> str:
    """A "did you mean" hint, and the list of ``known`` names."""
    near = difflib.get_close_matches(name[:64], known, n=1)
    return (f"did you mean `{near[0]}`? " if near else "") + f"choose from {', '.join(known)}"


def exactly_one(given: Collection[str], *names: str) -> Iterator[Problem]:
    """Require exactly one of the fields ``names``."""
    present = [name for name in names if name in given]
    listed = " or ".join(f"`{name}`" for name in names)
    if not present:
        yield names[0], f"is required: give {listed}"
    for extra in present[1:]:
        yield extra, f"cannot be combined with `{present[0]}`: give only one of {listed}"


def at_least_one(given: Collection[str], *names: str) -> Iterator[Problem]:
    """Require at least one of the fields ``names``."""
    if not any(name in given for name in names):
        yield names[0], f"is required: give {' or '.join(f'`{name}`' for name in names)}, or both"


@dataclass(frozen=True, slots=True)
class Numbers:
    """The integers that a field allows. ``Literal`` would accept true as 1."""

    allowed: Collection[int]
    shown: str  #: for help texts: ``1-4``
    problem: str

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        return core_schema.no_info_after_validator_function(self._check, handler(source))

    def _check(self, value: int) -> int:
        if value not in self.allowed:
            raise ValueError(self.problem)
        return value


def within(low: int, high: int) -> Numbers:
    """An integer from ``low`` to ``high``, both included."""
    problem = f"must be a whole number from {low} to {high}"
    return Numbers(range(low, high + 1), f"{low}-{high}", problem)


def choice(*allowed: int) -> Numbers:
    """One of the ``allowed`` integers."""
    problem = f"must be one of {', '.join(map(str, allowed))}"
    return Numbers(allowed, "|".join(map(str, allowed)), problem)


def count(low: int, high: int) -> AfterValidator:
    """A list of ``low`` to ``high`` items."""

    def check(value: list[Any]) -> list[Any]:
        if not low <= len(value) <= high:
            span = f"{low} to {high}" if low else f"at most {high}"
            raise ValueError(f"must have {span} items, not {len(value)}")
        return value

    return AfterValidator(check)


def depth(value: Any, limit: int) -> int:
    """How deeply lists and objects are nested in ``value``; stops counting at ``limit`` + 1."""
    level, found = [value], 0
    while level and found <= limit:
        level = [item for each in level for item in _items(each)]
        found += bool(level)
    return found


def _items(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


_SURROGATE = re.compile(r"[\ud800-\udfff]")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_CONTROL_BUT_LINES = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")


def text(limit: int | None, *, lines: bool = False) -> AfterValidator:
    """Non-blank text of at most ``limit`` characters, stripped.

    Control characters are refused; ``lines`` allows tabs and line breaks.
    """

    def check(value: str) -> str:
        value = value.strip()
        _check_text(value, limit, lines=lines)
        return value

    return AfterValidator(check)


def _check_text(value: str, limit: int | None, *, lines: bool = False) -> None:
    if not value.strip():
        raise ValueError("must not be empty")
    if limit is not None and len(value) > limit:
        raise ValueError(f"must have at most {limit} characters, not {len(value)}")
    if _SURROGATE.search(value):
        raise ValueError("must be valid Unicode text")
    if (_CONTROL_BUT_LINES if lines else _CONTROL).search(value):
        raise ValueError(f"must not contain control characters{'' if lines else ' or line breaks'}")


def parse_key(value: Any, field: str) -> str:
    """An idempotency key, given as text, a whole number or a UUID.

    It is not stripped, so that keys of earlier versions lead to the same jobs. Raises
    ``InvalidRequest`` on ``field``.
    """
    key = as_text(value)
    if not isinstance(key, str):
        message = f"must be text, a whole number or a UUID; {_LEAVE_OUT}"
        raise InvalidRequest.of(field, message)
    try:
        _check_text(key, MAX_ID)
    except ValueError as error:
        raise InvalidRequest.of(field, f"{error}; {_LEAVE_OUT}") from None
    return key


_LEAVE_OUT = "leave it out if a repeat should be a new job"


def _visible(prompt: str) -> str:
    if not as_sent(prompt):
        raise ValueError("must not be empty")
    return prompt


def as_text(value: Any) -> Any:
    """A whole number or a UUID as text, because names and ids often are one; others unchanged.

    Celery's JSON has UUIDs and decimals, Python callers may have numbers of numpy.
    """
    match value:
        case bool():
            return value
        case UUID():
            return str(value)
        case Integral():
            number = int(value)
            return str(number) if number.bit_length() <= _MAX_BITS else value
        case Decimal() if value.is_finite() and value.as_tuple().exponent == 0:
            return str(value)
        case _:
            return value


#: Python refuses to write longer numbers than 4,300 digits.
_MAX_BITS = 4096
_NUMBER_OR_TEXT = BeforeValidator(as_text, json_schema_input_type=str | int)


def plain_id(job_id: str) -> str:
    """The id of a job as Hookline writes it: a database may have kept it as a UUID."""
    return job_id.replace("-", "") if _UUID.fullmatch(job_id) else job_id


#: A UUID as text.
UUID_PATTERN = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_UUID = re.compile(UUID_PATTERN)

#: Of an account, a button, a queue.
Name = Annotated[str, text(200), _NUMBER_OR_TEXT]
#: Of a provider task.
Id = Annotated[str, text(MAX_ID), _NUMBER_OR_TEXT]
#: Of a job of Hookline.
OurId = Annotated[Id, AfterValidator(plain_id)]
CustomId = Annotated[str, text(1000), _NUMBER_OR_TEXT]
Prompt = Annotated[str, text(MAX_PROMPT, lines=True), AfterValidator(_visible)]
#: Marks a field that holds a picture; see worker.adapters.storage.inputs.
PICTURE = "picture"
Picture = Annotated[str, text(None), PICTURE]


def _found(error: ValidationError) -> list[Found]:
    details = error.errors(include_url=False, include_input=False)
    return [(each["loc"], _wording(each)) for each in details]


def _line_error(loc: tuple[int | str, ...], message: str) -> InitErrorDetails:
    return {"type": PydanticCustomError("worded", message), "loc": loc, "input": None}


def _wording(error: ErrorDetails) -> str:
    if error["type"] == "literal_error":
        return f"must be {error['ctx']['expected']}".replace("'", "")
    if error["type"] == "value_error":
        return str(error["ctx"]["error"])
    return _WORDING.get(error["type"], error["msg"])


def _path(root: str, loc: tuple[int | str, ...]) -> str:
    for part in loc:
        if isinstance(part, int):
            root += f"[{part}]"
        else:
            root += f".{_shown(part)}" if root else _shown(part)
    return root


def _shown(name: str) -> str:
    """The field name that the caller sent, truncated and printable."""
    return name[:100].encode(errors="backslashreplace").decode() or '""'
