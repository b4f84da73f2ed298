"""From a ``response_model`` to tools: names, descriptions, JSON Schemas, validators. Cached per ``response_model``."""

from __future__ import annotations

import collections.abc
import dataclasses
import re
import types
import typing
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Annotated, Any, Union, get_args, get_origin

import typing_extensions
from pydantic import BaseModel, PydanticSchemaGenerationError, PydanticUserError, RootModel, TypeAdapter
from pydantic.errors import PydanticInvalidForJsonSchema

from polycall._data.contract import ToolSpec
from polycall._data.errors import ResponseModelError, SchemaError
from polycall._engine.non_finite import accepts_non_finite

_MAX_NAME_LENGTH = 64
_FOREIGN_CHARACTERS = re.compile(r"[^A-Za-z0-9_-]+")
_FORMS = "Iterable[Model], Iterable[ModelA | ModelB] or list[...], each a pydantic model, a dataclass or a TypedDict"
_CHOICES = ("auto", "required")
_DEFINE_IT = "Define or import the type at module level, outside of 'if TYPE_CHECKING'."


@dataclasses.dataclass(frozen=True, slots=True)
class Tool:
    """A tool of a request: its description for the provider, and the validator of its calls' arguments."""

    spec: ToolSpec
    validate_json: Callable[..., object]
    """``validate_json(text, context=...)`` of pydantic's validator; that of `TypeAdapter` around it costs a third
    more."""
    accepts_non_finite: bool
    """Whether the text must first be searched for NaN, Infinity and numbers out of range."""


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class ToolSet:
    """The tools of one ``response_model``, in its order. Compares and hashes by identity: a key for caches."""

    tools: Mapping[str, Tool]
    specs: tuple[ToolSpec, ...]


def tools_for(response_model: object) -> ToolSet:
    """The tools that a ``response_model`` stands for.

    Args:
        response_model: ``Iterable[A]``, ``Iterable[A | B]`` or ``list[...]``, from `typing` or `collections.abc`;
            each member a pydantic model, a dataclass or a TypedDict.

    Raises:
        ResponseModelError: Another form, or two members of one name.
        SchemaError: A field has a type that no JSON Schema can express.
    """
    # Written at the call, `list[A | B]` is a new object each time, and equals `list[B | A]`: its parts are the key.
    key = _plain_key(response_model)
    tools = _known.get(key)
    if tools is None:
        members = _members(response_model)
        tools = _make_tools(members)
        if key is not None and key[1] == members:
            if len(_known) >= _MAX_KNOWN:
                _known.clear()
            _known[key] = tools
    return tools


def _plain_key(response_model: object) -> tuple[object, tuple[object, ...]] | None:
    """What tells one plain ``response_model`` from another: its container, and its classes in their order.

    ``None`` for a form that has to be looked at (``Annotated``, an alias, a generic, ...), of which the parts do not
    tell the order.
    """
    arguments: tuple[object, ...] = getattr(response_model, "__args__", ())
    if len(arguments) != 1:
        return None
    (argument,) = arguments
    members: tuple[object, ...] = argument.__args__ if isinstance(argument, types.UnionType) else arguments
    for member in members:
        if not isinstance(member, type):
            return None
    return getattr(response_model, "__origin__", None), members


_MAX_KNOWN = 256
_known: dict[tuple[object, tuple[object, ...]] | None, ToolSet] = {}


@lru_cache(maxsize=256)
def _make_tools(response_models: tuple[object, ...]) -> ToolSet:
    tools: dict[str, Tool] = {}
    members: dict[str, object] = {}
    for member in response_models:
        tool = _make_tool(member)
        name = tool.spec.name
        if name in _CHOICES:
            raise ResponseModelError(
                f"A tool cannot be named {name!r}: tool_choice reserves that word. Rename {_qualified_name(member)}."
            )
        if name in tools:
            raise ResponseModelError(
                f"Two members of response_model have the same tool name, {name!r}: "
                f"{_qualified_name(members[name])} and {_qualified_name(member)}. Rename one of them."
            )
        tools[name] = tool
        members[name] = member
    return ToolSet(tools, tuple(tool.spec for tool in tools.values()))


def _members(response_model: object) -> tuple[object, ...]:
    container = _unwrap(response_model)
    if get_origin(container) not in (collections.abc.Iterable, list):
        raise ResponseModelError(_wrong_form(response_model))
    arguments = get_args(container)
    if len(arguments) != 1:  # a bare typing.Iterable
        raise ResponseModelError(_wrong_form(response_model))
    members = _union_members(arguments[0])
    for member in members:
        if not _is_model(member):
            raise ResponseModelError(
                f"{_show(member)} in response_model={_show(response_model)} is not a model. Use {_FORMS}."
            )
    return members


def _unwrap(annotation: object) -> object:
    """Look through ``Annotated[...]`` and ``type X = ...``."""
    while True:
        if get_origin(annotation) is Annotated:
            annotation = get_args(annotation)[0]
        elif isinstance(annotation, typing_extensions.TypeAliasType):
            annotation = annotation.__value__
        else:
            return annotation


def _union_members(annotation: object) -> tuple[object, ...]:
    annotation = _unwrap(annotation)
    if get_origin(annotation) in (Union, types.UnionType):
        return tuple(member for part in get_args(annotation) for member in _union_members(part))
    return (annotation,)


def _is_model(annotation: object) -> bool:
    class_ = get_origin(annotation) or annotation
    if not isinstance(class_, type):
        return False
    if issubclass(class_, RootModel):
        return False
    return issubclass(class_, BaseModel) or dataclasses.is_dataclass(class_) or typing_extensions.is_typeddict(class_)


def _wrong_form(response_model: object) -> str:
    form = ""
    members = list(_union_members(response_model))
    if all(_is_model(member) for member in members):
        form = f" Write response_model=Iterable[{' | '.join(map(_show, members))}]."
    elif arguments := get_args(_unwrap(response_model)):
        members = [member for argument in arguments if argument is not ... for member in _union_members(argument)]
        if all(_is_model(member) for member in members):
            form = f" Write response_model=Iterable[{' | '.join(map(_show, members))}]."
    return f"response_model must be {_FORMS}; got {_show(response_model)}.{form}"


def _make_tool(member: object) -> Tool:
    name = _tool_name(_bare_name(member))
    try:
        adapter: TypeAdapter[Any] = TypeAdapter(_accepted_by_pydantic(member))
        # A tool's arguments are what the model writes: the validation schema, with the names that validation takes.
        schema = adapter.json_schema(mode="validation", by_alias=True)
    except NameError as error:  # pydantic's PydanticUndefinedAnnotation is one too
        raise SchemaError(name, f"{_first_line(error)}. {_DEFINE_IT}") from error
    except (PydanticInvalidForJsonSchema, PydanticSchemaGenerationError) as error:
        raise SchemaError(name, f"has a field that no JSON Schema can express: {_first_line(error)}") from error
    except PydanticUserError as error:
        if error.code == "class-not-fully-defined":
            raise SchemaError(name, f"An annotation names a type that is not known there. {_DEFINE_IT}") from error
        raise SchemaError(name, f"pydantic cannot make a schema of it: {_first_line(error)}") from error
    schema = _with_object_root(schema, name)
    schema.pop("title", None)
    description = schema.pop("description", None)
    spec = ToolSpec(name, description if isinstance(description, str) else None, schema)
    return Tool(spec, adapter.validator.validate_json, accepts_non_finite(adapter.core_schema))


def _with_object_root(schema: dict[str, Any], name: str) -> dict[str, Any]:
    """Copy a schema so that its root is the object itself, not a reference to it (as a recursive model's is)."""
    definitions: Mapping[str, Any] = schema.get("$defs", {})
    root = schema
    while "$ref" in root:
        siblings = {key: value for key, value in root.items() if key not in ("$ref", "$defs")}
        root = {**definitions[root["$ref"].removeprefix("#/$defs/")], **siblings}
    if root.get("type") != "object":
        raise ResponseModelError(f"The arguments of {name!r} must be an object; its JSON Schema is {root!r:.200}.")
    return {**root, "$defs": definitions} if definitions else dict(root)


def _accepted_by_pydantic(member: object) -> Any:
    """Replace a ``typing.TypedDict``, which pydantic refuses before Python 3.12, by its typing_extensions twin."""
    if not typing_extensions.is_typeddict(member) or type(member) is type(_Twin):
        return member
    hints = typing_extensions.get_type_hints(member, include_extras=True)
    required: Iterable[str] = getattr(member, "__required_keys__", hints)
    fields: dict[str, Any] = {
        key: hint
        if get_origin(hint) in _REQUIREMENTS
        else (typing_extensions.Required[hint] if key in required else typing_extensions.NotRequired[hint])
        for key, hint in hints.items()
    }
    make_typed_dict: Any = typing_extensions.TypedDict  # type checkers take it for a class statement's base only
    twin = make_typed_dict(_bare_name(member), fields)
    twin.__doc__ = getattr(member, "__doc__", None)
    twin.__module__ = getattr(member, "__module__", __name__)
    return twin


class _Twin(typing_extensions.TypedDict):
    """Its type tells typing_extensions' TypedDicts from those of `typing` on Python 3.11."""


_REQUIREMENTS: tuple[object, ...] = (
    typing_extensions.Required,
    typing_extensions.NotRequired,
    typing.Required,
    typing.NotRequired,
)


def _tool_name(name: str) -> str:
    """Make a class's name a tool name that every provider accepts: ``[A-Za-z_][A-Za-z0-9_-]{0,63}``.

    The intersection of OpenAI's rule (letters, digits, ``_``, ``-``, at most 64) and Gemini's (begins with a letter
    or ``_``).
    """
    accepted = _FOREIGN_CHARACTERS.sub("_", name).strip("_-") if _FOREIGN_CHARACTERS.search(name) else name
    if not accepted or not (accepted[0].isalpha() or accepted[0] == "_"):
        accepted = f"_{accepted}"
    if len(accepted) > _MAX_NAME_LENGTH:
        import hashlib  # costs 4 ms, and names are rarely so long

        digest = hashlib.sha256(name.encode()).hexdigest()[:8]
        accepted = f"{accepted[: _MAX_NAME_LENGTH - 9]}_{digest}"
    return accepted


def _bare_name(member: object) -> str:
    origin = get_origin(member)
    if origin is not None:
        return f"{_bare_name(origin)}_{'_'.join(_show(argument) for argument in get_args(member))}"
    return str(getattr(member, "__name__", member))


def _qualified_name(member: object) -> str:
    return f"{getattr(member, '__module__', '?')}.{getattr(member, '__qualname__', _show(member))}"


def _show(annotation: object) -> str:
    if isinstance(annotation, type) and get_origin(annotation) is None:
        return annotation.__name__
    return str(annotation).replace("typing.", "").replace("collections.abc.", "")


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]
