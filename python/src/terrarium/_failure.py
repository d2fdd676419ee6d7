"""From what went wrong in a call to the frame that says so."""

import traceback
from difflib import get_close_matches

from terrarium._tools import LONGEST_NAME, tools
from terrarium._values._decode import NotReadable
from terrarium._values._refusal import NotSendable, TooLarge
from terrarium.v1 import session_pb2 as wire

LONGEST_MESSAGE = 8 * 1024
LONGEST_TRACEBACK = 64 * 1024
LONGEST_TYPE = 512


def failure(
    call_id: int,
    code: "wire.FailureCode",
    message: str,
    type: str = "",
    trace: str = "",
    hint: str = "",
    place: str = "",
) -> wire.WorkerFrame:
    return wire.WorkerFrame(
        failure=wire.Failure(
            id=call_id,
            code=code,
            type=_text(type[:LONGEST_TYPE]),
            message=_text(_one_line(message)),
            traceback=_text(trace if len(trace) <= LONGEST_TRACEBACK else "…" + trace[-LONGEST_TRACEBACK:]),
            hint=_text(_one_line(hint)),
            place=_text(place),
        )
    )


def raised(call_id: int, error: BaseException) -> wire.WorkerFrame:
    """The tool raised. The traceback begins below the frame that caught it, which is ours."""
    if error.__traceback__ is not None:
        error = error.with_traceback(error.__traceback__.tb_next)
    return failure(call_id, wire.FAILURE_CODE_PYTHON_ERROR, _message(error), _type(error), _trace(error))


def not_sendable(call_id: int, tool: str, error: NotSendable) -> wire.WorkerFrame:
    # Only where code of the user's has raised is there a traceback worth reading.
    trace = "" if error.__cause__ is None else _trace(error.__cause__)
    code = wire.FAILURE_CODE_RESULT_NOT_SENDABLE
    return failure(call_id, code, f"the result of {tool}: {error}", error.type, trace, error.hint, error.place)


def too_large(call_id: int, tool: str, error: TooLarge) -> wire.WorkerFrame:
    code = wire.FAILURE_CODE_PAYLOAD_TOO_LARGE
    return failure(call_id, code, f"the result of {tool}: {error}", error.type, "", error.hint, error.place)


def invalid_argument(call_id: int, error: Exception) -> wire.WorkerFrame:
    code = wire.FAILURE_CODE_INVALID_ARGUMENT
    if not isinstance(error, NotReadable):
        return failure(call_id, code, str(error))
    trace = "" if error.__cause__ is None else _trace(error.__cause__)
    return failure(call_id, code, f"the arguments: {error}", error.type, trace, error.hint, error.place)


def not_found(call_id: int, name: str) -> wire.WorkerFrame:
    near = get_close_matches(name, tools, n=3) if len(name) <= LONGEST_NAME else []
    if near:
        known = f"did you mean {' or '.join(near)}?"
    else:
        names = list(tools)
        known = f"there is {', '.join(names[:10])}" + (f" and {len(names) - 10} more" if len(names) > 10 else "")
    return failure(call_id, wire.FAILURE_CODE_TOOL_NOT_FOUND, f"no tool is named {name[: LONGEST_NAME + 1]!r}: {known}")


def cancelled(call_id: int, message: str = "the call was cancelled") -> wire.WorkerFrame:
    return failure(call_id, wire.FAILURE_CODE_CANCELLED, message)


def too_late(call_id: int, message: str) -> wire.WorkerFrame:
    return failure(call_id, wire.FAILURE_CODE_DEADLINE_EXCEEDED, message)


def _trace(error: BaseException) -> str:
    try:
        return "".join(traceback.format_exception(error))
    except Exception:
        return "the traceback cannot be formatted"


def _type(error: BaseException) -> str:
    kind = type(error)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def _message(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:
        return "the exception's text cannot be read: its __str__ raises"


def _one_line(text: str) -> str:
    if len(text) > LONGEST_MESSAGE:
        text = text[:LONGEST_MESSAGE] + "…"
    return " ".join(text.split("\n"))


def _text(text: str) -> str:
    """Protocol buffers take only what UTF-8 can hold."""
    return text.encode("utf-8", "backslashreplace").decode()
