"""``init``: create the two empty state files."""

from lead_automation.arguments import Arguments
from lead_automation.commands.common import SettingsSource, show
from lead_automation.state.jsonstore import init_state
from lead_automation.world import World


def execute(arguments: Arguments, world: World) -> int:
    """Create quota_usage.json and sent_messages.json as ``{}``; refuse to touch existing ones."""
    folder = SettingsSource(arguments, world).load_local().state_dir
    init_state(world.disk, folder)
    document = {"status": "completed", "state_dir": str(folder)}
    show(arguments, world, document, f"Created quota_usage.json and sent_messages.json in {folder}")
    return 0
