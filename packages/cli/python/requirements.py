"""The script that `terrarium doctor` runs in an interpreter: prints as JSON which modules a worker needs, which of them
are missing, and the command that installs these.

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


modules = []
for module in REQUIREMENTS:
    try:
        importlib.import_module(module)
        modules.append({"module": module, "version": version_of(module)})
    except Exception as error:
        modules.append({"module": module, "problem": f"{type(error).__name__}: {error}"})

way = install(*(distribution_of(each["module"]) or each["module"] for each in modules if "problem" in each))
print("\n" + json.dumps({"terrarium": __version__, "modules": modules, "command": way.command, "note": way.note}))
