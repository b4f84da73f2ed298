"""As `benchmarks.jobs.chat`, with OpenAI's Responses API."""

from __future__ import annotations

from typing import Any

import openai
from pydantic import BaseModel

import polycall
from benchmarks.jobs.chat import BYTES, MESSAGES, MODEL, MODELS, GoogleSearch, Jobs, Weather, read_bytes

TOOLS: Any = [
    {
        "type": "function",
        "name": name,
        "description": model.__doc__,
        "parameters": model.model_json_schema(),
        "strict": False,
    }
    for name, model in MODELS.items()
]


def _validated(item: Any) -> BaseModel:
    return MODELS[item.name].model_validate_json(item.arguments)


def create_jobs(sdk: openai.OpenAI) -> Jobs:
    """The whole job: build the request, send, find the calls, validate."""
    client = polycall.from_openai(sdk, api="responses")

    def raw() -> object:
        reply = sdk.responses.create(model=MODEL, input=MESSAGES, tools=TOOLS, tool_choice="required")
        return [_validated(item) for item in reply.output if item.type == "function_call"]

    def ours() -> object:
        return client.create(MESSAGES, list[Weather | GoogleSearch], MODEL)

    assert raw() == ours()
    return {"raw SDK": raw, "polycall": ours}


def stream_jobs(sdk: openai.OpenAI) -> Jobs:
    """Read a stream to its end, each call as soon as it is complete."""
    client = polycall.from_openai(sdk, api="responses")

    def raw() -> object:
        return [
            _validated(event.item)
            for event in sdk.responses.create(
                model=MODEL, input=MESSAGES, tools=TOOLS, tool_choice="required", stream=True
            )
            if event.type == "response.output_item.done" and event.item.type == "function_call"
        ]

    def ours() -> object:
        return client.stream(MESSAGES, list[Weather | GoogleSearch], MODEL).collect()

    assert raw() == ours()
    return {"raw SDK": raw, "polycall": ours, BYTES: lambda: read_bytes(sdk, "/responses")}
