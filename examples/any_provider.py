"""One program for every provider: the profile decides which, and the code names none.

$ POLYCALL_PROFILE=offline python examples/any_provider.py "What is the weather in Rome and in Oslo?"
"""

from __future__ import annotations

import sys

from pydantic import BaseModel

import polycall

ATTEMPTS = 3
WORTH_ANOTHER_ATTEMPT = ("rate_limit", "timeout", "connection", "server")


class Weather(BaseModel):
    """Look up the weather."""

    location: str


def places(question: str) -> list[Weather]:
    """The places that a question asks about."""
    messages = [
        {"role": "system", "content": "You must always use tools."},
        {"role": "user", "content": question},
    ]
    with polycall.from_config() as client:
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return list(client.create(messages, list[Weather], temperature=0.2, max_tokens=200))
            except polycall.OutputError as error:  # a reply that is not good enough: keep what is good in it
                print(f"{client.provider}: {error}", file=sys.stderr)
                return [call for call in error.calls if isinstance(call, Weather)]
            except Exception as error:
                kind = polycall.kind_of(error)  # no SDK has to be imported to know
                print(f"{client.provider}: attempt {attempt}: {kind}", file=sys.stderr)
                if kind not in WORTH_ANOTHER_ATTEMPT or attempt == ATTEMPTS:
                    raise
    return []


if __name__ == "__main__":
    for place in places(sys.argv[1]):
        print(place.location)
