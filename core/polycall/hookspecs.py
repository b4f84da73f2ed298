"""The hook contract between polycall and its plugins, version 1. This file is the reference.

A *provider* plugin is any object, usually a module, whose functions named ``polycall_*`` are marked with
`polycall.plugin.hookimpl` and which states ``polycall_hook_api = 1``. A distribution offers it as an entry point of
the group ``polycall.providers``, with the provider's name as the entry's name, and depends on a range of polycall
versions (``polycall>=0.1,<0.2``); the hook API's version is what the range keeps. Further names that the provider goes
by, those of servers that it reaches, are entry points of the group ``polycall.servers``: the entry's name is the
server's, its value the same module as the provider's. Whoever selects ``"north/model"`` gets the provider's client
with the setting ``server="north"``, a field that `polycall_settings_type` must have. A provider of that name, of
whatever distribution, takes precedence. An *extension* plugin (group
``polycall.extensions``) observes, implements or wraps the same hooks for every provider.

The life of one call, with the hooks in the order of their use; ``*`` marks those that observe::

    by name    polycall_settings_type -> polycall_create_client ┐
    by client  polycall_recognize_client ───────────────────────┴> polycall_bind_client -> polycall_describe_session
                                                                                              once per client
    * polycall_create_began                                                                   once per create()
    ┌ * polycall_before_request                                                               each round
    │   polycall_render_tools                                                                 once per tool set
    │   polycall_render_request                                     render() ends here: polycall_describe_request
    │   polycall_send | ..._async        -> polycall_extract_reply                            whole, or
    │   polycall_open_stream | ..._async -> polycall_create_decoder (feed, feed, finish)      streamed
    │ * polycall_round_ended
    │ * polycall_calls_validated
    └── polycall_continue_conversation                                                        if calls are bad
    * polycall_create_ended
    polycall_close_client | polycall_close_client_async                                       once per client
    polycall_error_kind                                                                       by polycall.kind_of(error)

Rules for all hooks:

- An implementation takes any subset of the parameters, by name, without defaults and without ``*``. A misspelt
  hook, a foreign parameter or a missing required hook is refused when the plugin is registered.
- ``client`` is the SDK's object, ``session`` what `polycall_bind_client` made of it for one `polycall.Client`.
- Each provider has hooks of its own: an implementation is called for its own provider only, a wrapper or an
  implementation of an extension for every provider. Extensions come before the provider, in the order of their names.
- Hooks that observe are all called, in that order, and their results are not used. What one raises stops the call,
  except where the call is ending with an error already: that error is kept, and the other one is logged. They are meant
  for extensions, must not block, and are called in the task or thread that runs the round. The end of a round or of a
  ``create()`` is told to all, also to an extension that did not see its beginning because an earlier one raised there.
- All other hooks stop at the first result that is not ``None``; an empty result is an answer. For a provider's own
  hook, ``None`` means "not mine" or "no" only where that is said below; elsewhere it is a `PluginError`. An extension's
  implementation returns ``None`` to leave the call to the provider, or an answer to take its place (a cache, say).
- A wrapper (``hookimpl(wrapper=True)``) yields once, gets the result of what it wraps, and returns a result. Around
  an ``_async`` hook that result is an awaitable which has not begun: return another one that awaits it.
- Results are checked: one of another type, equal ids, a completed call that is missing at the end, are a `PluginError`
  that names plugin and hook.
- Hooks may be called from several threads, and from several tasks of an event loop, at once.
- What an SDK raises passes through unwrapped. A reply that is not the protocol is a `polycall.ResponseError`, never
  a parser's own exception; so is an error inside a reply of status 200, whole and streamed alike, unless the SDK
  documents an exception of its own for exactly that. Another exception gets a note that names hook and plugin.
"""

from __future__ import annotations

from collections.abc import Awaitable, Iterable, Mapping, Sequence
from typing import Any

import pluggy
from pydantic import BaseModel

from polycall._data.calls import Calls
from polycall._data.contract import (
    AsyncChunkStream,
    BatchRequest,
    BatchResult,
    BatchStatus,
    CallResult,
    ChunkStream,
    ClientTraits,
    RenderedRequest,
    Reply,
    Request,
    SessionTraits,
    StreamDecoder,
    ToolSpec,
)
from polycall._data.types import Adaptation, CallFailure, ErrorKind, ToolCall
from polycall._data.wording import Wording

PROJECT_NAME = "polycall"
HOOK_API_VERSION = 1
"""The version of this contract. New optional hooks and parameters keep it; a changed meaning raises it."""

hookspec = pluggy.HookspecMarker(PROJECT_NAME)

# Clients, sessions, payloads, bodies, responses and chunks belong to the provider and are opaque to the core: `Any` in
# this file stands for exactly that, so that a plugin can write its own types there.


# -- clients ----------------------------------------------------------------------------------------------------------


@hookspec(firstresult=True)
def polycall_settings_type() -> type[BaseModel] | None:
    """Name the type of this provider's settings.

    Called when a client is created by name or from a config file, before `polycall_create_client`, and when
    settings are passed along with a client. Optional: without it the provider takes no settings.

    :returns: A pydantic model class; the field names are the settings' names, in Python and in config files. A field
        annotated ``SecretStr``, or ``dict[str, SecretStr]``, holds secrets: a config file may only name the environment
        variables that hold them, with the key ``<field>_env``. A field marked ``Annotated[..., NEW_CLIENT_ONLY]`` is
        refused for a client that was handed in, one marked ``IN_CODE_ONLY`` in a file; ``ReadFrom`` tells the variables
        that the SDK reads, ``OtherNames`` names for hints. Unknown keys are refused, too; the core names the nearest
        known one. ``provider``, ``model``, ``options`` and ``max_corrections`` are polycall's own keys, which no field
        may have. Any other field can be read from a variable, too, with the key ``<field>_env``.

    Must not import the SDK. Since hook API 1.
    """


@hookspec(firstresult=True)
def polycall_create_client(settings: BaseModel | None, model: str | None, async_client: bool) -> Any:
    """Create the SDK's client from settings. **Required.**

    Called by `polycall.from_provider` and `polycall.from_config`. This is the place to import the SDK.

    :param settings: An instance of `polycall_settings_type`, ``None`` if that hook is not implemented.
    :param model: The model's name, if one was given.
    :param async_client: True if the client will serve a `polycall.AsyncClient`.
    :returns: The SDK's client. `polycall_close_client` is called when the user closes the client.
    :raises PluginError: The SDK is missing or too old: say which command installs it.
    :raises ConfigurationError: The settings do not fit together.

    May block (to load a model, say). Since hook API 1.
    """


@hookspec(firstresult=True)
def polycall_recognize_client(client: Any) -> ClientTraits | None:
    """Say whether an object is a client of this provider's SDK.

    Called by ``polycall.from_client`` and its relatives, with any object at all. Optional: without it, clients of
    this provider can only be created by name.

    :returns: What the object can do, or ``None`` if it is not this provider's.

    Must not import the SDK: whoever made the object has done so; look at the names of its classes (see
    `polycall.plugin.is_instance_of`). Must not raise. Since hook API 1.
    """


@hookspec(firstresult=True)
def polycall_bind_client(
    client: Any, settings: BaseModel | None, model: str | None, async_client: bool, created: bool
) -> Any:
    """Make the session that the other hooks get.

    Called once when a `polycall.Client` is made, for created clients and for those handed in. The place for what is
    worth working out once: which API, which server profile, which fast path. Optional: without it the session is the
    SDK's client itself.

    :param settings: As in `polycall_create_client`; for a client that was handed in, the keyword arguments of the
        convenience function.
    :param created: The client comes from `polycall_create_client`, so ``settings`` are those it was made of. Otherwise
        it was handed in, configured by its owner; settings marked `NEW_CLIENT_ONLY` have been refused.
    :returns: Any object that refers to the client. Threads and pools that it starts are released by
        `polycall_close_client`.
    :raises ConfigurationError: The settings do not fit the client.

    Must not block. Since hook API 1.
    """


@hookspec(firstresult=True)
def polycall_describe_session(session: Any) -> SessionTraits | None:
    """Say where a session sends to, and the service's name in telemetry.

    Called once when a `polycall.Client` is made; extensions see the result as ``request.session_traits``. Optional.

    Does no I/O. Since hook API 1.
    """


@hookspec(firstresult=True)
def polycall_close_client(session: Any, created: bool) -> object:
    """Release what a session holds: threads, pools and, if polycall created it, the SDK's client.

    Called at most once for each session, when the user closes the `polycall.Client`. Optional. The result is not used.

    :param created: As in `polycall_bind_client`. The SDK's client is closed only if polycall created it.

    May block. Since hook API 1.
    """


@hookspec(firstresult=True)
def polycall_close_client_async(session: Any, created: bool) -> Awaitable[object] | None:
    """Async version of `polycall_close_client`, for a `polycall.AsyncClient`.

    Optional; without it `polycall_close_client` is called in a thread. Since hook API 1.
    """


# -- schema rendering -------------------------------------------------------------------------------------------------


@hookspec(firstresult=True)
def polycall_render_tools(
    session: Any,
    tools: Sequence[ToolSpec],
    tool_choice: str,
    strict: bool | None,
    model: str | None,
    adaptations: list[Adaptation],
) -> Any:
    """Turn provider-neutral tools into the provider's own tool payload. **Required.**

    Called before anything is sent, and once for each combination of its arguments: the core keeps the result. One
    implementation serves sync, async and streamed requests, so it does no I/O.

    :param tools: One or more, in the order of ``response_model``, names unique.
    :param tool_choice: ``"auto"``, ``"required"`` or the name of one of ``tools``. Where the protocol has no forced
        choice, weaken it to the next one that it has (for a name: offer that tool alone) and record the adaptation. The
        core checks in any case which tool was called.
    :param strict: Whether the provider shall enforce the schema; ``None`` leaves it to the plugin.
    :param adaptations: Append to it each change that is made to the caller's request; kept with the result.
    :returns: In any form: the core hands it to this provider's other hooks as ``request.tool_payload``.
    :raises SchemaError: A field has no form in this provider's schema, or ``strict=True`` is not possible, for this
        field or (path = the tool's name) for this provider. Never drop a field, a tool, or a constraint unless the
        description states it.

    Since hook API 1.
    """


# -- request sending --------------------------------------------------------------------------------------------------


@hookspec(firstresult=True)
def polycall_render_request(session: Any, request: Request) -> Any:
    """Render the whole request, and send nothing. **Required.**

    Called once per round, before a sending hook gets the result as ``body``, and by ``client.render()``. One
    implementation serves sync, async and streamed requests.

    :param request: Changed by nobody any more. Append to ``request.adaptations`` each change that is made to the
        caller's request.
    :returns: The request's body. For a protocol with JSON bodies, JSON data (dicts, lists, text, numbers), exactly as
        sent; never an object that is shared with another request.
    :raises MessageError: A message that the protocol cannot carry.
    :raises ConfigurationError: An option that cannot be passed, or no model where one is needed.

    Pure: does no I/O. Since hook API 1.
    """


@hookspec(firstresult=True)
def polycall_describe_request(session: Any, request: Request, body: Any) -> RenderedRequest | None:
    """Describe a rendered request for ``client.render()``: method, URL, headers, and the body as plain data.

    Called after `polycall_render_request`. Optional: without it only the body is shown.

    :returns: `RenderedRequest`; headers and URL without secrets (`polycall.plugin.shown_headers`, ``shown_url``). The
        core adds the adaptations.

    Does no I/O. Since hook API 1.
    """


@hookspec(firstresult=True)
def polycall_send(session: Any, request: Request, body: Any) -> Any:
    """Send a request, wait for the whole reply. **Required.**

    Called once per round by `polycall.Client`; for a `polycall.AsyncClient` of a provider without
    `polycall_send_async`, in a thread of the core's own.

    :param request: For what does not belong to the body: a time-out, headers, whether it is streamed.
    :param body: The result of `polycall_render_request`.
    :returns: The reply in any form that `polycall_extract_reply` understands; raw bytes are welcome.
    :raises Exception: The SDK's own, unwrapped.

    Blocks. Since hook API 1.
    """


@hookspec(firstresult=True)
def polycall_send_async(session: Any, request: Request, body: Any) -> Awaitable[Any]:
    """Async version of `polycall_send`, for `polycall.AsyncClient`: an ``async def``, or one that returns an awaitable.

    Optional; without it `polycall_send` runs in a thread. Nothing may be sent before the result is awaited.
    Since hook API 1.
    """


@hookspec(firstresult=True)
def polycall_open_stream(session: Any, request: Request, body: Any) -> ChunkStream[Any]:
    """Send a request and yield the reply's chunks as they arrive.

    Called once per round for ``stream=True``; for a `polycall.AsyncClient` of a provider without
    `polycall_open_stream_async`, in a thread of the core's own, which also reads the chunks. Optional; without either
    hook a stream yields its calls when the whole reply is there.

    :returns: Chunks in any form that the decoder understands; see `polycall.plugin.ChunkStream`. ``close()`` is always
        called, also when the caller leaves half-way; it must close the connection even if no chunk was read yet (a
        generator that was never started does not run its ``finally``). ``drain()``, optional, is called before it where
        the decoder is ``done`` before the chunks are over. What this hook itself opens before it raises, it closes.
    :raises Exception: The SDK's own, unwrapped, here or while iterating.

    Blocks until the reply begins. Since hook API 1.
    """


@hookspec(firstresult=True)
def polycall_open_stream_async(session: Any, request: Request, body: Any) -> Awaitable[AsyncChunkStream[Any]]:
    """Async version of `polycall_open_stream`: an ``async def`` that returns the open stream.

    Optional; without it the chunks of `polycall_open_stream` are read in a thread. A task that is cancelled while the
    stream opens must leave no open stream behind. Since hook API 1.
    """


# -- response extraction ----------------------------------------------------------------------------------------------


@hookspec(firstresult=True)
def polycall_extract_reply(session: Any, request: Request, response: Any) -> Reply:
    """Turn the provider's response into tool calls, text, finish reason and usage.

    Called once for each response of `polycall_send` or `polycall_send_async`. Required unless the provider has
    `polycall_create_decoder`: without this hook the response is fed to a decoder, each of its items if it is a list or
    a tuple, else as one chunk (``request.stream`` tells the decoder that the reply is whole). Does no I/O.

    :param response: The result of the sending hook.
    :returns: Every call the model made, in order; see `Reply`. Arguments stay as received; the core parses and
        validates them.
    :raises ResponseError: The response is not the protocol. Broken arguments of one call are not such an error.

    Since hook API 1.
    """


@hookspec(firstresult=True)
def polycall_create_decoder(session: Any, request: Request) -> StreamDecoder[Any]:
    """Make the decoder of one reply.

    Called once per round after the stream is open, and for a whole reply where there is no `polycall_extract_reply`.
    Required with `polycall_open_stream` or its async sibling. A wrapper may return a decoder around the decoder, and so
    sees a stream in provider-neutral form.

    Since hook API 1.
    """


# -- continuing the conversation --------------------------------------------------------------------------------------


@hookspec(firstresult=True)
def polycall_continue_conversation(
    messages: Sequence[Any], reply: Reply, results: Sequence[CallResult], note: str | None
) -> list[Any] | None:
    """Append the model's turn and the answers to its calls, as JSON data.

    Called to ask the model for corrections, and when a user continues with the results of the calls: possibly in
    another process, without a session. Optional: the core's own does what is described here, and fits where
    `polycall_render_request` reads it.

    The messages are OpenAI-style (``role``, ``content``, ``tool_calls``, ``tool_call_id``), so that they can be stored,
    replayed and continued by another provider, with two keys of polycall's own: ``is_error: true`` on the result of a
    call that failed, and ``provider_data: {"<provider>": {...}}``, for what only one provider understands: the model's
    turn in its own form, with signatures and reasoning, which must be echoed as received. A provider ignores other
    providers' data.

    :param messages: The conversation that led to ``reply``; do not change it.
    :param reply: ``reply.turn`` is echoed as received: ids, signatures, reasoning.
    :param results: One for each of ``reply.tool_calls``, in the same order.
    :param note: Told to the model after the results, as the user's next words; ``None`` if there is none. Given where
        no result can carry it: the reply had no calls, or left out a call that was to be corrected.
    :returns: A new list, which `Request.messages` of the next round will be.

    Since hook API 1.
    """


# -- hooks that observe, for extensions -------------------------------------------------------------------------------


@hookspec
def polycall_create_began(request: Request) -> None:
    """Take note that a ``create()`` or a stream begins.

    Called once, before the first `polycall_before_request`.

    :param request: Of the first round. ``request.create_id`` and ``request.extension_data`` are the same in all rounds.

    Since hook API 1.
    """


@hookspec
def polycall_before_request(request: Request) -> None:
    """Change, or refuse, a request before it is rendered.

    Called before each request of every client, sync, async and streamed, for corrections and for ``client.render()``
    (``request.dry_run``) too: the one place for redaction, default options and budgets. Fields of ``request`` may be
    replaced, ``options`` changed; nothing is carried over to the next round, whose messages are made of the caller's.

    :raises Exception: Any: it reaches the caller, and nothing is sent.

    Since hook API 1.
    """


@hookspec
def polycall_round_ended(request: Request, reply: Reply | None, error: BaseException | None) -> None:
    """Take note of the end of a round, before its calls are validated.

    Called once for each `polycall_before_request`, but not for a dry run.

    :param reply: The reply in provider-neutral form; ``None`` if the round failed or was abandoned.
    :param error: Why there is no reply: the SDK's exception, a polycall error, or an `IncompleteOutputError` if the
        caller left the stream; ``None`` if there is one.

    Since hook API 1.
    """


@hookspec
def polycall_calls_validated(
    request: Request, calls: Sequence[ToolCall], failures: Sequence[CallFailure], correction: bool
) -> None:
    """Take note of which calls of a round are good, which failed and why.

    Called after each whole reply.

    :param calls: The good ones of this reply.
    :param failures: All calls that still fail after this round, those of earlier rounds too.
    :param correction: Another round follows, to correct them.

    Since hook API 1.
    """


@hookspec
def polycall_create_ended(request: Request, calls: Calls[Any], error: BaseException | None) -> None:
    """Take note that a ``create()`` or a stream has ended.

    Called once for each `polycall_create_began`, also if the caller left the stream.

    :param request: Of the last round.
    :param calls: The good calls of all rounds, with usage, finish reason and adaptations.
    :param error: The exception that reaches the caller, ``None`` if there is none.

    Since hook API 1.
    """


@hookspec(firstresult=True)
def polycall_wording() -> Wording | None:
    """Replace the words that the core tells the model about its calls.

    Called once when a `polycall.Client` is made. Optional. Since hook API 1.
    """


@hookspec(firstresult=True)
def polycall_error_kind(error: Exception) -> ErrorKind | None:
    """Say which kind an exception of this provider's SDK is of.

    Called by `polycall.kind_of`, for any exception at all, of other SDKs too, and in processes that have no client of
    this provider. Not called for polycall's own errors. Optional: without it only the errors of HTTP libraries are
    known, and those with an integer ``status_code``.

    :returns: ``"rate_limit"``, ``"auth"``, ``"timeout"``, ``"connection"``, ``"server"`` or ``"bad_request"``; ``None``
        if the exception is not the SDK's, or is of none of these kinds. The causes of an exception are asked for, too.

    Must not import the SDK (see `polycall.plugin.kind_by_class`, ``kind_of_status``). Must not raise. Since hook API 1.
    """


# -- the provider's own batch engine ----------------------------------------------------------------------------------


@hookspec(firstresult=True)
def polycall_submit_batch(session: Any, requests: Sequence[BatchRequest]) -> str:
    """Hand many requests to the provider's batch engine.

    Optional, like the other batch hooks, which come together.

    :returns: A ticket: text with which another process can ask for the batch, another day.
    :raises Exception: The SDK's own, unwrapped.

    Blocks. Since hook API 1.
    """


@hookspec(firstresult=True)
def polycall_check_batch(session: Any, ticket: str) -> BatchStatus:
    """Ask how far a batch is. Blocks. Since hook API 1."""


@hookspec(firstresult=True)
def polycall_collect_batch(session: Any, ticket: str) -> Iterable[BatchResult]:
    """Fetch the results of a batch that has ended, in any order; each response is for `polycall_extract_reply`.

    Blocks. Since hook API 1.
    """


@hookspec(firstresult=True)
def polycall_cancel_batch(session: Any, ticket: str) -> object:
    """Cancel a batch. The result is not used. Blocks. Since hook API 1."""


REQUIRED_HOOKS = (
    "polycall_create_client",
    "polycall_render_tools",
    "polycall_render_request",
    "polycall_send",
)
"""What a provider must implement."""

ALTERNATIVE_HOOKS = (("polycall_extract_reply", "polycall_create_decoder"),)
"""Of each of these a provider must implement at least one."""

DEPENDENT_HOOKS: Mapping[str, str] = {
    "polycall_open_stream": "polycall_create_decoder",
    "polycall_open_stream_async": "polycall_create_decoder",
    "polycall_submit_batch": "polycall_collect_batch",
    "polycall_collect_batch": "polycall_check_batch",
    "polycall_check_batch": "polycall_cancel_batch",
    "polycall_cancel_batch": "polycall_submit_batch",
}
"""A provider that implements the first must implement the second."""

OBSERVING_HOOKS = (
    "polycall_create_began",
    "polycall_before_request",
    "polycall_round_ended",
    "polycall_calls_validated",
    "polycall_create_ended",
)
"""Hooks of which every implementation is called."""
