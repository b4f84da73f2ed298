"""Errors about replies: those that are not of the protocol, and those that report an error with status 200."""

from __future__ import annotations

from dataclasses import dataclass

from polycall.plugin import JsonObject, NotJsonError, ResponseError, kind_of_report, parse_json
from polycall.plugin import excerpt as beginning_of

_KINDS = {list: "a JSON array", str: "a text", type(None): "null"}


@dataclass(frozen=True, slots=True)
class ReplyErrors:
    """Makes the errors of one endpoint of one server.

    Attributes:
        url: The URL of the requests, without secrets.
        protocol: ``"Chat Completions"``, say.
    """

    url: str
    protocol: str

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
                value = parse_json(body)
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


def excerpt(source: object) -> str:
    """The beginning of a text, or of an object's representation, for an error."""
    if isinstance(source, bytearray):
        source = bytes(source)
    return beginning_of(source if isinstance(source, (bytes, str)) else repr(source))


def raise_if_error(value: JsonObject, source: object) -> None:
    """Raise if an object inside a reply with status 200 reports an error.

    The shapes are those of LM Studio, Ollama, vLLM, OpenRouter and others: ``error`` as an object or a text, or
    ``error_message`` with ``error_type`` (agentjido/req_llm#661, OmniRoute#8210, pydantic-ai#3994).

    Raises:
        ResponseError: The object reports one; in the provider's words.
    """
    error = value.get("error")
    if not error and not (value.get("error_type") or value.get("error_message")):
        return
    raise reported_error(error or value, source)


def reported_error(error: object, source: object) -> ResponseError:
    """The error for one that the server reports."""
    return ResponseError(
        f"The server reported an error inside a reply with status 200: {_words(error)}.",
        excerpt=excerpt(source),
        kind=kind_of_report(error),
    )


def _words(error: object) -> str:
    if isinstance(error, dict):
        for key in ("message", "error_message", "error", "detail", "type", "error_type", "code"):
            if error.get(key):
                return _words(error[key])
    return str(error)[:400].rstrip(".")
