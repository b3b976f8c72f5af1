"""What is kept: one declaration each for memory, the state files and the journal.

A field added here is read and written everywhere; give it a default, and records that were written
before it existed stay readable.
"""

import re
from datetime import MAXYEAR, MINYEAR, date, datetime
from typing import Annotated
from unicodedata import is_normalized

from msgspec import Meta, Struct
from msgspec.structs import force_setattr

from lead_automation.models import ErrorCategory, MessageStatus
from lead_automation.text import clean, safe_outside, safe_text

LeadId = Annotated[str, Meta(min_length=1, max_length=128)]
"""Opaque text, NFC; never a path."""
GivenId = int | Annotated[str, Meta(max_length=512)] | None
"""A lead's id as the CRM gave it, say with marks apart; None where that is its ``LeadId``."""
_PHONE = r"^\+[1-9][0-9]{0,14}\Z"
Phone = Annotated[str, Meta(pattern=_PHONE)]
"""E.164: ``+`` and up to 15 digits."""
is_phone = re.compile(_PHONE).match
Time = Annotated[datetime, Meta(tz=True)]
"""A moment, with its offset."""
Count = Annotated[int, Meta(ge=0, le=1_000_000_000)]
"""How many; far above anything honest, so that no sum of damaged counts surprises."""

# DELIVERED is not final: the message may still be read.
_FINAL = (MessageStatus.READ, MessageStatus.FAILED)
_MAX_REASON = 400  # WATI's words, cut to 300 characters, with ours around them

ALERTS_FILE = "alerts_sent.json"
"""In the state directory: ``{"2026-11-23": ["3 QUOTA_EXCEEDED"]}``, today's alerts. It only spares
people the same alert again: missing or damaged it counts as empty, and no run depends on it."""


class MessageRecord(
    Struct,
    frozen=True,
    forbid_unknown_fields=True,
    omit_defaults=True,
    gc=False,  # no field holds a container: there is nothing for the collector to find
):
    """What the history keeps of one message to one lead on one day.

    The one declaration of it in memory, in ``sent_messages.json`` (there under its day and lead id)
    and in the journal. A field without a default stands in every record; one with a default, only
    where it differs, so that records written before the field existed stay readable.

    Attributes:
        day: Quota day (in the configured zone) the send counts on.
        phone: None for an earlier form's bare lead id or an invalid number.
        template: None for an earlier form's bare lead id, which counts as the same template.
        sent_at: When the POST that arrived, or may have arrived, was reserved. None when certainly
            nobody was messaged (refused, not sent, invalid number, proved absent).
        updated_at: When the status was last read or changed. None while it is only reserved, or
            unknown, by a clock that WATI had not confirmed: sent_at may be minutes off then.
        attempts: POSTs that were answered or may have arrived, counted from 1; 0 when none was.
        unknown: It may or may not have arrived; holds its quota until settled.
        error_category: Set for a message that was refused or failed.
        given_id: The lead's id as the CRM gave it, where that is not lead_id.
        message_id: WATI's; on v3 ours, known before the POST.
        broadcast_name, broadcast_id: v3: the name of its POST, known before it, and WATI's id of
            the broadcast that the POST became, once WATI has named it. None on v1 and v2.
        replied: v3: the person wrote back.

    Raises:
        ValueError: It says it went out but not when, or holds what no file may.
    """

    day: date
    lead_id: LeadId
    phone: Phone | None
    template: str | None
    counsellor: str | None
    status: MessageStatus
    message_id: str | None
    sent_at: Time | None
    updated_at: Time | None
    attempts: Count  # kept over runs, so that MAX_UNANSWERED_ATTEMPTS holds over runs too
    unknown: bool = False
    error_category: ErrorCategory | None = None
    given_id: GivenId = None
    broadcast_name: str | None = None
    broadcast_id: str | None = None
    replied: bool = False

    def __post_init__(self) -> None:
        if self.sent_at is None and self.template is not None:
            # It would not count as sent, and its lead would be messaged again.
            if self.unknown or self.status is not MessageStatus.FAILED:
                msg = "a message that is not failed needs the time it was sent at"
                raise ValueError(msg)
        else:
            _check_year(self.sent_at)
        _check_year(self.updated_at)
        # The lead list is normalised when it is read; only a hand edit brings another form here.
        if not is_normalized("NFC", self.lead_id):
            msg = "the lead id is not in Unicode form NFC, so it could be kept twice"
            raise ValueError(msg)

    @property
    def key(self) -> tuple[date, str]:
        """Day and lead id: one record each."""
        return (self.day, self.lead_id)

    @property
    def may_have_arrived(self) -> bool:
        """Whether somebody got, or may have got, this message."""
        return self.unknown or self.sent_at is not None or self.template is None

    @property
    def was_withdrawn(self) -> bool:
        """Whether it was reserved and taken back before its POST: nothing happened to anybody."""
        return not self.may_have_arrived and self.error_category is None

    @property
    def is_open(self) -> bool:
        """Whether WATI may still have news of it."""
        return self.sent_at is not None and not self.unknown and self.status not in _FINAL

    @property
    def may_be_answered(self) -> bool:
        """Whether WATI may still tell that the person wrote back; it does so on v3."""
        is_read = self.status is MessageStatus.READ
        return is_read and self.broadcast_name is not None and not self.replied


def _check_year(time: datetime | None) -> None:
    """Refuse the first and the last year: their times cannot be moved to another offset."""
    if time is not None and not MINYEAR < time.year < MAXYEAR:
        msg = f"nothing happened in the year {time.year}"
        raise ValueError(msg)


class CrmRow(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """One row of the CRM's message log, in memory, in the outbox and in the journal.

    Attributes:
        row_id: ``2026-11-22/1001/1``: day, lead id, attempt; ``/failed`` behind it for the second
            row of a failure learned later. Ours, not sent; the key in ``crm_outbox.json``.
        msg_status: sent, delivered, read or failed.
        to_phone_number: E.164, or the CRM's own text where that is no number.
        sent_at: None where nobody was messaged.
        given_id: The lead's id as the CRM gave it and gets it back; None: as lead_id is.
        refused_on: The quota day the CRM last refused this row on, which set it aside; None where
            it did not.
        refusal: The CRM's words then.
    """

    row_id: str
    lead_id: LeadId
    template_name: str
    to_phone_number: str
    msg_status: Annotated[str, Meta(pattern=r"^(sent|delivered|read|failed)\Z")]
    wati_message_id: str | None
    error_message: str | None
    sent_at: Time | None
    given_id: GivenId = None
    refused_on: date | None = None
    refusal: str = ""

    def __post_init__(self) -> None:
        _check_year(self.sent_at)
        if self.refusal:
            force_setattr(self, "refusal", safe_outside(self.refusal, _MAX_REASON))


class Suppression(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why a number is never, or not now, to be messaged.

    Attributes:
        phone: The key in ``suppression_list.json``.
        source: ``operator``, ``wati`` or ``contact``.
        until: None for good.
    """

    phone: Phone
    reason: str
    source: str
    added_at: Time
    until: Time | None

    def __post_init__(self) -> None:
        """Make the reason safe to show, whoever gave it."""
        # Frozen for everybody else; here nobody has seen the object yet.
        force_setattr(self, "reason", clean(self.reason, _MAX_REASON))
        _check_year(self.added_at)
        _check_year(self.until)

    def is_active(self, now: datetime) -> bool:
        """Whether it still counts."""
        return self.until is None or now < self.until


class Hold(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why sending is held; ``campaign_hold.json`` holds these fields.

    Attributes:
        until: None until an operator runs ``resume``.
        evidence: WATI's words.
        what_to_do: Steps for the operator.
    """

    reason: str
    since: Time
    until: Time | None
    evidence: str
    what_to_do: tuple[str, ...]

    def __post_init__(self) -> None:
        """Make its texts safe to show, whoever wrote them, and mask the numbers in them."""
        force_setattr(self, "reason", safe_text(self.reason, _MAX_REASON))
        force_setattr(self, "evidence", safe_outside(self.evidence, _MAX_REASON))
        steps = tuple(safe_text(step, _MAX_REASON) for step in self.what_to_do)
        force_setattr(self, "what_to_do", steps)
        _check_year(self.since)
        _check_year(self.until)

    def is_active(self, now: datetime) -> bool:
        """Whether it still holds."""
        return self.until is None or now < self.until
