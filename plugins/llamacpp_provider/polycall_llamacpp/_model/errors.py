"""llama.cpp's own errors in polycall's words."""

from __future__ import annotations

from collections.abc import Mapping

from polycall import ConfigurationError, PolycallError, ResponseError, SchemaError


def error_of(answer: Mapping[str, object]) -> PolycallError:
    """The error that an answer of the form ``{"error": {"code", "message", "type"}}`` stands for."""
    error = answer.get("error")
    if not isinstance(error, Mapping):
        return ResponseError("llama.cpp gave an error of an unknown form.", excerpt=str(answer))
    message = str(error.get("message", ""))
    if error.get("type") == "exceed_context_size_error":
        return ConfigurationError(
            f"The prompt has {error.get('n_prompt_tokens')} tokens, tools included; the context has "
            f"{error.get('n_ctx')}. Shorten the messages, or raise n_ctx (0 takes all that the model was trained for).",
            key="n_ctx",
        )
    if "grammar" in message:
        return SchemaError("response_model", f"llama.cpp refuses the grammar made of it: {message}.")
    return ResponseError(f"llama.cpp gave an error: {message}", excerpt="")


def error_in_schema(error: ValueError) -> PolycallError | None:
    """A schema that llama.cpp's converter refuses; ``None`` for any other error of a request."""
    text = str(error)
    return SchemaError("response_model", f"llama.cpp refuses it: {text}.") if "schema" in text.lower() else None
