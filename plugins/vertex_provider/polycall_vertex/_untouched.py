"""Detects patched SDK methods: the direct path must not bypass somebody's wrapper."""

from __future__ import annotations

from types import FunctionType


def are_untouched(owner: object, names: tuple[str, ...], package: str) -> bool:
    """Whether all of these methods are the SDK's plain functions: no instance attribute, wrapper, mock or override.

    Ask before each call: instrumentation may come late.

    Args:
        owner: An object of the SDK.
        names: Names of its methods. A missing one counts as touched.
        package: Where the SDK's functions are defined, such as ``"google.genai."``, with the dot.
    """
    attributes = getattr(owner, "__dict__", ())
    classes = type(owner).__mro__
    return all(name not in attributes and _is_sdk_function(classes, name, package) for name in names)


def _is_sdk_function(classes: tuple[type, ...], name: str, package: str) -> bool:
    # functools.wraps copies __module__ and __qualname__, and wrapt forwards them; type and globals are reliable.
    for class_ in classes:
        found = class_.__dict__.get(name)
        if found is not None:
            return type(found) is FunctionType and str(found.__globals__.get("__name__", "")).startswith(package)
    return False
