"""What users rely on from google.genai, on the short way and on the public one (see ``seen``): polycall and the SDK by
hand do the same on the wire, raise the same, and give the same response objects."""

from __future__ import annotations

import datetime
from collections.abc import AsyncIterator, Iterator
from typing import Any

import google.auth.credentials
import httpx
import pytest
from google import genai
from google.genai import errors, types
from google.oauth2.credentials import Credentials
from pydantic import BaseModel

import polycall
from support.vertex_rest_server import Fault, Reply, VertexRestServer
from support.vertex_spelling import in_rest_spelling
from support.vertex_wires import MODEL, call, candidate


class Pick(BaseModel):
    n: int


MESSAGES = [{"role": "system", "content": "be brief"}, {"role": "user", "content": "hi"}]
USAGE = {"usageMetadata": {"promptTokenCount": 3, "candidatesTokenCount": 4, "totalTokenCount": 7}, "modelVersion": "m"}
GOOD = {
    **candidate(
        {"text": "hm", "thought": True},
        call("Pick", {"n": 2**60 + 1, "x": [1.5, None, "ü"]}, thoughtSignature="AAEC/+8="),
        finishReason="STOP",
        avgLogprobs=-0.25,
    ),
    **USAGE,
}
STREAM = [candidate({"text": "one"}), candidate(call("Pick", {"n": 1})), {**candidate(finishReason="STOP"), **USAGE}]
BY_HAND = types.GenerateContentConfig(
    automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True),
)
WAYS = ["whole", "streamed", "async", "async streamed"]


def sdk_client(server: VertexRestServer, credentials: Any = None, **http_options: Any) -> genai.Client:
    return genai.Client(
        vertexai=True,
        project="p",
        location="us-central1",
        credentials=credentials or Credentials("token"),  # type: ignore[no-untyped-call]
        http_options=types.HttpOptions(**{"base_url": server.base_url, **http_options}),
    )


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest) -> str:
    return str(request.param)


async def ask(way: str, sdk: genai.Client, **options: Any) -> polycall.Calls[Pick]:
    """Through polycall."""
    calls: polycall.Calls[Pick]
    try:
        if way.startswith("async"):
            async_client = polycall.from_vertexai(sdk, use_async=True)
            if way == "async":
                calls = await async_client.create(MESSAGES, list[Pick], MODEL, max_retries=0, **options)
                return calls
            return await async_client.stream(MESSAGES, list[Pick], MODEL, max_retries=0, **options).collect()
        client = polycall.from_vertexai(sdk)
        if way == "whole":
            calls = client.create(MESSAGES, list[Pick], MODEL, max_retries=0, **options)
            return calls
        return client.stream(MESSAGES, list[Pick], MODEL, max_retries=0, **options).collect()
    finally:
        await sdk.aio.aclose()


async def ask_by_hand(way: str, sdk: genai.Client) -> Any:
    """Through the SDK alone."""
    try:
        if way == "whole":
            return sdk.models.generate_content(model=MODEL, contents="hi", config=BY_HAND)
        if way == "streamed":
            return list(sdk.models.generate_content_stream(model=MODEL, contents="hi", config=BY_HAND))
        if way == "async":
            return await sdk.aio.models.generate_content(model=MODEL, contents="hi", config=BY_HAND)
        stream = await sdk.aio.models.generate_content_stream(model=MODEL, contents="hi", config=BY_HAND)
        return [chunk async for chunk in stream]
    finally:
        await sdk.aio.aclose()


def reply(way: str) -> Any:
    return STREAM if "streamed" in way else GOOD


async def test_the_raw_response_equals_what_the_sdk_gives(rest: VertexRestServer, way: str) -> None:
    rest.enqueue(reply(way), reply(way))

    ours: Any = (await ask(way, sdk_client(rest))).raw_response
    theirs: Any = await ask_by_hand(way, sdk_client(rest))

    responses: list[Any] = [*ours, *theirs] if "streamed" in way else [ours, theirs]
    assert {type(one) for one in responses} == {types.GenerateContentResponse}
    for one in responses:
        one.sdk_http_response.headers = {
            name: value for name, value in one.sdk_http_response.headers.items() if name.lower() != "date"
        }
    assert ours == theirs


async def test_the_raw_response_is_built_although_the_sdk_was_wrapped_since(
    rest: VertexRestServer, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    rest.enqueue(reply(way))
    calls = await ask(way, sdk_client(rest))

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a wrapper saw a call that was none")

    for class_ in (genai.models.Models, genai.models.AsyncModels):
        monkeypatch.setattr(class_, "generate_content", refuse)
        monkeypatch.setattr(class_, "generate_content_stream", refuse)
    raw: Any = calls.raw_response

    last = raw[-1] if "streamed" in way else raw
    assert (type(last), last.usage_metadata.total_token_count) == (types.GenerateContentResponse, 7)


async def test_errors_are_the_sdks_own_with_the_same_attributes(rest: VertexRestServer, way: str) -> None:
    refusal = Reply({"error": {"code": 429, "message": "slow down", "status": "RESOURCE_EXHAUSTED"}}, status=429)
    rest.enqueue(refusal, refusal)

    with pytest.raises(errors.ClientError) as ours:
        await ask(way, sdk_client(rest))
    with pytest.raises(errors.ClientError) as theirs:
        await ask_by_hand(way, sdk_client(rest))

    for one in (ours.value, theirs.value):
        one.response = (type(one.response), str(one.response.headers["content-type"]))
    assert vars(ours.value) == vars(theirs.value)


async def test_an_error_inside_a_success_has_one_class_in_each_way(rest: VertexRestServer, way: str, seen: Any) -> None:
    error = {"error": {"code": 503, "message": "overloaded", "status": "UNAVAILABLE"}}
    streamed = "streamed" in way
    rest.enqueue([STREAM[0], error] if streamed else error)

    with pytest.raises(polycall.ResponseError) as caught:
        await ask(way, sdk_client(rest))

    if streamed or seen is None:  # the SDK's own reader of whole replies drops the words
        assert '"code": 503, "message": "overloaded"' in str(caught.value)


@pytest.mark.parametrize("where", ["client", "call"])
async def test_the_sdks_own_retries(rest: VertexRestServer, way: str, where: str, seen: Any) -> None:
    if (way, where) == ("async streamed", "call") and seen is not None and genai.__version__.startswith("1."):
        pytest.skip("the SDK forgets the call's retries: google-genai before 2")
    overloaded = Reply({"error": {"code": 503, "message": "overloaded"}}, status=503)
    rest.enqueue(overloaded, overloaded, reply(way))
    retries = {"retry_options": types.HttpRetryOptions(attempts=3, initial_delay=0.001, max_delay=0.002, jitter=0.001)}

    if where == "client":
        calls = await ask(way, sdk_client(rest, **retries))
    else:
        calls = await ask(way, sdk_client(rest), http_options=retries)

    assert (len(calls), len(rest.requests)) == (1, 3)


@pytest.mark.parametrize("where", ["client", "http_options", "timeout"])
async def test_time_outs(rest: VertexRestServer, way: str, where: str) -> None:
    rest.enqueue(Reply(reply(way), fault=Fault("hang")))
    options: dict[str, Any] = {"http_options": {"http_options": {"timeout": 200}}, "timeout": {"timeout": 0.2}}

    with pytest.raises((httpx.TimeoutException, TimeoutError)):  # the latter from aiohttp, if it is installed
        await ask(way, sdk_client(rest, **({"timeout": 200} if where == "client" else {})), **options.get(where, {}))


class Expiring(google.auth.credentials.Credentials):
    """Credentials with a new token for each refresh, which is always due."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.refreshed = 0

    def refresh(self, _request: object) -> None:
        self.refreshed += 1
        self.token = f"token-{self.refreshed}"
        self.expiry = datetime.datetime(2000, 1, 1)  # noqa: DTZ001 - as google-auth keeps it

    @property
    def quota_project_id(self) -> str:
        return "payer"


async def test_expired_credentials_are_refreshed(rest: VertexRestServer, way: str) -> None:
    credentials = Expiring()
    rest.enqueue(reply(way), reply(way))

    await ask(way, sdk_client(rest, credentials))
    await ask(way, sdk_client(rest, credentials))

    sent = [(request.headers["authorization"], request.headers["x-goog-user-project"]) for request in rest.requests]
    assert sent == [("Bearer token-1", "payer"), ("Bearer token-2", "payer")]


async def test_headers_base_url_and_version_of_the_client_and_the_call(rest: VertexRestServer, way: str) -> None:
    rest.enqueue(reply(way), reply(way))
    client = {"base_url": f"{rest.base_url}/proxy/", "api_version": "v1", "headers": {"x-a": "client", "x-b": "client"}}

    await ask(way, sdk_client(rest, **client), http_options={"headers": {"x-b": "call"}, "api_version": "v9"})
    await ask_by_hand(way, sdk_client(rest, **client))

    ours, theirs = rest.requests
    assert (ours.headers["x-a"], ours.headers["x-b"]) == ("client", "call")
    assert ours.path == theirs.path.replace("/proxy/v1/", "/proxy/v9/")
    # All other headers are those of the SDK.
    same = {"content-length", "x-b"}
    assert {n: v for n, v in ours.headers.items() if n not in same} == {
        n: v for n, v in theirs.headers.items() if n not in same
    }


async def test_an_extra_body_of_the_client_or_the_call_is_below_what_polycall_makes(
    rest: VertexRestServer, way: str
) -> None:
    rest.enqueue(reply(way), reply(way))
    client = {"extra_body": {"fromClient": 1, "contents": [], "generationConfig": {"seed": 7}}}

    await ask(way, sdk_client(rest, **client), temperature=0.5)
    await ask(way, sdk_client(rest, **client), http_options={"extra_body": {"fromCall": 2}})

    ours, other = [request.body for request in rest.requests]
    assert (ours["fromClient"], ours["generationConfig"]) == (1, {"temperature": 0.5, "seed": 7})
    assert ours["contents"] == [{"role": "user", "parts": [{"text": "hi"}]}]
    assert ("fromClient" in other, other["fromCall"]) == (False, 2)


async def test_an_http_client_of_ones_own_and_its_hooks(rest: VertexRestServer, way: str) -> None:
    rest.enqueue(reply(way))
    seen_by_hook: list[str] = []

    async def async_hook(request: httpx.Request) -> None:
        seen_by_hook.append(request.url.path)

    def hook(request: httpx.Request) -> None:
        seen_by_hook.append(request.url.path)

    async with httpx.AsyncClient(event_hooks={"request": [async_hook]}) as async_http:
        with httpx.Client(event_hooks={"request": [hook]}) as http:
            await ask(way, sdk_client(rest, httpx_client=http, httpx_async_client=async_http))

    assert seen_by_hook == [rest.requests[0].path]


async def test_the_body_is_the_same_on_both_ways_and_for_a_later_call(
    rest: VertexRestServer, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    sdk = sdk_client(rest)
    options = {"temperature": 0.5, "labels": {"team": "a"}, "tool_choice": "Pick"}
    rest.enqueue(*[reply(way)] * 3)

    await ask(way, sdk, **options)
    await ask(way, sdk_client(rest), **options)
    for class_ in (genai.models.Models, genai.models.AsyncModels):
        for name in ("generate_content", "generate_content_stream"):
            original = getattr(class_, name)
            monkeypatch.setattr(class_, name, lambda *a, original=original, **b: original(*a, **b))
    await ask(way, sdk_client(rest), **options)

    first, second, wrapped = [in_rest_spelling(request.body) for request in rest.requests]
    assert first == second
    assert wrapped == first


async def test_a_wrapper_sees_a_normal_call(
    rest: VertexRestServer, way: str, seen: list[dict[str, Any]] | None
) -> None:
    rest.enqueue(reply(way))

    await ask(way, sdk_client(rest), temperature=0.5)

    if seen is None:
        return
    [arguments] = seen
    assert arguments["model"] == MODEL
    assert arguments["contents"] == [types.Content(role="user", parts=[types.Part(text="hi")])]
    config = arguments["config"]
    assert config.system_instruction.parts == [types.Part(text="be brief")]
    assert [one.name for tool in config.tools for one in tool.function_declarations] == ["Pick"]
    assert (config.temperature, config.tool_config.function_calling_config.mode) == (0.5, "ANY")
    assert (config.http_options, config.should_return_http_response) == (None, None)


async def test_what_a_wrapper_changes_is_sent(
    rest: VertexRestServer, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A wrapper of one object, such as LangSmith's, in place of the class."""
    rest.enqueue(reply(way))
    sdk = sdk_client(rest)
    models: Any = sdk.aio.models if way.startswith("async") else sdk.models
    name = "generate_content_stream" if "streamed" in way else "generate_content"
    original = getattr(models, name)
    monkeypatch.setattr(models, name, lambda **given: original(**given | {"contents": "redacted"}))

    await ask(way, sdk)

    assert rest.requests[0].body["contents"] == [{"role": "user", "parts": [{"text": "redacted"}]}]


class Responses:
    """A stream as OpenInference wraps it: iterable, and no iterator."""

    def __init__(self, responses: Any) -> None:
        self.responses = responses

    def __iter__(self) -> Iterator[Any]:
        yield from self.responses

    async def __aiter__(self) -> AsyncIterator[Any]:
        async for response in self.responses:
            yield response


async def test_a_wrapper_may_give_any_iterable(rest: VertexRestServer) -> None:
    rest.enqueue(STREAM, STREAM)
    sdk: Any = sdk_client(rest)
    original = sdk.models.generate_content_stream
    sdk.models.generate_content_stream = lambda **given: Responses(original(**given))

    assert list(await ask("streamed", sdk)) == [Pick(n=1)]

    sdk = sdk_client(rest)
    original_async = sdk.aio.models.generate_content_stream

    async def wrapper(**given: Any) -> Responses:
        return Responses(await original_async(**given))

    sdk.aio.models.generate_content_stream = wrapper

    assert list(await ask("async streamed", sdk)) == [Pick(n=1)]


async def test_a_part_of_the_sdk_that_is_missing_or_replaced_below_leads_to_the_public_way(
    rest: VertexRestServer, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    rest.enqueue(reply(way))
    sdk = sdk_client(rest)
    api_client: Any = sdk._api_client
    name = ("async_" if way.startswith("async") else "") + ("request_streamed" if "streamed" in way else "request")
    original = getattr(api_client, name)
    asked: list[str] = []

    def replaced(method: str, path: str, *more: Any) -> Any:
        asked.append(path)
        return original(method, path, *more)

    monkeypatch.setattr(api_client, name, replaced)

    assert len(await ask(way, sdk)) == 1
    assert len(asked) == 1


# -- streams -----------------------------------------------------------------------------------------------------------

EVENT = b'data: {"candidates": [{"content": {"parts": [{"functionCall": {"name": "Pick", "args": {"n": 1}}}]}}]}'
END = b'data: {"candidates": [{"finishReason": "STOP"}]}'


@pytest.mark.parametrize(
    "body",
    [
        [b": ping\n\n", EVENT + b"\n\n", b": ping\n\n" + END + b"\n\n", b"data: [DONE]\n\n"],
        [b"event: message\nid: 1\nretry: 9\n" + EVENT + b"\n\n" + END.replace(b"data: ", b"data:") + b"\n\n"],
        [EVENT + b"\r\n\r", b"\n" + END + b"\r\n\r\n"],
        [EVENT[:20], EVENT[20:], b"\n", b"\n", END],
        [b"\xef\xbb\xbf" + EVENT + b"\n\n" + END.replace(b": [", b":\ndata: [", 1) + b"\n\n"],
        [EVENT.replace(b'"n"', '"ü\u2028\u0085": 0, "n"'.encode()) + b"\n\n" + END + b"\n\n"],
    ],
    ids=["comments and [DONE]", "other fields", "CRLF, cut", "cut, and no blank line", "BOM, two lines", "U+2028"],
)
@pytest.mark.parametrize("seen", ["as made"], indirect=True)
async def test_what_proxies_put_into_streams_does_no_harm(rest: VertexRestServer, body: list[bytes]) -> None:
    rest.enqueue(body, body)

    for way in ("streamed", "async streamed"):
        assert list(await ask(way, sdk_client(rest))) == [Pick(n=1)]


@pytest.mark.parametrize("seen", ["wrapped"], indirect=True)
async def test_the_sdks_own_reader_which_a_wrapper_needs_ends_at_a_comment(rest: VertexRestServer) -> None:
    body = [b": ping\n\n", EVENT + b"\n\n", END + b"\n\n"]
    rest.enqueue(body, body)

    for way in ("streamed", "async streamed"):
        with pytest.raises(polycall.ResponseError):
            await ask(way, sdk_client(rest))


async def test_an_error_that_answers_a_stream_as_a_whole_reply(rest: VertexRestServer) -> None:
    body = b'{\n  "error": {\n    "code": 400,\n    "message": "no"\n  }\n}\n'
    for way in ("streamed", "async streamed"):
        rest.enqueue(Reply(body))

        with pytest.raises(polycall.ResponseError, match="no"):
            await ask(way, sdk_client(rest))


def test_a_connection_serves_again_after_a_stream(rest: VertexRestServer) -> None:
    rest.enqueue(STREAM, STREAM, GOOD)
    client = polycall.from_vertexai(sdk_client(rest))

    client.stream(MESSAGES, list[Pick], MODEL).collect()
    client.stream(MESSAGES, list[Pick], MODEL).collect()
    client.create(MESSAGES, list[Pick], MODEL)

    assert rest.open_connections == 1


@pytest.mark.parametrize("seen", ["as made"], indirect=True)
def test_the_bytes_of_a_stream_are_counted_as_they_come(rest: VertexRestServer) -> None:
    """Also those of an event that never ends; the SDK's own reader, which a wrapper needs, does not count."""
    rest.enqueue([EVENT + b"\n\n", b'data: {"text": "', *[b"x" * 1000] * 100])
    client = polycall.from_vertexai(sdk_client(rest), max_reply_bytes=5000)

    with pytest.raises(polycall.IncompleteOutputError, match="max_reply_bytes") as caught:
        client.stream(MESSAGES, list[Pick], MODEL).collect()

    assert list(caught.value.calls) == [Pick(n=1)]
