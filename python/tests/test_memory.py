"""D18: when memory is short, processes go before their host and shepherd, and what the kernel did is told as a fact."""

import sys
from pathlib import Path

import pytest
from flock import SHEPHERD
from memory_group import MemoryGroup

sys.path.insert(0, str(SHEPHERD.parent))
from terrarium_shepherd.memory import OutOfMemory  # noqa: E402

LIMIT = 96 * 1024 * 1024

GROWS = "held = []\nwhile True: held.append(bytearray(b'x' * (1 << 20)))"


def adjustment(pid):
    return int(Path(f"/proc/{pid}/oom_score_adj").read_text())


def test_d18_a_process_and_what_it_starts_go_first(flock):
    before = adjustment("self")
    code = "import os, subprocess\nprint(subprocess.Popen(['sleep', '600']).pid, flush=True)\nos.read(3, 1)"
    spawn, pid = flock.python(code)
    child = flock.line(spawn).strip()
    if flock.hello["containment"] != "pidns":  # there it is a number of the namespace
        assert adjustment(child) == 1000
    assert adjustment(pid) == 1000
    assert (adjustment(flock.hello["pid"]), adjustment(flock.process.pid)) == (before, before)


@pytest.fixture
def group():
    try:
        group = MemoryGroup(LIMIT)
    except OSError as error:
        pytest.skip(f"no memory control group can be made here: {error}")
    yield group
    group.remove()


def test_d18_a_process_that_the_kernel_kills_for_want_of_memory_is_told_as_that(group, open_flock):
    flock = open_flock("shepherd", cgroup=group.path)
    waits, _ = flock.python("import os\nprint('up', flush=True)\nos.read(3, 1)")
    assert flock.line(waits) == "up\n"
    memory = {"kills": 1, "cgroup": str(group.path), "limit": LIMIT}
    grows, _ = flock.python(GROWS)
    assert flock.next("exited", grows) == {"type": "exited", "spawn": grows, "code": None, "signal": 9, "memory": memory}
    # The kill is explained. Whoever is killed now was killed by somebody.
    flock.order(type="spawn", spawn="7-00000000000000aa", command="sh", args=["-c", "kill -9 $$"], env={"PATH": "/bin:/usr/bin"}, cwd=None)
    assert flock.next("spawned", "7-00000000000000aa")
    assert flock.next("exited", "7-00000000000000aa")["memory"] is None
    again, _ = flock.python(GROWS)
    assert flock.next("exited", again)["memory"] == memory


def test_d18_what_the_host_has_killed_is_not_explained_by_memory(group, open_flock):
    flock = open_flock("shepherd", cgroup=group.path)
    # The child goes, and its parent stays.
    code = f"import os, sys\nif os.fork() == 0:\n    exec({GROWS!r})\nos.wait()\nprint('gone', flush=True)\nos.read(3, 1)"
    spawn, _ = flock.python(code)
    assert flock.line(spawn) == "gone\n"
    flock.order(type="signal", spawn=spawn, signal=9, target="process")
    assert flock.next("exited", spawn) == {"type": "exited", "spawn": spawn, "code": None, "signal": 9, "memory": None}


def test_d18_version_2_tells_kills_and_the_lowest_limit(folder):
    inner = folder / "pod" / "host"
    inner.mkdir(parents=True)
    (folder / "pod" / "memory.max").write_text("300000000\n")
    (inner / "memory.max").write_text("max\n")
    events = inner / "memory.events"
    events.write_text("low 0\nhigh 0\nmax 7\noom 2\noom_kill 3\noom_group_kill 0\n")
    counted = OutOfMemory(str(inner), str(events))
    assert counted.kills() == 3
    assert counted.explain(3) is None
    events.write_text("oom 3\noom_kill 5\n")
    told = {"cgroup": str(inner), "limit": 300000000}
    # Two kills explain two processes, and no third.
    explained = [counted.explain(3), counted.explain(3), counted.explain(3)]
    assert explained == [{"kills": 2, **told}, {"kills": 1, **told}, None]


def test_d18_without_a_group_that_counts_the_machine_does(folder):
    vmstat = folder / "vmstat"
    vmstat.write_text("nr_free_pages 1\noom_kill 8\n")
    counted = OutOfMemory(None, str(vmstat))
    vmstat.write_text("nr_free_pages 1\noom_kill 9\n")
    assert counted.explain(8) == {"kills": 1, "cgroup": None, "limit": None}
    vmstat.unlink()
    assert (counted.kills(), counted.explain(8)) == (0, None)
