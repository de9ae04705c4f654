"""The commands, one module each, loaded when they are called. They hold no rule: what they do is in `core` and `runs`."""
