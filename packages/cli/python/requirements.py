"""The script that `terrarium doctor` runs in an interpreter: prints as JSON which modules a worker needs for gRPC,
which of them are missing and how they are installed, and whether msgpack is there.

Run as ``python requirements.py FOLDER`` with the folder of the package ``terrarium``.
"""

import importlib
import importlib.metadata
import json
import sys

# In place of this script's folder, so that no import finds a file beside it.
sys.path[0] = sys.argv[1]

from terrarium import __version__  # noqa: E402
from terrarium._install import REQUIREMENTS, distribution_of, install  # noqa: E402


def version_of(module: str) -> str:
    """The version of the module's distribution, or "present" if that is unknown."""
    try:
        return importlib.metadata.version(distribution_of(module) or module)
    except importlib.metadata.PackageNotFoundError:
        return "present"


def found(module: str) -> "dict[str, str]":
    try:
        importlib.import_module(module)
        return {"module": module, "version": version_of(module)}
    except Exception as error:
        return {"module": module, "problem": f"{type(error).__name__}: {error}"}


needed = [found(module) for module in REQUIREMENTS]
way = install(*(distribution_of(each["module"]) or each["module"] for each in needed if "problem" in each))
answer = {"terrarium": __version__, "needed": needed, "msgpack": found("msgpack"), "command": way.command}
print("\n" + json.dumps({**answer, "note": way.note}))
