"""The open sessions of a worker on their own: what the host may not do, values, and functions for the end."""

import asyncio
from collections import deque
from contextvars import copy_context

import pytest
import terrarium
from terrarium import _current, _sessions
from terrarium._frames import Call, Extras
from terrarium._sessions import Sessions
from terrarium._tools import Tool


class MainThread:
    def __init__(self):
        self.calls = deque()


class Loop:
    """Takes what is to run in the event loop."""

    def __init__(self):
        self.soon = []
        self.last = []

    def call_soon(self, coroutine):
        self.soon.append(coroutine)

    def run_last(self, coroutine):
        self.last.append(coroutine)


async def nothing():
    pass


def make():
    sessions = Sessions(MainThread())
    sessions.event_loop = Loop()
    return sessions


def run_in(session, function, is_async=False):
    """Calls the function as a tool's call of the session does."""
    call = Call(1, Tool("t", nothing if is_async else lambda: None), b"", (), 0)
    call.extras = Extras(False)
    call.extras.session = session
    context = copy_context()
    context.run(_current.note, call)
    return context.run(function)


@pytest.mark.parametrize(
    "steps, error",
    [
        ([("begin", 0, "a")], "it opened a session 0, which is no number"),
        ([("begin", 1, "a"), ("begin", 1, "b")], "it opened a session 1, which is in use"),
        ([("of", 1)], "it named a session 1, which is not open"),
        ([("end", 1)], "it named a session 1, which is not open"),
        ([("begin", 1, "a"), ("end", 1), ("of", 1)], "it named a session 1, which is not open"),
    ],
)
def test_what_breaks_the_protocol_raises(steps, error):
    sessions = make()
    for name, *arguments in steps[:-1]:
        getattr(sessions, name)(*arguments)
    name, *arguments = steps[-1]
    with pytest.raises(ValueError, match=f"^{error}$"):
        getattr(sessions, name)(*arguments)


def test_two_sessions_share_nothing_not_even_with_the_same_id():
    sessions = make()
    sessions.begin(1, "a")
    sessions.begin(2, "a")
    sessions.of(1).set("key", 1)
    assert (sessions.of(1).get("key"), sessions.of(2).get("key", "none")) == (1, "none")
    sessions.end(1)
    sessions.of(2).set("key", 2)
    assert sessions.of(2).get("key") == 2


def test_a_value_is_over_when_it_is_read_after_its_time(monkeypatch):
    now = 100.0
    monkeypatch.setattr(_sessions, "monotonic", lambda: now)
    sessions = make()
    sessions.begin(1, "a")
    session = sessions.of(1)
    session.set("short", 1, ttl=0.5)
    session.set("long", 2)
    now = 100.499
    assert session.get("short") == 1
    now = 100.5
    assert (session.get("short"), session.get("short", 7), session.get("long")) == (None, 7, 2)
    assert "short" not in session._values
    session.set("short", 3)
    now = 1e9
    assert session.get("short") == 3


def test_functions_for_the_end_are_called_where_their_tools_run_the_last_first(capfd):
    sessions = make()
    sessions.begin(1, "a")
    session = sessions.of(1)
    called = []

    def fails():
        raise SystemExit("on purpose")

    async def later():
        called.append("in the loop")

    for function in (lambda: called.append("first"), fails, lambda: called.append("third")):
        run_in(session, lambda function=function: session.on_close(function))
    run_in(session, lambda: session.on_close(lambda: called.append("first there")), is_async=True)
    run_in(session, lambda: session.on_close(later), is_async=True)
    assert sessions.end(1) == 1
    assert called == []
    sessions._main_thread.calls.popleft().run()
    assert called == ["third", "first"]
    assert "on purpose" in capfd.readouterr().err
    (there,) = sessions.event_loop.soon
    asyncio.run(there)
    assert called[2:] == ["in the loop", "first there"]


def test_a_session_without_functions_makes_no_call_for_the_main_thread():
    sessions = make()
    sessions.begin(1, "a")
    assert sessions.end(1) == 0
    assert (len(sessions._main_thread.calls), sessions.event_loop.soon) == (0, [])


def test_an_ended_session_takes_nothing_more_and_is_read_still():
    sessions = make()
    sessions.begin(1, "a")
    session = sessions.of(1)
    session.set("key", 1)
    sessions.end(1)
    with pytest.raises(RuntimeError, match="^the session a has ended$"):
        session.set("key", 2)
    with pytest.raises(RuntimeError, match="^the session a has ended$"):
        session.on_close(print)
    assert session.get("key") == 1


def test_the_end_of_the_worker_ends_all_sessions():
    sessions = make()
    called = []
    for number, id in ((1, "a"), (2, "b")):
        sessions.begin(number, id)
        sessions.of(number).on_close(lambda id=id: called.append(id))
    run_in(sessions.of(2), lambda: sessions.of(2).on_close(lambda: called.append("there")), is_async=True)
    sessions.end_all()
    assert (called, sessions.open) == (["a", "b"], {})
    (there,) = sessions.event_loop.last
    asyncio.run(there)
    assert called == ["a", "b", "there"]


def test_the_session_of_the_current_call():
    sessions = make()
    sessions.begin(1, "a")
    assert terrarium.session() is None
    assert run_in(sessions.of(1), terrarium.session) is sessions.of(1)
    assert run_in(None, terrarium.session) is None
