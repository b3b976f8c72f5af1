"""Forty invented leads, one or more for every way a message can end.

Names and numbers are made up: nobody real is meant, and no message ever leaves the machine. The
Indian numbers only look valid; the foreign one is of the range kept free for fiction.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from lead_automation.sandbox.plans import Plan, Step, failing, refused

# A minute of the real thing is about a second here, as the sandbox shortens every wait.
READ: Final = Plan(history=(Step(0.1, "SENT"), Step(0.4, "DELIVERED"), Step(0.8, "READ")))
_READ_LATER: Final = Plan(history=(Step(0.1, "SENT"), Step(0.7, "DELIVERED"), Step(2.5, "READ")))
_READ_UNDELIVERED: Final = Plan(history=(Step(0.1, "SENT"), Step(0.9, "READ")))
_ANSWERED: Final = Plan(history=READ.history, says=((0.9, "Yes, please call me."),))
_DELIVERED: Final = Plan(history=(Step(0.1, "SENT"), Step(0.6, "DELIVERED")))
_SENT: Final = Plan(history=(Step(0.1, "SENT"),))
_ODD_WORD: Final = Plan(history=(Step(0.1, "QUEUED_BY_OPERATOR"),))
_NO_ROW: Final = Plan(appears_after_s=None)
_LOST: Final = Plan(lost_answers=1, history=READ.history)
_RATE_LIMITED: Final = Plan(rate_limited=1, history=READ.history)
_BAD_NUMBER: Final = refused("Invalid WhatsApp number")
_NOT_ON_WHATSAPP: Final = Plan(on_whatsapp=False, contact_status="INVALID")
_LATE_NOT_ON_WHATSAPP: Final = failing("Message undeliverable", after_s=0.6)
_OPTED_OUT: Final = failing("131050 User has stopped marketing messages", after_s=0.5)
_META_OUTAGE: Final = failing("131016 Service unavailable", after_s=0.6)
_EXPERIMENT: Final = failing("130472 User's number is part of an experiment", after_s=0.6)
_META_UNKNOWN: Final = failing("131000 Something went wrong", after_s=0.6)


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleLead:
    """A row of the lead list and what becomes of its message.

    Attributes:
        row: As the CRM lists it.
        plan: Of its number; None where no message can leave.
        number: Digits, as WATI knows it; "" where there is none.
    """

    row: Mapping[str, object]
    plan: Plan | None = None
    number: str = ""


def _lead(lead_id: object, name: object, mobile: str, plan: Plan | None = None) -> SampleLead:
    """Return a lead whose number's digits follow from how it is written, if it is a number."""
    digits = "".join(char for char in mobile if char.isdecimal()).lstrip("0")
    if not mobile.startswith("+"):
        digits = f"91{digits}"
    row = {"lead_id": lead_id, "full_name": name, "mobile_number_formatted": mobile}
    return SampleLead(row=row, plan=plan, number=digits if plan else "")


SAMPLE_LEADS: Final = (
    _lead(1001, "Aarohi Deshpandey", "+919000000101", READ),
    _lead(1002, "विवान कुलकर्णिया", "9000000102", READ),
    _lead(1003, "Ishwari Patelkar", "+91 90000 00103", _DELIVERED),
    _lead(1004, "કાવ્યા શાહવાલા", "09000000104", _READ_LATER),
    _lead(1005, "Devansh Not-a-Number", "12345"),
    _lead(1006, "Meenakshi Iyerson", "+919000000106", _DELIVERED),
    _lead(1007, "தமிழ்ச்செல்வி முருகா", "+919000000107", READ),
    _lead(1008, "Rudra Chavanesh", "+919000000108", _NOT_ON_WHATSAPP),
    _lead(1009, "Anvi Joshipura", "+91-90000-00109", READ),
    _lead(1010, "অনন্যা সেনশর্মা", "+919000000110", _READ_UNDELIVERED),
    _lead(1011, "Kabir Rathodiya", "+919000000111", _RATE_LIMITED),
    _lead(1012, "Saanvi Naiksen", "+919000000112", READ),
    _lead(1013, "Yuvan Thakkarji", "+919000000113", _DELIVERED),
    _lead("1014", "https://free-visa.example", "+919000000114", READ),
    _lead(1015, "ಚಿನ್ಮಯಿ ಗೌಡರಾಜ", "+919000000115", _LOST),
    _lead(1016, "Nirvi Solankesh", "+919000000116", _LATE_NOT_ON_WHATSAPP),
    _lead(1017, "Reyansh Bhattika", "+919000000117", READ),
    _lead(1018, "మనస్విని రెడ్డియార్", "+919000000118", _SENT),
    _lead(1019, "Zara O'Fictional", "+1 202 555 0143", _DELIVERED),
    SampleLead(row={"full_name": "Nobody's row", "mobile_number_formatted": "+919000000120"}),
    _lead(1021, "Advik Mehtaraj", "+919000000121", _OPTED_OUT),
    _lead(1022, "ക്ഷേമ നായർ‍കുട്ടി", "+919000000122", READ),
    _lead(1023, "Tara   Kaurwal ", "+919000000123", _META_OUTAGE),
    _lead(1024, "Vihaan Twice-Listed", "+919000000112"),
    _lead(1025, "ਗੁਰਲੀਨ ਸਿੰਘਾਨੀਆ", "+919000000125", _READ_LATER),
    _lead(1026, "Myra Bansalkar", "+919000000126", _ANSWERED),
    _lead(1027, "Shaurya Vermani", "+919000000127", _ODD_WORD),
    _lead(1028, "Pihu Agarwalla", "+919000000128", READ),
    _lead(1029, "श्रेया क्‍षीरसागरे", "+919000000129", _DELIVERED),
    _lead(1030, "Arjun Pillaisen", "+919000000130", _EXPERIMENT),
    _lead(1031, "Navya Gokhalekar", "+919000000131", READ),
    _lead(1032, "Atharv Bad-Luck", "+919000000132", _BAD_NUMBER),
    _lead(1033, "ଅଭିଜିତ ମହାନ୍ତିଆ", "+919000000133", _DELIVERED),
    _lead(1034, "Kiara Desaiwala", "+919000000134", _NO_ROW),
    _lead(1035, "", "+919000000135", READ),
    _lead(1036, "Dhruv Choudharam", "+919000000136", _META_UNKNOWN),
    _lead(1037, "Ira Nambiaresh", "+919000000137", READ),
    _lead(1038, "فرحان قریشیان", "+919000000138", _SENT),
    _lead(1039, "Diya Two-Numbers", "+919000000139\n+919000000199"),
    _lead(1040, "Om Prakashwala", "+919000000140", READ),
)
"""Forty rows in the order the CRM lists them; failures stand apart, so that no streak forms."""


def sample_rows() -> list[Mapping[str, object]]:
    """Return the rows as the CRM lists them."""
    return [lead.row for lead in SAMPLE_LEADS]


def sample_plans() -> dict[str, Plan]:
    """Return what becomes of messages, by number (digits)."""
    return {lead.number: lead.plan for lead in SAMPLE_LEADS if lead.plan is not None}


def plain_rows(count: int) -> list[dict[str, object]]:
    """Return so many leads whose numbers work."""
    return [
        {
            "lead_id": 5001 + place,
            "full_name": f"Sample Lead {place + 1}",
            "mobile_number_formatted": f"+{_plain_number(place)}",
        }
        for place in range(count)
    ]


def plain_plans() -> dict[str, Plan]:
    """Return what is different for some of them: one opted out, one answers, one is unreachable."""
    odd = {3: _OPTED_OUT, 12: _ANSWERED, 40: _LATE_NOT_ON_WHATSAPP}
    return {_plain_number(place): plan for place, plan in odd.items()}


def _plain_number(place: int) -> str:
    return f"9190000005{place:02}"
