"""The JSON Schema of a tool's arguments: what the validator takes, no more and no less.

pydantic's own describes a class, and differs from its validator in places: by names (aliases that validation does not
use, paths of aliases, two fields of one name), in what can be set (dataclass fields without ``init``, enum members in a
``Literal``), and in limits that only the configuration has. Here the core schema, which the validator is made of,
decides.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from enum import Enum
from typing import Any, cast, get_type_hints

from pydantic import PydanticSchemaGenerationError, PydanticUserError, TypeAdapter, ValidationError
from pydantic.errors import PydanticInvalidForJsonSchema
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode, JsonSchemaValue
from pydantic_core import (
    CoreSchema,
    PydanticSerializationError,
    SchemaValidator,
    core_schema,
    to_json,
)

from polycall._data.errors import SchemaError
from polycall._data.types import JsonObject

_DEFINE_IT = "Define or import the type at module level, outside of 'if TYPE_CHECKING'."
_USE_DATA = "Give the field a type of data, or make it one that the model does not set (PrivateAttr)."
_STRING_LIMITS = {"str_min_length": "minLength", "str_max_length": "maxLength"}
_KEYS_AS_TEXT = {"int": r"^[+-]?\d+$", "float": r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$"}
_KEYS_THAT_TEXT_CANNOT_BE = frozenset({"list", "tuple", "set", "frozenset", "model", "dataclass", "typed-dict", "none"})

Field = Mapping[str, Any]
"""A field of a core schema; pydantic's three types of it have no common base."""


def make_adapter(member: object, name: str) -> TypeAdapter[Any]:
    """Make pydantic's adapter of a response model.

    Raises:
        SchemaError: pydantic has no validator for it.
    """
    try:
        return TypeAdapter(cast("Any", member))
    except NameError as error:  # pydantic's PydanticUndefinedAnnotation is one too
        raise SchemaError(name, f"{_first_line(error)}. {_DEFINE_IT}") from error
    except PydanticSchemaGenerationError as error:
        raise SchemaError(_field_without_schema(member, name), _not_data(error)) from error
    except PydanticUserError as error:
        raise _user_error(name, error) from error


def _field_without_schema(member: object, name: str) -> str:
    """The path of the field of a dataclass or a TypedDict that pydantic has no validator for, as far as it is known."""
    try:
        hints = get_type_hints(member, include_extras=True)
    except (NameError, TypeError):
        return name
    for field, hint in hints.items():
        try:
            TypeAdapter(hint)
        except PydanticSchemaGenerationError:
            return f"{name}.{field}"
        except Exception:  # noqa: BLE001, S112  # another problem than the one that is looked for
            continue
    return name


def _not_data(error: Exception) -> str:
    problem = _first_line(error).partition(" Set `arbitrary_types_allowed")[0].rstrip(".")  # which helps nobody here
    return f"no JSON Schema can express its type: {problem}. {_USE_DATA}"


def argument_schema(adapter: TypeAdapter[Any], name: str) -> JsonObject:
    """The schema of the arguments that an adapter's validator takes.

    Args:
        adapter: Of a response model.
        name: The tool's, where paths in errors begin.

    Raises:
        SchemaError: A field that no JSON Schema can express, or that no JSON can set.
    """
    try:
        return adapter.json_schema(mode="validation", by_alias=True, schema_generator=_ArgumentSchema)
    except _FieldError as error:
        raise SchemaError(name + _path_to(error.node, adapter.core_schema), error.problem) from error.__cause__
    except NameError as error:
        raise SchemaError(name, f"{_first_line(error)}. {_DEFINE_IT}") from error
    except PydanticInvalidForJsonSchema as error:
        node = getattr(error, "polycall_node", None)
        raise SchemaError(
            name + (_path_to(node, adapter.core_schema) if node is not None else ""),
            f"has a field that no JSON Schema can express: {_first_line(error).rstrip('.')}. {_USE_DATA}"
            if node is None
            else _not_data(error),
        ) from error
    except PydanticUserError as error:
        raise _user_error(name, error) from error


def _user_error(name: str, error: PydanticUserError) -> SchemaError:
    if error.code == "class-not-fully-defined":
        return SchemaError(name, f"An annotation names a type that is not known there. {_DEFINE_IT}")
    return SchemaError(name, f"pydantic cannot make a schema of it: {_first_line(error)}")


class _FieldError(Exception):
    """A part of a core schema that cannot be offered; not one of pydantic's, which a union would swallow."""

    def __init__(self, node: Mapping[str, Any], problem: str) -> None:
        super().__init__(problem)
        self.node = node
        self.problem = problem


class _ArgumentSchema(GenerateJsonSchema):
    """pydantic's generator, corrected by the core schema."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._core_configs: list[Mapping[str, Any]] = [{}]

    @property
    def mode(self) -> JsonSchemaMode:
        """Always what is validated, also for a class that sets ``json_schema_mode_override``."""
        return "validation"

    def generate_inner(self, schema: Any) -> JsonSchemaValue:
        try:
            return super().generate_inner(schema)
        except PydanticInvalidForJsonSchema as error:
            if not hasattr(error, "polycall_node"):
                error.polycall_node = schema  # type: ignore[attr-defined]  # the innermost one
            raise

    # -- names --------------------------------------------------------------------------------------------------------

    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        with self._config_of(schema):
            return super().model_schema(schema)

    def dataclass_schema(self, schema: core_schema.DataclassSchema) -> JsonSchemaValue:
        with self._config_of(schema):
            return super().dataclass_schema(schema)

    def typed_dict_schema(self, schema: core_schema.TypedDictSchema) -> JsonSchemaValue:
        with self._config_of(schema):
            fields = self._renamed(schema["fields"])
            json_schema = super().typed_dict_schema(cast("Any", {**schema, "fields": fields}))
        _check_required(json_schema, fields, total=schema.get("total", True))
        return json_schema

    def model_fields_schema(self, schema: core_schema.ModelFieldsSchema) -> JsonSchemaValue:
        fields = self._renamed(schema["fields"])
        json_schema = super().model_fields_schema(cast("Any", {**schema, "fields": fields}))
        _check_required(json_schema, fields)
        return json_schema

    def dataclass_args_schema(self, schema: core_schema.DataclassArgsSchema) -> JsonSchemaValue:
        # Validation takes no value for a field without init: it would be dropped.
        fields = self._renamed({field["name"]: field for field in schema["fields"] if field.get("init", True)})
        json_schema = super().dataclass_args_schema(cast("Any", {**schema, "fields": list(fields.values())}))
        _check_required(json_schema, fields)
        return json_schema

    @contextmanager
    def _config_of(self, schema: Any) -> Iterator[None]:
        self._core_configs.append(schema.get("config", self._core_configs[-1]))
        try:
            yield
        finally:
            self._core_configs.pop()

    def _renamed(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        """The fields, each with the one name that is offered for it as its alias."""
        config = self._core_configs[-1]
        renamed: dict[str, Any] = {}
        takers: dict[str, str] = {}
        for name, field in fields.items():
            keys = _keys_of(name, field, config)
            if not keys:
                raise _FieldError(
                    field["schema"],
                    "is set by a path into another argument (AliasPath), which a tool's schema cannot say. Give it a "
                    "name of its own too (AliasChoices), or write the outer argument as a field with a model.",
                )
            if (other := takers.setdefault(keys[0], name)) != name:
                raise _FieldError(
                    field["schema"],
                    f"takes the argument {keys[0]!r}, which the field {other!r} takes, too. Give one of them another "
                    "alias.",
                )
            renamed[name] = {**field, "validation_alias": keys[0]}
        for name, field in fields.items():
            for key in _keys_of(name, field, config)[1:]:
                if takers.get(key, name) != name:
                    raise _FieldError(
                        field["schema"],
                        f"takes the argument {key!r} as well as its own, but that is the field {takers[key]!r}. Give "
                        "one of them another alias.",
                    )
        return renamed

    # -- values -------------------------------------------------------------------------------------------------------

    def literal_schema(self, schema: core_schema.LiteralSchema) -> JsonSchemaValue:
        return super().literal_schema(cast("Any", {**schema, "expected": _settable(schema, schema["expected"])}))

    def enum_schema(self, schema: core_schema.EnumSchema) -> JsonSchemaValue:
        return super().enum_schema(cast("Any", {**schema, "members": _settable(schema, schema["members"])}))

    def str_schema(self, schema: core_schema.StringSchema) -> JsonSchemaValue:
        json_schema = super().str_schema(schema)
        for setting, keyword in _STRING_LIMITS.items():
            if (limit := self._core_configs[-1].get(setting)) and keyword not in json_schema:
                json_schema[keyword] = limit
        return json_schema

    def bytes_schema(self, schema: core_schema.BytesSchema) -> JsonSchemaValue:
        coding = self._core_configs[-1].get("val_json_bytes", "utf8")
        if coding == "utf8":
            return {**super().bytes_schema(schema), "format": "binary"}
        # Text of another length than the bytes: limits are the text's.
        least, most = schema.get("min_length"), schema.get("max_length")
        if coding == "hex":
            json_schema: JsonSchemaValue = {"type": "string", "pattern": "^([0-9a-fA-F]{2})*$"}
            least, most = (None if limit is None else 2 * limit for limit in (least, most))
        else:
            json_schema = {"type": "string", "format": "base64url"}
            least, most = (None if limit is None else 4 * -(-limit // 3) for limit in (least, most))
        if least is not None:
            json_schema["minLength"] = least
        if most is not None:
            json_schema["maxLength"] = most
        return json_schema

    def dict_schema(self, schema: core_schema.DictSchema) -> JsonSchemaValue:
        json_schema = super().dict_schema(schema)
        keys = _unwrapped(schema.get("keys_schema", {}))
        kind = keys.get("type")
        if kind in _KEYS_THAT_TEXT_CANNOT_BE:
            raise _FieldError(schema, "has keys that no JSON object can have: they are text. Use a list of models.")
        if kind in _KEYS_AS_TEXT and "propertyNames" not in json_schema:
            json_schema["propertyNames"] = {"pattern": _KEYS_AS_TEXT[kind]}
        elif kind == "bool" and "propertyNames" not in json_schema:
            json_schema["propertyNames"] = {"enum": ["true", "false"]}
        return json_schema


def _keys_of(name: str, field: Field, config: Mapping[str, Any]) -> list[str]:
    """The keys of an object under which validation looks for a field, the first to be found first."""
    alias: str | list[Any] | None = field.get("validation_alias")
    by_alias = _setting(config, "validate_by_alias", default=True)
    by_name = _setting(config, "validate_by_name", default=False)
    if alias is None or not by_alias:
        return [name]
    if isinstance(alias, str):
        keys = [alias]
    else:
        paths: list[list[str | int]] = alias if alias and isinstance(alias[0], list) else [alias]
        keys = [path[0] for path in paths if len(path) == 1 and isinstance(path[0], str)]
    return list(dict.fromkeys([*keys, name] if by_name else keys))


def _setting(config: Mapping[str, Any], name: str, *, default: bool) -> bool:
    value = config.get(name)
    return default if value is None else bool(value)


def _check_required(json_schema: JsonSchemaValue, fields: Mapping[str, Field], *, total: bool = False) -> None:
    """A field that must be set is among the properties; pydantic leaves one out that it cannot or shall not show."""
    properties = json_schema.get("properties", {})
    for field in fields.values():
        if field["validation_alias"] in properties:
            continue
        required = (
            field.get("required", total)
            if field["type"] == "typed-dict-field"
            else field["schema"]["type"] != "default"
        )
        if required:
            raise _FieldError(
                field["schema"],
                "must be set, but its type has no JSON Schema (or is hidden with SkipJsonSchema). Give it a default "
                "or another type.",
            )


def _settable(schema: Any, values: Sequence[Any]) -> list[Any]:
    """The values that JSON can set, as the validator itself says."""
    validator = SchemaValidator(schema)
    settable = [value for value in values if _takes(validator, value)]
    if not settable:
        shown = ", ".join(repr(value) for value in values[:3])
        raise _FieldError(
            schema,
            f"no JSON value becomes {shown}: pydantic compares with the JSON value itself. Derive an enum from str or "
            "int too (class Colour(str, Enum)), or write the values themselves.",
        )
    return settable


def _takes(validator: SchemaValidator, value: Any) -> bool:
    try:
        validator.validate_json(to_json(value.value if isinstance(value, Enum) else value))
    except (ValidationError, PydanticSerializationError, TypeError, ValueError):
        return False
    return True


def _unwrapped(schema: Any) -> Mapping[str, Any]:
    while schema.get("type") in ("default", "function-after", "function-wrap"):
        schema = schema["schema"]
    return cast("Mapping[str, Any]", schema)


# -- where in a core schema -------------------------------------------------------------------------------------------


def _path_to(node: Mapping[str, Any], root: CoreSchema) -> str:
    """The path of a part of a core schema, ``".legs[].size"``; ``""`` if it is the root, or not there."""
    definitions: dict[str, Any] = {}
    seen: set[int] = set()
    waiting: list[tuple[str, Any]] = [("", root)]
    for path, part in waiting:  # grows
        if part is node:
            return path
        if isinstance(part, (list, tuple)):
            waiting += [(path, one) for one in part]
            continue
        if not isinstance(part, Mapping) or id(part) in seen:
            continue
        seen.add(id(part))
        kind = part.get("type")
        if kind == "definitions":
            definitions.update({one["ref"]: one for one in part["definitions"]})
            waiting.append((path, part["schema"]))
        elif kind == "definition-ref":
            waiting.append((path, definitions.get(part["schema_ref"])))
        else:
            waiting += [(path + step, inner) for step, inner in _parts(part)]
    return ""


def _parts(part: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    fields = part.get("fields")
    if isinstance(fields, Mapping):
        yield from ((f".{name}", field["schema"]) for name, field in fields.items())
    elif part.get("type") == "dataclass-args" and fields is not None:
        yield from ((f".{field['name']}", field["schema"]) for field in fields)
    for key, inner in part.items():
        if key == "items_schema":
            yield "[]", inner
        elif key in ("values_schema", "extras_schema"):
            yield ".*", inner
        elif key == "choices" and isinstance(inner, Mapping):
            yield "", list(inner.values())
        elif key not in ("fields", "metadata", "serialization", "default", "expected", "members", "cls", "config"):
            yield "", inner


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]
