"""The body of a request for Chat Completions."""

from __future__ import annotations

from collections.abc import Sequence

from polycall.plugin import Adaptation, ConfigurationError, JsonObject, Request, ToolSpec
from polycall_openai import _tools
from polycall_openai._chat.messages import render_messages
from polycall_openai._options import ask_for_one_call, fields_of, model_of
from polycall_openai._servers.additions import without_known_refusals
from polycall_openai._servers.profile import ServerProfile
from polycall_openai._servers.server import Server
from polycall_openai._tools import ToolPayload, fields_of_tools

_RESERVED = {
    "tools": "the tools come from response_model",
    "functions": "the tools come from response_model",
    "function_call": "use tool_choice",
}


def render_tools(
    profile: ServerProfile,
    tools: Sequence[ToolSpec],
    tool_choice: str,
    strict: bool | None,
    adaptations: list[Adaptation],
) -> ToolPayload:
    """Render the tools.

    Raises:
        SchemaError: The dialect has no form for a field.
        ConfigurationError: More tools than the server takes.
    """
    return _tools.render_tools(profile, tools, tool_choice, strict, adaptations, wrap=_entry)


def _entry(function: JsonObject) -> JsonObject:
    return {"type": "function", "function": function}


def render_request(server: Server, request: Request) -> JsonObject:
    """Render the body.

    Raises:
        ConfigurationError: No model is named; or an option is polycall's own, or rejected by the server or the model.
        MessageError: A message that is not one.
    """
    model = model_of(server, request)
    profile = server.profile_for(model)
    body: JsonObject = {
        "model": model,
        "messages": render_messages(request, profile),
        **fields_of_tools(request),
    }
    if request.options:
        fields = fields_of(request, profile, _RESERVED, {"max_tokens": profile.output_limit})
        if fields.get("n") not in (None, 1):
            raise ConfigurationError("n: polycall reads one choice. Leave n out, and send several requests.", key="n")
        body.update(fields)
    ask_for_one_call(body, request, profile)
    if request.stream:
        body["stream"] = True
        if server.stream_usage and "stream_options" not in body:
            body["stream_options"] = {"include_usage": True}
    return without_known_refusals(server, request, body) if server.refused_additions else body
