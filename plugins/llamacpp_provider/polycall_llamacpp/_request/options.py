"""The options of a call: llama.cpp's own, with polycall's neutral names."""

from __future__ import annotations

import json
from dataclasses import dataclass

from polycall import ConfigurationError
from polycall.plugin import NEUTRAL_OPTIONS, JsonObject, Request, Translation, client_settings, translate_options
from polycall_llamacpp._settings import LlamaSettings

_NEUTRAL: dict[str, Translation] = {
    **{name: name for name in NEUTRAL_OPTIONS},
    "max_completion_tokens": "max_tokens",
    "timeout": None,  # leaving a stream stops the model
    "extra_headers": None,
}
_OUTPUT = "polycall decides about the form of the output"
_CHUNKS = "polycall reads the chunks as it needs them"
_RESERVED = {
    **client_settings(LlamaSettings),
    "messages": "they are an argument of create()",
    "tools": "the tools come from response_model",
    "functions": "the tools come from response_model",
    "function_call": "use tool_choice",
    "grammar": _OUTPUT,
    "json_schema": _OUTPUT,
    "response_format": _OUTPUT,
    "stream_options": _CHUNKS,
    "return_progress": _CHUNKS,
}
_CHOICES = ("n", "n_cmpl")
"""Number of replies; two names of llama.cpp."""


@dataclass(frozen=True, slots=True)
class Options:
    """The options of one call.

    Attributes:
        given: The caller's, for llama.cpp.
        max_tokens: Maximum number of tokens of the reply.
        max_calls: Maximum number of its calls, as far as the output is constrained.
    """

    given: JsonObject
    max_tokens: int
    max_calls: int


def read_options(request: Request, settings: LlamaSettings) -> Options:
    """Translate and check the options of a call.

    Raises:
        ConfigurationError: An option that polycall sets itself, more than one choice, a value that is not JSON (NaN,
            infinity), or a length limit that is not one.
    """
    given = translate_options(
        request.options,
        provider="llamacpp",
        neutral=_NEUTRAL,
        reserved=_RESERVED,
        known=None,
        aliases={"max_new_tokens": "max_tokens", "max_output_tokens": "max_tokens", "stop_sequences": "stop"},
        defaults=request.default_options,
    )
    for name, value in given.items():
        try:
            json.dumps(value, allow_nan=False)
        except (TypeError, ValueError, RecursionError):
            raise ConfigurationError(
                f"{name}: the value is not JSON, which has no NaN, no infinity and no objects of other kinds.", key=name
            ) from None
    for name in _CHOICES:
        if given.pop(name, None) not in (None, 1):
            raise ConfigurationError(
                f"{name}: polycall reads one choice. Leave {name} out, and send several requests.", key=name
            )
    max_tokens = given.pop("max_tokens", settings.max_tokens)
    if not isinstance(max_tokens, int) or isinstance(max_tokens, bool) or max_tokens < 1:
        raise ConfigurationError(f"max_tokens must be an integer >= 1, got {max_tokens!r}.", key="max_tokens")
    max_calls = min(settings.max_calls, request.max_calls or settings.max_calls)
    return Options(given, max_tokens, 1 if given.pop("parallel_tool_calls", True) is False else max_calls)
