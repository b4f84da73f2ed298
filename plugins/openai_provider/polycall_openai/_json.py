"""Reading JSON from the wire. The parser of pydantic-core is several times as fast as the standard library's."""

from __future__ import annotations

import json

from pydantic_core import from_json

from polycall import ResponseError

JsonObject = dict[str, object]


class NotJsonError(ValueError):
    """The text is not JSON, or is nested too deeply to be read."""


def parse(data: bytes | str) -> object:
    """The value of a JSON text.

    Raises:
        NotJsonError: The only one; chained to the parser's.
    """
    try:
        return from_json(data)
    except ValueError as error:
        if "recursion limit" in str(error):  # 200 levels; more of them break whoever walks the value later
            raise NotJsonError(str(error)) from error
    try:
        # Accepts texts that the fast parser rejects: lone surrogates, raw control characters, a byte order mark.
        return json.loads(data, strict=False)
    except (ValueError, RecursionError) as error:
        raise NotJsonError(str(error)) from error


def parse_object(text: bytes | str) -> JsonObject | None:
    """The object of a JSON text, ``None`` if it is not an object."""
    try:
        value = parse(text)
    except NotJsonError:
        return None
    return value if isinstance(value, dict) else None


def sendable(value: object) -> object:
    """The same data without lone surrogates, which JSON can write and UTF-8 cannot: a model's turn may hold some."""
    if isinstance(value, str):
        return value if value.isascii() else value.encode("utf-8", "replace").decode()
    if isinstance(value, dict):
        return {sendable(key): sendable(one) for key, one in value.items()}
    return [sendable(one) for one in value] if isinstance(value, list) else value


def excerpt(source: object) -> str:
    """The beginning of a text, or of an object's representation, for an error."""
    if isinstance(source, (bytes, bytearray)):
        return source[:400].decode("utf-8", "replace")
    return (source if isinstance(source, str) else repr(source))[:400]


def raise_if_error(value: JsonObject, source: object) -> None:
    """Raise if an object inside a reply with status 200 reports an error.

    The shapes are those of LM Studio, Ollama, vLLM, OpenRouter and others: ``error`` as an object or a text, or
    ``error_message`` with ``error_type`` (agentjido/req_llm#661, OmniRoute#8210, pydantic-ai#3994).

    Raises:
        ResponseError: The object reports one; in the provider's words.
    """
    error = value.get("error")
    if not error and not (value.get("error_type") or value.get("error_message")):
        return
    raise reported_error(error or value, source)


def reported_error(error: object, source: object) -> ResponseError:
    """The error for one that the server reports."""
    return ResponseError(
        f"The server reported an error inside a reply with status 200: {_words(error)}.", excerpt=excerpt(source)
    )


def _words(error: object) -> str:
    if isinstance(error, dict):
        for key in ("message", "error_message", "error", "detail", "type", "error_type", "code"):
            if error.get(key):
                return _words(error[key])
    return str(error)[:400].rstrip(".")


def text_or_none(value: object) -> str | None:
    """A text that is not empty; ``None`` for anything else."""
    return value if isinstance(value, str) and value else None


def count(counts: object, name: str) -> int | None:
    """A number of tokens; ``None`` where it is missing or not an integer."""
    number = counts.get(name) if isinstance(counts, dict) else None
    return number if isinstance(number, int) and not isinstance(number, bool) else None
