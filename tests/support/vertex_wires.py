"""The three ways to reach Vertex AI with the official SDKs, behind one face, each against its local server.

Imported before any other gRPC channel is made in the process: the local certificate must be the one that gRPC reads.
"""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from google import genai
from google.auth.credentials import AnonymousCredentials
from google.oauth2.credentials import Credentials

import polycall
from support import vertex_grpc_server, vertex_rest_server

with warnings.catch_warnings():
    # What the SDKs and their dependencies say while they are imported is not what is tested.
    warnings.simplefilter("ignore")
    import vertexai
    from vertexai.generative_models import GenerativeModel

vertex_grpc_server.VertexGrpcServer.trust()

Kind: TypeAlias = Literal["genai", "model over REST", "model over gRPC"]
KINDS: tuple[Kind, ...] = ("genai", "model over REST", "model over gRPC")
MODEL = "gemini-2.5-flash"


@dataclass
class Wire:
    """An SDK with its server."""

    kind: Kind
    server: vertex_rest_server.VertexRestServer | vertex_grpc_server.VertexGrpcServer
    made: list[Any] = field(default_factory=list)

    def sdk_client(self) -> Any:
        """A new client object of the SDK."""
        if self.kind == "genai":
            assert isinstance(self.server, vertex_rest_server.VertexRestServer)
            self.made.append(genai_client(self.server))
        else:
            init_vertexai(self.server)
            self.made.append(generative_model())
        return self.made[-1]

    async def close(self) -> None:
        """Close the async halves of the SDK's clients, as their owner must."""
        for sdk_client in self.made:
            if self.kind == "genai":
                await sdk_client.aio.aclose()
            else:
                await sdk_client._close_async_client()

    def client(self) -> polycall.Client:
        """A polycall client of it."""
        return polycall.from_vertexai(self.sdk_client())

    def async_client(self) -> polycall.AsyncClient:
        """An async polycall client of it."""
        return polycall.from_vertexai(self.sdk_client(), use_async=True)

    @property
    def model(self) -> str | None:
        """What a call must name: ``genai`` has no model of its own."""
        return MODEL if self.kind == "genai" else None

    def enqueue(self, *replies: Any) -> None:
        self.server.enqueue(*replies)

    def reply(self, body: Any) -> Any:
        """A reply of this server that tells what became of it."""
        module: Any = vertex_grpc_server if self.kind == "model over gRPC" else vertex_rest_server
        return module.Reply(body)

    @property
    def bodies(self) -> Sequence[dict[str, Any]]:
        """The requests so far, as JSON."""
        return [request.body for request in self.server.requests]


def genai_client(server: vertex_rest_server.VertexRestServer) -> genai.Client:
    """A client of the newer SDK."""
    return genai.Client(
        vertexai=True,
        project="p",
        location="us-central1",
        credentials=Credentials("token"),  # type: ignore[no-untyped-call]
        http_options={"base_url": server.base_url},
    )


def init_vertexai(server: vertex_rest_server.VertexRestServer | vertex_grpc_server.VertexGrpcServer) -> None:
    """Point the older SDK at a local server."""
    is_grpc = isinstance(server, vertex_grpc_server.VertexGrpcServer)
    vertexai.init(
        project="p",
        location="us-central1",
        credentials=AnonymousCredentials(),  # type: ignore[no-untyped-call]
        api_endpoint=server.endpoint if isinstance(server, vertex_grpc_server.VertexGrpcServer) else server.base_url,
        api_transport="grpc" if is_grpc else "rest",
    )


def generative_model(name: str = MODEL, **arguments: Any) -> GenerativeModel:
    """A model of the older SDK, whose deprecation warning is expected."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "This feature is deprecated", UserWarning)
        return GenerativeModel(name, **arguments)


async def happened(event: Any) -> bool:
    """Whether an event of a server comes to pass, without holding up the event loop."""
    return await asyncio.to_thread(event.wait, 5)


def candidate(*parts: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A response with one candidate."""
    return {"candidates": [{"content": {"role": "model", "parts": list(parts)}, **more}]}


def call(name: str, arguments: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """A part with a function call; without ``args`` if there are none."""
    function = {"name": name} if arguments is None else {"name": name, "args": arguments}
    return {"functionCall": function | more.pop("function", {}), **more}
