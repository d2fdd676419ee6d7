"""D18: when memory is short, the kernel kills processes before their host and shepherd, and its kills are reported."""

import sys
from pathlib import Path

import pytest
from memory_group import MemoryGroup
from runtime import SHEPHERD

sys.path.insert(0, str(SHEPHERD.parent))
from terrarium_shepherd.memory import OomKills  # noqa: E402

LIMIT = 96 * 1024 * 1024

GROWS = "held = []\nwhile True: held.append(bytearray(b'x' * (1 << 20)))"


def adjustment(pid):
    return int(Path(f"/proc/{pid}/oom_score_adj").read_text())


def test_d18_a_process_and_its_children_are_killed_first(runtime):
    before = adjustment("self")
    code = "import os, subprocess\nprint(subprocess.Popen(['sleep', '600']).pid, flush=True)\nos.read(3, 1)"
    spawn, pid = runtime.python(code)
    child = runtime.line(spawn).strip()
    if runtime.hello["containment"] != "pidns":  # there the child's pid is one of the namespace
        assert adjustment(child) == 1000
    assert adjustment(pid) == 1000
    assert (adjustment(runtime.hello["pid"]), adjustment(runtime.process.pid)) == (before, before)


@pytest.fixture
def group():
    try:
        group = MemoryGroup(LIMIT)
    except OSError as error:
        pytest.skip(f"no memory control group can be made here: {error}")
    yield group
    group.remove()


def test_d18_a_process_killed_for_want_of_memory_is_reported_as_such(group, open_runtime):
    runtime = open_runtime("shepherd", cgroup=group.path)
    waits, _ = runtime.python("import os\nprint('up', flush=True)\nos.read(3, 1)")
    assert runtime.line(waits) == "up\n"
    memory = {"kills": 1, "cgroup": str(group.path), "limit": LIMIT}
    grows, _ = runtime.python(GROWS)
    exited = {"type": "exited", "spawn": grows, "code": None, "signal": 9, "memory": memory}
    assert runtime.next("exited", grows) == exited
    # A kill for want of memory explains one exit: the next process exits for another reason.
    spawn = "7-00000000000000aa"
    env = {"PATH": "/bin:/usr/bin"}
    runtime.order(type="spawn", spawn=spawn, command="sh", args=["-c", "kill -9 $$"], env=env, cwd=None)
    assert runtime.next("spawned", spawn)
    assert runtime.next("exited", spawn)["memory"] is None
    again, _ = runtime.python(GROWS)
    assert runtime.next("exited", again)["memory"] == memory


def test_d18_a_kill_by_the_host_is_not_explained_by_memory(group, open_runtime):
    runtime = open_runtime("shepherd", cgroup=group.path)
    # The child is killed for want of memory, its parent is not.
    fork = f"if os.fork() == 0:\n    exec({GROWS!r})\nos.wait()\n"
    spawn, _ = runtime.python(f"import os, sys\n{fork}print('exited', flush=True)\nos.read(3, 1)")
    assert runtime.line(spawn) == "exited\n"
    runtime.order(type="signal", spawn=spawn, signal=9, target="process")
    exited = {"type": "exited", "spawn": spawn, "code": None, "signal": 9, "memory": None}
    assert runtime.next("exited", spawn) == exited


def test_d18_cgroup_v2_gives_kills_and_the_lowest_limit(folder):
    inner = folder / "pod" / "host"
    inner.mkdir(parents=True)
    (folder / "pod" / "memory.max").write_text("300000000\n")
    (inner / "memory.max").write_text("max\n")
    events = inner / "memory.events"
    events.write_text("low 0\nhigh 0\nmax 7\noom 2\noom_kill 3\noom_group_kill 0\n")
    counted = OomKills(str(inner), str(events))
    assert counted.kills() == 3
    assert counted.explain(3) is None
    events.write_text("oom 3\noom_kill 5\n")
    group = {"cgroup": str(inner), "limit": 300000000}
    # Two kills explain two processes, and no third.
    explained = [counted.explain(3), counted.explain(3), counted.explain(3)]
    assert explained == [{"kills": 2, **group}, {"kills": 1, **group}, None]


def test_d18_without_a_counting_group_the_machines_kills_count(folder):
    vmstat = folder / "vmstat"
    vmstat.write_text("nr_free_pages 1\noom_kill 8\n")
    counted = OomKills(None, str(vmstat))
    vmstat.write_text("nr_free_pages 1\noom_kill 9\n")
    assert counted.explain(8) == {"kills": 1, "cgroup": None, "limit": None}
    vmstat.unlink()
    assert (counted.kills(), counted.explain(8)) == (0, None)
