"""From a tool call to an object of the response model, or to the reason why not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import ValidationError
from pydantic_core import ErrorDetails, PydanticSerializationError, to_json

from polycall._data.types import CallFailure, ToolCall
from polycall._data.wording import DEFAULT_WORDING, Wording
from polycall._engine.doubled_keys import DoubledKeyError, check_keys
from polycall._engine.non_finite import find_non_finite

if TYPE_CHECKING:
    from polycall._engine.tools import Tool, ToolSet

_MAX_LISTED_ERRORS = 10
_MAX_SHOWN_INPUT = 80


@dataclass(slots=True)  # not frozen: that triples the time to make one
class ValidCall:
    """A call with the object that its arguments make. Never changed."""

    tool_call: ToolCall
    value: object


def validate_call(
    tool_call: ToolCall,
    tools: ToolSet,
    context: object = None,
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
        return CallFailure(tool_call, wording.unknown_tool.format(name=name, tools=known), wrong_name=True)
    if only_tool is not None and name != only_tool:
        return CallFailure(tool_call, wording.wrong_tool.format(name=name, tool=only_tool), wrong_name=True)
    arguments = tool_call.normalized_arguments
    if arguments is None:
        arguments = tool_call.arguments
    try:
        # Structures go through JSON too, so that one model accepts the same from every provider: pydantic's Python
        # mode takes other types (a strict model refuses a date given as text there).
        if (validate := tool.validate_plain) is not None and type(arguments) is str:
            # The usual call on the shortest way; `_validate_text` does the same for it.
            try:
                value = validate(arguments, context=context)
            except ValidationError as error:
                value = _validate_repaired(arguments, None, error, tool, context, wording)
            else:
                if arguments.count(":") != len(value.__pydantic_fields_set__):  # type: ignore[attr-defined]
                    check_keys(arguments)
            return ValidCall(tool_call, value)
        if isinstance(arguments, str):
            value = _validate_text(arguments, None, tool, context, wording)
        else:
            written = tool_call.arguments if isinstance(tool_call.arguments, str) else ""
            text = to_json(arguments, inf_nan_mode="constants").decode()
            value = _validate_text(text, written, tool, context, wording)
        return ValidCall(tool_call, value if tool.make_result is None else tool.make_result(tool_call, value))
    except Exception as error:  # noqa: BLE001 - a validator of the caller's own may raise anything
        return _failure(tool_call, error, wording)
    except BaseException as error:
        if not _is_panic(error):
            raise
        return _failure(tool_call, error, wording)


def _failure(tool_call: ToolCall, error: BaseException, wording: Wording) -> CallFailure:
    """Put an error into words for the model."""
    try:
        return _explained(tool_call, error, wording)
    except Exception:  # noqa: BLE001 - so may the error's own __str__, or the __repr__ of a validator's value
        name = type(error).__name__
        return CallFailure(tool_call, wording.validator_raised.format(type=name, message="it cannot be shown"))


def _explained(tool_call: ToolCall, error: BaseException, wording: Wording) -> CallFailure:
    from polycall._engine.exact_decimals import TooExactError

    match error:
        case ValidationError():
            lines = error.errors(include_url=False, include_context=False)
            fields = frozenset(str(line["loc"][0]) for line in lines if line["loc"])
            return CallFailure(tool_call, _explain(lines, wording), fields)
        case _NotJsonError():
            reason = wording.not_json.format(problem=error)
        case DoubledKeyError():
            fields = frozenset() if error.field is None else frozenset([error.field])
            return CallFailure(tool_call, wording.key_twice.format(key=_shorten(error.key)), fields)
        case TooExactError():
            reason = wording.too_exact.format(literal=_shorten(str(error)))
        case PydanticSerializationError():
            reason = wording.not_writable.format(problem=error)
        case RecursionError():
            reason = wording.too_deep
        case _:
            message = _shorten(str(error))
            reason = wording.validator_raised.format(type=type(error).__name__, message=message)
    return CallFailure(tool_call, reason)


def _is_panic(error: BaseException) -> bool:
    """Whether a validator in Rust met a bug of its own: not an exit, though it derives from `BaseException`."""
    return type(error).__name__ == "PanicException"


class _NotJsonError(Exception):
    """The arguments are not JSON; the message says why."""


def _validate_text(text: str, written: str | None, tool: Tool, context: object, wording: Wording) -> object:
    """Make the object of a JSON text.

    Args:
        text: The arguments.
        written: As the model wrote them, if that is another text.
        tool: The tool that is called.
        context: The caller's pydantic validation context.
        wording: The words of a failure's reason.
    """
    if tool.accepts_non_finite and (reason := find_non_finite(text, wording)) is not None:
        raise _NotJsonError(reason)
    exact = text if tool.decimals is None else tool.decimals.keep(text, text if written is None else written)
    try:
        value = tool.validate_json(exact, context=context)
    except ValidationError as error:
        return _validate_repaired(text, written, error, tool, context, wording)
    source = text if written is None else written
    # There are at least as many colons as keys: as many as fields that were given means that none is given twice.
    given = len(value.__pydantic_fields_set__) if tool.counts_fields else -1  # type: ignore[attr-defined]
    if source.count(":") != given:
        check_keys(source, given)
    return value


def _validate_repaired(
    text: str, written: str | None, error: ValidationError, tool: Tool, context: object, wording: Wording
) -> object:
    """Make the object after all if the text can be mended; else raise the error."""
    from polycall._engine.repairs import repair  # few arguments need it

    # A call without arguments: many servers send nothing instead of "{}" (simonw/llm#1521, vercel/ai#14722).
    repaired = "{}" if text.strip() in ("", "null") else repair(text, error)
    if repaired is None:
        raise error
    return _validate_text(repaired, written, tool, context, wording)


def _explain(details: Sequence[ErrorDetails], wording: Wording) -> str:
    """List in one line for the model the fields that do not validate."""
    lines = [_explain_one(detail, wording) for detail in details[:_MAX_LISTED_ERRORS]]
    if len(details) > _MAX_LISTED_ERRORS:
        lines.append(wording.more_problems.format(count=len(details) - _MAX_LISTED_ERRORS))
    return "; ".join(lines)


def _explain_one(detail: ErrorDetails, wording: Wording) -> str:
    if detail["type"] == "json_invalid":
        return wording.not_json.format(problem=detail["msg"].removeprefix("Invalid JSON: "))
    where = ".".join(str(part) for part in detail["loc"])
    given = "" if detail["type"] == "missing" else wording.given.format(value=_shown(detail["input"]))
    return f"{where}: {detail['msg']}{given}" if where else f"{detail['msg']}{given}"


def _shown(value: object) -> str:
    try:
        return _shorten(repr(value))
    except Exception:  # noqa: BLE001 - a whole number of more digits than Python writes; a class of the caller's own
        return f"a value of type {type(value).__name__}"


def _shorten(text: str) -> str:
    return text if len(text) <= _MAX_SHOWN_INPUT else text[: _MAX_SHOWN_INPUT - 3] + "..."
