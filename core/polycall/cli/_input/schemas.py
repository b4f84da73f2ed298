"""Tools in a JSON file, in any of the forms in which providers and MCP servers list them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import polycall
from polycall.cli._errors import CommandError
from polycall.cli._examples import SCHEMA_FORMS
from polycall.cli._input.files import read_json

_SCHEMA_KEYS = ("parameters", "inputSchema", "input_schema", "parametersJsonSchema", "parameters_json_schema", "schema")
_LIST_KEYS = ("tools", "functions", "functionDeclarations", "function_declarations", "result")
_FORMS = f"tools {SCHEMA_FORMS}, or the JSON Schema of one model"


def read_tools(file: str) -> list[polycall.Tool]:
    """The tools of a file.

    Taken are: OpenAI's tools (Chat Completions and Responses), Anthropic's, Gemini's function declarations, the reply
    of an MCP server to ``tools/list``, each as a list or inside of a request's or reply's object; and the JSON Schema
    of one model with a ``title``.

    Raises:
        CommandError: The file cannot be read, or holds something else, or two tools of one name.
    """
    tools: dict[str, polycall.Tool] = {}
    for tool in _tools_in(read_json(file, "--schema"), file):
        if tool.name in tools:
            raise CommandError(f"--schema {file}: two tools are named {tool.name!r}.")
        tools[tool.name] = tool
    if not tools:
        raise CommandError(f"--schema {file}: there are no tools in it.", hint=f"It takes {_FORMS}.")
    return list(tools.values())


def _tools_in(content: object, file: str) -> Iterator[polycall.Tool]:
    if isinstance(content, list):
        for one in content:
            yield from _tools_in(one, file)
        return
    if isinstance(content, Mapping):
        if (tool := _tool(content)) is not None:
            yield tool
            return
        for key in _LIST_KEYS:
            if isinstance(content.get(key), (list, Mapping)):
                yield from _tools_in(content[key], file)
                return
        kind = content.get("type")
        if isinstance(kind, str) and kind not in ("function", "object"):
            raise CommandError(
                f"--schema {file}: a tool of type {kind!r} is one that the provider's server runs itself.",
                hint="Leave it out, or pass it to the provider with -o.",
            )
    raise CommandError(f"--schema {file}: something in it is not a tool.", hint=f"It takes {_FORMS}.")


def _tool(content: Mapping[str, object]) -> polycall.Tool | None:
    inner = content.get("function")
    if isinstance(inner, Mapping):
        content = inner
    name = content.get("name")
    description = content.get("description")
    description = description if isinstance(description, str) else None
    if isinstance(name, str) and name and content.get("type", "function") in ("function", "custom", "object"):
        schema = next((content[key] for key in _SCHEMA_KEYS if isinstance(content.get(key), Mapping)), None)
        if isinstance(schema, Mapping):
            return polycall.Tool(name, description, schema)
        if not any(key in content for key in _LIST_KEYS):
            return polycall.Tool(name, description, {"type": "object", "properties": {}})  # takes no arguments
        return None
    title = content.get("title")
    if isinstance(title, str) and isinstance(content.get("properties"), Mapping):
        return polycall.Tool(title, description, content)
    return None
