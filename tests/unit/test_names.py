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
        *((text, text) for text in ("S.Kumar", "Mohd.Ali", "Dr. A.P.J. Abdul Kalam", "Asha B.Com")),
        *((text, text) for text in ("O'Neil-Rao, Jr.", "Flat 12345", "=SUM(1)", "[/red]", "-")),
        ("<script>alert(1)</script>", "<script>alert(1)</script>"),
    ],
)
def test_name_usable_is_tidied_and_sent(raw: str, text: str) -> None:
    """Whitespace is folded, control, bidi and other invisible characters go, the rest stays."""
    assert template_name(raw) == TemplateName(text=text, problem="")


@pytest.mark.parametrize(
    "raw",
    [
        *("\u0915\u094d\u200d\u0937", "\u0646\u0645\u06cc\u200c\u062f\u0627\u0646\u0645", FAMILY),
        *("\u2764\ufe0f Asha", "e\u0301 and \u00e9", "\u0e01\u0e33\u0e49"),
        "\u0f56\u0f66\u0f92\u0fb2\u0f74\u0f56\u0f66",
    ],
)
def test_name_in_any_script_with_joiners_is_sent_unchanged(raw: str) -> None:
    """Joiners, emoji sequences and composed or decomposed letters are the lead's own."""
    assert template_name(raw) == TemplateName(text=raw)


@pytest.mark.parametrize(
    ("problem", "raws"),
    [
        ("is missing", (None,)),
        ("is empty", ("", "  \n\t ", "\u200b\u202e\x00", "\u200d\u200c", "\u3164 \u2800")),
        ("is empty", ("\u0301\u0301", " " * 1_000_000 + "Asha")),
        ("is not text", (["Asha"], {"first": "Asha"}, 7, 7.5, True)),
        ("holds an @", ("asha@example.com", "asha\uff20home")),
        ("holds six digits", ("Asha 981234", "Asha9812345678", "98 12 A 3 B 4", "123\u200b456")),
        (
            "holds six digits",
            ("\u0967\u0968\u0969\u096a\u096b\u096c", "12\u200d34\u200c56"),
        ),
        ("holds six digits", ("\uff11\uff12\uff13\uff14\uff15\uff16",)),
        ("holds a web address", ("https://evil.example/x", "HTTP://EVIL", "www.evil.example")),
        ("holds a web address", ("win at evil.com today", "evil.COM", "evil.co.in", "bit.ly/x1")),
        ("holds a web address", ("t.me/offer", "evil.example:8080", "10.0.0.1", "mailto:x")),
        ("holds a web address", ("e\u200bvil.com", "evil\u3002com", "javascript:alert(1)")),
        ("holds a web address", ("\uff45\uff56\uff49\uff4c\uff0e\uff43\uff4f\uff4d",)),
        # An address that the cut would hide is seen, and a word that it would turn into one.
        ("holds a web address", ("x" * 55 + " https://evil.example", "x" * 51 + " evil.community")),
    ],
)
def test_name_not_usable_becomes_customer_with_the_reason(
    problem: str, raws: tuple[object, ...]
) -> None:
    """What is missing, no text, or an attempt to plant a contact is not sent."""
    for raw in raws:
        assert template_name(raw) == TemplateName(text=SUBSTITUTE, problem=f"the name {problem}")


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ("x" * 60, "x" * 60),
        ("x" * 61, "x" * 60),
        # A space at the cut goes; neither a mark nor a joined emoji loses its other half.
        ("x" * 59 + " yz", "x" * 59),
        ("x" * 59 + "e\u0301", "x" * 59),
        ("x" * 57 + FAMILY, "x" * 57),
        # An address far behind the cut does not matter.
        ("x " * 200 + "https://evil.example", ("x " * 30).strip()),
    ],
)
def test_name_longer_than_sixty_characters_is_cut(raw: str, text: str) -> None:
    """Between two letters as a reader sees them."""
    assert template_name(raw) == TemplateName(text=text)


def test_name_of_one_endless_cluster_is_cut_hard() -> None:
    """Where nothing else is left, sixty characters of it are sent."""
    text = template_name("\u200dx" * 60).text

    assert len(text) == MAX_CHARS


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
