"""Spinning: a worker looks for its next calls for a moment before it sleeps. After short calls the next one often comes
within some 20 µs, and to be woken for it takes longer than the whole call."""

import os
from collections.abc import Callable
from select import POLLIN, poll
from time import monotonic
from typing import Any

LONGEST = 100e-6
"""How long a worker spins before it sleeps, in seconds. A host that is woken for an answer makes its next call within
some 50 µs on a virtual machine."""
CLOSE = 200e-6
"""Calls come close together if the worker waits no longer than this between them, in seconds. To be woken is a part of
that: on a virtual machine more than half."""
_LEAST = 16
_MOST = 4096
"""So many waits in a row have to be short before the worker spins: at first, and at most."""
_LOSS = 4
"""A spin in vain weighs as much as so many that saved a sleep."""
_MOST_CREDIT = 32
_SETTLED = 256
"""After so many spins that saved a sleep it is forgotten what went wrong before."""


class Habit:
    """Decides whether to spin, from the last waits. Knows no clock."""

    def __init__(self) -> None:
        self.spins = False
        """Whether to spin in the next wait."""
        self._short = 0
        self._needed = _LEAST
        self._credit = 0
        self._saved = 0

    def waited(self, seconds: float, slept: bool) -> None:
        """Calls have come after a wait of so long. ``slept``: the worker slept in it, or did not spin."""
        if seconds > CLOSE:  # the calls are slow, or another process has the processor
            self._stop()
        elif not self.spins:
            self._short += 1
            if self._short >= self._needed:
                self.spins = True
                self._credit, self._saved = _LOSS, 0
        elif not slept:
            self._credit = min(self._credit + 1, _MOST_CREDIT)
            self._saved += 1
        else:
            self._credit -= _LOSS
            if self._credit < 0:
                self._stop()
                self._needed = _LEAST if self._saved >= _SETTLED else min(2 * self._needed, _MOST)

    def _stop(self) -> None:
        self.spins = False
        self._short = 0


class Spin:
    """The waits of the thread that receives calls: ``wait`` before it sleeps, if ``is_due``, and ``came`` after it has
    received some. So there is one spin at most between two calls, and an idle worker sleeps."""

    def __init__(self) -> None:
        self._habit = Habit()
        self._is_possible = _may_use_several_processors()
        self.is_due = False
        """Whether calls have come since the last wait, from a host that has processors to spare."""
        self._since = 0.0
        """When the present wait began; 0 when it does not count."""
        self._slept = True

    def came(self, is_allowed: bool) -> None:
        """Calls have come. ``is_allowed``: their host lets the worker spin."""
        if self._since:
            self._habit.waited(monotonic() - self._since, self._slept)
            self._since = 0.0
        self.is_due = is_allowed and self._is_possible

    def wait(self, look: "Callable[[int], Any]") -> Any:
        """Calls ``look(0)`` until it returns something true, and returns that; or something false when it is time to
        sleep."""
        self.is_due = False
        self._slept = True
        now = self._since = monotonic()
        if not self._habit.spins:
            return None
        end = now + LONGEST
        while now < end:
            found = look(0)
            if found:
                self._slept = False
                return found
            os.sched_yield()  # to whatever else could run on this processor
            now = monotonic()
        return None


def _may_use_several_processors() -> bool:
    """On the only processor that this process may use, the host could not run meanwhile. macOS does not tell."""
    affinity = getattr(os, "sched_getaffinity", None)
    return affinity is not None and len(affinity(0)) > 1


def looker(descriptor: int) -> "Callable[[int], Any]":
    """A function that tells whether there is something to read. It takes the longest time to wait, in ms."""
    looks = poll()
    looks.register(descriptor, POLLIN)
    return looks.poll
