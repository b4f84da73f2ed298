"""Renders tools as function declarations, and which of them the model may or must call."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from polycall.plugin import ToolSpec
from polycall_vertex._protocol.schema import render_parameters


@dataclass(frozen=True, slots=True)
class ToolPayload:
    """The tools of a request, in REST JSON. Shared between requests: never changed."""

    tools: Sequence[Mapping[str, object]]
    tool_config: Mapping[str, object]
    restore: Mapping[str, Callable[[object], object]]
    """By tool: undoes the dialect's changes on a call's arguments."""


def render_tools(tools: Sequence[ToolSpec], tool_choice: str, strict: bool | None) -> ToolPayload:
    """Declare all tools in one ``Tool`` (the service rejects several: Google_GenerativeAI#56).

    ``ANY`` is documented to enforce the schemas, so ``strict`` has an effect for ``"auto"`` only, where ``VALIDATED``
    (a preview) does the same.

    Raises:
        SchemaError: Vertex AI's dialects cannot express a field.
    """
    declarations: list[Mapping[str, object]] = []
    restore: dict[str, Callable[[object], object]] = {}
    for tool in tools:
        declaration: dict[str, object] = {"name": tool.name}
        if tool.description:
            declaration["description"] = tool.description
        parameters = render_parameters(tool)
        if parameters.key is not None:
            declaration[parameters.key] = parameters.rendered.schema
        if parameters.rendered.restore is not None:
            restore[tool.name] = parameters.rendered.restore
        declarations.append(declaration)
    return ToolPayload(
        tools=[{"functionDeclarations": declarations}],
        tool_config={"functionCallingConfig": _calling_config(tool_choice, strict)},
        restore=restore,
    )


def _calling_config(tool_choice: str, strict: bool | None) -> dict[str, object]:
    if tool_choice == "auto":
        return {"mode": "VALIDATED" if strict else "AUTO"}
    if tool_choice == "required":
        return {"mode": "ANY"}
    return {"mode": "ANY", "allowedFunctionNames": [tool_choice]}
