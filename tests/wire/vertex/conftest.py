"""Servers and clients of the official SDKs for the tests of the Vertex AI provider."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from support.vertex_grpc_server import VertexGrpcServer
from support.vertex_rest_server import VertexRestServer
from support.vertex_wires import KINDS, Wire


@pytest.fixture
def rest() -> Iterator[VertexRestServer]:
    with VertexRestServer() as server:
        yield server


@pytest.fixture
def grpc_server() -> Iterator[VertexGrpcServer]:
    with VertexGrpcServer() as server:
        yield server


@pytest.fixture(params=KINDS)
def wire(request: pytest.FixtureRequest) -> Iterator[Wire]:
    """Each of the three ways."""
    server = VertexGrpcServer() if request.param == "model over gRPC" else VertexRestServer()
    with server:
        yield Wire(request.param, server)


@pytest.fixture(params=["genai", "model over gRPC"])
async def async_wire(request: pytest.FixtureRequest) -> AsyncIterator[Wire]:
    """Each way that can be async: a model over REST cannot."""
    server = VertexGrpcServer() if request.param == "model over gRPC" else VertexRestServer()
    with server:
        wire = Wire(request.param, server)
        yield wire
        await wire.close()
