"""The application signals, which are no orders to shepherd and workers, and the order to end.

Service managers, process managers and terminals send an application signal to every process of an application at once,
and only the host knows what that means. So shepherd, guard process and workers go on when such a signal comes. Two
things end them: the end of their lifeline, and an order of the host, which the shepherd passes on to a worker as
``ORDER_TO_END``, a signal that has no other use.

The signals are handled, not ignored, because a program would inherit that they are ignored. Whatever a worker starts
gets them as if a plain Python had started it: exec resets them for a program, ``register_at_fork`` for a fork.

Standard library only, and little of it: this is imported before anything else.
"""

import _thread
import os
import signal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

_NAMES = ("SIGHUP", "SIGINT", "SIGQUIT", "SIGUSR1", "SIGUSR2", "SIGPWR", "SIGTERM", "SIGTSTP", "SIGTTIN", "SIGTTOU")

ORDER_TO_END = int(signal.SIGRTMAX) - 7 if hasattr(signal, "SIGRTMAX") else int(signal.SIGTERM)
"""57 on Linux. Its default action ends a process at once, which is right for a worker that has not begun to work.
SIGTERM on a system without real-time signals (macOS)."""

OF_APPLICATION = frozenset(int(getattr(signal, name)) for name in _NAMES if hasattr(signal, name)) - {ORDER_TO_END}
"""The application signals."""

_mask_before_fork = _thread._local()
_handlers: "dict[int, Callable[..., Any]]" = {}
"""The handlers that this module has set, by signal."""


def disregard_application() -> None:
    """Makes the application signals do nothing in this process, the shepherd or the guard process. Call it on
    the main thread."""
    for number in OF_APPLICATION:
        _handle(number, _nothing)
    block(False)


def work_on() -> None:
    """For a worker: does what ``disregard_application`` does, and lets its forks get the signals as usual. Call it
    once, on the main thread."""
    disregard_application()
    os.register_at_fork(before=_before_fork, after_in_parent=_after_fork, after_in_child=_after_fork_in_child)


def on_order_to_end(callback: "Callable[[], None]") -> None:
    """Has ``callback`` called on the main thread when the host orders this process to end. Replaces a handler that user
    code has set for SIGTERM: when a service stops, it would end the worker before the host orders that."""
    _handle(int(signal.SIGTERM), _nothing)
    _handle(ORDER_TO_END, lambda _number, _frame: callback())


def block(on: bool) -> None:
    """Blocks or unblocks the application signals for the calling thread. A program inherits the mask on exec."""
    signal.pthread_sigmask(signal.SIG_BLOCK if on else signal.SIG_UNBLOCK, OF_APPLICATION)


def _nothing(_number: int, _frame: "Any") -> None:
    pass


def _handle(number: int, handler: "Callable[..., Any]") -> None:
    signal.signal(number, handler)
    _handlers[number] = handler


def _before_fork() -> None:
    # A signal for the child must not arrive while it still has the handlers of this process.
    _mask_before_fork.value = signal.pthread_sigmask(signal.SIG_BLOCK, OF_APPLICATION | {ORDER_TO_END})


def _after_fork() -> None:
    signal.pthread_sigmask(signal.SIG_SETMASK, _mask_before_fork.value)


def _after_fork_in_child() -> None:
    for number, handler in _handlers.items():
        if signal.getsignal(number) is handler:
            signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
    _handlers.clear()
    _after_fork()
