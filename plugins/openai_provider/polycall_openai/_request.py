"""Parts of a request that both APIs share: the model, the caller's options, plain data, limits of the reply."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from polycall import ConfigurationError
from polycall.plugin import Request, Usage
from polycall_openai._sdk.call_options import CallOptions
from polycall_openai._servers.server import Server

_OUTPUT_LIMITS = ("max_output_tokens", "max_completion_tokens", "max_tokens")


def model_of(server: Server, request: Request) -> str:
    """The model of a request.

    Raises:
        ConfigurationError: No model is named.
    """
    model = request.model or server.model
    if not model:
        raise ConfigurationError(
            "No model is named. Pass model='gpt-4o-mini' to create(), or name it with the provider: "
            "polycall.from_provider('openai/gpt-4o-mini').",
            key="model",
        )
    return model


def split_options(options: Mapping[str, object], reserved: Mapping[str, str]) -> tuple[dict[str, Any], CallOptions]:
    """Split the caller's options into fields of the body, as plain data, and the SDK's options of a call.

    Fields that this version of the SDK does not know stay in the body, where ``extra_body`` would put them.

    Args:
        options: As the caller passed them.
        reserved: Options that are polycall's own: by name, the hint for the error.

    Raises:
        ConfigurationError: An option is reserved.
    """
    if not options:
        return {}, CallOptions()
    for name, instead in reserved.items():
        if name in options:
            raise ConfigurationError(f"polycall does not accept the option {name!r}: {instead}.", key=name)
    rest: dict[str, Any] = dict(options)
    call_options = CallOptions.pop_from(rest)
    # The SDK's two words for "not given"; recognized by name, so that it need not be imported here.
    fields = {
        name: to_plain_data(value) for name, value in rest.items() if type(value).__name__ not in ("Omit", "NotGiven")
    }
    return fields, call_options


def hidden_limit(server: Server, request: Request) -> int | None:
    """The caller's limit of output tokens, if the server may hide that a reply ran into it.

    vLLM reports ``tool_calls`` where calls parse although the limit cut off what follows (vllm#58228); llama.cpp's
    server reports ``completed`` in the Responses API.
    """
    if server.profile.tells_truncation or not request.options:
        return None
    limits = (request.options.get(name) for name in _OUTPUT_LIMITS)
    return min((limit for limit in limits if isinstance(limit, int)), default=None)


def reached(usage: Usage | None, limit: int | None) -> bool:
    """Whether a reply is as long as the limit."""
    return limit is not None and usage is not None and usage.output_tokens is not None and usage.output_tokens >= limit


def to_plain_data(value: Any) -> Any:
    """Convert SDK objects inside messages to data, as the SDK's ``create`` does; plain values are not copied."""
    kind = type(value)
    if kind is str or kind is int or kind is bool or value is None:
        return value
    if kind is dict:
        changed = None
        for key, old in value.items():
            new = to_plain_data(old)
            if new is not old:
                changed = changed or dict(value)
                changed[key] = new
        return value if changed is None else changed
    if kind is list:
        items = [to_plain_data(item) for item in value]
        return items if any(new is not old for new, old in zip(items, value, strict=True)) else value
    if hasattr(value, "model_dump"):
        # Fields that the SDK itself adds to its objects (`parsed`, say) are not part of the protocol.
        return value.model_dump(mode="json", exclude_unset=True, exclude=getattr(value, "__api_exclude__", None))
    if isinstance(value, Mapping):
        return {key: to_plain_data(item) for key, item in value.items()}
    if hasattr(value, "__iter__") and not isinstance(value, (bytes, bytearray)):
        return [to_plain_data(item) for item in value]
    return value
