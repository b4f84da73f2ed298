"""From a ``response_model`` to tools: names, descriptions, JSON Schemas, validators. Cached per ``response_model``."""

from __future__ import annotations

import collections.abc
import dataclasses
import types
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Annotated, Any, Union, get_args, get_origin

import typing_extensions
from pydantic import BaseModel, RootModel

from polycall._data import tools as own
from polycall._data.contract import ToolSpec
from polycall._data.errors import ResponseModelError
from polycall._data.tools import RESERVED_NAMES, ToolName
from polycall._data.types import JsonObject, ToolCall
from polycall._engine.argument_schema import argument_schema, make_adapter
from polycall._engine.eager import eager_validator
from polycall._engine.exact_decimals import ExactDecimals, exact_decimals
from polycall._engine.non_finite import accepts_non_finite
from polycall._engine.own_init import check_own_init
from polycall._engine.tool_names import distinct_names
from polycall._engine.typed_dicts import teach_typed_dicts


@dataclasses.dataclass(frozen=True, slots=True)
class Tool:
    """A tool of a request: its description for the provider, and the validator of its calls' arguments."""

    spec: ToolSpec
    validate_json: Callable[..., object]
    """``validate_json(text, context=...)`` of pydantic's validator; that of `TypeAdapter` around it costs a third
    more."""
    accepts_non_finite: bool
    """Whether the text must first be searched for NaN, Infinity and numbers out of range."""
    decimals: ExactDecimals | None = None
    """Where numbers must keep more digits than a float has."""
    counts_fields: bool = False
    """Whether an object's ``model_fields_set`` are the keys that were given, and nothing changes it afterwards."""
    make_result: Callable[[ToolCall, object], object] | None = None
    """What is given out for a call and its validated arguments; ``None``: the arguments, an object already."""
    validate_plain: Callable[..., object] | None = dataclasses.field(init=False)
    """``validate_json``, if the text is validated as it is, into the object that is given out and counts its fields."""

    def __post_init__(self) -> None:
        is_plain = self.counts_fields and not (self.accepts_non_finite or self.decimals or self.make_result)
        object.__setattr__(self, "validate_plain", self.validate_json if is_plain else None)


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class ToolSet:
    """The tools of one ``response_model``, in its order. Compares and hashes by identity: a key for caches.

    Attributes:
        tools: By the names that providers get.
        specs: Those of the tools.
        sent_names: For names in the caller's words that no provider takes: the ones that are sent.
    """

    tools: Mapping[str, Tool]
    specs: tuple[ToolSpec, ...]
    sent_names: Mapping[str, str]


def tools_for(response_model: object) -> ToolSet:
    """The tools that a ``response_model`` stands for.

    Args:
        response_model: ``Iterable[A]``, ``Iterable[A | B]`` or ``list[...]``, from `typing` or `collections.abc`, or a
            list or tuple ``[A, B]``; each member a pydantic model, a dataclass, a TypedDict, one of these with a name
            (``Annotated[A, ToolName("a")]``) or a `polycall.Tool`.

    Raises:
        ResponseModelError: Another form, two members of one name, or a class that does not validate.
        SchemaError: A field has a type that no JSON Schema can express.
        ConfigurationError: A `polycall.Tool` without the package that validates it.
    """
    # Written at the call, `list[A | B]` is a new object each time, and equals `list[B | A]`: its parts are the key.
    key = _plain_key(response_model)
    tools = _known.get(key)
    if tools is None:
        members = _members(response_model)
        tools = _make_tools(members)
        if key is not None:
            if len(_known) >= _MAX_KNOWN:
                _known.clear()
            _known[key] = tools
    return tools


def _plain_key(response_model: object) -> tuple[object, tuple[object, ...]] | None:
    """What tells one plain ``response_model`` from another: its container, and its members in their order.

    ``None`` for a form that has to be looked at (an alias, a generic, an ``Annotated`` union, ...), of which the parts
    do not tell the order.
    """
    arguments: tuple[object, ...] = getattr(response_model, "__args__", ())
    if len(arguments) == 1:
        (argument,) = arguments
        members: tuple[object, ...] = argument.__args__ if isinstance(argument, types.UnionType) else arguments
        for member in members:
            if not isinstance(member, type):
                break
        else:
            return getattr(response_model, "__origin__", None), members
    return _marked_key(response_model, arguments)


def _marked_key(response_model: object, arguments: tuple[object, ...]) -> tuple[object, tuple[object, ...]] | None:
    """The key of a list of members, or of an annotation with marked classes or a `polycall.Tool` in it."""
    if isinstance(response_model, (list, tuple)):
        container: object = list
        members = tuple(response_model)
    elif len(arguments) == 1:
        container = getattr(response_model, "__origin__", None)
        is_union = getattr(arguments[0], "__origin__", None) is Union
        members = getattr(arguments[0], "__args__", ()) if is_union else arguments
    else:
        return None
    if all(isinstance(member, (type, own.Tool)) or _is_marked_class(member) for member in members):
        return container, members
    return None


def _is_marked_class(member: object) -> bool:
    """Whether a member is a class in an ``Annotated`` whose marks can be in a key."""
    if type(member) is not _ANNOTATED or not isinstance(getattr(member, "__origin__", None), type):
        return False
    try:
        hash(member)
    except TypeError:
        return False
    return True


_ANNOTATED = type(Annotated[object, None])


_MAX_KNOWN = 256
_known: dict[tuple[object, tuple[object, ...]] | None, ToolSet] = {}


# -- the members of a response model ----------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True, slots=True)
class _Member:
    """One member of a ``response_model``."""

    type: object
    """A class, a generic of one, or a `polycall.Tool`."""
    own_name: str | None = None
    """By `ToolName`."""

    @property
    def name(self) -> str:
        if self.own_name is not None:
            return self.own_name
        return self.type.name if isinstance(self.type, own.Tool) else _bare_name(self.type)


def _members(response_model: object) -> tuple[_Member, ...]:
    if isinstance(response_model, (list, tuple)):
        parts = tuple(response_model)
    else:
        container = _unwrap(response_model)[0]
        if get_origin(container) not in (collections.abc.Iterable, list):
            raise _wrong_form(response_model)
        parts = get_args(container)
        if len(parts) != 1:  # a bare typing.Iterable
            raise _wrong_form(response_model)
    members = tuple(member for part in parts for member in _union_members(part))
    if not members:
        from polycall._engine.response_model_advice import no_member

        raise no_member(response_model)
    for member in members:
        if isinstance(member.type, own.Tool) and (not isinstance(member.type.name, str) or not member.type.name):
            raise ResponseModelError(f"A polycall.Tool needs a name, got {member.type.name!r}.")
        if not _is_model(member.type):
            from polycall._engine.response_model_advice import wrong_member

            raise wrong_member(member.type, response_model, _is_model)
    return members


def _unwrap(annotation: object) -> tuple[object, str | None]:
    """Look through ``Annotated[...]`` and ``type X = ...``; with the outermost `ToolName`."""
    name: str | None = None
    while True:
        if get_origin(annotation) is Annotated:
            annotation, *marks = get_args(annotation)
            names = [mark.name for mark in marks if isinstance(mark, ToolName)]
            if name is None and names:
                name = names[-1]
        elif isinstance(annotation, typing_extensions.TypeAliasType):
            annotation = annotation.__value__
        else:
            return annotation, name


def _union_members(annotation: object) -> tuple[_Member, ...]:
    bare, name = _unwrap(annotation)
    if get_origin(bare) not in (Union, types.UnionType):
        return (_Member(bare, name),)
    if name is not None:
        from polycall._engine.response_model_advice import show

        raise ResponseModelError(
            f"ToolName({name!r}) names {show(bare)}, which is several tools. Name each: "
            f"Annotated[{show(get_args(bare)[0])}, ToolName(...)] | ..."
        )
    return tuple(member for part in get_args(bare) for member in _union_members(part))


def _is_model(annotation: object) -> bool:
    if isinstance(annotation, own.Tool):
        return True
    class_ = get_origin(annotation) or annotation
    if not isinstance(class_, type) or class_ is BaseModel or issubclass(class_, RootModel):
        return False
    return issubclass(class_, BaseModel) or dataclasses.is_dataclass(class_) or typing_extensions.is_typeddict(class_)


def _wrong_form(response_model: object) -> ResponseModelError:
    from polycall._engine.response_model_advice import wrong_form

    members = [member.type for member in _union_members(response_model)]
    return wrong_form(_unwrap(response_model)[0], members, _is_model)


# -- from members to tools --------------------------------------------------------------------------------------------


@lru_cache(maxsize=256)
def _make_tools(members: tuple[_Member, ...]) -> ToolSet:
    by_name: dict[str, _Member] = {}
    for member in members:
        name = member.name
        if name in RESERVED_NAMES and not isinstance(member.type, own.Tool):
            raise ResponseModelError(
                f"A tool cannot be named {name!r}: tool_choice reserves that word. Rename {_origin_of(member)}."
            )
        if (other := by_name.setdefault(name, member)) is not member:
            raise ResponseModelError(
                f"Two members of response_model have the same tool name, {name!r}: "
                f"{_origin_of(other)} and {_origin_of(member)}. Rename one of them, "
                "with Annotated[..., polycall.ToolName(...)] for instance."
            )
    names = dict(zip(by_name, distinct_names(by_name), strict=True))
    tools = {names[own_name]: _make_tool(names[own_name], member) for own_name, member in by_name.items()}
    sent_names = {own_name: name for own_name, name in names.items() if name != own_name}
    return ToolSet(tools, tuple(tool.spec for tool in tools.values()), sent_names)


def _make_tool(name: str, member: _Member) -> Tool:
    if isinstance(member.type, own.Tool):
        return _make_schema_tool(name, member.type)
    teach_typed_dicts(member.type)
    adapter = make_adapter(member.type, name)
    schema = _with_object_root(argument_schema(adapter, name), name)
    check_own_init(adapter.core_schema, name, schema["properties"])  # type: ignore[arg-type]
    schema.pop("title", None)
    description = schema.pop("description", None)
    spec = ToolSpec(name, description if isinstance(description, str) else None, schema)
    return Tool(
        spec,
        _validator_of(adapter, name),
        accepts_non_finite(adapter.core_schema),
        exact_decimals(adapter.core_schema),
        counts_fields=_counts_fields(adapter.core_schema),
    )


def _root_of(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """The core schema itself, where a reference to it stands at the root (a recursive model's)."""
    definitions: dict[str, Any] = {}
    while schema["type"] in ("definitions", "definition-ref"):
        if schema["type"] == "definitions":
            definitions = {one["ref"]: one for one in schema["definitions"]}
            schema = schema["schema"]
        else:
            schema = definitions[schema["schema_ref"]]
    return schema


def _counts_fields(schema: Mapping[str, Any]) -> bool:
    schema = _root_of(schema)
    return (
        schema["type"] == "model"
        and schema["schema"]["type"] == "model-fields"
        and not any(schema.get(key) for key in ("post_init", "custom_init", "root_model"))
    )


def _make_schema_tool(name: str, tool: own.Tool) -> Tool:
    from polycall._engine.json_schema_tools import as_tool_call, make_schema, make_validator

    schema = _with_object_root(make_schema(tool), tool.name)
    description = schema.pop("description", None) if tool.description is None else tool.description
    spec = ToolSpec(name, description if isinstance(description, str) else None, schema)
    return Tool(spec, make_validator(tool.name, schema), accepts_non_finite=True, make_result=as_tool_call(tool))


def _validator_of(adapter: Any, name: str) -> Callable[..., object]:
    """The adapter's validator; checked, where validators of the class itself may give out nothing."""
    validate: Callable[..., object] = eager_validator(adapter, name).validate_json
    if not _root_of(adapter.core_schema)["type"].startswith("function-"):
        return validate

    def validate_json(text: str, *, context: object = None) -> object:
        value = validate(text, context=context)
        if value is None:
            raise TypeError(f"a model_validator of {name} returned None in place of the object")
        return value

    return validate_json


def _with_object_root(schema: JsonObject, name: str) -> JsonObject:
    """Copy a schema so that its root is the object itself, not a reference to it (as a recursive model's is)."""
    definitions: Any = schema.get("$defs", {})
    root: Any = schema  # JSON, which nobody has checked yet
    seen: set[str] = set()
    while "$ref" in root and root["$ref"] not in seen:
        seen.add(root["$ref"])
        siblings = {key: value for key, value in root.items() if key not in ("$ref", "$defs")}
        root = {**definitions[root["$ref"].removeprefix("#/$defs/")], **siblings}
    if root.get("type") != "object":
        raise ResponseModelError(f"The arguments of {name!r} must be an object; its JSON Schema is {root!r:.200}.")
    built: JsonObject = {**root, "$defs": definitions} if definitions else dict(root)
    built.setdefault("properties", {})
    return built


# -- names ------------------------------------------------------------------------------------------------------------


def _bare_name(member: object) -> str:
    origin = get_origin(member)
    if origin is not None:
        return f"{_bare_name(origin)}_{'_'.join(_show(argument) for argument in get_args(member))}"
    return str(getattr(member, "__name__", member))


def _origin_of(member: _Member) -> str:
    """Where a member comes from, for a message."""
    if isinstance(member.type, own.Tool):
        return f"polycall.Tool({member.type.name!r})"
    type_ = member.type
    return f"{getattr(type_, '__module__', '?')}.{getattr(type_, '__qualname__', _show(type_))}"


def _show(annotation: object) -> str:
    if isinstance(annotation, type) and get_origin(annotation) is None:
        return annotation.__name__
    return str(annotation).replace("typing.", "").replace("collections.abc.", "")
