"""The conversation in the two forms that models read: with calls and results, and in plain words.

Both hold nothing that llama.cpp would take for something else than text.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Sequence

from polycall.plugin import (
    AssistantMessage,
    EarlierCall,
    JsonObject,
    MediaPart,
    Message,
    MessageError,
    NativeMessage,
    SystemMessage,
    TextPart,
    ToolMessage,
    json_text,
    name_of,
    read_messages,
    refuse_native,
    replayable_arguments,
    text_of,
)
from polycall_llamacpp._model.control_tokens import ControlTokens

PROVIDER = "llamacpp"
READER = "This model"


def read(messages: Sequence[object], control_tokens: ControlTokens) -> list[Message]:
    """Read a conversation.

    Raises:
        MessageError: A message that is not one, or text with a NUL or a control token of the model in it.
    """
    conversation = read_messages(messages, provider=PROVIDER)
    for message in conversation:
        if isinstance(message, NativeMessage):
            refuse_native(message, PROVIDER)
        for where, text in _texts(message):
            if "\0" in text:
                raise MessageError(f"{where}: there is a NUL character in the text; remove it.")
            token = control_tokens.first_in(text)
            if token is not None:
                raise MessageError(
                    f"{where}: {token!r} is a control token of this model, which llama.cpp would not read as text; "
                    "remove it, or write it with a blank in it."
                )
    return conversation


def with_calls(conversation: Sequence[Message], media: Collection[str]) -> list[JsonObject]:
    """The conversation in OpenAI's form, for chat templates that know tools.

    Args:
        conversation: From `read`.
        media: The kinds of parts that the model reads besides text.

    Raises:
        MessageError: A part that the model does not read.
    """
    return [_with_calls(message, media) for message in conversation]


def in_plain_words(conversation: Sequence[Message], instructions: str) -> list[JsonObject]:
    """The conversation without calls and results, with the instructions in the system message.

    Raises:
        MessageError: A part that is not text, or a result without its call.
    """
    system = [text_of(message.parts, reader=READER) for message in conversation if isinstance(message, SystemMessage)]
    turns: list[JsonObject] = [{"role": "system", "content": "\n\n".join([*system, instructions])}]
    for message in conversation:
        if isinstance(message, (SystemMessage, NativeMessage)):
            continue
        text = text_of(message.parts, reader=READER)
        if isinstance(message, ToolMessage):
            _append(turns, "user", f"{name_of(message)}: {text}")
        elif isinstance(message, AssistantMessage):
            _append(turns, "assistant", f"{text}{_calls_as_text(message.calls)}" if message.calls else text)
        else:
            _append(turns, "user", text)
    return turns


def failed_tools(conversation: Sequence[Message]) -> list[str]:
    """The tools whose calls must be made again, from the results at the end of the conversation."""
    names: list[str] = []
    for message in reversed(conversation):
        if not isinstance(message, ToolMessage):
            break
        if message.is_error:
            names.append(name_of(message))
    return names[::-1]


def _texts(message: Message) -> Iterator[tuple[str, str]]:
    """All texts that get into the prompt, with their places."""
    if isinstance(message, NativeMessage):
        return
    for part in message.parts:
        if isinstance(part, TextPart):
            yield part.where, part.text
    if isinstance(message, AssistantMessage):
        for call in message.calls:
            yield call.where, f"{call.name} {call.arguments_text}"


def _with_calls(message: Message, media: Collection[str]) -> JsonObject:
    if isinstance(message, NativeMessage):
        refuse_native(message, PROVIDER)
    content: object = [
        dict(part.raw)
        if isinstance(part, MediaPart) and part.kind in media
        else {"type": "text", "text": text_of([part], reader=READER)}
        for part in message.parts
    ]
    if all(isinstance(part, TextPart) for part in message.parts):
        content = text_of(message.parts)
    if isinstance(message, ToolMessage):
        return {"role": "tool", "tool_call_id": message.call_id, "name": name_of(message), "content": content}
    if not isinstance(message, AssistantMessage):
        return {"role": "system" if isinstance(message, SystemMessage) else "user", "content": content}
    turn: JsonObject = {"role": "assistant", "content": content or None if message.calls else content}
    reasoning = json_text(message.raw, "reasoning_content")
    if reasoning:
        turn["reasoning_content"] = reasoning
    if message.calls:
        turn["tool_calls"] = [
            {
                "id": call.id or "",
                "type": "function",
                # llama.cpp parses the arguments, and refuses the request for those that are not JSON.
                "function": {"name": call.name, "arguments": replayable_arguments(call.given_arguments)},
            }
            for call in message.calls
        ]
    return turn


def _append(turns: list[JsonObject], role: str, text: str) -> None:
    """Add a turn; consecutive turns of one role are joined, since many templates reject them."""
    if turns[-1]["role"] == role:
        turns[-1] = {"role": role, "content": f"{turns[-1]['content']}\n{text}"}
    else:
        turns.append({"role": role, "content": text})


def _calls_as_text(calls: Sequence[EarlierCall]) -> str:
    listed = (f'{{"name":{json.dumps(call.name)},"arguments":{call.arguments_text}}}' for call in calls)
    return f"[{','.join(listed)}]"
