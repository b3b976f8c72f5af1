"""What a kept run's document says, read fast: for the list of runs and for days gone by.

Reports of one run read its document strictly (``documents``). Here hundreds are read at once, so
the texts, which were made safe to show when they were written, are not gone through again; whoever
shows them escapes them or cleans the stream.
"""

from typing import TypeVar

import msgspec

from lead_automation.counts import MessageCounts
from lead_automation.runs import LeadCounts, LeadRow, RunMode, RunStatus
from lead_automation.stored import Time

_T = TypeVar("_T", bound="KeptRun")


class KeptRun(msgspec.Struct, frozen=True, kw_only=True):
    """A run as the list of runs shows it; its document's other fields are passed over."""

    run_id: str
    mode: RunMode
    status: RunStatus
    reason: str
    template: str
    started_at: Time
    ended_at: Time
    exit_code: int
    leads: LeadCounts
    messages: MessageCounts

    @property
    def has_attempted(self) -> bool:
        """Whether it tried to message anybody."""
        return self.mode is not RunMode.DRY_RUN and self.leads.attempted > 0


class KeptRow(LeadRow, frozen=True, kw_only=True, omit_defaults=True):
    """A lead's row that is only counted."""

    def __post_init__(self) -> None:
        """Pass over the cleaning: see above."""


class KeptRows(KeptRun, frozen=True, kw_only=True):
    """A run with its leads."""

    rows: tuple[KeptRow, ...] = msgspec.field(name="lead_rows")


def read_kept(data: bytes, form: type[_T]) -> _T | None:
    """Return a document in one of the two forms; None when it has not the form of one."""
    try:
        return msgspec.json.decode(data, type=form)
    except (msgspec.DecodeError, UnicodeError, ValueError):  # a damaged one costs only its line
        return None
