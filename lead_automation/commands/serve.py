"""``sandbox``: serve the simulator of WATI and CRM for rehearsals of anything that calls them."""

from contextlib import ExitStack

from lead_automation.arguments import Arguments
from lead_automation.commands.common import show
from lead_automation.commands.sandbox import TEST_NUMBER
from lead_automation.errors import ConfigError, ExitCode
from lead_automation.files import write_atomic
from lead_automation.runtime import Runtime
from lead_automation.sandbox.scenarios import SCENARIOS
from lead_automation.sandbox.server import SandboxServer

# Beside no state of real messages: a run against these settings is one like any other.
_STATE_FOLDER = "sandbox-state"
_LOOK_S = 1.0  # a sleep ends by itself as soon as a stop is asked for


def execute(arguments: Arguments, runtime: Runtime) -> int:
    """Print settings that reach the simulator, and serve it until Ctrl-C; 0 then.

    Raises:
        ConfigError: The port is taken, or the file for the settings exists.
        StateError: That file could not be written.
    """
    scenario = SCENARIOS[arguments.scenario]
    path = arguments.output and runtime.folder / arguments.output
    if path is not None and runtime.disk.stamp(path) is not None:
        raise ConfigError((f"{path} exists; name a file that does not",))
    server = SandboxServer(scenario.build(runtime.clock), port=arguments.port)
    with ExitStack() as stack:
        try:
            stack.enter_context(server)
        except OSError as exc:
            ports = f"Ports {arguments.port} and {arguments.port + 1}"
            problem = f"{ports} cannot both be used: {exc.strerror or exc}"
            raise ConfigError((problem,)) from exc
        settings = {
            **scenario.settings(server.addresses),
            "TEST_MOBILE_NUMBER": TEST_NUMBER,
            "STATE_DIR": str(runtime.folder / _STATE_FOLDER),
        }
        text = "".join(f"{key}={_quoted(value)}\n" for key, value in settings.items())
        if path is not None:
            write_atomic(runtime.disk, path, text.encode())
        show(arguments, runtime, {"status": "serving", "settings": settings}, text)
        runtime.err(f"Serving {scenario.name} ({scenario.description}) until Ctrl-C.")
        named = path or "a file with these lines"
        runtime.err(f"Try: python -m lead_automation init --config {named}; then check, then run.")
        while not runtime.stop.is_set:
            runtime.sleep(_LOOK_S)
    return ExitCode.OK


def _quoted(value: str) -> str:
    """Return a value as ``config.env`` and a shell both read it."""
    return f"'{value}'" if " " in value else value
