"""A secret never shows itself."""

import copy
import logging
import pickle
from collections.abc import Callable

import pytest

from lead_automation.secret import Secret

TEXT = "eyJhbGciOi.very.secret"


@pytest.mark.parametrize("shown", [repr, str, "{}".format, "%s".__mod__, "{:>30}".format, ascii])
def test_secret_shown_in_any_form_hides_its_text(shown: Callable[[Secret], str]) -> None:
    """Every way to make text of a secret gives stars."""
    text = shown(Secret(TEXT))

    assert text == "***"


def test_secret_revealed_gives_the_text() -> None:
    """The one way to the text is to ask for it."""
    assert Secret(TEXT).reveal() == TEXT


def test_secret_compared_is_equal_by_value() -> None:
    """Two secrets of one text are equal; a secret is not its text."""
    assert Secret(TEXT) == Secret(TEXT)
    assert Secret(TEXT) != Secret("another")
    assert Secret(TEXT) != TEXT


def test_secret_hashed_is_refused() -> None:
    """A secret cannot become a key."""
    with pytest.raises(TypeError):
        hash(Secret(TEXT))


@pytest.mark.parametrize("serialise", [pickle.dumps, copy.copy, copy.deepcopy])
def test_secret_serialised_is_refused(serialise: Callable[[Secret], object]) -> None:
    """A secret cannot be pickled or copied into something that can."""
    with pytest.raises(TypeError, match="not copied or serialised"):
        serialise(Secret(TEXT))


def test_secret_logged_as_argument_hides_its_text(caplog: pytest.LogCaptureFixture) -> None:
    """A secret handed to a log call by mistake stays hidden."""
    with caplog.at_level(logging.INFO):
        logging.getLogger("any").info("token %s %r", Secret(TEXT), {"token": Secret(TEXT)})

    assert "***" in caplog.text
    assert TEXT not in caplog.text
