"""Group E: every call of a reply is there, as the model made it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel

import polycall
from polycall import FinishReason, ToolCall
from polycall.testing._conformance.answers import Answer, Call, Fault, Text, answer
from polycall.testing._conformance.checks_table import ONCE, check
from polycall.testing._conformance.doubles import SocketDouble
from polycall.testing._conformance.trial import Search, Trial, Weather

HOOK = "polycall_extract_reply"

TORONTO = ("Weather", {"location": "Toronto", "units": "metric"})
DALLAS = ("Weather", {"location": "Dallas", "units": "imperial"})
BOWL = ("Search", {"query": "super bowl"})
THREE = [Weather(location="Toronto"), Weather(location="Dallas", units="imperial"), Search(query="super bowl")]


class Numbers(BaseModel):
    """Take numbers."""

    whole: int = 0
    real: float = 0.0


class Note(BaseModel):
    """Take a note."""

    text: str


class Defaults(BaseModel):
    """Do it as usual."""

    speed: int = 3
    name: str = "x"


@check("E01 three_calls_in_order", hook=HOOK)
async def three_calls_in_order(t: Trial) -> None:
    """Three calls of two tools become three objects, in the order of the reply."""
    calls = await t.ask(answer(TORONTO, BOWL, DALLAS))
    t.equal(list(calls), [THREE[0], THREE[2], THREE[1]], "the objects")
    t.equal([call.index for call in calls.tool_calls], [0, 1, 2], "the indexes")


async def _ids_are_made(t: Trial) -> None:
    calls = await t.ask(answer(TORONTO, BOWL, DALLAS))
    ids = [call.id for call in calls.tool_calls]
    t.true(all(ids) and len(set(ids)) == 3, f"the ids {ids!r}", "three ids that are not empty, each another")


@check("E02 ids_kept", hook=HOOK, needs="ids", otherwise=_ids_are_made)
async def ids_kept(t: Trial) -> None:
    """Ids are those of the service, byte for byte."""
    sent = ["toolu_01", "call-2/x+=", "Aé:3"]
    calls = await t.ask(Answer(steps=tuple(Call("Search", {"query": id}, id) for id in sent)))
    t.equal([call.id for call in calls.tool_calls], sent, "the ids")


@check("E03 ids_made_unique", hook=HOOK, needs="ids", otherwise=_ids_are_made)
async def ids_made_unique(t: Trial) -> None:
    """A missing, an empty and a repeated id are replaced by new ones, which are not among those that were sent."""
    sent = ["same", None, "", "same", "other"]
    steps = tuple(Call("Search", {"query": str(at)}, id) for at, id in enumerate(sent))
    calls = await t.ask(Answer(steps=steps))
    ids = [call.id for call in calls.tool_calls]
    t.equal([call.query for call in calls], list("01234"), "the calls")
    t.true(all(ids) and len(set(ids)) == 5, f"the ids {ids!r}", "five ids that are not empty, each another")
    t.equal((ids[0], ids[4]), ("same", "other"), "the ids that were fit for use")


@check("E04 ids_repeated_across_turns", hook=HOOK, needs="ids")
async def ids_repeated_across_turns(t: Trial) -> None:
    """An id that an earlier turn used is replaced: ids are unique in their conversation; results find their call."""
    first = await t.ask(Answer(steps=(Call("Search", {"query": "a"}, "call_0"),)))
    messages = first.continue_with(["A"])
    second = await t.ask(Answer(steps=(Call("Search", {"query": "b"}, "call_0"),)), messages=messages)
    t.equal(list(second), [Search(query="b")], "the second turn")
    t.true(second.tool_calls[0].id not in ("", "call_0"), f"the id {second.tool_calls[0].id!r}", "a new id")
    await t.ask(answer(BOWL), messages=second.continue_with(["B"]))
    results = [(one.call_id, one.text) for one in t.told[-1].messages if one.role == "tool"]
    ids = [call.id for call in t.told[-1].echoed_calls]
    t.equal([id for id, _ in results], ids, "the ids of the results", "polycall_render_request")
    t.equal([text for _, text in results], ["A", "B"], "the results", "polycall_render_request")


@check("E05 arguments_as_received", hook=HOOK)
async def arguments_as_received(t: Trial) -> None:
    """Arguments stay as received: text keeps every space, structures stay structures."""
    text = '{ "query":\t"a  b" , "query2": [1, {"x": null}] }' if t.double.has("argument_text") else '{"query": "a  b"}'
    made: Sequence[ToolCall]
    try:
        made = (await t.ask(Answer(steps=(Call("Search", text, "c1"),)))).tool_calls
    except polycall.InvalidCallsError as error:
        made = [failure.tool_call for failure in error.failures]
    [call] = made
    if isinstance(call.arguments, str):
        t.equal(call.arguments, text, "the arguments")
    else:
        t.equal(dict(call.arguments), json.loads(text), "the arguments")


@check("E06 empty_arguments", hook=HOOK)
async def empty_arguments(t: Trial) -> None:
    """``{}``, ``""`` and ``null`` are a call without arguments: an object of defaults, never a lost call."""
    texts = ["{}", "", "null"] if t.double.has("argument_text") else ["{}"]
    for text in texts:
        calls = await t.ask(Answer(steps=(Call("Defaults", text, "c1"), Call("Defaults", {"speed": 5}, "c2"))),
                            response_model=list[Defaults])  # fmt: skip
        t.equal(list(calls), [Defaults(), Defaults(speed=5)], f"the objects for {text!r}")


@check("E07 unicode_arguments", hook=HOOK)
async def unicode_arguments(t: Trial) -> None:
    """Every character that JSON can carry arrives: beyond the basic plane, right to left, NUL, U+2028, escapes."""
    texts = (
        *("😀 \U0001d518", "שלום \u200f مرحبا", "a\u2028b\u2029c\x85d", 'quote " back \\ slash / \\n'),
        *("\u0000\u0001\x7f", "é\u0301"),
    )
    for text in texts:
        written = Call("Note", {"text": text}, "c1"), Call("Note", json.dumps({"text": text}), "c2")
        calls = await t.ask(Answer(steps=written), response_model=list[Note])
        t.equal([call.text for call in calls], [text, text], "the texts")


@check("E08 big_integers_exact", hook=HOOK)
async def big_integers_exact(t: Trial) -> None:
    """Whole numbers beyond 2^53 keep every digit."""
    for number in (2**53 + 1, -(2**63), 10**40 + 7):
        calls = await t.ask(
            Answer(steps=(Call("Numbers", f'{{"whole": {number}}}', "c1"),)), response_model=list[Numbers]
        )
        t.equal([call.whole for call in calls], [number], "the number")


@check("E09 odd_numbers", hook=HOOK)
async def odd_numbers(t: Trial) -> None:
    """``-0.0`` and ``1.0`` for a whole number are right; ``1e400`` is that call's fault alone, never infinity."""
    texts = ('{"real": -0.0, "whole": 1.0}', '{"real": 1e3}')
    calls = await t.ask(Answer(steps=tuple(Call("Numbers", text, f"c{at}") for at, text in enumerate(texts))),
                        response_model=list[Numbers])  # fmt: skip
    t.equal(repr(list(calls)), repr([Numbers(real=-0.0, whole=1), Numbers(real=1000.0)]), "the numbers")
    if t.double.has("argument_text"):
        error = await t.error_of(
            _between('{"real": 1e400}'), due=polycall.InvalidCallsError, response_model=list[Numbers]
        )
        t.equal(list(error.calls), [Numbers(whole=1), Numbers(whole=3)], "the other calls")


def _between(text: str) -> Answer:
    return Answer(
        steps=(
            Call("Numbers", '{"whole": 1}', "c1"),
            Call("Numbers", text, "c2"),
            Call("Numbers", '{"whole": 3}', "c3"),
        )
    )


@check("E10 one_megabyte_arguments", hook=HOOK)
async def one_megabyte_arguments(t: Trial) -> None:
    """Arguments of a megabyte arrive whole, between others."""
    large = "".join(f"{number:07}-" for number in range(1 << 17))
    made = answer(BOWL, ("Search", {"query": large}), BOWL, fragment=1 << 15)
    calls = await t.ask(made)
    t.true([len(call.query) for call in calls] == [10, len(large), 10] and calls[1].query == large,
           f"queries of {[len(call.query) for call in calls]} characters", f"10, {len(large)}, 10")  # fmt: skip


@check("E11 one_hundred_calls", hook=HOOK)
async def one_hundred_calls(t: Trial) -> None:
    """A hundred calls become a hundred objects, in order."""
    calls = await t.ask(answer(*[("Search", {"query": str(number)}) for number in range(100)]))
    t.equal([call.query for call in calls], [str(number) for number in range(100)], "the queries")


@check("E12 unknown_name_reported", hook=HOOK, needs="unknown_tool_names")
async def unknown_name_reported(t: Trial) -> None:
    """A call of a tool that was not offered is reported, under the name that the model gave it; never dropped."""
    for name in ("Nothing", "get weather!", "x" * 80):
        error = await t.error_of(answer(TORONTO, (name, {"a": 1}), BOWL), due=polycall.InvalidCallsError)
        t.equal([one.tool_call.name for one in error.failures], [name], "the failed call")
        t.equal(list(error.calls), [THREE[0], THREE[2]], "the other calls")


@check("E13 broken_json_is_that_calls_problem", hook=HOOK, needs="argument_text")
async def broken_json_is_that_calls_problem(t: Trial) -> None:
    """Arguments that are not JSON, or not an object, fail their call alone, and never with a bare exception."""
    deep = '{"text": ' + "[" * 900 + "]" * 900 + "}"
    texts = ('{"text": ', '{"text": NaN}', "[1]", "7", '"text"', "{'text': 1}", '{"text": "\\ud800"}',
             '{"text": ' + "9" * 5000 + "}", deep, "\x00", '{"text": "a\nb"}')  # fmt: skip
    for text in texts:
        made = Answer(
            steps=(Call("Note", {"text": "a"}, "c1"), Call("Note", text, "c2"), Call("Note", {"text": "c"}, "c3"))
        )
        due = (polycall.InvalidCallsError, polycall.PolycallError) if t.streamed else polycall.InvalidCallsError
        if text == '{"text": "a\nb"}':  # read leniently by some: either is right
            continue
        error = await t.error_of(made, due=due, response_model=list[Note])
        t.equal([call.text for call in error.calls], ["a", "c"], f"the other calls beside {text[:20]!r}")
        t.true(len(str(error)) < 2_000, f"a message of {len(str(error))} characters", "less than 2,000")


async def _no_text(t: Trial) -> None:
    calls = await t.ask(answer(TORONTO))
    t.equal(calls.text, None, "the text")


@check("E14 text_beside_calls", hook=HOOK, needs="text", otherwise=_no_text)
async def text_beside_calls(t: Trial) -> None:
    """Text parts are joined, without anything between them; no text is ``None``, not an empty text."""
    calls = await t.ask(answer(Text("Let me see: "), TORONTO))
    t.equal((calls.text, list(calls)), ("Let me see: ", THREE[:1]), "text and calls")
    calls = await t.ask(answer(TORONTO))
    t.equal(calls.text, None, "the text of a reply without one")
    calls = (
        await t.ask(answer(Text("Fine.\n"), Text("Bye"), finish="stop"), tool_choice="auto")
        if t.double.has("tool_choice.auto")
        else await t.ask(answer(Text("Fine.\n"), Text("Bye"), TORONTO))
    )
    t.equal(calls.text, "Fine.\nBye", "two texts")


async def _no_reason(t: Trial) -> None:
    calls = await t.ask(answer(TORONTO))
    t.equal((calls.finish_reason, calls.raw_finish_reason), (None, None), "the finish reason")


@check("E15 finish_reason_and_raw", hook=HOOK, needs="finish_reason", otherwise=_no_reason)
async def finish_reason_and_raw(t: Trial) -> None:
    """The finish reason is mapped, with the service's own word beside it; an unknown word is ``OTHER``."""
    calls = await t.ask(answer(TORONTO))
    t.true(calls.finish_reason in (FinishReason.STOP, FinishReason.TOOL_CALLS), f"{calls.finish_reason!r}",
           "STOP or TOOL_CALLS")  # fmt: skip
    t.true(calls.raw_finish_reason, f"the raw reason {calls.raw_finish_reason!r}", "the service's own word")
    if t.double.has("unknown_finish_reason"):
        calls = await _calls_or_incomplete(t, answer(TORONTO, finish="odd"))
        t.equal(calls.finish_reason, FinishReason.OTHER, "the finish reason for an unknown word")
        t.true(calls.raw_finish_reason, f"the raw reason {calls.raw_finish_reason!r}", "the service's own word")


async def _calls_or_incomplete(t: Trial, made: Answer) -> polycall.Calls[Any]:
    try:
        return await t.ask(made)
    except polycall.IncompleteOutputError as error:  # an unknown word is not a sign that the reply is whole
        calls: polycall.Calls[Any] = error.calls
        return calls


@check("E16 finish_reason_never_decides", hook=HOOK, needs="finish_reason")
async def finish_reason_never_decides(t: Trial) -> None:
    """Calls count, not the finish reason: 'stop' with calls has them, 'calls' without any has none."""
    calls = await t.ask(answer(TORONTO, BOWL, finish="stop"))
    t.equal(list(calls), [THREE[0], THREE[2]], "the calls of a reply that ends with 'stop'")
    if t.double.has("text"):
        error = await t.error_of(answer(Text("Hm."), finish="calls"), due=polycall.NoToolCallsError)
        t.equal(error.text, "Hm.", "the text of a reply that promises calls and has none")


@check("E17 every_part_of_a_reply", hook=HOOK, needs="json_reply", ways=ONCE)
async def every_part_of_a_reply(t: Trial) -> None:
    """A wrong JSON type in any member of a reply is a `ResponseError`, or changes nothing: never a bare error."""
    assert isinstance(t.double, SocketDouble)  # what has JSON replies has a socket
    whole = json.loads(t.double.whole(answer(Text("Hm."), TORONTO, BOWL, usage=polycall.Usage(input_tokens=1))))
    for path in _paths(whole):
        wrongs: tuple[object, ...] = (None, 7, "text", [], {})
        for wrong in wrongs:
            body = json.dumps(_with(whole, path, wrong)).encode()
            try:
                await t.ask(Fault("wrong_shape", body=body))
            except polycall.PolycallError as error:
                t.true(
                    not isinstance(error, polycall.PluginError), f"{error} for {wrong!r} at {path}", "a ResponseError"
                )
            except (*_flat(t.double.errors.values()),):
                pass
            except Exception as error:
                t.fail(
                    f"{type(error).__name__}: {error} for {wrong!r} at {path}", "a ResponseError, or calls", cause=error
                )


def _flat(errors: Any) -> list[type[Exception]]:
    return [one for each in errors for one in (each if isinstance(each, tuple) else (each,))]


def _paths(value: object, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    found: list[tuple[str | int, ...]] = [path] if path else []
    if isinstance(value, dict):
        return found + [one for key, inner in value.items() for one in _paths(inner, (*path, key))]
    if isinstance(value, list):
        return found + [one for at, inner in enumerate(value) for one in _paths(inner, (*path, at))]
    return found


def _with(value: Any, path: tuple[str | int, ...], wrong: object) -> Any:
    if not path:
        return wrong
    copy = value.copy()
    copy[path[0]] = _with(copy[path[0]], path[1:], wrong)
    return copy
