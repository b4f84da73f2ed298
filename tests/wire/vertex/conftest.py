"""Servers and clients of the official SDKs for the tests of the Vertex AI provider."""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any, TypeAlias

import pytest
from google.genai.models import AsyncModels, Models

from support.vertex_grpc_server import VertexGrpcServer
from support.vertex_rest_server import VertexRestServer
from support.vertex_wires import KINDS, Wire

Seen: TypeAlias = list[dict[str, Any]] | None


@pytest.fixture(params=["as made", "wrapped"])
def seen(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Seen:
    """The arguments of each call that a wrapper of the SDKs' public methods saw; ``None`` where there is no wrapper.

    What stands on this runs both ways: with the SDKs as they are, and wrapped as instrumentation does it.
    """
    if request.param == "as made":
        return None
    calls: list[dict[str, Any]] = []
    for class_ in (Models, AsyncModels):
        for name in ("generate_content", "generate_content_stream"):
            monkeypatch.setattr(class_, name, _noting(getattr(class_, name), calls))
    from vertexai.generative_models import GenerativeModel

    for name in ("generate_content", "generate_content_async"):
        monkeypatch.setattr(GenerativeModel, name, _noting(getattr(GenerativeModel, name), calls))
    return calls


@pytest.fixture
def rest(seen: Seen) -> Iterator[VertexRestServer]:
    with VertexRestServer() as server:
        yield server


@pytest.fixture
def grpc_server(seen: Seen) -> Iterator[VertexGrpcServer]:
    with VertexGrpcServer() as server:
        yield server


@pytest.fixture(params=KINDS)
def wire(request: pytest.FixtureRequest, seen: Seen) -> Iterator[Wire]:
    """Each of the three ways."""
    server = VertexGrpcServer() if request.param == "model over gRPC" else VertexRestServer()
    with server:
        yield Wire(request.param, server)


@pytest.fixture(params=["genai", "model over gRPC"])
async def async_wire(request: pytest.FixtureRequest, seen: Seen) -> AsyncIterator[Wire]:
    """Each way that can be async: a model over REST cannot."""
    server = VertexGrpcServer() if request.param == "model over gRPC" else VertexRestServer()
    with server:
        wire = Wire(request.param, server)
        yield wire
        await wire.close()


def _noting(method: Callable[..., Any], calls: list[dict[str, Any]]) -> Callable[..., Any]:
    @functools.wraps(method)
    def wrapper(self: object, *args: object, **arguments: Any) -> Any:
        calls.append(arguments)
        return method(self, *args, **arguments)

    return wrapper
