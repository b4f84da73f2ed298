"""Group A: what holds before anything is called."""

from __future__ import annotations

import re

from polycall._plugins.checks import check_hooks
from polycall.hookspecs import ALTERNATIVE_HOOKS, DEPENDENT_HOOKS, HOOK_API_VERSION, REQUIRED_HOOKS
from polycall.testing._conformance.checks_table import ONCE, check
from polycall.testing._conformance.plugin_facts import PluginFacts, probe, without_sdk
from polycall.testing._conformance.trial import NothingToTest, Trial

HOOK = "the plugin's module"
METADATA = "the distribution's metadata"
IMPORT_S = 0.05
YARDSTICK_S = 0.02
"""What the yardstick takes where the limit was chosen; a machine that is slower, or busier, may take longer."""
SLOW_MACHINE = 3
"""A machine that is as many times slower than the one the limit was chosen for passes."""


def _facts(t: Trial) -> PluginFacts:
    return PluginFacts(t.double.provider)


def _installed(t: Trial) -> PluginFacts:
    facts = _facts(t)
    if facts.distribution is None:
        raise NothingToTest("the plugin is registered in code here, not installed")
    return facts


@check("A01 entry_point_found", hook=METADATA, ways=ONCE)
def entry_point_found(t: Trial) -> None:
    """The provider is listed from its distribution's metadata alone."""
    import polycall

    _installed(t)
    names = [one.name for one in polycall.providers()]
    t.equal(names.count(t.double.provider), 1, "how often polycall.providers() lists it")


@check("A02 listing_imports_nothing", hook=METADATA, ways=ONCE)
def listing_imports_nothing(t: Trial) -> None:
    """``polycall.providers()`` imports neither the plugin nor its SDK."""
    t.equal(t.remember("probe", lambda: probe(_facts(t), list(t.double.sdk)))["listed"], [], "what listing imports")


@check("A03 module_imports_no_sdk", hook=HOOK, ways=ONCE)
def module_imports_no_sdk(t: Trial) -> None:
    """Importing the plugin leaves its SDK out of ``sys.modules``: users of another provider must not pay for it."""
    t.equal(t.remember("probe", lambda: probe(_facts(t), list(t.double.sdk)))["imported"], [], "what it imports")


@check("A04 import_is_light", hook=HOOK, ways=ONCE)
def import_is_light(t: Trial) -> None:
    """Importing the plugin takes at most 50 ms of CPU beyond polycall (150 ms on a slow machine)."""
    found = t.remember("probe", lambda: probe(_facts(t), list(t.double.sdk)))
    slower = max(1.0, found["yardstick"] / YARDSTICK_S)
    seconds = found["seconds"] / slower
    t.true(seconds <= IMPORT_S * SLOW_MACHINE, f"{seconds * 1000:.0f} ms", f"at most {IMPORT_S * 1000:.0f} ms")


@check("A05 hook_api_stated", hook=HOOK, ways=ONCE)
def hook_api_stated(t: Trial) -> None:
    """``polycall_hook_api`` is the version that this core takes."""
    t.equal(getattr(_facts(t).plugin, "polycall_hook_api", None), HOOK_API_VERSION, "polycall_hook_api")


@check("A06 required_hooks_present", hook=HOOK, ways=ONCE)
def required_hooks_present(t: Trial) -> None:
    """The required hooks are there, by name."""
    provider = _facts(t).provider
    t.equal([name for name in REQUIRED_HOOKS if not provider.has_own(name)], [], "the hooks that are missing")
    for alternatives in ALTERNATIVE_HOOKS:
        t.true(any(map(provider.has_own, alternatives)), "none of them", " or ".join(alternatives))


@check("A07 no_unknown_hooks", hook=HOOK, ways=ONCE)
def no_unknown_hooks(t: Trial) -> None:
    """Every function whose name begins with ``polycall_`` is a hook, and none is misspelt."""
    facts = _facts(t)
    check_hooks(facts.plugin, facts.name, None, is_provider=True)
    known = set(vars(facts.provider.hooks))
    odd = [name for name in dir(facts.plugin) if re.match("_?polycal+_", name) and name.lstrip("_") not in known]
    t.equal([name for name in odd if name != "polycall_hook_api"], [], "names that are not hooks")


@check("A08 hook_parameters_valid", hook=HOOK, ways=ONCE)
def hook_parameters_valid(t: Trial) -> None:
    """Each hook takes a subset of the contract's parameters, without defaults and without ``*``."""
    facts = _facts(t)
    check_hooks(facts.plugin, facts.name, None, is_provider=True)


@check("A09 dependent_hooks_together", hook=HOOK, ways=ONCE)
def dependent_hooks_together(t: Trial) -> None:
    """A stream hook comes with a decoder; batch hooks come together."""
    provider = _facts(t).provider
    alone = [one for one, other in DEPENDENT_HOOKS.items() if provider.has_own(one) and not provider.has_own(other)]
    t.equal(alone, [], "hooks without the one that they need")


@check("A10 missing_sdk_named", hook="polycall_create_client", ways=ONCE)
def missing_sdk_named(t: Trial) -> None:
    """Without the SDK a client by name is a `PluginError` with the command that installs it."""
    if not t.double.sdk:
        raise NothingToTest("the plugin has no SDK")
    kind, message = without_sdk(_facts(t), list(t.double.sdk), t.double.model, t.double.settings())
    t.equal(kind, "PluginError", "the error")
    t.true("pip install" in message, message, "the command that installs the SDK")


@check("A11 typed_distribution", hook=METADATA, ways=ONCE)
def typed_distribution(t: Trial) -> None:
    """``py.typed`` is shipped, so that type checkers read the plugin's types."""
    files = [path for path, _ in _facts(t).sources()]
    t.true((files[0].parent / "py.typed").exists(), f"no py.typed beside {files[0].name}", "an empty file py.typed")


@check("A12 dependency_bounds", hook=METADATA, ways=ONCE)
def dependency_bounds(t: Trial) -> None:
    """The distribution requires polycall with a lower and an upper bound, and its SDK with a lower one."""
    distribution = _installed(t).distribution
    requires = (distribution.requires if distribution else None) or []
    own = [one for one in requires if re.match(r"polycall\b(?!-)", one)]
    t.true(any(">=" in one and "<" in one for one in own), f"{own}", "polycall>=x,<y")
    others = [one for one in requires if one not in own and "extra ==" not in one]
    loose = [one for one in others if not re.search(r">=|==|~=|>", one)]
    t.equal(loose, [], "requirements without a lowest version")
