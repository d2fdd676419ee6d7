"""Entry point of ``python -I -S terrarium_shepherd``. It puts the package on the path, handles the application
signals, and then runs the shepherd."""

import os
import sys

# Python puts the folder that it runs first, and with -I -S nothing else was added to the path.
sys.path[0] = os.path.dirname(sys.path[0])

from terrarium_shepherd import signals  # noqa: E402

# Before anything else: until then, an application signal would end this process.
signals.disregard_application()

from terrarium_shepherd.main import main  # noqa: E402

main()
