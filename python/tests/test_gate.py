"""The window of one unacknowledged message, and the batches of frames that wait for it.

Every test with a host also checks at its end that no worker ever had two messages unacknowledged.
"""

import time

import pytest
from host import eventually
from terrarium.v1 import session_pb2 as wire

pytestmark = pytest.mark.parametrize("transport", ["grpc"])


def hold(worker):
    """Makes the host acknowledge nothing, and waits for the one message that may still come; returns its number."""
    eventually("all messages are acknowledged", lambda: worker.received == worker.acknowledged_to_worker)
    with worker.changed:
        worker.hold_acks = True
        worker.batches.clear()
        first = worker.received + 1
    worker.call("echo", {"value": "first"})
    eventually("the first message has come", lambda: worker.received == first)
    return first


def test_no_further_frames_are_sent_before_an_acknowledgement(worker):
    first = hold(worker)
    calls = [worker.call("echo", {"value": n}) for n in range(200)]
    # A bare acknowledgement still comes: the worker acknowledges at once even if its window is closed.
    eventually("everything is received", lambda: worker.acknowledged_by_worker == worker.sent and not worker.outbox)
    assert worker.received == first
    assert worker.batches == [1]
    worker.release_acks()
    assert [worker.value(call) for call in calls] == list(range(200))
    assert max(worker.batches) > 1


def test_waiting_frames_travel_together_up_to_256_kib(worker, folder):
    hold(worker)
    # All eight results wait before the window opens, because the main thread already runs the call after them.
    calls = [worker.call("blob", {"size": 100_000}) for _ in range(8)]
    worker.call("wait_for", {"path": str(folder / "go")})
    eventually("all results wait", lambda: (folder / "go.begun").exists())
    worker.release_acks()
    for call in calls:
        worker.answer(call)
    assert worker.batches == [1, 2, 2, 2, 2]
    (folder / "go").touch()


def test_a_longer_frame_travels_alone(worker, folder):
    hold(worker)
    sizes = [10, 1_000_000, 10, 10]
    calls = [worker.call("blob", {"size": size}) for size in sizes]
    worker.call("wait_for", {"path": str(folder / "go")})
    eventually("all results wait", lambda: (folder / "go.begun").exists())
    worker.release_acks()
    assert [len(worker.value(call)) for call in calls] == sizes
    assert worker.batches == [1, 1, 1, 2]
    (folder / "go").touch()


def test_a_message_is_acknowledged_while_the_main_thread_is_busy(worker, folder):
    call = worker.call("wait_for", {"path": str(folder / "go")})
    eventually("the call is acknowledged", lambda: worker.acknowledged_by_worker == worker.sent and not worker.outbox)
    assert call not in worker.answers
    (folder / "go").touch()
    worker.value(call)


def test_acknowledgements_travel_with_results(worker):
    for n in range(300):
        worker.run("echo", value=n)
    assert worker.bare_acks < 150


def test_calls_in_flight_make_batches(worker):
    calls = [worker.call("echo", {"value": n}) for n in range(2000)]
    assert [worker.value(call) for call in calls] == list(range(2000))
    assert len(worker.batches) < 1000


def test_a_wrong_acknowledgement_ends_the_session(worker):
    with worker.changed:
        worker.received += 5
        worker.changed.notify_all()
    worker.send(wire.HostFrame(ping=wire.Ping(nonce=1)))
    assert worker.worker.status() == 75
    worker.violations.clear()


def test_a_host_that_takes_the_last_results_slowly_has_them_all(worker, folder):
    hold(worker)
    calls = [worker.call("blob", {"size": 300_000}) for _ in range(4)]
    worker.call("wait_for", {"path": str(folder / "go")})
    eventually("all results wait", lambda: (folder / "go.begun").exists())
    worker.worker.order_to_end()
    (folder / "go").touch()
    for call in calls:
        received = worker.received
        time.sleep(0.6)
        worker.release_acks()
        eventually("it is acknowledged", lambda: worker.acknowledged_to_worker >= received)
        worker.hold_acks = True
        eventually(f"the result of {call} has come", lambda: call in worker.answers)
    worker.release_acks()
    assert [len(worker.value(call)) for call in calls] == [300_000] * 4
    assert worker.worker.status() == 0
