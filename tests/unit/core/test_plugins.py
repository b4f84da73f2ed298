"""Finding, loading and checking plugins: lazy, isolated, checked."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pydantic import BaseModel
from unit.core.conftest import Extend

import polycall
from polycall._plugins.registry import registry
from polycall.plugin import Request, hookimpl
from support.toy_provider import HOOK_NAMES, Hooks, ToyClient, call, make_plugin, reply

TESTS = Path(__file__).parents[2]
PROVIDERS, EXTENSIONS = "polycall.providers", "polycall.extensions"
GOOD_PLUGIN = "import support.toy_provider as toy\n\nglobals().update(vars(toy.make_plugin()))\n"


class Weather(BaseModel):
    location: str


Install = Callable[..., None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Put distributions on the path: metadata with an entry point, and the module that it names."""
    monkeypatch.syspath_prepend(tmp_path)
    before = set(sys.modules)

    def install(
        distribution: str, name: str, code: str = GOOD_PLUGIN, *, group: str = PROVIDERS, version: str = "1.0"
    ) -> None:
        module = distribution.replace("-", "_")
        (tmp_path / f"{module}.py").write_text(code)
        info = tmp_path / f"{module}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n")
        (info / "entry_points.txt").write_text(f"[{group}]\n{name} = {module}\n")
        registry.refresh()

    yield install
    for module in set(sys.modules) - before:
        if getattr(sys.modules[module], "__file__", None) and str(tmp_path) in str(sys.modules[module].__file__):
            del sys.modules[module]
    monkeypatch.undo()
    registry.refresh()


def run_python(code: str, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(TESTS), **environment},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


class TestLazy:
    def test_importing_polycall_and_listing_providers_imports_no_plugin_and_no_sdk(self) -> None:
        loaded, listed = json.loads(
            run_python(
                "import json, sys\n"
                "before = set(sys.modules)\n"
                "import polycall\n"
                "names = [plugin.name for plugin in polycall.providers()]\n"
                "print(json.dumps([sorted(sys.modules.keys() - before), names]))"
            )
        )

        foreign = ("polycall_", "openai", "google", "vertexai", "xllamacpp", "httpx", "grpc", "pydantic_settings")
        assert [name for name in loaded if name.startswith(foreign)] == []
        assert {"openai", "vertex", "llamacpp"} <= set(listed)

    def test_a_plugin_is_imported_when_it_is_selected_and_no_other(self, install: Install) -> None:
        install("acme-good", "good")
        install("acme-bad", "bad", "raise ValueError('half-written')")

        assert polycall.from_provider("good/model-1").model == "model-1"
        assert "acme_good" in sys.modules
        assert "acme_bad" not in sys.modules

    def test_providers_are_described_from_metadata(self, install: Install) -> None:
        install("acme-good", "good", version="2.1")

        assert polycall.InstalledPlugin("good", "acme-good", "2.1", "acme_good") in polycall.providers()

    def test_what_is_registered_in_code_is_listed_too(self, hooks: Hooks) -> None:
        assert polycall.InstalledPlugin("toy", None, None, "registered in code") in polycall.providers()


class TestIsolated:
    @pytest.mark.parametrize(
        ("code", "problem"),
        [
            ("raise ValueError('half-written')", "ValueError: half-written. Upgrade or uninstall acme-bad."),
            ("import no_such_sdk", "Reinstall it with what it needs: pip install --upgrade acme-bad."),
            ("this is no Python", "SyntaxError"),
            ("", "does not state its hook API version"),
        ],
    )
    def test_a_broken_plugin_says_what_to_do(self, install: Install, code: str, problem: str) -> None:
        install("acme-bad", "bad", code, version="0.3")

        with pytest.raises(polycall.PluginError) as raised:
            polycall.from_provider("bad/model")

        assert str(raised.value).startswith("Plugin 'bad' (acme-bad 0.3) ")
        assert problem in str(raised.value)
        assert (raised.value.plugin, raised.value.distribution) == ("bad", "acme-bad 0.3")
        assert (raised.value.__cause__ is not None) == bool(code)

    def test_it_harms_nobody_else(self, install: Install, hooks: Hooks) -> None:
        install("acme-bad", "bad", "raise ValueError('half-written')")
        install("acme-worse", "worse", GOOD_PLUGIN.replace("toy.", "toy.Hooks, toy."))

        client = polycall.from_client(ToyClient(reply(call("Weather", location="Rome"))), async_client=False)

        assert client.create(["?"], list[Weather]) == [Weather(location="Rome")]

    def test_a_plugin_that_fails_to_recognise_harms_nobody_else(self, hooks: Hooks) -> None:
        @hookimpl
        def polycall_recognize_client(client: object) -> None:
            raise ZeroDivisionError

        polycall.register_provider("a-rude-one", make_plugin(polycall_recognize_client=polycall_recognize_client))
        try:
            assert polycall.from_client(ToyClient()).provider == "toy"
            with pytest.raises(polycall.PluginError, match=r"raised in polycall_recognize_client for .*float: Zero"):
                polycall.from_client(1.5)
        finally:
            polycall.unregister("a-rude-one")

    def test_two_distributions_that_claim_one_name_are_both_named(self, install: Install) -> None:
        install("acme-one", "acme")
        install("acme-two", "acme", version="2.0")

        with pytest.raises(polycall.PluginError) as raised:
            polycall.from_provider("acme/model")

        assert "Several distributions claim the name 'acme'" in str(raised.value)
        assert "acme-one 1.0 and acme-two 2.0. Uninstall all but one." in str(raised.value)

    def test_a_name_that_is_installed_cannot_be_registered_in_code(self, install: Install) -> None:
        install("acme-one", "acme")

        with pytest.raises(polycall.PluginError, match=r"already exists \(acme-one 1.0\)"):
            polycall.register_provider("acme", make_plugin())

    def test_a_broken_extension_tells_how_to_leave_it_out(
        self, install: Install, hooks: Hooks, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        install("acme-trace", "trace", "raise ValueError('half-written')", group=EXTENSIONS)

        with pytest.raises(polycall.PluginError, match=r"Extensions load for every provider; POLYCALL_EXTENSIONS can"):
            polycall.from_provider("toy/model")

        monkeypatch.setenv("POLYCALL_EXTENSIONS", "")
        assert polycall.from_provider("toy/model").provider == "toy"

    def test_polycall_plugins_restricts_the_providers_that_may_load(
        self, install: Install, hooks: Hooks, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        install("acme-good", "good")
        monkeypatch.setenv("POLYCALL_PLUGINS", "other, good")

        assert polycall.from_provider("good").provider == "good"
        assert [plugin.name for plugin in polycall.providers()] == ["good"]
        with pytest.raises(polycall.ProviderNotFoundError, match="POLYCALL_PLUGINS does not list 'toy'"):
            polycall.from_provider("toy/model")


SEED = """
from polycall.plugin import hookimpl

polycall_hook_api = 1

@hookimpl
def polycall_before_request(request):
    request.options["seed"] = "{name}"
"""


class TestExtensions:
    def test_those_that_are_installed_serve_every_provider(self, install: Install, hooks: Hooks) -> None:
        install("acme-seed", "seed", SEED, group=EXTENSIONS)

        assert polycall.from_provider("toy/m").render(["?"], list[Weather]).body["seed"] == "{name}"  # type: ignore[index]

    def test_are_listed_in_their_order_from_metadata(
        self, install: Install, extend: Extend, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        install("acme-zeal", "zeal", "raise ValueError('imported')", group=EXTENSIONS, version="0.4")
        install("acme-a", "a", "raise ValueError('imported')", group=EXTENSIONS)
        extend("m")

        assert polycall.extensions() == [
            polycall.InstalledPlugin("a", "acme-a", "1.0", "acme_a"),
            polycall.InstalledPlugin("m", None, None, "registered in code"),
            polycall.InstalledPlugin("zeal", "acme-zeal", "0.4", "acme_zeal"),
        ]
        monkeypatch.setenv("POLYCALL_EXTENSIONS", "m, zeal")
        assert [one.name for one in polycall.extensions()] == ["m", "zeal"]
        monkeypatch.setenv("POLYCALL_EXTENSIONS", "")
        assert polycall.extensions() == []

    def test_polycall_plugins_does_not_leave_one_out(
        self, install: Install, hooks: Hooks, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        install("acme-seed", "seed", SEED, group=EXTENSIONS)
        monkeypatch.setenv("POLYCALL_PLUGINS", "toy")

        assert polycall.from_provider("toy/m").render(["?"], list[Weather]).body["seed"] == "{name}"  # type: ignore[index]
        assert [one.name for one in polycall.extensions()] == ["seed"]

    def test_polycall_extensions_does_not_leave_a_provider_out(
        self, hooks: Hooks, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("POLYCALL_EXTENSIONS", "")

        assert polycall.from_provider("toy/m").provider == "toy"
        assert "toy" in [one.name for one in polycall.providers()]

    def test_polycall_extensions_leaves_out_what_it_does_not_list_which_is_logged(
        self,
        install: Install,
        extend: Extend,
        hooks: Hooks,
        monkeypatch: pytest.MonkeyPatch,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        @hookimpl
        def polycall_before_request(request: Request) -> None:
            request.options["seed"] = "in code"

        install("acme-redact", "redact", SEED, group=EXTENSIONS)
        extend("seed", polycall_before_request=polycall_before_request)
        monkeypatch.setenv("POLYCALL_EXTENSIONS", "other")
        with caplog.at_level(logging.INFO, logger="polycall"):
            body = polycall.from_provider("toy/m").render(["?"], list[Weather]).body

        assert isinstance(body, dict)
        assert "seed" not in body
        assert [(record.levelname, record.getMessage()) for record in caplog.records] == [
            ("INFO", "extension 'redact' is not loaded: POLYCALL_EXTENSIONS does not list it"),
            ("INFO", "extension 'seed' is not loaded: POLYCALL_EXTENSIONS does not list it"),
        ]

    def test_a_bare_exception_of_one_is_noted_with_hook_plugin_and_distribution(
        self, install: Install, hooks: Hooks
    ) -> None:
        install("acme-seed", "seed", SEED.replace("request.options", "request.option"), group=EXTENSIONS)
        client = polycall.from_client(ToyClient(), async_client=False)

        with pytest.raises(AttributeError) as raised:
            client.create(["?"], list[Weather])

        assert raised.value.__notes__ == ["Extension 'seed' (acme-seed 1.0) raised this in polycall_before_request."]

    def test_so_is_one_of_a_provider(self, install: Install) -> None:
        code = "@hookimpl\ndef polycall_render_request(request):\n    return request.body\n"
        install("acme-good", "good", f"{GOOD_PLUGIN}\nfrom polycall.plugin import hookimpl\n{code}")

        with pytest.raises(AttributeError) as raised:
            polycall.from_provider("good/m").render(["?"], list[Weather])

        assert raised.value.__notes__ == ["Plugin 'good' (acme-good 1.0) raised this in polycall_render_request."]


class TestNotFound:
    def test_the_nearest_name_is_shown(self, hooks: Hooks) -> None:
        with pytest.raises(polycall.ProviderNotFoundError, match="Did you mean 'toy'") as raised:
            polycall.from_provider("tyo/model")

        assert raised.value.name == "tyo"
        assert "toy" in raised.value.installed
        assert isinstance(raised.value, LookupError)

    @pytest.mark.parametrize(("provider", "extra"), [("openai", "openai"), ("llamacpp", "local"), ("vertex", "vertex")])
    def test_what_brings_a_provider_of_ours_is_shown(
        self, provider: str, extra: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("polycall._plugins.registry.find_plugins", lambda group: {})

        with pytest.raises(polycall.ProviderNotFoundError) as raised:
            polycall.from_provider(provider)

        assert str(raised.value) == (
            f'No provider named {provider!r}. Installed: none. Install it with: pip install "polycall[{extra}]"'
        )

    def test_for_any_other_the_two_ways_are_shown(self) -> None:
        with pytest.raises(polycall.ProviderNotFoundError, match=r"or register it with polycall.register_provider\(\)"):
            polycall.from_provider("zzz")

    def test_capitals_do_not_hide_the_nearest(self, hooks: Hooks) -> None:
        with pytest.raises(polycall.ProviderNotFoundError, match="Write 'toy/model'"):
            polycall.from_provider("TOY/model")

    @pytest.mark.parametrize("name", ["", "/model", None, 5])
    def test_a_name_of_another_form(self, name: object) -> None:
        with pytest.raises(polycall.ConfigurationError, match="named 'provider/model', or 'provider' alone; got"):
            polycall.from_provider(name)  # type: ignore[call-overload]


class TestChecked:
    """What breaks the contract is refused when the plugin is registered, by name."""

    @staticmethod
    def problem(plugin: object, *, extension: bool = False) -> str:
        register = polycall.register_extension if extension else polycall.register_provider
        with pytest.raises(polycall.PluginError) as raised:
            register("refused", plugin)
        with pytest.raises(polycall.PluginError, match="Nothing named 'refused' was registered"):
            polycall.unregister("refused")
        return str(raised.value)

    @pytest.mark.parametrize(
        ("version", "problem"),
        [
            (2, "was built for hook API 2; this polycall takes 1. Upgrade polycall."),
            (0, "was built for hook API 0; this polycall takes 1. Upgrade the plugin."),
        ],
    )
    def test_another_hook_api(self, version: int, problem: str) -> None:
        assert self.problem(make_plugin(polycall_hook_api=version)).endswith(problem)

    def test_no_hook_api(self) -> None:
        assert "write 'polycall_hook_api = 1'" in self.problem(make_plugin(without=["polycall_hook_api"]))

    def test_a_misspelt_hook(self) -> None:
        @hookimpl
        def polycall_sned(session: object, request: object) -> None: ...

        assert "'polycall_sned' is not a hook (did you mean 'polycall_send'?)" in self.problem(
            make_plugin(without=["polycall_send"], polycall_sned=polycall_sned)
        )

    def test_a_hook_without_its_marker(self) -> None:
        def polycall_send(session: object, request: object) -> None: ...

        assert "'polycall_send' is not marked with @polycall.plugin.hookimpl" in self.problem(
            make_plugin(polycall_send=polycall_send)
        )

    def test_a_wrong_parameter(self) -> None:
        @hookimpl
        def polycall_send(session: object, requst: object) -> None: ...

        assert "parameter 'requst': the hook has no such parameter (did you mean 'request'?)" in self.problem(
            make_plugin(polycall_send=polycall_send)
        )

    def test_a_parameter_that_pluggy_does_not_fill(self) -> None:
        @hookimpl
        def with_default(session: object, request: object = None) -> None: ...

        @hookimpl
        def keyword_only(session: object, *, request: object) -> None: ...

        @hookimpl
        def any_number(*args: object) -> None: ...

        @hookimpl
        def any_names(session: object, **kwargs: object) -> None: ...

        for function, problem in (
            (with_default, "parameter 'request': write it without a default"),
            (keyword_only, "parameter 'request': write it without '*'"),
            (any_number, "parameter 'args': write it without '*'"),
            (any_names, "parameter 'kwargs': write it without '*'"),
        ):
            assert problem in self.problem(make_plugin(polycall_send=function))

    @pytest.mark.parametrize("name", ["create_client", "render_tools", "render_request", "send"])
    def test_a_missing_required_hook(self, name: str) -> None:
        assert f"the required hook 'polycall_{name}' is missing" in self.problem(
            make_plugin(without=[f"polycall_{name}"])
        )

    def test_a_provider_that_could_not_read_a_reply(self) -> None:
        streaming = ["polycall_open_stream", "polycall_open_stream_async"]

        assert "one of 'polycall_extract_reply', 'polycall_create_decoder' is required" in self.problem(
            make_plugin(without=["polycall_extract_reply", "polycall_create_decoder", *streaming])
        )

    def test_a_wrapper_is_not_an_implementation(self) -> None:
        @hookimpl(wrapper=True)
        def polycall_send(session: object, request: object) -> Iterator[None]:
            return (yield)

        assert "the required hook 'polycall_send' is missing" in self.problem(make_plugin(polycall_send=polycall_send))

    def test_a_hook_that_needs_another(self) -> None:
        assert "'polycall_open_stream' needs 'polycall_create_decoder' next to it" in self.problem(
            make_plugin(without=["polycall_create_decoder"])
        )

    def test_a_generator_that_is_no_wrapper(self) -> None:
        @hookimpl
        def polycall_send(session: object, request: object) -> Iterator[None]:
            return (yield)

        assert "'polycall_send' yields: mark it hookimpl(wrapper=True)" in self.problem(
            make_plugin(polycall_send=polycall_send)
        )

    def test_a_wrapper_that_does_not_yield(self) -> None:
        @hookimpl(wrapper=True)
        def polycall_send(session: object, request: object) -> None: ...

        assert "'polycall_send' has no 'yield'" in self.problem(
            make_plugin(without=HOOK_NAMES, polycall_send=polycall_send), extension=True
        )

    def test_a_coroutine_where_none_is_awaited(self) -> None:
        @hookimpl
        async def polycall_send(session: object, request: object) -> None: ...

        assert "'polycall_send' must not be an 'async def'" in self.problem(make_plugin(polycall_send=polycall_send))

    def test_an_async_generator(self) -> None:
        @hookimpl
        async def polycall_open_stream_async(session: object, request: object) -> object:
            yield "chunk"

        assert "'polycall_open_stream_async' is an async generator" in self.problem(
            make_plugin(polycall_open_stream_async=polycall_open_stream_async)
        )

    def test_everything_that_is_wrong_is_listed_at_once(self) -> None:
        problem = self.problem(make_plugin(without=["polycall_render_request", "polycall_send"]))

        assert "'polycall_render_request' is missing; the required hook 'polycall_send' is missing" in problem

    def test_an_entry_point_is_checked_alike(self, install: Install) -> None:
        install("acme-old", "old", "polycall_hook_api = 0")

        with pytest.raises(polycall.PluginError, match=r"'old' \(acme-old 1.0\) was built .*Upgrade acme-old"):
            polycall.from_provider("old")

    def test_a_name_is_registered_once(self, hooks: Hooks) -> None:
        with pytest.raises(polycall.PluginError, match=r"'toy' already exists \(registered in code\)"):
            polycall.register_provider("toy", make_plugin())


class TestAnswers:
    """A hook that owes an answer and gives none is named."""

    @pytest.mark.parametrize("name", ["render_tools", "render_request", "send", "extract_reply"])
    def test_a_call_hook_that_returns_nothing(self, name: str) -> None:
        @hookimpl
        def nothing() -> None: ...

        polycall.register_provider("empty", make_plugin(None, without=(), **{f"polycall_{name}": nothing}))
        try:
            client = polycall.from_client(ToyClient(reply(call("Weather", location="Rome"))), async_client=False)
            with pytest.raises(polycall.PluginError, match=rf"Plugin 'empty' .* returned None from polycall_{name}"):
                client.create(["?"], list[Weather])
        finally:
            polycall.unregister("empty")

    def test_a_client_that_is_not_created(self) -> None:
        @hookimpl
        def nothing() -> None: ...

        polycall.register_provider("empty", make_plugin(polycall_create_client=nothing))
        try:
            with pytest.raises(polycall.PluginError, match="returned None from polycall_create_client"):
                polycall.from_provider("empty")
        finally:
            polycall.unregister("empty")
