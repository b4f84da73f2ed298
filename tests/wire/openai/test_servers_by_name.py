"""The servers that the plugin knows, each by its own name: address, key, and nothing of OpenAI's in the request."""

from __future__ import annotations

import os
import re
import socket
import tomllib
from pathlib import Path
from typing import Any

import openai
import pytest

import polycall
from polycall_openai import PROFILES
from polycall_openai._servers.access import ACCESS
from support.openai_replies import Call, chunks, completion, sse
from support.openai_server import ChatServer, GoogleSearch
from support.wire_server import Reply, reply_json, reply_stream

ROOT = Path(__file__).parents[3]
MESSAGES = [{"role": "user", "content": "?"}]
CALLS: list[Call] = [("GoogleSearch", {"query": "a"})]
VALUES = [GoogleSearch(query="a")]
OF_ANOTHER_PLUGIN = {"gemini", "llamacpp"}
"""Names that a provider of this repository has, too; in this environment they stand for that provider."""


def reply(*, streamed: bool = False) -> Reply:
    return reply_stream(sse(chunks(CALLS))) if streamed else reply_json(completion(CALLS))


@pytest.fixture(autouse=True)
def _openais_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for access in ACCESS.values():
        for variable in access.key_variables:
            monkeypatch.delenv(variable, raising=False)
    for variable in [name for name in os.environ if name.startswith(("AZURE_OPENAI", "OPENAI_", "DATABRICKS"))]:
        monkeypatch.delenv(variable)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-openais")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/openais")
    monkeypatch.setenv("OPENAI_ORG_ID", "org-openais")
    monkeypatch.setenv("OPENAI_PROJECT_ID", "project-openais")
    monkeypatch.setenv("OPENAI_ADMIN_KEY", "admin-openais")
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", "x-gateway: token-openais")


def rendered(name: str, **settings: Any) -> polycall.RenderedRequest:
    with polycall.from_provider(f"{name}/m", **settings) as client:
        sent: polycall.RenderedRequest = client.render(MESSAGES, list[GoogleSearch])
    return sent


class TestTheEntryPoints:
    def test_are_the_profiles(self) -> None:
        file = ROOT / "plugins" / "openai_provider" / "pyproject.toml"
        groups = tomllib.loads(file.read_text(encoding="utf-8"))["project"]["entry-points"]

        assert groups["polycall.servers"] == dict.fromkeys(sorted({*PROFILES} - {"openai"}), "polycall_openai")

    def test_each_is_listed_as_a_server_of_the_provider(self) -> None:
        listed = {plugin.name: plugin.server_of for plugin in polycall.providers()}

        assert {name for name, owner in listed.items() if owner == "openai"} == (
            {*PROFILES} - {"openai"} - {name for name, owner in listed.items() if owner is None}
        )

    def test_each_but_openai_and_azure_has_an_address(self) -> None:
        assert {*ACCESS} == {*PROFILES} - {"openai", "azure"}


class TestAServerByName:
    @pytest.mark.parametrize("name", ACCESS)
    def test_is_asked_at_its_own_address_with_its_own_key(self, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
        access = ACCESS[name]
        monkeypatch.setenv("DATABRICKS_HOST", "https://dbc-1.cloud.databricks.com/")
        for variable in access.key_variables[:1]:
            monkeypatch.setenv(variable, "its-own-key\n")
        chosen: dict[str, Any] = {"server": name} if name in OF_ANOTHER_PLUGIN else {}
        if name == "perplexity":
            chosen["server_options"] = {"max_tools": None}  # a request with tools is refused otherwise
        with polycall.from_provider(f"{'openai' if name in OF_ANOTHER_PLUGIN else name}/m", **chosen) as client:
            sdk = client._hooks.session.client
            sent = client.render(MESSAGES, list[GoogleSearch])
            profile = client._hooks.session.server.profile

        address = re.sub(r"\{\w+\}", "https://dbc-1.cloud.databricks.com", access.base_url).rstrip("/")
        assert sent.url == f"{address}/chat/completions"
        assert profile.name == name
        assert sdk.auth_headers == {"Authorization": f"Bearer {'its-own-key' if access.key_variables else 'none'}"}
        assert "openais" not in repr(sent)
        assert sent.headers.keys().isdisjoint({"openai-organization", "openai-project", "x-gateway"})

    @pytest.mark.parametrize("streamed", [False, True])
    async def test_sync_and_async_over_a_socket(
        self, server: ChatServer, monkeypatch: pytest.MonkeyPatch, streamed: bool
    ) -> None:
        monkeypatch.setenv("GROQ_API_KEY", "gsk")
        for _ in range(2):
            server.enqueue(reply(streamed=streamed))

        with polycall.from_provider("groq/llama-3.3-70b", base_url=server.url) as client:
            assert repr(client) == "<polycall.Client provider='groq' model='llama-3.3-70b'>"
            if streamed:
                assert list(client.stream(MESSAGES, list[GoogleSearch])) == VALUES
            else:
                assert list(client.create(MESSAGES, list[GoogleSearch])) == VALUES
        async with polycall.from_provider("groq/llama-3.3-70b", async_client=True, base_url=server.url) as aclient:
            if streamed:
                assert [call async for call in aclient.stream(MESSAGES, list[GoogleSearch])] == VALUES
            else:
                assert list(await aclient.create(MESSAGES, list[GoogleSearch])) == VALUES

        for request in server.requests:
            assert request.json["model"] == "llama-3.3-70b"
            assert request.headers["authorization"] == "Bearer gsk"
            assert "openais" not in repr(request.headers)

    def test_in_a_profile(self, server: ChatServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("GROQ_API_KEY", "gsk")
        server.enqueue(reply())
        file = tmp_path / "polycall.toml"
        file.write_text(f'[profiles.fast]\nprovider = "groq"\nmodel = "m"\nbase_url = "{server.url}"\n')

        with polycall.from_config(file) as client:
            assert list(client.create(MESSAGES, list[GoogleSearch])) == VALUES

        assert server.requests[0].headers["authorization"] == "Bearer gsk"

    def test_what_is_given_wins(self) -> None:
        with polycall.from_provider(
            "groq/m", base_url="http://proxy/v1", api_key="k", organization="mine", default_headers={"x-team": "a"}
        ) as client:
            sent = client.render(MESSAGES, list[GoogleSearch])
            assert client._hooks.session.client.api_key == "k"

        assert sent.url == "http://proxy/v1/chat/completions"
        assert {"openai-organization", "x-team"} <= sent.headers.keys()
        assert sent.headers.keys().isdisjoint({"openai-project", "x-gateway"})

    def test_the_servers_own_name_is_in_telemetry(self) -> None:
        traits = polycall.from_provider("groq/m", api_key="k")._hooks.traits

        assert (traits.host, traits.telemetry_name) == ("api.groq.com", "groq")

    def test_no_model_is_said_with_its_name(self) -> None:
        with pytest.raises(polycall.ConfigurationError) as raised:
            polycall.from_provider("groq", api_key="k").create(MESSAGES, list[GoogleSearch])

        assert str(raised.value) == (
            "No model is named. Pass model='MODEL' to create(), or name it where the client is made: "
            "from_provider('groq/MODEL'), from_openai(client, model='MODEL'), or model = \"MODEL\" in a config file."
        )


class TestWhatIsMissing:
    @pytest.mark.parametrize("name", [name for name, access in ACCESS.items() if access.needs_key])
    def test_a_missing_key_names_the_variable(self, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("DATABRICKS_HOST", "https://dbc-1.cloud.databricks.com")

        with pytest.raises(polycall.ConfigurationError) as raised:
            polycall.from_provider("openai/m", server=name)

        variables = " or ".join(ACCESS[name].key_variables)
        assert str(raised.value) == (
            f"{name} needs an API key: set the environment variable {variables}, or pass api_key=... (in a config "
            'file: api_key_env = "THE_VARIABLE").'
        )
        assert raised.value.key == "api_key"
        assert polycall.kind_of(raised.value) == "auth"  # as for a provider whose SDK looks for the key

    def test_in_a_profile_with_file_and_key(self, tmp_path: Path) -> None:
        file = tmp_path / "polycall.toml"
        file.write_text('[profiles.fast]\nprovider = "groq"\nmodel = "m"\n')

        with pytest.raises(polycall.ConfigurationError) as raised:
            polycall.from_config(file)

        assert str(raised.value).startswith(f"{file}: profiles.fast.api_key: groq needs an API key: set ")
        assert (raised.value.source, raised.value.key) == (str(file), "profiles.fast.api_key")

    def test_a_key_that_cannot_be_sent_is_named_and_not_shown(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("GROQ_API_KEY", "gsk\nsecret")

        with pytest.raises(polycall.ConfigurationError, match="GROQ_API_KEY") as raised:
            polycall.from_provider("groq/m")

        assert "secret" not in str(raised.value)

    def test_an_address_of_ones_own(self) -> None:
        with pytest.raises(polycall.ConfigurationError) as raised:
            polycall.from_provider("databricks/m", api_key="k")

        assert str(raised.value) == (
            "databricks has an address for each customer: set the environment variable DATABRICKS_HOST, or pass "
            "base_url='https://.../serving-endpoints'."
        )

    @pytest.mark.parametrize(
        ("name", "model", "more"),
        [
            ("ollama", "qwen3", ""),
            (
                "llamacpp",
                "smollm2",
                ' For a model in this process, without a server: pip install "polycall[local]".',
            ),
        ],
    )
    def test_a_server_of_ones_own_that_is_not_running(self, name: str, model: str, more: str) -> None:
        with socket.socket() as taken:  # bound and not listening: nobody else can answer there
            taken.bind(("127.0.0.1", 0))
            url = f"http://127.0.0.1:{taken.getsockname()[1]}/v1"
            with (
                polycall.from_provider(f"openai/{model}", server=name, base_url=url, max_retries=0) as client,
                pytest.raises(openai.APIConnectionError) as raised,
            ):
                client.create(MESSAGES, list[GoogleSearch])

        assert f"{name} was expected at {url}/. Is it running? base_url names another address.{more}" in (
            raised.value.__notes__
        )

    def test_the_kind_of_an_error_is_known_where_only_the_server_may_load(
        self, server: ChatServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("POLYCALL_PLUGINS", "groq")
        server.enqueue(reply_json({"error": {"message": "slow down"}}, status=429))

        with (
            polycall.from_provider("groq/m", api_key="k", base_url=server.url, max_retries=0) as client,
            pytest.raises(openai.RateLimitError) as raised,
        ):
            client.create(MESSAGES, list[GoogleSearch])

        assert polycall.kind_of(raised.value) == "rate_limit"


class TestAzure:
    def test_an_endpoint_a_version_and_a_key_make_an_azure_client(
        self, server: ChatServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("AZURE_OPENAI_ENDPOINT", server.url)
        monkeypatch.setenv("OPENAI_API_VERSION", "2024-10-21")
        monkeypatch.setenv("AZURE_OPENAI_API_KEY", "azures\n")
        server.enqueue(reply())

        with polycall.from_provider("azure/my-deployment") as client:
            assert list(client.create(MESSAGES, list[GoogleSearch])) == VALUES
            assert client._hooks.session.server.profile is PROFILES["azure"]

        (request,) = server.requests
        assert request.path == "/openai/deployments/my-deployment/chat/completions"
        assert request.query == {"api-version": ["2024-10-21"]}
        assert request.headers["api-key"] == "azures"
        assert request.headers.get("authorization", "Bearer azures") == "Bearer azures"  # openai 2.0.0 sends both

    def test_a_base_url_is_the_v1_api(self, server: ChatServer, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("AZURE_OPENAI_API_KEY", "azures")
        server.enqueue(reply())

        with polycall.from_provider("azure/my-deployment", base_url=f"{server.url}/openai/v1/") as client:
            assert list(client.create(MESSAGES, list[GoogleSearch])) == VALUES

        (request,) = server.requests
        assert (request.path, request.json["model"]) == ("/openai/v1/chat/completions", "my-deployment")
        assert request.headers["authorization"] == "Bearer azures"
        assert "openais" not in repr(request.headers)

    @pytest.mark.parametrize(
        ("settings", "key", "expected"),
        [
            (
                {"api_key": "k"},
                "azure_endpoint",
                (
                    "azure needs the endpoint of your resource: set AZURE_OPENAI_ENDPOINT, or pass "
                    "azure_endpoint='https://NAME.openai.azure.com'."
                ),
            ),
            (
                {"api_key": "k", "azure_endpoint": "https://x.openai.azure.com"},
                "api_version",
                (
                    "azure needs the version of its API: set OPENAI_API_VERSION, or pass api_version='2024-10-21', "
                    "say. "
                    "For the v1 API, which has none, pass base_url='https://NAME.openai.azure.com/openai/v1/' in "
                    "place of "
                    "azure_endpoint."
                ),
            ),
            (
                {"azure_endpoint": "https://x.openai.azure.com", "api_version": "2024-10-21"},
                "api_key",
                (
                    "azure needs a key: set the environment variable AZURE_OPENAI_API_KEY, or pass api_key=... (in a "
                    'config file: api_key_env = "THE_VARIABLE"). For Entra ID pass azure_ad_token, or make an '
                    "AzureOpenAI client with an azure_ad_token_provider and hand it to polycall.from_openai()."
                ),
            ),
        ],
        ids=["endpoint", "version", "key"],
    )
    def test_what_is_missing_is_said_in_azures_terms(self, settings: dict[str, Any], key: str, expected: str) -> None:
        with pytest.raises(polycall.ConfigurationError) as raised:
            polycall.from_provider("azure/my-deployment", **settings)

        assert str(raised.value) == expected
        assert raised.value.key == key

    def test_a_token_needs_no_key(self) -> None:
        sent = rendered(
            "azure", azure_endpoint="https://x.openai.azure.com", api_version="2024-10-21", azure_ad_token="t"
        )

        assert sent.url == "https://x.openai.azure.com/openai/deployments/m/chat/completions?api-version=2024-10-21"
