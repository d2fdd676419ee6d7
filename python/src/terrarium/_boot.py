"""The bootstrap: what the host starts.

Run as ``python -u _boot.py --terrarium-run RUN --terrarium-spawn SPAWN FOLDER`` with its lifeline on descriptor 3, its
boot report on descriptor 4, FOLDER that of the package ``terrarium_shepherd``, and ``TERRARIUM_BOOT`` in the
environment, a JSON object: ``socket`` (path the host listens on), ``token`` (secret of this spawn) and ``tools`` (what
to import: absolute paths of files, and names of modules).

It arms itself, then imports one thing after the other and says so, so that whatever is missing is named. Exit statuses
before ready: 97 the host is gone, 78 configuration, 70 another exception, 79 the module ended the process, 75 the host
closed the session. Status 0 is impossible before ready, unless user code calls ``os._exit(0)``.
"""

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from terrarium._report import BootReport


def main() -> None:
    """Becomes a worker, and ends the process."""
    here = os.path.dirname(os.path.abspath(__file__))
    # A script's own folder comes first on sys.path, unless PYTHONSAFEPATH is set.
    if not getattr(sys.flags, "safe_path", False):
        del sys.path[0]
    sys.path.insert(0, sys.argv[-1])
    try:
        from terrarium_shepherd import arm, signals
    except ImportError:
        os.write(2, b"terrarium: the guard against outliving the host is missing: start this through Terrarium\n")
        os._exit(97)
    arm.arm(lifeline_fd=3)
    signals.work_on()
    # From here on `terrarium` is the package this file is part of, whatever else is installed.
    sys.path[0] = os.path.dirname(here)

    from terrarium._report import BootReport

    report = BootReport(4)
    report.boot()
    status = _boot(report)
    # Only a worker that was ready comes back with 0, and only that one ends with its exit handlers, like any program:
    # before ready they could change the status, or wait for ever.
    if status != 0:
        os._exit(status)


def _boot(report: "BootReport") -> int:
    from terrarium import _diagnosis, _exit, _patched

    pid = os.getpid()
    entry = ""
    entries: "list[str]" = []
    step = "the boot configuration"
    try:
        _prepare_process()
        boot = _configuration()
        entries = boot["tools"]
        step = "the interpreter"
        _patched.check_threads()  # sitecustomize and .pth files run before this
        quiet = _Quiet()
        for step in ("grpc", "google.protobuf", "msgpack"):
            report.importing(step)
            __import__(step)
        step = "terrarium"
        from terrarium._module import found_tools, load
        from terrarium._session import Session

        sys.argv[:] = entries[:1]
        for entry in entries:
            step = entry
            report.importing(entry)
            load(entry)
        tools = found_tools(entries)
        _patched.check_threads()
        if any(tool.is_async for tool in tools):
            _patched.check_sockets()
        if os.getpid() != pid:
            os._exit(0)  # a process that the module forked, and that came out of it: not the worker
        report.connecting()
        step = "the session"
        session = Session(boot["socket"], boot["token"], tools)
        session.open()
        quiet.end()
    except BaseException as error:
        if os.getpid() != pid:
            os._exit(_exit.of_child(error))
        failure = _diagnosis.diagnose(error, _diagnosis.Step(step, entry, entries))
        report.failed(failure)
        return failure.status
    report.ready()
    try:
        return session.serve()
    except BaseException:  # a trace function of a tool's that raises
        # A thread that a tool has left would keep a process in which nothing answers calls any more.
        _exit.show_error()
        return _exit.EXCEPTION


def _configuration() -> "dict[str, Any]":
    import json

    # Not for the eyes of user code: it holds the token.
    said = os.environ.pop("TERRARIUM_BOOT", None)
    if said is None:
        raise RuntimeError("TERRARIUM_BOOT is not set: workers are started by their host")
    boot = json.loads(said)
    return {key: boot[key] for key in ("socket", "token", "tools")}


class _Quiet:
    """Keeps gRPC from preparing for forks, and from warning on the tools' stderr that it cannot.

    A process that a tool forks never uses the session. gRPC reads its environment when it is imported and when its
    first channel is made; the tools, and the programs that they start, may have use for the support: it is off until
    ``end()`` only. A setting of the user's own stays.
    """

    _NAME = "GRPC_ENABLE_FORK_SUPPORT"

    def __init__(self) -> None:
        self._is_ours = self._NAME not in os.environ
        if self._is_ours:
            os.environ[self._NAME] = "0"

    def end(self) -> None:
        if self._is_ours:
            os.environ.pop(self._NAME, None)


def _prepare_process() -> None:
    # A number that is free would be that of the next socket, and what is printed would go there.
    for fd in (0, 1, 2):
        _occupy(fd)
    # The host reads UTF-8, whatever the locale says, and a print must not fail for a character. What sitecustomize has
    # put in place of these streams may be anything, and is left as it is.
    for stream in (sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__):
        reconfigure = getattr(stream, "reconfigure", None)
        try:
            if reconfigure is not None:
                reconfigure(encoding="utf-8", errors="backslashreplace")
        except Exception:
            pass


def _occupy(fd: int) -> None:
    try:
        os.fstat(fd)
    except OSError:
        nothing = os.open(os.devnull, os.O_RDWR)
        if nothing != fd:
            os.dup2(nothing, fd)
            os.close(nothing)
        os.set_inheritable(fd, True)


if __name__ == "__main__":
    main()
