"""``init``: create the two empty state files."""

from lead_automation.arguments import Arguments
from lead_automation.commands.common import SettingsSource, show, state_to_write
from lead_automation.runtime import Runtime


def execute(arguments: Arguments, runtime: Runtime) -> int:
    """Create quota_usage.json and sent_messages.json as ``{}``; refuse to touch existing ones."""
    state = state_to_write(SettingsSource(arguments, runtime).load_local(), runtime)
    state.create()
    folder = state.folder
    document = {"status": "completed", "state_dir": str(folder)}
    show(
        arguments, runtime, document, f"Created quota_usage.json and sent_messages.json in {folder}"
    )
    return 0
