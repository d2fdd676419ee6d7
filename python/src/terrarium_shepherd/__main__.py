"""Entry point of ``python -I -S terrarium_shepherd/__main__.py``. It puts the package on the path, handles the
application signals, and then runs the shepherd."""

import os
import sys

_here = os.path.dirname(os.path.abspath(__file__))
# Python may put the folder of what it runs first, and with -I -S nothing else was added to the path.
sys.path[:] = [os.path.dirname(_here), *(path for path in sys.path if path != _here)]

from terrarium_shepherd import signals  # noqa: E402

# Before anything else: until then, an application signal would end this process.
signals.disregard_application()

from terrarium_shepherd.main import main  # noqa: E402

main()
