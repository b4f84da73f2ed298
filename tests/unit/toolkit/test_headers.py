"""Headers and URLs as they may be shown."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polycall._toolkit.headers import shown_headers, shown_url


def test_only_values_known_to_be_harmless_are_shown() -> None:
    assert shown_headers(
        {
            "Authorization": "Bearer secret",
            "X-Api-Key": b"secret",
            "Cookie": "secret",
            "X-Acme-Tenant": "secret",
            "X-Nothing": None,
            "Content-Type": "application/json",
            "User-Agent": b"acme/1",
            "X-Stainless-Lang": "python",
            "API-Version": "2",
            "acme-version": "2026-01-01",
            "Acme-Beta": "a",
            "X-Goog-Api-Client": "gl-python",
            "Idempotency-Key": "1",
        }
    ) == {
        "Authorization": "***",
        "X-Api-Key": "***",
        "Cookie": "***",
        "X-Acme-Tenant": "***",
        "X-Nothing": "***",
        "Content-Type": "application/json",
        "User-Agent": "acme/1",
        "X-Stainless-Lang": "python",
        "API-Version": "2",
        "acme-version": "2026-01-01",
        "Acme-Beta": "a",
        "X-Goog-Api-Client": "gl-python",
        "Idempotency-Key": "1",
    }
    assert shown_headers({b"Accept": b"*/*"}) == {"Accept": "*/*"}


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://a.example/v1/x?alt=sse&api-version=2", "https://a.example/v1/x?alt=sse&api-version=2"),
        ("https://user:secret@a.example:1/v1", "https://***@a.example:1/v1"),
        ("https://user:p@secret@a.example/b@c", "https://***@a.example/b@c"),
        ("https://a.example/?key=secret&alt=sse", "https://a.example/?key=***&alt=sse"),
        ("https://a.example/?X-Amz-Signature=secret#access_token=secret", "https://a.example/?X-Amz-Signature=***#access_token=***"),
        ("https://a.example/?%6Bey=secret;sig=secret", "https://a.example/?%6Bey=***;sig=***"),
        ("https://a.example/?secret-0123456789", "https://a.example/?***"),
        ("https://a.example/?alt", "https://a.example/?alt"),
        ("https://[broken/?TOKEN=secret", "https://[broken/?TOKEN=***"),
        ("", ""),
    ],
)  # fmt: skip
def test_a_url_is_shown_without_secrets(url: str, shown: str) -> None:
    assert shown_url(url) == shown


def test_urls_of_http_libraries() -> None:
    class Url:
        def __str__(self) -> str:
            return "https://a:secret@b.example/?key=secret"

    assert shown_url(Url()) == "https://***@b.example/?key=***"


@given(st.text())
def test_any_text_is_shown(url: str) -> None:
    shown_url(url)
