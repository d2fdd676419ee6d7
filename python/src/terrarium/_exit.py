"""Exit statuses of a worker that does not end in order.

It ends with ``os._exit``: no exit handlers, no waiting for threads.
"""

CONFIGURATION = 78
"""Nothing helps but a change of code or environment."""
EXCEPTION = 70
"""Something else was raised before the worker was ready."""
ENDED = 79
"""User code ended the process before the worker was ready."""
SESSION_LOST = 75
"""The session with the host ended, and nobody had asked for that."""
