"""The errors of values that cannot be sent, and the texts that name a value's class and its place."""

from typing import Any

# In characters.
LONGEST_PLACE = 300
LONGEST_STEP = 80


class NotSendable(TypeError):
    """A value cannot be sent. The message names the value's type and its place, never the value itself."""

    def __init__(self, what: str, hint: str, type: str = "", because: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.hint = hint
        """What to do, in whole sentences."""
        self.type = type
        self.because = because
        """The text of the error behind it, which comes last in the message; may be empty."""
        self._steps: list[str] = []

    def below(self, step: str) -> "NotSendable":
        """Adds the step that leads to the value from the container around it."""
        self._steps.append(step)
        return self

    @property
    def place(self) -> str:
        """The place in the value, for example ``rows[3].price``; empty for the value as a whole."""
        return shortened("".join(reversed(self._steps)).removeprefix("."), LONGEST_PLACE)

    def __str__(self) -> str:
        at = f" at {self.place}" if self.place else ""
        return f"{self.what}{at}{': ' if self.because else ''}{self.because}"


class TooLarge(NotSendable):
    """A value has more bytes than a message may have."""

    @classmethod
    def of(cls, size: int, most: int, name: str = "") -> "TooLarge":
        """``size``, ``most``: in bytes. ``name``: the class of a part that alone is too large; empty for the whole."""
        what = f"{an(name)} of {size:,} bytes" if name else f"a value of {size:,} bytes"
        hint = "Send it in parts, or write it to a file and send its path."
        return cls(f"{what} cannot be sent, as a message may have {most:,}", hint, name)


def refusal_of(error: BaseException, what: str = "reading the value raises") -> NotSendable:
    """A NotSendable for any error while encoding. Other errors come from user code: a property, a method, an encoder;
    ``what`` is the message for these."""
    if isinstance(error, NotSendable):
        return error
    if isinstance(error, RecursionError):
        return NotSendable("a value that is nested too deeply cannot be sent", "Send a flat list of its parts.")
    refusal = NotSendable(what, "Return a plain dict or list of its data.", because=text_of(error))
    refusal.__cause__ = error
    return refusal


def name_of(kind: type) -> str:
    """The name of a class for messages: ``pandas.DataFrame``, not ``pandas.core.frame.DataFrame``; ``list``, not
    ``builtins.list``."""
    module = module_of(kind)
    package = module.partition(".")[0]
    prefix = "" if module in ("", "builtins") else f"{package if package in _SHORT else module}."
    return shortened(f"{prefix}{kind.__qualname__}", LONGEST_STEP)


_SHORT = frozenset(["numpy", "pandas", "torch", "tensorflow", "jax", "polars", "pyarrow", "pydantic", "pathlib"])
"""Packages whose classes are named by the package alone, not by the module that defines them."""


def module_of(kind: type) -> str:
    """The module that defines a class; empty for a class without one, such as some of ctypes."""
    try:
        # By the descriptor of type, because a metaclass may override the attribute.
        module = type.__dict__["__module__"].__get__(kind)
    except AttributeError:
        return ""
    return module if isinstance(module, str) else ""


def an(name: str) -> str:
    """The name with its article."""
    return f"{'an' if name[:1] in 'aeiouAEIOU' else 'a'} {name}"


def step_of(key: Any) -> str:
    """The step of a place that leads to the value of a key: ``.name`` or ``[key]``."""
    if isinstance(key, str):
        return f".{key}" if key.isidentifier() and len(key) <= LONGEST_STEP else f"[{_quoted(key)}]"
    if isinstance(key, (int, float)) or key is None:
        return f"[{shortened(repr(key), LONGEST_STEP)}]"
    return f"[{an(name_of(type(key)))}]"


def shortened(text: str, most: int) -> str:
    """The text, without its middle if it has more than ``most`` characters."""
    return text if len(text) <= most else f"{text[: most // 2]}…{text[-(most // 2) :]}"


def _quoted(text: str) -> str:
    plain = shortened(text, LONGEST_STEP).replace("\\", "\\\\").replace('"', '\\"')
    shown = (char if char.isprintable() else char.encode("unicode_escape").decode() for char in plain)
    return f'"{"".join(shown)}"'


def text_of(error: BaseException) -> str:
    """The class and text of an exception, shortened."""
    try:
        text = str(error)
    except Exception:
        text = "its text cannot be read"
    return shortened(f"{name_of(type(error))}: {text}", LONGEST_PLACE)
