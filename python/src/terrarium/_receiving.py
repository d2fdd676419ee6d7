"""Receives calls over the socket lane on the main thread, in few steps: whatever has come together is queued together.
Other frames, and calls that are out of the ordinary, take the long way of ``Session.receive``."""

from collections import deque
from collections.abc import Callable
from time import monotonic
from typing import TYPE_CHECKING

from terrarium._frames import Call, Extras
from terrarium._lane import NOW, Lane
from terrarium._lane_wire import CALL, HEADER, HEADER_BYTES, SESSION, SPIN
from terrarium._spin import looker

if TYPE_CHECKING:
    from terrarium._session import Session

_SHORT = SPIN | SESSION
"""The flags of calls that are taken in few steps."""


def receiver(session: "Session", lane: Lane, calls: "deque[Call]", wait: bool) -> "Callable[[], bool]":
    """A function that receives once and adds the calls to ``calls``. It returns True. ``wait``: see
    ``Carrier.receive``."""
    # Local names are used below, because a look-up of an attribute costs as much as a step of this code.
    opened, receiving, handle, add = session.replies.open, session.receiving, session.handle, calls.append
    tools, flags_of_read = session.tools, 0 if wait else NOW
    count_of_tools, is_all_async = len(tools), all(tool.is_async for tool in tools)
    # Plain calls of generators are out of the ordinary.
    kinds = [None if tool.is_stream else tool.is_async for tool in tools]
    parser, recv_into = lane.parser, lane.recv_into
    view, buffer, unpack_header = parser.view, parser.buffer, HEADER.unpack_from
    spin, look = session.spin, looker(lane.fileno())
    sessions = session.sessions.open

    def receive() -> bool:
        if not receiving.acquire(wait):
            return True  # the stand-in receives
        try:
            if calls:  # the stand-in has just received
                return True
            if parser.filled or parser.missing:
                session.receive(wait)
                return True
            session.is_waiting = True
            if wait and spin.is_due:
                spin.wait(look)
            try:
                count = recv_into(view, 0, flags_of_read)
            except BlockingIOError:
                return True
            session.is_waiting = False
            if count == 0:
                raise EOFError("the host closed it")
            start = may_spin = 0
            while count - start >= HEADER_BYTES:
                length, kind, flags, code, id, extra = unpack_header(buffer, start)
                begin = start + HEADER_BYTES
                end = begin + length
                if kind != CALL or flags | _SHORT != _SHORT or end > count or code >= count_of_tools:
                    break
                if kinds[code] is not is_all_async or id == 0 or id in opened:
                    break
                if flags & SESSION:
                    own = sessions.get(int.from_bytes(buffer[begin : begin + 4], "little")) if length >= 4 else None
                    if own is None:
                        break
                    call = Call(id, tools[code], buffer[begin + 4 : end], (), extra)
                    call.extras = Extras(False, own)
                    opened[id] = call
                else:
                    call = opened[id] = Call(id, tools[code], buffer[begin:end], (), extra)
                if extra:
                    call.deadline = monotonic() + extra / 1000
                add(call)
                start = end
                may_spin = flags & SPIN
            if start and (may_spin or spin.is_due):
                spin.came(may_spin != 0)
            if start < count:
                rest = count - start
                if start:
                    buffer[:rest] = buffer[start:count]
                handle(parser.arrived(rest))
        except session.Stopped:
            raise
        except BaseException as error:
            session.lost(error)
        finally:
            session.is_waiting = False
            receiving.release()
        return True

    return receive
