"""The bootstrap of a worker: the script that the host starts.

Run as ``python -u _boot.py --terrarium-run RUN --terrarium-spawn SPAWN FOLDER`` with the lifeline on descriptor 3 and
the boot report on descriptor 4. FOLDER holds the package ``terrarium_shepherd``. The environment variable
``TERRARIUM_BOOT`` is a JSON object: ``socket`` (the path that the host listens on), ``token`` (the secret of this
spawn), ``tools`` (the entries to import: absolute paths of files, and names of modules), ``transport`` (``socket``, or
``grpc``, the default), ``begun`` (the path of the page of begun calls; may be absent) and ``expose`` (names of
functions that are tools without ``@tool``; may be absent).

The bootstrap arms itself, then reports each import before it begins, so that the report names what is missing. Exit
statuses before ready: 97 the host is gone, 78 configuration, 70 another exception, 79 the module ended the process, 75
the host closed the session. Status 0 is impossible before ready, unless user code calls ``os._exit(0)``.
"""

# Python compiles a script anew in each process, so this file is short; ``_start`` has the rest.
import os
import sys


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
    from terrarium._start import start

    report = BootReport(4)
    report.boot()
    status = start(report)
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


if __name__ == "__main__":
    main()
