"""Plausible mistakes of a provider's author: each is a small change of Acme's plugin, and the check that must catch it.

A change is a pair of texts, the right one and the wrong one; a name that ends in ``.py`` before it says which file.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

PLUGIN, CLIENT = "__init__.py", "_client.py"


@dataclass(frozen=True)
class Mistake:
    """One mistake.

    Attributes:
        name: What the author did.
        check: The id of the check that catches it.
        changes: Texts of a file, the right one and the wrong one.
        way: The way in which it is caught.
    """

    name: str
    check: str
    changes: Sequence[tuple[str, str, str]]
    way: str = "create"


def _plugin(name: str, check: str, *texts: str, way: str = "create") -> Mistake:
    return Mistake(name, check, [(PLUGIN, *pair) for pair in zip(texts[::2], texts[1::2], strict=True)], way)


def _client(name: str, check: str, *texts: str, way: str = "create") -> Mistake:
    return Mistake(name, check, [(CLIENT, *pair) for pair in zip(texts[::2], texts[1::2], strict=True)], way)


_MAKE = 'call = self._maker.make(len(self._calls), id, name, "".join(arguments))'
_APPEND = "self._calls.append(call)"
_TURN = 'lines.append(encode_line("CALL", *(str(sendable(word)) for word in (call.id or "", call.name, arguments))))'
_RESULT = 'lines.append(encode_line("RESULT", message.call_id or "", "error" if message.is_error else "ok", text))'
_TEXT = 'text = str(sendable(text_of(message.parts, reader="Acme"), where=message.where))'
_OPTIONS = """options = translate_options(
        request.options,
        provider="acme",
        neutral=_OPTIONS,
        reserved={},
        known=None,
        defaults=request.default_options,
    )"""
_MESSAGES = 'for message in read_messages(request.messages, provider="acme"):'
_TOOL = 'encode_line("TOOL", tool.name, json.dumps(rendered[tool.name].schema), tool.description or "")'
_SEND = """    with closing(session.client.ask(body)) as reply:
        for piece in reply:
            meter.take(len(piece))
            pieces.append(piece)
    return pieces
"""
_SEND_ASYNC = """@hookimpl
async def polycall_send_async(session: AcmeSession, body: list[str]) -> list[bytes]:
    meter, pieces = session.meter(), []
    async with aclosing(await session.client.ask_async(body)) as reply:
        async for piece in reply:
            meter.take(len(piece))
            pieces.append(piece)
    return pieces
"""
_FEED = "return [event for line in self._reader.feed(chunk) for event in self._read(line)]"
_ERROR = "raise AcmeError(kind, message)"
_NOT_THE_PROTOCOL = 'raise ResponseError("This line is not Acme\'s protocol.", excerpt=excerpt(line))'
_USAGE = "self._usage = Usage(input_tokens=int(sent), output_tokens=int(received))"
_BIND = "return AcmeSession(client, settings.max_reply_bytes)"
_RECOGNIZE = "return ClientTraits(sync=True, asynchronous=True) if its_own else None"
_STRICT = """    if strict:
        raise SchemaError(tools[0].name, "Acme enforces no schema. Leave out strict=True.")
"""
_HOOKIMPL_BIND = "@hookimpl\ndef polycall_bind_client"

MISTAKES = (
    # A
    Mistake("ships no py.typed", "A11", [("py.typed", "", "")]),
    _plugin("misspells a hook", "A07", "# -- clients", "def polycal_close_client(session):\n    pass\n\n\n# -- clients"),
    _plugin("works for long when it is imported", "A04", "_DIALECT =", "_SLOW = [str(n) for n in range(3_000_000)]\n_DIALECT ="),
    # B
    _plugin("does not explain a setting", "B01", ', Field(description="Its port.")', ""),
    _plugin("keeps the token as text", "B02", "Annotated[SecretStr | None", "Annotated[str | None",
            "settings.token.get_secret_value()", "settings.token"),
    _plugin("shows the token in the URL", "B03", 'RenderedRequest(url=f"tcp://', 'RenderedRequest(url=f"tcp://{session.client._greeting}@'),
    _plugin("recognizes nothing", "B07", _RECOGNIZE, "return None"),
    _plugin("recognizes async clients as sync ones only", "B07", _RECOGNIZE,
            "return ClientTraits(sync=True, asynchronous=False) if its_own else None", way="create async"),
    _plugin("recognizes everything", "B08", _RECOGNIZE, "return ClientTraits(sync=True, asynchronous=True)"),
    _plugin("looks at any object's attributes", "B08", _RECOGNIZE,
            "return ClientTraits(sync=True, asynchronous=True) if client.host else None"),
    _plugin("recognizes by attributes", "B08", _RECOGNIZE,
            'return ClientTraits(sync=True, asynchronous=True) if getattr(client, "ask_async", None) else None'),
    _plugin("connects when it binds", "B09", _BIND, f"client.ask([]).close()\n    {_BIND}"),
    _plugin("takes settings that do nothing", "B10", "NEW_CLIENT_ONLY, ", ""),
    _plugin("closes a client that was handed in", "B11", _HOOKIMPL_BIND,
            "@hookimpl\ndef polycall_close_client(session):\n    session.client.port = 1\n    return True\n\n\n" + _HOOKIMPL_BIND),
    # C
    _plugin("sorts the tools", "C01", "for tool in tools\n    ]", "for tool in sorted(tools, key=lambda one: one.name)\n    ]"),
    _plugin("sorts the fields", "C01", "json.dumps(rendered[tool.name].schema)", "json.dumps(rendered[tool.name].schema, sort_keys=True)"),
    _plugin("drops the descriptions of tools", "C02", "tool.description or", '"" or'),
    _plugin("drops the descriptions of fields", "C02", "rendered[tool.name].schema)",
            "rendered[tool.name].schema, default=str).replace('description', 'comment').replace('fieldmark', '')"),
    _plugin("drops defaults", "C03", "rendered[tool.name].schema)",
            "{**rendered[tool.name].schema, 'properties': {name: {key: value for key, value in one.items() if key != "
            "'default'} for name, one in rendered[tool.name].schema['properties'].items()}})"),
    _plugin("sends the types of fields only", "C04", "rendered[tool.name].schema)",
            "{'type': 'object', 'properties': {name: {'type': one.get('type')} for name, one in "
            "rendered[tool.name].schema['properties'].items()}})"),
    _plugin("sends a type that the service cannot read", "C05", 'references="inline"', 'references="keep"'),
    _plugin("drops nested types", "C05", "rendered[tool.name].schema)",
            "{'type': 'object', 'properties': {name: {key: value for key, value in one.items() if key != 'properties'} "
            "for name, one in rendered[tool.name].schema['properties'].items()}})"),
    _plugin("drops unions", "C06", "rendered[tool.name].schema)",
            "{'type': 'object', 'properties': {name: {key: value for key, value in one.items() if key != 'anyOf' and "
            "key != 'oneOf'} for name, one in rendered[tool.name].schema['properties'].items()}})"),
    _plugin("drops bounds", "C09", "rendered[tool.name].schema)",
            "{'type': 'object', 'properties': {name: {key: value for key, value in one.items() if 'imum' not in key} "
            "for name, one in rendered[tool.name].schema['properties'].items()}})"),
    _plugin("drops what it does not know", "C11", "rendered[tool.name].schema)",
            "{'type': 'object', 'properties': {name: {key: value for key, value in one.items() if key not in "
            "('uniqueItems', 'not', 'minProperties')} for name, one in rendered[tool.name].schema['properties'].items()}})"),
    _plugin("ignores strict", "C12", _STRICT, ""),
    _plugin("ignores tool_choice", "C13", 'encode_line("CHOICE", tool_choice)', 'encode_line("CHOICE", "required")'),
    _plugin("offers 64 tools at most", "C14", "for tool in tools\n    ]", "for tool in tools[:64]\n    ]"),
    # D
    _plugin("shows another body than it sends", "D01", ", body=body)", ", body=[])"),
    _plugin("counts its requests in the body", "D01", "    return lines\n", '    return [*lines, f"OPTION n {len(_SEEN) or _SEEN.append(1)}"]\n',
            "_OPTIONS = {", "_SEEN: list[int] = []\n_OPTIONS = {"),
    _plugin("forgets the model", "D01", 'lines = [encode_line("MODEL", request.model)] if request.model else []', "lines = []"),
    _plugin("forgets the options", "D02", _OPTIONS, "options = {}"),
    _plugin("takes any option", "D03", _OPTIONS, "options = dict(request.options)"),
    _plugin("sends the system's words as the user's", "D05", '"system" if isinstance(message, SystemMessage) else "user"', '"user"'),
    _plugin("refuses the role system", "D05", _TEXT,
            f"if isinstance(message, SystemMessage):\n            refuse_native(message, 'acme')\n        {_TEXT}"),
    _plugin("does not expect foreign objects", "D06", """        if isinstance(message, NativeMessage):
            refuse_native(message, "acme")
""", ""),
    _plugin("does not expect lone surrogates", "D06", _TEXT, 'text = text_of(message.parts, reader="Acme")'),
    _plugin("marks the caller's messages", "D07", f"    {_MESSAGES}",
            f"    for one in request.messages:\n        one['seen'] = True\n    {_MESSAGES}"),
    _plugin("sends before the result is awaited", "D08", _SEND_ASYNC, """@hookimpl
def polycall_send_async(session, body):
    pieces = polycall_send(session, body)

    async def done():
        return pieces

    return done()
""", way="create async"),
    _plugin("sends everything twice", "D09", "    with closing(session.client.ask(body)) as reply:\n",
            "    with closing(session.client.ask(body)) as reply:\n        list(reply)\n    with closing(session.client.ask(body)) as reply:\n"),
    _plugin("sends arguments that are not JSON", "D10", "replayable_arguments(call.arguments_text)", "call.arguments_text"),
    # E
    _plugin("drops the third call", "E01", f"{_APPEND}\n                return [CallCompleted(call)]",
            f"if len(self._calls) == 2:\n                    return []\n                {_APPEND}\n                return [CallCompleted(call)]"),
    _plugin("gives each call the index 0", "E01", _MAKE, _MAKE.replace("len(self._calls)", "0")),
    _plugin("makes up ids", "E02", _MAKE, _MAKE.replace(" id,", " None,")),
    _plugin("joins ids and names", "E02", _MAKE, _MAKE.replace(" id,", " id + name,")),
    _plugin("writes ids in small letters", "E02", _MAKE, _MAKE.replace(" id,", " id.lower(),")),
    _client("takes a plus for a space", "E02", "unquote(word)", "unquote(word.replace('%2B', ' '))"),
    _plugin("keeps ids that are empty or doubled", "E03", _MAKE, _MAKE[:-1] + ", id=id)",
            "id=id)", "id=id or 'none')"),
    _plugin("does not know the ids of earlier turns", "E04", "CallIds(earlier_call_ids(request.messages))", "CallIds()"),
    _plugin("strips blanks from arguments", "E05", _MAKE, _MAKE.replace('"".join(arguments)', '"".join(arguments).replace(" ", "")')),
    _plugin("gives arguments for none", "E06", '"".join(arguments)', '"".join(arguments) or "nothing"'),
    _plugin("keeps ASCII only", "E07", '"".join(arguments)', '"".join(arguments).encode("ascii", "ignore").decode()'),
    _plugin("reads numbers as floats", "E08", '"".join(arguments)', 'json.dumps(json.loads("".join(arguments), parse_int=float))'),
    _plugin("reads one piece of a reply", "E10", "            pieces.append(piece)\n    return pieces\n\n\n@hookimpl\nasync",
            "            pieces.append(piece)\n            break\n    return pieces\n\n\n@hookimpl\nasync"),
    _client("reads lines of a limited length", "E10", "self.reader.read(_PIECE_BYTES)", "self.reader.readline()", way="create async"),
    _plugin("takes 64 calls at most", "E11", f"{_APPEND}\n", f"{_APPEND}\n                if len(self._calls) > 64:\n                    return [self._calls.pop()][:0]\n"),
    _plugin("drops calls of unknown tools", "E12", _MAKE, f"if not self._maker.is_tool(name):\n                    return []\n                {_MAKE}"),
    _plugin("stumbles over broken arguments", "E13", _MAKE, f'json.loads("".join(arguments) or "null")\n                {_MAKE}'),
    _plugin("joins texts by line breaks", "E14", '"".join(self._text)', '"\\n".join(self._text)'),
    _plugin("loses the text beside calls", "E14", '"".join(self._text) or None', 'None if self._calls else "".join(self._text)'),
    _plugin("maps unknown finish reasons to stop", "E15", "FinishReason.OTHER", "FinishReason.STOP"),
    _plugin("loses the service's word", "E15", "raw_finish_reason=self._reason", "raw_finish_reason=None"),
    _plugin("believes the finish reason", "E16", "tool_calls=self._calls,", 'tool_calls=self._calls if self._reason != "stop" else [],'),
    # F
    _plugin("tells calls at the end only", "F02", _FEED, "for line in self._reader.feed(chunk):\n            self._read(line)\n        return []", way="stream"),
    _plugin("takes pieces for lines", "F04", "self._reader.feed(chunk)", "chunk.splitlines()", way="stream"),
    _plugin("takes pieces for lines, async", "F06", "self._reader.feed(chunk)", "chunk.splitlines()", way="stream async"),
    _plugin("does not expect pings", "F12", '            case ["PING"]:\n                pass\n', "", way="stream"),
    _plugin("takes any end for the end", "F14", "saw_end=self.done", "saw_end=True", way="stream"),
    _plugin("does not know the length limit", "F15", ', "length": FinishReason.LENGTH', ', "length": FinishReason.STOP'),
    _plugin("takes an error for the end", "F16", _ERROR, "self.done = True", way="stream"),
    _plugin("gives 0 for counts that were not sent", "F17", "usage=self._usage,", "usage=self._usage or Usage(input_tokens=0, output_tokens=0),"),
    _plugin("loses the counts", "F17", "usage=self._usage,", "usage=None,"),
    _plugin("swaps the counts", "F17", _USAGE, "self._usage = Usage(input_tokens=int(received), output_tokens=int(sent))"),
    _plugin("tells pieces that nobody asked for", "F18", "return [TextDelta(text)] if self._deltas else []", "return [TextDelta(text)]", way="stream"),
    _plugin("tells no pieces", "F18", "return [TextDelta(text)] if self._deltas else []", "return []", way="stream"),
    _plugin("waits for the end of the body", "F19", "                self.done = True\n            case", "            case",
            "saw_end=self.done", "saw_end=self._reason is not None", way="stream async"),
    # G
    _plugin("answers with the name in place of the id", "G01", _RESULT, _RESULT.replace("message.call_id", "message.name")),
    _plugin("answers the last call first", "G01", f"    {_MESSAGES}", "    for message in reversed(read_messages(request.messages, provider=\"acme\")):".replace("    for", "    for")),
    _plugin("answers one call only", "G01", f"            {_RESULT}\n", f"            if not any(line.startswith('RESULT') for line in lines):\n                {_RESULT}\n"),
    _plugin("marks no result as failed", "G02", _RESULT, _RESULT.replace('"error" if message.is_error else "ok"', '"ok"')),
    _plugin("marks every result as failed", "G02", _RESULT, _RESULT.replace('"error" if message.is_error else "ok"', '"error"')),
    _plugin("drops what is said after results", "G14", f"        {_TEXT}\n",
            f"        {_TEXT}\n        if lines[-1].startswith('RESULT') and not isinstance(message, (ToolMessage, AssistantMessage)):\n            continue\n"),
    _plugin("drops the note", "G05", f"        {_TEXT}\n",
            f"        {_TEXT}\n        if lines[-1].startswith('RESULT') and not isinstance(message, (ToolMessage, AssistantMessage)):\n            continue\n"),
    _plugin("forgets the words of a turn with calls", "G07", "if text or not calls:", "if not calls:"),
    _plugin("forgets the arguments of a turn", "G07", _TURN, _TURN.replace("call.name, arguments", 'call.name, "{}"')),
    _plugin("gives the calls of a turn new ids", "G07", _TURN, _TURN.replace('call.id or ""', "call.name")),
    _plugin("puts each result behind its call", "G08", f"            {_RESULT}\n",
            f"            at = next(n for n, line in enumerate(lines) if line.startswith(f'CALL {{message.call_id}} '))\n            {_RESULT}\n            lines.insert(at + 1, lines.pop())\n"),
    _plugin("forgets the turn", "G09", f"            {_TURN}\n", "            pass\n"),
    _plugin("cuts results", "G11", _RESULT, _RESULT.replace("text))", "text[:1000]))")),
    _plugin("keeps the last turn only", "G12", "    return lines\n",
            "    calls = [at for at, line in enumerate(lines) if line.startswith('CALL')]\n    return lines[: calls[0]] + lines[calls[-1] :] if calls else lines\n"),
    # H
    _plugin("wraps the SDK's error", "H01", _ERROR, "raise RuntimeError(message)"),
    _plugin("loses the service's words", "H01", _ERROR, 'raise AcmeError(kind, "failed")'),
    _plugin("makes every error its own", "H02", _ERROR, "raise ResponseError(message)"),
    _client("has no time-out of its own", "H05", "        while piece := self.connection.recv(_PIECE_BYTES):\n            yield piece",
            "        try:\n            while piece := self.connection.recv(_PIECE_BYTES):\n                yield piece\n        except TimeoutError as error:\n            raise RuntimeError('slow') from error"),
    _client("hides that nobody is there", "H06", "        connection = socket.create_connection((self.host, self.port), self.timeout)\n",
            "        try:\n            connection = socket.create_connection((self.host, self.port), self.timeout)\n        except OSError as error:\n            raise RuntimeError('nobody') from error\n"),
    _plugin("skips lines that it does not know", "H08", _NOT_THE_PROTOCOL, "pass"),
    _plugin("shows nothing of what came", "H08", "excerpt=excerpt(line)", 'excerpt=""'),
    _plugin("raises a bare ValueError", "H08", _NOT_THE_PROTOCOL, "raise ValueError(line)"),
    _plugin("makes a refusal an answer", "H13", "raise RefusalError(reason)", 'self._reason, self.done = "refused", True'),
    # I, J
    _plugin("decodes otherwise when it streams", "I01", "call = self._maker", 'name = name if not self._stream else name.lower()\n                call = self._maker',
            "self.done = False\n", "self.done = False\n        self._stream = request.stream\n"),
    _plugin("closes no stream", "J02", "chunk_stream(session.client.ask(body))", "chunk_stream(_forget(session.client.ask(body)))",
            "@hookimpl\ndef polycall_open_stream(", "_OPEN = []\n\n\ndef _forget(reply):\n    _OPEN.append(reply)\n    yield from reply\n\n\n@hookimpl\ndef polycall_open_stream(", way="stream"),
    _plugin("closes no async stream", "J03", "async_chunk_stream(await session.client.ask_async(body))",
            "async_chunk_stream(_forget(await session.client.ask_async(body)))",
            "@hookimpl\nasync def polycall_open_stream_async(",
            "_OPEN = []\n\n\nasync def _forget(reply):\n    _OPEN.append(reply)\n    async for piece in reply:\n        yield piece\n\n\n@hookimpl\nasync def polycall_open_stream_async(", way="stream async"),
    _plugin("swallows a cancellation", "J04", "    async with aclosing(await session.client.ask_async(body)) as reply:\n        async for piece in reply:\n            meter.take(len(piece))\n            pieces.append(piece)\n    return pieces\n",
            "    try:\n        async with aclosing(await session.client.ask_async(body)) as reply:\n            pieces = [piece async for piece in reply]\n    except BaseException:\n        pass\n    return pieces\n", way="create async"),
    _plugin("leaves a thread behind", "J06", _BIND, f"import threading\n\n    threading.Thread(target=threading.Event().wait, daemon=True).start()\n    {_BIND}"),
    _plugin("leaves connections to the garbage collector", "J07", _SEND, "    for piece in session.client.ask(body):\n        pieces.append(piece)\n    return pieces\n"),
    # K
    _plugin("keeps the body in the session, async", "K01", "    async with aclosing(await session.client.ask_async(body)) as reply:",
            "    import asyncio\n\n    session.body = body\n    await asyncio.sleep(0)\n    async with aclosing(await session.client.ask_async(session.body)) as reply:", way="create async"),
    _plugin("keeps the body in the session", "K02", "    with closing(session.client.ask(body)) as reply:",
            "    import time\n\n    session.body = body\n    time.sleep(0.002)\n    with closing(session.client.ask(session.body)) as reply:"),
    _plugin("shares the text between replies", "K03", "self._text: list[str] = []", "self._text = _TEXTS", "class AcmeDecoder:", "_TEXTS: list[str] = []\n\n\nclass AcmeDecoder:", way="stream"),
    _plugin("keeps tools by their number", "K04", "    return RenderedTools([*lines, encode_line(\"CHOICE\", tool_choice)], rendered)",
            "    made = RenderedTools([*lines, encode_line(\"CHOICE\", tool_choice)], rendered)\n    return _KEPT.setdefault(len(tools), made)", "_DIALECT =", "_KEPT = {}\n_DIALECT ="),
    # L
    _plugin("shows the token in errors", "L01", _ERROR, 'raise AcmeError(kind, f"{message} for {self._session.client._greeting}")',
            "        self.done = False\n", "        self.done = False\n        self._session = session\n"),
    _plugin("keeps the token in the repr of its decoder", "L01", "    def feed(self", "    def __repr__(self) -> str:\n        return str(self._session.client._greeting)\n\n    def feed(self",
            "        self.done = False\n", "        self.done = False\n        self._session = session\n"),
    _client("logs what it sends", "L02", '        return "".join', '        import logging\n\n        logging.getLogger("acme").debug("sending %s", self._greeting)\n        return "".join'),
    _plugin("has no limit of a reply's size", "L04", "return ReplyMeter(self.max_reply_bytes)", "return ReplyMeter()"),
    _plugin("parses arguments without a limit of depth", "L05", _MAKE, f'try:\n                    json.loads("".join(arguments))\n                except ValueError:\n                    pass\n                {_MAKE}'),
    _plugin("uses eval", "L07", 'name, "".join(arguments))', 'name, eval("str")("".join(arguments)))'),
    # M, N
    _plugin("makes up a total", "M02", _USAGE, "self._usage = Usage(input_tokens=int(sent), output_tokens=int(received), total_tokens=int(sent) + int(received))"),
    _plugin("makes up a model", "M06", "usage=self._usage,", 'usage=self._usage,\n            model="coyote-1",'),
    _plugin("looks at each call again for each line", "N03", "        self._lines.append(line)\n", "        self._lines.append(line)\n        sum(len(call.id) for call in self._calls)\n"),
)  # fmt: skip
"""Every mistake."""
