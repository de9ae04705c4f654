"""The Message Batches API on loopback, answered by rules and not by a model.

It takes what the API takes, refuses what the API refuses and bills as the API bills, so that a
program can be tried without a key and tested without the network. The answers are found in the
documents and messages that were sent, by rules anyone can read here; they say nothing about how well
a model would do. `ARCHITECTURE.md` in this folder is the map.
"""

from batchata.simulator.faults import Faults
from batchata.simulator.limits import Limits
from batchata.simulator.progress import AfterLooks, AtOnce, BySize, OnClock, Progress
from batchata.simulator.simulator import Simulator

__all__ = ["AfterLooks", "AtOnce", "BySize", "Faults", "Limits", "OnClock", "Progress", "Simulator"]
