"""The FIFO of the lifeline: the host can open it, whatever the umask."""

import os
import stat

import pytest
from terrarium_shepherd.spawn import open_lifeline


@pytest.mark.parametrize("umask", [0o000, 0o077, 0o277, 0o777], ids=oct)
def test_a10_the_owner_can_open_the_lifeline_for_writing_whatever_the_umask(folder, umask):
    path = str(folder / "lifeline")
    before = os.umask(umask)
    try:
        end = open_lifeline(path)
    finally:
        os.umask(before)
    try:
        # The mode is compared because root could open it in any case.
        assert oct(stat.S_IMODE(os.stat(path).st_mode)) == oct(0o600)
    finally:
        os.close(end)
