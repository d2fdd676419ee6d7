"""Compares docs/protocol.md with the worker's codec of the socket lane: its tables and its examples."""

import json
import re
from pathlib import Path

import pytest

from terrarium._frames import Call, Cancel, Credit, Failure, FailureCode, Feed, FeedEnd, Hello, HostCancel, HostCredit
from terrarium._frames import HostFailure, HostItem, HostResult, Ping, Pong, Progress, Ready, Refusal, StreamCall, ToolInfo
from terrarium._frames import SessionClose, SessionOpen, Want, Welcome
from terrarium._lane_parser import Parser
from terrarium._lane_wire import (
    FAILURE,
    FLAG,
    HEADER,
    HOST_CALL,
    HOST_KIND,
    ITEM,
    LONGEST_PIECE,
    MOST_SEGMENTS,
    PREAMBLE,
    READY,
    REFUSED_CODE,
    RESULT,
    WORKER_KIND,
    failure_body,
    pack,
    pack_hello,
    pack_host_frame,
    pack_pong,
    pack_progress,
    pack_want,
    ready_body,
)
from terrarium._values._decode import decode
from terrarium._values._encode import in_one
from terrarium._version import PROTOCOL_VERSION

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "protocol.md").read_text(encoding="utf-8")


def rows(heading):
    """The rows of the first table below a heading, by the name of the column, without code marks."""
    section = re.search(rf"^#+ {heading}\n(.*?)(?=^#|\Z)", PAGE, re.M | re.S)[1]
    head, _, *body = [line.strip("| ").split("|") for line in re.search(r"(^\|.*\n)+", section, re.M)[0].splitlines()]
    names = [name.strip() for name in head]
    return [dict(zip(names, [cell.strip().replace("`", "") for cell in row])) for row in body]


FRAMES = rows("Frames")
EXAMPLES = [(row["frame"], json.loads(row["fields"]), row["bytes"].replace("…", "")) for row in rows("Examples")]
HOST = [row["frame"] for row in FRAMES if row["from"] == "host"]
THREE = "the bytes 1, 2, 3"


def kinds(side):
    return {row["frame"][0].lower() + row["frame"][1:]: int(row["kind"]) for row in FRAMES if row["from"] == side}


def test_the_tables_have_each_kind_flag_and_code():
    assert kinds("worker") == WORKER_KIND
    assert kinds("host") == HOST_KIND
    assert {row["name"].lower(): int(row["flag"]) for row in rows("Flags")} == FLAG
    assert {row["name"]: int(row["code"]) for row in rows("Failures")} == {code.name: code for code in FailureCode}
    refused = next(row["code"] for row in FRAMES if row["frame"] == "Refused")
    assert refused == ", ".join(f"{code} {name}" for name, code in REFUSED_CODE.items())


def test_the_preamble_the_header_and_the_limits():
    magic, version, rest = [row["what"] for row in rows("The preamble")]
    assert bytes.fromhex(magic[:11]) == PREAMBLE[:4]
    assert (version, rest) == (f"the version of the sender: {PROTOCOL_VERSION}", "0")
    assert PREAMBLE[4:] == PROTOCOL_VERSION.to_bytes(2, "little") + b"\0\0"
    assert sum(int(row["bytes"]) for row in rows("The header")) == HEADER.size
    text = " ".join(PAGE.split())
    assert f"A body has at most {LONGEST_PIECE:,} bytes" in text
    assert f"the number of segments, 1 to {MOST_SEGMENTS:,}" in text


@pytest.mark.parametrize("name", [name for name in HOST if name != "Part"])
def test_a_frame_of_a_host_has_the_fields_that_the_table_allows(name):
    row = next(row for row in FRAMES if (row["frame"], row["from"]) == (name, "host"))
    body = b"" if row["body"].startswith("none") else in_one({"maxBytes": 1})
    for field in ("code", "id", "extra"):
        values = {"code": 0, "id": 0, "extra": 0, field: 1}
        frame = HEADER.pack(len(body), int(row["kind"]), 0, values["code"], values["id"], values["extra"]) + body
        if row[field] == "0":
            with pytest.raises(ValueError, match=f"{field} 1"):
                parsed(frame)
        else:
            parsed(frame)


def parsed(data):
    parser = Parser()
    parser.max_bytes = 2**28
    frames = []
    while data:
        place = parser.place()
        size = min(len(place), len(data))
        place[:size] = data[:size]
        frames += parser.arrived(size)
        data = data[size:]
    return frames


@pytest.mark.parametrize("name, fields, data", [each for each in EXAMPLES if each[0] in HOST])
def test_the_examples_of_a_host_are_read(name, fields, data):
    [frame] = parsed(bytes.fromhex(data.replace(" ", "")))
    if isinstance(frame, Call):
        arguments = decode(bytes(frame.body)) if not frame.segments else {"data": THREE}
        assert [bytes(each) for each in frame.segments] in ([], [b"\1\2\3"])
        seen = {"id": frame.id, "index": frame.tool, "timeout": frame.timeout_ms, "arguments": arguments}
        if type(frame) is StreamCall:
            seen["isStream"] = True
        if frame.extras is not None and frame.extras.progress:
            seen["wantsProgress"] = True
        if frame.extras is not None and frame.extras.session:
            seen["session"] = frame.extras.session
    elif isinstance(frame, Cancel):
        seen = {"id": frame.id, "unlessBegun": frame.unless_begun}
    elif isinstance(frame, Credit):
        seen = {"id": frame.id, "bytes": frame.bytes}
    elif isinstance(frame, (HostResult, HostItem)):
        seen = {"id": frame.id, "value": decode(bytes(frame.body))}
    elif isinstance(frame, HostFailure):
        seen = {name: value for name, value in frame._asdict().items() if value}
    elif isinstance(frame, Feed):
        seen = {"id": frame.id, "feed": frame.feed, "value": decode(bytes(frame.body))}
    elif isinstance(frame, FeedEnd):
        seen = {"id": frame.id, "feed": frame.feed}
        if frame.failure is not None:
            seen["type"], seen["message"] = frame.failure
    elif isinstance(frame, (SessionOpen, SessionClose)):
        seen = frame._asdict()
    elif isinstance(frame, Ping):
        seen = {"nonce": frame.nonce}
    elif isinstance(frame, Refusal):
        seen = {"code": frame.code, "message": frame.message}
    else:
        assert isinstance(frame, Welcome)
        seen = {"maxBytes": frame.max_bytes}
    assert seen == fields


def packed(name, fields):
    """The bytes of a frame of a worker with these fields."""
    if name == "Hello":
        return pack_hello(Hello(*fields.values()))
    if name == "Ready":
        tools = [ToolInfo(tool["name"], tool["isAsync"], tool["isStream"], tool["summary"]) for tool in fields["tools"]]
        return pack(READY, 0, 0, 0, ready_body(Ready(tools)))
    if name == "Pong":
        return pack_pong(Pong(**fields))
    if name == "Progress":
        return pack_progress(Progress(**fields))
    if name == "Want":
        return pack_want(Want(**fields))
    if name == "Result":
        return pack(RESULT, 0, fields["id"], 0, in_one(fields["value"]))
    if name == "Item":
        return pack(ITEM, 0, fields["id"], 0, in_one(fields["value"]))
    if name == "HostCall":
        body = in_one(fields["body"])
        return HEADER.pack(len(body), HOST_CALL, 8 if "isStream" in fields else 0, 0, fields["id"], fields["call"]) + body
    if name == "HostCancel":
        return pack_host_frame(HostCancel(**fields))
    if name == "HostCredit":
        return pack_host_frame(HostCredit(**fields))
    names = {"notBegun": "not_begun"}
    failure = Failure(**{names.get(key, key): value for key, value in fields.items() if key != "attributes"})
    return pack(FAILURE, failure.code, failure.id, 0, failure_body(failure))


def test_the_examples_of_a_worker_are_what_it_sends():
    compared = 0
    for name, fields, data in EXAMPLES:
        example = bytes.fromhex(data.split(" ")[0])
        # Nothing makes a worker split or part a body as short as in the last rows: hosts are tested with these.
        if name in HOST or example[5] & 3:
            continue
        sent = packed(name, fields)
        if name == "Failure":  # what is empty is left out
            given = {key: value for key, value in decode(example[HEADER.size :]).items() if value}
            assert decode(sent[HEADER.size :]) == given
            assert sent[4 : HEADER.size] == example[4 : HEADER.size]
        else:
            assert sent == example
        compared += 1
    assert compared == 14
