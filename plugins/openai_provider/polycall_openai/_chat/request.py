"""The body of a request: tools, messages, and what the caller passed beyond polycall's own arguments."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from polycall import ConfigurationError
from polycall.plugin import Request, ToolSpec
from polycall_openai._schema import render_parameters
from polycall_openai._session import Session

_CLIENT_TIMEOUT: Any = object()

_NOT_FOR_POLYCALL = {
    "tools": "the tools come from response_model",
    "functions": "the tools come from response_model",
    "function_call": "use tool_choice",
}


@dataclass(frozen=True, slots=True)
class ToolPayload:
    """The tools of a request in OpenAI's form."""

    fields: Mapping[str, object]
    """Fields of the request's body."""
    names: frozenset[str]
    restore: Mapping[str, Callable[[object], object]]
    """By tool: undoes on decoded arguments what the dialect of its schema changed."""


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
        """As ``client.chat.completions.create`` takes them."""
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


def render_tools(session: Session, tools: Sequence[ToolSpec], tool_choice: str, strict: bool | None) -> ToolPayload:
    """Render the tools.

    Where ``strict`` is left open it is asked of OpenAI and Azure only: other servers may refuse the field.

    Raises:
        SchemaError: A field has no form in the dialect.
    """
    if strict is None and not session.official:
        strict = False
    rendered: list[JsonTool] = []
    restore: dict[str, Callable[[object], object]] = {}
    for tool in tools:
        parameters, is_strict = render_parameters(tool, strict)
        function: dict[str, object] = {"name": tool.name, "parameters": parameters.schema}
        if tool.description:
            function["description"] = tool.description
        if is_strict:
            function["strict"] = True
        if parameters.restore is not None:
            restore[tool.name] = parameters.restore
        rendered.append({"type": "function", "function": function})
    choice = (
        tool_choice if tool_choice in ("auto", "required") else {"type": "function", "function": {"name": tool_choice}}
    )
    return ToolPayload(
        fields={"tools": rendered, "tool_choice": choice},
        names=frozenset(tool.name for tool in tools),
        restore=restore,
    )


JsonTool = dict[str, object]


def payload_of(request: Request) -> ToolPayload:
    """The tool payload of a request, with its type."""
    return cast("ToolPayload", request.tool_payload)


def build(session: Session, request: Request) -> tuple[dict[str, Any], CallOptions]:
    """Make the body and the SDK's options of a call.

    Options that this version of the SDK does not know go into the body too, as ``extra_body`` would put them there.

    Raises:
        ConfigurationError: No model, or an option that polycall has an argument of its own for.
    """
    model = request.model or session.model
    if not model:
        raise ConfigurationError(
            "No model is named. Pass model='gpt-4o-mini' to create(), or name it with the provider: "
            "polycall.from_provider('openai/gpt-4o-mini').",
            key="model",
        )
    options = dict(request.options)
    if not options:
        call_options = CallOptions()
    else:
        _refuse_foreign(options)
        call_options = CallOptions(
            headers=options.pop("extra_headers", None) or {},  # type: ignore[arg-type]
            query=options.pop("extra_query", None),  # type: ignore[arg-type]
            body=options.pop("extra_body", None),  # type: ignore[arg-type]
            timeout=options.pop("timeout", _CLIENT_TIMEOUT),
        )
    body: dict[str, Any] = {"model": model, "messages": [_plain(message) for message in request.messages]}
    body.update(payload_of(request).fields)
    for name, value in options.items():
        # The SDK's two words for "not given"; told by name, so that it need not be imported here.
        if type(value).__name__ not in ("Omit", "NotGiven"):
            body[name] = _plain(value)
    if request.stream:
        body["stream"] = True
        if session.stream_usage and "stream_options" not in body:
            body["stream_options"] = {"include_usage": True}
    return body, call_options


def _refuse_foreign(options: Mapping[str, object]) -> None:
    for name, instead in _NOT_FOR_POLYCALL.items():
        if name in options:
            raise ConfigurationError(f"{name!r} is no option of polycall: {instead}.", key=name)
    if options.get("n") not in (None, 1):
        raise ConfigurationError("n: polycall reads one choice. Leave n out, and send several requests.", key="n")


def _plain(value: Any) -> Any:
    """SDK objects inside messages to data, as the SDK's own ``create`` does; copies nothing that is plain already."""
    kind = type(value)
    if kind is str or kind is int or kind is bool or value is None:
        return value
    if kind is dict:
        changed = None
        for key, old in value.items():
            new = _plain(old)
            if new is not old:
                changed = changed or dict(value)
                changed[key] = new
        return value if changed is None else changed
    if kind is list:
        items = [_plain(item) for item in value]
        return items if any(new is not old for new, old in zip(items, value, strict=True)) else value
    if hasattr(value, "model_dump"):
        # What the SDK adds to its objects itself (`parsed`, say) is no part of the protocol.
        return value.model_dump(mode="json", exclude_unset=True, exclude=getattr(value, "__api_exclude__", None))
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if hasattr(value, "__iter__") and not isinstance(value, (bytes, bytearray)):
        return [_plain(item) for item in value]
    return value
