"""The parts of a request that polycall adds unasked, and what happens where a server refuses one of them.

Which of them a server takes depends on host, model and version, so a table cannot know. One that an error of status 400
or 422 names is left out, and the request is sent again.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import NamedTuple

from polycall.plugin import Adaptation, JsonObject, Request
from polycall_openai._servers.server import Server

_REFUSED = (400, 422)


class _Addition(NamedTuple):
    name: str
    word: re.Pattern[str]
    """Names it in an error."""
    is_ours: Callable[[Request, JsonObject], bool]
    take_out: Callable[[JsonObject], tuple[object, object]]
    """Returns the value before and after."""
    depends_on_options: bool = False
    """Whether the same model may take it in the next request."""


def _is_added(name: str) -> Callable[[Request, JsonObject], bool]:
    def is_ours(request: Request, body: JsonObject) -> bool:
        extra = request.options.get("extra_body")
        return name in body and name not in request.options and not (isinstance(extra, dict) and name in extra)

    return is_ours


def _pop(name: str) -> Callable[[JsonObject], tuple[object, object]]:
    return lambda body: (body.pop(name), None)


def _functions(body: JsonObject) -> list[JsonObject]:
    tools = body.get("tools")
    entries = [tool for tool in tools if isinstance(tool, dict)] if isinstance(tools, list) else []
    functions: list[JsonObject] = []
    for tool in entries:
        function = tool.get("function")
        functions.append(function if isinstance(function, dict) else tool)
    return functions


def _is_strict_unasked(request: Request, body: JsonObject) -> bool:
    return request.strict is None and any(function.get("strict") is True for function in _functions(body))


def _loosen(body: JsonObject) -> tuple[object, object]:
    tools = body["tools"]
    body["tools"] = [_loose(tool) for tool in tools] if isinstance(tools, list) else tools
    return True, None


def _loose(tool: object) -> object:
    """A copy without ``strict``; in the Responses API, where leaving it out means something else, with ``false``."""
    if not isinstance(tool, dict):
        return tool
    function = tool.get("function")
    if isinstance(function, dict):
        return {**tool, "function": {key: value for key, value in function.items() if key != "strict"}}
    return {**tool, "strict": False} if "strict" in tool else tool


def _is_forced(request: Request, body: JsonObject) -> bool:
    return body.get("tool_choice") not in (None, "auto", "none") and "tool_choice" not in request.options


def _weaken(body: JsonObject) -> tuple[object, object]:
    given, body["tool_choice"] = body["tool_choice"], "auto"
    name = _name_in(given)
    tools = body.get("tools")
    if name is not None and isinstance(tools, list):
        offered = zip(tools, _functions(body), strict=False)
        body["tools"] = [tool for tool, function in offered if function.get("name") in (name, None)]
    return given, "auto"


def _name_in(choice: object) -> object:
    if not isinstance(choice, dict):
        return None
    function = choice.get("function")
    return function.get("name") if isinstance(function, dict) else choice.get("name")


_ADDITIONS = (
    # A model of Mistral's behind Azure's endpoint answers 422: BerriAI/litellm#11696.
    _Addition("stream_options", re.compile(r"stream_options"), _is_added("stream_options"), _pop("stream_options")),
    # An older model of Azure's answers 400: Azure/azure-sdk-for-net#45719.
    _Addition(
        "parallel_tool_calls",
        re.compile(r"parallel_tool_calls"),
        _is_added("parallel_tool_calls"),
        _pop("parallel_tool_calls"),
    ),
    _Addition("include", re.compile(r"\binclude\b|encrypted_content"), _is_added("include"), _pop("include")),
    _Addition("strict", re.compile(r"\bstrict\b"), _is_strict_unasked, _loosen),
    # Models that think cannot be forced: cloudwego/eino#994, QwenLM/qwen-code#7659. Checked by the core in any case.
    _Addition("tool_choice", re.compile(r"tool_choice"), _is_forced, _weaken, depends_on_options=True),
)

_SWITCHES: Mapping[tuple[str, ...], str] = {
    ("stream_options",): "polycall asks for token counts with stream_options; stream_usage=False leaves it out.",
    ("tool_choice",): "polycall forces a call unless you pass tool_choice='auto'; for a server that cannot be forced, "
    "pass server_options={'tool_choices': ['auto']}.",
    ("strict",): "Pass strict=False so that the server does not enforce the schemas.",
    # OpenAI's newer models take tools on Chat Completions only without reasoning: BerriAI/litellm#34569.
    ("v1/responses",): "This model wants the Responses API: make the client with api='responses'.",
    ("reasoning_effort", "tool"): "Make the client with api='responses'; or pass reasoning_effort='none'.",
    ("max_completion_tokens",): "Pass max_completion_tokens in place of max_tokens.",
}
"""The words that an error names, and the switch that helps."""
_MAX_ERROR_CHARACTERS = 10_000


def without_refused(error: Exception, server: Server, request: Request, body: JsonObject) -> JsonObject | None:
    """The body to send again after an error; ``None`` if the error names nothing that polycall added.

    The adaptation is recorded in the request, and the server remembered.
    """
    if getattr(error, "status_code", None) not in _REFUSED:
        return None
    text = _text_of(error)
    for addition in _ADDITIONS:
        if addition.word.search(text) and addition.is_ours(request, body):
            if not addition.depends_on_options:
                server.refused_additions.add((request.model, addition.name))
            return _without(addition, request, body)
    return None


def without_known_refusals(server: Server, request: Request, body: JsonObject) -> JsonObject:
    """The body without additions that the server has refused before for this model."""
    for addition in _ADDITIONS:
        if (request.model, addition.name) in server.refused_additions and addition.is_ours(request, body):
            body = _without(addition, request, body)
    return body


def note_switches(error: Exception) -> None:
    """Note on the SDK's error for a refused request which setting of polycall's concerns the field that it names."""
    status = getattr(error, "status_code", None)
    if not isinstance(status, int) or not 400 <= status < 500:
        return
    text = _text_of(error)
    for words, switch in _SWITCHES.items():
        if all(word in text for word in words):
            error.add_note(switch)


def _text_of(error: Exception) -> str:
    """All that the server said; the SDK's message leaves out what is not under ``error``."""
    text = str(error)
    try:
        text += error.response.text  # type: ignore[attr-defined]
    except Exception:  # noqa: BLE001 - a body that was not read, or is not text
        text += str(getattr(error, "body", ""))
    return text[:_MAX_ERROR_CHARACTERS]


def _without(addition: _Addition, request: Request, body: JsonObject) -> JsonObject:
    changed = dict(body)
    given, sent = addition.take_out(changed)
    request.adaptations.append(
        Adaptation(
            setting=addition.name,
            kind="dropped" if sent is None else "substituted",
            given=given,
            sent=sent,
            reason=f"the server refused a request for {request.model} because of {addition.name}",
        )
    )
    return changed
