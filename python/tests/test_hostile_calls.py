"""A worker whose host breaks the rules of host calls, feeds, sessions and streams exits, and says why on standard
error, over both transports. What crossed something on its way is no fault."""

import msgpack
import pytest
from connection import HostCall, WINDOW
from host import TRANSPORTS
from terrarium._frames import Want

TOOLS = """
    import time
    from terrarium import host, tool

    @tool
    def asks():
        return host.call("never")

    @tool
    def reads():
        items = host.stream("never")
        next(items)
        time.sleep(60)

    @tool
    def takes(items):
        next(items)
        time.sleep(60)

    @tool
    def closes(items):
        next(items)
        items.close()
        time.sleep(60)

    @tool
    def sleeps():
        time.sleep(60)

    @tool
    def echo(value):
        return value
"""
FEED = {"items": msgpack.ExtType(9, b"\0")}
LONG = msgpack.packb("x" * WINDOW)


def credit(worker, call, bytes=9):
    worker.send_credit(call, bytes)


def answer_twice(worker, call):
    worker.send_host_result(1)
    worker.send_host_result(1)


def spend_host_call(worker, call):
    worker.send_host_item(1)
    worker.send_host_item(1, LONG)
    worker.send_host_item(1)


def spend_feed(worker, call):
    worker.send_feed(call, 0)
    worker.send_feed(call, 0, LONG)
    worker.send_feed(call, 0)


def go_on_after_the_end(worker, call):
    worker.send_feed(call, 0)
    worker.send_feed_end(call, 0)
    worker.send_feed(call, 0)


def end_twice(worker, call):
    worker.send_feed(call, 0)
    worker.send_feed_end(call, 0)
    worker.send_feed_end(call, 0)


def open_twice(worker, call):
    worker.send_session_open(3)
    worker.send_session_open(3)


def close_twice(worker, call):
    worker.send_session_open(3)
    worker.send_session_close(3)
    worker.send_session_close(3)


def call_of_a_closed_session(worker, call):
    worker.send_session_open(3)
    worker.send_session_close(3)
    worker.call("echo", {"value": 1}, session=3)


FAULTS = {
    "a HostResult of no host call": ("sleeps", lambda w, c: w.send_host_result(5), "it answered host call 5, which is not"),
    "a HostFailure of no host call": ("sleeps", lambda w, c: w.send_host_failure(5), "it answered host call 5, which is not"),
    "a HostItem of no host call": ("sleeps", lambda w, c: w.send_host_item(5), "it answered host call 5, which is not"),
    "a HostItem without a stream": ("asks", lambda w, c: w.send_host_item(1), "host call 1, whose items are not wanted"),
    "a host call that is answered twice": ("asks", answer_twice, "it answered host call 1, which is not open"),
    "a HostItem without credit": ("reads", spend_host_call, "an item of host call 1, which has no credit"),
    "a Feed of a call without feeds": ("sleeps", lambda w, c: w.send_feed(c, 0), "feed 0 of call 1, which is not open"),
    "a FeedEnd of a call without feeds": ("sleeps", lambda w, c: w.send_feed_end(c, 0), "feed 0 of call 1, which is not"),
    "a Feed of another feed": ("takes", lambda w, c: w.send_feed(c, 1), "feed 1 of call 1, which is not open"),
    "a Feed without credit": ("takes", spend_feed, "feed 0 of call 1, which has no credit"),
    "a Feed after the end": ("takes", go_on_after_the_end, "more of feed 0 of call 1, which has ended"),
    "a FeedEnd after the end": ("takes", end_twice, "more of feed 0 of call 1, which has ended"),
    "a Credit without a stream": ("sleeps", credit, "it sent credit for call 1, which is no stream"),
    "a Credit of 0 bytes": ("sleeps", lambda w, c: credit(w, 77, 0), "it sent credit of 0 bytes"),
    "a SessionOpen with number 0": ("sleeps", lambda w, c: w.send_session_open(0), "a session 0, which is no number"),
    "a SessionOpen of an open session": ("sleeps", open_twice, "it opened a session 3, which is in use"),
    "a SessionClose of no session": ("sleeps", lambda w, c: w.send_session_close(3), "a session 3, which is not open"),
    "a SessionClose of a closed session": ("sleeps", close_twice, "it named a session 3, which is not open"),
    "a call of no session": ("sleeps", lambda w, c: w.call("echo", session=3), "a session 3, which is not open"),
    "a call of a closed session": ("sleeps", call_of_a_closed_session, "it named a session 3, which is not open"),
}


@pytest.fixture
def own(host, file):
    """A worker that the test may end."""
    return host.ready(file("t.py", TOOLS))


def begin(worker, tool):
    """Calls a tool, and waits until it waits for the host."""
    call = worker.call(tool, FEED if tool in ("takes", "closes") else {})
    if tool != "sleeps":
        asked = worker.frames.get(timeout=20)
        assert asked == Want(call, 0, WINDOW) or (isinstance(asked, HostCall) and (asked.id, asked.call) == (1, call))
    return call


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("name", FAULTS)
def test_a_worker_leaves_a_host_that_breaks_the_rules_of_what_tools_send(own, name):
    tool, say, reason = FAULTS[name]
    say(own, begin(own, tool))
    assert own.worker.status() == 75
    last = own.worker.output["stderr"].strip().splitlines()[-1]
    assert last.startswith("terrarium: the session with the host is lost: ")
    assert reason in last, last


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_what_has_crossed_something_is_ignored(own):
    own.send_credit(77, 9)
    own.send_feed(77, 0)
    own.send_feed_end(77, 3)
    assert own.run("echo", value=1) == 1
    call = begin(own, "closes")
    own.send_feed(call, 0)
    assert own.frames.get(timeout=20) == Want(call, 0, 0)
    own.send_feed(call, 0)
    own.send_feed_end(call, 0)
    own.ping()
