"""The host calls of a worker on their own: numbers, items and credit, the answers, and what the host may not do."""

from contextvars import copy_context
from types import SimpleNamespace

import pytest
from terrarium import HostError, _current
from terrarium._frames import ITEM_OVERHEAD, STREAM_WINDOW, Call, FailureCode, HostCancel, HostCredit
from terrarium._frames import HostFailure, HostItem, HostResult
from terrarium._host_calls import HostCalls
from terrarium._tools import Tool
from terrarium._values._decode import decode
from terrarium._values._encode import encode


class Carrier:
    sends_apart = False

    def __init__(self):
        self.begun = []
        self.sent = []

    def send_host_call(self, id, call, is_stream, body, segments):
        self.begun.append((id, call, is_stream, decode(body, segments)))

    def send(self, frame):
        self.sent.append(frame)


class Stand:
    """The host calls of one call. ``coming``: one list of frames for each wait of the main thread."""

    def __init__(self, coming=(), max_bytes=10_000):
        self.coming = list(coming)
        self.carrier = Carrier()
        self.call = Call(7, Tool("t", lambda: None), b"", (), 0)
        self.open_calls = {7: self.call}
        self.main = SimpleNamespace(wake=lambda: None, is_in_host_call=False)
        self.calls = HostCalls(self.carrier, max_bytes, lambda _: None, self.open_calls, self.main, self.wait)

    def wait(self, host_call):
        assert host_call.must_wait and self.main.is_in_host_call
        for frame in self.coming.pop(0):
            self.calls.take(frame)

    def begin(self, name="f", arguments=None, timeout=None, is_stream=False):
        context = copy_context()
        context.run(_current.note, self.call)
        return context.run(self.calls.begin, name, arguments or {}, timeout, is_stream)


def result(value, id=1):
    return HostResult(id, *encode(value, False))


def item(value, id=1):
    return HostItem(id, *encode(value, False))


def failure(code=FailureCode.PYTHON_ERROR, attributes=b"", place="", id=1):
    return HostFailure(id, int(code), "RangeError", "no", "stack", "", place, attributes)


def test_a_call_names_the_function_its_arguments_and_the_time_and_waits_for_the_value():
    stand = Stand([[], [result([1, "a"])]])
    host_call = stand.begin("price", {"sku": "a"}, 0.25)
    assert stand.carrier.begun == [(1, 7, False, ["price", {"sku": "a"}, 250.0])]
    assert stand.calls.value(host_call) == [1, "a"]
    assert not stand.main.is_in_host_call


def test_answers_come_in_any_order():
    stand = Stand([[result("second", 2), result("first", 1)]])
    first, second = stand.begin(), stand.begin()
    assert (stand.calls.value(first), stand.calls.value(second)) == ("first", "second")


def test_items_come_before_the_end_and_before_a_failure():
    stand = Stand([[item(1)], [item(2), result(None)]])
    host_call = stand.begin(is_stream=True)
    assert [stand.calls.item(host_call) for _ in range(3)] == [(True, 1), (True, 2), (False, None)]
    stand = Stand([[item(1), failure()]])
    host_call = stand.begin(is_stream=True)
    assert stand.calls.item(host_call) == (True, 1)
    with pytest.raises(HostError, match="no"):
        stand.calls.item(host_call)


def test_credit_is_given_back_once_half_of_the_window_was_taken():
    text = "x" * 10_000
    cost = len(item(text).body) + ITEM_OVERHEAD
    half = -(-STREAM_WINDOW // 2 // cost)
    stand = Stand([[item(text)] * half])
    host_call = stand.begin(is_stream=True)
    for _ in range(half - 1):
        stand.calls.item(host_call)
    assert stand.carrier.sent == []
    stand.calls.item(host_call)
    assert stand.carrier.sent == [HostCredit(1, half * cost)]


def test_a_host_call_that_is_not_wanted_is_cancelled_until_it_has_its_answer():
    stand = Stand()
    host_call = stand.begin()
    stand.calls.cancel(host_call)
    assert stand.carrier.sent == [HostCancel(1)]
    stand.calls.take(result(1))
    stand.calls.cancel(host_call)
    assert len(stand.carrier.sent) == 1


def test_what_interrupts_the_wait_cancels_the_host_call():
    class Interrupted(BaseException):
        pass

    def interrupt(_):
        raise Interrupted

    stand = Stand()
    stand.calls._await_on_main = interrupt
    with pytest.raises(Interrupted):
        stand.calls.value(stand.begin())
    assert (stand.carrier.sent, stand.main.is_in_host_call) == ([HostCancel(1)], False)


@pytest.mark.parametrize(
    "code, own, expected",
    [
        (FailureCode.PYTHON_ERROR, None, "HOST_ERROR"),
        (FailureCode.PYTHON_ERROR, "NO_PRICE", "NO_PRICE"),
        (FailureCode.PYTHON_ERROR, 7, "HOST_ERROR"),
        (FailureCode.TOOL_NOT_FOUND, "OTHER", "NOT_EXPOSED"),
        (FailureCode.CANCELLED, None, "CANCELLED"),
        (99, None, "HOST_ERROR"),
    ],
)
def test_the_code_of_a_failure(code, own, expected):
    attributes = b"" if own is None else encode({"code": encode(own, False)[0]}, False)[0]
    stand = Stand([[failure(code, attributes, "rows[3]")]])
    with pytest.raises(HostError) as raised:
        stand.calls.value(stand.begin())
    error = raised.value
    assert (error.code, error.type, error.message) == (expected, "RangeError", "no")
    assert error.details["place"] == "rows[3]"


def test_a_value_that_cannot_be_read():
    stand = Stand([[HostResult(1, b"\xc1", ())]])
    with pytest.raises(HostError) as raised:
        stand.calls.value(stand.begin())
    assert raised.value.code == "RESULT_NOT_SENDABLE"


def test_what_cannot_be_sent_is_refused_before_it_is_sent():
    stand = Stand()
    for arguments, code in (({"a": [object()]}, "INVALID_ARGUMENT"), ({"a": "x" * 20_000}, "PAYLOAD_TOO_LARGE")):
        with pytest.raises(HostError) as raised:
            stand.begin("f", arguments)
        assert raised.value.code == code
    assert (stand.carrier.begun, stand.calls._open) == ([], {})


def test_outside_a_call_and_after_it_there_is_no_host_to_call():
    stand = Stand()
    with pytest.raises(HostError) as raised:
        stand.calls.begin("f", {}, None, False)
    assert raised.value.code == "INVALID_ARGUMENT"
    stand.open_calls.clear()
    with pytest.raises(HostError) as raised:
        stand.begin()
    assert raised.value.code == "CANCELLED"


@pytest.mark.parametrize(
    "frames, error",
    [
        ([result(1, 2)], "it answered host call 2, which is not open"),
        ([result(1), result(1)], "it answered host call 1, which is not open"),
        ([item(1)], "it sent an item of host call 1, whose items are not wanted"),
    ],
)
def test_what_breaks_the_protocol_raises(frames, error):
    stand = Stand()
    stand.begin()
    for frame in frames[:-1]:
        stand.calls.take(frame)
    with pytest.raises(ValueError, match=f"^{error}$"):
        stand.calls.take(frames[-1])


def test_numbers_begin_again_at_one_and_leave_out_open_host_calls():
    stand = Stand()
    stand.begin()
    stand.calls._numbers = iter([2**32, 2**32 + 1, 2**32 + 2])
    assert stand.begin().id == 2
