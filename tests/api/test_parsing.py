"""The strict reading of JSON bodies, as a table."""

import json

import pytest

from tertulia.api.parsing import parse_object
from tertulia.core.errors import InvalidInput, Malformed
from tertulia.core.strictjson import MAX_DEPTH, MAX_VALUES


def nested(levels: int) -> bytes:
    return b'{"a":' * levels + b"1" + b"}" * levels


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"[]",
        b"1",
        b'"text"',
        b"null",
        b"NaN",
        b'{"a": NaN}',
        b'{"a": -Infinity}',
        b'{"a": 1e999}',
        b'{"a": 1, "a": 2}',
        b'{"a": ' + b"9" * 5000 + b"}",
        b'{"a": "\xff"}',
        b"\xef\xbb\xbf{}",
        b'{"a": "\xed\xa0\x80"}',
        b"{'a': 1}",
        b'{"a": 1}x',
        b'{"a": "\n"}',
        nested(MAX_DEPTH + 1),
        b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b"[" * 100_000,
        b'{"a": [' + b"1," * MAX_VALUES + b"1]}",
    ],
)
def test_what_is_no_readable_object_is_malformed(body: bytes) -> None:
    with pytest.raises(Malformed):
        parse_object(body)


@pytest.mark.parametrize(
    ("value", "field"),
    [
        ({"content": "a\0b"}, "content"),
        ({"content": "\ud800"}, "content"),
        ({"parameters": {"stop": ["x", "\udfff"]}}, "parameters.stop.1"),
        ({"a": {"\0": 1}}, "a"),
        ({"\ud83d": 1}, "body"),
        ({"parameters": {"seed": 2**63}}, "parameters.seed"),
        ({"parameters": {"seed": -(2**63) - 1}}, "parameters.seed"),
    ],
)
def test_what_cannot_be_kept_is_named(value: object, field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_object(json.dumps(value).encode())
    assert caught.value.errors is not None
    assert list(caught.value.errors) == [field]


@pytest.mark.parametrize(
    "value",
    [
        {},
        {"a": [1, 2.5, True, None, "é", "\U0001f600", "\u0085\u2028"]},
        json.loads(nested(MAX_DEPTH)),
    ],
)
def test_everything_else_is_read_as_it_is(value: object) -> None:
    assert parse_object(json.dumps(value).encode()) == value
    assert parse_object(json.dumps(value, ensure_ascii=False).encode()) == value
