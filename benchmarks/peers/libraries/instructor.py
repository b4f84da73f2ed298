"""instructor: validated objects. Its mode for parallel calls does not stream; `create_iterable` is the nearest.

With that, the model writes one call, whose argument is the list of all objects.
"""

from __future__ import annotations

from collections.abc import Iterable

import instructor as library

from benchmarks.jobs.chat import MESSAGES, MODEL, GoogleSearch, Job, Weather
from benchmarks.openai_clients import body, in_process
from benchmarks.openai_wire import long_queries, pieces_of

NAME = "instructor"
DISTRIBUTION = "instructor"
FIRST_CALLS = """
from collections.abc import Iterable
import instructor, openai
client = instructor.from_openai(openai.OpenAI(api_key="none", base_url=URL), mode=instructor.Mode.PARALLEL_TOOLS)
reply = client.chat.completions.create(model="m", messages=messages, response_model=Iterable[Weather | GoogleSearch])
print(list(reply))
"""


def create(reply: bytes) -> Job:
    """In the mode for parallel calls."""
    client = library.from_openai(in_process(reply), mode=library.Mode.PARALLEL_TOOLS)
    return lambda: list(
        client.chat.completions.create(model=MODEL, messages=MESSAGES, response_model=Iterable[Weather | GoogleSearch])
    )


def stream(number_of_chunks: int) -> Job:
    """The objects of a list, each as soon as it is complete."""
    objects = [{"query": query} for query in long_queries(number_of_chunks)]
    pieces = pieces_of([("IterableGoogleSearch", {"tasks": objects})])
    client = library.from_openai(in_process(lambda: body(pieces)))
    return lambda: list(
        client.chat.completions.create_iterable(model=MODEL, messages=MESSAGES, response_model=GoogleSearch)
    )
