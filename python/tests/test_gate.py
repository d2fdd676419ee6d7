"""The gate and the batches.

That no worker ever has two messages unacknowledged is checked at the end of every test that has a host.
"""

from host import eventually
from terrarium.v1 import session_pb2 as wire


def hold(worker):
    """From here on the host acknowledges nothing; answers when the one message that may still come has come."""
    eventually("quiet", lambda: worker.received == worker.acknowledged_to_worker)
    with worker._changed:
        worker.hold_acks = True
        worker.batches.clear()
        first = worker.received + 1
    worker.call("echo", {"value": "first"})
    eventually("the first message is here", lambda: worker.received == first)
    return first


def test_nothing_more_is_said_before_an_acknowledgement(worker):
    first = hold(worker)
    calls = [worker.call("echo", {"value": n}) for n in range(200)]
    # A bare acknowledgement still comes: what is received is known at once, whether or not the gate is closed.
    eventually("everything is received", lambda: worker.acknowledged_by_worker == worker.sent and not worker._outbox)
    assert worker.received == first
    assert worker.batches == [1]
    worker.release_acks()
    assert [worker.value(call) for call in calls] == list(range(200))
    assert max(worker.batches) > 1


def test_what_waits_travels_together_up_to_256_kib(worker, folder):
    hold(worker)
    # All eight results wait behind the gate before it opens: the main thread is in the call that follows them.
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


def test_receipt_is_acknowledged_while_the_main_thread_is_busy(worker, folder):
    call = worker.call("wait_for", {"path": str(folder / "go")})
    eventually("acknowledged", lambda: worker.acknowledged_by_worker == worker.sent and not worker._outbox)
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
    with worker._changed:
        worker.received += 5
        worker._changed.notify_all()
    worker.send(wire.HostFrame(ping=wire.Ping(nonce=1)))
    assert worker.worker.status() == 75
    worker.violations.clear()
