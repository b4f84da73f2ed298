"""The providers and models that help texts and hints name as examples: the only place for them."""

from __future__ import annotations

PROVIDER = "openai"
OTHER_PROVIDER = "vertex"
MODEL = f"{PROVIDER}/gpt-4o-mini"
OTHER_MODEL = f"{OTHER_PROVIDER}/gemini-2.5-flash"
INSTALL = f'pip install "polycall[{PROVIDER}]"'
SCHEMA_FORMS = "as OpenAI, Anthropic, Gemini or an MCP server lists them"
