"""The end of a streamed body is noticed at ``[DONE]``, however the body is cut."""

from __future__ import annotations

import re

from hypothesis import example, given
from hypothesis import strategies as st

from polycall.plugin import DoneMark

EVENTS = st.sampled_from(
    [
        b'data: {"a": "some text that is longer than what is kept of a piece"}\n\n',
        b"data: {}\n\n",
        b'data: {"a": "data: [DONE]"}\n\n',
        b": comment\n\n",
        b"data: [DONE]\n\n",
        b"data:[DONE]\r\n\r\n",
        b"\n",
    ]
)
LAST_LINE = re.compile(rb"(?:^|[\r\n])data: ?\[DONE\]\s*$")


@example(b'data: {"a": 1}\n\ndata: [DONE]\n\n', [13, 16])
@given(st.lists(EVENTS, max_size=6).map(b"".join), st.lists(st.integers(0, 300), max_size=8))
def test_it_has_come_when_the_last_line_so_far_says_so(body: bytes, cuts: list[int]) -> None:
    watch, start = DoneMark(), 0
    for place in [*sorted({cut % (len(body) + 1) for cut in cuts}), len(body)]:
        expected = LAST_LINE.search(body[:place]) is not None

        assert watch.is_end(body[start:place]) == expected
        start = place
