"""The refusal of a str with a lone surrogate: half of a pair of UTF-16, which UTF-8 cannot encode."""

from typing import Any

from terrarium._values._refusal import NotSendable, step_of


def lone_surrogate(value: Any) -> NotSendable:
    """The error for a value with a str that UTF-8 cannot encode. Looks for its place: msgpack does not say it."""
    hint = "Send its bytes: value.encode('utf-8', 'surrogatepass'), or os.fsencode(value) for a path."
    refusal = NotSendable("a str with a lone surrogate, which is no text, cannot be sent", hint, "str")
    for step in _way_to_surrogate(value) or ():
        refusal.below(step)
    return refusal


def _way_to_surrogate(value: Any) -> "list[str] | None":
    """The steps to a lone surrogate, innermost first; None when there is none."""
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError:
            return []
        return None
    if isinstance(value, dict):
        parts = [(part, step_of(key)) for key, item in value.items() for part in (key, item)]
    elif isinstance(value, (list, tuple)):
        parts = [(item, f"[{index}]") for index, item in enumerate(value)]
    else:
        return None
    for part, step in parts:
        way = _way_to_surrogate(part)
        if way is not None:
            return [*way, step]
    return None
