"""The LiteLLM proxy in an environment of its own: with its mock replies, and in front of a scripted server."""

from __future__ import annotations

import secrets
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai
import pytest

import polycall
from support.environments import Environment
from support.openai_replies import Call, chunks, completion, sse
from support.openai_responses import events, output_items, response, typed_sse
from support.openai_server import ChatServer, GoogleSearch
from support.wire_server import Reply, Request, reply_json, reply_stream

pytestmark = pytest.mark.install

MESSAGES = [{"role": "user", "content": "Who won?"}]
CALLS: list[Call] = [("GoogleSearch", {"query": "a"}), ("GoogleSearch", {"query": "b"})]
VALUES = [GoogleSearch(query="a"), GoogleSearch(query="b")]

_START_S = 90
_CONFIG = """\
model_list:
  - model_name: calls
    litellm_params:
      model: openai/mock
      api_key: none
      mock_tool_calls:
        - {{id: call_1, type: function, function: {{name: GoogleSearch, arguments: '{{"query": "a"}}'}}}}
        - {{id: call_2, type: function, function: {{name: GoogleSearch, arguments: '{{"query": "b"}}'}}}}
  - model_name: text
    litellm_params: {{model: openai/mock, api_key: none, mock_response: "Hello there"}}
  - model_name: limited
    litellm_params: {{model: openai/mock, api_key: none, mock_response: "litellm.RateLimitError"}}
  - model_name: upstream
    litellm_params: {{model: hosted_vllm/m, api_key: none, api_base: "{upstream}"}}
  - model_name: bridged
    litellm_params: {{model: together_ai/m, api_key: none, api_base: "{upstream}"}}
router_settings: {{num_retries: 0, disable_cooldowns: true}}
"""


@pytest.fixture(scope="module")
def upstream() -> Iterator[ChatServer]:
    """The server behind the proxy."""
    with ChatServer() as server:
        server.respond_with(_answer)
        yield server


def _answer(request: Request) -> Reply:
    """Two calls; the second is wrong until it has been corrected."""
    if request.method == "GET":
        return reply_json({"object": "list", "data": []})  # the proxy asks for the models when it starts
    streamed = request.json.get("stream")
    corrected = "Do not repeat the calls that were accepted" in request.body.decode()
    wrong: list[Call] = [CALLS[0], ("GoogleSearch", {"query": 2})]
    calls, ids = (CALLS[1:], ["call_again"]) if corrected else (wrong, ["call_x", "call_y"])
    if request.path.endswith("/responses"):
        items = output_items(calls, ids=ids)
        return reply_stream(typed_sse(events(items))) if streamed else reply_json(response(items))
    return reply_stream(sse(chunks(calls, ids=ids))) if streamed else reply_json(completion(calls, ids=ids))


@pytest.fixture(scope="module")
def sdk(tmp_path_factory: pytest.TempPathFactory, upstream: ChatServer) -> Iterator[openai.OpenAI]:
    """A client of a proxy on a free port of the loopback interface."""
    folder = tmp_path_factory.mktemp("litellm")
    environment = Environment.create(folder / "environment", {}, "litellm[proxy]")
    (folder / "config.yaml").write_text(_CONFIG.format(upstream=upstream.url))
    key = f"sk-{secrets.token_hex(24)}"
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    with (folder / "log.txt").open("w") as log:
        process = subprocess.Popen(
            [
                *(str(environment.python.with_name("litellm")), "--config", str(folder / "config.yaml")),
                *("--host", "127.0.0.1", "--port", str(port)),
            ],
            env={"LITELLM_MASTER_KEY": key, "LITELLM_LOCAL_MODEL_COST_MAP": "True", "PATH": "", "HOME": str(folder)},
            cwd=folder,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            _wait_until_it_answers(process, f"{address}/health/liveliness", folder / "log.txt")
            with openai.OpenAI(base_url=f"{address}/v1", api_key=key, max_retries=0, timeout=60) as client:
                yield client
        finally:
            process.terminate()
            process.wait(30)


def _wait_until_it_answers(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    deadline = time.monotonic() + _START_S
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            pass
        try:
            process.wait(0.2)
        except subprocess.TimeoutExpired:
            continue
        break
    raise AssertionError(f"The proxy does not answer. It said:\n{log.read_text()[-3000:]}")


def ask(sdk: openai.OpenAI, model: str, api: str, *, streamed: bool, **options: Any) -> polycall.Calls[Any]:
    client: Any = polycall.from_openai(sdk, api=api, server="litellm")
    reply = client.create(MESSAGES, list[GoogleSearch], model, stream=streamed, **options)
    calls: polycall.Calls[Any] = reply.collect() if streamed else reply
    return calls


both = pytest.mark.parametrize("streamed", [False, True])


class TestMockReplies:
    def test_calls_with_finish_reason_stop(self, sdk: openai.OpenAI) -> None:
        calls = ask(sdk, "calls", "chat", streamed=False)

        assert list(calls) == VALUES
        assert calls.raw_finish_reason == "stop"
        assert calls.usage is not None
        assert calls.usage.total_tokens == 30

    @both
    def test_text_is_no_call(self, sdk: openai.OpenAI, streamed: bool) -> None:
        with pytest.raises(polycall.NoToolCallsError) as caught:
            ask(sdk, "text", "chat", streamed=streamed)

        assert caught.value.text == "Hello there"

    @both
    def test_its_errors_are_the_sdks(self, sdk: openai.OpenAI, streamed: bool) -> None:
        with pytest.raises(openai.RateLimitError):
            ask(sdk, "limited", "chat", streamed=streamed)


# The proxy passes requests of the Responses API on to a server that has it, and translates for others.
routes = pytest.mark.parametrize(
    ("model", "api"), [("upstream", "chat"), ("upstream", "responses"), ("bridged", "responses")]
)


class TestInFrontOfAServer:
    """What the proxy makes of another server's replies, in both APIs."""

    @both
    @routes
    def test_calls_and_their_correction_come_through(
        self, sdk: openai.OpenAI, upstream: ChatServer, model: str, api: str, streamed: bool
    ) -> None:
        before = len(upstream.requests)

        calls = ask(sdk, model, api, streamed=streamed)

        assert list(calls) == VALUES
        assert calls.finish_reason is polycall.FinishReason.TOOL_CALLS
        assert len(upstream.requests) == before + 2
