"""``resume``: show why sending is held, and lift the hold."""

from lead_automation.arguments import Arguments
from lead_automation.commands.common import (
    WIDTH,
    SettingsSource,
    agrees,
    hold_document,
    hold_text,
    show,
    state_to_write,
)
from lead_automation.errors import StateError
from lead_automation.runtime import Runtime
from lead_automation.state.state import State
from lead_automation.text import safe_text

_SHOWN_BYTES = 400  # of a damaged file: as long as a reason may be


def execute(arguments: Arguments, runtime: Runtime) -> int:
    """Lift the hold after a yes; without a terminal only with ``--yes``.

    Raises:
        ConfigError: A hold is in force, nobody can be asked, and ``--yes`` is missing.
        StateError: The file cannot be read at all, or not be taken away.
    """
    local = SettingsSource(arguments, runtime).load_local()
    state = state_to_write(local, arguments, runtime)
    try:
        hold = state.hold.read()
    except StateError as error:
        return _lift_damaged(state, error, arguments, runtime)
    if hold is None:
        document: dict[str, object] = {"status": "not_held", "hold": None}
        show(arguments, runtime, document, "Sending is not held.", state=state)
        return 0
    zone = local.hours.zone
    if not arguments.json:
        width = runtime.width(runtime.stdout) or WIDTH
        runtime.out(hold_text(hold, now=runtime.clock.now(), zone=zone, width=width))
    is_agreed = _is_agreed(arguments, runtime)
    text = "The hold stays."
    if is_agreed:
        state.hold.lift()
        text = "The hold is lifted; the next run sends again."
    status = "lifted" if is_agreed else "held"
    document = {"status": status, "hold": hold_document(hold, zone=zone)}
    show(arguments, runtime, document, text, state=state)
    return 0


def _lift_damaged(state: State, error: StateError, arguments: Arguments, runtime: Runtime) -> int:
    """Show what stands in a file that says no hold we know, and take it away after a yes."""
    begins = safe_text(state.hold.raw()[:_SHOWN_BYTES].decode(errors="replace"), _SHOWN_BYTES)
    problem = safe_text(error, _SHOWN_BYTES)
    if not arguments.json:
        runtime.out(f"The hold cannot be read: {problem}\nThe file begins: {begins}")
    document: dict[str, object] = {"status": "held", "problem": problem, "begins": begins}
    text = "The hold stays."
    if _is_agreed(arguments, runtime):
        kept = state.hold.set_aside(runtime.clock.now())
        document |= {"status": "lifted", "kept": kept}
        text = f"The hold is lifted; the next run sends again. The damaged file is kept: {kept}"
    show(arguments, runtime, document, text, state=state)
    return 0


def _is_agreed(arguments: Arguments, runtime: Runtime) -> bool:
    return arguments.yes or agrees(runtime, "Lift the hold?", "to lift the hold")
