"""The lower bound of the bench: echoes over a Unix socket. A frame is its length (four bytes, little endian) and that
many bytes.

All complete frames are answered in one write. All reads share one buffer, because a new buffer for each read costs the
system a mapping and an unmapping.
"""

import socket
import sys

from lifeline import end_with_stdin, ready

HEADER = 4
BUFFER = 256 * 1024


def serve(connection: socket.socket) -> None:
    buffer = bytearray(BUFFER)
    filled = 0
    while count := connection.recv_into(memoryview(buffer)[filled:]):
        filled += count
        whole = end_of_frames(buffer, filled)
        if whole > 0:
            connection.sendall(memoryview(buffer)[:whole])
            buffer[: filled - whole] = buffer[whole:filled]
            filled -= whole
        elif filled == len(buffer):
            buffer.extend(bytes(len(buffer)))


def end_of_frames(buffer: bytearray, filled: int) -> int:
    """The end of the last complete frame in the buffer."""
    start = 0
    while filled - start >= HEADER:
        end = start + HEADER + int.from_bytes(buffer[start : start + HEADER], "little")
        if end > filled:
            break
        start = end
    return start


end_with_stdin()
listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
listener.bind(sys.argv[1])
listener.listen(1)
ready()
serve(listener.accept()[0])
