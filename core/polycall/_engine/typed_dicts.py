"""``typing.TypedDict`` before Python 3.12, which pydantic refuses there: its twin of typing_extensions stands in.

pydantic asks a class itself for its schema before it looks at its kind. So each ``typing.TypedDict`` that a response
model mentions, at any depth, is taught to answer with its twin's.
"""

from __future__ import annotations

import dataclasses
import sys
import types
import typing
from collections.abc import Iterable
from typing import Any, Generic, cast, get_args, get_origin

import typing_extensions
from pydantic import BaseModel, GetCoreSchemaHandler
from pydantic_core import CoreSchema

_NEEDS_TWIN = sys.version_info < (3, 12)
_HOOK = "__get_pydantic_core_schema__"
_REQUIREMENTS: tuple[object, ...] = (
    typing_extensions.Required,
    typing_extensions.NotRequired,
    typing.Required,
    typing.NotRequired,
)


class _Twin(typing_extensions.TypedDict):
    """Its type tells typing_extensions' TypedDicts from those of `typing`."""


def teach_typed_dicts(annotation: object) -> None:
    """Let pydantic accept each ``typing.TypedDict`` that an annotation mentions.

    Raises:
        NameError: An annotation of one of them cannot be resolved.
    """
    if _NEEDS_TWIN:
        _teach(annotation, set())


def _teach(annotation: object, seen: set[int]) -> None:
    if isinstance(annotation, typing_extensions.TypeAliasType):
        annotation = annotation.__value__
    for argument in get_args(annotation):
        _teach(argument, seen)
    class_ = get_origin(annotation) or annotation
    if not isinstance(class_, type) or id(class_) in seen:
        return
    seen.add(id(class_))
    if typing_extensions.is_typeddict(class_):
        if type(class_) is not type(_Twin) and _HOOK not in vars(class_):
            setattr(class_, _HOOK, classmethod(_twin_schema))
    elif not (dataclasses.is_dataclass(class_) or issubclass(class_, BaseModel) or hasattr(class_, "_fields")):
        return  # neither these nor a NamedTuple
    try:
        hints = typing_extensions.get_type_hints(class_, include_extras=True)
    except (NameError, TypeError, AttributeError):
        return  # pydantic says which name, and knows more places to look for it
    for hint in hints.values():
        _teach(hint, seen)


def _twin_schema(class_: type, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
    twin = vars(class_).get("__polycall_twin__")
    if twin is None:
        twin = _make_twin(class_)
        setattr(class_, "__polycall_twin__", twin)  # noqa: B010 - the name of an attribute that no type has
    arguments = get_args(source)
    return handler.generate_schema(twin[arguments] if arguments else twin)


def _make_twin(class_: type) -> Any:
    hints = typing_extensions.get_type_hints(class_, include_extras=True)
    required: Iterable[str] = getattr(class_, "__required_keys__", hints)
    fields: dict[str, object] = {
        key: hint
        if get_origin(hint) in _REQUIREMENTS
        else (
            cast("Any", typing_extensions.Required)[hint]
            if key in required
            else cast("Any", typing_extensions.NotRequired)[hint]
        )
        for key, hint in hints.items()
    }
    parameters: tuple[Any, ...] = getattr(class_, "__parameters__", ())
    bases: tuple[Any, ...] = (typing_extensions.TypedDict,)
    if parameters:
        bases = (*bases, cast("Any", Generic)[parameters])
    twin = types.new_class(class_.__name__, bases, exec_body=lambda body: body.update(__annotations__=fields))
    twin.__doc__, twin.__module__, twin.__qualname__ = class_.__doc__, class_.__module__, class_.__qualname__
    if (config := getattr(class_, "__pydantic_config__", None)) is not None:
        setattr(twin, "__pydantic_config__", config)  # noqa: B010 - as above
    return twin
