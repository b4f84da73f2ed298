"""``--tools`` and ``--schema``: the user's own classes, and tools as JSON."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from support.command import Run

TARGET = ("render", "--provider", "openai/gpt-4o")


@pytest.fixture(autouse=True)
def key(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-the-test-123")


def rendered(run: Run, *arguments: str) -> list[dict[str, object]]:
    """The tools of the request."""
    result = run(*TARGET, *arguments)
    assert result.status == 0, result.err
    return [tool["function"] for tool in json.loads(result.out)["body"]["tools"]]


def names(run: Run, *arguments: str) -> list[object]:
    return [tool["name"] for tool in rendered(run, *arguments)]


def refusal(run: Run, *arguments: str, status: int = 2) -> str:
    """The message of an error."""
    result = run(*TARGET, *arguments)
    assert (result.status, result.out) == (status, "")
    assert "Traceback" not in result.err
    return result.err


class TestModels:
    @pytest.mark.parametrize(
        ("given", "expected"),
        [
            (["app.models:Weather"], ["Weather"]),
            (["app.models:Weather,Search"], ["Weather", "Search"]),
            (["app.models:Weather", "app.models:ping"], ["Weather", "ping"]),
            (["app.models:BOTH"], ["Weather", "Search"]),
            (["app.models:MODEL"], ["Weather", "find"]),
            (["app/models.py:Note"], ["Note"]),
            (["app.models"], ["Weather", "Search", "Note", "ping"]),
            (["app.models:Search", "app.models"], ["Search", "Weather", "Note", "ping"]),
        ],
        ids=" ".join,
    )
    def test_they_are_named_or_all_of_a_module(self, run: Run, given: list[str], expected: list[str]) -> None:
        assert names(run, *(part for one in given for part in ("--tools", one))) == expected

    def test_a_module_alone_means_what_it_lists_in_all_or_defines_itself(self, run: Run, project: Path) -> None:
        (project / "listed.py").write_text("from app.models import *\n__all__ = ['Search', 'Weather']\n")
        (project / "defined.py").write_text(
            "from app.models import Weather\nfrom pydantic import BaseModel\nclass Own(BaseModel):\n    a: int\n"
        )

        assert names(run, "--tools", "listed") == ["Search", "Weather"]
        assert names(run, "--tools", "defined") == ["Own"]

    def test_a_module_without_models_says_what_it_imports(self, run: Run, project: Path) -> None:
        (project / "empty.py").write_text("")
        (project / "borrowed.py").write_text("from app.models import Weather\n")

        assert refusal(run, "--tools", "empty") == (
            "error: --tools empty: it defines no models.\n"
            "hint:  A tool is a pydantic model, a dataclass, a TypedDict or a polycall.Tool.\n"
        )
        assert "It imports Weather: name them, borrowed:Weather." in refusal(run, "--tools", "borrowed")

    @pytest.mark.parametrize(
        ("given", "said"),
        [
            ("app.models:Wether", "error: --tools app.models: there is no 'Wether' in it. Did you mean 'Weather'?"),
            ("app.models:", "error: --tools app.models:: write --tools app.models:Weather, or a module alone."),
            ("nothing.there", "error: --tools nothing.there: there is no module 'nothing'."),
            ("app.model", "error: --tools app.model: there is no module 'app.model'."),
            ("app.models.Weather", "hint:  For a class of a module write --tools app.models:Weather."),
            ("app/models", "hint:  To name a file, write --tools app/models.py."),
            ("app/nothing.py", "error: --tools app/nothing.py: there is no such file."),
            ("app.models:Units", "is not a model"),
            ("app.models:NUMBER", "error: "),
        ],
    )
    def test_a_name_that_is_not_there_is_a_line_with_the_next_step(self, run: Run, given: str, said: str) -> None:
        assert said in refusal(run, "--tools", given)

    @pytest.mark.parametrize(
        ("source", "said"),
        [
            ("import nothing_at_all", "line 1: ModuleNotFoundError: No module named 'nothing_at_all'"),
            ("x = 1\n1 / 0", "line 2: ZeroDivisionError: division by zero"),
            ("def f(:\n", "line 1: SyntaxError: invalid syntax"),
            ("raise SystemExit(3)", "line 1: SystemExit: 3"),
            ("class A:\n    a: Missing", "line 2: NameError: name 'Missing' is not defined"),
        ],
    )
    def test_an_error_of_the_users_module_is_shown_as_theirs(
        self, run: Run, project: Path, source: str, said: str
    ) -> None:
        (project / "broken.py").write_text(source)

        assert refusal(run, "--tools", "broken", status=1).startswith(f"error: broken.py, {said}")

    def test_what_a_module_prints_is_not_a_result(self, run: Run, project: Path) -> None:
        (project / "loud.py").write_text("print('I am loud')\nfrom app.models import *\n__all__ = ['Search']\n")

        result = run(*TARGET, "--tools", "loud")

        assert result.err == "I am loud\n"
        assert isinstance(result.json, dict)

    def test_no_tools_at_all_is_an_error_with_both_ways(self, run: Run) -> None:
        assert refusal(run) == (
            "error: No tools are named.\nhint:  Write --tools app.models:Weather, or --schema tools.json.\n"
        )


ARGUMENTS = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
BARE = {"name": "weather", "description": "The weather."}
FORMS = {
    "OpenAI chat": [{"type": "function", "function": {**BARE, "parameters": ARGUMENTS}}],
    "OpenAI responses": [{"type": "function", **BARE, "parameters": ARGUMENTS}],
    "OpenAI functions": [{**BARE, "parameters": ARGUMENTS}],
    "a request of OpenAI": {
        "model": "m",
        "tools": [{"type": "function", "function": {**BARE, "parameters": ARGUMENTS}}],
    },
    "Anthropic": [{**BARE, "input_schema": ARGUMENTS}],
    "MCP": {"tools": [{**BARE, "inputSchema": ARGUMENTS}]},
    "MCP over JSON-RPC": {"jsonrpc": "2.0", "id": 1, "result": {"tools": [{**BARE, "inputSchema": ARGUMENTS}]}},
    "Gemini": {"tools": [{"functionDeclarations": [{**BARE, "parameters": ARGUMENTS}]}]},
    "one tool": {**BARE, "parameters": ARGUMENTS},
    "the schema of a model": {"title": "weather", "description": "The weather.", **ARGUMENTS},
}


class TestSchemas:
    @pytest.mark.parametrize("form", FORMS)
    def test_every_form_of_a_list_of_tools_is_the_same_tool(self, run: Run, project: Path, form: str) -> None:
        (project / "tools.json").write_text(json.dumps(FORMS[form]))

        (tool,) = rendered(run, "--schema", "tools.json")

        assert (tool["name"], tool["description"]) == ("weather", "The weather.")
        parameters = tool["parameters"]
        assert isinstance(parameters, dict)
        assert parameters["properties"] == ARGUMENTS["properties"]

    def test_they_stand_beside_models(self, run: Run, project: Path) -> None:
        (project / "tools.json").write_text(json.dumps(FORMS["MCP"]))

        assert names(run, "--tools", "app.models:Search", "--schema", "tools.json") == ["Search", "weather"]

    @pytest.mark.parametrize(
        ("content", "said"),
        [
            ("", "not JSON (line 1, column 1)"),
            ("{}", "something in it is not a tool"),
            ("[]", "there are no tools in it"),
            ('[{"type": "web_search"}]', "a tool of type 'web_search' is one that the provider's server runs itself"),
            ('[{"name": "a"}, {"name": "a"}]', "two tools are named 'a'"),
            ('["weather"]', "something in it is not a tool"),
        ],
    )
    def test_another_file_is_an_error_that_names_it(self, run: Run, project: Path, content: str, said: str) -> None:
        (project / "tools.json").write_text(content)

        assert refusal(run, "--schema", "tools.json").startswith(f"error: --schema tools.json: {said}")

    def test_a_file_that_is_not_there_is_an_error_too(self, run: Run) -> None:
        assert refusal(run, "--schema", "no.json") == (
            "error: --schema no.json: No such file or directory.\nhint:  Check the path.\n"
        )


def test_the_names_of_options_are_checked_before_anything_else(run: Run) -> None:
    wrong = {
        ("-o", "temperature"): r"-o takes NAME=VALUE, got 'temperature'\.",
        ("-o", "a=1", "-o", "a=2"): r"-o a is given twice\.",
        ("-o", "max_retries=1"): r"-o max_retries is an option of its own\.\nhint:  Write --max-retries\.",
        ("-s", "api_key=sk-1234567890"): r"-s api_key: a secret on the command line is seen by every user",
        ("-p", "fast"): r"--provider and -p/--profile exclude each other\.",
    }

    for arguments, said in wrong.items():
        message = refusal(run, "--tools", "app.models:Search", *arguments)
        assert re.match(f"error: {said}", message), message
        assert "sk-1234567890" not in message
