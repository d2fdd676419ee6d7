"""The short way of a call that comes alone over the socket lane, while nothing else waits: the main thread receives,
runs and answers it in one piece of code, without a queue. Everything else takes the long way."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from terrarium._begun import WORDS
from terrarium._frames import Call
from terrarium._lane import COPIED, Lane
from terrarium._lane_wire import CALL, HEADER, HEADER_BYTES, RESULT

if TYPE_CHECKING:
    from terrarium._session import Session


def receiver(session: "Session", lane: Lane) -> "Callable[[], bool]":
    """A function for the main thread that receives, and runs what comes alone, until something else comes."""
    # Local names, because a look-up of an attribute costs as much as a step of this code.
    main, opened, receiving, handle = session.main_thread, session.replies.open, session.receiving, session.handle
    stand_in, contexts, page, run = session.stand_in, main.contexts, main.page, main.answer_to
    tools = [None if tool.is_async else tool for tool in session.tools]
    count_of_tools = len(tools)
    parser, small, sending = lane.parser, lane.small, lane.sending
    view, buffer, recv_into = parser.view, parser.buffer, lane.recv_into
    unpack_header, pack_header, send = HEADER.unpack_from, HEADER.pack, lane.send_bytes

    def next_alone() -> "Call | None":
        """Receives. Returns a call that has come alone; anything else is handled as usual."""
        receiving.acquire()
        try:
            if main.calls:  # the stand-in has just received
                return None
            if parser.filled or parser.missing:
                session.receive()
                return None
            session.is_waiting = True
            try:
                count = recv_into(view)
            except BlockingIOError:
                return None
            session.is_waiting = False
            if count >= HEADER_BYTES:
                length, kind, flags, code, id, extra = unpack_header(buffer)
                if kind == CALL and not flags and length == count - HEADER_BYTES and code < count_of_tools:
                    tool = tools[code]
                    if tool is not None and id and id not in opened:
                        # Its time is not over: it is handled when it comes.
                        call = opened[id] = Call(id, tool, buffer[HEADER_BYTES:count], (), extra)
                        return call
            if count == 0:
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

    def receive() -> bool:
        while (call := next_alone()) is not None:
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
                if small or lane.long:
                    session.flush()
            main.running = 0
            if main.is_stopping or main.calls:
                break
        return True

    return receive
