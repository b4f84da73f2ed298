"""One adapter per provider: how to script a reply, how to ask, and what the model was told then.

The tests of this folder say what must hold for every provider, and say it once. HTTP providers all talk to
``support.wire_server``, so each of its faults can be given to each of them.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, Literal, Self, TypeAlias, TypeVar, cast

import google.api_core.exceptions
import grpc
import httpx
import openai
import requests
from google import genai
from google.genai import errors as genai_errors
from google.oauth2.credentials import Credentials
from pydantic import BaseModel

import polycall
from support import toy_provider, vertex_grpc_server
from support.openai_replies import chunk, chunks, completion, sse
from support.vertex_wires import call, candidate, generative_model, init_vertexai
from support.wire_server import JSON, Reply, Request, Step, WireServer, html, reply_json, reply_stream


class Weather(BaseModel):
    location: str
    units: Literal["imperial", "metric"] = "metric"


class Search(BaseModel):
    query: str


Tools: TypeAlias = list[Weather | Search]
MESSAGES = [{"role": "user", "content": "What is the weather, and who won?"}]
KEY = "sk-very-secret-0123456789"
"""The key or the token of every client here."""

BROKEN = "no arguments at all"
"""In place of arguments: what is no JSON object, as far as the protocol can carry such a thing."""

Arguments: TypeAlias = Mapping[str, object] | str


@dataclass(frozen=True)
class Said:
    """A reply in neutral form."""

    calls: Sequence[tuple[str, Arguments]] = ()
    text: str | None = None
    end: Literal["done", "length", "refused", "missing"] = "done"
    """``length`` cuts the last call off; ``missing`` is a stream without any sign that the reply is whole."""
    usage: tuple[int, int] = (10, 5)


Scripted: TypeAlias = Said | Reply | Callable[[bool], Any]
"""A neutral reply, a reply of the wire server, or a function of whether a stream was asked for."""


@dataclass(frozen=True)
class Told:
    """What the model was told before a request."""

    results: Sequence[str]
    """Of each of its calls, in order."""
    note: str | None = None


@dataclass(frozen=True)
class Way:
    """One of the ways to ask."""

    streamed: bool
    asynchronous: bool

    def __str__(self) -> str:
        return ("stream" if self.streamed else "create") + (" async" if self.asynchronous else "")


WAYS = [Way(streamed, asynchronous) for streamed in (False, True) for asynchronous in (False, True)]


TestT = TypeVar("TestT", bound=Callable[..., Any])


def only(*names: str, streamed: bool | None = None) -> Callable[[TestT], TestT]:
    """Run a test for these providers only, and only whole or streamed."""

    def mark(test: TestT) -> TestT:
        test.providers = names or tuple(PROVIDERS)  # type: ignore[attr-defined]
        test.streamed = streamed  # type: ignore[attr-defined]
        return test

    return mark


class Provider(ABC):
    """A provider with its SDK and a server of its own.

    Args:
        settings: polycall's own settings of the provider.
    """

    name: str
    has_async = True
    carries_broken_arguments = True
    """The protocol can carry arguments that are no object."""
    carries_truncated_calls = False
    """The protocol can carry half a call."""
    over_http = True
    sdk_errors: tuple[type[Exception], ...] = ()
    """What the SDK documents."""
    tools: Any = list[Weather | Search]
    rate_limited: tuple[type[Exception], Callable[[bool], Any]]
    """Its error for a rate limit, and how the server says so."""
    not_the_protocol: Callable[[bool], Any]

    def __init__(self, **settings: Any) -> None:
        self.settings = settings
        self.queue: deque[Scripted] = deque()
        self.handler: Callable[[Told, str], Scripted] | None = None
        self._stack = ExitStack()
        self._async_clients: list[Any] = []

    @abstractmethod
    def start(self) -> None:
        """Start the server."""

    @abstractmethod
    def client(self, **options: Any) -> polycall.Client: ...

    @abstractmethod
    def async_client(self, **options: Any) -> polycall.AsyncClient: ...

    @abstractmethod
    def told(self, request: int) -> Told:
        """What the model was told before a request, from 0."""

    @property
    @abstractmethod
    def asked(self) -> int:
        """How many requests came."""

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._stack.__exit__(*cast("tuple[None, None, None]", exception))

    def script(self, *replies: Scripted) -> None:
        """Add replies, one for each coming request."""
        self.queue.extend(replies)

    def arguments(self, **options: Any) -> dict[str, Any]:
        return {"messages": MESSAGES, "response_model": Tools, "model": "gemini-2.5-flash", **options}

    async def ask(self, way: Way, *, client_options: Mapping[str, Any] | None = None, **options: Any) -> Any:
        """Ask in one of the ways; all calls."""
        arguments = self.arguments(**options)
        if not way.asynchronous:
            client = self.client(**(client_options or {}))
            if not way.streamed:
                return client.create(**arguments)
            with client.stream(**arguments) as stream:
                return stream.collect()
        async_client = self.async_client(**(client_options or {}))
        if not way.streamed:
            return await async_client.create(**arguments)
        async with async_client.stream(**arguments) as async_stream:
            return await async_stream.collect()

    async def aclose(self) -> None:
        """Close the SDK's async clients."""
        for close in self._async_clients:
            await close()


class HttpProvider(Provider):
    """A provider whose SDK talks HTTP."""

    def start(self) -> None:
        self.server = self._stack.enter_context(WireServer(send_buffer=65536))
        self.server.respond_with(self._answer)

    @property
    def asked(self) -> int:
        return len(self.server.requests)

    def _answer(self, request: Request) -> Reply:
        if self.handler is not None and not self.queue:
            scripted = self.handler(self.read(request.json), json.dumps(request.json))
        else:
            scripted = self.queue.popleft()
        streamed = self.is_streamed(request)
        if isinstance(scripted, Said):
            scripted = self.render(scripted, streamed)
        elif callable(scripted):
            scripted = scripted(streamed)
        return cast("Reply", scripted)

    def told(self, request: int) -> Told:
        return self.read(self.server.requests[request].json)

    @abstractmethod
    def is_streamed(self, request: Request) -> bool: ...

    def render(self, said: Said, streamed: bool) -> Reply:
        """A neutral reply on the wire."""
        return self.stream_of(self.events(said)) if streamed else reply_json(self.whole(said))

    @abstractmethod
    def whole(self, said: Said) -> Any:
        """As the JSON of a whole reply."""

    @abstractmethod
    def events(self, said: Said) -> Sequence[bytes]:
        """As the pieces of a streamed reply."""

    @abstractmethod
    def words(self, text: str) -> bytes:
        """A piece of a stream with text."""

    def streamed_body(self, said: Said) -> bytes:
        """The whole body of a streamed reply."""
        return b"".join(self.events(said))

    def stream_of(self, pieces: Any) -> Reply:
        """A stream of pieces, with what the protocol puts around it."""
        return reply_stream(pieces)

    @abstractmethod
    def read(self, body: Any) -> Told:
        """What a request tells the model."""


class OpenAI(HttpProvider):
    """Chat Completions through ``openai.OpenAI``."""

    name = "openai"
    carries_truncated_calls = True
    sdk_errors = (openai.OpenAIError,)
    rate_limited = (openai.RateLimitError, lambda streamed: reply_json({"error": {"message": "slow"}}, status=429))
    not_the_protocol = staticmethod(lambda streamed: html())

    def client(self, **options: Any) -> polycall.Client:
        http_client = openai.DefaultHttpxClient(verify=False)
        sdk = openai.OpenAI(**{**self._options(), "http_client": http_client, **options})
        self._stack.callback(sdk.close)
        return polycall.from_openai(sdk, **self.settings)

    def async_client(self, **options: Any) -> polycall.AsyncClient:
        limits = httpx.Limits() if options.pop("unlimited", False) else None
        http_client = openai.DefaultAsyncHttpxClient(verify=False, **({"limits": _same(limits)} if limits else {}))
        sdk = openai.AsyncOpenAI(**{**self._options(), "http_client": http_client, **options})
        self._async_clients.append(sdk.close)
        return polycall.from_openai(sdk, **self.settings)

    def _options(self) -> dict[str, Any]:
        return {"base_url": self.server.url, "api_key": KEY, "max_retries": 0}

    def is_streamed(self, request: Request) -> bool:
        return bool(request.json.get("stream"))

    def whole(self, said: Said) -> Any:
        return completion(self._calls(said), text=said.text, **self._end(said), usage=self._usage(said))

    def events(self, said: Said) -> Sequence[bytes]:
        end = self._end(said)
        if said.end == "missing":
            return sse(chunks(self._calls(said), text=said.text, finish_reason=None), done=False)
        return sse(chunks(self._calls(said), text=said.text, **end, usage=self._usage(said)))

    def words(self, text: str) -> bytes:
        return sse([chunk({"content": text})], done=False)[0]

    def _calls(self, said: Said) -> list[Any]:
        calls = [(name, "{nothing" if arguments == BROKEN else arguments) for name, arguments in said.calls]
        if said.end in ("length", "missing") and calls:
            name, arguments = calls[-1]
            calls[-1] = (name, json.dumps(arguments)[:-3])
        return calls

    @staticmethod
    def _end(said: Said) -> dict[str, Any]:
        if said.end == "refused":
            return {"refusal": said.text or "no", "finish_reason": "stop"}
        return {"finish_reason": "length"} if said.end == "length" else {}

    @staticmethod
    def _usage(said: Said) -> dict[str, int]:
        given, made = said.usage
        return {"prompt_tokens": given, "completion_tokens": made, "total_tokens": given + made}

    def read(self, body: Any) -> Told:
        last = max((at for at, one in enumerate(body["messages"]) if one["role"] == "assistant"), default=None)
        after = [] if last is None else body["messages"][last + 1 :]
        results = [one["content"] for one in after if one["role"] == "tool"]
        notes = [one["content"] for one in after if one["role"] == "user"]
        return Told(results, notes[0] if notes else None)


class Gemini(HttpProvider):
    """What the two ways to Gemini over HTTP have in common."""

    carries_broken_arguments = False

    def is_streamed(self, request: Request) -> bool:
        return request.path.endswith(":streamGenerateContent")

    def whole(self, said: Said) -> Any:
        return gemini_reply(said)

    def messages(self, said: Said) -> list[dict[str, Any]]:
        """The chunks of a stream: each call in one of its own."""
        return gemini_chunks(said)

    def read(self, body: Any) -> Told:
        return read_contents(body["contents"])


class GenAI(Gemini):
    """Gemini through ``google.genai.Client``."""

    name = "vertex-genai"
    carries_broken_arguments = True
    sdk_errors = (genai_errors.APIError, httpx.HTTPError)
    rate_limited = (
        genai_errors.ClientError,
        lambda streamed: reply_json({"error": {"code": 429, "message": "slow"}}, status=429),
    )
    not_the_protocol = staticmethod(lambda streamed: html())

    def _sdk(self, **options: Any) -> genai.Client:
        return genai.Client(
            vertexai=True,
            project="p",
            location="us-central1",
            credentials=Credentials(KEY),  # type: ignore[no-untyped-call]
            http_options=cast("Any", {"base_url": self.server.url, **options}),
        )

    def client(self, **options: Any) -> polycall.Client:
        sdk = self._sdk(**options)
        self._stack.callback(sdk.close)
        return _sync(polycall.from_vertexai(sdk, **self.settings))

    def async_client(self, **options: Any) -> polycall.AsyncClient:
        options.pop("unlimited", None)
        sdk = self._sdk(**options)
        self._async_clients.append(sdk.aio.aclose)
        self._stack.callback(sdk.close)
        return polycall.from_vertexai(sdk, use_async=True, **self.settings)

    def events(self, said: Said) -> Sequence[bytes]:
        return [b"data: " + json.dumps(one).encode() + b"\r\n\r\n" for one in self.messages(said)]

    def words(self, text: str) -> bytes:
        return b"data: " + json.dumps(candidate({"text": text})).encode() + b"\r\n\r\n"


class ModelOverRest(Gemini):
    """Gemini through ``GenerativeModel`` over REST, which is never async."""

    name = "vertex-rest"
    has_async = False
    sdk_errors = (google.api_core.exceptions.GoogleAPIError, requests.exceptions.RequestException)
    rate_limited = (
        google.api_core.exceptions.TooManyRequests,
        lambda streamed: reply_json({"error": {"code": 429, "message": "slow"}}, status=429),
    )
    not_the_protocol = staticmethod(lambda streamed: html())

    def client(self, **options: Any) -> polycall.Client:
        init_vertexai(cast("Any", _Address(self.server.url)))
        return _sync(polycall.from_vertexai(generative_model(), **self.settings))

    def async_client(self, **options: Any) -> polycall.AsyncClient:
        raise NotImplementedError

    def events(self, said: Said) -> Sequence[bytes]:
        texts = [json.dumps(one).encode() for one in self.messages(said)]
        return [b"[" + texts[0], *(b"\n,\r\n" + text for text in texts[1:])]

    def words(self, text: str) -> bytes:
        return b"\n,\r\n" + json.dumps(candidate({"text": text})).encode()

    def streamed_body(self, said: Said) -> bytes:
        return super().streamed_body(said) + b"]"

    def stream_of(self, pieces: Any) -> Reply:
        def closed() -> Iterator[Step]:
            yield from pieces
            yield b"]"

        return reply_stream(closed(), content_type=JSON)


@dataclass(frozen=True)
class _Address:
    base_url: str


class ModelOverGrpc(Provider):
    """Gemini through ``GenerativeModel`` over gRPC."""

    name = "vertex-grpc"
    carries_broken_arguments = False
    over_http = False
    sdk_errors = (google.api_core.exceptions.GoogleAPIError,)
    rate_limited = (
        google.api_core.exceptions.ResourceExhausted,
        lambda streamed: vertex_grpc_server.Reply({}, status=grpc.StatusCode.RESOURCE_EXHAUSTED),
    )
    not_the_protocol = staticmethod(lambda streamed: [b"\xff\xff\xff"] if streamed else b"\xff\xff\xff")

    def start(self) -> None:
        self.server = self._stack.enter_context(vertex_grpc_server.VertexGrpcServer(self._answer))

    @property
    def asked(self) -> int:
        return len(self.server.requests)

    def _model(self) -> Any:
        init_vertexai(self.server)
        return generative_model()

    def client(self, **options: Any) -> polycall.Client:
        return _sync(polycall.from_vertexai(self._model(), **self.settings))

    def async_client(self, **options: Any) -> polycall.AsyncClient:
        model = self._model()
        self._async_clients.append(model._close_async_client)
        return polycall.from_vertexai(model, use_async=True, **self.settings)

    def _answer(self, request: vertex_grpc_server.RecordedRequest) -> Any:
        if self.handler is not None and not self.queue:
            scripted = self.handler(read_contents(request.body["contents"]), json.dumps(request.body))
        else:
            scripted = self.queue.popleft()
        if isinstance(scripted, Said):
            return gemini_chunks(scripted) if request.is_streamed else gemini_reply(scripted)
        return scripted(request.is_streamed) if callable(scripted) else scripted

    def told(self, request: int) -> Told:
        return read_contents(self.server.requests[request].body["contents"])


class Toy(Provider):
    """A provider as a plugin author writes it: the core's own share of each promise."""

    name = "toy"
    over_http = False
    sdk_errors = (ConnectionError,)
    rate_limited = (ConnectionError, lambda streamed: ConnectionError("slow"))
    not_the_protocol = staticmethod(lambda streamed: "<html>")

    def start(self) -> None:
        polycall.register_provider("toy", toy_provider.make_plugin(toy_provider.Hooks()))
        self._stack.callback(polycall.unregister, "toy")
        self.clients: list[toy_provider.ToyClient] = []

    @property
    def asked(self) -> int:
        return len(self.clients[-1].requests)

    def _lines(self) -> list[Any]:
        scripted = [one(False) if callable(one) else _toy_reply(cast("Said", one)) for one in self.queue]
        self.queue.clear()
        return scripted

    def client(self, **options: Any) -> polycall.Client:
        self.clients.append(toy_provider.ToyClient(*self._lines()))
        return polycall.from_client(self.clients[-1], async_client=False)

    def async_client(self, **options: Any) -> polycall.AsyncClient:
        self.clients.append(toy_provider.AsyncToyClient(*self._lines()))
        return polycall.from_client(self.clients[-1], async_client=True)

    def told(self, request: int) -> Told:
        messages = cast("list[dict[str, str]]", self.clients[-1].requests[request].messages)
        last = max(at for at, one in enumerate(messages) if one["role"] == "model")
        after = messages[last + 1 :]
        results = [one["content"] for one in after if one["role"] in ("error", "result")]
        notes = [one["content"] for one in after if one["role"] == "user"]
        return Told(results, notes[0] if notes else None)


PROVIDERS: Mapping[str, type[Provider]] = {
    kind.name: kind for kind in (OpenAI, GenAI, ModelOverRest, ModelOverGrpc, Toy)
}
EACH_WAY = [(name, way) for name, kind in PROVIDERS.items() for way in WAYS if kind.has_async or not way.asynchronous]


# -- how Gemini and the toy say it -------------------------------------------------------------------------------------

_GEMINI_ENDS = {"length": "MAX_TOKENS", "refused": "SAFETY", "done": "STOP"}


def gemini_reply(said: Said) -> dict[str, Any]:
    """A whole reply of Gemini."""
    parts = _gemini_parts(said)
    end = {"finishReason": _GEMINI_ENDS[said.end]} if said.end != "missing" else {}
    if said.end == "refused" and said.text:
        end["finishMessage"] = said.text
        parts = [part for part in parts if "text" not in part]
    return {**candidate(*parts, **end), "usageMetadata": _gemini_usage(said)}


def gemini_chunks(said: Said) -> list[dict[str, Any]]:
    """The same in chunks."""
    reply = gemini_reply(said)
    [one] = reply["candidates"]
    end = {name: value for name, value in one.items() if name != "content"}
    last = {"candidates": [end]} if end else {}
    usage = {} if said.end == "missing" else {"usageMetadata": reply["usageMetadata"]}
    made = [candidate(part) for part in one["content"]["parts"]]
    return [*made, {**last, **usage}] if last or usage else made


def _gemini_parts(said: Said) -> list[dict[str, Any]]:
    # A part is never cut: a call that the limit cuts off does not come at all.
    calls = said.calls[:-1] if said.end in ("length", "missing") else said.calls
    parts = [{"text": said.text}] if said.text else []
    return parts + [call(name, cast("Any", ["x"] if arguments == BROKEN else arguments)) for name, arguments in calls]


def _gemini_usage(said: Said) -> dict[str, int]:
    given, made = said.usage
    return {"promptTokenCount": given, "candidatesTokenCount": made, "totalTokenCount": given + made}


def read_contents(contents: Any) -> Told:
    """What a request of Gemini tells the model."""
    last = max((at for at, one in enumerate(contents) if one.get("role") == "model"), default=None)
    parts = [] if last is None else [part for one in contents[last + 1 :] for part in one["parts"]]
    results = [
        str(next(iter(part["functionResponse"]["response"].values()))) for part in parts if "functionResponse" in part
    ]
    notes = [part["text"] for part in parts if "text" in part]
    return Told(results, notes[0] if notes else None)


def _toy_reply(said: Said) -> str:
    ends = {"done": "calls", "length": "length", "refused": "refusal", "missing": None}
    calls = [toy_provider.call(name, "{nothing" if given == BROKEN else given) for name, given in said.calls]
    if said.end in ("length", "missing") and calls:
        calls[-1] = calls[-1].rpartition("\n")[0]  # without "done"
    words = f"say {said.text}" if said.text and said.end != "refused" else None
    refusal = f"refuse {said.text or 'no'}" if said.end == "refused" else None
    parts = [part for part in (words, *calls, refusal) if part is not None]
    return toy_provider.reply(*parts, end=ends[said.end], usage=None if said.end == "missing" else said.usage)


def _sync(client: object) -> polycall.Client:
    assert isinstance(client, polycall.Client)
    return client


def _same(limits: httpx.Limits) -> Any:
    """The same limits in the classes of the HTTP library that the SDK rides on."""
    try:
        import httpx2
    except ImportError:
        return limits
    return httpx2.Limits(
        max_connections=limits.max_connections,
        max_keepalive_connections=limits.max_keepalive_connections,
        keepalive_expiry=limits.keepalive_expiry,
    )
