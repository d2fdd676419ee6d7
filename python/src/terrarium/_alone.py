"""The short way of a call that comes alone over the socket lane, while nothing else waits: it is received, run and
answered by the main thread in few steps, without a queue. Everything else takes the long way."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from terrarium._begun import WORDS
from terrarium._frames import Call
from terrarium._lane import COPIED, NOW, Lane
from terrarium._lane_wire import CALL, HEADER, HEADER_BYTES, RESULT

if TYPE_CHECKING:
    from terrarium._session import Session

# Local names are used below, because a look-up of an attribute costs as much as a step of this code.


def taker(session: "Session", lane: Lane, wait: bool) -> "Callable[[], Call | None]":
    """A function for the main thread that receives. It returns a call that has come alone; whatever else has come is
    handled as usual. ``wait``: see ``Carrier.receive``."""
    opened, receiving, handle, waiting = session.replies.open, session.receiving, session.handle, session.main_thread
    tools, flags_of_read = session.tools, 0 if wait else NOW
    count_of_tools, is_all_async = len(tools), all(tool.is_async for tool in tools)
    parser, recv_into = lane.parser, lane.recv_into
    view, buffer, unpack_header = parser.view, parser.buffer, HEADER.unpack_from

    def take() -> "Call | None":
        if not receiving.acquire(wait):
            return None  # the stand-in receives
        try:
            if waiting.calls:  # the stand-in has just received
                return None
            if parser.filled or parser.missing:
                session.receive(wait)
                return None
            session.is_waiting = True
            try:
                count = recv_into(view, 0, flags_of_read)
            except BlockingIOError:
                return None
            session.is_waiting = False
            if count >= HEADER_BYTES:
                length, kind, flags, code, id, extra = unpack_header(buffer)
                if kind == CALL and not flags and length == count - HEADER_BYTES and code < count_of_tools:
                    tool = tools[code]
                    if tool.is_async is is_all_async and id and id not in opened and not (extra and is_all_async):
                        # A sync tool is entered now, so its time cannot be over.
                        call = opened[id] = Call(id, tool, buffer[HEADER_BYTES:count], (), extra)
                        return call
            elif count == 0:
                raise EOFError("the host closed it")
            handle(parser.arrived(count))
        except session.Stopped:
            raise
        except BaseException as error:
            session.lost(error)
        finally:
            session.is_waiting = False
            receiving.release()
        return None

    return take


def receiver(session: "Session", lane: Lane) -> "Callable[[], bool]":
    """A function for the main thread of a worker with sync tools: it receives, and runs what comes alone, until
    something else comes."""
    take, main, stand_in = taker(session, lane, wait=True), session.main_thread, session.stand_in
    contexts, page, run = main.contexts, main.page, main.answer_to
    small, long, sending, send, pack_header = lane.small, lane.long, lane.sending, lane.send_bytes, HEADER.pack

    def receive() -> bool:
        while (call := take()) is not None:
            id = call.id
            main.running = id
            if not stand_in.is_awake:
                stand_in.wake()
            page[id % WORDS] = id
            body = contexts().run(run, call)
            if body is None:
                session.flush()
            elif len(body) > COPIED or not sending.acquire(False):
                lane.send_result(id, body, ())
                session.flush()
            else:
                try:
                    send(pack_header(len(body), RESULT, 0, 0, id, 0) + body)
                except OSError as error:
                    session.lost(error)
                finally:
                    sending.release()
                if small or long:
                    session.flush()
            main.running = 0
            if main.is_stopping or main.calls:
                break
        return True

    return receive
