"""The tools of a request, in the form of both APIs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

from pydantic_core import from_json, to_json

from polycall.plugin import (
    Adaptation,
    ConfigurationError,
    JsonObject,
    RenderedTool,
    RenderedTools,
    Request,
    ToolSpec,
    schema_adaptations,
    sendable,
)
from polycall_openai._schema import CHAT, STRICT, render_parameters
from polycall_openai._servers.profile import ServerProfile

ToolPayload: TypeAlias = RenderedTools[bytes]
"""The tools of a request. Its payload is the JSON of their fields of the body, read again for each request: cheaper
than a copy, and no request shares anything with another."""


def payload_of(request: Request) -> ToolPayload:
    """The tool payload of a request, with its type."""
    payload: ToolPayload = request.tool_payload
    return payload


def fields_of_tools(request: Request) -> JsonObject:
    """The fields ``tools`` and ``tool_choice`` of a request's body, which may be changed."""
    fields: JsonObject = from_json(payload_of(request).payload)
    return fields


def render_tools(
    profile: ServerProfile,
    tools: Sequence[ToolSpec],
    tool_choice: str,
    strict: bool | None,
    adaptations: list[Adaptation],
    *,
    wrap: Callable[[JsonObject], JsonObject],
    always_strict: bool = False,
) -> ToolPayload:
    """Render tools and tool choice.

    Args:
        profile: Of the server, for the model.
        tools: At least one.
        tool_choice: ``"auto"``, ``"required"`` or a tool's name.
        strict: ``None``: where the server enforces it and the schema fits as it is.
        adaptations: Gets each change to the caller's schema and choice.
        wrap: From a function, or the name of one, to the API's entry for it.
        always_strict: Send ``strict`` if it is false, too.

    Raises:
        SchemaError: The dialect has no form for a field.
        ConfigurationError: More tools than the server takes.
    """
    tools, sent_choice = _offered(profile, tools, tool_choice, adaptations)
    if strict is None and not profile.strict:
        strict = False
    entries: list[JsonObject] = []
    rendered: dict[str, RenderedTool] = {}
    for tool in tools:
        parameters, is_strict = render_parameters(tool, strict, references=profile.resolves_references)
        function: JsonObject = {"name": tool.name, "parameters": parameters.schema}
        if tool.description:
            function["description"] = tool.description
        if is_strict or always_strict:
            function["strict"] = is_strict
        rendered[tool.name] = RenderedTool(tool.name, parameters.schema, restore=parameters.restore)
        adaptations += schema_adaptations(parameters, (STRICT if is_strict else CHAT).name)
        entries.append(wrap(function))
    choice: object = sent_choice if sent_choice in ("auto", "required") else wrap({"name": sent_choice})
    fields = sendable({"tools": entries, "tool_choice": choice}, where="tools")
    return RenderedTools(to_json(fields), rendered)


def _offered(
    profile: ServerProfile, tools: Sequence[ToolSpec], tool_choice: str, adaptations: list[Adaptation]
) -> tuple[Sequence[ToolSpec], str]:
    """The tools to offer and the choice to ask for, in a form that the server takes.

    A choice that the server does not know becomes the next weaker one: for a named tool only that tool is offered, for
    "required" the choice is "auto". Whether the reply has calls is checked in any case.
    """
    if profile.max_tools is not None and len(tools) > profile.max_tools:
        raise ConfigurationError(
            f"{len(tools)} tools: {profile.name} takes {profile.max_tools or 'none at all'} in one request. Split "
            "response_model, or pass server_options={'max_tools': ...} if the limit has changed.",
            key="max_tools",
        )
    kind = tool_choice if tool_choice in ("auto", "required") else "named"
    if kind in profile.tool_choices:
        return tools, tool_choice
    sent = "required" if "required" in profile.tool_choices and kind == "named" else "auto"
    reason = f"{profile.name} takes only these forms of tool_choice: {', '.join(sorted(profile.tool_choices))}"
    if kind == "named":
        tools = [tool for tool in tools if tool.name == tool_choice]
        reason += "; the named tool alone is offered"
    adaptations.append(
        Adaptation(setting="tool_choice", kind="substituted", given=tool_choice, sent=sent, reason=reason)
    )
    return tools, sent
