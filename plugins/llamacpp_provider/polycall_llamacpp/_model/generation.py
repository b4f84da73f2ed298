"""One request to llama.cpp, in a form that can be stopped."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from polycall_llamacpp._model.errors import error_in_schema, error_of
from polycall_llamacpp._model.jobs import Job, Stopped
from polycall_llamacpp._model.server import LlamaServer

LlamaJson = dict[str, object]
"""A chunk or reply of llama.cpp, decoded: Chat Completions or Completions of OpenAI's API."""


def chat(llama: LlamaServer, body: Mapping[str, object], job: Job, emit: Callable[[LlamaJson], None]) -> None:
    """Generate a chat completion, chunk by chunk, on this thread.

    Always streamed: only a callback can stop llama.cpp. With progress reports it is called during long prompts, too.

    Raises:
        Stopped: The job's consumer has left.
        ConfigurationError: The prompt is longer than the context.
        SchemaError: llama.cpp rejects the grammar.
        ResponseError: llama.cpp returned any other error.
    """
    failures: list[BaseException] = []

    def take(chunk: LlamaJson) -> bool:
        # llama.cpp swallows an exception of the callback, and continues after some.
        try:
            if job.stopping:
                raise Stopped
            if "error" in chunk:
                raise error_of(chunk)
            if "prompt_progress" not in chunk:
                emit(chunk)
        except BaseException as error:  # noqa: BLE001  # raised below
            failures.append(error)
            return True
        return False

    request = {**body, "stream": True, "stream_options": {"include_usage": True}, "return_progress": True}
    try:
        llama.handle_chat_completions(request, take)
    except ValueError as error:
        raise error_in_schema(error) or error from error
    if failures:
        raise failures[0]


def complete(llama: LlamaServer, body: Mapping[str, object], job: Job) -> LlamaJson:
    """Generate a raw completion in one piece: for the many short steps of a strategy.

    Raises:
        Stopped: The job's consumer has left.
        PolycallError: The errors of `chat`.
    """
    if job.stopping:
        raise Stopped
    answer = llama.handle_completions(dict(body))
    if "error" in answer:
        raise error_of(answer)
    return answer
