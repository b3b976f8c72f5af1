"""The commands: each module has execute(arguments, world) -> exit code."""
