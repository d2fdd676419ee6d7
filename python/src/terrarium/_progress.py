"""``progress``: how far a call has come, for its caller to see while it runs."""

import os
import threading
from collections.abc import Callable
from operator import index
from time import monotonic, sleep

from terrarium._current import current
from terrarium._frames import Progress

INTERVAL = 0.01
"""Between two Progress frames of one call, in seconds."""
_LONGEST_TEXT = 1_000
_LARGEST_WHOLE = 2**53
"""Up to here each whole number is exact in JavaScript."""


def progress(done: "float | None", total: "float | None" = None, text: str = "") -> None:
    """Tells the caller of the current call how far it has come: ``done`` of ``total``, in a unit of your own, and what
    is being done. The caller hears it by its option ``onProgress``; if it has none, nothing is sent. May be called as
    often as you like: the caller hears the latest at most every 10 ms, and the last before the result. Outside any call
    and in a tool with ``batch`` it does nothing. Raises TypeError if ``done`` or ``total`` is no number.

    It works wherever the context of the call goes: in tasks and in ``asyncio.to_thread``. Start a thread with
    ``contextvars.copy_context().run``.
    """
    told = (_number("done", done), _number("total", total), str(text)[:_LONGEST_TEXT])
    call = current()
    if call is not None and call.extras is not None and call.batch is None:
        reporter: "Reporter | None" = call.extras.reporter
        if reporter is not None:
            reporter.report(*told)


def _number(name: str, value: "float | None") -> "float | None":
    if value is None:
        return None
    try:
        whole = index(value)  # type: ignore[arg-type]
        return whole if abs(whole) <= _LARGEST_WHOLE else float(whole)
    except TypeError:
        pass
    try:
        return float(value)
    except (TypeError, ValueError):
        raise TypeError(f"{name} must be a number or None, not {type(value).__name__}") from None


class Reporter:
    """Sends the progress of one call. ``report`` is for any thread."""

    def __init__(self, id: int, reporters: "Reporters") -> None:
        self._id = id
        self._reporters = reporters
        self._lock = threading.Lock()
        self._held: "Progress | None" = None
        self._sent = 0.0
        self._has_ended = False
        self._process = os.getpid()

    def report(self, done: "float | None", total: "float | None", text: str) -> None:
        if os.getpid() != self._process:  # a tool has forked: the child has no session
            return
        with self._lock:
            if self._has_ended:
                return
            was_held = self._held is not None
            self._held = Progress(self._id, done, total, text)
            is_due = monotonic() - self._sent >= INTERVAL
            if is_due:
                self._send()
        if is_due:
            self._reporters.flush()
        elif not was_held:
            self._reporters.hold(self)

    def send_held(self) -> None:
        """Sends what was held back because it came too soon."""
        with self._lock:
            self._send()

    def end(self) -> None:
        """The answer of the call follows, and nothing of the call after that."""
        with self._lock:
            self._send()
            self._has_ended = True

    def _send(self) -> None:
        held, self._held = self._held, None
        if held is not None and not self._has_ended:
            self._sent = monotonic()
            self._reporters.send(held)


class Reporters:
    """Sends for the reporters of a session what came too soon after what was sent before, once it is time."""

    def __init__(self, send: "Callable[[Progress], None]", flush: "Callable[[], None]") -> None:
        self.send = send
        self.flush = flush
        self._lock = threading.Lock()
        self._holding: "set[Reporter]" = set()
        self._is_running = False

    def of(self, id: int) -> Reporter:
        """The reporter of a new call."""
        return Reporter(id, self)

    def hold(self, reporter: Reporter) -> None:
        with self._lock:
            self._holding.add(reporter)
            if self._is_running:
                return
            self._is_running = True
        threading.Thread(target=self._run, name="terrarium-progress", daemon=True).start()

    def _run(self) -> None:
        """Ends when nothing is held, so that a worker whose tools report nothing has no thread more."""
        while True:
            sleep(INTERVAL)
            with self._lock:
                holding, self._holding = self._holding, set()
                if not holding:
                    self._is_running = False
                    return
            for reporter in holding:
                reporter.send_held()
            self.flush()
