"""Whether a method is as the SDK made it. What goes past a method must not go past somebody's wrapper of it."""

from __future__ import annotations

from types import FunctionType


def are_untouched(owner: object, names: tuple[str, ...], package: str) -> bool:
    """Whether all of these methods are the SDK's plain functions: no instance attribute, wrapper, mock or override.

    Asked anew for each call, because instrumentation may come late.

    Args:
        owner: An object of the SDK.
        names: Of its methods. One that is missing is not the SDK's.
        package: Where the SDK's functions are defined, such as ``"google.genai."``, up to the dot.
    """
    attributes = getattr(owner, "__dict__", ())
    classes = type(owner).__mro__
    return all(name not in attributes and _is_sdk_function(classes, name, package) for name in names)


def _is_sdk_function(classes: tuple[type, ...], name: str, package: str) -> bool:
    # functools.wraps copies __module__ and __qualname__, and wrapt forwards them; the type and the globals do not lie.
    for class_ in classes:
        found = class_.__dict__.get(name)
        if found is not None:
            return type(found) is FunctionType and str(found.__globals__.get("__name__", "")).startswith(package)
    return False
