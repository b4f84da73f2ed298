"""Replies that an SDK has parsed: its parsers' exceptions as `ResponseError`, and the size of its objects."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import ModuleType

from polycall._data.errors import PolycallError, ResponseError

PARSER_ERRORS = (ValueError, TypeError, KeyError, AttributeError, IndexError, RecursionError)
"""What parsers raise that stumble over a reply; pydantic's, json's and Unicode's errors are a `ValueError`."""

_EXCERPT = 400
_SMALL = 8
"""Bytes of a number, a null, or an object of an unknown kind."""


def parser_errors(
    source: str = "the reply", *errors: type[Exception], never: tuple[type[Exception], ...] = ()
) -> Callable[[Exception], ResponseError | None]:
    """A function that translates a parser's exceptions, for `chunk_stream` and its kin.

    Args:
        source: As for `reading_reply`.
        errors: As for `reading_reply`.
        never: As for `reading_reply`.

    Returns:
        A function that returns the `ResponseError` for an exception, or ``None`` if that is not a parser's.
    """
    wanted: tuple[type[Exception], ...] = errors or PARSER_ERRORS
    unwanted: tuple[type[Exception], ...] = (PolycallError, OSError, *never)

    def translate(error: Exception) -> ResponseError | None:
        if not isinstance(error, wanted) or isinstance(error, unwanted):
            return None
        message = f"The SDK could not read {source} ({type(error).__name__})."
        return ResponseError(message, excerpt=_offending_text(error))

    return translate


@contextmanager
def reading_reply(
    source: str = "the reply", *errors: type[Exception], never: tuple[type[Exception], ...] = ()
) -> Iterator[None]:
    """Turn the exceptions of an SDK's parser into `ResponseError`.

    Args:
        source: What is read, for the message: ``"the reply of https://example.com/v1"``.
        errors: What the parser raises. Default: `PARSER_ERRORS`.
        never: Exceptions among them that the SDK documents, of credentials, say. polycall's own and `OSError` (the
            connection) always pass.

    Raises:
        ResponseError: The parser raised one of ``errors``, which is the cause; its ``excerpt`` is the text that the
            parser refused, as far as the exception knows it.
    """
    try:
        yield
    except Exception as error:
        translated = parser_errors(source, *errors, never=never)(error)
        if translated is None:
            raise
        raise translated from error


def size_of(value: object) -> int:
    """The approximate size of an SDK's object in bytes, for `ReplyMeter.take`.

    Close to the length of the JSON text; of a protobuf message its own size. Linear, and nothing is serialised. An
    object counts once, wherever it is found again, so cycles do no harm. Knows protobuf and proto-plus messages,
    pydantic models, mappings, sequences, sets and objects with public attributes.
    """
    total = 0
    seen: dict[int, object] = {}  # keeps them alive: an id is used again once its object is gone
    pending: list[object] = [value]
    while pending:
        one = pending.pop()
        kind = type(one)
        if kind is str:
            total += _size_of_text(one)  # type: ignore[arg-type]
            continue
        if one is None or kind is int or kind is float or kind is bool:
            total += _SMALL
            continue
        if id(one) in seen:
            continue
        seen[id(one)] = one
        if isinstance(one, str):
            total += _size_of_text(one)
        elif isinstance(one, (bytes, bytearray, memoryview)):
            total += len(one)
        elif isinstance(one, Mapping):
            pending.extend(one.keys())
            pending.extend(one.values())
        elif isinstance(one, (list, tuple, set, frozenset)):
            pending.extend(one)
        else:
            total += _size_of_object(one, pending)
    return total


def _size_of_object(value: object, pending: list[object]) -> int:
    """The size of an object without its parts, which are added to ``pending``."""
    if isinstance(value, (type, ModuleType)):
        return _SMALL
    message = getattr(value, "_pb", value)  # what a message of proto-plus wraps
    byte_size = getattr(message, "ByteSize", None)
    if callable(byte_size):
        size = byte_size()
        return size if isinstance(size, int) else _SMALL
    parts = dict(getattr(value, "__dict__", None) or {})
    parts.update(getattr(value, "__pydantic_extra__", None) or {})
    for base in type(value).__mro__:
        slots = base.__dict__.get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else slots:
            if not name.startswith("_") and hasattr(value, name):
                parts[name] = getattr(value, name)
    # Private ones lead to clients and whatever they hold.
    public = {name: part for name, part in parts.items() if not name.startswith("_")}
    pending.extend(public.values())
    return _SMALL + sum(map(len, public))


def _size_of_text(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


def _offending_text(error: Exception) -> str:
    document = getattr(error, "doc", None)  # json.JSONDecodeError
    if isinstance(document, (str, bytes)):
        return _text(document)
    refused = getattr(error, "object", None)  # UnicodeDecodeError
    if isinstance(refused, (str, bytes)):
        return _text(refused)
    return str(error)


def _text(data: str | bytes) -> str:
    return data[:_EXCERPT] if isinstance(data, str) else data[:_EXCERPT].decode("utf-8", "replace")
