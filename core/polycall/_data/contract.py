"""The data that the core and a provider plugin hand each other during one call."""
# Annotations are objects here and not texts: pydantic and `typing.get_type_hints` look up the names of texts in the
# module that a class names as its own, which for public ones is `polycall`.

from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, TypeAlias, TypeVar

from polycall._data.public import public
from polycall._data.types import Adaptation, FinishReason, JsonObject, Mode, ToolCall, Usage
from polycall._data.wording import DEFAULT_WORDING, Wording

ChunkT_co = TypeVar("ChunkT_co", covariant=True)
ChunkT_contra = TypeVar("ChunkT_contra", contravariant=True)


# -- clients and sessions ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ClientTraits:
    """What a plugin says of an SDK's client object that it recognises.

    Attributes:
        sync: The object can serve a `polycall.Client`.
        asynchronous: The object can serve a `polycall.AsyncClient`; true for a sync SDK too, whose hooks the core then
            drives in threads of its own. Where both are true, the caller chooses; sync is the default.
        modes: The modes that fit.
        model: The model that the object itself is bound to, if any.
    """

    sync: bool
    asynchronous: bool
    modes: frozenset[Mode] = frozenset({Mode.PARALLEL_TOOLS})
    model: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionTraits:
    """What a plugin says of a session, for extensions: where it sends to, and the service's name in telemetry.

    Attributes:
        host: Host name or address of the service, ``None`` where there is none (a model in the process).
        port: Its port, ``None`` where there is none or it is not known.
        telemetry_name: The provider's name in OpenTelemetry's registry, the value of ``gen_ai.provider.name``:
            ``"openai"``, ``"aws.bedrock"``, ``"gcp.vertex_ai"``. ``None``: the plugin's own name.
    """

    host: str | None = None
    port: int | None = None
    telemetry_name: str | None = None


@dataclass(frozen=True, slots=True)
class NewClientOnly:
    """Marks a field of a provider's settings that only a client made by polycall can have.

    ``base_url: Annotated[str | None, NEW_CLIENT_ONLY] = None``. Given along with a client that was handed in, it is a
    `polycall.ConfigurationError`, raised by the core.
    """


NEW_CLIENT_ONLY = NewClientOnly()


@dataclass(frozen=True, slots=True)
class InCodeOnly:
    """Marks a field of a provider's settings whose value is an object that a config file cannot hold.

    ``http_client: Annotated[Any, IN_CODE_ONLY] = None``. In a file it is a `polycall.ConfigurationError`, and the JSON
    Schema of the file leaves it out.
    """


IN_CODE_ONLY = InCodeOnly()


@dataclass(frozen=True, slots=True)
class ReadFrom:
    """Marks a field of a provider's settings that the SDK reads from environment variables if it is not given.

    ``api_key: Annotated[SecretStr | None, ReadFrom("OPENAI_API_KEY")] = None``. For documentation and for reports on
    what is configured; polycall does not read the variables.

    Attributes:
        variables: Their names; the SDK takes the first one that is set.
    """

    variables: tuple[str, ...]

    def __init__(self, *variables: str) -> None:
        object.__setattr__(self, "variables", variables)


@dataclass(frozen=True, slots=True)
class OtherNames:
    """Marks a field of a provider's settings that people know by other names, which an error then answers with it.

    ``location: Annotated[str | None, OtherNames("region", "zone")] = None``. The names are not accepted.

    Attributes:
        names: In lower case.
    """

    names: tuple[str, ...]

    def __init__(self, *names: str) -> None:
        object.__setattr__(self, "names", names)


# -- one round: request and reply -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ToolSpec:
    """One tool, in provider-neutral form.

    Attributes:
        name: Matches ``[A-Za-z_][A-Za-z0-9_-]{0,63}``, which every known provider accepts; unique in its request.
        description: Told to the model; ``None`` if there is none.
        schema: JSON Schema (draft 2020-12, as pydantic makes it) of the arguments: an object at the root, definitions
            in ``$defs``. Shared between calls: copy it before changing it.
    """

    name: str
    description: str | None
    schema: JsonObject


@dataclass(slots=True, kw_only=True)
class Request:
    """One request to the model; the corrections of one ``create()`` are further requests.

    Made for each round, so an extension may change any field in `polycall_before_request`, except those that
    identify the call. The objects inside ``messages`` are the caller's own: replace them, do not change them.

    Attributes:
        provider: The provider's name, as in its entry point.
        model: The model's name as the caller gave it, ``None`` if neither the call nor the client names one.
        messages: polycall's messages, as `polycall_continue_conversation` describes them, mixed with the provider's
            own content objects where the caller passed some. A provider takes at least the roles ``system``, ``user``,
            ``assistant`` (with ``tool_calls``) and ``tool`` with text content, and a bare ``str`` as the user's words;
            it raises `MessageError` for what its protocol cannot carry.
        tools: One or more, in the order of ``response_model``.
        tool_payload: The result of `polycall_render_tools` for these tools; opaque to the core.
        tool_choice: ``"auto"``, ``"required"`` or the name of one of ``tools``.
        required_tools: Names of the tools that must be called, each at least once; what is missing is asked for by the
            core. Empty unless the caller gave a list as ``tool_choice``.
        max_calls: How many calls of the reply are used, ``None`` for all. A hint for a provider that can enforce it.
        strict: Whether the provider shall enforce the schema; ``None`` leaves it to the plugin.
        options: The caller's options beyond polycall's own arguments, for the provider's request. Not in the
            ``repr``: headers hold secrets.
        default_options: Names of those ``options`` that are defaults of the client, as the call did not give them; an
            option of the call overrides a default that means the same under another name (`translate_options`).
        stream: The reply will be streamed.
        deltas: The caller wants to see calls begin and grow: a decoder must report `CallStarted`, `ArgumentsDelta`,
            `TextDelta` and `ReasoningDelta`. Otherwise it leaves them out, for speed.
        round: 0 for the first request of a ``create()``, 1 for the first correction, and so on.
        create_id: Identifies the ``create()``; the same in all of its rounds, unique among those of the process.
        extension_data: For extensions, under keys of their own: the same dict in all rounds of one ``create()``.
        adaptations: Changes that the plugin makes to the caller's request while it renders it; append to it. The
            caller sees them as ``Calls.adaptations``.
        session_traits: Where the request goes, and the service's name in telemetry.
        wording: The words for the model, for a plugin that states a `ToolCall.problem`.
        dry_run: Rendered for ``client.render()``: nothing will be sent.
    """

    provider: str
    model: str | None
    messages: list[object]
    tools: tuple[ToolSpec, ...]
    tool_payload: Any
    tool_choice: str
    strict: bool | None
    options: dict[str, object] = field(repr=False)
    default_options: frozenset[str] = frozenset()
    required_tools: tuple[str, ...] = ()
    max_calls: int | None = None
    stream: bool = False
    deltas: bool = False
    round: int = 0
    create_id: str = ""
    extension_data: dict[str, Any] = field(default_factory=dict, repr=False)
    adaptations: list[Adaptation] = field(default_factory=list)
    session_traits: SessionTraits = SessionTraits()
    wording: Wording = field(default=DEFAULT_WORDING, repr=False)
    dry_run: bool = False


@public
@dataclass(frozen=True, slots=True, kw_only=True)
class RenderedRequest:
    """What ``client.render(...)`` returns: exactly what ``create(...)`` would send, as plain data.

    Attributes:
        method: The HTTP method, or ``None`` for a protocol without one.
        url: The URL without credentials, or the name of the service's method.
        headers: By name; the values of those that may hold a secret are ``"***"``. Headers that the SDK's HTTP
            library adds while sending (``host``, ``content-length``) are not in it.
        body: JSON data.
        adaptations: Changes that were made to the caller's request so that the provider can take it.
    """

    method: str | None = None
    url: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: object = None
    adaptations: tuple[Adaptation, ...] = ()


@dataclass(slots=True, kw_only=True)
class Reply:
    """What the model answered, in provider-neutral form.

    Attributes:
        tool_calls: The complete ones, by ``index``. Every call belongs here or in ``cut_off``: unknown names and broken
            arguments too, nothing is dropped. Ids and indexes are unique.
        cut_off: Calls that had begun and have no positive sign of being complete when the reply ended. Under a length
            limit the last call belongs here, whole replies too, unless the protocol says that it is complete.
        text: The model's words outside of calls: all text parts, joined without anything between them; ``None`` if
            there are none.
        reasoning: The model's visible reasoning, joined likewise.
        finish_reason: ``None`` where the provider gave none.
        raw_finish_reason: The provider's own word for it.
        usage: ``None`` where the provider sent no counts.
        refusal: Set where the model refused or the provider blocked: its reason, in its words.
        stopped: Set where the provider stopped the model for another reason of its own, so that asking again for calls
            would not help: its reason, in its words. The reply is not whole: ``saw_end`` is false.
        saw_end: False for a stream that ended without any sign that the reply is whole; enough by itself, where
            nothing is known of the call that was cut off.
        turn: The model's turn as JSON data: one of polycall's messages, or a list of them, as
            `polycall_continue_conversation` describes them. ``None``: the core makes it of text and calls.
        response_id: The provider's id of this response.
        model: The model that answered, as served.
        raw_response: Builds the SDK's own response object; called at most once, when the user asks for it. It may
            raise what the SDK raises for a response that it cannot read.
    """

    tool_calls: Sequence[ToolCall] = ()
    cut_off: Sequence[ToolCall] = ()
    text: str | None = None
    reasoning: str | None = None
    finish_reason: FinishReason | None = None
    raw_finish_reason: str | None = None
    usage: Usage | None = None
    refusal: str | None = None
    stopped: str | None = None
    saw_end: bool = True
    turn: JsonObject | list[JsonObject] | None = None
    response_id: str | None = None
    model: str | None = None
    raw_response: Callable[[], object] | None = None


@dataclass(frozen=True, slots=True)
class CallResult:
    """The answer to one tool call, for the next turn of the conversation.

    Attributes:
        tool_call: The call that it answers.
        content: Text; a value of another type as JSON text; or a list of content parts (``{"type": "text", ...}``,
            ``{"type": "image_url", ...}``), which a provider carries where its protocol can, and otherwise refuses
            with a `MessageError` when the request is rendered.
        is_error: The call failed; ``content`` says why.
    """

    tool_call: ToolCall
    content: str | list[JsonObject]
    is_error: bool = False


# -- a streamed reply -------------------------------------------------------------------------------------------------


@public
@dataclass(frozen=True, slots=True)
class CallStarted:
    """A call began: its name is known, its arguments are not yet complete.

    A protocol that carries whole calls need not report it: the core does, before the call's `CallCompleted`.

    Attributes:
        index: The call's place in the reply, from 0.
        id: The call's id.
        name: The tool's name as the model gave it.
    """

    index: int
    id: str
    name: str


@public
@dataclass(frozen=True, slots=True)
class ArgumentsDelta:
    """The arguments of a call grew. For display only: the text so far may parse and still be wrong.

    Attributes:
        index: The call's place in the reply, from 0.
        text: The new piece of JSON text; may be cut anywhere. A protocol whose arguments are not JSON text reports
            none.
    """

    index: int
    text: str


@public
@dataclass(frozen=True, slots=True)
class TextDelta:
    """The model's text grew.

    Attributes:
        text: The new piece.
    """

    text: str


@public
@dataclass(frozen=True, slots=True)
class ReasoningDelta:
    """The model's visible reasoning grew.

    Attributes:
        text: The new piece.
    """

    text: str


@dataclass(frozen=True, slots=True)
class CallCompleted:
    """A call is complete, on a positive sign, never merely because its text so far parses.

    Signs are: the protocol's own done event, unless the protocol also sends it for a call that was cut off; the next
    call has begun and this one's object is closed; the reply has ended without truncation.

    Attributes:
        tool_call: The whole call. Reported once for each index, and again in `Reply.tool_calls`.
    """

    tool_call: ToolCall


StreamEvent: TypeAlias = CallStarted | ArgumentsDelta | TextDelta | ReasoningDelta | CallCompleted


class StreamDecoder(Protocol[ChunkT_contra]):
    """Turns one streamed reply's chunks into events. No I/O, so one decoder serves sync and async.

    One decoder serves one reply; it is never shared and never called from two threads at once. It may have an
    attribute ``done`` from the start: once that is true, the reply is over and no further chunk is decoded, so that a
    server which keeps the connection open after its end mark does not make the user wait; see `ChunkStream` for the
    rest of the body. A decoder around another one passes it on.
    """

    def feed(self, chunk: ChunkT_contra) -> Iterable[StreamEvent]:
        """Take the next chunk, as the provider's stream gives it.

        Returns:
            What became known with it, in order; empty for most chunks. `CallCompleted` is always reported as
            soon as there is a positive sign, the others only with ``request.deltas``. A generator is read to its end.

        Raises:
            ResponseError: The chunk is not the protocol, or is an error for which the SDK has no exception.
            Exception: The SDK's own, for an error inside the stream for which it documents one.
        """
        ...

    def finish(self) -> Reply:
        """The stream has ended; give the whole reply.

        Returns:
            ``tool_calls`` holds every complete call, those already reported too (with the same ``index``).

        Raises:
            ResponseError: The chunks were not the protocol.
        """
        ...


class ChunkStream(Protocol[ChunkT_co]):
    """An open stream: yields the provider's own chunks.

    ``close()`` closes the connection, half-way and before the first chunk too. It may be called from another thread
    while a chunk is awaited, and must end that wait; a stream whose ``close`` cannot do so has a method ``interrupt()``
    that does, and is closed afterwards. Closing twice is harmless.

    It may have a method ``drain()``, called once at most by its reader, when the decoder is ``done`` and before the
    stream is closed: it reads on to the end of the body, so that the connection can be used again and instrumentation
    sees a whole stream, but only briefly (50 ms), as a server may keep the body open. A connection that breaks
    meanwhile is not an error: the reply is whole. `polycall.plugin.chunk_stream` makes streams that have it.
    """

    def __iter__(self) -> Iterator[ChunkT_co]: ...

    def close(self) -> None: ...


class AsyncChunkStream(Protocol[ChunkT_co]):
    """Async version of `ChunkStream`, with ``async def drain()``."""

    def __aiter__(self) -> AsyncIterator[ChunkT_co]: ...

    async def aclose(self) -> None: ...


# -- the provider's own batch engine ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchRequest:
    """One request of a batch.

    Attributes:
        key: Unique within the batch; comes back with the result.
        request: The neutral request.
        body: The result of `polycall_render_request` for it.
    """

    key: str
    request: Request
    body: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchStatus:
    """How far a batch is.

    Attributes:
        state: ``"running"``, ``"ended"`` (results can be collected), ``"expired"``, ``"cancelled"`` or ``"failed"``.
        raw_state: The provider's own word.
        total: Requests in the batch, ``None`` if unknown; likewise the other counts.
        succeeded: Requests that were answered.
        failed: Requests that ended in an error.
    """

    state: Literal["running", "ended", "expired", "cancelled", "failed"]
    raw_state: str | None = None
    total: int | None = None
    succeeded: int | None = None
    failed: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchResult:
    """One row of a finished batch.

    Attributes:
        key: Of its `BatchRequest`.
        response: For `polycall_extract_reply`; ``None`` if there is an error.
        error: The SDK's own exception or a polycall error; ``None`` if there is a response.
    """

    key: str
    response: Any = None
    error: Exception | None = None
