"""Builds the command that installs packages into this interpreter, with the tool that made its environment: uv, conda
or pip."""

import importlib.util
import os
import re
import shlex
import sys
from dataclasses import dataclass

REQUIREMENTS = {"grpc": "grpcio>=1.60", "google.protobuf": "protobuf>=4.25"}
"""The modules that a worker needs for transport grpc, with their requirements. It needs none for the socket."""

# Modules whose distribution has another name.
_DISTRIBUTIONS = {
    "grpc": "grpcio",
    "google.protobuf": "protobuf",
    "Crypto": "pycryptodome",
    "Levenshtein": "python-Levenshtein",
    "MySQLdb": "mysqlclient",
    "OpenSSL": "pyOpenSSL",
    "PIL": "pillow",
    "_cffi_backend": "cffi",
    "_pytest": "pytest",
    "absl": "absl-py",
    "attr": "attrs",
    "bs4": "beautifulsoup4",
    "cv2": "opencv-python",
    "dateutil": "python-dateutil",
    "distutils": "setuptools",
    "docx": "python-docx",
    "dotenv": "python-dotenv",
    "faiss": "faiss-cpu",
    "fitz": "pymupdf",
    "git": "GitPython",
    "jose": "python-jose",
    "jwt": "PyJWT",
    "magic": "python-magic",
    "pkg_resources": "setuptools",
    "pptx": "python-pptx",
    "psycopg2": "psycopg2-binary",
    "pywt": "PyWavelets",
    "serial": "pyserial",
    "skimage": "scikit-image",
    "sklearn": "scikit-learn",
    "slugify": "python-slugify",
    "umap": "umap-learn",
    "usb": "pyusb",
    "yaml": "PyYAML",
    "zmq": "pyzmq",
}

# Distributions that have another name on conda-forge than on PyPI.
_CONDA_NAMES = {"msgpack": "msgpack-python", "opencv-python": "opencv", "psycopg2-binary": "psycopg2"}
_CONDA_TOOLS = ("conda", "mamba", "micromamba")


@dataclass(frozen=True)
class Install:
    """How to install something into this interpreter."""

    command: str
    """A command line for a shell."""
    note: str = ""
    """A sentence to read before running the command; empty if there is none."""


def distribution_of(module: str) -> "str | None":
    """The known distribution of a module, or None. An unknown one often has the name of the module."""
    top = module.partition(".")[0]
    return _DISTRIBUTIONS.get(module) or _DISTRIBUTIONS.get(top) or ("msgpack" if top == "msgpack" else None)


def install(*requirements: str, flag: str = "") -> Install:
    """The command that installs ``requirements``: distributions, with or without versions. ``flag``: ``--upgrade``,
    ``--force-reinstall`` or nothing; left out where the tool has no such flag."""
    python = shlex.quote(sys.executable or "python3")
    if _made_by_uv():
        flag = {"--force-reinstall": "--reinstall"}.get(flag, flag)
        return Install(_join("uv pip install", flag, f"--python {python}", *_quoted(requirements)))
    conda = _conda()
    if conda is not None:
        names = [re.sub(r"^[\w.-]+", lambda name: _CONDA_NAMES.get(name[0], name[0]), each) for each in requirements]
        flag = flag if flag == "--force-reinstall" else ""
        prefix = shlex.quote(sys.prefix)
        return Install(_join(f"{conda} install --prefix {prefix} --channel conda-forge", flag, *_quoted(names)))
    if _is_managed_by_system():
        # No flag: the environment is new, so there is nothing to upgrade or reinstall.
        return Install(
            _join(f"{python} -m venv .venv && .venv/bin/python -m pip install", *_quoted(requirements)),
            "Make an environment: the system manages this interpreter and lets pip install nothing into it. "
            "An environment .venv in the host's working directory is used at its next start, if no other is named.",
        )
    pip = _join(f"{python} -m pip install", flag, *_quoted(requirements))
    has_pip = importlib.util.find_spec("pip") is not None or importlib.util.find_spec("ensurepip") is None
    command = pip if has_pip else f"{python} -m ensurepip && {pip}"
    return Install(command, "" if _is_in_environment() else _NO_ENVIRONMENT)


_NO_ENVIRONMENT = (
    "If the missing package is in a virtual environment, name its folder with the option `python`, or start the host "
    "in the folder that has it as .venv: this interpreter is in no environment."
)


def _is_in_environment() -> bool:
    return sys.prefix != sys.base_prefix or os.path.isdir(os.path.join(sys.prefix, "conda-meta"))


def _made_by_uv() -> bool:
    if sys.prefix == sys.base_prefix:
        return False
    try:
        with open(os.path.join(sys.prefix, "pyvenv.cfg"), encoding="utf-8", errors="replace") as file:
            return any(line.partition("=")[0].strip() == "uv" for line in file)
    except OSError:
        return False


def _conda() -> "str | None":
    """The command that installs into this environment, if conda made it and the command is available."""
    if not os.path.isdir(os.path.join(sys.prefix, "conda-meta")):
        return None
    import shutil

    found = [tool for tool in _CONDA_TOOLS if shutil.which(tool) is not None]
    if found:
        return found[0]
    named = os.environ.get("CONDA_EXE")
    return shlex.quote(named) if named and os.access(named, os.X_OK) else None


def _is_managed_by_system() -> bool:
    if sys.prefix != sys.base_prefix:
        return False
    import sysconfig

    return os.path.exists(os.path.join(sysconfig.get_path("stdlib"), "EXTERNALLY-MANAGED"))


def _join(*parts: str) -> str:
    return " ".join(part for part in parts if part)


def _quoted(requirements: "list[str] | tuple[str, ...]") -> "list[str]":
    return [each if re.fullmatch(r"[\w.-]+", each) else shlex.quote(each) for each in requirements]
