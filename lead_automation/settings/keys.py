"""List every setting: name, default, meaning and unit.

One table for the reader of the settings, the order of its problems, ``config.env.example`` and the
README's table, so that they cannot drift apart.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """One setting.

    Attributes:
        group: Heading it stands under in ``config.env.example``.
        meaning: For the operator, with the unit.
        default: What an unset or empty value means, as it would be written; None where there is
            none.
        default_text: Said instead of a default that is no fixed value.
        example: Its value in ``config.env.example``; None: commented out there, with the default.
        required: No run without it.
        secret: Never shown.
        hide: No secret, but its value is kept out of messages: a number, or an address that may
            hold a password by mistake.
    """

    name: str
    group: str
    meaning: str
    default: str | None = None
    default_text: str = ""
    example: str | None = None
    required: bool = False
    secret: bool = False
    hide: bool = False

    @property
    def shown_default(self) -> str:
        """The default as README and example show it."""
        if self.default is not None:
            return self.default
        return self.default_text or ("required" if self.required else "none")


_WATI = "WATI account and template"
_CRM = "CRM"
_COUNSELLORS = "Counsellors"
_HOURS = "Working hours and numbers"
_PACE = "Pace and network"
_FOLLOWING = "Following what became of a message"
_SAFETY = "Safety of the account"
_TEST = "Test send"
_FILES = "Files and log"

KEYS = (
    Key(
        name="WATI_API_KEY",
        group=_WATI,
        meaning="Bearer token of the WATI API, with or without a leading 'Bearer '.",
        example="your_wati_api_key_here",
        required=True,
        secret=True,
        hide=True,
    ),
    Key(
        name="WATI_BASE_URL",
        group=_WATI,
        meaning="Address of the WATI API as the dashboard shows it (Connector > API).",
        example="https://live-server-12345.wati.io/api/v1",
        required=True,
        hide=True,
    ),
    Key(
        name="WATI_INSTANCE_ID",
        group=_WATI,
        meaning="Tenant id: the number in the dashboard's own address.",
        example="your_instance_id",
        required=True,
    ),
    Key(
        name="WATI_API_VERSION",
        group=_WATI,
        meaning="API for single sends: v1, or v2, whose answers carry a message id.",
        default_text="the one in WATI_BASE_URL, else v1",
    ),
    Key(
        name="WATI_TEMPLATE_NAME",
        group=_WATI,
        meaning="Element name of the approved template.",
        example="sagarps_leads_work_pr_settle_aus_aug25",
        required=True,
    ),
    Key(
        name="TEMPLATE_PARAMETERS",
        group=_WATI,
        meaning="Names of the template's parameters for lead name, counsellor name and counsellor "
        "phone, in this order.",
        default="1,2,3",
    ),
    Key(
        name="WATI_CHANNEL_NUMBER",
        group=_WATI,
        meaning="Sender number, for accounts with several; sent when set.",
        hide=True,
    ),
    Key(
        name="BROADCAST_NAME",
        group=_WATI,
        meaning="Label of the sends in the WATI dashboard.",
        default="lead_automation",
    ),
    Key(
        name="WATI_PLAN",
        group=_WATI,
        meaning="growth, pro or business: 30, 60 or 100 sends in 10 seconds.",
        default="growth",
    ),
    Key(
        name="WATI_MONTHLY_CALLS",
        group=_WATI,
        meaning="WATI calls of a calendar month, sends and reads together (count).",
        default_text="the plan's: 10000, 200000 or 20000000",
    ),
    Key(
        name="LEAD_API_URL",
        group=_CRM,
        meaning="Address of the lead list.",
        example="https://evolgroups.com/lead/get-leads-basic-info/",
        required=True,
        hide=True,
    ),
    Key(
        name="LEAD_API_TOKEN",
        group=_CRM,
        meaning="Whole Authorization value for both CRM addresses: 'Token ' and the token.",
        example="Token your_api_token_here",
        required=True,
        secret=True,
        hide=True,
    ),
    Key(
        name="LEAD_OWNER_ID",
        group=_CRM,
        meaning="Owner whose leads are asked for.",
        default="227",
        example="227",
    ),
    Key(
        name="WATI_LOG_API_URL",
        group=_CRM,
        meaning="Address of the CRM's message log.",
        example="https://evolgroups.com/lead/post-wati-msg-logs/",
        required=True,
        hide=True,
    ),
    Key(
        name="LEAD_FETCH_LIMIT",
        group=_CRM,
        meaning="Leads asked for in one run (count).",
        default="500",
    ),
    Key(
        name="COUNSELLORS_FILE",
        group=_COUNSELLORS,
        meaning='JSON file {"Anandi": {"number": "+919512270915", "daily_limit": 50}, ...}; '
        "daily_limit 0 means on leave. A relative path starts at this file's folder.",
        default_text="the nine built in, 50 messages a day each",
    ),
    Key(
        name="SCRIPT_START_TIME",
        group=_HOURS,
        meaning="Sending starts (HH:MM in TIMEZONE, included).",
        default="09:00",
    ),
    Key(
        name="SCRIPT_END_TIME",
        group=_HOURS,
        meaning="Sending ends (HH:MM in TIMEZONE, not included; 24:00 allowed). Earlier than the "
        "start: the window crosses midnight and belongs to the day it began.",
        default="21:00",
    ),
    Key(
        name="WORKING_DAYS",
        group=_HOURS,
        meaning="Days on which sending may start.",
        default="Mon,Tue,Wed,Thu,Fri,Sat,Sun",
    ),
    Key(
        name="TIMEZONE",
        group=_HOURS,
        meaning="IANA zone of working hours and of the day that quotas count by.",
        default="Asia/Kolkata",
    ),
    Key(
        name="DEFAULT_REGION",
        group=_HOURS,
        meaning="Two-letter region of numbers written without a country code.",
        default="IN",
    ),
    Key(
        name="SEND_DELAY_MIN",
        group=_PACE,
        meaning="Shortest wait from the start of one send to the start of the next (seconds).",
        default="1.0",
    ),
    Key(
        name="SEND_DELAY_MAX",
        group=_PACE,
        meaning="Longest wait (seconds); each wait is drawn anew between the two.",
        default="2.0",
    ),
    Key(
        name="CONNECT_TIMEOUT",
        group=_PACE,
        meaning="Patience for a connection (seconds, above 0).",
        default="10",
    ),
    Key(
        name="READ_TIMEOUT",
        group=_PACE,
        meaning="Patience for an answer (seconds, above 0); below 30, WATI's slow answers become "
        "unknown sends.",
        default="30",
    ),
    Key(
        name="TRACKING_FIRST_READ_SECONDS",
        group=_FOLLOWING,
        meaning="Age at which a message's status is first read (seconds).",
        default="10",
    ),
    Key(
        name="TRACKING_WAIT_SECONDS",
        group=_FOLLOWING,
        meaning="How long a run goes on following after its last send (seconds).",
        default="30",
    ),
    Key(
        name="UNKNOWN_SETTLE_SECONDS",
        group=_FOLLOWING,
        meaning="Age before a send without a clear answer may be judged absent and be repeated "
        "(seconds). WATI was seen to send 50 s after a lost answer: stay well above.",
        default="90",
    ),
    Key(
        name="META_QUALITY_STOP_AFTER",
        group=_SAFETY,
        meaning="Meta quality refusals among a run's messages that stop it (count).",
        default="1",
    ),
    Key(
        name="FAILURE_STREAK_LIMIT",
        group=_SAFETY,
        meaning="Network or unclassified failures in a row that stop a run (count).",
        default="5",
    ),
    Key(
        name="CHECK_WHATSAPP_STATUS",
        group=_SAFETY,
        meaning="Look each contact up before sending: true or false. One more WATI call a lead.",
        default="false",
    ),
    Key(
        name="USE_TEST_NUMBER",
        group=_TEST,
        meaning="Send the first lead's text to TEST_MOBILE_NUMBER instead: true or false. No "
        "quota, history or CRM row.",
        default="false",
        example="false",
    ),
    Key(
        name="TEST_MOBILE_NUMBER",
        group=_TEST,
        meaning="Receiver of test sends, with + and country code.",
        example="+917567905829",
        hide=True,
    ),
    Key(
        name="STATE_DIR",
        group=_FILES,
        meaning="Folder of state, log and reports, relative to the folder the program is started "
        "in. In production: outside the clone.",
        default=".",
    ),
    Key(
        name="HISTORY_DAYS",
        group=_FILES,
        meaning="How long quota and history are kept, and a number is not sent the same template "
        "again (days).",
        default="7",
    ),
    Key(
        name="LOG_LEVEL",
        group=_FILES,
        meaning="DEBUG, INFO, WARNING, ERROR or CRITICAL on the console; the log file has it all.",
        default="INFO",
    ),
)

KEYS_BY_NAME = {key.name: key for key in KEYS}

CREDENTIALS = ("WATI_API_KEY", "WATI_BASE_URL", "WATI_INSTANCE_ID")
"""Without any of these the first problem begins ``Missing WATI credentials in config.env``."""

OWN_PREFIX = "LEAD_AUTOMATION_"
"""Names that configure how the program starts (``LEAD_AUTOMATION_CONFIG``), not a run."""

PREFIXES = tuple(sorted({key.name.split("_")[0] + "_" for key in KEYS if "_" in key.name}))
"""How our settings begin; an unknown name that begins so is probably a misspelt one."""

DISTINCT_PREFIXES = ("COUNSELLORS_", "LEAD_", "META_", "SCRIPT_", "SEND_", "TRACKING_", "WATI_")
"""Those that no other program's environment variables begin with; ``STATE_`` and ``LOG_``, say,
are systemd's and everybody's."""
