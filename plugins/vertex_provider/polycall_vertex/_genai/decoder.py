"""Decodes the replies of ``google.genai``: bytes of the direct path, or the SDK's own objects."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any, TypeAlias

from polycall.plugin import (
    EventReader,
    JsonObject,
    Reply,
    ReplyMeter,
    Request,
    ResponseError,
    StreamEvent,
    parse_object,
    reading_reply,
    size_of,
)
from polycall_vertex._genai.direct import Origin, RawReply
from polycall_vertex._protocol.chunk import Chunk, read_chunk
from polycall_vertex._protocol.decoder import ReplyDecoder
from polycall_vertex._sdk_objects import to_rest

if TYPE_CHECKING:
    from google.genai.types import GenerateContentResponse

Piece: TypeAlias = "Origin | bytes | RawReply | GenerateContentResponse"
_DONE = b"[DONE]"


class GenaiDecoder:
    """Decodes one reply.

    Args:
        request: Its tools determine how arguments are read.
        max_reply_bytes: Size limit of the reply. The bytes of a direct stream have been counted.
        provider: The provider's name.

    Attributes:
        done: The stream has sent ``[DONE]``, as proxies do.
    """

    def __init__(self, request: Request, max_reply_bytes: int, provider: str) -> None:
        self.done = False
        self._decoder = ReplyDecoder(request, from_doubles=False, provider=provider)
        self._is_whole = not request.stream
        self._meter = ReplyMeter(max_reply_bytes)
        self._reader: EventReader | None = None  # whole replies need none
        self._origin: Origin | None = None
        self._bodies: list[str | bytes] = []
        self._responses: list[Any] = []

    def feed(self, piece: Piece) -> list[StreamEvent]:
        """Take the next piece; see `polycall.plugin.StreamDecoder.feed`."""
        if isinstance(piece, bytes):
            if self._reader is None:
                self._reader = EventReader(bare_json=True)
            events: list[StreamEvent] = []
            for event in self._reader.feed(piece):
                events += self._take(event.data)
            return events
        if isinstance(piece, RawReply):
            self._meter.take(len(piece.body))
            self._origin = piece.origin
            self._bodies.append(piece.body)
            return self._decoder.take(read_chunk(parse_object(piece.body)))
        if isinstance(piece, Origin):
            self._origin = piece
            return []
        self._meter.take(size_of(piece))  # the SDK keeps no bytes
        self._responses.append(piece)
        return self._decoder.take(_read_response(piece))

    def finish(self) -> Reply:
        """Return the reply; see `polycall.plugin.StreamDecoder.finish`."""
        for event in () if self._reader is None else self._reader.finish():
            self._take(event.data)
        return self._decoder.finish(self._build_raw)

    def _take(self, data: bytes) -> list[StreamEvent]:
        if self.done or not data or data.startswith(b":"):  # a comment as data: opencode#50871
            return []
        if data[:6] == _DONE and data.strip() == _DONE:
            self.done = True
            return []
        message = parse_object(data)
        self._bodies.append(data)
        return self._decoder.take(read_chunk(message))

    def _build_raw(self) -> object:
        responses = self._responses
        if self._origin is not None:
            bodies = [body if isinstance(body, str) else body.decode("utf-8", "replace") for body in self._bodies]
            with reading_reply():
                responses = self._origin.responses(bodies, streamed=not self._is_whole) if bodies else []
        return responses[0] if self._is_whole else responses


def _read_response(response: GenerateContentResponse) -> Chunk:
    message = to_rest(response)
    if message is None or not hasattr(response, "prompt_feedback"):
        raise ResponseError(f"A {type(response).__name__} is not a response of google.genai.")
    message.pop("sdkHttpResponse", None)
    for candidate, shown in zip(response.candidates or (), message.get("candidates") or (), strict=False):  # type: ignore[call-overload]
        if candidate.content is not None and candidate.content.parts:
            _restore_signatures(shown["content"]["parts"], [part.thought_signature for part in candidate.content.parts])
    return read_chunk(message)


def _restore_signatures(parts: list[JsonObject], signatures: list[bytes | None]) -> None:
    """Write signatures as the service did: the SDK's dump uses another alphabet of base64."""
    for part, signature in zip(parts, signatures, strict=True):
        if signature is not None:
            part["thoughtSignature"] = base64.b64encode(signature).decode()
