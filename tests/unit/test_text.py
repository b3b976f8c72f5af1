"""Text from outside: made harmless, numbers masked."""

import json
import time

import pytest

from lead_automation.text import (
    clean,
    clean_lines,
    json_text,
    mask_numbers,
    mask_phone,
    safe_outside,
)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain text", "plain text"),
        ("", ""),
        ("विवान કાવ્યા", "विवान કાવ્યા"),
        ("a\nb\r\tc", "a\\u000ab\\u000d\\u0009c"),
        ("\x1b[2J\x07\x7f\x9b", "\\u001b[2J\\u0007\\u007f\\u009b"),
        ("a\u202eb\u2066c\u200f", "a\\u202eb\\u2066c\\u200f"),
        ("a\u200db\ufeff", "a\\u200db\\ufeff"),
        ("a\u2028b\u2029c", "a\\u2028b\\u2029c"),
        ("\ud800", "\\ud800"),
        ("\U000e0041", "\\U000e0041"),
        ("\ue000\U0010ffff", "\\ue000\\U0010ffff"),
        ("💬 é ß", "💬 é ß"),
    ],
)
def test_clean_shows_what_could_move_a_cursor_as_its_code(text: str, shown: str) -> None:
    """Controls, bidi marks, surrogates, private and unassigned characters are written out."""
    assert clean(text) == shown


def test_clean_cuts_what_is_too_long() -> None:
    """A text keeps max_chars characters at most, escapes counted, the last an ellipsis."""
    assert clean("x" * 200) == "x" * 200
    assert clean("x" * 201) == "x" * 199 + "…"
    assert clean("abc", 1) == "…"
    assert clean("\x00" * 5, 8) == "\\u0000\\…"


def test_clean_leaves_four_marks_on_a_letter() -> None:
    """What scripts need stays; a tower of marks does not."""
    assert clean("a" + "\u0351" * 9 + "b\u0301") == "a" + "\u0351" * 4 + "b\u0301"


def test_clean_takes_anything() -> None:
    """Not text is shown as str shows it."""
    assert clean(None) == "None"
    assert clean({"a": 1}) == "{'a': 1}"
    assert clean(ValueError("x\ny")) == "x\\u000ay"


@pytest.mark.parametrize(
    ("phone", "shown"),
    [
        ("+919812345678", "+9198••••5678"),
        ("+12025550143", "+1202••••0143"),
        ("+123456789", "+1234••••6789"),
        ("+12345678", "•••••••••"),
        ("", ""),
    ],
)
def test_mask_phone_leaves_four_digits_at_either_end(phone: str, shown: str) -> None:
    """A number too short to keep anything back is hidden whole."""
    assert mask_phone(phone) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("to +919812345678 now", "to +9198••••5678 now"),
        ("919812345678", "9198••••5678"),
        ("98123 45678", "98••••5678"),
        ("+91-98123-45678, +91 (98123) 45679", "+9198••••5678, +9198••••5679"),
        ("12345678", "12345678"),
        ("123456789", "1••••6789"),
        ("\uff0b९८१२३४५६७८९", "+९८१••••६७८९"),
        ("run 20261122T091523-3f9a", "run 20261122T091523-3f9a"),
        ("until 2026-11-23 00:00 IST", "until 2026-11-23 00:00 IST"),
        ("2026-11-22T09:15:24", "2026-11-22T09:15:24"),
        ("id d38f0c3a-0000-4000-8000-000000000001", "id d38f0c3a-0000-4000-8000-000000000001"),
        ("131049 and 131026", "131049 and 131026"),
        ("no number", "no number"),
    ],
)
def test_mask_numbers_hides_phone_numbers_only(text: str, shown: str) -> None:
    """Nine digits or more standing alone are masked; dates, run ids and codes stay readable."""
    assert mask_numbers(text) == shown


@pytest.mark.parametrize(
    "text", ["9" * length for length in range(9, 20)] + ["+" + "7" * n for n in range(7, 16)]
)
def test_mask_numbers_hides_at_least_four_digits(text: str) -> None:
    """However long, a number is never shown whole, nor so that four digits are missing at most."""
    shown = mask_numbers(text)

    assert "••••" in shown
    assert sum(char.isdigit() for char in shown) <= min(8, sum(map(str.isdigit, text)) - 4)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("9 x 8 x 7 x 6 x 5 x 4 x 3 x 2 x 1 x 0", "98••••3210"),
        ("call 98 / 12 *** 34 ~~~~~~~ 56 || 78, Asha", "call 98••••5678, Asha"),
        ("9\u200b8\u202e1234\u00105678", "98••••5678"),
        ("⓽⓼①②③④⑤⑥⑦⑧", "⓽⓼••••⑤⑥⑦⑧"),
        ("\U0001f10a" * 10, "\U0001f10a" * 2 + "••••" + "\U0001f10a" * 4),
        ("00000009198123456", "0000••••3456"),
        ("12 of 345 and 678 in 9012", "12 of 345 and 678 in 9012"),
        ("run 20261122T091523-3f9a of 2026-11-22", "run 20261122T091523-3f9a of 2026-11-22"),
        ("id d38f0c3a-0000-4000-8000-000000000001", "id d38f0c3a-0000-4000-8000-000000000001"),
    ],
)
def test_safe_outside_masks_a_number_however_it_is_spread(text: str, shown: str) -> None:
    """Ten digits without a word between them are a number; doing it twice changes nothing."""
    assert safe_outside(text) == shown
    assert safe_outside(shown) == shown


def test_safe_outside_knows_whatever_unicode_calls_a_digit() -> None:
    """None of them passes for a letter, of whatever script."""
    digits = [chr(point) for point in range(0x110000) if chr(point).isdigit()]

    assert len(digits) > 700
    assert all("••••" in safe_outside(" ".join(digit * 10)) for digit in digits)


def test_safe_outside_takes_time_in_proportion() -> None:
    """A text made to be looked at again and again is not."""
    hostile = (
        "9 x " * 9 + "ab",
        "9" * 9 + "a",
        "\\u200b9",
        "9" * 7 + "-",
        "x ",
        "0123456789abcdef",
    )
    for part in hostile:
        began = time.process_time()
        safe_outside(part * 20_000, 100_000)

        assert time.process_time() - began < 2.0, part


def test_clean_lines_keeps_lines_and_cuts_nothing() -> None:
    """Of all control characters only the line's end stays."""
    assert clean_lines("a\nb\r\x1b\u2028c" + "x" * 999) == (
        "a\nb\\u000d\\u001b\\u2028c" + "x" * 999
    )


def test_json_text_is_safe_to_show_and_loses_nothing() -> None:
    """What could move a cursor is escaped as JSON escapes it; other letters stay as they are."""
    value = {"a": "क्‍ष \x1b\u202e\ue000 é", "b": [1, None]}
    text = json_text(value)

    assert json.loads(text) == value
    assert "é" in text
    assert not any(char in text for char in "\x1b\u202e\ue000")
    assert json_text({}, indent=1) == "{}"
