"""Find the state that settings name."""

from lead_automation.config import LocalSettings
from lead_automation.runtime import Runtime
from lead_automation.state.folder import FolderState
from lead_automation.state.hold import HoldFile
from lead_automation.state.state import State
from lead_automation.state.suppression import SuppressionFile


def open_state(local: LocalSettings, runtime: Runtime) -> State:
    """Return the state these settings name; nothing is read yet."""
    if local.state_url is not None:
        from lead_automation.state.postgres import make_postgres_state  # noqa: PLC0415 - few need it

        return make_postgres_state(
            local.state_url,
            folder=local.state_dir,
            disk=runtime.disk,
            history_days=local.history_days,
            zone=local.hours.zone,
        )
    return FolderState(
        folder=local.state_dir,
        suppressions=SuppressionFile(runtime.disk, local.state_dir),
        hold=HoldFile(runtime.disk, local.state_dir),
        history_days=local.history_days,
        zone=local.hours.zone,
        disk=runtime.disk,
    )
