"""`polycall.kind_of` for what each SDK really raises, over sockets."""

from __future__ import annotations

from functools import partial
from typing import Any

import grpc
import pytest
from resilience.providers import MESSAGES, GenAI, Provider, Said, Search, Tools, Way, only

import polycall
from support.vertex_grpc_server import Fault
from support.vertex_grpc_server import Reply as GrpcReply
from support.wire_server import SILENCES, cut, nobody_listening, reply_json

HTTP = ("openai", "vertex-genai", "vertex-rest")
A = ("Search", {"query": "a"})
WHOLE, STREAMED = Way(streamed=False, asynchronous=False), Way(streamed=True, asynchronous=False)

STATUSES: dict[int, polycall.ErrorKind] = {
    400: "bad_request",
    401: "auth",
    403: "auth",
    404: "bad_request",
    408: "timeout",
    409: "bad_request",
    413: "bad_request",
    422: "bad_request",
    429: "rate_limit",
    500: "server",
    502: "server",
    503: "server",
    504: "timeout",
    529: "server",
}
CODES: dict[grpc.StatusCode, polycall.ErrorKind | None] = {
    grpc.StatusCode.INVALID_ARGUMENT: "bad_request",
    grpc.StatusCode.UNAUTHENTICATED: "auth",
    grpc.StatusCode.PERMISSION_DENIED: "auth",
    grpc.StatusCode.NOT_FOUND: "bad_request",
    grpc.StatusCode.DEADLINE_EXCEEDED: "timeout",
    grpc.StatusCode.RESOURCE_EXHAUSTED: "rate_limit",
    grpc.StatusCode.INTERNAL: "server",
    grpc.StatusCode.UNAVAILABLE: "server",
    grpc.StatusCode.CANCELLED: None,
}


async def kind(provider: Provider, way: Way = WHOLE, **options: Any) -> polycall.ErrorKind | None:
    """The kind of the error that a request ends in."""
    with pytest.raises(Exception) as raised:  # noqa: PT011 - of which class is what is asked
        await provider.ask(way, **options)
    return polycall.kind_of(raised.value)


@only(*HTTP)
async def test_the_kind_of_each_status(provider: Provider) -> None:
    for status, expected in STATUSES.items():
        provider.script(reply_json({"error": {"code": status, "message": "no"}}, status=status))

        assert (status, await kind(provider)) == (status, expected)


@only(*HTTP)
async def test_the_kind_of_a_status_in_a_stream_and_async(provider: Provider, way: Way) -> None:
    provider.script(reply_json({"error": {"code": 429, "message": "slow"}}, status=429))

    assert await kind(provider, way) == "rate_limit"


@only("vertex-grpc")
async def test_the_kind_of_each_code_of_grpc(provider: Provider) -> None:
    for code, expected in CODES.items():
        provider.script(partial(_failed, code))

        assert (code, await kind(provider)) == (code, expected)


def _failed(code: grpc.StatusCode, _streamed: bool) -> GrpcReply:
    return GrpcReply({}, status=code)


@only("openai", "vertex-genai")
async def test_a_connection_that_is_refused(provider: Provider, way: Way) -> None:
    with nobody_listening() as url:
        assert await kind(provider, way, client_options={"base_url": url}) == "connection"


@only("openai", "vertex-genai")
async def test_a_server_that_does_not_answer_in_time(provider: Provider, way: Way) -> None:
    provider.script(SILENCES["nothing"])

    assert await kind(provider, way, timeout=0.2) == "timeout"


@only(*HTTP)
async def test_a_body_that_is_cut(provider: Provider, way: Way) -> None:
    def half(streamed: bool) -> object:
        reply = provider.render(Said([A]), streamed)  # type: ignore[attr-defined]
        return cut(reply, len(reply.head) + 20)

    provider.script(half)

    assert await kind(provider, way) == "connection"


@only("vertex-grpc")
async def test_a_connection_of_grpc_that_is_cut(provider: Provider) -> None:
    provider.script(lambda streamed: GrpcReply({}, fault=Fault("cut")))

    assert await kind(provider) == "connection"


@only("openai", "vertex-genai")
@pytest.mark.parametrize(("code", "expected"), [(429, "rate_limit"), (502, "server"), (401, "auth")])
async def test_an_error_inside_a_reply_of_status_200(provider: Provider, code: int, expected: str) -> None:
    """As gateways send them, OpenRouter among them, when the reply had begun already."""
    provider.script(reply_json({"error": {"code": code, "message": "no"}}))

    assert await kind(provider) == expected


@only(*HTTP)
async def test_a_reply_that_is_not_the_protocol(provider: Provider) -> None:
    provider.script(type(provider).not_the_protocol(False))

    assert await kind(provider) == "server"


@only("openai", "vertex-genai")
async def test_a_request_that_cannot_be_sent(provider: Provider) -> None:
    assert await kind(provider, temprature=1) == "bad_request"


def test_a_key_of_gemini_that_is_not_valid() -> None:
    """The service answers 400 and says so in a detail."""
    reason = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID"}
    report = {"error": {"code": 400, "status": "INVALID_ARGUMENT", "message": "no", "details": [reason]}}
    with GenAI() as gemini:
        gemini.script(reply_json(report, status=400))
        with pytest.raises(Exception, match="400") as raised:
            gemini.client().create(MESSAGES, Tools, model="gemini-2.5-flash")

    assert polycall.kind_of(raised.value) == "auth"


@only("openai")
async def test_calls_that_are_good_have_no_kind(provider: Provider) -> None:
    provider.script(Said([A]), Said([("Search", {})], end="length"))

    assert list(await provider.ask(WHOLE)) == [Search(query="a")]
    assert await kind(provider) is None
