"""The body of a request for Chat Completions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from polycall import ConfigurationError, MessageError
from polycall.plugin import Request, ToolSpec
from polycall_openai import _tools
from polycall_openai._json import JsonObject
from polycall_openai._request import model_of, split_options, to_plain_data
from polycall_openai._sdk.call_options import CallOptions
from polycall_openai._servers.profile import ServerProfile
from polycall_openai._servers.server import Server
from polycall_openai._tools import ToolPayload, payload_of

_RESERVED = {
    "tools": "the tools come from response_model",
    "functions": "the tools come from response_model",
    "function_call": "use tool_choice",
}


def render_tools(
    profile: ServerProfile, tools: Sequence[ToolSpec], tool_choice: str, strict: bool | None
) -> ToolPayload:
    """Render the tools.

    Raises:
        SchemaError: The dialect has no form for a field.
        ConfigurationError: More tools than the server takes.
    """
    return _tools.render_tools(profile, tools, tool_choice, strict, wrap=_entry)


def _entry(function: JsonObject) -> JsonObject:
    return {"type": "function", "function": function}


def build(server: Server, request: Request) -> tuple[dict[str, Any], CallOptions]:
    """Build the body, and the SDK's options of the call.

    Raises:
        ConfigurationError: No model is named; or an option is polycall's own, or rejected by the server or the model.
        MessageError: A message is neither a dict nor an object of the SDK.
    """
    model = model_of(server, request)
    fields, call_options = split_options(request.options, _RESERVED)
    if fields:
        if fields.get("n") not in (None, 1):
            raise ConfigurationError("n: polycall reads one choice. Leave n out, and send several requests.", key="n")
        profile = server.profile_for(model)
        fields = profile.accepted(fields)
    messages = [to_plain_data(message) for message in request.messages]
    for message in messages:
        if message.__class__ is not dict:
            raise MessageError(
                f"messages[{messages.index(message)}]: {str(message)[:100]!r} is not a message; "
                "write {'role': 'user', 'content': ...}."
            )
    body: dict[str, Any] = {"model": model, "messages": messages}
    body.update(payload_of(request).fields)
    body.update(fields)
    if request.stream:
        body["stream"] = True
        if server.stream_usage and "stream_options" not in body:
            body["stream_options"] = {"include_usage": True}
    return body, call_options
