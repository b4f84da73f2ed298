"""Checks a request body against what OpenAI publishes, so that a test server is not kinder than the real one.

Two checks, one assertion: the JSON Schemas of OpenAI's API description (``data/README.md``), and the rules for tools
which that description gives in prose or the API enforces with a 400.

Documented: the schemas, the form of a function's name, the strict subset of JSON Schema (Structured Outputs guide).
Observed only: unknown fields, an empty ``tools`` or ``tool_calls`` and ``parallel_tool_calls`` or ``tool_choice``
without tools are refused; each tool call is answered, before any other message follows.
"""

from __future__ import annotations

import functools
import gzip
import itertools
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

_SCHEMAS = Path(__file__).parent / "data" / "openai_schemas.json.gz"
_FUNCTION_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_MAX_TOOLS = 128
_NOT_STRICT = frozenset(
    {"allOf", "oneOf", "not", "if", "then", "else", "dependentRequired", "dependentSchemas", "patternProperties"}
)


def assert_valid_chat_request(body: Mapping[str, Any], *, unknown_fields: bool = False) -> None:
    """Fail if OpenAI's Chat Completions endpoint would refuse ``body``.

    Args:
        body: The parsed JSON body of the request.
        unknown_fields: Let fields pass that the schemas do not have, for tests of what other servers need, such as
            an echoed ``extra_content``.
    """
    problems = [*_schema_problems("CreateChatCompletionRequest", body, unknown_fields)]
    _fail_on(problems or [*_tool_problems(body), *_turn_problems(body["messages"])], body)


def assert_valid_responses_request(body: Mapping[str, Any], *, unknown_fields: bool = False) -> None:
    """Fail if ``body`` does not fit the schema of OpenAI's Responses endpoint; rules in prose are not checked."""
    _fail_on([*_schema_problems("CreateResponse", body, unknown_fields)], body)


def _fail_on(problems: list[str], body: Mapping[str, Any]) -> None:
    if problems:
        lines = [f"OpenAI would refuse this request: {len(problems)} problem(s)", *problems]
        raise AssertionError("\n- ".join(lines) + f"\nin {json.dumps(body, ensure_ascii=False)[:4000]}")


# --- The published schemas ----------------------------------------------------------------------------------------


def _schema_problems(name: str, body: Mapping[str, Any], unknown_fields: bool) -> Iterator[str]:
    errors = list(_validator(name, unknown_fields).iter_errors(body))
    # When a branch of an allOf fails, all that it declares counts as unevaluated too: that is no news.
    first_hand = [error for error in errors if error.validator != "unevaluatedProperties"]
    for error in first_hand or errors:
        cause = _cause(error)
        yield f"{cause.json_path}: {cause.message[:500]}"


@functools.cache
def _validator(name: str, unknown_fields: bool) -> Draft202012Validator:
    description = json.loads(gzip.decompress(_SCHEMAS.read_bytes()))
    schemas = description["components"]["schemas"]
    bases = frozenset(_bases(schemas.values()))
    converted = {
        key: _as_json_schema(schema, key, closed=not unknown_fields and key not in bases)
        for key, schema in schemas.items()
    }
    return Draft202012Validator({"$ref": f"#/components/schemas/{name}", "components": {"schemas": converted}})


def _bases(schemas: Iterable[Any]) -> Iterator[str]:
    """Names of the components that others extend with ``allOf``: they have to stay open."""
    for schema in schemas:
        for part in schema.get("allOf", ()):
            if "$ref" in part:
                yield part["$ref"].rpartition("/")[2]


def _as_json_schema(schema: Any, component: str, *, closed: bool) -> Any:
    """What is OpenAPI's own as JSON Schema 2020-12.

    ``nullable`` becomes an ``anyOf`` with null, and ``$recursiveRef`` a ``$ref`` to the component around it.
    ``closed`` refuses properties that an object does not declare, if it declares any.
    """
    if isinstance(schema, list):
        return [_as_json_schema(each, component, closed=closed) for each in schema]
    if not isinstance(schema, dict):
        return schema
    if "$recursiveRef" in schema:
        return {"$ref": f"#/components/schemas/{component}"}
    if "discriminator" in schema and "oneOf" in schema:
        # It names the branch, so the others do not matter: a message is valid as two of them without its `type`.
        schema = {**{key: value for key, value in schema.items() if key != "oneOf"}, "anyOf": schema["oneOf"]}
    converted = {
        key: _as_properties(value, component, closed=closed)
        if key == "properties"
        else _as_json_schema(value, component, closed=closed)
        for key, value in schema.items()
        if key not in ("nullable", "allOf", "$recursiveAnchor")
    }
    if "allOf" in schema:
        converted["allOf"] = [_as_open_object(part, component, closed=closed) for part in schema["allOf"]]
        if closed:
            converted["unevaluatedProperties"] = False
    elif closed and "properties" in schema:
        converted.setdefault("additionalProperties", False)
    return {"anyOf": [converted, {"type": "null"}]} if schema.get("nullable") else converted


def _as_properties(properties: dict[str, Any], component: str, *, closed: bool) -> dict[str, Any]:
    """By name, because a property may be called ``nullable`` or ``allOf`` itself."""
    return {name: _as_json_schema(schema, component, closed=closed) for name, schema in properties.items()}


def _as_open_object(part: dict[str, Any], component: str, *, closed: bool) -> dict[str, Any]:
    """A branch of ``allOf``: open itself, its properties' own objects not."""
    converted: dict[str, Any] = _as_json_schema(part, component, closed=closed)
    if "additionalProperties" not in part:
        converted.pop("additionalProperties", None)
    return converted


def _cause(error: ValidationError) -> ValidationError:
    """The error inside a failed ``oneOf`` or ``anyOf`` that tells what is wrong.

    That is one of the branch which was meant: the one whose ``role`` or ``type`` fits, else the one that got furthest.
    """
    while error.context:
        by_branch = itertools.groupby(error.context, key=lambda each: each.relative_schema_path[0])
        branches = [list(errors) for _, errors in by_branch]
        meant = [errors for errors in branches if not any(map(_is_other_kind, errors))] or branches
        error = max((each for errors in meant for each in errors), key=lambda each: len(each.absolute_path))
    return error


def _is_other_kind(error: ValidationError) -> bool:
    return error.validator == "enum" and len(error.relative_path) == 1 and error.relative_path[0] in ("role", "type")


# --- The rules in prose -------------------------------------------------------------------------------------------


def _tool_problems(body: Mapping[str, Any]) -> Iterator[str]:
    if "tools" not in body:
        yield from (
            f"$.{key}: only allowed with tools" for key in ("tool_choice", "parallel_tool_calls") if key in body
        )
        return
    tools = body["tools"]
    if not 1 <= len(tools) <= _MAX_TOOLS:
        yield f"$.tools: {len(tools)} tools; 1 to {_MAX_TOOLS} are allowed"
    functions = {f"$.tools[{at}].function": tool["function"] for at, tool in enumerate(tools) if "function" in tool}
    for path, function in functions.items():
        if not _FUNCTION_NAME.fullmatch(function["name"]):
            yield f"{path}.name: {function['name']!r} is not 1 to 64 of a-z, A-Z, 0-9, _ and -"
        if function.get("strict"):
            yield from strict_schema_problems(function.get("parameters", {}), f"{path}.parameters")
    names = [function["name"] for function in functions.values()]
    choice = body.get("tool_choice")
    if isinstance(choice, dict) and "function" in choice and choice["function"]["name"] not in names:
        yield f"$.tool_choice: {choice['function']['name']!r} is none of the tools {names}"


def strict_schema_problems(schema: Any, path: str = "$", *, is_root: bool = True) -> Iterator[str]:
    """What keeps ``schema`` out of the subset that ``strict: true`` accepts, each with its path."""
    if not isinstance(schema, dict):
        return
    if is_root and (schema.get("type") != "object" or "anyOf" in schema):
        yield f"{path}: the root must be an object and no anyOf"
    yield from (f"{path}: strict does not know {key!r}" for key in sorted(_NOT_STRICT & schema.keys()))
    if schema.get("type") == "object" or "properties" in schema:
        properties = schema.get("properties", {})
        if schema.get("additionalProperties") is not False:
            yield f"{path}: strict needs additionalProperties: false"
        if set(schema.get("required", ())) != set(properties):
            yield f"{path}: strict needs every property in required"
    for key in ("properties", "$defs"):
        for name, part in schema.get(key, {}).items():
            yield from strict_schema_problems(part, f"{path}.{key}.{name}", is_root=False)
    for at, part in enumerate(schema.get("anyOf", ())):
        yield from strict_schema_problems(part, f"{path}.anyOf[{at}]", is_root=False)
    yield from strict_schema_problems(schema.get("items"), f"{path}.items", is_root=False)


def _turn_problems(messages: list[dict[str, Any]]) -> Iterator[str]:
    """Each tool call has its answer, and each answer its call, before the conversation goes on."""
    waiting: list[str] = []
    for at, message in enumerate(messages):
        path = f"$.messages[{at}]"
        if message["role"] == "tool":
            if message["tool_call_id"] in waiting:
                waiting.remove(message["tool_call_id"])
            else:
                yield f"{path}.tool_call_id: {message['tool_call_id']!r} answers no open tool call"
            continue
        if waiting:
            yield f"{path}: these tool calls have no answer before it: {waiting}"
        calls = message.get("tool_calls")
        if calls == []:
            yield f"{path}.tool_calls: is empty; leave it out"
        waiting = [call["id"] for call in calls or ()]
    if waiting:
        yield f"$.messages: the last tool calls have no answer: {waiting}"
