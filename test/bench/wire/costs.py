"""Measures what values, contexts and counters of one call cost in Python, each alone. Prints µs a call as JSON.

Usage: costs.py SOURCES CALLS ROUNDS
"""

import json
import sys
import timeit

sources, calls, rounds = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
sys.path.insert(0, sources)

from terrarium._begun import WORDS, open_page
from terrarium._contexts import maker
from terrarium._values._plain import Reader, encode_plain

BODY = b"\x81\xa4data\xc4\x64" + b"a" * 100
SHAPES = {("data",)}
reader, page, contexts = Reader(), open_page(None), maker()
open_calls = {}


def values():
    arguments = reader.arguments(BODY, SHAPES)
    encode_plain(arguments["data"])


def context():
    contexts().run(len, BODY)


def counters():
    open_calls[7] = BODY
    page[7 % WORDS] = 7
    open_calls.pop(7, None)


STEPS = {
    "values: 100 bytes as argument, names checked, and as result": values,
    "contexts: a context of its own for the call": context,
    "counters: open calls, the page of begun calls": counters,
}


def time_of(step):
    """The least of many short rounds, because another process on this core only adds."""
    return min(timeit.repeat(step, number=calls, repeat=rounds)) / calls * 1e6


print(json.dumps({name: time_of(step) for name, step in STEPS.items()}))
