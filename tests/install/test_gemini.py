"""polycall[gemini]: google-genai without google-cloud-aiplatform, three quarters of polycall[vertex]'s disk space."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from support.environments import Environment, Wheel
from support.vertex_rest_server import VertexRestServer

pytestmark = [pytest.mark.install, pytest.mark.xdist_group("install")]

BY_NAME = """
from collections.abc import Iterable

import polycall
from pydantic import BaseModel


class Weather(BaseModel):
    location: str


client = polycall.from_provider("gemini/gemini-2.5-flash", base_url=BASE_URL)
for call in client.create([{"role": "user", "content": "The weather in toronto and dallas?"}], Iterable[Weather]):
    print(call)
print(polycall.from_provider("vertex/gemini-2.5-flash", api_key="AIza"))
"""


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory, wheels: Mapping[str, Wheel]) -> Environment:
    return Environment.create(tmp_path_factory.mktemp("gemini") / "environment", wheels, "polycall[gemini]")


def test_it_brings_the_sdk_and_not_the_large_one(environment: Environment) -> None:
    packages = environment.packages()

    assert {"polycall", "polycall-vertex", "google-genai"} <= packages.keys()
    assert packages.keys().isdisjoint({"google-cloud-aiplatform", "grpcio", "protobuf"})


def test_both_providers_are_listed(environment: Environment) -> None:
    said = environment.run("import polycall; print([plugin.name for plugin in polycall.providers()])")

    assert said == "['gemini', 'vertex']\n"


def test_by_name_it_makes_the_sdks_client_and_calls_and_so_does_vertex(environment: Environment) -> None:
    calls = [{"functionCall": {"name": "Weather", "args": {"location": place}}} for place in ("Toronto", "Dallas")]
    with VertexRestServer() as server:
        server.enqueue({"candidates": [{"content": {"role": "model", "parts": calls}, "finishReason": "STOP"}]})
        said = environment.run(
            BY_NAME.replace("BASE_URL", repr(server.base_url)), variables={"GEMINI_API_KEY": "AIza"}, strict=False
        )

    assert said.splitlines() == [
        "location='Toronto'",
        "location='Dallas'",
        "<polycall.Client provider='vertex' model='gemini-2.5-flash'>",
    ]
    assert server.requests[0].path == "/v1beta/models/gemini-2.5-flash:generateContent"
