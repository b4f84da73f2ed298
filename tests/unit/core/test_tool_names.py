"""Names of tools other than the class's, and tools that exist only as JSON Schema."""

from __future__ import annotations

import dataclasses
import re
import sys
import types
import typing
from collections.abc import Iterable
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Annotated, Any

import pytest
import typing_extensions
from hypothesis import given
from hypothesis import strategies as st
from mcp import types as mcp_types
from pydantic import BaseModel, create_model

import polycall
from polycall import Tool, ToolName
from polycall._data.tools import is_legal_name
from polycall._engine.tool_names import distinct_names
from polycall._engine.tools import tools_for
from support.toy_provider import call, reply

from .conftest import Way

_CREATE_MODEL: Any = create_model


class Weather(BaseModel):
    """The weather at a place."""

    location: str


@dataclasses.dataclass
class Move:
    start: str


class Note(typing.TypedDict):
    text: str


SEARCH = Tool(
    "web/search",
    "Search the web.",
    {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "type": "object",
        "properties": {
            "query": {"type": "string", "minLength": 2},
            "limit": {"type": "integer", "minimum": 0, "maximum": 10},
            "sites": {"type": "array", "items": {"$ref": "#/definitions/Site"}},
        },
        "required": ["query"],
        "additionalProperties": False,
        "definitions": {"Site": {"type": "object", "properties": {"host": {"type": "string"}}}},
    },
)


DEEP: dict[str, object] = {"type": "object"}
DEEP["properties"] = {"again": DEEP}


def names(response_model: object) -> list[str]:
    return [spec.name for spec in tools_for(response_model).specs]


class TestToolName:
    def test_a_member_is_named_in_its_annotation(self) -> None:
        response_model = Iterable[
            Annotated[Weather, ToolName("get_weather")]
            | Annotated[Move, ToolName("move-piece")]
            | Annotated[Note, "other", ToolName("note")]
        ]

        assert names(response_model) == ["get_weather", "move-piece", "note"]
        assert tools_for(response_model).specs[0].description == "The weather at a place."

    def test_a_name_in_an_alias_of_a_type_and_the_outermost_of_two(self) -> None:
        named = typing_extensions.TypeAliasType("named", Annotated[Weather, ToolName("inner")])

        assert names(Iterable[named]) == ["inner"]
        assert names(Iterable[Annotated[named, ToolName("outer")]]) == ["outer"]

    def test_one_class_may_be_two_tools(self) -> None:
        assert names([Weather, Annotated[Weather, ToolName("forecast")]]) == ["Weather", "forecast"]

    def test_two_classes_of_one_name_are_told_apart_by_it(self) -> None:
        twin = _CREATE_MODEL("Weather", day=(str, ...))

        assert names([Weather, Annotated[twin, ToolName("other")]]) == ["Weather", "other"]
        with pytest.raises(polycall.ResponseModelError, match=r"same tool name, 'Weather': .*polycall\.ToolName"):
            names([Weather, twin])

    @pytest.mark.parametrize("name", ["", "get weather", "1st", "-a", "a" * 65, "wetter_für", "a\n", "a.b", 5, None])
    def test_a_name_that_some_provider_refuses_is_refused_and_the_rule_said(self, name: Any) -> None:
        with pytest.raises(
            polycall.ResponseModelError, match=r"begins with a letter .* at most 64 characters"
        ) as raised:
            ToolName(name)
        assert repr(name) in str(raised.value)

    @pytest.mark.parametrize("name", ["auto", "required"])
    def test_a_word_of_tool_choice_is_refused(self, name: str) -> None:
        with pytest.raises(polycall.ResponseModelError, match="tool_choice reserves that word"):
            ToolName(name)

    def test_one_name_for_several_tools_is_refused(self) -> None:
        with pytest.raises(polycall.ResponseModelError, match=r"ToolName\('x'\) names .*which is several tools"):
            names(Iterable[Annotated[Weather | Move, ToolName("x")]])

    async def test_the_model_calls_it_by_that_name(self, way: Way, hooks: object) -> None:
        calls = await way.ask(
            reply(call("get_weather", location="Rome")),
            response_model=Iterable[Annotated[Weather, ToolName("get_weather")] | Move],
            tool_choice="get_weather",
        )

        assert list(calls) == [Weather(location="Rome")]
        assert calls.tool_calls[0].name == "get_weather"


class TestMappedNames:
    @pytest.mark.parametrize("pair", [("天気", "検索"), ("Météo", "Mètéo"), ("a b", "a.b"), ("é" * 70, "è" * 70)])
    def test_two_names_that_would_be_the_same_are_two(self, pair: tuple[str, str]) -> None:
        first, second = (_CREATE_MODEL(name, **{f"field_{at}": (int, ...)}) for at, name in enumerate(pair))

        named = names([first, second])
        assert len(set(named)) == 2
        assert all(map(is_legal_name, named))
        assert names([second, first]) == named[::-1], "whatever the order"
        assert [list(tool.schema["properties"]) for tool in tools_for([first, second]).specs] == [  # type: ignore[call-overload]
            ["field_0"],
            ["field_1"],
        ]

    def test_a_legal_name_is_kept_when_another_one_is_mapped_to_it(self) -> None:
        mapped, legal = (_CREATE_MODEL(name, field=(int, ...)) for name in ("M t", "M_t"))

        named = names([mapped, legal])
        assert named[1] == "M_t"
        assert re.fullmatch("M_t_[0-9a-f]{8}", named[0])

    @given(st.lists(st.text(st.characters(), min_size=1, max_size=80), unique=True, max_size=8))
    def test_any_names_become_legal_and_distinct(self, originals: list[str]) -> None:
        named = distinct_names(originals)

        assert len(set(named)) == len(originals)
        assert all(map(is_legal_name, named))
        assert [name for name, original in zip(named, originals, strict=True) if is_legal_name(original)] == [
            original for original in originals if is_legal_name(original)
        ]


class TestListsOfMembers:
    def test_a_list_or_a_tuple_of_members(self) -> None:
        assert names([Weather, Move]) == ["Weather", "Move"]
        assert names((Move | Note, Weather)) == ["Move", "Note", "Weather"]

    def test_tools_are_made_once_for_equal_lists(self) -> None:
        assert tools_for([Weather, SEARCH]) is tools_for([Weather, SEARCH])
        assert tools_for([Weather, SEARCH]) is not tools_for([SEARCH, Weather])
        assert tools_for([Annotated[Weather, ToolName("w")]]) is tools_for([Annotated[Weather, ToolName("w")]])

    def test_a_list_that_grows_is_another_response_model(self) -> None:
        members: list[object] = [Weather]
        before = names(members)
        members.append(Move)

        assert (before, names(members)) == (["Weather"], ["Weather", "Move"])

    def test_a_tool_in_an_annotation(self) -> None:
        assert names(Iterable[SEARCH]) == ["web_search"]  # type: ignore[valid-type]
        assert names(Iterable[Weather | SEARCH]) == ["Weather", "web_search"]  # type: ignore[valid-type]
        assert names(list[SEARCH | Weather]) == ["web_search", "Weather"]  # type: ignore[valid-type]

    @pytest.mark.parametrize(
        ("member", "advice"),
        [
            ("Weather", "A name in quotes cannot be resolved here: write it without quotes."),
            (Weather(location="x"), "Pass the class Weather, not an object of it."),
            (names, "Make a class with its parameters as fields: class names(BaseModel): response_model: object."),
            ({"name": "x"}, "A tool that exists only as JSON Schema is polycall.Tool(name, description, schema)."),
            (object(), "is not a model. Use Iterable[Model]"),
        ],
    )
    def test_a_member_that_is_not_a_model_is_refused_with_advice(self, member: object, advice: str) -> None:
        with pytest.raises(polycall.ResponseModelError, match=re.escape(advice)):
            names([Weather, member])

    def test_nothing(self) -> None:
        with pytest.raises(polycall.ResponseModelError, match=r"For plain text use the provider's own SDK"):
            names(None)


class TestToolsOfJsonSchema:
    def test_the_provider_gets_its_schema_in_todays_spelling(self) -> None:
        (spec,) = tools_for([SEARCH]).specs

        assert (spec.name, spec.description) == ("web_search", "Search the web.")
        assert spec.schema["properties"]["sites"]["items"] == {"$ref": "#/$defs/Site"}  # type: ignore[index]
        assert spec.schema["$defs"] == {"Site": {"type": "object", "properties": {"host": {"type": "string"}}}}
        assert "$schema" not in spec.schema
        assert "definitions" not in spec.schema

    @pytest.mark.parametrize(
        ("given", "made"),
        [
            ({}, {"type": "object", "properties": {}}),
            (
                {
                    "properties": {
                        "a": {
                            "type": "number",
                            "minimum": 0,
                            "exclusiveMinimum": True,
                            "maximum": 1,
                            "exclusiveMaximum": False,
                        },
                        "b": {"items": [{"type": "string"}], "additionalItems": False},
                        "c": {"$ref": "#/properties/a"},
                        "$ref": {"const": {"$ref": "#/x"}},
                    }
                },
                {
                    "type": "object",
                    "properties": {
                        "a": {"type": "number", "exclusiveMinimum": 0, "maximum": 1},
                        "b": {"prefixItems": [{"type": "string"}], "items": False},
                        "c": {"$ref": "#/$defs/a"},
                        "$ref": {"const": {"$ref": "#/x"}},
                    },
                    "$defs": {"a": {"type": "number", "exclusiveMinimum": 0, "maximum": 1}},
                },
            ),
            (
                {
                    "$ref": "#/$defs/Node",
                    "$defs": {"Node": {"type": "object", "properties": {"next": {"$ref": "#/$defs/Node"}}}},
                },
                {
                    "type": "object",
                    "properties": {"next": {"$ref": "#/$defs/Node"}},
                    "$defs": {"Node": {"type": "object", "properties": {"next": {"$ref": "#/$defs/Node"}}}},
                },
            ),
            # OpenAPI's nullable (fastmcp#3744), null for "not said" (senpi#713), draft 3's required in a property.
            (
                {
                    "type": "object",
                    "properties": {
                        "a": {"type": "string", "nullable": True, "description": "A.", "default": None},
                        "b": {"type": "string", "enum": ["x"], "nullable": True, "description": "B."},
                        "c": {"type": None, "required": True},
                        "d": {"type": "integer", "nullable": False, "required": False},
                    },
                    "required": None,
                    "additionalProperties": None,
                },
                {
                    "type": "object",
                    "properties": {
                        "a": {"type": ["string", "null"], "description": "A.", "default": None},
                        "b": {"anyOf": [{"type": "string", "enum": ["x"]}, {"type": "null"}], "description": "B."},
                        "c": {},
                        "d": {"type": "integer"},
                    },
                    "required": ["c"],
                },
            ),
            (
                {
                    "$schema": "http://json-schema.org/draft-07/schema#",
                    "type": "object",
                    "properties": {"a": {"$ref": "#/definitions/A", "type": "integer", "description": "The A."}},
                    "dependencies": {"a": ["b"], "b": {"required": ["c"]}},
                    "definitions": {"A": {"type": "string"}},
                },
                {
                    "type": "object",
                    "properties": {"a": {"$ref": "#/$defs/A", "description": "The A."}},
                    "dependentRequired": {"a": ["b"]},
                    "dependentSchemas": {"b": {"required": ["c"]}},
                    "$defs": {"A": {"type": "string"}},
                },
            ),
            (
                {"type": "object", "properties": {"self": {"$ref": "#"}}},
                {
                    "type": "object",
                    "properties": {"self": {"$ref": "#/$defs/Arguments"}},
                    "$defs": {"Arguments": {"type": "object", "properties": {"self": {"$ref": "#/$defs/Arguments"}}}},
                },
            ),
        ],
    )
    def test_older_spellings_and_references(self, given: dict[str, object], made: dict[str, object]) -> None:
        assert tools_for([Tool("t", None, given)]).specs[0].schema == made

    async def test_its_calls_come_back_decoded_and_are_corrected(self, way: Way, hooks: object) -> None:
        calls = await way.ask(
            reply(
                call("web_search", query="rain", limit=3),
                call("Weather", location="Rome"),
                call("web_search", query="x", limit=11, sites=[{"host": 5}], more=1),
            ),
            reply(call("web_search", query="sun", sites=[{"host": "a.b"}])),
            response_model=[Weather, SEARCH],
        )

        first, second, third = calls
        assert isinstance(first, polycall.ToolCall)
        assert (first.name, first.arguments, first.id) == (
            "web/search",
            {"query": "rain", "limit": 3},
            calls.tool_calls[0].id,
        )
        assert second == Weather(location="Rome")
        assert third.arguments == {"query": "sun", "sites": [{"host": "a.b"}]}
        (told,) = [
            message["content"]
            for message in way.toy.requests[1].messages
            if isinstance(message, dict) and str(message.get("content")).startswith("Error")
        ]
        for reason in (
            "query: the value is shorter than 2 characters (given: 'x')",
            "limit: the value is greater than the maximum of 10 (given: 11)",
            'sites.0.host: the value is not of type "string" (given: 5)',
            "more: Extra inputs are not permitted",
        ):
            assert reason in told

    async def test_what_still_fails_names_the_fields_at_fault(self, way: Way, hooks: object) -> None:
        with pytest.raises(polycall.InvalidCallsError) as raised:
            await way.ask(
                reply(call("web_search", '{"limit": 1}'), call("web_search", "{broken")),
                response_model=[SEARCH],
                max_retries=0,
            )

        missing, broken = raised.value.failures
        assert (missing.reason, set(missing.fields)) == ("query: Field required", {"query"})
        assert broken.reason.startswith("the arguments are not valid JSON")

    async def test_a_list_that_came_as_text_is_repaired_as_for_any_tool(self, way: Way, hooks: object) -> None:
        calls = await way.ask(
            reply(call("web_search", {"query": "rain", "sites": '[{"host": "a.b"}]'})), response_model=[SEARCH]
        )

        assert calls[0].arguments["sites"] == [{"host": "a.b"}]

    @pytest.mark.parametrize(
        ("schema", "error", "message"),
        [
            ("text", polycall.ResponseModelError, "schema must be a JSON Schema as a dict, got str"),
            ({"type": "array"}, polycall.ResponseModelError, "must be an object"),
            (
                {"type": "object", "properties": {"a": {"type": "strin"}}},
                polycall.SchemaError,
                "not a valid JSON Schema",
            ),
            ({"type": "object", "properties": {"a": {"$ref": "#/$defs/x"}}}, polycall.SchemaError, "leads nowhere"),
            (
                {"type": "object", "properties": {"a": {"$ref": "file:///etc/passwd"}}},
                polycall.SchemaError,
                "fetches none",
            ),
            ({"type": "object", "properties": {"a": {"$ref": "#anchor"}}}, polycall.SchemaError, "to an anchor"),
            (DEEP, polycall.SchemaError, "nested too deeply, or holds itself"),
            ({"type": "object", "properties": {"a": {"pattern": "(?<=a"}}}, polycall.SchemaError, "not a valid JSON"),
        ],
    )
    def test_a_schema_that_cannot_be_used(self, schema: Any, error: type[Exception], message: str) -> None:
        with pytest.raises(error, match=message):
            tools_for([Tool("t", None, schema)])

    def test_nothing_is_fetched(self) -> None:
        """jsonschema-rs would follow a reference over HTTP, to wherever a schema of others says."""
        asked: list[str] = []

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                asked.append(self.path)
                self.send_response(200)
                self.end_headers()
                self.wfile.write(b"{}")

        with HTTPServer(("127.0.0.1", 0), Handler) as server:
            thread = Thread(target=server.serve_forever)
            thread.start()
            url = f"http://127.0.0.1:{server.server_port}/schema"
            with pytest.raises(polycall.SchemaError, match="fetches none"):
                tools_for([Tool("t", None, {"type": "object", "properties": {"a": {"$ref": url}}})])
            tools_for([Tool("t", None, {"$schema": url, "type": "object"})])
            server.shutdown()
            thread.join()

        assert asked == []

    def test_a_pattern_of_others_cannot_stop_the_process(self) -> None:
        (tool,) = tools_for(
            [Tool("t", None, {"type": "object", "properties": {"a": {"pattern": r"^(?=(a+)+\1$)(a|aa)+$"}}})]
        ).tools.values()

        with pytest.raises(ValueError, match="a"):
            tool.validate_json(f'{{"a": "{"a" * 60}b"}}')

    def test_without_the_package_the_extra_is_named(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "jsonschema_rs", None)

        with pytest.raises(polycall.ConfigurationError, match=re.escape('pip install "polycall[json-schema]"')):
            tools_for([Tool("t", None, {})])

    @pytest.mark.parametrize("name", ["", None])
    def test_a_tool_without_a_name(self, name: Any) -> None:
        with pytest.raises(polycall.ResponseModelError, match="needs a name"):
            tools_for([Tool(name, None, {})])

    def test_a_tool_may_have_any_other_name(self) -> None:
        named = names([Tool(name, None, {}) for name in ("auto", "files/read", "files.read", "ツール", "a" * 70)])

        assert len(set(named)) == 5
        assert all(map(is_legal_name, named))


class TestMcp:
    @pytest.fixture(params=["the package's", "dicts", "a result", "a decoded reply", "objects of another package"])
    def listed(self, request: pytest.FixtureRequest) -> object:
        plain: list[dict[str, Any]] = [
            {
                "name": "files/read",
                "description": "Read.",
                "inputSchema": {"type": "object", "properties": {"path": {"type": "string"}}, "required": ["path"]},
            },
            {"name": "files.read", "title": "Another", "inputSchema": {"type": "object"}},
        ]
        objects = [mcp_types.Tool.model_validate(one) for one in plain]
        return {
            "the package's": objects,
            "dicts": plain,
            "a result": mcp_types.ListToolsResult(tools=objects),
            "a decoded reply": {"tools": plain, "nextCursor": "x"},
            "objects of another package": [types.SimpleNamespace(**one) for one in plain],
        }[request.param]

    def test_a_servers_tools(self, listed: object) -> None:
        tools = polycall.tools_from_mcp(listed)

        assert [(tool.name, tool.description) for tool in tools] == [("files/read", "Read."), ("files.read", "Another")]
        assert names(tools) == ["files_read_2b733164", "files_read_601e4eb6"]

    async def test_the_servers_name_comes_back(self, way: Way, hooks: object) -> None:
        (tool,) = polycall.tools_from_mcp([{"name": "files/read", "inputSchema": {"type": "object"}}])

        calls = await way.ask(reply(call("files_read", path="/x")), response_model=[tool])

        assert [(one.name, one.arguments) for one in calls] == [("files/read", {"path": "/x"})]

    @pytest.mark.parametrize(
        ("listed", "message"),
        [
            ("files", "takes a list of tools, got str"),
            (5, "takes a list of tools, got int"),
            ([{"name": "a"}], "entry 0 is not a tool with a name and an inputSchema; got dict"),
            ([{"name": "", "inputSchema": {}}], "entry 0 is not a tool"),
            ([{"name": "a", "inputSchema": {}}, {"name": "a", "inputSchema": {}}], "two tools are named 'a'"),
        ],
    )
    def test_what_is_not_a_list_of_tools(self, listed: object, message: str) -> None:
        with pytest.raises(polycall.ResponseModelError, match=message):
            polycall.tools_from_mcp(listed)


def test_the_package_is_not_imported_before_it_is_needed() -> None:
    import subprocess

    program = "import sys, polycall; polycall.Tool; polycall.Client; print('jsonschema_rs' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=Path.cwd())

    assert done.stdout.strip() == "False"
