"""Builds polycall's part of a request's body for both SDKs: conversation, tools, tool choice, in REST JSON."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass, field

from polycall.plugin import Adaptation, ConfigurationError, JsonObject, MessageError, RenderedTools
from polycall_vertex._protocol.contents import to_contents
from polycall_vertex._protocol.service import VERTEX, Service
from polycall_vertex._protocol.tools import VertexTools, make_tool_config


@dataclass(frozen=True, slots=True)
class CallSettings:
    """What the caller's options and the SDK's client say about the parts of a request that polycall makes.

    Attributes:
        system: Parts of the system instruction that come before those of the messages.
        tools: Tools that the service runs by itself.
        tool_config: In REST JSON; polycall adds the mode of function calling.
        cached_content: The resource name of cached content; the cache holds instruction and tools.
        service: The service that the request is for.
    """

    system: Sequence[object] = ()
    tools: Sequence[JsonObject] = ()
    tool_config: JsonObject = field(default_factory=dict)
    cached_content: object = None
    service: Service = VERTEX

    def conversation(self, messages: Sequence[object]) -> JsonObject:
        """The part of a body that differs in each request: ``contents``, ``systemInstruction``.

        Raises:
            MessageError: The service cannot carry a message.
        """
        contents = to_contents(messages, self.service)
        conversation: JsonObject = {"contents": contents.contents}
        # Copied: the settings serve many requests, and an extension may change the body of one.
        system = [*deepcopy(self.system), *contents.system] if self.system else contents.system
        if system and self.cached_content:
            raise MessageError(
                "With cached_content the system instruction must be in the cache: the service refuses another "
                "(litellm#17304). Leave the system messages out."
            )
        if system:
            conversation["systemInstruction"] = {"role": "user", "parts": system}
        return conversation

    def tool_fields(self, payload: object, adaptations: list[Adaptation]) -> JsonObject:
        """The part of a body that depends on tools and options only: ``tools``, ``toolConfig``.

        Raises:
            ConfigurationError: The options contradict each other or ``tool_choice``.
        """
        if not isinstance(payload, RenderedTools) or not isinstance(payload.payload, VertexTools):
            raise TypeError(f"request.tool_payload must come from polycall_render_tools, got {type(payload).__name__}.")
        tools = payload.payload
        if not self.cached_content:
            config = make_tool_config(tools, self.tool_config, adaptations)
            return {"tools": [tools.declarations, *self.tools], "toolConfig": config}
        for option, given in (
            ("system_instruction", self.system),
            ("tools", self.tools),
            ("tool_config", self.tool_config),
        ):
            if given:
                raise ConfigurationError(
                    f"{option} cannot be sent with cached_content: the service refuses it (litellm#17304). Put it into "
                    "the cache.",
                    key=option,
                )
        reason = "the service refuses it next to cached_content; the cache must hold these tools"
        adaptations.append(Adaptation(setting="tools", kind="dropped", given=list(tools.schemas), reason=reason))
        if tools.tool_choice != "auto":
            adaptations.append(
                Adaptation(setting="tool_choice", kind="client_side", given=tools.tool_choice, reason=reason)
            )
        return {}
