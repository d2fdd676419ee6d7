"""Streams as they are written by hand: over a Unix socket, each item with its length, in one write.

A request is the number of items and the length of the item (four bytes each, little endian), and the item.
"""

import socket
import struct
import sys

from lifeline import end_with_stdin, ready

REQUEST = struct.Struct("<II")
LENGTH = struct.Struct("<I")

end_with_stdin()
listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
listener.bind(sys.argv[1])
listener.listen(1)
ready()
connection = listener.accept()[0]
requests = connection.makefile("rb")
while header := requests.read(REQUEST.size):
    count, length = REQUEST.unpack(header)
    item = requests.read(length)
    for _ in range(count):
        connection.sendall(LENGTH.pack(length) + item)
