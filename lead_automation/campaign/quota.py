"""Whose quota a message uses: what each counsellor has left today, and who gets the next lead."""

from collections import Counter
from collections.abc import Mapping

from lead_automation.campaign.services import Services
from lead_automation.leads.counsellors import choose_counsellor, quota_left
from lead_automation.models import Counsellor


class CounsellorQuota:
    """The counsellors' quota of the day: the ledger's count, and what a dry run only plans.

    Attributes:
        planned: Messages a dry run would have sent, by counsellor.
    """

    def __init__(self, services: Services) -> None:
        self._services = services
        self.planned: Counter[str] = Counter()

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

    def _used(self) -> Mapping[str, int]:
        used = self._services.ledger.quota_used(self._services.today())
        return Counter(used) + self.planned if self.planned else used
