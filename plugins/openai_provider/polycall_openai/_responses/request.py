"""The body of a request to the Responses API."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from polycall.plugin import Adaptation, ConfigurationError, JsonObject, MessageError, Request, ToolSpec, Translation
from polycall_openai import _tools
from polycall_openai._options import ask_for_one_call, fields_of, model_of
from polycall_openai._responses.items import input_items
from polycall_openai._servers.additions import without_known_refusals
from polycall_openai._servers.profile import ServerProfile
from polycall_openai._servers.server import Server
from polycall_openai._tools import ToolPayload, fields_of_tools

_RESERVED = {
    "input": "pass messages",
    "functions": "the tools come from response_model",
    "function_call": "use tool_choice",
}
_NEUTRAL: Mapping[str, Translation] = {"max_tokens": "max_output_tokens", "stop": None, "seed": None}
_ENCRYPTED_REASONING = "reasoning.encrypted_content"
_NOT_RUN_BY_THE_SERVER = frozenset(
    {"function", "custom", "computer", "computer_use_preview", "local_shell", "apply_patch"}
)
_KEPT_BY_THE_SERVER = frozenset({"prompt", "previous_response_id", "conversation"})
"""Options that name messages which the server has."""


def render_tools(
    profile: ServerProfile,
    tools: Sequence[ToolSpec],
    tool_choice: str,
    strict: bool | None,
    adaptations: list[Adaptation],
) -> ToolPayload:
    """Render the tools.

    ``strict`` is always sent: left out, the API tries to make the schema strict, and may thereby make optional
    fields required (OpenAI API description, ``FunctionToolParam.strict``).

    Raises:
        SchemaError: The dialect has no form for a field.
        ConfigurationError: More tools than the server takes.
    """
    return _tools.render_tools(profile, tools, tool_choice, strict, adaptations, wrap=_entry, always_strict=True)


def _entry(function: JsonObject) -> JsonObject:
    return {"type": "function", **function}


def render_request(server: Server, request: Request) -> JsonObject:
    """Render the body.

    Raises:
        ConfigurationError: No model is named; or an option is polycall's own, or rejected by the server or the model.
        MessageError: The API cannot carry a message.
    """
    model = model_of(server, request)
    profile = server.profile_for(model)
    fields = fields_of(request, profile, _RESERVED, _NEUTRAL)
    if not request.messages and not _KEPT_BY_THE_SERVER & fields.keys():
        raise MessageError("messages is empty; write messages=[{'role': 'user', 'content': ...}].")
    items, previous = input_items(request.messages, profile, server.errors.url, fields.get("conversation"))
    body: JsonObject = {"model": model, "input": items, **fields_of_tools(request)}
    if fields:
        if fields.get("background"):
            raise ConfigurationError(
                "background: polycall waits for the reply. Leave background out.", key="background"
            )
        ours = body["tools"]
        if "tools" in fields and isinstance(ours, list):
            body["tools"] = [*ours, *_built_in_tools(fields.pop("tools"))]
        body.update(fields)
        if profile.encrypted_reasoning and fields.get("store") is False and "include" not in fields:
            body["include"] = [_ENCRYPTED_REASONING]
    ask_for_one_call(body, request, profile)
    if previous is not None:
        body["previous_response_id"] = previous
    if request.stream:
        body["stream"] = True
    return without_known_refusals(server, request, body) if server.refused_additions else body


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
