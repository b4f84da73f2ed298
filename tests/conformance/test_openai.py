"""The OpenAI provider passes the kit, over both APIs."""

from __future__ import annotations

from conformance.openai_doubles import ChatDouble, ResponsesDouble

from polycall.testing.conformance import ProviderSuite


class TestChat(ProviderSuite):
    double = ChatDouble


class TestResponses(ProviderSuite):
    double = ResponsesDouble
