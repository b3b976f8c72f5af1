"""The command line: what can be asked, and the typed form of what was asked."""

import argparse
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

from lead_automation import __version__
from lead_automation.errors import ConfigError
from lead_automation.text import clean

PROGRAM = "lead-automation"
COMMANDS = (
    "run",
    "init",
    "check",
    "status",
    "track",
    "report",
    "resume",
    "suppress",
    "state",
    "sandbox",
)
SCENARIOS = ("everyday", "restricted", "credits", "outage", "batches")
FORMS = ("html", "json", "csv", "text")
_FORM_OF_NAME = {".html": "html", ".htm": "html", ".json": "json", ".csv": "csv"}
_VALUE_OPTIONS = frozenset({"--config", "--state-dir", "--leads"})
_TOP_LEVEL = frozenset({"-h", "--help", "--version"})
_MAX_PORT = 65_535
_MAX_COUNT = 10_000_000  # far above any number of messages or days
_NUMBER_HELP = "with + and country code, or as people write it in DEFAULT_REGION"


@dataclass(frozen=True, slots=True, kw_only=True)
class Arguments:
    """What was asked.

    Attributes:
        command: One of the commands of ``build_parser``.
        typed: The words of the command line as they were given.
        config: Settings file; None to look in the usual places.
        leads: CSV file in place of the CRM's lead list.
        sandbox: Scenario of ``run``; None for a run against the real services.
        port, scenario: Of the command ``sandbox``; 0 for any free port.
        action: Of ``suppress``: add, remove, list, import or sync; of ``state``: accept
            or copy.
        file: Of ``suppress import``.
        run_id: Of ``report``; None for the last run.
        days: Of ``report``: kept days instead of one run.
        list: Of ``report``: the kept runs instead of one.
    """

    command: str
    typed: tuple[str, ...] = field(default=(), compare=False)
    config: Path | None = None
    state_dir: Path | None = None
    verbose: bool = False
    quiet: bool = False
    json: bool = False
    no_color: bool = False
    limit: int | None = None
    dry_run: bool = False
    test: bool = False
    sandbox: str | None = None
    leads: Path | None = None
    port: int = 0
    scenario: str = SCENARIOS[0]
    yes: bool = False
    alert: bool = False
    action: str = ""
    phones: tuple[str, ...] = ()
    file: Path | None = None
    skip_bad: bool = False
    to: str = ""
    reason: str = ""
    run_id: str | None = None
    days: int | None = None
    list: bool = False
    form: str = "text"
    output: Path | None = None


class _Parser(argparse.ArgumentParser):
    """Raise what is wrong, so that it is told like every other error, with --json too."""

    def error(self, message: str) -> NoReturn:
        raise _usage_error(self.prog, message)


def parse_arguments(argv: Sequence[str]) -> Arguments:
    """Return the typed form of a command line.

    Raises:
        SystemExit: argparse has printed help or version.
        ConfigError: A usage error; the hint names the help to read.
    """
    # Not parse_args: it reports an unknown option under the program's name, without the command's.
    namespace, left = build_parser().parse_known_args(_with_command(argv))
    if left:
        prog, unknown = f"{PROGRAM} {namespace.command}", " ".join(left)
        msg = f"not understood here: {unknown}"
        raise _usage_error(prog, msg)
    known = {name: value for name, value in vars(namespace).items() if value is not None}
    _check_together(known)
    if "phones" in known:
        known["phones"] = tuple(known["phones"])
    return Arguments(typed=tuple(argv), **known)


def _check_together(known: dict[str, Any]) -> None:
    """Refuse options that contradict each other; take a report's form from its file's name."""
    prog = f"{PROGRAM} {known['command']}"
    if known.get("verbose") and known.get("quiet"):
        raise _usage_error(prog, "--verbose and --quiet contradict each other")
    output, form = known.get("output"), known.get("form")
    if known.get("json") and output is None and form not in (None, "json"):
        msg = f"--json and --format {form} contradict each other"
        raise _usage_error(prog, msg)
    if output is not None and form is None:
        known["form"] = _FORM_OF_NAME.get(output.suffix.lower(), "text")


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the whole command line."""
    everywhere = _common_options()
    parser = _Parser(
        prog=PROGRAM,
        description="Send an approved WhatsApp template to the CRM's leads through WATI: once\n"
        "each, within every limit. Without a command it is `run`.",
        epilog="Try it without any settings: python -m lead_automation run --sandbox",
        parents=[everywhere],
        # An abbreviation in a crontab would change its meaning as soon as options are added.
        allow_abbrev=False,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    add = partial(_add_command, commands, everywhere)
    _add_run(add("run", "one campaign run (the default command)", "run --limit 20"))
    add("init", "create an empty state: two files, or tables", "init --state-dir /var/lib/leads")
    check = add("check", "verify settings, WATI, template, CRM, state, clock and hours", "check")
    check.add_argument("--alert", action="store_true", help="send a trial alert to ALERT_URLS")
    _add_leads(check)
    add("status", "show today's use, messages, unsettled ones, hold and last run", "status --json")
    add("track", "read the delivery status of unsettled messages; sends nothing", "track")
    _add_report(
        add("report", "render the report of a run or of days", "report --days 7 --format csv")
    )
    resume = add("resume", "show why sending is held and lift the hold", "resume --yes")
    resume.add_argument(
        "--yes",
        action="store_true",
        help="lift the hold without asking (needed where no terminal is)",
    )
    suppress = add("suppress", "keep the list of numbers never to be messaged", "suppress list")
    _add_suppress(suppress, everywhere)
    _add_state(
        add("state", "copy the state elsewhere, or accept a restored one", "state accept"),
        everywhere,
    )
    text = "serve a simulated WATI and CRM here until Ctrl-C, and print its settings"
    _add_sandbox(add("sandbox", text, "sandbox --port 8080 --print-config sandbox.env"))
    return parser


def _add_command(
    commands: "argparse._SubParsersAction[_Parser]",
    everywhere: _Parser,
    name: str,
    text: str,
    example: str,
) -> _Parser:
    return commands.add_parser(
        name,
        help=text,
        description=f"{text[0].upper()}{text[1:]}.",
        epilog=f"example:\n  python -m lead_automation {example}",
        parents=[everywhere],
        allow_abbrev=False,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def _usage_error(prog: str, message: str) -> ConfigError:
    """Return a usage error; prog holds the command, such as ``lead-automation run``."""
    command = prog.removeprefix(PROGRAM)
    hint = f"See: python -m lead_automation{command} --help"
    return ConfigError((f"{prog}: {message}",), hint=hint)


def _common_options() -> _Parser:
    """Return the options every command takes, before or behind its name."""
    # No defaults: those of the parser behind the command would undo options given before it.
    options = _Parser(add_help=False, argument_default=argparse.SUPPRESS)
    group = options.add_argument_group("options of every command")
    group.add_argument("--config", metavar="FILE", type=Path, help="settings file (config.env)")
    group.add_argument("--state-dir", metavar="DIR", type=Path, help="state, log and reports")
    group.add_argument("-v", "--verbose", action="store_true", help="console at DEBUG")
    group.add_argument("-q", "--quiet", action="store_true", help="console at WARNING")
    group.add_argument(
        "--json", action="store_true", help="the result as one JSON object on stdout"
    )
    group.add_argument("--no-color", action="store_true", help="no colour")
    group.add_argument("--version", action="version", version=f"{PROGRAM} {__version__}")
    return options


def _add_run(parser: _Parser) -> None:
    parser.add_argument("--limit", metavar="N", type=_count, help="messages attempted at most")
    parser.add_argument(
        "--dry-run", action="store_true", help="show who would get what from whom; send nothing"
    )
    parser.add_argument(
        "--test", action="store_true", help="send to TEST_MOBILE_NUMBER (as USE_TEST_NUMBER=true)"
    )
    _add_leads(parser)
    parser.add_argument(
        "--sandbox",
        nargs="?",
        const=SCENARIOS[0],
        choices=SCENARIOS,
        metavar="SCENARIO",
        help="rehearse against a simulator on this machine, without settings: "
        + ", ".join(SCENARIOS),
    )


def _add_leads(parser: _Parser) -> None:
    text = "CSV file (lead_id, full_name, mobile_number_formatted) in place of the CRM's list"
    parser.add_argument("--leads", metavar="FILE", type=Path, help=text)


def _add_sandbox(parser: _Parser) -> None:
    text = "port of the simulated WATI, the CRM's is the next one; default: any free ones"
    parser.add_argument("--port", metavar="N", type=_port, default=0, help=text)
    parser.add_argument(
        "--scenario",
        choices=SCENARIOS,
        default=SCENARIOS[0],
        metavar="SCENARIO",
        help=", ".join(SCENARIOS) + "; default: %(default)s",
    )
    text = "write the settings to a new file too"
    parser.add_argument("--print-config", metavar="FILE", type=Path, dest="output", help=text)


def _add_report(parser: _Parser) -> None:
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--run", dest="run_id", metavar="ID", help="the run; default: the last one")
    which.add_argument("--days", metavar="N", type=_count, help="the last N kept days instead")
    which.add_argument("--list", action="store_true", help="the kept runs, newest first, instead")
    parser.add_argument(
        "--format", dest="form", choices=FORMS, help="default: by the name of --output, else text"
    )
    parser.add_argument("--output", metavar="FILE", type=Path, help="default: stdout")


def _add_suppress(parser: _Parser, everywhere: _Parser) -> None:
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    action = partial(_add_command, actions, everywhere)
    example = 'suppress add +919000000100 --reason "asked by phone"'
    add = action("add", "never message a number again", example)
    add.add_argument("phones", metavar="PHONE", nargs="+", help=_NUMBER_HELP)
    _add_reason(add, "asked not to be messaged")
    remove = action("remove", "take a number off the list", "suppress remove +919000000100")
    remove.add_argument("phones", metavar="PHONE", nargs="+", help=_NUMBER_HELP)
    action("list", "show the list, whole numbers", "suppress list --json")
    text = "suppress the numbers of a file: a CSV (column phone or the first) or a number a line"
    bring = action("import", text, "suppress import opted-out.csv")
    bring.add_argument("file", metavar="FILE", type=Path)
    _add_reason(bring, "imported")
    bring.add_argument(
        "--skip-bad", action="store_true", help="import the others where a line holds no number"
    )
    text = "suppress whoever does not allow broadcasts, by WATI's list of contacts"
    sync = action("sync", text, "suppress sync --yes")
    sync.add_argument("--yes", action="store_true", help="read the contacts without asking")


def _add_reason(parser: _Parser, default: str) -> None:
    text = "kept with the number; default: %(default)s"
    parser.add_argument("--reason", metavar="TEXT", default=default, help=text)


def _add_state(parser: _Parser, everywhere: _Parser) -> None:
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    text = "take leads as messaged that only the reports know of"
    accept = _add_command(actions, everywhere, "accept", text, "state accept --yes")
    accept.add_argument("--yes", action="store_true", help="accept without asking")
    text = "copy the whole state to an empty folder or database; the source stays as it is"
    copy = _add_command(
        actions, everywhere, "copy", text, "state copy --to postgresql://leads@db/leads"
    )
    copy.add_argument(
        "--to", metavar="TARGET", required=True, help="a folder, or postgresql://role@host/database"
    )


def _port(text: str) -> int:
    # The CRM's is the next one.
    if not re.fullmatch(r"[0-9]{1,5}", text) or not 1 <= int(text) < _MAX_PORT:
        msg = f"a port from 1 to {_MAX_PORT - 1} is expected, not {text[:20]!r}"
        raise argparse.ArgumentTypeError(msg)
    return int(text)


def _count(text: str) -> int:
    # int() alone would also accept signs, blanks, underscores and digits of other scripts.
    if not re.fullmatch(r"[0-9]{1,8}", text) or not 1 <= int(text) <= _MAX_COUNT:
        msg = f"a whole number from 1 up is expected, not {text[:20]!r}"
        raise argparse.ArgumentTypeError(msg)
    return int(text)


def _with_command(argv: Sequence[str]) -> list[str]:
    """Put the command in front of the options; ``run`` where none is named.

    So the options of ``run`` work alone, and every option works before the command as behind it.
    """
    if argv and (not argv[0].startswith("-") or argv[0] in _TOP_LEVEL):
        if argv[0] not in (*COMMANDS, *_TOP_LEVEL):
            near = get_close_matches(argv[0], COMMANDS, n=1)
            meant = f"did you mean {near[0]}?" if near else f"there are {', '.join(COMMANDS)}"
            msg = f"no command is called {clean(argv[0], 40)!r}; {meant}"
            raise _usage_error(PROGRAM, msg)
        return list(argv)
    for index, token in enumerate(argv):
        # In `--state-dir run` the word "run" names a folder.
        if token in COMMANDS and argv[index - 1] not in _VALUE_OPTIONS:
            return [token, *argv[:index], *argv[index + 1 :]]
    return ["run", *argv]
