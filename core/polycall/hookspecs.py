"""The hook contract between polycall and its plugins, version 1. This file is the reference.

A *provider* plugin is any object, usually a module, whose functions named ``polycall_*`` are marked with
`polycall.plugin.hookimpl` and which states ``polycall_hook_api = 1``. A distribution offers it as an entry point of
the group ``polycall.providers``, with the provider's name as the entry's name. An *extension* plugin (group
``polycall.extensions``) implements or wraps the same hooks for every provider.

The life of one call, with the hooks in the order of their use::

    by name    polycall_settings_type -> polycall_create_client ┐
    by client  polycall_recognize_client ───────────────────────┴> polycall_bind_client        once per client

    polycall_render_tools                                                                       once per tool set
      -> polycall_send | polycall_send_async -> polycall_extract_reply                          each round, or
      -> polycall_open_stream | ..._async    -> polycall_create_decoder (feed, feed, finish)    streamed
      -> polycall_reply_received
      -> polycall_continue_conversation                                                         if calls are bad
    polycall_close_client | polycall_close_client_async

Rules for all hooks:

- An implementation takes any subset of the parameters, by name, without defaults and without ``*``. A misspelt
  hook, a foreign parameter or a missing required hook is refused when the plugin is registered.
- Each provider has hooks of its own: an implementation is called for its own provider only, a wrapper or an
  implementation of an extension for every provider.
- All hooks but `polycall_reply_received` stop at the first result that is not ``None``; an empty result is an
  answer. For a provider's own hook, ``None`` means "not mine" or "no" only where that is said below; elsewhere it is
  a `PluginError`. An extension's implementation returns ``None`` to leave the call to the provider, or an answer to
  take its place (a cache, say); extensions come before the provider, in the order of their names.
- A wrapper (``hookimpl(wrapper=True)``) yields once, gets the result of what it wraps, and returns a result. Around
  an ``_async`` hook that result is an awaitable which has not begun: return another one that awaits it.
- Hooks may be called from several threads, and from several tasks of an event loop, at once.
- What an SDK raises passes through unwrapped. A reply that is not the protocol is a `polycall.ResponseError`, never
  a parser's own exception.
"""

from __future__ import annotations

from collections.abc import Awaitable, Mapping, Sequence
from typing import Any

import pluggy
from pydantic import BaseModel

from polycall._data.contract import (
    AsyncChunkStream,
    CallResult,
    ChunkStream,
    ClientTraits,
    Reply,
    Request,
    StreamDecoder,
    ToolSpec,
)

PROJECT_NAME = "polycall"
HOOK_API_VERSION = 1
"""The version of this contract. New optional hooks and parameters keep it; a changed meaning raises it."""

hookspec = pluggy.HookspecMarker(PROJECT_NAME)

# Clients, payloads, responses and chunks belong to the provider and are opaque to the core: `Any` in this file
# stands for exactly that, so that a plugin can write its own types there.


# -- clients ----------------------------------------------------------------------------------------------------------


@hookspec(firstresult=True)
def polycall_settings_type() -> type[BaseModel] | None:
    """Name the type of this provider's settings.

    Called when a client is created by name or from a config file, before `polycall_create_client`, and when
    settings are passed along with a client. Optional: without it the provider takes no settings.

    :returns: A pydantic model class; the field names are the settings' names, in Python and in config files. A field
        annotated ``SecretStr`` is a secret: a config file may only name the environment variable that holds it,
        with the key ``<field>_env``. Unknown keys are refused by the core, which names the nearest known one.

    Must not import the SDK. Since hook API 1.
    """


@hookspec(firstresult=True)
def polycall_create_client(settings: BaseModel | None, model: str | None, async_client: bool) -> Any:
    """Create the SDK's client from settings. **Required.**

    Called by `polycall.from_provider` and `polycall.from_config`. This is the place to import the SDK.

    :param settings: An instance of `polycall_settings_type`, ``None`` if that hook is not implemented.
    :param model: The model's name, if one was given.
    :param async_client: A `polycall.AsyncClient` is going to use it.
    :returns: The SDK's client. polycall closes it with `polycall_close_client` when the user closes the client.
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
    """Make what the other hooks get as ``client``.

    Called once when a `polycall.Client` is made, for created clients and for those handed in. The place for what is
    worth working out once: which API, which server profile, which fast path. Optional: without it the other hooks
    get the SDK's client itself.

    :param settings: As in `polycall_create_client`; for a client that was handed in, the keyword arguments of the
        convenience function.
    :param created: The client comes from `polycall_create_client`, so ``settings`` are those it was made of. Otherwise
        it was handed in, configured by its owner: settings that only a new client can use are a mistake.
    :returns: Any object that refers to the client.
    :raises ConfigurationError: The settings do not fit the client.

    Must not block. Since hook API 1.
    """


@hookspec(firstresult=True)
def polycall_close_client(client: Any) -> object:
    """Give back what the client holds: connections, memory.

    Called at most once, only for clients that polycall created. Optional. The result is not used.

    :param client: What `polycall_bind_client` returned.

    Since hook API 1.
    """


@hookspec(firstresult=True)
def polycall_close_client_async(client: Any) -> Awaitable[object] | None:
    """As `polycall_close_client`, for a `polycall.AsyncClient`.

    Optional; without it `polycall_close_client` is called. Since hook API 1.
    """


# -- schema rendering -------------------------------------------------------------------------------------------------


@hookspec(firstresult=True)
def polycall_render_tools(
    client: Any, tools: Sequence[ToolSpec], tool_choice: str, strict: bool | None, model: str | None
) -> Any:
    """Turn provider-neutral tools into the provider's own tool payload. **Required.**

    Called before anything is sent, and once for each combination of its arguments: the core keeps the result. One
    implementation serves sync, async and streamed requests, so it does no I/O.

    :param tools: One or more, in the order of ``response_model``, names unique.
    :param tool_choice: ``"auto"``, ``"required"`` or the name of one of ``tools``.
    :param strict: Whether the provider shall enforce the schema; ``None`` leaves it to the plugin.
    :returns: In any form: the core hands it to this provider's other hooks as ``request.tool_payload``.
    :raises SchemaError: A field has no form in this provider's schema, or ``strict=True`` cannot be had: for this
        field, or (with the tool's name as the path) at all. Never leave out a field, a tool, or a constraint that is
        told to the model nowhere else.

    Since hook API 1.
    """


# -- request sending --------------------------------------------------------------------------------------------------


@hookspec(firstresult=True)
def polycall_send(client: Any, request: Request) -> Any:
    """Send a request, wait for the whole reply. **Required.**

    Called once per round by `polycall.Client`.

    :returns: The reply in any form that `polycall_extract_reply` understands; raw bytes are welcome.
    :raises MessageError: A message that the protocol cannot carry; nothing was sent.
    :raises ConfigurationError: An option that cannot be passed, or no model; nothing was sent.
    :raises Exception: The SDK's own, unwrapped.

    Blocks. Since hook API 1.
    """


@hookspec(firstresult=True)
def polycall_send_async(client: Any, request: Request) -> Awaitable[Any]:
    """As `polycall_send`, for `polycall.AsyncClient`: an ``async def``, or anything that returns an awaitable.

    Optional; without it `polycall_send` runs in a worker thread. Nothing may be sent before the result is awaited.
    Since hook API 1.
    """


@hookspec(firstresult=True)
def polycall_open_stream(client: Any, request: Request) -> ChunkStream[Any]:
    """Send a request and give the reply's chunks as they come.

    Called once per round for ``stream=True``. Optional; without it a stream yields its calls when the whole reply
    is there.

    :returns: Chunks in any form that the decoder understands. ``close()`` is always called, also when the caller
        leaves half-way; it must close the connection even if no chunk was read yet (a generator that was never
        started does not run its ``finally``). What this hook itself opens before it raises, it closes.
    :raises Exception: The SDK's own, unwrapped, here or while iterating.

    Blocks until the reply begins. Since hook API 1.
    """


@hookspec(firstresult=True)
def polycall_open_stream_async(client: Any, request: Request) -> Awaitable[AsyncChunkStream[Any]]:
    """As `polycall_open_stream`, async: an ``async def`` that returns the open stream.

    Optional; without it a stream yields its calls when the whole reply is there. Since hook API 1.
    """


# -- response extraction ----------------------------------------------------------------------------------------------


@hookspec(firstresult=True)
def polycall_extract_reply(client: Any, request: Request, response: Any) -> Reply:
    """Turn the provider's response into tool calls, text, finish reason and usage. **Required.**

    Called once for each response of `polycall_send` or `polycall_send_async`. Does no I/O.

    :param response: What the sending hook returned.
    :returns: Every call the model made, in order; see `Reply`. Arguments stay as they came; the core parses and
        validates them.
    :raises ResponseError: The response is not the protocol. Broken arguments of one call are no such error.

    Since hook API 1.
    """


@hookspec(firstresult=True)
def polycall_create_decoder(client: Any, request: Request) -> StreamDecoder[Any]:
    """Make the decoder of one streamed reply.

    Called once per round after the stream is open. Required with `polycall_open_stream` or its async sibling. A
    wrapper may return a decoder around the decoder, and so sees a stream in provider-neutral form.

    Since hook API 1.
    """


@hookspec
def polycall_reply_received(request: Request, reply: Reply) -> None:
    """Take note of a reply, in provider-neutral form.

    Called after each round of every client, sync, async and streamed, before the calls are validated. For
    extensions: accounting, tracing. All implementations are called; results are not used. Must not block.

    Since hook API 1.
    """


# -- continuing the conversation --------------------------------------------------------------------------------------


@hookspec(firstresult=True)
def polycall_continue_conversation(
    client: Any, messages: Sequence[Any], reply: Reply, results: Sequence[CallResult], note: str | None
) -> list[Any]:
    """Append the model's turn and the answers to its calls. **Required.**

    Called to ask the model for corrections, and when a user continues with the results of the calls.

    :param messages: The conversation that led to ``reply``; do not change it.
    :param reply: ``reply.turn`` is echoed as it came: ids, signatures, reasoning.
    :param results: One for each of ``reply.tool_calls``, in the same order.
    :param note: What to tell the model after the results, as the user's next words; ``None`` if nothing. Given where
        no result can carry it: the reply had no calls, or left out a call that was to be corrected.
    :returns: A new list, which `Request.messages` of the next round will be. What is appended may be the provider's
        own objects; the core and the caller pass them through.

    Since hook API 1.
    """


REQUIRED_HOOKS = (
    "polycall_create_client",
    "polycall_render_tools",
    "polycall_send",
    "polycall_extract_reply",
    "polycall_continue_conversation",
)
"""What a provider must implement."""

DEPENDENT_HOOKS: Mapping[str, str] = {
    "polycall_open_stream": "polycall_create_decoder",
    "polycall_open_stream_async": "polycall_create_decoder",
}
"""A provider that implements the first must implement the second."""
