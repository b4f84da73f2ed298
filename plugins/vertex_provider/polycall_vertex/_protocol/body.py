"""Builds polycall's part of a request's body for both SDKs: conversation, tools, tool choice, in REST JSON."""

from __future__ import annotations

from collections.abc import Mapping

from polycall import ConfigurationError
from polycall.plugin import Request
from polycall_vertex._protocol.contents import to_contents
from polycall_vertex._protocol.options import as_dict, camel_keys
from polycall_vertex._protocol.tools import ToolPayload
from polycall_vertex._sdk_objects import merge_objects, to_rest


def make_body(request: Request) -> dict[str, object]:
    """Make the body of a request, with those of its options that belong there.

    Args:
        request: Its option ``system_instruction`` goes before the system messages; ``tool_config`` is merged with
            polycall's own (``{"function_calling_config": {"stream_function_call_arguments": True}}``, for example).

    Raises:
        ConfigurationError: One of these options has the wrong type.
        MessageError: Vertex AI cannot carry a message.
    """
    return make_conversation(request) | make_tools(request)


def make_conversation(request: Request) -> dict[str, object]:
    """The part of `make_body` that differs in each request: ``contents``, ``systemInstruction``."""
    contents = to_contents(request.messages)
    system = [*_system_parts(request.options.get("system_instruction")), *contents.system]
    conversation: dict[str, object] = {"contents": contents.contents}
    if system:
        conversation["systemInstruction"] = {"role": "user", "parts": system}
    return conversation


def make_tools(request: Request) -> dict[str, object]:
    """The part of `make_body` that depends on tools and options only: ``tools``, ``toolConfig``."""
    payload = request.tool_payload
    if not isinstance(payload, ToolPayload):
        raise TypeError(f"request.tool_payload must come from polycall_render_tools, got {type(payload).__name__}.")
    tool_config: Mapping[str, object] = payload.tool_config
    if request.options.get("tool_config") is not None:
        given = camel_keys(as_dict(request.options["tool_config"], "tool_config"))
        tool_config = merge_objects(given if isinstance(given, dict) else {}, tool_config)
    return {"tools": list(payload.tools), "toolConfig": tool_config}


def other_options(request: Request) -> dict[str, object]:
    """The options that `make_body` does not use."""
    return {name: one for name, one in request.options.items() if name not in ("system_instruction", "tool_config")}


def _system_parts(given: object) -> list[object]:
    if given is None:
        return []
    if isinstance(given, str):
        return [{"text": given}]
    if isinstance(given, list | tuple):
        return [part for one in given for part in _system_parts(one)]
    rest = given if isinstance(given, Mapping) else to_rest(given)
    if rest is None:
        raise ConfigurationError(
            f"system_instruction must be text, parts or a content, got {given!r}.", key="system_instruction"
        )
    parts = rest.get("parts")
    return list(parts) if isinstance(parts, list | tuple) else [rest]
