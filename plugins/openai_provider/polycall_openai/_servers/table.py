"""The table of server profiles, and how one is chosen. Each fact names its source."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any
from urllib.parse import urlsplit

from pydantic import TypeAdapter, ValidationError

from polycall.plugin import ConfigurationError, did_you_mean
from polycall_openai._servers.profile import ModelFamily, ServerProfile

_NO_SAMPLING = {"temperature": 1, "top_p": 1, "presence_penalty": 0, "frequency_penalty": 0, "logit_bias": {}}
_OPENAI_FAMILIES = (
    ModelFamily(
        names=r"o1|o3|o4-mini",
        facts={"refused": {"parallel_tool_calls": True}},
        source="langchain#29416, langchain#29704, llama_index#20865, tensorzero#2805",
    ),
    ModelFamily(
        # Those that always reason. From 5.1 on reasoning can be switched off in most, which then accept these fields.
        names=r"o[1-9]|gpt-5(?!\.|-chat)|gpt-5\.1-codex|gpt-5\.[1-3]-chat|gpt-5\.[2-9]-pro",
        facts={"refused": _NO_SAMPLING},
        source="OpenAI reasoning guide; pydantic-ai, profiles/openai.py (measured 2026-07)",
    ),
    ModelFamily(
        names=r"o[1-9]|gpt-5(?!-chat)",
        facts={"encrypted_reasoning": True},
        source="OpenAI reasoning guide, 'Encrypted reasoning items'; pydantic-ai, profiles/openai.py",
    ),
    ModelFamily(
        names=r"o[1-9]|gpt-5",
        facts={"output_limit": "max_completion_tokens"},
        source="OpenAI API description, max_tokens; tailcallhq/forgecode#1081, ThinkInAIXYZ/deepchat#336",
    ),
)
_OPENAI = ServerProfile(
    name="openai",
    hosts=("api.openai.com",),
    strict=True,
    stream_usage=True,
    parallel_switch=True,
    max_tools=128,
    echoes_unknown_fields=False,
    finish_reason_required=True,
    tells_truncation=True,
    families=_OPENAI_FAMILIES,
    sources={
        "strict": "OpenAI Structured Outputs guide",
        "stream_usage": "OpenAI API description, ChatCompletionStreamOptions",
        "parallel_switch": "OpenAI API description, ParallelToolCalls",
        "max_tools": "OpenAI API description, CreateChatCompletionRequest.tools; zed#32946",
        "echoes_unknown_fields": "OpenAI API description, ChatCompletionRequestAssistantMessage; ddutchie/cairn#60",
        "finish_reason_required": "OpenAI API description, CreateChatCompletionStreamResponse",
        "tells_truncation": "OpenAI API description, finish_reason and incomplete_details",
    },
)

_PROFILES = (
    _OPENAI,
    replace(
        _OPENAI,
        name="azure",
        hosts=("openai.azure.com", "services.ai.azure.com", "cognitiveservices.azure.com"),
        stream_usage_since="2024-10-21",
        sources={
            **_OPENAI.sources,
            "strict": "Azure OpenAI documentation, structured outputs",
            "parallel_switch": "Azure OpenAI REST API reference; gpt-4 refuses it: Azure/azure-sdk-for-net#45719",
            "stream_usage_since": "Azure OpenAI REST API reference, what's new in 2024-10-21",
        },
    ),
    ServerProfile(
        name="groq",
        hosts=("api.groq.com",),
        parallel_switch=True,
        empty_content="",
        echoes_unknown_fields=False,
        sources={
            "parallel_switch": "Groq API reference, chat completions",
            "empty_content": "tidyverse/ellmer#162",
            "echoes_unknown_fields": "freellmapi#1070, janhq/jan#8136, karthink/gptel#774",
        },
    ),
    ServerProfile(name="together", hosts=("api.together.xyz", "api.together.ai")),
    ServerProfile(
        name="deepseek",
        hosts=("api.deepseek.com",),
        families=(
            ModelFamily(
                names=r"deepseek-reasoner|deepseek-v4-",
                facts={"tool_choices": frozenset({"auto"})},
                source="pydantic-ai, providers/deepseek.py: forcing is rejected while the model thinks",
            ),
        ),
    ),
    ServerProfile(
        name="openrouter",
        hosts=("openrouter.ai",),
        parallel_switch=True,
        sources={"parallel_switch": "openrouter.ai/docs/api/reference/parameters; OpenRouterTeam/python-sdk#52"},
    ),
    ServerProfile(name="fireworks", hosts=("api.fireworks.ai",)),
    ServerProfile(
        name="cerebras",
        hosts=("api.cerebras.ai",),
        refused={
            "parallel_tool_calls": True,
            "presence_penalty": 0,
            "frequency_penalty": 0,
            "logit_bias": {},
            "service_tier": "auto",
        },
        echoes_unknown_fields=False,
        sources={
            "refused": "inference-docs.cerebras.ai/resources/openai; pydantic-ai, providers/cerebras.py",
            "echoes_unknown_fields": "Kilo-Org/kilocode#10375, CherryHQ/cherry-studio#16790",
        },
    ),
    ServerProfile(
        name="mistral",
        hosts=("api.mistral.ai",),
        parallel_switch=True,
        call_id_length=9,
        sources={
            "parallel_switch": "Mistral API description, ChatCompletionRequest",
            "call_id_length": "magentic#276, opencode#1680, pydantic-ai#3733",
        },
    ),
    ServerProfile(
        name="moonshot",
        hosts=("api.moonshot.ai", "api.moonshot.cn"),
        tool_choices=frozenset({"auto"}),
        sources={"tool_choices": "pydantic-ai, providers/moonshotai.py: 'required' is rejected"},
    ),
    ServerProfile(name="xai", hosts=("api.x.ai",)),
    ServerProfile(
        name="dashscope",
        hosts=(
            *("dashscope.aliyuncs.com", "dashscope-intl.aliyuncs.com", "dashscope-us.aliyuncs.com"),
            "maas.aliyuncs.com",
        ),
        stream_usage=True,
        families=(
            ModelFamily(
                # Those that always think; others refuse it only with enable_thinking.
                names=r"qwq|qvq|.*thinking",
                facts={"tool_choices": frozenset({"auto"})},
                source="cloudwego/eino#994, QwenLM/qwen-code#7659, agentscope-ai/agentscope-java#1882",
            ),
        ),
        sources={"stream_usage": "alibabacloud.com/help/en/model-studio/glm: the example of a stream"},
    ),
    ServerProfile(
        name="bigmodel",
        hosts=("open.bigmodel.cn",),
        tool_choices=frozenset({"auto"}),
        sources={"tool_choices": "java.agentscope.io/v2/en/integration/model/glm: any other choice is not accepted"},
    ),
    ServerProfile(
        name="zai",
        hosts=("api.z.ai",),
        tool_choices=frozenset({"auto"}),
        sources={"tool_choices": "java.agentscope.io/v2/en/integration/model/glm: any other choice is not accepted"},
    ),
    ServerProfile(
        name="perplexity",
        hosts=("api.perplexity.ai",),
        max_tools=0,
        sources={"max_tools": "pipecat-ai/pipecat#4862: 'Tool calling is not supported for this model'"},
    ),
    ServerProfile(
        name="databricks",
        hosts=("cloud.databricks.com", "gcp.databricks.com", "azuredatabricks.net"),
    ),
    ServerProfile(name="gemini", hosts=("generativelanguage.googleapis.com",)),
    ServerProfile(
        name="ollama",
        hosts=("ollama.com", "localhost:11434", "127.0.0.1:11434"),
        stream_usage=True,
        sources={"stream_usage": "docs.ollama.com/api/openai-compatibility"},
    ),
    ServerProfile(
        name="vllm",
        replays_call_status=False,
        sources={"replays_call_status": "vllm#26706, pydantic-ai#3245"},
    ),
    ServerProfile(name="sglang"),
    ServerProfile(
        name="llamacpp",
        stream_usage=True,
        tool_choices=frozenset({"auto", "required"}),
        sources={
            "stream_usage": "measured: tests/foreign_servers/test_llamacpp_server.py",
            "tool_choices": "measured: a named tool counts as 'auto'; tests/foreign_servers/test_llamacpp_server.py",
        },
    ),
    ServerProfile(
        name="lmstudio",
        hosts=("localhost:1234", "127.0.0.1:1234"),
        tool_choices=frozenset({"auto", "required"}),
        resolves_references=False,
        sources={"tool_choices": "lmstudio-bug-tracker#670", "resolves_references": "lmstudio-bug-tracker#551"},
    ),
    ServerProfile(
        name="litellm",
        stream_usage=True,
        sources={"stream_usage": "measured: tests/foreign_servers/test_litellm_proxy.py"},
    ),
)
PROFILES: Mapping[str, ServerProfile] = {profile.name: profile for profile in _PROFILES}
"""By name. Without name and known host: the defaults of `ServerProfile`."""

TELEMETRY_NAMES: Mapping[str, str] = {
    "openai": "openai",
    "azure": "azure.ai.openai",
    "groq": "groq",
    "deepseek": "deepseek",
    "mistral": "mistral_ai",
    "moonshot": "moonshot_ai",
    "xai": "x_ai",
    "perplexity": "perplexity",
    "gemini": "gcp.gemini",
}
"""By profile: the service's ``gen_ai.provider.name`` in OpenTelemetry's registry, where it has one."""

_UNKNOWN = ServerProfile()
_FACTS = {field.name for field in fields(ServerProfile)} - {"name", "hosts", "sources"}


def choose_profile(base_url: str, name: str | None, facts: Mapping[str, object]) -> ServerProfile:
    """Choose a server's profile.

    Args:
        base_url: Its host decides if no name is given.
        name: One of `PROFILES`, or ``"unknown"`` for the defaults in any case.
        facts: Overrides for fields of the profile.

    Raises:
        ConfigurationError: No such profile or field, with the nearest; or a value of the wrong type.
    """
    if name is None:
        profile = _by_host(base_url)
    elif name == _UNKNOWN.name:
        profile = _UNKNOWN
    elif name in PROFILES:
        profile = PROFILES[name]
    else:
        raise ConfigurationError(
            f"No server profile is named {name!r}.{did_you_mean(name, PROFILES)} There are: "
            f"{', '.join(sorted(PROFILES))}, unknown. Leave server out to go by the base URL.",
            key="server",
        )
    return _with_facts(profile, facts) if facts else profile


def _by_host(base_url: str) -> ServerProfile:
    url = urlsplit(base_url)
    host = url.hostname or ""
    for profile in _PROFILES:
        for known in profile.hosts:
            if known in (host, f"{host}:{url.port}") or host.endswith(f".{known}"):
                return profile
    return _UNKNOWN


def _with_facts(profile: ServerProfile, facts: Mapping[str, object]) -> ServerProfile:
    for name in facts:
        if name not in _FACTS:
            raise ConfigurationError(
                f"server_options: {name!r} is not a ServerProfile field.{did_you_mean(name, _FACTS)} "
                f"There are: {', '.join(sorted(_FACTS))}.",
                key="server_options",
            )
    known: dict[str, Any] = {field.name: getattr(profile, field.name) for field in fields(profile)}
    try:
        return TypeAdapter(ServerProfile).validate_python({**known, **facts})
    except ValidationError as error:
        first = error.errors()[0]
        raise ConfigurationError(
            f"server_options: {'.'.join(map(str, first['loc']))}: {first['msg']}.", key="server_options"
        ) from error
