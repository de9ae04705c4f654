"""Memory does not follow the number of rows: a process of its own says what the most was that it took."""

import subprocess
import sys
from pathlib import Path

CODE = """
import resource
from batchata.tables import arrow
from batchata.tables.arrow import write_parquet
from batchata.tables.gathering import Description
from batchata.tables.textual import write_csv
from tests.tables.support import record

arrow.GROUP_ROWS = 500

def records(count):
    for index in range(count):
        yield record(index, {"number": index, "text": f"{index:06d}" * 1_000})

with open("/dev/null", "wb") as file:
    for count in (1_000, 5_000):
        write_parquet(records(count), Description(), file)
        write_csv(records(count), Description(), file)
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""


def test_five_times_the_rows_take_the_same_memory():
    """The rows that follow the first thousand are 24 MB, which would be in memory more than once."""
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, cwd=root)
    assert not done.stderr
    first, second = map(float, done.stdout.split())
    assert second - first < 16, f"{first:.0f} MB at 1,000 rows, {second:.0f} MB at 5,000"
