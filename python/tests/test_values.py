"""Values, against the table in docs/values.json: what is sent, what arrives, what is refused."""

import json
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "test" / "support"))

from terrarium._values._decode import decode  # noqa: E402
from terrarium._values._encode import encode  # noqa: E402
from terrarium._values._refusal import NotSendable  # noqa: E402
from value_tools import evaluate, has, same  # noqa: E402

TABLE = json.loads((ROOT / "docs" / "values.json").read_text(encoding="utf-8"))
SENT = [row for group in TABLE["sent"] for row in group["rows"]]
REFUSED = [row for row in TABLE["refused"] if row["in"] == "Python"]


def rows(chosen, column):
    """Those that need a package which is not here are skipped, and counted."""
    marks = {
        name: pytest.mark.skipif(not has(name), reason=f"{name} is not installed")
        for name in {row["needs"] for row in chosen if "needs" in row}
    }
    return [pytest.param(row, id=row[column], marks=[marks[row["needs"]]] if "needs" in row else []) for row in chosen]


@pytest.mark.parametrize("row", rows([row for row in SENT if row["to"] != "python"], "python"))
def test_the_table_what_is_sent(row):
    assert encode(evaluate(row["python"], row.get("needs"))).hex() == row["wire"]


@pytest.mark.parametrize("row", rows([row for row in SENT if row["to"] != "javascript"], "python"))
def test_the_table_what_arrives(row):
    arrived = decode(bytes.fromhex(row["wire"]))
    expected = evaluate(row["python"], row.get("needs"))
    assert same(arrived, expected), (arrived, expected)


@pytest.mark.parametrize("row", rows(REFUSED, "value"))
def test_the_table_what_is_refused(row):
    with pytest.raises(NotSendable) as refused:
        encode({"rows": [1, {"price": evaluate(row["value"], row.get("needs"))}]})
    assert str(refused.value).startswith(row["message"]), str(refused.value)
    assert refused.value.place.startswith("rows[1].price")
    assert refused.value.hint == row["hint"]
