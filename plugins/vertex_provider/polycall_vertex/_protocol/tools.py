"""Renders tools as function declarations, and which of them the model may or must call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from polycall.plugin import (
    Adaptation,
    ConfigurationError,
    JsonObject,
    RenderedTool,
    RenderedTools,
    ToolSpec,
    did_you_mean,
    schema_adaptations,
)
from polycall_vertex._protocol.schema import render_parameters
from polycall_vertex._protocol.service import VERTEX, Service
from polycall_vertex._sdk_objects import merge_objects


@dataclass(frozen=True, slots=True)
class VertexTools:
    """The tools of a request. Shared between requests: never changed.

    Attributes:
        declarations: The one ``Tool`` with all functions, in REST JSON.
        tool_choice: As in the request.
        strict: As in the request.
        schemas: By tool: the caller's own JSON Schema, which tells which numbers are integers.
    """

    declarations: JsonObject
    tool_choice: str
    strict: bool | None
    schemas: Mapping[str, JsonObject]


def render_tools(
    tools: Sequence[ToolSpec],
    tool_choice: str,
    strict: bool | None,
    adaptations: list[Adaptation],
    service: Service = VERTEX,
) -> RenderedTools[VertexTools]:
    """Declare all tools in one ``Tool`` (the service rejects several: Google_GenerativeAI#56).

    ``ANY`` is documented to enforce the schemas, so ``strict`` has an effect for ``"auto"`` only, where ``VALIDATED``
    (a preview) does the same.

    Raises:
        SchemaError: The service's dialects cannot express a field.
    """
    declarations: list[object] = []
    rendered: dict[str, RenderedTool] = {}
    for tool in tools:
        declaration: JsonObject = {"name": tool.name}
        if tool.description:
            declaration["description"] = tool.description
        parameters = render_parameters(tool, service=service)
        if parameters.key is not None:
            declaration[parameters.key] = parameters.rendered.schema
        declarations.append(declaration)
        rendered[tool.name] = RenderedTool(tool.name, parameters.rendered.schema, restore=parameters.rendered.restore)
        adaptations += schema_adaptations(parameters.rendered, f"the schema of {service.label}")
    return RenderedTools(
        VertexTools(
            {"functionDeclarations": declarations}, tool_choice, strict, {tool.name: tool.schema for tool in tools}
        ),
        rendered,
    )


def make_tool_config(tools: VertexTools, given: JsonObject, adaptations: list[Adaptation]) -> JsonObject:
    """``toolConfig``: the caller's, with the mode of function calling that ``tool_choice`` asks for.

    Args:
        tools: The tools of the request.
        given: The option ``tool_config``, in REST JSON.
        adaptations: Appended to where the mode is not what ``tool_choice`` or the option says.

    Raises:
        ConfigurationError: The option contradicts ``tool_choice``.
    """
    config = given.get("functionCallingConfig") or {}
    if not isinstance(config, Mapping):
        raise ConfigurationError("tool_config.function_calling_config must be a dict.", key="tool_config")
    calling = dict(config)
    stated, names = _stated_mode(calling), _allowed_names(calling, tools)
    mode = _mode(tools, stated, bool(names), adaptations)
    if tools.tool_choice in tools.schemas:
        if names and tools.tool_choice not in names:
            raise _contradiction(f"allowed_function_names={list(names)}", tools)
        names = [tools.tool_choice]
    calling.pop("allowedFunctionNames", None)
    own: JsonObject = {"mode": mode} | ({"allowedFunctionNames": list(names)} if names else {})
    return merge_objects(given, {"functionCallingConfig": calling | own})


def _mode(tools: VertexTools, stated: str | None, has_names: bool, adaptations: list[Adaptation]) -> str:
    """The mode to send.

    ``AUTO`` takes no names (pydantic-ai), ``VALIDATED`` does. ``NONE`` is never sent: it may end in
    UNEXPECTED_TOOL_CALL (tensorzero#2329), and polycall asks for calls. A mode that the caller states stays where it
    is not weaker than ``tool_choice`` or polycall can make up for it (tensorzero#4872).
    """
    choice = tools.tool_choice
    if choice == "auto":
        if stated in ("ANY", "NONE"):
            raise _contradiction(f"mode={stated}", tools)
        if stated not in (None, "AUTO"):
            return str(stated)
        if has_names and stated == "AUTO":
            adaptations.append(_substituted("options.tool_config.mode", stated, "VALIDATED", "AUTO takes no names"))
        return "VALIDATED" if tools.strict or has_names else "AUTO"
    if stated in (None, "ANY"):
        return "ANY"
    if stated == "NONE":
        adaptations.append(
            _substituted("options.tool_config.mode", stated, "ANY", f"tool_choice={choice!r} asks for calls")
        )
        return "ANY"
    if stated == "AUTO" or choice != "required":
        raise _contradiction(f"mode={stated}", tools)
    reason = f"tool_config states the mode {stated}; polycall asks again if there is no call"
    adaptations.append(Adaptation(setting="tool_choice", kind="client_side", given=choice, sent=stated, reason=reason))
    return str(stated)


def _stated_mode(calling: Mapping[str, object]) -> str | None:
    mode = calling.get("mode")
    if mode is None or mode == "MODE_UNSPECIFIED":
        return None
    if not isinstance(mode, str):
        raise ConfigurationError(
            f"tool_config: the mode must be a name such as 'ANY', got {mode!r}.", key="tool_config"
        )
    return mode.upper()


def _allowed_names(calling: Mapping[str, object], tools: VertexTools) -> Sequence[str]:
    names = calling.get("allowedFunctionNames") or ()
    for name in names if isinstance(names, (list, tuple)) else (names,):
        if name not in tools.schemas:
            raise ConfigurationError(
                f"allowed_function_names: {name!r} is not a tool of response_model.{did_you_mean(name, tools.schemas)}",
                key="tool_config",
            )
    return names if isinstance(names, (list, tuple)) else [str(names)]


def _contradiction(stated: str, tools: VertexTools) -> ConfigurationError:
    return ConfigurationError(
        f"tool_config with {stated} contradicts tool_choice={tools.tool_choice!r}; leave one of them out.",
        key="tool_config",
    )


def _substituted(setting: str, given: str, sent: str, reason: str) -> Adaptation:
    return Adaptation(setting=setting, kind="substituted", given=given, sent=sent, reason=reason)
