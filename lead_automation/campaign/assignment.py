"""A lead on its way: whom it is given to, and what was already tried."""

from dataclasses import dataclass

from lead_automation.models import Counsellor, Recipient
from lead_automation.runs import LeadRow


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """A lead given to a counsellor.

    Attributes:
        row: As the report shows it, the counsellor's name in it.
        parameter_order: Names of the template's parameters, in its order.
        spent: Attempts of earlier sends that proved absent; the next one is spent + 1.
        retry_of_row: Id of the owed CRM row a further attempt makes obsolete.
    """

    row: LeadRow
    recipient: Recipient
    counsellor: Counsellor
    parameter_order: tuple[str, ...]
    spent: int = 0
    retry_of_row: str | None = None
