"""The script of a provider: which reply answers which request, and what is left in the end."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

from polycall._data.contract import Request
from polycall._data.types import JsonObject
from polycall.testing._doubles.errors import ScriptError as ScriptError
from polycall.testing._doubles.steps import Step, steps_of


@dataclass(frozen=True, slots=True)
class SentRequest:
    """One request of the application, as the model got it.

    Attributes:
        request: The neutral request: ``model``, ``messages``, ``tools``, ``tool_choice``, ``options``, ``round``.
        body: The rendered request, as plain data.
    """

    request: Request
    body: JsonObject

    @property
    def messages(self) -> list[JsonObject]:
        """The messages, as plain data; the last one is what the model answers."""
        return cast("list[JsonObject]", self.body["messages"])


class Script:
    """Replies in order, and the requests that they answer. Safe for threads.

    Args:
        replies: One for each request.
        then: Answers every request after those; ``None``: there must be none.
    """

    def __init__(self, replies: Sequence[object], then: object) -> None:
        self.requests: list[SentRequest] = []
        self._replies = list(replies)
        self._then = then
        self._lock = threading.Lock()
        self._problems: list[ScriptError] = []

    def answer(self, request: Request, body: Any) -> list[Step]:
        """The steps of the reply to a request.

        Raises:
            ScriptError: The script has none, or it does not fit the request.
        """
        with self._lock:
            number = len(self.requests)
            self.requests.append(SentRequest(request, body))
        try:
            if number < len(self._replies):
                return steps_of(self._replies[number], request, number)
            if self._then is not None:
                return steps_of(self._then, request, number)
            raise ScriptError(self._too_few(number))
        except ScriptError as error:
            self._problems.append(error)
            raise

    def check(self) -> None:
        """Raise if the script and the application did not fit.

        Raises:
            ScriptError: A request had no reply, even if the application caught that; or replies are left.
        """
        if self._problems:
            raise self._problems[0]
        asked = len(self.requests)
        if left := self._replies[asked:]:
            shown = "; ".join(f"{at}. {one!r:.100}" for at, one in enumerate(left[:5], asked + 1))
            raise ScriptError(
                f"{len(left)} of the {len(self._replies)} replies of the script {_were(len(left))} not asked for: "
                f"{shown}. The application sent {_requests(asked)}."
            )

    def _too_few(self, number: int) -> str:
        sent = self.requests[number]
        kind = ""
        if sent.request.round:
            kind = f", correction {sent.request.round} of an earlier request,"
        last = sent.messages[-1] if sent.messages else {}
        return (
            f"The script has {_replies(len(self._replies))}, and the application sent request {number + 1}{kind} which "
            f"ends with the message of the role {last.get('role')!r}: {last.get('content')!r:.300}. Add a reply to the "
            "script, or then=... for all further requests."
        )


def _were(count: int) -> str:
    return "was" if count == 1 else "were"


def _replies(count: int) -> str:
    return "1 reply" if count == 1 else f"{count} replies"


def _requests(count: int) -> str:
    return "1 request" if count == 1 else f"{count or 'no'} requests"
