"""The options of a call as a ``GenerateContentConfig``, and the SDK's rendering of it for the wire."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from polycall import ConfigurationError
from polycall_vertex._protocol.options import as_dict, reject_unknown_options, safety_settings, seconds
from polycall_vertex._sdk_objects import merge_objects, to_rest

if TYPE_CHECKING:
    from google.genai import types

_FURTHER_OPTIONS = ("config", "generation_config", "timeout")


def make_config(options: Mapping[str, object], timeout_s: float | None) -> types.GenerateContentConfig:
    """Make the SDK's configuration for a call.

    Args:
        options: The caller's options, without those of `polycall_vertex._protocol.body`.
        timeout_s: Default time limit in seconds.

    Raises:
        ConfigurationError: An option is unknown, or the SDK rejects its value.
    """
    from google.genai import types

    fields = types.GenerateContentConfig.model_fields
    known = {*fields, *_FURTHER_OPTIONS} - {"tools"}
    reject_unknown_options(options, known, "google.genai")
    flat = {name: one for name, one in options.items() if name not in _FURTHER_OPTIONS}
    given = _given_fields(options.get("config"))
    given |= _given_fields(options.get("generation_config"), "generation_config")
    given |= flat
    reject_unknown_options(given, known, "google.genai")
    if given.get("safety_settings") is not None:
        given["safety_settings"] = safety_settings(given["safety_settings"])
    given["automatic_function_calling"] = {"disable": True}
    given["should_return_http_response"] = None
    if "automatic_continuation" in fields:  # not before google-genai 2
        given.setdefault("automatic_continuation", False)
    try:
        http = types.HttpOptions.model_validate(given.pop("http_options", None) or {}).model_copy()
        timeout = options.get("timeout")
        call_timeout_s = timeout_s if timeout is None else seconds(timeout)
        if call_timeout_s is not None and (timeout is not None or http.timeout is None):
            http.timeout = max(1, round(call_timeout_s * 1000))
        return types.GenerateContentConfig.model_validate(
            given | {"http_options": http if http.model_fields_set else None}
        )
    except ValidationError as error:
        detail = error.errors(include_url=False, include_input=False)[0]
        name = ".".join(str(part) for part in detail["loc"])
        # Not chained: its text contains the values, and headers hold secrets.
        raise ConfigurationError(f"google.genai rejects the option {name!r}: {detail['msg']}.", key=name) from None


def public_arguments(
    config: types.GenerateContentConfig, body: Mapping[str, Any], api_client: Any
) -> dict[str, object]:
    """A request for the SDK's public methods: ``contents`` and ``config``, as a user writes them by hand.

    Fields that this version of the SDK does not know are put into ``HttpOptions.extra_body``, which overrides the
    SDK's own rendering.

    Args:
        config: From `make_config`; not changed.
        body: polycall's part of the request.
        api_client: Its ``extra_body`` is the default for calls without one.
    """
    from google.genai import types

    http = types.HttpOptions() if config.http_options is None else config.http_options.model_copy()
    extra = {name: one for name, one in (_extra_body(http, api_client) or {}).items() if name not in body}
    if config.tool_config is not None:
        body = {**body, "toolConfig": merge_objects(to_rest(config.tool_config) or {}, body["toolConfig"])}
    shown: dict[str, object] = {}
    for name, field, type_ in (
        ("contents", "contents", types.Content),
        ("tools", "tools", types.Tool),
        ("toolConfig", "tool_config", types.ToolConfig),
        ("systemInstruction", "system_instruction", types.Content),
    ):
        if name in body:
            try:
                shown[field] = _as_sdk_object(type_, body[name])
            except ValidationError:
                extra[name] = body[name]
    if extra or http.extra_body:
        http.extra_body = extra
    if http.model_fields_set:
        shown["http_options"] = http
    contents = shown.pop("contents", "-")
    return {"contents": contents, "config": config.model_copy(update=shown)}


def _as_sdk_object(type_: Any, value: object) -> object:
    return [type_.model_validate(one) for one in value] if isinstance(value, list) else type_.model_validate(value)


@dataclass(frozen=True, slots=True)
class Plan:
    """The part of a request that depends on model and options only, rendered by the SDK itself."""

    config: types.GenerateContentConfig
    path: str
    body: Mapping[str, object]
    """In REST JSON; shared, never changed."""
    http_options: types.HttpOptions | None

    def fill(self, body: Mapping[str, object]) -> dict[str, object]:
        """The whole body of a request, with polycall's part; new for each call, since the SDK changes it."""
        return merge_objects(self.body, body) if self.body else dict(body)


def make_plan(api_client: Any, model: str, config: types.GenerateContentConfig, *, streamed: bool) -> Plan:
    """Have the SDK render a request without sending it.

    Args:
        api_client: The SDK's, unpatched.
        model: In any form that the SDK accepts.
        config: From `make_config`.
        streamed: Whether the request is for a stream.
    """
    recorder = run_sdk(api_client, model, config, answers=None, streamed=streamed)[0]
    path, body, http_options = recorder.path, recorder.body, recorder.http_options
    if _extra_body(http_options, api_client):
        body = api_client._build_request("post", path, body, http_options).data  # noqa: SLF001
        from google.genai import types

        # The client's extra_body, too, is in the body already, and polycall's part overrides it.
        http_options = (http_options or types.HttpOptions()).model_copy(update={"extra_body": {}})
    # The SDK notes parts of the URL in the body, under names that begin with an underscore.
    own = {name: one for name, one in body.items() if name != "contents" and not name.startswith("_")}
    return Plan(config, path, own, http_options)


def run_sdk(
    api_client: Any, model: str, config: object, *, answers: list[object] | None, streamed: bool
) -> tuple[SdkRequest, list[Any]]:
    """Run the SDK's own ``generate_content`` without its HTTP layer.

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
    from google.genai.models import Models

    if answers is None:
        answers = [types.HttpResponse(headers={}, body="")]
    stand_in: Any = _HttpLayer(api_client, answers)
    models = Models(stand_in)
    if streamed:
        responses: list[Any] = list(models.generate_content_stream(model=model, contents="-", config=config))  # type: ignore[arg-type]
    else:
        responses = [models.generate_content(model=model, contents="-", config=config)]  # type: ignore[arg-type]
    return stand_in.request_made, responses


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


def _given_fields(value: Any, option: str = "config") -> dict[str, object]:
    """The fields that are set in a dict or in the SDK's own object."""
    fields_set = getattr(value, "model_fields_set", None)
    if fields_set is not None:
        return {name: getattr(value, name) for name in fields_set}
    return as_dict(value, option)
