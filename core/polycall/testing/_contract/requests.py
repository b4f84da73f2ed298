"""A request stays as it is, and rendering is pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from polycall._data.contract import Request, ToolSpec
from polycall._data.types import Adaptation
from polycall.testing._contract.data import containers, difference, not_json, objects_in, snapshot
from polycall.testing._contract.plugins import CheckedPlugin

_TOOLS, _REQUEST = "polycall_render_tools", "polycall_render_request"
_KEY = "polycall.testing.contract"
_JSON = "dicts with text as keys, lists, text, finite numbers, booleans and None"
_MEMBERS = ("model", "tool_choice", "required_tools", "max_calls", "strict", "options", "stream", "deltas", "round")


@dataclass(slots=True)
class ConversationState:
    """What is known of one ``create()``.

    Attributes:
        used_ids: Of the calls of earlier rounds.
        messages: Those of the current round, as they were after the extensions changed them; likewise the others.
    """

    used_ids: set[str] = field(default_factory=set)
    messages: object = None
    tools: object = None
    members: object = None


def state_of(request: Request) -> ConversationState:
    """The state of the ``create()`` that a request belongs to."""
    state: ConversationState = request.extension_data.setdefault(_KEY, ConversationState())
    return state


def take_note(request: Request) -> None:
    """Keep a request as it is before the plugin sees it."""
    state = state_of(request)
    state.messages, state.tools, state.members = _parts(request)


def check_unchanged(plugin: CheckedPlugin, request: Request, hook: str) -> None:
    """Check that a hook left its request as it was."""
    state = state_of(request)
    if state.members is None:
        return
    for rule, before, now, name in zip(
        ("messages-unchanged", "schema-unchanged", "request-unchanged"),
        (state.messages, state.tools, state.members),
        _parts(request),
        ("request.messages", "request.tools", "request"),
        strict=True,
    ):
        plugin.check(rule, hook, difference(before, now, name), "the same as before; copy what you change")


def _parts(request: Request) -> tuple[object, object, object]:
    members = {name: getattr(request, name) for name in _MEMBERS}
    return snapshot(request.messages), snapshot(request.tools), snapshot(members)


# -- rendering --------------------------------------------------------------------------------------------------------


def check_tools(
    plugin: CheckedPlugin, payload: object, schemas: object, before: list[Adaptation], arguments: dict[str, Any]
) -> None:
    """Check the result of `polycall_render_tools`, by rendering the same tools again.

    Args:
        plugin: Whose it is.
        payload: The result.
        schemas: The tools as they were before.
        before: The adaptations as they were before.
        arguments: Those of the hook.
    """
    plugin.check(
        "schema-unchanged",
        _TOOLS,
        difference(schemas, snapshot(arguments["tools"]), "tools"),
        "the same as before; copy a schema that you change",
    )
    own = plugin.own(_TOOLS)
    if own is None:
        return
    adaptations = list(before)
    again = _again(plugin, "pure-tools", _TOOLS, lambda: own(**{**arguments, "adaptations": adaptations}))
    for one, other, name in (
        (payload, again, "the payload"),
        (arguments["adaptations"], adaptations, "adaptations"),
    ):
        plugin.check("pure-tools", _TOOLS, difference(one, other, name), "the same result for the same arguments")


class BodyCheck:
    """Checks the result of `polycall_render_request`; made before the hook is called.

    Args:
        session: The session.
        request: The request.
    """

    def __init__(self, session: object, request: Request) -> None:
        self._session = session
        self._request = request
        self._adaptations = list(request.adaptations)
        self._payload = snapshot(request.tool_payload)

    def check(self, plugin: CheckedPlugin, body: object) -> None:
        """Check the body, by rendering the same request again, and others that differ in their ``tool_choice``."""
        request = self._request
        if isinstance(body, (dict, list, tuple)):
            given = objects_in([request.messages, request.options])
            plain = dict(body) if isinstance(body, dict) else list(body)  # it may be of a class of the plugin's own
            plugin.check("json-body", _REQUEST, not_json(plain, "body", given), _JSON)
        plugin.check(
            "payload-unchanged",
            _REQUEST,
            difference(self._payload, snapshot(request.tool_payload), "request.tool_payload"),
            "the same as before; copy what you change",
        )
        own = plugin.own(_REQUEST)
        if own is None:
            return
        copy = replace(request, messages=list(request.messages), adaptations=list(self._adaptations))
        again = _again(plugin, "pure-request", _REQUEST, lambda: own(session=self._session, request=copy))
        for one, other, name in (
            (body, again, "the body"),
            (request.adaptations, copy.adaptations, "request.adaptations"),
        ):
            plugin.check("pure-request", _REQUEST, difference(one, other, name), "the same result for the same request")
        self._check_sharing(plugin, body, again)
        self._check_choice(plugin, body, own)

    def _check_sharing(self, plugin: CheckedPlugin, body: object, again: object) -> None:
        request = self._request
        given = [request.messages, request.options, request.tools, request.tool_payload]
        inputs = containers(given, through_objects=True)
        ours = containers(body)
        shared = [one for key, one in containers(again).items() if key in ours and key not in inputs]
        if body is again and type(body) not in (str, bytes, tuple):
            shared = [body]
        if shared:
            plugin.fail(
                "own-body",
                _REQUEST,
                f"two bodies with the same object in them: {shared[0]!r:.200}",
                "a new object for each request: an extension may change one of them",
            )

    def _check_choice(self, plugin: CheckedPlugin, body: object, own: Callable[..., Any]) -> None:
        request = self._request
        choice = request.tool_choice
        if choice == "auto" or any(one.setting == "tool_choice" for one in request.adaptations):
            return
        weaker = [("auto", request.tools)]
        if choice != "required" and len(request.tools) > 1:
            alone = tuple(tool for tool in request.tools if tool.name == choice)
            weaker += [("auto", alone), ("required", alone)]
        for other, tools in weaker:
            rendered = self._rendered_as(plugin, own, other, tools)
            if rendered is not None and difference(body, rendered[0], "body") is None:
                offer = " with the named tool alone" if tools is not request.tools else ""
                plugin.fail(
                    "choice-told",
                    _REQUEST,
                    f"for tool_choice={choice!r} the same body as for {other!r}{offer}, and no adaptation",
                    "the choice in the body, or an Adaptation(setting='tool_choice', ...)",
                )

    def _rendered_as(
        self, plugin: CheckedPlugin, own: Callable[..., Any], choice: str, tools: tuple[ToolSpec, ...]
    ) -> tuple[object] | None:
        """The body for another choice; ``None`` if there is none."""
        request = self._request
        render_tools = plugin.own(_TOOLS)
        if render_tools is None:
            return None
        adaptations: list[Adaptation] = []
        try:
            payload = render_tools(
                session=self._session,
                tools=tools,
                tool_choice=choice,
                strict=request.strict,
                model=request.model,
                adaptations=adaptations,
            )
            changed = replace(
                request,
                messages=list(request.messages),
                tools=tools,
                tool_choice=choice,
                tool_payload=payload,
                adaptations=adaptations,
            )
            return (own(session=self._session, request=changed),)
        except Exception:  # noqa: BLE001  # this choice cannot be rendered, so the other one is not like it
            return None


def _again(plugin: CheckedPlugin, rule: str, hook: str, render: Callable[[], object]) -> object:
    try:
        return render()
    except Exception as error:  # noqa: BLE001  # whatever a plugin raises
        plugin.fail(
            rule,
            hook,
            f"{type(error).__name__}: {error}, when called a second time",
            "the same result as the first time",
        )
