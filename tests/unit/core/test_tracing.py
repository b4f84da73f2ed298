"""A tracing extension of two functions: a span for each request, however it ends."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

import pytest
from pydantic import BaseModel
from unit.core.conftest import ASK, Extend, MakeClient, Provide, Way

import polycall
from polycall import Usage
from polycall.plugin import Reply, Request, SessionTraits, hookimpl
from support.toy_provider import call, reply


class Weather(BaseModel):
    location: str


@dataclasses.dataclass
class Span:
    """What a tracer records of one request."""

    attributes: dict[str, object]
    usage: Usage | None = None
    error: str | None = None
    ended: int = 0


SAY_ROME, BAD = call("Weather", location="Rome"), call("Weather", location=5)


@pytest.fixture
def spans(extend: Extend) -> list[Span]:
    spans: list[Span] = []

    @hookimpl
    def polycall_before_request(request: Request) -> None:
        traits = request.session_traits
        span = Span(
            {
                "gen_ai.provider.name": traits.telemetry_name or request.provider,
                "gen_ai.request.model": request.model,
                "server.address": traits.host,
                "server.port": traits.port,
                "round": request.round,
            }
        )
        spans.append(span)
        request.extension_data["span"] = span

    @hookimpl
    def polycall_round_ended(request: Request, reply: Reply | None, error: BaseException | None) -> None:
        span = request.extension_data.pop("span")
        span.ended += 1
        if reply is not None:
            span.usage = reply.usage
            span.attributes["gen_ai.response.id"] = reply.response_id
        if error is not None:
            span.error = type(error).__name__

    extend("trace", polycall_before_request=polycall_before_request, polycall_round_ended=polycall_round_ended)
    return spans


def is_complete(spans: list[Span], number: int) -> bool:
    return [span.ended for span in spans] == [1] * number


@pytest.mark.usefixtures("hooks")
async def test_each_round_has_a_span_with_its_own_counts(way: Way, spans: list[Span]) -> None:
    await way.ask(reply(BAD, usage=(1, 2)), reply(SAY_ROME, usage=(3, 4)), response_model=Iterable[Weather])

    assert is_complete(spans, 2)
    assert [span.usage for span in spans] == [
        Usage(input_tokens=1, output_tokens=2, total_tokens=3),
        Usage(input_tokens=3, output_tokens=4, total_tokens=7),
    ]
    assert [span.attributes["round"] for span in spans] == [0, 1]
    assert spans[0].attributes["gen_ai.request.model"] == "toy-1"


@pytest.mark.usefixtures("hooks")
async def test_a_failed_one_has_the_error(way: Way, spans: list[Span]) -> None:
    with pytest.raises(ConnectionResetError):
        await way.ask(reply(BAD), ConnectionResetError("by peer"), response_model=Iterable[Weather])

    assert is_complete(spans, 2)
    assert [span.error for span in spans] == [None, "ConnectionResetError"]


def test_an_abandoned_one_ends_too(make_client: MakeClient, spans: list[Span]) -> None:
    client, _ = make_client(reply(SAY_ROME, SAY_ROME))
    for _ in client.stream(ASK, Iterable[Weather]):
        break

    assert is_complete(spans, 1)
    assert spans[0].error == "IncompleteOutputError"


@pytest.mark.usefixtures("hooks")
async def test_an_extension_that_keeps_a_request_from_being_sent_ends_its_span(
    way: Way, spans: list[Span], extend: Extend
) -> None:
    @hookimpl
    def polycall_before_request() -> None:
        raise LookupError("the budget is spent")

    extend("trace-then-budget", polycall_before_request=polycall_before_request)
    with pytest.raises(LookupError):
        await way.ask(response_model=Iterable[Weather])

    assert is_complete(spans, 1)


async def test_a_plugin_says_where_it_sends_to(way: Way, spans: list[Span], provide: Provide) -> None:
    @hookimpl
    def polycall_describe_session() -> SessionTraits:
        return SessionTraits(host="toys.example", port=8443, telemetry_name="example.toys")

    provide(polycall_describe_session=polycall_describe_session)
    await way.ask(reply(SAY_ROME), response_model=Iterable[Weather])

    assert spans[0].attributes["gen_ai.provider.name"] == "example.toys"
    assert (spans[0].attributes["server.address"], spans[0].attributes["server.port"]) == ("toys.example", 8443)


@pytest.mark.usefixtures("hooks")
async def test_one_that_does_not_say_is_called_by_its_own_name(way: Way, spans: list[Span]) -> None:
    await way.ask(reply(SAY_ROME), response_model=Iterable[Weather])

    assert spans[0].attributes["gen_ai.provider.name"] == "toy"
    assert way.toy.requests[0].session_traits == SessionTraits()


def test_it_is_asked_once_for_each_client(provide: Provide) -> None:
    asked: list[object] = []

    @hookimpl
    def polycall_describe_session(session: object) -> SessionTraits:
        asked.append(session)
        return SessionTraits()

    provide(polycall_describe_session=polycall_describe_session)
    client = polycall.from_provider("toy/m")
    client.render(ASK, Iterable[Weather])
    client.render(ASK, Iterable[Weather])

    assert len(asked) == 1


def test_other_traits_are_refused(provide: Provide) -> None:
    @hookimpl
    def polycall_describe_session() -> object:
        return {"host": "toys.example"}

    provide(polycall_describe_session=polycall_describe_session)
    with pytest.raises(
        polycall.PluginError, match="returned a dict from polycall_describe_session; a SessionTraits is"
    ):
        polycall.from_provider("toy/m")
