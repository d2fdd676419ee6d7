"""Why a worker could not start: from an exception to something a person can act on."""

import importlib.util
import os
import re
import shlex
import sys
import traceback
from types import TracebackType

from terrarium import _exit
from terrarium._module import NotAFile, NoTools
from terrarium._patched import Patched
from terrarium._refusal import Refused, SessionLost
from terrarium._report import BootFailure
from terrarium._tools import ToolError

_REQUIREMENTS = {"grpc": "grpcio>=1.60", "google.protobuf": "protobuf>=4.25", "msgpack": "msgpack>=1.0"}

# Where the import name is not the name to install.
_DISTRIBUTIONS = {
    "grpc": "grpcio",
    "google.protobuf": "protobuf",
    "PIL": "pillow",
    "bs4": "beautifulsoup4",
    "cv2": "opencv-python",
    "dateutil": "python-dateutil",
    "distutils": "setuptools",
    "dotenv": "python-dotenv",
    "pkg_resources": "setuptools",
    "serial": "pyserial",
    "skimage": "scikit-image",
    "sklearn": "scikit-learn",
    "yaml": "PyYAML",
}

_OWN_FOLDER = os.path.dirname(os.path.abspath(__file__)) + os.sep


def diagnose(error: BaseException, step: str, user_module: str) -> BootFailure:
    """``step`` is what was being done: a module's name, the path of the user's file, or a description."""
    error = error.with_traceback(_from_user_code(error.__traceback__))
    failure = _classify(error, step, user_module)
    failure.message = " ".join(failure.message.split())
    failure.traceback = "".join(traceback.format_exception(error))
    if failure.status == _exit.CONFIGURATION:
        # Also what is not there: that it comes to be may be what is needed.
        entry = user_module if os.sep in user_module else ""
        failure.watch = _absolute([*failure.watch, entry, *_files(error), *sys.path])
    return failure


def _classify(error: BaseException, step: str, user_module: str) -> BootFailure:
    if isinstance(error, Refused):
        return BootFailure(_exit.CONFIGURATION, error.kind, str(error), error.hint)
    if isinstance(error, Patched):
        return BootFailure(_exit.CONFIGURATION, "patched", str(error), error.hint, user_module or None)
    if isinstance(error, SessionLost):
        return BootFailure(_exit.SESSION_LOST, "session_lost", str(error))
    if isinstance(error, ModuleNotFoundError) and error.name is not None:
        if step == user_module and not _files(error) and f"{step}.".startswith(f"{error.name}."):
            return _missing_entry(error.name, step)
        return _missing_module(error, error.name, step)
    if isinstance(error, ImportError):
        return _import_error(error, step)
    if step == "terrarium":  # A library too old for the generated stubs raises all kinds of things.
        return _broken_libraries(error)
    if isinstance(error, SyntaxError):
        return _syntax_error(error, step)
    if isinstance(error, SystemExit):
        message = f"{_place(error) or user_module} ended the process while it was imported (SystemExit {error.code!r})"
        hint = "what shall run only as a program belongs under: if __name__ == '__main__':"
        return BootFailure(_exit.ENDED, "ended", message, hint, step)
    if step == user_module:
        failure = _unusable_file(error, user_module)
        if failure is not None:
            return failure
    message = f"{_describe(error)} ({_place(error) or step})"
    return BootFailure(_exit.EXCEPTION, "exception", message, f"look at what {step} does when it is imported", step)


def _missing_module(error: ModuleNotFoundError, name: str, step: str) -> BootFailure:
    # `import google.protobuf` without any `google` complains about `google`.
    if step in _REQUIREMENTS and (step == name or step.startswith(f"{name}.")):
        name = step
    message = f"no module named {name!r} in {sys.executable}{_imported_by(error)}"
    watch = []
    if name.partition(".")[0] in sys.stdlib_module_names and name not in _DISTRIBUTIONS:
        hint = f"{name} belongs to Python itself: use an interpreter that was built with it"
    elif name in _REQUIREMENTS or "." not in name:
        hint = _pip(_DISTRIBUTIONS.get(name, name))
    else:
        parent = sys.modules.get(name.rpartition(".")[0])
        watch = list(getattr(parent, "__path__", []))
        if _is_installed(watch):
            top = name.partition(".")[0]
            hint = _pip("--upgrade", _DISTRIBUTIONS.get(top, top))
        else:
            place = ", ".join(watch) or "its package"
            hint = f"there is no {name.rpartition('.')[2]} in {place}: check the spelling of the import"
    return BootFailure(_exit.CONFIGURATION, "missing_module", message, hint, name, watch=watch)


def _missing_entry(name: str, entry: str) -> BootFailure:
    """What the user has named as the module with the tools is not there, or is not in its package."""
    message = f"no module named {name!r}, which is to hold the tools, in {sys.executable}"
    hint = (
        f"Correct the name {entry} that is given to the pool. It is looked for in {os.getcwd()}, which the option `cwd` sets, "
        f"and in what is installed; a file can be given by its path."
    )
    return BootFailure(_exit.CONFIGURATION, "missing_module", message, hint, name, watch=[os.getcwd()])


def _import_error(error: ImportError, step: str) -> BootFailure:
    if step == "terrarium":
        return _broken_libraries(error)
    # `except ImportError: raise ImportError("please install …")` hides the name, but not from us.
    cause = error.__cause__ or error.__context__
    missing = cause.name if isinstance(cause, ModuleNotFoundError) else None
    name = missing or error.name or (step if step in _REQUIREMENTS else None)
    message = f"{_describe(error)}{_imported_by(error)}"
    if "relative import" in str(error) and error.name is None:
        hint = (
            "A file can import from the folder beside it by `from .name` when it belongs to a package: put an __init__.py into "
            "its folder, or name it as a module (tools: 'package.module')."
        )
    elif missing is not None:
        hint = _pip(_DISTRIBUTIONS.get(missing, missing))
    elif step in _REQUIREMENTS:
        hint = _pip("--force-reinstall", _REQUIREMENTS[step])
    elif error.path is not None and error.path.endswith((".so", ".pyd", ".dylib")):
        hint = f"{error.path} does not load in this interpreter: reinstall its package, or install the library it names"
    else:
        where = f" ({error.path})" if error.path is not None else ""
        hint = f"check the spelling, and the version of {name or 'the module'}{where}"
    return BootFailure(_exit.CONFIGURATION, "import_error", message, hint, name, watch=[error.path or ""])


def _broken_libraries(error: BaseException) -> BootFailure:
    message = f"grpcio, protobuf or msgpack is too old or damaged: {_describe(error)}"
    hint = _pip("--upgrade", *_REQUIREMENTS.values())
    return BootFailure(_exit.CONFIGURATION, "import_error", message, hint, "terrarium")


def _syntax_error(error: SyntaxError, step: str) -> BootFailure:
    file = error.filename or step
    where = file
    if error.lineno is not None:
        where += f", line {error.lineno}"
    # The exception's own text repeats file and line.
    message = f"{type(error).__name__}: {error.msg} ({where})"
    hint = f"correct {where}; the interpreter is Python {sys.version_info.major}.{sys.version_info.minor}"
    return BootFailure(_exit.CONFIGURATION, "syntax_error", message, hint, file, watch=[error.filename or ""])


def _unusable_file(error: BaseException, path: str) -> "BootFailure | None":
    """What is wrong with the user's file itself, if that is it."""

    def configuration(kind: str, message: str, hint: str) -> BootFailure:
        return BootFailure(_exit.CONFIGURATION, kind, message, hint, path, watch=[path])

    if isinstance(error, NoTools):
        hint = "mark at least one function with @tool (from terrarium import tool)"
        return configuration("no_tools", str(error), hint)
    if isinstance(error, ToolError):
        return configuration("invalid_tool", str(error), f"correct the @tool in {_place(error) or path}")
    if isinstance(error, NotAFile):
        return configuration("unreadable_file", str(error), "name the file that holds the tools")
    # Anything of this kind that the module itself raises has frames of user code.
    if isinstance(error, OSError) and not _files(error):
        if isinstance(error, (FileNotFoundError, NotADirectoryError)):
            return configuration("missing_file", f"there is no file {path}", "check the path that is given to the pool")
        message = f"{path} cannot be read: {error.strerror or error}"
        return configuration("unreadable_file", message, f"ls -l {shlex.quote(path)}")
    return None


def _from_user_code(trace: "TracebackType | None") -> "TracebackType | None":
    """Without the frames of the bootstrap and the import system that lead to user code."""
    while trace is not None:
        file = trace.tb_frame.f_code.co_filename
        if not file.startswith((_OWN_FOLDER, "<frozen importlib")):
            break
        trace = trace.tb_next
    return trace


def _frames(error: BaseException) -> "list[traceback.FrameSummary]":
    frames = traceback.extract_tb(error.__traceback__)
    return [frame for frame in frames if not frame.filename.startswith(("<", _OWN_FOLDER))]


def _files(error: BaseException) -> "list[str]":
    return [frame.filename for frame in reversed(_frames(error))]


def _place(error: BaseException) -> str:
    frames = _frames(error)
    return f"{frames[-1].filename}, line {frames[-1].lineno}" if frames else ""


def _imported_by(error: ImportError) -> str:
    place = _place(error)
    return f" (imported by {place})" if place else ""


def _describe(error: BaseException) -> str:
    try:
        text = str(error)
    except Exception:
        text = ""
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _pip(*arguments: str) -> str:
    python = shlex.quote(sys.executable or "python3")
    install = f"{python} -m pip install {' '.join(_quote(argument) for argument in arguments)}"
    if importlib.util.find_spec("pip") is None:
        return f"{python} -m ensurepip && {install}"
    return install


def _quote(argument: str) -> str:
    return argument if re.fullmatch(r"[\w.-]+", argument) else shlex.quote(argument)


def _is_installed(folders: "list[str]") -> bool:
    return any("site-packages" in folder or "dist-packages" in folder for folder in folders)


def _absolute(paths: "list[str]") -> "list[str]":
    return list(dict.fromkeys(os.path.abspath(path) for path in paths if path))
