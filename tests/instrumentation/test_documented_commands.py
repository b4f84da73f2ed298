"""What the READMEs say to install for tracing is all that it needs: each command in an environment of its own.

The versions are those of the other tests here, so that a red test is about the command.
"""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from instrumentation.conftest import NEWEST
from instrumentation.test_vertex import REQUIREMENTS

from support.environments import ROOT, Environment, Wheel
from support.openai_replies import completion
from support.wire_server import WireServer, reply_json

pytestmark = pytest.mark.install

SPANS = """
from typing import Iterable

from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

exporter = InMemorySpanExporter()
provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(exporter))
trace.set_tracer_provider(provider)
"""
OPENAI = """
from opentelemetry.instrumentation.openai_v2 import OpenAIInstrumentor

OpenAIInstrumentor().instrument()

import polycall
from pydantic import BaseModel

class Weather(BaseModel):
    location: str

with polycall.from_provider("openai/m", base_url={url!r}, api_key="none") as client:
    print(client.create([{{"role": "user", "content": "?"}}], Iterable[Weather]))
print([span.name for span in exporter.get_finished_spans()])
"""
VERTEX = """
from opentelemetry.instrumentation.google_genai import GoogleGenAiSdkInstrumentor

GoogleGenAiSdkInstrumentor().instrument()

import polycall
print([provider.name for provider in polycall.providers() if provider.name == "vertex"])
"""


def command(readme: str) -> list[str]:
    """The requirements of the one command in a README that installs OpenTelemetry."""
    text = (ROOT / "plugins" / readme / "README.md").read_text(encoding="utf-8")
    (line,) = re.findall(r"^\$ (pip install .*opentelemetry.*)$", text, re.MULTILINE)
    return shlex.split(line)[2:]


def environment(folder: Path, wheels: dict[str, Wheel], readme: str, pins: list[str]) -> Environment:
    constraints = folder / "pins.txt"
    constraints.write_text("\n".join(pins))
    return Environment.create(
        folder / "environment", wheels, *command(readme), options=["--constraint", str(constraints)]
    )


def test_openai(tmp_path: Path, wheels: dict[str, Wheel]) -> None:
    made = environment(tmp_path, wheels, "openai_provider", NEWEST)

    with WireServer() as server:
        server.enqueue(reply_json(completion([("Weather", {"location": "Rome"})])))
        printed = made.run(SPANS + OPENAI.format(url=server.url), strict=False)

    assert printed.splitlines() == ["Calls([Weather(location='Rome')])", "['chat m']"]


def test_vertex(tmp_path: Path, wheels: dict[str, Wheel]) -> None:
    made = environment(tmp_path, wheels, "vertex_provider", REQUIREMENTS)

    assert made.run(SPANS + VERTEX, strict=False).splitlines() == ["['vertex']"]
