"""The shepherd's care of processes."""

import ctypes
import errno
import os
import resource
import signal
import socket
from pathlib import Path

import pytest
from flock import is_gone, of_spawn, parent, state
from host import PATIENCE, eventually

EXIT_HOST_GONE = 97

# Leaves its session, its parents and its environment behind.
DAEMON = """
import os, sys
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.execve("/bin/sleep", ["sleep", "600"], {})
    os._exit(0)
os.wait()
"""


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


def test_the_shepherd_says_first_who_it_is(flock):
    hello = dict(flock.hello)
    pid, cgroup = hello.pop("pid"), hello.pop("cgroup")
    assert hello == {"type": "hello", "version": 7, "containment": hello["containment"], "missing": {}}
    if hello["containment"] == "shepherd":
        assert pid == flock.process.pid
    else:
        # The host's child is the guard process, and the shepherd a child of that.
        assert parent(pid) == flock.process.pid
    assert (cgroup is not None) == (hello["containment"] == "cgroup")
    if cgroup is not None:
        assert Path(cgroup, "cgroup.procs").read_text() == ""


def test_a_process_has_what_was_ordered(flock, folder):
    code = """
import os, sys
print(sys.argv[1:], os.getcwd(), sorted(os.environ.items()), os.getsid(0) == os.getpid(), os.getppid(), sys.stdin.read(), flush=True)
os.write(2, b"errors"); os.write(4, b"reports")
print(sorted(os.listdir("/proc/self/fd"))[:5], os.readlink("/proc/self/fd/0"))
"""
    env = {"LC_ALL": "C.UTF-8", "ONE": "ü\n", "TERRARIUM_HOST_PID": "1"}
    spawn, pid = flock.python(code, "a b", "蛇", env=env, cwd=str(folder))
    news = flock.next("exited", spawn)
    assert news == {"type": "exited", "spawn": spawn, "code": 0, "signal": None, "memory": None}
    shepherd = 1 if flock.hello["containment"] == "pidns" else flock.hello["pid"]
    environment = [("LC_ALL", "C.UTF-8"), ("ONE", "ü\n"), ("TERRARIUM_HOST_PID", str(shepherd))]
    first = f"{['a b', '蛇']} {folder} {environment} True {shepherd} "
    assert flock.said(spawn) == f"{first}\n{['0', '1', '2', '3', '4']} /dev/null\n"
    assert (flock.said(spawn, "stderr"), flock.said(spawn, "report")) == ("errors", "reports")


def test_a_process_has_the_environment_told_last_and_its_own(flock):
    def environment():
        spawn, _ = flock.start("/usr/bin/env", env={"OWN": "1", "BOTH": "its own"})
        said = sorted(flock.said(spawn).splitlines())
        flock.next("exited", spawn)
        return [each for each in said if not each.startswith("TERRARIUM_HOST_PID=")]

    assert environment() == ["BOTH=its own", "OWN=1"]
    flock.order(type="environment", env={"BOTH": "told", "FIRST": "ü"})
    assert environment() == ["BOTH=its own", "FIRST=ü", "OWN=1"]
    flock.order(type="environment", env={"SECOND": ""})
    assert environment() == ["BOTH=its own", "OWN=1", "SECOND="]


def test_of_many_orders_at_once_each_is_answered_in_turn(flock):
    first, _ = flock.start("sleep", "600")
    os.kill(flock.hello["pid"], signal.SIGSTOP)
    ends = [(["sh", "-c", f"exit {status}"], "spawned") for status in range(20)]
    # Between them: one that cannot be started, and a signal for one that runs.
    commands = [*ends[:7], (["no-such-program"], "refused"), *ends[7:]]
    spawns = [(flock.ask(*command), kind) for command, kind in commands]
    flock.order(type="signal", spawn=first, signal=int(signal.SIGTERM), target="process")
    last = flock.ask("no-such-program")
    os.kill(flock.hello["pid"], signal.SIGCONT)
    told = []
    while len(told) < 2 * len(ends) + 3:
        news = flock.news.get(timeout=PATIENCE)
        if news["type"] != "cleared":
            told.append(news)
    answers = [(news["spawn"], news["type"]) for news in told if news["type"] != "exited"]
    assert answers == [*spawns, (last, "refused")]
    exits = {news["spawn"]: (news["code"], news["signal"]) for news in told if news["type"] == "exited"}
    ended = [spawn for spawn, kind in spawns if kind == "spawned"]
    assert exits == {first: (None, signal.SIGTERM), **{spawn: (status, None) for status, spawn in enumerate(ended)}}


def test_start_ticks_and_pid_are_those_of_the_process(flock):
    spawn = flock.ask("sleep", "600")
    news = flock.next("spawned", spawn)
    fields = Path(f"/proc/{news['pid']}/stat").read_text().rpartition(")")[2].split()
    assert news["startTicks"] == int(fields[19])
    assert of_spawn(spawn) == [news["pid"]]


def test_what_cannot_be_started_is_refused_with_the_systems_reason(flock, file):
    plain = file("plain")
    assert flock.refusal("no-such-program") == "ENOENT"
    assert flock.refusal(str(plain)) == "EACCES"
    assert flock.refusal("true", cwd="/no/such/folder") == "ENOENT"
    assert flock.refusal("true", "a\0b") == "EINVAL"
    assert flock.refusal("true", "\ud800") == "EINVAL"
    assert flock.refusal("true", "x" * 4_000_000) == "E2BIG"
    plain.chmod(0o755)
    plain.write_bytes(b"\x7fno program")
    assert flock.refusal(str(plain)) == "ENOEXEC"
    # It goes on after all that.
    spawn, _ = flock.start("true")
    assert flock.next("exited", spawn)["code"] == 0


@pytest.mark.parametrize("where", ["program", "folder"])
def test_what_does_not_become_its_program_is_refused_and_killed_and_the_next_one_is_started(silent, flock, where):
    hanging = flock.ask(str(silent / "program")) if where == "program" else flock.ask("true", cwd=str(silent))
    other = flock.ask("true")
    told = [flock.news.get(timeout=PATIENCE) for _ in range(6)]
    assert [
        [(news["type"], news.get("code")) for news in told if news["spawn"] == spawn] for spawn in (hanging, other)
    ] == [
        [("refused", "ETIMEDOUT"), ("exited", None), ("cleared", None)],
        [("spawned", None), ("exited", 0), ("cleared", None)],
    ]
    assert [news["begun"] for news in told if news["type"] == "refused"] == [True]


def test_what_is_just_being_started_does_not_outlive_the_host(silent, flock):
    spawn = flock.ask(str(silent / "program"))
    eventually("it hangs", lambda: [pid for pid in of_spawn(spawn) if state(pid) == "D"])
    assert flock.leave() == 0
    assert of_spawn(spawn) == []


def test_without_descriptors_a_process_is_refused_and_the_next_one_is_not(flock):
    shepherd = flock.hello["pid"]
    soft, hard = resource.prlimit(shepherd, resource.RLIMIT_NOFILE)
    used = len(os.listdir(f"/proc/{shepherd}/fd"))
    resource.prlimit(shepherd, resource.RLIMIT_NOFILE, (used + 3, hard))
    assert flock.refusal("true") == errno.errorcode[errno.EMFILE]
    resource.prlimit(shepherd, resource.RLIMIT_NOFILE, (soft, hard))
    spawn, _ = flock.start("true")
    assert flock.next("exited", spawn)["code"] == 0
    eventually("nothing else is open", lambda: len(os.listdir(f"/proc/{shepherd}/fd")) == used)


def test_how_a_process_ended_is_told(flock):
    for command, how in [("exit 7", (7, None)), ("kill -9 $$", (None, 9)), ("kill -TERM $$", (None, 15))]:
        spawn, _ = flock.start("sh", "-c", command)
        news = flock.next("exited", spawn)
        assert (news["code"], news["signal"]) == how


def test_a_signal_goes_to_the_process_or_to_its_group(flock):
    code = "import os, time\nchild = os.fork()\nif child: print(child, flush=True)\ntime.sleep(600)"
    one, pid = flock.python(code)
    flock.line(one)
    (child,) = [other for other in of_spawn(one) if other != pid]
    flock.order(type="signal", spawn=one, signal=signal.SIGSTOP, target="process")
    eventually("the process is stopped", lambda: state(pid) == "T")
    assert state(child) in ("R", "S")
    flock.order(type="signal", spawn=one, signal=signal.SIGSTOP, target="group")
    eventually("its child is stopped too", lambda: state(child) == "T")
    flock.order(type="signal", spawn=one, signal=signal.SIGKILL, target="process")
    assert flock.next("exited", one)["signal"] == signal.SIGKILL
    # Its group was ended with it. What is over, or was never begun, gets no signal.
    eventually("its child is gone", lambda: is_gone(child))
    flock.order(type="signal", spawn=one, signal=signal.SIGKILL, target="group")
    flock.order(type="signal", spawn="9-0123456789abcdef", signal=signal.SIGKILL, target="group")
    spawn, _ = flock.start("true")
    assert flock.next("exited", spawn)["code"] == 0


def test_what_a_process_leaves_behind_lives_no_longer_than_the_process(flock):
    code = DAEMON + "print('left', flush=True)\nimport time\ntime.sleep(600)"
    one, one_pid = flock.python(code)
    other, other_pid = flock.python(code)
    assert flock.line(one) == flock.line(other) == "left\n"
    daemons = [pid for pid in of_spawn(one) if pid != one_pid]
    others = [pid for pid in of_spawn(other) if pid != other_pid]
    assert (len(daemons), len(others)) == (1, 1)
    eventually("its environment is empty", lambda: Path(f"/proc/{daemons[0]}/environ").read_bytes() == b"")
    eventually("the shepherd is their parent", lambda: [parent(pid) for pid in daemons + others] == [flock.hello["pid"]] * 2)
    os.kill(one_pid, signal.SIGKILL)
    flock.next("exited", one)
    eventually("the first one's daemon is gone", lambda: is_gone(daemons[0]))
    assert not any(map(is_gone, (other_pid, *others)))


def test_processes_end_when_the_host_lets_go_of_their_lifeline(flock):
    # It arms nothing, ignores what can be ignored, and is stopped.
    code = "import signal, time\nsignal.signal(15, signal.SIG_IGN)\nsignal.signal(29, signal.SIG_IGN)\nprint(flush=True)\ntime.sleep(600)"
    one, pid = flock.python(code)
    other, _ = flock.python(code)
    assert flock.line(one) == flock.line(other) == "\n"
    os.kill(pid, signal.SIGSTOP)
    flock.let_go()
    ends = {}
    for _ in range(2):
        news = flock.next_of_any("exited")
        ends[news["spawn"]] = news["signal"]
    assert ends == {one: signal.SIGKILL, other: signal.SIGKILL}


def test_a_lifeline_outlasts_other_processes(flock):
    code = "import os\nprint(flush=True)\nos.read(3, 1)\nprint('ended', flush=True)"
    one, pid = flock.python(code)
    other, other_pid = flock.python(code)
    assert flock.line(one) == flock.line(other) == "\n"
    os.kill(pid, signal.SIGKILL)
    flock.next("exited", one)
    # Nobody but the host ends it, also when nobody else has it open.
    last, last_pid = flock.python(code)
    assert flock.line(last) == "\n"
    eventually("both wait for its end", lambda: (state(other_pid), state(last_pid)) == ("S", "S"))


def test_a_process_that_starts_after_the_host_has_let_go_does_not_live(flock):
    flock.let_go()
    spawn, _ = flock.python("import time\nprint('lives', flush=True)\ntime.sleep(600)")
    # It has looked for itself: no signal tells of what was so before.
    assert flock.next("exited", spawn)["code"] == EXIT_HOST_GONE
    assert flock.said(spawn) == ""


@pytest.mark.parametrize("end", ["lifeline", "orders", "nobody hears", "nonsense"])
def test_when_the_host_is_gone_nothing_is_left(flock, end):
    stubborn = "import signal, time\nsignal.signal(15, signal.SIG_IGN)\nprint(flush=True)\ntime.sleep(600)"
    daemon, _ = flock.python(DAEMON + "print(flush=True)\nimport time\ntime.sleep(600)")
    deaf, stopped = flock.python(stubborn)
    assert flock.line(daemon) == flock.line(deaf) == "\n"
    os.kill(stopped, signal.SIGSTOP)
    assert [len(of_spawn(daemon)), len(of_spawn(deaf))] == [2, 1]
    if end == "orders":
        flock.process.stdin.close()
    elif end == "nonsense":
        flock.order(type="dance")
    elif end == "nobody hears":
        flock.report.shutdown(socket.SHUT_RDWR)
        flock.order(type="signal", spawn=deaf, signal=signal.SIGKILL, target="process")
    else:
        flock.leave()
    status = flock.process.wait(PATIENCE)
    assert [of_spawn(daemon), of_spawn(deaf)] == [[], []]
    assert status == (1 if end == "nonsense" else 0)
    if end == "nonsense":
        assert b"no such order: dance" in flock.process.stderr.read()


def with_daemon(flock):
    """Starts a process that has left a daemon behind; answers both pids."""
    spawn, pid = flock.python(DAEMON + "print(flush=True)\nimport time\ntime.sleep(600)")
    flock.line(spawn)
    (daemon,) = [other for other in of_spawn(spawn) if other != pid]
    return pid, daemon


@pytest.mark.parametrize("victim", ["shepherd", "guard", "both"])
def test_when_the_shepherd_is_killed_its_processes_are(flock, victim):
    pid, daemon = with_daemon(flock)
    others = [flock.python("import time\ntime.sleep(600)")[1] for _ in range(3)]
    os.kill(others[0], signal.SIGSTOP)
    shepherd, guard = flock.hello["pid"], flock.process.pid
    victims = {"shepherd": [shepherd], "guard": [guard]}.get(victim, [shepherd, guard])
    if victim == "both":
        # Neither gets to do anything about the other's end. The shepherd goes first: the end of the guard process would
        # wake it.
        for each in victims:
            os.kill(each, signal.SIGSTOP)
        eventually("they are stopped", lambda: all(state(each) == "T" for each in victims))
    for each in victims:
        os.kill(each, signal.SIGKILL)
    assert flock.process.wait(PATIENCE) == -signal.SIGKILL
    eventually("they are gone", lambda: all(map(is_gone, [pid, *others, shepherd])))
    containment, cgroup = flock.hello["containment"], flock.hello["cgroup"]
    if containment == "pidns" or (containment == "cgroup" and victim != "both"):
        eventually("the daemon is gone", lambda: is_gone(daemon))
        eventually("the cgroup is removed", lambda: cgroup is None or not Path(cgroup).exists())
        return
    # A daemon that has left its group may be left, and nothing else. What is left is found: in the control group, or by
    # its mark.
    inside = Path(cgroup, "cgroup.procs").read_text().split() if cgroup else map(str, of_spawn(flock.spawns[0]))
    assert set(inside) <= {str(daemon)}
    if cgroup:
        Path(cgroup, "cgroup.kill").write_text("1")
        eventually("nobody is inside", lambda: Path(cgroup, "cgroup.procs").read_text() == "")
        os.rmdir(cgroup)
    elif not is_gone(daemon):
        os.kill(daemon, signal.SIGKILL)
    eventually("the daemon is gone", lambda: is_gone(daemon))


FORKS = """
import os, subprocess, time
pids = [subprocess.Popen(["sleep", "600"], env={"PATH": os.environ["PATH"]}).pid]
for leave in (os.getpid, lambda: os.setpgid(0, 0), os.setsid):
    pid = os.fork()
    if pid == 0:
        leave()
        time.sleep(600)
    pids.append(pid)
time.sleep(0.1)
print("forked", flush=True)
time.sleep(600)
"""


@pytest.mark.parametrize("first", ["host", "shepherd"])
@pytest.mark.parametrize("arms", [False, True])
def test_d12_forks_die_when_host_guard_and_shepherd_are_killed_together(flock, arms, first):
    """A worker arms itself once more; its group stays what is killed."""
    source = str(Path(__file__).resolve().parent.parent / "src")
    arm = f"import sys; sys.path.insert(0, {source!r}); from terrarium_shepherd import arm; arm.arm()" if arms else ""
    spawn, pid = flock.python(f"{arm}\n{FORKS}")
    assert flock.line(spawn) == "forked\n"
    family = of_spawn(spawn)
    group = [each for each in family if os.getpgid(each) == pid]
    assert (len(family), len(group)) == (5, 3)
    for each in (flock.process.pid, flock.hello["pid"]):
        os.kill(each, signal.SIGSTOP)
        eventually("it is stopped", lambda each=each: state(each) == "T")
    others = set(family) - set(group)
    # Whoever dies first, nobody is left to do anything about it but the kernel.
    if first == "host":
        flock.let_go()
        eventually("the group is gone", lambda: all(map(is_gone, group)))
    for each in (flock.hello["pid"], flock.process.pid):
        os.kill(each, signal.SIGKILL)
    flock.process.wait(PATIENCE)
    eventually("the group is gone", lambda: all(map(is_gone, group)))
    if flock.hello["containment"] == "pidns":
        eventually("the namespace is empty", lambda: all(map(is_gone, others)))
        return
    # The exception: what has left the group may be left.
    for each in others:
        if not is_gone(each):
            os.kill(each, signal.SIGKILL)
    cgroup = flock.hello["cgroup"]
    if cgroup is not None:
        eventually("nobody is inside", lambda: Path(cgroup, "cgroup.procs").read_text() == "")
        os.rmdir(cgroup)
    eventually("they are gone", lambda: all(map(is_gone, others)))


def test_d2_processes_start_although_the_folder_of_the_lifeline_is_gone(flock, folder):
    assert list(folder.iterdir()) == []
    folder.rmdir()
    try:
        spawn, _ = flock.python("import os\nprint('up', flush=True)\nos.read(3, 1)")
        assert flock.line(spawn) == "up\n"
        # It has a lifeline all the same.
        flock.let_go()
        assert flock.next("exited", spawn)["signal"] == signal.SIGKILL
    finally:
        folder.mkdir()


def test_when_the_host_is_gone_who_is_stopped_goes_on_and_ends(flock):
    pid, daemon = with_daemon(flock)
    all = [flock.process.pid, flock.hello["pid"], pid, daemon]
    for each in all:
        os.kill(each, signal.SIGSTOP)
        eventually("it is stopped", lambda: state(each) == "T")
    os.close(flock.lifeline)
    flock.lifeline = None
    flock.process.wait(PATIENCE)
    assert [each for each in all if not is_gone(each)] == []


def test_in_a_pid_namespace_a_process_sees_its_own_kind_only(open_flock):
    flock = open_flock("pidns")
    if flock.hello["type"] == "unavailable":
        pytest.skip(f"no PID namespace here: {flock.hello['reason']}")
    code = "import os\nprint(os.getpid(), os.readlink('/proc/self'), *sorted(filter(str.isdigit, os.listdir('/proc')), key=int))"
    spawn, pid = flock.python(code)
    flock.next("exited", spawn)
    own, linked, *visible = flock.said(spawn).split()
    assert (own, linked, visible) == (own, own, ["1", own])
    assert int(own) != pid


def test_a_control_group_is_removed_with_its_processes(open_flock):
    flock = open_flock("cgroup")
    if flock.hello["type"] == "unavailable":
        pytest.skip(f"no control group here: {flock.hello['reason']}")
    cgroup = Path(flock.hello["cgroup"])
    inside = sorted(with_daemon(flock))
    assert sorted(map(int, (cgroup / "cgroup.procs").read_text().split())) == inside
    assert flock.leave() == 0
    assert not cgroup.exists()


NO_NAMESPACE = "unshare: No space left on device"
NO_CGROUP = "there is no cgroup v2 here"
AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root can take containments away")


@pytest.mark.parametrize(
    "wanted, missing, reason",
    [
        ("bastille", (), "there is no such containment"),
        pytest.param("cgroup", ("cgroup",), NO_CGROUP, marks=AS_ROOT),
        pytest.param("pidns", ("pidns",), NO_NAMESPACE, marks=AS_ROOT),
    ],
)
def test_a_containment_that_is_demanded_and_missing_is_an_error(open_flock, wanted, missing, reason):
    flock = open_flock(wanted, missing=missing)
    news = {"type": "unavailable", "version": 7, "containment": wanted, "reason": reason}
    assert (flock.hello, flock.process.wait(PATIENCE)) == (news, 78)


@AS_ROOT
@pytest.mark.parametrize(
    "missing, containment, reasons",
    [
        (("cgroup",), "pidns", {}),
        (("pidns",), "cgroup", {"pidns": NO_NAMESPACE}),
        (("pidns", "cgroup"), "shepherd", {"pidns": NO_NAMESPACE, "cgroup": NO_CGROUP}),
    ],
)
def test_the_best_there_is_is_taken_and_why_it_is_no_better_is_said(open_flock, missing, containment, reasons):
    flock = open_flock("auto", missing=missing)
    assert (flock.hello["containment"], flock.hello["missing"]) == (containment, reasons)
    spawn, _ = flock.start("true")
    assert flock.next("exited", spawn)["code"] == 0


def test_cleared_is_said_when_nothing_is_left(flock):
    code = "import subprocess; subprocess.Popen(['sh', '-c', 'sleep 60 & wait'], env={}, start_new_session=True)"
    stays, _ = flock.start("sleep", "60")
    spawn, _ = flock.python(code)
    flock.next("exited", spawn)
    flock.next("cleared", spawn)
    assert (of_spawn(spawn), len(of_spawn(stays))) == ([], 1)


def test_two_hundred_processes_leave_neither_descriptors_nor_zombies(flock):
    shepherd = flock.hello["pid"]
    before = sorted(os.listdir(f"/proc/{shepherd}/fd"))
    waiting = {flock.ask("true") for _ in range(200)}
    while waiting:
        news = flock.news.get(timeout=PATIENCE)
        assert news["type"] != "refused"
        if news["type"] == "exited":
            assert news["code"] == 0
            waiting.remove(news["spawn"])
    eventually("nobody is left", lambda: Path(f"/proc/{shepherd}/task/{shepherd}/children").read_text() == "")
    # It may be looking into a file.
    eventually("nothing else is open", lambda: sorted(os.listdir(f"/proc/{shepherd}/fd")) == before)
