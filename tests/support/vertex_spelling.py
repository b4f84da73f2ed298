"""The body of a request in one spelling: the SDKs' own methods write some fields in another one."""

from __future__ import annotations

import re
from typing import Any

_DATA = ("args", "response", "labels")
"""Fields whose content is not the protocol's."""
_URL_SAFE = str.maketrans("-_", "+/")


def in_rest_spelling(value: Any) -> Any:
    """Names in camelCase, and signatures in the standard alphabet of base64, as the service itself writes them.

    google-genai (1.66 more than 2.34) sends some names in snake_case, and base64 in the URL-safe alphabet; the service
    takes both (protobuf's JSON mapping).
    """
    if isinstance(value, list):
        return [in_rest_spelling(one) for one in value]
    if not isinstance(value, dict):
        return value
    spelt: dict[str, Any] = {}
    for name, one in value.items():
        if name == "properties":
            spelt[name] = {field: in_rest_spelling(schema) for field, schema in one.items()}
        else:
            spelt[_camel_case(name)] = one if name in _DATA else in_rest_spelling(one)
    if isinstance(spelt.get("thoughtSignature"), str):
        spelt["thoughtSignature"] = spelt["thoughtSignature"].translate(_URL_SAFE)
    return spelt


def _camel_case(name: str) -> str:
    return re.sub(r"_([a-z])", lambda match: match[1].upper(), name)
