"""The numbers of messages at the end of their range, which a worker would reach only after 2^32 messages."""

import pytest
from terrarium._outbox import Outbox
from terrarium.v1 import session_pb2 as wire

LAST = 2**32 - 1


def frame():
    return wire.WorkerFrame(pong=wire.Pong(nonce=1))


def test_numbers_begin_again_at_one():
    outbox = Outbox()
    outbox._sent = outbox._acknowledged = LAST - 1
    outbox._received = outbox._received_acknowledged = LAST - 1
    for seq in (LAST, 1, 2):
        outbox.put(frame())
        message = next(outbox)
        assert message.seq == seq
        outbox.received(seq, seq)
        outbox.acknowledge_soon()
        bare = next(outbox)
        assert (bare.seq, bare.ack, len(bare.frames)) == (0, seq, 0)


@pytest.mark.parametrize("seq, ack", [(0, 2), (2, 0), (3, 1), (LAST, 1)])
def test_wrong_numbers_raise(seq, ack):
    outbox = Outbox()
    outbox.put(frame())
    next(outbox)
    with pytest.raises(ValueError):
        outbox.received(seq, ack)


def test_the_stream_ends_when_all_frames_are_sent_and_acknowledged():
    outbox = Outbox()
    outbox.put(frame())
    outbox.finish()
    assert next(outbox).seq == 1
    outbox.received(1, 1)
    assert next(outbox).ack == 1
    with pytest.raises(StopIteration):
        next(outbox)
