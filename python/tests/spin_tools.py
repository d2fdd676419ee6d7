"""Tools of a worker that spins after every 16 calls, however slow they are and however few processors it may use."""

import os

from terrarium import _spin, tool

os.sched_getaffinity = lambda pid: {0, 1}
_spin.CLOSE = float("inf")
looks = 0
give_way = os.sched_yield


def counted():
    global looks
    looks += 1
    give_way()


os.sched_yield = counted


@tool
def looks_so_far():
    """How often the worker has looked for calls in vain."""
    return looks
