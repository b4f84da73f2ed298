"""``client.render``: exactly what ``create`` would send, and nothing is sent."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import pytest
from pydantic import BaseModel
from unit.core.conftest import ASK, Extend, Provide

import polycall
from polycall import Adaptation, RenderedRequest
from polycall.plugin import Request, hookimpl
from support.toy_provider import AsyncToyClient, Hooks, ToyClient, call, reply


class Weather(BaseModel):
    location: str


class Search(BaseModel):
    query: str


MODEL = Iterable[Weather | Search]
SAY_ROME = reply(call("Weather", location="Rome"))

Make = Callable[..., tuple[polycall.Client | polycall.AsyncClient, ToyClient]]


@pytest.fixture(params=["sync", "async"])
def make(request: pytest.FixtureRequest) -> Make:
    """Either client; `render` is the same method of both. The provider must be registered."""

    def make(*script: str) -> tuple[polycall.Client | polycall.AsyncClient, ToyClient]:
        toy = (AsyncToyClient if request.param == "async" else ToyClient)(*script)
        return polycall.from_client(toy), toy

    return make


async def create(client: Any, *positional: object, **arguments: object) -> None:
    """What `create` does with the same arguments, of either client."""
    if isinstance(client, polycall.Client):
        answer: Any = client.create(*positional, **arguments)  # type: ignore[call-overload]
        if arguments.get("stream"):
            answer.collect()
    else:
        answer = await client.create(*positional, **arguments)
        if arguments.get("stream"):
            await answer.collect()


@pytest.mark.usefixtures("hooks")
class TestTheBody:
    @pytest.mark.parametrize(
        "arguments",
        [
            {},
            {"model": "toy-2", "tool_choice": "auto", "strict": True, "temperature": 0.5},
            {"stream": True, "deltas": True},
            {"tool_choice": ["Search"], "max_calls": 3, "max_retries": 0, "context": 1},
        ],
    )
    async def test_is_what_create_sends_with_the_same_arguments(self, make: Make, arguments: dict[str, object]) -> None:
        client, toy = make(reply(call("Weather", location="Rome"), call("Search", query="cup")))

        rendered = client.render(ASK, MODEL, **arguments)  # type: ignore[arg-type]
        assert toy.requests == []
        assert toy.bodies == []
        await create(client, ASK, MODEL, **arguments)

        assert rendered == RenderedRequest(body=toy.bodies[0])

    def test_is_made_afresh_each_time(self, make: Make) -> None:
        client, _ = make()
        first = client.render(ASK, MODEL).body
        assert isinstance(first, dict)
        first["messages"].clear()

        assert client.render(ASK, MODEL).body != first

    def test_extensions_change_it_as_they_do_before_it_is_sent(self, make: Make, extend: Extend) -> None:
        seen: list[tuple[bool, bool]] = []

        @hookimpl
        def polycall_before_request(request: Request) -> None:
            seen.append((request.dry_run, request.stream))
            request.options["seed"] = 7

        @hookimpl
        def unwanted() -> None:
            pytest.fail("a dry run has no round and no create()")

        extend(
            "seed",
            polycall_before_request=polycall_before_request,
            **{
                f"polycall_{hook}": unwanted
                for hook in ("create_began", "round_ended", "calls_validated", "create_ended")
            },
        )
        client, _ = make()
        rendered = client.render(ASK, MODEL, stream=True)

        assert isinstance(rendered.body, dict)
        assert rendered.body["seed"] == 7
        assert seen == [(True, True)]

    async def test_what_is_sent_is_not_a_dry_run(self, make: Make) -> None:
        client, toy = make(SAY_ROME)
        await create(client, ASK, MODEL)

        assert [request.dry_run for request in toy.requests] == [False]

    def test_an_extension_may_refuse(self, make: Make, extend: Extend) -> None:
        @hookimpl
        def polycall_before_request() -> None:
            raise LookupError("spent")

        extend("budget", polycall_before_request=polycall_before_request)
        with pytest.raises(LookupError, match="spent"):
            make()[0].render(ASK, MODEL)

    def test_what_is_wrong_is_the_error_that_create_raises(self, make: Make) -> None:
        client, toy = make()

        with pytest.raises(polycall.MessageError):
            client.render("Hello", MODEL)  # type: ignore[arg-type]  # what is tested
        with pytest.raises(polycall.ResponseModelError):
            client.render(ASK, Weather)  # type: ignore[type-var]  # what is tested
        with pytest.raises(polycall.ConfigurationError):
            client.render(ASK, MODEL, tool_choice="Wether")
        assert toy.requests == []


class TestTheDescription:
    async def test_a_plugin_describes_method_url_and_headers(self, make: Make, provide: Provide) -> None:
        @hookimpl
        def polycall_describe_request(session: ToyClient, request: Request, body: object) -> RenderedRequest:
            return RenderedRequest(
                method="POST", url=f"toy://local/{request.model}", headers={"authorization": "***"}, body=body
            )

        provide(polycall_describe_request=polycall_describe_request)
        client, toy = make(SAY_ROME)
        rendered = client.render(ASK, MODEL)
        await create(client, ASK, MODEL)

        assert rendered == RenderedRequest(
            method="POST", url="toy://local/toy-1", headers={"authorization": "***"}, body=toy.bodies[0]
        )

    def test_the_core_adds_the_adaptations(self, make: Make, provide: Provide) -> None:
        clamped = Adaptation(setting="options.temperature", kind="clamped", given=3, sent=2, reason="toy takes 0 to 2")
        weakened = Adaptation(setting="tool_choice", kind="substituted", given="required", sent="auto")
        mentioned = Adaptation(setting="options.seed", kind="dropped", given=1)

        @hookimpl
        def polycall_render_tools(adaptations: list[Adaptation]) -> object:
            adaptations.append(weakened)
            return []

        @hookimpl
        def polycall_render_request(request: Request) -> object:
            request.adaptations.append(clamped)
            return {}

        @hookimpl
        def polycall_describe_request(body: object) -> RenderedRequest:
            return RenderedRequest(body=body, adaptations=(mentioned,))

        provide(
            polycall_render_tools=polycall_render_tools,
            polycall_render_request=polycall_render_request,
            polycall_describe_request=polycall_describe_request,
        )
        client, _ = make()

        for _ in range(2):
            assert client.render(ASK, MODEL) == RenderedRequest(body={}, adaptations=(mentioned, weakened, clamped))

    def test_anything_else_is_a_plugin_error(self, make: Make, provide: Provide) -> None:
        @hookimpl
        def polycall_describe_request(body: object) -> object:
            return {"body": body}

        provide(polycall_describe_request=polycall_describe_request)
        with pytest.raises(polycall.PluginError, match="returned a dict from polycall_describe_request; a Rendered"):
            make()[0].render(ASK, MODEL)


def test_tools_are_rendered_once_for_render_and_create_together(hooks: Hooks) -> None:
    client = polycall.from_client(ToyClient(SAY_ROME), async_client=False)
    client.render(ASK, MODEL)
    client.create(ASK, MODEL)

    assert hooks.rendered == 1
