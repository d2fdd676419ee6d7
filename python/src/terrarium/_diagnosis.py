"""Diagnoses why a worker could not start: turns an exception into a BootFailure with a hint that the user can act on.
An entry is an element of the pool's option ``tools``."""

import difflib
import importlib
import os
import re
import shlex
import sys
import traceback
from dataclasses import dataclass
from types import TracebackType

from terrarium import __all__ as offered
from terrarium import _exit
from terrarium._imports import Unmet, find, is_installed, missing_part, unmet
from terrarium._install import REQUIREMENTS, Install, distribution_of, install
from terrarium._local import is_entry, is_local_name, local, other_case
from terrarium._module import NotAFile, NoTools, package_of
from terrarium._patched import Patched
from terrarium._session_errors import Refused, SessionLost
from terrarium._removed_modules import removed_from_python
from terrarium._boot_failure import BootFailure
from terrarium._expose import NotExposed
from terrarium._tools import ToolError

_IMPORTLIB = os.path.dirname(importlib.__file__) + os.sep
_OWN_FOLDER = os.path.dirname(os.path.abspath(__file__)) + os.sep


@dataclass(frozen=True)
class Step:
    """The step of the start that failed."""

    name: str
    """A module's name, an entry, or a description."""
    entry: str
    """The entry that was being imported; else empty."""
    entries: "list[str]"
    """All entries."""
    needs: "tuple[str, ...]" = ()
    """The modules of REQUIREMENTS that the transport of this worker needs."""


def diagnose(error: BaseException, step: Step) -> BootFailure:
    """The failure to report for an exception. Its status and kind: see BootFailure."""
    error = error.with_traceback(_from_user_code(error.__traceback__))
    failure = _classify(error, step)
    failure.message = " ".join(failure.message.split())
    failure.traceback = "".join(traceback.format_exception(error))
    if failure.status == _exit.CONFIGURATION:
        failure.configuration = True
        # Missing files and folders too: to create one of them may be the repair.
        entry = step.entry if os.sep in step.entry else ""
        failure.watch = _absolute([*failure.watch, entry, *_files(error), *sys.path])
    return failure


def _classify(error: BaseException, step: Step) -> BootFailure:
    user_module = step.entry
    if isinstance(error, Refused):
        return BootFailure(_exit.CONFIGURATION, error.kind, str(error), error.hint)
    if isinstance(error, Patched):
        return BootFailure(_exit.CONFIGURATION, "patched", str(error), error.hint, user_module or None)
    if isinstance(error, SessionLost):
        return BootFailure(_exit.SESSION_LOST, "session_lost", str(error))
    if isinstance(error, ImportError) and _is_ours(error):
        return _incomplete(error)
    if isinstance(error, ModuleNotFoundError) and error.name is not None:
        if step.name == user_module and not _files(error) and is_entry(error.name, [user_module]):
            return _missing_entry(error.name, user_module)
        return _missing_modules(error, error.name, step)
    if isinstance(error, ImportError):
        return _import_error(error, step)
    if step.name == "terrarium" and step.needs:  # a library too old for the generated stubs raises all kinds of errors
        return _broken_libraries(error)
    if isinstance(error, SyntaxError):
        return _syntax_error(error, step.name)
    if isinstance(error, SystemExit):
        place = _place(error) or user_module
        message = f"{place} ended the process while it was imported (SystemExit {error.code!r})"
        hint = "Put the code that runs only as a program under: if __name__ == '__main__':"
        return BootFailure(_exit.ENDED, "ended", message, hint, step.name)
    if step.name == user_module:
        failure = _unusable_file(error, user_module)
        if failure is not None:
            return failure
    message = f"{_describe(error)} ({_place(error) or step.name})"
    hint = f"Look at what {step.name} does when it is imported."
    return BootFailure(_exit.EXCEPTION, "exception", message, hint, step.name)


def _is_ours(error: ImportError) -> bool:
    """Whether a part of this package itself is missing."""
    name = error.name or ""
    return isinstance(error, ModuleNotFoundError) and name.partition(".")[0] in ("terrarium", "terrarium_shepherd")


def _incomplete(error: ImportError) -> BootFailure:
    message = f"this installation of @terrarium/worker is incomplete: there is no Python module {error.name}"
    place = _place(error)
    if place:  # user code that imports a module that no version has
        message = f"the package terrarium has no module {error.name} (imported by {place})"
        hint = "Correct the import."
    else:
        hint = "Install @terrarium/worker again."
    watch = [_OWN_FOLDER, *_files(error)]
    return BootFailure(_exit.CONFIGURATION, "missing_module", message, hint, error.name, watch=watch)


def _missing_modules(error: ModuleNotFoundError, name: str, step: Step) -> BootFailure:
    """Names this missing module and all other missing ones."""
    # `import google.protobuf` without any `google` raises an error about `google`.
    if step.name in step.needs and f"{step.name}.".startswith(f"{name}."):
        name = step.name
    watch = list(getattr(sys.modules.get(name.rpartition(".")[0]), "__path__", []))
    found = {name: _place(error)}
    for requirement in step.needs:
        if missing_part(requirement) is not None:
            found.setdefault(requirement, "")
    for each in unmet(step.entries):
        found.setdefault(each.module, f"{each.file}, line {each.line}")
    names = [module for module in step.needs if module in found]
    names += [module for module in found if module not in names]

    what = "no module named" if len(names) == 1 else "no modules named"
    told = [f"{module!r}{f' (imported by {found[module]})' if found[module] else ''}" for module in names]
    if len(names) == 1:
        message = f"{what} {name!r} in {sys.executable}{f' (imported by {found[name]})' if found[name] else ''}"
    else:
        message = f"{what} {', '.join(told[:-1])} and {told[-1]} in {sys.executable}"
    hints, requirements, unsure = [], [], []
    for module in names:
        hint = _not_to_be_installed(module, step)
        if hint is not None:
            hints.append(hint)
            continue
        known = distribution_of(module)
        requirements.append(known or module.replace(".", "-"))
        if known is None:
            unsure.append(module)
    command = ""
    if requirements:
        way = install(*dict.fromkeys(requirements))
        command = way.command
        hints[:0] = _how(way, unsure, is_avoidable=set(names) <= set(step.needs))
    failure = BootFailure(_exit.CONFIGURATION, "missing_module", message, " ".join(hints), name, watch=watch)
    failure.command = command
    failure.modules = names
    return failure


def _how(way: Install, unsure: "list[str]", is_avoidable: bool = False) -> "list[str]":
    """``is_avoidable``: only what transport grpc needs is missing."""
    sentences = [f"Install what is missing: {way.command}"]
    if is_avoidable:
        sentences.insert(0, "Set the option `transport` to 'socket', which needs no package, or do this:")
    if way.note:
        sentences.insert(0, way.note)
    if unsure:
        whose = ", ".join(unsure)
        sentences.insert(0, f"Look up first which package provides {whose}: its name may differ from the module's.")
    return sentences


def _not_to_be_installed(name: str, step: Step) -> "str | None":
    """The hint for a module that no package to install provides. None if a package may provide it."""
    top = name.partition(".")[0]
    if name in step.needs:
        return None
    if "." in name:
        hint = _missing_submodule(name)
        if hint is not None:
            return hint
    if top in sys.stdlib_module_names and top != "distutils":
        return f"Use an interpreter that was built with {name}: it belongs to Python itself."
    gone = removed_from_python(top)
    if gone is not None and distribution_of(name) is None:
        return f"Change the code: {top} {gone}."
    near = local(name, step.entries)
    if near is not None:
        return _not_on_the_path(name, near, step)
    if is_entry(top, step.entries):
        return f"Start the workers where {top} is found: it belongs to the tools, and the option `cwd` says where."
    if distribution_of(name) is not None:
        return None
    meant = other_case(name, step.entries)
    if meant is not None:
        what, place = meant
        return f"Correct the import: {top} is written {what}, in upper and lower case as {place} is."
    if is_local_name(name):
        return (
            f"Put the file or the package {top} beside the tools, or add its folder to the option `env`, "
            f"{{ PYTHONPATH: '…' }}: its name is that of a file of your own. If a package provides it, look up "
            f"the name of that package."
        )
    return None


def _missing_submodule(name: str) -> "str | None":
    """The hint for a module that is missing in an existing package. None if a package to install may provide it."""
    parent, _, last = name.rpartition(".")
    try:
        spec = find(parent)
    except Exception:  # from a finder of the user
        spec = None
    if spec is None:
        return None if "." not in parent else _missing_submodule(parent)
    folders = spec.submodule_search_locations
    if folders is None:
        if parent in sys.stdlib_module_names and spec.origin is not None and is_installed(spec.origin):
            return f"Correct the import: {parent} is a module of Python's own and has no {last}."
        return f"Correct the import, or rename {spec.origin}: it is taken for {parent}, and is no package."
    place = ", ".join(folders)
    top = parent.partition(".")[0]
    if top in sys.stdlib_module_names:
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        return f"Correct the import: Python {version} has no {name}."
    if spec.origin is None and local(name, []) is None and all(is_installed(folder) for folder in folders):
        return None  # one of several distributions that share a name, such as google
    if any(is_installed(folder) for folder in folders):
        return f"Correct the import, or install a version of {distribution_of(parent) or top} that has {name}."
    return f"Correct the import, or add {last} to {place}."


def _not_on_the_path(name: str, near: str, step: Step) -> str:
    """The hint for a module of the user that exists but is not on ``sys.path``."""
    folder = os.path.dirname(near)
    tools = next((entry for entry in step.entries if os.path.isabs(entry)), None)
    if tools is not None and os.path.dirname(os.path.realpath(tools)) == near and os.path.isfile(tools):
        module = f"{os.path.basename(near)}.{os.path.splitext(os.path.basename(tools))[0]}"
        return (
            f"Make {near} a package: put an __init__.py into it. The tools are then imported as {module}. "
            f"Nothing is to be installed."
        )
    top, package = package_of(folder)
    if package and top in sys.path:
        return f"Import it as {package}.{name}: {near} is in the package {package}. Nothing is to be installed."
    return (
        f"Tell Python where {name} is: it is {near}, and {folder} is not on its path. "
        f"Add that to the option `env`, {{ PYTHONPATH: '{folder}' }}. Nothing is to be installed."
    )


def _missing_entry(name: str, entry: str) -> BootFailure:
    """An entry that is the name of a module, and the module or a package around it does not exist."""
    message = f"no module named {name!r}, which is to hold the tools, in {sys.executable}"
    hint = (
        f"Correct the name {entry} that is given to the pool. It is looked for in {os.getcwd()}, "
        f"which the option `cwd` sets, and in what is installed; a file can be given by its path."
    )
    return BootFailure(_exit.CONFIGURATION, "missing_module", message, hint, name, watch=[os.getcwd()])


def _import_error(error: ImportError, step: Step) -> BootFailure:
    if step.name == "terrarium" and step.needs:
        return _broken_libraries(error)
    # `except ImportError: raise ImportError("please install …")` hides the name; the cause still has it.
    cause = error.__cause__ or error.__context__
    missing = cause.name if isinstance(cause, ModuleNotFoundError) else None
    name = missing or error.name or (step.name if step.name in step.needs else None)
    message = f"{_describe(error)}{_imported_by(error)}"
    command = ""
    if "relative import" in str(error) and error.name is None:
        hint = (
            "Put an __init__.py into the folder, and into each above it that the import goes through: a file imports "
            "by `from .name` only in a package. Or name the tools as a module (tools: 'package.module')."
        )
    elif missing is not None:
        other = _not_to_be_installed(missing, step)
        way = install(distribution_of(missing) or missing)
        command = "" if other is not None else way.command
        hint = other or " ".join(_how(way, [] if distribution_of(missing) else [missing]))
    elif step.name in step.needs:
        way = install(REQUIREMENTS[step.name], flag="--force-reinstall")
        command = way.command
        hint = " ".join([way.note, f"Install it again: {command}"]).strip()
    elif error.path is not None and error.path.endswith((".so", ".pyd", ".dylib")):
        hint = f"Install the package of {error.path} again, or the library that it names: it does not load here."
    else:
        hint = _missing_name(error)
    failure = BootFailure(_exit.CONFIGURATION, "import_error", message, hint, name, watch=[error.path or ""])
    failure.command = command
    return failure


def _missing_name(error: ImportError) -> str:
    """The hint for `from module import name` where the module has no such name."""
    module, path = error.name, error.path
    if module is None:
        return f"Look at {_place(error) or 'the import'}: the error comes from there."
    if "circular import" in str(error) or "partially initialized" in str(error):
        return f"Break the circle of imports: {module} was not complete. Import the name where it is used."
    if module.partition(".")[0] == "terrarium":
        *names, last = sorted(name for name in offered if name[0].islower())
        near = difflib.get_close_matches(_wanted(error), offered, 1)
        meant = f"{near[0]}? The package" if near else "the package"
        listed = f"{', '.join(names)} and {last}"
        return f"Correct the import: {'did you mean ' if near else ''}{meant} terrarium offers {listed}."
    if path is None or is_installed(path):
        if module.partition(".")[0] in sys.stdlib_module_names:
            version = f"{sys.version_info.major}.{sys.version_info.minor}"
            return f"Correct the import: {module} of Python {version} has no such name."
        top = module.partition(".")[0]
        return f"Correct the import, or install a version of {distribution_of(module) or top} that has the name."
    if module in sys.stdlib_module_names:
        return f"Rename {path}: it is taken for {module} of Python itself."
    return f"Correct the import, or define the name in {path}."


def _wanted(error: ImportError) -> str:
    """The name that the module lacks. Before Python 3.12 only the text of the error has it."""
    found = re.match(r"cannot import name '([^']*)'", str(error))
    return found[1] if found else ""


def _broken_libraries(error: BaseException) -> BootFailure:
    message = f"grpcio or protobuf is too old or damaged: {_describe(error)}"
    way = install(*REQUIREMENTS.values(), flag="--upgrade")
    hint = " ".join([way.note, f"Install newer ones: {way.command}"]).strip()
    failure = BootFailure(_exit.CONFIGURATION, "import_error", message, hint, "terrarium")
    failure.command = way.command
    return failure


def _syntax_error(error: SyntaxError, step: str) -> BootFailure:
    file = error.filename or step
    where = file
    if error.lineno is not None:
        where += f", line {error.lineno}"
    # The exception's own text repeats file and line.
    message = f"{type(error).__name__}: {error.msg} ({where})"
    hint = f"Correct {where}. The interpreter is Python {sys.version_info.major}.{sys.version_info.minor}."
    return BootFailure(_exit.CONFIGURATION, "syntax_error", message, hint, file, watch=[error.filename or ""])


def _unusable_file(error: BaseException, path: str) -> "BootFailure | None":
    """The failure of an entry that itself cannot be used; None if the error came from its code."""

    def configuration(kind: str, message: str, hint: str) -> BootFailure:
        return BootFailure(_exit.CONFIGURATION, kind, message, hint, path, watch=[path])

    if isinstance(error, NoTools):
        hint = "Mark at least one function with @tool (from terrarium import tool)."
        return configuration("no_tools", str(error), hint)
    if isinstance(error, NotExposed):
        hint = "Correct the pool's option expose: it names functions or classes of the modules that tools names."
        return configuration("invalid_tool", str(error), hint)
    if isinstance(error, ToolError):
        return configuration("invalid_tool", str(error), f"Correct the @tool in {_place(error) or path}.")
    if isinstance(error, NotAFile):
        return configuration("unreadable_file", str(error), "Name the file that holds the tools.")
    # An OSError that the module itself raises has frames of user code.
    if isinstance(error, OSError) and not _files(error):
        if isinstance(error, (FileNotFoundError, NotADirectoryError)):
            hint = (
                "Correct the path that is given to the pool. A path is relative to the host's working directory; "
                "new URL('./tools.py', import.meta.url) is relative to the module that it is written in."
            )
            return configuration("missing_file", f"there is no file {path}", hint)
        message = f"{path} cannot be read: {error.strerror or error}"
        hint = f"Make it readable for the user that runs this: {shlex.quote(path)}."
        return configuration("unreadable_file", message, hint)
    # A NUL in the source, which is a SyntaxError from Python 3.11.4 on.
    if isinstance(error, ValueError) and not _files(error):
        return configuration("syntax_error", f"{_describe(error)} ({path})", f"Correct {path}.")
    return None


def _from_user_code(trace: "TracebackType | None") -> "TracebackType | None":
    """The traceback without the frames of the bootstrap and the import system that lead to user code."""
    while trace is not None:
        file = trace.tb_frame.f_code.co_filename
        if not file.startswith((_OWN_FOLDER, "<frozen importlib")):
            break
        trace = trace.tb_next
    return trace


def _frames(error: BaseException) -> "list[traceback.FrameSummary]":
    frames = traceback.extract_tb(error.__traceback__)
    return [frame for frame in frames if not frame.filename.startswith(("<", _OWN_FOLDER, _IMPORTLIB))]


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


def _absolute(paths: "list[str]") -> "list[str]":
    return list(dict.fromkeys(os.path.abspath(path) for path in paths if path))
