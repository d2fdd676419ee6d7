"""The start of a worker, from its configuration to its session: it imports the tools, connects, and reports each step,
and why a step has failed."""

import gc
import os
import sys

from terrarium import _exit, _patched
from terrarium._late import late

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

    from terrarium._boot_failure import BootFailure
    from terrarium._boot_report import BootReport
    from terrarium._frames import Carrier


def start(report: "BootReport") -> int:
    """Starts a worker and serves its session. Returns the exit status: 0 once a worker that was ready has ended."""
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
        # These imports leave no garbage, and to look for it takes a tenth of their time.
        collects = gc.isenabled()
        gc.disable()
        from terrarium import _begun
        from terrarium._module import found_tools, load
        from terrarium._session import Session

        carrier_of = _carrier(is_grpc)
        if collects:
            gc.enable()

        sys.argv[:] = entries[:1]
        modules = []
        for entry in entries:
            step = entry
            report.importing(entry)
            modules.append(load(entry))
        if boot["expose"]:
            from terrarium._expose import expose

            expose(modules, boot["expose"])
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
        _diagnosis = late("terrarium._diagnosis")
        failure: "BootFailure" = _diagnosis.diagnose(error, _diagnosis.Step(step, entry, entries, needs))
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
    optional: "dict[str, Any]" = {"transport": "grpc", "begun": None, "expose": []}
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
    # The next socket would get a free standard descriptor, and would then receive what is printed.
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
