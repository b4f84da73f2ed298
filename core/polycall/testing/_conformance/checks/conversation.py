"""Group G: the model is told what became of its calls, each result with its call."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from typing import Any

from polycall.testing._conformance.answers import Answer, Call, Reasoning, Text, Told, ToldMessage, answer
from polycall.testing._conformance.checks.extraction import BOWL, DALLAS, THREE, TORONTO
from polycall.testing._conformance.checks_table import check
from polycall.testing._conformance.trial import MESSAGES, Search, Trial

HOOK = "polycall_render_request"
BAD: tuple[str, dict[str, object]] = ("Weather", {"location": "Dallas", "units": "kelvin"})


def _ids_of(messages: list[ToldMessage]) -> list[str | None]:
    return [one.call_id for one in messages]


def _last_turn(told: Told) -> list[Any]:
    turns = [one for one in told.messages if one.role == "assistant"]
    assistant = [at for at, one in enumerate(told.messages) if one.role == "assistant"]
    last = [one for at, one in zip(assistant, turns, strict=True) if not _parted(told, at, assistant[-1])]
    return [call for one in last for call in one.calls]


def _parted(told: Told, start: int, end: int) -> bool:
    return any(one.role != "assistant" for one in told.messages[start:end])


def _check_results(t: Trial, told: Told, texts: list[str] | None = None) -> list[ToldMessage]:
    """One result for each call of the last turn, in its order."""
    calls, results = _last_turn(told), told.results
    t.equal(len(results), len(calls), "the number of results", HOOK)
    if t.double.has("ids"):
        t.equal(_ids_of(results), [call.id for call in calls], "the ids of the results", HOOK)
    if texts is not None:
        for result, text in zip(results, texts, strict=True):
            t.true(text in result.text, f"a result {result.text!r}", f"one with {text!r}")
    return results


async def _continued(t: Trial, first: Answer, results: list[object], **options: Any) -> Told:
    calls = await t.ask(first)
    await t.ask(answer(BOWL), messages=calls.continue_with(results), **options)
    return t.told[-1]


@check("G01 one_result_per_call", hook=HOOK)
async def one_result_per_call(t: Trial) -> None:
    """Each call of a turn has one result, in the same order, with the same id."""
    told = await _continued(t, answer(TORONTO, BOWL, DALLAS), ["sunny", "lions", "hail"])
    _check_results(t, told, ["sunny", "lions", "hail"])


@check("G02 accepted_and_error_results", hook=HOOK)
async def accepted_and_error_results(t: Trial) -> None:
    """In a correction only the bad call carries an error; the others are told that they were accepted."""
    await t.ask(answer(TORONTO, BAD, BOWL), answer(DALLAS), max_retries=1)
    results = _check_results(t, t.told[1])
    t.true("units" in results[1].text, f"the result {results[1].text!r}", "what is wrong with 'units'")
    t.true(not any("units" in results[at].text for at in (0, 2)), "an error for a good call", "no error")
    if results[1].is_error is not None:
        t.equal([one.is_error for one in results], [False, True, False], "the marks of errors")


@check("G03 same_tool_good_and_bad", hook=HOOK)
async def same_tool_good_and_bad(t: Trial) -> None:
    """A good and a bad call of the same tool are told apart, by id or by order."""
    calls = await t.ask(answer(TORONTO, BAD), answer(DALLAS), max_retries=1)
    t.equal(list(calls), THREE[:2], "the objects")
    results = _check_results(t, t.told[1])
    t.equal(["units" in one.text for one in results], [False, True], "the results with an error")


@check("G04 corrected_call_takes_its_place", hook="polycall_extract_reply")
async def corrected_call_takes_its_place(t: Trial) -> None:
    """A corrected call stands where the bad one stood."""
    calls = await t.ask(answer(TORONTO, BAD, BOWL), answer(DALLAS), max_retries=1)
    t.equal(list(calls), THREE, "the objects")


@check("G05 omitted_correction_gets_note", hook=HOOK)
async def omitted_correction_gets_note(t: Trial) -> None:
    """A correction that the model leaves out is asked for again; the note reaches the model, after the results."""
    bad = ("Weather", {"location": "Toronto", "units": "?"})
    calls = await t.ask(answer(bad, BAD, BOWL), answer(TORONTO), answer(DALLAS), max_retries=2)
    t.equal(list(calls), THREE, "the objects")
    told = t.told[2]
    t.true(
        "Weather" in " ".join(told.notes), f"the model is told {told.notes!r}", "that a call of Weather is still due"
    )


@check("G06 extra_calls_in_correction", hook="polycall_extract_reply")
async def extra_calls_in_correction(t: Trial) -> None:
    """Calls that come along with a correction are kept, after the others."""
    calls = await t.ask(answer(TORONTO, BAD), answer(DALLAS, BOWL), max_retries=1)
    t.equal(list(calls), THREE, "the objects")


@check("G07 turn_echoed_as_it_came", hook=HOOK)
async def turn_echoed_as_it_came(t: Trial) -> None:
    """The model's turn goes back as it came: names, ids, arguments, text."""
    text = (Text("Hear this."),) if t.double.has("text") else ()
    odd = '{ "query":  "a\\u00e9é" }' if t.double.has("argument_text") else '{"query": "aé"}'
    first = Answer(steps=(*text, Call("Search", odd, "e/1"), Call("Weather", {"location": "X"}, "e/2")))
    told = await _continued(t, first, ["A", "B"])
    echoed = told.echoed_calls
    t.equal([call.name for call in echoed], ["Search", "Weather"], "the names", HOOK)
    if t.double.has("ids"):
        t.equal([call.id for call in echoed], ["e/1", "e/2"], "the ids", HOOK)
    due = [json.loads(odd), {"location": "X"}]
    t.equal([_decoded(call.arguments) for call in echoed], due, "the arguments", HOOK)
    if text:
        said = "".join(one.text for one in told.messages if one.role == "assistant")
        t.equal(said, "Hear this.", "the model's words", HOOK)


def require_objects(t: Trial, told: Told) -> None:
    """Expect that the arguments of each echoed call are a JSON object, which every service can read."""
    for call in told.echoed_calls:
        try:
            value = _strict_json(call.arguments)
        except ValueError as error:
            t.fail(f"arguments {call.arguments!r}: {error}", "a JSON object", HOOK, cause=error)
        t.true(isinstance(value, dict), f"arguments {call.arguments!r}", "a JSON object", HOOK)


def _strict_json(arguments: str | Mapping[str, object]) -> object:
    """The value of JSON text; Python's parser alone takes ``NaN``."""

    def refuse(name: str) -> None:
        raise ValueError(f"{name} is not JSON")

    return json.loads(arguments, parse_constant=refuse) if isinstance(arguments, str) else dict(arguments)


def _decoded(arguments: Any) -> Any:
    return json.loads(arguments) if isinstance(arguments, str) else dict(arguments)


@check("G08 parallel_calls_are_one_turn", hook=HOOK)
async def parallel_calls_are_one_turn(t: Trial) -> None:
    """Calls of one reply go back as one turn of the model: no result comes between them."""
    told = await _continued(t, answer(TORONTO, DALLAS, BOWL), ["A", "B", "C"])
    roles = [one.role for one in told.messages]
    turns = [role for at, role in enumerate(roles) if at == 0 or roles[at - 1] != role]
    t.equal(turns, ["user", "assistant", "tool"], "the turns")


@check("G09 no_orphans_in_history", hook=HOOK)
async def no_orphans_in_history(t: Trial) -> None:
    """After a correction and a continuation there are as many results as calls, each after its call."""
    calls = await t.ask(answer(TORONTO, BAD), answer(DALLAS), max_retries=1)
    again = await t.ask(answer(BOWL), messages=calls.continue_with(["A", "B"]))
    await t.ask(answer(BOWL), messages=again.continue_with(["C"]))
    told = t.told[-1]
    results = [one for one in told.messages if one.role == "tool"]
    t.equal(len(results), len(told.echoed_calls), "the number of results", HOOK)
    if t.double.has("ids"):
        t.equal(_ids_of(results), [call.id for call in told.echoed_calls], "the ids of the results", HOOK)


@check("G10 returns_a_new_list", hook="polycall_continue_conversation")
async def returns_a_new_list(t: Trial) -> None:
    """Continuing gives a new list of JSON data; the messages that were given are unchanged."""
    messages: list[Any] = [dict(one) for one in MESSAGES]
    before = copy.deepcopy(messages)
    calls = await t.ask(answer(TORONTO, BAD), answer(DALLAS), max_retries=1, messages=messages)
    more = calls.continue_with(["A", "B"])
    t.equal(messages, before, "the caller's messages")
    t.true(more is not messages and more[:1] == before, f"{more[:1]!r}", "a new list that begins with the old one")
    try:
        json.dumps(more, allow_nan=False)
    except (TypeError, ValueError) as error:
        t.fail(str(error), "messages of JSON data", cause=error)


@check("G11 results_of_any_size", hook=HOOK)
async def results_of_any_size(t: Trial) -> None:
    """Results may be empty, a megabyte, or any text."""
    large = "".join(f"{number:07}-" for number in range(1 << 17))
    texts = ["", large, '😀 é\u2028 "quote" \\ \n שלום']
    told = await _continued(t, answer(TORONTO, DALLAS, BOWL), list(texts))
    came = [one.text for one in _check_results(t, told)]
    t.true(
        came == texts, f"results of {[len(one) for one in came]} characters", f"{[len(one) for one in texts]}, equal"
    )


@check("G12 two_rounds_of_results", hook=HOOK)
async def two_rounds_of_results(t: Trial) -> None:
    """A conversation can be continued again and again: every turn and every result stays in it."""
    calls = await t.ask(answer(TORONTO, DALLAS))
    messages = calls.continue_with(["A", "B"])
    calls = await t.ask(answer(BOWL), messages=messages)
    await t.ask(answer(BOWL), messages=calls.continue_with(["C"]))
    told = t.told[-1]
    t.equal([call.name for call in told.echoed_calls], ["Weather", "Weather", "Search"], "the calls", HOOK)
    t.equal([one.text for one in told.messages if one.role == "tool"], ["A", "B", "C"], "the results", HOOK)


@check("G13 failed_results_say_so", hook=HOOK)
async def failed_results_say_so(t: Trial) -> None:
    """An exception as a result tells the model that the call failed, and why."""
    told = await _continued(t, answer(TORONTO, BOWL), [RuntimeError("the mast is down"), "lions"])
    results = _check_results(t, told, ["the mast is down", "lions"])
    if results[0].is_error is not None:
        t.equal([one.is_error for one in results], [True, False], "the marks of errors")


@check("G14 users_turn_after_results", hook=HOOK)
async def users_turn_after_results(t: Trial) -> None:
    """The user may speak after the results, and neighbours of one role are carried."""
    calls = await t.ask(answer(TORONTO, BOWL))
    messages = [*calls.continue_with(["A", "B"]), {"role": "user", "content": "And now?"},
                {"role": "user", "content": "Quick!"}]  # fmt: skip
    await t.ask(answer(BOWL), messages=messages)
    told = t.told[-1]
    _check_results(t, told, ["A", "B"])
    said = " ".join(told.notes)
    t.true("And now?" in said and "Quick!" in said, f"the user's words {said!r}", "both messages")


@check("G15 unknown_names_are_echoed", hook=HOOK, needs="unknown_tool_names")
async def unknown_names_are_echoed(t: Trial) -> None:
    """A call of an unknown tool is corrected like any other: its turn and its error reach the service."""
    for name in ("get weather!", "x" * 80):
        t.double.forget()
        calls = await t.ask(answer(TORONTO, (name, {"a": 1})), answer(BOWL), max_retries=1)
        t.equal(list(calls), [THREE[0], THREE[2]], f"the objects after a call of {name[:20]!r}")
        _check_results(t, t.told[1])


@check("G16 broken_arguments_are_echoed", hook=HOOK, needs="argument_text")
async def broken_arguments_are_echoed(t: Trial) -> None:
    """The turn with arguments that are not JSON goes back in a form that the service takes."""
    for text in ('{"query": ', '{"query": NaN}', "[1]", '{"query": "\\ud800"}', "\x00"):
        t.double.forget()
        broken = Answer(steps=(Call("Search", text, "b1"), Call("Weather", {"location": "Toronto"}, "b2")))
        calls = await t.ask(broken, answer(BOWL), max_retries=1)
        t.equal(list(calls), [Search(query="super bowl"), THREE[0]], f"the objects after {text!r}")
        results = _check_results(t, t.told[1])
        t.equal(len(results), 2, "the number of results")
        require_objects(t, t.told[1])


@check("G17 reasoning_is_reported", hook="polycall_extract_reply", needs="reasoning")
async def reasoning_is_reported(t: Trial) -> None:
    """Visible reasoning is in ``calls.reasoning``, apart from the text."""
    calls = await t.ask(answer(Reasoning("First "), Reasoning("this."), TORONTO))
    t.equal((calls.reasoning, calls.text), ("First this.", None), "reasoning and text")


@check("G18 another_providers_turn", hook=HOOK)
async def another_providers_turn(t: Trial) -> None:
    """A turn of another provider, with data that only it understands, is carried in this provider's form."""
    call = {"id": "other_1", "type": "function", "function": {"name": "Search", "arguments": '{"query": "x"}'}}
    messages: list[Any] = [
        *MESSAGES,
        {"role": "assistant", "content": None, "tool_calls": [call], "provider_data": {"other": {"signature": "zz9"}}},
        {"role": "tool", "tool_call_id": "other_1", "content": "found"},
    ]
    await t.ask(answer(BOWL), messages=messages)
    told = t.told[-1]
    t.equal(
        [(one.name, _decoded(one.arguments)) for one in told.echoed_calls], [("Search", {"query": "x"})], "the calls"
    )
    _check_results(t, told, ["found"])
    t.true("zz9" not in told.text, "another provider's data in the request", "none of it")


@check("G19 continued_from_storage", hook=HOOK)
async def continued_from_storage(t: Trial) -> None:
    """A conversation that went through JSON text is sent as the one that did not."""
    calls = await t.ask(answer(TORONTO, BOWL))
    messages = calls.continue_with(["A", "B"])
    await t.ask(answer(BOWL), messages=messages)
    await t.ask(answer(BOWL), messages=json.loads(json.dumps(messages)))
    t.equal(t.told[-1].messages, t.told[-2].messages, "the messages")
