"""The commands, one module each, loaded when they are called. No rule is in them: those are in `core` and `runs`."""
