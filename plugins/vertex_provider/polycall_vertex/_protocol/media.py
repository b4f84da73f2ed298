"""Converts OpenAI-style image, audio and file parts to Vertex AI's: data inline, all else by its URI."""

from __future__ import annotations

import base64
import mimetypes
from collections.abc import Mapping
from urllib.parse import unquote_to_bytes, urlsplit


def media_part(item: Mapping[str, object]) -> object:
    """Turn a part of type ``image_url``, ``input_audio`` or ``file`` into ``inlineData`` or ``fileData``.

    Raises:
        ValueError: It contains no data, or its media type cannot be inferred.
    """
    kind = str(item.get("type"))
    held = item.get(kind)
    if kind == "image_url":
        url = held.get("url") if isinstance(held, Mapping) else held
        return _from_url(url, _text_of(held, "mime_type"))
    if kind == "input_audio":
        data, format_ = _text_of(held, "data"), _text_of(held, "format")
        if data is None or format_ is None:
            raise ValueError("an 'input_audio' part must hold 'data' and 'format'.")
        return {"inlineData": {"mimeType": f"audio/{'mpeg' if format_ == 'mp3' else format_}", "data": data}}
    data = _text_of(held, "file_data")
    if data is None:
        raise ValueError("a 'file' part must hold 'file_data', a data URI or another URI; file ids are OpenAI's own.")
    return _from_url(data, mimetypes.guess_type(_text_of(held, "filename") or "")[0])


def _from_url(url: object, media_type: str | None) -> object:
    if not isinstance(url, str) or not url:
        raise ValueError("the part contains no URL.")
    if url.startswith("data:"):
        return _from_data_uri(url, media_type)
    if urlsplit(url).scheme not in ("gs", "http", "https"):
        raise ValueError(f"Vertex AI cannot read the URL {url[:80]!r}; use data:, gs:// or https://.")
    media_type = media_type or mimetypes.guess_type(urlsplit(url).path)[0]
    if media_type is None:
        raise ValueError(
            f"the media type of {url[:80]!r} cannot be inferred from its name, and Vertex AI requires one; pass it as "
            "'mime_type' next to 'url'."
        )
    return {"fileData": {"mimeType": media_type, "fileUri": url}}


def _from_data_uri(url: str, media_type: str | None) -> object:
    head, comma, data = url.removeprefix("data:").partition(",")
    if not comma:
        raise ValueError("the data URI has no comma.")
    stated, *parameters = head.split(";")
    if "base64" not in parameters:
        data = base64.b64encode(unquote_to_bytes(data)).decode()
    # A data URI that states no type is text (RFC 2397).
    return {"inlineData": {"mimeType": stated or media_type or "text/plain", "data": data}}


def _text_of(container: object, name: str) -> str | None:
    value = container.get(name) if isinstance(container, Mapping) else None
    return value if isinstance(value, str) else None
