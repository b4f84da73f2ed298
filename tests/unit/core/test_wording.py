"""``polycall_wording`` replaces every word that the core tells the model."""

from __future__ import annotations

import dataclasses
import pickle
import string
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, field_validator
from unit.core.conftest import Extend, Provide, Way

import polycall
from polycall.plugin import Reply, Request, ToolCall, Wording, hookimpl
from support.toy_provider import call, reply


class Weather(BaseModel):
    location: str
    degrees: float = 0.0
    many: list[int] = []

    @field_validator("location")
    @classmethod
    def look_up(cls, location: str) -> str:
        if location == "Atlantis":
            raise LookupError("it sank")
        if location == "Droste":
            raise RecursionError
        return location


class Search(BaseModel):
    query: str


MODEL = Iterable[Weather | Search]
SAY_ROME, SAY_OSLO = call("Weather", location="Rome"), call("Weather", location="Oslo")
SAY_CUP, BAD_CUP = call("Search", query="cup"), call("Search", query=5)


def strange(name: str, template: str) -> str:
    """A template that nobody takes for the core's own: the word's name, then its values."""
    values = [f"{{{value}}}" for _, value, _, _ in string.Formatter().parse(template) if value]
    return f"⟨{name}⟩{' | '.join(values)}"


STRANGE = Wording(**{field.name: strange(field.name, str(field.default)) for field in dataclasses.fields(Wording)})
TRIED_ELSEWHERE = {"unreadable_wrapper", "nameless_call", "key_twice", "too_exact"}
"""Told by plugins, or of arguments that another test has."""
WHY_CUP = "query: Input should be a valid string⟨given⟩5"


@pytest.fixture(autouse=True)
def _replace_words(extend: Extend) -> None:
    @hookimpl
    def polycall_wording() -> Wording:
        return STRANGE

    extend("words", polycall_wording=polycall_wording)


def told(way: Way) -> list[str]:
    """What the model was told in the last request, after its own turn."""
    *_, last = way.toy.requests
    contents: list[str] = []
    for message in reversed(last.messages):
        assert isinstance(message, dict)
        if message["role"] == "model":
            break
        contents.insert(0, message["content"])
    return contents


@pytest.mark.usefixtures("hooks")
class TestEachOfTheWords:
    @pytest.mark.parametrize(
        ("script", "arguments", "words"),
        [
            ([reply(SAY_ROME, BAD_CUP), reply(SAY_CUP)], {}, ["⟨accepted⟩", f"⟨failed⟩{WHY_CUP}"]),
            ([reply("say Hm."), reply(SAY_ROME)], {}, ["⟨no_call⟩⟨only_tools⟩Weather, Search"]),
            ([reply("say Hm."), reply(SAY_ROME)], {"tool_choice": "Weather"}, ["⟨no_call⟩⟨only_tools⟩Weather"]),
            (
                [reply(BAD_CUP), reply("say Hm."), reply(SAY_CUP)],
                {},
                [f"⟨no_call⟩⟨still_failing⟩Search: {WHY_CUP} | Weather, Search"],
            ),
            (
                [reply(SAY_ROME), reply(SAY_CUP)],
                {"tool_choice": ["Search"]},
                ["⟨accepted⟩", "⟨still_missing⟩Search"],
            ),
            (
                [reply(call("Wether")), reply(SAY_ROME)],
                {},
                ["⟨failed_name⟩⟨unknown_tool⟩Wether | Weather, Search"],
            ),
            (
                [reply(SAY_CUP), reply(SAY_ROME)],
                {"tool_choice": "Weather"},
                ["⟨failed_name⟩⟨wrong_tool⟩Weather | Search"],
            ),
            (
                [reply(BAD_CUP, SAY_ROME), reply(SAY_CUP)],
                {"max_calls": 1},
                [f"⟨failed⟩{WHY_CUP}", "⟨too_many⟩1"],
            ),
            (
                [reply(call("Search", "<query>")), reply(SAY_CUP)],
                {},
                ["⟨failed⟩⟨not_json⟩expected value at line 1 column 1"],
            ),
            (
                [reply(call("Weather", '{"location": "Rome", "degrees": NaN}')), reply(SAY_ROME)],
                {},
                ["⟨failed⟩⟨not_json⟩⟨not_a_json_value⟩NaN"],
            ),
            (
                [reply(call("Weather", '{"location": "Rome", "degrees": 1e999}')), reply(SAY_ROME)],
                {},
                ["⟨failed⟩⟨not_json⟩⟨out_of_range⟩1e999"],
            ),
            (
                [reply(call("Weather", location="Atlantis")), reply(SAY_ROME)],
                {},
                ["⟨failed⟩⟨validator_raised⟩LookupError | it sank"],
            ),
            ([reply(call("Weather", location="Droste")), reply(SAY_ROME)], {}, ["⟨failed⟩⟨too_deep⟩"]),
        ],
    )
    async def test_is_told_in_a_correction(
        self, way: Way, script: list[str], arguments: dict[str, object], words: list[str]
    ) -> None:
        await way.ask(*script, response_model=MODEL, **arguments)

        assert told(way) == words

    async def test_of_a_garbled_repetition(self, way: Way) -> None:
        garbled = call("Weather", '{"location": "Rome"')
        await way.ask(
            reply(SAY_ROME, BAD_CUP), reply(garbled, BAD_CUP), reply(SAY_CUP), response_model=MODEL, max_retries=2
        )

        assert told(way) == ["⟨repeated⟩", f"⟨failed⟩{WHY_CUP}"]

    async def test_the_end_of_a_long_list(self, way: Way) -> None:
        await way.ask(reply(call("Weather", location="Rome", many=["x"] * 15)), reply(SAY_ROME), response_model=MODEL)

        assert told(way)[0].endswith("; ⟨more_problems⟩5")

    async def test_the_answers_when_the_conversation_goes_on(self, way: Way) -> None:
        calls = await way.ask(
            reply(SAY_OSLO, BAD_CUP, SAY_ROME), reply(SAY_OSLO, SAY_CUP), max_calls=2, response_model=MODEL
        )

        for continued in (calls, pickle.loads(pickle.dumps(calls))):
            messages: list[Any] = continued.continue_with(["4", "1:0"])
            contents = [message["content"] for message in messages if "id" in message]
            assert contents == ["4", f"⟨failed⟩{WHY_CUP}", "⟨too_many⟩2", "⟨accepted⟩", "1:0"]


class TestOfStructures:
    """What only a protocol that carries structures can bring about."""

    async def ask(self, way: Way, provide: Provide, arguments: dict[str, Any]) -> list[str]:
        @hookimpl
        def polycall_extract_reply(request: Request) -> Reply:
            return Reply(tool_calls=[ToolCall("1", "Search", arguments if request.round == 0 else {"query": "cup"})])

        provide(
            polycall_extract_reply=polycall_extract_reply,
            without=["polycall_open_stream", "polycall_open_stream_async"],
        )
        await way.ask("", "", response_model=MODEL)
        return told_of_default(way)

    async def test_that_json_cannot_hold(self, way: Way, provide: Provide) -> None:
        (told,) = await self.ask(way, provide, {"query": object()})

        assert told.startswith("⟨failed⟩⟨not_writable⟩")

    async def test_a_problem_that_the_plugin_found_is_in_its_words(self, way: Way, provide: Provide) -> None:
        seen: list[Wording] = []

        @hookimpl
        def polycall_extract_reply(request: Request) -> Reply:
            seen.append(request.wording)
            problem = request.wording.not_json.format(problem="!") if request.round == 0 else None
            return Reply(tool_calls=[ToolCall("1", "Search", '{"query": "cup"}', problem=problem)])

        provide(
            polycall_extract_reply=polycall_extract_reply,
            without=["polycall_open_stream", "polycall_open_stream_async"],
        )
        await way.ask("", "", response_model=MODEL)

        assert seen == [STRANGE, STRANGE]
        assert told_of_default(way) == ["⟨failed⟩⟨not_json⟩!"]


def told_of_default(way: Way) -> list[str]:
    *_, last = way.toy.requests[-1].messages
    assert isinstance(last, dict)
    return [last["content"]]


def test_every_word_is_tried_here() -> None:
    """A word that is added to `Wording` needs a test."""
    source = Path(__file__).read_text(encoding="utf-8")
    untried = {field.name for field in dataclasses.fields(Wording) if f"⟨{field.name}⟩" not in source}

    assert untried == TRIED_ELSEWHERE


class TestTheHook:
    async def test_a_part_of_the_words_may_be_replaced(self, way: Way, extend: Extend, hooks: object) -> None:
        @hookimpl
        def polycall_wording() -> Wording:
            return dataclasses.replace(Wording(), accepted="ok")

        extend("a", polycall_wording=polycall_wording)
        await way.ask(reply(SAY_ROME, BAD_CUP), reply(SAY_CUP), response_model=MODEL)

        assert told(way)[0] == "ok"
        assert told(way)[1].startswith("Error: query: Input should be a valid string (given: 5). Call this tool again")

    async def test_an_extension_comes_before_the_provider(self, way: Way, provide: Provide) -> None:
        @hookimpl
        def polycall_wording() -> Wording:
            return Wording(accepted="the provider's")

        provide(polycall_wording=polycall_wording)
        await way.ask(reply(SAY_ROME, BAD_CUP), reply(SAY_CUP), response_model=MODEL)

        assert told(way)[0] == "⟨accepted⟩"

    def test_anything_else_is_a_plugin_error(self, extend: Extend, hooks: object) -> None:
        @hookimpl
        def polycall_wording() -> object:
            return {"accepted": "ok"}

        extend("a", polycall_wording=polycall_wording)
        with pytest.raises(polycall.PluginError, match="returned a dict from polycall_wording; a Wording is due"):
            polycall.from_provider("toy/m")
