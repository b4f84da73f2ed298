"""Errors about replies that are not of the protocol: the URL of the request, and the protocol that was expected."""

from __future__ import annotations

from dataclasses import dataclass

from polycall import ResponseError
from polycall_openai._json import JsonObject, NotJsonError, excerpt, parse, raise_if_error

_KINDS = {list: "a JSON array", str: "a text", type(None): "null"}


@dataclass(frozen=True, slots=True)
class ReplyErrors:
    """Makes the errors of one endpoint of one server."""

    url: str
    protocol: str
    """``"Chat Completions"``, say."""

    def not_the_protocol(self, problem: str, source: object) -> ResponseError:
        """The error for a reply that is not of the protocol.

        Args:
            problem: A clause that follows "but".
            source: The text or the object that was read.
        """
        return ResponseError(
            f"{self.url} was expected to speak {self.protocol}, but {problem}. "
            "Check base_url (most servers want a path such as /v1), and that the server has this API.",
            excerpt=excerpt(source),
        )

    def unreadable(self, error: Exception, source: bytes | str) -> ResponseError:
        """The error for a body that a JSON parser rejects."""
        if excerpt(source).lstrip().startswith("<"):
            return self.not_the_protocol("the reply is HTML", source)
        return self.not_the_protocol(f"the reply is not JSON ({str(error)[:200]})", source)

    def read(self, body: object) -> JsonObject:
        """Read a whole reply: bytes or text, or the plain data of an SDK object.

        Raises:
            ResponseError: It is empty, not JSON, not an object, or it reports an error.
        """
        value = body
        if isinstance(body, (bytes, str)):
            if not body.strip():
                raise self.not_the_protocol("the reply is empty, with status 200", "")
            try:
                value = parse(body)
            except NotJsonError as error:
                raise self.unreadable(error, body) from error
        return self.require_object(value, body, "the reply")

    def require_object(self, value: object, source: object, where: str) -> JsonObject:
        """The same value, which has to be an object that does not report an error.

        Raises:
            ResponseError: It is something else, or it reports an error.
        """
        if isinstance(value, list) and value and isinstance(value[0], dict):
            raise_if_error(value[0], source)  # Gemini's endpoint wraps errors in an array (jackmpcollins/magentic#382)
        if not isinstance(value, dict):
            kind = _KINDS.get(type(value), f"a {type(value).__name__}")
            raise self.not_the_protocol(f"{where} is {kind}, not an object", source)
        if "error" in value or "error_type" in value or "error_message" in value:
            raise_if_error(value, source)
        return value
