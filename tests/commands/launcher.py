"""Starts commands as processes of their own, without each of them paying for its imports.

Run as a module it loads everything a command needs and then forks for each line of JSON on its stdin:
`{"arguments", "folder", "environment", "files": [stdin, stdout, stderr], "status", "limits"}`. The files are opened by
the command's process, so that they may be pipes by name, terminals or devices; `status` is where its return code, and
before that its process id, are written.
"""

import gc
import json
import os
import resource
import signal
import sys
from importlib import import_module
from pathlib import Path

LOADED = ("anthropic", "genai_prices.data", "tokencost", "rich.prompt", "rich.live", "batchata.simulator", "httpx2")
COMMANDS = (
    "run",
    "retry",
    "cancel",
    "status",
    "results",
    "reconcile",
    "models",
    "export",
    "estimate",
    "init",
    "simulate",
)


def serve():
    for name in (*LOADED, *(f"batchata.commands.{each}" for each in COMMANDS)):
        import_module(name)
    import batchata.cli

    batchata.cli.build()
    gc.collect()
    gc.freeze()  # what is loaded is not looked through again when a command ends
    print("ready", flush=True)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for line in sys.stdin:
        if not os.fork():
            sys.stdin.close()
            watch(json.loads(line), batchata.cli.main)


def watch(order, main):
    """Between the two forks: waits for the command and tells how it ended."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.setsid()
    child = os.fork()
    if not child:
        become(order)
        write(order["status"] + ".pid", os.getpid())  # now that its terminal is open, ours may be closed
        main()
    _, status = os.waitpid(child, 0)
    write(order["status"], os.waitstatus_to_exitcode(status))
    os._exit(0)


def write(path, number):
    partial = Path(path + ".partial")
    partial.write_text(str(number))
    partial.rename(path)


def become(order):
    os.setsid()
    signal.signal(signal.SIGINT, signal.default_int_handler)  # as in a terminal, wherever these tests are started
    os.chdir(order["folder"])
    os.environ.clear()
    os.environ.update(order["environment"])
    for name, most in order["limits"].items():
        resource.setrlimit(getattr(resource, name), (most, most))
    for number, path in enumerate(order["files"]):
        opened = os.open(path, os.O_RDONLY if number == 0 else os.O_WRONLY)  # the first terminal becomes its own
        os.dup2(opened, number)
        os.close(opened)
    sys.stdin, sys.stdout, sys.stderr = (
        os.fdopen(number, "r" if number == 0 else "w", buffering=1 if os.isatty(number) else -1, closefd=False)
        for number in range(3)
    )
    sys.argv = ["batchata", *order["arguments"]]


if __name__ == "__main__":
    serve()
