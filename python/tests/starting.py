"""What tests of the start of a worker share: a file with a tool, and the report of a start that failed."""

import os
import sys

HEADER = "from terrarium import tool\n@tool\ndef t(): return 1\n"


def failure(worker, status=78):
    assert worker.status() == status, (worker.report, worker.output)
    assert worker.connection is None
    *before, last = worker.report
    assert last["phase"] == "failed", worker.report
    assert "ready" not in worker.phases()
    assert "\n" not in last["message"] and last["message"]
    assert last["configuration"] is (status == 78)
    assert last["exe"] == sys.executable or last["exe"].endswith("/bin/python")
    assert isinstance(last["path"], list)
    assert all(os.path.isabs(path) for path in last["watch"])
    if status == 78:
        assert last["watch"]
        assert last["hint"]
    return last


def site_packages(environment):
    return next(environment.glob("lib/*/site-packages"))
