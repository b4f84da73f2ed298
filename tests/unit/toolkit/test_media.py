"""Images, sounds, videos and files of messages."""

from __future__ import annotations

import base64
import mimetypes

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polycall._data.errors import MessageError
from polycall._toolkit.media import (
    MEDIA_TYPES_OF_PARTS,
    MediaPart,
    media_type_of,
    read_media,
    required_media_type,
    to_base64,
)

PLACE = "messages[0].content[1]"


def read(type_: str, **members: object) -> MediaPart:
    """The part of that type."""
    part = read_media({"type": type_, **members}, type_, PLACE)
    assert part is not None
    assert (part.raw, part.where) == ({"type": type_, **members}, PLACE)
    return part


IMAGE = MediaPart(kind="image", data="AAEC", media_type="image/png")
PDF = MediaPart(kind="file", data="AAEC", media_type="application/pdf")


@pytest.mark.parametrize(
    ("type_", "members", "expected"),
    [
        ("image_url", {"image_url": {"url": "data:image/png;base64,AAEC"}}, IMAGE),
        ("image_url", {"image_url": "data:image/png;base64,AAEC"}, IMAGE),
        ("input_image", {"image_url": "data:image/png;base64,AAEC"}, IMAGE),
        ("image_url", {"image_url": {"url": "DATA:IMAGE/PNG; charset=x ;BASE64,AA%45C"}}, IMAGE),
        ("image_url", {"image_url": {"url": "data:;base64,AAEC", "mime_type": "image/PNG"}}, IMAGE),
        (
            "image_url",
            {"image_url": {"url": "data:,a%20b"}},
            MediaPart(kind="image", data="YSBi", media_type="text/plain"),
        ),
        (
            "image_url",
            {"image_url": {"url": "gs://bucket/cat.JPG", "detail": "low"}},
            MediaPart(kind="image", uri="gs://bucket/cat.JPG", media_type="image/jpeg", detail="low"),
        ),
        (
            "input_image",
            {"image_url": "https://a.example/cat.webp?size=1", "detail": "high"},
            MediaPart(kind="image", uri="https://a.example/cat.webp?size=1", media_type="image/webp", detail="high"),
        ),
        ("input_image", {"file_id": "file-1"}, MediaPart(kind="image", file_id="file-1")),
        (
            "image_url",
            {"image_url": {"url": "https://a.example/cat", "format": "image/png"}},
            MediaPart(kind="image", uri="https://a.example/cat", media_type="image/png"),
        ),
        ("image_url", {"image_url": "https://a.example/cat"}, MediaPart(kind="image", uri="https://a.example/cat")),
        (
            "input_audio",
            {"input_audio": {"data": "AAEC", "format": "mp3"}},
            MediaPart(kind="audio", data="AAEC", media_type="audio/mpeg"),
        ),
        (
            "input_audio",
            {"input_audio": {"data": "AAEC", "format": "WebM"}},
            MediaPart(kind="audio", data="AAEC", media_type="audio/webm"),
        ),
        (
            "input_audio",
            {"input_audio": {"data": "AAEC", "format": "g711_ulaw"}},
            MediaPart(kind="audio", data="AAEC", media_type="audio/g711_ulaw"),
        ),
        (
            "input_audio",
            {"input_audio": {"data": "data:audio/wav;base64,AAEC"}},
            MediaPart(kind="audio", data="AAEC", media_type="audio/wav"),
        ),
        (
            "audio_url",
            {"audio_url": {"url": "https://a.example/a.mp4"}},
            MediaPart(kind="audio", uri="https://a.example/a.mp4", media_type="audio/mp4"),
        ),
        (
            "video_url",
            {"video_url": {"url": "s3://a/a.mov"}},
            MediaPart(kind="video", uri="s3://a/a.mov", media_type="video/quicktime"),
        ),
        ("file", {"file": {"file_data": "data:application/pdf;base64,AAEC"}}, PDF),
        (
            "file",
            {"file": {"file_data": "AAEC", "filename": "a.pdf"}},
            MediaPart(kind="file", data="AAEC", media_type="application/pdf", filename="a.pdf"),
        ),
        (
            "input_file",
            {"file_data": "data:;base64,AAEC", "filename": "notes.md"},
            MediaPart(kind="file", data="AAEC", media_type="text/markdown", filename="notes.md"),
        ),
        (
            "input_file",
            {"file_url": "https://a.example/a.csv"},
            MediaPart(kind="file", uri="https://a.example/a.csv", media_type="text/csv"),
        ),
        (
            "file",
            {"file": {"file_data": "gs://bucket/x", "filename": "a.txt"}},
            MediaPart(kind="file", uri="gs://bucket/x", media_type="text/plain", filename="a.txt"),
        ),
        ("file", {"file": {"file_id": "file-1"}}, MediaPart(kind="file", file_id="file-1")),
    ],
)
def test_parts_of_every_known_type(type_: str, members: dict[str, object], expected: MediaPart) -> None:
    assert read(type_, **members) == expected


def test_all_types_are_read_and_no_other() -> None:
    for type_ in MEDIA_TYPES_OF_PARTS:
        with pytest.raises(MessageError, match=rf"messages\[0\].content\[1\]: a part of type '{type_}' must hold"):
            read(type_)
    assert read_media({"type": "text"}, "text", PLACE) is None


@pytest.mark.parametrize(
    ("type_", "members", "problem"),
    [
        ("image_url", {"image_url": {"url": ""}}, "must hold a URL"),
        ("image_url", {"image_url": 7}, "must hold a URL"),
        ("image_url", {"image_url": {"url": ["https://a"]}}, "must hold a URL"),
        ("image_url", {"image_url": "cat.png?secret"}, "the URL 'cat.png' has no scheme"),
        ("image_url", {"image_url": "data:image/png;base64"}, "the data URI has no comma"),
        ("image_url", {"image_url": "data:image/png;base64,A*EC"}, "the data is not base64"),
        ("image_url", {"image_url": "data:image/png;base64,"}, "the data is empty"),
        ("input_audio", {"input_audio": {"format": "wav"}}, "must hold 'data' and 'format'"),
        ("input_audio", {"input_audio": {"data": "AAEC"}}, "must hold 'format'"),
        ("file", {"file": {"filename": "a.pdf"}}, "must hold 'file_data', 'file_url' or 'file_id'"),
        ("file", {"file": {"file_data": "A", "filename": "a.pdf"}}, "the data is not base64"),
    ],
)
def test_a_part_without_usable_data_is_refused_with_its_place(
    type_: str, members: dict[str, object], problem: str
) -> None:
    with pytest.raises(MessageError) as caught:
        read(type_, **members)

    assert str(caught.value).startswith(f"{PLACE}: ")
    assert problem in str(caught.value)
    assert "secret" not in str(caught.value)


def test_the_url_of_a_part_is_its_uri_or_a_data_uri() -> None:
    assert IMAGE.url == "data:image/png;base64,AAEC"
    assert MediaPart(kind="file", data="AAEC").url == "data:application/octet-stream;base64,AAEC"
    assert MediaPart(kind="file", uri="gs://a").url == "gs://a"
    assert MediaPart(kind="file", file_id="a").url is None


def test_a_provider_that_needs_the_media_type_says_how_to_state_it() -> None:
    assert required_media_type(IMAGE, "Acme") == "image/png"
    part = read("image_url", image_url="https://a.example/cat?signature=secret")
    with pytest.raises(
        MessageError, match=r"content\[1\]: the media type of 'https://a.example/cat' .*Acme .*'mime_type'"
    ):
        required_media_type(part, "Acme")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a.png", "image/png"),
        ("A.B.JPeG", "image/jpeg"),
        ("https://a.example/b/c.pdf?x=.png#.gif", "application/pdf"),
        ("what?.gif", "image/gif"),
        ("https://example.md", None),
        ("https://example.md/", None),
        ("png", None),
        (".png", None),
        ("a.unknown", None),
        ("", None),
    ],
)
def test_the_media_type_by_the_ending(name: str, expected: str | None) -> None:
    assert media_type_of(name) == expected


def test_the_system_s_table_has_no_say(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mimetypes, "guess_type", lambda *_: ("x/y", None))

    assert media_type_of("a.webp") == "image/webp"
    assert read("image_url", image_url="https://a.example/a.heic").media_type == "image/heic"


@given(st.binary(min_size=1), st.booleans(), st.booleans(), st.integers(1, 30))
def test_base64_of_every_spelling_is_put_right(content: bytes, url_safe: bool, padded: bool, width: int) -> None:
    encode = base64.urlsafe_b64encode if url_safe else base64.b64encode
    text = encode(content).decode()
    text = text if padded else text.rstrip("=")
    lines = "\r\n".join(text[at : at + width] for at in range(0, len(text), width))

    assert to_base64(lines) == base64.b64encode(content).decode()


@given(st.text())
def test_what_counts_as_base64_can_be_decoded(text: str) -> None:
    valid = to_base64(text)
    if valid is not None:
        base64.b64decode(valid, validate=True)
