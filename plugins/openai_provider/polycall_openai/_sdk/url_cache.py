"""The whole URL of an endpoint, so that the SDK need not put it together anew for each request."""

from __future__ import annotations

from typing import Any

_LOOK_AT_THE_PATH = ("_prepare_url", "_build_request", "_prepare_options")
_PLAIN = frozenset({"openai._base_client", "openai._client"})
"""Where ``openai.OpenAI`` has those. Azure's client, Bedrock's and subclasses of the user's may have their own, that
choose what to do by the path."""


class UrlCache:
    """Where the requests of one client go.

    To put a path behind ``client.base_url`` takes the SDK an eighth of a whole ``create``. A whole URL in place of the
    path is taken as it is (openai-python, "Undocumented endpoints"), and comes to the same.
    """

    __slots__ = ("_known", "_path")

    def __init__(self, path: str) -> None:
        self._path = path
        self._known: tuple[object, str] = (None, path)

    def of(self, client: Any) -> str:
        """The URL, or the path alone where that is not known to be the same."""
        base_url = client.base_url
        known, url = self._known
        if known is not base_url:  # somebody may set another at any time
            url = self._url(client, str(base_url))
            self._known = (base_url, url)
        return url

    def _url(self, client: Any, base_url: str) -> str:
        is_plain = (
            base_url.startswith(("http://", "https://"))
            and base_url.endswith("/")
            and getattr(client, "_provider_runtime", None) is None
            and all(_is_plain(client, name) for name in _LOOK_AT_THE_PATH)
        )
        return base_url + self._path.removeprefix("/") if is_plain else self._path


def _is_plain(client: object, name: str) -> bool:
    method = getattr(type(client), name, None)
    module = getattr(method, "__globals__", {}).get("__name__")
    return module in _PLAIN and name not in getattr(client, "__dict__", ())
