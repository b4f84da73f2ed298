"""polycall[vertex]: Google's SDK and nothing of the other providers."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from support.environments import Environment, Wheel, lower_bounds
from support.vertex_rest_server import VertexRestServer

pytestmark = [pytest.mark.install, pytest.mark.xdist_group("install")]

BY_NAME = """
import sys
from collections.abc import Iterable

import google.oauth2.credentials
import polycall
from pydantic import BaseModel


class Weather(BaseModel):
    location: str


client = polycall.from_provider(
    "vertex/gemini-2.5-flash",
    project="p",
    location="us-central1",
    base_url=BASE_URL,
    credentials=google.oauth2.credentials.Credentials("token"),
)
for call in client.create([{"role": "user", "content": "The weather in toronto and dallas?"}], Iterable[Weather]):
    print(call)
assert "vertexai.generative_models" not in sys.modules, "it takes seconds to import"
"""


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory, wheels: Mapping[str, Wheel]) -> Environment:
    return Environment.create(tmp_path_factory.mktemp("vertex") / "environment", wheels, "polycall[vertex]")


def test_it_brings_the_sdk_and_no_other_provider(environment: Environment) -> None:
    packages = environment.packages()

    assert {"polycall", "polycall-vertex", "google-cloud-aiplatform", "google-genai"} <= packages.keys()
    assert [name for name in packages if name.startswith(("openai", "xllamacpp", "polycall-"))] == ["polycall-vertex"]


def test_importing_polycall_and_listing_imports_neither_plugin_nor_sdk(environment: Environment) -> None:
    said = environment.run(
        """
import sys

import polycall

print([plugin.name for plugin in polycall.providers()])
modules = ("polycall_vertex", "vertexai", "google.genai", "google.cloud.aiplatform")
print([name for name in modules if name in sys.modules])
"""
    )

    assert said == "['gemini', 'vertex']\n[]\n"


@pytest.fixture(scope="module")
def oldest(tmp_path_factory: pytest.TempPathFactory, wheels: Mapping[str, Wheel]) -> Environment:
    """The lowest versions of the SDKs, with what they need today."""
    folder = tmp_path_factory.mktemp("oldest") / "environment"
    bounds = lower_bounds(wheels, "polycall-vertex[aiplatform]")
    return Environment.create(folder, wheels, "polycall[vertex]", *bounds, options=["--resolution", "lowest-direct"])


def test_by_name_it_makes_the_sdks_client_and_calls(environment: Environment) -> None:
    check_by_name(environment)


def test_it_does_with_the_lowest_version_of_the_sdk_too(oldest: Environment) -> None:
    packages = oldest.packages()

    assert (packages["google-cloud-aiplatform"], packages["google-genai"]) == ("2.0.1", "2.0.0")
    check_by_name(oldest)


def check_by_name(environment: Environment) -> None:
    calls = [
        {"functionCall": {"name": "Weather", "args": {"location": "Toronto"}}},
        {"functionCall": {"name": "Weather", "args": {"location": "Dallas"}}},
    ]
    with VertexRestServer() as server:
        server.enqueue({"candidates": [{"content": {"role": "model", "parts": calls}, "finishReason": "STOP"}]})
        said = environment.run(BY_NAME.replace("BASE_URL", repr(server.base_url)), strict=False)

    assert said == "location='Toronto'\nlocation='Dallas'\n"
    model = "/projects/p/locations/us-central1/publishers/google/models/gemini-2.5-flash"
    assert server.requests[0].path.endswith(f"{model}:generateContent")
