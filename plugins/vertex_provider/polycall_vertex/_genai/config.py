"""The options of a call as a ``GenerateContentConfig``, and the SDK's rendering of it for the wire."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError
from pydantic_core import from_json

from polycall.plugin import (
    Adaptation,
    ConfigurationError,
    JsonObject,
    is_untouched,
    sendable_headers,
    without_surrogates,
)
from polycall_vertex._protocol.body import CallSettings
from polycall_vertex._protocol.contradictions import TOP_LEVEL, contradictions
from polycall_vertex._protocol.options import (
    as_dict,
    builtin_tools,
    own_options,
    reject_non_finite,
    reject_unknown_fields,
    safety_settings,
    seconds,
    system_parts,
    tool_config,
)
from polycall_vertex._protocol.service import Service
from polycall_vertex._sdk_objects import merge_objects

if TYPE_CHECKING:
    from google.genai import types

MODELS = "google.genai.models"
_FURTHER_OPTIONS = ("config", "generation_config", "timeout", "extra_headers")
_POLYCALLS_FIELDS = ("system_instruction", "tools", "tool_config")
"""Fields of the SDK's configuration that polycall's part of the request is merged with."""


def make_config(
    options: Mapping[str, object],
    timeout_s: float | None,
    service: Service,
    adaptations: list[Adaptation],
    defaults: Collection[str] = (),
) -> tuple[types.GenerateContentConfig, CallSettings]:
    """Make the SDK's configuration for a call, without the fields that polycall renders.

    Args:
        options: The caller's options.
        defaults: Names of those that are defaults of the client.
        timeout_s: Default time limit in seconds.
        service: The service that the request is for.
        adaptations: Gets each field of an object of the SDK's that loses to one that is stated elsewhere.

    Raises:
        ConfigurationError: An option is unknown, or the SDK rejects its value.
    """
    from google.genai import types

    fields = types.GenerateContentConfig.model_fields
    given = own_options(options, {*fields, *_FURTHER_OPTIONS}, service, defaults)
    further = {name: given.pop(name, None) for name in _FURTHER_OPTIONS}
    objects = {name: _given_fields(further[name], name) for name in ("config", "generation_config")}
    adaptations += contradictions({**objects, TOP_LEVEL: given}, defaults)
    config = objects["config"] | objects["generation_config"]
    reject_unknown_fields(config, fields, "GenerateContentConfig")
    settings = CallSettings(
        system=[*system_parts(config.get("system_instruction")), *system_parts(given.get("system_instruction"))],
        tools=[*builtin_tools(config.get("tools")), *builtin_tools(given.get("tools"))],
        tool_config=merge_objects(tool_config(config.get("tool_config")), tool_config(given.get("tool_config"))),
        cached_content=given.get("cached_content") or config.get("cached_content"),
        service=service,
    )
    config = {name: one for name, one in (config | given).items() if name not in _POLYCALLS_FIELDS}
    reject_non_finite(config)
    if config.get("safety_settings") is not None:
        config["safety_settings"] = safety_settings(config["safety_settings"])
    config["automatic_function_calling"] = {"disable": True}
    config["should_return_http_response"] = None
    if "automatic_continuation" in fields:  # not before google-genai 2
        config.setdefault("automatic_continuation", False)
    stated_http = config.get("http_options")
    try:
        http = _http_options(config.pop("http_options", None), further["timeout"], timeout_s, further["extra_headers"])
        if further["timeout"] is not None and not {"config", "http_options"} & {*defaults}:
            adaptations += _other_timeout(stated_http, http)
        return types.GenerateContentConfig.model_validate(config | {"http_options": http}), settings
    except ValidationError as error:
        detail = error.errors(include_url=False, include_input=False)[0]
        name = ".".join(str(part) for part in detail["loc"])
        # Not chained: its text contains the values, and headers hold secrets.
        raise ConfigurationError(f"google.genai rejects the option {name!r}: {detail['msg']}.", key=name) from None
    except (AttributeError, TypeError) as error:  # some of its validators expect text
        raise ConfigurationError(f"google.genai rejects the options: {error}.") from None


def _http_options(
    given: object, timeout: object, default_timeout_s: float | None, extra_headers: object
) -> types.HttpOptions | None:
    from google.genai import types

    http = types.HttpOptions.model_validate(given or {}).model_copy()
    timeout_s = default_timeout_s if timeout is None else seconds(timeout)
    if timeout_s is not None and (timeout is not None or http.timeout is None):
        http.timeout = max(1, round(timeout_s * 1000))
    if http.headers is not None:
        http.headers = sendable_headers(http.headers, key="http_options.headers", encoding="ascii")
    if extra_headers is not None:
        http.headers = {**(http.headers or {}), **sendable_headers(extra_headers, encoding="ascii")}
    return http if http.model_fields_set else None


def _other_timeout(stated: object, http: types.HttpOptions | None) -> Iterator[Adaptation]:
    """The time limit in the SDK's options that loses to the option ``timeout``."""
    from google.genai import types

    given, sent = types.HttpOptions.model_validate(stated or {}).timeout, http and http.timeout
    if given is not None and given != sent:
        reason = "the option timeout wins; both values are in ms"
        yield Adaptation(setting="options.http_options.timeout", kind="dropped", given=given, sent=sent, reason=reason)


class Body(dict[str, object]):
    """The body of a request, with the plan that it was made of."""

    __slots__ = ("plan",)

    plan: Plan


@dataclass(frozen=True, slots=True)
class Plan:
    """The part of a request that does not depend on the conversation, rendered by the SDK itself.

    Attributes:
        model: In any form that the SDK accepts.
        config: The SDK's configuration.
        settings: For the conversation.
        adaptations: Changes to the caller's request.
        path: Of the URL; ``None`` if somebody has replaced the method of the SDK that renders requests.
        fields: Of the body, as JSON text: each request gets objects of its own.
        sdk_fields: Those of them that the SDK makes of ``config``.
        http_options: For the SDK's HTTP layer.
        tool_payload: Kept, so that its ``id`` stays unique.
    """

    model: str
    config: types.GenerateContentConfig
    settings: CallSettings
    adaptations: Sequence[Adaptation]
    path: str | None
    fields: bytes
    sdk_fields: JsonObject
    http_options: types.HttpOptions | None
    tool_payload: object

    def body(self, messages: Sequence[object]) -> Body:
        """The whole body of a request.

        Raises:
            MessageError: Vertex AI cannot carry a message.
        """
        body = Body(self.settings.conversation(messages))
        body.update(from_json(self.fields))
        body.plan = self
        return body


def make_plan(
    api_client: Any,
    model: str,
    options: Mapping[str, object],
    timeout_s: float | None,
    payload: object,
    *,
    stream: bool,
    service: Service,
    defaults: Collection[str] = (),
) -> Plan:
    """Render the part of a request that does not depend on the conversation. Sends nothing.

    Args:
        api_client: The SDK's.
        model: In any form that the SDK accepts.
        options: The caller's.
        timeout_s: Default time limit in seconds.
        payload: From `polycall_render_tools`.
        stream: Whether the request is for a stream.
        service: The service that the client connects to.
        defaults: Names of the options that are defaults of the client.

    Raises:
        ConfigurationError: An option is unknown, the SDK rejects its value, or the service does not have it.
    """
    from google.genai import types

    adaptations: list[Adaptation] = []
    config, settings = make_config(options, timeout_s, service, adaptations, defaults)
    own = settings.tool_fields(payload, adaptations)
    path, fields, http_options = None, {}, config.http_options
    if api_client is not None and is_untouched(_models_on(None), _rendering(stream=stream), MODELS):
        with _said_of(service):
            request = run_sdk(api_client, model, config, answers=None, streamed=stream)[0]
            if settings.tools or settings.tool_config:  # polycall writes these itself, so the SDK does not see them
                run_sdk(api_client, model, _with_tools(config, settings), answers=None, streamed=stream)
        path, fields, http_options = request.path, request.body, request.http_options
        if _extra_body(http_options, api_client):
            fields = api_client._build_request("post", path, fields, http_options).data  # noqa: SLF001
            # The client's extra_body, too, is in the body already, and polycall's part overrides it.
            http_options = (http_options or types.HttpOptions()).model_copy(update={"extra_body": {}})
    # The SDK notes parts of the URL in the body, under names that begin with an underscore.
    fields = {name: one for name, one in fields.items() if name != "contents" and not name.startswith("_")}
    try:
        text = json.dumps(without_surrogates(merge_objects(fields, own)), allow_nan=False).encode()
    except (ValueError, TypeError) as error:
        raise ConfigurationError(f"The options cannot be sent as JSON: {error}.") from error
    return Plan(model, config, settings, adaptations, path, text, fields, http_options, payload)


@contextmanager
def _said_of(service: Service) -> Iterator[None]:
    """The SDK's errors about options that only the other service has: ``labels parameter is only supported in ...``."""
    try:
        yield
    except ValueError as error:
        if type(error) is not ValueError:
            raise
        name = str(error).partition(" parameter")[0]
        problem = f"google.genai rejects an option for {service.label}: {str(error).rstrip('.')}."
        raise ConfigurationError(problem, key=name if name.isidentifier() else None) from error


def _with_tools(config: types.GenerateContentConfig, settings: CallSettings) -> types.GenerateContentConfig:
    """The configuration with the caller's tools and tool configuration, as far as the SDK knows them."""
    from google.genai import types

    update: dict[str, object] = {"tools": list(_known(types.Tool, settings.tools))}
    if known := list(_known(types.ToolConfig, [settings.tool_config] if settings.tool_config else [])):
        update["tool_config"] = known[0]
    return config.model_copy(update=update)


def _known(type_: Any, values: Sequence[object]) -> Iterator[object]:
    for value in values:
        with suppress(ValidationError):  # newer than the SDK: the service may know it
            yield type_.model_validate(value)


def public_arguments(plan: Plan, body: Mapping[str, Any], api_client: Any) -> dict[str, object]:
    """A request for the SDK's public methods: ``contents`` and ``config``, as a user writes them by hand.

    Fields that this version of the SDK does not know are put into ``HttpOptions.extra_body``, which overrides the
    SDK's own rendering.

    Args:
        plan: The plan of the request.
        body: The body of the request.
        api_client: Its ``extra_body`` is the default for calls without one.
    """
    from google.genai import types

    config = plan.config
    http = types.HttpOptions() if config.http_options is None else config.http_options.model_copy()
    extra = {name: one for name, one in (_extra_body(http, api_client) or {}).items() if name not in body}
    given_extra = _extra_body(http, api_client) or {}
    shown: dict[str, object] = {}
    types_of = {
        "contents": ("contents", types.Content),
        "tools": ("tools", types.Tool),
        "toolConfig": ("tool_config", types.ToolConfig),
        "systemInstruction": ("system_instruction", types.Content),
    }
    for name, value in body.items():
        if name not in types_of:
            # An extension may have changed what the SDK had rendered of the configuration.
            if name in given_extra or value != plan.sdk_fields.get(name):
                extra[name] = value
            continue
        field, type_ = types_of[name]
        try:
            shown[field] = _as_sdk_object(type_, value)
        except ValidationError:
            extra[name] = value
    if extra or http.extra_body:
        http.extra_body = extra
    if http.model_fields_set:
        shown["http_options"] = http
    contents = shown.pop("contents", "-")
    return {"model": plan.model, "contents": contents, "config": config.model_copy(update=shown)}


def _as_sdk_object(type_: Any, value: object) -> object:
    return [type_.model_validate(one) for one in value] if isinstance(value, list) else type_.model_validate(value)


def run_sdk(
    api_client: Any, model: str, config: object, *, answers: list[object] | None, streamed: bool
) -> tuple[SdkRequest, list[Any]]:
    """Run the SDK's own ``generate_content`` without its HTTP layer, past wrappers of its public methods.

    Args:
        api_client: The SDK's, for its attributes; nothing is sent.
        model: In any form that the SDK accepts.
        config: In any form that the SDK accepts.
        answers: Responses of the HTTP layer, ``google.genai.types.HttpResponse``; ``None`` for an empty reply.
        streamed: Whether to run ``generate_content_stream``.

    Returns:
        The request that the SDK would have sent, and its response objects: one, or all chunks.
    """
    from google.genai import types

    if answers is None:
        answers = [types.HttpResponse(headers={}, body="")]
    http_layer = _HttpLayer(api_client, answers)
    run = getattr(_models_on(http_layer), *_rendering(stream=streamed))
    response = run(model=model, contents="-", config=config)
    responses: list[Any] = list(response) if streamed else [response]
    return http_layer.request_made, responses


def _models_on(api_client: Any) -> Any:
    from google.genai.models import Models

    return Models(api_client)


def _rendering(*, stream: bool) -> tuple[str]:
    """The method of the SDK below the public one, which instrumentation wraps."""
    return ("_generate_content_stream",) if stream else ("_generate_content",)


@dataclass(frozen=True, slots=True)
class SdkRequest:
    """The arguments that the SDK passes to its HTTP layer."""

    path: str
    body: dict[str, Any]
    http_options: Any


class _HttpLayer:
    """Takes the place of the SDK's ``BaseApiClient``: records the request, returns the given answers."""

    request_made: SdkRequest

    def __init__(self, api_client: Any, answers: list[object]) -> None:
        self._api_client = api_client
        self._answers = answers

    def __getattr__(self, name: str) -> Any:
        return getattr(self._api_client, name)

    def request(self, _method: str, path: str, request_dict: dict[str, Any], http_options: Any = None) -> object:
        self.request_made = SdkRequest(path, request_dict, http_options)
        return self._answers[0]

    def request_streamed(
        self, method: str, path: str, request_dict: dict[str, Any], http_options: Any = None
    ) -> Iterator[object]:
        self.request(method, path, request_dict, http_options)
        return iter(self._answers)

    def _verify_response(self, _response: object) -> None:
        """A hook of the SDK's own tests."""


def _extra_body(http_options: Any, api_client: Any) -> dict[str, Any] | None:
    """The ``extra_body`` that the SDK would add: the call's, else the client's."""
    extra: dict[str, Any] | None = getattr(http_options, "extra_body", None)
    if extra is None:
        extra = getattr(getattr(api_client, "_http_options", None), "extra_body", None)
    return extra


def _given_fields(value: Any, option: str) -> dict[str, object]:
    """The fields that are set in a dict or in the SDK's own object."""
    fields_set = getattr(value, "model_fields_set", None)
    if fields_set is not None:
        return {name: getattr(value, name) for name in fields_set}
    return as_dict(value, option)
