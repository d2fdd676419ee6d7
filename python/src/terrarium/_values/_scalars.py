"""Converts dates and times to forms that msgpack has: instants, and texts as ISO 8601 writes them."""

from datetime import date, datetime, time, timedelta

from terrarium._values import _foreign
from terrarium._values._refusal import NotSendable, an, name_of


def instant(value: datetime) -> "datetime | None":
    """The instant of a datetime, which arrives as a Date; None for a missing value of pandas. Raises NotSendable for a
    datetime without a timezone, which is no instant."""
    kind = type(value)
    if _foreign.is_missing(kind):
        return None
    if value.utcoffset() is not None:
        # msgpack takes no subclasses.
        return value if kind is datetime else datetime.combine(value.date(), value.timetz())
    name = name_of(kind)
    way = 'value.tz_localize("UTC")' if name == "pandas.Timestamp" else "value.replace(tzinfo=timezone.utc)"
    hint = f"Say which timezone it is in, for example {way}, or send value.isoformat()."
    raise NotSendable(f"{an(name)} without a timezone cannot be sent", hint, name)


def iso(value: "date | time") -> str:
    """The text of a date or a time of day as ISO 8601 writes it."""
    return value.isoformat()


def duration(value: timedelta) -> "str | None":
    """A duration as ISO 8601 and pydantic write it, ``P1DT2H3M4.5S``; None for a missing value of pandas."""
    if _foreign.is_missing(type(value)):
        return None
    positive = abs(value)
    days, seconds = positive.days, positive.seconds
    fraction = f".{positive.microseconds:06}".rstrip("0") if positive.microseconds else ""
    clock = [(seconds // 3600, "H"), (seconds // 60 % 60, "M"), (f"{seconds % 60}{fraction}", "S")]
    parts = "".join(f"{count}{unit}" for count, unit in clock if count not in (0, "0"))
    text = f"{f'{days}D' if days else ''}{'T' if parts else ''}{parts}"
    return f"{'-' if value.days < 0 else ''}P{text or 'T0S'}"
