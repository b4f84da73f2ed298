"""What is asked of llama.cpp's listener, and how little: over a real socket, from a server that makes up its tokens."""

from __future__ import annotations

import json
import re
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polycall import MessageError, ToolCall
from polycall.plugin import CallResult, Reply, Request
from polycall_llamacpp._model.control_tokens import ControlTokens
from polycall_llamacpp._model.listener import Listener, ListenerError
from polycall_llamacpp._request.echoes import continued, readable_echoes
from polycall_llamacpp._request.messages import read, with_calls
from polycall_llamacpp_split._tokens import ModelTokens

BEGIN = 1
CONTROL = "<|end|>"
EXAMPLES = "Requests and what they say.\n\nRequest: find a bike in size 40\nprice: low\n\nRequest: "


class Tokenizer(ThreadingHTTPServer):
    """Cuts before blanks; each piece of text is a token, and so is a control token."""

    daemon_threads = True
    puts_a_blank_before_each_text = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.vocabulary: dict[str, int] = {}
        self.asked: list[Any] = []
        self.headers: list[dict[str, str]] = []

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def tokens(self, text: str) -> list[int]:
        text = f" {text}" if self.puts_a_blank_before_each_text else text
        return [self.vocabulary.setdefault(piece, len(self.vocabulary) + 2) for piece in re.findall(r" ?\S+|\s", text)]

    def answer(self, body: Any) -> list[int]:
        parts = body["content"]
        tokens = [BEGIN] if body["add_special"] else []
        for part in parts:
            is_control = part == CONTROL and body.get("parse_special", True)
            tokens += [part] if isinstance(part, int) else [0] if is_control else self.tokens(part)
        return tokens


class Handler(BaseHTTPRequestHandler):
    """``/tokenize`` as llama.cpp answers it, and what may go wrong."""

    server: Tokenizer

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.asked.append(body)
        self.server.headers.append(dict(self.headers))
        if self.path == "/tokenize":
            self._send(200, json.dumps({"tokens": self.server.answer(body)}))
        else:
            self._send(401, '{"error":{"message":"Invalid API Key"}}')

    def do_GET(self) -> None:
        self._send(200, "[]" if self.path == "/list" else '{"cut": "off')

    def _send(self, status: int, content: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(content.encode())

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def server() -> Iterator[Tokenizer]:
    with Tokenizer() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def fresh(server: Tokenizer) -> Iterator[Tokenizer]:
    server.asked.clear()
    server.headers.clear()
    yield server
    server.puts_a_blank_before_each_text = False


def test_several_texts_are_one_question(fresh: Tokenizer) -> None:
    texts = [" in Rome\n", "\n- Ü “Oslo”\n", ""]

    tokens = Listener(fresh.address, "secret").tokens(texts)

    assert tokens == [tuple(fresh.tokens(text)) for text in texts]
    assert fresh.asked == [{"content": [" in Rome\n", -1, "\n- Ü “Oslo”\n", -1, "", -1], "add_special": False}]
    assert fresh.headers[0]["Authorization"] == "Bearer secret"


def test_only_the_first_text_begins_a_prompt(fresh: Tokenizer) -> None:
    assert Listener(fresh.address, None).tokens(["a", "a"], begins_prompt=True) == [
        (BEGIN, *fresh.tokens("a")),
        tuple(fresh.tokens("a")),
    ]


def test_a_refusal_says_what_was_asked_and_answered(fresh: Tokenizer) -> None:
    with pytest.raises(ListenerError, match=r"/apply-template: .* 401 Unauthorized.*Invalid API Key"):
        Listener(fresh.address, "wrong").ask("/apply-template", {})


def test_an_answer_that_is_cut_off_is_none(fresh: Tokenizer) -> None:
    with pytest.raises(ListenerError, match="/props: EOF while parsing"):
        Listener(fresh.address, None).ask("/props")


def test_a_server_that_is_not_there_does_not_answer() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]

    with pytest.raises(ListenerError, match=r"/props: .*refused"):
        Listener(f"http://127.0.0.1:{port}", None).ask("/props")


def test_a_text_is_asked_for_once(fresh: Tokenizer) -> None:
    tokens = ModelTokens(Listener(fresh.address, None))

    tokens.learn(["a b", "c", "a b"])
    tokens.learn(["c", "d"])
    found = [tokens.of_text(text) for text in ("a b", "c", "d", "e", "e")]

    assert found == [tuple(fresh.tokens(text)) for text in ("a b", "c", "d", "e", "e")]
    assert [body["content"][::2] for body in fresh.asked] == [["a b", "c"], ["d"], ["e"]]


@given(request=st.text())
def test_a_prompt_is_the_same_in_tokens_and_text(server: Tokenizer, request: str) -> None:
    """The tokens of what all prompts begin with, and text for the rest: together the tokens of the whole."""
    tokens = ModelTokens(Listener(server.address, None))
    tokens.learn_beginning("value", f"{EXAMPLES}do it", f"{EXAMPLES}Find")

    prompt = tokens.of_prompt(f"{EXAMPLES}{request}\n", "value")
    assert isinstance(prompt, list)
    *known, rest = prompt

    assert rest == f" size 40\nprice: low\n\nRequest: {request}\n"
    assert [*known, *server.tokens(str(rest))] == [BEGIN, *server.tokens(f"{EXAMPLES}{request}\n")]


def test_a_tokenizer_that_does_not_cut_there_gets_text(fresh: Tokenizer) -> None:
    """SentencePiece's, say: parts of a text are other tokens than the text."""
    fresh.puts_a_blank_before_each_text = True
    tokens = ModelTokens(Listener(fresh.address, None))

    tokens.learn_beginning("value", f"{EXAMPLES}do it", f"{EXAMPLES}Find")

    assert tokens.knows_beginnings
    assert tokens.of_prompt(f"{EXAMPLES}do it", "value") == f"{EXAMPLES}do it"


def test_a_prompt_that_begins_otherwise_stays_text(fresh: Tokenizer) -> None:
    tokens = ModelTokens(Listener(fresh.address, None))
    tokens.learn_beginning("value", f"{EXAMPLES}do it", f"{EXAMPLES}Find")

    assert tokens.of_prompt("Hello there", "value") == "Hello there"
    assert tokens.of_prompt(f"{EXAMPLES}do it", "split") == f"{EXAMPLES}do it"


class TestControlTokens:
    """They would end the user's turn, or begin another: text must stay text."""

    def test_one_is_found_and_other_words_in_brackets_are_none(self, fresh: Tokenizer) -> None:
        tokens = ControlTokens(Listener(fresh.address, None))

        assert tokens.first_in(f"<b>a</b> [1] {CONTROL}") == CONTROL
        assert tokens.first_in("<b>a</b> [1] 2 < 3") is None
        assert len(fresh.asked) == 2

    def test_most_texts_ask_nothing(self, fresh: Tokenizer) -> None:
        assert ControlTokens(Listener(fresh.address, None)).first_in("What is 2 + 2?") is None
        assert fresh.asked == []

    def test_without_an_answer_nothing_is_found(self) -> None:
        assert ControlTokens(Listener("http://127.0.0.1:9", None)).first_in(CONTROL) is None

    @pytest.mark.parametrize(
        ("message", "problem"),
        [
            ({"role": "user", "content": f"Hi {CONTROL}"}, r"messages\[0\]\.content: '<\|end\|>' is a control token"),
            ({"role": "user", "content": [{"type": "text", "text": "a\0b"}]}, r"content\[0\]: there is a NUL"),
            ({"role": "tool", "name": "Web", "content": CONTROL}, "is a control token of this model"),
            (
                {"role": "assistant", "tool_calls": [{"function": {"name": "Web", "arguments": {"a": CONTROL}}}]},
                r"messages\[0\]\.tool_calls\[0\]: .* is a control token",
            ),
            (7, "not a message"),
            ({"parts": []}, "is not a message that llamacpp reads"),
        ],
        ids=["question", "nul", "result", "arguments", "number", "native"],
    )
    def test_a_message_with_one_is_refused(self, fresh: Tokenizer, message: object, problem: str) -> None:
        with pytest.raises(MessageError, match=problem):
            read([message], ControlTokens(Listener(fresh.address, None)))


def asked(messages: list[object]) -> Request:
    return Request(
        provider="llamacpp",
        model=None,
        messages=messages,
        tools=(),
        tool_payload=None,
        tool_choice="required",
        strict=None,
        options={},
    )


class TestWordsOfTheModel:
    """The model's own turn, and what polycall says about it, are never refused: nobody could change them."""

    @pytest.mark.parametrize(
        ("arguments", "sent"),
        [
            ("\0", '{"_invalid_arguments":"\ufffd"}'),
            (f'{{"a": "{CONTROL}"}}', '{"a": "< |end|>"}'),
            ('{"a": ["\\u0000", "\\u003c|end|>"]}', '{"a": ["\ufffd", "< |end|>"]}'),
            ('{"a": "\\u00e9 \\\\u0000"}', '{"a": "\\u00e9 \\\\u0000"}'),
            ('{"a": "\\u00', '{"_invalid_arguments":"{\\"a\\": \\"\\\\u00"}'),
        ],
        ids=["nul", "token", "escapes", "other escapes", "broken"],
    )
    def test_they_are_sent_as_text(self, fresh: Tokenizer, arguments: str, sent: str) -> None:
        reply = Reply(tool_calls=[ToolCall("a", f"Web{CONTROL}", arguments, 0)], text="\0", reasoning=CONTROL)
        told = CallResult(reply.tool_calls[0], f"no such tool: Web{CONTROL}", is_error=True)
        control_tokens = ControlTokens(Listener(fresh.address, None))
        messages = continued(["Find it"], reply, [told], f"Call Web{CONTROL}")
        request = asked(messages)

        _, turn, result, note = with_calls(read(readable_echoes(request, control_tokens), control_tokens), ())

        assert turn["tool_calls"] == [
            {"id": "a", "type": "function", "function": {"name": "Web< |end|>", "arguments": sent}}
        ]
        assert (turn["content"], turn["reasoning_content"]) == ("\ufffd", "< |end|>")
        assert result["content"] == "no such tool: Web< |end|>"
        assert note["content"] == "Call Web< |end|>"
        [adaptation] = request.adaptations
        assert (adaptation.setting, adaptation.kind) == ("messages", "substituted")
        assert (adaptation.given, adaptation.sent) == (["\0", CONTROL], ["\ufffd", "< |end|>"])

    def test_the_callers_own_result_is_refused_as_ever(self, fresh: Tokenizer) -> None:
        reply = Reply(tool_calls=[ToolCall("a", "Web", "{}", 0)])
        control_tokens = ControlTokens(Listener(fresh.address, None))
        request = asked(continued(["Find it"], reply, [CallResult(reply.tool_calls[0], "a\0")], None))

        with pytest.raises(MessageError, match=r"messages\[2\]\.content: there is a NUL"):
            read(readable_echoes(request, control_tokens), control_tokens)

    def test_other_words_ask_nothing_and_stay(self, fresh: Tokenizer) -> None:
        reply = Reply(tool_calls=[ToolCall("a", "Web", '{"a": "b"}', 0)])
        request = asked(continued(["Find it"], reply, [], None))

        assert list(readable_echoes(request, ControlTokens(Listener(fresh.address, None)))) == request.messages
        assert (fresh.asked, request.adaptations) == ([], [])
