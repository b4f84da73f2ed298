"""The rules that are checked, and the error for a broken one."""

from __future__ import annotations

from collections.abc import Mapping

RULES: Mapping[str, str] = {
    "result-type": "Each hook returns the type that it owes, in all of its members.",
    "json-turn": "Reply.turn is JSON data.",
    "json-body": "The body of a request is JSON data, if it is a dict or a list.",
    "json-messages": "What is appended to a conversation is JSON data.",
    "json-described": "The body of a described request is JSON data.",
    "unique-ids": "The id of a call is unique in its conversation.",
    "whole-indexes": "The indexes of a reply's calls, those that were cut off too, are 0, 1, 2, ...",
    "completed-agrees": "A call that was reported as completed equals the one with its index in the whole reply.",
    "completed-once": "Each call is reported as completed once.",
    "started-agrees": "A call begins before its arguments grow, with the id and the name that it ends with.",
    "deltas-when-asked": "CallStarted and pieces of arguments and text are reported only with request.deltas.",
    "deltas-join": "The pieces of a call's arguments, joined, are its arguments.",
    "text-joins": "The pieces of text and reasoning, joined, are those of the whole reply.",
    "done-from-start": "A decoder that can be done has the attribute from the start.",
    "fresh-decoder": "Each reply has a decoder of its own.",
    "fresh-reply": "Each Reply is an object of its own.",
    "raw-response": "raw_response() returns the SDK's response, or raises an exception of the SDK.",
    "messages-unchanged": "A plugin leaves the messages that it is given as they are.",
    "schema-unchanged": "A plugin leaves the tools and their schemas as they are.",
    "request-unchanged": "A plugin leaves the request as it is, but for its adaptations.",
    "reply-unchanged": "Continuing a conversation leaves the reply and the results as they are.",
    "payload-unchanged": "Rendering a request leaves the tool payload, which other requests share, as it is.",
    "continued-list": "Continuing a conversation returns a new list, which begins with the messages that were given.",
    "pure-tools": "Rendering the same tools twice gives equal payloads and equal adaptations.",
    "pure-request": "Rendering the same request twice gives equal bodies and equal adaptations.",
    "own-body": "No part of a body is shared with the body of another request.",
    "choice-told": "A tool_choice that the body does not carry is recorded as an adaptation.",
    "stream-closes": "A stream can be closed before its first chunk was read.",
    "close-twice": "Closing a stream twice is harmless.",
}
"""Each rule by its id."""


class ContractViolation(AssertionError):
    """A plugin broke a rule of the hook contract.

    Attributes:
        rule: The rule's id, a key of `RULES`.
        hook: The hook's name.
        plugin: The plugin, as messages name it.
    """

    def __init__(self, message: str, *, rule: str = "", hook: str = "", plugin: str = "") -> None:
        super().__init__(message)
        self.rule = rule
        self.hook = hook
        self.plugin = plugin


def violation(rule: str, *, hook: str, plugin: str, came: str, due: str) -> ContractViolation:
    """The error for a broken rule.

    Args:
        rule: Its id.
        hook: The hook's name.
        plugin: The plugin, as messages name it.
        came: What the plugin did.
        due: What it should do.
    """
    return ContractViolation(
        f"{plugin} breaks the rule '{rule}' in {hook}.\n"
        f"  rule:  {RULES[rule]}\n"
        f"  came:  {came}\n"
        f"  due:   {due}\n"
        f"  The rules are in docs/testing.md and in polycall.testing.contract.RULES.",
        rule=rule,
        hook=hook,
        plugin=plugin,
    )
