"""The wire doubles of this repository's providers and of its example."""

from __future__ import annotations

from conformance.llamacpp_double import LlamaDouble
from conformance.openai_doubles import ChatDouble, ResponsesDouble
from conformance.vertex_double import GeminiDouble, GenAIDouble

from acme_double import AcmeDouble
from polycall.testing.conformance import WireDouble

DOUBLES: tuple[type[WireDouble], ...] = (
    ChatDouble,
    ResponsesDouble,
    GenAIDouble,
    GeminiDouble,
    LlamaDouble,
    AcmeDouble,
)
