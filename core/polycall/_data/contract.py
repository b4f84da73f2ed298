"""What the core and a provider plugin hand each other during one call."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias, TypeVar

from polycall._data.types import FinishReason, Mode, ToolCall, Usage

ChunkT_co = TypeVar("ChunkT_co", covariant=True)
ChunkT_contra = TypeVar("ChunkT_contra", contravariant=True)


@dataclass(frozen=True, slots=True)
class ClientTraits:
    """What a plugin says of an SDK's client object that it recognises."""

    sync: bool
    """The object can serve a `polycall.Client`."""
    asynchronous: bool
    """The object can serve a `polycall.AsyncClient`. Where both are true, the caller chooses; sync is the default."""
    modes: frozenset[Mode] = frozenset({Mode.PARALLEL_TOOLS})
    """The modes that fit."""
    model: str | None = None
    """The model that the object itself is bound to, if any."""


@dataclass(frozen=True, slots=True)
class ToolSpec:
    """One tool, in provider-neutral form."""

    name: str
    """Matches ``[A-Za-z_][A-Za-z0-9_-]{0,63}``, which every known provider accepts; unique in its request."""
    description: str | None
    schema: dict[str, object]
    """JSON Schema (draft 2020-12, as pydantic makes it) of the arguments: an object at the root, definitions in
    ``$defs``. Shared between calls: copy it before changing it."""


@dataclass(slots=True, kw_only=True)
class Request:
    """One request to the model; the corrections of one ``create()`` are further requests.

    Made anew for each round, so an extension may replace ``messages`` or change ``options`` before the request
    is sent. The objects inside ``messages`` are the caller's own: replace them, do not change them.
    """

    provider: str
    """The provider's name, as in its entry point."""
    model: str | None
    """The model's name as the caller gave it, ``None`` if neither the call nor the client names one."""
    messages: list[object]
    """OpenAI-style dicts or the provider's own content objects, also mixed: what the caller passed, and what
    `polycall_continue_conversation` appended. A provider takes at least the roles ``system``, ``user``,
    ``assistant`` (with ``tool_calls``) and ``tool`` with text content, and raises `MessageError` for what its
    protocol cannot carry."""
    tools: tuple[ToolSpec, ...]
    tool_payload: Any
    """What `polycall_render_tools` returned for these tools; opaque to the core."""
    tool_choice: str
    """``"auto"``, ``"required"`` or the name of one of ``tools``."""
    strict: bool | None
    options: dict[str, object] = field(repr=False)
    """What the caller passed beyond polycall's own arguments, for the provider's request as it is. Not in the ``repr``:
    headers hold secrets."""
    stream: bool = False
    report_deltas: bool = False
    """The caller wants to see calls begin and grow: a decoder must report `CallStarted`, `ArgumentsDelta` and
    `TextDelta`. Otherwise it may leave them out, and should, for speed."""
    round: int = 0
    """0 for the first request of a ``create()``, 1 for the first correction, and so on."""


@dataclass(slots=True, kw_only=True)
class Reply:
    """What the model answered, in provider-neutral form."""

    tool_calls: Sequence[ToolCall] = ()
    """The complete ones, by ``index``. Every call belongs here or in ``cut_off``: unknown names and broken
    arguments too, nothing is dropped."""
    cut_off: Sequence[ToolCall] = ()
    """Calls that had begun and have no positive sign of being complete when the reply ended."""
    text: str | None = None
    finish_reason: FinishReason | None = None
    """``None`` where the provider gave none."""
    raw_finish_reason: str | None = None
    usage: Usage | None = None
    refusal: str | None = None
    """Set where the model refused or the provider blocked: its reason, in its words."""
    whole: bool = True
    """False for a stream that ended without any sign that the reply is whole; enough by itself, where nothing is
    known of the call that was cut off."""
    turn: Any = None
    """The model's turn as it came, for `polycall_continue_conversation`; the core never looks inside."""
    raw_response: Callable[[], object] | None = None
    """Builds the SDK's own response object; called at most once, when the user asks for it."""


@dataclass(frozen=True, slots=True)
class CallResult:
    """The answer to one tool call, for the next turn of the conversation."""

    tool_call: ToolCall
    content: str
    """Text; a value that is no text comes as JSON text."""
    is_error: bool = False


@dataclass(frozen=True, slots=True)
class CallStarted:
    """A call began: its name is known, its arguments are not yet complete.

    A protocol that carries whole calls need not report it: the core does, before the call's `CallCompleted`.
    """

    index: int
    """The call's place in the reply, from 0."""
    id: str
    name: str


@dataclass(frozen=True, slots=True)
class ArgumentsDelta:
    """The arguments of a call grew. For display only: what came so far may parse and still be wrong."""

    index: int
    text: str
    """The new piece of JSON text; may be cut anywhere. A protocol whose arguments are no JSON text reports none."""


@dataclass(frozen=True, slots=True)
class TextDelta:
    """The model's text grew."""

    text: str


@dataclass(frozen=True, slots=True)
class CallCompleted:
    """A call is complete, on a positive sign, never merely because what came so far parses.

    Signs are: the protocol's own done event; the next call has begun and this one's object is closed; the reply
    has ended without truncation.
    """

    tool_call: ToolCall


StreamEvent: TypeAlias = CallStarted | ArgumentsDelta | TextDelta | CallCompleted


class StreamDecoder(Protocol[ChunkT_contra]):
    """Turns one streamed reply's chunks into events. No I/O, so one decoder serves sync and async.

    One decoder serves one reply; it is never shared and never called from two threads at once.
    """

    def feed(self, chunk: ChunkT_contra) -> Iterable[StreamEvent]:
        """Take the next chunk, as the provider's stream gives it.

        Returns:
            What became known with it, in order; empty for most chunks. `CallCompleted` is always reported as
            soon as there is a positive sign, the others only with ``request.report_deltas``.

        Raises:
            ResponseError: The chunk is not the protocol.
            Exception: The SDK's own, for an error that the provider reports inside the stream.
        """
        ...

    def finish(self) -> Reply:
        """The stream has ended; give the whole reply.

        Returns:
            ``tool_calls`` holds every complete call, those already reported too (with the same ``index``).

        Raises:
            ResponseError: What came was not the protocol.
        """
        ...


class ChunkStream(Protocol[ChunkT_co]):
    """An open stream: yields the provider's own chunks; closing it closes the connection, also half-way."""

    def __iter__(self) -> Iterator[ChunkT_co]: ...

    def close(self) -> None: ...


class AsyncChunkStream(Protocol[ChunkT_co]):
    """As `ChunkStream`, async."""

    def __aiter__(self) -> AsyncIterator[ChunkT_co]: ...

    async def aclose(self) -> None: ...
