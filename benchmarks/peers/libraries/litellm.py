"""LiteLLM: the SDK's shapes for every provider; the typing is left to its user."""

from __future__ import annotations

import os
from typing import Any

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # no download

import litellm as library

from benchmarks.jobs.chat import MESSAGES, MODEL, TOOLS, Assembly, Job, validated
from benchmarks.openai_clients import body, in_process
from benchmarks.openai_wire import openai_pieces

NAME = "LiteLLM"
DISTRIBUTION = "litellm"
FIRST_CALLS = """
import os
os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
import litellm
reply = litellm.completion(
    model="openai/m", messages=messages, tools=tools, tool_choice="required", api_key="none", base_url=URL)
print(validated(reply.choices[0].message.tool_calls))
"""


def _completion(client: Any, **options: Any) -> Any:
    model = f"openai/{MODEL}"
    return library.completion(
        model=model, messages=MESSAGES, tools=TOOLS, tool_choice="required", client=client, **options
    )


def create(reply: bytes) -> Job:
    """A whole reply."""
    client = in_process(reply)
    return lambda: validated(_completion(client).choices[0].message.tool_calls)


def stream(number_of_chunks: int) -> Job:
    """LiteLLM's chunks."""
    pieces = openai_pieces(number_of_chunks)
    client = in_process(lambda: body(pieces))

    def job() -> object:
        assembly = Assembly()
        for chunk in _completion(client, stream=True):
            assembly.take(chunk)
        return assembly.end()

    return job
