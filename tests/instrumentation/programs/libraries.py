"""The libraries that instrument the openai SDK, each with a place in memory for what it records."""

# mypy: disable-error-code="import-not-found, import-untyped, misc, unused-ignore"

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from instrumentation.programs.harness import Library, Record

NOWHERE = "http://127.0.0.1:9"
"""Where the libraries would send what they record."""


class SpanLibrary(Library):
    """One that makes OpenTelemetry spans."""

    def __init__(self) -> None:
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import SimpleSpanProcessor
        from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

        self.exporter = InMemorySpanExporter()
        self.processor = SimpleSpanProcessor(self.exporter)
        self.provider = TracerProvider()
        self.provider.add_span_processor(self.processor)

    def records(self) -> list[Record]:
        spans = self.exporter.get_finished_spans()
        self.exporter.clear()
        return [
            {
                "name": span.name,
                "attributes": dict(span.attributes),
                "events": [{"name": event.name, **event.attributes} for event in span.events],
                "status": span.status.status_code.name,
            }
            for span in spans
        ]


class InstrumentorLibrary(SpanLibrary):
    """One with an instrumentor as OpenTelemetry has them."""

    def instrumentor(self) -> Any:
        raise NotImplementedError

    def instrument(self) -> None:
        self.instrumentor().instrument(tracer_provider=self.provider)

    def uninstrument(self) -> None:
        self.instrumentor().uninstrument()


class OpenTelemetry(InstrumentorLibrary):
    """OpenTelemetry's own, with content; it knows no Responses API."""

    apis = ("chat",)

    def instrumentor(self) -> Any:
        os.environ["OTEL_SEMCONV_STABILITY_OPT_IN"] = "gen_ai_latest_experimental"
        os.environ["OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"] = "span_only"
        from opentelemetry.instrumentation.openai_v2 import OpenAIInstrumentor

        return OpenAIInstrumentor()


class Traceloop(InstrumentorLibrary):
    def instrumentor(self) -> Any:
        from opentelemetry.instrumentation.openai import OpenAIInstrumentor

        return OpenAIInstrumentor()


class Elastic(InstrumentorLibrary):
    """Takes the same module as Traceloop's; it knows no Responses API."""

    apis = ("chat",)

    def instrumentor(self) -> Any:
        from opentelemetry.instrumentation.openai import OpenAIInstrumentor

        return OpenAIInstrumentor()


class OpenInference(InstrumentorLibrary):
    def instrumentor(self) -> Any:
        from openinference.instrumentation.openai import OpenAIInstrumentor

        return OpenAIInstrumentor()


class AgentOps(InstrumentorLibrary):
    """Without its service; of the Responses API it records nothing."""

    apis = ("chat",)

    def instrumentor(self) -> Any:
        from agentops.instrumentation.providers.openai import OpenaiInstrumentor

        return OpenaiInstrumentor()


class Langfuse(SpanLibrary):
    """Patches the SDK when ``langfuse.openai`` is imported, for good."""

    def instrument(self) -> None:
        import langfuse
        import langfuse.openai

        self.langfuse = langfuse.Langfuse(public_key="pk", secret_key="sk", span_exporter=self.exporter)

    def records(self) -> list[Record]:
        if hasattr(self, "langfuse"):
            self.langfuse.flush()
        return super().records()


class Logfire(SpanLibrary):
    def instrument(self) -> None:
        import logfire

        logfire.configure(send_to_logfire=False, console=False, additional_span_processors=[self.processor])
        self.instrumented = logfire.instrument_openai()

    def uninstrument(self) -> None:
        with self.instrumented:
            pass


class MLflow(SpanLibrary):
    def instrument(self) -> None:
        os.environ |= {
            "MLFLOW_USE_DEFAULT_TRACER_PROVIDER": "false",
            "MLFLOW_TRACKING_URI": NOWHERE,
            "MLFLOW_EXPERIMENT_ID": "0",
            "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": NOWHERE,
            "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "http/protobuf",
        }
        import mlflow.openai
        from opentelemetry import trace

        trace.set_tracer_provider(self.provider)
        mlflow.openai.autolog()

    def uninstrument(self) -> None:
        import mlflow.openai

        mlflow.openai.autolog(disable=True)


class Datadog(Library):
    def __init__(self) -> None:
        self.spans: list[Any] = []

    def instrument(self) -> None:
        os.environ |= {
            "DD_INSTRUMENTATION_TELEMETRY_ENABLED": "false",
            "DD_REMOTE_CONFIGURATION_ENABLED": "false",
            "DD_TRACE_AGENT_URL": NOWHERE,
        }
        import ddtrace
        from ddtrace.trace import TraceFilter, tracer

        spans = self.spans

        class Take(TraceFilter):
            def process_trace(self, trace: Any) -> None:
                spans.extend(trace)

        tracer.configure(trace_processors=[Take()])
        ddtrace.patch(openai=True)

    def uninstrument(self) -> None:
        from ddtrace.contrib.internal.openai.patch import unpatch

        unpatch()

    def records(self) -> list[Record]:
        spans = list(self.spans)
        self.spans.clear()
        return [{"name": span.name, "resource": span.resource, **span._get_attributes()} for span in spans]


class Sentry(Library):
    """Within a transaction; it cannot be switched off."""

    def __init__(self) -> None:
        self.spans: list[Record] = []

    def instrument(self) -> None:
        import sentry_sdk
        from sentry_sdk.integrations.openai import OpenAIIntegration

        sentry_sdk.init(
            dsn="http://key@127.0.0.1:9/1",
            transport=lambda envelope: None,
            before_send_transaction=lambda event, hint: self.spans.extend(event["spans"]),
            traces_sample_rate=1.0,
            send_default_pii=True,
            default_integrations=False,
            auto_enabling_integrations=False,
            integrations=[OpenAIIntegration()],
        )

    def around(self) -> AbstractContextManager[object]:
        import sentry_sdk

        transaction: AbstractContextManager[object] = sentry_sdk.start_transaction(name="test")
        return transaction

    def records(self) -> list[Record]:
        spans, self.spans = self.spans, []
        return spans


class NewRelic(Library):
    """Waits for the SDK's modules with import hooks, so it is switched on before they are there, for good."""

    def __init__(self) -> None:
        clouds = ("AWS", "AZURE", "AZUREFUNCTION", "DOCKER", "GCP", "KUBERNETES", "PCF")
        os.environ |= {
            "NEW_RELIC_DEVELOPER_MODE": "true",
            "NEW_RELIC_LICENSE_KEY": "x" * 40,
            "NEW_RELIC_APP_NAME": "test",
            "NEW_RELIC_AI_MONITORING_ENABLED": "true",
            **{f"NEW_RELIC_UTILIZATION_DETECT_{cloud}": "false" for cloud in clouds},
        }
        import newrelic.agent

        newrelic.agent.initialize()
        self.application = newrelic.agent.register_application(timeout=10)
        self.events: list[Any] = []

    @contextmanager
    def around(self) -> Iterator[None]:
        import newrelic.agent

        with newrelic.agent.BackgroundTask(self.application, name="test") as transaction:
            yield
            self.events += transaction._custom_events

    def records(self) -> list[Record]:
        events, self.events = self.events, []
        return [{**kind, **attributes} for kind, attributes in events]


class LangSmith(Library):
    """Wraps a client, for good."""

    def __init__(self) -> None:
        self.runs: dict[str, Record] = {}

    def instrument(self) -> None:
        os.environ["LANGSMITH_TRACING"] = "true"
        import langsmith

        runs = self.runs

        class Client(langsmith.Client):
            def create_run(self, *arguments: Any, **run: Any) -> None:
                runs[str(run["id"])] = run

            def update_run(self, run_id: Any, **run: Any) -> None:
                runs[str(run_id)] |= run

        self.client = Client(api_url=NOWHERE, api_key="key", auto_batch_tracing=False)

    def instrument_client(self, client: Any) -> Any:
        from langsmith.wrappers import wrap_openai

        return wrap_openai(client, tracing_extra={"client": self.client})

    def records(self) -> list[Record]:
        runs = list(self.runs.values())
        self.runs.clear()
        return runs


class Braintrust(Library):
    """Wraps a client, for good."""

    def instrument(self) -> None:
        import braintrust
        from braintrust import logger

        self.memory = logger._internal_with_memory_background_logger()
        self.logger = self.memory.__enter__()
        braintrust.init_logger(project="p", project_id="id", api_key="key")
        logger._state.login = lambda *arguments, **named: None

    def instrument_client(self, client: Any) -> Any:
        import braintrust

        return braintrust.wrap_openai(client)

    def records(self) -> list[Record]:
        return list(self.logger.pop()) if hasattr(self, "logger") else []


class PostHog(Library):
    """Has clients of its own, which derive from the SDK's."""

    def __init__(self) -> None:
        import posthog

        self.events: list[Record] = []
        self.posthog = posthog.Posthog("key", host=NOWHERE, sync_mode=True, before_send=self.events.append)

    def make_client(self, *, asynchronous: bool, **options: Any) -> Any:
        from posthog.ai.openai import AsyncOpenAI, OpenAI

        return (AsyncOpenAI if asynchronous else OpenAI)(posthog_client=self.posthog, **options)

    def records(self) -> list[Record]:
        events = list(self.events)
        self.events.clear()
        return events
