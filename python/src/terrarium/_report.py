"""The boot report: JSON lines that tell the host how far a worker has come, on a descriptor of their own."""

import json
import os
import sys
from dataclasses import dataclass, field
from typing import Any

LONGEST_TRACEBACK = 32 * 1024
LONGEST_TEXT = 8 * 1024
MOST_PATHS = 1024


@dataclass
class BootFailure:
    """Why a worker gives up."""

    status: int
    """Exit status."""
    kind: str
    """``missing_module``, ``import_error``, ``syntax_error``, ``missing_file``, ``unreadable_file``, ``no_tools``,
    ``invalid_tool``, ``patched``, ``protocol_mismatch`` or ``token_refused``, which are all configuration (status 78);
    ``exception`` (70), ``ended`` (79) or ``session_lost`` (75)."""
    message: str
    """What happened, in one line."""
    hint: str = ""
    """What to do, in whole sentences; a command that repairs it comes last."""
    module: "str | None" = None
    """The module at fault, by its import name; the user's own by its path."""
    traceback: str = ""
    watch: "list[str]" = field(default_factory=list)
    """Files and folders whose change may repair it, those that do not exist included."""
    command: str = ""
    """That command alone, for a shell; empty if there is none."""
    modules: "list[str]" = field(default_factory=list)
    """All modules that are missing, if that is why."""
    configuration: bool = False
    """No restart repairs it: the host waits until code or environment has changed."""


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST_TEXT else text[:LONGEST_TEXT] + "…"


class BootReport:
    """Writes it. The host may be gone at any moment, which ends the report and nothing else."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        try:
            os.set_inheritable(fd, False)
        except OSError:
            self._fd = -1
        # A process that the user's module forks must not keep the host waiting for the end of this report.
        os.register_at_fork(after_in_child=self._close)

    def boot(self) -> None:
        version = ".".join(str(part) for part in sys.version_info[:3])
        self._say("boot", pid=os.getpid(), ppid=os.getppid(), exe=sys.executable, version=version)

    def importing(self, module: str) -> None:
        self._say("importing", module=module)

    def connecting(self) -> None:
        self._say("connecting")

    def ready(self) -> None:
        """The last word: the channel is closed."""
        self._say("ready")
        self._close()

    def failed(self, failure: BootFailure) -> None:
        """The last word: the channel is closed. Without a reader it goes to stderr."""
        heard = self._say(
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
        if not heard:
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
    """Past ``sys.stderr``, which user code may have replaced by anything."""
    try:
        os.write(2, text.encode("utf-8", "backslashreplace") + b"\n")
    except OSError:
        pass
