"""Posting with the header that ``.with_raw_response`` sends: the SDK's request machinery, and no parsing."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

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
    SDK made once.

    Args:
        client: An unpatched client of the SDK.
        endpoint: One of the APIs.
        urls: Knows the endpoint's URL.
        body: Without the SDK's ``NOT_GIVEN`` and ``omit``.
        options: The caller's options.
        stream: ``stream`` and ``stream_cls`` of ``client.post``.
    """
    reply_type = sdk_types(endpoint).reply
    template = _template(endpoint.path) if options is NO_OPTIONS else None
    if template is None:
        return client.post(urls.of(client), cast_to=reply_type, body=body, options=options.for_post(_RAW), **stream)
    # Copy everything that may be changed on the way.
    fresh: dict[str, Any] = {name: getattr(template, name).copy() for name in _DICTS if hasattr(template, name)}
    fresh |= {"url": urls.of(client), "json_data": body}
    return client.request(reply_type, template.model_copy(update=fresh), **stream)


_DICTS = ("headers", "params", "security")


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
