"""The feeds of a worker on their own: what is wanted of the host when, the end, and what the host may not do."""

import asyncio

import pytest
from terrarium import FeedError
from terrarium._feeds import Feeds
from terrarium._frames import ITEM_OVERHEAD, STREAM_WINDOW, Call, Feed, FeedEnd, Want
from terrarium._tools import Tool
from terrarium._values._decode import FeedMark, NotReadable
from terrarium._values._encode import encode


class Carrier:
    def __init__(self):
        self.sent = []

    def send(self, frame):
        self.sent.append(frame)


class Stand:
    """The feeds of one session, and a call of a tool with ``count`` of them. What is to arrive while the tool waits is
    in ``coming``: one list of frames for each wait."""

    def __init__(self, count=1, coming=(), is_async=False):
        self.carrier = Carrier()
        self.coming = list(coming)
        self.feeds = Feeds(self.carrier, lambda: None, self.wait)
        self.call = Call(7, Tool("t", nothing if is_async else lambda: None), b"", (), 0)
        self.arguments = {f"arg{index}": FeedMark(index) for index in range(count)}
        self.feeds.given(self.call, self.arguments)

    def wait(self, feed):
        assert feed.must_wait
        for frame in self.coming.pop(0):
            self.feeds.receive(frame)

    @property
    def sent(self):
        return self.carrier.sent


async def nothing():
    pass


def item(value, feed=0, call=7):
    body, segments = encode(value, False)
    return Feed(call, feed, body, segments)


def end(failure=None, feed=0, call=7):
    return FeedEnd(call, feed, failure)


def test_nothing_is_wanted_before_the_tool_asks_and_then_the_window_once():
    stand = Stand(coming=[[item(1)], [item(2), item(3)], [end()]])
    iterator = stand.arguments["arg0"]
    assert stand.sent == []
    assert list(iterator) == [1, 2, 3]
    assert stand.sent == [Want(7, 0, STREAM_WINDOW)]
    assert list(iterator) == []


def test_credit_is_given_back_once_half_of_the_window_was_taken():
    text = "x" * 10_000
    cost = len(item(text).body) + ITEM_OVERHEAD
    half = -(-STREAM_WINDOW // 2 // cost)
    stand = Stand(coming=[[item(text)] * (half + 1)])
    iterator = stand.arguments["arg0"]
    for _ in range(half - 1):
        next(iterator)
    assert stand.sent == [Want(7, 0, STREAM_WINDOW)]
    next(iterator)
    assert stand.sent[1:] == [Want(7, 0, half * cost)]


def test_no_credit_is_given_back_after_the_end():
    text = "x" * 200_000
    stand = Stand(coming=[[item(text), end()]])
    assert len(list(stand.arguments["arg0"])) == 1
    assert stand.sent == [Want(7, 0, STREAM_WINDOW)]


def test_what_came_before_a_failure_is_read_first():
    stand = Stand(coming=[[item(1), end(("RangeError", "no such row"))]])
    iterator = stand.arguments["arg0"]
    assert next(iterator) == 1
    with pytest.raises(FeedError, match="^RangeError: no such row$") as raised:
        next(iterator)
    assert (raised.value.type, raised.value.message, raised.value.feed) == ("RangeError", "no such row", 0)
    with pytest.raises(StopIteration):
        next(iterator)


def test_two_feeds_go_on_by_themselves():
    stand = Stand(2, [[item("b", 1)], [item("a", 0), end(feed=0)], [end(feed=1)]])
    first, second = stand.arguments.values()
    assert next(second) == "b"
    assert list(first) == ["a"]
    assert list(second) == []
    assert stand.sent == [Want(7, 1, STREAM_WINDOW), Want(7, 0, STREAM_WINDOW)]


def test_a_closed_feed_is_no_longer_wanted_and_what_still_comes_is_dropped():
    stand = Stand(coming=[[item(1), item(2)]])
    iterator = stand.arguments["arg0"]
    assert next(iterator) == 1
    iterator.close()
    iterator.close()
    assert stand.sent[1:] == [Want(7, 0, 0)]
    stand.feeds.receive(item(3))
    assert list(iterator) == []


def test_an_item_that_cannot_be_read_closes_the_feed():
    stand = Stand(coming=[[Feed(7, 0, b"\xc1", ())]])
    with pytest.raises(FeedError) as raised:
        next(stand.arguments["arg0"])
    assert raised.value.type == "NotReadable"
    assert stand.sent[1:] == [Want(7, 0, 0)]


def test_a_call_that_is_over_has_no_more_items():
    stand = Stand(coming=[[item(1), item(2)]])
    iterator = stand.arguments["arg0"]
    next(iterator)
    stand.feeds.ended(stand.call)
    with pytest.raises(FeedError) as raised:
        next(iterator)
    assert raised.value.type == "Cancelled"
    assert (stand.feeds.by_call, len(stand.sent)) == ({}, 1)


def test_a_cancelled_call_of_a_sync_tool_has_no_more_items():
    stand = Stand(coming=[[]])
    feed = stand.feeds.by_call[7][0]
    stand.wait = lambda: None
    stand.call.cancelled = True
    with pytest.raises(FeedError, match="^Cancelled: "):
        next(stand.arguments["arg0"])
    assert feed.is_over


def opened(*frames):
    stand = Stand()
    stand.feeds.by_call[7][0].want()
    for frame in frames:
        stand.feeds.receive(frame)
    return stand


@pytest.mark.parametrize(
    "before, frame, error",
    [
        ([], item(1, call=8), "it sent an item of feed 0 of call 8, which is not open"),
        ([], item(1, feed=1), "it sent an item of feed 1 of call 7, which is not open"),
        ([end()], item(1), "it sent more of feed 0 of call 7, which has ended"),
        ([end()], end(), "it sent more of feed 0 of call 7, which has ended"),
        ([item("x" * STREAM_WINDOW)], item(1), "it sent an item of feed 0 of call 7, which has no credit"),
    ],
)
def test_what_breaks_the_protocol_raises(before, frame, error):
    with pytest.raises(ValueError, match=f"^{error}$"):
        opened(*before).feeds.receive(frame)


def test_an_item_before_the_tool_has_asked_breaks_the_protocol():
    with pytest.raises(ValueError, match="which has no credit$"):
        Stand().feeds.receive(item(1))


def test_feeds_are_numbered_from_zero():
    stand = Stand()
    with pytest.raises(NotReadable, match="not numbered from 0"):
        stand.feeds.given(stand.call, {"a": FeedMark(1)})


def test_an_async_tool_is_woken_by_items_the_end_and_a_failure():
    async def run(last):
        stand = Stand(is_async=True)
        stand.feeds.loop = asyncio.get_running_loop()
        stand.feeds.given(stand.call, {"a": FeedMark(0)})
        arguments = [FeedMark(0)]
        stand.feeds.given(stand.call, arguments)

        async def read():
            return [value async for value in arguments[0]]

        task = asyncio.ensure_future(read())
        for frame in (item(1), item(2), last):
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            assert not task.done()
            stand.feeds.receive(frame)
        return await task

    assert asyncio.run(run(end())) == [1, 2]
    with pytest.raises(FeedError, match="^TypeError: no$"):
        asyncio.run(run(end(("TypeError", "no"))))
