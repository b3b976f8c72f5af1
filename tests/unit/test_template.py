"""Whether the configured template can be sent."""

import pytest

from lead_automation.answers import TemplateInfo
from lead_automation.campaign.template import judge_template

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
    verdict = judge_template(judged(), name="welcome", wanted=WANTED)

    assert (verdict.problem, verdict.warning, verdict.order) == ("", "", WANTED)


@pytest.mark.parametrize(
    ("similar", "words"), [((), "named welcome."), (("welcome2", "wellcome"), "welcome2, wellcome")]
)
def test_template_that_is_missing_names_similar_ones(similar: tuple[str, ...], words: str) -> None:
    """A typing error is seen at once."""
    info = TemplateInfo(exists=False, is_approved=False, similar_names=similar)
    verdict = judge_template(info, name="welcome", wanted=WANTED)

    assert words in verdict.problem
    assert "WATI_TEMPLATE_NAME" in verdict.hint


@pytest.mark.parametrize(
    ("statuses", "words"),
    [(("PENDING", "REJECTED"), "PENDING, REJECTED"), ((), "without status")],
)
def test_template_not_approved_says_what_it_is(statuses: tuple[str, ...], words: str) -> None:
    """Every row's status is told."""
    info = TemplateInfo(exists=True, is_approved=False, statuses=statuses)
    verdict = judge_template(info, name="welcome", wanted=WANTED)

    assert verdict.problem == f"Template not approved: welcome is {words}."
    assert verdict.hint


@pytest.mark.parametrize(
    "names",
    [(), ("lead",), ("lead", "agent"), (*WANTED, "more"), ("Lead", "agent", "phone"), ("1", "2")],
)
def test_template_with_other_parameters_is_a_problem(names: tuple[str, ...]) -> None:
    """Fewer, more or other names: what was found and what to change."""
    verdict = judge_template(judged(names=names), name="welcome", wanted=WANTED)

    assert ", ".join(names) in verdict.problem
    assert "lead, agent, phone" in verdict.problem
    assert "TEMPLATE_PARAMETERS" in verdict.hint
    assert verdict.order == ()


def test_template_in_another_order_warns_and_sets_the_order() -> None:
    """The same names: no problem."""
    names = ("phone", "lead", "agent")
    verdict = judge_template(judged(names=names), name="welcome", wanted=WANTED)

    assert verdict.problem == ""
    assert "phone, lead, agent" in verdict.warning
    assert verdict.order == names
