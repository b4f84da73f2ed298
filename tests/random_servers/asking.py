"""Asks a random server through the official SDKs, in each way, and notes what comes out.

Most conversations go through the SDK without a socket: its HTTP library gets a transport that answers from memory, the
lowest place that can be replaced. The rest go over sockets.
"""

from __future__ import annotations

import importlib
import signal
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import openai
from google import genai
from google.genai import types
from google.oauth2.credentials import Credentials
from random_servers.conversation import Conversation
from random_servers.meant import Tools

import polycall
from polycall import Calls
from support.wire_server import EVENT_STREAM, JSON, WireServer, reply_stream

PATIENCE_S = 10.0
"""Longer than any of these replies takes on a machine that is busy with other things."""

MESSAGES = [{"role": "user", "content": "What is the weather, and who won?"}]


class HungError(Exception):
    """A conversation did not end."""


@dataclass
class Outcome:
    """What came out of one conversation in one way.

    Attributes:
        calls: The objects.
        ended_with: The exception; ``None`` if there was none.
        result: The calls, those of an error too; ``None`` if an error has none.
        early: What a stream yielded; ``None`` if it was not streamed.
    """

    way: str
    calls: list[Any] = field(default_factory=list)
    ended_with: BaseException | None = None
    result: Calls[Any] | None = None
    early: list[Any] | None = None

    def take(self, calls: Calls[Any]) -> None:
        self.calls, self.result = list(calls), calls

    def fail(self, error: BaseException) -> None:
        self.ended_with = error
        calls = getattr(error, "calls", None)
        calls = getattr(error, "polycall_calls", None) if calls is None else calls
        if isinstance(calls, Calls):
            self.take(calls)

    def summary(self) -> tuple[object, ...]:
        """What must be the same in each way."""
        ids = [] if self.result is None else [call.id for call in self.result.tool_calls if len(call.id) != 29]
        error = self.ended_with
        return type(error), self.calls, ids, len(getattr(error, "failures", ())), len(getattr(error, "cut_off", ()))


@contextmanager
def watched(seconds: float = PATIENCE_S) -> Iterator[None]:
    """Raise `HungError` in what does not end."""
    if not hasattr(signal, "setitimer") or threading.current_thread() is not threading.main_thread():
        yield
        return

    def ring(number: int, frame: object) -> None:
        raise HungError(f"did not end within {seconds} s")

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


class Asker:
    """polycall clients of each protocol, whose server says what it is told.

    Args:
        server: Reached over sockets; without it the replies come from memory.
    """

    def __init__(self, server: WireServer | None = None) -> None:
        self._server = server
        self._body: Sequence[bytes] = ()
        self._content_type = JSON
        self._sync: dict[str, polycall.Client] = {}
        self._async: dict[str, polycall.AsyncClient] = {}
        self._closers: list[Callable[[], Any]] = []

    def ask(self, conversation: Conversation) -> Outcome:
        """Ask with a sync client."""
        self._script(conversation)
        outcome = Outcome("stream" if conversation.streamed else "create")
        client = self._client(conversation.protocol)
        try:
            with watched():
                if not conversation.streamed:
                    outcome.take(client.create(**self._arguments()))
                    return outcome
                with client.stream(**self._arguments()) as stream:
                    outcome.early = []
                    for call in stream:
                        outcome.early.append(call)
                    outcome.take(stream.collect())
        except Exception as error:
            outcome.fail(error)
        return outcome

    async def ask_async(self, conversation: Conversation) -> Outcome:
        """Ask with an async client."""
        self._script(conversation)
        outcome = Outcome("async stream" if conversation.streamed else "async create")
        client = self._async_client(conversation.protocol)
        try:
            with watched():
                if not conversation.streamed:
                    outcome.take(await client.create(**self._arguments()))
                    return outcome
                async with client.stream(**self._arguments()) as stream:
                    outcome.early = []
                    async for call in stream:
                        outcome.early.append(call)
                    outcome.take(await stream.collect())
        except Exception as error:
            outcome.fail(error)
        return outcome

    async def aclose(self) -> None:
        """Close the clients."""
        for close in self._closers:
            closing = close()
            if hasattr(closing, "__await__"):
                await closing

    def _arguments(self) -> dict[str, Any]:
        return {"messages": MESSAGES, "response_model": Tools, "model": "gemini-2.5-flash", "max_retries": 0}

    def _script(self, conversation: Conversation) -> None:
        self._content_type = EVENT_STREAM if conversation.streamed else JSON
        self._body = conversation.pieces
        if self._server is not None:
            self._server.enqueue(reply_stream(list(conversation.pieces), content_type=self._content_type))

    def _client(self, protocol: str) -> polycall.Client:
        if protocol not in self._sync:
            self._make_clients(protocol)
        return self._sync[protocol]

    def _async_client(self, protocol: str) -> polycall.AsyncClient:
        if protocol not in self._async:
            self._make_clients(protocol)
        return self._async[protocol]

    def _make_clients(self, protocol: str) -> None:
        url = "http://memory.test" if self._server is None else self._server.url
        if protocol == "gemini":
            self._make_gemini_clients(url)
            return
        http: dict[str, Any] = {"verify": False}
        async_http: dict[str, Any] = {"verify": False}
        if self._server is None:
            library = importlib.import_module(_library_of(openai.DefaultHttpxClient))
            http["transport"] = async_http["transport"] = library.MockTransport(self._answer_with(library))
        options: dict[str, Any] = {"base_url": url, "api_key": "k", "max_retries": 0}
        sdk = openai.OpenAI(**options, http_client=openai.DefaultHttpxClient(**http))
        async_sdk = openai.AsyncOpenAI(**options, http_client=openai.DefaultAsyncHttpxClient(**async_http))
        self._sync[protocol] = polycall.from_openai(sdk, api=protocol)
        self._async[protocol] = polycall.from_openai(async_sdk, api=protocol)
        self._closers += [sdk.close, async_sdk.close]

    def _make_gemini_clients(self, url: str) -> None:
        options: dict[str, Any] = {"base_url": url}
        if self._server is None:
            memory = {"transport": httpx.MockTransport(self._answer_with(httpx))}
            options |= {"client_args": memory, "async_client_args": memory}
        sdk = genai.Client(
            vertexai=True,
            project="p",
            location="us-central1",
            credentials=Credentials("token"),  # type: ignore[no-untyped-call]
            http_options=types.HttpOptions(**options),
        )
        self._sync["gemini"] = polycall.from_vertexai(sdk)
        self._async["gemini"] = polycall.from_vertexai(sdk, use_async=True)
        self._closers += [sdk.close, sdk.aio.aclose]

    def _answer_with(self, library: Any) -> Callable[[Any], Any]:
        def answer(request: Any) -> Any:
            headers = {"content-type": self._content_type}
            return library.Response(200, headers=headers, stream=_pieces_of(library, self._body))

        return answer


def _pieces_of(library: Any, pieces: Sequence[bytes]) -> Any:
    class Pieces(library.SyncByteStream, library.AsyncByteStream):  # type: ignore[misc]
        def __iter__(self) -> Iterator[bytes]:
            return iter(pieces)

        async def __aiter__(self) -> AsyncIterator[bytes]:
            for piece in pieces:
                yield piece

    return Pieces()


def _library_of(class_: type) -> str:
    """The HTTP library that an SDK's client class rides on: openai 2.x on httpx, 3.x on a copy of another name."""
    return next(base.__module__.partition(".")[0] for base in class_.__mro__ if base.__name__ == "Client")
