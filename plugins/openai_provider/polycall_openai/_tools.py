"""The tools of a request, in the form of both APIs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from polycall import ConfigurationError
from polycall.plugin import Request, ToolSpec
from polycall_openai._json import JsonObject
from polycall_openai._schema import render_parameters
from polycall_openai._servers.profile import ServerProfile


@dataclass(frozen=True, slots=True)
class ToolPayload:
    """The tools of a request in OpenAI's form."""

    fields: Mapping[str, object]
    """Fields of the request's body."""
    names: frozenset[str]
    restore: Mapping[str, Callable[[object], object]]
    """By tool: undoes the changes of its schema's dialect on decoded arguments."""
    make_id: Callable[[], str] = ServerProfile().make_call_id
    """Makes an id that the server takes, for calls without a usable one."""


def payload_of(request: Request) -> ToolPayload:
    """The tool payload of a request, with its type."""
    return cast("ToolPayload", request.tool_payload)


def render_tools(
    profile: ServerProfile,
    tools: Sequence[ToolSpec],
    tool_choice: str,
    strict: bool | None,
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
        wrap: From a function, or the name of one, to the API's entry for it.
        always_strict: Send ``strict`` if it is false, too.

    Raises:
        SchemaError: The dialect has no form for a field.
        ConfigurationError: More tools than the server takes.
    """
    tools, tool_choice = _offered(profile, tools, tool_choice)
    if strict is None and not profile.strict:
        strict = False
    entries: list[JsonObject] = []
    restore: dict[str, Callable[[object], object]] = {}
    for tool in tools:
        parameters, is_strict = render_parameters(tool, strict)
        function: JsonObject = {"name": tool.name, "parameters": parameters.schema}
        if tool.description:
            function["description"] = tool.description
        if is_strict or always_strict:
            function["strict"] = is_strict
        if parameters.restore is not None:
            restore[tool.name] = parameters.restore
        entries.append(wrap(function))
    return ToolPayload(
        fields={
            "tools": entries,
            "tool_choice": tool_choice if tool_choice in ("auto", "required") else wrap({"name": tool_choice}),
        },
        names=frozenset(tool.name for tool in tools),
        restore=restore,
        make_id=profile.make_call_id,
    )


def _offered(profile: ServerProfile, tools: Sequence[ToolSpec], tool_choice: str) -> tuple[Sequence[ToolSpec], str]:
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
    if kind == "named":
        tools = [tool for tool in tools if tool.name == tool_choice]
    return tools, "required" if "required" in profile.tool_choices and kind == "named" else "auto"
