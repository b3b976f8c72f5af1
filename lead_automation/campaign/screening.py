"""Look at each lead before anything is done for it: ask what screening decides by."""

import logging
from collections import Counter
from dataclasses import replace
from datetime import datetime

from lead_automation.answers import ContactVerdict
from lead_automation.campaign.gate import quiet_reason
from lead_automation.campaign.services import Services
from lead_automation.duplicates import lead_key
from lead_automation.errors import ConfigError
from lead_automation.leads.hours import describe_hours
from lead_automation.leads.local_hours import ever_meets, zones_of
from lead_automation.leads.names import SUBSTITUTE
from lead_automation.leads.phone import region_of
from lead_automation.leads.screening import Screened, describe_lead, judge_contact, judge_record
from lead_automation.models import ErrorCategory, Lead, Recipient
from lead_automation.runs import RunMode, SkipReason
from lead_automation.stored import Suppression

CONTACT_DEADLINE_S = 10.0
"""A look-up before a send is worth no longer wait: without an answer the send goes on."""

# A list of people who typed their own names has a few per cent of odd ones; of fewer than twenty
# rows, two are only chance.
_ROWS_TO_JUDGE = 20
_ODD_SHARE = 0.1

_log = logging.getLogger(__name__)


class Screening:
    """Examine the leads of one run; remembers which were attempted.

    Attributes:
        odd_rows: Rows without an id, a name or a number that can be used.
    """

    def __init__(self, services: Services) -> None:
        self._services = services
        self._template = services.settings.wati.template
        self._attempted: set[str] = set()
        self._quiet: Counter[str] = Counter()
        self.odd_rows = 0

    def examine(self, lead: Lead, position: int) -> Screened:
        """Return whom to write to now, or why not.

        A test send only has its number looked at. A dry run writes nothing down.

        Raises:
            ConfigError: TEST_MOBILE_NUMBER is no number that can be messaged.
        """
        settings = self._services.settings
        is_test = self._services.mode is RunMode.TEST
        number = settings.test_number if is_test else lead.mobile_number
        region = settings.local.default_region
        found = describe_lead(lead, position, number=number, region=region)
        self.odd_rows += bool(found.name_problem) or found.recipient is None
        if found.name_problem:
            text = "Lead %s is addressed as %s: %s"
            _log.info(text, found.row.lead_id, SUBSTITUTE, found.name_problem)
        if is_test:
            if found.recipient is None:
                msg = f"TEST_MOBILE_NUMBER cannot be messaged: {found.phone.problem}."
                raise ConfigError((msg,), hint="Correct TEST_MOBILE_NUMBER in config.env.")
            return found
        now = self._services.now()
        if found.recipient is not None:
            found = self._judged(found, found.recipient, now)
        if self._services.mode is not RunMode.DRY_RUN:
            self._remember(lead, found, now)
        return found

    def attempt(self, recipient: Recipient) -> None:
        """Remember a lead that is attempted, so that a second row of it is not."""
        self._attempted.update(_keys(recipient))

    def _judged(self, found: Screened, recipient: Recipient, now: datetime) -> Screened:
        ledger, state = self._services.ledger, self._services.state
        settings = self._services.settings
        lead_id, phone = recipient.lead_id, recipient.phone
        found = judge_record(
            found,
            is_listed_before=not self._attempted.isdisjoint(_keys(recipient)),
            suppression=state.suppressions.find(phone, now),
            blocking=ledger.find_duplicate(
                lead_id=lead_id,
                phone=phone,
                template=self._template,
                today=self._services.today(),
                within_days=settings.local.resend_after_days,
            ),
            spent=ledger.earlier_attempts(lead_id=lead_id, phone=phone, template=self._template),
            zone=self._services.zone,
        )
        if found.recipient is not None and (quiet := quiet_reason(self._services, phone)):
            self._quiet[region_of(phone)] += 1
            return replace(found, recipient=None, reason=SkipReason.QUIET_HOURS, text=quiet)
        if found.recipient is not None and self._services.settings.check_whatsapp:
            return judge_contact(found, self._look_up(phone))
        return found

    def warn_of_countries_never_reached(self) -> None:
        """Say, once for each country, that its hours and ours do not meet in the week ahead."""
        hours = self._services.settings.local.hours
        for region, count in self._quiet.items():
            if not ever_meets(self._services.clock.now(), zones_of(region), hours):
                text = (
                    "Leads of %s that no run can reach: %d. %s and the same hours in every zone "
                    "there never meet in a week (LEAD_LOCAL_HOURS)"
                )
                _log.warning(text, region, count, describe_hours(hours))

    def warn_of_odd_rows(self, fetched: int) -> None:
        """Say once where the list itself seems to be wrong; one odd row is only the log's."""
        if fetched >= _ROWS_TO_JUDGE and self.odd_rows > fetched * _ODD_SHARE:
            text = "Odd rows in the lead list: %d of %d lack a name, a number or an id to go by"
            _log.warning(text, self.odd_rows, fetched)

    def _look_up(self, phone: str) -> ContactVerdict | None:
        """Ask WATI for the contact, within its limit; no clear answer is None."""
        wati, runtime = self._services.wati, self._services.runtime
        while (wait_s := wati.contacts_wait_s()) > 0 and not runtime.stop.is_set:
            runtime.sleep(wait_s)
        return wati.check_whatsapp_status(phone, deadline_s=CONTACT_DEADLINE_S)

    def _remember(self, lead: Lead, found: Screened, now: datetime) -> None:
        """Keep an opt-out for good, and owe the CRM one row for a lead without a number."""
        ledger = self._services.ledger
        if found.category is ErrorCategory.OPT_OUT and found.phone.e164 is not None:
            # WATI's contact may be gone by the next run.
            self._services.state.suppressions.add(
                Suppression(
                    phone=found.phone.e164,
                    reason=f"{ErrorCategory.OPT_OUT.value}: {found.text}",
                    source="contact",
                    added_at=now,
                    until=None,
                )
            )
        is_invalid = found.recipient is None and found.reason is SkipReason.INVALID_NUMBER
        if is_invalid and not ledger.has_invalid_number(lead.lead_id):
            ledger.invalid_number(
                lead,
                day=self._services.today(),
                raw_phone=found.phone.e164 or found.phone.given,
                template=self._template,
                at=now,
                text=found.text,
            )


def _keys(recipient: Recipient) -> tuple[str, str]:
    """Return what makes two rows one lead; no phone begins as an id here does."""
    return f"id:{lead_key(recipient.lead_id)}", recipient.phone
