"""Judge the template list: is ours there, approved, and which parameters does it take; pure."""

from collections.abc import Sequence
from difflib import get_close_matches

from lead_automation.answers import TemplateInfo
from lead_automation.config import WatiSettings
from lead_automation.text import clean
from lead_automation.wati.wire import TemplateRow

_APPROVED = "APPROVED"
_MAX_NAMES = 3  # a hint at a typing error, not the account's whole list
_MAX_STATUS_CHARS = 40  # the longest word documented, ``PENDING_DELETION``, has 16


def is_settled(rows: Sequence[TemplateRow], settings: WatiSettings) -> bool:
    """Whether no further row could say anything better of our template."""
    return any(_fits(row, settings) for row in _approved(rows, settings))


def summarise(rows: Sequence[TemplateRow], settings: WatiSettings) -> TemplateInfo:
    """Return what the rows say about our template.

    One name may stand in several rows (languages, deleted copies): one that is approved is
    enough, best one that takes the configured parameters.
    """
    ours = [row for row in rows if row.name == settings.template]
    best = max(_approved(rows, settings), key=lambda row: _fits(row, settings), default=None)
    others = sorted({row.name for row in rows} - {settings.template})
    return TemplateInfo(
        exists=bool(ours),
        is_approved=best is not None,
        statuses=tuple(sorted({clean(row.status, _MAX_STATUS_CHARS) for row in ours})),
        parameter_names=best.parameter_names if best else (),
        body=best.body if best else "",
        similar_names=tuple(
            clean(name) for name in get_close_matches(settings.template, others, n=_MAX_NAMES)
        ),
    )


def _approved(rows: Sequence[TemplateRow], settings: WatiSettings) -> list[TemplateRow]:
    return [row for row in rows if row.name == settings.template and row.status == _APPROVED]


def _fits(row: TemplateRow, settings: WatiSettings) -> bool:
    # In any order: WATI matches values by name, and the run sends them in the template's order.
    return sorted(row.parameter_names) == sorted(settings.parameter_names)
