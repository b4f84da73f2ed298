"""Translates llama.cpp's errors into polycall's."""

from __future__ import annotations

import re
from collections.abc import Mapping

from polycall import ConfigurationError, PolycallError, ResponseError, SchemaError
from polycall.plugin import kind_of_report

_OPTION = re.compile(r"Field '(\w{1,80})': ")


def error_of(answer: Mapping[str, object]) -> PolycallError:
    """The exception for an answer of the form ``{"error": {"code", "message", "type"}}``."""
    error = answer.get("error")
    if not isinstance(error, Mapping):
        return ResponseError("llama.cpp returned an error of an unknown form.", excerpt=str(answer))
    message = str(error.get("message", ""))
    if error.get("type") == "exceed_context_size_error":
        return ConfigurationError(
            f"The prompt has {error.get('n_prompt_tokens')} tokens, tools included; the context has "
            f"{error.get('n_ctx')}. Shorten the messages, or raise n_ctx (0: as large as the model was trained for).",
            key="n_ctx",
        )
    option = _OPTION.match(message)
    if option is not None:
        problem = message[option.end() :]
        return ConfigurationError(f"llama.cpp refuses the option {option[1]!r}: {problem}", key=option[1])
    if "grammar" in message:
        return SchemaError("response_model", f"llama.cpp rejects the grammar made from it: {message}.")
    return ResponseError(f"llama.cpp returned an error: {message}", excerpt="", kind=kind_of_report(error))


def error_in_schema(error: ValueError) -> PolycallError | None:
    """The exception for a schema that llama.cpp's converter rejects; ``None`` for any other error of a request."""
    text = str(error)
    return SchemaError("response_model", f"llama.cpp rejects it: {text}.") if "schema" in text.lower() else None
