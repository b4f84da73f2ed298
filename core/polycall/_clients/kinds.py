"""Which kind an error is of, whatever SDK it comes from."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import get_args

from polycall._data.errors import (
    ConfigurationError,
    MessageError,
    ModeError,
    PluginError,
    PolycallError,
    ResponseError,
    ResponseModelError,
    SchemaError,
    UnknownClientError,
)
from polycall._data.public import public
from polycall._data.types import ErrorKind
from polycall._plugins.registry import registry
from polycall._toolkit.error_kinds import kind_of_status, kind_of_transport

_log = logging.getLogger("polycall.plugins")
_KINDS = frozenset(get_args(ErrorKind))
_NOT_SENDABLE = (ConfigurationError, MessageError, ModeError, ResponseModelError, SchemaError, UnknownClientError)
_CREDENTIALS = ("api_key", "api_key_env")
_HOOK = "polycall_error_kind"
_LONGEST_CHAIN = 100


@public
def kind_of(error: BaseException) -> ErrorKind | None:
    """Say which kind an error is of, so that no SDK has to be imported to catch it.

    ::

        except Exception as error:
            if polycall.kind_of(error) in ("rate_limit", "timeout", "connection", "server"):
                ...  # later, or with another provider

    An error that was raised ``from`` another one is of its cause's kind, unless it is known itself; an
    ``ExceptionGroup`` is of the kind that all of its errors have.

    Args:
        error: Any exception: an SDK's, polycall's own, one of an HTTP library that an SDK let through, Python's.

    Returns:
        ``"rate_limit"``: too many requests or tokens, or no quota left. ``"auth"``: no key or credentials, or wrong
        ones, or not allowed. ``"timeout"``: a time limit of the client or the server. ``"connection"``: none was made,
        or it broke. ``"server"``: the server failed, or its reply is not the protocol. ``"bad_request"``: the request
        cannot be sent or is refused, and would be again. ``None``: none of these, such as a refusal of the model.

    The plugins that are loaded are asked. Another one is loaded only for an exception of its own SDK. Never raises.
    """
    chain = list(_causes(error))
    for one in chain:
        kind = _kind_of_one(one)
        if kind is not None:
            return kind
    reported = [one for one in chain if isinstance(one, ResponseError)]
    return "server" if reported else None


def _causes(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen and len(seen) < _LONGEST_CHAIN:
        seen.add(id(current))
        yield current
        current = current.__cause__


def _kind_of_one(error: BaseException) -> ErrorKind | None:
    if isinstance(error, ConfigurationError) and (error.key or "").rpartition(".")[2] in _CREDENTIALS:
        return "auth"  # as the SDKs that look for their key themselves
    if isinstance(error, _NOT_SENDABLE):
        return "bad_request"
    if isinstance(error, ResponseError) and error.kind is not None:
        return error.kind
    if isinstance(error, BaseExceptionGroup):
        kinds = {kind_of(one) for one in error.exceptions}
        return kinds.pop() if len(kinds) == 1 else None
    if not isinstance(error, Exception) or isinstance(error, PolycallError):
        return None
    answer = _answer(error)
    return answer or kind_of_transport(error) or kind_of_status(_status_of(error))


def _answer(error: Exception) -> ErrorKind | None:
    """The first answer of a plugin."""
    for name in registry.providers_for(type(error)):
        try:
            provider = registry.provider(name)
            kind = provider.hooks.polycall_error_kind(error=error)
        except (PluginError, LookupError) as problem:
            _log.debug("provider %r cannot be asked for the kind of an error: %s", name, problem)
            continue
        except Exception as problem:  # noqa: BLE001  # the caller handles an error already
            _log.warning("provider %r raised %s in %s", name, type(problem).__name__, _HOOK)
            continue
        if kind in _KINDS:
            answer: ErrorKind = kind
            return answer
        if kind is not None:
            _log.warning("provider %r returned %.80r from %s, which is not a kind", name, kind, _HOOK)
    return None


def _status_of(error: Exception) -> object:
    """The HTTP status that most SDKs leave on their errors."""
    for holder in (error, getattr(error, "response", None)):
        status = getattr(holder, "status_code", None)
        if isinstance(status, int):
            return status
    return None
