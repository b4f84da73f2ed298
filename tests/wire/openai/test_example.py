"""The example of the design's first page, word for word; where the server is comes from the environment."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import openai
import pytest
from openai._base_client import SyncAPIClient

from support.openai_replies import chunks, completion, sse
from support.openai_server import ChatServer
from support.wire_server import reply_json, reply_stream

EXAMPLE = """
from typing import Iterable, Literal

import openai
import polycall
from pydantic import BaseModel


class Weather(BaseModel):
    location: str
    units: Literal["imperial", "metric"]


class GoogleSearch(BaseModel):
    query: str


client = polycall.from_openai(openai.OpenAI(), mode=polycall.Mode.PARALLEL_TOOLS)
calls = client.chat.completions.create(
    model="gpt-4o-mini",
    messages=[
        {"role": "system", "content": "You must always use tools"},
        {"role": "user", "content": "What is the weather in toronto and dallas and who won the super bowl?"},
    ],
    response_model=Iterable[Weather | GoogleSearch],
)
for call in calls:
    print(call)
"""
ASYNC_EXAMPLE = (
    EXAMPLE.replace("openai.OpenAI()", "openai.AsyncOpenAI()")
    .replace("calls = client", "calls = await client")
    .replace("\n", "\n    ")
)
OUTPUT = """\
location='Toronto' units='metric'
location='Dallas' units='metric'
query='who won the super bowl'
"""
CALLS = [
    ("Weather", {"location": "Toronto", "units": "metric"}),
    ("Weather", {"location": "Dallas", "units": "metric"}),
    ("GoogleSearch", {"query": "who won the super bowl"}),
]


@pytest.fixture(autouse=True)
def made(server: ChatServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Any]]:
    """The SDK's clients that the example makes, and does not close."""
    monkeypatch.setenv("OPENAI_BASE_URL", server.url)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
    clients: list[Any] = []
    for name in ("OpenAI", "AsyncOpenAI"):
        monkeypatch.setattr(openai, name, _keeping(getattr(openai, name), clients))
    yield clients
    for client in clients:
        if isinstance(client, SyncAPIClient):
            client.close()


def _keeping(class_: type[Any], clients: list[Any]) -> Callable[[], Any]:
    def make() -> Any:
        clients.append(class_())
        return clients[-1]

    return make


def run(source: str) -> dict[str, object]:
    names: dict[str, object] = {}
    exec(compile(source, "example.py", "exec", dont_inherit=True), names)
    return names


class TestTheExample:
    def test_sync(self, server: ChatServer, capsys: pytest.CaptureFixture[str]) -> None:
        server.enqueue(reply_json(completion(CALLS)))

        run(EXAMPLE)

        assert capsys.readouterr().out == OUTPUT
        assert server.requests[0].path == "/chat/completions"
        assert server.requests[0].headers["authorization"] == "Bearer sk-test"

    def test_async(self, server: ChatServer, made: list[Any], capsys: pytest.CaptureFixture[str]) -> None:
        server.enqueue(reply_json(completion(CALLS)))
        names = run(f"async def main():{ASYNC_EXAMPLE}")

        async def main() -> None:
            await names["main"]()  # type: ignore[operator]
            await made[0].close()

        asyncio.run(main())

        assert capsys.readouterr().out == OUTPUT

    def test_streamed(self, server: ChatServer, capsys: pytest.CaptureFixture[str]) -> None:
        server.enqueue(reply_stream(sse(chunks(CALLS))))

        run(EXAMPLE.replace("    model=", "    stream=True,\n    model="))

        assert capsys.readouterr().out == OUTPUT

    def test_the_request_offers_each_tool_once_and_asks_for_nothing_else(self, server: ChatServer) -> None:
        server.enqueue(reply_json(completion(CALLS)))

        run(EXAMPLE)

        body = server.requests[0].json
        assert [tool["function"]["name"] for tool in body["tools"]] == ["Weather", "GoogleSearch"]
        assert body["tools"][0]["function"]["parameters"]["required"] == ["location", "units"]
        assert body["tool_choice"] == "required"
        assert set(body) == {"model", "messages", "tools", "tool_choice"}
