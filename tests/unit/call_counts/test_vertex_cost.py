"""What a call with google.genai costs in function calls of polycall's own code; see `test_cost` for how to read it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

import httpx
from google import genai
from google.genai import types
from google.oauth2.credentials import Credentials
from pydantic import BaseModel

import polycall
import polycall_vertex
from support import counting
from support.counting import Counter

CREATE_WITH_3_CALLS = 422
EACH_FURTHER_CALL = 65
STREAM_OF_1000_CHUNKS = 63_000
SHARE_OF_THE_SDK = 0.25
"""All function calls of a ``create`` with three calls, the SDK's included, beside those of the SDK by hand."""

MESSAGES = [{"role": "user", "content": "What is the weather in Toronto, Dallas and Rome?"}]


class Weather(BaseModel):
    location: str
    units: str


CALL = {"functionCall": {"name": "Weather", "args": {"location": "Toronto", "units": "metric"}}}


def count(job: Callable[[], object]) -> Counter:
    """The function calls of a job that has been done before."""
    return counting.count(job, polycall, polycall_vertex)


def response(*parts: object, **more: object) -> dict[str, object]:
    return {"candidates": [{"content": {"role": "model", "parts": list(parts)}, **more}], "usageMetadata": {}}


def sdk_client(handler: Callable[[httpx.Request], httpx.Response]) -> genai.Client:
    """The SDK's client, on a transport that is a function."""
    return genai.Client(
        vertexai=True,
        project="p",
        location="l",
        credentials=Credentials("token"),  # type: ignore[no-untyped-call]
        http_options=types.HttpOptions(httpx_client=httpx.Client(transport=httpx.MockTransport(handler))),
    )


def whole(number_of_calls: int) -> genai.Client:
    body = json.dumps(response(*[CALL] * number_of_calls, finishReason="STOP")).encode()
    return sdk_client(lambda _: httpx.Response(200, content=body, headers={"content-type": "application/json"}))


def create(number_of_calls: int) -> Callable[[], object]:
    client = polycall.from_vertexai(whole(number_of_calls))
    return lambda: client.create(MESSAGES, list[Weather], "m")


def by_hand(number_of_calls: int) -> Callable[[], object]:
    """The same with the SDK alone."""
    sdk = whole(number_of_calls)

    def job() -> object:
        declared = types.FunctionDeclaration(name="Weather", parameters_json_schema=Weather.model_json_schema())
        config = types.GenerateContentConfig(
            tools=[types.Tool(function_declarations=[declared])],
            automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True),
        )
        reply = sdk.models.generate_content(model="m", contents=MESSAGES[0]["content"], config=config)
        return [Weather.model_validate(call.args) for call in reply.function_calls or ()]

    return job


class Pieces(httpx.SyncByteStream):
    def __init__(self, pieces: list[bytes]) -> None:
        self.pieces = pieces

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.pieces)


def stream(number_of_chunks: int) -> Callable[[], object]:
    sent = [response({"text": "so it goes"})] * (number_of_chunks - 1) + [response(CALL, finishReason="STOP")]
    pieces = [b"data: " + json.dumps(chunk).encode() + b"\r\n\r\n" for chunk in sent]
    headers = {"content-type": "text/event-stream"}
    sdk = sdk_client(lambda _: httpx.Response(200, stream=Pieces(pieces), headers=headers))
    client = polycall.from_vertexai(sdk)
    return lambda: client.stream(MESSAGES, list[Weather], "m").collect()


def test_create_with_three_calls() -> None:
    assert count(create(3)).ours <= CREATE_WITH_3_CALLS


def test_each_further_call() -> None:
    assert (count(create(503)).ours - count(create(3)).ours) / 500 <= EACH_FURTHER_CALL


def test_a_thousand_chunks() -> None:
    assert count(stream(1000)).ours <= STREAM_OF_1000_CHUNKS


def test_chunks_cost_the_same_at_the_end_of_a_long_stream() -> None:
    assert count(stream(8000)).ours <= count(stream(1000)).ours * 8


def test_the_sdk_builds_no_models() -> None:
    assert count(create(3)).all <= count(by_hand(3)).all * SHARE_OF_THE_SDK
