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

    ``strict`` is always sent: left out, the API tries to make the schema strict, and may thereby make optional
    fields required (OpenAI API description, ``FunctionToolParam.strict``).

    Raises:
        SchemaError: The dialect has no form for a field.
        ConfigurationError: More tools than the server takes.
    """
    return _tools.render_tools(profile, tools, tool_choice, strict, wrap=_entry, always_strict=True)


def _entry(function: JsonObject) -> JsonObject:
    return {"type": "function", **function}


def build(server: Server, request: Request) -> tuple[dict[str, Any], CallOptions]:
    """Build the body, and the SDK's options of the call.

    Raises:
        ConfigurationError: No model is named; or an option is polycall's own, or rejected by the server or the model.
        MessageError: The API cannot carry a message.
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
    """The caller's ``tools``, which the server itself runs.

    Raises:
        ConfigurationError: The caller would have to run one of them.
    """
    for tool in tools if isinstance(tools, list) else [tools]:
        kind = tool.get("type") if isinstance(tool, dict) else None
        if not isinstance(kind, str) or kind in _NOT_RUN_BY_THE_SERVER:
            raise ConfigurationError(
                f"tools: {str(tool)[:200]} is not a tool that the server itself runs, such as "
                "{'type': 'web_search'}. Your own tools belong in response_model.",
                key="tools",
            )
    return list(tools) if isinstance(tools, list) else []
