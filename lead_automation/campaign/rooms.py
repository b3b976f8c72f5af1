"""The objects a run works with."""

from dataclasses import dataclass

from lead_automation.leads.crm import CrmClient
from lead_automation.reporting.analytics import CampaignAnalytics
from lead_automation.reporting.logger import OptimizedLogger
from lead_automation.reporting.progress import Progress
from lead_automation.state.hold import HoldFile
from lead_automation.state.ledger import Ledger
from lead_automation.state.suppression import SuppressionList
from lead_automation.wati.client import EnhancedWATIClient


@dataclass(frozen=True, slots=True, kw_only=True)
class Rooms:
    """One or two objects of each room.

    Attributes:
        ledger: Where this run's messages are reserved; in memory only for a test send.
        books: The state directory's ledger, which counts WATI's calls in every mode.
    """

    wati: EnhancedWATIClient
    crm: CrmClient
    ledger: Ledger
    books: Ledger
    suppressions: SuppressionList
    hold: HoldFile
    analytics: CampaignAnalytics
    log: OptimizedLogger
    progress: Progress
