"""A server of OpenAI's two APIs for the real SDK, and the ways to ask it: which API, streamed or not, async or not."""

from __future__ import annotations

import typing
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import openai
from pydantic import BaseModel

import polycall
from polycall.plugin import RenderedTool, RenderedTools, Request
from polycall_openai._session import Session
from polycall_openai._settings import OpenAISettings
from polycall_openai._tools import ToolPayload
from support.openai_replies import USAGE, Call, chunks, completion, sse
from support.openai_requests import assert_valid_chat_request, assert_valid_responses_request
from support.openai_responses import RESPONSES_USAGE, events, output_items, response, typed_sse
from support.wire_server import Reply, WireServer, reply_json, reply_stream


class Weather(BaseModel):
    location: str
    units: Literal["imperial", "metric"]


class GoogleSearch(BaseModel):
    query: str


class ChatServer(WireServer):
    """Speaks what it is told to; `check_requests` fails for what OpenAI would refuse."""

    unknown_fields = False
    """Let fields pass that OpenAI does not have, in a test of what other servers need."""

    @property
    def bodies(self) -> list[Any]:
        return [request.json for request in self.requests]

    def check_requests(self) -> None:
        for request in self.requests:
            if request.path.endswith("/chat/completions"):
                assert_valid_chat_request(request.json, unknown_fields=self.unknown_fields)
            elif request.path.endswith("/responses"):
                assert_valid_responses_request(request.json, unknown_fields=self.unknown_fields)

    def client(self, **options: Any) -> openai.OpenAI:
        # Loading the certificates, which plain HTTP does not need, would take most of a test's time.
        http_client = openai.DefaultHttpxClient(verify=False)
        return openai.OpenAI(**{**self._options(http_client), **options})

    def async_client(self, **options: Any) -> openai.AsyncOpenAI:
        http_client = openai.DefaultAsyncHttpxClient(verify=False)
        return openai.AsyncOpenAI(**{**self._options(http_client), **options})

    def _options(self, http_client: object) -> dict[str, Any]:
        return {"base_url": self.url, "api_key": "sk-test", "max_retries": 0, "http_client": http_client}


def session(base_url: str, *, api: Literal["chat", "responses"] = "chat", **options: Any) -> Session:
    """A session of a client that is never used."""
    settings = {name: options.pop(name) for name in ("server", "server_options") if name in options}
    http_client = openai.DefaultHttpxClient(verify=False)
    with openai.OpenAI(base_url=base_url, api_key="k", http_client=http_client, **options) as client:
        return Session.bind(client, OpenAISettings(api=api, **settings))


def tool_payload(*names: str, properties: bool = True) -> ToolPayload:
    """A tool payload of tools with any arguments, for decoders that are fed by hand."""
    schema: dict[str, object] = {"type": "object", "properties": {"query": {}} if properties else {}}
    return RenderedTools(b"{}", {name: RenderedTool(name, schema) for name in names})


def neutral_request(payload: ToolPayload, **fields: Any) -> Request:
    """The request that a reply answers."""
    given: dict[str, Any] = {
        "provider": "openai",
        "model": "m",
        "messages": [{"role": "user", "content": "?"}],
        "tools": (),
        "tool_choice": "auto",
        "strict": None,
        "options": {},
        "stream": True,
        **fields,
    }
    return Request(tool_payload=payload, **given)


@dataclass
class Conversation:
    """What a request says of the conversation so far, in the same words for both APIs."""

    texts: list[tuple[str, str]] = field(default_factory=list)
    """Role and text."""
    calls: list[tuple[str, str, str]] = field(default_factory=list)
    """Id, name and arguments."""
    results: list[tuple[str, str]] = field(default_factory=list)
    """Id of the call, and what is said of it."""


class Way:
    """One of the ways to ask: which API, whole or streamed, sync or async. Each gives all calls, or raises."""

    def __init__(self, server: ChatServer, *, streamed: bool, asynchronous: bool, api: str = "chat") -> None:
        self.server = server
        self.api = api
        self.streamed = streamed
        self.asynchronous = asynchronous
        self.client_options: dict[str, Any] = {}
        self.settings: dict[str, Any] = {}
        self.patch: Callable[[Any], None] = lambda client: None

    async def ask(self, response_model: Any = list[Weather | GoogleSearch], **options: Any) -> polycall.Calls[Any]:
        arguments: dict[str, Any] = {
            "model": "gpt-4o-mini",
            "messages": [{"role": "user", "content": "What is the weather, and who won?"}],
            "response_model": response_model,
            **options,
        }
        if not self.asynchronous:
            with self.server.client(**self.client_options) as sdk:
                self.patch(sdk)
                client = polycall.from_openai(sdk, api=self.api, **self.settings)
                if not self.streamed:
                    return typing.cast("polycall.Calls[Any]", client.create(**arguments))
                with client.stream(**arguments) as stream:
                    return stream.collect()
        async with self.server.async_client(**self.client_options) as async_sdk:
            self.patch(async_sdk)
            async_client = polycall.from_openai(async_sdk, api=self.api, **self.settings)
            if not self.streamed:
                return typing.cast("polycall.Calls[Any]", await async_client.create(**arguments))
            async with async_client.stream(**arguments) as async_stream:
                return await async_stream.collect()

    def reply(self, calls: Sequence[Call] = (), **options: Any) -> Reply:
        """The same reply in the form that this way asks for."""
        if self.api == "responses":
            said = {name: options.pop(name) for name in ("text", "refusal", "ids") if name in options}
            ending = {"finish_reason": options["finish_reason"]} if "finish_reason" in options else {}
            return self.output(output_items(calls, **said, **ending), **options)
        if self.streamed:
            return reply_stream(sse(chunks(calls, **{"usage": USAGE, **options})))
        return reply_json(completion(calls, **options))

    def output(self, items: Sequence[dict[str, Any]], **options: Any) -> Reply:
        """A reply of the Responses API with any output items."""
        options = {"usage": RESPONSES_USAGE, **options}
        if self.streamed:
            return reply_stream(typed_sse(events(items, **options)))
        return reply_json(response(items, **options))

    @property
    def path(self) -> str:
        return "/responses" if self.api == "responses" else "/chat/completions"

    def resource(self, client: Any) -> Any:
        """What has ``create`` in the SDK."""
        return client.responses if self.api == "responses" else client.chat.completions

    def conversation(self, number: int) -> Conversation:
        """What the request with this number said."""
        body = self.server.bodies[number]
        said = Conversation()
        for item in body["input"] if self.api == "responses" else body["messages"]:
            if item.get("type") == "function_call":
                said.calls.append((item["call_id"], item["name"], item["arguments"]))
            elif item.get("type") == "function_call_output":
                said.results.append((item["call_id"], item["output"]))
            elif item.get("role") == "tool":
                said.results.append((item["tool_call_id"], item["content"]))
            else:
                content = item.get("content")
                text = content if isinstance(content, str) else "".join(part["text"] for part in content or ())
                if text:
                    said.texts.append((item["role"], text))
                for call in item.get("tool_calls", ()):
                    said.calls.append((call["id"], call["function"]["name"], call["function"]["arguments"]))
        return said


CHAT_WAYS: dict[str, tuple[str, bool, bool]] = {
    "create": ("chat", False, False),
    "stream": ("chat", True, False),
    "create async": ("chat", False, True),
    "stream async": ("chat", True, True),
}
RESPONSES_WAYS = {f"responses {name}": ("responses", *how[1:]) for name, how in CHAT_WAYS.items()}
WAYS = {**CHAT_WAYS, **RESPONSES_WAYS}
