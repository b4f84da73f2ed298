"""Checks a client's default options when it is made: renders a request with them, and sends nothing."""

from __future__ import annotations

from polycall._data.contract import Request, ToolSpec
from polycall._data.errors import ConfigurationError
from polycall._engine.bound_hooks import BoundHooks

_TOOL = ToolSpec("Trial", None, {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]})
_ASK = {"role": "user", "content": "?"}


def check_default_options(hooks: BoundHooks, model: str | None) -> None:
    """Raise what the first ``create()`` would raise about the options.

    Extensions are not told. Anything else that a request may fail for (no model, say) is left to the first call.

    Raises:
        ConfigurationError: An option is misspelt, or one that the provider lacks or refuses; with file and key.
    """
    names = frozenset(hooks.defaults.options)
    request = Request(
        provider=hooks.name,
        model=model,
        messages=[_ASK],
        tools=(_TOOL,),
        tool_payload=None,
        tool_choice="auto",
        strict=None,
        options=hooks.defaults.join({}),
        default_options=names,
        session_traits=hooks.traits,
        dry_run=True,
    )
    try:
        hooks.describe(request, tell_extensions=False)
    except ConfigurationError as error:
        if error.source is not None or (error.key or "").partition(".")[0] in names:
            raise
    except Exception:  # noqa: BLE001  # the first call says it, with the words for its own request
        return
