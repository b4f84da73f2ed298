"""An `Exchange` driven to its end over a provider's hooks, sync and async, and what extensions are told of it."""

from __future__ import annotations

from polycall._data.calls import Calls
from polycall._data.contract import Reply, Request
from polycall._engine.bound_hooks import BoundHooks
from polycall._engine.exchange import Exchange


def run(exchange: Exchange, hooks: BoundHooks) -> Calls[object]:
    """Send requests until the result stands.

    Raises:
        BaseException: Whatever ends the ``create()``, with the good calls so far on it.
    """
    try:
        begin(exchange, hooks)
        request = exchange.next_request()
        while request is not None:
            exchange.receive(_whole_round(request, hooks))
            request = exchange.next_request()
        calls = exchange.calls()
        end(exchange, hooks, calls)
    except BaseException as error:
        fail(exchange, hooks, error)
        raise
    return calls


async def run_async(exchange: Exchange, hooks: BoundHooks) -> Calls[object]:
    """Async version of `run`."""
    try:
        begin(exchange, hooks)
        request = exchange.next_request()
        while request is not None:
            exchange.receive(await _whole_round_async(request, hooks))
            request = exchange.next_request()
        calls = exchange.calls()
        end(exchange, hooks, calls)
    except BaseException as error:
        fail(exchange, hooks, error)
        raise
    return calls


def begin(exchange: Exchange, hooks: BoundHooks) -> None:
    """Tell the extensions that a ``create()`` begins."""
    if hooks.create_began is not None:
        hooks.create_began(request=exchange.request)


def end(exchange: Exchange, hooks: BoundHooks, calls: Calls[object]) -> None:
    """Tell the extensions that a ``create()`` has its result."""
    if hooks.create_ended is not None:
        exchange.told_end = True
        hooks.create_ended(request=exchange.request, calls=calls, error=None)


def fail(exchange: Exchange, hooks: BoundHooks, error: BaseException) -> None:
    """Put the good calls on the exception that ends a ``create()``, and tell the extensions."""
    calls = exchange.attach_calls(error)
    if hooks.create_ended is not None and not exchange.told_end:
        exchange.told_end = True
        hooks.create_ended(error, request=exchange.request, calls=calls, error=error)


def _whole_round(request: Request, hooks: BoundHooks) -> Reply:
    try:
        reply = hooks.send(request, hooks.render(request))
    except BaseException as error:
        hooks.round_failed(request, error)
        raise
    hooks.round_ended(request, reply)
    return reply


async def _whole_round_async(request: Request, hooks: BoundHooks) -> Reply:
    try:
        reply = await hooks.send_async(request, hooks.render(request))
    except BaseException as error:
        hooks.round_failed(request, error)
        raise
    hooks.round_ended(request, reply)
    return reply
