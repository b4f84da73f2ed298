"""The llama.cpp provider passes the kit, with a double in the place of the model."""

from __future__ import annotations

from conformance.llamacpp_double import LlamaDouble

from polycall.testing.conformance import ProviderSuite


class TestLlama(ProviderSuite):
    double = LlamaDouble
