"""The Vertex AI provider passes the kit, with ``google.genai``."""

from __future__ import annotations

from conformance.vertex_double import GenAIDouble

from polycall.testing.conformance import ProviderSuite


class TestGenAI(ProviderSuite):
    double = GenAIDouble
