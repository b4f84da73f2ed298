"""What a library recorded, without what differs from call to call."""

from __future__ import annotations

import json
import re
from typing import Any

Record = dict[str, Any]

# Ids, times, and the place in the code from which the call came.
_OF_ONE_CALL = re.compile(
    r"(^|[._-])id$|_id$|uuid|span_parents|dotted_order|traceRequestId|exec_counter"
    r"|time|duration|latency|^created$|^start$|^end$"
    r"|^code\.|^caller_|^logfire\.msg$",
    re.IGNORECASE,
)
_REPLY_ID = re.compile(r"(resp|chatcmpl)[_-]\w+")


def plain(value: Any) -> Any:
    """The same with the JSON in its texts read, and without what is true of one call only."""
    if isinstance(value, dict):
        return {
            name: plain(item)
            for name, item in value.items()
            if not _OF_ONE_CALL.search(name) or str(item).startswith("call_")
        }
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, str):
        if value.startswith(("{", "[")):
            try:
                return plain(json.loads(value))
            except ValueError:
                pass
        return _REPLY_ID.sub("the reply's id", value)
    return value


def facts(records: list[Record], marks: dict[str, str]) -> set[str]:
    """The names of those marks that stand anywhere in what was recorded."""
    text = json.dumps(records)
    return {name for name, mark in marks.items() if mark in text}
