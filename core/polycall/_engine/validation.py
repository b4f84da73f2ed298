"""From a tool call to an object of the response model, or to the reason why not."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from pydantic import ValidationError
from pydantic_core import ErrorDetails, PydanticSerializationError, to_json

from polycall._data.types import CallFailure, ToolCall
from polycall._data.wording import DEFAULT_WORDING, Wording
from polycall._engine.non_finite import find_non_finite
from polycall._engine.tools import Tool, ToolSet

_MAX_LISTED_ERRORS = 10
_MAX_SHOWN_INPUT = 80
_WANTS_STRUCTURE = frozenset(
    {"list_type", "tuple_type", "set_type", "frozen_set_type", "dict_type", "model_type", "dataclass_type"}
)
"""pydantic's kinds of error for a value that is not a list or an object, though one is wanted."""
_STRING = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
_CONTROL_CHARACTER = re.compile(r"[\x00-\x1f]")


@dataclass(slots=True)  # not frozen: that triples the time to make one
class ValidCall:
    """A call with the object that its arguments make. Never changed."""

    tool_call: ToolCall
    value: object


def validate_call(
    tool_call: ToolCall,
    tools: ToolSet,
    context: object = None,
    *,
    only_tool: str | None = None,
    wording: Wording = DEFAULT_WORDING,
) -> ValidCall | CallFailure:
    """Make the object that a call stands for.

    Args:
        tool_call: As the plugin extracted it.
        tools: The tools of the request.
        context: The caller's pydantic validation context.
        only_tool: The tool that was asked for by name; a call of another one fails.
        wording: The words of a failure's reason.

    Returns:
        The object; or why there is none, in words for the model. Any exception of a validator is that call's failure.
    """
    if tool_call.problem is not None:
        return CallFailure(tool_call, tool_call.problem)
    name = tool_call.name
    tool = tools.tools.get(name)
    if tool is None:
        known = only_tool or ", ".join(tools.tools)
        return CallFailure(tool_call, wording.unknown_tool.format(name=name, tools=known))
    if only_tool is not None and name != only_tool:
        return CallFailure(tool_call, wording.wrong_tool.format(name=name, tool=only_tool))
    arguments = tool_call.normalized_arguments
    if arguments is None:
        arguments = tool_call.arguments
    try:
        # Structures go through JSON too, so that one model accepts the same from every provider: pydantic's Python
        # mode takes other types (a strict model refuses a date given as text there).
        text = arguments if isinstance(arguments, str) else to_json(arguments, inf_nan_mode="constants").decode()
        value = _validate_text(text, tool, context, wording)
        return ValidCall(tool_call, value if tool.make_result is None else tool.make_result(tool_call, value))
    except ValidationError as error:
        fields = frozenset(str(line["loc"][0]) for line in error.errors(include_url=False) if line["loc"])
        return CallFailure(tool_call, _explain(error, wording), fields)
    except _NotJsonError as error:
        return CallFailure(tool_call, wording.not_json.format(problem=error))
    except PydanticSerializationError as error:
        return CallFailure(tool_call, wording.not_writable.format(problem=error))
    except RecursionError:
        return CallFailure(tool_call, wording.too_deep)
    except Exception as error:  # noqa: BLE001 - a validator of the caller's own may raise anything
        message = _shorten(str(error))
        return CallFailure(tool_call, wording.validator_raised.format(type=type(error).__name__, message=message))


class _NotJsonError(Exception):
    """The arguments are not JSON; the message says why."""


def _validate_text(text: str, tool: Tool, context: object, wording: Wording) -> object:
    if text.strip() in ("", "null"):
        # A call without arguments: many servers send nothing instead of "{}" (simonw/llm#1521, vercel/ai#14722).
        text = "{}"
    if tool.accepts_non_finite and (reason := find_non_finite(text, wording)) is not None:
        raise _NotJsonError(reason)
    try:
        return tool.validate_json(text, context=context)
    except ValidationError as error:
        repaired = _repair(text, error)
        if repaired is None:
            raise
    return _validate_text(repaired, tool, context, wording)


def _repair(text: str, error: ValidationError) -> str | None:
    """The text without a fault whose meaning is beyond doubt; ``None`` if it has no such fault.

    - The object encoded twice, as a JSON string that holds JSON (vllm#54964, OpenManus#989).
    - Raw control characters inside strings (rhesis#2488, omlx#1672).
    - A list or an object inside, encoded once more, where the field takes no string (MoonshotAI/kimi-cli#2513).

    The text is mended, not read and written anew: numbers keep every digit.
    """
    if text.lstrip().startswith('"'):
        try:
            inner = json.loads(text, strict=False)
        except ValueError:
            return None
        return inner if isinstance(inner, str) and inner.lstrip().startswith("{") else None
    lines = error.errors(include_url=False, include_context=False)
    if any(line["type"] == "json_invalid" and not line["loc"] for line in lines):
        mended = _STRING.sub(_escape_control_characters, text)
    else:
        encoded = {line["input"] for line in lines if line["type"] in _WANTS_STRUCTURE and _is_structure(line["input"])}
        mended = _STRING.sub(lambda string: _decode_if_in(encoded, string[0]), text) if encoded else text
    return mended if mended != text else None


def _is_structure(value: object) -> bool:
    """Whether a value is the JSON text of a list or an object."""
    if not isinstance(value, str) or not value.lstrip().startswith(("[", "{")):
        return False
    try:
        json.loads(value, strict=False)
    except (ValueError, RecursionError):
        return False
    return True


def _decode_if_in(encoded: set[str], string: str) -> str:
    text = json.loads(string)
    return text if text in encoded else string


def _escape_control_characters(string: re.Match[str]) -> str:
    return _CONTROL_CHARACTER.sub(lambda character: f"\\u{ord(character[0]):04x}", string[0])


def _explain(error: ValidationError, wording: Wording) -> str:
    """List in one line for the model the fields that do not validate."""
    details = error.errors(include_url=False, include_context=False)
    lines = [_explain_one(detail, wording) for detail in details[:_MAX_LISTED_ERRORS]]
    if len(details) > _MAX_LISTED_ERRORS:
        lines.append(wording.more_problems.format(count=len(details) - _MAX_LISTED_ERRORS))
    return "; ".join(lines)


def _explain_one(detail: ErrorDetails, wording: Wording) -> str:
    if detail["type"] == "json_invalid":
        return wording.not_json.format(problem=detail["msg"].removeprefix("Invalid JSON: "))
    where = ".".join(str(part) for part in detail["loc"])
    given = "" if detail["type"] == "missing" else wording.given.format(value=_shorten(repr(detail["input"])))
    return f"{where}: {detail['msg']}{given}" if where else f"{detail['msg']}{given}"


def _shorten(text: str) -> str:
    return text if len(text) <= _MAX_SHOWN_INPUT else text[: _MAX_SHOWN_INPUT - 3] + "..."
