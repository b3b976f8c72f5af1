"""Names on their way into the template."""

import time
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lead_automation.leads.names import MAX_CHARS, SUBSTITUTE, TemplateName, template_name

FAMILY = "\U0001f468\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466"


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ("Asha", "Asha"),
        ("  Asha   Rao ", "Asha Rao"),
        ("Asha\nRao\t\r\n  Devi", "Asha Rao Devi"),
        ("Asha\u00a0\u2003Rao\u2028Devi", "Asha Rao Devi"),
        ("As\x00ha", "Asha"),
        ("\x1b[2J\x1b]0;owned\x07", "[2J]0;owned"),
        ("\u202egnp.exe", "gnp.exe"),
        ("A\u2066s\u2069h\u200ea\u061c", "Asha"),
        ("Asha\u200b\ufeff\u00ad", "Asha"),
        ("A \u202e B", "A B"),
        ("Asha\ud800 Rao", "Asha Rao"),
        ("Asha\ue000\uffff", "Asha"),
        ("S.Kumar", "S.Kumar"),
        ("Mohd.Ali", "Mohd.Ali"),
        ("Dr. A.P.J. Abdul Kalam", "Dr. A.P.J. Abdul Kalam"),
        ("Asha B.Com", "Asha B.Com"),
        ("O'Neil-Rao, Jr.", "O'Neil-Rao, Jr."),
        ("Flat 12345", "Flat 12345"),
        ("<script>alert(1)</script>", "<script>alert(1)</script>"),
        ("=SUM(1)", "=SUM(1)"),
        ("[/red]", "[/red]"),
        ("-", "-"),
    ],
)
def test_name_usable_is_tidied_and_sent(raw: str, text: str) -> None:
    """Whitespace is folded, control, bidi and other invisible characters go, the rest stays."""
    assert template_name(raw) == TemplateName(text=text, problem="")


@pytest.mark.parametrize(
    "raw",
    [
        "\u0915\u094d\u200d\u0937",
        "\u0646\u0645\u06cc\u200c\u062f\u0627\u0646\u0645",
        FAMILY,
        "\u2764\ufe0f Asha",
        "e\u0301 and \u00e9",
        "\u0e01\u0e33\u0e49",
        "\u0f56\u0f66\u0f92\u0fb2\u0f74\u0f56\u0f66",
    ],
)
def test_name_in_any_script_with_joiners_is_sent_unchanged(raw: str) -> None:
    """Joiners, emoji sequences and composed or decomposed letters are the lead's own."""
    assert template_name(raw) == TemplateName(text=raw)


@pytest.mark.parametrize(
    ("raw", "problem"),
    [
        (None, "the name is missing"),
        ("", "the name is empty"),
        ("  \n\t ", "the name is empty"),
        ("\u200b\u202e\x00", "the name is empty"),
        ("\u200d\u200c", "the name is empty"),
        ("\u3164 \u2800", "the name is empty"),
        ("\u0301\u0301", "the name is empty"),
        (" " * 1_000_000 + "Asha", "the name is empty"),
        (["Asha"], "the name is not text"),
        ({"first": "Asha"}, "the name is not text"),
        (7, "the name is not text"),
        (7.5, "the name is not text"),
        (True, "the name is not text"),
        ("asha@example.com", "the name holds an @"),
        ("asha\uff20home", "the name holds an @"),
        ("Asha 981234", "the name holds a run of six digits"),
        ("Asha9812345678", "the name holds a run of six digits"),
        ("\u0967\u0968\u0969\u096a\u096b\u096c", "the name holds a run of six digits"),
        ("12\u200d34\u200c56", "the name holds a run of six digits"),
        ("123\u200b456", "the name holds a run of six digits"),
        ("\uff11\uff12\uff13\uff14\uff15\uff16", "the name holds a run of six digits"),
        ("https://evil.example/x", "the name holds a web address"),
        ("HTTP://EVIL", "the name holds a web address"),
        ("www.evil.example", "the name holds a web address"),
        ("win at evil.com today", "the name holds a web address"),
        ("evil.COM", "the name holds a web address"),
        ("evil.co.in", "the name holds a web address"),
        ("bit.ly/x1", "the name holds a web address"),
        ("t.me/offer", "the name holds a web address"),
        ("evil.example:8080", "the name holds a web address"),
        ("10.0.0.1", "the name holds a web address"),
        ("e\u200bvil.com", "the name holds a web address"),
        ("evil\u3002com", "the name holds a web address"),
        ("\uff45\uff56\uff49\uff4c\uff0e\uff43\uff4f\uff4d", "the name holds a web address"),
        ("javascript:alert(1)", "the name holds a web address"),
        ("mailto:x", "the name holds a web address"),
    ],
)
def test_name_not_usable_becomes_customer_with_the_reason(raw: object, problem: str) -> None:
    """What is missing, no text, or an attempt to plant a contact is not sent."""
    assert template_name(raw) == TemplateName(text=SUBSTITUTE, problem=problem)


def test_name_longer_than_sixty_characters_is_cut() -> None:
    """Exactly sixty characters fit; a space at the cut goes."""
    assert template_name("x" * 60).text == "x" * 60
    assert template_name("x" * 61).text == "x" * 60
    assert template_name("x" * 59 + " yz").text == "x" * 59


def test_name_cut_inside_a_letter_drops_the_whole_letter() -> None:
    """Neither a mark nor a joined emoji loses its other half."""
    assert template_name("x" * 59 + "e\u0301").text == "x" * 59
    assert template_name("x" * 57 + FAMILY).text == "x" * 57


def test_name_of_one_endless_cluster_is_cut_hard() -> None:
    """Where nothing else is left, sixty characters of it are sent."""
    text = template_name("\u200dx" * 60).text

    assert len(text) == MAX_CHARS


def test_name_with_an_address_beyond_the_cut_is_refused_only_if_it_begins_before() -> None:
    """An address that the cut would hide is seen; one far behind it does not matter."""
    assert template_name("x" * 55 + " https://evil.example").problem
    assert not template_name("x " * 200 + "https://evil.example").problem


def test_name_that_the_cut_would_turn_into_an_address_is_refused() -> None:
    """evil.community is a word; cut after evil.com it is a link."""
    raw = "x" * 51 + " evil.community"

    assert template_name(raw).text == SUBSTITUTE


def test_name_with_stacked_marks_keeps_at_most_six() -> None:
    """A thousand marks on one letter come down to what a script needs."""
    text = template_name("Z" + "\u0301\u200d" * 1000 + "algo").text

    assert sum(unicodedata.combining(char) > 0 for char in text) == 6
    assert text.startswith("Z")


def test_name_of_a_megabyte_costs_no_noticeable_time() -> None:
    """Its length is capped before anything looks at it."""
    started = time.perf_counter()
    name = template_name("a-" * 500_000)

    assert len(name.text) == MAX_CHARS
    assert time.perf_counter() - started < 0.5


@settings(deadline=None)
@given(
    st.one_of(st.text(), st.text(alphabet="a. @1\u200d\u0301\n:/wcom"), st.integers(), st.none())
)
def test_name_of_any_value_is_short_visible_and_stable(raw: object) -> None:
    """Whatever comes in, what goes out can be sent and would come out the same again."""
    name = template_name(raw)

    assert 1 <= len(name.text) <= MAX_CHARS
    assert name.text == name.text.strip()
    assert "  " not in name.text
    assert "@" not in name.text
    assert name.text.encode("utf-8")
    assert not any(
        unicodedata.category(char).startswith("C") and char not in "\u200c\u200d"
        for char in name.text
    )
    assert template_name(name.text) == TemplateName(text=name.text)
    assert bool(name.problem) <= (name.text == SUBSTITUTE)
