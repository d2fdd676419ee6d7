"""A tool that makes a file and then sleeps for a minute."""

import time

from terrarium import tool


@tool
def sleep(begun: str):
    open(begun, "w").close()
    time.sleep(60)
