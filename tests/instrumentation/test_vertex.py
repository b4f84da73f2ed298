"""Libraries that instrument Google's two SDKs see polycall's calls: once each, with model, tokens and tool calls."""

from __future__ import annotations

import json
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from instrumentation.recordings import facts

from support.environments import Environment, Wheel
from support.vertex_rest_server import VertexRestServer

pytestmark = pytest.mark.install

TESTS = Path(__file__).parents[1]
REQUIREMENTS = [
    "google-cloud-aiplatform==2.7.0",
    "google-genai==2.34.0",
    "openinference-instrumentation-google-genai==1.4.14",
    "openinference-instrumentation-vertexai==0.1.29",
    "opentelemetry-instrumentation-google-genai==1.3b0",
    "opentelemetry-instrumentation-google-generativeai==0.62.4",
    "opentelemetry-sdk==1.45.2",
]
REPLY = {
    "candidates": [
        {
            "content": {
                "role": "model",
                "parts": [
                    {"functionCall": {"name": "Weather", "args": {"location": "Toronto"}}},
                    {"functionCall": {"name": "Weather", "args": {"location": "Dallas"}}},
                ],
            },
            "finishReason": "STOP",
        }
    ],
    "usageMetadata": {"promptTokenCount": 8214, "candidatesTokenCount": 3107, "totalTokenCount": 11321},
    "modelVersion": "gemini-2.5-flash",
}
MARKS = {"model": "gemini-2.5-flash", "input tokens": "8214", "output tokens": "3107", "tool calls": "Toronto"}


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory, wheels: dict[str, Wheel]) -> Environment:
    folder = tmp_path_factory.mktemp("vertex") / "environment"
    return Environment.create(folder, wheels, "polycall[vertex]", *REQUIREMENTS)


def turns(environment: Environment, library: str, ways: list[bool]) -> dict[str, list[Any]]:
    """What the program says of a library, asked in these ways (streamed or not), three times each."""
    with VertexRestServer() as server:
        for streamed in ways * 3:
            server.enqueue([REPLY] if streamed else REPLY)
        said = environment.run(
            f"import sys\nsys.path.insert(0, {str(TESTS)!r})\nfrom instrumentation.programs import vertex\n"
            f"vertex.main({library!r}, {server.base_url!r})",
            strict=False,
        )
    parsed: dict[str, list[Any]] = json.loads(said.splitlines()[-1])
    return parsed


@pytest.mark.parametrize("library", ["OpenTelemetry", "OpenInference", "Traceloop"])
def test_a_genai_client(environment: Environment, library: str) -> None:
    ways = [streamed for streamed, _ in product((False, True), (False, True))]

    said = turns(environment, library, ways)

    assert [values for turn in said.values() for values, _ in turn] == [["Toronto", "Dallas"]] * 12
    for name in ("made before", "made after"):
        assert [(len(records), facts(records, MARKS)) for _, records in said[name]] == [(1, set(MARKS))] * 4, name
    assert [records for _, records in said["after"]] == [[]] * 4


def test_a_generative_model(environment: Environment) -> None:
    # Not Traceloop's opentelemetry-instrumentation-vertexai (0.62): it asks each reply for its text, which is a
    # ValueError of the SDK where there are function calls, by hand too.
    said = turns(environment, "OpenInferenceModel", [False, True])

    assert [values for turn in said.values() for values, _ in turn] == [["Toronto", "Dallas"]] * 6
    for name in ("made before", "made after"):
        assert [(len(records), facts(records, MARKS)) for _, records in said[name]] == [(1, set(MARKS))] * 2, name
