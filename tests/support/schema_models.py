"""Generated models with instances, and what a provider would send for an instance in a dialect."""

from __future__ import annotations

import dataclasses
import enum
import json
import re
import uuid
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Annotated, Any, Literal, NamedTuple, NotRequired, Optional, Union

from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from pydantic import BaseModel, Field, TypeAdapter, create_model
from typing_extensions import TypedDict

from polycall._engine.tools import tools_for
from polycall.plugin import Dialect, ToolSpec

Kind = tuple[Any, st.SearchStrategy[Any]]
"""An annotation, and its values as Python input for validation."""

# Type checkers take these for types only; here they are made from values.
_LIST: Any = list
_DICT: Any = dict
_SET: Any = set
_TUPLE: Any = tuple
_OPTIONAL: Any = Optional
_UNION: Any = Union
_CREATE_MODEL: Any = create_model


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2


class Node(BaseModel):
    """A node of a tree."""

    value: int
    children: list[Node] = []
    parent: Node | None = None


class Cat(BaseModel):
    kind: Literal["cat"]
    lives: int = 9


class Dog(BaseModel):
    kind: Literal["dog", "wolf"]
    name: str
    friend: Cat | None = None


class Options(TypedDict):
    verbose: NotRequired[bool]
    level: int
    tags: NotRequired[dict[str, str]]


@dataclasses.dataclass
class Point:
    x: float
    y: float = 0.5


class Span(NamedTuple):
    start: int
    unit: str = "m"


def _nodes() -> st.SearchStrategy[dict[str, Any]]:
    leaf = st.fixed_dictionaries({"value": _INTEGERS})
    return st.recursive(
        leaf,
        lambda inner: st.fixed_dictionaries(
            {"value": _INTEGERS}, optional={"children": st.lists(inner, max_size=2), "parent": inner | st.none()}
        ),
        max_leaves=4,
    )


_INTEGERS = st.integers(-(2**53), 2**53)
_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
_FLOATS = st.floats(allow_nan=False, allow_infinity=False)
_CATS = st.fixed_dictionaries({"kind": st.just("cat")}, optional={"lives": _INTEGERS})
_DOGS = st.fixed_dictionaries(
    {"kind": st.sampled_from(["dog", "wolf"]), "name": _TEXT}, optional={"friend": _CATS | st.none()}
)
_DATETIMES = st.datetimes(
    min_value=datetime(1900, 1, 1),  # noqa: DTZ001
    max_value=datetime(2100, 1, 1),  # noqa: DTZ001
    timezones=st.just(UTC),
)

SCALARS: tuple[Kind, ...] = (
    (int, _INTEGERS),
    (float, _FLOATS),
    (str, _TEXT),
    (bool, st.booleans()),
    (date, st.dates()),
    (datetime, _DATETIMES),
    (time, st.times()),
    (timedelta, st.timedeltas(timedelta(0), timedelta(days=1000))),
    (uuid.UUID, st.uuids()),
    (Decimal, st.decimals(allow_nan=False, allow_infinity=False, places=2, min_value=-(10**6), max_value=10**6)),
    (bytes, _TEXT.map(str.encode)),
    (Colour, st.sampled_from(Colour)),
    (Level, st.sampled_from(Level)),
    (Literal["a"], st.just("a")),
    (Literal["a", "b c", ""], st.sampled_from(["a", "b c", ""])),
    (Literal[1, 2, "three"], st.sampled_from([1, 2, "three"])),
    (Literal["x", None], st.sampled_from([None, "x"])),  # noqa: PYI061
    (Annotated[int, Field(ge=-3, lt=10)], st.integers(-3, 9)),
    (Annotated[int, Field(multiple_of=3)], _INTEGERS.map(lambda number: number // 3 * 3)),
    (Annotated[int, Field(le=2**60 + 1)], _INTEGERS),
    (Annotated[float, Field(gt=0, le=1)], st.floats(0.001, 1)),
    (Annotated[str, Field(min_length=2, max_length=4)], st.text("abé☃", min_size=2, max_size=4)),
    (Annotated[str, Field(pattern="^[a-c]{2}$")], st.text("abc", min_size=2, max_size=2)),
)

MODELS: tuple[Kind, ...] = (
    (Node, _nodes()),
    (Cat, _CATS),
    (Cat | Dog, _CATS | _DOGS),
    (Annotated[Cat | Dog, Field(discriminator="kind")], _CATS | _DOGS),
    (
        Options,
        st.fixed_dictionaries(
            {"level": _INTEGERS},
            optional={"verbose": st.booleans(), "tags": st.dictionaries(_TEXT, _TEXT, max_size=2)},
        ),
    ),
    (Point, st.fixed_dictionaries({"x": _FLOATS}, optional={"y": _FLOATS})),
    (Span, st.tuples(_INTEGERS) | st.tuples(_INTEGERS, _TEXT)),
)


def kinds(*, recursive: bool = True) -> st.SearchStrategy[Kind]:
    """Annotations of fields, each with a strategy for its values; ``recursive=False`` leaves out trees."""
    models = MODELS if recursive else MODELS[1:]
    return st.recursive(st.sampled_from(SCALARS + models), _containers, max_leaves=4)


def _containers(inner: st.SearchStrategy[Kind]) -> st.SearchStrategy[Kind]:
    return st.one_of(
        inner.map(lambda kind: (_LIST[kind[0]], st.lists(kind[1], max_size=3))),
        inner.map(lambda kind: (_OPTIONAL[kind[0]], kind[1] | st.none())),
        inner.map(lambda kind: (_DICT[str, kind[0]], st.dictionaries(_TEXT, kind[1], max_size=3))),
        inner.map(lambda kind: (_DICT[Literal["p", "q"], kind[0]], st.dictionaries(st.sampled_from("pq"), kind[1]))),
        inner.map(lambda kind: (_TUPLE[kind[0], ...], st.lists(kind[1], max_size=3).map(tuple))),
        st.tuples(inner, inner).map(lambda two: (_TUPLE[two[0][0], two[1][0]], st.tuples(two[0][1], two[1][1]))),
        st.tuples(inner, inner).map(lambda two: (_UNION[two[0][0], two[1][0]], two[0][1] | two[1][1])),
        st.sampled_from(SCALARS[:4]).map(lambda kind: (_SET[kind[0]], st.lists(kind[1], max_size=3, unique=True))),
        st.lists(inner, min_size=1, max_size=3).map(_as_model),
    )


def _as_model(fields: list[Kind]) -> Kind:
    model = _CREATE_MODEL("Inner", **{f"field_{at}": (kind[0], ...) for at, kind in enumerate(fields)})
    return model, st.fixed_dictionaries({f"field_{at}": kind[1] for at, kind in enumerate(fields)})


@st.composite
def instances(draw: st.DrawFn, *, recursive: bool = True) -> BaseModel:
    """An instance of a generated model, some of whose fields have aliases or defaults."""
    definitions: dict[str, Any] = {}
    values: dict[str, Any] = {}
    for at, (annotation, strategy) in enumerate(draw(st.lists(kinds(recursive=recursive), min_size=1, max_size=4))):
        name = f"field_{at}"
        alias = draw(st.sampled_from([None, None, f"alias-{at}"]))
        optional = draw(st.booleans())
        definitions[name] = (
            (annotation, Field(default_factory=lambda s=strategy: None, alias=alias))
            if optional
            else (
                annotation,
                Field(alias=alias),
            )
        )
        if not optional or draw(st.booleans()):
            values[alias or name] = draw(strategy)
    model: type[BaseModel] = _CREATE_MODEL("Generated", **definitions)
    return model.model_validate(values)


def spec_of(model: object) -> ToolSpec:
    """The tool of a model, as the core makes it."""
    (spec,) = tools_for(Iterable[model]).specs  # type: ignore[valid-type]
    return spec


def as_json(instance: BaseModel) -> Any:
    """An instance as decoded JSON, by alias, without what was not set."""
    return json.loads(instance.model_dump_json(by_alias=True, exclude_unset=True))


def as_sent(value: Any, spec: ToolSpec, dialect: Dialect) -> Any:
    """What a model that follows the dialect's schema writes for a value of the user's schema: restore, inverted."""
    definitions: Mapping[str, Any] = spec.schema.get("$defs", {})  # type: ignore[assignment]
    return _Sender(definitions, dialect).send(value, spec.schema)


class _Sender:
    def __init__(self, definitions: Mapping[str, Any], dialect: Dialect) -> None:
        self.definitions = definitions
        self.dialect = dialect

    def send(self, value: Any, schema: Any) -> Any:
        if not isinstance(schema, dict):
            return value
        if "$ref" in schema:
            return self.send(value, self.definitions[schema["$ref"].removeprefix("#/$defs/")])
        for keyword in ("anyOf", "oneOf"):
            if keyword in schema:
                branch = next(each for each in schema[keyword] if self.fits(value, each))
                return self.send(value, branch)
        if isinstance(value, dict) and "properties" in schema:
            return self.named(value, schema["properties"], schema.get("required", ()))
        if isinstance(value, dict) and isinstance(schema.get("additionalProperties"), dict):
            return self.map(value, schema)
        if isinstance(value, list) and "prefixItems" in schema:
            return self.tuple(value, schema)
        if isinstance(value, list):
            return [self.send(item, schema.get("items")) for item in value]
        return value

    def named(self, value: dict[str, Any], properties: dict[str, Any], required: Iterable[str]) -> Any:
        sent = {}
        for name, schema in properties.items():
            wire_name = name
            if self.dialect.property_names and not self.dialect.property_names.fullmatch(name):
                wire_name = re.sub("[^A-Za-z0-9]", "_", name)
            if name in value:
                sent[wire_name] = self.send(value[name], schema)
            elif self.dialect.all_required:
                sent[wire_name] = None
        return sent

    def map(self, value: dict[str, Any], schema: dict[str, Any]) -> Any:
        keys = schema.get("propertyNames", {})
        nulls = self.dialect.all_required and self.fits(None, schema["additionalProperties"])
        if "enum" in keys and not nulls:
            return self.named(value, dict.fromkeys(keys["enum"], schema["additionalProperties"]), ())
        sent = {key: self.send(part, schema["additionalProperties"]) for key, part in value.items()}
        return sent if self.dialect.maps == "keep" else [{"key": key, "value": part} for key, part in sent.items()]

    def tuple(self, value: list[Any], schema: dict[str, Any]) -> Any:
        prefix = schema["prefixItems"]
        items = [self.send(item, each) for item, each in zip(value, prefix, strict=False)]
        if self.dialect.tuples == "keep" or all(each == prefix[0] for each in prefix):
            return items
        sent = {f"item_{at + 1}": item for at, item in enumerate(items)}
        if self.dialect.all_required:
            sent |= {f"item_{at + 1}": None for at in range(len(items), len(prefix))}
        return sent

    def fits(self, value: Any, schema: dict[str, Any]) -> bool:
        return bool(Draft202012Validator({**schema, "$defs": self.definitions}).is_valid(value))


def as_json_schema(schema: Any) -> Any:
    """A schema of Vertex's own kind in JSON Schema: lower-case types, a null type for ``nullable``."""
    if isinstance(schema, list):
        return [as_json_schema(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    converted = {
        key: {name: as_json_schema(part) for name, part in value.items()}
        if key == "properties"
        else value.lower()
        if key == "type" and isinstance(value, str)
        else as_json_schema(value)
        for key, value in schema.items()
        if key not in ("nullable", "propertyOrdering")
    }
    return {"anyOf": [converted, {"type": "null"}]} if schema.get("nullable") else converted


def validated(spec_model: type[BaseModel], arguments: Any, restore: Callable[[object], object] | None) -> Any:
    """The object that the core would make of decoded arguments."""
    return TypeAdapter(spec_model).validate_json(json.dumps(restore(arguments) if restore else arguments))
