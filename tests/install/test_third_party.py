"""A stranger's plugin: installed beside polycall, found by its entry point, chosen by name in a file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from acme_server import AcmeServer
from support import openai_replies
from support.environments import ROOT, Environment, Wheel
from support.wire_server import WireServer, reply_json

pytestmark = [pytest.mark.install, pytest.mark.xdist_group("install")]

BY_NAME = """
import sys
from collections.abc import Iterable

import polycall
from pydantic import BaseModel


class Weather(BaseModel):
    location: str


print([(plugin.name, plugin.distribution, plugin.version) for plugin in polycall.providers()])
assert "polycall_acme" not in sys.modules, "listing imports no plugin"
client = polycall.from_provider("acme/coyote-1", host="127.0.0.1", port=PORT)
messages = [{"role": "user", "content": "What is the weather in toronto and dallas?"}]
for call in client.create(messages, Iterable[Weather]):
    print(call)
"""

BY_PROFILE = """
from collections.abc import Iterable

import polycall
from pydantic import BaseModel


class Weather(BaseModel):
    location: str


client = polycall.from_config()
print(client)
for call in client.create([{"role": "user", "content": "What is the weather in toronto?"}], Iterable[Weather]):
    print(call)
"""

TORONTO = "CALL 1 Weather %7B%22location%22%3A%22Toronto%22%7D"
DALLAS = "CALL 2 Weather %7B%22location%22%3A%22Dallas%22%7D"


@pytest.fixture(scope="module")
def acme_environment(tmp_path_factory: pytest.TempPathFactory, wheels: Mapping[str, Wheel]) -> Environment:
    """polycall and the stranger's plugin."""
    return Environment.create(
        tmp_path_factory.mktemp("acme") / "environment", wheels, "polycall[testing]", "polycall-acme"
    )


@pytest.fixture(scope="module")
def two_providers_environment(tmp_path_factory: pytest.TempPathFactory, wheels: Mapping[str, Wheel]) -> Environment:
    """A provider of this repository and the stranger's."""
    folder = tmp_path_factory.mktemp("two_providers") / "environment"
    return Environment.create(folder, wheels, "polycall[openai]", "polycall-acme")


def test_it_is_found_by_its_name(acme_environment: Environment) -> None:
    with AcmeServer([TORONTO, DALLAS, "DONE stop"]) as server:
        said = acme_environment.run(BY_NAME.replace("PORT", str(server.port)))

    assert said == "[('acme', 'polycall-acme', '1.0.0')]\nlocation='Toronto'\nlocation='Dallas'\n"


def test_it_passes_the_conformance_kit(acme_environment: Environment, tmp_path: Path) -> None:
    """Installed from its wheel, so what is said of distributions is checked too."""
    double = ROOT / "examples" / "acme_provider" / "tests" / "acme_double.py"
    report = tmp_path / "report.json"
    arguments = (f"{double}:AcmeDouble", "--strict-tier", "gold", "--json", str(report))
    done = acme_environment.command("python", "-m", "polycall.testing.conformance", *arguments, cwd=tmp_path)

    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    checks = json.loads(report.read_text())["checks"]
    assert [checks[id]["status"] for id in ("A01", "A02", "A12")] == ["PASS"] * 3


def test_a_file_chooses_it_and_names_the_variable_of_its_secret(acme_environment: Environment, tmp_path: Path) -> None:
    with AcmeServer([TORONTO, "DONE stop"]) as server:
        write_profiles(tmp_path, acme_port=server.port)
        said = acme_environment.run(BY_PROFILE, cwd=tmp_path, variables={"ACME_TOKEN": "s3cret"})

    assert said == "<polycall.Client provider='acme' model='coyote-1'>\nlocation='Toronto'\n"
    assert server.requests[0][:2] == ["TOKEN s3cret", "MODEL coyote-1"]


def test_another_profile_is_another_provider_for_the_same_program(
    two_providers_environment: Environment, tmp_path: Path
) -> None:
    reply = openai_replies.completion([("Weather", {"location": "Toronto"})])
    secrets = {"ACME_TOKEN": "s3cret", "OPENAI_API_KEY": "sk-test"}
    with AcmeServer([TORONTO, "DONE stop"]) as acme, WireServer() as openai:
        openai.enqueue(reply_json(reply))
        write_profiles(tmp_path, acme_port=acme.port, openai_url=openai.url)
        by_default = two_providers_environment.run(BY_PROFILE, cwd=tmp_path, variables=secrets)
        by_variable = two_providers_environment.run(
            BY_PROFILE, cwd=tmp_path, variables={**secrets, "POLYCALL_PROFILE": "fast"}
        )

    assert by_default == "<polycall.Client provider='acme' model='coyote-1'>\nlocation='Toronto'\n"
    assert by_variable == "<polycall.Client provider='openai' model='gpt-4o-mini'>\nlocation='Toronto'\n"


def write_profiles(folder: Path, *, acme_port: int, openai_url: str = "http://127.0.0.1:9") -> None:
    (folder / "polycall.toml").write_text(
        f"""
default = "stranger"

[profiles.stranger]
provider = "acme"
model = "coyote-1"
host = "127.0.0.1"
port = {acme_port}
token_env = "ACME_TOKEN"

[profiles.fast]
provider = "openai"
model = "gpt-4o-mini"
base_url = "{openai_url}"
api_key_env = "OPENAI_API_KEY"
"""
    )
