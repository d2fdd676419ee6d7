"""Why a value cannot be sent, or read, and where it is."""

from typing import Any

LONGEST_PLACE = 300
LONGEST_STEP = 80


class NotSendable(TypeError):
    """Names the type of the value and its place, never the value."""

    def __init__(self, what: str, hint: str, type: str = "", because: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.hint = hint
        """What to do, in whole sentences."""
        self.type = type
        self.because = because
        """Said after the place; may be empty."""
        self._steps: list[str] = []

    def below(self, step: str) -> "NotSendable":
        """Adds the step that leads to the value from the container around it."""
        self._steps.append(step)
        return self

    @property
    def place(self) -> str:
        """For example ``rows[3].price``; empty for the value itself."""
        return shortened("".join(reversed(self._steps)).removeprefix("."), LONGEST_PLACE)

    def __str__(self) -> str:
        at = f" at {self.place}" if self.place else ""
        return f"{self.what}{at}{': ' if self.because else ''}{self.because}"


class TooLarge(NotSendable):
    """More bytes than a message may have."""

    @classmethod
    def of(cls, size: int, most: int, name: str = "") -> "TooLarge":
        """``name``: the class of what is too large by itself; empty when it is all of it together."""
        what = f"{an(name)} of {size:,} bytes" if name else f"a value of {size:,} bytes"
        hint = "Send it in parts, or write it to a file and send its path."
        return cls(f"{what} cannot be sent, as a message may have {most:,}", hint, name)


def refusal_of(error: BaseException, what: str = "what is read of it raises") -> NotSendable:
    """Anything but a NotSendable is raised by code of the user's: a property, a method, an encoder."""
    if isinstance(error, NotSendable):
        return error
    if isinstance(error, RecursionError):
        return NotSendable("a value that is nested too deeply cannot be sent", "Send a flat list of its parts.")
    refusal = NotSendable(what, "Return a plain dict or list of its data.", because=text_of(error))
    refusal.__cause__ = error
    return refusal


def name_of(kind: type) -> str:
    """A class for people: ``pandas.DataFrame``, not ``pandas.core.frame.DataFrame``; ``list``, not
    ``builtins.list``."""
    module = module_of(kind)
    package = module.partition(".")[0]
    name = kind.__qualname__ if module in ("", "builtins") else f"{package if package in _SHORT else module}.{kind.__qualname__}"
    return shortened(name, LONGEST_STEP)


_SHORT = frozenset(["numpy", "pandas", "torch", "tensorflow", "jax", "polars", "pyarrow", "pydantic", "pathlib"])
"""Packages that offer their classes at the top, whatever module defines them."""


def module_of(kind: type) -> str:
    """Where a class was defined; empty when it does not say: one of ctypes, or one that ``type()`` has made."""
    try:
        module = type.__dict__["__module__"].__get__(kind)  # itself: a metaclass may answer anything
    except AttributeError:
        return ""
    return module if isinstance(module, str) else ""


def an(name: str) -> str:
    return f"{'an' if name[:1] in 'aeiouAEIOU' else 'a'} {name}"


def step_of(key: Any) -> str:
    """The step to the value of a key."""
    if isinstance(key, str):
        return f".{key}" if key.isidentifier() and len(key) <= LONGEST_STEP else f"[{_quoted(key)}]"
    if isinstance(key, (int, float)) or key is None:
        return f"[{shortened(repr(key), LONGEST_STEP)}]"
    return f"[{an(name_of(type(key)))}]"


def shortened(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most // 2]}…{text[-(most // 2) :]}"


def _quoted(text: str) -> str:
    plain = shortened(text, LONGEST_STEP).replace("\\", "\\\\").replace('"', '\\"')
    shown = (char if char.isprintable() else char.encode("unicode_escape").decode() for char in plain)
    return f'"{"".join(shown)}"'


def text_of(error: BaseException) -> str:
    try:
        text = str(error)
    except Exception:
        text = "its text cannot be read"
    return shortened(f"{name_of(type(error))}: {text}", LONGEST_PLACE)
