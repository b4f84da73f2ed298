"""Names that select nothing: what to write instead, or what to install. The whole message is compared."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import polycall
from polycall._plugins import discovery
from polycall._plugins.name_hints import hints
from polycall._plugins.registry import registry

ROOT = Path(__file__).parents[3]
Installed = Callable[..., None]

OPENAI = 'Install it with: pip install "polycall[openai]"'
GEMINI = 'Install it with: pip install "polycall[gemini]"'


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> Iterator[Installed]:
    """Choose which of this repository's distributions are installed."""
    everything = {group: discovery._read_group(group) for group in (discovery.PROVIDER_GROUP, discovery.SERVER_GROUP)}

    def installed(*distributions: str) -> None:
        def read_group(group: str) -> dict[str, tuple[discovery.FoundPlugin, ...]]:
            return {
                name: found
                for name, found in everything.get(group, {}).items()
                if found[0].description.distribution in distributions
            }

        monkeypatch.setattr(discovery, "_read_group", read_group)
        discovery._read_servers.cache_clear()
        monkeypatch.setattr(registry, "_providers", {})

    yield installed
    discovery._read_servers.cache_clear()


def message(name: str) -> str:
    with pytest.raises(polycall.ProviderNotFoundError) as raised:
        polycall.from_provider(name)
    return str(raised.value)


def in_a_profile(folder: Path, text: str) -> str:
    file = folder / "polycall.toml"
    file.write_text(f"[profiles.fast]\n{text}\n", encoding="utf-8")
    with pytest.raises(polycall.PolycallError) as raised:
        polycall.from_config(file)
    return str(raised.value).replace(str(file), "FILE")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        # a model alone
        ("gpt-4o", "'gpt-4o' names no provider. Write 'openai/gpt-4o'."),
        ("o3-mini", "'o3-mini' names no provider. Write 'openai/o3-mini'."),
        ("qwen3:8b", "'qwen3:8b' names no provider. Write 'ollama/qwen3:8b'."),
        ("gpt-oss:20b", "'gpt-oss:20b' names no provider. Write 'ollama/gpt-oss:20b'."),
        ("gemini-2.5-flash", "'gemini-2.5-flash' names no provider. Write 'gemini/gemini-2.5-flash'."),
        ("grok-4", "'grok-4' names no provider. Write 'xai/grok-4'."),
        (
            "claude-sonnet-4",
            (
                "'claude-sonnet-4' names no provider. polycall has no plugin for it; through OpenRouter: "
                "'openrouter/anthropic/claude-sonnet-4'."
            ),
        ),
        # another sign than a slash
        (
            "openai:gpt-4o-mini",
            "No provider named 'openai:gpt-4o-mini'. Write 'openai/gpt-4o-mini' (a slash, not a colon).",
        ),
        (
            "openrouter:meta-llama/llama-3",
            "No provider named 'openrouter:meta-llama'. Write 'openrouter/meta-llama/llama-3' (a slash, not a colon).",
        ),
        (
            "google-gla:gemini-2.5-flash",
            (
                "No provider named 'google-gla:gemini-2.5-flash'. Write "
                "'gemini/gemini-2.5-flash' (a slash, not a colon; Gemini on Vertex AI is 'vertex')."
            ),
        ),
        (
            "openai\N{FULLWIDTH SOLIDUS}gpt-4o",
            ("No provider named 'openai\N{FULLWIDTH SOLIDUS}gpt-4o'. Write 'openai/gpt-4o' (a plain slash)."),
        ),
        (
            "openai\N{DIVISION SLASH}gpt-4o",
            ("No provider named 'openai\N{DIVISION SLASH}gpt-4o'. Write 'openai/gpt-4o' (a plain slash)."),
        ),
        ("openai\\gpt-4o", "No provider named 'openai\\\\gpt-4o'. Write 'openai/gpt-4o' (a plain slash)."),
        # another spelling
        ("OpenAI/gpt-4o", "No provider named 'OpenAI'. Write 'openai/gpt-4o'."),
        ("Open AI/gpt-4o", "No provider named 'Open AI'. Write 'openai/gpt-4o'."),
        ("OPENAI", "No provider named 'OPENAI'. Write 'openai'."),
        ("llama.cpp/m", "No provider named 'llama.cpp'. Write 'llamacpp/m'."),
        ("lm-studio/m", "No provider named 'lm-studio'. Write 'lmstudio/m'."),
        # another library's name, or the extra's
        (
            "local/smollm2",
            "No provider named 'local'. Write 'llamacpp/smollm2' (the extra is called local, the provider llamacpp).",
        ),
        (
            "google/gemini-2.5-flash",
            "No provider named 'google'. Write 'gemini/gemini-2.5-flash' (Gemini on Vertex AI is 'vertex').",
        ),
        ("vertexai/gemini-2.5-flash", "No provider named 'vertexai'. Write 'vertex/gemini-2.5-flash'."),
        ("vertex_ai/gemini-2.5-flash", "No provider named 'vertex_ai'. Write 'vertex/gemini-2.5-flash'."),
        ("azure_openai/dep", "No provider named 'azure_openai'. Write 'azure/dep'."),
        ("together_ai/m", "No provider named 'together_ai'. Write 'together/m'."),
        ("hosted_vllm/m", "No provider named 'hosted_vllm'. Write 'vllm/m'."),
        ("mistralai/m", "No provider named 'mistralai'. Write 'mistral/m'."),
        ("openai-chat/gpt-5", "No provider named 'openai-chat'. Write 'openai/gpt-5'."),
        (
            "openai-responses/gpt-5",
            "No provider named 'openai-responses'. Write 'openai/gpt-5' (with api='responses').",
        ),
        # a service without a plugin
        (
            "anthropic/claude-sonnet-4",
            (
                "No provider named 'anthropic'. polycall has no plugin for it; through OpenRouter: "
                "'openrouter/anthropic/claude-sonnet-4'."
            ),
        ),
        (
            "bedrock/nova",
            (
                "No provider named 'bedrock'. polycall has no plugin for it; through a LiteLLM proxy: "
                "'litellm/bedrock/nova'."
            ),
        ),
        (
            "deepinfra/m",
            (
                "No provider named 'deepinfra'. polycall has no plugin for it, but 'openai' speaks its protocol: "
                "from_provider('openai/m', base_url='https://api.deepinfra.com/v1/openai', api_key=...)."
            ),
        ),
        # something else
        ("./models/x.gguf", "No provider named '.'. Write 'llamacpp/./models/x.gguf'."),
        (
            "meta-llama/Llama-3.1-8B",
            (
                "No provider named 'meta-llama'. It publishes models. Write 'vllm/meta-llama/Llama-3.1-8B' (or another "
                "server that has the model)."
            ),
        ),
        (
            "http://gpu-7:8000/v1",
            (
                "No provider named 'http:'. 'http://gpu-7:8000/v1' is a URL: write from_provider('openai/MODEL', "
                "base_url='http://gpu-7:8000/v1')."
            ),
        ),
    ],
)
def test_with_everything_installed(installed: Installed, name: str, expected: str) -> None:
    installed("polycall-openai", "polycall-vertex", "polycall-llamacpp")

    assert message(name) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("gpt-4o", f"'gpt-4o' names no provider. Write 'openai/gpt-4o'. {OPENAI}"),
        ("openai/gpt-4o", f"No provider named 'openai'. Installed: llamacpp. {OPENAI}"),
        ("groq/m", f"No provider named 'groq'. Installed: llamacpp. {OPENAI}"),
        ("azure/dep", f"No provider named 'azure'. Installed: llamacpp. {OPENAI}"),
        ("gemini/m", f"No provider named 'gemini'. Installed: llamacpp. {GEMINI}"),
        ("google/m", f"No provider named 'google'. Write 'gemini/m' (Gemini on Vertex AI is 'vertex'). {GEMINI}"),
        ("opnai/m", f"No provider named 'opnai'. Installed: llamacpp. Did you mean 'openai'? {OPENAI}"),
        ("lamacpp/m", "No provider named 'lamacpp'. Installed: llamacpp. Did you mean 'llamacpp'?"),
        (
            "anthropic/claude",
            (
                "No provider named 'anthropic'. polycall has no plugin for it; through OpenRouter: "
                f"'openrouter/anthropic/claude'. {OPENAI}"
            ),
        ),
        (
            "zzz/m",
            (
                "No provider named 'zzz'. Installed: llamacpp. Names have the form 'provider/model'. Install the "
                "distribution that offers the provider, or register it with polycall.register_provider()."
            ),
        ),
    ],
)
def test_with_one_provider_installed(installed: Installed, name: str, expected: str) -> None:
    installed("polycall-llamacpp")

    assert message(name) == expected


def test_servers_are_counted(installed: Installed) -> None:
    installed("polycall-openai")

    assert message("zzz").startswith("No provider named 'zzz'. Installed: openai (and 22 servers). Names have")


def test_a_password_in_a_url_is_not_shown(installed: Installed) -> None:
    installed("polycall-openai")

    assert "s3cret" not in message("https://user:s3cret@gpu-7/v1")


@pytest.mark.parametrize(
    "written", [" openai/gpt-4o", "openai/gpt-4o\n", "openai /gpt-4o", "openai/ gpt-4o", "openai\t/gpt-4o"]
)
def test_spaces_and_line_breaks_around_the_parts(written: str) -> None:
    with pytest.raises(polycall.ConfigurationError) as raised:
        polycall.from_provider(written)

    assert str(raised.value) == f"{written!r} has spaces or line breaks around a part. Write 'openai/gpt-4o'."


@pytest.mark.parametrize(
    ("profile", "expected"),
    [
        (
            'provider = "openai/gpt-4o-mini"',
            'FILE: profiles.fast.provider: write provider = "openai" and model = "gpt-4o-mini".',
        ),
        (
            'provider = "google/gemini-2.5-flash"',
            (
                "FILE: profiles.fast.provider: No provider named 'google/gemini-2.5-flash'. Write provider = "
                '"gemini" '
                "and model = \"gemini-2.5-flash\" (Gemini on Vertex AI is 'vertex')."
            ),
        ),
        (
            'provider = "OpenAI/gpt-4o"',
            (
                "FILE: profiles.fast.provider: No provider named 'OpenAI/gpt-4o'. Write provider = \"openai\" and "
                'model = "gpt-4o".'
            ),
        ),
        (
            'provider = "https://gpu-7/v1"',
            (
                "FILE: profiles.fast.provider: No provider named 'https://gpu-7/v1'. 'https://gpu-7/v1' is a URL: "
                "write "
                'provider = "openai" and base_url = "https://gpu-7/v1".'
            ),
        ),
        (
            'provider = "openai:gpt-4o-mini"',
            (
                "FILE: profiles.fast.provider: No provider named 'openai:gpt-4o-mini'. Write provider = \"openai\" and "
                'model = "gpt-4o-mini" (a slash, not a colon).'
            ),
        ),
        (
            'provider = "gpt-4o"',
            (
                "FILE: profiles.fast.provider: 'gpt-4o' names no provider. Write provider = \"openai\" and "
                'model = "gpt-4o".'
            ),
        ),
        (
            'provider = "OpenAI"\nmodel = "gpt-4o"',
            "FILE: profiles.fast.provider: No provider named 'OpenAI'. Write provider = \"openai\".",
        ),
        (
            'provider = "openai "\nmodel = "gpt-4o"',
            "FILE: profiles.fast.provider: No provider named 'openai '. Write provider = \"openai\" (without spaces).",
        ),
        (
            'provider = "local"\nmodel = "smollm2"',
            (
                "FILE: profiles.fast.provider: No provider named 'local'. Write provider = \"llamacpp\" (the extra is "
                "called local, the provider llamacpp)."
            ),
        ),
        (
            'provider = "anthropic"\nmodel = "claude"',
            (
                "FILE: profiles.fast.provider: No provider named 'anthropic'. polycall has no plugin for it; through "
                'OpenRouter: provider = "openrouter" and model = "anthropic/claude".'
            ),
        ),
        (
            'provider = "nvidia"\nmodel = "m"',
            (
                "FILE: profiles.fast.provider: No provider named 'nvidia'. polycall has no plugin for it, but 'openai' "
                'speaks its protocol: provider = "openai" and base_url = "https://integrate.api.nvidia.com/v1".'
            ),
        ),
    ],
)
def test_in_a_profile_the_keys_are_shown(installed: Installed, tmp_path: Path, profile: str, expected: str) -> None:
    installed("polycall-openai", "polycall-vertex", "polycall-llamacpp")

    assert in_a_profile(tmp_path, profile) == expected


@pytest.mark.parametrize(
    ("listed", "expected"),
    [
        ("opnai", "its value is 'opnai'. Did you mean 'openai' where it says 'opnai'?"),
        ("OpenAI", "its value is 'OpenAI'. Did you mean 'openai' where it says 'OpenAI'?"),
        (
            "vertex;openai",
            ("its value is 'vertex;openai'. Write POLYCALL_PLUGINS=vertex,openai: names, separated by commas."),
        ),
        (
            "vertex openai",
            ("its value is 'vertex openai'. Write POLYCALL_PLUGINS=vertex,openai: names, separated by commas."),
        ),
        ('["openai"]', "its value is '[\"openai\"]'. Write POLYCALL_PLUGINS=openai: names, separated by commas."),
        (
            "",
            (
                "its value is ''. An empty value allows none: list names, separated by commas, or unset the variable "
                "to "
                "allow all."
            ),
        ),
        (
            ";",
            (
                "its value is ';'. An empty value allows none: list names, separated by commas, or unset the "
                "variable to "
                "allow all."
            ),
        ),
        ("vertex", "its value is 'vertex'. Add 'openai' to it, or unset the variable to allow all."),
    ],
)
def test_polycall_plugins_that_does_not_list_an_installed_one(
    installed: Installed, monkeypatch: pytest.MonkeyPatch, listed: str, expected: str
) -> None:
    installed("polycall-openai", "polycall-vertex")
    monkeypatch.setenv("POLYCALL_PLUGINS", listed)

    assert message("openai/gpt-4o") == (
        f"Provider 'openai' is installed, but POLYCALL_PLUGINS does not list 'openai': {expected}"
    )


def test_the_variable_is_shown_where_it_leaves_nothing(installed: Installed, monkeypatch: pytest.MonkeyPatch) -> None:
    installed("polycall-openai")
    monkeypatch.setenv("POLYCALL_PLUGINS", ";")

    assert message("zzz").startswith(
        "No provider named 'zzz'. Installed and allowed by POLYCALL_PLUGINS=';': none. Names have the form"
    )
    with pytest.raises(polycall.UnknownClientError) as raised:
        polycall.from_client(1.5)
    assert str(raised.value) == (
        "No installed provider recognises an object of type builtins.float. Installed and allowed by "
        "POLYCALL_PLUGINS=';': none. Pass an SDK's client object, or install the plugin for it."
    )


def test_nothing_of_this_is_imported_before_a_name_is_wrong() -> None:
    code = (
        "import sys, polycall; polycall.providers(); polycall.register_provider; "
        "print([name for name in sys.modules if 'name_hints' in name or name == 'difflib'])"
    )

    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


class TestTheTable:
    def test_it_knows_each_name_of_our_distributions_by_the_extra_that_brings_it(self) -> None:
        extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"][
            "optional-dependencies"
        ]
        offered: dict[str, set[str]] = {}
        for file in ROOT.glob("plugins/*/pyproject.toml"):
            project = tomllib.loads(file.read_text(encoding="utf-8"))["project"]
            groups = project.get("entry-points", {})
            providers, servers = groups.get("polycall.providers", {}), groups.get("polycall.servers", {})
            offered[project["name"]] = {*providers, *servers}
        told = hints().extras

        assert {name for names in told.values() for name in names} == set().union(*offered.values())
        for extra, names in told.items():
            brought = [one for one in offered if any(text.startswith(one) for text in extras[extra])]
            assert set(names) <= set().union(*(offered[one] for one in brought)), extra

    def test_what_it_leads_to_exists(self) -> None:
        table = hints()
        names = {name for brought in table.extras.values() for name in brought}

        for meant in (
            *(row[0] for row in table.aliases.values()),
            *(one for row in table.models.values() for one in row),
        ):
            assert meant in names or meant in table.absent, meant
        for one in (table.url, *table.files.values(), *table.owners.values()):
            assert one in names
        for absent in table.absent.values():
            assert (absent.through is None) != (absent.base_url is None)
            assert absent.through is None or absent.through[0] in names

    def test_its_keys_are_in_the_form_in_which_they_are_looked_up(self) -> None:
        table = hints()

        for key in (*table.aliases, *table.owners, *table.absent):
            assert key == key.lower().translate(str.maketrans("", "", " .-_"))
        assert not table.aliases.keys() & table.absent.keys()


class TestAttributes:
    """What users of other libraries look for in the module."""

    @pytest.mark.parametrize(
        ("name", "advice"),
        [
            (
                "from_anthropic",
                (
                    "Use polycall.from_client(client), which takes the client of any installed provider, "
                    "or polycall.from_provider('provider/model')."
                ),
            ),
            (
                "from_groq",
                (
                    "Use polycall.from_client(client), which takes the client of any installed provider, or "
                    "polycall.from_provider('provider/model')."
                ),
            ),
            ("from_opnai", "Did you mean 'from_openai'?"),
            (
                "patch",
                (
                    "polycall changes no client: it wraps one. Use polycall.from_client(client), which takes the "
                    "client of any installed provider, or polycall.from_provider('provider/model')."
                ),
            ),
            (
                "apatch",
                (
                    "polycall changes no client: it wraps one. Use polycall.from_client(client), which takes the "
                    "client of any installed provider, or polycall.from_provider('provider/model')."
                ),
            ),
            ("Clients", "Did you mean 'Client'?"),
            ("provider", "Did you mean 'providers'?"),
        ],
    )
    def test_a_name_that_the_module_lacks(self, name: str, advice: str) -> None:
        with pytest.raises(AttributeError) as raised:
            getattr(polycall, name)

        assert str(raised.value) == f"module 'polycall' has no attribute {name!r}. {advice}"

    def test_a_module_that_is_not_imported_yet(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delattr(polycall, "plugin", raising=False)

        with pytest.raises(AttributeError) as raised:
            polycall.plugin  # noqa: B018

        assert str(raised.value) == (
            "module 'polycall' has no attribute 'plugin'. It is a module: import polycall.plugin."
        )

    @pytest.mark.parametrize("name", ["__wrapped__", "_x", "zzz"])
    def test_one_that_means_nothing(self, name: str) -> None:
        with pytest.raises(AttributeError) as raised:
            getattr(polycall, name)

        assert str(raised.value) == f"module 'polycall' has no attribute {name!r}"
