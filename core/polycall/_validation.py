"""From a tool call to an object of the response model, or to the reason why not."""

from __future__ import annotations

import json
from dataclasses import dataclass

from pydantic import ValidationError
from pydantic_core import ErrorDetails, to_json

from polycall._tools import Tool, ToolSet
from polycall._types import CallFailure, ToolCall

_MAX_LISTED_ERRORS = 10
_MAX_SHOWN_INPUT = 80


@dataclass(frozen=True, slots=True)
class ValidCall:
    """A call with the object that its arguments make."""

    tool_call: ToolCall
    value: object


def validate_call(tool_call: ToolCall, tools: ToolSet, context: object = None) -> ValidCall | CallFailure:
    """Make the object that a call stands for.

    Args:
        tool_call: As the plugin extracted it.
        tools: The tools of the request.
        context: The caller's pydantic validation context.

    Returns:
        The object; or why there is none, in words for the model. An exception that is no validation error, out of a
        validator of the caller's own, is the caller's and passes through.
    """
    if tool_call.problem is not None:
        return CallFailure(tool_call, tool_call.problem)
    tool = tools.tools.get(tool_call.name)
    if tool is None:
        return CallFailure(
            tool_call, f"there is no tool named {tool_call.name!r}; the tools are: {', '.join(tools.tools)}"
        )
    arguments = tool_call.arguments if tool_call.normalized_arguments is None else tool_call.normalized_arguments
    try:
        # Structures go through JSON too, so that one model accepts the same from every provider: pydantic's Python
        # mode takes other types (a strict model refuses a date given as text there).
        text = arguments if isinstance(arguments, str) else to_json(arguments, inf_nan_mode="constants").decode()
        return ValidCall(tool_call, _validate_text(text, tool, context))
    except ValidationError as error:
        fields = frozenset(str(line["loc"][0]) for line in error.errors(include_url=False) if line["loc"])
        return CallFailure(tool_call, _explain(error), fields)
    except _NotJsonError as error:
        return CallFailure(tool_call, str(error))


class _NotJsonError(Exception):
    """The arguments are not JSON; the message says where."""


def _validate_text(text: str, tool: Tool, context: object) -> object:
    if not text or text.isspace() or text == "null":
        # A call without arguments: many servers send nothing instead of "{}" (simonw/llm#1521, vercel/ai#14722).
        text = "{}"
    if "NaN" in text or "Infinity" in text:
        _refuse_constants(text)
    try:
        return tool.adapter.validate_json(text, context=context)
    except ValidationError as error:
        repaired = _repair(text, error)
        if repaired is None:
            raise
    return tool.adapter.validate_json(repaired, context=context)


def _refuse_constants(text: str) -> None:
    """Refuse the bare words NaN and Infinity, which are not JSON although parsers take them for floats."""

    def refuse(constant: str) -> object:
        raise _NotJsonError(f"the arguments are not valid JSON: {constant} is no JSON value")

    try:
        json.loads(text, parse_constant=refuse, strict=False)
    except (ValueError, RecursionError):
        return  # broken in another way too; the validator says how


def _repair(text: str, error: ValidationError) -> str | bytes | None:
    """The text without the two faults whose meaning is beyond doubt; ``None`` if it has neither.

    - The object encoded twice, as a JSON string that holds JSON (vllm#54964, OpenManus#989).
    - Raw control characters inside strings (rhesis#2488, omlx#1672).
    """
    if not text.lstrip().startswith(('"', "{")):
        return None
    try:
        value = json.loads(text, strict=False)
        if isinstance(value, str):
            value = json.loads(value, strict=False)
            return to_json(value) if isinstance(value, dict) else None
    except (ValueError, RecursionError):
        return None
    if isinstance(value, dict) and any(line["type"] == "json_invalid" for line in error.errors(include_url=False)):
        return to_json(value)
    return None


def _explain(error: ValidationError) -> str:
    """Say in one line for the model what does not validate."""
    details = error.errors(include_url=False, include_context=False)
    lines = [_explain_one(detail) for detail in details[:_MAX_LISTED_ERRORS]]
    if len(details) > _MAX_LISTED_ERRORS:
        lines.append(f"and {len(details) - _MAX_LISTED_ERRORS} more")
    return "; ".join(lines)


def _explain_one(detail: ErrorDetails) -> str:
    if detail["type"] == "json_invalid":
        return f"the arguments are not valid JSON: {detail['msg'].removeprefix('Invalid JSON: ')}"
    where = ".".join(str(part) for part in detail["loc"])
    given = "" if detail["type"] == "missing" else f" (given: {_shorten(repr(detail['input']))})"
    return f"{where}: {detail['msg']}{given}" if where else f"{detail['msg']}{given}"


def _shorten(text: str) -> str:
    return text if len(text) <= _MAX_SHOWN_INPUT else text[: _MAX_SHOWN_INPUT - 3] + "..."
