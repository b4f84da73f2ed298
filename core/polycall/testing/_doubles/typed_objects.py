"""Typed objects as the calls that a model would make for them."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from pydantic import BaseModel, TypeAdapter

from polycall._data.contract import ToolSpec
from polycall._data.errors import PolycallError
from polycall._engine.tools import tools_for
from polycall.testing._doubles.errors import ScriptError


def is_typed_object(value: object) -> bool:
    """Whether a value is an object of a class that can be in a ``response_model``."""
    return isinstance(value, BaseModel) or (dataclasses.is_dataclass(value) and not isinstance(value, type))


def own_tool(value: object) -> ToolSpec:
    """The tool that an object's class is, by itself.

    Raises:
        ScriptError: The class cannot be in a ``response_model``.
    """
    try:
        return tools_for([type(value)]).specs[0]
    except PolycallError as error:
        raise ScriptError(f"{value!r:.80} cannot be a call: {error}") from error


def tool_name(value: object, tools: Sequence[ToolSpec]) -> str:
    """The name of an object's tool in a request.

    Raises:
        ScriptError: The request has no such tool.
    """
    own = own_tool(value)
    names = [tool.name for tool in tools]
    if own.name in names:
        return own.name
    alike = [tool.name for tool in tools if tool.schema == own.schema and tool.description == own.description]
    if len(alike) == 1:  # the class under another name
        return alike[0]
    raise ScriptError(
        f"The script answers with {value!r:.80}, and {type(value).__name__} is not a tool of the request, which has: "
        f"{', '.join(names)}. For a call of an unknown tool write call({own.name!r}, {{...}})."
    )


def arguments_of(value: object) -> str:
    """The JSON text of a call's arguments that validates to an equal object, as far as there is one.

    An object that is not valid itself (of ``model_construct``, say) gives a call that is not.

    Raises:
        ScriptError: It cannot be written as JSON.
    """
    adapter = _adapter(type(value))  # type: ignore[arg-type]  # a class is hashable
    try:
        by_alias, by_name = (
            adapter.dump_json(value, by_alias=aliases, warnings=False).decode() for aliases in (True, False)
        )
    except Exception as error:
        raise ScriptError(f"{value!r:.80} cannot be written as JSON: {error}") from error
    return by_name if by_name != by_alias and not _makes(adapter, by_alias, value) else by_alias


def _makes(adapter: TypeAdapter[Any], text: str, value: object) -> bool:
    try:
        return bool(adapter.validate_json(text) == value)
    except Exception:  # noqa: BLE001  # a validator may raise anything
        return False


@lru_cache(maxsize=256)
def _adapter(type_: type) -> TypeAdapter[Any]:
    return TypeAdapter(type_)
