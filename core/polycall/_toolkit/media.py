"""Images, sounds, videos and files in messages: base64 data or a URI, with a media type.

The media types are a table of their own: `mimetypes` reads the system's files, and answers differently on each machine.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias
from urllib.parse import unquote_to_bytes

from polycall._data.errors import MessageError
from polycall._toolkit.json_values import json_text

MediaKind: TypeAlias = Literal["image", "audio", "video", "file"]

_MEDIA_TYPES = {
    ending: media_type
    for media_type, endings in {
        "image/avif": "avif",
        "image/bmp": "bmp",
        "image/gif": "gif",
        "image/heic": "heic",
        "image/heif": "heif",
        "image/jpeg": "jpg jpeg jpe jfif",
        "image/png": "png",
        "image/svg+xml": "svg",
        "image/tiff": "tif tiff",
        "image/webp": "webp",
        "audio/aac": "aac",
        "audio/aiff": "aif aiff",
        "audio/flac": "flac",
        "audio/mp4": "m4a",
        "audio/mpeg": "mp3",
        "audio/ogg": "ogg oga",
        "audio/opus": "opus",
        "audio/pcm": "pcm",
        "audio/wav": "wav",
        "audio/webm": "weba",
        "video/3gpp": "3gp 3gpp",
        "video/mp4": "mp4 m4v",
        "video/mpeg": "mpeg mpg",
        "video/quicktime": "mov qt",
        "video/webm": "webm",
        "video/x-flv": "flv",
        "video/x-matroska": "mkv",
        "video/x-ms-wmv": "wmv",
        "video/x-msvideo": "avi",
        "application/json": "json",
        "application/msword": "doc",
        "application/pdf": "pdf",
        "application/rtf": "rtf",
        "application/vnd.ms-excel": "xls",
        "application/vnd.ms-powerpoint": "ppt",
        "application/vnd.openxmlformats-officedocument.presentationml.presentation": "pptx",
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx",
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
        "application/xml": "xml",
        "application/zip": "zip",
        "text/css": "css",
        "text/csv": "csv",
        "text/html": "html htm",
        "text/javascript": "js",
        "text/markdown": "md markdown",
        "text/plain": "txt text log",
        "text/tab-separated-values": "tsv",
        "text/x-python": "py",
    }.items()
    for ending in endings.split()
}
_SOUND_TYPES = {"video/mp4": "audio/mp4", "video/mpeg": "audio/mpeg", "video/webm": "audio/webm"}
"""Containers of sound alone have the endings of videos."""
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_URL_PATH = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^/?#]*([^?#]*)")
_BASE64 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_SHOWN_CHARACTERS = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaPart:
    """An image, a sound, a video or a file. Exactly one of ``uri``, ``data`` and ``file_id`` is set.

    Attributes:
        kind: By the part's type, not by its media type: an image in a ``file`` part is a file.
        uri: Any URI but a data URI: ``https:``, ``gs:``, ``s3:``; which of them it takes is the provider's business.
        data: The content as base64 of the standard alphabet, padded, without line breaks.
        media_type: As stated, or from the name's ending; ``None`` if unknown.
        filename: The file's name, ``None`` if unknown.
        file_id: The id of a file that was uploaded to some provider.
        detail: How closely to look at an image: ``"low"``, ``"high"``, ``"auto"``.
        raw: The part as in the message.
        where: Its place, for errors: ``"messages[3].content[1]"``.
    """

    kind: MediaKind
    uri: str | None = None
    data: str | None = None
    media_type: str | None = None
    filename: str | None = None
    file_id: str | None = None
    detail: str | None = None
    raw: Mapping[str, object] = field(default_factory=dict, compare=False, repr=False)
    where: str = field(default="", compare=False)

    @property
    def url(self) -> str | None:
        """The URI, or the data as a data URI; ``None`` for a file id."""
        if self.data is None:
            return self.uri
        return f"data:{self.media_type or 'application/octet-stream'};base64,{self.data}"


def media_type_of(name: str) -> str | None:
    """The media type by the ending of a file's name or of a URL's path; ``None`` if the ending is not known."""
    match = _URL_PATH.match(name)
    path = match[1] if match else name
    stem, dot, ending = path.rpartition(".")
    return _MEDIA_TYPES.get(ending.lower()) if dot and stem else None


def required_media_type(part: MediaPart, provider: str) -> str:
    """The media type of a part, for a provider that cannot do without.

    Raises:
        MessageError: It is not stated, and the name does not tell it.
    """
    if part.media_type is not None:
        return part.media_type
    name = part.filename or _shown(part.uri or part.file_id or "the data")
    raise MessageError(
        f"{part.where}: the media type of {name!r} cannot be inferred from its name, and {provider} requires one; pass "
        "it as 'mime_type' next to the URL or the data."
    )


def read_media(part: Mapping[str, object], kind: str, where: str) -> MediaPart | None:
    """Read a content part that is not text.

    Args:
        part: The part.
        kind: Its ``type``.
        where: Its place, for errors.

    Returns:
        ``None`` if it is not a type of media.

    Raises:
        MessageError: It holds no data, or data that is not base64.
    """
    reader = _READERS.get(kind)
    return None if reader is None else reader(_Held(part, kind, where))


MEDIA_TYPES_OF_PARTS = ("audio_url", "file", "image_url", "input_audio", "input_file", "input_image", "video_url")
"""The part types that `read_media` reads."""


def to_base64(text: str) -> str | None:
    """Base64 as every server takes it: the standard alphabet, padded, on one line; ``None`` if it is not base64.

    The URL-safe alphabet, missing padding and line breaks are put right.
    """
    if _is_base64(text):
        return text
    text = "".join(text.split()).replace("-", "+").replace("_", "/").rstrip("=")
    text += "=" * (-len(text) % 4)
    return text if _is_base64(text) else None


class _Held:
    """What one part holds, in whichever of the known forms."""

    def __init__(self, part: Mapping[str, object], kind: str, where: str) -> None:
        held = part.get(kind)
        self.part, self.kind, self.where = part, kind, where
        self.text = held if isinstance(held, str) else None
        self.value: Mapping[str, object] = held if isinstance(held, Mapping) else part

    def member(self, *names: str) -> str | None:
        """The first of the members that is a text and not empty."""
        for name in names:
            if text := json_text(self.value, name) or json_text(self.part, name):
                return text
        return None

    def media_type(self) -> str | None:
        stated = self.member("mime_type", "media_type")
        if stated is None:
            format_ = self.member("format")
            stated = format_ if format_ is not None and "/" in format_ else None
        return stated.lower() if stated is not None else None

    def from_url(self, kind: MediaKind, url: str, filename: str | None = None) -> MediaPart:
        if url[:5].lower() == "data:":
            return self.from_data_uri(kind, url, filename)
        if not _SCHEME.match(url):
            raise self.error(
                f"the URL {_shown(url)!r} has no scheme; use https:, data: or another that the provider reads"
            )
        media_type = self.media_type() or media_type_of(filename or "") or media_type_of(url)
        return self.make(kind, media_type, filename, uri=url)

    def from_data_uri(self, kind: MediaKind, url: str, filename: str | None) -> MediaPart:
        head, comma, data = url[5:].partition(",")
        if not comma:
            raise self.error("the data URI has no comma")
        stated, *parameters = (one.strip().lower() for one in head.split(";"))
        if "base64" in parameters:
            data = unquote_to_bytes(data).decode("latin-1") if "%" in data else data
        else:
            data = base64.b64encode(unquote_to_bytes(data)).decode()
        # A data URI that states no type is text (RFC 2397).
        media_type = stated or self.media_type() or media_type_of(filename or "") or "text/plain"
        return self.from_data(kind, data, media_type, filename)

    def from_data(self, kind: MediaKind, data: str, media_type: str | None, filename: str | None) -> MediaPart:
        valid = to_base64(data)
        if not valid:
            raise self.error("the data is not base64" if data else "the data is empty")
        return self.make(kind, media_type, filename, data=valid)

    def make(
        self,
        kind: MediaKind,
        media_type: str | None,
        filename: str | None,
        *,
        uri: str | None = None,
        data: str | None = None,
        file_id: str | None = None,
    ) -> MediaPart:
        if kind == "audio" and media_type is not None:
            media_type = _SOUND_TYPES.get(media_type, media_type)
        return MediaPart(
            kind=kind,
            uri=uri,
            data=data,
            media_type=media_type,
            filename=filename,
            file_id=file_id,
            detail=self.member("detail"),
            raw=self.part,
            where=self.where,
        )

    def error(self, problem: str) -> MessageError:
        return MessageError(f"{self.where}: {problem}.")


def _read_image(held: _Held) -> MediaPart:
    return _read_url(held, "image", "image_url")


def _read_sound(held: _Held) -> MediaPart:
    return _read_url(held, "audio", "audio_url")


def _read_video(held: _Held) -> MediaPart:
    return _read_url(held, "video", "video_url")


def _read_url(held: _Held, kind: MediaKind, name: str) -> MediaPart:
    url = held.text or held.member("url", name)
    if url is not None:
        return held.from_url(kind, url)
    file_id = held.member("file_id")
    if file_id is not None:
        return held.make(kind, held.media_type(), None, file_id=file_id)
    raise held.error(f"a part of type {held.kind!r} must hold a URL; write {{'url': 'https://...'}} in {name!r}")


def _read_recording(held: _Held) -> MediaPart:
    data, format_ = held.member("data"), held.member("format")
    if data is None:
        raise held.error("a part of type 'input_audio' must hold 'data' and 'format'")
    if data[:5].lower() == "data:":
        return held.from_data_uri("audio", data, None)
    if format_ is None and held.media_type() is None:
        raise held.error("a part of type 'input_audio' must hold 'format', such as 'wav' or 'mp3'")
    format_ = (format_ or "").lower()
    return held.from_data("audio", data, held.media_type() or _MEDIA_TYPES.get(format_, f"audio/{format_}"), None)


def _read_file(held: _Held) -> MediaPart:
    filename = held.member("filename")
    data = held.member("file_data")
    if data is not None:
        if _SCHEME.match(data):
            return held.from_url("file", data, filename)
        return held.from_data("file", data, held.media_type() or media_type_of(filename or ""), filename)
    url = held.member("file_url")
    if url is not None:
        return held.from_url("file", url, filename)
    file_id = held.member("file_id")
    if file_id is not None:
        return held.make("file", held.media_type() or media_type_of(filename or ""), filename, file_id=file_id)
    raise held.error(f"a part of type {held.kind!r} must hold 'file_data', 'file_url' or 'file_id'")


_READERS = {
    "image_url": _read_image,
    "input_image": _read_image,
    "audio_url": _read_sound,
    "video_url": _read_video,
    "input_audio": _read_recording,
    "file": _read_file,
    "input_file": _read_file,
}


def _is_base64(text: str) -> bool:
    if len(text) % 4 or not text.isascii():
        return False
    # Several times as fast as decoding it, and images are large.
    rest = text.encode("ascii").translate(None, _BASE64)
    return not rest or (rest in (b"=", b"==") and text.endswith(rest.decode()))


def _shown(url: str) -> str:
    """The beginning of a URL, without the query, which may hold a signature."""
    return re.split(r"[?#]", url, maxsplit=1)[0][:_SHOWN_CHARACTERS]
