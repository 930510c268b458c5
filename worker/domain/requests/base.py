"""PURE. The base of all request models: cross-field rules, error wording, numbers and lists."""

import difflib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    GetCoreSchemaHandler,
    ModelWrapValidatorHandler,
    ValidationError,
    model_validator,
)
from pydantic_core import ErrorDetails, InitErrorDetails, PydanticCustomError, core_schema

from worker.domain.errors import FieldError, InvalidRequest

#: A field's name and its error message.
Problem = tuple[str, str]

#: An error's location, as pydantic writes it, and its message.
Found = tuple[tuple[int | str, ...], str]

#: Unknown fields of an object that are named, and those for which it is looked up what each may
#: mean: that takes a tenth of a millisecond.
_MAX_UNKNOWN, _MAX_SUGGESTIONS = 20, 3

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

    #: Built on first use: that takes milliseconds, and a command needs few of the models.
    model_config = ConfigDict(extra="ignore", strict=True, frozen=True, defer_build=True)

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
            known = cls.model_fields  # costs a lookup each time
            data = {name: v for name, v in data.items() if v is not None or name not in known}
            problems = [*cls._unknown(data), *cls.rules(data)]
            errors = [((name,), message) for name, message in problems]
        return run_validator(handler, data, errors)

    @classmethod
    def _unknown(cls, data: Mapping[Any, Any]) -> Iterator[Problem]:
        known = cls.model_fields
        unknown = [str(name) for name in data if name not in known]
        for place, name in enumerate(unknown[:_MAX_UNKNOWN]):
            hint = f"; {suggestion(name, list(known))}" if place < _MAX_SUGGESTIONS else ""
            yield name, f"is not a field of {cls.what}{hint}"
        if more := unknown[_MAX_UNKNOWN:]:
            yield more[0], f"is not a field of {cls.what}; {len(more)} names like it are not listed"


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
