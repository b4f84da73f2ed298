"""`Calls` and the errors in the Python around them: pickle, copy, json, pydantic, FastAPI, other processes."""

from __future__ import annotations

import copy
import json
import multiprocessing
import pickle
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from pydantic import BaseModel, TypeAdapter, ValidationError

import polycall
from polycall import Calls, ToolCall
from polycall.plugin import CallFailure, Usage
from support.citizens import Search, Weather, continue_elsewhere, raise_there
from support.toy_provider import Hooks, ToyClient, call, make_plugin, reply

Call = Weather | Search
ROME, CUP = Weather(location="Rome"), Search(query="world cup", pages=2)
ASK: list[object] = [{"role": "user", "content": "Weather in Rome, and who won the cup?"}]
REPLY = reply(
    "say Let me see.",
    call("Weather", location="Rome", id="a"),
    call("Search", query="world cup", pages=2, id="b"),
    usage=(5, 7),
)
ATTRIBUTES = (
    *("tool_calls", "text", "reasoning", "usage", "finish_reason", "raw_finish_reason", "provider", "model"),
    *("response_id", "adaptations", "surplus"),
)


def ask(client: polycall.Client, *, max_retries: int = 2, max_calls: int | None = None) -> Calls[Call]:
    return client.create(ASK, Iterable[Call], max_retries=max_retries, max_calls=max_calls)


@pytest.fixture
def calls(make_client: Callable[..., tuple[polycall.Client, ToyClient]]) -> Calls[Call]:
    """The calls of a reply, with everything that a reply can hold."""
    first = reply(
        "say Let me see.",
        call("Weather", location="Rome", id="a"),
        call("Search", query=0, id="b"),
        call("Weather", location="Oslo", id="c"),
        usage=(5, 7),
    )
    correction = reply(call("Search", query="world cup", pages=2, id="d"), usage=(9, 3))
    return ask(make_client(first, correction)[0], max_calls=2)


@pytest.fixture(params=["pickle", "pickle 2", "deepcopy"])
def travel(request: pytest.FixtureRequest) -> Callable[[Any], Any]:
    """What makes another object of an object."""
    if request.param == "deepcopy":
        return copy.deepcopy
    protocol = 2 if request.param == "pickle 2" else pickle.HIGHEST_PROTOCOL
    return lambda value: pickle.loads(pickle.dumps(value, protocol))


@pytest.fixture(scope="module")
def other_process() -> Iterator[ProcessPoolExecutor]:
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        yield pool


class TestCallsTravel:
    def test_with_their_objects_and_every_attribute(self, calls: Calls[Call], travel: Callable[[Any], Any]) -> None:
        arrived = travel(calls)

        assert type(arrived) is Calls
        assert arrived is not calls
        assert arrived == calls == [ROME, CUP]
        assert [type(one) for one in arrived] == [Weather, Search]
        for name in ATTRIBUTES:
            assert getattr(arrived, name) == getattr(calls, name), name
        assert (arrived.usage, arrived.text, len(arrived.surplus)) == (
            Usage(input_tokens=14, output_tokens=10, total_tokens=24),
            "Let me see.",
            1,
        )

    def test_no_attribute_is_forgotten_here(self, calls: Calls[Call]) -> None:
        assert {name for name in vars(calls) if not name.startswith("_")} == set(ATTRIBUTES)

    def test_their_objects_are_copied_too(self, calls: Calls[Call], travel: Callable[[Any], Any]) -> None:
        assert travel(calls)[0] is not calls[0]

    def test_twice(self, calls: Calls[Call], travel: Callable[[Any], Any]) -> None:
        assert travel(travel(calls)).continue_with(["sunny", "Italy"]) == calls.continue_with(["sunny", "Italy"])

    def test_and_their_conversation_continues(self, calls: Calls[Call], travel: Callable[[Any], Any]) -> None:
        assert travel(calls).continue_with(["sunny", "Italy"]) == calls.continue_with(["sunny", "Italy"])

    def test_but_the_raw_response_says_that_it_is_gone(self, calls: Calls[Call], travel: Callable[[Any], Any]) -> None:
        assert isinstance(calls.raw_response, dict)
        for arrived in (travel(calls), travel(travel(calls))):
            with pytest.raises(ValueError, match=r"did not survive pickle or copy.deepcopy; read it from the original"):
                _ = arrived.raw_response

    def test_one_that_was_never_there_is_still_none(self, travel: Callable[[Any], Any]) -> None:
        assert travel(Calls([ROME])).raw_response is None

    def test_a_raw_response_that_was_read_does_not_travel_either(self, calls: Calls[Call]) -> None:
        before = len(pickle.dumps(calls))
        _ = calls.raw_response

        assert len(pickle.dumps(calls)) == before

    def test_calls_that_were_made_by_hand(self, travel: Callable[[Any], Any]) -> None:
        arrived = travel(Calls([ROME], tool_calls=[ToolCall("a", "Weather", {"location": "Rome"})]))

        assert arrived == [ROME]
        with pytest.raises(ValueError, match="made by hand"):
            arrived.continue_with(["sunny"])

    def test_calls_of_a_stream(
        self, make_client: Callable[..., tuple[polycall.Client, ToyClient]], travel: Callable[[Any], Any]
    ) -> None:
        with make_client(REPLY)[0].stream(ASK, Iterable[Call]) as stream:
            first = next(stream)
            early = travel(stream.calls)
            whole = travel(stream.collect())

        assert (early, whole) == ([first], [ROME, CUP])
        assert whole.continue_with(["sunny", "Italy"])

    def test_into_another_process_where_there_is_neither_client_nor_plugin(
        self, calls: Calls[Call], other_process: ProcessPoolExecutor
    ) -> None:
        continued = other_process.submit(continue_elsewhere, calls, ["sunny", "Italy"]).result()

        assert continued[: len(ASK)] == ASK
        results = {
            message["tool_call_id"]: message["content"]
            for message in continued
            if isinstance(message, dict) and message["role"] == "tool"
        }
        assert results["a"] == "sunny"
        assert results["d"] == "Italy"
        assert json.loads(json.dumps(continued)) == continued


class TestCopy:
    def test_a_shallow_copy_is_the_same_object_with_its_raw_response(self, calls: Calls[Call]) -> None:
        assert copy.copy(calls) is calls


# -- errors -----------------------------------------------------------------------------------------------------------

BAD = CallFailure(
    ToolCall("b", "Search", '{"query": 0}', 1), "query: Input should be a valid string", frozenset({"query"})
)
GOOD = Calls(
    [ROME], tool_calls=[ToolCall("a", "Weather", '{"location": "Rome"}')], text="Hm.", usage=Usage(input_tokens=5)
)
ERRORS: list[polycall.PolycallError] = [
    polycall.PolycallError("Something is wrong."),
    polycall.ConfigurationError("timeout: Input should be > 0.", source="polycall.toml", key="profiles.fast.timeout"),
    polycall.ModeError("Mode.PARALLEL_TOOLS does not fit."),
    polycall.ProviderNotFoundError("No provider named 'tot'.", name="tot", installed=["toy", "openai"]),
    polycall.ClientClosedError("It is closed."),
    polycall.UnknownClientError("Nobody recognises it."),
    polycall.PluginError("Plugin 'toy' is broken.", plugin="toy", distribution="polycall-toy 1.0"),
    polycall.ResponseModelError("list[int] is not a model."),
    polycall.MessageError("messages[3]: no role."),
    polycall.SchemaError("Trip.legs[].size", "no form; write something else."),
    polycall.OutputError("Not as it was asked for.", calls=GOOD),
    polycall.InvalidCallsError([BAD], calls=GOOD),
    polycall.NoToolCallsError(calls=GOOD, missing=["Search"]),
    polycall.IncompleteOutputError("Cut off.", calls=GOOD, cut_off=[BAD.tool_call], failures=[BAD]),
    polycall.RefusalError("no", calls=GOOD),
    polycall.ResponseError("JSON was expected.", excerpt="<html>"),
]


def every_class(of: type[polycall.PolycallError] = polycall.PolycallError) -> set[type[polycall.PolycallError]]:
    inner = [every_class(one) for one in of.__subclasses__()]
    return {of, *(one for ones in inner for one in ones if one.__module__.partition(".")[0] == "polycall")}


def state(error: Exception) -> dict[str, object]:
    """Everything that an error carries, also what its calls carry."""
    carried = dict(vars(error))
    if isinstance(error, polycall.OutputError):
        carried |= {f"calls.{name}": getattr(error.calls, name) for name in ATTRIBUTES}
        carried["error.text"] = error.text
    return carried


def assert_same(arrived: BaseException | None, error: Exception) -> None:
    assert arrived is not error
    assert isinstance(arrived, Exception)
    assert type(arrived) is type(error)
    assert arrived.args == error.args
    assert str(arrived) == str(error)
    assert state(arrived) == state(error)


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
class TestErrorsTravel:
    def test_whole(self, error: polycall.PolycallError, travel: Callable[[Any], Any]) -> None:
        assert_same(travel(error), error)
        assert_same(travel(travel(error)), error)

    def test_with_their_notes(self, error: polycall.PolycallError, travel: Callable[[Any], Any]) -> None:
        noted = copy.deepcopy(error)
        noted.add_note("Raised in production.")

        assert travel(noted).__notes__ == ["Raised in production."]

    def test_out_of_a_worker_process(self, error: polycall.PolycallError, other_process: ProcessPoolExecutor) -> None:
        arrived = other_process.submit(raise_there, error).exception(timeout=60)

        assert_same(arrived, error)


class TestEveryErrorTravels:
    def test_there_is_one_of_each_class(self) -> None:
        assert {type(error) for error in ERRORS} == every_class()

    def test_with_the_calls_of_a_real_reply(
        self, make_client: Callable[..., tuple[polycall.Client, ToyClient]], travel: Callable[[Any], Any]
    ) -> None:
        bad = reply(call("Weather", location="Rome", id="a"), call("Search", query=0, id="b"), usage=(5, 7))
        with pytest.raises(polycall.InvalidCallsError) as raised:
            ask(make_client(bad)[0], max_retries=0)

        arrived = travel(raised.value)

        assert_same(arrived, raised.value)
        assert arrived.calls.continue_with(["sunny"]) == raised.value.calls.continue_with(["sunny"])


# -- json -------------------------------------------------------------------------------------------------------------


def contents(continued: Sequence[Any], role: str) -> list[Any]:
    """The contents of the toy's messages of one role."""
    return [message["content"] for message in continued if message["role"] == role]


class TestContinueWith:
    @pytest.mark.parametrize("own_hook", [True, False], ids=["by the plugin", "by the core"])
    def test_the_conversation_is_json_data(self, own_hook: bool) -> None:
        without = () if own_hook else ("polycall_continue_conversation",)
        polycall.register_provider("toy", make_plugin(Hooks(), without=without))
        try:
            calls = ask(polycall.from_client(ToyClient(REPLY), async_client=False))
            continued = calls.continue_with([{"celsius": 20}, ValueError("no network")])
        finally:
            polycall.unregister("toy")

        assert json.loads(json.dumps(continued)) == continued
        assert continued[: len(ASK)] == ASK
        assert "20" in json.dumps(continued[-2])
        assert "ValueError: no network" in json.dumps(continued[-1])

    @pytest.mark.parametrize("results", ["sunny", b"sunny", {"a": "sunny", "b": "Italy"}])
    def test_one_result_in_place_of_the_list_is_a_type_error(self, calls: Calls[Call], results: Any) -> None:
        with pytest.raises(TypeError, match=rf"takes a list .* got {type(results).__name__}; write continue_with\(\["):
            calls.continue_with(results)

    @pytest.mark.parametrize("results", [[], ["sunny"], ["sunny", "Italy", "?"]])
    def test_too_few_or_too_many(self, calls: Calls[Call], results: list[object]) -> None:
        with pytest.raises(ValueError, match=f"one result per call, in order: 2 calls, {len(results)} results"):
            calls.continue_with(results)

    @pytest.mark.parametrize(
        "result",
        [object(), {"client": object()}, [lambda: None], {1: {2: object}}],
        ids=["object", "dict", "list", "?"],
    )
    def test_a_result_that_json_cannot_hold_names_its_place(self, calls: Calls[Call], result: object) -> None:
        with pytest.raises(ValueError, match=r"results\[1\], for the call of Search, cannot be written as JSON"):
            calls.continue_with(["sunny", result])

    @pytest.mark.parametrize(
        ("result", "content"),
        [
            ("sunny", "sunny"),
            ("", ""),
            (20, "20"),
            (None, "null"),
            ([], "[]"),
            ([1, 2], "[1,2]"),
            ({"type": "text", "text": "?"}, '{"type":"text","text":"?"}'),
            (ROME, '{"location":"Rome"}'),
            ([ROME], '[{"location":"Rome"}]'),
            (("a", "b"), '["a","b"]'),
        ],
        ids=str,
    )
    def test_values_are_written_as_json_and_text_stays(self, calls: Calls[Call], result: object, content: str) -> None:
        continued: list[Any] = calls.continue_with(["sunny", result])

        assert contents(continued, "result")[-1] == content

    def test_content_parts_stay_parts(self, calls: Calls[Call]) -> None:
        parts = [
            {"type": "text", "text": "A map:"},
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}},
        ]

        continued: list[Any] = calls.continue_with([parts, "Italy"])

        assert contents(continued, "result")[0] == parts

    def test_parts_beside_something_else_are_a_value(self, calls: Calls[Call]) -> None:
        continued: list[Any] = calls.continue_with([[{"type": "text", "text": "?"}, 5], "Italy"])

        assert json.loads(contents(continued, "result")[0]) == [{"type": "text", "text": "?"}, 5]

    def test_an_exception_is_the_error_of_its_call_alone(self, calls: Calls[Call]) -> None:
        continued: list[Any] = calls.continue_with([TimeoutError("no answer"), "Italy"])

        assert contents(continued, "error")[0] == "TimeoutError: no answer"
        assert contents(continued, "result") == contents(calls.continue_with(["sunny", "Italy"]), "result")[1:]

    def test_any_sequence_of_results_will_do(self, calls: Calls[Call]) -> None:
        assert calls.continue_with(("sunny", "Italy")) == calls.continue_with(["sunny", "Italy"])


# -- pydantic and FastAPI ---------------------------------------------------------------------------------------------

JSON = b'[{"location":"Rome"},{"query":"world cup","pages":2}]'


class Report(BaseModel):
    title: str = "?"
    calls: Calls[Weather]


class TestPydantic:
    adapter: TypeAdapter[Calls[Call]] = TypeAdapter(Calls[Call])

    def test_calls_are_written_as_the_list_of_their_objects(self, calls: Calls[Call]) -> None:
        assert self.adapter.dump_json(calls) == JSON
        assert self.adapter.dump_python(calls) == json.loads(JSON)
        assert TypeAdapter(list[Call]).dump_json(list(calls)) == JSON

    def test_they_are_read_from_it(self) -> None:
        read = self.adapter.validate_json(JSON)

        assert type(read) is Calls
        assert read == [ROME, CUP]
        assert (read.tool_calls, read.usage, read.raw_response) == ((), None, None)
        assert self.adapter.validate_json(self.adapter.dump_json(read)) == read

    @pytest.mark.parametrize("given", [[ROME, CUP], [{"location": "Rome"}, CUP]])
    def test_and_from_python(self, given: list[object]) -> None:
        read = self.adapter.validate_python(given)

        assert type(read) is Calls
        assert read == [ROME, CUP]

    def test_calls_pass_as_they_are(self, calls: Calls[Call]) -> None:
        assert self.adapter.validate_python(calls) is calls

    @pytest.mark.parametrize("given", [b'[{"location": 5}]', b'{"location": "Rome"}', b'"Rome"'])
    def test_what_does_not_fit_is_refused(self, given: bytes) -> None:
        with pytest.raises(ValidationError):
            self.adapter.validate_json(given)

    def test_the_json_schema_is_that_of_a_list(self) -> None:
        for mode in ("validation", "serialization"):
            schema = self.adapter.json_schema(mode=mode)
            assert schema["type"] == "array"
            assert schema["items"] == {"anyOf": [{"$ref": "#/$defs/Weather"}, {"$ref": "#/$defs/Search"}]}

    def test_without_the_type_of_its_objects(self) -> None:
        assert TypeAdapter(Calls).validate_python([1, "a"]) == [1, "a"]
        assert TypeAdapter(Calls).dump_json(Calls([ROME])) == b'[{"location":"Rome"}]'

    def test_as_a_field_of_a_model(self) -> None:
        report = Report(calls=Calls([ROME], text="Hm."))

        assert report.calls.text == "Hm."
        assert report.model_dump() == {"title": "?", "calls": [{"location": "Rome"}]}
        assert report.model_dump_json() == '{"title":"?","calls":[{"location":"Rome"}]}'
        assert Report.model_validate_json(report.model_dump_json()).calls == [ROME]
        assert Report.model_validate({"calls": [{"location": "Rome"}]}).calls == [ROME]
        assert Report.model_json_schema()["properties"]["calls"]["type"] == "array"
        assert pickle.loads(pickle.dumps(report)) == report == report.model_copy(deep=True)

    def test_in_a_value_of_any_type(self, calls: Calls[Call]) -> None:
        assert TypeAdapter(dict[str, Any]).dump_json({"calls": calls}) == b'{"calls":' + JSON + b"}"


app = FastAPI()


@app.get("/calls")
async def as_calls() -> Calls[Weather | Search]:
    return Calls([ROME, CUP], text="Hm.")


@app.get("/list")
def as_list() -> list[Weather | Search]:
    return Calls([ROME, CUP])  # type: ignore[return-value]  # a tuple for a type checker, a list for the client


@app.get("/sequence")
def as_sequence() -> Sequence[Weather | Search]:
    return Calls([ROME, CUP])


@app.get("/bare")
async def without_annotation():  # type: ignore[no-untyped-def]
    return Calls([ROME, CUP])


@app.get("/field")
async def as_field() -> Report:
    return Report(calls=Calls([ROME]))


@app.post("/body")
async def as_body(calls: Calls[Weather | Search]) -> str:
    return f"{type(calls).__name__} {calls!r}"


class TestFastApi:
    client = TestClient(app)

    @pytest.mark.parametrize("path", ["/calls", "/list", "/sequence", "/bare"])
    def test_a_route_that_returns_calls_answers_with_the_list(self, path: str) -> None:
        answer = self.client.get(path)

        assert (answer.status_code, answer.json()) == (200, json.loads(JSON))

    def test_as_a_field(self) -> None:
        assert self.client.get("/field").json() == {"title": "?", "calls": [{"location": "Rome"}]}

    def test_as_a_body(self) -> None:
        answer = self.client.post("/body", json=json.loads(JSON))

        assert (answer.status_code, answer.json()) == (200, f"Calls {Calls([ROME, CUP])!r}")

    def test_the_routes_are_described(self) -> None:
        described = self.client.get("/openapi.json").json()["paths"]["/calls"]["get"]["responses"]["200"]

        assert described["content"]["application/json"]["schema"]["type"] == "array"


# -- a sequence -------------------------------------------------------------------------------------------------------


class TestSequence:
    def test_it_is_one(self, calls: Calls[Call]) -> None:
        assert isinstance(calls, Sequence)
        assert (len(calls), calls[0], calls[-1], list(calls)) == (2, ROME, CUP, [ROME, CUP])
        assert ROME in calls
        assert (calls.index(CUP), calls.count(ROME)) == (1, 1)
        assert list(reversed(calls)) == [CUP, ROME]
        assert bool(calls)
        assert not Calls()

    def test_slices_and_sums_are_plain(self, calls: Calls[Call]) -> None:
        assert calls[:1] == (ROME,)
        assert calls + calls == (ROME, CUP, ROME, CUP)
        assert [*calls, *calls] == [ROME, CUP, ROME, CUP]

    def test_it_equals_lists_and_tuples_of_equal_objects(self, calls: Calls[Call]) -> None:
        assert calls == [ROME, CUP]
        assert calls == (ROME, CUP)
        for other in ([ROME, CUP], (ROME, CUP)):
            assert other == calls
        assert calls == Calls([ROME, CUP])
        assert calls != [CUP, ROME]
        assert calls != [ROME]
        assert calls != "calls"

    def test_it_is_immutable_and_like_a_list_not_hashable(self, calls: Calls[Call]) -> None:
        with pytest.raises(AttributeError, match="Calls are immutable; 'text' cannot be set"):
            calls.text = "?"
        with pytest.raises(TypeError):
            calls[0] = ROME  # type: ignore[index]
        with pytest.raises(AttributeError):
            del calls.text
        with pytest.raises(TypeError, match="unhashable"):
            hash(calls)

    def test_the_calls_of_one_class(self, calls: Calls[Call]) -> None:
        assert calls.of_type(Weather) == [ROME]
        assert calls.of_type(Search) == [CUP]
        assert calls.of_type(BaseModel) == [ROME, CUP]
        assert calls.of_type(dict) == []

    def test_it_shows_its_objects(self, calls: Calls[Call]) -> None:
        assert repr(calls) == f"Calls([{ROME!r}, {CUP!r}])"
