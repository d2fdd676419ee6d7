"""The Python half of the contender python-shell for streams: each request is answered with many lines of JSON."""

import json
import sys

for line in sys.stdin:
    request = json.loads(line)
    for _ in range(request["count"]):
        sys.stdout.write(json.dumps({"data": request["data"]}) + "\n")
        sys.stdout.flush()
