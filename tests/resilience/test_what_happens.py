"""The table 'what happened / what the user gets', for every provider and every way to ask.

``docs/what-happens.md`` says the same in words.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from pydantic import BaseModel
from resilience.providers import BROKEN, Provider, Said, Search, Way, Weather, only

import polycall

A, B, C, D = (Search(query=letter) for letter in "abcd")
TORONTO = ("Weather", {"location": "Toronto"})
IN_TORONTO = Weather(location="Toronto")
BAD = ("Weather", {"location": "Dallas", "units": "stones"})
MENDED = ("Weather", {"location": "Dallas", "units": "imperial"})
IN_DALLAS = Weather(location="Dallas", units="imperial")


def search(query: str) -> tuple[str, dict[str, object]]:
    return ("Search", {"query": query})


class TestGoodReplies:
    async def test_calls_come_typed_in_order_with_all_that_was_said(self, provider: Provider, way: Way) -> None:
        provider.script(Said([TORONTO, search("a"), search("b")], text="Three things."))

        calls = await provider.ask(way)

        assert list(calls) == [IN_TORONTO, A, B]
        assert [call.name for call in calls.tool_calls] == ["Weather", "Search", "Search"]
        assert (calls.text, calls.usage.input_tokens, calls.usage.output_tokens) == ("Three things.", 10, 5)

    async def test_words_alone_are_a_result_where_no_call_is_required(self, provider: Provider, way: Way) -> None:
        provider.script(Said(text="I know it already."))

        calls = await provider.ask(way, tool_choice="auto")

        assert (list(calls), calls.text, provider.asked) == ([], "I know it already.", 1)


class TestCorrections:
    async def test_each_call_gets_its_own_result_and_only_the_bad_one_is_asked_for_again(
        self, provider: Provider, way: Way
    ) -> None:
        """The corrected call takes the place of the bad one; usage is that of both rounds."""
        provider.script(Said([search("a"), BAD, search("b")]), Said([MENDED], usage=(30, 2)))

        calls = await provider.ask(way)

        assert list(calls) == [A, IN_DALLAS, B]
        first, second, third = provider.told(1).results
        assert (first, third) == ("accepted", "accepted")
        assert "units: Input should be 'imperial' or 'metric'" in second
        assert (calls.usage.input_tokens, calls.usage.output_tokens) == (40, 7)

    async def test_several_bad_calls_are_corrected_in_any_order(self, provider: Provider, way: Way) -> None:
        wrong = [("Weather", {"location": city, "units": "stones"}) for city in ("Oslo", "Rome")]
        right = [("Weather", {"location": city, "units": "metric"}) for city in ("Rome", "Oslo")]
        provider.script(Said([wrong[0], search("a"), wrong[1]]), Said(right))

        calls = await provider.ask(way)

        assert list(calls) == [Weather(location="Oslo"), A, Weather(location="Rome")]

    async def test_a_model_that_says_everything_again_adds_nothing(self, provider: Provider, way: Way) -> None:
        provider.script(Said([search("a"), BAD, search("b")]), Said([search("a"), MENDED, search("b")]))

        assert list(await provider.ask(way)) == [A, IN_DALLAS, B]

    async def test_further_calls_are_appended(self, provider: Provider, way: Way) -> None:
        provider.script(Said([BAD, search("a")]), Said([MENDED, search("c"), search("d")]))

        assert list(await provider.ask(way)) == [IN_DALLAS, A, C, D]

    async def test_a_reply_with_fewer_is_asked_for_the_rest(self, provider: Provider, way: Way) -> None:
        provider.script(Said([BAD, ("Search", {}), search("b")]), Said([MENDED]), Said([search("a")]))

        calls = await provider.ask(way)

        assert list(calls) == [IN_DALLAS, A, B]
        told = provider.told(2)
        assert list(told.results) == ["accepted"]
        assert "still need a correction: Search" in (told.note or "")

    async def test_a_name_that_is_no_tool_is_answered_like_a_bad_call(self, provider: Provider, way: Way) -> None:
        provider.script(Said([search("a"), ("Stocks", {"symbol": "ACME"})]), Said([search("b")]))

        calls = await provider.ask(way)

        assert list(calls) == [A, B]
        assert "no tool named 'Stocks'; the tools are: Weather, Search" in provider.told(1).results[1]

    @only("openai", "toy")  # Gemini's protocol carries objects only
    async def test_arguments_that_are_no_object_are_answered_like_bad_ones(self, provider: Provider, way: Way) -> None:
        provider.script(Said([search("a"), ("Search", BROKEN)]), Said([search("b")]))

        assert list(await provider.ask(way)) == [A, B]
        assert provider.told(1).results[0] == "accepted"

    async def test_no_call_though_one_is_required_is_asked_again(self, provider: Provider, way: Way) -> None:
        provider.script(Said(text="Well..."), Said([search("a")], text="Sorry."))

        calls = await provider.ask(way)

        assert list(calls) == [A]
        assert "did not call a tool" in (provider.told(1).note or "")

    @pytest.mark.parametrize("max_retries", [0, 1, 3])
    async def test_no_more_corrections_than_max_retries(self, provider: Provider, way: Way, max_retries: int) -> None:
        provider.script(*[Said([search("a"), BAD])] * (max_retries + 1))

        with pytest.raises(polycall.InvalidCallsError) as caught:
            await provider.ask(way, max_retries=max_retries)

        assert provider.asked == max_retries + 1
        assert list(caught.value.calls) == [A]
        [failure] = caught.value.failures
        assert failure.tool_call.name == "Weather"
        assert "units: Input should be 'imperial' or 'metric'" in failure.reason


class TestErrorsKeepTheGoodCalls:
    async def test_nine_good_calls_and_a_bad_one(self, provider: Provider, way: Way) -> None:
        good = [search(letter) for letter in "abcdefghi"]
        provider.script(Said([*good[:4], ("Stocks", {"n": 1}), *good[4:]]))

        with pytest.raises(polycall.InvalidCallsError) as caught:
            await provider.ask(way, max_retries=0)

        assert [call.query for call in caught.value.calls] == list("abcdefghi")
        assert [failure.tool_call.name for failure in caught.value.failures] == ["Stocks"]

    async def test_no_call_in_the_end(self, provider: Provider, way: Way) -> None:
        provider.script(Said(text="No."))

        with pytest.raises(polycall.NoToolCallsError) as caught:
            await provider.ask(way, max_retries=0)

        assert (caught.value.text, list(caught.value.calls)) == ("No.", [])

    async def test_cut_off_by_the_length_limit(self, provider: Provider, way: Way) -> None:
        provider.script(Said([search("a"), search("b"), search("c")], end="length"))

        with pytest.raises(polycall.IncompleteOutputError, match="length limit") as caught:
            await provider.ask(way)

        assert list(caught.value.calls) == [A, B]
        assert provider.asked == 1

    async def test_cut_off_in_a_correction(self, provider: Provider, way: Way) -> None:
        provider.script(Said([search("a"), BAD]), Said([MENDED, search("c")], end="length"))

        with pytest.raises(polycall.IncompleteOutputError) as caught:
            await provider.ask(way)

        assert list(caught.value.calls) == [A, IN_DALLAS]

    @only(streamed=True)
    async def test_a_stream_without_a_sign_of_its_end(self, provider: Provider, way: Way) -> None:
        provider.script(Said([search("a"), search("b"), search("c")], end="missing"))

        with pytest.raises(polycall.IncompleteOutputError, match="without any sign") as caught:
            await provider.ask(way)

        assert list(caught.value.calls) == [A, B]

    async def test_refused(self, provider: Provider, way: Way) -> None:
        provider.script(Said(text="against the rules", end="refused"))

        with pytest.raises(polycall.RefusalError) as caught:
            await provider.ask(way)

        assert "against the rules" in caught.value.reason
        assert provider.asked == 1

    async def test_not_the_protocol(self, provider: Provider, way: Way) -> None:
        provider.script(type(provider).not_the_protocol)

        with pytest.raises(polycall.ResponseError) as caught:
            await provider.ask(way)

        assert list(caught.value.calls) == []

    async def test_not_the_protocol_in_a_correction(self, provider: Provider, way: Way) -> None:
        provider.script(Said([search("a"), BAD]), type(provider).not_the_protocol)

        with pytest.raises(polycall.ResponseError) as caught:
            await provider.ask(way)

        assert list(caught.value.calls) == [A]

    async def test_what_the_sdk_documents_passes_unwrapped(self, provider: Provider, way: Way) -> None:
        expected, reply = type(provider).rate_limited
        provider.script(reply)

        with pytest.raises(expected) as caught:
            await provider.ask(way)

        assert type(caught.value) is expected


class TestBeforeAnyRequest:
    @only("openai", "vertex-genai", "vertex-rest", "vertex-grpc")  # the toy takes every schema
    async def test_a_type_that_the_schema_cannot_express(self, provider: Provider, way: Way) -> None:
        class Odd(BaseModel):
            pairs: list[Callable[[int], int]]

        with pytest.raises(polycall.SchemaError) as caught:
            await provider.ask(way, response_model=list[Odd])

        assert caught.value.path.startswith("Odd")
        assert provider.asked == 0

    @only("openai", "vertex-genai", "vertex-rest", "vertex-grpc")
    async def test_a_wrong_mode(self, provider: Provider, way: Way) -> None:
        provider.settings = {"mode": "sideways"}

        with pytest.raises(polycall.ModeError, match=r"Mode\.PARALLEL_TOOLS"):
            await provider.ask(way)

        assert provider.asked == 0
