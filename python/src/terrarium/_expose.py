"""Plain functions as tools: the pool's option ``expose`` names attributes of the modules that ``tools`` names, and they
need no decorator."""

from types import ModuleType
from typing import Any

from terrarium._late import late
from terrarium._tools import ToolError, mark

_ABSENT = object()
_MOST_NAMED = 3


class NotExposed(ToolError):
    """A name of ``expose`` cannot be a tool."""


def expose(modules: "list[ModuleType]", names: "list[str]") -> None:
    """Makes a tool of each name. A name may have dots: ``linalg.norm``. The first module that has it gives it. Raises
    NotExposed."""
    for name in names:
        thing = next((found for module in modules if (found := _find(module, name)) is not _ABSENT), _ABSENT)
        if thing is _ABSENT:
            raise NotExposed(_missing(modules, name))
        if not callable(thing):
            raise NotExposed(f"{name} of {_names(modules)} is no function but {_kind(thing)}")
        mark(thing, name, NotExposed)


def _find(module: "ModuleType", name: str) -> Any:
    thing: Any = module
    for part in name.split("."):
        thing = getattr(thing, part, _ABSENT)
        if thing is _ABSENT:
            break
    return thing


def _missing(modules: "list[ModuleType]", name: str) -> str:
    known = sorted({each for module in modules for each in dir(module) if callable(getattr(module, each, None))})
    near = late("difflib").get_close_matches(name[:128], [each for each in known if not each.startswith("_")], n=3)
    meant = f": did you mean {' or '.join(near)}?" if near else ""
    return f"{_names(modules)} {'has' if len(modules) == 1 else 'have'} no {name[:128]}{meant}"


def _names(modules: "list[ModuleType]") -> str:
    names = [module.__name__ for module in modules[:_MOST_NAMED]]
    return ", ".join(names) + (" and others" if len(modules) > _MOST_NAMED else "")


def _kind(thing: object) -> str:
    if isinstance(thing, ModuleType):
        return "a module"
    kind = type(thing).__name__
    return f"{'an' if kind[0] in 'aeiou' else 'a'} {kind}"

