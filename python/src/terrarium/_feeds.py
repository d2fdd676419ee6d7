"""The arguments of calls that are streams: iterators for sync tools, async iterators for async tools.

Nothing is read in Node before the tool asks for the first item. Then items come ahead of the tool up to the window,
which is given back as the tool takes them. ``_session`` hands in what arrives.
"""

# Not from threading and queue, which gevent replaces.
import _thread
from _queue import Empty, SimpleQueue
from collections import deque
from collections.abc import Callable
from time import monotonic
from typing import Any

from terrarium._feed_error import FeedError
from terrarium._frames import ITEM_OVERHEAD, STREAM_WINDOW, Call, Carrier, Feed, FeedEnd, Want, size_of
from terrarium._values._decode import FeedMark, NotReadable, decode

_GIVEN_BACK = STREAM_WINDOW // 2
"""What the tool has taken is given back once it is so much, in bytes."""
LOOK_EVERY = 0.25
"""How long a thread waits at most before it looks whether its call is over, in seconds."""
_LONGEST_TURN = 0.001
"""How long an async tool may take items without a wait before other tasks have a turn, in seconds."""


class OpenFeed:
    """What is known of a feed while its call is open. The iterator that the tool holds is another object, so that it is
    noticed when the tool drops that."""

    def __init__(self, feeds: "Feeds", call: Call, index: int) -> None:
        self.call = call
        self.index = index
        self._feeds = feeds
        # Appended to by the thread that receives, taken from by the tool's.
        self.items: "deque[Feed]" = deque()
        self.end: "FeedEnd | None" = None
        # Two numbers, because two threads write them.
        self.granted = 0
        """All credit so far, in bytes. Written by the tool's thread."""
        self.spent = 0
        """What the items so far have cost, in bytes. Written by the thread that receives."""
        self._taken = 0
        """How much the tool has taken and was not given back, in bytes."""
        self.is_closed = False
        """By the tool, or because the feed has failed."""
        self.is_done = False
        """The call is over."""
        self.wake: "Callable[[], None] | None" = None
        """What lets the tool look again, while it waits."""

    @property
    def is_over(self) -> bool:
        """Whether nothing is to be had any more, whatever has come."""
        # An async tool is told by a CancelledError.
        return self.is_closed or self.is_done or (self.call.cancelled and not self.call.tool.is_async)

    @property
    def must_wait(self) -> bool:
        # In this order: the thread that receives adds the last item before the end.
        return self.end is None and not self.items and not self.is_over

    def want(self) -> None:
        """Lets the host begin to read the source, if it has not begun."""
        if self.granted == 0:
            self._give(STREAM_WINDOW)

    def take(self) -> "tuple[Any] | None":
        """The next item in a tuple; None if there is none now. Raises FeedError at the end of a feed that has failed,
        and for a feed of a call that is over. May call user code."""
        end = self.end
        if self.is_over:
            if self.is_closed:
                return None
            raise FeedError("Cancelled", "the call was cancelled, or is over", self.index)
        try:
            item = self.items.popleft()
        except IndexError:
            if end is not None and end.failure is not None:
                self.is_closed = True
                raise FeedError(*end.failure, self.index) from None
            return None
        self._taken += _cost(item)
        if self._taken >= _GIVEN_BACK and self.end is None:
            taken, self._taken = self._taken, 0
            self._give(taken)
        try:
            return (decode(item.body, item.segments),)
        except NotReadable as error:
            self.close()
            raise FeedError("NotReadable", str(error), self.index) from error

    def close(self) -> None:
        """No more is wanted."""
        if self.is_over:
            return
        self.is_closed = True
        self.items.clear()
        if self.end is None:
            self._feeds.send(Want(self.call.id, self.index, 0))

    def _give(self, bytes: int) -> None:
        self.granted += bytes
        self._feeds.send(Want(self.call.id, self.index, bytes))


class FeedIterator:
    """What a sync tool is given. ``close()`` closes the source in Node; so does the end of the tool."""

    def __init__(self, feed: OpenFeed, wait: "Callable[[OpenFeed], None]") -> None:
        self._feed = feed
        self._wait = wait

    def __iter__(self) -> "FeedIterator":
        return self

    def __next__(self) -> Any:
        feed = self._feed
        while True:
            item = feed.take()
            if item is not None:
                return item[0]
            if feed.is_closed or (feed.end is not None and not feed.items):
                raise StopIteration
            feed.want()
            self._wait(feed)

    def close(self) -> None:
        self._feed.close()

    def __del__(self) -> None:
        _drop(self._feed)


class AsyncFeedIterator:
    """What an async tool is given. ``aclose()`` closes the source in Node; so does the end of the tool."""

    def __init__(self, feed: OpenFeed, loop: Any) -> None:
        self._feed = feed
        self._loop = loop
        self._turned = monotonic()

    def __aiter__(self) -> "AsyncFeedIterator":
        return self

    async def __anext__(self) -> Any:
        feed = self._feed
        while True:
            item = feed.take()
            if item is not None:
                if monotonic() - self._turned > _LONGEST_TURN:
                    await self._turn()
                return item[0]
            if feed.is_closed or (feed.end is not None and not feed.items):
                raise StopAsyncIteration
            feed.want()
            await self._news()
            self._turned = monotonic()

    async def aclose(self) -> None:
        self._feed.close()

    async def _turn(self) -> None:
        future = self._loop.create_future()
        self._loop.call_soon(_settle, future)
        await future
        self._turned = monotonic()

    async def _news(self) -> None:
        feed, loop = self._feed, self._loop
        future = loop.create_future()
        feed.wake = lambda: loop.call_soon_threadsafe(_settle, future)
        if feed.must_wait:  # else the thread that receives may have seen no future
            await future
        feed.wake = None

    def __del__(self) -> None:
        _drop(self._feed)


def _settle(future: Any) -> None:
    if not future.done():
        future.set_result(None)


def _drop(feed: OpenFeed) -> None:
    """The tool has dropped its iterator. The thread may hold any lock now, if the garbage collector found it."""
    if not feed.is_over and feed.end is None:
        try:
            _thread.start_new_thread(feed.close, ())
        except RuntimeError:  # the process ends
            pass


def _cost(item: Feed) -> int:
    return (size_of(item.body, item.segments) if item.segments else len(item.body)) + ITEM_OVERHEAD


class Feeds:
    """The feeds of the open calls of one session."""

    def __init__(
        self,
        carrier: Carrier,
        flush: "Callable[[], None]",
        wait_on_main_thread: "Callable[[OpenFeed], None]",
    ) -> None:
        """Make it on the main thread. ``wait_on_main_thread`` may return before there is anything new."""
        self.by_call: "dict[int, list[OpenFeed]]" = {}
        self.loop: Any = None
        """The event loop of async tools."""
        self._carrier = carrier
        self._flush = flush
        self._wait_on_main_thread = wait_on_main_thread
        self._main = _thread.get_ident()

    def given(self, call: Call, values: "list[Any] | dict[str, Any]") -> None:
        """Puts an iterator in place of each mark. For the thread of the call's tool."""
        places: Any = values.items() if isinstance(values, dict) else enumerate(values)
        marks = {int(mark): place for place, mark in places if type(mark) is FeedMark}
        feeds = [OpenFeed(self, call, index) for index in range(len(marks))]
        parts: Any = values
        for feed in feeds:
            place = marks.get(feed.index)
            if place is None:
                raise NotReadable("the streams among the arguments are not numbered from 0")
            parts[place] = AsyncFeedIterator(feed, self.loop) if call.tool.is_async else FeedIterator(feed, self._wait)
        self.by_call[call.id] = feeds

    def ended(self, call: Call) -> None:
        """The call has its answer."""
        for feed in self.by_call.pop(call.id, ()):
            feed.is_done = True
            self._wake(feed)

    def receive(self, frame: "Feed | FeedEnd") -> None:
        """An item, or the end. Raises ValueError if the host breaks the protocol."""
        feeds = self.by_call.get(frame.id, ())
        if frame.feed >= len(feeds):
            raise ValueError(f"it sent an item of feed {frame.feed} of call {frame.id}, which is not open")
        feed = feeds[frame.feed]
        if feed.end is not None:
            raise ValueError(f"it sent more of feed {frame.feed} of call {frame.id}, which has ended")
        if isinstance(frame, FeedEnd):
            feed.end = frame
        else:
            if feed.spent >= feed.granted:
                raise ValueError(f"it sent an item of feed {frame.feed} of call {frame.id}, which has no credit")
            feed.spent += _cost(frame)
            if not feed.is_closed:
                feed.items.append(frame)
        self._wake(feed)

    def cancelled(self, call: Call) -> None:
        for feed in self.by_call.get(call.id, ()):
            self._wake(feed)

    def send(self, want: Want) -> None:
        self._carrier.send(want)
        self._flush()

    def _wake(self, feed: OpenFeed) -> None:
        wake = feed.wake
        if wake is not None:
            wake()

    def _wait(self, feed: OpenFeed) -> None:
        """For the thread of a sync tool: returns when there may be news."""
        if _thread.get_ident() == self._main:
            self._flush()
            self._wait_on_main_thread(feed)
            return
        news: "SimpleQueue[None]" = SimpleQueue()
        feed.wake = lambda: news.put(None)
        if feed.must_wait:
            try:
                news.get(timeout=LOOK_EVERY)
            except Empty:
                pass
        feed.wake = None
