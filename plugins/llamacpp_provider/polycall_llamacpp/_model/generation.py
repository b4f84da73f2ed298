"""One request to llama.cpp, in a form that can be stopped."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from polycall.plugin import JsonObject
from polycall_llamacpp._model.errors import error_in_schema, error_of
from polycall_llamacpp._model.jobs import Job, Stopped
from polycall_llamacpp._model.server import LlamaServer

CHAT: JsonObject = {"stream": True, "stream_options": {"include_usage": True}, "return_progress": True}
"""The part of each chat's body that `chat` relies on: only a callback can stop llama.cpp, and with progress reports it
is called during long prompts, too."""


def chat(llama: LlamaServer, body: Mapping[str, object], job: Job, emit: Callable[[JsonObject], None]) -> None:
    """Generate a chat completion, chunk by chunk, on this thread.

    Args:
        llama: The model.
        body: The request, with the members of `CHAT`.
        job: Its consumer.
        emit: Takes the chunks.

    Raises:
        Stopped: The job's consumer has left.
        ConfigurationError: The prompt is longer than the context, or an option has a wrong type.
        SchemaError: llama.cpp rejects the grammar.
        ResponseError: llama.cpp returned any other error.
    """
    failures: list[BaseException] = []

    def take(chunk: JsonObject) -> bool:
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

    try:
        llama.handle_chat_completions(body, take)
    except ValueError as error:
        raise error_in_schema(error) or error from error
    if failures:
        raise failures[0]


def complete(llama: LlamaServer, body: Mapping[str, object], job: Job) -> JsonObject:
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
