"""Recognizes clients of the openai SDK, and detects patched ones. Imports no SDK.

The SDK overwrites ``__module__`` of its public classes (``openai.OpenAI``, ``openai.lib.azure.AzureOpenAI``, ...),
but not of the two base classes that every client of it has.
"""

from __future__ import annotations

import sys
from typing import Any, Literal

from polycall.plugin import ClientTraits, is_instance_of, is_untouched
from polycall_openai._sdk.endpoint import Endpoint

_BASE_MODULE = "openai._base_client"
_ON_THE_WAY = ("post", "request", "_process_response")
_CREATE = ("create",)


def recognize(client: object) -> ClientTraits | None:
    """The traits of a client; ``None`` for any other object, the module ``openai`` included."""
    kind = _kind(client)
    if kind is None:
        return None
    return ClientTraits(sync=kind == "sync", asynchronous=kind == "async", model=deployment(client))


def deployment(client: Any) -> str | None:
    """The Azure deployment that the client's URL is bound to, if any: it stands for the model."""
    _, found, rest = str(getattr(client, "base_url", "")).partition("/deployments/")
    return rest.split("/", 1)[0] or None if found else None


def _kind(client: object) -> Literal["sync", "async"] | None:
    if is_instance_of(client, f"{_BASE_MODULE}.SyncAPIClient"):
        return "sync"
    return "async" if is_instance_of(client, f"{_BASE_MODULE}.AsyncAPIClient") else None


def is_patched(client: Any, endpoint: Endpoint) -> bool:
    """Whether any method on the way of a call is not the SDK's own: its wrapper must then see a normal call.

    Instrumentation libraries replace the resource's ``create`` on the class or the instance, or ``request`` or
    ``_process_response`` of the client. Asked for each call, because they may come late.
    """
    if not is_untouched(client, _ON_THE_WAY, "openai"):
        return True
    first, *rest = endpoint.resource
    if first not in client.__dict__ and endpoint.resource_module not in sys.modules and not _is_import_awaited():
        # Nobody can have patched a module that is not loaded; loading it costs 0.2 to 0.4 s with openai 2.x.
        return not is_untouched(client, (first,), "openai")
    resource = getattr(client, first)
    for name in rest:
        resource = getattr(resource, name)
    return not is_untouched(resource, _CREATE, "openai")


def _is_import_awaited() -> bool:
    """Whether somebody waits for modules to be imported, to patch them then: ``wrapt.when_imported`` and New Relic.

    Which modules is not asked: the two keep that in private places of their own.
    """
    for finder in sys.meta_path:  # noqa: SIM110 - any() with a generator would cost a function call for each
        if type(finder).__name__ == "ImportHookFinder":
            return True
    return False
