"""What a check gets: the double, clients, the four ways to ask, expectations that say what came and what was due."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, NoReturn, Self, TypeVar

from pydantic import BaseModel

import polycall
from polycall.testing._conformance.answers import Scripted, Told
from polycall.testing._conformance.checks_table import Check
from polycall.testing._conformance.doubles import WireDouble

T = TypeVar("T")

SHOWN_CHARACTERS = 600


class Weather(BaseModel):
    """Get the weather of a place."""

    location: str
    units: Literal["imperial", "metric"] = "metric"


class Search(BaseModel):
    """Search the web."""

    query: str


TOOLS: Any = list[Weather | Search]
MESSAGES: Sequence[Mapping[str, str]] = ({"role": "user", "content": "What is the weather, and who won?"},)


class ConformanceFailure(AssertionError):
    """A provider does not pass a check.

    Attributes:
        check: The check's id.
        hook: The hook that most likely breaks the rule.
    """

    def __init__(self, message: str, *, check: str, hook: str) -> None:
        super().__init__(message)
        self.check = check
        self.hook = hook


class NothingToTest(Exception):
    """There is nothing to test, for a reason that the capabilities give."""


class Clients:
    """The clients of one run: made once, used by all its checks."""

    def __init__(self, double: WireDouble) -> None:
        self._double = double
        self._sync: polycall.Client | None = None
        self._async: polycall.AsyncClient | None = None
        self.remembered: dict[str, object] = {}

    @property
    def sync(self) -> polycall.Client:
        """The sync one."""
        if self._sync is None:
            self._sync = self._double.client()
        return self._sync

    @property
    def asynchronous(self) -> polycall.AsyncClient:
        """The async one, of one event loop."""
        if self._async is None:
            self._async = self._double.async_client()
        return self._async

    async def close(self) -> None:
        """Close both."""
        if self._sync is not None:
            self._sync.close()
        if self._async is not None:
            await self._async.close()


class Trial:
    """One check in one way.

    Attributes:
        check: The check.
        way: Of `EVERY_WAY`.
        double: The provider's double, with nothing scripted.
    """

    def __init__(self, check: Check, way: str, double: WireDouble, clients: Clients) -> None:
        self.check = check
        self.way = way
        self.double = double
        self.clients = clients
        self.streamed = way.startswith("stream")
        self.asynchronous = way.endswith("async")

    def remember(self, key: str, make: Callable[[], T]) -> T:
        """What ``make`` returns, made once for a whole run."""
        if key not in self.clients.remembered:
            self.clients.remembered[key] = make()
        return self.clients.remembered[key]  # type: ignore[return-value]  # made by `make`

    # -- asking

    def script(self, *replies: Scripted) -> None:
        """Add replies, one for each coming request."""
        self.double.queue.extend(replies)

    def options(self, **options: Any) -> dict[str, Any]:
        """The arguments of ``create()``, with defaults."""
        return {"messages": list(MESSAGES), "response_model": TOOLS, "max_retries": 0, **options}

    async def ask(self, *replies: Scripted, client: Any = None, **options: Any) -> polycall.Calls[Any]:
        """Script replies and ask in this trial's way; all calls."""
        self.script(*replies)
        arguments = self.options(**options)
        deltas = {"deltas": arguments.pop("deltas")} if "deltas" in arguments else {}
        if not self.asynchronous:
            sync = client or self.clients.sync
            if not self.streamed:
                return _calls(sync.create(**arguments))
            with sync.stream(**arguments, **deltas) as stream:
                return stream.collect()
        asynchronous = client or self.clients.asynchronous
        if not self.streamed:
            return _calls(await asynchronous.create(**arguments))
        async with asynchronous.stream(**arguments, **deltas) as stream:
            return _calls(await stream.collect())

    async def error_of(
        self,
        *replies: Scripted,
        due: type[BaseException] | tuple[type[BaseException], ...],
        hook: str | None = None,
        **options: Any,
    ) -> Any:
        """Ask, and expect an error, which is returned."""
        names = " or ".join(one.__name__ for one in (due if isinstance(due, tuple) else (due,)))
        try:
            calls = await self.ask(*replies, **options)
        except due as error:
            return error
        except Exception as error:
            self.fail(f"{type(error).__name__}: {error}", names, hook, cause=error)
        else:
            self.fail(f"no error, but {list(calls)!r}", names, hook)

    def sdk_errors(self, kind: str) -> tuple[type[Exception], ...]:
        """The SDK's exceptions for a kind of fault, as the double names them; none if it names none."""
        errors = self.double.errors.get(kind, ())
        return errors if isinstance(errors, tuple) else (errors,)

    async def events_of(self, *replies: Scripted, **options: Any) -> tuple[list[Any], polycall.Calls[Any]]:
        """Stream, and collect every event, with deltas."""
        self.script(*replies)
        arguments = self.options(deltas=True, **options)
        if self.asynchronous:
            async with self.clients.asynchronous.stream(**arguments) as asynchronous:
                return [event async for event in asynchronous.events()], asynchronous.calls
        with self.clients.sync.stream(**arguments) as stream:
            return list(stream.events()), stream.calls

    def open(self, client: Any = None, **options: Any) -> AnyStream:
        """Open a stream, sync or async, behind one async face."""
        made = client or (self.clients.asynchronous if self.asynchronous else self.clients.sync)
        return AnyStream(made.stream(**self.options(**options)), self.asynchronous)

    @property
    def told(self) -> Sequence[Told]:
        """Every request of this check so far."""
        return self.double.told

    # -- expectations

    def equal(self, came: object, due: object, what: str, hook: str | None = None) -> None:
        """Expect a value."""
        if came != due:
            self.fail(f"{what}: {came!r}", f"{due!r}", hook)

    def true(self, condition: object, came: str, due: str, hook: str | None = None) -> None:
        """Expect something to hold."""
        if not condition:
            self.fail(came, due, hook)

    def fail(self, came: str, due: str, hook: str | None = None, cause: BaseException | None = None) -> NoReturn:
        """Fail this check.

        Raises:
            ConformanceFailure: Always.
        """
        raise failure(self.check, self.way, self.double.provider, came, due, hook) from cause


def _calls(made: Any) -> polycall.Calls[Any]:
    """What a client of unknown kind has answered."""
    assert isinstance(made, polycall.Calls)
    return made


class AnyStream:
    """A sync or an async stream, used by ``await``; the sync one blocks."""

    def __init__(self, stream: Any, asynchronous: bool) -> None:
        self.stream = stream
        self._asynchronous = asynchronous

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self.close()

    async def next(self) -> Any:
        """The next call."""
        return await anext(self.stream) if self._asynchronous else await asyncio.to_thread(next, self.stream)

    async def rest(self) -> list[Any]:
        """The calls that are left."""
        return [call async for call in self.stream] if self._asynchronous else list(self.stream)

    async def close(self) -> None:
        """Leave."""
        if self._asynchronous:
            await self.stream.close()
        else:
            self.stream.close()

    @property
    def calls(self) -> polycall.Calls[Any]:
        """What was complete so far."""
        return self.stream.calls  # type: ignore[no-any-return]


def failure(check: Check, way: str, provider: str, came: str, due: str, hook: str | None = None) -> ConformanceFailure:
    """The error of a check that is not passed."""
    hook = hook or check.hook
    return ConformanceFailure(
        f"{provider} does not pass {check.id} {check.name} ({way}), most likely for {hook}.\n"
        f"  rule:  {check.rule}\n"
        f"  came:  {_shown(came)}\n"
        f"  due:   {_shown(due)}\n"
        f"  See {check.link}.",
        check=check.id,
        hook=hook,
    )


def _shown(text: str) -> str:
    return text if len(text) <= SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS]}... ({len(text)} characters)"
