"""The fuzz of whole workers: forks of this process serve a session on the socket lane, and hear damaged frames.

Run as ``python worker_session.py SEED COUNT ONLY``; prints as ``worker_side.py`` does. Each worker ends by itself: with
status 75 and one line that says why, or with 0. No call is answered twice, and nothing else is printed.
"""

import gc
import json
import os
import random
import select
import signal
import socket
import sys
import tempfile
import time

import frames as lane
from terrarium import _begun, _exit
from terrarium._lane import Lane
from terrarium._lane_wire import PREAMBLE
from terrarium._module import found_tools, load
from terrarium._session import Session
from terrarium._session_errors import Refused, SessionLost
from terrarium._values._encode import in_one
from worker_side import FRAMES_OF_A_CASE, MOST, valid_lane

PATIENCE = 10.0
"""How long a worker may take to end, in seconds."""
LOST = b"terrarium: the session with the host is lost: "


def work(path, tools, stderr):
    """The worker, in a fork. Never returns."""
    try:
        os.dup2(stderr, 2)
        session = Session(Lane(path), "token", tools, _begun.open_page(None), False)
        session.open()
        os._exit(session.serve())
    except (Refused, SessionLost) as error:  # damage beside Welcome, which a worker tells in its boot report
        _exit.say(f"the session with the host is lost: {error}")
        os._exit(_exit.SESSION_LOST)
    except BaseException:
        _exit.show_error()
        os._exit(_exit.EXCEPTION)


class Case:
    def __init__(self, listener, path, tools):
        read, write = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            listener.close()
            work(path, tools, write)
        os.close(write)
        self.stderr = read
        self.connection = listener.accept()[0]
        self.connection.settimeout(PATIENCE)
        self.heard = b""

    def hear(self, condition):
        """Reads until the condition holds, or until the worker has closed the connection."""
        while not condition(self.heard):
            more = self.connection.recv(1 << 16)
            if not more:
                return False
            self.heard += more
        return True

    def end(self):
        """The worker's status and standard error."""
        end = time.monotonic() + PATIENCE
        printed = b""
        while True:
            ready = select.select([self.stderr], [], [], max(0, end - time.monotonic()))[0]
            more = os.read(self.stderr, 1 << 16) if ready else None
            if not more:
                break
            printed += more
        os.close(self.stderr)
        self.connection.close()
        if more is None:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
            raise AssertionError("the worker does not end")
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1]), printed


def run(choose, listener, path, tools):
    case = Case(listener, path, tools)
    try:
        case.hear(lambda heard: len(heard) >= 8 + 16)
        welcome = lane.frame(lane.WELCOME, in_one({"maxBytes": MOST}))
        frames = valid_lane(choose)
        for _ in range(choose.randrange(1, 3)):
            frames = lane.mutate(frames, choose) if frames else frames
        data = b"".join(frames)
        case.connection.sendall(PREAMBLE + welcome)
        at = 0
        while at < len(data):
            size = choose.choice([1, 16, 100, 1 << 16])
            case.connection.sendall(data[at : at + size])
            at += size
        case.connection.shutdown(socket.SHUT_WR)
        case.hear(lambda _: False)
    except (BrokenPipeError, ConnectionResetError):
        pass  # the worker has ended already
    status, printed = case.end()
    assert status in (0, 75), f"status {status}: {printed.decode(errors='replace')}"
    lines = printed.splitlines()
    assert len(lines) <= 1 and all(line.startswith(LOST) and len(line) < 600 for line in lines), printed
    assert (status == 75) == (len(lines) == 1), f"status {status} with {printed!r}"
    answered = [id for kind, id in answers(case.heard[8:]) if kind in (3, 4)]
    assert len(answered) <= FRAMES_OF_A_CASE + 2, answered
    return len(frames)


def answers(data):
    """Kind and id of each frame that is whole."""
    while len(data) >= 16:
        length, kind, _, _, id, _ = lane.HEADER.unpack_from(data)
        yield kind, id
        data = data[16 + length :]


def main():
    seed, count, only = map(int, sys.argv[1:4])
    load(os.path.join(os.path.dirname(os.path.abspath(__file__)), "session_tools.py"))
    tools = found_tools([os.path.join(os.path.dirname(os.path.abspath(__file__)), "session_tools.py")])
    import asyncio  # noqa: F401 - or each fork imports it

    faults, frames, case = 0, 0, max(0, only)
    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX) as listener:
        path = os.path.join(folder, "host.sock")
        listener.bind(path)
        listener.listen(1)
        gc.freeze()
        descriptors = len(os.listdir("/proc/self/fd"))
        while frames < count:
            try:
                frames += run(random.Random(f"{seed} session {case}"), listener, path, tools)
            except Exception as error:
                faults += 1
                frames += FRAMES_OF_A_CASE
                print(f"case {case}: {type(error).__name__}: {error}"[:2000], flush=True)
            case += 1
            if only >= 0:
                break
        grown = len(os.listdir("/proc/self/fd")) - descriptors
    print(json.dumps({"cases": case, "frames": frames, "faults": faults + grown, "grown": grown}))


if __name__ == "__main__":
    main()
