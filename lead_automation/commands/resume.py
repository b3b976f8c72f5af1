"""``resume``: show why sending is held, and lift the hold."""

from lead_automation.arguments import Arguments
from lead_automation.commands.common import WIDTH, SettingsSource, hold_document, hold_text, show
from lead_automation.errors import ConfigError
from lead_automation.runtime import Runtime
from lead_automation.state.open import open_state


def execute(arguments: Arguments, runtime: Runtime) -> int:
    """Lift the hold after a yes; without a terminal only with ``--yes``.

    Raises:
        ConfigError: A hold is in force, nobody can be asked, and ``--yes`` is missing.
    """
    local = SettingsSource(arguments, runtime).load_local()
    holds = open_state(local, runtime).hold
    hold = holds.read()
    if hold is None:
        show(arguments, runtime, {"status": "not_held", "hold": None}, "Sending is not held.")
        return 0
    zone = local.hours.zone
    if not arguments.json:
        width = runtime.width(runtime.stdout) or WIDTH
        runtime.out(hold_text(hold, now=runtime.clock.now(), zone=zone, width=width))
    is_agreed = arguments.yes or _agrees(runtime)
    text = "The hold stays."
    if is_agreed:
        holds.lift()
        text = "The hold is lifted; the next run sends again."
    status = "lifted" if is_agreed else "held"
    document = {"status": status, "hold": hold_document(hold, zone=zone)}
    show(arguments, runtime, document, text)
    return 0


def _agrees(runtime: Runtime) -> bool:
    if runtime.stdin is None or not runtime.is_terminal(runtime.stdin):
        problem = "Nobody can be asked here: repeat with --yes to lift the hold"
        raise ConfigError((problem,))
    runtime.err("Lift the hold? Type yes: ")
    return runtime.stdin.readline().strip().lower() in ("y", "yes")
