"""The bootstrap of a worker: the script that the host starts.

Run as ``python -u _boot.py --terrarium-run RUN --terrarium-spawn SPAWN FOLDER`` with the lifeline on descriptor 3 and
the boot report on descriptor 4. FOLDER holds the package ``terrarium_shepherd``. The environment variable
``TERRARIUM_BOOT`` is a JSON object: ``socket`` (the path that the host listens on), ``token`` (the secret of this
spawn), ``tools`` (the entries to import: absolute paths of files, and names of modules), ``transport`` (``socket``, or
``grpc``, the default) and ``begun`` (the path of the page of begun calls; may be absent).

The bootstrap arms itself, then reports each import before it begins, so that the report names what is missing. Exit
statuses before ready: 97 the host is gone, 78 configuration, 70 another exception, 79 the module ended the process, 75
the host closed the session. Status 0 is impossible before ready, unless user code calls ``os._exit(0)``.
"""

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

    from terrarium._boot_report import BootReport
    from terrarium._frames import Carrier


def main() -> None:
    """Runs a worker. Returns only when a worker that was ready has served its session to the end."""
    here = os.path.dirname(os.path.abspath(__file__))
    # A script's own folder comes first on sys.path, unless PYTHONSAFEPATH is set.
    if not getattr(sys.flags, "safe_path", False):
        del sys.path[0]
    sys.path.insert(0, sys.argv[-1])
    try:
        from terrarium_shepherd import arm, signals
    except ImportError:
        sys.path[0] = os.path.dirname(here)
        _refuse_first_version()
        os.write(2, b"terrarium: there is no Python package terrarium_shepherd: start this through Terrarium\n")
        os._exit(97)
    arm.arm(lifeline_fd=3)
    signals.work_on()
    # From here on `terrarium` is the package this file is part of, whatever else is installed.
    sys.path[0] = os.path.dirname(here)

    from terrarium._boot_report import BootReport

    report = BootReport(4)
    report.boot()
    status = _boot(report)
    # A worker that was ready returns 0 and exits with its exit handlers, like any program. Before ready they are not
    # run, because they could change the status or wait for ever.
    if status != 0:
        os._exit(status)


def _refuse_first_version() -> None:
    """Ends this process if a host of version 1 has started it, which names neither FOLDER nor the entries."""
    import json

    if "module" not in json.loads(os.environ.get("TERRARIUM_BOOT", "{}")):
        return
    from terrarium._boot_report import BootReport
    from terrarium._diagnosis import Step, diagnose
    from terrarium._session_errors import mismatch

    report = BootReport(4)
    report.boot()
    failure = diagnose(mismatch("the host speaks version 1 of the protocol"), Step("the session", "", []))
    report.failed(failure)
    os._exit(failure.status)


def _boot(report: "BootReport") -> int:
    from terrarium import _diagnosis, _exit, _patched

    pid = os.getpid()
    entry = ""
    entries: "list[str]" = []
    needs: "tuple[str, ...]" = ()
    step = "the boot configuration"
    try:
        _prepare_process()
        boot = _configuration()
        entries = boot["tools"]
        step = "the interpreter"
        _patched.check_threads()  # sitecustomize and .pth files run before this
        is_grpc = boot["transport"] == "grpc"
        no_fork_support = _NoForkSupport() if is_grpc else None
        needs = ("grpc", "google.protobuf") if is_grpc else ()
        for step in needs:
            report.importing(step)
            __import__(step)
        step = "terrarium"
        from terrarium import _begun
        from terrarium._module import found_tools, load
        from terrarium._session import Session

        carrier_of = _carrier(is_grpc)

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
            os._exit(0)  # a process that the module forked and that returned here: not the worker
        report.connecting()
        step = "the session"
        page = _begun.open_page(boot["begun"])
        session = Session(carrier_of(boot["socket"]), boot["token"], tools, page, boot["begun"] is not None)
        session.open()
        if no_fork_support is not None:
            no_fork_support.end()
    except BaseException as error:
        if os.getpid() != pid:
            os._exit(_exit.of_child(error))
        failure = _diagnosis.diagnose(error, _diagnosis.Step(step, entry, entries, needs))
        report.failed(failure)
        return failure.status
    report.ready()
    try:
        return session.serve()
    except BaseException:  # for instance a trace function of a tool that raises
        # Exit at once: a thread that a tool left would keep this process alive, and nothing in it would answer calls.
        _exit.show_error()
        return _exit.EXCEPTION


def _configuration() -> "dict[str, Any]":
    import json

    # Removed from the environment: user code must not see the token.
    configuration = os.environ.pop("TERRARIUM_BOOT", None)
    if configuration is None:
        raise RuntimeError("TERRARIUM_BOOT is not set: workers are started by their host")
    boot = json.loads(configuration)
    optional = {"transport": "grpc", "begun": None}
    return {key: boot[key] for key in ("socket", "token", "tools")} | {k: boot.get(k, v) for k, v in optional.items()}


def _carrier(is_grpc: bool) -> "Callable[[str], Carrier]":
    """The class of the session's carrier. Imports neither gRPC nor protocol buffers for the socket lane."""
    if is_grpc:
        from terrarium._grpc import Grpc

        return Grpc
    from terrarium._lane import Lane

    return Lane


class _NoForkSupport:
    """Turns gRPC's support for forks off until ``end``, so that it does not warn on the worker's stderr.

    A process that a tool forks never uses the session. gRPC reads its environment when it is imported and when its
    first channel is made. After that the setting is removed, because tools and programs that they start may need the
    support for themselves. A setting of the user stays.
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
    # A free standard descriptor would become that of the next socket, which would then receive what is printed.
    for fd in (0, 1, 2):
        _occupy(fd)
    # The host reads UTF-8, whatever the locale says, and print must not raise for any character. sitecustomize may have
    # replaced these streams by any object; an object that cannot be reconfigured stays as it is.
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
