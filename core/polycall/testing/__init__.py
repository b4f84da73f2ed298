"""Doubles for applications, and a contract checker for plugins: ``pip install "polycall[testing]"``.

For applications, the provider is a script, and everything else is real::

    def test_two_cities_are_asked_for(scripted_provider):
        client = scripted_provider([Weather(location="Rome"), Weather(location="Oslo")]).client()

        assert forecast(client, "Rome and Oslo?") == "..."

        assert client.requests[0].messages[-1]["content"] == "Rome and Oslo?"

For the authors of plugins there is `polycall.testing.contract`.
"""

from __future__ import annotations

from importlib import import_module as _import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from polycall.testing._doubles.clients import AsyncScriptedClient as AsyncScriptedClient
    from polycall.testing._doubles.clients import ScriptedClient as ScriptedClient
    from polycall.testing._doubles.clients import ScriptedProvider as ScriptedProvider
    from polycall.testing._doubles.gates import Gate as Gate
    from polycall.testing._doubles.hand_made import make_calls as make_calls
    from polycall.testing._doubles.in_place import use_profile as use_profile
    from polycall.testing._doubles.in_place import use_scripted as use_scripted
    from polycall.testing._doubles.network import NetworkBlockedError as NetworkBlockedError
    from polycall.testing._doubles.network import block_network as block_network
    from polycall.testing._doubles.replies import call as call
    from polycall.testing._doubles.replies import cut_off as cut_off
    from polycall.testing._doubles.replies import made_up as made_up
    from polycall.testing._doubles.replies import refusal as refusal
    from polycall.testing._doubles.replies import reply as reply
    from polycall.testing._doubles.script import ScriptError as ScriptError
    from polycall.testing._doubles.script import SentRequest as SentRequest

# As in polycall itself: a module is imported when one of its names is first used, so that pytest, which loads this
# package's plugin in every session of everybody, does not pay for it.
_MODULES = {
    "clients": ("AsyncScriptedClient", "ScriptedClient", "ScriptedProvider"),
    "gates": ("Gate",),
    "hand_made": ("make_calls",),
    "in_place": ("use_profile", "use_scripted"),
    "network": ("NetworkBlockedError", "block_network"),
    "replies": ("call", "cut_off", "made_up", "refusal", "reply"),
    "script": ("ScriptError", "SentRequest"),
}
_MODULE_OF = {name: module for module, names in _MODULES.items() for name in names}

__all__ = [*_MODULE_OF]  # pyright: ignore[reportUnsupportedDunderAll]  # the table above is the one list of names


def __getattr__(name: str) -> object:
    module = _MODULE_OF.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(_import_module(f"{__name__}._doubles.{module}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
