import os
import sys

# Python puts the folder that it runs first, and nothing else is on the path that was not there.
sys.path[0] = os.path.dirname(sys.path[0])

from terrarium_shepherd import signals  # noqa: E402

# First of all: until then a signal that is meant for the application ends this process.
signals.disregard_application()

from terrarium_shepherd.main import main  # noqa: E402

main()
