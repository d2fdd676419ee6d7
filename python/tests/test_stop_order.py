"""C5: after the order to end nothing begins, and what has not begun is given back, whenever it comes."""

import inspect
import signal
import threading
import time

import pytest
from terrarium._calls import Call, MainThread, Replies
from terrarium._outbox import Outbox
from terrarium._tools import Tool
from terrarium.v1 import session_pb2 as wire


class Stand:
    """A main thread with one tool; the test is the host."""

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

    def given_back(self):
        assert self.replies.open == {}
        frames = next(self.outbox).frames
        failures = [frame.failure for frame in frames]
        assert {failure.code for failure in failures} == {wire.FAILURE_CODE_CANCELLED}
        assert all(failure.not_begun for failure in failures)
        return sorted(failure.id for failure in failures)


@pytest.mark.parametrize("when", ["before the order", "behind the order", "after the end"])
def test_c5_a_call_that_comes(when):
    stand = Stand()
    if when == "before the order":
        stand.call(1)
    stand.main_thread.stop()
    if when == "behind the order":
        stand.call(1)
    stand.main_thread.run(lambda: False)
    if when == "after the end":
        stand.call(1)
    assert stand.given_back() == [1]
    assert stand.ran == []


def test_c5_a_call_that_comes_while_the_order_is_being_carried_out():
    stand = Stand()
    put = stand.main_thread._calls.put

    class Queue:
        """The order comes between the look at it and the call's place in the queue."""

        def put(self, call):
            stand.main_thread._calls = queue
            stand.main_thread.stop()
            stand.main_thread.run(lambda: False)
            put(call)

    queue, stand.main_thread._calls = stand.main_thread._calls, Queue()
    stand.call(1)
    assert stand.given_back() == [1]
    assert stand.ran == []


def test_d3_an_order_that_another_thread_takes_wakes_the_main_thread():
    main = MainThread(None)
    before = signal.signal(signal.SIGUSR1, lambda _number, _frame: main.stop())

    def take():
        time.sleep(0.2)  # the main thread waits by now
        signal.pthread_kill(threading.get_ident(), signal.SIGUSR1)
        time.sleep(5)
        main._calls.put("nothing has woken it")

    threading.Thread(target=take, daemon=True).start()
    try:
        assert main._wait() is None
    finally:
        signal.signal(signal.SIGUSR1, before)
