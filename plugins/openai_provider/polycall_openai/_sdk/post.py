"""Posting with the header that ``.with_raw_response`` sends: the SDK's request machinery, and no parsing."""

from __future__ import annotations

from functools import lru_cache
from os import urandom
from typing import Any

from pydantic_core import from_json, to_json

from polycall_openai._sdk.call_options import NO_OPTIONS, CallOptions
from polycall_openai._sdk.endpoint import Endpoint, sdk_types
from polycall_openai._sdk.url_cache import UrlCache

_RAW = {"X-Stainless-Raw-Response": "true"}


def post(
    client: Any, endpoint: Endpoint, urls: UrlCache, body: dict[str, Any], options: CallOptions, **stream: Any
) -> Any:
    """Post as ``client.post`` does; returns an awaitable if the client is async.

    ``client.post`` spends a fifth of its time on making the request's options, field by field with deep copies of the
    defaults, only to hand them to ``client.request``. Where the caller gave none, they are copied from some that the
    SDK made once. The body goes as JSON where the SDK would only write it, at twice the price; so does the key
    that it would make of a UUID, to tell the retries of one request from others.

    Args:
        client: An unpatched client of the SDK.
        endpoint: One of the APIs.
        urls: Knows the endpoint's URL.
        body: Plain data, without the SDK's ``NOT_GIVEN`` and ``omit``.
        options: The caller's options.
        stream: ``stream`` and ``stream_cls`` of ``client.post``.
    """
    reply_type = sdk_types(endpoint).reply
    template = _template(endpoint.path) if options is NO_OPTIONS else None
    if template is None:
        return client.post(urls.of(client), cast_to=reply_type, body=body, options=options.for_post(_RAW), **stream)
    # Copy everything that may be changed on the way.
    fresh: dict[str, Any] = {name: getattr(template, name).copy() for name in _DICTS if hasattr(template, name)}
    url = urls.of(client)
    content = _json_of(body) if urls.is_whole(url) and hasattr(template, "content") else None
    fresh |= {"url": url, "idempotency_key": f"polycall-{urandom(16).hex()}"}
    fresh |= {"json_data": body} if content is None else {"content": content}
    return client.request(reply_type, template.model_copy(update=fresh), **stream)


_DICTS = ("headers", "params", "security")


def _json_of(body: dict[str, Any]) -> bytes | None:
    """The body as the SDK would write it; ``None`` where it may write another one, or refuse to.

    Proven by reading it: sets, dates, models and NaN do not come back as they were.
    """
    try:
        content = to_json(body, inf_nan_mode="null")
        return content if from_json(content) == body else None
    except ValueError:  # another object than data, or a lone surrogate
        return None


@lru_cache(maxsize=4)
def _template(path: str) -> Any:
    """Options of a request as ``client.post`` makes them; ``None`` if an SDK keeps them elsewhere."""
    try:
        from openai._models import FinalRequestOptions
    except ImportError:
        return None
    options: Any = NO_OPTIONS.for_post(_RAW)
    return FinalRequestOptions.construct(method="post", url=path, json_data=None, files=None, **options)


def build(
    client: Any, endpoint: Endpoint, urls: UrlCache, body: dict[str, Any], options: CallOptions, *, raw: bool
) -> Any:
    """The request of the SDK's HTTP library that `post` would send; nothing is sent.

    Args:
        client: As for `post`.
        endpoint: As for `post`.
        urls: As for `post`.
        body: As for `post`.
        options: As for `post`.
        raw: With the header of `post`, which the SDK's ``create`` does not send.
    """
    from openai._models import FinalRequestOptions

    sdk_options = options.for_post(_RAW if raw else {})
    final = FinalRequestOptions.construct(method="post", url=urls.of(client), json_data=body, files=None, **sdk_options)
    return client._build_request(final)  # noqa: SLF001 - the SDK has no public way that does not send
