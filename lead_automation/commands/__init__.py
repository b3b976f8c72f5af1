"""The commands: each module has execute(arguments, runtime) -> exit code."""
