"""What goes wrong in a round: drawn from its seed, so that a round can be had again."""

import random
from dataclasses import dataclass

READS = ("retrieve", "list", "results")
LONGEST_DELAY = 0.6
"""Seconds that a create call may wait before its batch exists; `lost_after` is well above it."""


@dataclass(frozen=True)
class Attempt:
    """The faults ordered before a start, and the moment of its end: None lets it finish.

    `kill` with `share` is a moment in the course of an undisturbed run, else as `Forge.wait` takes it.
    """

    faults: dict
    kill: dict | None
    torn: bool = False


@dataclass(frozen=True)
class Plan:
    """A round. `seconds` is how long a batch takes, `bystanders` are batches of others of the same size."""

    name: str
    seed: int
    seconds: float
    latency: float
    bystanders: int
    attempts: tuple[Attempt, ...]


def plan_of(seed, number):
    rng = random.Random(f"{seed}:{number}")
    kills = rng.randint(1, 3)
    attempts = [Attempt(_faults(rng), _kill(rng), rng.random() < 0.2) for _ in range(kills)]
    return Plan(
        name=f"S{seed}R{number}",
        seed=rng.randrange(1_000),
        seconds=rng.choice((0.0, 0.0, rng.uniform(0.05, 0.6))),
        latency=rng.choice((0.0, 0.002, 0.01)),
        bystanders=rng.choice((0, 0, 2)),
        attempts=(*attempts, Attempt(_faults(rng), None)),
    )


def _kill(rng):
    """Anywhere in the run; or close to a create call, to its answer, to results that come home."""
    match rng.choices(("share", "intent", "submitted", "ended"), (4, 4, 2, 2))[0]:
        case "share":
            return {"share": rng.uniform(0.0, 1.3)}
        case "intent":
            return {"event": "intent", "nth": rng.randint(1, 9), "seconds": rng.choice((0.0, rng.uniform(0, 0.02)))}
        case event:
            return {"event": event, "nth": rng.randint(1, 6), "seconds": rng.uniform(0, 0.02)}


def _faults(rng):
    """Connections that drop before and after a call took effect, delays that let later calls pass, refusals, cuts."""
    faults = {"clear": True, "drop": [], "delay": [], "fail": [], "cut": []}

    def sometimes(chance, kind, most=2, **rule):
        if rng.random() < chance:
            faults[kind].append({**rule, "times": rng.randint(1, most)})

    sometimes(0.4, "drop", endpoint="create", when="before")
    sometimes(0.5, "drop", most=3, endpoint="create", when="after")
    sometimes(0.5, "delay", most=4, endpoint="create", seconds=rng.uniform(0.02, LONGEST_DELAY))
    sometimes(0.2, "fail", most=1, endpoint="create", status=rng.choice((429, 500, 529)))
    for endpoint in READS:
        sometimes(0.15, "drop", endpoint=endpoint, when=rng.choice(("before", "after")))
        sometimes(0.2, "delay", most=3, endpoint=endpoint, seconds=rng.uniform(0.02, 0.2))
        sometimes(0.1, "fail", most=1, endpoint=endpoint, status=rng.choice((429, 500, 529)))
    sometimes(0.3, "cut", after_lines=rng.randint(0, 9), inside=rng.random() < 0.5, abrupt=rng.random() < 0.5)
    return faults
