"""The caller's options: fields of the body, and what travels beside it."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from polycall.plugin import (
    NEUTRAL_OPTIONS,
    Adaptation,
    ConfigurationError,
    JsonObject,
    MessageError,
    Request,
    Translation,
    Usage,
    client_settings,
    sendable,
    to_plain_data,
    translate_options,
)
from polycall_openai._servers.profile import ServerProfile
from polycall_openai._servers.server import Server
from polycall_openai._settings import OpenAISettings

_CALL_OPTIONS = frozenset({"extra_headers", "extra_query", "extra_body", "timeout"})
"""The SDK's own options of a call, which are not fields of the body."""
_PARALLEL = "parallel_tool_calls"
_OUTPUT_LIMITS = ("max_output_tokens", "max_completion_tokens", "max_tokens")
_ALIASES = {
    "max_new_tokens": "max_tokens",
    "max_output_tokens": "max_tokens",
    "max_tokens_to_sample": "max_tokens",
    "stop_sequences": "stop",
    "stop_strings": "stop",
}
"""Names that other providers have; no server of this protocol has them."""
_SETTINGS = client_settings(OpenAISettings)
_NEUTRAL: Mapping[str, Translation] = {name: name for name in NEUTRAL_OPTIONS}


def model_of(server: Server, request: Request) -> str:
    """The model of a request.

    Raises:
        ConfigurationError: No model is named.
    """
    model = request.model or server.model
    if not model:
        example = "gpt-4o-mini" if request.provider == "openai" else "MODEL"
        raise ConfigurationError(
            f"No model is named. Pass model='{example}' to create(), or name it where the client is made: "
            f"from_provider('{request.provider}/{example}'), from_openai(client, model='{example}'), or "
            f'model = "{example}" in a config file.',
            key="model",
        )
    return model


def fields_of(
    request: Request, profile: ServerProfile, reserved: Mapping[str, str], neutral: Mapping[str, Translation]
) -> JsonObject:
    """The caller's options as fields of the body, as plain data; those of ``extra_body`` win, as in the SDK.

    Fields that this version of the SDK does not know are among them, where ``extra_body`` would put them.

    Args:
        request: Gets an adaptation for each option that is left out.
        profile: Of the server, for the model.
        reserved: Options that are polycall's own: by name, the hint for the error.
        neutral: Where the API's names are not polycall's own.

    Raises:
        ConfigurationError: An option is reserved or misspelt, refused by the server, or cannot be written as JSON.
    """
    options = request.options
    if not options:
        return {}
    # The SDK's two words for "not given"; recognized by name, so that it need not be imported here.
    given = {name: value for name, value in options.items() if type(value).__name__ not in ("Omit", "NotGiven")}
    if request.default_options:
        given = _without_other_limits(given, request.default_options)
    translated = translate_options(
        given,
        provider="openai",
        neutral={**_NEUTRAL, **neutral},
        reserved={**_SETTINGS, **reserved},
        known=None,
        aliases=_ALIASES,
        defaults=request.default_options,
    )
    extra = translated.get("extra_body")
    if extra is not None and not isinstance(extra, Mapping):
        raise ConfigurationError(
            f"extra_body must be a dict of fields of the request, got {type(extra).__name__}.", key="extra_body"
        )
    fields = {
        name: _json(name, value)
        for name, value in (*translated.items(), *(extra or {}).items())
        if name not in _CALL_OPTIONS
    }
    return _accepted(fields, profile, request.adaptations)


def ask_for_one_call(body: JsonObject, request: Request, profile: ServerProfile) -> None:
    """Tell the server that one call is enough, if the caller says so with ``max_calls`` and nothing else.

    Args:
        body: With the caller's options; changed.
        request: The request.
        profile: Of the server, for the model.
    """
    if (
        request.max_calls == 1
        and profile.parallel_switch
        and _PARALLEL not in body
        and _PARALLEL not in profile.refused
    ):
        body[_PARALLEL] = False


def _without_other_limits(options: dict[str, object], defaults: Collection[str]) -> dict[str, object]:
    """The options without a default limit of the output if the call gives one: OpenAI has two names for it."""
    own = [name for name in _OUTPUT_LIMITS if name in options and name not in defaults]
    if not own:
        return options
    return {name: value for name, value in options.items() if name not in _OUTPUT_LIMITS or name in own}


def _json(name: str, value: object) -> object:
    try:
        return sendable(to_plain_data(value), where=name)
    except (MessageError, RecursionError) as error:
        raise ConfigurationError(f"The option {name!r} cannot be sent: {error}", key=name) from error


def _accepted(fields: JsonObject, profile: ServerProfile, adaptations: list[Adaptation]) -> JsonObject:
    """The caller's fields, without those that repeat a value that the server or the model always works with."""
    refused = profile.refused.keys() & fields.keys()
    if not refused:
        return fields
    for name, value in profile.refused.items():
        if name not in refused:
            continue
        given = fields.pop(name)
        if given is not None and given != value:
            raise ConfigurationError(
                f"{profile.name} rejects {name}={given!r}: it supports only {value!r}. "
                "Omit the option; or pass server_options={'refused': {}, 'families': []} if this has changed.",
                key=name,
            )
        reason = f"{profile.name} rejects the field, and always works with {value!r}"
        adaptations.append(Adaptation(setting=f"options.{name}", kind="dropped", given=given, reason=reason))
    return fields


def hidden_limit(server: Server, request: Request) -> int | None:
    """The caller's limit of output tokens, if the server may hide that a reply ran into it.

    vLLM reports ``tool_calls`` where calls parse although the limit cut off what follows (vllm#58228); llama.cpp's
    server reports ``completed`` in the Responses API.
    """
    if server.profile.tells_truncation or not request.options:
        return None
    names = [name for name in _OUTPUT_LIMITS if name in request.options]
    own = [name for name in names if name not in request.default_options]
    limits = (request.options[name] for name in own or names)
    return min((limit for limit in limits if isinstance(limit, int)), default=None)


def reached(usage: Usage | None, limit: int | None) -> bool:
    """Whether a reply is as long as the limit."""
    return limit is not None and usage is not None and usage.output_tokens is not None and usage.output_tokens >= limit
