"""The bootstrap: every failure to start is reported by kind and message, with its exit status, which is never 0."""

import json
import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import terrarium
from host import TRANSPORTS, eventually, signals
from starting import HEADER, failure

PACKAGE = Path(terrarium.__file__).parent


@pytest.mark.parametrize(
    "transport, needed", [("socket", []), ("grpc", ["grpc", "google.protobuf"])]
)
def test_every_step_of_the_start_is_reported(worker, needed):
    eventually("the report says that the worker is ready", lambda: "ready" in worker.worker.phases())
    assert worker.worker.phases() == [
        "boot",
        *(("importing", module) for module in needed),
        ("importing", str(Path(__file__).parent / "tools.py")),
        "connecting",
        "ready",
    ]
    boot = worker.worker.report[0]
    assert (boot["pid"], boot["ppid"]) == (worker.worker.pid, os.getpid())
    assert boot["exe"] == os.path.normpath(sys.executable)
    assert boot["version"] == "%d.%d.%d" % sys.version_info[:3]


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_hello_and_ready_present_the_worker(worker):
    hello = worker.hello
    assert hello.package_version == terrarium.__version__
    assert hello.reports_begun
    assert hello.pid == worker.worker.pid
    assert hello.python_version == "%d.%d.%d" % sys.version_info[:3]
    tools = {tool.name: (tool.is_async, tool.summary) for tool in worker.ready.tools}
    assert tools["echo"] == (False, "Answers with its argument.")
    assert tools["wait_async"] == (True, "")
    assert list(tools)[:3] == ["echo", "add", "any.names"]


@pytest.mark.parametrize(
    "source, kind, module, message, hint",
    [
        ("import nosuch_module\n", "missing_module", "nosuch_module", "nosuch_module", "-m pip install nosuch_module"),
        ("import yaml_, yaml.nosuch\n", "missing_module", "yaml_", "tools.py, line 1", "pip install yaml_"),
        ("import cv2\n", "missing_module", "cv2", "cv2", "pip install opencv-python"),
        ("import json.nosuch\n", "missing_module", "json.nosuch", "json.nosuch", "has no json.nosuch."),
        ("import grpc.nosuch\n", "missing_module", "grpc.nosuch", "grpc.nosuch", "of grpcio that has grpc.nosuch."),
        ("from os import nosuch_name\n", "import_error", "os", "nosuch_name", "has no such name."),
        ("from . import x\n", "import_error", None, "relative import", ""),
        ("raise ImportError('by hand')\n", "import_error", None, "by hand", ""),
        (
            "try:\n  import nosuch_inner\nexcept ImportError as e:\n  raise ImportError('please install it') from e\n",
            "import_error",
            "nosuch_inner",
            "please install it",
            "pip install nosuch_inner",
        ),
        ("raise ModuleNotFoundError('without a name')\n", "import_error", None, "without a name", ""),
        ("def broken(:\n", "syntax_error", "tools.py", "tools.py, line 1", "Correct"),
        ("if True:\npass\n", "syntax_error", "tools.py", "IndentationError", ""),
        ("x = '\x00'\n", "syntax_error", "tools.py", "null bytes", ""),
        ("x = 1\n", "no_tools", "tools.py", "has no tool", "@tool"),
        (HEADER + "@tool(name='t')\ndef u(): return 2\n", "invalid_tool", "tools.py", "'t' is taken by t in", "line 4"),
        ("from terrarium import tool\ntool(name='')(len)\n", "invalid_tool", "tools.py", "name", ""),
    ],
)
def test_a_configuration_error_is_named_with_a_hint(host, file, source, kind, module, message, hint):
    path = file("tools.py", source)
    last = failure(host.start(path))
    assert last["kind"] == kind
    assert last["module"] == (str(path) if module == "tools.py" else module)
    assert message in last["message"]
    assert hint in last["hint"]
    assert last["hint"][0].isupper()
    assert {str(path), str(path.parent)} <= set(last["watch"])  # the file, and the folder that it imports from
    assert "_boot.py" not in last["traceback"]


def test_the_file_that_imports_a_missing_module_is_named(host, file):
    inner = file("helper.py", "\n\nimport nosuch_inner\n")
    last = failure(host.start(file("tools.py", "import helper\n" + HEADER)))
    assert (last["kind"], last["module"]) == ("missing_module", "nosuch_inner")
    assert f"imported by {inner}, line 3" in last["message"]
    assert os.path.normpath(sys.executable) in last["message"]
    assert last["traceback"].count('File "') == 2


def test_the_package_of_a_missing_submodule_is_named(host, file):
    package = file("pack/__init__.py").parent
    last = failure(host.start(file("tools.py", "import pack.nosuch\n")))
    assert last["module"] == "pack.nosuch"
    assert str(package) in last["hint"]
    assert str(package) in last["watch"]


def test_a_syntax_error_in_a_helper_names_the_helper(host, file):
    helper = file("helper.py", "x = (\n")
    last = failure(host.start(file("tools.py", "import helper\n")))
    assert (last["kind"], last["module"]) == ("syntax_error", str(helper))
    assert str(helper) in last["watch"]


def test_a_broken_extension_module(host, file):
    import sysconfig

    broken = file("native" + sysconfig.get_config_var("EXT_SUFFIX"), "not an ELF file")
    last = failure(host.start(file("tools.py", "import native\n" + HEADER)))
    assert (last["kind"], last["module"]) == ("import_error", "native")
    assert str(broken) in last["hint"]
    assert str(broken) in last["watch"]


def test_a_missing_file_is_watched(host, folder):
    path = folder / "absent" / "tools.py"
    last = failure(host.start(path))
    assert last["kind"] == "missing_file"
    assert str(path) in last["message"]
    assert str(path) in last["watch"]
    assert "new URL('./tools.py', import.meta.url)" in last["hint"]


def test_a_directory(host, folder):
    last = failure(host.start(folder))
    assert last["kind"] == "unreadable_file"


def test_a_pipe_does_not_block(host, folder):
    os.mkfifo(folder / "tools.py")
    assert failure(host.start(folder / "tools.py"))["kind"] == "unreadable_file"


def test_an_unreadable_file(host, folder):
    """A link to itself, because root can read a file without permissions."""
    path = folder / "two words.py"
    path.symlink_to(path)
    last = failure(host.start(path))
    assert last["kind"] == "unreadable_file"
    assert shlex.quote(str(path)) in last["hint"]


def test_an_exception_while_importing(host, file):
    last = failure(host.start(file("tools.py", "def f():\n    return 1 / 0\nf()\n")), 70)
    assert last["kind"] == "exception"
    assert last["message"].startswith("ZeroDivisionError: division by zero")
    assert "tools.py, line 2" in last["message"]
    assert last["traceback"].startswith("Traceback (most recent call last):\n  File")


def test_a_missing_file_that_user_code_opens_is_an_exception(host, file):
    assert failure(host.start(file("tools.py", "open('/nosuch/data')\n")), 70)["kind"] == "exception"


@pytest.mark.parametrize("code", ["0", "1", "'text'", ""])
def test_a_module_that_exits_is_reported_as_ended(host, file, code):
    last = failure(host.start(file("tools.py", f"import sys\nsys.exit({code})\n")), 79)
    assert last["kind"] == "ended"
    assert "tools.py, line 2" in last["message"]


def test_exit_handlers_and_threads_of_user_code_do_not_change_the_status(host, file):
    source = """
        import atexit, os, threading, time
        atexit.register(os._exit, 0)
        threading.Thread(target=time.sleep, args=(60,)).start()
        import nosuch_module
    """
    failure(host.start(file("tools.py", source)))


@pytest.mark.parametrize("end", ["sys.exit(4)", "1 / 0", "pass"])
def test_a_child_that_the_module_forks_is_not_the_worker(host, file, end):
    source = f"""
        import os, sys
        from terrarium import tool
        pid = os.fork()
        if pid == 0:
            {end}
        else:
            status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

        @tool
        def t(): return status
    """
    connection = host.ready(file("tools.py", source))
    assert connection.run("t") == {"sys.exit(4)": 4, "1 / 0": 1, "pass": 0}[end]
    assert [line["phase"] for line in connection.worker.report].count("failed") == 0


def test_a_process_that_the_module_forks_does_not_hold_the_report(host, file):
    source = """
        import os, signal, time
        pid = os.fork()
        if pid == 0:
            signal.alarm(60)
            os.close(1), os.close(2)
            time.sleep(60)
        raise RuntimeError(pid)
    """
    last = failure(host.start(file("tools.py", source)), 70)
    os.kill(int(last["message"].split()[1]), signal.SIGKILL)


def test_after_os_exit_at_import_the_report_ends_with_that_import(host, file):
    worker = host.start(file("tools.py", "import os\nos._exit(0)\n"))
    assert worker.status() == 0
    assert worker.phases()[-1] == ("importing", str(worker.report[-1]["module"]))


def test_an_order_to_end_at_import_kills_the_worker(host, file):
    worker = host.start(file("tools.py", "print('here')\nimport time\ntime.sleep(60)\n"))
    eventually("importing", lambda: worker.output["stdout"] == "here\n")
    assert worker.terminate() == -signals.ORDER_TO_END


def test_an_import_error_that_user_code_catches_is_no_failure(host, file):
    source = "try:\n  import nosuch_module\nexcept ImportError:\n  pass\n" + HEADER
    assert host.ready(file("tools.py", source)).run("t") == 1


def test_the_output_of_print_at_import_reaches_the_host(host, file):
    path = file("tools.py", "import sys\nprint('out ä🐍')\nprint('err', file=sys.stderr)\n" + HEADER)
    ascii_only = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    connection = host.ready(path, env=ascii_only)
    assert connection.worker.terminate() == 0
    assert connection.worker.output == {"stdout": "out ä🐍\n", "stderr": "err\n"}


@pytest.mark.parametrize("name", ["types.py", "grpc.py", "terrarium.py", "my-tools.py", "tools", "two words ä.py"])
def test_a_file_may_have_any_name(host, file, name):
    assert host.ready(file(name, HEADER)).run("t") == 1


def test_a_folder_may_have_any_name(host, file):
    path = file("two words ä/tools.py", "import helper\n" + HEADER)
    file("two words ä/helper.py")
    assert host.ready(path).run("t") == 1


def test_a_link_is_followed_as_for_a_script(host, file, folder):
    path = file("real/tools.py", "import helper\n" + HEADER)
    file("real/helper.py")
    (folder / "tools.py").symlink_to(path)
    assert host.ready(folder / "tools.py").run("t") == 1


def test_a_helper_that_imports_the_module_gets_the_same_one(host, file):
    file("helper.py", "import tools\n")
    source = HEADER + "import helper\n@tool\ndef same(): return helper.tools.t is t\n"
    assert host.ready(file("tools.py", source)).run("same") is True


def test_safe_path(host, file):
    assert host.ready(file("tools.py", HEADER), env={"PYTHONSAFEPATH": "1"}).run("t") == 1


def test_pythonpath_applies_but_terrarium_is_that_of_the_worker(host, file, folder):
    file("lib/other.py", "")
    file("lib/terrarium/__init__.py", "raise RuntimeError('not this one')")
    connection = host.ready(file("tools.py", "import other\n" + HEADER), env={"PYTHONPATH": str(folder / "lib")})
    assert connection.run("t") == 1


def test_without_configuration(host, file):
    last = failure(host.start(file("tools.py", HEADER), env={"TERRARIUM_BOOT": None}), 70)
    assert "TERRARIUM_BOOT" in last["message"]


def test_without_lifeline():
    command = [sys.executable, "-u", str(PACKAGE / "_boot.py")]
    process = subprocess.run(command, capture_output=True, stdin=subprocess.DEVNULL, timeout=20)
    assert process.returncode == 97
    assert b"start this through Terrarium" in process.stderr


def test_a_host_of_version_1_is_told_both_versions():
    """That host gives no folder of the shepherd, and names the one module otherwise."""
    heard, said = os.pipe()
    boot = json.dumps({"socket": "/none", "token": "t", "module": "/tools.py"})
    command = [sys.executable, "-c", f"import os, sys; os.dup2({said}, 4); os.execv(sys.executable, sys.argv[1:])"]
    command += [sys.executable, "-u", str(PACKAGE / "_boot.py"), "--terrarium-run", "r", "--terrarium-spawn", "s"]
    env = {**os.environ, "TERRARIUM_BOOT": boot}
    process = subprocess.run(command, env=env, pass_fds=[said], capture_output=True, stdin=subprocess.DEVNULL, timeout=20)
    os.close(said)
    with open(heard, encoding="utf-8") as report:
        last = json.loads(report.read().splitlines()[-1])
    assert process.returncode == 78, process.stderr
    assert (last["kind"], last["configuration"]) == ("protocol_mismatch", True)
    assert "the host speaks version 1 of the protocol" in last["message"] and "which speaks 4" in last["message"]


def test_a_host_that_is_gone_before_arming(host, file):
    ran = file("ran")
    ran.unlink()
    # The interpreter waits until the host's end of the lifeline is closed.
    file("site/sitecustomize.py", f"import select\nselect.select([3], [], [])\nopen({str(ran)!r}, 'w').close()\n")
    worker = host.start(file("tools.py", HEADER), env={"PYTHONPATH": str(ran.parent / "site")})
    worker.close_lifeline()
    assert worker.status() == 97
    assert ran.exists()
    assert worker.report == []


def test_a_worker_starts_without_its_report(host, file):
    """sitecustomize closes the descriptor of the boot report."""
    connection = host.ready(file("tools.py", HEADER), env={"PYTHONPATH": str(close_report(file))})
    assert connection.run("t") == 1
    assert connection.worker.report == []


def close_report(file):
    return file("site/sitecustomize.py", "import os\nos.close(4)\n").parent


def test_without_a_report_the_failure_goes_to_stderr(host, file):
    worker = host.start(file("tools.py", "1 / 0\n"), env={"PYTHONPATH": str(close_report(file))})
    assert worker.status() == 70
    assert "ZeroDivisionError" in worker.output["stderr"]


def test_the_process_state_that_a_tool_sees(worker):
    assert worker.run("process_state") == {
        "argv": [str(Path(__file__).parent / "tools.py")],
        "boot": False,
        "spawn": worker.worker.spawn,
        "path": [str(Path(__file__).parent), str(PACKAGE.parent)],
        "module": "tools",
        "importable": True,
        "terrarium": str(PACKAGE / "__init__.py"),
        "stdin": "",
        "fds": [],
    }
