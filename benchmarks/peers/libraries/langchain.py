"""LangChain: its chat model with bound tools."""

from __future__ import annotations

from typing import Any

from langchain_openai import ChatOpenAI

from benchmarks.jobs.chat import MESSAGES, MODEL, MODELS, GoogleSearch, Job, Weather
from benchmarks.openai_clients import body, handler_of, httpx
from benchmarks.openai_wire import openai_pieces

NAME = "LangChain"
DISTRIBUTION = "langchain-openai"
FIRST_CALLS = """
from langchain_openai import ChatOpenAI
bound = ChatOpenAI(model="m", api_key="none", base_url=URL).bind_tools([Weather, GoogleSearch], tool_choice="required")
print([MODELS[call["name"]].model_validate(call["args"]) for call in bound.invoke(messages).tool_calls])
"""


def _bound(reply: Any) -> Any:
    http_client = httpx.Client(transport=httpx.MockTransport(handler_of(reply)))
    model = ChatOpenAI(model=MODEL, api_key="none", base_url="http://bench/v1", http_client=http_client)
    return model.bind_tools([Weather, GoogleSearch], tool_choice="required")


def _validated(tool_calls: Any) -> object:
    return [MODELS[call["name"]].model_validate(call["args"]) for call in tool_calls]


def create(reply: bytes) -> Job:
    """A whole reply."""
    bound = _bound(reply)
    return lambda: _validated(bound.invoke(MESSAGES).tool_calls)


def stream(number_of_chunks: int) -> Job:
    """Chunks that are added up: the sum has the calls so far."""
    pieces = openai_pieces(number_of_chunks)
    bound = _bound(lambda: body(pieces))

    def job() -> object:
        first, *rest = bound.stream(MESSAGES)
        for chunk in rest:
            first += chunk
        return _validated(first.tool_calls)

    return job
