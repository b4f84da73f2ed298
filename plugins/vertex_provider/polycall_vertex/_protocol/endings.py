"""The end of a reply: finish reasons, blocks, and calls that the service could not read.

Compared by name: the SDKs know different sets, and a new one must not break anything (google-genai 2.34 and
google-cloud-aiplatform 2.7 differ in ten).
"""

from __future__ import annotations

from polycall.plugin import FinishReason

_FINISH_REASONS = {"STOP": FinishReason.STOP, "MAX_TOKENS": FinishReason.LENGTH}
_BLOCKED = frozenset(
    {
        "SAFETY",
        "RECITATION",
        "BLOCKLIST",
        "PROHIBITED_CONTENT",
        "SPII",
        "MODEL_ARMOR",
        "IMAGE_SAFETY",
        "IMAGE_PROHIBITED_CONTENT",
        "IMAGE_RECITATION",
    }
)
_UNREADABLE = frozenset({"MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL"})
NAMES_BY_NUMBER = {
    11: "IMAGE_SAFETY",
    12: "IMAGE_PROHIBITED_CONTENT",
    13: "IMAGE_RECITATION",
    14: "IMAGE_OTHER",
    15: "UNEXPECTED_TOOL_CALL",
    16: "NO_IMAGE",
}
"""Finish reasons that reach an older SDK as numbers without a name, over gRPC and over REST.

Source: ``google.cloud.aiplatform.v1.Candidate.FinishReason`` of the clients in the Google Cloud CLI; that of
google-cloud-aiplatform 2.7 ends at MODEL_ARMOR, 10.
"""


def unified_finish_reason(name: str | None) -> FinishReason | None:
    """The provider's finish reason in the common vocabulary; ``None`` if there is none."""
    if name is None:
        return None
    if name in _BLOCKED:
        return FinishReason.REFUSAL
    return _FINISH_REASONS.get(name, FinishReason.OTHER)


def is_known_end(name: str | None) -> bool:
    """Whether a finish reason says that the reply is whole, as far as it goes.

    The words for that are a short closed list. Another word (LANGUAGE, TOO_MANY_TOOL_CALLS, CONTINUATION, one that is
    not known yet) may mean that calls are missing. A call that the service could not read is reported as such.
    """
    return name in _FINISH_REASONS or name in _UNREADABLE or name in _BLOCKED


def refusal_of(
    finish_reason: str | None, finish_message: str | None, block_reason: str | None, block_message: str | None
) -> str | None:
    """Why the prompt or the reply was blocked, in the provider's words; ``None`` if it was not."""
    if block_reason is not None:
        return f"the prompt was blocked ({block_reason})" + (f": {block_message}" if block_message else "")
    return _stopped(finish_reason, finish_message) if finish_reason in _BLOCKED else None


def stopped_by(finish_reason: str | None, finish_message: str | None) -> str | None:
    """Why the service stopped the model, where nothing was blocked; ``None`` if it did not.

    For reasons of its own: LANGUAGE, TOO_MANY_TOOL_CALLS, one that is not known yet. Asking again for calls would not
    help.
    """
    return None if finish_reason is None or is_known_end(finish_reason) else _stopped(finish_reason, finish_message)


def _stopped(finish_reason: str | None, finish_message: str | None) -> str:
    return f"the reply was stopped ({finish_reason})" + (f": {finish_message}" if finish_message else "")


def unreadable_call(finish_reason: str | None, finish_message: str | None, *, has_calls: bool) -> str | None:
    """The problem of a call that the model attempted and the service could not read.

    MALFORMED_FUNCTION_CALL: the content is often empty, and the model's text, typically Python-like code, is in the
    finish message (python-genai#430, langchain-google#725). UNEXPECTED_TOOL_CALL may come with the call, which
    then tells more than this (ai-dial-adapter-vertexai#325).

    Returns:
        A text for the model and the user; ``None`` if there was no such call.
    """
    if finish_reason not in _UNREADABLE or (finish_reason == "UNEXPECTED_TOOL_CALL" and has_calls):
        return None
    detail = f": {finish_message}" if finish_message else ""
    return f"the service could not read a function call ({finish_reason}){detail}"
