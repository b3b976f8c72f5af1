"""What a dry run shows: who would get what from whom, in which batches."""

from collections.abc import Iterable

from lead_automation.campaign.ramp import planned_sizes
from lead_automation.models import Counsellor
from lead_automation.plaintext import pad
from lead_automation.runs import LeadRow, RunResult, shown_name

# Together with the counsellor and the number a line stays below 80 columns.
_NAME_WIDTH = 28
_PHONE_WIDTH = 16  # a plus and the 15 digits of E.164


def plan_text(result: RunResult, counsellors: Iterable[Counsellor], *, batch_size: int) -> str:
    """Return one line for each lead a real run would message; names as the template gets them.

    Args:
        result: The dry run's.
        counsellors: Whose numbers are shown.
        batch_size: Leads one POST carries at most; above 1 the batches are shown too.
    """
    numbers = {shown_name(its.name): its.number for its in counsellors}
    lines = [
        f"  {row.position:03}  {pad(row.name, _NAME_WIDTH)} {pad(row.phone, _PHONE_WIDTH)} "
        f"from {row.counsellor} {numbers.get(row.counsellor or '', '')}".rstrip()
        for row in _planned(result)
    ]
    if not lines:
        return "Nobody would get a message."
    if batch_size > 1:
        sizes = planned_sizes(len(lines), batch_size)
        shown = ", ".join(map(str, sizes))
        # The template's list, and for each batch its POST and its first read.
        calls = 1 + 2 * len(sizes)
        lines.append(f"In {len(sizes)} batches if all goes well ({shown}): {calls} WATI calls.")
    return "\n".join([f"Would get the template {result.template}:", *lines])


def batches_document(result: RunResult, batch_size: int) -> list[int]:
    """Return the sizes of the batches for ``--json``."""
    return planned_sizes(len(_planned(result)), batch_size)


def plan_document(result: RunResult) -> list[dict[str, object]]:
    """Return the same for ``--json``: ``[{"position": 1, "lead_id": "1001", …}]``."""
    return [
        {
            "position": row.position,
            "lead_id": row.lead_id,
            "name": row.name,
            "phone": row.phone,
            "counsellor": row.counsellor,
        }
        for row in _planned(result)
    ]


def _planned(result: RunResult) -> list[LeadRow]:
    return [row for row in result.rows if row.is_assigned]
