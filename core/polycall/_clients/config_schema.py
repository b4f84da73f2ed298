"""The JSON Schema of a config file, for editors: made of the providers that are installed."""

from __future__ import annotations

from polycall._clients.config_file import ConfigFile, Profile
from polycall._clients.setting_facts import descriptions, settings_schema
from polycall._data.errors import PluginError
from polycall._data.types import JsonObject
from polycall._plugins.registry import registry

_OPTIONS: dict[str, JsonObject] = {
    "max_tokens": {"type": "integer", "minimum": 1, "description": "Output tokens of one reply, at most."},
    "temperature": {"type": "number", "minimum": 0},
    "top_p": {"type": "number", "minimum": 0, "maximum": 1},
    "stop": {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]},
    "seed": {"type": "integer"},
    "timeout": {"type": "number", "exclusiveMinimum": 0, "description": "Time limit of one request in seconds."},
    "extra_headers": {"type": "object", "additionalProperties": {"type": "string"}},
    "parallel_tool_calls": {"type": "boolean"},
}
"""The neutral options; a provider's own may have any name."""


def config_schema() -> JsonObject:
    """The JSON Schema (draft 2020-12) of ``polycall.toml``.

    Each installed provider's settings are in it; their plugins are imported, their SDKs are not. A plugin that is
    broken is left out: its profiles may hold any key.
    """
    servers: dict[str, list[str]] = {}
    for server, found in registry.servers().items():
        servers.setdefault(found[0].description.server_of or "", []).append(server)
    names = sorted([*registry.provider_names(), *(name for some in servers.values() for name in some)])
    texts = descriptions(Profile)
    own: dict[str, JsonObject] = {
        "provider": {"enum": names} if names else {"type": "string"},
        "model": {"type": "string"},
        "model_env": {"type": "string", "pattern": "^[A-Za-z_][A-Za-z0-9_]*$"},
        "options": {"type": "object", "properties": _OPTIONS},
        "max_corrections": {"type": "integer", "minimum": 0, "default": 2},
    }
    profile: JsonObject = {
        "type": "object",
        "required": ["provider"],
        "properties": {name: {**schema, "description": texts[name]} for name, schema in own.items()},
        "allOf": [
            {
                "if": {"properties": {"provider": {"enum": [name, *servers.get(name, ())]}}, "required": ["provider"]},
                "then": then,
            }
            for name, provider in registry.every_provider()
            if not isinstance(provider, PluginError)
            for then in [_profile_of(settings_schema(provider), list(own))]
        ],
    }
    texts = descriptions(ConfigFile)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "polycall.toml",
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "default": {"type": "string", "description": texts["default"]},
            "required_extensions": {
                "type": "array",
                "items": {"type": "string"},
                "description": texts["required_extensions"],
            },
            "profiles": {"type": "object", "additionalProperties": profile, "description": texts["profiles"]},
        },
    }


def _profile_of(settings: tuple[dict[str, JsonObject], list[str]], own: list[str]) -> JsonObject:
    properties, required = settings
    return {
        "properties": {**{key: {} for key in own}, **properties},
        "required": required,
        "additionalProperties": False,
    }
