"""polycall[openai]: the README's program against a local server, with the newest SDK and with the oldest."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from support import openai_replies
from support.environments import Environment, Wheel, lower_bounds
from support.wire_server import WireServer, reply_json

pytestmark = [pytest.mark.install, pytest.mark.xdist_group("install")]

CALLS: list[openai_replies.Call] = [
    ("Weather", {"location": "Toronto", "units": "metric"}),
    ("Weather", {"location": "Dallas", "units": "metric"}),
    ("GoogleSearch", {"query": "who won the super bowl"}),
]


@pytest.fixture(scope="module")
def newest(tmp_path_factory: pytest.TempPathFactory, wheels: Mapping[str, Wheel]) -> Environment:
    """What ``pip install "polycall[openai]"`` gives today."""
    return Environment.create(tmp_path_factory.mktemp("openai") / "environment", wheels, "polycall[openai]")


@pytest.fixture(scope="module")
def oldest(tmp_path_factory: pytest.TempPathFactory, wheels: Mapping[str, Wheel]) -> Environment:
    """The lowest version of each direct requirement of polycall and of the plugin."""
    folder = tmp_path_factory.mktemp("oldest") / "environment"
    bounds = lower_bounds(wheels, "polycall", "polycall-openai")
    return Environment.create(folder, wheels, "polycall[openai]", *bounds, options=["--resolution", "lowest-direct"])


def test_it_brings_the_sdk_and_no_other_provider(newest: Environment) -> None:
    packages = newest.packages()

    assert {"polycall", "polycall-openai", "openai"} <= packages.keys()
    assert [name for name in packages if name.startswith(("google", "xllamacpp", "polycall-"))] == ["polycall-openai"]


def test_importing_polycall_and_listing_imports_neither_plugin_nor_sdk(newest: Environment) -> None:
    said = newest.run(
        """
import sys

import polycall

print([plugin.name for plugin in polycall.providers() if plugin.server_of is None])
print([name for name in ("polycall_openai", "openai") if name in sys.modules])
"""
    )

    assert said == "['openai']\n[]\n"


def test_the_readmes_program_runs_word_for_word(newest: Environment, example: str, example_output: str) -> None:
    assert run_against_a_server(newest, example) == example_output


def test_it_runs_with_the_lowest_versions_too(oldest: Environment, example: str, example_output: str) -> None:
    packages = oldest.packages()

    assert (packages["openai"], packages["pydantic"], packages["pluggy"]) == ("2.0.0", "2.12.0", "1.7.0")
    assert "httpx" in packages
    assert run_against_a_server(oldest, example) == example_output


@pytest.mark.parametrize("versions", ["newest", "oldest"])
def test_it_runs_async_with_both(
    versions: str, request: pytest.FixtureRequest, example: str, example_output: str
) -> None:
    environment: Environment = request.getfixturevalue(versions)
    body = (
        example.replace("openai.OpenAI()", "sdk")
        .replace("calls = client", "calls = await client")
        .replace("\n", "\n    ")
    )
    program = f"""
import asyncio
import openai


async def example(sdk):
    {body}

async def main():
    asyncio.get_running_loop().slow_callback_duration = 60  # imports are a part of the example, and may take their time
    async with openai.AsyncOpenAI() as sdk:
        await example(sdk)


asyncio.run(main())
"""

    assert run_against_a_server(environment, program) == example_output


def run_against_a_server(environment: Environment, program: str) -> str:
    with WireServer() as server:
        server.enqueue(reply_json(openai_replies.completion(CALLS)))
        said = environment.run(program, variables={"OPENAI_BASE_URL": server.url, "OPENAI_API_KEY": "sk-test"})
        (request,) = server.requests

    assert [tool["function"]["name"] for tool in request.json["tools"]] == ["Weather", "GoogleSearch"]
    assert request.headers["authorization"] == "Bearer sk-test"
    return said
