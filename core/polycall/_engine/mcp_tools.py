"""Tools as an MCP server lists them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from polycall._data.errors import ResponseModelError
from polycall._data.public import public
from polycall._data.tools import Tool


@public
def tools_from_mcp(tools: object) -> list[Tool]:
    """Tools of an MCP server for ``response_model``: ``[*polycall.tools_from_mcp(listed), Weather]``.

    Names that a provider cannot carry (``"files/read"``, ``"calendar.list"``) are mapped, and mapped back: the result
    of a call is a `polycall.ToolCall` with the server's name and the decoded arguments, for
    ``session.call_tool(call.name, call.arguments)``.

    Args:
        tools: What ``await session.list_tools()`` returns, its ``.tools``, or plain dicts with ``name``,
            ``description`` and ``inputSchema``.

    Raises:
        ResponseModelError: An entry is not a tool, or two have the same name.
    """
    listed: object = getattr(tools, "tools", tools)
    if isinstance(listed, Mapping) and "tools" in listed:
        listed = listed["tools"]
    if isinstance(listed, (str, bytes, Mapping)) or not hasattr(listed, "__iter__"):
        raise ResponseModelError(f"tools_from_mcp() takes a list of tools, got {type(tools).__name__}.")
    made: dict[str, Tool] = {}
    for at, one in enumerate(cast("list[object]", listed)):
        name, schema = _member(one, "name"), _member(one, "inputSchema", "input_schema")
        if not isinstance(name, str) or not name or not isinstance(schema, Mapping):
            raise ResponseModelError(
                f"tools_from_mcp(): entry {at} is not a tool with a name and an inputSchema; got {type(one).__name__}."
            )
        if name in made:
            raise ResponseModelError(
                f"tools_from_mcp(): two tools are named {name!r}. Tools of two servers may need a prefix: make them "
                "with polycall.Tool(name, description, schema)."
            )
        description = _member(one, "description")
        if not isinstance(description, str):
            description = _member(one, "title")
        made[name] = Tool(name, description if isinstance(description, str) else None, schema)
    return list(made.values())


def _member(tool: object, *names: str) -> object:
    """A member of an MCP tool, whose name in Python changed from one version of the package to the next."""
    for name in names:
        value = tool.get(name) if isinstance(tool, Mapping) else getattr(tool, name, None)
        if value is not None:
            return value
    return None
