"""The shepherd: starts processes, reports their exits, and kills every process that is left."""

import ctypes
import errno
import os
import resource
import signal
import socket
from pathlib import Path

import pytest
from host import PATIENCE, eventually
from runtime import DAEMON, has_exited, of_spawn, parent, state, with_daemon

EXIT_HOST_GONE = 97


@pytest.fixture
def silent(folder):
    """A mounted file system that never answers."""
    place = folder / "silent"
    place.mkdir()
    libc = ctypes.CDLL(None, use_errno=True)
    try:
        fuse = os.open("/dev/fuse", os.O_RDWR)
    except OSError as error:
        pytest.skip(f"no file system that never answers can be made here: {error}")
    options = f"fd={fuse},rootmode=40000,user_id={os.getuid()},group_id={os.getgid()}"
    if libc.mount(b"silent", bytes(place), b"fuse", 0, options.encode()) != 0:
        os.close(fuse)
        pytest.skip(f"no file system that never answers can be mounted here: {os.strerror(ctypes.get_errno())}")
    try:
        yield place
    finally:
        os.close(fuse)
        libc.umount2(bytes(place), 2)


def test_the_first_news_presents_the_shepherd(runtime):
    hello = dict(runtime.hello)
    pid, cgroup = hello.pop("pid"), hello.pop("cgroup")
    assert hello == {"type": "hello", "version": 7, "containment": hello["containment"], "missing": {}}
    if hello["containment"] == "shepherd":
        assert pid == runtime.process.pid
    else:
        # The host's child is the guard process, and the shepherd is a child of the guard process.
        assert parent(pid) == runtime.process.pid
    assert (cgroup is not None) == (hello["containment"] == "cgroup")
    if cgroup is not None:
        assert Path(cgroup, "cgroup.procs").read_text() == ""


def test_a_process_is_started_as_ordered(runtime, folder):
    code = """
import os, sys
leads = os.getsid(0) == os.getpid()
print(sys.argv[1:], os.getcwd(), sorted(os.environ.items()), leads, os.getppid(), sys.stdin.read(), flush=True)
os.write(2, b"errors"); os.write(4, b"reports")
print(sorted(os.listdir("/proc/self/fd"))[:5], os.readlink("/proc/self/fd/0"))
"""
    env = {"LC_ALL": "C.UTF-8", "ONE": "ü\n", "TERRARIUM_HOST_PID": "1"}
    spawn, pid = runtime.python(code, "a b", "蛇", env=env, cwd=str(folder))
    news = runtime.next("exited", spawn)
    assert news == {"type": "exited", "spawn": spawn, "code": 0, "signal": None, "memory": None}
    shepherd = 1 if runtime.hello["containment"] == "pidns" else runtime.hello["pid"]
    environment = [("LC_ALL", "C.UTF-8"), ("ONE", "ü\n"), ("TERRARIUM_HOST_PID", str(shepherd))]
    first = f"{['a b', '蛇']} {folder} {environment} True {shepherd} "
    assert runtime.rest(spawn) == f"{first}\n{['0', '1', '2', '3', '4']} /dev/null\n"
    assert (runtime.rest(spawn, "stderr"), runtime.rest(spawn, "report")) == ("errors", "reports")


def test_a_process_has_the_last_environment_and_its_own_variables(runtime):
    def environment():
        spawn, _ = runtime.start("/usr/bin/env", env={"OWN": "1", "BOTH": "its own"})
        lines = sorted(runtime.rest(spawn).splitlines())
        runtime.next("exited", spawn)
        return [each for each in lines if not each.startswith("TERRARIUM_HOST_PID=")]

    assert environment() == ["BOTH=its own", "OWN=1"]
    runtime.order(type="environment", env={"BOTH": "told", "FIRST": "ü"})
    assert environment() == ["BOTH=its own", "FIRST=ü", "OWN=1"]
    runtime.order(type="environment", env={"SECOND": ""})
    assert environment() == ["BOTH=its own", "OWN=1", "SECOND="]


def test_many_orders_at_once_are_answered_in_order(runtime):
    first, _ = runtime.start("sleep", "600")
    os.kill(runtime.hello["pid"], signal.SIGSTOP)
    ends = [(["sh", "-c", f"exit {status}"], "spawned") for status in range(20)]
    # Among them: a program that does not exist, and a signal for a running process.
    commands = [*ends[:7], (["no-such-program"], "refused"), *ends[7:]]
    spawns = [(runtime.ask(*command), kind) for command, kind in commands]
    runtime.order(type="signal", spawn=first, signal=int(signal.SIGTERM), target="process")
    last = runtime.ask("no-such-program")
    os.kill(runtime.hello["pid"], signal.SIGCONT)
    received = []
    while len(received) < 2 * len(ends) + 3:
        news = runtime.news.get(timeout=PATIENCE)
        if news["type"] != "cleared":
            received.append(news)
    answers = [(news["spawn"], news["type"]) for news in received if news["type"] != "exited"]
    assert answers == [*spawns, (last, "refused")]
    exits = [news for news in received if news["type"] == "exited"]
    statuses = {news["spawn"]: (news["code"], news["signal"]) for news in exits}
    started = [spawn for spawn, kind in spawns if kind == "spawned"]
    assert statuses == {first: (None, signal.SIGTERM), **{spawn: (code, None) for code, spawn in enumerate(started)}}


def test_start_ticks_and_pid_are_those_of_the_process(runtime):
    spawn = runtime.ask("sleep", "600")
    news = runtime.next("spawned", spawn)
    fields = Path(f"/proc/{news['pid']}/stat").read_text().rpartition(")")[2].split()
    assert news["startTicks"] == int(fields[19])
    assert of_spawn(spawn) == [news["pid"]]


def test_a_program_that_cannot_be_started_is_refused_with_its_errno(runtime, file):
    plain = file("plain")
    assert runtime.refusal("no-such-program") == "ENOENT"
    assert runtime.refusal(str(plain)) == "EACCES"
    assert runtime.refusal("true", cwd="/no/such/folder") == "ENOENT"
    assert runtime.refusal("true", "a\0b") == "EINVAL"
    assert runtime.refusal("true", "\ud800") == "EINVAL"
    assert runtime.refusal("true", "x" * 4_000_000) == "E2BIG"
    plain.chmod(0o755)
    plain.write_bytes(b"\x7fno program")
    assert runtime.refusal(str(plain)) == "ENOEXEC"
    # The shepherd goes on after these.
    spawn, _ = runtime.start("true")
    assert runtime.next("exited", spawn)["code"] == 0


@pytest.mark.parametrize("where", ["program", "folder"])
def test_a_process_that_hangs_before_its_exec_is_refused_and_killed_and_the_next_is_started(
    silent, hurried_runtime, where
):
    runtime = hurried_runtime
    hanging = runtime.ask(str(silent / "program")) if where == "program" else runtime.ask("true", cwd=str(silent))
    other = runtime.ask("true")
    received = [runtime.news.get(timeout=PATIENCE) for _ in range(6)]

    def news_of(spawn):
        return [(news["type"], news.get("code")) for news in received if news["spawn"] == spawn]

    assert news_of(hanging) == [("refused", "ETIMEDOUT"), ("exited", None), ("cleared", None)]
    assert news_of(other) == [("spawned", None), ("exited", 0), ("cleared", None)]
    assert [news["begun"] for news in received if news["type"] == "refused"] == [True]


def test_a_process_that_is_being_started_does_not_outlive_the_host(silent, runtime):
    spawn = runtime.ask(str(silent / "program"))
    eventually("the process hangs", lambda: [pid for pid in of_spawn(spawn) if state(pid) == "D"])
    assert runtime.leave() == 0
    assert of_spawn(spawn) == []


def test_without_free_descriptors_a_process_is_refused_and_the_next_is_started(runtime):
    shepherd = runtime.hello["pid"]
    soft, hard = resource.prlimit(shepherd, resource.RLIMIT_NOFILE)
    used = len(os.listdir(f"/proc/{shepherd}/fd"))
    resource.prlimit(shepherd, resource.RLIMIT_NOFILE, (used + 3, hard))
    assert runtime.refusal("true") == errno.errorcode[errno.EMFILE]
    resource.prlimit(shepherd, resource.RLIMIT_NOFILE, (soft, hard))
    spawn, _ = runtime.start("true")
    assert runtime.next("exited", spawn)["code"] == 0
    eventually("nothing else is open", lambda: len(os.listdir(f"/proc/{shepherd}/fd")) == used)


def test_the_status_or_signal_of_an_exit_is_reported(runtime):
    for command, how in [("exit 7", (7, None)), ("kill -9 $$", (None, 9)), ("kill -TERM $$", (None, 15))]:
        spawn, _ = runtime.start("sh", "-c", command)
        news = runtime.next("exited", spawn)
        assert (news["code"], news["signal"]) == how


def test_a_signal_goes_to_the_process_or_to_its_group(runtime):
    code = "import os, time\nchild = os.fork()\nif child: print(child, flush=True)\ntime.sleep(600)"
    one, pid = runtime.python(code)
    runtime.line(one)
    (child,) = [other for other in of_spawn(one) if other != pid]
    runtime.order(type="signal", spawn=one, signal=signal.SIGSTOP, target="process")
    eventually("the process is stopped", lambda: state(pid) == "T")
    assert state(child) in ("R", "S")
    runtime.order(type="signal", spawn=one, signal=signal.SIGSTOP, target="group")
    eventually("its child is stopped too", lambda: state(child) == "T")
    runtime.order(type="signal", spawn=one, signal=signal.SIGKILL, target="process")
    assert runtime.next("exited", one)["signal"] == signal.SIGKILL
    # The group of the process was killed with it. A process that has exited, or was never started, gets no signal.
    eventually("its child has exited", lambda: has_exited(child))
    runtime.order(type="signal", spawn=one, signal=signal.SIGKILL, target="group")
    runtime.order(type="signal", spawn="9-0123456789abcdef", signal=signal.SIGKILL, target="group")
    spawn, _ = runtime.start("true")
    assert runtime.next("exited", spawn)["code"] == 0


def test_a_daemon_does_not_outlive_the_process_that_started_it(runtime):
    code = DAEMON + "print('left', flush=True)\nimport time\ntime.sleep(600)"
    one, one_pid = runtime.python(code)
    other, other_pid = runtime.python(code)
    assert runtime.line(one) == runtime.line(other) == "left\n"
    daemons = [pid for pid in of_spawn(one) if pid != one_pid]
    others = [pid for pid in of_spawn(other) if pid != other_pid]
    assert (len(daemons), len(others)) == (1, 1)
    eventually("its environment is empty", lambda: Path(f"/proc/{daemons[0]}/environ").read_bytes() == b"")
    shepherd = runtime.hello["pid"]
    eventually("the shepherd is their parent", lambda: {parent(pid) for pid in daemons + others} == {shepherd})
    os.kill(one_pid, signal.SIGKILL)
    runtime.next("exited", one)
    eventually("the daemon of the first process has exited", lambda: has_exited(daemons[0]))
    assert not any(map(has_exited, (other_pid, *others)))


def test_processes_exit_when_the_host_closes_their_lifeline(runtime):
    # The process arms nothing, ignores the signals that can be ignored, and is stopped.
    ignore = "signal.signal(15, signal.SIG_IGN)\nsignal.signal(29, signal.SIG_IGN)\n"
    code = f"import signal, time\n{ignore}print(flush=True)\ntime.sleep(600)"
    one, pid = runtime.python(code)
    other, _ = runtime.python(code)
    assert runtime.line(one) == runtime.line(other) == "\n"
    os.kill(pid, signal.SIGSTOP)
    runtime.close_lifeline()
    ends = {}
    for _ in range(2):
        news = runtime.next_of_any("exited")
        ends[news["spawn"]] = news["signal"]
    assert ends == {one: signal.SIGKILL, other: signal.SIGKILL}


def test_a_lifeline_stays_open_when_other_processes_exit(runtime):
    code = "import os\nprint(flush=True)\nos.read(3, 1)\nprint('ended', flush=True)"
    one, pid = runtime.python(code)
    other, other_pid = runtime.python(code)
    assert runtime.line(one) == runtime.line(other) == "\n"
    os.kill(pid, signal.SIGKILL)
    runtime.next("exited", one)
    # Only the host ends a lifeline, also when no other process has it open.
    last, last_pid = runtime.python(code)
    assert runtime.line(last) == "\n"
    eventually("both wait for the end of the lifeline", lambda: (state(other_pid), state(last_pid)) == ("S", "S"))


def test_a_process_that_starts_after_the_host_closed_the_lifeline_exits(runtime):
    runtime.close_lifeline()
    spawn, _ = runtime.python("import time\nprint('lives', flush=True)\ntime.sleep(600)")
    # The process has looked for itself: no signal reports what happened before it was set.
    assert runtime.next("exited", spawn)["code"] == EXIT_HOST_GONE
    assert runtime.rest(spawn) == ""


@pytest.mark.parametrize("end", ["lifeline", "orders", "news", "unknown order"])
def test_when_the_host_is_gone_no_process_is_left(runtime, end):
    stubborn = "import signal, time\nsignal.signal(15, signal.SIG_IGN)\nprint(flush=True)\ntime.sleep(600)"
    daemon, _ = runtime.python(DAEMON + "print(flush=True)\nimport time\ntime.sleep(600)")
    deaf, stopped = runtime.python(stubborn)
    assert runtime.line(daemon) == runtime.line(deaf) == "\n"
    os.kill(stopped, signal.SIGSTOP)
    assert [len(of_spawn(daemon)), len(of_spawn(deaf))] == [2, 1]
    if end == "orders":
        runtime.process.stdin.close()
    elif end == "unknown order":
        runtime.order(type="dance")
    elif end == "news":
        runtime.news_socket.shutdown(socket.SHUT_RDWR)
        runtime.order(type="signal", spawn=deaf, signal=signal.SIGKILL, target="process")
    else:
        runtime.leave()
    status = runtime.process.wait(PATIENCE)
    assert [of_spawn(daemon), of_spawn(deaf)] == [[], []]
    assert status == (1 if end == "unknown order" else 0)
    if end == "unknown order":
        assert b"no such order: dance" in runtime.process.stderr.read()


@pytest.mark.parametrize("victim", ["shepherd", "guard", "both"])
def test_when_the_shepherd_is_killed_its_processes_are_too(runtime, victim):
    pid, daemon = with_daemon(runtime)
    others = [runtime.python("import time\ntime.sleep(600)")[1] for _ in range(3)]
    os.kill(others[0], signal.SIGSTOP)
    shepherd, guard = runtime.hello["pid"], runtime.process.pid
    victims = {"shepherd": [shepherd], "guard": [guard]}.get(victim, [shepherd, guard])
    if victim == "both":
        # Neither process can react to the exit of the other. The shepherd is killed first, because the exit of the
        # guard process would continue it.
        for each in victims:
            os.kill(each, signal.SIGSTOP)
        eventually("both are stopped", lambda: all(state(each) == "T" for each in victims))
    for each in victims:
        os.kill(each, signal.SIGKILL)
    assert runtime.process.wait(PATIENCE) == -signal.SIGKILL
    eventually("the processes have exited", lambda: all(map(has_exited, [pid, *others, shepherd])))
    containment, cgroup = runtime.hello["containment"], runtime.hello["cgroup"]
    if containment == "pidns" or (containment == "cgroup" and victim != "both"):
        eventually("the daemon has exited", lambda: has_exited(daemon))
        eventually("the cgroup is removed", lambda: cgroup is None or not Path(cgroup).exists())
        return
    # Only a daemon that has left its group may be left. It is found in the control group, or by its rlimit tag.
    inside = Path(cgroup, "cgroup.procs").read_text().split() if cgroup else map(str, of_spawn(runtime.spawns[0]))
    assert set(inside) <= {str(daemon)}
    if cgroup:
        Path(cgroup, "cgroup.kill").write_text("1")
        eventually("the control group is empty", lambda: Path(cgroup, "cgroup.procs").read_text() == "")
        os.rmdir(cgroup)
    elif not has_exited(daemon):
        os.kill(daemon, signal.SIGKILL)
    eventually("the daemon has exited", lambda: has_exited(daemon))


def test_d2_processes_start_although_the_folder_of_the_lifeline_was_removed(runtime, folder):
    assert list(folder.iterdir()) == []
    folder.rmdir()
    try:
        spawn, _ = runtime.python("import os\nprint('up', flush=True)\nos.read(3, 1)")
        assert runtime.line(spawn) == "up\n"
        # The process has a lifeline all the same.
        runtime.close_lifeline()
        assert runtime.next("exited", spawn)["signal"] == signal.SIGKILL
    finally:
        folder.mkdir()


def test_when_the_host_is_gone_stopped_processes_continue_and_exit(runtime):
    pid, daemon = with_daemon(runtime)
    all = [runtime.process.pid, runtime.hello["pid"], pid, daemon]
    for each in all:
        os.kill(each, signal.SIGSTOP)
        eventually("the process is stopped", lambda: state(each) == "T")
    os.close(runtime.lifeline)
    runtime.lifeline = None
    runtime.process.wait(PATIENCE)
    assert [each for each in all if not has_exited(each)] == []


def test_cleared_is_sent_when_no_descendant_is_left(runtime):
    code = "import subprocess; subprocess.Popen(['sh', '-c', 'sleep 60 & wait'], env={}, start_new_session=True)"
    stays, _ = runtime.start("sleep", "60")
    spawn, _ = runtime.python(code)
    runtime.next("exited", spawn)
    runtime.next("cleared", spawn)
    assert (of_spawn(spawn), len(of_spawn(stays))) == ([], 1)


def test_two_hundred_processes_leave_neither_descriptors_nor_zombies(runtime):
    shepherd = runtime.hello["pid"]
    before = sorted(os.listdir(f"/proc/{shepherd}/fd"))
    waiting = {runtime.ask("true") for _ in range(200)}
    while waiting:
        news = runtime.news.get(timeout=PATIENCE)
        assert news["type"] != "refused"
        if news["type"] == "exited":
            assert news["code"] == 0
            waiting.remove(news["spawn"])
    eventually("no child is left", lambda: Path(f"/proc/{shepherd}/task/{shepherd}/children").read_text() == "")
    # The shepherd may be reading a file.
    eventually("nothing else is open", lambda: sorted(os.listdir(f"/proc/{shepherd}/fd")) == before)
