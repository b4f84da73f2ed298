"""The clients that users call."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol, Self, TypeAlias, cast, overload

from typing_extensions import TypeVar

from polycall._clients.misuse import AsyncClientOnly, NotShared, SyncClientOnly
from polycall._data.calls import Calls
from polycall._data.contract import RenderedRequest
from polycall._data.public import public
from polycall._data.tracebacks import MISTAKES, shorten
from polycall._engine.ask import Ask, explains_what_is_missing
from polycall._engine.bound_hooks import BoundHooks
from polycall._engine.drive import run, run_async
from polycall._engine.exchange import Exchange

if TYPE_CHECKING:
    from pydantic import BaseModel
    from typing_extensions import TypeForm

    from polycall._clients.streams import AsyncCallStream, CallStream

    class Dataclass(Protocol):
        """Any dataclass."""

        __dataclass_fields__: ClassVar[dict[str, Any]]

    class ListOfMessages(Protocol):
        """A list of messages: any collection but a text, which holds texts alone."""

        def __contains__(self, message: object, /) -> bool: ...
        def __iter__(self) -> Iterator[object]: ...


Messages: TypeAlias = "ListOfMessages | Iterator[object] | Iterable[Mapping[str, object]]"

# The bound keeps out a bare model, whose objects are iterable: type checkers would take it for Iterable[tuple].
# Of a list of members, [Weather, tool], no type checker infers the union, so its calls are of any type.
T = TypeVar("T", bound="BaseModel | Dataclass | Mapping[str, object]", default=Any)


class _ClientBase(NotShared):
    """Everything of a client that is not waiting."""

    def __init__(self, hooks: BoundHooks, *, model: str | None) -> None:
        self._hooks = hooks
        self._model = model

    @property
    def provider(self) -> str:
        """The provider's name."""
        return self._hooks.name

    @property
    def model(self) -> str | None:
        """The model that calls use unless they name another."""
        return self._model

    def __repr__(self) -> str:
        # Nothing of the settings: they may hold secrets.
        return f"<polycall.{type(self).__name__} provider={self.provider!r} model={self._model!r}>"

    @explains_what_is_missing
    def render(
        self,
        messages: Messages,
        response_model: TypeForm[Iterable[T]] | list[Any] | tuple[Any, ...],
        model: str | None = None,
        stream: bool = False,
        max_retries: int | None = None,
        tool_choice: str | Iterable[str] = "required",
        strict: bool | None = None,
        context: object = None,
        *,
        max_calls: int | None = None,
        deltas: bool = False,
        **provider_options: object,
    ) -> RenderedRequest:
        """Render exactly what ``create(...)`` with the same arguments would send first, and send nothing.

        Extensions change the request as they do before it is sent. Does no I/O, so it is not awaited, of either client.

        Returns:
            Method, URL, headers without secrets, and the body, as plain data.

        Raises:
            PolycallError: As ``create()`` does before anything is sent.
        """
        ask = Ask(
            messages=messages,
            response_model=response_model,
            model=self._model if model is None else model,
            max_retries=max_retries,
            tool_choice=tool_choice,
            strict=strict,
            context=context,
            max_calls=max_calls,
            stream=stream,
            deltas=deltas,
            dry_run=True,
            options=provider_options,
        )
        try:
            return self._hooks.describe(Exchange(ask, self._hooks).request)
        except MISTAKES as error:
            shorten(error)
            raise


@public
class Client(SyncClientOnly, _ClientBase):
    """Sends requests and returns typed calls. Safe to share between threads; holds no state of a call.

    Made by `polycall.from_provider`, `polycall.from_config` or `polycall.from_client` and its relatives. As a
    context manager it is closed at the end; closing matters for clients that polycall created.
    """

    @property
    def chat(self) -> Chat:
        """``client.chat.completions.create(...)`` is the same as ``client.create(...)``."""
        return Chat(self)

    @overload
    def create(
        self,
        messages: Messages,
        response_model: TypeForm[Iterable[T]] | list[Any] | tuple[Any, ...],
        model: str | None = None,
        stream: Literal[False] = False,
        max_retries: int | None = None,
        tool_choice: str | Iterable[str] = "required",
        strict: bool | None = None,
        context: object = None,
        *,
        max_calls: int | None = None,
        deltas: bool = False,
        **provider_options: object,
    ) -> Calls[T]: ...
    @overload
    def create(
        self,
        messages: Messages,
        response_model: TypeForm[Iterable[T]] | list[Any] | tuple[Any, ...],
        model: str | None = None,
        *,
        stream: Literal[True],
        max_retries: int | None = None,
        tool_choice: str | Iterable[str] = "required",
        strict: bool | None = None,
        context: object = None,
        max_calls: int | None = None,
        deltas: bool = False,
        **provider_options: object,
    ) -> CallStream[T]: ...
    @overload
    def create(
        self,
        messages: Messages,
        response_model: TypeForm[Iterable[T]] | list[Any] | tuple[Any, ...],
        model: str | None = None,
        *,
        stream: bool,
        max_retries: int | None = None,
        tool_choice: str | Iterable[str] = "required",
        strict: bool | None = None,
        context: object = None,
        max_calls: int | None = None,
        deltas: bool = False,
        **provider_options: object,
    ) -> Calls[T] | CallStream[T]: ...
    @explains_what_is_missing
    def create(
        self,
        messages: Messages,
        response_model: TypeForm[Iterable[T]] | list[Any] | tuple[Any, ...],
        model: str | None = None,
        stream: bool = False,
        max_retries: int | None = None,
        tool_choice: str | Iterable[str] = "required",
        strict: bool | None = None,
        context: object = None,
        *,
        max_calls: int | None = None,
        deltas: bool = False,
        **provider_options: object,
    ) -> Calls[T] | CallStream[T]:
        """Ask the model for tool calls and return them as objects of the response model.

        Args:
            messages: OpenAI-style dicts for every provider; the provider's own content objects pass through.
            response_model: ``Iterable[A]``, ``Iterable[A | B]`` or ``list[...]``; each a pydantic model, a dataclass
                or a TypedDict. The class's name is the tool's name, its docstring the description.
            model: Overrides the client's model for this call.
            stream: Return a `CallStream` that yields each call as soon as it is complete.
            max_retries: Corrections to ask of the model, at most; network retries are the SDK's. ``None``: the
                client's ``max_corrections``, which is 2 unless set otherwise.
            tool_choice: ``"auto"`` (an answer without calls is allowed: empty, with ``.text``), ``"required"``, the
                name of one tool (a call of another one fails), or a list of names: each of these tools must be called,
                and a missing one is asked for.
            strict: Let the provider enforce the schema. ``None``: where the provider has it and the schema fits.
            context: pydantic validation context, for validators.
            max_calls: Use the first ``max_calls`` calls of the reply, with a place kept for each tool in a list of
                ``tool_choice``; the others are in ``Calls.surplus``, and the model is told. ``None``: all of them.
            deltas: With ``stream``: let ``stream.events()`` report calls that begin and grow, and text, too.
            **provider_options: Neutral names (``max_tokens``, ``temperature``, ``top_p``, ``stop``, ``seed``,
                ``timeout``, ``extra_headers``, ``parallel_tool_calls``) mean the same with every provider; others are
                the provider's own. Those that are not given are the client's ``options``.

        Returns:
            The calls in the order in which the model made them.

        Raises:
            ResponseModelError: ``response_model`` has another form.
            SchemaError: A field has no form in the provider's schema; nothing was sent.
            MessageError: ``messages`` is not a list, or one has no form in the provider's protocol; nothing was sent.
            ConfigurationError: ``max_retries``, ``tool_choice`` or an option that cannot be used, or no model; nothing
                was sent.
            InvalidCallsError: Calls still do not validate after the corrections.
            NoToolCallsError: A call was required and none was made.
            IncompleteOutputError: The reply was cut off.
            RefusalError: The model refused or the provider blocked.
            ResponseError: The reply is not the provider's protocol.
            Exception: The SDK's own errors (rate limit, authentication, time-out, connection), unwrapped. One that
                is raised after some calls were good has them as ``error.polycall_calls``.
        """
        ask = Ask(
            messages=messages,
            response_model=response_model,
            model=self._model if model is None else model,
            max_retries=max_retries,
            tool_choice=tool_choice,
            strict=strict,
            context=context,
            max_calls=max_calls,
            stream=stream,
            deltas=deltas,
            options=provider_options,
        )
        try:
            exchange = Exchange(ask, self._hooks)
            if stream:
                from polycall._clients.streams import CallStream  # imported by those who stream

                return CallStream(self._hooks, exchange)
            return cast("Calls[T]", run(exchange, self._hooks))
        except MISTAKES as error:
            shorten(error)
            raise

    @explains_what_is_missing
    def stream(
        self,
        messages: Messages,
        response_model: TypeForm[Iterable[T]] | list[Any] | tuple[Any, ...],
        model: str | None = None,
        max_retries: int | None = None,
        tool_choice: str | Iterable[str] = "required",
        strict: bool | None = None,
        context: object = None,
        *,
        max_calls: int | None = None,
        deltas: bool = False,
        **provider_options: object,
    ) -> CallStream[T]:
        """The same as ``create(..., stream=True)``.

        Args:
            deltas: Let ``stream.events()`` report calls that begin and grow, and text, too.
        """
        ask = Ask(
            messages=messages,
            response_model=response_model,
            model=self._model if model is None else model,
            max_retries=max_retries,
            tool_choice=tool_choice,
            strict=strict,
            context=context,
            max_calls=max_calls,
            stream=True,
            deltas=deltas,
            options=provider_options,
        )
        try:
            from polycall._clients.streams import CallStream

            return CallStream(self._hooks, Exchange(ask, self._hooks))
        except MISTAKES as error:
            shorten(error)
            raise

    def close(self) -> None:
        """Release the session's threads and, if polycall created it, the SDK's client."""
        self._hooks.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, type_: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


@public
class AsyncClient(AsyncClientOnly, _ClientBase):
    """Async version of `Client`. Safe to share between the tasks of an event loop."""

    @property
    def chat(self) -> AsyncChat:
        """``await client.chat.completions.create(...)`` is the same as ``await client.create(...)``."""
        return AsyncChat(self)

    @overload
    async def create(
        self,
        messages: Messages,
        response_model: TypeForm[Iterable[T]] | list[Any] | tuple[Any, ...],
        model: str | None = None,
        stream: Literal[False] = False,
        max_retries: int | None = None,
        tool_choice: str | Iterable[str] = "required",
        strict: bool | None = None,
        context: object = None,
        *,
        max_calls: int | None = None,
        deltas: bool = False,
        **provider_options: object,
    ) -> Calls[T]: ...
    @overload
    async def create(
        self,
        messages: Messages,
        response_model: TypeForm[Iterable[T]] | list[Any] | tuple[Any, ...],
        model: str | None = None,
        *,
        stream: Literal[True],
        max_retries: int | None = None,
        tool_choice: str | Iterable[str] = "required",
        strict: bool | None = None,
        context: object = None,
        max_calls: int | None = None,
        deltas: bool = False,
        **provider_options: object,
    ) -> AsyncCallStream[T]: ...
    @overload
    async def create(
        self,
        messages: Messages,
        response_model: TypeForm[Iterable[T]] | list[Any] | tuple[Any, ...],
        model: str | None = None,
        *,
        stream: bool,
        max_retries: int | None = None,
        tool_choice: str | Iterable[str] = "required",
        strict: bool | None = None,
        context: object = None,
        max_calls: int | None = None,
        deltas: bool = False,
        **provider_options: object,
    ) -> Calls[T] | AsyncCallStream[T]: ...
    @explains_what_is_missing
    async def create(
        self,
        messages: Messages,
        response_model: TypeForm[Iterable[T]] | list[Any] | tuple[Any, ...],
        model: str | None = None,
        stream: bool = False,
        max_retries: int | None = None,
        tool_choice: str | Iterable[str] = "required",
        strict: bool | None = None,
        context: object = None,
        *,
        max_calls: int | None = None,
        deltas: bool = False,
        **provider_options: object,
    ) -> Calls[T] | AsyncCallStream[T]:
        """Async version of `Client.create`; with ``stream=True`` an `AsyncCallStream`, whose request has been sent."""
        ask = Ask(
            messages=messages,
            response_model=response_model,
            model=self._model if model is None else model,
            max_retries=max_retries,
            tool_choice=tool_choice,
            strict=strict,
            context=context,
            max_calls=max_calls,
            stream=stream,
            deltas=deltas,
            options=provider_options,
        )
        try:
            exchange = Exchange(ask, self._hooks)
            if stream:
                from polycall._clients.streams import AsyncCallStream

                return await AsyncCallStream(self._hooks, exchange)
            return cast("Calls[T]", await run_async(exchange, self._hooks))
        except MISTAKES as error:
            shorten(error)
            raise

    @explains_what_is_missing
    def stream(
        self,
        messages: Messages,
        response_model: TypeForm[Iterable[T]] | list[Any] | tuple[Any, ...],
        model: str | None = None,
        max_retries: int | None = None,
        tool_choice: str | Iterable[str] = "required",
        strict: bool | None = None,
        context: object = None,
        *,
        max_calls: int | None = None,
        deltas: bool = False,
        **provider_options: object,
    ) -> AsyncCallStream[T]:
        """Async version of `Client.stream`: ``async with client.stream(...) as calls: async for call in calls: ...``.

        The request is sent when the stream is awaited, entered or first read.
        """
        ask = Ask(
            messages=messages,
            response_model=response_model,
            model=self._model if model is None else model,
            max_retries=max_retries,
            tool_choice=tool_choice,
            strict=strict,
            context=context,
            max_calls=max_calls,
            stream=True,
            deltas=deltas,
            options=provider_options,
        )
        try:
            exchange = Exchange(ask, self._hooks)
            self._hooks.render_tools(exchange.request)  # tools that cannot be rendered are an error here, not later
            from polycall._clients.streams import AsyncCallStream

            return AsyncCallStream(self._hooks, exchange)
        except MISTAKES as error:
            shorten(error)
            raise

    async def close(self) -> None:
        """Release the session's threads and, if polycall created it, the SDK's client."""
        await self._hooks.close_async()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, type_: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()


class Completions:
    """``client.chat.completions``: `create` and `stream` of the client, under the names the OpenAI SDK uses."""

    def __init__(self, client: Client) -> None:
        self.create = client.create
        self.stream = client.stream


class Chat:
    """``client.chat``."""

    def __init__(self, client: Client) -> None:
        self.completions = Completions(client)


class AsyncCompletions:
    """``client.chat.completions`` of an `AsyncClient`."""

    def __init__(self, client: AsyncClient) -> None:
        self.create = client.create
        self.stream = client.stream


class AsyncChat:
    """``client.chat`` of an `AsyncClient`."""

    def __init__(self, client: AsyncClient) -> None:
        self.completions = AsyncCompletions(client)
