"""What the host is told, and what processes say, on its way to the host. Nothing here waits for anybody."""

import base64
import json
import os
import selectors

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from terrarium_shepherd.spawn import Child

# In bytes. So much of what a process has said is passed on in one piece,
_PIECE = 32_768
# from so much on that the host has not read, processes wait until they may go on writing,
_MOST_UNREAD = 262_144
# and this is the most that a pipe holds for a process that has ended.
_LARGEST_PIPE = 1_048_576


class Report:
    def __init__(self, fd: int, selector: selectors.BaseSelector) -> None:
        self._fd = fd
        self._selector = selector
        self._unread = bytearray()
        self._pipes = selectors.DefaultSelector()
        self.has_listener = True
        """Otherwise nobody is there to hear it."""
        os.set_blocking(fd, False)
        selector.register(self._pipes, selectors.EVENT_READ, self.relay)

    def tell(self, *news: "dict[str, Any]") -> None:
        for each in news:
            self._unread += json.dumps(each).encode() + b"\n"
        self._pass_on()

    def add(self, child: "Child") -> None:
        """From now on it is told what this one says."""
        for channel in child.pipes:
            self.let_speak(child, channel, True)

    def let_speak(self, child: "Child", channel: str, may: bool) -> None:
        """Whether more is read of what it says there. When its pipe is full, it has to wait."""
        fd = child.pipes.get(channel)
        if fd is None or may == (fd in self._pipes.get_map()):
            return
        if may:
            self._pipes.register(fd, selectors.EVENT_READ, (child, channel))
        else:
            self._pipes.unregister(fd)

    def relay(self) -> None:
        for key, _ in self._pipes.select(0):
            child, channel = key.data
            if len(self._unread) < _MOST_UNREAD:
                self._say(child, channel, os.read(key.fd, _PIECE))
        self._pass_on()

    def remove(self, child: "Child") -> None:
        """It has ended: what it has said last is all that there will be."""
        for channel, fd in list(child.pipes.items()):
            left = _LARGEST_PIPE
            while channel in child.pipes and left > 0:
                try:
                    said = os.read(fd, _PIECE)
                except BlockingIOError:
                    break
                self._say(child, channel, said)
                left -= len(said)
        for channel in list(child.pipes):
            self._close(child, channel)

    def _say(self, child: "Child", channel: str, said: bytes) -> None:
        """Nothing, at the end."""
        data = base64.b64encode(said).decode()
        news = {"type": "output", "spawn": child.spawn, "channel": channel, "data": data}
        self._unread += json.dumps(news).encode() + b"\n"
        if not said:
            self._close(child, channel)

    def _close(self, child: "Child", channel: str) -> None:
        self.let_speak(child, channel, False)
        os.close(child.pipes.pop(channel))

    def _pass_on(self) -> None:
        try:
            while self._unread:
                del self._unread[: os.write(self._fd, self._unread)]
        except BlockingIOError:
            pass
        except OSError:
            self.has_listener = False
        self._listen(self._fd, selectors.EVENT_WRITE, self._pass_on, bool(self._unread))
        self._listen(self._pipes, selectors.EVENT_READ, self.relay, len(self._unread) < _MOST_UNREAD)

    def _listen(self, file: "Any", events: int, react: "Any", on: bool) -> None:
        if on == (file in self._selector.get_map()):
            return
        if on:
            self._selector.register(file, events, react)
        else:
            self._selector.unregister(file)
