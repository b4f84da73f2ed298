"""Group H: what goes wrong reaches the caller as what it is, with the good calls."""

from __future__ import annotations

from typing import Any

import polycall
from polycall.testing._conformance.answers import Break, Fault, answer
from polycall.testing._conformance.checks.extraction import BOWL, DALLAS, THREE, TORONTO
from polycall.testing._conformance.checks_table import STREAMED, check
from polycall.testing._conformance.doubles import SocketDouble
from polycall.testing._conformance.trial import Trial

HOOK = "polycall_send"
TIME_OUT_S = 0.25


async def _is_the_sdks(t: Trial, kind: Any) -> Any:
    error = await t.error_of(Fault(kind, "the kiln is cold"), due=t.sdk_errors(kind))
    t.true(not isinstance(error, polycall.PolycallError), f"{type(error).__name__}", "the SDK's own exception")
    t.true("the kiln is cold" in str(error), str(error), "the words of the service")
    return error


@check("H01 auth_error_is_the_sdks", hook=HOOK, needs="error_status")
async def auth_error_is_the_sdks(t: Trial) -> None:
    """A refused key is the SDK's exception, unwrapped, with the service's words."""
    await _is_the_sdks(t, "auth")


@check("H02 rate_limit_is_the_sdks", hook=HOOK, needs="error_status")
async def rate_limit_is_the_sdks(t: Trial) -> None:
    """A rate limit is the SDK's exception, unwrapped; what the service says about waiting is still on it."""
    error = await _is_the_sdks(t, "rate_limit")
    response = getattr(error, "response", None)
    if response is not None and hasattr(response, "headers"):
        t.true(response.headers.get("retry-after"), "no Retry-After on the exception's response", "the service's")


@check("H03 not_found_is_the_sdks", hook=HOOK, needs="error_status")
async def not_found_is_the_sdks(t: Trial) -> None:
    """An unknown model is the SDK's exception, unwrapped."""
    await _is_the_sdks(t, "not_found")


@check("H04 server_error_is_the_sdks", hook=HOOK, needs="error_status")
async def server_error_is_the_sdks(t: Trial) -> None:
    """A failure of the service is the SDK's exception, unwrapped."""
    await _is_the_sdks(t, "server_error")


@check("H05 timeout_is_the_sdks", hook=HOOK, needs=("network", "timeout"))
async def timeout_is_the_sdks(t: Trial) -> None:
    """A reply that does not come in time is the SDK's exception, unwrapped."""
    client = t.double.async_client if t.asynchronous else t.double.client
    made: Any = client(**t.double.time_out(TIME_OUT_S))
    try:
        await t.error_of(Fault("hang"), due=t.sdk_errors("timeout"), client=made)
    finally:
        await _close(made)


async def _close(client: Any) -> None:
    if isinstance(client, polycall.AsyncClient):
        await client.close()
    else:
        client.close()


@check("H06 refused_connection_is_the_sdks", hook=HOOK, needs="network")
async def refused_connection_is_the_sdks(t: Trial) -> None:
    """A connection that is refused is the SDK's exception, unwrapped."""
    client = t.double.async_client if t.asynchronous else t.double.client
    made: Any = client(**t.double.unreachable())
    try:
        await t.error_of(due=t.sdk_errors("connection"), client=made)
    finally:
        await _close(made)


@check("H07 connection_cut_in_body", hook=HOOK, needs="network")
async def connection_cut_in_body(t: Trial) -> None:
    """A connection that breaks in the reply is the SDK's exception or an incomplete reply; streamed calls are kept."""
    due: tuple[type[Exception], ...] = (
        polycall.IncompleteOutputError,
        polycall.ResponseError,
        *t.sdk_errors("connection"),
    )
    error = await t.error_of(answer(TORONTO, DALLAS, BOWL, inside=(2, Break("reset"))), due=due)
    if t.streamed and t.double.has("stream") and isinstance(error, polycall.OutputError):
        good = list(error.calls)
        t.true(good == THREE[: len(good)], f"the calls {good!r}", f"the beginning of {THREE!r}")


@check("H08 html_instead_of_json", hook="polycall_extract_reply", needs="network")
async def html_instead_of_json(t: Trial) -> None:
    """The page of a proxy is a `ResponseError` that shows how it begins."""
    error = await t.error_of(Fault("html"), due=(polycall.ResponseError,))
    t.true("<!DOCTYPE html>" in str(error), str(error), "an excerpt")


@check("H09 empty_body", hook="polycall_extract_reply", needs="network")
async def empty_body(t: Trial) -> None:
    """An empty body is a `ResponseError`; where a body has no end of its own, it may be an incomplete reply."""
    due = (polycall.ResponseError, polycall.IncompleteOutputError)
    await t.error_of(Fault("empty"), due=due)


@check("H10 truncated_json", hook="polycall_extract_reply", needs="json_reply", ways=("create", "create async"))
async def truncated_json(t: Trial) -> None:
    """A body that is the beginning of one is a `ResponseError` with the parser's error as its cause."""
    error = await t.error_of(Fault("truncated"), due=(polycall.ResponseError,))
    t.true(error.__cause__ is not None, "no cause", "the parser's error as the cause")


@check("H11 wrong_shape", hook="polycall_extract_reply", needs="network")
async def wrong_shape(t: Trial) -> None:
    """A body that is not the protocol is a `ResponseError`, or an incomplete reply: never a parser's exception."""
    due = (polycall.ResponseError, polycall.IncompleteOutputError, polycall.NoToolCallsError)
    bodies = [
        *(b"null", b"7", b'"text"', b"[]", b"{}", b"[[[", b"nul", b"\xff\xfe", b"\x00" * 500),
        *(b'{"a":' * 20_000, b"9" * 5_000, b'{"choices": 7, "candidates": "x", "output": {}}'),
    ]
    for body in bodies:
        sent = t.double.event(body) if t.streamed and isinstance(t.double, SocketDouble) else body
        error = await t.error_of(Fault("wrong_shape", body=sent), due=due)
        t.true(len(str(error)) < 2_000, f"a message of {len(str(error))} characters", "less than 2,000")


@check("H12 error_inside_200", hook="polycall_extract_reply", needs="error_in_reply")
async def error_inside_200(t: Trial) -> None:
    """An error inside a good reply is the SDK's exception for it, or a `ResponseError`, with the service's words."""
    due: tuple[type[Exception], ...] = (polycall.ResponseError, *t.sdk_errors("error_in_reply"))
    error = await t.error_of(Fault("error_in_reply", "the kiln is cold"), due=due)
    t.true("the kiln is cold" in str(error), str(error), "the words of the service")
    t.script(Fault("error_in_reply", "the kiln is cold"))
    try:
        t.clients.sync.create(**t.options())
    except Exception as other:
        t.equal(type(error).__name__, type(other).__name__, "the class of the error, as `create` raises it")


@check("H13 refusal_or_block", hook="polycall_extract_reply", needs="refusal")
async def refusal_or_block(t: Trial) -> None:
    """A refusal is a `RefusalError` with the service's words."""
    error = await t.error_of(answer(finish="refused", refusal="I must not."), due=(polycall.RefusalError,))
    t.true("I must not." in error.reason, f"the reason {error.reason!r}", "the service's words")


@check("H14 later_round_fails", hook=HOOK, needs="error_status")
async def later_round_fails(t: Trial) -> None:
    """If a correction fails, the SDK's exception carries the good calls of the rounds before."""
    bad = ("Weather", {"location": "Dallas", "units": "kelvin"})
    due = t.sdk_errors("server_error")
    error = await t.error_of(answer(TORONTO, bad), Fault("server_error", "cold"), due=due, max_retries=1)
    t.equal(list(getattr(error, "polycall_calls", ())), THREE[:1], "the good calls on the exception")


@check("H15 stream_fails_as_whole_does", hook="polycall_open_stream", ways=STREAMED, needs=("stream", "error_status"))
async def stream_fails_as_whole_does(t: Trial) -> None:
    """Each kind of error has the same class from a stream as from a whole reply."""
    for kind in ("auth", "rate_limit", "not_found", "server_error"):
        due = t.sdk_errors(kind)
        streamed = await t.error_of(Fault(kind, "cold"), due=due)
        t.script(Fault(kind, "cold"))
        try:
            t.clients.sync.create(**t.options())
        except Exception as whole:
            t.equal(type(streamed), type(whole), f"the class for {kind}")
