"""Every word that the core tells the model, in one place, and the form in which an extension replaces them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Wording:
    """The sentences that a model is told about its calls. Templates for `str.format`.

    An extension (or a provider) replaces some of them with `polycall_wording`::

        @hookimpl
        def polycall_wording():
            return dataclasses.replace(Wording(), accepted="ok")

    Attributes:
        accepted: The result of a call that validated, while others are corrected.
        failed: The result of a call that did not; ``{reason}``.
        failed_name: The result of a call of a tool that may not be called; ``{reason}``.
        repeated: The result of a call that did not, and only repeats an accepted one.
        no_call: Said where the reply had no call at all.
        only_tools: Which tools there are; ``{tools}``.
        still_failing: Calls of earlier rounds that were not made again; ``{failures}``, ``{tools}``.
        still_missing: Tools that must be called and were not; ``{tools}``.
        unknown_tool: Reason; ``{name}``, ``{tools}``.
        wrong_tool: Reason, where one tool was asked for by name; ``{name}``, ``{tool}``.
        too_many: The result of a call beyond ``max_calls``; ``{limit}``.
        not_json: Reason; ``{problem}``.
        not_writable: Reason, for structured arguments that JSON cannot hold; ``{problem}``.
        too_deep: Reason.
        unreadable_wrapper: Reason, for a call that should hold several calls; ``{name}``.
        nameless_call: Reason, for an entry of such a call without a tool's name; ``{name}``.
        not_a_json_value: Problem, for NaN and Infinity; ``{literal}``.
        out_of_range: Problem; ``{literal}``.
        validator_raised: Reason, for an exception of a validator that is not a validation error; ``{type}``,
            ``{message}``.
        more_problems: The end of a long list of problems; ``{count}``.
        key_twice: Reason, for a key with two values in one object of the arguments; ``{key}``.
        too_exact: Reason, for a number of more digits than can be kept at its place; ``{literal}``.
        given: The value at fault, after the problem; ``{value}``.
    """

    accepted: str = "accepted"
    failed: str = (
        "Error: {reason}. Call this tool again with corrected arguments. Do not repeat the calls that were accepted."
    )
    repeated: str = "This call was accepted before. Do not make it again."
    failed_name: str = (
        "Error: {reason}. Call a tool that may be called in its place. Do not repeat the calls that were accepted."
    )
    no_call: str = "You did not call a tool. "
    only_tools: str = "Reply only with calls to these tools: {tools}."
    still_failing: str = "These calls still need a correction: {failures}. The tools are: {tools}."
    still_missing: str = "These tools must be called: {tools}. Do not repeat the calls that were accepted."
    unknown_tool: str = "there is no tool named {name!r}; the tools are: {tools}"
    wrong_tool: str = "only {tool} may be called now, not {name}"
    too_many: str = "Not used: at most {limit} calls are allowed. Do not make this call again."
    not_json: str = "the arguments are not valid JSON: {problem}"
    not_writable: str = "the arguments cannot be written as JSON: {problem}"
    too_deep: str = "the arguments are nested too deeply"
    unreadable_wrapper: str = "{name} holds no calls that can be read; call each tool by itself"
    nameless_call: str = "an entry of {name} does not name a tool; call each tool by itself"
    not_a_json_value: str = "{literal} is not a JSON value"
    out_of_range: str = "the number {literal} is out of range"
    validator_raised: str = "{type}: {message}"
    key_twice: str = "the key {key!r} is given twice, with different values"
    too_exact: str = "the number {literal} has more digits than can be kept; write it as a string"
    more_problems: str = "and {count} more"
    given: str = " (given: {value})"


DEFAULT_WORDING = Wording()
