"""Where a request went and what was expected there, for the errors about what came instead."""

from __future__ import annotations

from dataclasses import dataclass

from polycall import ResponseError
from polycall_openai._json import NotJsonError, excerpt, parse

_KINDS = {list: "a JSON array", str: "a text", type(None): "null"}


@dataclass(frozen=True, slots=True)
class ReplyErrors:
    """One endpoint of one server."""

    url: str
    protocol: str
    """``"Chat Completions"``, say."""

    def not_the_protocol(self, what: str, data: bytes | str) -> ResponseError:
        """The error for something else than the protocol; ``what`` goes on after "but"."""
        return ResponseError(
            f"{self.url} was expected to speak {self.protocol}, but {what}. "
            "Check base_url (most servers want a path such as /v1), and that the server has this API.",
            excerpt=excerpt(data),
        )

    def parse_body(self, data: bytes | str) -> object:
        """The JSON of a whole body.

        Raises:
            ResponseError: It is none.
        """
        if not data.strip():
            raise self.not_the_protocol("the reply is empty, with status 200", "")
        try:
            return parse(data)
        except NotJsonError as error:
            raise self.unreadable(error, data) from error

    def unreadable(self, error: Exception, data: bytes | str) -> ResponseError:
        """The error for what a JSON parser does not take."""
        if excerpt(data).lstrip().startswith("<"):
            return self.not_the_protocol("the reply is HTML", data)
        return self.not_the_protocol(f"the reply is no JSON ({str(error)[:200]})", data)

    def wrong_kind(self, value: object, data: bytes | str) -> ResponseError:
        """The error for JSON that is no object."""
        return self.not_the_protocol(f"the reply is {_KINDS.get(type(value), f'a {type(value).__name__}')}", data)
