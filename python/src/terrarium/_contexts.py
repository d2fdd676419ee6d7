"""The contexts that calls run in: what one call sets in a context variable, or in the context of ``decimal``, no other
call sees."""

import contextvars
import sys
from collections.abc import Callable

_DECIMAL = "decimal_context"
"""The name of the context variable of ``decimal``."""


def maker() -> "Callable[[], contextvars.Context]":
    """A function that makes the context of one call. It has what was set before ``maker`` was called: by the module
    with the tools when it was imported. Call ``maker`` on the thread that imported it."""
    base = contextvars.copy_context()
    if all(variable.name != _DECIMAL for variable in base):
        # The context of decimal is made when it is first used, and then it belongs to the call's context alone.
        return base.copy
    # It is one object that is changed in place, so a copied context would share it.
    decimal = sys.modules["decimal"]
    template = decimal.getcontext()

    def make() -> contextvars.Context:
        context = base.copy()
        context.run(decimal.setcontext, template.copy())
        return context

    return make
