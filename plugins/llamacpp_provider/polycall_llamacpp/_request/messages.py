"""Reads messages, and turns calls and results into plain text for chat templates that know no tools."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import cast

from polycall import MessageError

Message = dict[str, object]


class FailedResult(Message):
    """A tool message whose call must be made again: an ordinary dict with the tool's name as an attribute.

    OpenAI's messages have no field for it, and other servers reject unknown keys.
    """

    def __init__(self, message: Message, tool_name: str) -> None:
        super().__init__(message)
        self.tool_name = tool_name


def to_dicts(messages: Iterable[object]) -> list[Message]:
    """Convert messages to dicts; OpenAI's own message objects are accepted, too.

    Raises:
        MessageError: A message is of another type.
    """
    return [_to_dict(message) for message in messages]


def _to_dict(message: object) -> Message:
    if isinstance(message, dict):
        return message
    if isinstance(message, Mapping):
        return dict(message)
    dump = getattr(message, "model_dump", None)
    if dump is None:
        raise MessageError(
            f"llamacpp takes messages as dicts, got {type(message).__name__}; write {{'role': 'user', 'content': ...}}."
        )
    return cast("Message", dump(exclude_none=True))


def in_plain_words(messages: Sequence[Message], instructions: str) -> list[Message]:
    """Convert messages to ones without tool calls and results, with the instructions in the system message."""
    system = [text_of(message) for message in messages if message.get("role") in ("system", "developer")]
    turns: list[Message] = [{"role": "system", "content": "\n\n".join([*system, instructions])}]
    names = {
        str(call.get("id")): _function(call).get("name") for message in messages for call in tool_calls_of(message)
    }
    for message in messages:
        role = message.get("role")
        if role in ("system", "developer"):
            continue
        if role == "tool":
            name = names.get(str(message.get("tool_call_id")), "call")
            _append(turns, "user", f"{name}: {text_of(message)}")
        elif calls := tool_calls_of(message):
            _append(turns, "assistant", f"{text_of(message)}{_calls_as_text(calls)}")
        else:
            _append(turns, str(role), text_of(message))
    return turns


def failed_tools(messages: Sequence[Message]) -> list[str]:
    """The tools whose calls must be made again, from the results at the end of the conversation."""
    names: list[str] = []
    for message in reversed(messages):
        if message.get("role") != "tool":
            break
        if isinstance(message, FailedResult):
            names.append(message.tool_name)
    return names[::-1]


def text_of(message: Message) -> str:
    """The text of a message; its content is text, a list of parts, or missing.

    Raises:
        MessageError: A part is not text.
    """
    content = message.get("content")
    if isinstance(content, str):
        return content
    if content is None:
        return ""
    parts = cast("Sequence[Mapping[str, object]]", content)
    other = [part.get("type") for part in parts if part.get("type") not in ("text", "refusal")]
    if other:
        raise MessageError(f"This model reads text only, not content parts of type {other[0]!r}.")
    return "".join(str(part.get("text") or part.get("refusal") or "") for part in parts)


def tool_calls_of(message: Message) -> Sequence[Mapping[str, object]]:
    """The tool calls of an assistant message; empty for others."""
    return cast("Sequence[Mapping[str, object]]", message.get("tool_calls") or ())


def _append(turns: list[Message], role: str, text: str) -> None:
    """Add a turn; consecutive turns of one role are joined, since many templates reject them."""
    if turns[-1]["role"] == role:
        turns[-1] = {"role": role, "content": f"{turns[-1]['content']}\n{text}"}
    else:
        turns.append({"role": role, "content": text})


def _calls_as_text(calls: Sequence[Mapping[str, object]]) -> str:
    listed = [f'{{"name":{json.dumps(_function(call).get("name"))},"arguments":{_arguments(call)}}}' for call in calls]
    return f"[{','.join(listed)}]"


def _function(call: Mapping[str, object]) -> Mapping[str, object]:
    return cast("Mapping[str, object]", call.get("function") or {})


def _arguments(call: Mapping[str, object]) -> str:
    arguments = _function(call).get("arguments")
    return arguments if isinstance(arguments, str) else json.dumps(arguments or {}, ensure_ascii=False)
