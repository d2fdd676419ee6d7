"""Copies installed packages and their requirements from this interpreter into a folder. Arguments: TARGET PACKAGE…"""

import re
import shutil
import sys
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path


def required(package: str, found: "dict[str, Distribution]") -> None:
    """Adds a package and its requirements to ``found``."""
    if package in found:
        return
    found[package] = distribution(package)
    for requirement in found[package].requires or []:
        if "extra ==" in requirement:
            continue
        name = re.match(r"[A-Za-z0-9._-]+", requirement)
        try:
            if name:
                required(name.group(), found)
        except PackageNotFoundError:
            pass  # required on other systems or versions


def main(target: Path, packages: "list[str]") -> None:
    found: "dict[str, Distribution]" = {}
    for package in packages:
        required(package, found)
    for one in found.values():
        for file in one.files or []:
            if ".." in file.parts or "__pycache__" in file.parts:
                continue  # commands in bin/, and files that Python makes again
            copy = target / file
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(one.locate_file(file), copy)


main(Path(sys.argv[1]), sys.argv[2:])
