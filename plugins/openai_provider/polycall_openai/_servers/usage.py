"""Token counts, under all the names and in all the places where servers put them."""

from __future__ import annotations

from polycall.plugin import JsonObject, Usage, json_int, json_object

_INPUT = ("prompt_tokens", "input_tokens")
_OUTPUT = ("completion_tokens", "output_tokens")
_INPUT_DETAILS = ("prompt_tokens_details", "input_tokens_details")
_OUTPUT_DETAILS = ("completion_tokens_details", "output_tokens_details")
# In the details: OpenAI, OpenRouter, LiteLLM. Beside the counts: DeepSeek's prompt_cache_hit_tokens, Moonshot's
# cached_tokens, Mistral's num_cached_tokens, Anthropic's names behind gateways.
_CACHED = (
    *("cached_tokens", "prompt_cache_hit_tokens", "cache_read_input_tokens", "cache_read_tokens"),
    "num_cached_tokens",
)
_CACHE_WRITE = (
    *("cache_write_tokens", "cache_creation_input_tokens", "cache_creation_tokens", "cache_write_input_tokens"),
)
_REASONING = ("reasoning_tokens",)


def read_usage(value: object) -> Usage | None:
    """The counts of ``usage``, of both APIs; ``None`` where a count is missing or not an integer."""
    if not isinstance(value, dict) or not value:
        return None
    given, made = _details(value, _INPUT_DETAILS), _details(value, _OUTPUT_DETAILS)
    total = value.get("total_tokens")
    return Usage(
        input_tokens=_first(_INPUT, value),
        output_tokens=_first(_OUTPUT, value),
        total_tokens=total if total.__class__ is int else json_int(value, "total_tokens"),
        cached_input_tokens=_first(_CACHED, given, value),
        cache_write_input_tokens=_first(_CACHE_WRITE, given, value),
        reasoning_tokens=_first(_REASONING, made, value),
    )


def find_usage(event: JsonObject) -> object:
    """The member ``usage`` of a Chat Completion or a chunk; ``None`` if there is none.

    Groq has it in ``x_groq`` at the end of a stream, Moonshot in the last choice (MoonshotAI API reference, streaming).
    """
    usage = event.get("usage")
    if usage:
        return usage
    if "x_groq" in event:
        usage = (json_object(event, "x_groq") or {}).get("usage")
        if usage:
            return usage
    choices = event.get("choices")
    for choice in choices if isinstance(choices, list) else ():
        if isinstance(choice, dict) and choice.get("usage"):
            return choice["usage"]
    return None


def _details(value: JsonObject, names: tuple[str, ...]) -> JsonObject:
    for name in names:
        if name in value:
            details = value[name]
            if isinstance(details, dict):
                return details
    return {}


def _first(names: tuple[str, ...], *places: JsonObject) -> int | None:
    for place in places:
        for name in names:
            if name in place:
                count = place[name]
                if count.__class__ is not int:  # 12.0 counts, true does not
                    count = json_int(place, name)
                if count is not None:
                    return count
    return None
