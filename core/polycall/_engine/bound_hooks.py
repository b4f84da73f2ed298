"""A provider's hooks bound to one session: each step of a round as one method, with the contract checked."""

from __future__ import annotations

import logging
import threading
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from polycall._data.contract import (
    AsyncChunkStream,
    CallCompleted,
    CallResult,
    ChunkStream,
    RenderedRequest,
    Reply,
    Request,
    SessionTraits,
    StreamDecoder,
)
from polycall._data.errors import ClientClosedError, ConfigurationError
from polycall._data.types import Adaptation
from polycall._data.wording import DEFAULT_WORDING
from polycall._engine.conversation import continue_conversation
from polycall._engine.decoder_checks import CompletedCalls, check_decoder, check_display_event, check_events
from polycall._engine.defaults import NO_DEFAULTS, Defaults
from polycall._engine.event_loops import wrong_loop
from polycall._engine.observers import observers_of
from polycall._engine.result_checks import (
    check_adaptations,
    check_not_awaitable,
    check_owed,
    check_reply,
    check_result,
    check_wording,
    wrong_result,
)
from polycall._plugins.registry import Provider, registry

_log = logging.getLogger("polycall.plugins")

if TYPE_CHECKING:
    from polycall._toolkit.threads import ElasticThreads

_MAX_RENDERED_TOOL_SETS = 256


class BoundHooks:
    """The hooks of a provider, as a `polycall.Client` uses them. Holds no state of a call; safe for threads and tasks.

    Args:
        provider: The loaded plugin.
        session: The object that `polycall_bind_client` made of the SDK's client.
        created: polycall created the SDK's client.
        defaults: What holds unless a call says otherwise.
    """

    def __init__(self, provider: Provider, session: Any, *, created: bool, defaults: Defaults = NO_DEFAULTS) -> None:
        self.provider = provider
        self.name = provider.name
        self.session = session
        self.defaults = defaults
        self._created = created
        self._closed = False
        self._lock = threading.Lock()
        self._threads: ElasticThreads | None = None
        self._rendered: dict[tuple[object, ...], tuple[object, Any, tuple[Adaptation, ...]]] = {}
        # Looked up once: an extension that is added later serves clients that are made later.
        hooks = provider.hooks
        self._render_request = provider.caller("polycall_render_request")
        self._send = provider.caller("polycall_send")
        self._send_async = _if_implemented(provider, "polycall_send_async")
        self._open_stream = _if_implemented(provider, "polycall_open_stream")
        self._open_stream_async = _if_implemented(provider, "polycall_open_stream_async")
        self._extract_reply = _if_implemented(provider, "polycall_extract_reply")
        self._create_decoder = provider.caller("polycall_create_decoder")
        self._before_request = observers_of(provider, "polycall_before_request")
        self._round_ended = observers_of(provider, "polycall_round_ended")
        self.create_began = observers_of(provider, "polycall_create_began")
        self.create_ended = observers_of(provider, "polycall_create_ended")
        self.calls_validated = observers_of(provider, "polycall_calls_validated")
        traits = self._call("polycall_describe_session", hooks.polycall_describe_session, session=session)
        self.traits = (
            SessionTraits()
            if traits is None
            else check_result(provider, traits, SessionTraits, "polycall_describe_session")
        )
        wording = self._call("polycall_wording", hooks.polycall_wording)
        self.wording = DEFAULT_WORDING if wording is None else check_wording(provider, wording, "polycall_wording")
        self.async_stream_hook = "polycall_open_stream_async" if self._open_stream_async else "polycall_open_stream"
        """The hook whose stream an async client reads."""
        self._registrations = registry.registrations

    # -- before sending

    def render_tools(self, request: Request) -> None:
        """Fill in the provider's tool payload; rendered once for each combination of its arguments.

        Raises:
            SchemaError: From the plugin: a field has no form in the provider's schema.
        """
        key = (id(request.tools), request.tool_choice, request.strict, request.model)
        known = self._rendered.get(key)
        if known is None:
            adaptations: list[Adaptation] = []
            payload = self._call(
                "polycall_render_tools",
                self.provider.hooks.polycall_render_tools,
                session=self.session,
                tools=request.tools,
                tool_choice=request.tool_choice,
                strict=request.strict,
                model=request.model,
                adaptations=adaptations,
            )
            check_owed(self.provider, payload, "a tool payload", "polycall_render_tools")
            check_adaptations(self.provider, adaptations, "polycall_render_tools")
            known = (request.tools, payload, tuple(adaptations))  # the tools, so that their id stays theirs
            with self._lock:
                if len(self._rendered) >= _MAX_RENDERED_TOOL_SETS:
                    del self._rendered[next(iter(self._rendered))]
                self._rendered[key] = known
        request.tool_payload = known[1]
        request.adaptations = list(known[2])

    def render(self, request: Request, *, tell_extensions: bool = True) -> Any:
        """The body of a request, after the extensions changed the request.

        Raises:
            ClientClosedError: The client was closed.
        """
        if self._closed:
            raise ClientClosedError(
                f"This client of provider {self.name!r} is closed: close() was called, or its 'with' block has ended. "
                "Make another one."
            )
        if self._registrations != registry.registrations:
            self._tell_of_late_extensions()
        if self._before_request is not None and tell_extensions:
            self._before_request(request=request)
        self.render_tools(request)
        body = self._call("polycall_render_request", self._render_request, session=self.session, request=request)
        check_owed(self.provider, body, "the body of a request", "polycall_render_request")
        if request.adaptations:
            check_adaptations(self.provider, request.adaptations, "polycall_render_request")
        return body

    def _tell_of_late_extensions(self) -> None:
        """Log the extensions that were registered after the client was made, once."""
        self._registrations = registry.registrations
        late = [name for name in registry.registered_extensions() if name not in self.provider.extensions]
        if late:
            _log.warning(
                "extension %s was registered after this client of provider %r was made, and does not serve it; "
                "register it first",
                ", ".join(map(repr, late)),
                self.name,
            )

    def describe(self, request: Request, *, tell_extensions: bool = True) -> RenderedRequest:
        """The whole request as plain data, for ``client.render()``."""
        body = self.render(request, tell_extensions=tell_extensions)
        hook = self.provider.hooks.polycall_describe_request
        result = self._call("polycall_describe_request", hook, session=self.session, request=request, body=body)
        described = RenderedRequest(body=body)
        if result is not None:
            described = check_result(self.provider, result, RenderedRequest, "polycall_describe_request")
        return replace(described, adaptations=(*described.adaptations, *request.adaptations))

    # -- sending

    def send(self, request: Request, body: Any) -> Reply:
        """Send, wait for the whole reply, extract it."""
        response = self._call("polycall_send", self._send, session=self.session, request=request, body=body)
        return self._extract(request, response, "polycall_send")

    async def send_async(self, request: Request, body: Any) -> Reply:
        """Async version of `send`; in a thread where the provider has no async hook."""
        hook = "polycall_send_async"
        if self._send_async is not None:
            sending = self._call(hook, self._send_async, session=self.session, request=request, body=body)
            if sending is not None or self.provider.has_own(hook):
                return self._extract(request, await self._awaited(hook, sending), hook)
        hook = "polycall_send"
        response = await self.threads.run(
            lambda: self._call(hook, self._send, session=self.session, request=request, body=body)
        )
        return self._extract(request, response, hook)

    def open_stream(self, request: Request, body: Any) -> ChunkStream[Any] | None:
        """The open stream of one reply; ``None`` where the provider streams nothing."""
        from polycall._engine.checked_streams import CheckedStream

        hook = "polycall_open_stream"
        if self._open_stream is None:
            return None
        chunks = self._call(hook, self._open_stream, session=self.session, request=request, body=body)
        if chunks is not None or self.provider.has_own(hook):
            return CheckedStream(self.provider, chunks, hook)
        return None

    async def open_stream_async(self, request: Request, body: Any) -> AsyncChunkStream[Any] | None:
        """Async version of `open_stream`; read in a thread where the provider has only the sync hook."""
        from polycall._engine.checked_streams import CheckedAsyncStream

        hook = "polycall_open_stream_async"
        if self._open_stream_async is not None:
            opening = self._call(hook, self._open_stream_async, session=self.session, request=request, body=body)
            if opening is not None or self.provider.has_own(hook):
                return CheckedAsyncStream(self.provider, await self._awaited(hook, opening), hook)
        if not self.provider.has_own("polycall_open_stream"):
            return None

        def open_stream() -> ChunkStream[Any]:
            stream = self.open_stream(request, body)
            assert stream is not None  # noqa: S101 - the provider's own hook owes one, and was checked
            return stream

        return await self.threads.stream(open_stream)

    def decoder(self, request: Request) -> StreamDecoder[Any]:
        """A decoder for one reply."""
        decoder: StreamDecoder[Any] = self._call(
            "polycall_create_decoder", self._create_decoder, session=self.session, request=request
        )
        check_decoder(self.provider, decoder)
        return decoder

    def finish(self, decoder: StreamDecoder[Any]) -> Reply:
        """The whole reply of a decoder."""
        reply = self._call("polycall_create_decoder", decoder.finish)
        return check_reply(self.provider, reply, "polycall_create_decoder")

    # -- after the round

    def round_ended(self, request: Request, reply: Reply) -> None:
        """Tell the extensions of a reply."""
        if self._round_ended is not None:
            self._round_ended(request=request, reply=reply, error=None)

    def round_failed(self, request: Request, error: BaseException) -> None:
        """Tell the extensions that a round ended without a reply."""
        if self._round_ended is not None:
            self._round_ended(error, request=request, reply=None, error=error)

    def continue_conversation(
        self, messages: Sequence[object], reply: Reply, results: Sequence[CallResult], note: str | None
    ) -> list[object]:
        """The conversation with the model's turn and the answers to its calls."""
        return continue_conversation(self.provider, messages, reply, results, note)

    # -- the session

    @property
    def threads(self) -> ElasticThreads:
        """Threads for the hooks that block, of this client alone."""
        if self._threads is None:
            from polycall._toolkit.threads import ElasticThreads

            with self._lock:
                self._threads = self._threads or ElasticThreads(f"polycall-{self.name}")
        return self._threads

    def close(self) -> None:
        """Release what the session holds. Later calls do nothing."""
        if self._is_first_close():
            self._close()

    async def close_async(self) -> None:
        """Async version of `close`; in a thread where the provider has no async hook."""
        if not self._is_first_close():
            return
        hook = "polycall_close_client_async"
        arguments = {"session": self.session, "created": self._created}
        closing = self._call(hook, self.provider.hooks.polycall_close_client_async, **arguments)
        if closing is not None:
            await self._awaited(hook, closing)
        elif self.provider.implements("polycall_close_client"):
            await self.threads.run(self._close)
        if self._threads is not None:
            self._threads.close()

    def _close(self) -> None:
        hook = "polycall_close_client"
        close = self.provider.hooks.polycall_close_client
        check_not_awaitable(self.provider, self._call(hook, close, session=self.session, created=self._created), hook)

    def _is_first_close(self) -> bool:
        with self._lock:
            first, self._closed = not self._closed, True
        return first

    # -- calling hooks

    def explain(self, error: Exception, hook: str = "polycall_create_decoder") -> None:
        """Note on a bare exception out of a decoder or a stream which plugin it came from."""
        self.provider.explain(error, hook)

    def explain_async(self, error: Exception, hook: str) -> Exception:
        """The error to raise for a bare exception out of something awaited, which may be of another event loop."""
        self.provider.explain(error, hook)
        return wrong_loop(error, self.name) or error

    def _extract(self, request: Request, response: Any, hook: str) -> Reply:
        check_owed(self.provider, response, "a response", hook)
        if self._extract_reply is not None:
            reply = self._call(
                "polycall_extract_reply",
                self._extract_reply,
                session=self.session,
                request=request,
                response=response,
            )
            if reply is not None or self.provider.has_own("polycall_extract_reply"):
                return check_reply(self.provider, reply, "polycall_extract_reply")
        decoder, completed = self.decoder(request), CompletedCalls(self.provider)
        try:
            for chunk in response if isinstance(response, (list, tuple)) else (response,):
                for event in check_events(self.provider, decoder.feed(chunk)):
                    if isinstance(event, CallCompleted):
                        completed.add(event)
                    else:
                        check_display_event(self.provider, event)
        except Exception as error:
            self.explain(error)
            raise
        reply = self.finish(decoder)
        completed.check(reply)
        return reply

    def _call(self, hook: str, function: Callable[..., Any], **arguments: object) -> Any:
        try:
            return function(**arguments)
        except ConfigurationError as error:
            request = arguments.get("request")
            if isinstance(request, Request) and request.default_options:
                raise self.defaults.located(error, request.default_options) from error.__cause__
            raise
        except Exception as error:
            self.provider.explain(error, hook)
            raise

    async def _awaited(self, hook: str, awaitable: Awaitable[Any] | None) -> Any:
        if awaitable is None or not hasattr(awaitable, "__await__"):
            raise wrong_result(self.provider, awaitable, "an awaitable", hook)
        try:
            return await awaitable
        except Exception as error:
            raised = self.explain_async(error, hook)
            if raised is error:
                raise
            raise raised from error


def _if_implemented(provider: Provider, hook: str) -> Callable[..., Any] | None:
    return provider.caller(hook) if provider.implements(hook) else None
