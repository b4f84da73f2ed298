"""The whole URL of an endpoint, so that the SDK need not build it again for each request."""

from __future__ import annotations

from typing import Any

from polycall.plugin import is_untouched

_LOOK_AT_THE_PATH = ("_prepare_url", "_build_request", "_prepare_options")
_PLAIN = ("openai._base_client", "openai._client")
"""The modules where ``openai.OpenAI`` has these methods. Azure's client, Bedrock's and the user's subclasses may have
their own, which depend on the path."""


class UrlCache:
    """The URL of one client's requests.

    Joining ``client.base_url`` and a path takes the SDK an eighth of a whole ``create``. It accepts a whole URL in
    place of the path (openai-python, "Undocumented endpoints"), with the same result.
    """

    __slots__ = ("_known", "_path")

    def __init__(self, path: str) -> None:
        self._path = path
        self._known: tuple[object, str] = (None, path)

    def of(self, client: Any) -> str:
        """The URL, or the path alone where the result may differ."""
        base_url = client.base_url
        known, url = self._known
        if known is not base_url:  # it may be replaced at any time
            url = self._url(client, str(base_url))
            self._known = (base_url, url)
        return url

    def is_whole(self, url: str) -> bool:
        """Whether a result of `of` is the whole URL: the client builds its requests as ``openai.OpenAI`` does."""
        return url is not self._path

    def _url(self, client: Any, base_url: str) -> str:
        is_plain = (
            base_url.startswith(("http://", "https://"))
            and base_url.endswith("/")
            and getattr(client, "_provider_runtime", None) is None
            and is_untouched(client, _LOOK_AT_THE_PATH, *_PLAIN)
        )
        return base_url + self._path.removeprefix("/") if is_plain else self._path
