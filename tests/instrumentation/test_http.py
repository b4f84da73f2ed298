"""Instrumentation of the HTTP client below the SDK sees the fast way's requests, and takes nothing of its speed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from support.environments import Environment
from support.openai_replies import Call, chunks, completion, sse
from support.wire_server import WireServer, reply_json, reply_stream

pytestmark = pytest.mark.install

CALLS: list[Call] = [("Weather", {"location": "Toronto"}), ("Weather", {"location": "Dallas"})]

PROGRAM = """
import asyncio
import json
import sys

sys.path.insert(0, TESTS)
from instrumentation.programs import harness, libraries


class Http(libraries.InstrumentorLibrary):
    apis = ("chat",)

    def instrumentor(self):
        import opentelemetry.instrumentation.httpx as instrumentation

        return getattr(instrumentation, INSTRUMENTOR)()


library = Http()
ways = [
    harness.Way(URL, library, api="chat", streamed=streamed, asynchronous=asynchronous)
    for streamed in (False, True)
    for asynchronous in (False, True)
]
library.instrument()
said = []
for way in ways:
    job = way.ask(way.client)
    values = asyncio.run(job) if way.asynchronous else harness.run_without_a_loop(job)
    said.append([values, way.wire.fast, library.records()])
print(json.dumps(said))
"""


@pytest.mark.parametrize(
    ("versions", "instrumentor"), [("newest", "HTTPX2ClientInstrumentor"), ("lowest", "HTTPXClientInstrumentor")]
)
def test_each_request_has_its_span_and_says_so_to_the_server(
    versions: str, instrumentor: str, request: pytest.FixtureRequest
) -> None:
    environment: Environment = request.getfixturevalue(versions)
    tests = str(Path(__file__).parents[1])
    with WireServer() as server:
        server.enqueue(*[reply_json(completion(CALLS))] * 2, *[reply_stream(sse(chunks(CALLS)))] * 2)
        names = f"TESTS, INSTRUMENTOR, URL = {tests!r}, {instrumentor!r}, {server.url!r}"
        said = json.loads(environment.run(names + PROGRAM, strict=False))

    assert [(values, fast) for values, fast, _ in said] == [(["Toronto", "Dallas"], [True])] * 4
    spans = [[(span["name"], span["attributes"]["http.status_code"]) for span in records] for *_, records in said]
    assert spans == [[("POST", 200)]] * 4
    assert ["traceparent" in each.headers for each in server.requests] == [True] * 4
