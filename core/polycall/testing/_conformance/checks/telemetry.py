"""Group M: extensions see every round, and token counts are what the service said."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from typing import Any

import polycall
from polycall import Usage
from polycall.plugin import HOOK_API_VERSION, Reply, Request, ToolCall, hookimpl
from polycall.testing._conformance.answers import answer
from polycall.testing._conformance.checks.conversation import BAD
from polycall.testing._conformance.checks.extraction import BOWL, DALLAS, TORONTO
from polycall.testing._conformance.checks_table import check
from polycall.testing._conformance.trial import Trial
from polycall.testing._extensions import register

HOOK = "polycall_extract_reply"
_EXTENSION = "~polycall.testing.conformance"


async def _with(t: Trial, extension: object, use: Callable[[Any], Any]) -> None:
    """Use a client that was made with an extension."""
    register(_EXTENSION, extension)
    try:
        client: Any = t.double.async_client() if t.asynchronous else t.double.client()
    finally:
        polycall.unregister(_EXTENSION)
    try:
        await use(client)
    finally:
        await client.close() if t.asynchronous else client.close()


class _Observer:
    polycall_hook_api = HOOK_API_VERSION

    def __init__(self) -> None:
        self.seen: list[tuple[str, int, int]] = []

    @hookimpl
    def polycall_round_ended(self, request: Request, reply: Reply | None) -> None:
        self.seen.append(("ended", request.round, len(reply.tool_calls) if reply else -1))

    @hookimpl
    def polycall_calls_validated(self, request: Request, calls: Sequence[ToolCall]) -> None:
        self.seen.append(("validated", request.round, len(calls)))


@check("M01 reply_received_each_round", hook=HOOK)
async def reply_received_each_round(t: Trial) -> None:
    """Extensions see each round's reply, in order, before its calls are validated."""
    observer = _Observer()

    async def use(client: Any) -> None:
        await t.ask(answer(TORONTO, BAD), answer(DALLAS), client=client, max_retries=1)

    await _with(t, observer, use)
    due = [("ended", 0, 2), ("validated", 0, 1), ("ended", 1, 1), ("validated", 1, 1)]
    t.equal(observer.seen, due, "what they see")


@check("M02 usage_none_not_zero", hook=HOOK, needs="usage")
async def usage_none_not_zero(t: Trial) -> None:
    """A count that the service did not send is ``None``, not 0, and no total is made up."""
    calls = await t.ask(answer(BOWL, usage=Usage(input_tokens=21, output_tokens=12)))
    usage = calls.usage or Usage()
    unknown = (usage.cached_input_tokens, usage.cache_write_input_tokens, usage.reasoning_tokens, usage.total_tokens)
    t.equal(unknown, (None, None, None, None), "the counts that were not sent")


@check("M03 usage_sums_rounds", hook=HOOK, needs="usage")
async def usage_sums_rounds(t: Trial) -> None:
    """The counts of all rounds are added; a round without any adds nothing."""
    first, second = Usage(input_tokens=10, output_tokens=5), Usage(input_tokens=7, output_tokens=3)
    calls = await t.ask(answer(TORONTO, BAD, usage=first), answer(DALLAS, usage=second), max_retries=1)
    usage = calls.usage or Usage()
    t.equal((usage.input_tokens, usage.output_tokens), (17, 8), "the counts of two rounds")
    calls = await t.ask(answer(TORONTO, BAD, usage=first), answer(DALLAS), max_retries=1)
    usage = calls.usage or Usage()
    t.equal((usage.input_tokens, usage.output_tokens), (10, 5), "the counts of a round that sent some and one without")


async def _no_details(t: Trial) -> None:
    calls = await t.ask(answer(BOWL, usage=Usage(input_tokens=21, output_tokens=12)))
    usage = calls.usage or Usage()
    t.equal((usage.cached_input_tokens, usage.reasoning_tokens), (None, None), "counts that the service lacks")


@check("M04 cache_and_reasoning_tokens", hook=HOOK, needs=("usage", "usage.cached", "usage.reasoning"),
       otherwise=_no_details)  # fmt: skip
async def cache_and_reasoning_tokens(t: Trial) -> None:
    """Cached and reasoning tokens are mapped where the service counts them."""
    sent = Usage(input_tokens=21, output_tokens=12, total_tokens=33, cached_input_tokens=8, reasoning_tokens=4)
    calls = await t.ask(answer(BOWL, usage=sent))
    usage = calls.usage or Usage()
    t.equal((usage.cached_input_tokens, usage.reasoning_tokens), (8, 4), "cached and reasoning tokens")
    t.equal((usage.input_tokens, usage.output_tokens), (21, 12), "input and output tokens")
    if t.double.has("usage.total"):
        t.equal(usage.total_tokens, 33, "all tokens")


class _Wrapper:
    polycall_hook_api = HOOK_API_VERSION

    def __init__(self) -> None:
        self.seen: set[str] = set()

    @hookimpl(wrapper=True)
    def polycall_send(self) -> Generator[None, Any, Any]:
        self.seen.add("send")
        return (yield)

    @hookimpl(wrapper=True)
    def polycall_send_async(self) -> Generator[None, Any, Any]:
        result = yield
        if result is not None:
            self.seen.add("send")
        return result

    @hookimpl(wrapper=True)
    def polycall_open_stream(self) -> Generator[None, Any, Any]:
        self.seen.add("stream")
        return (yield)

    @hookimpl(wrapper=True)
    def polycall_open_stream_async(self) -> Generator[None, Any, Any]:
        result = yield
        if result is not None:
            self.seen.add("stream")
        return result


@check("M05 wrappers_see_all_four_ways", hook="polycall_send")
async def wrappers_see_all_four_ways(t: Trial) -> None:
    """An extension that wraps the sending hooks is called in every way, and what it returns is used."""
    wrapper = _Wrapper()

    async def use(client: Any) -> None:
        t.equal(len(await t.ask(answer(TORONTO, BOWL), client=client)), 2, "the calls")

    await _with(t, wrapper, use)
    t.equal(wrapper.seen, {"stream"} if t.streamed and t.double.has("stream") else {"send"}, "the hooks that it saw")


async def _no_id(t: Trial) -> None:
    calls = await t.ask(answer(BOWL))
    if t.double.lacks("response_id"):
        t.equal(calls.response_id, None, "the id of the reply")
    if t.double.lacks("served_model"):
        t.equal(calls.model, None, "the model of the reply")


@check("M06 response_id_and_model", hook=HOOK, needs=("response_id", "served_model"), otherwise=_no_id)
async def response_id_and_model(t: Trial) -> None:
    """The reply's id and the model that answered are those that the service sent."""
    calls = await t.ask(answer(BOWL, response_id="reply-7501", model="served-7502"))
    t.equal((calls.response_id, calls.model), ("reply-7501", "served-7502"), "id and model")
