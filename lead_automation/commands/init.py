"""``init``: create an empty state."""

from lead_automation.arguments import Arguments
from lead_automation.commands.common import SettingsSource, show, state_to_write
from lead_automation.runtime import Runtime


def execute(arguments: Arguments, runtime: Runtime) -> int:
    """Create the two state files, or the tables of the database; touch nothing that is there."""
    state = state_to_write(SettingsSource(arguments, runtime).load_local(), arguments, runtime)
    state.create()
    document = {"status": "completed", "state_dir": str(state.folder), "state": state.place}
    show(arguments, runtime, document, f"Created an empty state in {state.place}")
    return 0
