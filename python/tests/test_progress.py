"""``terrarium.progress``: the caller hears the latest at most every 10 ms, and the last before the answer."""

import pytest
import terrarium
from connection import eventually
from host import TRANSPORTS

SYNC = """
import asyncio, contextvars, os, threading, time
from terrarium import progress, tool

@tool
def work(steps: int, pause: float = 0):
    for step in range(1, steps + 1):
        progress(step, steps, f"step {step}")
        time.sleep(pause)
    return steps

@tool
def held(gate: str):
    progress(1)
    progress(2)
    while not os.path.exists(gate):
        time.sleep(0.001)
    return "done"

@tool
def odd():
    progress(None, None, "x" * 2_000)
    return None

@tool
def large():
    progress(2**60, 2.5)
    return None

@tool
def wrong(value=None):
    progress(value)

@tool
def in_thread():
    context = contextvars.copy_context()
    threads = [threading.Thread(target=progress, args=(1,)), threading.Thread(target=context.run, args=(progress, 2))]
    for thread in threads:
        thread.start()
        thread.join()

@tool
def in_child():
    pid = os.fork()
    if pid == 0:
        progress(1)
        os._exit(7)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

@tool
def raises():
    progress(5)
    raise ValueError("no")

@tool
def threads():
    return sorted(thread.name for thread in threading.enumerate())

@tool
def count(n: int):
    for item in range(n):
        progress(item)
        yield item
"""

ASYNC = """
import asyncio
from terrarium import progress, tool

@tool
async def work_async(steps: int, pause: float = 0):
    for step in range(1, steps + 1):
        progress(step, steps, f"step {step}")
        await asyncio.sleep(pause)
    return steps

@tool
async def in_tasks():
    await asyncio.gather(asyncio.create_task(report(1)), asyncio.to_thread(progress, 2))

async def report(done):
    progress(done)
"""

KINDS = {"sync": (["sync.py"], "work"), "async": (["sync.py", "later.py"], "work_async"), "all async": (["later.py"], "work_async")}

pytestmark = pytest.mark.parametrize("transport", TRANSPORTS)


@pytest.fixture
def start(host, file):
    """A function that makes a worker with the tools of these files ready."""
    sources = {"sync.py": SYNC, "later.py": ASYNC}
    return lambda names=("sync.py",): host.ready(*[file(name, sources[name]) for name in names])


@pytest.mark.parametrize("kind", KINDS)
def test_each_step_that_is_slow_is_told_in_order(start, kind):
    files, tool = KINDS[kind]
    worker = start(files)
    id = worker.call(tool, {"steps": 3, "pause": 0.03}, progress=True)
    assert worker.value(id) == 3
    assert worker.progress[id] == [(1, 3, "step 1"), (2, 3, "step 2"), (3, 3, "step 3")]
    assert worker.violations == []


@pytest.mark.parametrize("kind", KINDS)
def test_of_many_steps_in_a_moment_few_are_told_the_last_one_before_the_answer(start, kind):
    files, tool = KINDS[kind]
    worker = start(files)
    id = worker.call(tool, {"steps": 5_000}, progress=True)
    assert worker.value(id) == 5_000
    told = [done for done, _, _ in worker.progress[id]]
    assert told[0] == 1 and told[-1] == 5_000
    assert told == sorted(told) and len(told) < 1_000
    assert worker.violations == []


def test_what_came_too_soon_is_told_while_the_tool_goes_on(start, folder):
    worker = start()
    id = worker.call("held", {"gate": str(folder / "gate")}, progress=True)
    told = lambda: [done for done, _, _ in worker.progress.get(id, [])]  # noqa: E731
    eventually("both are told", lambda: told() == [1, 2])
    (folder / "gate").touch()
    assert worker.value(id) == "done"


def test_without_a_listener_nothing_is_sent(start):
    worker = start()
    assert worker.run("work", steps=3, pause=0.02) == 3
    assert worker.progress == {}
    assert "terrarium-progress" not in worker.run("threads")


def test_a_failure_comes_after_the_last_progress(start):
    worker = start()
    id = worker.call("raises", progress=True)
    assert worker.answer(id).type == "ValueError"
    assert worker.progress[id] == [(5, None, "")]


def test_what_may_be_told(start):
    worker = start()
    for tool, told in {"odd": (None, None, "x" * 1_000), "large": (float(2**60), 2.5, "")}.items():
        id = worker.call(tool, progress=True)
        worker.answer(id)
        assert worker.progress[id] == [told]


def test_what_is_no_number_is_a_type_error_with_and_without_a_listener(start):
    worker = start()
    for progress in (True, False):
        failure = worker.answer(worker.call("wrong", {"value": "half"}, progress=progress))
        assert (failure.type, failure.message) == ("TypeError", "done must be a number or None, not str")


def test_threads_with_the_context_of_the_call_and_tasks_tell_it(start):
    worker = start(["sync.py", "later.py"])
    id = worker.call("in_thread", progress=True)
    assert worker.value(id) is None
    assert [done for done, _, _ in worker.progress[id]] == [2]
    id = worker.call("in_tasks", progress=True)
    assert worker.value(id) is None
    assert {done for done, _, _ in worker.progress[id]} <= {1, 2}


def test_a_child_that_the_tool_forks_tells_nothing_and_hurts_nothing(start):
    worker = start()
    id = worker.call("in_child", progress=True)
    assert worker.value(id) == 7
    assert worker.progress == {}
    assert worker.run("work", steps=1) == 1


def test_a_stream_tells_it_beside_its_items(start):
    worker = start()
    id = worker.stream("count", {"n": 3}, progress=True)
    assert worker.rest(id) == [0, 1, 2]
    assert worker.value(id) is None
    assert worker.progress[id][-1] == (2, None, "")


def test_outside_a_call_it_does_nothing(transport):
    assert terrarium.progress(1, 2, "not heard") is None
