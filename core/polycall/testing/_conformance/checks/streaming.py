"""Group F: a stream says the same as a whole reply, earlier."""

from __future__ import annotations

import asyncio
from typing import Any

import polycall
from polycall import ArgumentsDelta, CallReady, FinishReason, TextDelta, Usage
from polycall.testing._conformance.answers import Answer, Break, Call, Fault, Noise, Text, answer
from polycall.testing._conformance.checks.extraction import BOWL, DALLAS, THREE, TORONTO
from polycall.testing._conformance.checks_table import STREAMED, check
from polycall.testing._conformance.trial import Search, Trial, Weather
from polycall.testing.wire import Gate

HOOK = "polycall_create_decoder"
WAIT_S = 10
WAIT_FOR_THE_END_S = 2


def _fixtures(t: Trial) -> list[Answer]:
    text = (Text("Höre:  "),) if t.double.has("text") else ()
    escapes = Call("Search", r'{"query": "\ud83d\ude00 \\ \" \u00e9 é😀"}', "e1")
    return [
        answer(*text, TORONTO, DALLAS, BOWL, usage=Usage(input_tokens=7, output_tokens=3, total_tokens=10)),
        Answer(steps=(*text, escapes, Call("Weather", '{"location": "Łódź"}', "e2"))),
        answer(BOWL, finish="stop"),
    ]


async def _same(t: Trial, **changes: object) -> None:
    for at, fixture in enumerate(t.remember("fixtures", lambda: _fixtures(t))):

        def ask_whole(fixture: Answer = fixture) -> polycall.Calls[Any]:
            t.double.queue.append(fixture)
            calls: polycall.Calls[Any] = t.clients.sync.create(**t.options())
            return calls

        whole = t.remember(f"whole {at}", ask_whole)
        streamed = await t.ask(fixture.but(**changes))
        t.equal(list(streamed), list(whole), "the objects")
        t.equal(
            [(call.name, call.index) for call in streamed.tool_calls],
            [(call.name, call.index) for call in whole.tool_calls],
            "names and indexes",
        )
        if t.double.has("ids"):
            t.equal([call.id for call in streamed.tool_calls], [call.id for call in whole.tool_calls], "the ids")
        for name in ("text", "usage", "finish_reason", "raw_finish_reason", "response_id", "model"):
            t.equal(getattr(streamed, name), getattr(whole, name), name)


async def _comes_whole(t: Trial) -> None:
    calls = await t.ask(answer(TORONTO, DALLAS, BOWL))
    t.equal(list(calls), THREE, "the objects")


@check("F01 stream_equals_whole", hook=HOOK, ways=STREAMED, needs="stream", otherwise=_comes_whole)
async def stream_equals_whole(t: Trial) -> None:
    """A streamed reply gives the same calls, ids, text, usage and finish reason as the whole one."""
    await _same(t)


@check("F02 first_call_before_second_ends", hook=HOOK, ways=STREAMED, needs="stream")
async def first_call_before_second_ends(t: Trial) -> None:
    """The first call is yielded while the second one is being sent: at its positive sign, not at the end."""
    gate = Gate("in the second call")
    t.script(
        answer(TORONTO, ("Search", {"query": "a rather long query, of more than one piece"}), BOWL, inside=(1, gate))
    )
    async with t.open() as stream:
        try:
            async with asyncio.timeout(WAIT_S):
                first = await stream.next()
        except TimeoutError:
            t.fail("no call while the second one is half there", repr(THREE[0]))
        finally:
            gate.open()
        t.equal(first, THREE[0], "the first call")
        t.equal([type(call) for call in await stream.rest()], [Search, Search], "the others")


@check("F03 never_because_it_parses", hook=HOOK, ways=STREAMED, needs="stream")
async def never_because_it_parses(t: Trial) -> None:
    """A call whose arguments parse is not complete before its sign: the connection may break in front of more."""
    if t.double.has("call_end"):
        cut = answer(TORONTO, Call("Search", '{"query": "x"}', "half", whole=False), Break())
    else:
        cut = answer(TORONTO, Call("Search", '{"query": "x"}', "half"), Break())
    if not t.double.has("argument_deltas"):
        cut = answer(TORONTO, Break())
    error = await t.error_of(cut, due=(polycall.IncompleteOutputError, *t.sdk_errors("connection")), hook=HOOK)
    if isinstance(error, polycall.OutputError):
        good = [call for call in error.calls if isinstance(call, Search)]
        t.equal(good, [], "calls without a sign of their end")


@check("F04 one_byte_chunks", hook=HOOK, ways=STREAMED, needs="stream")
async def one_byte_chunks(t: Trial) -> None:
    """Bytes that come one by one give the same result."""
    await _same(t, cut=1)


@check("F05 one_chunk_for_all", hook=HOOK, ways=STREAMED, needs="stream")
async def one_chunk_for_all(t: Trial) -> None:
    """A reply that comes in one piece gives the same result."""
    await _same(t, cut=1 << 30)


@check("F06 split_inside_utf8", hook=HOOK, ways=STREAMED, needs="stream")
async def split_inside_utf8(t: Trial) -> None:
    """Pieces that end inside a character, at every place, give the same result."""
    for size in (2, 3):
        await _same(t, cut=size)


@check("F07 split_inside_escape", hook=HOOK, ways=STREAMED, needs=("stream", "argument_deltas"))
async def split_inside_escape(t: Trial) -> None:
    """Fragments of arguments that end inside an escape, one character at a time, give the same result."""
    for fragment in (1, 3):
        await _same(t, fragment=fragment)


@check("F08 interleaved_fragments", hook=HOOK, ways=STREAMED, needs=("stream", "interleaved"))
async def interleaved_fragments(t: Trial) -> None:
    """Two calls that grow at once are two calls, each with its own arguments."""
    calls = await t.ask(answer(TORONTO, DALLAS, BOWL, interleaved=True))
    t.equal(sorted(map(repr, calls)), sorted(map(repr, THREE)), "the objects")


async def _odd_index(t: Trial, kind: str) -> None:
    calls = await t.ask(answer(TORONTO, DALLAS, BOWL, index=kind))
    t.equal(list(calls), THREE, "the objects")


@check("F09 index_zero_for_all", hook=HOOK, ways=STREAMED, needs=("stream", "call_index"))
async def index_zero_for_all(t: Trial) -> None:
    """Calls that all have index 0, and ids of their own, are several calls."""
    await _odd_index(t, "zero")


@check("F10 index_missing", hook=HOOK, ways=STREAMED, needs=("stream", "call_index"))
async def index_missing(t: Trial) -> None:
    """Calls without an index are told apart by their ids."""
    await _odd_index(t, "missing")


@check("F11 index_with_gaps", hook=HOOK, ways=STREAMED, needs=("stream", "call_index"))
async def index_with_gaps(t: Trial) -> None:
    """Indexes that begin with 1, or leave some out, become 0, 1, 2."""
    await _odd_index(t, "gaps")


@check("F12 keep_alives_ignored", hook=HOOK, ways=STREAMED, needs=("stream", "keep_alives"))
async def keep_alives_ignored(t: Trial) -> None:
    """Comments, empty events and pings change nothing, wherever they come."""
    alive = Noise("alive")
    calls = await t.ask(answer(alive, alive, TORONTO, alive, DALLAS, BOWL, alive))
    t.equal(list(calls), THREE, "the objects")


@check("F13 unknown_events_ignored", hook=HOOK, needs="unknown_events")
async def unknown_events_ignored(t: Trial) -> None:
    """Events and fields that nobody knows change nothing: services add them."""
    event = (Noise("event"),) if t.streamed and t.double.has("stream") else ()
    calls = await t.ask(answer(*event, TORONTO, *event, DALLAS, BOWL, *event, extra_fields=True))
    t.equal(list(calls), THREE, "the objects")


@check("F14 ends_without_sign", hook=HOOK, ways=STREAMED, needs=("stream", "end_mark"))
async def ends_without_sign(t: Trial) -> None:
    """A stream without the sign that it is whole is an `IncompleteOutputError` with the good calls."""
    due: tuple[type[Exception], ...] = (polycall.IncompleteOutputError, *t.sdk_errors("connection"))
    error = await t.error_of(answer(TORONTO, DALLAS, ("Search", {"query": "x"}), finish="missing"), due=due)
    if isinstance(error, polycall.OutputError):
        t.equal(list(error.calls)[:2], THREE[:2], "the calls in the error")


@check("F15 cut_by_length", hook=HOOK, needs="length")
async def cut_by_length(t: Trial) -> None:
    """Under a length limit the last call is cut off and never an object, also if its arguments so far are an object."""
    last = Call("Search", '{"query": "super bo', "cut", whole=False)
    steps = (last,) if t.double.has("partial_calls") else ()
    error = await t.error_of(answer(TORONTO, DALLAS, *steps, finish="length"), due=polycall.IncompleteOutputError)
    t.equal(
        list(error.calls)[:2] if steps else list(error.calls)[:1], THREE[:2] if steps else THREE[:1], "the good calls"
    )
    t.equal(error.calls.finish_reason, FinishReason.LENGTH, "the finish reason")
    if steps:
        t.equal([call.name for call in error.cut_off], ["Search"], "the calls that were cut off")
        nothing = answer(TORONTO, Call("Search", "", "cut", whole=False), finish="length")
        error = await t.error_of(nothing, due=polycall.IncompleteOutputError)
        t.equal(list(error.calls), THREE[:1], "the good calls, if the cut is before the arguments")


@check("F16 error_inside_stream", hook=HOOK, ways=STREAMED, needs=("stream", "error_in_reply"))
async def error_inside_stream(t: Trial) -> None:
    """An error inside a stream is the SDK's exception or a `ResponseError` with the service's words."""
    due: tuple[type[Exception], ...] = (polycall.ResponseError, *t.sdk_errors("error_in_reply"))
    error = await t.error_of(Fault("error_in_reply", "the kiln is cold"), due=due)
    t.true("the kiln is cold" in str(error), str(error), "the words of the service")


@check("F17 usage_at_end_or_none", hook=HOOK, needs="usage")
async def usage_at_end_or_none(t: Trial) -> None:
    """Token counts are those that were sent; without any they are ``None``, never 0."""
    calls = await t.ask(answer(TORONTO, usage=Usage(input_tokens=21, output_tokens=12)))
    usage = calls.usage or Usage()
    t.equal((usage.input_tokens, usage.output_tokens), (21, 12), "the usage")
    calls = await t.ask(answer(TORONTO))
    t.equal(calls.usage, None, "the usage of a reply without one")


@check("F18 deltas_only_when_asked", hook=HOOK, ways=STREAMED, needs="stream")
async def deltas_only_when_asked(t: Trial) -> None:
    """Pieces are reported only with ``deltas=True``; joined they are the text and the arguments."""
    text = (Text("Some words of the model"),) if t.double.has("text") else ()
    made = answer(*text, TORONTO, ("Search", {"query": "a rather long query, in pieces"}), fragment=4)
    t.equal((await t.ask(made)).text, made.text, "the text of a stream without deltas")
    events, calls = await t.events_of(made)
    t.equal("".join(e.text for e in events if isinstance(e, TextDelta)) or None, calls.text, "the pieces of text")
    t.equal([e.value for e in events if isinstance(e, CallReady)], list(calls), "the calls among the events")
    if t.double.has("argument_deltas"):
        for at, call in enumerate(calls.tool_calls):
            pieces = [e.text for e in events if isinstance(e, ArgumentsDelta) and e.index == at]
            t.equal("".join(pieces), call.arguments_text, "the pieces of the arguments")
            t.true(len(pieces) > 1, f"{len(pieces)} piece", "pieces as they come")


@check("F19 open_after_its_end", hook=HOOK, ways=STREAMED, needs=("stream", "final_event", "network"))
async def open_after_its_end(t: Trial) -> None:
    """A stream ends with its end mark, also if the server keeps the connection open."""
    try:
        async with asyncio.timeout(WAIT_FOR_THE_END_S):
            calls = (
                await t.ask(answer(TORONTO, DALLAS, BOWL, stays_open=True)) if t.asynchronous else await _in_thread(t)
            )
    except TimeoutError:
        t.fail("no end", "the end, at the end mark")
    t.equal(list(calls), THREE, "the objects")


async def _in_thread(t: Trial) -> polycall.Calls[Any]:
    t.script(answer(TORONTO, DALLAS, BOWL, stays_open=True))

    def read() -> polycall.Calls[Any]:
        with t.clients.sync.stream(**t.options()) as stream:
            return stream.collect()

    return await asyncio.to_thread(read)


@check("F20 cut_at_any_byte", hook=HOOK, ways=STREAMED, needs=("stream", "length", "partial_calls"))
async def cut_at_any_byte(t: Trial) -> None:
    """A call that the limit cuts, at every character of its arguments, is never an object."""
    text = '{"location": "a}", "units": "metric"}'
    for size in range(len(text)):
        made = answer(BOWL, Call("Weather", text[:size], f"cut{size}", whole=False), finish="length", fragment=5)
        error = await t.error_of(made, due=polycall.IncompleteOutputError)
        t.equal([call for call in error.calls if isinstance(call, Weather)], [], f"objects of {text[:size]!r}")
