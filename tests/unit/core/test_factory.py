"""Clients from SDK objects, modes, and closing."""

from __future__ import annotations

import pytest
from unit.core.conftest import Provide

import polycall
from polycall import Mode
from polycall.plugin import ClientTraits, hookimpl, is_instance_of
from support.toy_provider import AsyncToyClient, Hooks, ToyClient, make_plugin


class TestFromClient:
    def test_an_object_is_recognised(self, hooks: Hooks) -> None:
        assert isinstance(polycall.from_client(ToyClient()), polycall.Client)
        assert isinstance(polycall.from_client(AsyncToyClient()), polycall.AsyncClient)

    def test_one_that_can_do_both_is_sync_unless_asked(self) -> None:
        @hookimpl
        def polycall_recognize_client(client: object) -> ClientTraits | None:
            return ClientTraits(sync=True, asynchronous=True) if isinstance(client, set) else None

        polycall.register_provider("both", make_plugin(polycall_recognize_client=polycall_recognize_client))
        try:
            assert isinstance(polycall.from_client(set()), polycall.Client)
            assert isinstance(polycall.from_client(set(), async_client=True), polycall.AsyncClient)
        finally:
            polycall.unregister("both")

    def test_the_wrong_kind_is_refused(self, hooks: Hooks) -> None:
        with pytest.raises(polycall.UnknownClientError, match="AsyncToyClient is async; a synchronous client was"):
            polycall.from_client(AsyncToyClient(), async_client=False)
        with pytest.raises(polycall.UnknownClientError, match="is synchronous; an async client was asked for"):
            polycall.from_client(ToyClient(), async_client=True)

    def test_an_object_that_nobody_knows(self, hooks: Hooks, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("POLYCALL_PLUGINS", "toy")

        with pytest.raises(polycall.UnknownClientError, match=r"of type builtins\.float") as raised:
            polycall.from_client(1.5)

        assert isinstance(raised.value, TypeError)

    def test_a_class_in_place_of_its_object(self, hooks: Hooks, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("POLYCALL_PLUGINS", "toy")

        with pytest.raises(polycall.UnknownClientError, match=r"the class .*\.ToyClient itself"):
            polycall.from_client(ToyClient)

    def test_one_that_two_providers_claim_is_refused_and_both_are_named(
        self, hooks: Hooks, provide: Provide, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        provide("a-twin")
        with pytest.raises(polycall.PluginError) as raised:
            polycall.from_client(ToyClient())

        assert str(raised.value) == (
            "Several providers recognise an object of type support.toy_provider.ToyClient: 'a-twin' and 'toy'. "
            "Restrict them with POLYCALL_PLUGINS, or uninstall all but one."
        )
        monkeypatch.setenv("POLYCALL_PLUGINS", "toy")
        assert polycall.from_client(ToyClient()).provider == "toy"

    def test_a_model_is_the_default_of_its_calls(self, hooks: Hooks) -> None:
        assert polycall.from_client(ToyClient(), model="toy-mini").model == "toy-mini"

    def test_a_model_that_is_named_twice_is_refused(self, hooks: Hooks) -> None:
        assert polycall.from_provider("toy", model="mini").model == "mini"
        assert polycall.from_provider("toy/mini", model="mini").model == "mini"
        with pytest.raises(polycall.ConfigurationError) as raised:
            polycall.from_provider("toy/mini", model="maxi")
        assert (str(raised.value), raised.value.key) == (
            "The model is named twice, 'mini' in the name and 'maxi' as model=. Leave one of them out.",
            "model",
        )

    def test_a_mode_that_does_not_fit_names_those_that_do(self, hooks: Hooks) -> None:
        with pytest.raises(polycall.ModeError, match=r"Mode\.VERTEXAI_PARALLEL_TOOLS does .*Use Mode\.PARALLEL_TOOLS"):
            polycall.from_client(ToyClient(), Mode.VERTEXAI_PARALLEL_TOOLS)

        assert polycall.from_client(ToyClient(), Mode.PARALLEL_TOOLS).provider == "toy"


class TestClosing:
    def test_a_client_that_polycall_created_is_closed_once(self, hooks: Hooks) -> None:
        with polycall.from_provider("toy/m") as client:
            toy = client._hooks.session
            assert toy.closed == 0
        client.close()

        assert toy.closed == 1

    async def test_async_falls_back_to_the_sync_hook(self, hooks: Hooks) -> None:
        async with polycall.from_provider("toy/m", async_client=True) as client:
            toy = client._hooks.session

        assert toy.closed == 1

    def test_of_a_client_that_was_handed_in_only_the_session_is_released(self, hooks: Hooks) -> None:
        toy = ToyClient()
        with polycall.from_client(toy, async_client=False) as client:
            assert toy.released == 0
        client.close()

        assert (toy.closed, toy.released) == (0, 1)

    async def test_async_too(self, hooks: Hooks) -> None:
        toy = AsyncToyClient()
        async with polycall.from_client(toy, async_client=True) as client:
            assert toy.released == 0
        await client.close()

        assert (toy.closed, toy.released) == (0, 1)

    @pytest.mark.parametrize("created", [False, True])
    async def test_the_hooks_get_the_session_and_whether_polycall_created_the_client(
        self, provide: Provide, created: bool
    ) -> None:
        seen: list[tuple[str, object, bool]] = []

        @hookimpl
        def polycall_bind_client(client: object, created: bool) -> object:
            return ("session of", client, created)

        @hookimpl
        def polycall_close_client(session: object, created: bool) -> None:
            seen.append(("sync", session, created))

        @hookimpl
        async def polycall_close_client_async(session: object, created: bool) -> None:
            seen.append(("async", session, created))

        provide(
            polycall_bind_client=polycall_bind_client,
            polycall_close_client=polycall_close_client,
            polycall_close_client_async=polycall_close_client_async,
        )
        if created:
            polycall.from_provider("toy/m").close()
            await polycall.from_provider("toy/m", async_client=True).close()
        else:
            polycall.from_client(ToyClient(), async_client=False).close()
            await polycall.from_client(AsyncToyClient(), async_client=True).close()

        (how, session, told), (async_how, async_session, async_told) = seen
        assert (how, async_how) == ("sync", "async")
        assert (told, async_told) == (created, created)
        for one in (session, async_session):
            assert isinstance(one, tuple)
            assert one[0] == "session of"
            assert one[2] is created

    async def test_a_provider_that_holds_nothing_needs_no_hook(self, provide: Provide) -> None:
        provide(without=["polycall_close_client"])
        polycall.from_provider("toy/m").close()
        await polycall.from_provider("toy/m", async_client=True).close()


class TestIsInstanceOf:
    def test_by_name_with_subclasses(self) -> None:
        name = f"{ToyClient.__module__}.ToyClient"

        assert is_instance_of(AsyncToyClient(), name)
        assert is_instance_of(ToyClient(), "other.Class", name)
        assert not is_instance_of(ToyClient, name)
        assert not is_instance_of(object(), name)
