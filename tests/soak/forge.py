"""A process that imports everything once and then forks simulators and workers, each a process of its own.

Starting Python and importing the SDK takes seconds of CPU, a fork takes milliseconds, so that hundreds of kills
are affordable. The forge has no thread, so a fork is safe; HTTP clients are made in the children. It also kills:
only a parent can be sure that a process id is still that of its child. When it ends, or is killed, its children
end too.
"""

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
import traceback
from pathlib import Path

ROOT = Path(__file__).parents[2]
STEP = 0.0005


class Forge:
    """The forge as seen from the process that gives the orders."""

    def __init__(self):
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("ANTHROPIC_", "PREFECT_"))}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.soak.forge"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT, env=environment,
            start_new_session=True,
        )  # fmt: skip

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if kind is not None:  # it may be waiting for a worker
            self._process.kill()
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait(timeout=30)

    @property
    def pid(self):
        return self._process.pid

    def simulate(self, **options):
        """A simulator of its own: `seed`, `latency`, `seconds` (until a batch ends; 0 is at once). Its pid and url."""
        answer = self._ask(do="simulate", **options)
        return answer["pid"], answer["url"]

    def start(self, job):
        """A worker of the job (see `work.manager_of`); its pid."""
        return self._ask(do="start", job=job)["pid"]

    def wait(self, pid, kill=None, timeout=60.0):
        """Until the worker ends: its return code as subprocess has it, how long it took, whether it was killed.

        `kill` is a moment: `{"seconds": s}` after the start, or `{"event": name, "nth": n, "seconds": s}` after the
        n-th line of that event in the ledger since the start.
        """
        return self._ask(do="wait", pid=pid, kill=kill, timeout=timeout)

    def run(self, job, kill=None, timeout=60.0):
        return self.wait(self.start(job), kill, timeout)

    def stop(self, pid):
        """Kills a simulator or a worker."""
        self._ask(do="stop", pid=pid)

    def _ask(self, **order):
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the forge died at {order}; what it said is on stderr")
        return json.loads(line)


class Smithy:
    """The forge itself."""

    def __init__(self):
        self._life = os.pipe()
        self._workers = {}
        self._simulators = set()

    def serve(self):
        for line in sys.stdin:
            order = json.loads(line)
            answer = getattr(self, order.pop("do"))(**order)
            sys.stdout.write(json.dumps(answer) + "\n")
            sys.stdout.flush()

    def close(self):
        for pid in (*self._workers, *self._simulators):
            self.stop(pid)

    def simulate(self, **options):
        told, tell = os.pipe()
        pid = self._fork(lambda: simulate(tell, **options))
        self._simulators.add(pid)
        os.close(tell)
        with os.fdopen(told) as file:
            return {"pid": pid, "url": file.readline().strip()}

    def start(self, job):
        from tests.soak.work import ledger_of, work

        ledger, log = ledger_of(job["folder"]), Path(job["folder"]) / "log.txt"
        size = ledger.stat().st_size if ledger.exists() else 0
        pid = self._fork(lambda: work(job), log)
        self._workers[pid] = (ledger, size, time.monotonic())
        return {"pid": pid}

    def wait(self, pid, kill, timeout):
        ledger, size, began = self._workers.pop(pid)
        moment = Moment(kill, ledger, size, began) if kill else None
        killed = late = False
        while not (ended := os.waitpid(pid, os.WNOHANG))[0]:
            late = late or time.monotonic() - began > timeout
            if not killed and (late or (moment is not None and moment.has_come())):
                os.kill(pid, signal.SIGKILL)
                killed = True
            time.sleep(STEP)
        code = os.waitstatus_to_exitcode(ended[1])
        return {"code": code, "seconds": time.monotonic() - began, "killed": code == -signal.SIGKILL, "late": late}

    def stop(self, pid):
        self._workers.pop(pid, None)
        self._simulators.discard(pid)
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        return {}

    def _fork(self, child, log=Path(os.devnull)):
        if threading.active_count() > 1:
            raise RuntimeError("the forge has a thread; a fork would be half a process")
        sys.stdout.flush()
        if pid := os.fork():
            return pid
        code = 1
        try:
            self._become_child(log)
            child()
            code = 0
        except KeyboardInterrupt:
            code = 128 + signal.SIGINT
        except SystemExit as error:
            code = error.code
        except BaseException:
            traceback.print_exc()
        finally:
            with contextlib.suppress(OSError):
                sys.stderr.flush()
            os._exit(code)

    def _become_child(self, log):
        """The forge's own conversation is not the child's, and the child ends when the forge does."""
        alive, end = self._life
        os.close(end)
        threading.Thread(target=lambda: os._exit(1 + len(os.read(alive, 1))), daemon=True).start()
        null = os.open(os.devnull, os.O_RDWR)
        said = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        for number, file in enumerate((null, said, said)):
            os.dup2(file, number)
        random.seed()


class Moment:
    """When a worker is to be killed."""

    def __init__(self, kill, ledger, size, began):
        self._kill, self._ledger, self._began = kill, ledger, began
        self._position, self._left = size, kill.get("nth", 0)
        self._word = b'"event":"%b"' % kill.get("event", "").encode()
        self._since = None if self._left else began

    def has_come(self):
        if self._since is None:
            self._read()
        return self._since is not None and time.monotonic() >= self._since + self._kill["seconds"]

    def _read(self):
        if not self._ledger.exists() or self._ledger.stat().st_size <= self._position:
            return
        with self._ledger.open("rb") as file:
            file.seek(self._position)
            new = file.read()
        new = new[: new.rfind(b"\n") + 1]
        self._position += len(new)
        self._left -= new.count(self._word)
        if self._left <= 0:
            self._since = time.monotonic()


def simulate(tell, *, seed=0, latency=0.0, seconds=0.0):
    """Serves until it is killed, or the forge is gone."""
    from batchata.simulator import AtOnce, OnClock, Simulator

    with Simulator(seed=seed, latency=latency, progress=OnClock(seconds) if seconds else AtOnce()) as url:
        os.write(tell, f"{url}\n".encode())
        os.close(tell)
        signal.pause()


def main():
    import anthropic  # noqa: F401 - so that the children have it
    import genai_prices.data  # noqa: F401

    from tests.soak import work  # noqa: F401

    smithy = Smithy()
    try:
        smithy.serve()
    finally:
        smithy.close()


if __name__ == "__main__":
    main()
