"""Every setting, each declared once.

The loader reads them in this order and reports problems in it; ``config.env.example``,
``docs/settings.md``, ``check -v`` and the hints for misspelt names are made of them. A new setting
is one ``Key`` here and the field that it goes into, in ``lead_automation.config``.
"""

from lead_automation.config import MAX_BATCH_SIZE, ApiVersion, PhoneFormat, WatiPlan
from lead_automation.settings.declaration import Key, section
from lead_automation.settings.urls import (
    parse_alert_urls,
    parse_base_url,
    parse_heartbeat_url,
    parse_state_url,
    parse_url,
)
from lead_automation.settings.values import (
    choice_parser,
    count_parser,
    parse_channel_number,
    parse_dates,
    parse_days,
    parse_header_value,
    parse_label,
    parse_parameter_names,
    parse_path,
    parse_phone_text,
    parse_region,
    parse_seconds,
    parse_switch,
    parse_template_name,
    parse_timeout,
    parse_token,
    parse_word,
    parse_zone,
    time_parser,
)

_LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")

_API_VERSION = choice_parser({version.value: version for version in ApiVersion})
_PHONE_FORMAT = choice_parser({form.value: form for form in PhoneFormat})
_PLAN = choice_parser({plan.value: plan for plan in WatiPlan})
_LOG_LEVEL = choice_parser({level: level for level in _LOG_LEVELS})

# Far above what can be meant, so that a slip of the finger is noticed: fifty times the largest
# plan, and ten years.
_MAX_MONTHLY_CALLS = 1_000_000_000
_MAX_HISTORY_DAYS = 3650

# A table, not reformatted: name, place, form, default; then the meaning; then what is special.
# fmt: off
KEYS = (
    *section("WATI account and template",
        Key("WATI_API_KEY", "wati.api_key", parse_token, None,
            "Bearer token of the WATI API, with or without a leading 'Bearer '.",
            example="your_wati_api_key_here", required=True, secret=True),
        Key("WATI_BASE_URL", "", parse_base_url, None,
            "Address of the WATI API as the dashboard shows it (Connector > API).",
            example="https://live-server-12345.wati.io/api/v1", required=True, hide=True),
        Key("WATI_INSTANCE_ID", "", parse_word, None,
            "Tenant id: the number in the dashboard's own address.",
            example="your_instance_id", required=True),
        Key("WATI_API_VERSION", "wati.api_version", _API_VERSION, None,
            "v1 or v2 for single sends (v2's answers carry a message id), v3 for batches, which "
            "need a tenth of the calls.",
            default_text="the one in WATI_BASE_URL, else v1"),
        Key("BATCH_SIZE", "wati.batch_size", count_parser(MAX_BATCH_SIZE), "25",
            "Leads in one v3 call at most (count, up to 100). A run begins with 5 and earns more; "
            "a batch cannot be called back, so it is also whom a mistake meets."),
        Key("WATI_TEMPLATE_NAME", "wati.template", parse_template_name, None,
            "Element name of the approved template.",
            example="sagarps_leads_work_pr_settle_aus_aug25", required=True),
        Key("TEMPLATE_PARAMETERS", "wati.parameter_names", parse_parameter_names, "1,2,3",
            "Names of the template's parameters for lead name, counsellor name and counsellor "
            "phone, in this order."),
        Key("WATI_CHANNEL_NUMBER", "wati.channel_number", parse_channel_number, None,
            "Sender number, for accounts with several; sent when set.", hide=True),
        Key("BROADCAST_NAME", "wati.broadcast_name", parse_label, "lead_automation",
            "Label of the sends in the WATI dashboard."),
        Key("WATI_PLAN", "local.plan", _PLAN, "growth",
            "growth, pro or business: 30, 60 or 100 sends in 10 seconds."),
        Key("WATI_MONTHLY_CALLS", "local.monthly_calls", count_parser(_MAX_MONTHLY_CALLS), None,
            "WATI calls of a calendar month, sends and reads together (count).",
            default_text="the plan's: 10000, 200000 or 20000000")),
    *section("CRM",
        Key("LEAD_API_URL", "crm.lead_url", parse_url, None,
            "Address of the lead list.",
            example="https://evolgroups.com/lead/get-leads-basic-info/", required=True, hide=True),
        Key("LEAD_API_TOKEN", "crm.token", parse_header_value, None,
            "Whole Authorization value for both CRM addresses: 'Token ' and the token.",
            example="Token your_api_token_here", required=True, secret=True),
        Key("LEAD_OWNER_ID", "crm.owner_id", parse_word, "227",
            "Owner whose leads are asked for.", example="227"),
        Key("WATI_LOG_API_URL", "crm.log_url", parse_url, None,
            "Address of the CRM's message log.",
            example="https://evolgroups.com/lead/post-wati-msg-logs/", required=True, hide=True),
        Key("LEAD_FETCH_LIMIT", "crm.fetch_limit", count_parser(), "500",
            "Leads asked for in one run (count).")),
    *section("Counsellors",
        Key("COUNSELLORS_FILE", "local.counsellors", parse_path, None,
            'JSON file {"Anandi": {"number": "+919512270915", "daily_limit": 50}, ...}; '
            "daily_limit 0 means on leave. A relative path starts at this file's folder.",
            default_text="the nine built in, 50 messages a day each"),
        Key("COUNSELLOR_PHONE_FORMAT", "wati.phone_format", _PHONE_FORMAT, "e164",
            "How a counsellor's number stands in the message: e164 (+919512270915) or "
            "international (+91 95122 70915).")),
    *section("Working hours and numbers",
        Key("SCRIPT_START_TIME", "local.hours.start_minute", time_parser("23:59"), "09:00",
            "Sending starts (HH:MM in TIMEZONE, included)."),
        Key("SCRIPT_END_TIME", "local.hours.end_minute", time_parser("24:00"), "21:00",
            "Sending ends (HH:MM in TIMEZONE, not included; 24:00 allowed). Earlier than the "
            "start: the window crosses midnight and belongs to the day it began."),
        Key("WORKING_DAYS", "local.hours.days", parse_days, "Mon,Tue,Wed,Thu,Fri,Sat,Sun",
            "Days on which sending may start."),
        Key("CLOSED_DATES", "local.hours.closed", parse_dates, None,
            "Dates on which no sending may start, such as 2026-11-08,2026-12-25."),
        Key("TIMEZONE", "local.hours.zone", parse_zone, "Asia/Kolkata",
            "IANA zone of working hours and of the day that quotas count by."),
        Key("DEFAULT_REGION", "local.default_region", parse_region, "IN",
            "Two-letter region of numbers written without a country code."),
        Key("LEAD_LOCAL_HOURS", "local.lead_local_hours", parse_switch, "true",
            "Whether a number of another country than DEFAULT_REGION waits until the hours above "
            "hold in every zone of that country too: true or false.")),
    *section("Pace and network",
        Key("SEND_DELAY_MIN", "pacing.min_s", parse_seconds, "1.0",
            "Shortest wait from the start of one send to the start of the next (seconds)."),
        Key("SEND_DELAY_MAX", "pacing.max_s", parse_seconds, "2.0",
            "Longest wait (seconds); each wait is drawn anew between the two."),
        Key("CONNECT_TIMEOUT", "http.connect_timeout_s", parse_timeout, "10",
            "Patience for a connection (seconds, above 0)."),
        Key("READ_TIMEOUT", "http.read_timeout_s", parse_timeout, "30",
            "Patience for an answer (seconds, above 0); below 30, WATI's slow answers become "
            "unknown sends.")),
    *section("Following what became of a message",
        Key("TRACKING_FIRST_READ_SECONDS", "local.tracking.first_read_s", parse_seconds, "10",
            "Age at which a message's status is first read (seconds)."),
        Key("TRACKING_WAIT_SECONDS", "local.tracking.wait_s", parse_seconds, "30",
            "How long a run goes on following after its last send (seconds)."),
        Key("UNKNOWN_SETTLE_SECONDS", "local.tracking.settle_s", parse_seconds, "90",
            "Age before a send without a clear answer may be judged absent and be repeated "
            "(seconds). WATI was seen to send 50 s after a lost answer: stay well above.")),
    *section("Safety of the account",
        Key("META_QUALITY_STOP_AFTER", "safety.meta_quality_stop_after", count_parser(), "1",
            "Meta quality refusals among a run's messages that stop it (count)."),
        Key("META_QUALITY_STOP_SHARE", "safety.meta_quality_stop_share",
            count_parser(100, least=0), "0",
            "Share of a run's messages with a word of delivery or failure that must be such "
            "refusals too before the run stops (percent)."),
        Key("META_QUALITY_HOLD_DAYS", "safety.meta_quality_hold_days",
            count_parser(14, least=0), "0",
            "How long sending is held after such a stop: so many days more than to the end of the "
            "quota day (days). Meta's advice is to wait 3 to 7."),
        Key("FAILURE_STREAK_LIMIT", "safety.failure_streak_limit", count_parser(), "5",
            "Network or unclassified failures in a row that stop a run (count)."),
        Key("CHECK_WHATSAPP_STATUS", "check_whatsapp", parse_switch, "false",
            "Look each contact up before sending: true or false. One more WATI call a lead.")),
    *section("Somebody is told",
        Key("HEARTBEAT_URL", "", parse_heartbeat_url, None,
            "Pinged at the start and the end of each run, as healthchecks.io takes it: URL/start, "
            "then URL, or URL/EXITCODE where the run did not end with 0.", secret=True),
        Key("ALERT_URLS", "", parse_alert_urls, None,
            "Where it is told that a run needs somebody: addresses of the library Apprise (extra "
            "'alerts') such as slack://, tgram://, mailto:// or json://, with blanks or commas "
            "between.", secret=True)),
    *section("Test send",
        Key("USE_TEST_NUMBER", "use_test_number", parse_switch, "false",
            "Send the first lead's text to TEST_MOBILE_NUMBER instead: true or false. No quota, "
            "history or CRM row.",
            example="false"),
        Key("TEST_MOBILE_NUMBER", "test_number", parse_phone_text, None,
            "Receiver of test sends, with + and country code.",
            example="+91XXXXXXXXXX", hide=True)),
    *section("Files and log",
        Key("STATE_DIR", "local.state_dir", parse_path, ".",
            "Folder of state, log and reports, relative to the folder the program is started in. "
            "In production: outside the clone."),
        Key("STATE_URL", "local.state_url", parse_state_url, None,
            "PostgreSQL database that keeps the state in place of files, for several machines: "
            "postgresql://role@host/database. Log and reports stay in STATE_DIR; the password may "
            "stand in ~/.pgpass or PGPASSWORD.",
            secret=True),
        Key("HISTORY_DAYS", "local.history_days", count_parser(_MAX_HISTORY_DAYS), "7",
            "How long quota and history are kept (days)."),
        Key("RESEND_AFTER_DAYS", "local.resend_after_days", count_parser(_MAX_HISTORY_DAYS), None,
            "After how many days the same template may go to a number again (days, at most "
            "HISTORY_DAYS).", default_text="HISTORY_DAYS"),
        Key("KEEP_REPORTS_DAYS", "local.keep_reports_days",
            count_parser(_MAX_HISTORY_DAYS, least=0), "365",
            "How long the reports of runs are kept, from which days past the history are shown "
            "(days; 0: for ever; never less than HISTORY_DAYS)."),
        Key("IDLE_DAYS_ALERT", "local.idle_days_alert",
            count_parser(_MAX_HISTORY_DAYS, least=0), "3",
            "Days on which sending was allowed and no message was accepted, after which each run "
            "warns, and ALERT_URLS are told (0: never)."),
        Key("LOG_LEVEL", "local.log_level", _LOG_LEVEL, "INFO",
            "DEBUG, INFO, WARNING, ERROR or CRITICAL on the console; the log file has it all.")),
)
# fmt: on

CREDENTIALS = ("WATI_API_KEY", "WATI_BASE_URL", "WATI_INSTANCE_ID")
"""Without any of these the first problem begins ``Missing WATI credentials in config.env``."""

CRM_SETTINGS = ("LEAD_API_URL", "LEAD_API_TOKEN", "WATI_LOG_API_URL")
"""Not needed where leads come from a file, nor to read what became of messages."""

RECEIVERS = tuple(
    key
    for key in KEYS
    if key.name in ("HEARTBEAT_URL", "ALERT_URLS", "STATE_DIR", "TIMEZONE", "USE_TEST_NUMBER")
)
"""What has to be known to tell somebody that the settings are not right."""
