"""Echoes the model's turn unchanged, and answers its calls.

Two rules of the service: all function responses of a turn are in one content, one per call, with nothing between
them ("number of function response parts is equal to the number of function call parts": pydantic-ai#580,
gemini-cli#16135), and a thought signature is returned on its own part (Gemini API, "Thought signatures").
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from polycall.plugin import CallResult, Reply


@dataclass(frozen=True, slots=True)
class EchoedCall:
    """The name and id by which a function response must refer to a call of the model's turn."""

    name: str
    id: str | None
    """The service's own id; ``None`` if it sent none, because some models reject ids (vercel/ai#15664)."""


@dataclass(frozen=True, slots=True)
class ModelTurn:
    """The parts of the model's content, unchanged: decoded JSON or protobuf messages."""

    parts: Sequence[object] = ()
    calls: Mapping[int, EchoedCall] = field(default_factory=dict)
    """By `ToolCall.index`. A call that the service could not read is missing: it has no part."""


def continue_conversation(
    messages: Sequence[object], reply: Reply, results: Sequence[CallResult], note: str | None
) -> list[object]:
    """Append the turn, one content with all function responses, and a content with results and notes in words."""
    turn = reply.turn if isinstance(reply.turn, ModelTurn) else ModelTurn()
    continued = list(messages)
    if turn.parts:
        continued.append({"role": "model", "parts": list(turn.parts)})
    responses: list[object] = []
    words: list[str] = []
    for result in results:
        call = turn.calls.get(result.tool_call.index)
        if call is None:
            words.append(result.content)
        else:
            responses.append({"functionResponse": _function_response(call, result)})
    if responses:
        continued.append({"role": "user", "parts": responses})
    if note is not None:
        words.append(note)
    if words:
        continued.append({"role": "user", "parts": [{"text": text} for text in words]})
    return continued


def _function_response(call: EchoedCall, result: CallResult) -> dict[str, object]:
    # "output" and "error" are the two keys that the API gives a meaning (FunctionResponse.response).
    response: dict[str, object] = {
        "name": call.name,
        "response": {"error" if result.is_error else "output": result.content},
    }
    if call.id is not None:
        response["id"] = call.id
    return response
