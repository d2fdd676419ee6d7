"""A memory control group of the test's own, on a system where this user may make one."""

import os
import sys
import time
from pathlib import Path

from runtime import SHEPHERD

sys.path.insert(0, str(SHEPHERD.parent))
from terrarium_shepherd.cgroups import own_cgroup  # noqa: E402


class MemoryGroup:
    """Raises OSError where this user cannot make one."""

    def __init__(self, limit):
        """``limit``: in bytes."""
        try:
            self.path = self._make(None, "memory.max", limit)
        except OSError:
            self.path = self._make("memory", "memory.limit_in_bytes", limit)

    @staticmethod
    def _make(controller, file, limit):
        path = Path(own_cgroup(controller), f"terrarium-test-{os.urandom(4).hex()}")
        path.mkdir()
        try:
            (path / file).write_text(str(limit))
            swap = path / "memory.swap.max"
            if swap.exists():
                swap.write_text("0")
        except OSError:
            path.rmdir()
            raise
        return path

    def remove(self):
        """Waits until the group is empty, at most 4 s: the kernel may keep a killed process in it for a moment."""
        for _ in range(200):
            try:
                self.path.rmdir()
                return
            except OSError:
                time.sleep(0.02)
        self.path.rmdir()
