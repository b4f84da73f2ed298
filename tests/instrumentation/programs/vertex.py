"""Calls under a library that instruments one of Google's SDKs; prints what it recorded of each."""

# mypy: disable-error-code="import-not-found, import-untyped, no-untyped-call, unused-ignore"

from __future__ import annotations

import asyncio
import json
import os
from itertools import product
from typing import Any

from instrumentation.programs.harness import Record, Weather, run_without_a_loop
from instrumentation.programs.libraries import InstrumentorLibrary

import polycall

MODEL = "gemini-2.5-flash"
MESSAGES = [{"role": "user", "content": "What is the weather in the two?"}]


class GoogleLibrary(InstrumentorLibrary):
    sdk = "genai"
    """Which of the two SDKs: ``"genai"`` or ``"model"``."""


class OpenTelemetry(GoogleLibrary):
    def instrumentor(self) -> Any:
        os.environ["OTEL_SEMCONV_STABILITY_OPT_IN"] = "gen_ai_latest_experimental"
        os.environ["OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"] = "span_only"
        from opentelemetry.instrumentation.google_genai import GoogleGenAiSdkInstrumentor

        return GoogleGenAiSdkInstrumentor()


class OpenInference(GoogleLibrary):
    def instrumentor(self) -> Any:
        from openinference.instrumentation.google_genai import GoogleGenAIInstrumentor

        return GoogleGenAIInstrumentor()


class Traceloop(GoogleLibrary):
    def instrumentor(self) -> Any:
        from opentelemetry.instrumentation.google_generativeai import GoogleGenerativeAiInstrumentor

        return GoogleGenerativeAiInstrumentor()


class OpenInferenceModel(GoogleLibrary):
    sdk = "model"

    def instrumentor(self) -> Any:
        from openinference.instrumentation.vertexai import VertexAIInstrumentor

        return VertexAIInstrumentor()


def make_sdk(kind: str, url: str) -> Any:
    if kind == "genai":
        from google import genai
        from google.oauth2.credentials import Credentials

        return genai.Client(
            vertexai=True,
            project="p",
            location="us-central1",
            credentials=Credentials("token"),
            http_options={"base_url": url},
        )
    import vertexai
    from google.auth.credentials import AnonymousCredentials
    from vertexai.generative_models import GenerativeModel

    vertexai.init(
        project="p",
        location="us-central1",
        credentials=AnonymousCredentials(),
        api_endpoint=url,
        api_transport="rest",
    )
    return GenerativeModel(MODEL)


async def ask(sdk: Any, *, streamed: bool, asynchronous: bool) -> list[str]:
    client: Any = polycall.from_vertexai(sdk, use_async=True) if asynchronous else polycall.from_vertexai(sdk)
    model = None if "GenerativeModel" in type(sdk).__name__ else MODEL
    if streamed and asynchronous:
        async with client.stream(MESSAGES, list[Weather], model) as stream:
            return [call.location async for call in stream]
    if streamed:
        with client.stream(MESSAGES, list[Weather], model) as stream:
            return [call.location for call in stream]
    calls = client.create(MESSAGES, list[Weather], model)
    return [call.location for call in (await calls if asynchronous else calls)]


def main(name: str, url: str) -> None:
    """Ask with an SDK client made before the library is switched on, with one made after, and after it is off again.

    Requests: each of the ways three times, in this order.
    """
    library: GoogleLibrary = globals()[name]()
    kind = library.sdk
    # The older SDK is async over gRPC only.
    ways = list(product((False, True), (False, True) if kind == "genai" else (False,)))
    said: dict[str, list[tuple[list[str], list[Record]]]] = {}
    with asyncio.Runner() as runner:

        def take(turn: str, sdk: Any) -> None:
            for streamed, asynchronous in ways:
                job = ask(sdk, streamed=streamed, asynchronous=asynchronous)
                values = runner.run(job) if asynchronous else run_without_a_loop(job)
                said.setdefault(turn, []).append((values, library.records()))

        early = make_sdk(kind, url)
        library.instrument()
        take("made before", early)
        late = make_sdk(kind, url)
        take("made after", late)
        library.uninstrument()
        take("after", early)
    print("\n" + json.dumps(said, default=str), flush=True)
    os._exit(0)
