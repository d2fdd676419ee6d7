"""What the workers of the tests offer."""

import asyncio
import os
import sys
import time
from datetime import datetime

from terrarium import tool


@tool
def echo(value=None):
    """Answers with its argument.

    And nothing else.
    """
    return value
