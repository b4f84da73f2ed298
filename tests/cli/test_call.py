"""``polycall call``: the model's calls on standard output, the rest on standard error."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from support.command import Result, Run, start
from support.openai_replies import USAGE, chunks, completion, sse
from support.openai_server import ChatServer
from support.wire_server import End, Gate, Reply, reply_json, reply_stream

ROME = ("Weather", {"location": "Rome", "units": "metric"})
OSLO = ("Weather", {"location": "\N{LATIN CAPITAL LETTER O WITH MACRON}slo", "units": "metric"})
BAD = ("Weather", {"location": "Lima", "units": "kelvin"})
WEATHER = ("--tools", "app.models:Weather")


def test_calls_are_json_lines_with_validated_arguments(ask: Run, server: ChatServer) -> None:
    server.enqueue(reply_json(completion([("Weather", {"location": "Rome"}), OSLO])))

    result = ask(*WEATHER, "weather in Rome and Oslo")

    assert result.status == 0
    assert [(line["tool"], line["arguments"]) for line in result.lines] == [
        ("Weather", {"location": "Rome", "units": "metric"}),
        OSLO,
    ]
    assert all(str(line["id"]).startswith("call_") for line in result.lines)
    assert server.bodies[0]["messages"] == [{"role": "user", "content": "weather in Rome and Oslo"}]
    assert server.bodies[0]["model"] == "gpt-4o-mini"
    assert result.err == ""


def test_streamed_calls_are_the_same_lines(ask: Run, server: ChatServer) -> None:
    server.enqueue(reply_stream(sse(chunks([ROME, OSLO], usage=USAGE))))

    result = ask(*WEATHER, "--stream", "weather?")

    assert result.status == 0
    assert [line["arguments"] for line in result.lines] == [ROME[1], OSLO[1]]
    assert server.bodies[0]["stream"] is True


def test_the_whole_reply_is_one_json_object_on_demand(ask: Run, server: ChatServer) -> None:
    server.enqueue(reply_json(completion([ROME], text="Here.")))

    said = ask(*WEATHER, "--json", "weather?").json

    assert isinstance(said, dict)
    assert [call["arguments"] for call in said["calls"]] == [ROME[1]]
    assert (said["text"], said["finish_reason"], said["provider"]) == ("Here.", "tool_calls", "openai")
    assert (said["usage"]["input_tokens"], said["usage"]["output_tokens"]) == (82, 34)


def test_the_raw_response_is_the_sdks_own(ask: Run, server: ChatServer) -> None:
    reply = completion([ROME])
    server.enqueue(reply_json(reply))

    said = ask(*WEATHER, "--raw", "weather?").json

    assert isinstance(said, dict)
    assert said["id"] == reply["id"]
    assert said["choices"][0]["message"]["tool_calls"] == reply["choices"][0]["message"]["tool_calls"]


def test_the_models_words_go_to_standard_error(ask: Run, server: ChatServer) -> None:
    for _ in range(2):
        server.enqueue(reply_json(completion(text="I cannot know.")))

    loud = ask(*WEATHER, "--tool-choice", "auto", "weather?")
    quiet = ask(*WEATHER, "--tool-choice", "auto", "-q", "weather?")

    assert (loud.status, loud.out, loud.err) == (0, "", "I cannot know.\n")
    assert (quiet.status, quiet.out, quiet.err) == (0, "", "")


def test_options_reach_the_request_as_json_or_text(ask: Run, server: ChatServer) -> None:
    server.enqueue(reply_json(completion([ROME])))

    ask(
        *WEATHER,
        *("-o", "temperature=0.2", "-o", 'stop=["a", "b"]', "-o", "user=me", "-o", "parallel_tool_calls=false"),
        *("--tool-choice", "Weather", "--no-strict", "-m", "gpt-4o", "--system", "Be brief", "weather?"),
    )

    body = server.bodies[0]
    assert (body["temperature"], body["stop"], body["user"]) == (0.2, ["a", "b"], "me")
    assert body["parallel_tool_calls"] is False
    assert body["tool_choice"] == {"type": "function", "function": {"name": "Weather"}}
    assert body["model"] == "gpt-4o"
    assert body["messages"][0] == {"role": "system", "content": "Be brief"}


def test_a_conversation_comes_from_a_file(ask: Run, server: ChatServer, project: Path) -> None:
    earlier = [{"role": "user", "content": "hello"}, {"role": "assistant", "content": "hi"}]
    (project / "list.json").write_text(json.dumps(earlier))
    (project / "object.json").write_text(json.dumps({"model": "x", "messages": earlier}))
    (project / "lines.jsonl").write_text("".join(json.dumps(one) + "\n" for one in earlier))
    for file in ("list.json", "object.json", "lines.jsonl"):
        server.enqueue(reply_json(completion([ROME])))
        ask(*WEATHER, "--messages", file, "and Rome?")

    assert [body["messages"] for body in server.bodies] == [[*earlier, {"role": "user", "content": "and Rome?"}]] * 3


def test_arguments_of_any_type_are_valid_json(ask: Run, server: ChatServer, project: Path) -> None:
    (project / "kinds.py").write_text(
        "import dataclasses, datetime, decimal, typing, pydantic\n"
        "class Inner(pydantic.BaseModel):\n    at: datetime.date\n"
        "class A(pydantic.BaseModel):\n    inner: Inner\n    price: decimal.Decimal\n    secret: pydantic.SecretStr\n"
        "@dataclasses.dataclass\nclass B:\n    inner: Inner\n"
        "class C(typing.TypedDict):\n    inner: Inner\n"
        "class D(pydantic.BaseModel):\n    high: float = float('inf')\n"
    )
    inner = {"at": "2026-01-02"}
    whole: dict[str, object] = {"inner": inner, "price": "1.50", "secret": "s"}
    given: dict[str, dict[str, object]] = {"A": whole, "B": {"inner": inner}, "C": {"inner": inner}, "D": {}}
    server.enqueue(reply_json(completion([*given.items()])))

    lines = ask("--tools", "kinds:A,B,C,D", "hi").lines

    assert {str(line["tool"]): line["arguments"] for line in lines} == {
        **given,
        "A": {"inner": inner, "price": "1.50", "secret": "**********"},
        "D": {"high": None},
    }


class TestNothingIsLost:
    def test_good_calls_are_printed_before_the_error_of_the_bad_ones(self, ask: Run, server: ChatServer) -> None:
        server.enqueue(reply_json(completion([ROME, BAD])))

        result = ask(*WEATHER, "--max-retries", "0", "weather?")

        assert result.status == 10
        assert [line["arguments"] for line in result.lines] == [ROME[1]]
        assert result.err == (
            "error: 1 of 2 calls did not validate (Weather: units: Input should be 'imperial' or 'metric' (given: "
            "'kelvin')). 1 good call is above.\n"
            "hint:  A larger --max-retries asks the model for more corrections.\n"
        )

    def test_streamed_ones_are_printed_once(self, ask: Run, server: ChatServer) -> None:
        server.enqueue(reply_stream(sse(chunks([ROME, BAD], usage=USAGE))))

        result = ask(*WEATHER, "--max-retries", "0", "--stream", "weather?")

        assert result.status == 10
        assert [line["arguments"] for line in result.lines] == [ROME[1]]

    def test_a_correction_is_asked_for(self, ask: Run, server: ChatServer) -> None:
        server.enqueue(reply_json(completion([BAD])))
        server.enqueue(reply_json(completion([ROME], ids=["again"])))

        result = ask(*WEATHER, "weather?")

        assert (result.status, [line["arguments"] for line in result.lines]) == (0, [ROME[1]])

    def test_a_failing_server_keeps_the_calls_of_the_round_before(self, ask: Run, server: ChatServer) -> None:
        server.enqueue(reply_json(completion([ROME, BAD])))
        server.enqueue(reply_json({"error": {"message": "overloaded"}}, status=503))

        result = ask(*WEATHER, "weather?")

        assert result.status == 8
        assert [line["arguments"] for line in result.lines] == [ROME[1]]


@pytest.mark.parametrize(
    ("reply", "status", "said"),
    [
        ((401, "bad key sk-of-the-test-123"), 5, "error: the provider refused the key: 401 bad key ***"),
        ((403, "no access"), 5, "error: the provider refused the key: 403 no access"),
        ((429, "slow down"), 6, "error: rate limit or quota: 429 slow down"),
        ((500, "oops"), 8, "error: the provider's server failed: 500 oops"),
        ((404, "no such model"), 9, "error: the provider rejected the request: 404 no such model"),
        (completion(text="no"), 10, "error: the model made no tool call. It said: 'no'."),
        (completion([ROME], finish_reason="length"), 10, "error: "),
        (completion(refusal="not that"), 11, "error: the model refused, or the provider blocked: not that"),
    ],
    ids=lambda value: "",
)
def test_the_kind_of_error_is_the_exit_status(
    ask: Run, server: ChatServer, reply: tuple[int, str] | dict[str, object], status: int, said: str
) -> None:
    if isinstance(reply, tuple):
        code, message = reply
        server.enqueue(reply_json({"error": {"message": message}}, status=code))
    else:
        server.enqueue(reply_json(reply))

    result = ask(*WEATHER, "--max-retries", "0", "weather?")

    assert result.status == status
    assert result.err.startswith(said)
    assert "Traceback" not in result.err
    assert "sk-of-the-test" not in result.err


def test_no_connection_and_no_answer_are_one_kind(ask: Run, run: Run, server: ChatServer) -> None:
    server.enqueue(Reply(end=End.HANG))

    silent = ask(*WEATHER, "-o", "timeout=0.2", "weather?")
    nobody = ("--provider", "openai/m", "-s", "base_url=http://127.0.0.1:1/v1", "-s", "max_retries=0")
    unreachable = run("call", *nobody, *WEATHER, "weather?")

    assert (silent.status, unreachable.status) == (7, 7)
    assert silent.err.startswith("error: no answer in time: ")
    assert unreachable.err.startswith("error: no connection to the provider: ")
    assert "refused" in unreachable.err


def test_an_error_is_a_traceback_only_on_demand(ask: Run, server: ChatServer, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(2):
        server.enqueue(reply_json({"error": {"message": "bad key sk-of-the-test-123"}}, status=401))

    by_option = ask(*WEATHER, "weather?", "--debug")
    monkeypatch.setenv("POLYCALL_DEBUG", "1")
    by_variable = ask(*WEATHER, "weather?")

    for result in (by_option, by_variable):
        assert result.err.startswith("Traceback (most recent call last):")
        assert "openai.AuthenticationError" in result.err
        assert "sk-of-the-test" not in result.err


class TestAsAProcess:
    """What only a process shows."""

    def call(self, server: ChatServer, project: Path, *arguments: str, **options: Any) -> Result:
        target = ("--provider", "openai/gpt-4o-mini", "-s", f"base_url={server.url}", "-s", "max_retries=0")
        variables = {"OPENAI_API_KEY": "sk-of-the-test-123", **options.pop("variables", {})}
        return start("call", *target, *WEATHER, *arguments, cwd=project, variables=variables, **options)

    def test_a_piped_prompt_is_read_and_an_output_that_lacks_characters_gets_escapes(
        self, server: ChatServer, project: Path
    ) -> None:
        server.enqueue(reply_json(completion([OSLO], text="\N{SNOWMAN}")))

        result = self.call(server, project, input="weather in Oslo\n", variables={"PYTHONIOENCODING": "ascii"})

        assert server.bodies[0]["messages"][0]["content"] == "weather in Oslo"
        assert result.status == 0
        assert [line["arguments"] for line in result.lines] == [OSLO[1]]
        assert result.out.isascii()
        assert result.err == "\\u2603\n"

    def test_a_closed_pipe_ends_it_without_a_word(self, server: ChatServer, project: Path) -> None:
        calls = [("Weather", {"location": "x" * 2000})] * 200  # more than a pipe holds
        server.enqueue(reply_json(completion(calls)))
        command = (
            f"{sys.executable} -m polycall call --provider openai/m -s base_url={server.url} "
            "--tools app.models:Weather hi | head -n 1; echo ${PIPESTATUS[0]}"
        )

        done = subprocess.run(
            ["bash", "-c", command],
            cwd=project,
            env={**os.environ, "OPENAI_API_KEY": "sk-of-the-test-123"},
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )

        first, status = done.stdout.splitlines()
        assert json.loads(first)["tool"] == "Weather"
        assert (status, done.stderr) == ("141", "")

    def test_an_interrupt_keeps_what_was_streamed_and_closes_the_connection(
        self, server: ChatServer, project: Path
    ) -> None:
        signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in a shell's background jobs
        gate = Gate()
        pieces = sse(chunks([ROME, OSLO]))
        server.enqueue(reply_stream([*pieces[:9], gate, *pieces[9:]]))
        target = ("--provider", "openai/m", "-s", f"base_url={server.url}")
        with subprocess.Popen(
            [sys.executable, "-m", "polycall", "call", *target, *WEATHER, "--stream", "hi"],
            cwd=project,
            env={**os.environ, "OPENAI_API_KEY": "sk-of-the-test-123"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            assert process.stdout is not None
            line = process.stdout.readline()  # while the second call is being generated
            process.send_signal(signal.SIGINT)
            _, err = process.communicate(timeout=60)
        gate.open()

        assert json.loads(line)["arguments"] == ROME[1]
        assert (process.returncode, err) == (130, "")
