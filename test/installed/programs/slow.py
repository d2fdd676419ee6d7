"""A tool that sleeps, and makes the file BEGUN first if that variable is set."""

import os
import time

from terrarium import tool


@tool
def slow(seconds: float) -> dict[str, int]:
    if "BEGUN" in os.environ:
        open(os.environ["BEGUN"], "w").close()
    time.sleep(seconds)
    return {"uid": os.getuid()}
