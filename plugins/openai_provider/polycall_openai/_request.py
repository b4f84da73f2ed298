"""What the requests of both APIs are made of: rendered tools, the SDK's options of a call, plain data."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast
from uuid import uuid4

from polycall import ConfigurationError
from polycall.plugin import Request, ToolSpec, Usage

if TYPE_CHECKING:
    from polycall_openai._profile import ServerProfile
    from polycall_openai._session import Session

_CLIENT_TIMEOUT: Any = object()


def make_call_id() -> str:
    """An id of the form that OpenAI gives."""
    return f"call_{uuid4().hex[:24]}"


@dataclass(frozen=True, slots=True)
class ToolPayload:
    """The tools of a request in OpenAI's form."""

    fields: Mapping[str, object]
    """Fields of the request's body."""
    names: frozenset[str]
    restore: Mapping[str, Callable[[object], object]]
    """By tool: undoes on decoded arguments what the dialect of its schema changed."""
    make_id: Callable[[], str] = make_call_id
    """Makes an id that the server takes, for calls that came without a usable one."""


@dataclass(slots=True)
class CallOptions:
    """What is no part of the body: the SDK's own options of a call."""

    headers: Mapping[str, Any] = field(default_factory=dict)
    query: Mapping[str, object] | None = None
    body: Mapping[str, Any] | None = None
    timeout: Any = _CLIENT_TIMEOUT

    def for_post(self, headers: Mapping[str, str]) -> dict[str, Any]:
        """As ``client.post(options=...)`` takes them."""
        # `security` as in the SDK's own create(); versions that do not know it drop it.
        options: dict[str, Any] = {"headers": {**self.headers, **headers}, "security": {"bearer_auth": True}}
        if self.query is not None:
            options["params"] = self.query
        if self.body is not None:
            options["extra_json"] = self.body
        if self.timeout is not _CLIENT_TIMEOUT:
            options["timeout"] = self.timeout
        return options

    def for_create(self) -> dict[str, Any]:
        """As the SDK's ``create`` takes them."""
        options: dict[str, Any] = {}
        if self.headers:
            options["extra_headers"] = self.headers
        if self.query is not None:
            options["extra_query"] = self.query
        if self.body is not None:
            options["extra_body"] = self.body
        if self.timeout is not _CLIENT_TIMEOUT:
            options["timeout"] = self.timeout
        return options


def payload_of(request: Request) -> ToolPayload:
    """The tool payload of a request, with its type."""
    return cast("ToolPayload", request.tool_payload)


def model_of(session: Session, request: Request) -> str:
    """The model of a request.

    Raises:
        ConfigurationError: None is named.
    """
    model = request.model or session.model
    if not model:
        raise ConfigurationError(
            "No model is named. Pass model='gpt-4o-mini' to create(), or name it with the provider: "
            "polycall.from_provider('openai/gpt-4o-mini').",
            key="model",
        )
    return model


def split_options(
    options: Mapping[str, object], not_for_polycall: Mapping[str, str]
) -> tuple[dict[str, Any], CallOptions]:
    """Part the caller's options into fields of the body, as plain data, and the SDK's options of a call.

    Fields that this version of the SDK does not know stay in the body, where ``extra_body`` would put them.

    Args:
        options: As the caller passed them.
        not_for_polycall: By name: why an option is refused, and what to use instead.

    Raises:
        ConfigurationError: An option is refused.
    """
    if not options:
        return {}, CallOptions()
    for name, instead in not_for_polycall.items():
        if name in options:
            raise ConfigurationError(f"{name!r} is no option of polycall: {instead}.", key=name)
    rest: dict[str, Any] = dict(options)
    call_options = CallOptions(
        headers=rest.pop("extra_headers", None) or {},
        query=rest.pop("extra_query", None),
        body=rest.pop("extra_body", None),
        timeout=rest.pop("timeout", _CLIENT_TIMEOUT),
    )
    # The SDK's two words for "not given"; told by name, so that it need not be imported here.
    fields = {name: plain(value) for name, value in rest.items() if type(value).__name__ not in ("Omit", "NotGiven")}
    return fields, call_options


def offered_tools(
    profile: ServerProfile, tools: Sequence[ToolSpec], tool_choice: str
) -> tuple[Sequence[ToolSpec], str]:
    """The tools to offer and the choice to ask for, in a form that the server takes.

    A choice that the server does not know becomes the next weaker one: of a named tool the only tool that is offered,
    of "required" the word "auto". Whether calls came is checked in any case.

    Raises:
        ConfigurationError: More tools than the server takes.
    """
    if profile.max_tools is not None and len(tools) > profile.max_tools:
        raise ConfigurationError(
            f"{len(tools)} tools: {profile.name} takes {profile.max_tools or 'none at all'} in one request. Split "
            "response_model, or pass server_options={'max_tools': ...} if the limit is another by now.",
            key="max_tools",
        )
    kind = tool_choice if tool_choice in ("auto", "required") else "named"
    if kind in profile.tool_choices:
        return tools, tool_choice
    if kind == "named":
        tools = [tool for tool in tools if tool.name == tool_choice]
    return tools, "required" if "required" in profile.tool_choices and kind == "named" else "auto"


_OUTPUT_LIMITS = ("max_output_tokens", "max_completion_tokens", "max_tokens")


def untold_limit(session: Session, request: Request) -> int | None:
    """The caller's limit of output tokens, if the server may hide that a reply ran into it.

    vLLM reports ``tool_calls`` where calls parse although the limit cut off what follows (vllm#58228); llama.cpp's
    server reports ``completed`` in the Responses API.
    """
    if session.profile.tells_truncation or not request.options:
        return None
    return min(
        (limit for name in _OUTPUT_LIMITS if isinstance(limit := request.options.get(name), int)),
        default=None,
    )


def is_used_up(limit: int | None, usage: Usage | None) -> bool:
    """Whether a reply is as long as the limit."""
    return limit is not None and usage is not None and usage.output_tokens is not None and usage.output_tokens >= limit


def plain(value: Any) -> Any:
    """SDK objects inside messages to data, as the SDK's own ``create`` does; copies nothing that is plain already."""
    kind = type(value)
    if kind is str or kind is int or kind is bool or value is None:
        return value
    if kind is dict:
        changed = None
        for key, old in value.items():
            new = plain(old)
            if new is not old:
                changed = changed or dict(value)
                changed[key] = new
        return value if changed is None else changed
    if kind is list:
        items = [plain(item) for item in value]
        return items if any(new is not old for new, old in zip(items, value, strict=True)) else value
    if hasattr(value, "model_dump"):
        # What the SDK adds to its objects itself (`parsed`, say) is no part of the protocol.
        return value.model_dump(mode="json", exclude_unset=True, exclude=getattr(value, "__api_exclude__", None))
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    if hasattr(value, "__iter__") and not isinstance(value, (bytes, bytearray)):
        return [plain(item) for item in value]
    return value
