"""What goes wrong, and what the caller gets: the errors of the design's table."""

from __future__ import annotations

from typing import Any

import google.api_core.exceptions
import grpc
import httpx
import pytest
import requests
from google.auth.credentials import AnonymousCredentials
from google.genai import errors
from pydantic import BaseModel

import polycall
from polycall.plugin import NotJsonError
from support import vertex_grpc_server, vertex_rest_server
from support.vertex_rest_server import VertexRestServer
from support.vertex_wires import MODEL, Wire, call, candidate, genai_client, generative_model, init_vertexai


class Pick(BaseModel):
    n: int


MESSAGES = [{"role": "user", "content": "hi"}]
GOOD = call("Pick", {"n": 1})


def create(wire: Wire, **more: Any) -> polycall.Calls[Pick]:
    calls: polycall.Calls[Pick] = wire.client().create(
        MESSAGES, list[Pick], **{"max_retries": 0, "model": wire.model, **more}
    )
    return calls


def collect(wire: Wire, **more: Any) -> polycall.Calls[Pick]:
    return wire.client().stream(MESSAGES, list[Pick], **{"max_retries": 0, "model": wire.model, **more}).collect()


@pytest.fixture(params=[False, True], ids=["whole", "streamed"])
def streamed(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


def ask(wire: Wire, streamed: bool, **more: Any) -> polycall.Calls[Pick]:
    return collect(wire, **more) if streamed else create(wire, **more)


# -- the end of a reply ------------------------------------------------------------------------------------------------


def test_a_blocked_prompt_is_a_refusal(wire: Wire, streamed: bool) -> None:
    """``promptFeedback.blockReason`` and no candidate: Vertex AI API description."""
    reply = {"promptFeedback": {"blockReason": "PROHIBITED_CONTENT", "blockReasonMessage": "not this"}}
    wire.enqueue([reply] if streamed else reply)

    with pytest.raises(polycall.RefusalError) as caught:
        ask(wire, streamed)

    assert caught.value.reason == "the prompt was blocked (PROHIBITED_CONTENT): not this"


@pytest.mark.filterwarnings("ignore:MODEL_ARMOR is not a valid FinishReason:UserWarning")  # google-genai 2.34 says so
@pytest.mark.parametrize("reason", ["SAFETY", "RECITATION", "BLOCKLIST", "SPII", "MODEL_ARMOR"])
def test_a_stopped_reply_is_a_refusal_with_the_calls_before_it(wire: Wire, streamed: bool, reason: str) -> None:
    reply = candidate(GOOD, finishReason=reason, finishMessage="stop")
    wire.enqueue([reply] if streamed else reply)

    with pytest.raises(polycall.RefusalError) as caught:
        ask(wire, streamed)

    assert (caught.value.reason, list(caught.value.calls)) == (f"the reply was stopped ({reason}): stop", [Pick(n=1)])


def test_the_length_limit_is_incomplete_output(wire: Wire, streamed: bool) -> None:
    reply = candidate(GOOD, finishReason="MAX_TOKENS")
    wire.enqueue([reply] if streamed else reply)

    with pytest.raises(polycall.IncompleteOutputError) as caught:
        ask(wire, streamed)

    assert list(caught.value.calls) == [Pick(n=1)]


def test_text_alone_is_no_call(wire: Wire, streamed: bool) -> None:
    reply = candidate({"text": "no "}, {"text": "idea"}, {"text": "...", "thought": True}, finishReason="STOP")
    wire.enqueue([reply] if streamed else reply)

    with pytest.raises(polycall.NoToolCallsError) as caught:
        ask(wire, streamed)

    assert caught.value.text == "no idea"


def test_an_empty_candidate_is_no_call(wire: Wire) -> None:
    wire.enqueue({"candidates": [{"finishReason": "STOP"}]})

    with pytest.raises(polycall.NoToolCallsError):
        create(wire)


@pytest.mark.filterwarnings("ignore:.* is not a valid FinishReason:UserWarning")  # google-genai says so
@pytest.mark.parametrize("name", ["A_NEW_ONE", "LANGUAGE", "TOO_MANY_TOOL_CALLS"])
def test_with_an_unknown_finish_reason_the_reply_is_not_known_to_be_whole(
    rest: VertexRestServer, streamed: bool, name: str
) -> None:
    """google-genai 2.34 takes any name; google-cloud-aiplatform 2.7 lacks ten of them."""
    reply = candidate(GOOD, finishReason=name)
    rest.enqueue([reply] if streamed else reply)

    with pytest.raises(polycall.IncompleteOutputError) as caught:
        ask(Wire("genai", rest), streamed)

    assert list(caught.value.calls) == [Pick(n=1)]
    assert caught.value.calls.finish_reason is polycall.FinishReason.OTHER
    assert caught.value.calls.raw_finish_reason == name


@pytest.mark.filterwarnings("ignore:.* is not a valid FinishReason:UserWarning")  # google-genai 1 says so
def test_the_sdk_sends_no_further_requests_of_its_own(rest: VertexRestServer, streamed: bool) -> None:
    """google-genai 2 would answer a continuation token with a second request, and merge the replies."""
    reply = candidate(GOOD, finishReason="CONTINUATION", continuationToken="AAEC")
    rest.enqueue([reply] if streamed else reply)

    with pytest.raises(polycall.IncompleteOutputError) as caught:  # something was to be continued
        ask(Wire("genai", rest), streamed)

    assert list(caught.value.calls) == [Pick(n=1)]
    assert len(rest.requests) == 1


@pytest.mark.parametrize("seen", ["as made"], indirect=True)  # the SDK's own reader stumbles: a clear error
def test_comments_that_come_as_data_are_no_part_of_a_stream(rest: VertexRestServer) -> None:
    """opencode#50871, on a partner model's endpoint of Vertex AI."""
    comment = b"data: : keepalive\r\n\r\n"
    rest.enqueue([comment, candidate(GOOD), comment, candidate(finishReason="STOP"), comment])

    assert list(ask(Wire("genai", rest), streamed=True)) == [Pick(n=1)]

    assert len(rest.requests) == 1


def test_a_call_of_an_unknown_tool_keeps_the_others(wire: Wire, streamed: bool) -> None:
    reply = candidate(GOOD, call("Stocks", {"n": 2}), finishReason="STOP")
    wire.enqueue([reply] if streamed else reply)

    with pytest.raises(polycall.InvalidCallsError) as caught:
        ask(wire, streamed)

    assert list(caught.value.calls) == [Pick(n=1)]
    assert [failure.tool_call.name for failure in caught.value.failures] == ["Stocks"]


# -- numbers -----------------------------------------------------------------------------------------------------------


class Strict(BaseModel, strict=True):
    n: int
    x: float
    deep: list[dict[str, int]] = []


def test_whole_doubles_become_integers_where_the_schema_says_so(wire: Wire) -> None:
    arguments = {"n": 3.0, "x": 4.0, "deep": [{"a": 5.0}]}
    wire.enqueue(candidate(call("Strict", arguments), finishReason="STOP"))

    [made] = wire.client().create(MESSAGES, list[Strict], max_retries=0, model=wire.model)

    assert made == Strict(n=3, x=4.0, deep=[{"a": 5}])


class Either(BaseModel):
    n: int | float


def test_where_the_schema_allows_both_a_double_becomes_an_integer_and_json_stays_as_it_is(wire: Wire) -> None:
    wire.enqueue(candidate(call("Either", {"n": 3.0}), finishReason="STOP"))

    [made] = wire.client().create(MESSAGES, list[Either], max_retries=0, model=wire.model)

    assert repr(made.n) == ("3.0" if wire.kind == "genai" else "3")


def test_large_integers_are_exact_or_fail_loudly(wire: Wire) -> None:
    """``google.protobuf.Struct`` carries doubles: 2**53 + 1 arrives as 2**53."""
    large = 2**53 + 1
    wire.enqueue(candidate(call("Pick", {"n": large}), finishReason="STOP"))

    if wire.kind == "genai":
        assert list(create(wire)) == [Pick(n=large)]
        return
    with pytest.raises(polycall.InvalidCallsError) as caught:
        create(wire)
    assert "may have been rounded" in caught.value.failures[0].reason


# -- replies that are not the protocol ---------------------------------------------------------------------------------

GARBAGE = [
    b"<html>bad gateway</html>",
    b"",
    b"[]",
    b"null",
    b'"text"',
    b'{"candidates": "many"}',
    b'{"candidates": [{"content": {"parts": {"text": 1}}}]}',
    b'{"error": {"code": 500, "message": "inside"}}',
    b"{}",
    b'{"candidates": []}',
    b'{"candidates": [' * 3000,
    b'{"candidates": ' + b"9" * 5000 + b"}",
    b"\xff\xfe garbage",
]


@pytest.mark.parametrize("body", GARBAGE, ids=lambda body: body[:30])
@pytest.mark.parametrize("kind", ["genai", "model over REST"])
def test_garbage_in_a_success_is_a_response_error(kind: Any, body: bytes, rest: VertexRestServer) -> None:
    rest.enqueue(vertex_rest_server.Reply(body))

    with pytest.raises(polycall.ResponseError):
        create(Wire(kind, rest))


def test_a_function_call_that_is_no_object_is_a_response_error(rest: VertexRestServer, seen: Any) -> None:
    rest.enqueue(candidate({"functionCall": ["Pick"]}, finishReason="STOP"))
    words = "'functionCall' in the reply is a list, not a dict" if seen is None else "The SDK could not read the reply"

    with pytest.raises(polycall.ResponseError, match=words):
        create(Wire("genai", rest))


@pytest.mark.parametrize(
    "body", [b"data: <html>\n\n", b"", b"data: null\n\n", b'data: {"candidates": "many"}\n\n', b"data: {}\n\n"]
)
def test_garbage_in_a_genai_stream_is_a_response_error(body: bytes, rest: VertexRestServer) -> None:
    rest.enqueue(vertex_rest_server.Reply(body, headers={"Content-Type": "text/event-stream"}))

    with pytest.raises(polycall.ResponseError):
        collect(Wire("genai", rest))


async def test_garbage_in_an_async_genai_stream_is_a_response_error(rest: VertexRestServer, seen: Any) -> None:
    rest.enqueue(vertex_rest_server.Reply(b"data: <html>\n\n", headers={"Content-Type": "text/event-stream"}))

    wire = Wire("genai", rest)
    with pytest.raises(polycall.ResponseError) as caught:
        await wire.async_client().stream(MESSAGES, list[Pick], MODEL).collect()
    await wire.close()

    assert type(caught.value.__cause__) is (NotJsonError if seen is None else errors.UnknownApiResponseError)


@pytest.mark.parametrize("body", [b"<html>", b"{}", b"[{]", b"[", b'[{"error": {"code": 500}}]', b"[]"])
def test_garbage_in_a_stream_of_a_model_is_a_response_error(body: bytes, rest: VertexRestServer) -> None:
    rest.enqueue(vertex_rest_server.Reply(body, headers={"Content-Type": "application/json; charset=UTF-8"}))

    with pytest.raises(polycall.ResponseError):
        collect(Wire("model over REST", rest))


@pytest.mark.parametrize("body", [b"\xff\xff\xff garbage", b""])
def test_garbage_over_grpc_is_a_response_error(
    body: bytes, streamed: bool, grpc_server: vertex_grpc_server.VertexGrpcServer
) -> None:
    grpc_server.enqueue([body] if streamed else body)

    with pytest.raises(polycall.ResponseError):
        ask(Wire("model over gRPC", grpc_server), streamed)


@pytest.mark.parametrize("body", [b"\xff\xff\xff garbage", b""])
async def test_garbage_over_async_grpc_is_a_response_error(
    body: bytes, streamed: bool, grpc_server: vertex_grpc_server.VertexGrpcServer
) -> None:
    grpc_server.enqueue([body] if streamed else body)
    wire = Wire("model over gRPC", grpc_server)
    client = wire.async_client()

    with pytest.raises(polycall.ResponseError):
        if streamed:
            await client.stream(MESSAGES, list[Pick]).collect()
        else:
            await client.create(MESSAGES, list[Pick])
    await wire.close()


@pytest.mark.parametrize("seen", ["as made"], indirect=True)
@pytest.mark.parametrize("arguments", [[1], "n=1", 3])
def test_arguments_of_another_form_are_the_fault_of_one_call(rest: VertexRestServer, arguments: object) -> None:
    rest.enqueue(candidate(GOOD, {"functionCall": {"name": "Pick", "args": arguments}}, finishReason="STOP"))

    with pytest.raises(polycall.InvalidCallsError) as caught:
        create(Wire("genai", rest))

    assert list(caught.value.calls) == [Pick(n=1)]


@pytest.mark.parametrize("seen", ["wrapped"], indirect=True)
@pytest.mark.parametrize("arguments", [[1], "n=1", 3])
def test_the_sdks_own_response_which_a_wrapper_gets_cannot_hold_them(rest: VertexRestServer, arguments: object) -> None:
    rest.enqueue(candidate(GOOD, {"functionCall": {"name": "Pick", "args": arguments}}, finishReason="STOP"))

    with pytest.raises(polycall.ResponseError):
        create(Wire("genai", rest))


OVERLOADED = {"error": {"code": 503, "message": "overloaded", "status": "UNAVAILABLE"}}


@pytest.mark.parametrize("kind", ["genai", "model over REST"])
@pytest.mark.parametrize(
    "reply", [OVERLOADED, [OVERLOADED], [candidate(GOOD), OVERLOADED]], ids=["whole", "at once", "later"]
)
def test_an_error_object_inside_a_success_is_a_response_error_whole_and_streamed(
    kind: Any, reply: Any, rest: VertexRestServer, seen: object
) -> None:
    rest.enqueue(reply)
    streamed = isinstance(reply, list)

    with pytest.raises(polycall.ResponseError) as caught:
        ask(Wire(kind, rest), streamed)

    # The SDKs' own readers of whole replies drop the words.
    if streamed or (kind == "genai" and seen is None):
        assert "overloaded" in str(caught.value)
    assert list(caught.value.calls) == ([Pick(n=1)] if reply == [candidate(GOOD), OVERLOADED] else [])


@pytest.mark.parametrize("error", [{"message": "odd"}, "odd", {"code": "odd"}])
def test_an_error_object_without_a_code_is_one_too(rest: VertexRestServer, error: object) -> None:
    rest.enqueue([candidate(GOOD), {"error": error}])

    with pytest.raises(polycall.ResponseError):
        collect(Wire("genai", rest))


# -- what the SDKs document passes through -----------------------------------------------------------------------------


def test_a_refused_request_is_the_sdks_own_error(wire: Wire, streamed: bool) -> None:
    expected: type[Exception] = google.api_core.exceptions.TooManyRequests
    reply: Any = vertex_rest_server.Reply({"error": {"code": 429, "message": "slow down"}}, status=429)
    if wire.kind == "genai":
        expected = errors.ClientError
    elif wire.kind == "model over gRPC":
        reply = vertex_grpc_server.Reply({}, status=grpc.StatusCode.RESOURCE_EXHAUSTED, details="slow down")
    wire.enqueue(reply)

    with pytest.raises(expected, match="slow down"):
        ask(wire, streamed)


def test_a_broken_connection_is_the_sdks_own_error(wire: Wire, streamed: bool) -> None:
    expected: dict[str, type[Exception] | tuple[type[Exception], ...]] = {
        "genai": httpx.TransportError,
        "model over REST": requests.exceptions.RequestException,
        "model over gRPC": google.api_core.exceptions.ServiceUnavailable,
    }
    body = [candidate(GOOD)] if streamed else candidate(GOOD)
    if wire.kind == "model over gRPC":
        wire.enqueue(vertex_grpc_server.Reply(body, fault=vertex_grpc_server.Fault("cut")))
    else:
        wire.enqueue(vertex_rest_server.Reply(body, fault=vertex_rest_server.Fault("reset", after=10)))

    with pytest.raises(expected[wire.kind]):
        ask(wire, streamed)


def test_a_time_out_is_the_sdks_own_error(wire: Wire, streamed: bool) -> None:
    expected: dict[str, type[Exception]] = {
        "genai": httpx.TimeoutException,
        "model over REST": requests.exceptions.Timeout,
        "model over gRPC": google.api_core.exceptions.DeadlineExceeded,
    }
    body = [candidate(GOOD)] if streamed else candidate(GOOD)
    if wire.kind == "model over gRPC":
        wire.enqueue(vertex_grpc_server.Reply(body, fault=vertex_grpc_server.Fault("hang")))
    else:
        wire.enqueue(vertex_rest_server.Reply(body, fault=vertex_rest_server.Fault("hang")))

    with pytest.raises(expected[wire.kind]):
        ask(wire, streamed, timeout=0.2)


# -- clients and settings ----------------------------------------------------------------------------------------------


def test_a_model_over_rest_cannot_be_async(rest: VertexRestServer) -> None:
    init_vertexai(rest)

    with pytest.raises(polycall.ConfigurationError, match="REST has no async client"):
        polycall.from_vertexai(generative_model(), use_async=True)


def test_another_object_is_not_recognised() -> None:
    with pytest.raises(polycall.UnknownClientError):
        polycall.from_vertexai(object())  # type: ignore[call-overload]


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"api_key": "secret-key", "project": "p"}, "api_key works alone"),
        ({"base_url": "http://127.0.0.1:9"}, "requires project and location"),
        ({"projet": "p"}, "Did you mean 'project'"),
    ],
)
def test_settings_that_do_not_fit(settings: dict[str, Any], words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GOOGLE_CLOUD_PROJECT", raising=False)

    with pytest.raises(polycall.ConfigurationError, match=words) as caught:
        polycall.from_provider("vertex/m", **settings)

    assert "secret-key" not in str(caught.value)


def test_credentials_that_cannot_be_used_are_the_sdks_own_error(rest: VertexRestServer, streamed: bool) -> None:
    from google import genai
    from google.auth.exceptions import GoogleAuthError

    client = polycall.from_vertexai(
        genai.Client(
            vertexai=True,
            project="p",
            location="l",
            credentials=AnonymousCredentials(),  # type: ignore[no-untyped-call]
            http_options={"base_url": rest.base_url},
        )
    )

    with pytest.raises(GoogleAuthError):
        if streamed:
            client.stream(MESSAGES, list[Pick], MODEL).collect()
        else:
            client.create(MESSAGES, list[Pick], MODEL)


def test_a_genai_call_without_a_model(rest: VertexRestServer) -> None:
    with pytest.raises(polycall.ConfigurationError, match="No model is named"):
        polycall.from_vertexai(genai_client(rest)).create(MESSAGES, list[Pick])


def test_an_sdk_without_a_needed_name_is_a_plugin_error(rest: VertexRestServer) -> None:
    init_vertexai(rest)
    model = generative_model()
    del model._prediction_resource_name

    with pytest.raises(polycall.PluginError, match="_prediction_resource_name"):
        polycall.from_vertexai(model)


def test_the_sdks_own_response_is_built_when_asked_for(wire: Wire) -> None:
    wire.enqueue(candidate(GOOD, finishReason="STOP"))

    response: Any = create(wire).raw_response

    assert response.candidates[0].content.parts[0].function_call.name == "Pick"
    assert type(response).__name__ == ("GenerateContentResponse" if wire.kind == "genai" else "GenerationResponse")
