"""The wire doubles of the OpenAI provider: Chat Completions and the Responses API, over the SDK and real sockets."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import openai

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
    Text,
    Told,
    ToldCall,
    ToldMessage,
    Unsupported,
)
from polycall.testing.wire import Reply, Request, reply_json, reply_stream
from support.openai_replies import chunk, completion, error_body, sse, tool_call
from support.openai_responses import function_call, item_events, message, response, typed_sse

JsonObject = dict[str, Any]

_STATUSES = {"auth": 401, "rate_limit": 429, "not_found": 404, "server_error": 500}
_TOO_LATE = Unsupported("arguments that end are told from others by what comes next")


class OpenAIDouble(HttpDouble):
    """What the two APIs have in common."""

    provider = "openai"
    model = "gpt-4o-mini"
    sdk = ("openai",)
    errors: ClassVar = {
        "auth": openai.AuthenticationError,
        "rate_limit": openai.RateLimitError,
        "not_found": openai.NotFoundError,
        "server_error": openai.InternalServerError,
        "error_in_reply": openai.APIError,
        "connection": openai.APIConnectionError,
        "timeout": openai.APITimeoutError,
    }

    def settings(self) -> dict[str, object]:
        return {"base_url": self.server.url, "api_key": SECRET, "max_retries": 0}

    def time_out(self, seconds: float) -> dict[str, object]:
        return {"timeout": seconds}

    def sdk_client(self, *, asynchronous: bool) -> Any:
        make = openai.AsyncOpenAI if asynchronous else openai.OpenAI
        return make(base_url=self.server.url, api_key=SECRET, max_retries=0)

    async def close_sdk_client(self, client: Any) -> None:
        if isinstance(client, openai.AsyncOpenAI):
            await client.close()
        else:
            client.close()

    def is_streamed(self, request: Request) -> bool:
        return bool(request.json.get("stream"))

    def fault(self, fault: Fault, streamed: bool) -> Reply:
        body = error_body(fault.words, type=fault.kind)
        if fault.kind != "error_in_reply":
            headers = {"retry-after": "7"} if fault.kind == "rate_limit" else {}
            return reply_json(body, status=_STATUSES[fault.kind], headers=headers)
        return reply_stream(sse([body], done=False)) if streamed else reply_json(body)


class ChatDouble(OpenAIDouble):
    """Chat Completions."""

    capabilities: ClassVar[Mapping[str, Level]] = {"call_end": _TOO_LATE}
    reserved_options = ("tools", "functions")

    def whole(self, answer: Answer) -> bytes:
        calls = [tool_call(call.name, call.text, call.id or "") for call in answer.calls]
        for made, call in zip(calls, answer.calls, strict=True):
            if call.id is None:
                del made["id"]
        body = completion(
            text=answer.text, finish_reason=_finish(answer), usage=_usage(answer.usage), model=answer.model,
            id=answer.response_id, refusal=answer.refusal or None,
        )  # fmt: skip
        said = body["choices"][0]["message"]
        if calls:
            said["tool_calls"] = calls
        if answer.reasoning is not None:
            said["reasoning_content"] = answer.reasoning
        if answer.usage is None:
            del body["usage"]
        if answer.extra_fields:
            body["kiln"], said["kiln"] = {"level": [1]}, 7
        return json.dumps(body).encode()

    def begin(self, answer: Answer) -> list[bytes]:
        return self._deltas(answer, {"role": "assistant", "content": None})

    def piece(self, answer: Answer, part: Part, index: int) -> list[bytes]:
        if not isinstance(part, Call):
            field = "content" if isinstance(part, Text) else "reasoning_content"
            size = answer.fragment
            pieces = [part.text[at : at + size] for at in range(0, len(part.text), size)]
            return self._deltas(answer, *({field: one} for one in pieces))
        number = {"right": index, "zero": 0, "missing": None, "gaps": 2 * index + 1}[answer.index]
        place = {} if number is None else {"index": number}
        id = {} if part.id is None else {"id": part.id}
        first = {**place, **id, "type": "function", "function": {"name": part.name, "arguments": ""}}
        rest = [{**place, "function": {"arguments": one}} for one in part.pieces(answer.fragment)]
        return self._deltas(answer, *({"tool_calls": [one]} for one in [first, *rest]))

    def end(self, answer: Answer) -> list[bytes]:
        if answer.finish == "missing":
            return []
        delta = {"refusal": answer.refusal} if answer.refusal else {}
        last = [chunk(delta, finish_reason=_finish(answer), model=answer.model, id=answer.response_id)]
        if usage := _usage(answer.usage):
            last.append({**chunk({}, model=answer.model, id=answer.response_id), "choices": [], "usage": usage})
        return sse(last)

    def noise(self, noise: Noise) -> bytes:
        if noise.kind == "alive":
            return b": keep-alive\n\n"
        return sse([{**chunk({}), "choices": [], "kiln": {"level": 1}}], done=False)[0]

    def _deltas(self, answer: Answer, *deltas: JsonObject) -> list[bytes]:
        extra = {"kiln": 7} if answer.extra_fields else {}
        made = [{**chunk({**one, **extra}, model=answer.model, id=answer.response_id), **extra} for one in deltas]
        return sse(made, done=False)

    def read(self, request: Request) -> Told:
        return told_by_chat(request.json, json.dumps(request.headers).encode() + b"\r\n" + request.body)


class ResponsesDouble(OpenAIDouble):
    """The Responses API."""

    capabilities: ClassVar[Mapping[str, Level]] = {
        "unknown_finish_reason": Unsupported("why a response ends is one of a few words"),
    }
    reserved_options = ("input",)

    def sdk_client_settings(self) -> dict[str, object]:
        return {"api": "responses"}

    def settings(self) -> dict[str, object]:
        return {**super().settings(), "api": "responses"}

    def whole(self, answer: Answer) -> bytes:
        return json.dumps(self._response(answer)).encode()

    def _response(self, answer: Answer) -> JsonObject:
        items = [self._item(answer, part, at) for at, part in enumerate(answer.parts)]
        if answer.refusal:
            items.append(message(refusal=answer.refusal))
        return self._around(answer, items)

    def _around(self, answer: Answer, items: Sequence[JsonObject]) -> JsonObject:
        body = response(items, finish_reason=answer.finish, id=answer.response_id, usage=_responses_usage(answer.usage))
        return {**body, "model": answer.model, **({"kiln": [7]} if answer.extra_fields else {})}

    def _item(self, answer: Answer, part: Part, index: int) -> JsonObject:
        extra = {"kiln": 7} if answer.extra_fields else {}
        if isinstance(part, Call):
            status = "completed" if part.whole else "incomplete"
            made = function_call(part.name, part.text, part.id or "", status=status, id=f"fc_{index}{part.id}")
            if part.id is None:
                del made["call_id"]
            return {**made, **extra}
        if isinstance(part, Text):
            return {**message(part.text), "id": f"msg_{index}", **extra}
        summary = [{"type": "summary_text", "text": part.text}]
        return {"id": f"rs_{index}", "type": "reasoning", "summary": summary, **extra}

    def begin(self, answer: Answer) -> list[bytes]:
        begun = {**self._around(answer, []), "status": "in_progress", "usage": None, "incomplete_details": None}
        return typed_sse([{"type": f"response.{kind}", "response": begun} for kind in ("created", "in_progress")])

    def piece(self, answer: Answer, part: Part, index: int) -> list[bytes]:
        at = next(at for at, one in enumerate(answer.parts) if one is part)
        events = list(item_events(self._item(answer, part, at), at, answer.fragment))
        if isinstance(part, Call) and not part.whole:
            events = events[:-2]
        return typed_sse(events)

    def end(self, answer: Answer) -> list[bytes]:
        if answer.finish == "missing":
            return []
        whole = self._response(answer)
        return typed_sse([{"type": f"response.{whole['status']}", "response": whole}])

    def noise(self, noise: Noise) -> bytes:
        return b": keep-alive\n\n" if noise.kind == "alive" else typed_sse([{"type": "response.kiln", "level": 1}])[0]

    def read(self, request: Request) -> Told:
        body = request.json
        messages: list[ToldMessage] = []
        for item in body["input"]:
            match item.get("type", "message"):
                case "message":
                    role: Any = "system" if item["role"] == "developer" else item["role"]
                    messages.append(ToldMessage(role, _text(item["content"])))
                case "function_call":
                    call = ToldCall(item["call_id"], item["name"], item["arguments"])
                    messages.append(ToldMessage("assistant", calls=[call]))
                case "function_call_output":
                    messages.append(ToldMessage("tool", _text(item["output"]), call_id=item["call_id"]))
        choice = body.get("tool_choice")
        return _told(request, messages, [one["name"] for one in body["tools"]],
                     choice["name"] if isinstance(choice, dict) else choice)  # fmt: skip


def told_by_chat(body: JsonObject, raw: bytes = b"") -> Told:
    """What the body of a chat completion tells the model."""
    messages = [_told_message(one) for one in body["messages"]]
    choice = body.get("tool_choice", "auto")
    name = choice["function"]["name"] if isinstance(choice, dict) else choice
    tools = [one["function"]["name"] for one in body["tools"]]
    return Told(messages, tools, name, body.get("model"), json.dumps(body, ensure_ascii=False), raw)


def _told(request: Request, messages: list[ToldMessage], tools: list[str], choice: str | None) -> Told:
    text = json.dumps(request.json, ensure_ascii=False)
    raw = json.dumps(request.headers).encode() + b"\r\n" + request.body
    return Told(messages, tools, choice, request.json.get("model"), text, raw)


def _told_message(one: JsonObject) -> ToldMessage:
    if one["role"] == "tool":
        return ToldMessage("tool", _text(one["content"]), call_id=one["tool_call_id"])
    calls = [
        ToldCall(call["id"], call["function"]["name"], call["function"]["arguments"])
        for call in one.get("tool_calls") or ()
    ]
    return ToldMessage(one["role"], _text(one.get("content")), calls)


def _text(content: Any) -> str:
    if isinstance(content, str):
        return content
    return "".join(part["text"] for part in content or ())


def _finish(answer: Answer) -> str | None:
    words = {"calls": "tool_calls", "refused": "stop", "odd": "kiln_cold", "missing": None}
    return words.get(answer.finish, answer.finish)


def _usage(usage: Usage | None) -> JsonObject | None:
    if usage is None:
        return None
    cached, reasoning = usage.cached_input_tokens, usage.reasoning_tokens
    return {
        "prompt_tokens": usage.input_tokens,
        "completion_tokens": usage.output_tokens,
        **({} if usage.total_tokens is None else {"total_tokens": usage.total_tokens}),
        **({} if cached is None else {"prompt_tokens_details": {"cached_tokens": cached}}),
        **({} if reasoning is None else {"completion_tokens_details": {"reasoning_tokens": reasoning}}),
    }


def _responses_usage(usage: Usage | None) -> JsonObject | None:
    if usage is None:
        return None
    cached, reasoning = usage.cached_input_tokens, usage.reasoning_tokens
    return {
        "input_tokens": usage.input_tokens,
        "output_tokens": usage.output_tokens,
        **({} if usage.total_tokens is None else {"total_tokens": usage.total_tokens}),
        **({} if cached is None else {"input_tokens_details": {"cached_tokens": cached}}),
        **({} if reasoning is None else {"output_tokens_details": {"reasoning_tokens": reasoning}}),
    }
