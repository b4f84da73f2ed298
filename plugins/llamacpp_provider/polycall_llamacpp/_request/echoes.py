"""The model's own words on their way back to it: llama.cpp must read them as text, and polycall must never refuse them.

The caller's words are refused where llama.cpp would misread them (`polycall_llamacpp._request.messages.read`): the
caller can change them. Nobody can change what a model wrote.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pydantic_core import from_json

from polycall.plugin import (
    Adaptation,
    CallResult,
    JsonObject,
    Reply,
    Request,
    assistant_turn,
    continue_conversation,
)
from polycall_llamacpp._model.control_tokens import ControlTokens
from polycall_llamacpp._request.messages import PROVIDER

_ECHO: JsonObject = {"echo": True}
"""In ``provider_data``: the model wrote the message, or it may quote the model."""


def continued(
    messages: Sequence[object], reply: Reply, results: Sequence[CallResult], note: str | None
) -> list[object]:
    """Append the model's turn and the answers, marked as echoes; results of the caller's own are not."""
    turn = reply.turn
    if turn is None:
        turn = assistant_turn(reply.text, reply.tool_calls, reasoning=reply.reasoning)
    whole = continue_conversation(messages, turn if isinstance(turn, list) else [turn], results, note)
    own = len(messages)
    return [*whole[:own], *(_marked(message) for message in whole[own:])]


def readable_echoes(request: Request, control_tokens: ControlTokens) -> Sequence[object]:
    """The messages of a request, the echoes among them without anything that llama.cpp does not read as text.

    U+FFFD stands for NUL characters, and control tokens get a blank; ``request.adaptations`` gets what was changed.
    """
    if not any(map(_is_echo, request.messages)):
        return request.messages
    cleaner = _Cleaner(control_tokens)
    messages = [cleaner.cleaned(message) if _is_echo(message) else message for message in request.messages]
    if cleaner.changes:
        request.adaptations.append(
            Adaptation(
                setting="messages",
                kind="substituted",
                given=list(cleaner.changes),
                sent=list(cleaner.changes.values()),
                reason="The model wrote it, and llama.cpp would not read it as text in the model's earlier turns.",
            )
        )
    return messages


def _marked(message: object) -> object:
    if not isinstance(message, Mapping) or (message.get("role") == "tool" and not message.get("is_error")):
        return message
    data = message.get("provider_data")
    return {**message, "provider_data": {**(data if isinstance(data, Mapping) else {}), PROVIDER: _ECHO}}


def _is_echo(message: object) -> bool:
    if not isinstance(message, Mapping):
        return False
    data = message.get("provider_data")
    return isinstance(data, Mapping) and data.get(PROVIDER) == _ECHO


@dataclass(slots=True)
class _Cleaner:
    """Cleans texts, and remembers the pieces that it replaced."""

    control_tokens: ControlTokens
    changes: dict[str, str] = field(default_factory=dict)

    def cleaned(self, value: object) -> object:
        if isinstance(value, str):
            return self._text(value)
        if isinstance(value, Mapping):
            return {
                self.cleaned(name): self._arguments(one)
                if name == "arguments" and isinstance(one, str)
                else self.cleaned(one)
                for name, one in value.items()
            }
        return [self.cleaned(one) for one in value] if isinstance(value, list) else value

    def _text(self, text: str) -> str:
        if "\0" in text:
            text = self._replaced(text, "\0", "\ufffd")
        while token := self.control_tokens.first_in(text):
            text = self._replaced(text, token, f"{token[0]} {token[1:]}")
        return text

    def _arguments(self, text: str) -> str:
        """Arguments in JSON, which llama.cpp decodes: escapes count, too."""
        text = self._text(text)
        if "\\u" not in text:
            return text
        try:
            arguments = from_json(text)
            cleaned = self.cleaned(arguments)
        except (ValueError, RecursionError):
            return text  # not JSON: it is sent as a text
        return text if cleaned == arguments else json.dumps(cleaned, ensure_ascii=False)

    def _replaced(self, text: str, old: str, new: str) -> str:
        self.changes[old] = new
        return text.replace(old, new)
