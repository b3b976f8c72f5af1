"""Whose quota a message uses: what each counsellor has left today, and who gets the next lead."""

import logging
from collections import Counter
from collections.abc import Mapping

from lead_automation.campaign.services import Services
from lead_automation.leads.counsellors import choose_counsellor, quota_left
from lead_automation.models import Counsellor
from lead_automation.text import clean

_MAX_NAME = 40  # recognisable in a line of the log

_log = logging.getLogger(__name__)


class CounsellorQuota:
    """The counsellors' quota of the day: the ledger's count, and what a dry run only plans.

    Attributes:
        planned: Messages a dry run would have sent, by counsellor.
    """

    def __init__(self, services: Services) -> None:
        self._services = services
        self.planned: Counter[str] = Counter()
        self._unknown: set[str] = set()

    def left(self) -> int:
        """Return how many messages may still be sent today, over all counsellors."""
        return quota_left(self._services.settings.local.counsellors, self._used())

    def choose(self, preferred: Counsellor | None = None) -> Counsellor | None:
        """Return who gets a lead; preferred keeps it while any quota is left. None: nobody has."""
        used = self._used()
        if preferred is not None and used.get(preferred.name, 0) < preferred.daily_limit:
            return preferred
        draw = self._services.runtime.chance()
        return choose_counsellor(self._services.settings.local.counsellors, used, draw)

    def named(self, name: object) -> Counsellor | None:
        """Return the counsellor a lead names, None where it names none we know; that is said once.

        Args:
            name: Any JSON value; case and blanks at its ends do not matter.
        """
        wanted = name.strip().casefold() if isinstance(name, str) else ""
        if not wanted:
            return None
        for counsellor in self._services.settings.local.counsellors:
            if counsellor.name.casefold() == wanted:
                return counsellor
        if wanted not in self._unknown:
            self._unknown.add(wanted)
            _log.warning(
                "No counsellor is called %s: those leads go to any", clean(name, _MAX_NAME)
            )
        return None

    def _used(self) -> Mapping[str, int]:
        used = self._services.ledger.used_today(self._services.today(), self._services.zone)
        return Counter(used) + self.planned if self.planned else used
