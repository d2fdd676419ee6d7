"""C5: after the order to end no call begins. Calls that have not begun are cancelled, whenever they come."""

import inspect
import signal
import threading
import time

import pytest
from terrarium._calls import Call, MainThread, Replies
from terrarium._outbox import Outbox
from terrarium._tools import Tool
from terrarium.v1 import session_pb2 as wire


class Harness:
    """A main thread with one tool. The test takes the place of the host."""

    def __init__(self):
        self.ran = []
        self.outbox = Outbox()
        self.replies = Replies(self.outbox, 1024)
        self.main_thread = MainThread(self.replies)

    def tool(self):
        self.ran.append("ran")

    def call(self, id):
        call = Call(id, Tool("tool", self.tool, inspect.signature(self.tool)), b"\x80", 0)
        self.replies.received(call)
        self.main_thread.submit(call)

    def cancelled(self):
        """The ids of the calls that were answered as cancelled before they began; no call may be open."""
        assert self.replies.open == {}
        frames = next(self.outbox).frames
        failures = [frame.failure for frame in frames]
        assert {failure.code for failure in failures} == {wire.FAILURE_CODE_CANCELLED}
        assert all(failure.not_begun for failure in failures)
        return sorted(failure.id for failure in failures)


@pytest.mark.parametrize("when", ["before the order", "behind the order", "after the end"])
def test_c5_a_call_is_cancelled_if_it_comes(when):
    harness = Harness()
    if when == "before the order":
        harness.call(1)
    harness.main_thread.stop()
    if when == "behind the order":
        harness.call(1)
    harness.main_thread.run(lambda: False)
    if when == "after the end":
        harness.call(1)
    assert harness.cancelled() == [1]
    assert harness.ran == []


def test_c5_a_call_is_cancelled_if_it_comes_during_the_order():
    harness = Harness()
    put = harness.main_thread._calls.put

    class Queue:
        """The order to end comes between its check and the moment the call is queued."""

        def put(self, call):
            harness.main_thread._calls = queue
            harness.main_thread.stop()
            harness.main_thread.run(lambda: False)
            put(call)

    queue, harness.main_thread._calls = harness.main_thread._calls, Queue()
    harness.call(1)
    assert harness.cancelled() == [1]
    assert harness.ran == []


def test_d3_an_order_that_another_thread_receives_ends_the_wait_of_the_main_thread():
    main = MainThread(None)
    before = signal.signal(signal.SIGUSR1, lambda _number, _frame: main.stop())

    def take():
        time.sleep(0.2)  # until then the main thread waits
        signal.pthread_kill(threading.get_ident(), signal.SIGUSR1)
        time.sleep(5)
        main._calls.put("the order has not ended the wait")

    threading.Thread(target=take, daemon=True).start()
    try:
        assert main._wait() is None
    finally:
        signal.signal(signal.SIGUSR1, before)
