"""Makes the Failure frames of calls: from an exception, a value that cannot be sent, or a call that did not run."""

from types import GetSetDescriptorType, MemberDescriptorType
from typing import Any

from terrarium._frames import Failure, FailureCode
from terrarium._host_error import number_behind
from terrarium._late import late
from terrarium._tools import LONGEST_NAME, tools
from terrarium._values._decode import NotReadable
from terrarium._values._encode import in_one
from terrarium._values._refusal import NotSendable, TooLarge, module_of

# The limits of texts are in characters, those of attributes in bytes.
LONGEST_MESSAGE = 8 * 1024
LONGEST_TRACEBACK = 64 * 1024
LONGEST_TYPE = 512
LONGEST_ATTRIBUTE = 16 * 1024
LONGEST_ATTRIBUTES = 64 * 1024
MOST_ATTRIBUTES = 64
HEADS = 9
"""At most this many bytes of msgpack headers per attribute: of its name, its value, and its share of the map's."""
_TRACEBACK: Any = BaseException.__dict__["__traceback__"]


def failure(
    call_id: int,
    code: FailureCode,
    message: str,
    type: str = "",
    trace: str = "",
    hint: str = "",
    place: str = "",
    attributes: bytes = b"",
    not_begun: bool = False,
    host_call: int = 0,
) -> Failure:
    """A Failure. Texts are cut to their limits and made valid UTF-8."""
    return Failure(
        call_id,
        code,
        _text(_one_line(message)),
        _text(type[:LONGEST_TYPE]),
        _text(_without_middle(trace)),
        _text(_one_line(hint)),
        _text(place),
        attributes,
        not_begun,
        host_call,
    )


def raised(call_id: int, error: BaseException) -> Failure:
    """For an exception of a tool. Its traceback is sent without the frame that caught it, which is Terrarium's. Never
    raises."""
    message = text_of(error)
    # Read by the descriptor of BaseException, because a class may override its own attributes.
    trace = _TRACEBACK.__get__(error)
    _TRACEBACK.__set__(error, trace and trace.tb_next)
    shown = _trace(error)
    attributes = _attributes(error, message)
    # The traceback is dropped: an exception object that a module raises repeatedly would keep the frames of every call.
    _TRACEBACK.__set__(error, None)
    code, behind = FailureCode.PYTHON_ERROR, number_behind(error)
    return failure(call_id, code, message, _type(error), shown, attributes=attributes, host_call=behind)


def _attributes(error: BaseException, message: str) -> bytes:
    """The public attributes of an exception as a msgpack map from name to the bytes of the encoded value. Attributes
    that raise, cannot be sent or are too long are left out. ``args`` are included if they say more than the message."""
    found: dict[str, bytes] = {}
    size = 0
    try:
        names = _attribute_names(error)
        if error.args and not (len(error.args) == 1 and isinstance(error.args[0], str) and error.args[0] == message):
            names.insert(0, "args")
    except BaseException:
        return b""
    for name in names[:MOST_ATTRIBUTES]:
        try:
            value = getattr(error, name)
            if value is None or callable(value):
                continue
            encoded = in_one(value)
            length = len(encoded) + len(name.encode()) + HEADS
        except BaseException:
            continue
        if len(encoded) <= LONGEST_ATTRIBUTE and size + length <= LONGEST_ATTRIBUTES:
            size += length
            found[name] = encoded
    return in_one(found) if found else b""


def _attribute_names(error: BaseException) -> "list[str]":
    """The public attributes of the instance, and the data attributes of its classes: properties, slots, fields of C
    types."""
    names = dict.fromkeys(name for name in vars(error) if isinstance(name, str)) if hasattr(error, "__dict__") else {}
    for kind in type(error).__mro__:
        if kind in (BaseException, Exception, object):
            continue
        for name, value in vars(kind).items():
            if isinstance(value, (property, MemberDescriptorType, GetSetDescriptorType)):
                names[name] = None
    return [name for name in names if not name.startswith("_")]


def not_sendable(call_id: int, what: str, error: NotSendable) -> Failure:
    """For a result or an item that cannot be sent."""
    # A traceback is sent only if user code raised.
    trace = "" if error.__cause__ is None else _trace(error.__cause__)
    code = FailureCode.RESULT_NOT_SENDABLE
    return failure(call_id, code, f"{what}: {text_of(error)}", error.type, trace, error.hint, error.place)


def too_large(call_id: int, what: str, error: TooLarge) -> Failure:
    """For a result or an item that is larger than a message may be."""
    code = FailureCode.PAYLOAD_TOO_LARGE
    return failure(call_id, code, f"{what}: {error}", error.type, "", error.hint, error.place)


def invalid_argument(call_id: int, error: BaseException) -> Failure:
    """For arguments that cannot be read or do not fit the tool."""
    code = FailureCode.INVALID_ARGUMENT
    if not isinstance(error, NotReadable):
        return failure(call_id, code, text_of(error), not_begun=True)
    trace = "" if error.__cause__ is None else _trace(error.__cause__)
    message = f"the arguments: {text_of(error)}"
    return failure(call_id, code, message, error.type, trace, error.hint, error.place, not_begun=True)


def no_stream(call_id: int, name: str) -> Failure:
    """For a stream of a tool that has one result."""
    message, hint = f"{name} is no generator: it has one result, not a stream of items", "Call it without STREAM."
    return failure(call_id, FailureCode.INVALID_ARGUMENT, message, hint=hint, not_begun=True)


def no_result(call_id: int, name: str) -> Failure:
    """For a plain call of a generator."""
    message, hint = f"{name} is a generator: it has a stream of items, not one result", "Call it with STREAM."
    return failure(call_id, FailureCode.INVALID_ARGUMENT, message, hint=hint, not_begun=True)


def not_found(call_id: int, name: str) -> Failure:
    """For a call of a tool that does not exist. Names similar tools, or the first ten."""
    name = name if len(name) <= LONGEST_NAME else name[:LONGEST_NAME] + "…"
    near = late("difflib").get_close_matches(name, tools, n=3) if len(name) <= LONGEST_NAME else []
    if near:
        known = f"did you mean {' or '.join(near)}?"
    else:
        names = list(tools)
        known = f"there is {', '.join(names[:10])}" + (f" and {len(names) - 10} more" if len(names) > 10 else "")
    return failure(call_id, FailureCode.TOOL_NOT_FOUND, f"no tool is named {name!r}: {known}", not_begun=True)


def cancelled(call_id: int, message: str = "the call was cancelled", not_begun: bool = False) -> Failure:
    """For a call that was cancelled."""
    return failure(call_id, FailureCode.CANCELLED, message, not_begun=not_begun)


def too_late(call_id: int, message: str, not_begun: bool = False) -> Failure:
    """For a call whose deadline passed."""
    return failure(call_id, FailureCode.DEADLINE_EXCEEDED, message, not_begun=not_begun)


def _trace(error: BaseException) -> str:
    try:
        return "".join(late("traceback").format_exception(error))
    except BaseException:
        return "the traceback cannot be formatted"


def _type(error: BaseException) -> str:
    kind = type(error)
    name, module = type.__dict__["__qualname__"].__get__(kind), module_of(kind)
    return f"{module}.{name}" if module not in ("", "builtins") else str(name)


def text_of(error: BaseException) -> str:
    """The text of an exception, cut to LONGEST_MESSAGE characters. Never raises, whatever ``__str__`` does."""
    try:
        text = str.__str__(str(error))
    except BaseException:
        return "the exception's text cannot be read: its __str__ raises"
    return text if len(text) <= LONGEST_MESSAGE else text[:LONGEST_MESSAGE] + "…"


def _one_line(text: str) -> str:
    if len(text) > LONGEST_MESSAGE + 1:
        text = text[:LONGEST_MESSAGE] + "…"
    return " ".join(text.split("\n"))


def _without_middle(trace: str) -> str:
    """Cuts the middle out of a long traceback. The beginning says where the exception was raised and the end which it
    is; the middle is a long message, or frames of a recursion."""
    if len(trace) <= LONGEST_TRACEBACK:
        return trace
    half = LONGEST_TRACEBACK // 2
    return f"{trace[:half]}\n… {len(trace) - 2 * half:,} characters …\n{trace[-half:]}"


def _text(text: str) -> str:
    """Escapes lone surrogates: only text that UTF-8 can encode can be sent."""
    return text.encode("utf-8", "backslashreplace").decode()
