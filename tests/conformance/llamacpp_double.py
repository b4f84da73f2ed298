"""The double of the llama.cpp provider, in this process: everything but the model is real.

It stands in the place of xllamacpp's server, with a model whose template knows tools: chunks of a chat completion come
by a callback, as from llama.cpp.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

from conformance.openai_doubles import ChatDouble, told_by_chat

import polycall
from polycall.testing.conformance import Answer, Break, Level, Told, Unsupported, Weakened, WireDouble
from polycall.testing.wire import Gate

_IN_PROCESS = Unsupported("the model is in this process")
_NOT_SAID = Unsupported("llama.cpp does not say it")
_POLL_S = 0.002

JsonObject = dict[str, Any]


class LlamaDouble(WireDouble):
    """A model that answers by a script."""

    provider = "llamacpp"
    model = "smollm2"
    sdk = ("xllamacpp",)
    capabilities: ClassVar[Mapping[str, Level]] = {
        **dict.fromkeys(
            ("network", "json_reply", "error_status", "error_in_reply", "keep_alives", "unknown_events"), _IN_PROCESS
        ),
        **dict.fromkeys(("timeout", "reply_limit", "secret", "end_mark", "final_event", "call_index"), _IN_PROCESS),
        "model_required": Unsupported("a server that was handed in has one model"),
        "call_end": Unsupported("arguments that end are told from others by what comes next"),
        "interleaved": Unsupported("llama.cpp writes one call after another"),
        "strict.off": Unsupported("llama.cpp's grammar holds the schema in any case"),
        "tool_choice.name": Weakened("the tool is offered alone"),
        **dict.fromkeys(("refusal", "usage.reasoning"), _NOT_SAID),
        "unknown_finish_reason": Unsupported("the words of llama.cpp are known"),
    }

    def start(self) -> None:
        self._chat = ChatDouble()
        self._told: list[Told] = []
        self._left: list[threading.Event] = []
        self._lock = threading.Lock()
        self.server = _server_class()(self)

    def settings(self) -> dict[str, object]:
        return {"strategy": "native", "parallel": 4}

    def client(self, **settings: object) -> polycall.Client:
        given: Any = {**self.settings(), **settings}
        made: polycall.Client = polycall.from_client(self.server, async_client=False, **given)
        return made

    def async_client(self, **settings: object) -> polycall.AsyncClient:
        given: Any = {**self.settings(), **settings}
        made: polycall.AsyncClient = polycall.from_client(self.server, async_client=True, **given)
        return made

    def client_without_model(self) -> polycall.Client:
        return self.client()

    def sdk_client(self, *, asynchronous: bool) -> Any:
        return self.server

    def sdk_client_settings(self) -> dict[str, object]:
        return self.settings()

    async def close_sdk_client(self, client: Any) -> None:
        """It is the double's."""

    @property
    def told(self) -> Sequence[Told]:
        return list(self._told)

    def forget(self) -> None:
        self.queue.clear()
        self.handler = None
        self._told.clear()
        self._left.clear()

    def client_left(self, request: int, timeout_s: float = 5.0) -> bool:
        return self._left[request].wait(timeout_s)

    # -- what llama.cpp does

    def generate(self, body: Mapping[str, object], callback: Callable[[JsonObject], bool]) -> None:
        left = threading.Event()
        told = told_by_chat(dict(body))
        with self._lock:
            self._told.append(told)
            self._left.append(left)
            scripted = self.next_scripted(lambda: told)
        assert isinstance(scripted, Answer), scripted
        for step in self._chat.steps(scripted.but(cut=None)):
            if isinstance(step, Break):
                return
            if isinstance(step, Gate):
                step.reached.set()
                while not step.is_open:
                    if callback({"prompt_progress": {}}):
                        left.set()
                        return
                    time.sleep(_POLL_S)
            elif isinstance(step, bytes) and (data := step.partition(b"data: ")[2].strip()) != b"[DONE]":
                for event in data.split(b"\n\ndata: "):
                    if event != b"[DONE]" and callback(json.loads(event)):
                        left.set()
                        return


def _server_class() -> type[Any]:
    """A class with the name of xllamacpp's, by which the plugin knows it."""

    class Server:
        listening_address = "http://127.0.0.1:9"

        def __init__(self, double: LlamaDouble) -> None:
            self.handle_chat_completions = double.generate

        def handle_completions(self, body: Mapping[str, object]) -> dict[str, object]:
            return {"error": {"message": "not scripted"}}

    Server.__module__, Server.__qualname__ = "xllamacpp.xllamacpp", "Server"
    return Server
