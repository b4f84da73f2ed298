"""The wire double of the Vertex AI provider: Gemini through ``google.genai``, over the SDK and real sockets."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import httpx
from google import genai
from google.genai import errors as genai_errors
from google.oauth2.credentials import Credentials

from polycall import Usage
from polycall.testing.conformance import (
    SECRET,
    Answer,
    Call,
    Fault,
    HttpDouble,
    Level,
    Noise,
    Part,
    Reasoning,
    Told,
    ToldCall,
    ToldMessage,
    Unsupported,
)
from polycall.testing.wire import Reply, Request, reply_json, reply_stream

JsonObject = dict[str, Any]

_STATUSES = {"auth": 401, "rate_limit": 429, "not_found": 404, "server_error": 500}
_FINISH = {"stop": "STOP", "calls": "STOP", "length": "MAX_TOKENS", "refused": "SAFETY", "odd": "KILN_COLD"}
_WHOLE_PARTS = Unsupported("a call is one part of a reply, and its arguments are a structure")


class GenAIDouble(HttpDouble):
    """``generateContent`` and ``streamGenerateContent``."""

    provider = "vertex"
    model = "gemini-2.5-flash"
    sdk: ClassVar[Sequence[str]] = ("google.genai", "vertexai")
    capabilities: ClassVar[Mapping[str, Level]] = {
        "argument_text": _WHOLE_PARTS,
        "argument_deltas": _WHOLE_PARTS,
        "partial_calls": _WHOLE_PARTS,
        "interleaved": _WHOLE_PARTS,
        "call_index": _WHOLE_PARTS,
        "final_event": Unsupported("token counts may come after the finish reason"),
        "unknown_options": Unsupported("the SDK knows every option"),
    }
    errors: ClassVar = {
        **dict.fromkeys(("auth", "rate_limit", "not_found"), genai_errors.ClientError),
        "server_error": genai_errors.ServerError,
        "error_in_reply": genai_errors.APIError,
        "connection": httpx.HTTPError,
        "timeout": httpx.TimeoutException,
    }
    reserved_options = ("contents",)

    def settings(self) -> dict[str, object]:
        return {
            "project": "p",
            "location": "us-central1",
            "credentials": Credentials(SECRET),  # type: ignore[no-untyped-call]
            "base_url": self.server.url,
        }

    def time_out(self, seconds: float) -> dict[str, object]:
        return {"timeout": seconds}

    def sdk_client(self, *, asynchronous: bool) -> Any:
        return genai.Client(
            vertexai=True,
            project="p",
            location="us-central1",
            credentials=Credentials(SECRET),  # type: ignore[no-untyped-call]
            http_options={"base_url": self.server.url},
        )

    async def close_sdk_client(self, client: Any) -> None:
        await client.aio.aclose()
        client.close()

    # -- answers

    def whole(self, answer: Answer) -> bytes:
        parts = [self._part(answer, part) for part in answer.parts]
        return json.dumps(self._reply(answer, parts, ends=True)).encode()

    def _part(self, answer: Answer, part: Part) -> JsonObject:
        extra = {"kiln": 7} if answer.extra_fields else {}
        if isinstance(part, Call):
            id = {} if part.id is None else {"id": part.id}
            return {"functionCall": {**id, "name": part.name, "args": part.decoded(), **extra}, **extra}
        return {"text": part.text, **({"thought": True} if isinstance(part, Reasoning) else {}), **extra}

    def _reply(self, answer: Answer, parts: list[JsonObject], *, ends: bool) -> JsonObject:
        candidate: JsonObject = {"content": {"role": "model", "parts": parts}} if parts or not ends else {}
        if ends and answer.finish != "missing":
            candidate["finishReason"] = _FINISH[answer.finish]
            if answer.refusal:
                candidate["finishMessage"] = answer.refusal
        usage = {"usageMetadata": _usage(answer.usage)} if ends and answer.usage else {}
        named = {"responseId": answer.response_id, "modelVersion": answer.model}
        return {"candidates": [candidate], **usage, **named, **({"kiln": [7]} if answer.extra_fields else {})}

    def piece(self, answer: Answer, part: Part, index: int) -> list[bytes]:
        if isinstance(part, Call):
            return [_event(self._reply(answer, [self._part(answer, part)], ends=False))]
        size = answer.fragment
        pieces = [type(part)(part.text[at : at + size]) for at in range(0, len(part.text), size)]
        return [_event(self._reply(answer, [self._part(answer, one)], ends=False)) for one in pieces]

    def end(self, answer: Answer) -> list[bytes]:
        return [] if answer.finish == "missing" else [_event(self._reply(answer, [], ends=True))]

    def event(self, data: bytes) -> bytes:
        return b"data: %b\r\n\r\n" % data

    def noise(self, noise: Noise) -> bytes:
        return b": keep-alive\r\n\r\n" if noise.kind == "alive" else _event({"kiln": 7, "candidates": []})

    def fault(self, fault: Fault, streamed: bool) -> Reply:
        body = {"error": {"code": _STATUSES.get(fault.kind, 503), "message": fault.words, "status": "COLD"}}
        if fault.kind != "error_in_reply":
            headers = {"retry-after": "7"} if fault.kind == "rate_limit" else {}
            return reply_json(body, status=_STATUSES[fault.kind], headers=headers)
        return reply_stream([_event(body)]) if streamed else reply_json(body)

    # -- requests

    def is_streamed(self, request: Request) -> bool:
        return request.path.endswith(":streamGenerateContent")

    def read(self, request: Request) -> Told:
        body = request.json
        system = body.get("systemInstruction", {}).get("parts", [])
        messages = [ToldMessage("system", part["text"]) for part in system]
        for content in body["contents"]:
            messages += [_told_part(content["role"], part) for part in content["parts"]]
        tools = [one["name"] for tool in body["tools"] for one in tool.get("functionDeclarations", ())]
        config = body.get("toolConfig", {}).get("functionCallingConfig", {})
        names = config.get("allowedFunctionNames", [])
        choice = names[0] if names else {"AUTO": "auto", "ANY": "required"}.get(config.get("mode"))
        raw = json.dumps(request.headers).encode() + b"\r\n" + request.body
        model = request.path.rpartition("/")[2].partition(":")[0]
        return Told(messages, tools, choice, model, json.dumps(body, ensure_ascii=False), raw)


class GeminiDouble(GenAIDouble):
    """The Gemini Developer API: the same replies, at another address, with a key."""

    provider = "gemini"
    sdk: ClassVar[Sequence[str]] = ("google.genai",)

    def settings(self) -> dict[str, object]:
        return {"api_key": SECRET, "base_url": self.server.url}

    def sdk_client(self, *, asynchronous: bool) -> Any:
        return genai.Client(api_key=SECRET, http_options={"base_url": self.server.url})


def _told_part(role: str, part: JsonObject) -> ToldMessage:
    if (call := part.get("functionCall")) is not None:
        return ToldMessage("assistant", calls=[ToldCall(call.get("id"), call["name"], call.get("args", {}))])
    if (result := part.get("functionResponse")) is not None:
        [(key, value)] = result["response"].items()
        text = value if isinstance(value, str) else json.dumps(value)
        return ToldMessage("tool", text, call_id=result.get("id"), name=result["name"], is_error=key == "error")
    return ToldMessage("assistant" if role == "model" else "user", part.get("text", ""))


def _event(data: JsonObject) -> bytes:
    return b"data: %b\r\n\r\n" % json.dumps(data, ensure_ascii=False).encode(errors="backslashreplace")


def _usage(usage: Usage) -> JsonObject:
    thoughts = usage.reasoning_tokens
    counts = {
        "promptTokenCount": usage.input_tokens,
        "candidatesTokenCount": None if usage.output_tokens is None else usage.output_tokens - (thoughts or 0),
        "totalTokenCount": usage.total_tokens,
        "cachedContentTokenCount": usage.cached_input_tokens,
        "thoughtsTokenCount": thoughts,
    }
    return {name: count for name, count in counts.items() if count is not None}
