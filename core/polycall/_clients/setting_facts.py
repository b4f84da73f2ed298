"""What can be said of a provider's settings: types, defaults, descriptions, variables. No SDK is imported."""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Any

from pydantic import BaseModel, TypeAdapter
from pydantic.errors import PydanticInvalidForJsonSchema, PydanticSchemaGenerationError
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from polycall._clients.secrets import ENVIRONMENT_SUFFIX, secret_fields
from polycall._clients.settings import in_code_only, settings_type_of
from polycall._data.contract import NewClientOnly, ReadFrom
from polycall._data.types import JsonObject
from polycall._plugins.registry import Provider, registry

_SECTION = re.compile(r"^    (\w+): (.*(?:\n {8,}.*)*)", re.MULTILINE)
_VARIABLE_NAME: JsonObject = {"type": "string", "pattern": "^[A-Za-z_][A-Za-z0-9_]*$"}


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingFacts:
    """One setting of a provider.

    Attributes:
        name: The setting's name in Python, and in a file unless it is a secret or an object.
        type: Its type, in words of JSON Schema: ``"string"``, ``"number > 0"``, ``'"chat" or "responses"'``.
        default: Its default as text, ``None`` if it is left to the SDK or required.
        required: It must be given.
        description: One paragraph, ``""`` if there is none.
        secret: A file names the variable that holds it, as ``key_in_file``.
        in_code_only: An object, which no file can hold.
        new_clients_only: Refused for a client that was handed in.
        variables: Environment variables that the SDK reads if the setting is not given.
        key_in_file: The key in a config file, ``None`` for an object.
    """

    name: str
    type: str
    default: str | None
    required: bool
    description: str
    secret: bool
    in_code_only: bool
    new_clients_only: bool
    variables: tuple[str, ...]
    key_in_file: str | None


def provider_settings(name: str) -> tuple[SettingFacts, ...]:
    """The settings of an installed provider, in the order in which it lists them.

    Raises:
        ProviderNotFoundError: No such provider is installed.
        PluginError: Its plugin is broken.
    """
    settings_type = settings_type_of(registry.provider(name))
    return () if settings_type is None else settings_facts(settings_type)


def settings_facts(settings_type: type[BaseModel]) -> tuple[SettingFacts, ...]:
    """The same for a settings type."""
    secrets, objects = secret_fields(settings_type), in_code_only(settings_type)
    texts = descriptions(settings_type)
    return tuple(
        SettingFacts(
            name=field.alias or name,
            type=_in_words(_schema_of(field)),
            default=_default(field),
            required=field.is_required(),
            description=texts.get(name, ""),
            secret=name in secrets,
            in_code_only=name in objects,
            new_clients_only=any(isinstance(mark, NewClientOnly) for mark in field.metadata),
            variables=tuple(one for mark in field.metadata if isinstance(mark, ReadFrom) for one in mark.variables),
            key_in_file=None
            if name in objects
            else f"{field.alias or name}{ENVIRONMENT_SUFFIX if name in secrets else ''}",
        )
        for name, field in settings_type.model_fields.items()
    )


def settings_schema(provider: Provider) -> tuple[dict[str, JsonObject], list[str]]:
    """The keys that a provider's settings may have in a config file, as properties of JSON Schema.

    Returns:
        The properties, and the names of those that are required.
    """
    settings_type = settings_type_of(provider)
    if settings_type is None:
        return {}, []
    properties: dict[str, JsonObject] = {}
    required: list[str] = []
    for facts, field in zip(settings_facts(settings_type), settings_type.model_fields.values(), strict=True):
        if facts.in_code_only:
            continue
        schema = _schema_of(field)
        if not facts.secret:
            properties[facts.name] = {**schema, **_annotations(facts)}
        properties[f"{facts.name}{ENVIRONMENT_SUFFIX}"] = _variable_schema(facts, is_map=_is_map(schema))
        if facts.required and not facts.secret:
            required.append(facts.name)
    return properties, required


def _annotations(facts: SettingFacts) -> JsonObject:
    return {"description": facts.description} if facts.description else {}


def _variable_schema(facts: SettingFacts, *, is_map: bool) -> JsonObject:
    one = "The environment variable that holds"
    if is_map:
        names = {"type": "object", "additionalProperties": _VARIABLE_NAME}
        return {"anyOf": [_VARIABLE_NAME, names], "description": f"{one} each entry of {facts.name}."}
    return {**_VARIABLE_NAME, "description": f"{one} {facts.name}."}


@cache
def descriptions(model: type[BaseModel]) -> Mapping[str, str]:
    """What a model says of its fields: ``description``, the text under a field, or ``Attributes:`` of the docstring."""
    section = _attributes(inspect.cleandoc(model.__doc__ or ""))
    found = {name: " ".join(text.split()) for name, text in _SECTION.findall(section)}
    for one in reversed(model.__mro__):
        if one is not BaseModel and issubclass(one, BaseModel):
            found |= _texts_under_fields(one)
    found |= {name: field.description for name, field in model.model_fields.items() if field.description}
    return {name: text.replace("``", "`") for name, text in found.items()}


def _attributes(docstring: str) -> str:
    _, _, section = docstring.partition("Attributes:\n")
    return textwrap.indent(textwrap.dedent(section), "    ")


def _texts_under_fields(model: type[BaseModel]) -> dict[str, str]:
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(model)))
    except (OSError, SyntaxError, TypeError):  # made at run time, or shipped without its source
        return {}
    body = tree.body[0].body if isinstance(tree.body[0], ast.ClassDef) else []
    return {
        field.target.id: " ".join(text.value.value.split())
        for field, text in pairwise(body)
        if isinstance(field, ast.AnnAssign)
        and isinstance(field.target, ast.Name)
        and isinstance(text, ast.Expr)
        and isinstance(text.value, ast.Constant)
        and isinstance(text.value.value, str)
    }


def _schema_of(field: FieldInfo) -> JsonObject:
    """The JSON Schema of a field; ``{}`` where it can be anything, or is nothing that JSON has."""
    annotation: Any = field.annotation
    for mark in field.metadata:
        annotation = _annotated(annotation, mark)
    try:
        schema = TypeAdapter(annotation, config={"arbitrary_types_allowed": True}).json_schema()
    except (PydanticInvalidForJsonSchema, PydanticSchemaGenerationError):
        return {}
    if not field.is_required() and isinstance(field.default, (str, int, float, bool)):
        schema["default"] = field.default
    return schema


def _annotated(annotation: Any, mark: object) -> Any:
    from typing import Annotated

    return Annotated[annotation, mark]


def _is_map(schema: JsonObject) -> bool:
    return any(one.get("type") == "object" for one in (schema, *_alternatives(schema)))


def _alternatives(schema: JsonObject) -> list[JsonObject]:
    found = schema.get("anyOf")
    return found if isinstance(found, list) else []


def _default(field: FieldInfo) -> str | None:
    if field.is_required() or field.default is None or field.default is PydanticUndefined:
        return None
    return str(field.default).lower() if isinstance(field.default, bool) else repr(field.default)


_BOUNDS = {"exclusiveMinimum": ">", "minimum": ">=", "exclusiveMaximum": "<", "maximum": "<="}


def _in_words(schema: JsonObject) -> str:
    """A JSON Schema in words; ``null`` is left out: it says that the setting may be left out."""
    if isinstance(words := schema.get("enum"), list):
        return " or ".join(f'"{one}"' for one in words)
    if "const" in schema:
        return f'"{schema["const"]}"'
    if alternatives := _alternatives(schema):
        return " or ".join(_in_words(one) for one in alternatives if one.get("type") != "null")
    bounds = " and ".join(f"{sign} {schema[word]}" for word, sign in _BOUNDS.items() if word in schema)
    return f"{schema.get('type', 'any')} {bounds}".strip()
