"""PURE. Metadata of each request field, read from its model.

The command line and CSV use it to convert text; storage uses it to find the pictures.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from inspect import get_annotations
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic.fields import FieldInfo

from worker.domain.job_spec import Kind
from worker.domain.requests.base import Model, Numbers
from worker.domain.requests.kinds import MODELS
from worker.domain.requests.texts import PICTURE


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a request."""

    name: str
    type: Any  #: str, int, bool, dict or a model; the item type of a list
    many: bool  #: a list
    picture: bool  #: a picture, or a list of them
    values: str  #: allowed values for help texts, such as ``1-4`` or ``low|high``; or empty
    default: Any  #: None: no default
    description: str

    @property
    def mask(self) -> bool:
        """Whether it is a mask: a PNG of the same size as the preceding picture."""
        return self.name == "mask"


@cache
def fields_of(model: type[Model]) -> Mapping[str, Field]:
    """The fields of a model by name, its own before inherited ones."""
    declared = (name for cls in model.__mro__ for name in get_annotations(cls))
    names = dict.fromkeys(name for name in declared if name in model.model_fields)
    return {name: _field(name, model.model_fields[name]) for name in names}


@cache
def picture_fields(kind: Kind) -> tuple[Field, ...]:
    """The picture fields of a ``kind``; a mask comes after its picture."""
    return tuple(field for field in fields_of(MODELS.get(kind, Model)).values() if field.picture)


def _field(name: str, info: FieldInfo) -> Field:
    shape, notes, many = info.annotation, list(info.metadata), False
    while (origin := get_origin(shape)) in (Annotated, Union, UnionType, list):
        inner, *more = (arg for arg in get_args(shape) if arg is not NoneType)
        notes += more if origin is Annotated else ()
        many, shape = many or origin is list, inner
    words = "|".join(get_args(shape)) if origin is Literal else ""
    limits = (note.shown for note in notes if isinstance(note, Numbers))
    described = (note.description for note in notes if isinstance(note, FieldInfo))
    return Field(
        name=name,
        type={Literal: str, dict: dict}.get(origin, shape),
        many=many,
        picture=PICTURE in notes,
        values=next(limits, words),
        default=None if info.is_required() or info.default_factory else info.default,
        description=info.description or next(filter(None, described), ""),
    )
