# SPDX-License-Identifier: Apache-2.0
"""Python values in the one text form of canon.mjs (see there)."""

import datetime
import decimal
import json
import uuid

EPOCH_DAY = datetime.date(1970, 1, 1).toordinal()
EPOCH = datetime.datetime(1970, 1, 1)
MICROSECOND = datetime.timedelta(microseconds=1)


def number(value):
    """A decimal's text without exponent and trailing zeros."""
    text = format(value, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text


def floating(value):
    """The shortest text of a double, worded as JavaScript does."""
    if value != value:
        return "NaN"
    if value in (float("inf"), float("-inf")):
        return "Infinity" if value > 0 else "-Infinity"
    if value == 0:
        return "-0" if str(value)[0] == "-" else "0"
    sign = "-" if value < 0 else ""
    _, digits, exponent = decimal.Decimal(repr(abs(value))).normalize().as_tuple()
    digits = "".join(map(str, digits))
    point = len(digits) + exponent
    if 0 < point <= 21:
        if exponent >= 0:
            return sign + digits + "0" * exponent
        return sign + digits[:point] + "." + digits[point:]
    if -6 < point <= 0:
        return sign + "0." + "0" * -point + digits
    mantissa = digits[0] + ("." + digits[1:] if len(digits) > 1 else "")
    return f"{sign}{mantissa}e{'+' if point > 0 else '-'}{abs(point - 1)}"


def micros(value):
    if value.tzinfo is not None:
        value = value.astimezone(datetime.timezone.utc).replace(tzinfo=None)
    return str((value - EPOCH) // MICROSECOND)


def raw(value):
    value = bytes(value)
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return "hex:" + value.hex()


def pairs(value):
    done = [[canon(k), canon(v)] for k, v in value]
    return sorted(done, key=lambda p: json.dumps(p[0], ensure_ascii=False))


def canon(value, is_uuid=False):
    """Tuples with names (Row) are structs, lists of pairs are lists."""
    if value is None or isinstance(value, bool):
        return value
    if is_uuid and isinstance(value, bytes):
        return str(uuid.UUID(bytes=value))
    if isinstance(value, float):
        return floating(value)
    if isinstance(value, (int, uuid.UUID)):
        return str(value)
    if isinstance(value, decimal.Decimal):
        return number(value)
    if isinstance(value, str):
        return value
    if isinstance(value, (bytes, bytearray)):
        return raw(value)
    if isinstance(value, datetime.datetime):
        return micros(value)
    if isinstance(value, datetime.date):
        return str(value.toordinal() - EPOCH_DAY)
    if isinstance(value, tuple):
        return [canon(v) for v in value]
    if isinstance(value, list):
        return [canon(v) for v in value]
    raise TypeError(f"no canonical form for {type(value)}")


def write_rows(path, rows):
    with open(path, "w", encoding="utf-8") as out:
        for row in rows:
            out.write(json.dumps(row, ensure_ascii=False) + "\n")
