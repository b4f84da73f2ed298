"""Strategies of other distributions: found by their entry points, told apart by name, imported when asked for."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import polycall_llamacpp_split
from polycall import ConfigurationError, PluginError
from polycall.plugin import Adaptation, Request, ToolSpec, read_messages
from polycall_llamacpp import LlamaSettings
from polycall_llamacpp._installed import check_strategy, find_strategy, require_strategy
from polycall_llamacpp._request.tools import render_tools
from polycall_llamacpp._session import Session

WEATHER = ToolSpec("Weather", None, {"type": "object", "properties": {"place": {"type": "string"}}})
QUESTION: dict[str, object] = {"role": "user", "content": "What is the weather in Rome?"}


@pytest.fixture(autouse=True)
def looked_up_anew() -> Iterator[None]:
    find_strategy.cache_clear()
    yield
    find_strategy.cache_clear()


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that Python imports from, as of further installed distributions."""
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


def install(site: Path, distribution: str, strategy: str, module: str, code: str = "") -> None:
    """What an installer leaves behind."""
    folder = site / f"{distribution}-1.0.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.0\n")
    (folder / "entry_points.txt").write_text(f"[polycall_llamacpp.strategies]\n{strategy} = {module}\n")
    (site / f"{module}.py").write_text(code)


def request(*, round_: int = 0, tool_choice: str = "required") -> Request:
    return Request(
        provider="llamacpp",
        model="smollm2",
        messages=[QUESTION],
        tools=(WEATHER,),
        tool_payload=None,
        tool_choice=tool_choice,
        strict=None,
        options={},
        round=round_,
    )


def test_a_strategy_is_found_by_the_name_of_its_entry_point(site: Path) -> None:
    install(site, "acme_strategies", "guess", "acme_guess")

    strategy = require_strategy("guess")

    assert getattr(strategy, "__name__", None) == "acme_guess"
    assert require_strategy("guess") is strategy


def test_an_unknown_one_is_told_with_all_that_there_are_when_the_client_is_made(site: Path) -> None:
    install(site, "acme_strategies", "guess", "acme_guess")

    with pytest.raises(ConfigurationError) as caught:
        Session(LlamaSettings(strategy="gess"), "smollm2")

    assert caught.value.key == "strategy"
    assert str(caught.value) == "There is no strategy 'gess'. Known: auto, constrained, guess, native, split."


@pytest.mark.parametrize("name", ["auto", "native", "constrained", "split"])
def test_the_names_of_the_documentation_are_known(name: str) -> None:
    check_strategy(name)


def test_one_that_cannot_be_imported_is_told_with_its_distribution(site: Path) -> None:
    install(site, "acme_strategies", "broken", "acme_broken", "import a_module_that_is_not_there")

    with pytest.raises(PluginError, match=r"'broken' \(acme_strategies\) cannot be imported: ModuleNotFoundError"):
        require_strategy("broken")


def test_two_distributions_with_one_name_are_told(site: Path) -> None:
    install(site, "acme_strategies", "guess", "acme_guess")
    install(site, "other_strategies", "guess", "other_guess")

    with pytest.raises(PluginError, match=r"'guess': acme_strategies, other_strategies\. Uninstall all but one\."):
        require_strategy("guess")


TOOLS = render_tools([WEATHER], "required", "split", []).payload


def render(messages: list[object], request: Request) -> dict[str, object] | None:
    return polycall_llamacpp_split.render(read_messages(messages, provider="llamacpp"), TOOLS, request)


class TestSplitting:
    def test_it_answers_a_question(self) -> None:
        asked = request()

        assert render([QUESTION], asked) == {"question": "What is the weather in Rome?", "tools": ["Weather"]}
        assert asked.adaptations == []

    def test_messages_that_it_does_not_read_are_told(self) -> None:
        asked = request()

        assert render([{"role": "system", "content": "Be kind."}, QUESTION], asked) is not None
        assert asked.adaptations == [
            Adaptation(setting="messages", kind="dropped", reason="The strategy 'split' reads the last message only.")
        ]

    @pytest.mark.parametrize("other", [request(round_=1), request(tool_choice="auto")], ids=["correction", "auto"])
    def test_it_leaves_corrections_and_free_choices_to_another_strategy(self, other: Request) -> None:
        assert render([QUESTION], other) is None

    @pytest.mark.parametrize(
        "messages",
        [
            [{"role": "system", "content": "x"}],
            [{"role": "user", "content": " "}],
            [{"role": "tool", "name": "Weather", "content": "21 degrees"}],
        ],
    )
    def test_it_needs_a_question(self, messages: list[object]) -> None:
        assert render(messages, request()) is None
