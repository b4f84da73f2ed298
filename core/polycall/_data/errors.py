"""Every error of polycall.

PolycallError
├── ConfigurationError (ValueError)      a config file, a setting or an environment variable
├── ModeError (ValueError)               a mode that does not fit the client
├── ProviderNotFoundError (LookupError)  a provider name that is not installed
├── ClientClosedError (RuntimeError)     a client that was closed, or whose event loop has ended
├── UnknownClientError (TypeError)       an object that no installed plugin recognises
├── PluginError                          a plugin that is broken or breaks the hook contract
├── ResponseModelError (TypeError)       a ``response_model`` that is not Iterable[...] or list[...] of models
├── MessageError (TypeError)             a message that the provider's protocol cannot carry
├── SchemaError (TypeError)              a field that the provider's schema cannot express
└── OutputError                          the model's reply, with what is good in it
    ├── InvalidCallsError                calls that still fail after the corrections
    ├── NoToolCallsError                 no tool call though one was required
    ├── IncompleteOutputError            cut off by the length limit, or a stream that just ended
    ├── RefusalError                     refused by the model or blocked by the provider
    └── ResponseError                    not the provider's protocol at all

The errors that an SDK documents (rate limit, authentication, time-out, connection) are not in this tree: they reach
the caller as the SDK's own exceptions.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from polycall._data.public import public

if TYPE_CHECKING:
    from polycall._data.calls import Calls
    from polycall._data.types import CallFailure, ErrorKind, ToolCall

_EXCERPT_CHARACTERS = 200


@public
class PolycallError(Exception):
    """Base class of all errors that polycall raises itself. All of them survive ``pickle`` and ``copy.deepcopy``."""

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        # As for any exception, without asking the class's own parameters of whoever unpickles it.
        return _restore, (type(self), self.args, dict(self.__dict__))


def _restore(type_: type[PolycallError], args: tuple[object, ...], state: dict[str, object]) -> PolycallError:
    error = type_.__new__(type_)
    error.args = args
    error.__dict__.update(state)
    return error


@public
class ConfigurationError(PolycallError, ValueError):
    """A setting that cannot be used, from a config file, the environment or keyword arguments.

    Args:
        message: What was given, what would be right, what to do.
        source: The file, or ``None`` for keyword arguments and the environment.
        key: Dotted path of the setting, e.g. ``"profiles.fast.model"``.
    """

    def __init__(self, message: str, *, source: str | None = None, key: str | None = None) -> None:
        super().__init__(message)
        self.source = source
        self.key = key


@public
class ModeError(PolycallError, ValueError):
    """A `Mode` that does not fit the client."""


@public
class ProviderNotFoundError(PolycallError, LookupError):
    """No installed distribution offers a provider of that name.

    Args:
        name: The name that was asked for.
        installed: Names that would work.
    """

    def __init__(self, message: str, *, name: str, installed: Sequence[str]) -> None:
        super().__init__(message)
        self.name = name
        self.installed = tuple(installed)


@public
class UnknownClientError(PolycallError, TypeError):
    """An object that no installed provider plugin recognises as its SDK's client."""


@public
class ClientClosedError(PolycallError, RuntimeError):
    """A client is used that was closed, or an async one after the event loop that it belongs to."""


@public
class PluginError(PolycallError):
    """A plugin that cannot be imported, was built for another hook API, or breaks the hook contract.

    Args:
        plugin: The plugin's name (its entry point's name).
        distribution: ``"name version"`` of the distribution it came from, ``None`` if registered in code.
    """

    def __init__(self, message: str, *, plugin: str, distribution: str | None = None) -> None:
        super().__init__(message)
        self.plugin = plugin
        self.distribution = distribution


@public
class ResponseModelError(PolycallError, TypeError):
    """A ``response_model`` of another form than ``Iterable[A | B]``, ``Iterable[A]`` or ``list[...]``."""


@public
class MessageError(PolycallError, TypeError):
    """A message, or a part of one, that the provider's protocol cannot carry. Raised before any request."""


@public
class SchemaError(PolycallError, TypeError):
    """A field has no form in the provider's schema. Raised before any request.

    Args:
        path: The field, from the tool's name: ``"Trip.legs[].size"``.
        problem: What is wrong and what to write instead.
    """

    def __init__(self, path: str, problem: str) -> None:
        super().__init__(f"{path!r}: {problem}")
        self.path = path
        self.problem = problem


@public
class OutputError(PolycallError):
    """The reply is not what was asked for. The good calls in it are kept: nothing is lost.

    Raised by plugins without ``calls``; polycall fills them in on the way to the caller.

    Attributes:
        calls: The good calls of all rounds, in order, with ``.text``, ``.usage``, ``.tool_calls`` and
            ``.raw_response``.
    """

    calls: Calls[Any]

    def __init__(self, message: str, *, calls: Calls[object] | None = None) -> None:
        from polycall._data.calls import Calls

        super().__init__(message)
        self.calls = Calls([]) if calls is None else calls

    @property
    def text(self) -> str | None:
        """The model's words, ``None`` if there are none."""
        return self.calls.text


@public
class InvalidCallsError(OutputError):
    """Calls that still fail after the corrections; the good ones are in ``.calls``.

    Args:
        failures: Each with its ``.tool_call`` and ``.reason``, in the order of the reply.
        corrections: How often the model was asked for corrections.
    """

    def __init__(self, failures: Sequence[CallFailure], *, calls: Calls[object], corrections: int = 0) -> None:
        shown = "; ".join(f"{failure.tool_call.name}: {_excerpt(failure.reason)}" for failure in failures[:3])
        more = f"; and {len(failures) - 3} more" if len(failures) > 3 else ""
        asked = f" after {corrections} correction{'s' * (corrections > 1)}" if corrections else ""
        super().__init__(
            f"{len(failures)} of {len(failures) + len(calls)} tool calls are invalid{asked} ({shown}{more}). "
            f"The good ones are in .calls, the others in .failures; {_next_step(failures, corrections)}.",
            calls=calls,
        )
        self.failures = tuple(failures)
        self.corrections = corrections


def _next_step(failures: Sequence[CallFailure], corrections: int) -> str:
    if all(failure.wrong_name for failure in failures) and corrections:
        return "take the tool into response_model, or say in the messages which tools there are"
    if corrections:
        return "a clearer description of the fields helps, or a larger max_retries"
    return "with max_retries the model is asked to correct them"


@public
class NoToolCallsError(OutputError):
    """The model answered without a tool call that was required; its words are in ``.text``.

    Args:
        missing: The tools that ``tool_choice=[...]`` asked for and that were not called; empty where any call would
            have done.
        stopped: Why the provider stopped the model before it made a call, in the provider's words; ``None`` if it did
            not.
    """

    def __init__(self, *, calls: Calls[object], missing: Sequence[str] = (), stopped: str | None = None) -> None:
        text = f" Its text: {_excerpt(calls.text)!r}." if calls.text else ""
        if stopped is not None:
            message = f"The model made no tool call: {_excerpt(stopped)}.{text} The same request may end the same way."
        elif missing:
            message = f"The model did not call {', '.join(missing)}.{text} The {len(calls)} good calls are in .calls."
        else:
            message = f"The model made no tool call.{text} Pass tool_choice='auto' to allow an answer without calls."
        super().__init__(message, calls=calls)
        self.missing = tuple(missing)
        self.stopped = stopped


@public
class IncompleteOutputError(OutputError):
    """The reply is not whole: cut off by the length limit, or a stream that ended without the sign of its end.

    Args:
        cut_off: Calls that had begun and are not known to be complete, with their arguments so far.
        failures: Complete calls that do not validate.
    """

    def __init__(
        self,
        message: str,
        *,
        calls: Calls[object] | None = None,
        cut_off: Sequence[ToolCall] = (),
        failures: Sequence[CallFailure] = (),
    ) -> None:
        super().__init__(message, calls=calls)
        self.cut_off = tuple(cut_off)
        self.failures = tuple(failures)


@public
class RefusalError(OutputError):
    """The model refused, or the provider blocked the prompt or the reply.

    Args:
        reason: The provider's or the model's own words.
    """

    def __init__(self, reason: str, *, calls: Calls[object] | None = None) -> None:
        super().__init__(f"The request was refused: {_excerpt(reason)}", calls=calls)
        self.reason = reason


@public
class ResponseError(OutputError):
    """The reply is not the provider's protocol: HTML, garbage, broken JSON, an error object inside a 200.

    Args:
        message: What was expected, and what is there instead.
        excerpt: The reply's first characters.
        kind: Which kind of error the reply reports, for `polycall.kind_of`; ``None`` if it does not say.
    """

    def __init__(self, message: str, *, excerpt: str = "", kind: ErrorKind | None = None) -> None:
        shown = f" It begins: {_excerpt(excerpt)!r}." if excerpt else ""
        super().__init__(f"{message}{shown}")
        self.excerpt = excerpt[:_EXCERPT_CHARACTERS]
        self.kind = kind


def _excerpt(text: str) -> str:
    """The first characters of a text, with three dots where it goes on."""
    return text if len(text) <= _EXCERPT_CHARACTERS else text[:_EXCERPT_CHARACTERS] + "..."
