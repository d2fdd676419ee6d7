"""Streams: items in order, credit, cancelling, failures, of generators on the main thread and on the event loop."""

import os
from pathlib import Path

import pytest
from connection import WINDOW, Item, cost, eventually
from host import TRANSPORTS
from terrarium._frames import FailureCode

HERE = Path(__file__).resolve().parent
ALL, ASYNC = HERE / "generator_tools.py", HERE / "async_generator_tools.py"

# A generator on the main thread, on an event loop of its own thread, and on the event loop of the main thread.
KINDS = {"sync": (ALL, ""), "async": (ALL, "_async"), "all async": (ASYNC, "_async")}

pytestmark = pytest.mark.parametrize("transport", TRANSPORTS)


@pytest.fixture(params=KINDS)
def kind(request):
    return request.param


@pytest.fixture
def worker(shared, transport, kind):
    with shared.worker(transport, KINDS[kind][0]) as worker:
        worker.suffix = KINDS[kind][1]
        yield worker


def stream(worker, tool, timeout_ms=0, **arguments):
    return worker.stream(tool + worker.suffix, arguments, timeout_ms)


def credit_is_used(worker, id):
    eventually("the credit is used up", lambda: worker.credit[id] <= 0)


def test_73_the_items_come_in_order_then_the_end_and_nothing_after(worker):
    id = stream(worker, "count", name="73", n=5)
    assert worker.rest(id) == [0, 1, 2, 3, 4]
    assert worker.value(id) is None
    assert worker.run("seen", name="73") == [5, "end"]


def test_an_empty_stream_has_only_its_end(worker):
    id = stream(worker, "count", name="empty", n=0)
    assert worker.rest(id) == []
    assert worker.value(id) is None


def test_76_more_items_than_the_credit_are_all_delivered_to_a_slow_reader(worker):
    id = stream(worker, "count", name="76", n=2_000, size=1_000)
    values = []
    while len(values) < 2_000:
        if len(values) < 1_500:
            credit_is_used(worker, id)
        values += worker.read(id, min(200, 2_000 - len(values)))
    assert values == [b"x" * 1_000] * 2_000
    assert worker.value(id) is None


def test_without_credit_the_generator_stands_still(worker):
    id = stream(worker, "count", name="still", n=10_000, size=1_000)
    credit_is_used(worker, id)
    # Whatever the worker does for a call beside it, or for a ping, makes no item more.
    before = worker.run("seen", name="still")
    for nonce in range(1, 20):
        worker.ping(nonce)
    assert worker.run("seen", name="still") == before
    with worker.changed:
        items = list(worker.items[id])
    assert before == [len(items), None]
    assert sum(map(cost, items)) < WINDOW + cost(items[0])
    worker.read(id, 10)
    worker.cancel(id)
    assert worker.answer(id).code == FailureCode.CANCELLED
    assert worker.run("seen", name="still")[1] in ("closed", "cancelled")


def test_an_item_larger_than_the_credit_is_sent_and_is_the_last_one_for_the_time_being(worker):
    id = stream(worker, "count", name="large", n=3, size=3_000_000)
    for index in range(3):
        credit_is_used(worker, id)
        assert worker.run("seen", name="large")[0] == index + 1
        [value] = worker.read(id, 1)
        assert value == b"x" * 3_000_000
    assert worker.value(id) is None


def test_items_of_all_lengths_stay_in_order(worker):
    lengths = [1, 70_000, 5, 20_000, 1_200_000, 3, 2_500_000, 0, 40_000, 9]
    id = stream(worker, "pieces", lengths=lengths)
    values = worker.rest(id)
    assert [len(value) for value in values] == lengths
    assert all(value == bytes([length % 251]) * length for value, length in zip(values, lengths, strict=True))
    assert worker.value(id) is None


def test_74_a_stream_that_is_cancelled_is_closed_and_the_worker_goes_on(worker):
    id = stream(worker, "count", name="74", n=10**9)
    assert worker.read(id, 3) == [0, 1, 2]
    worker.cancel(id)
    assert worker.answer(id).code == FailureCode.CANCELLED
    assert worker.run("seen", name="74")[1] in ("closed", "cancelled")
    assert worker.run("plain" + worker.suffix, x=1) == 1


def test_a_cancel_while_the_generator_waits_for_credit_closes_it(worker):
    id = stream(worker, "count", name="waits", n=10**9)
    credit_is_used(worker, id)
    worker.cancel(id)
    assert worker.answer(id).code == FailureCode.CANCELLED
    assert worker.run("seen", name="waits")[1] in ("closed", "cancelled")


def test_an_error_comes_after_the_items(worker):
    id = stream(worker, "fail", n=3)
    assert worker.rest(id) == [0, 1, 2]
    failure = worker.answer(id)
    assert (failure.code, failure.type, failure.message) == (FailureCode.PYTHON_ERROR, "LookupError", "no more")
    assert failure.traceback.count('File "') == 1  # the tool's own


def test_an_item_that_cannot_be_sent_ends_the_stream_and_closes_the_generator(worker):
    id = stream(worker, "unsendable", name="unsendable")
    assert worker.rest(id) == [1]
    failure = worker.answer(id)
    assert failure.code == FailureCode.RESULT_NOT_SENDABLE
    assert failure.message.startswith(f"an item of unsendable{worker.suffix}: ")
    assert worker.run("seen", name="unsendable")[1] == "closed"


def test_arguments_that_do_not_fit_fail_the_stream_before_it_begins(worker):
    id = stream(worker, "count", name="wrong")
    failure = worker.answer(id)
    assert (failure.code, failure.not_begun) == (FailureCode.INVALID_ARGUMENT, True)
    assert "missing a required argument: 'n'" in failure.message


def test_77_a_stream_of_a_plain_tool_and_a_plain_call_of_a_generator_are_refused(worker):
    refused = worker.answer(stream(worker, "plain", x=1))
    assert (refused.code, refused.not_begun) == (FailureCode.INVALID_ARGUMENT, True)
    assert "is no generator" in refused.message
    refused = worker.fail("count" + worker.suffix, name="77", n=1)
    assert (refused.code, refused.not_begun) == (FailureCode.INVALID_ARGUMENT, True)
    assert "is a generator" in refused.message


def test_credit_for_a_call_that_has_ended_is_ignored(worker):
    id = stream(worker, "count", name="crossed", n=1)
    assert worker.rest(id) == [0]
    worker.value(id)
    worker.send_credit(id, 5)
    worker.send_credit(4_000_000, 5)
    assert worker.run("plain" + worker.suffix, x=2) == 2


def test_many_streams_at_once(worker):
    ids = [stream(worker, "count", name=f"many {n}", n=300, size=1_000) for n in range(5)]
    for id in ids:
        assert len(worker.rest(id)) == 300
        assert worker.value(id) is None


@pytest.mark.parametrize("kind", ["async", "all async"], indirect=True)
def test_an_async_generator_that_never_waits_does_not_keep_other_calls_waiting(worker):
    id = stream(worker, "count", name="greedy", n=10**9)
    assert worker.run("plain_async", x=3) == 3
    worker.read(id, 10_000)
    assert worker.run("plain_async", x=4) == 4
    worker.cancel(id)
    worker.answer(id)


@pytest.mark.parametrize("kind", ["async", "all async"], indirect=True)
def test_the_deadline_ends_an_async_generator(worker):
    id = worker.stream("count_async", {"name": "late", "n": 10**9, "pause": 0.01}, 100)
    failure = worker.answer(id)
    assert failure.code == FailureCode.DEADLINE_EXCEEDED
    assert worker.run("seen", name="late")[1] == "cancelled"


@pytest.mark.parametrize("kind", ["sync"], indirect=True)
class TestOnTheMainThread:
    def test_other_sync_tools_wait_and_async_tools_do_not(self, worker):
        id = stream(worker, "count", name="keeps", n=10**9)
        credit_is_used(worker, id)
        behind = worker.call("plain", {"x": 1})
        assert worker.run("plain_async", x=2) == 2
        assert worker.ping() == id
        assert behind not in worker.answers
        worker.cancel(id)
        assert worker.value(behind) == 1

    def test_a_call_behind_a_stream_can_be_cancelled_while_it_waits(self, worker):
        id = stream(worker, "count", name="blocks", n=10**9)
        credit_is_used(worker, id)
        behind = worker.call("plain", {"x": 1})
        worker.cancel(behind)
        assert worker.answer(behind).not_begun
        worker.cancel(id)
        worker.answer(id)

    def test_an_item_does_not_wait_for_the_next_one(self, worker, tmp_path):
        begun = tmp_path / "begun"
        id = worker.stream("slow", {"begun": str(begun)})
        assert worker.read(id, 1) == [1]
        eventually("the next item is being made", begun.exists)
        begun.unlink()
        assert worker.rest(id) == [2]

    def test_a_cancel_is_heard_when_the_generator_yields_next(self, worker, tmp_path):
        begun = tmp_path / "begun"
        id = worker.stream("slow", {"begun": str(begun)})
        eventually("the second item is being made", begun.exists)
        worker.cancel(id)
        worker.ping()
        assert id not in worker.answers
        begun.unlink()
        assert worker.answer(id).code == FailureCode.CANCELLED

    def test_system_exit_ends_the_stream_and_not_the_worker(self, worker):
        id = worker.stream("leave")
        assert worker.rest(id) == [1]
        assert worker.answer(id).type == "SystemExit"
        assert worker.run("plain", x=1) == 1

    def test_a_generator_that_refuses_to_close_fails(self, worker):
        id = worker.stream("stubborn")
        worker.read(id, 1)
        worker.cancel(id)
        assert worker.answer(id).message == "generator ignored GeneratorExit"
        assert worker.run("plain", x=1) == 1

    def test_what_a_generator_returns_is_dropped(self, worker):
        id = worker.stream("returns")
        assert worker.rest(id) == [1]
        assert worker.value(id) is None

    def test_a_stream_has_a_context_of_its_own(self, worker):
        for _ in range(2):
            assert worker.rest(worker.stream("contexts")) == ["none", "mine"]

    def test_a_child_that_a_generator_forks_ends_where_it_yields(self, worker):
        id = worker.stream("forks")
        assert worker.rest(id) == ["from the parent"]
        assert worker.value(id) is None
        assert os.path.exists(f"/proc/{worker.worker.pid}")

    def test_the_hint_of_a_generator_is_that_of_its_items(self, worker):
        id = worker.stream("typed")
        with worker.changed:
            worker.changed.wait_for(lambda: id in worker.answers)
            first, second = worker.items[id]
        assert isinstance(first, Item) and first.body != b"\x80"  # an empty Map, which is no object
        assert second.body != b"\x80"


def test_an_order_to_end_lets_a_stream_finish(host, transport):
    worker = host.ready(ALL)
    id = worker.stream("count", {"name": "end", "n": 1_000, "size": 1_000})
    credit_is_used(worker, id)
    behind = worker.call("plain", {"x": 1})
    worker.ping()
    worker.worker.order_to_end()
    assert len(worker.rest(id)) == 1_000
    assert worker.value(id) is None
    assert worker.answer(behind).not_begun
    assert worker.worker.status() == 0


def test_credit_for_a_call_that_is_no_stream_breaks_the_protocol(host, transport, tmp_path):
    worker = host.ready(ALL)
    begun = tmp_path / "begun"
    stream = worker.stream("slow", {"begun": str(begun)})
    eventually("the main thread is busy", begun.exists)
    worker.send_credit(worker.call("plain", {"x": 1}), 5)
    assert worker.worker.status() == 75
    assert "which is no stream" in worker.worker.output["stderr"]
    assert stream not in worker.answers
