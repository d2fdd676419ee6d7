from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class FailureCode(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    FAILURE_CODE_UNSPECIFIED: _ClassVar[FailureCode]
    FAILURE_CODE_PYTHON_ERROR: _ClassVar[FailureCode]
    FAILURE_CODE_TOOL_NOT_FOUND: _ClassVar[FailureCode]
    FAILURE_CODE_INVALID_ARGUMENT: _ClassVar[FailureCode]
    FAILURE_CODE_CANCELLED: _ClassVar[FailureCode]
    FAILURE_CODE_DEADLINE_EXCEEDED: _ClassVar[FailureCode]
    FAILURE_CODE_PAYLOAD_TOO_LARGE: _ClassVar[FailureCode]
    FAILURE_CODE_RESULT_NOT_SENDABLE: _ClassVar[FailureCode]
    FAILURE_CODE_POOL_SATURATED: _ClassVar[FailureCode]
FAILURE_CODE_UNSPECIFIED: FailureCode
FAILURE_CODE_PYTHON_ERROR: FailureCode
FAILURE_CODE_TOOL_NOT_FOUND: FailureCode
FAILURE_CODE_INVALID_ARGUMENT: FailureCode
FAILURE_CODE_CANCELLED: FailureCode
FAILURE_CODE_DEADLINE_EXCEEDED: FailureCode
FAILURE_CODE_PAYLOAD_TOO_LARGE: FailureCode
FAILURE_CODE_RESULT_NOT_SENDABLE: FailureCode
FAILURE_CODE_POOL_SATURATED: FailureCode

class SessionRequest(_message.Message):
    __slots__ = ("seq", "ack", "frames")
    SEQ_FIELD_NUMBER: _ClassVar[int]
    ACK_FIELD_NUMBER: _ClassVar[int]
    FRAMES_FIELD_NUMBER: _ClassVar[int]
    seq: int
    ack: int
    frames: _containers.RepeatedCompositeFieldContainer[WorkerFrame]
    def __init__(self, seq: _Optional[int] = ..., ack: _Optional[int] = ..., frames: _Optional[_Iterable[_Union[WorkerFrame, _Mapping]]] = ...) -> None: ...

class SessionResponse(_message.Message):
    __slots__ = ("seq", "ack", "frames")
    SEQ_FIELD_NUMBER: _ClassVar[int]
    ACK_FIELD_NUMBER: _ClassVar[int]
    FRAMES_FIELD_NUMBER: _ClassVar[int]
    seq: int
    ack: int
    frames: _containers.RepeatedCompositeFieldContainer[HostFrame]
    def __init__(self, seq: _Optional[int] = ..., ack: _Optional[int] = ..., frames: _Optional[_Iterable[_Union[HostFrame, _Mapping]]] = ...) -> None: ...

class WorkerFrame(_message.Message):
    __slots__ = ("hello", "ready", "result", "failure", "pong", "item", "progress", "host_call", "host_cancel", "host_credit", "want")
    HELLO_FIELD_NUMBER: _ClassVar[int]
    READY_FIELD_NUMBER: _ClassVar[int]
    RESULT_FIELD_NUMBER: _ClassVar[int]
    FAILURE_FIELD_NUMBER: _ClassVar[int]
    PONG_FIELD_NUMBER: _ClassVar[int]
    ITEM_FIELD_NUMBER: _ClassVar[int]
    PROGRESS_FIELD_NUMBER: _ClassVar[int]
    HOST_CALL_FIELD_NUMBER: _ClassVar[int]
    HOST_CANCEL_FIELD_NUMBER: _ClassVar[int]
    HOST_CREDIT_FIELD_NUMBER: _ClassVar[int]
    WANT_FIELD_NUMBER: _ClassVar[int]
    hello: Hello
    ready: Ready
    result: Result
    failure: Failure
    pong: Pong
    item: Item
    progress: Progress
    host_call: HostCall
    host_cancel: HostCancel
    host_credit: HostCredit
    want: Want
    def __init__(self, hello: _Optional[_Union[Hello, _Mapping]] = ..., ready: _Optional[_Union[Ready, _Mapping]] = ..., result: _Optional[_Union[Result, _Mapping]] = ..., failure: _Optional[_Union[Failure, _Mapping]] = ..., pong: _Optional[_Union[Pong, _Mapping]] = ..., item: _Optional[_Union[Item, _Mapping]] = ..., progress: _Optional[_Union[Progress, _Mapping]] = ..., host_call: _Optional[_Union[HostCall, _Mapping]] = ..., host_cancel: _Optional[_Union[HostCancel, _Mapping]] = ..., host_credit: _Optional[_Union[HostCredit, _Mapping]] = ..., want: _Optional[_Union[Want, _Mapping]] = ...) -> None: ...

class HostFrame(_message.Message):
    __slots__ = ("welcome", "call", "cancel", "ping", "credit", "host_result", "host_failure", "host_item", "feed", "feed_end", "session_open", "session_close")
    WELCOME_FIELD_NUMBER: _ClassVar[int]
    CALL_FIELD_NUMBER: _ClassVar[int]
    CANCEL_FIELD_NUMBER: _ClassVar[int]
    PING_FIELD_NUMBER: _ClassVar[int]
    CREDIT_FIELD_NUMBER: _ClassVar[int]
    HOST_RESULT_FIELD_NUMBER: _ClassVar[int]
    HOST_FAILURE_FIELD_NUMBER: _ClassVar[int]
    HOST_ITEM_FIELD_NUMBER: _ClassVar[int]
    FEED_FIELD_NUMBER: _ClassVar[int]
    FEED_END_FIELD_NUMBER: _ClassVar[int]
    SESSION_OPEN_FIELD_NUMBER: _ClassVar[int]
    SESSION_CLOSE_FIELD_NUMBER: _ClassVar[int]
    welcome: Welcome
    call: Call
    cancel: Cancel
    ping: Ping
    credit: Credit
    host_result: HostResult
    host_failure: HostFailure
    host_item: HostItem
    feed: Feed
    feed_end: FeedEnd
    session_open: SessionOpen
    session_close: SessionClose
    def __init__(self, welcome: _Optional[_Union[Welcome, _Mapping]] = ..., call: _Optional[_Union[Call, _Mapping]] = ..., cancel: _Optional[_Union[Cancel, _Mapping]] = ..., ping: _Optional[_Union[Ping, _Mapping]] = ..., credit: _Optional[_Union[Credit, _Mapping]] = ..., host_result: _Optional[_Union[HostResult, _Mapping]] = ..., host_failure: _Optional[_Union[HostFailure, _Mapping]] = ..., host_item: _Optional[_Union[HostItem, _Mapping]] = ..., feed: _Optional[_Union[Feed, _Mapping]] = ..., feed_end: _Optional[_Union[FeedEnd, _Mapping]] = ..., session_open: _Optional[_Union[SessionOpen, _Mapping]] = ..., session_close: _Optional[_Union[SessionClose, _Mapping]] = ...) -> None: ...

class Hello(_message.Message):
    __slots__ = ("protocol_version", "token", "pid", "package_version", "python_version", "reports_begun")
    PROTOCOL_VERSION_FIELD_NUMBER: _ClassVar[int]
    TOKEN_FIELD_NUMBER: _ClassVar[int]
    PID_FIELD_NUMBER: _ClassVar[int]
    PACKAGE_VERSION_FIELD_NUMBER: _ClassVar[int]
    PYTHON_VERSION_FIELD_NUMBER: _ClassVar[int]
    REPORTS_BEGUN_FIELD_NUMBER: _ClassVar[int]
    protocol_version: int
    token: str
    pid: int
    package_version: str
    python_version: str
    reports_begun: bool
    def __init__(self, protocol_version: _Optional[int] = ..., token: _Optional[str] = ..., pid: _Optional[int] = ..., package_version: _Optional[str] = ..., python_version: _Optional[str] = ..., reports_begun: bool = ...) -> None: ...

class Welcome(_message.Message):
    __slots__ = ("protocol_version", "max_message_bytes")
    PROTOCOL_VERSION_FIELD_NUMBER: _ClassVar[int]
    MAX_MESSAGE_BYTES_FIELD_NUMBER: _ClassVar[int]
    protocol_version: int
    max_message_bytes: int
    def __init__(self, protocol_version: _Optional[int] = ..., max_message_bytes: _Optional[int] = ...) -> None: ...

class Ready(_message.Message):
    __slots__ = ("tools",)
    TOOLS_FIELD_NUMBER: _ClassVar[int]
    tools: _containers.RepeatedCompositeFieldContainer[Tool]
    def __init__(self, tools: _Optional[_Iterable[_Union[Tool, _Mapping]]] = ...) -> None: ...

class Tool(_message.Message):
    __slots__ = ("name", "is_async", "summary", "is_stream", "signature", "doc", "kind", "batch")
    NAME_FIELD_NUMBER: _ClassVar[int]
    IS_ASYNC_FIELD_NUMBER: _ClassVar[int]
    SUMMARY_FIELD_NUMBER: _ClassVar[int]
    IS_STREAM_FIELD_NUMBER: _ClassVar[int]
    SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    DOC_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    BATCH_FIELD_NUMBER: _ClassVar[int]
    name: str
    is_async: bool
    summary: str
    is_stream: bool
    signature: str
    doc: str
    kind: str
    batch: int
    def __init__(self, name: _Optional[str] = ..., is_async: bool = ..., summary: _Optional[str] = ..., is_stream: bool = ..., signature: _Optional[str] = ..., doc: _Optional[str] = ..., kind: _Optional[str] = ..., batch: _Optional[int] = ...) -> None: ...

class Call(_message.Message):
    __slots__ = ("id", "tool", "arguments", "timeout_ms", "stream", "session", "progress")
    ID_FIELD_NUMBER: _ClassVar[int]
    TOOL_FIELD_NUMBER: _ClassVar[int]
    ARGUMENTS_FIELD_NUMBER: _ClassVar[int]
    TIMEOUT_MS_FIELD_NUMBER: _ClassVar[int]
    STREAM_FIELD_NUMBER: _ClassVar[int]
    SESSION_FIELD_NUMBER: _ClassVar[int]
    PROGRESS_FIELD_NUMBER: _ClassVar[int]
    id: int
    tool: str
    arguments: bytes
    timeout_ms: int
    stream: bool
    session: int
    progress: bool
    def __init__(self, id: _Optional[int] = ..., tool: _Optional[str] = ..., arguments: _Optional[bytes] = ..., timeout_ms: _Optional[int] = ..., stream: bool = ..., session: _Optional[int] = ..., progress: bool = ...) -> None: ...

class SessionOpen(_message.Message):
    __slots__ = ("number", "id")
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    number: int
    id: str
    def __init__(self, number: _Optional[int] = ..., id: _Optional[str] = ...) -> None: ...

class SessionClose(_message.Message):
    __slots__ = ("number",)
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    number: int
    def __init__(self, number: _Optional[int] = ...) -> None: ...

class Progress(_message.Message):
    __slots__ = ("id", "done", "total", "text")
    ID_FIELD_NUMBER: _ClassVar[int]
    DONE_FIELD_NUMBER: _ClassVar[int]
    TOTAL_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    id: int
    done: float
    total: float
    text: str
    def __init__(self, id: _Optional[int] = ..., done: _Optional[float] = ..., total: _Optional[float] = ..., text: _Optional[str] = ...) -> None: ...

class Item(_message.Message):
    __slots__ = ("id", "value")
    ID_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    id: int
    value: bytes
    def __init__(self, id: _Optional[int] = ..., value: _Optional[bytes] = ...) -> None: ...

class Credit(_message.Message):
    __slots__ = ("id", "bytes")
    ID_FIELD_NUMBER: _ClassVar[int]
    BYTES_FIELD_NUMBER: _ClassVar[int]
    id: int
    bytes: int
    def __init__(self, id: _Optional[int] = ..., bytes: _Optional[int] = ...) -> None: ...

class Want(_message.Message):
    __slots__ = ("id", "feed", "bytes")
    ID_FIELD_NUMBER: _ClassVar[int]
    FEED_FIELD_NUMBER: _ClassVar[int]
    BYTES_FIELD_NUMBER: _ClassVar[int]
    id: int
    feed: int
    bytes: int
    def __init__(self, id: _Optional[int] = ..., feed: _Optional[int] = ..., bytes: _Optional[int] = ...) -> None: ...

class Feed(_message.Message):
    __slots__ = ("id", "feed", "value")
    ID_FIELD_NUMBER: _ClassVar[int]
    FEED_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    id: int
    feed: int
    value: bytes
    def __init__(self, id: _Optional[int] = ..., feed: _Optional[int] = ..., value: _Optional[bytes] = ...) -> None: ...

class FeedEnd(_message.Message):
    __slots__ = ("id", "feed", "failed", "type", "message")
    ID_FIELD_NUMBER: _ClassVar[int]
    FEED_FIELD_NUMBER: _ClassVar[int]
    FAILED_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    id: int
    feed: int
    failed: bool
    type: str
    message: str
    def __init__(self, id: _Optional[int] = ..., feed: _Optional[int] = ..., failed: bool = ..., type: _Optional[str] = ..., message: _Optional[str] = ...) -> None: ...

class Result(_message.Message):
    __slots__ = ("id", "value")
    ID_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    id: int
    value: bytes
    def __init__(self, id: _Optional[int] = ..., value: _Optional[bytes] = ...) -> None: ...

class Failure(_message.Message):
    __slots__ = ("id", "code", "type", "message", "traceback", "not_begun", "attributes", "hint", "place", "host_call")
    ID_FIELD_NUMBER: _ClassVar[int]
    CODE_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    TRACEBACK_FIELD_NUMBER: _ClassVar[int]
    NOT_BEGUN_FIELD_NUMBER: _ClassVar[int]
    ATTRIBUTES_FIELD_NUMBER: _ClassVar[int]
    HINT_FIELD_NUMBER: _ClassVar[int]
    PLACE_FIELD_NUMBER: _ClassVar[int]
    HOST_CALL_FIELD_NUMBER: _ClassVar[int]
    id: int
    code: FailureCode
    type: str
    message: str
    traceback: str
    not_begun: bool
    attributes: bytes
    hint: str
    place: str
    host_call: int
    def __init__(self, id: _Optional[int] = ..., code: _Optional[_Union[FailureCode, str]] = ..., type: _Optional[str] = ..., message: _Optional[str] = ..., traceback: _Optional[str] = ..., not_begun: bool = ..., attributes: _Optional[bytes] = ..., hint: _Optional[str] = ..., place: _Optional[str] = ..., host_call: _Optional[int] = ...) -> None: ...

class HostCall(_message.Message):
    __slots__ = ("id", "call", "body", "stream")
    ID_FIELD_NUMBER: _ClassVar[int]
    CALL_FIELD_NUMBER: _ClassVar[int]
    BODY_FIELD_NUMBER: _ClassVar[int]
    STREAM_FIELD_NUMBER: _ClassVar[int]
    id: int
    call: int
    body: bytes
    stream: bool
    def __init__(self, id: _Optional[int] = ..., call: _Optional[int] = ..., body: _Optional[bytes] = ..., stream: bool = ...) -> None: ...

class HostCancel(_message.Message):
    __slots__ = ("id",)
    ID_FIELD_NUMBER: _ClassVar[int]
    id: int
    def __init__(self, id: _Optional[int] = ...) -> None: ...

class HostCredit(_message.Message):
    __slots__ = ("id", "bytes")
    ID_FIELD_NUMBER: _ClassVar[int]
    BYTES_FIELD_NUMBER: _ClassVar[int]
    id: int
    bytes: int
    def __init__(self, id: _Optional[int] = ..., bytes: _Optional[int] = ...) -> None: ...

class HostResult(_message.Message):
    __slots__ = ("id", "value")
    ID_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    id: int
    value: bytes
    def __init__(self, id: _Optional[int] = ..., value: _Optional[bytes] = ...) -> None: ...

class HostFailure(_message.Message):
    __slots__ = ("id", "code", "type", "message", "traceback", "hint", "place", "attributes")
    ID_FIELD_NUMBER: _ClassVar[int]
    CODE_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    TRACEBACK_FIELD_NUMBER: _ClassVar[int]
    HINT_FIELD_NUMBER: _ClassVar[int]
    PLACE_FIELD_NUMBER: _ClassVar[int]
    ATTRIBUTES_FIELD_NUMBER: _ClassVar[int]
    id: int
    code: FailureCode
    type: str
    message: str
    traceback: str
    hint: str
    place: str
    attributes: bytes
    def __init__(self, id: _Optional[int] = ..., code: _Optional[_Union[FailureCode, str]] = ..., type: _Optional[str] = ..., message: _Optional[str] = ..., traceback: _Optional[str] = ..., hint: _Optional[str] = ..., place: _Optional[str] = ..., attributes: _Optional[bytes] = ...) -> None: ...

class HostItem(_message.Message):
    __slots__ = ("id", "value")
    ID_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    id: int
    value: bytes
    def __init__(self, id: _Optional[int] = ..., value: _Optional[bytes] = ...) -> None: ...

class Cancel(_message.Message):
    __slots__ = ("id", "unless_begun")
    ID_FIELD_NUMBER: _ClassVar[int]
    UNLESS_BEGUN_FIELD_NUMBER: _ClassVar[int]
    id: int
    unless_begun: bool
    def __init__(self, id: _Optional[int] = ..., unless_begun: bool = ...) -> None: ...

class Ping(_message.Message):
    __slots__ = ("nonce",)
    NONCE_FIELD_NUMBER: _ClassVar[int]
    nonce: int
    def __init__(self, nonce: _Optional[int] = ...) -> None: ...

class Pong(_message.Message):
    __slots__ = ("nonce", "running")
    NONCE_FIELD_NUMBER: _ClassVar[int]
    RUNNING_FIELD_NUMBER: _ClassVar[int]
    nonce: int
    running: int
    def __init__(self, nonce: _Optional[int] = ..., running: _Optional[int] = ...) -> None: ...
