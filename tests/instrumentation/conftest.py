"""Environments with polycall, the openai SDK and the libraries that instrument it.

The versions are pinned, so that a red test is about polycall. To bring them up to date, take the newest of each in
`NEWEST` (as `uv pip install --upgrade` resolves them) and say in the commit what changed.
"""

from __future__ import annotations

import pytest

from support.environments import ROOT, Environment, Wheel, build_wheels

NEWEST = [
    "openai==3.54.0",
    "agentops==0.4.21",
    "braintrust==0.47.0",
    "ddtrace==4.16.0",
    "langfuse==5.0.4",
    "langsmith==0.15.0",
    "logfire==5.2.0",
    "mlflow-tracing==3.17.2",
    "newrelic==14.1.0",
    "openinference-instrumentation-openai==0.1.66",
    "opentelemetry-instrumentation-httpx==0.66b2",
    "opentelemetry-instrumentation-openai==0.62.4",
    "opentelemetry-instrumentation-openai-v2==2.4b0",
    "opentelemetry-util-genai==0.4b0",  # with 1.x the one above cannot be imported, and does not say so
    "opentelemetry-sdk==1.45.2",
    "posthog==7.91.1",
    "sentry-sdk==2.75.0",
]
LOWEST = [
    "openai==2.0.0",
    "elastic-opentelemetry-instrumentation-openai==1.2.0",  # not beside Traceloop's: the same module
    "langfuse==5.0.4",
    "opentelemetry-instrumentation-httpx==0.66b2",
    "opentelemetry-instrumentation-openai-v2==2.4b0",
    "opentelemetry-util-genai==0.4b0",
    "opentelemetry-sdk==1.45.2",
]


@pytest.fixture(scope="session")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Wheel]:
    """polycall and its plugins for the SDKs that are instrumented."""
    plugins = [ROOT / "plugins" / name for name in ("openai_provider", "vertex_provider")]
    return build_wheels(tmp_path_factory.mktemp("dist") / "wheels", ROOT, *plugins)


@pytest.fixture(scope="session")
def newest(tmp_path_factory: pytest.TempPathFactory, wheels: dict[str, Wheel]) -> Environment:
    """The newest SDK, with all libraries that go together."""
    folder = tmp_path_factory.mktemp("newest") / "environment"
    return Environment.create(folder, wheels, "polycall[openai]", *NEWEST)


@pytest.fixture(scope="session")
def lowest(tmp_path_factory: pytest.TempPathFactory, wheels: dict[str, Wheel]) -> Environment:
    """The oldest SDK that polycall takes, with some of the libraries."""
    folder = tmp_path_factory.mktemp("lowest") / "environment"
    return Environment.create(folder, wheels, "polycall[openai]", *LOWEST)
