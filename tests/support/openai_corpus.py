"""Streams of Chat Completions as servers really send them, each with what a client has to make of it.

Built after public reports, whose numbers stand beside each; the texts are our own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from support.openai_replies import DONE, USAGE, JsonObject, call_chunk, chunk, chunks, sse

A = '{"query": "a"}'
B = '{"query": "b"}'
_UNCLOSED = '{"query": oops'
FINISH = chunk({}, finish_reason="tool_calls")


@dataclass(frozen=True)
class Stream:
    """A body, and the calls in it: names and arguments."""

    source: str
    body: bytes
    calls: Sequence[tuple[str, str | Mapping[str, object]]] = (("Search", A), ("Search", B))


def fragment(
    index: int | None = None, id: str | None = None, name: str | None = None, arguments: object = None
) -> JsonObject:
    """One entry of ``delta.tool_calls``, with what is given and nothing else."""
    made: JsonObject = {"function": {}}
    if index is not None:
        made["index"] = index
    if id is not None:
        made["id"] = id
    if name is not None:
        made["function"]["name"] = name
    if arguments is not None:
        made["function"]["arguments"] = arguments
    return made


def body(*stream: JsonObject, done: bool = True) -> bytes:
    return b"".join(sse([*stream, FINISH], done=done))


def each(*fragments: JsonObject) -> list[JsonObject]:
    """One chunk for each fragment."""
    return [call_chunk(one) for one in fragments]


_BOTH = [("Search", A), ("Search", B)]

STREAMS: Mapping[str, Stream] = {
    "as documented": Stream("OpenAI API description", b"".join(sse(chunks(_BOTH, usage=USAGE)))),
    "interleaved": Stream("sglang#4700", b"".join(sse(chunks(_BOTH, interleaved=True, piece_chars=3)))),
    "all index 0": Stream(
        "ollama#15457, vercel/ai#14277, ai-dynamo/dynamo#4723",
        body(*each(fragment(0, "x", "Search", A), fragment(0, "y", "Search", B))),
    ),
    "all index 0, in pieces": Stream(
        "su-kaka/gcli2api#406",
        body(
            *each(
                fragment(0, "x", "Search", ""),
                fragment(0, None, None, A[:5]),
                fragment(0, None, None, A[5:]),
                fragment(0, "y", "Search", ""),
                fragment(0, None, None, B),
            )
        ),
    ),
    "all index 0, empty ids": Stream(
        "ollama#15457 with llama.cpp#11992",
        body(*each(fragment(0, "", "Search", A), fragment(0, "", "Search", B))),
    ),
    "all index 0, the same id": Stream(
        "OpenRouterTeam/ai-sdk-provider#471",
        body(*each(fragment(0, "x", "Search", A), fragment(0, "x", "Search", B))),
    ),
    "a new id on each fragment": Stream(
        "litellm#40040",
        body(
            *each(
                fragment(0, "x", "Search", A[:4]),
                fragment(0, "y", None, A[4:9]),
                fragment(0, "z", None, A[9:]),
                fragment(1, "u", "Search", B[:3]),
                fragment(1, "v", None, B[3:]),
            )
        ),
    ),
    "a placeholder first": Stream(
        "openai/openai-agents-js#712, ogx#5462",
        body(*each(fragment(0, "x", "Search", "{}"), fragment(0, None, None, A), fragment(1, "y", "Search", B))),
    ),
    "placeholders first, the arguments in pieces": Stream(
        "openai/openai-agents-js#712, with two calls",
        body(
            *each(
                fragment(0, "x", "Search", "{}"),
                fragment(1, "y", "Search", "{ }"),
                fragment(0, None, None, A[:7]),
                fragment(0, None, None, A[7:]),
                fragment(1, None, None, B[:7]),
                fragment(1, None, None, B[7:]),
            )
        ),
    ),
    "a placeholder last": Stream(
        "openai/openai-agents-js#712, the other way round",
        body(*each(fragment(0, "x", "Search", A), fragment(0, None, None, "{}"), fragment(1, "y", "Search", B))),
    ),
    "the next call without id and name": Stream(
        "ollama#15457, without ids and names",
        body(*each(fragment(0, "x", "Search", A), fragment(0, None, None, B))),
    ),
    "no index, whole calls": Stream(
        "openai-python#2806, ollama#7881",
        body(*each(fragment(None, "x", "Search", A), fragment(None, "y", "Search", B))),
    ),
    "no index, whole calls, no ids": Stream(
        "THU-MAIC/OpenMAIC#1556", body(*each(fragment(None, "", "Search", A), fragment(None, "", "Search", B)))
    ),
    "no index, in pieces": Stream(
        "open-webui/computer#224",
        body(
            *each(
                fragment(None, "x", "Search", A[:6]),
                fragment(None, None, None, A[6:]),
                fragment(None, "y", "Search", B[:6]),
                fragment(None, None, None, B[6:]),
            )
        ),
    ),
    "index begins at 1, with a gap": Stream(
        "vercel/ai, fixture anthropic-fallback-tool-call",
        body(*each(fragment(1, "x", "Search", A), fragment(5, "y", "Search", ""), fragment(5, None, None, B))),
    ),
    "one index twice in a chunk": Stream(
        "openai-python#3201",
        body(
            call_chunk(fragment(0, "x", "Search", ""), fragment(0, None, None, A)),
            call_chunk(fragment(1, "y", "Search", None), fragment(1, None, None, B)),
        ),
    ),
    "id and name on each fragment": Stream(
        "llama.cpp#13774, SillyTavern#5948",
        body(
            *each(
                *(fragment(0, "x", "Search", piece) for piece in (A[:3], A[3:8], A[8:], "")),
                *(fragment(1, "y", "Search", piece) for piece in (B[:3], B[3:8], B[8:], "")),
            )
        ),
    ),
    "name empty at first": Stream(
        "vercel/ai#16507",
        body(*each(fragment(0, "x", "", ""), fragment(0, None, "Search", A), fragment(1, "y", "Search", B))),
    ),
    "name after the arguments": Stream(
        "vercel/ai#14722",
        body(*each(fragment(0, "x", None, A), fragment(0, "x", "Search", None), fragment(1, "y", "Search", B))),
    ),
    "name in pieces": Stream(
        "NVIDIA-NeMo/Switchyard#785",
        body(*each(fragment(0, "x", "Sea", ""), fragment(0, None, "rch", A), fragment(1, "y", "Search", B))),
    ),
    "name in pieces, the arguments before the second": Stream(
        "our random servers, seed 105",
        body(
            *each(
                fragment(0, "x", "Pin", "{}"),
                fragment(1, "y", "Sea", ""),
                fragment(0, None, "g", "\n"),
                fragment(1, None, "rch", A),
            )
        ),
        [("Ping", "{}\n"), ("Search", A)],
    ),
    "id and name on each fragment, and braces inside": Stream(
        "llama.cpp#13774",
        body(*each(*(fragment(0, "x", "Search", piece) for piece in ('{"query": ', '"b', "{c", "}", '"', "}")))),
        [("Search", '{"query": "b{c}"}')],
    ),
    "arguments as an object": Stream(
        "llama.cpp#20198",
        body(*each(fragment(0, "x", "Search", {"query": "a"}), fragment(1, "y", "Search", {"query": "b"}))),
        [("Search", {"query": "a"}), ("Search", {"query": "b"})],
    ),
    "no arguments": Stream(
        "vercel/ai#14722, sigoden/aichat#1217",
        body(*each(fragment(0, "x", "Ping", ""), fragment(1, "y", "Ping"), fragment(2, "z", "Ping", "{}"))),
        [("Ping", ""), ("Ping", ""), ("Ping", "{}")],
    ),
    "a summary at the end": Stream(
        "litellm#20480",
        body(
            *each(
                fragment(0, "x", "Search", A[:7]),
                fragment(0, None, None, A[7:]),
                fragment(1, "y", "Search", B),
                fragment(0, "x", "Search", A),
                fragment(1, "y", "Search", '"{\\"query\\": \\"b\\"}"'),
            )
        ),
    ),
    "all index 0, and a summary at the end": Stream(
        "ollama#15457 behind litellm#20480",
        body(
            *each(
                fragment(0, "x", "Search", A),
                fragment(0, "y", "Search", B),
                fragment(0, "x", "Search", A),
                fragment(0, "y", "Search", B),
            )
        ),
    ),
    "one id for all, and the name after the arguments": Stream(
        "OpenRouterTeam/ai-sdk-provider#471 with vercel/ai#14722",
        body(
            *each(
                fragment(0, "x", None, A),
                fragment(0, None, "Search"),
                fragment(1, "x", None, B),
                fragment(1, None, "Search"),
            )
        ),
    ),
    "arguments again without id and name": Stream(
        "sglang#23071",
        body(*each(fragment(0, "x", "Search", A), fragment(0, None, None, A))),
        [("Search", A)],
    ),
    "empty finish reason in the middle": Stream(
        "adolfousier/opencrabs#1499",
        body(
            chunk({"tool_calls": [fragment(0, "x", "Search", A)]}, finish_reason=""),
            *each(fragment(1, "y", "Search", B)),
        ),
    ),
    "finish reason with the last call": Stream(
        "vercel/ai, recordings of xAI and Groq",
        b"".join(
            sse(
                [
                    chunk(
                        {"tool_calls": [fragment(0, "x", "Search", A), fragment(1, "y", "Search", B)]},
                        finish_reason="stop",
                    )
                ]
            )
        ),
    ),
    "no finish reason": Stream("ollama, as pydantic-ai notes", b"".join(sse(chunks(_BOTH, finish_reason=None)))),
    "no [DONE]": Stream("open-octo/octo-agent#910", b"".join(sse(chunks(_BOTH), done=False))),
    "no blank line at the end": Stream("routstr-core#543", b"".join(sse(chunks(_BOTH), done=False)).rstrip()),
    "choices empty or null, delta null or missing": Stream(
        "semantic-kernel#3650, pydantic-ai#5165, openai-python#1677",
        b"".join(
            sse(
                [
                    {"id": "", "model": "", "choices": [], "prompt_filter_results": [{"prompt_index": 0}]},
                    {"choices": None},
                    *chunks(_BOTH, finish_reason=None),
                    chunk(None),
                    {"choices": [{"index": 0, "finish_reason": "tool_calls", "content_filter_results": {}}]},
                ]
            )
        ),
    ),
    "comments": Stream(
        "openai-go#227, openai-python#2722",
        b": OPENROUTER PROCESSING\n\n" + b": ping\n\n".join(sse(chunks(_BOTH))).replace(b"data", b"id: 7\ndata", 1),
    ),
    "comments as data": Stream("opencode#50871", b"data: : keepalive\n\n".join(sse(chunks(_BOTH)))),
    "CRLF": Stream("routstr-core#543", b"".join(sse(chunks(_BOTH), newline="\r\n"))),
    "CR": Stream("the SSE standard", b"".join(sse(chunks(_BOTH), newline="\r"))),
    "no space after data:": Stream("the SSE standard", b"".join(sse(chunks(_BOTH), space=False))),
    "an event in several data lines": Stream(
        "the SSE standard",
        b"\n".join(b"data: " + line for line in b'{"choices": [{"index": 0,\n"delta": {}}]}'.split(b"\n"))
        + b"\n\n"
        + b"".join(sse(chunks(_BOTH))),
    ),
    "a byte order mark": Stream("the SSE standard", b"\xef\xbb\xbf" + b"".join(sse(chunks(_BOTH)))),
    "extra fields": Stream(
        "OpenAI API description (obfuscation), vercel/ai recordings (x_groq)",
        b"".join(sse({**one, "obfuscation": "aX3", "x_groq": {"id": "r"}} for one in chunks(_BOTH))),
    ),
    "a call after text and reasoning": Stream(
        "DeepSeek", b"".join([*sse([chunk({"reasoning_content": "Hm"})], done=False), *sse(chunks(_BOTH, text="Aha"))])
    ),
    "the same call twice": Stream(
        "OpenAI function calling guide",
        b"".join(sse(chunks([("Search", A), ("Search", A)]))),
        [("Search", A), ("Search", A)],
    ),
    "characters outside the BMP": Stream(
        "UTF-8 cut anywhere",
        b"".join(sse(chunks([("Search", '{"query": "🏈é中"}')]))),
        [("Search", '{"query": "🏈é中"}')],
    ),
    "events after [DONE]": Stream("gateways that add their own", b"".join(sse(chunks(_BOTH))) + DONE),
}

NOT_CLOSED: Mapping[str, Stream] = {
    "calls after one that the model did not close, one id for all": Stream(
        "our random servers, seed 103; OpenRouterTeam/ai-sdk-provider#471",
        body(
            *each(
                fragment(None, "x", "Search", _UNCLOSED),
                fragment(None, "x", "Search", A[:4]),
                fragment(None, None, None, A[4:]),
                fragment(None, "x", "Search", B),
                fragment(None, "x", "Ping", "{}"),
            )
        ),
        [("Search", _UNCLOSED), ("Search", A), ("Search", B), ("Ping", "{}")],
    ),
    "calls after one that the model did not close, all index 0": Stream(
        "our random servers, seed 107; ollama#15457 with llama.cpp#20198 and vllm#54964",
        body(
            *each(
                fragment(0, None, "Search", _UNCLOSED),
                fragment(0, None, "Search", '"'),
                fragment(0, None, None, '{\\"query\\": \\"a\\"}"'),
                fragment(0, None, "Search", {"query": "b"}),
                fragment(0, None, "Ping", "{}"),
            )
        ),
        [("Search", _UNCLOSED), ("Search", '"{\\"query\\": \\"a\\"}"'), ("Search", {"query": "b"}), ("Ping", "{}")],
    ),
}
"""Streams with a call that the model did not close."""
