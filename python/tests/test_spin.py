"""Spinning: when a worker looks for its next calls instead of sleeping, and that it sleeps at all other times."""

import os
import time
from pathlib import Path

import pytest
from host import eventually
from lane_host import CALL, SPIN, frame
from terrarium import _spin
from terrarium._spin import CLOSE, LONGEST, Habit, Spin

TOOLS = Path(__file__).resolve().parent / "spin_tools.py"
SHORT = CLOSE / 2
LONG = CLOSE * 2


def told(habit, *waits):
    for seconds, slept in waits:
        habit.waited(seconds, slept)
    return habit.spins


def armed():
    habit = Habit()
    told(habit, *[(SHORT, True)] * 16)
    return habit


# The rule.


def test_a_worker_spins_after_16_short_waits_in_a_row():
    habit = Habit()
    assert not told(habit, *[(SHORT, True)] * 15)
    assert told(habit, (SHORT, True))


def test_slow_calls_never_make_it_spin():
    habit = Habit()
    for _ in range(1000):
        assert not told(habit, *[(SHORT, True)] * 15, (LONG, True))


@pytest.mark.parametrize("slept", [True, False])
def test_one_long_wait_ends_it(slept):
    """A long wait on the processor means that another process had it."""
    habit = armed()
    assert not told(habit, (LONG, slept))
    assert not told(habit, *[(SHORT, True)] * 15)
    assert told(habit, (SHORT, True))


def test_it_goes_on_while_most_spins_save_a_sleep():
    habit = armed()
    for _ in range(1000):
        assert told(habit, *[(SHORT, False)] * 9, (SHORT, True))


def test_spins_in_vain_end_it_for_twice_as_many_calls_each_time():
    habit = armed()
    for needed in (32, 64, 128, 256, 512, 1024, 2048, 4096, 4096):
        assert told(habit, (SHORT, True))
        assert not told(habit, (SHORT, True))
        assert not told(habit, *[(SHORT, True)] * (needed - 1))
        assert told(habit, (SHORT, True))


def test_after_256_spins_that_saved_a_sleep_it_begins_anew():
    habit = armed()
    told(habit, *[(SHORT, True)] * (2 + 32 + 2 + 64))
    assert told(habit, *[(SHORT, False)] * 256)
    assert not told(habit, *[(SHORT, True)] * 9)
    assert told(habit, *[(SHORT, True)] * 16)


# One wait.


@pytest.fixture
def clock(monkeypatch):
    """A clock that goes on by 10 µs with each look at the socket."""

    class Clock:
        now = 1.0
        looks = 0

        def look(self, timeout):
            assert timeout == 0
            self.looks += 1
            self.now += 10e-6
            return self.looks >= self.found

        found = 10**9

    clock = Clock()
    monkeypatch.setattr(_spin, "monotonic", lambda: clock.now)
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0, 1})
    return clock


def spinning(clock):
    """A Spin that spins in its next wait."""
    spin = Spin()
    for _ in range(16):
        spin.came(True)
        assert spin.is_due
        assert not spin.wait(clock.look)
        clock.now += SHORT
    spin.came(True)
    clock.looks = 0
    return spin


def test_a_spin_ends_after_100_us(clock):
    spin = spinning(clock)
    assert not spin.wait(clock.look)
    assert clock.looks == round(LONGEST / 10e-6)


def test_a_spin_ends_with_what_it_finds(clock):
    spin = spinning(clock)
    clock.found = 3
    assert spin.wait(clock.look)
    assert clock.looks == 3


def test_there_is_one_spin_between_two_calls(clock):
    spin = spinning(clock)
    spin.wait(clock.look)
    assert not spin.is_due  # while no calls come, the worker only sleeps


def test_a_host_without_processors_to_spare_is_not_spun_for(clock):
    spin = spinning(clock)
    spin.came(False)
    assert not spin.is_due


def test_a_worker_with_one_processor_never_spins(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0})
    spin = Spin()
    spin.came(True)
    assert not spin.is_due


def test_a_worker_on_a_system_that_does_not_tell_its_processors_never_spins(monkeypatch):
    """macOS has neither function."""
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.delattr(os, "sched_yield")
    spin = Spin()
    for _ in range(40):
        spin.came(True)
        assert not spin.is_due


# A worker.


@pytest.fixture
def worker(host):
    return host.ready(TOOLS)


def looks_after(worker, flags, calls=1):
    for _ in range(calls):
        id = worker.new_id()
        worker.send_raw(frame(CALL, worker.index("looks_so_far"), id, 0, b"", flags))
        looks = worker.value(id)
    return looks


def test_a_worker_spins_if_the_host_lets_it_and_sleeps_while_no_call_comes(worker):
    assert looks_after(worker, 0, calls=40) == 0
    eventually("the worker has spun", lambda: looks_after(worker, SPIN, calls=40) > 0)
    before = looks_after(worker, SPIN)
    time.sleep(0.6)  # it wakes up twice, to look for signals
    # A look takes more than 0.1 µs, so the spin of 100 µs has fewer than 1,000.
    assert looks_after(worker, SPIN) - before < 1000


def test_the_order_to_end_comes_to_a_worker_that_has_spun(worker):
    looks_after(worker, SPIN, calls=40)
    worker.worker.order_to_end()
    assert worker.worker.status() == 0
