"""A wrapper that waits for the SDK's module to be imported is not passed over because polycall can do without it."""

from __future__ import annotations

import json

import pytest

from support.environments import Environment
from support.openai_replies import completion
from support.wire_server import WireServer, reply_json

pytestmark = pytest.mark.install

PROGRAM = """
import json

import openai
import polycall
import wrapt
from pydantic import BaseModel


class Weather(BaseModel):
    location: str


seen = []


def note(wrapped, instance, arguments, named):
    seen.append(named["model"])
    return wrapped(*arguments, **named)


client = polycall.from_openai(openai.OpenAI(base_url=URL, api_key="none"))


@wrapt.when_imported("openai.resources.chat.completions")
def patch(module):
    wrapt.wrap_function_wrapper(module, "Completions.create", note)


(call,) = client.create([{"role": "user", "content": "?"}], list[Weather], "gpt-4o-mini")
print(json.dumps([seen, call.location]))
"""


@pytest.mark.parametrize("versions", ["newest", "lowest"])
def test_it_sees_the_first_call(versions: str, request: pytest.FixtureRequest) -> None:
    environment: Environment = request.getfixturevalue(versions)
    with WireServer() as server:
        server.enqueue(reply_json(completion([("Weather", {"location": "Toronto"})])))
        said = environment.run(f"URL = {server.url!r}\n{PROGRAM}", strict=False)

    assert json.loads(said) == [["gpt-4o-mini"], "Toronto"]
