"""pydantic-ai: its direct requests, without an agent."""

from __future__ import annotations

from typing import Any

from pydantic_ai.direct import model_request, model_request_stream
from pydantic_ai.messages import ModelRequest, SystemPromptPart, ToolCallPart, UserPromptPart
from pydantic_ai.models import ModelRequestParameters
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai import OpenAIProvider
from pydantic_ai.tools import ToolDefinition

from benchmarks.jobs.chat import MESSAGES, MODEL, MODELS, AsyncJob
from benchmarks.openai_clients import body, in_process_async
from benchmarks.openai_wire import openai_pieces

NAME = "pydantic-ai, direct"
DISTRIBUTION = "pydantic-ai-slim"
FIRST_CALLS = """
import asyncio
import openai
from pydantic_ai.direct import model_request
from pydantic_ai.messages import ModelRequest, ToolCallPart
from pydantic_ai.models import ModelRequestParameters
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai import OpenAIProvider
from pydantic_ai.tools import ToolDefinition
parameters = ModelRequestParameters(allow_text_output=False, function_tools=[
    ToolDefinition(name=name, parameters_json_schema=each.model_json_schema()) for name, each in MODELS.items()])
model = OpenAIChatModel("m", provider=OpenAIProvider(base_url=URL, api_key="none"))
question = ModelRequest.user_text_prompt(messages[0]["content"])
reply = asyncio.run(model_request(model, [question], model_request_parameters=parameters))
print([MODELS[part.tool_name].model_validate(part.args_as_dict())
       for part in reply.parts if isinstance(part, ToolCallPart)])
"""

TOOLS = [
    ToolDefinition(name=name, description=each.__doc__, parameters_json_schema=each.model_json_schema())
    for name, each in MODELS.items()
]
PARAMETERS = ModelRequestParameters(function_tools=TOOLS, allow_text_output=False)
PARTS = [SystemPromptPart(MESSAGES[0]["content"]), UserPromptPart(MESSAGES[1]["content"])]


def _model(reply: Any) -> Any:
    return OpenAIChatModel(MODEL, provider=OpenAIProvider(openai_client=in_process_async(reply)))


def _validated(reply: Any) -> object:
    calls = (part for part in reply.parts if isinstance(part, ToolCallPart))
    return [MODELS[part.tool_name].model_validate(part.args_as_dict()) for part in calls]


def create(reply: bytes) -> AsyncJob:
    """A whole reply."""
    model = _model(reply)

    async def job() -> object:
        return _validated(await model_request(model, [ModelRequest(parts=PARTS)], model_request_parameters=PARAMETERS))

    return job


def stream(number_of_chunks: int) -> AsyncJob:
    """All events, then the calls."""
    pieces = openai_pieces(number_of_chunks)
    model = _model(lambda: body(pieces))

    async def job() -> object:
        async with model_request_stream(
            model, [ModelRequest(parts=PARTS)], model_request_parameters=PARAMETERS
        ) as events:
            async for _ in events:
                pass
        return _validated(events.get())

    return job
