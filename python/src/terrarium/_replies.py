"""The answers to calls: results, and failures for everything that a call can end with."""

from collections.abc import Callable
from types import CoroutineType
from typing import Any, cast

from terrarium import _failure
from terrarium._frames import Call, Carrier, Failure, size_of
from terrarium._tools import Tool
from terrarium._values._decode import decode_arguments
from terrarium._values._encode import encode
from terrarium._values._hints import Conversions
from terrarium._values._plain import encode_plain
from terrarium._values._refusal import NotSendable, TooLarge

_NIL = b"\xc0"
"""None in msgpack. Written here: the way for plain values is there only where the package ``msgpack`` is."""


class Replies:
    """Sends the answers of calls, and keeps the calls that are not answered yet. For any thread."""

    def __init__(self, carrier: Carrier, max_bytes: int, flush: "Callable[[bool], None]") -> None:
        self._carrier = carrier
        self.send_result = carrier.send_result
        self._most = max_bytes
        self._flush = flush
        self.open: dict[int, Call] = {}
        """Received and not yet answered, by id."""

    def value(self, call: Call, value: Any, convert: "Callable[[Any], Any] | None" = None) -> None:
        """Sends the result of a call, or a failure if the value cannot be sent. May call user code. ``convert``: takes
        the place of the conversion by the hint of the tool."""
        try:
            converted = (convert or conversions_of(call.tool).result)(value)
            body, segments = encode(converted, self._carrier.sends_apart)
        except TooLarge as error:
            return self.failed(call, _failure.too_large(call.id, f"the result of {call.tool.name}", error))
        except NotSendable as error:
            if type(value) is CoroutineType:
                value.close()  # or Python warns that it was never awaited
            return self.failed(call, _failure.not_sendable(call.id, f"the result of {call.tool.name}", error))
        except BaseException as error:  # raised by user code that encoding the value calls
            return self.raised(call, error)
        size = len(body) if not segments else size_of(body, segments)
        if size > self._most:
            return self.failed(call, _failure.too_large(call.id, f"the result of {call.tool.name}", TooLarge.of(size, self._most)))
        self.open.pop(call.id, None)
        if call.extras is not None:
            call.extras.end()
        self.send_result(call.id, body, segments)
        if segments:
            # They are the tool's own memory, which user code may change when it goes on.
            self._flush(True)

    def plain(self, call: Call, value: Any) -> bool:
        """Sends the result of a call and returns True, if the value is of plain types. For tools that convert none.
        Calls no user code."""
        body = encode_plain(value)
        if body is None or len(body) > self._most:
            return False
        self.open.pop(call.id, None)
        if call.extras is not None:
            call.extras.end()
        self.send_result(call.id, body, ())
        return True

    def over(self, call: Call) -> None:
        """Sends the end of a stream, which has no value."""
        self.open.pop(call.id, None)
        if call.extras is not None:
            call.extras.end()
        self.send_result(call.id, _NIL, ())

    def raised(self, call: Call, error: BaseException) -> None:
        """Sends the exception of a tool as the failure of its call."""
        self.failed(call, _failure.raised(call.id, error))

    def failed(self, call: Call, failure: Failure) -> None:
        self.open.pop(call.id, None)
        if call.extras is not None:
            call.extras.end()
        self._carrier.send(failure)

    def cancelled(self, call: Call, why: str = "the call was cancelled before it began") -> None:
        """Answers a call that has not begun, and never will."""
        self.failed(call, _failure.cancelled(call.id, why, not_begun=True))

    def stopped(self, call: Call) -> None:
        """Answers a call that has not begun because the worker stops."""
        self.cancelled(call, "the worker stops, and the call had not begun")

    def too_late(self, call: Call) -> None:
        """Answers a call whose deadline has passed before it began."""
        self.failed(call, _failure.too_late(call.id, "the deadline passed before the call began", not_begun=True))

    def arguments(self, call: Call, converts: bool = True) -> "tuple[list[Any], dict[str, Any]] | None":
        """The arguments of a call, by position and by keyword, converted if ``converts``. If they do not fit the tool,
        answers the call and returns None."""
        tool = call.tool
        try:
            given = decode_arguments(call.body, call.segments)
            call.body, call.segments = b"", ()
            positional: "list[Any]" = []
            if type(given) is list:
                positional, arguments = tool.bind(given)
            else:
                arguments = cast("dict[str, Any]", given)
                tool.check(arguments)
            conversions = conversions_of(tool)
            if converts and conversions.has_arguments:
                conversions.arguments(arguments)
        except (TypeError, ValueError) as error:
            self.failed(call, _failure.invalid_argument(call.id, error))
            return None
        return positional, arguments


def conversions_of(tool: Tool) -> Conversions:
    conversions: "Conversions | None" = tool.conversions
    if conversions is None:
        conversions = tool.conversions = Conversions(tool.function, tool.is_stream)
        tool.is_plain = not conversions.has_plain
    return conversions
