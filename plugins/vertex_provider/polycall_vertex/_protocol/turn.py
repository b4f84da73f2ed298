"""The model's turn in Gemini's own form, as polycall's messages carry it: every part as received.

Two rules of the service ask for it: all function responses of a turn are in one content, one per call, with nothing
between them ("number of function response parts is equal to the number of function call parts": pydantic-ai#580,
gemini-cli#16135), and a thought signature is returned on its own part (Gemini API, "Thought signatures").
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from polycall.plugin import (
    AssistantMessage,
    JsonObject,
    MessageError,
    arguments_text,
    json_list,
    replayable_arguments,
    sendable_name,
)


@dataclass(frozen=True, slots=True)
class OwnTurn:
    """The data of this provider in an assistant message, ``{"parts": [...], "ids": [...]}``.

    Attributes:
        parts: The parts of the model's content, in REST JSON.
        ids: polycall's id of each function call among the parts, in order. A call that the service could not read has
            no part.
    """

    parts: Sequence[JsonObject]
    ids: Sequence[str]

    def calls(self) -> Iterator[tuple[str, JsonObject]]:
        """The id that polycall gave, and the ``functionCall`` of each call."""
        calls = (part["functionCall"] for part in self.parts if "functionCall" in part)
        for id_, call in zip(self.ids, calls, strict=False):
            yield id_, call if isinstance(call, dict) else {}


def read_own_turn(message: AssistantMessage, provider: str) -> OwnTurn | None:
    """The turn as received; ``None`` for one of another provider.

    Raises:
        MessageError: The data has another form.
    """
    data = message.provider_data
    if data is None:
        return None
    parts, ids = json_list(data, "parts"), json_list(data, "ids") or []
    if parts is None or not all(isinstance(part, dict) for part in parts):
        raise MessageError(f"{message.where}.provider_data.{provider}: must hold 'parts', a list of objects.")
    return OwnTurn([_replayable(cast("JsonObject", part)) for part in parts], [str(id_) for id_ in ids])


def is_worth_echoing(part: Mapping[str, object]) -> bool:
    """Whether a part holds data or a signature.

    The service ends streams with ``{"text": ""}`` or ``{"thought": true}``, and refuses them in the history (FLIT#69,
    vercel/ai#6589).
    """
    return any(value or name == "functionCall" for name, value in part.items() if name != "thought")


def object_of(arguments: str | Mapping[str, object] | None) -> JsonObject:
    """The arguments of an earlier call as an object, which is all that the service takes back."""
    decoded: JsonObject = json.loads(replayable_arguments(arguments))
    return decoded


def _replayable(part: JsonObject) -> JsonObject:
    """A part that the service takes back: a call must have a name, and arguments that are an object without NaN."""
    call = part.get("functionCall")
    if not isinstance(call, dict):
        return part
    args = call.get("args")
    if not _is_sendable_object(args):
        text = arguments_text(args) if isinstance(args, dict) else arguments_text({"": args})[4:-1]
        part = {**part, "functionCall": {**call, "args": object_of(text)}}
    if not call.get("name"):
        part = {**part, "functionCall": {**cast("JsonObject", part["functionCall"]), "name": sendable_name("")}}
    return part


def _is_sendable_object(args: object) -> bool:
    if args is None:
        return True
    try:
        json.dumps(args, allow_nan=False)
    except (ValueError, RecursionError):
        return False
    return isinstance(args, dict)
