"""The body of a request to the Responses API."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from polycall import ConfigurationError
from polycall.plugin import Request, ToolSpec
from polycall_openai import _tools
from polycall_openai._json import JsonObject
from polycall_openai._request import model_of, split_options
from polycall_openai._responses.items import input_items
from polycall_openai._sdk.call_options import CallOptions
from polycall_openai._servers.profile import ServerProfile
from polycall_openai._servers.server import Server
from polycall_openai._tools import ToolPayload, payload_of

_RESERVED = {
    "input": "pass messages",
    "functions": "the tools come from response_model",
    "function_call": "use tool_choice",
}
_ENCRYPTED_REASONING = "reasoning.encrypted_content"
_NOT_RUN_BY_THE_SERVER = frozenset(
    {"function", "custom", "computer", "computer_use_preview", "local_shell", "apply_patch"}
)


def render_tools(
    profile: ServerProfile, tools: Sequence[ToolSpec], tool_choice: str, strict: bool | None
) -> ToolPayload:
    """Render the tools.

    ``strict`` is always sent: left out, the API tries to make the schema strict by itself, and may so make optional
    fields required (OpenAI API description, ``FunctionToolParam.strict``).

    Raises:
        SchemaError: A field has no form in the dialect.
        ConfigurationError: More tools than the server takes.
    """
    return _tools.render_tools(profile, tools, tool_choice, strict, wrap=_entry, always_strict=True)


def _entry(function: JsonObject) -> JsonObject:
    return {"type": "function", **function}


def build(server: Server, request: Request) -> tuple[dict[str, Any], CallOptions]:
    """Make the body and the SDK's options of a call.

    Raises:
        ConfigurationError: No model; an option that polycall has an argument of its own for, or that the server or
            the model refuses.
        MessageError: A message that the API cannot carry.
    """
    model = model_of(server, request)
    fields, call_options = split_options(request.options, _RESERVED)
    payload = payload_of(request)
    items, previous_response_id = input_items(request.messages)
    body: dict[str, Any] = {"model": model, "input": items, **payload.fields}
    if fields:
        if fields.get("background"):
            raise ConfigurationError(
                "background: polycall waits for the reply. Leave background out.", key="background"
            )
        profile = server.profile_for(model)
        fields = profile.accepted(fields)
        if "tools" in fields:
            body["tools"] = [*body["tools"], *_built_in_tools(fields.pop("tools"))]
        body.update(fields)
        if profile.encrypted_reasoning and fields.get("store") is False and "include" not in fields:
            body["include"] = [_ENCRYPTED_REASONING]
    if previous_response_id is not None:
        body["previous_response_id"] = previous_response_id
    if request.stream:
        body["stream"] = True
    return body, call_options


def _built_in_tools(tools: object) -> list[object]:
    """The caller's ``tools``, which the server runs by itself.

    Raises:
        ConfigurationError: One would have to be run by the caller.
    """
    for tool in tools if isinstance(tools, list) else [tools]:
        kind = tool.get("type") if isinstance(tool, dict) else None
        if not isinstance(kind, str) or kind in _NOT_RUN_BY_THE_SERVER:
            raise ConfigurationError(
                f"tools: {str(tool)[:200]} is no tool that the server runs by itself, such as "
                "{'type': 'web_search'}. Tools of your own belong into response_model.",
                key="tools",
            )
    return list(tools) if isinstance(tools, list) else []
