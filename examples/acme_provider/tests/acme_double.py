"""Acme's wire double for the conformance kit: how an Acme service says an answer, and how it reads a request."""

from __future__ import annotations

from typing import ClassVar

from polycall.testing.conformance import (
    SECRET,
    Answer,
    Call,
    Fault,
    Level,
    Noise,
    Part,
    SocketDouble,
    Told,
    ToldCall,
    ToldMessage,
    Unsupported,
)
from polycall.testing.wire import Reply, Request, read_lines_until
from polycall_acme import AcmeClient, AcmeError
from polycall_acme._client import decode_line, encode_line

_WHOLE_LINES = Unsupported("a call comes whole in one line")
_NOT_SAID = Unsupported("the protocol has no word for it")


class AcmeDouble(SocketDouble):
    """An Acme service that answers by a script."""

    provider = "acme"
    model = "coyote-1"
    framing = staticmethod(read_lines_until(b"GO"))
    capabilities: ClassVar[dict[str, Level]] = {
        "strict": Unsupported("Acme enforces no schema"),
        "recursive_schema": Unsupported("Acme's schema has no references"),
        "reasoning": _NOT_SAID,
        "usage.cached": _NOT_SAID,
        "usage.reasoning": _NOT_SAID,
        "usage.total": _NOT_SAID,
        "response_id": _NOT_SAID,
        "served_model": _NOT_SAID,
        "partial_calls": _WHOLE_LINES,
        "argument_deltas": _WHOLE_LINES,
        "interleaved": _WHOLE_LINES,
        "call_index": Unsupported("calls have no number"),
        "json_reply": Unsupported("a reply is lines of words"),
        "unknown_events": Unsupported("Acme says in advance what it will say"),
        "model_required": Unsupported("the service has a model of its own"),
    }
    errors: ClassVar = {
        **dict.fromkeys(("auth", "rate_limit", "not_found", "server_error", "error_in_reply"), AcmeError),
        "connection": OSError,
        "timeout": TimeoutError,
    }

    def settings(self) -> dict[str, object]:
        return {"host": "127.0.0.1", "port": int(self.server.url.rpartition(":")[2]), "token": SECRET}

    def time_out(self, seconds: float) -> dict[str, object]:
        return {"timeout": seconds}

    def sdk_client(self, *, asynchronous: bool) -> AcmeClient:
        return AcmeClient("127.0.0.1", int(self.server.url.rpartition(":")[2]), SECRET)

    async def close_sdk_client(self, client: AcmeClient) -> None:
        """It holds nothing."""

    # -- answers

    def whole(self, answer: Answer) -> bytes:
        return b"".join([piece for at, part in enumerate(answer.parts) for piece in self.piece(answer, part, at)]
                        + self.end(answer))  # fmt: skip

    def piece(self, answer: Answer, part: Part, index: int) -> list[bytes]:
        if isinstance(part, Call):
            return [_line("CALL", part.id or "", part.name, part.text)]
        return [_line("TEXT", part.text)]

    def end(self, answer: Answer) -> list[bytes]:
        usage = answer.usage
        lines = [_line("USAGE", str(usage.input_tokens), str(usage.output_tokens or 0))] if usage else []
        if answer.finish == "refused":
            return [*lines, _line("DONE", "refused", answer.refusal)]
        word = "stop" if answer.finish == "calls" else answer.finish
        return lines if answer.finish == "missing" else [*lines, _line("DONE", word)]

    def noise(self, noise: Noise) -> bytes:
        return b"PING\n"

    def fault(self, fault: Fault, streamed: bool) -> Reply:
        return self.reply(_line("ERROR", fault.kind, fault.words), streamed)

    # -- requests

    def is_streamed(self, request: Request) -> bool:
        return True  # to Acme each reply is one

    def read(self, request: Request) -> Told:
        messages: list[ToldMessage] = []
        tools: list[str] = []
        choice: str | None = None
        model: str | None = None
        lines = [decode_line(line) for line in request.body.splitlines()]
        for words in lines:
            match words:
                case ["MODEL", model]:
                    pass
                case ["TOOL", name, _, _]:
                    tools.append(name)
                case ["CHOICE", choice]:
                    pass
                case ["SAY", ("system" | "user" | "assistant") as role, text]:
                    messages.append(ToldMessage(role, text))
                case ["CALL", id, name, arguments]:
                    messages.append(ToldMessage("assistant", calls=[ToldCall(id, name, arguments)]))
                case ["RESULT", id, outcome, text]:
                    messages.append(ToldMessage("tool", text, call_id=id, is_error=outcome == "error"))
        text = "\n".join(" ".join(words) for words in lines)
        return Told(messages, tools, choice, model, text, request.body)


def _line(*words: str) -> bytes:
    return encode_line(*words).encode() + b"\n"
