"""One peer beside the SDK by hand and polycall: ``python -m benchmarks.peers.worker NAME``, in the peer's environment.

Every library gets the openai SDK's own client, or its HTTP client, on the same transport in the process, and turns the
same reply of three calls into the same pydantic objects, the way its documentation shows.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sys
import warnings
from collections.abc import Awaitable, Callable
from importlib.metadata import version
from typing import Any

from benchmarks.measure import Result, compare, compare_async
from benchmarks.openai_jobs import (
    MESSAGES,
    MODEL,
    MODELS,
    TOOLS,
    GoogleSearch,
    Weather,
    create_jobs,
    create_jobs_async,
    handler_of,
    httpx,
    in_process,
    in_process_async,
    whole_reply,
)

REPLY = whole_reply(3)


def instructor() -> Callable[[], object]:
    """In instructor's mode for parallel calls."""
    from collections.abc import Iterable

    import instructor as library

    client = library.from_openai(in_process(REPLY), mode=library.Mode.PARALLEL_TOOLS)
    return lambda: list(
        client.chat.completions.create(model=MODEL, messages=MESSAGES, response_model=Iterable[Weather | GoogleSearch])
    )


def langchain() -> Callable[[], object]:
    """With LangChain's chat model and bound tools."""
    from langchain_openai import ChatOpenAI

    http_client = httpx.Client(transport=httpx.MockTransport(handler_of(REPLY)))
    model = ChatOpenAI(model=MODEL, api_key="none", base_url="http://bench/v1", http_client=http_client)
    bound = model.bind_tools([Weather, GoogleSearch], tool_choice="required")
    return lambda: [MODELS[call["name"]].model_validate(call["args"]) for call in bound.invoke(MESSAGES).tool_calls]


def litellm() -> Callable[[], object]:
    """With LiteLLM's completion()."""
    import litellm as library

    client = in_process(REPLY)

    def job() -> object:
        reply: Any = library.completion(
            model=f"openai/{MODEL}", messages=MESSAGES, tools=TOOLS, tool_choice="required", client=client
        )
        calls = reply.choices[0].message.tool_calls
        return [MODELS[call.function.name].model_validate_json(call.function.arguments) for call in calls]

    return job


def pydantic_ai() -> Callable[[], Awaitable[object]]:
    """With pydantic-ai's direct requests."""
    from pydantic_ai.direct import model_request
    from pydantic_ai.messages import ModelRequest, SystemPromptPart, ToolCallPart, UserPromptPart
    from pydantic_ai.models import ModelRequestParameters
    from pydantic_ai.models.openai import OpenAIChatModel
    from pydantic_ai.providers.openai import OpenAIProvider
    from pydantic_ai.tools import ToolDefinition

    model = OpenAIChatModel(MODEL, provider=OpenAIProvider(openai_client=in_process_async(REPLY)))
    tools = [
        ToolDefinition(name=name, description=each.__doc__, parameters_json_schema=each.model_json_schema())
        for name, each in MODELS.items()
    ]
    parameters = ModelRequestParameters(function_tools=tools, allow_text_output=False)
    parts = [SystemPromptPart(MESSAGES[0]["content"]), UserPromptPart(MESSAGES[1]["content"])]

    async def job() -> object:
        reply = await model_request(model, [ModelRequest(parts=parts)], model_request_parameters=parameters)
        return [
            MODELS[part.tool_name].model_validate(part.args_as_dict())
            for part in reply.parts
            if isinstance(part, ToolCallPart)
        ]

    return job


SYNC = {"instructor": instructor, "langchain": langchain, "litellm": litellm}
ASYNC = {"pydantic_ai": pydantic_ai}
NAMES = {
    "instructor": ("instructor", "instructor"),
    "langchain": ("LangChain", "langchain-openai"),
    "litellm": ("LiteLLM", "litellm"),
    "pydantic_ai": ("pydantic-ai, direct", "pydantic-ai-slim"),
}


def measure(peer: str) -> Result:
    """The peer, polycall and the SDK by hand, in turns."""
    name, distribution = NAMES[peer]
    shown = f"{name} {version(distribution)}"
    what = f"openai {version('openai')}"
    if peer in SYNC:
        jobs = create_jobs(in_process(REPLY))
        job = SYNC[peer]()
        assert job() == jobs["raw SDK"](), job()
        return compare(f"{what}, sync", {**jobs, shown: job})

    async def session() -> Result:
        async_jobs = create_jobs_async(in_process_async(REPLY))
        async_job = ASYNC[peer]()
        assert await async_job() == await async_jobs["raw SDK"]()
        return await compare_async(f"{what}, async", {**async_jobs, shown: async_job})

    return asyncio.run(session())


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # no download
    os.environ["LANGSMITH_TRACING"] = "false"
    measure(sys.argv[1]).show()
