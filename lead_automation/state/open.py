"""Find the state that settings name."""

from lead_automation.config import LocalSettings
from lead_automation.runtime import Runtime
from lead_automation.state.folder import make_folder_state
from lead_automation.state.state import State


def open_state(local: LocalSettings, runtime: Runtime) -> State:
    """Return the state these settings name; nothing is read yet."""
    folder, zone = local.state_dir, local.hours.zone
    if local.state_url is None:
        return make_folder_state(
            folder, disk=runtime.disk, history_days=local.history_days, zone=zone
        )
    from lead_automation.state.postgres import make_postgres_state  # noqa: PLC0415 - few need it

    return make_postgres_state(
        local.state_url,
        folder=folder,
        disk=runtime.disk,
        history_days=local.history_days,
        zone=zone,
    )
