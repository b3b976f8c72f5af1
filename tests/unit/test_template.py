"""Whether the configured template can be sent."""

import pytest

from lead_automation.answers import TemplateInfo
from lead_automation.campaign.template import order_note, template_order
from lead_automation.errors import CampaignStopError

WANTED = ("lead", "agent", "phone")


def judged(
    *, names: tuple[str, ...] = WANTED, exists: bool = True, is_approved: bool = True
) -> TemplateInfo:
    """Return what WATI says of a template."""
    return TemplateInfo(
        exists=exists, is_approved=is_approved, statuses=("PENDING",), parameter_names=names
    )


def test_template_as_configured_has_no_problem() -> None:
    """Nothing to say, and the order is the configured one."""
    assert template_order(judged(), name="welcome", wanted=WANTED) == WANTED
    assert order_note("welcome", order=WANTED, wanted=WANTED) == ""


@pytest.mark.parametrize(
    ("info", "words", "hint"),
    [
        (TemplateInfo(exists=False, is_approved=False), "named welcome.", "WATI_TEMPLATE_NAME"),
        (
            TemplateInfo(exists=False, is_approved=False, similar_names=("welcome2", "wellcome")),
            "Similar names there: welcome2, wellcome.",
            "WATI_TEMPLATE_NAME",
        ),
        (
            TemplateInfo(exists=True, is_approved=False, statuses=("PENDING", "REJECTED")),
            "Template not approved: welcome is PENDING, REJECTED.",
            "dashboard",
        ),
        (TemplateInfo(exists=True, is_approved=False), "is without status.", "dashboard"),
        *(
            (judged(names=names), ", ".join(names), "TEMPLATE_PARAMETERS")
            for names in [
                (),
                ("lead",),
                (*WANTED, "more"),
                ("Lead", "agent", "phone"),
                ("1", "2"),
            ]
        ),
    ],
)
def test_template_that_cannot_be_sent_says_why_and_what_to_change(
    info: TemplateInfo, words: str, hint: str
) -> None:
    """Missing, not approved, or with fewer, more or other parameters."""
    with pytest.raises(CampaignStopError) as caught:
        template_order(info, name="welcome", wanted=WANTED)

    assert words in str(caught.value)
    assert hint in caught.value.hint


def test_template_in_another_order_is_sent_in_that_order() -> None:
    """The same names: no problem, but something to know."""
    names = ("phone", "lead", "agent")

    assert template_order(judged(names=names), name="welcome", wanted=WANTED) == names
    assert "phone, lead, agent" in order_note("welcome", order=names, wanted=WANTED)
