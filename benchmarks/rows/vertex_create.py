"""A whole call with both of Google's SDKs, three calls in the reply, against a server in this process.

CPU time of the calling thread; gRPC and the server have threads of their own.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable
from typing import Any

from benchmarks.jobs.chat import MESSAGES, MODELS, GoogleSearch, Weather
from benchmarks.measure import compare
from benchmarks.openai_wire import some_calls
from support.vertex_grpc_server import VertexGrpcServer
from support.vertex_rest_server import VertexRestServer
from support.vertex_wires import MODEL, Kind, Wire, call, candidate

REPLY = candidate(
    *(call(name, dict(arguments)) for name, arguments in some_calls(3) if not isinstance(arguments, str)),
    finishReason="STOP",
)
QUESTION = MESSAGES[1]["content"]
RULE = MESSAGES[0]["content"]
TARGET = "<= 1.0"


def parameters(model: type[Any]) -> dict[str, Any]:
    """A schema as these SDKs take it."""
    schema = model.model_json_schema()
    names = {name: {"type": "string"} for name in schema["properties"]}
    return {"type": "object", "properties": names, "required": schema["required"]}


def generative_model_jobs(wire: Wire) -> dict[str, Callable[[], object]]:
    """With the older SDK."""
    from vertexai.generative_models import FunctionDeclaration, GenerativeModel, Tool, ToolConfig

    wire.sdk_client()
    model = GenerativeModel(MODEL, system_instruction=RULE)
    client = wire.client()
    mode = ToolConfig.FunctionCallingConfig.Mode.ANY

    def raw() -> object:
        declared = [
            FunctionDeclaration(name=n, description=m.__doc__, parameters=parameters(m)) for n, m in MODELS.items()
        ]
        config = ToolConfig(ToolConfig.FunctionCallingConfig(mode=mode, allowed_function_names=list(MODELS)))
        reply = model.generate_content(QUESTION, tools=[Tool(declared)], tool_config=config)
        return [MODELS[each.name].model_validate(each.args) for each in reply.candidates[0].function_calls]

    return checked(raw, lambda: client.create(MESSAGES, list[Weather | GoogleSearch]))


def genai_jobs(wire: Wire) -> dict[str, Callable[[], object]]:
    """With the newer SDK."""
    from google.genai import types

    sdk = wire.sdk_client()
    client = wire.client()

    def raw() -> object:
        declared = [
            types.FunctionDeclaration(name=n, description=m.__doc__, parameters_json_schema=parameters(m))
            for n, m in MODELS.items()
        ]
        config = types.GenerateContentConfig(
            system_instruction=RULE,
            tools=[types.Tool(function_declarations=declared)],
            tool_config=types.ToolConfig(
                function_calling_config=types.FunctionCallingConfig(mode=types.FunctionCallingConfigMode.ANY)
            ),
            automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True),
        )
        reply = sdk.models.generate_content(model=MODEL, contents=QUESTION, config=config)
        return [MODELS[each.name].model_validate(each.args) for each in reply.function_calls]

    return checked(raw, lambda: client.create(MESSAGES, list[Weather | GoogleSearch], MODEL))


def checked(raw: Callable[[], object], ours: Callable[[], object]) -> dict[str, Callable[[], object]]:
    """The jobs, which do the same."""
    assert ours() == raw()
    return {"raw SDK": raw, "polycall": ours}


def measure(what: str, kind: Kind, server: VertexGrpcServer | VertexRestServer) -> None:
    """One SDK over one transport."""
    with server:
        wire = Wire(kind, server)
        jobs = genai_jobs(wire) if kind == "genai" else generative_model_jobs(wire)
        compare(f"Vertex, {what}, 3 calls, loopback", jobs, target=TARGET).show()


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    measure("GenerativeModel over gRPC", "model over gRPC", VertexGrpcServer(lambda _: REPLY))
    measure("GenerativeModel over REST", "model over REST", VertexRestServer(lambda _: REPLY))
    measure("genai client", "genai", VertexRestServer(lambda _: REPLY))
