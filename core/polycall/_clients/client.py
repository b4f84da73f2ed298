"""The clients that users call."""

from __future__ import annotations

from collections.abc import Iterable
from types import TracebackType
from typing import TYPE_CHECKING, Literal, Self, TypeVar, cast, overload

from polycall._clients.streams import AsyncCallStream, CallStream
from polycall._data.calls import Calls
from polycall._data.contract import Request
from polycall._data.errors import ConfigurationError, MessageError, OutputError
from polycall._engine.bound_hooks import Connection
from polycall._engine.exchange import Exchange
from polycall._engine.tools import tools_for

if TYPE_CHECKING:
    from typing_extensions import TypeForm

T = TypeVar("T")

_CHOICES = ("auto", "required")


class _ClientBase:
    """What both clients share: everything of a call that is not waiting."""

    def __init__(self, connection: Connection, *, model: str | None) -> None:
        self._connection = connection
        self._model = model

    @property
    def provider(self) -> str:
        """The provider's name."""
        return self._connection.provider.name

    @property
    def model(self) -> str | None:
        """The model that calls use unless they name another."""
        return self._model

    def __repr__(self) -> str:
        # Nothing of the settings: they may hold secrets.
        return f"<polycall.{type(self).__name__} provider={self.provider!r} model={self._model!r}>"

    def _exchange(
        self,
        messages: Iterable[object],
        response_model: object,
        model: str | None,
        max_retries: int,
        tool_choice: str,
        strict: bool | None,
        context: object,
        options: dict[str, object],
        *,
        stream: bool = False,
        deltas: bool = False,
    ) -> Exchange:
        if isinstance(messages, (str, bytes)) or hasattr(messages, "keys") or not isinstance(messages, Iterable):
            raise MessageError(
                f"messages must be a list of messages, got {type(messages).__name__}; write "
                "messages=[{'role': 'user', 'content': ...}]."
            )
        if isinstance(max_retries, bool) or not isinstance(max_retries, int) or max_retries < 0:
            raise ConfigurationError(
                f"max_retries must be a whole number of at least 0, got {max_retries!r}.", key="max_retries"
            )
        tools = tools_for(response_model)
        if not isinstance(tool_choice, str) or (tool_choice not in _CHOICES and tool_choice not in tools.tools):
            raise ConfigurationError(
                f"tool_choice must be 'auto', 'required' or the name of a tool ({', '.join(tools.tools)}), "
                f"got {tool_choice!r}.",
                key="tool_choice",
            )
        model = model or self._model
        request = Request(
            provider=self.provider,
            model=model,
            messages=list(messages),
            tools=tools.specs,
            tool_payload=self._connection.render(tools, tool_choice, strict, model),
            tool_choice=tool_choice,
            strict=strict,
            options=options,
            stream=stream,
            report_deltas=deltas,
        )
        return Exchange(
            request,
            tools,
            max_retries=max_retries,
            context=context,
            continue_conversation=self._connection.continue_conversation,
        )


class Client(_ClientBase):
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
        messages: Iterable[object],
        response_model: TypeForm[Iterable[T]],
        model: str | None = None,
        stream: Literal[False] = False,
        max_retries: int = 2,
        tool_choice: str = "required",
        strict: bool | None = None,
        context: object = None,
        *,
        deltas: bool = False,
        **provider_options: object,
    ) -> Calls[T]: ...
    @overload
    def create(
        self,
        messages: Iterable[object],
        response_model: TypeForm[Iterable[T]],
        model: str | None = None,
        *,
        stream: Literal[True],
        max_retries: int = 2,
        tool_choice: str = "required",
        strict: bool | None = None,
        context: object = None,
        deltas: bool = False,
        **provider_options: object,
    ) -> CallStream[T]: ...
    @overload
    def create(
        self,
        messages: Iterable[object],
        response_model: TypeForm[Iterable[T]],
        model: str | None = None,
        *,
        stream: bool,
        max_retries: int = 2,
        tool_choice: str = "required",
        strict: bool | None = None,
        context: object = None,
        deltas: bool = False,
        **provider_options: object,
    ) -> Calls[T] | CallStream[T]: ...
    def create(
        self,
        messages: Iterable[object],
        response_model: TypeForm[Iterable[T]],
        model: str | None = None,
        stream: bool = False,
        max_retries: int = 2,
        tool_choice: str = "required",
        strict: bool | None = None,
        context: object = None,
        *,
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
            max_retries: Corrections to ask of the model, at most; network retries are the SDK's.
            tool_choice: ``"auto"`` (an answer without calls is allowed: empty, with ``.text``), ``"required"``, or
                the name of one tool.
            strict: Let the provider enforce the schema. ``None``: where the provider has it and the schema fits.
            context: pydantic validation context, for validators.
            deltas: With ``stream``: let ``stream.events()`` report calls that begin and grow, and text, too.
            **provider_options: Passed to the provider's request as they are (``temperature``, ``timeout``, ...).

        Returns:
            The calls in the order in which the model made them.

        Raises:
            ResponseModelError: ``response_model`` has another form.
            SchemaError: A field has no form in the provider's schema; nothing was sent.
            MessageError: ``messages`` is no list, or one has no form in the provider's protocol; nothing was sent.
            ConfigurationError: ``max_retries``, ``tool_choice`` or an option that cannot be used, or no model; nothing
                was sent.
            InvalidCallsError: Calls still do not validate after the corrections.
            NoToolCallsError: A call was required and none was made.
            IncompleteOutputError: The reply was cut off.
            RefusalError: The model refused or the provider blocked.
            ResponseError: What came back is not the provider's protocol.
            Exception: The SDK's own errors (rate limit, authentication, time-out, connection), unwrapped. One that
                comes while a correction is asked for has the good calls so far as ``error.polycall_calls``.
        """
        if stream:
            return self.stream(
                messages,
                response_model,
                model,
                max_retries,
                tool_choice,
                strict,
                context,
                deltas=deltas,
                **provider_options,
            )
        exchange = self._exchange(
            messages, response_model, model, max_retries, tool_choice, strict, context, provider_options
        )
        try:
            request = exchange.next_request()
            while request is not None:
                exchange.receive(self._connection.send(request))
                request = exchange.next_request()
        except OutputError as error:
            exchange.fill_in(error)
            raise
        except Exception as error:
            exchange.leave_calls_on(error)
            raise
        return cast("Calls[T]", exchange.calls())

    def stream(
        self,
        messages: Iterable[object],
        response_model: TypeForm[Iterable[T]],
        model: str | None = None,
        max_retries: int = 2,
        tool_choice: str = "required",
        strict: bool | None = None,
        context: object = None,
        *,
        deltas: bool = False,
        **provider_options: object,
    ) -> CallStream[T]:
        """The same as ``create(..., stream=True)``.

        Args:
            deltas: Let ``stream.events()`` report calls that begin and grow, and text, too.
        """
        exchange = self._exchange(
            messages,
            response_model,
            model,
            max_retries,
            tool_choice,
            strict,
            context,
            provider_options,
            stream=True,
            deltas=deltas,
        )
        return CallStream(self._connection, exchange)

    def close(self) -> None:
        """Give back connections and memory, if polycall created the SDK's client."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, type_: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


class AsyncClient(_ClientBase):
    """As `Client`, async. Safe to share between the tasks of an event loop."""

    @property
    def chat(self) -> AsyncChat:
        """``await client.chat.completions.create(...)`` is the same as ``await client.create(...)``."""
        return AsyncChat(self)

    @overload
    async def create(
        self,
        messages: Iterable[object],
        response_model: TypeForm[Iterable[T]],
        model: str | None = None,
        stream: Literal[False] = False,
        max_retries: int = 2,
        tool_choice: str = "required",
        strict: bool | None = None,
        context: object = None,
        *,
        deltas: bool = False,
        **provider_options: object,
    ) -> Calls[T]: ...
    @overload
    async def create(
        self,
        messages: Iterable[object],
        response_model: TypeForm[Iterable[T]],
        model: str | None = None,
        *,
        stream: Literal[True],
        max_retries: int = 2,
        tool_choice: str = "required",
        strict: bool | None = None,
        context: object = None,
        deltas: bool = False,
        **provider_options: object,
    ) -> AsyncCallStream[T]: ...
    @overload
    async def create(
        self,
        messages: Iterable[object],
        response_model: TypeForm[Iterable[T]],
        model: str | None = None,
        *,
        stream: bool,
        max_retries: int = 2,
        tool_choice: str = "required",
        strict: bool | None = None,
        context: object = None,
        deltas: bool = False,
        **provider_options: object,
    ) -> Calls[T] | AsyncCallStream[T]: ...
    async def create(
        self,
        messages: Iterable[object],
        response_model: TypeForm[Iterable[T]],
        model: str | None = None,
        stream: bool = False,
        max_retries: int = 2,
        tool_choice: str = "required",
        strict: bool | None = None,
        context: object = None,
        *,
        deltas: bool = False,
        **provider_options: object,
    ) -> Calls[T] | AsyncCallStream[T]:
        """As `Client.create`; with ``stream=True`` an `AsyncCallStream`, whose request has been sent."""
        if stream:
            return await self.stream(
                messages,
                response_model,
                model,
                max_retries,
                tool_choice,
                strict,
                context,
                deltas=deltas,
                **provider_options,
            )
        exchange = self._exchange(
            messages, response_model, model, max_retries, tool_choice, strict, context, provider_options
        )
        try:
            request = exchange.next_request()
            while request is not None:
                exchange.receive(await self._connection.send_async(request))
                request = exchange.next_request()
        except OutputError as error:
            exchange.fill_in(error)
            raise
        except Exception as error:
            exchange.leave_calls_on(error)
            raise
        return cast("Calls[T]", exchange.calls())

    def stream(
        self,
        messages: Iterable[object],
        response_model: TypeForm[Iterable[T]],
        model: str | None = None,
        max_retries: int = 2,
        tool_choice: str = "required",
        strict: bool | None = None,
        context: object = None,
        *,
        deltas: bool = False,
        **provider_options: object,
    ) -> AsyncCallStream[T]:
        """As `Client.stream`: ``async with client.stream(...) as calls: async for call in calls: ...``.

        The request is sent when the stream is awaited, entered or first read.
        """
        exchange = self._exchange(
            messages,
            response_model,
            model,
            max_retries,
            tool_choice,
            strict,
            context,
            provider_options,
            stream=True,
            deltas=deltas,
        )
        return AsyncCallStream(self._connection, exchange)

    async def close(self) -> None:
        """Give back connections and memory, if polycall created the SDK's client."""
        await self._connection.close_async()

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
