"""The providers of Vertex AI and of the Gemini API pass the kit, with ``google.genai``."""

from __future__ import annotations

from conformance.vertex_double import GeminiDouble, GenAIDouble

from polycall.testing.conformance import ProviderSuite


class TestGenAI(ProviderSuite):
    double = GenAIDouble


class TestGemini(ProviderSuite):
    double = GeminiDouble
