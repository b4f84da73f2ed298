"""Tools that exist only as JSON Schema: their schema in the form that providers get, and the validator of their calls.

A failure is a pydantic ``ValidationError`` like that of any other tool, so it is worded, repaired and corrected alike.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from typing import TYPE_CHECKING, Any, NoReturn, cast

from pydantic import JsonValue, TypeAdapter, ValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError

from polycall._data.errors import ConfigurationError, ResponseModelError, SchemaError
from polycall._data.tools import Tool
from polycall._data.types import JsonObject, ToolCall

if TYPE_CHECKING:
    import jsonschema_rs

_DEFINITIONS = "#/$defs/"
_DATA_KEYWORDS = frozenset({"const", "enum", "default", "example", "examples"})
"""Their values are data, in which ``$ref`` is a name like any other and ``null`` a value."""
_MAPS_OF_SCHEMAS = frozenset(
    {"properties", "patternProperties", "$defs", "definitions", "dependentSchemas", "dependencies"}
)
"""Their keys are names, and not keywords."""
_NOT_FOR_PROVIDERS = frozenset({"$schema", "$id", "id", "$comment"})
_WRONG_KIND = {"object": "dict_type", "array": "list_type"}
"""pydantic's kinds of error for a value that is not an object or a list: the engine repairs one that came as text."""
_MAX_PROBLEMS = 50
_OLD_DRAFT = re.compile(r"draft-0[3-7]\b")
_TOLD = ("title", "description", "default", "example", "examples")
"""Keywords that only say something, which a reference may have next to it in any draft."""
_BACKTRACK_LIMIT = 100_000
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9_.-]")
_SPECIAL = re.compile(r"~[01]")


def make_schema(tool: Tool) -> JsonObject:
    """The schema of a tool's arguments, in the form that `polycall.plugin.ToolSpec` promises.

    Draft 2020-12 with definitions in ``$defs``; older spellings are rewritten.

    Raises:
        ResponseModelError: It is not a JSON Schema of an object.
        SchemaError: A reference that leads nowhere, or into another document.
    """
    if not isinstance(tool.schema, Mapping):
        raise ResponseModelError(
            f"Tool {tool.name!r}: schema must be a JSON Schema as a dict, got {type(tool.schema).__name__}."
        )
    try:
        root = _Modern(tool).convert()
    except RecursionError:
        raise SchemaError(tool.name, "is nested too deeply, or holds itself.") from None
    if "type" not in root and "$ref" not in root and not any(key in root for key in ("anyOf", "oneOf", "allOf")):
        root["type"] = "object"
    return root


def make_validator(name: str, schema: JsonObject) -> Callable[..., object]:
    """``validate_json(text, context=...)`` for a tool's calls; it returns the decoded arguments.

    Args:
        name: The tool's.
        schema: As providers get it, so that what is told is what is checked.

    Raises:
        ConfigurationError: jsonschema-rs is not installed.
        SchemaError: The schema is not one.
    """
    try:
        import jsonschema_rs
    except ImportError as error:
        raise ConfigurationError(
            f"The calls of tool {name!r}, which exists only as JSON Schema, are validated with jsonschema-rs, "
            f'which cannot be imported ({error}). Install it with: pip install "polycall[json-schema]"',
            key="response_model",
        ) from error
    return _Validator(name, _compile(jsonschema_rs, name, schema)).validate_json


def _compile(jsonschema_rs: Any, name: str, schema: JsonObject) -> jsonschema_rs.Validator:
    def refuse(uri: str) -> NoReturn:
        raise ValueError(f"$ref {uri!r} leads to another document, and polycall fetches none; put it into $defs")

    try:
        # Patterns of others run over text of others: the engine that looks around stops after so many steps.
        return jsonschema_rs.validator_for(  # type: ignore[no-any-return]
            schema,
            retriever=refuse,
            mask="the value",  # shown next to the problem, and shortened
            pattern_options=jsonschema_rs.FancyRegexOptions(backtrack_limit=_BACKTRACK_LIMIT),
        )
    except (ValueError, TypeError, RecursionError) as error:
        raise SchemaError(name, f"not a valid JSON Schema: {str(error).partition(chr(10))[0]}") from error


def as_tool_call(tool: Tool) -> Callable[[ToolCall, object], ToolCall]:
    """What makes the result of a call: the call itself, decoded, under the tool's own name."""

    def make(call: ToolCall, arguments: object) -> ToolCall:
        return ToolCall(call.id, tool.name, cast("JsonObject", arguments), call.index)

    return make


class _Validator:
    def __init__(self, name: str, validator: jsonschema_rs.Validator) -> None:
        self._name = name
        self._validator = validator

    def validate_json(self, text: str, *, context: object = None) -> dict[str, object]:  # noqa: ARG002 - pydantic's
        arguments = _OBJECTS.validate_json(text)
        found = islice(self._validator.iter_errors(arguments), _MAX_PROBLEMS)
        problems = [line for problem in found for line in _as_pydantic(problem)]
        if problems:
            raise ValidationError.from_exception_data(self._name, problems, input_type="json")
        return cast("dict[str, object]", arguments)


_OBJECTS: TypeAdapter[dict[str, JsonValue]] = TypeAdapter(dict[str, JsonValue])


def _as_pydantic(problem: jsonschema_rs.ValidationError) -> Iterator[InitErrorDetails]:
    """A problem in the forms that pydantic itself has for it, where it has one."""
    path: tuple[str | int, ...] = tuple(problem.instance_path)
    value: Any = problem.instance
    keyword = problem.schema_path[-1] if problem.schema_path else ""
    missing = getattr(problem.kind, "property", None)
    unexpected = getattr(problem.kind, "unexpected", None)
    if keyword == "required" and isinstance(missing, str):
        yield {"type": "missing", "loc": (*path, missing), "input": value}
    elif keyword in ("additionalProperties", "unevaluatedProperties") and unexpected and isinstance(value, dict):
        for name in unexpected:
            yield {"type": "extra_forbidden", "loc": (*path, name), "input": value.get(name)}
    elif keyword == "type" and (kind := _WRONG_KIND.get(_expected_type(problem))) is not None:
        yield {"type": kind, "loc": path, "input": value}
    else:
        told = PydanticCustomError("json_schema", "{problem}", {"problem": problem.message})
        yield {"type": told, "loc": path, "input": value}


def _expected_type(problem: jsonschema_rs.ValidationError) -> str:
    types: list[str] = getattr(problem.kind, "types", [])
    return types[0] if len(types) == 1 else ""


def _plain(value: object) -> Any:
    """The schema in plain dicts and lists, which is what jsonschema-rs takes."""
    if isinstance(value, Mapping):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(inner) for inner in value]
    return value


class _Modern:
    """Rewrites a schema of an older draft or of OpenAPI, with the targets of its references in ``$defs``."""

    def __init__(self, tool: Tool) -> None:
        self.tool = tool
        self.source: JsonObject = _plain(tool.schema)
        self.definitions: JsonObject = {}
        self.ignores_siblings = bool(_OLD_DRAFT.search(str(self.source.get("$schema"))))
        """Up to draft 7 keywords next to a reference mean nothing."""
        self.names: dict[str, str] = {}
        """The name in ``$defs`` of each target, by its pointer."""

    def convert(self) -> JsonObject:
        root: JsonObject = self.schema(
            {key: value for key, value in self.source.items() if key not in ("$defs", "definitions")}
        )
        if self.definitions:
            root["$defs"] = self.definitions
        return root

    def schema(self, schema: Any) -> Any:
        """One schema, and those in it."""
        if not isinstance(schema, dict):
            return schema
        if self.ignores_siblings and isinstance(schema.get("$ref"), str):
            schema = {"$ref": schema["$ref"], **{key: schema[key] for key in _TOLD if key in schema}}
        built: JsonObject = {}
        for keyword, value in schema.items():
            if keyword in _NOT_FOR_PROVIDERS:
                continue
            if keyword == "$ref" and isinstance(value, str):
                built[keyword] = self.reference(value)
            elif keyword in _DATA_KEYWORDS:
                built[keyword] = value
            elif keyword in _MAPS_OF_SCHEMAS and isinstance(value, dict):
                built[keyword] = {name: self.schema(inner) for name, inner in value.items()}
            elif isinstance(value, list):
                built[keyword] = [self.schema(inner) for inner in value]
            else:
                built[keyword] = self.schema(value)
        return _as_2020(built)

    def reference(self, pointer: str) -> str:
        if pointer not in self.names:
            if not pointer.startswith("#/") and pointer != "#":
                raise SchemaError(
                    self.tool.name,
                    f"$ref {pointer!r} leads to another document or to an anchor, and polycall fetches none; put its "
                    "target into $defs and write '#/$defs/NAME'.",
                )
            name = _NOT_IN_NAMES.sub("_", pointer.rpartition("/")[2].lstrip("#")) or "Arguments"
            while name in self.definitions:
                name += "_"
            self.names[pointer] = name
            self.definitions[name] = {}  # for a reference to itself
            self.definitions[name] = self.schema(self.target(pointer))
        return _DEFINITIONS + self.names[pointer]

    def target(self, pointer: str) -> object:
        from urllib.parse import unquote

        target: Any = self.source  # JSON, which nobody has checked yet
        for step in unquote(pointer[1:]).split("/")[1:]:
            key = _SPECIAL.sub(lambda special: "~" if special[0] == "~0" else "/", step)
            try:
                target = target[int(key)] if isinstance(target, list) else target[key]
            except (KeyError, IndexError, ValueError, TypeError):
                raise SchemaError(self.tool.name, f"$ref {pointer!r} leads nowhere.") from None
        if target is self.source:
            return {key: value for key, value in self.source.items() if key not in ("$defs", "definitions")}
        return target


def _as_2020(schema: JsonObject) -> JsonObject:
    """Spellings of older drafts, of OpenAPI, and of servers that write ``null`` for "not said"."""
    for keyword in [key for key, value in schema.items() if value is None and key not in _DATA_KEYWORDS]:
        del schema[keyword]
    for exclusive, bound in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
        flag = schema.get(exclusive)
        if isinstance(flag, bool):
            del schema[exclusive]
            if flag and bound in schema:
                schema[exclusive] = schema.pop(bound)
    if isinstance(schema.get("items"), list):
        schema["prefixItems"] = schema.pop("items")
        if "additionalItems" in schema:
            schema["items"] = schema.pop("additionalItems")
    if isinstance(dependencies := schema.get("dependencies"), dict):
        del schema["dependencies"]
        for name, needed in dependencies.items():
            keyword = "dependentRequired" if isinstance(needed, list) else "dependentSchemas"
            table = schema.setdefault(keyword, {})
            if isinstance(table, dict):
                table[name] = needed
    if isinstance(properties := schema.get("properties"), dict):
        _hoist_required(schema, properties)
    if isinstance(nullable := schema.get("nullable"), bool):
        del schema["nullable"]
        if nullable:
            return _or_null(schema)
    return schema


def _hoist_required(schema: JsonObject, properties: JsonObject) -> None:
    """``required: true`` in a property (draft 3) as the list of names that the object requires."""
    listed = schema.get("required")
    required = list(listed) if isinstance(listed, list) else []
    for name, part in properties.items():
        if isinstance(part, dict) and isinstance(flag := part.get("required"), bool):
            properties[name] = {key: value for key, value in part.items() if key != "required"}
            if flag and name not in required:
                required.append(name)
    if required:
        schema["required"] = required


def _or_null(schema: JsonObject) -> JsonObject:
    if isinstance(schema.get("type"), str) and "enum" not in schema and "const" not in schema:
        return {**schema, "type": [schema["type"], "null"]}
    told = {key: schema.pop(key) for key in _TOLD if key in schema}
    return {"anyOf": [schema, {"type": "null"}], **told}
