"""``resume``: show why sending is held, and lift the hold."""

from lead_automation.arguments import Arguments
from lead_automation.commands.common import WIDTH, SettingsSource, hold_document, hold_text, show
from lead_automation.errors import ConfigError
from lead_automation.state.hold import HoldFile
from lead_automation.world import World


def execute(arguments: Arguments, world: World) -> int:
    """Lift the hold after a yes; without a terminal only with ``--yes``.

    Raises:
        ConfigError: A hold is in force, nobody can be asked, and ``--yes`` is missing.
    """
    local = SettingsSource(arguments, world).load_local()
    holds = HoldFile(world.disk, local.state_dir)
    hold = holds.read()
    if hold is None:
        show(arguments, world, {"status": "not_held", "hold": None}, "Sending is not held.")
        return 0
    zone = local.hours.zone
    if not arguments.json:
        width = world.width(world.stdout) or WIDTH
        world.out(hold_text(hold, now=world.clock.now(), zone=zone, width=width))
    if not arguments.yes and not _agrees(world):
        show(
            arguments,
            world,
            {"status": "held", "hold": hold_document(hold, zone=zone)},
            "The hold stays.",
        )
        return 0
    holds.lift()
    document = {"status": "lifted", "hold": hold_document(hold, zone=zone)}
    show(arguments, world, document, "The hold is lifted; the next run sends again.")
    return 0


def _agrees(world: World) -> bool:
    if world.stdin is None or not world.is_terminal(world.stdin):
        problem = "Nobody can be asked here: repeat with --yes to lift the hold"
        raise ConfigError((problem,))
    world.err("Lift the hold? Type yes: ")
    return world.stdin.readline().strip().lower() in ("y", "yes")
