"""Writes the shepherd's news to the host, and relays the output of its processes. No write here ever blocks: what
the host has not read is kept, and beyond a limit the processes have to wait."""

import base64
import json
import os
import selectors

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from terrarium_shepherd.spawn import Child

_MAX_CHUNK = 32_768
"""The most output of a process that one line of news carries, in bytes."""

_MAX_UNREAD = 262_144
"""While this many bytes of news are unread by the host, no channel is read: its writer blocks."""

_MAX_PIPE = 1_048_576
"""The most that a pipe of an exited process can still hold, in bytes."""


class HostWriter:
    """
    ``fd``: the descriptor of the host's end, one JSON object per line. ``selector``: the shepherd's; it calls the
    registered functions of this class.
    """

    def __init__(self, fd: int, selector: selectors.BaseSelector) -> None:
        self._fd = fd
        self._selector = selector
        self._unread = bytearray()
        self._pipes = selectors.DefaultSelector()
        self.has_reader = True
        """False once the host has closed its end."""
        os.set_blocking(fd, False)
        selector.register(self._pipes, selectors.EVENT_READ, self.relay)

    def send(self, *news: "dict[str, Any]") -> None:
        """Writes the news, together if the pipe has room, else as the host reads."""
        for each in news:
            self._unread += json.dumps(each).encode() + b"\n"
        self._flush()

    def add(self, child: "Child") -> None:
        """Starts relaying the child's channels."""
        for channel in child.pipes:
            self.set_reading(child, channel, True)

    def set_reading(self, child: "Child", channel: str, on: bool) -> None:
        """Starts or stops reading a channel. While it is not read, the child blocks once its pipe is full."""
        fd = child.pipes.get(channel)
        if fd is None or on == (fd in self._pipes.get_map()):
            return
        if on:
            self._pipes.register(fd, selectors.EVENT_READ, (child, channel))
        else:
            self._pipes.unregister(fd)

    def relay(self) -> None:
        """Passes on what the processes have written, one chunk per channel that has any."""
        for key, _ in self._pipes.select(0):
            child, channel = key.data
            if len(self._unread) < _MAX_UNREAD:
                self._add_output(child, channel, os.read(key.fd, _MAX_CHUNK))
        self._flush()

    def remove(self, child: "Child") -> None:
        """Relays what is left in the channels of a child that has exited, and closes them."""
        for channel, fd in list(child.pipes.items()):
            left = _MAX_PIPE
            while channel in child.pipes and left > 0:
                try:
                    chunk = os.read(fd, _MAX_CHUNK)
                except BlockingIOError:
                    break
                self._add_output(child, channel, chunk)
                left -= len(chunk)
        for channel in list(child.pipes):
            self._close(child, channel)

    def _add_output(self, child: "Child", channel: str, chunk: bytes) -> None:
        """An empty chunk means the end of the channel, which is closed."""
        data = base64.b64encode(chunk).decode()
        news = {"type": "output", "spawn": child.spawn, "channel": channel, "data": data}
        self._unread += json.dumps(news).encode() + b"\n"
        if not chunk:
            self._close(child, channel)

    def _close(self, child: "Child", channel: str) -> None:
        self.set_reading(child, channel, False)
        os.close(child.pipes.pop(channel))

    def _flush(self) -> None:
        try:
            while self._unread:
                del self._unread[: os.write(self._fd, self._unread)]
        except BlockingIOError:
            pass
        except OSError:
            self.has_reader = False
        self._watch(self._fd, selectors.EVENT_WRITE, self._flush, bool(self._unread))
        self._watch(self._pipes, selectors.EVENT_READ, self.relay, len(self._unread) < _MAX_UNREAD)

    def _watch(self, file: "Any", events: int, callback: "Any", on: bool) -> None:
        if on == (file in self._selector.get_map()):
            return
        if on:
            self._selector.register(file, events, callback)
        else:
            self._selector.unregister(file)
