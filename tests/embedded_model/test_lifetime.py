"""Memory is given back, and the process stays well-behaved: quiet, at exit, after a fork, with a server handed in."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable

import pytest

import polycall
from polycall_llamacpp._model.source import find_model

from .conftest import THREADS, Weather

pytestmark = [pytest.mark.model, pytest.mark.xdist_group("model")]

PRELUDE = """
import os, sys, threading
from collections.abc import Iterable
import polycall
from pydantic import BaseModel

class Weather(BaseModel):
    location: str

ROME = [{"role": "user", "content": "What is the weather in Rome?"}]

def client(**settings):
    return polycall.from_provider("llamacpp/smollm2", threads=1, **settings)
"""


def run(program: str) -> str:
    """What a program prints; it prints nothing on stderr, and ends well."""
    done = subprocess.run(
        [sys.executable, "-c", PRELUDE + program], capture_output=True, text=True, timeout=120, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_memory_is_given_back_on_the_last_close() -> None:
    sizes = run("""
def resident_mib():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20

with client() as warm_up:
    warm_up.create(ROME, Iterable[Weather])
before = resident_mib()
for _ in range(2):
    one, other = client(), client()
    one.create(ROME, Iterable[Weather])
    one.close()
    used = resident_mib() - before
    other.create(ROME, Iterable[Weather])
    other.close()
print(used, resident_mib() - before, threading.active_count())
""")

    used, left, threads = map(float, sizes.split())
    assert used > 80
    assert left < 20
    assert threads == 1


def test_a_client_that_is_dropped_gives_its_model_back() -> None:
    assert (
        run("""
import gc
from polycall_llamacpp._model.pool import pool

dropped = client()
assert len(pool._entries) == 1
del dropped
gc.collect()
for thread in threading.enumerate():
    if thread.name == "polycall-llamacpp-close":
        thread.join()
print(len(pool._entries))
""")
        == "0\n"
    )


def test_a_model_can_be_closed_right_after_loading_on_a_busy_machine() -> None:
    """llama.cpp's destructor waits forever for a thread that has not begun its loop."""
    busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(3)]
    try:
        closed = run("""
for _ in range(10):
    client(n_ctx=512, strategy="constrained").close()
print("closed")
""")
    finally:
        for process in busy:
            process.kill()
            process.wait()

    assert closed == "closed\n"


def test_exit_while_a_reply_is_generated_is_quiet() -> None:
    assert (
        run("""
begun = threading.Event()

def tell():
    story = [{"role": "user", "content": "Write a very long story."}]
    for _ in one.stream(story, Iterable[Weather], tool_choice="auto", deltas=True, max_tokens=3000).events():
        begun.set()

one = client()
threading.excepthook = lambda arguments: None
threading.Thread(target=tell, daemon=True).start()
begun.wait()
print("leaving")
""")
        == "leaving\n"
    )


FORKED = """
def tell(use):
    try:
        print("used", use(), flush=True)
    except polycall.ConfigurationError as error:
        print(str(error).partition(",")[0], flush=True)

one = client()
stream = one.stream(ROME, Iterable[Weather])
next(stream)
if CLOSED:
    stream.close()
    one.close()
sys.stdout.flush()
child = os.fork()
if child == 0:
    tell(client)
    if not CLOSED:
        tell(lambda: one.create(ROME, Iterable[Weather]))
        tell(lambda: list(stream))
    stream.close()
    one.close()
    sys.exit(7)
print("status", os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
if not CLOSED:
    print("parent", len(list(stream)), len(one.create(ROME, Iterable[Weather])))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="an ordinary exit of such a child needs glibc")
@pytest.mark.parametrize("closed", [False, True], ids=["open", "closed"])
def test_a_forked_child_is_told_and_ends_as_any_process(closed: bool) -> None:
    """llama.cpp's threads stay in the parent: whatever waits for them in the child would wait forever."""
    shown = run(FORKED.replace("CLOSED", str(closed))).splitlines()

    told = "This process was forked from one that had loaded a model"
    assert shown == ([told, "status 7"] if closed else [told, told, told, "status 7", "parent 0 1"])


def test_loading_tells_how_far_it_is() -> None:
    told: list[tuple[int, int]] = []
    path = find_model("smollm2").path
    assert path is not None
    size = path.stat().st_size

    polycall.from_provider(
        "llamacpp/smollm2", n_ctx=512, on_load_progress=lambda *step: told.append(step), strategy="constrained"
    ).close()

    assert told[-1] == (size, size)
    assert len(told) > 10
    assert told == sorted(told)


def test_a_server_of_the_callers_own_is_recognised_and_stays_open() -> None:
    import xllamacpp  # type: ignore[import-untyped]

    params = xllamacpp.CommonParams()
    params.model.path = str(find_model("smollm2").path)
    params.n_ctx, params.verbosity, params.warmup = 1024, -1, False
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = THREADS
    server = xllamacpp.Server(params)
    messages = [{"role": "user", "content": "What is the weather in Rome?"}]

    with polycall.from_client(server, async_client=False) as client:
        (call,) = client.create(messages, Iterable[Weather])
    with polycall.from_client(server, async_client=False, strategy="constrained") as client:
        assert len(client.create(messages, Iterable[Weather])) == 1

    with pytest.raises(polycall.ConfigurationError, match="n_ctx"):
        polycall.from_client(server, async_client=False, n_ctx=512)
    assert call.location == "Rome"
    assert "choices" in server.handle_completions({"prompt": "Hello", "max_tokens": 1})
