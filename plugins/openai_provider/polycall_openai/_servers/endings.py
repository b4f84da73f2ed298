"""How a reply ended, in polycall's vocabulary: the words of both APIs, and of servers that are close to them.

The words for a natural end are a short closed list. Any other word means that the reply is not known to be whole: new
words tell of new ways to break off.
"""

from __future__ import annotations

from collections.abc import Iterable

from polycall.plugin import FinishReason

_WORDS: dict[FinishReason, tuple[str, ...]] = {
    # OpenAI API description; "tool_use" and "end_turn" behind gateways to Anthropic; "eos" of Together, "eos_token" of
    # TGI; "complete" of Cohere's compatible endpoint; "completed" as the status of a response.
    FinishReason.STOP: (*("stop", "end_turn", "stop_sequence", "eos", "eos_token", "complete", "completed", "end"),),
    FinishReason.TOOL_CALLS: ("tool_calls", "tool_call", "tool_use", "function_call", "function_calls"),
    # "model_length": Mistral; "model_context_window_exceeded": Anthropic and z.ai (mozilla-ai/any-llm#1200).
    FinishReason.LENGTH: (
        *("length", "max_tokens", "max_output_tokens", "max_completion_tokens", "model_length", "max_length"),
        *("model_context_window_exceeded", "context_length_exceeded"),
    ),
    # "sensitive": z.ai; the words of Gemini behind a compatible endpoint (Vibe-Trading#308).
    FinishReason.REFUSAL: (
        *("content_filter", "content_filtered", "sensitive", "safety", "recitation", "prohibited_content"),
        *("blocklist", "spii", "image_safety", "model_armor", "guardrail_intervened", "refusal"),
    ),
}
_BY_WORD = {word: reason for reason, words in _WORDS.items() for word in words}
_STRICTEST_FIRST = (
    FinishReason.REFUSAL,
    FinishReason.LENGTH,
    FinishReason.OTHER,
    FinishReason.TOOL_CALLS,
    FinishReason.STOP,
)


def finish_reason_of(word: str | None) -> FinishReason | None:
    """The finish reason for a server's word; ``None`` where there is none, ``OTHER`` for an unknown one."""
    if not word or word == "null":  # DashScope's own API while it generates
        return None
    return _BY_WORD.get(word) or _BY_WORD.get(word.strip().lower().replace("-", "_"), FinishReason.OTHER)


def is_whole(reason: FinishReason | None) -> bool:
    """Whether the model came to an end of its own accord, as far as its last word tells."""
    return reason is None or reason is FinishReason.STOP or reason is FinishReason.TOOL_CALLS


def strictest(words: Iterable[str]) -> str | None:
    """The word that counts where the choices of one reply end differently: the one that promises least."""
    return min(
        words, key=lambda word: _STRICTEST_FIRST.index(finish_reason_of(word) or FinishReason.STOP), default=None
    )
