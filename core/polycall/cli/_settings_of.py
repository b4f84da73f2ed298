"""A provider's settings as people read them: from its settings type, without its SDK."""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
import types
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from polycall._clients.settings import settings_type_of
from polycall._data.contract import NewClientOnly
from polycall._plugins.registry import registry
from polycall.plugin import NEUTRAL_OPTIONS

_VARIABLE = re.compile(r"`{0,2}\b([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)\b`{0,2}")
_ATTRIBUTE = re.compile(r"^ {4}(\w+): (.*(?:\n {8}.*)*)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting.

    Attributes:
        name: As in Python.
        type: For people: ``"text"``, ``"number"``, ``"secret"``, the choices.
        default: For people; ``"required"`` where there is none.
        in_file: Its key in a config file; for a secret the key that names a variable; ``"-"`` where a file cannot hold
            it.
        description: In a sentence or two; ``""`` where the plugin has none.
        new_client_only: Not for a client that is handed in.
    """

    name: str
    type: str
    default: str
    in_file: str
    description: str
    new_client_only: bool


@dataclass(frozen=True, slots=True)
class Described:
    """A provider.

    Attributes:
        name: Its name.
        distribution: Name and version.
        about: What its settings type says of itself.
        settings: In their order.
        variables: Environment variables that it or its SDK reads.
        options: Neutral names of a call's options.
    """

    name: str
    distribution: str
    about: str
    settings: tuple[Setting, ...]
    variables: tuple[str, ...]
    options: tuple[str, ...]

    def as_data(self) -> dict[str, object]:
        """As JSON data."""
        return {
            "name": self.name,
            "distribution": self.distribution,
            "about": self.about,
            "settings": [
                {
                    "name": one.name,
                    "type": one.type,
                    "default": one.default,
                    "key": None if one.in_file == "-" else one.in_file,
                    "description": one.description,
                    "new_client_only": one.new_client_only,
                }
                for one in self.settings
            ],
            "variables": list(self.variables),
            "options": list(self.options),
        }


def describe_provider(name: str) -> Described:
    """Describe a provider.

    Raises:
        ProviderNotFoundError: No such provider is installed.
        PluginError: Its plugin is broken.
    """
    provider = registry.provider(name)
    settings_type = settings_type_of(provider)
    distribution = provider.distribution or "registered in code"
    if settings_type is None:
        return Described(name, distribution, "", (), (), NEUTRAL_OPTIONS)
    text = inspect.cleandoc(settings_type.__doc__ or "")
    descriptions = _descriptions(settings_type)
    variables = _VARIABLE.findall(" ".join([text, *descriptions.values()]))
    return Described(
        name,
        distribution,
        _plain(text.partition("\n\nAttributes:")[0]),
        tuple(_setting(one, field, descriptions.get(one, "")) for one, field in settings_type.model_fields.items()),
        tuple(dict.fromkeys(variables)),
        NEUTRAL_OPTIONS,
    )


def _setting(name: str, field: FieldInfo, description: str) -> Setting:
    annotation = field.annotation
    is_secret = _holds(annotation, SecretStr)
    writable = _is_writable(annotation)
    if field.is_required():
        default = "required"
    else:
        value = field.get_default(call_default_factory=True, validated_data={})
        default = "" if value is None or value is PydanticUndefined or value == {} else str(value)
    return Setting(
        name,
        "secret" if is_secret else _type_text(annotation),
        default,
        f"{name}_env" if is_secret else name if writable else "-",
        _plain(description),
        any(isinstance(mark, NewClientOnly) for mark in field.metadata),
    )


def _descriptions(settings_type: type[BaseModel]) -> Mapping[str, str]:
    """The descriptions of fields: pydantic's, else the text under a field, else "Attributes:" of the class."""
    found: dict[str, str] = {}
    for class_ in reversed(settings_type.__mro__):
        if issubclass(class_, BaseModel) and class_ is not BaseModel:
            found.update(_ATTRIBUTE.findall(inspect.cleandoc(class_.__doc__ or "").partition("Attributes:\n")[2]))
            found.update(_texts_under_fields(class_))
    return found | {name: one.description for name, one in settings_type.model_fields.items() if one.description}


def _texts_under_fields(class_: type) -> dict[str, str]:
    try:
        body = ast.parse(textwrap.dedent(inspect.getsource(class_))).body[0]
    except (OSError, TypeError, SyntaxError):  # a class without a source
        return {}
    texts: dict[str, str] = {}
    statements = getattr(body, "body", [])
    for field, text in pairwise(statements):
        if (
            isinstance(field, ast.AnnAssign)
            and isinstance(field.target, ast.Name)
            and isinstance(text, ast.Expr)
            and isinstance(text.value, ast.Constant)
            and isinstance(text.value.value, str)
        ):
            texts[field.target.id] = text.value.value
    return texts


def _plain(text: str) -> str:
    """A docstring's text without its marks, its paragraphs on one line each."""
    paragraphs = [" ".join(one.split()) for one in re.split(r"\n\s*\n", text)]
    return "\n".join(paragraphs).replace("`", "")


def _type_text(annotation: Any) -> str:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _type_text(arguments[0])
    if origin in (Union, types.UnionType):
        return " or ".join(dict.fromkeys(_type_text(one) for one in arguments if one is not type(None)))
    if origin is Literal:
        return " | ".join(map(str, arguments))
    names = {str: "text", int: "integer", float: "number", bool: "true | false", dict: "table", list: "list"}
    return names.get(origin or annotation, "object")


def _holds(annotation: Any, wanted: type) -> bool:
    return annotation is wanted or any(_holds(one, wanted) for one in get_args(annotation))


def _is_writable(annotation: Any) -> bool:
    """Whether TOML can hold a value of a type."""
    return _type_text(annotation) != "object"
