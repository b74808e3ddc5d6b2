from __future__ import annotations

import json

import pytest

from parity.errors import UnreadableError
from parity.parsing import DEEPEST, LONGEST_NUMBER, parse_json, parse_toml


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "Expecting value, at character 1"),
        ('{"a": 1,', "Expecting property name enclosed in double quotes, at character 9"),
        ("[" * (DEEPEST + 1) + "]" * (DEEPEST + 1), "nested more than 100 levels deep"),
        ('{"a":' * 10**5, "nested more than 100 levels deep"),
        ("[" * 10**6, "nested more than 100 levels deep"),
        ("1" * (LONGEST_NUMBER + 1), "a whole number of more than 300 digits"),
        ("1" * 5_000, "a whole number of more than 300 digits"),
        (r'["\ud800"]', "a text with half a character"),
        (r'{"\uDFFF": 1}', "a text with half a character"),
    ],
)
def test_json_that_no_reader_takes(text: str, why: str) -> None:
    with pytest.raises(UnreadableError) as error:
        parse_json(text)
    assert str(error.value) == why


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("NaN", "NaN is not JSON"),
        ("[-Infinity]", "-Infinity is not JSON"),
        ("1e400", "a number that is too large"),
        ('{"a": 1, "a": 1}', "a key appears twice"),
    ],
)
def test_json_that_this_tool_does_not_write_is_that_of_others(text: str, why: str) -> None:
    parse_json(text)
    with pytest.raises(UnreadableError) as error:
        parse_json(text, ours=True)
    assert str(error.value) == why


def test_json_is_read_as_it_is_written() -> None:
    many = [{"a": ["]", '"[', "\\", "½", "\U0001f600"]}] * 200
    assert parse_json(json.dumps(many), ours=True) == many
    assert parse_json("[" * DEEPEST + "]" * DEEPEST) is not None
    assert float(parse_json("9" * LONGEST_NUMBER)) < float("inf")
    assert parse_json("-0.0", ours=True).hex() == "-0x0.0p+0"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("a = ", "Invalid value (at end of document)"),
        ("a = " + "[" * 1_000, "nested more than 100 levels deep"),
        ("a." * 1_000 + "b = 1", "nested more than 100 levels deep"),
        ("a." * 250_000 + "b = 1", "nested more than 100 levels deep"),
        ('"a" . ' * 1_000 + "b = 1", "nested more than 100 levels deep"),
        ("[" + "a." * 1_000 + "b]", "nested more than 100 levels deep"),
        ("a = " + "{a=" * 99 + "[[1]]" + "}" * 99, "nested more than 100 levels deep"),
        ("a = " + "1" * 301, "a whole number of more than 300 digits"),
        ("a = [-" + "1" * 5_000 + "]", "a whole number of more than 300 digits"),
    ],
)
def test_toml_that_no_reader_takes(text: str, why: str) -> None:
    with pytest.raises(UnreadableError) as error:
        parse_toml(text)
    assert str(error.value) == why
