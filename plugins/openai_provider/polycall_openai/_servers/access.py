"""How a server is reached when nothing but its name is given: its address, and the variable that holds its key.

Without this table a server's name would send OpenAI's key, from ``OPENAI_API_KEY``, to another company.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass

from polycall.plugin import ConfigurationError, sendable_key

_NO_KEY = "none"
"""Sent to servers that ask for no key: the SDK does not work without one."""
_VARIABLE = re.compile(r"\{([A-Z_]+)\}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerAccess:
    """The address of a server and its key."""

    base_url: str
    """The default of the setting ``base_url``. What is in braces is read from an environment variable, because each
    customer has an address of their own."""
    key_variables: tuple[str, ...] = ()
    """The environment variables that may hold the key, in order; the first that is set counts."""
    needs_key: bool = True
    """Without a key nothing is sent. ``False`` for servers of one's own, which work without."""
    source: str
    """The source of the two."""
    otherwise: str = ""
    """What else somebody who wrote this name may have meant; told where the server does not answer."""


ACCESS: Mapping[str, ServerAccess] = {
    "groq": ServerAccess(
        base_url="https://api.groq.com/openai/v1",
        key_variables=("GROQ_API_KEY",),
        source="console.groq.com/docs/openai",
    ),
    "together": ServerAccess(
        base_url="https://api.together.xyz/v1",
        key_variables=("TOGETHER_API_KEY",),
        source="docs.together.ai/docs/openai-api-compatibility",
    ),
    "deepseek": ServerAccess(
        base_url="https://api.deepseek.com",
        key_variables=("DEEPSEEK_API_KEY",),
        source="api-docs.deepseek.com",
    ),
    "openrouter": ServerAccess(
        base_url="https://openrouter.ai/api/v1",
        key_variables=("OPENROUTER_API_KEY",),
        source="openrouter.ai/docs/quickstart",
    ),
    "fireworks": ServerAccess(
        base_url="https://api.fireworks.ai/inference/v1",
        key_variables=("FIREWORKS_API_KEY",),
        source="docs.fireworks.ai/tools-sdks/openai-compatibility",
    ),
    "cerebras": ServerAccess(
        base_url="https://api.cerebras.ai/v1",
        key_variables=("CEREBRAS_API_KEY",),
        source="inference-docs.cerebras.ai/resources/openai",
    ),
    "mistral": ServerAccess(
        base_url="https://api.mistral.ai/v1",
        key_variables=("MISTRAL_API_KEY",),
        source="docs.mistral.ai/getting-started/quickstart",
    ),
    "moonshot": ServerAccess(
        base_url="https://api.moonshot.ai/v1",
        key_variables=("MOONSHOT_API_KEY",),
        source="platform.moonshot.ai/docs; api.moonshot.cn has keys of its own",
    ),
    "xai": ServerAccess(
        base_url="https://api.x.ai/v1",
        key_variables=("XAI_API_KEY",),
        source="docs.x.ai/docs/overview",
    ),
    "dashscope": ServerAccess(
        base_url="https://dashscope-intl.aliyuncs.com/compatible-mode/v1",
        key_variables=("DASHSCOPE_API_KEY",),
        source="alibabacloud.com/help/model-studio/base-url; each region has keys of its own",
    ),
    "bigmodel": ServerAccess(
        base_url="https://open.bigmodel.cn/api/paas/v4",
        key_variables=("ZHIPUAI_API_KEY",),
        source="docs.bigmodel.cn; the zhipuai SDK",
    ),
    "zai": ServerAccess(
        base_url="https://api.z.ai/api/paas/v4",
        key_variables=("ZAI_API_KEY",),
        source="docs.z.ai; the zai-sdk",
    ),
    "perplexity": ServerAccess(
        base_url="https://api.perplexity.ai",
        key_variables=("PERPLEXITY_API_KEY", "PPLX_API_KEY"),
        source="docs.perplexity.ai/guides/perplexity-sdk; langchain-perplexity for the second",
    ),
    "databricks": ServerAccess(
        base_url="{DATABRICKS_HOST}/serving-endpoints",
        key_variables=("DATABRICKS_TOKEN",),
        source="docs.databricks.com/machine-learning/model-serving/score-foundation-models",
    ),
    "gemini": ServerAccess(
        base_url="https://generativelanguage.googleapis.com/v1beta/openai/",
        key_variables=("GOOGLE_API_KEY", "GEMINI_API_KEY"),
        source="ai.google.dev/gemini-api/docs/openai; the order is that of google-genai",
    ),
    "ollama": ServerAccess(
        base_url="http://localhost:11434/v1",
        key_variables=("OLLAMA_API_KEY",),
        needs_key=False,
        source="docs.ollama.com/api/openai-compatibility; the key is for ollama.com",
    ),
    "vllm": ServerAccess(
        base_url="http://localhost:8000/v1",
        key_variables=("VLLM_API_KEY",),
        needs_key=False,
        source="docs.vllm.ai/en/latest/serving/openai_compatible_server",
    ),
    "sglang": ServerAccess(
        base_url="http://localhost:30000/v1",
        needs_key=False,
        source="docs.sglang.ai/basic_usage/openai_api_completions",
    ),
    "llamacpp": ServerAccess(
        base_url="http://localhost:8080/v1",
        key_variables=("LLAMA_API_KEY",),
        needs_key=False,
        source="llama.cpp, tools/server/README.md",
        otherwise='For a model in this process, without a server: pip install "polycall[local]".',
    ),
    "lmstudio": ServerAccess(
        base_url="http://localhost:1234/v1",
        key_variables=("LM_API_TOKEN",),
        needs_key=False,
        source="lmstudio.ai/docs/python/getting-started/authentication",
    ),
    "litellm": ServerAccess(
        base_url="http://localhost:4000/v1",
        key_variables=("LITELLM_PROXY_API_KEY",),
        needs_key=False,
        source="docs.litellm.ai/docs/providers/litellm_proxy",
    ),
}
"""By server. OpenAI's and Azure's own addresses and variables are the SDK's business."""


def address_of(server: str) -> str:
    """The base URL of a server.

    Raises:
        ConfigurationError: A part of it stands in an environment variable that is not set.
    """
    access = ACCESS[server]

    def value(match: re.Match[str]) -> str:
        found = os.environ.get(match[1], "").strip().rstrip("/")
        if not found:
            raise ConfigurationError(
                f"{server} has an address for each customer: set the environment variable {match[1]}, or pass "
                f"base_url={access.base_url.replace(match[0], 'https://...')!r}.",
                key="base_url",
            )
        return found if "://" in found else f"https://{found}"

    return _VARIABLE.sub(value, access.base_url)


def key_of(server: str) -> str:
    """The key of a server from the environment; a made-up one where the server needs none.

    Raises:
        ConfigurationError: No variable of the server's holds one, or it cannot be sent; the value is not shown.
    """
    access = ACCESS[server]
    for variable in access.key_variables:
        key = os.environ.get(variable, "").strip()  # a secret that was mounted as a file ends with a line break
        if key:
            sendable_key(key, variable)
            return key
    if not access.needs_key:
        return _NO_KEY
    raise ConfigurationError(
        f"{server} needs an API key: set the environment variable {' or '.join(access.key_variables)}, or pass "
        'api_key=... (in a config file: api_key_env = "THE_VARIABLE").',
        key="api_key",
    )
