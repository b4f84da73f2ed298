"""The conversation that the command line describes: a file of messages, a system text, a prompt."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence

from polycall.cli._errors import CommandError
from polycall.cli._input.files import read_json, read_text
from polycall.cli._output.terminal import is_terminal

_STDIN = "-"


def read_messages(
    prompt: str | None, system: str | None, file: str | None, *, placeholder: str | None = None
) -> list[object]:
    """Put a conversation together.

    Args:
        prompt: The user's words; ``-``, or none where input is piped, reads standard input.
        system: The system's words, which begin the conversation.
        file: JSON: a list of messages, or an object with ``messages``; the prompt follows them.
        placeholder: The user's words where none are given at all; ``None`` refuses that.

    Raises:
        CommandError: There is nothing to ask, standard input is named twice, or the file holds something else.
    """
    if prompt == _STDIN and file == _STDIN:
        raise CommandError(
            "Standard input cannot be both the prompt and --messages.", hint="Put one of them into a file."
        )
    messages: list[object] = []
    if system is not None:
        messages.append({"role": "system", "content": system})
    if file is not None:
        messages += _messages_in(read_json(file, "--messages"), file)
    if prompt == _STDIN or (prompt is None and file is None and not is_terminal(sys.stdin)):
        prompt = read_text(_STDIN, "the prompt").strip() or None
    if prompt is None and file is None:
        prompt = placeholder
    if prompt is not None and not prompt.strip():
        raise CommandError("The prompt is empty.", hint="Write what the model is asked.")
    if prompt is not None:
        messages.append({"role": "user", "content": prompt})
    elif file is None:
        raise CommandError(
            "There is nothing to ask: no prompt.",
            hint='Write polycall call --tools app.models "weather in Rome", or pipe the prompt in.',
        )
    return messages


def _messages_in(content: object, file: str) -> Sequence[object]:
    if isinstance(content, Mapping):
        content = content.get("messages", content.get("input"))
    if not isinstance(content, list):
        raise CommandError(
            f"--messages {file}: a list of messages, or an object with such a list as 'messages', is expected.",
            hint='Write [{"role": "user", "content": "..."}].',
        )
    return content
