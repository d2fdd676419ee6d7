"""The boot report: JSON lines on descriptor 4 that tell the host how far a worker has started, and why it failed."""

import json
import os
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from terrarium._boot_failure import BootFailure

# Limits of what is reported: characters, and numbers of paths.
LONGEST_TRACEBACK = 32 * 1024
LONGEST_TEXT = 8 * 1024
MOST_PATHS = 1024


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST_TEXT else text[:LONGEST_TEXT] + "…"


class BootReport:
    """Writes the boot report. If the host is gone, further lines are dropped; no method raises."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        try:
            os.set_inheritable(fd, False)
        except OSError:
            self._fd = -1
        # A process forked by the user's module must not keep the pipe open: the host waits for its end.
        os.register_at_fork(after_in_child=self._close)

    def boot(self) -> None:
        version = ".".join(str(part) for part in sys.version_info[:3])
        self._say("boot", pid=os.getpid(), ppid=os.getppid(), exe=sys.executable, version=version)

    def importing(self, module: str) -> None:
        self._say("importing", module=module)

    def connecting(self) -> None:
        self._say("connecting")

    def ready(self) -> None:
        """Ends the report: closes the descriptor."""
        self._say("ready")
        self._close()

    def failed(self, failure: "BootFailure") -> None:
        """Ends the report with a failure and closes the descriptor. If the host cannot be reached, writes to stderr."""
        is_sent = self._say(
            "failed",
            kind=failure.kind,
            configuration=failure.configuration,
            module=failure.module and _cut(failure.module),
            exe=sys.executable,
            path=sys.path,
            message=_cut(failure.message),
            hint=_cut(failure.hint),
            command=failure.command if len(failure.command) <= LONGEST_TEXT else "",
            modules=[_cut(module) for module in failure.modules[:MOST_PATHS]],
            traceback=failure.traceback[-LONGEST_TRACEBACK:],
            watch=failure.watch[:MOST_PATHS],
        )
        self._close()
        if not is_sent:
            _write_to_stderr(f"terrarium: {failure.message}\n{failure.traceback}")

    def _say(self, phase: str, **more: Any) -> bool:
        line = (json.dumps({"phase": phase, **more}, default=str) + "\n").encode()
        try:
            while line:
                line = line[os.write(self._fd, line) :]
            return True
        except OSError:
            return False

    def _close(self) -> None:
        try:
            os.close(self._fd)
        except OSError:
            pass
        self._fd = -1


def _write_to_stderr(text: str) -> None:
    """Writes to descriptor 2, because user code may have replaced ``sys.stderr`` by any object."""
    try:
        os.write(2, text.encode("utf-8", "backslashreplace") + b"\n")
    except OSError:
        pass
