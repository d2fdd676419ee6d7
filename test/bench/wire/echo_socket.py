"""The floor: echoes over a Unix socket. A frame is its length (four bytes, little endian) and as many bytes.

Every frame that has arrived is answered in one write.
"""

import socket
import sys

from lifeline import end_with_stdin, ready

HEADER = 4
CHUNK = 256 * 1024


def serve(connection: socket.socket) -> None:
    waiting = b""
    while chunk := connection.recv(CHUNK):
        waiting += chunk
        replies = []
        start = 0
        while len(waiting) - start >= HEADER:
            body = start + HEADER
            end = body + int.from_bytes(waiting[start:body], "little")
            if end > len(waiting):
                break
            payload = waiting[body:end]
            replies.append(len(payload).to_bytes(HEADER, "little"))
            replies.append(payload)
            start = end
        waiting = waiting[start:]
        connection.sendall(b"".join(replies))


end_with_stdin()
listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
listener.bind(sys.argv[1])
listener.listen(1)
ready()
serve(listener.accept()[0])
