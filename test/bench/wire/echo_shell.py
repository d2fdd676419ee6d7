"""The Python half of the contender python-shell: each line is a JSON value, and is sent back."""

import json
import sys

for line in sys.stdin:
    sys.stdout.write(json.dumps(json.loads(line)) + "\n")
    sys.stdout.flush()
