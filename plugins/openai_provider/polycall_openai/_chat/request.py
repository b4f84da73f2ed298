"""The body of a request for Chat Completions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from polycall import ConfigurationError, MessageError
from polycall.plugin import Request, ToolSpec
from polycall_openai._json import JsonObject
from polycall_openai._profile import ServerProfile
from polycall_openai._request import CallOptions, ToolPayload, model_of, offered_tools, payload_of, plain, split_options
from polycall_openai._schema import render_parameters
from polycall_openai._session import Session

_NOT_FOR_POLYCALL = {
    "tools": "the tools come from response_model",
    "functions": "the tools come from response_model",
    "function_call": "use tool_choice",
}


def render_tools(
    profile: ServerProfile, tools: Sequence[ToolSpec], tool_choice: str, strict: bool | None
) -> ToolPayload:
    """Render the tools.

    Raises:
        SchemaError: A field has no form in the dialect.
        ConfigurationError: More tools than the server takes.
    """
    tools, tool_choice = offered_tools(profile, tools, tool_choice)
    if strict is None and not profile.strict:
        strict = False
    rendered: list[JsonObject] = []
    restore: dict[str, Callable[[object], object]] = {}
    for tool in tools:
        parameters, is_strict = render_parameters(tool, strict)
        function: JsonObject = {"name": tool.name, "parameters": parameters.schema}
        if tool.description:
            function["description"] = tool.description
        if is_strict:
            function["strict"] = True
        if parameters.restore is not None:
            restore[tool.name] = parameters.restore
        rendered.append({"type": "function", "function": function})
    choice = (
        tool_choice if tool_choice in ("auto", "required") else {"type": "function", "function": {"name": tool_choice}}
    )
    return ToolPayload(
        fields={"tools": rendered, "tool_choice": choice},
        names=frozenset(tool.name for tool in tools),
        restore=restore,
        make_id=profile.make_call_id,
    )


def build(session: Session, request: Request) -> tuple[dict[str, Any], CallOptions]:
    """Make the body and the SDK's options of a call.

    Raises:
        ConfigurationError: No model; an option that polycall has an argument of its own for, or that the server or
            the model refuses.
        MessageError: Something that is neither a dict nor an object of the SDK is among the messages.
    """
    model = model_of(session, request)
    fields, call_options = split_options(request.options, _NOT_FOR_POLYCALL)
    if fields:
        if fields.get("n") not in (None, 1):
            raise ConfigurationError("n: polycall reads one choice. Leave n out, and send several requests.", key="n")
        profile = session.profile.for_model(model)
        fields = profile.accepted(fields)
    messages = [plain(message) for message in request.messages]
    for message in messages:
        if message.__class__ is not dict:
            raise MessageError(
                f"messages[{messages.index(message)}]: {str(message)[:100]!r} is no message; "
                "write {'role': 'user', 'content': ...}."
            )
    body: dict[str, Any] = {"model": model, "messages": messages}
    body.update(payload_of(request).fields)
    body.update(fields)
    if request.stream:
        body["stream"] = True
        if session.stream_usage and "stream_options" not in body:
            body["stream_options"] = {"include_usage": True}
    return body, call_options
