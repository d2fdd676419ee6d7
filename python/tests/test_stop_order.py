"""C5: after the order to end no call begins. Calls that have not begun are cancelled, whenever they come."""

import signal
import threading
import time
from collections import deque
from types import SimpleNamespace

import pytest
from terrarium import _contexts
from terrarium._begun import open_page
from terrarium._calls import MainThread
from terrarium._frames import Call, FailureCode
from terrarium._replies import Replies
from terrarium._streams import Items, MainThreadStreams
from terrarium._tools import Tool


class Harness:
    """A main thread with one tool. The test takes the place of the host, and of the carrier between them."""

    def __init__(self):
        self.ran = []
        self.sent = []
        self.replies = Replies(self, 1024, self.flush)
        streams = MainThreadStreams(Items(self.replies, self, 1024, self.flush), self.flush, lambda call: None)
        self.main_thread = MainThread(self.replies, open_page(None), _contexts.maker(), self.flush, streams)

    def send(self, frame):
        self.sent.append(frame)

    def send_result(self, id, body, segments):
        self.sent.append(id)

    def flush(self):
        pass

    def tool(self):
        self.ran.append("ran")

    def call(self, id):
        call = Call(id, Tool("tool", self.tool), b"\x80", (), 0)
        self.replies.open[id] = call
        self.main_thread.submit(call)

    def cancelled(self):
        """The ids of the calls that were answered as cancelled before they began; no call may be open."""
        assert self.replies.open == {}
        assert {failure.code for failure in self.sent} == {FailureCode.CANCELLED}
        assert all(failure.not_begun for failure in self.sent)
        return sorted(failure.id for failure in self.sent)


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

    class Calls(deque):
        """The order to end comes between its check and the moment the call is queued."""

        def append(self, call):
            harness.main_thread.stop()
            harness.main_thread.run(lambda: False)
            super().append(call)

    harness.main_thread.calls = Calls()
    harness.call(1)
    assert harness.cancelled() == [1]
    assert harness.ran == []


def test_d3_an_order_that_another_thread_receives_ends_the_wait_of_the_main_thread():
    main = Harness().main_thread
    before = signal.signal(signal.SIGUSR1, lambda _number, _frame: main.stop())

    def take():
        time.sleep(0.2)  # until then the main thread waits
        signal.pthread_kill(threading.get_ident(), signal.SIGUSR1)
        time.sleep(5)
        main.calls.append("the order has not ended the wait")

    threading.Thread(target=take, daemon=True).start()
    main.stand_in = SimpleNamespace(is_receiving=True)
    try:
        while not main.is_stopping and not main.calls:
            main._wait()
        assert not main.calls
    finally:
        signal.signal(signal.SIGUSR1, before)
