import json
import shutil
import subprocess
import sys
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

import pandas as pd
import pyarrow.parquet as pq
import pytest
from pydantic import AfterValidator, BaseModel
from upath import UPath

from batchata import BatchManager, InputError, OutputError
from batchata.core.reportfacts import ReportFacts
from batchata.exporting import WRITERS, export
from batchata.io import remote
from batchata.report.writing import report_writer
from batchata.runs.carrying import carry_out
from batchata.runs.exporting import export_run, exportable
from batchata.runs.folder import RunFolder
from batchata.runs.spec import spec_of
from batchata.simulator import Faults, Simulator
from batchata.tables.gathering import Description
from tests.urls import Unkind

MODELS = "from pydantic import BaseModel\n\n\nclass Contact(BaseModel):\n    name: str\n    age: float | None = None\n"
SCHEMA = {"title": "Contact", "type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}


class Contact(BaseModel):
    name: str


def names_in(path):
    return [each and each["name"] for each in pq.read_table(path).column("result").to_pylist()]


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    """The state folder of a run over three notes."""
    folder = tmp_path_factory.mktemp("original")
    (folder / "notes").mkdir()
    for name in ("Ada", "Edsger", "Grace"):
        (folder / "notes" / f"{name}.txt").write_text(f"Name: {name}")
    with Simulator(seed=7) as url, pytest.MonkeyPatch.context() as patch:
        patch.setenv("ANTHROPIC_BASE_URL", url)
        patch.setenv("ANTHROPIC_API_KEY", "none")
        patch.chdir(folder)
        carry_out(spec_of({
            "files": ["notes"], "prompt": "Who is it?", "model": "claude-haiku-5-5", "response_model": SCHEMA,
            "cache": False, "on_cost_limit": "stop", "state_dir": "run",
        }))  # fmt: skip
    return folder / "run"


@pytest.fixture
def folder(original, tmp_path):
    """Of the test's own."""
    return RunFolder(shutil.copytree(original, tmp_path / "run"))


def test_a_run_is_exported_from_its_folder(folder):
    exported = export_run(folder, "out.parquet")
    assert (exported.path, exported.rows, exported.items, exported.waiting) == ("out.parquet", 3, 3, 0)
    assert str(exported) == "3 rows in out.parquet"
    table = pq.read_table("out.parquet")
    assert names_in("out.parquet") == ["Ada", "Edsger", "Grace"]
    assert table.column("source").to_pylist() == ["notes/Ada.txt", "notes/Edsger.txt", "notes/Grace.txt"]
    assert all(isinstance(cost, Decimal) and cost > 0 for cost in table.column("cost").to_pylist())


@pytest.mark.parametrize(("to", "kind", "begins"), [
    ("out.jsonl", None, b'{"index":0,'),
    ("out.ndjson", None, b'{"index":0,'),
    ("OUT.CSV", None, b'"index","source",'),
    ("out.txt", "csv", b'"index","source",'),
    ("out.csv", "parquet", b"PAR1"),
])  # fmt: skip
def test_the_ending_or_a_word_says_the_format(folder, to, kind, begins):
    Path(to).write_text("an export of before")
    export_run(folder, to, format=kind)
    assert Path(to).read_bytes().startswith(begins)


@pytest.mark.parametrize("response_model", ["models.py:Contact", "contacts_of_tables:Contact", SCHEMA])
def test_it_is_exported_from_elsewhere_and_when_the_model_is_gone(
    simulator, notes, spec, tmp_path, monkeypatch, caplog, response_model
):
    modules = [tmp_path / "models.py", tmp_path / "contacts_of_tables.py"]
    for each in modules:
        each.write_text(MODELS)
    notes("Ada", "Edsger", "Grace")
    folder = RunFolder.at(carry_out(spec(files=["notes"], response_model=response_model))["state_path"])
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    export_run(folder, "one.parquet")
    assert names_in("one.parquet") == ["Ada", "Edsger", "Grace"]
    assert not caplog.records
    for each in modules:
        each.write_text(MODELS.replace("float", "int"))
    sys.modules.pop("contacts_of_tables", None)
    export_run(folder, "two.parquet")
    assert names_in("two.parquet") == ["Ada", "Edsger", "Grace"]
    expected = [] if response_model == SCHEMA else ["not the one that the run was made with"]
    assert [each for each in expected if each in caplog.text] == expected
    for each in modules:
        each.unlink()
    sys.modules.pop("contacts_of_tables", None)
    export_run(folder, "three.csv")
    assert Path("three.csv").read_text().count('"Ada"') == 1
    assert ("types guessed" in caplog.text) == (response_model != SCHEMA)


def test_a_run_that_is_under_way_says_what_is_not_in_it(hourly, notes, spec):
    notes("Ada", "Grace")
    folder = RunFolder.at(carry_out(spec(files=["notes"], wait=False))["state_path"])
    exported = export_run(folder, "out.jsonl")
    assert (exported.rows, exported.items, exported.waiting) == (0, 2, 2)
    assert str(exported) == "0 rows in out.jsonl; of the 2 items 2 have not ended yet"
    assert Path("out.jsonl").read_bytes() == b""
    export_run(folder, "out.csv")
    assert Path("out.csv").read_text().startswith('"index","source"')


def test_some_outcomes_only(point_to, notes, spec):
    simulator = Simulator(seed=7, faults=Faults().outcome("refused", indices=[1]))
    with simulator:
        point_to(simulator)
        notes("Ada", "Edsger", "Grace")
        folder = RunFolder.at(carry_out(spec(files=["notes"]))["state_path"])
    exported = export_run(folder, "out.csv", outcomes=["succeeded", "errored"])
    assert (exported.rows, exported.left_out) == (2, 1)
    assert str(exported) == "2 rows in out.csv; of the 3 items 1 has another outcome"
    frame = pd.read_csv("out.csv", dtype_backend="pyarrow")
    assert list(frame["outcome"]) == ["succeeded"] * 2
    assert export_run(folder, "out.csv", outcomes="refused").rows == 1
    frame = pd.read_csv("out.csv", dtype_backend="pyarrow")
    assert frame["reason"][0].startswith("the model refused")
    assert (frame["cost"][0] > 0, frame["result"][0]) == (True, pd.NA)
    with pytest.raises(InputError, match="there is no outcome failed, success; there are succeeded, "):
        export_run(folder, "out.csv", outcomes=["success", "failed"])


@pytest.mark.parametrize(("to", "kind", "told"), [
    ("out.xlsx", None, r"out.xlsx does not say in which format; .*jsonl \(.jsonl .ndjson\), csv \(.csv\), parquet"),
    ("out", None, "out does not say in which format"),
    ("out.csv", "excel", "there is no format 'excel' to export to; there are jsonl"),
])  # fmt: skip
def test_an_unknown_format_is_told_with_those_that_are_known(folder, to, kind, told):
    with pytest.raises(InputError, match=told):
        export_run(folder, to, format=kind)
    assert not Path(to).exists()


def test_what_is_no_run(tmp_path):
    with pytest.raises(InputError, match="is not the state folder of a run"):
        export_run(RunFolder(tmp_path), "out.csv")


def test_no_export_takes_the_place_of_what_the_run_needs(folder, tmp_path):
    raw = next((folder.results / "raw").iterdir())
    note = Path(folder.described().directory) / "notes" / "Ada.txt"
    Path("link.jsonl").symlink_to(folder.results / "processed")
    before = {path: path.read_bytes() for path in folder.path.rglob("*.jsonl")}
    for to in (
        folder.ledger,
        folder.description,
        note,
        raw,
        folder.results / "processed" / "all.jsonl",
        "link.jsonl/all.jsonl",
    ):
        with pytest.raises(InputError, match="is a file that the run itself needs; export to another one"):
            export_run(folder, str(to), format="jsonl")
    assert {path: path.read_bytes() for path in folder.path.rglob("*.jsonl")} == before
    export_run(folder, folder.path / "all.jsonl")
    assert len((folder.path / "all.jsonl").read_text().splitlines()) == 3


def test_the_input_is_not_overwritten(simulator, spec):
    line = json.dumps([{"role": "user", "content": "Name: Ada"}])
    Path("mail.jsonl").write_text(line)
    folder = RunFolder.at(carry_out(spec(messages_file="mail.jsonl", prompt=None))["state_path"])
    with pytest.raises(InputError, match="needs"):
        export_run(folder, "mail.jsonl")
    assert Path("mail.jsonl").read_text() == line


# places that cannot be written


def test_places_that_cannot_be_written_are_told_and_nothing_is_left_behind(folder, tmp_path):
    (tmp_path / "folder.csv").mkdir()
    before = sorted(tmp_path.rglob("*"))
    places = {
        "folder.csv": "is a folder; give the name of a file in it",
        "nowhere/out.csv": "the folder nowhere is not there; make it first",
        "/proc/out.csv": "/proc/out.csv cannot be written: .*Nothing was left behind",
        "/dev/full": "/dev/full cannot be written: .*No space left on device",
    }
    for to, told in places.items():
        with pytest.raises(OutputError, match=told):
            export_run(folder, to, format="csv")
    assert sorted(tmp_path.rglob("*")) == before


FULL = """
import resource, sys
from batchata import OutputError
from batchata.runs.exporting import export_run, exportable
from batchata.runs.folder import RunFolder
resource.setrlimit(resource.RLIMIT_FSIZE, (200, 200))
for to in ("out.csv", "out.parquet", "out.jsonl"):
    try:
        export_run(RunFolder.at(sys.argv[1]), to)
    except OutputError as error:
        print(error)
"""


def test_a_full_disk_leaves_what_was_there_before(folder, tmp_path):
    """A limit of the system on the size of a file stands for the disk."""
    for ending in ("csv", "parquet", "jsonl"):
        Path(f"out.{ending}").write_text("an export of before")
    before = sorted(tmp_path.rglob("*"))
    done = subprocess.run([sys.executable, "-c", FULL, str(folder.path)], capture_output=True, text=True)
    assert done.stderr == ""
    assert [line.split(":")[0] for line in done.stdout.splitlines()] == [
        f"out.{ending} cannot be written" for ending in ("csv", "parquet", "jsonl")
    ]
    assert sorted(tmp_path.rglob("*")) == before
    assert Path("out.parquet").read_text() == "an export of before"


# URLs


def test_an_export_to_a_url(folder, monkeypatch):
    monkeypatch.setattr(remote, "PAUSES", (0, 0))
    exported = export_run(folder, "memory://tables/out.parquet")
    assert exported.path == "memory://tables/out.parquet"
    assert pq.read_table(UPath("memory://tables/out.parquet").open("rb")).num_rows == 3
    Unkind.dials.is_down = True
    try:
        with pytest.raises(OutputError, match=r"tables/out\.csv cannot be written: SdkError: the endpoint"):
            export_run(folder, "unkind://tables/out.csv")
    finally:
        Unkind.dials.is_down = False


# managers


def test_a_manager_exports_what_it_has(simulator, notes):
    notes("Ada", "Grace")
    manager = BatchManager(files=["notes/Ada.txt", "notes/Grace.txt"], prompt="Who is it?", model="claude-haiku-5-5",
                           response_model=Contact, enable_citations=True, state_path="state.jsonl", cache=False,
                           client=None, orchestrator="local")  # fmt: skip
    assert (manager.export("out.csv").rows, manager.export("out.csv").waiting) == (0, 2)
    assert len(manager.to_dataframe()) == 0
    manager.run()
    assert manager.export("out.parquet").rows == 2
    assert names_in("out.parquet") == ["Ada", "Grace"]
    with pytest.raises(InputError, match="needs"):
        manager.export("state.jsonl")
    frame = manager.to_dataframe(flat=True)
    assert list(frame["result.name"]) == ["Ada", "Grace"]
    assert {"page.name", "citations"} < set(frame.columns)
    assert manager.to_dataframe("polars")["cost"].sum() == Decimal(str(manager.stats["total_cost"]))


def test_a_folder_that_only_has_a_ledger_is_exported_too(simulator, notes):
    notes("Ada")
    manager = BatchManager(files=["notes/Ada.txt"], prompt="Who is it?", model="claude-haiku-5-5", cache=False,
                           response_model=Contact, state_path="here/ledger.jsonl", orchestrator="local")  # fmt: skip
    manager.run()
    assert export_run(RunFolder.at("here/ledger.jsonl"), "out.parquet").rows == 1
    assert names_in("out.parquet") == ["Ada"]


class Odd(BaseModel):
    """Of one of three names it makes something that nobody can say."""

    name: Annotated[Any, AfterValidator(lambda name: b"\xff" if name == "Edsger" else name)]


@pytest.mark.parametrize("ending", ["jsonl", "csv", "parquet", "html"])
def test_a_result_that_cannot_be_said_is_missing_alone_and_told(folder, ending):
    run = replace(exportable(folder), description=Description(Odd))
    writers = {**WRITERS, "html": report_writer(ReportFacts("odd"))}
    exported = export(run, f"out.{ending}", kind=None, outcomes=(), writers=writers)
    assert (exported.rows, exported.export_errors) == (3, ending != "html")
    told = ". 1 row is without a result, for it cannot be said in JSON: export_error says why"
    assert str(exported) == f"3 rows in out.{ending}{told if ending != 'html' else ''}"
    if ending == "parquet":
        assert names_in("out.parquet") == ['"Ada"', None, '"Grace"']  # of any type, and so JSON
        errors = pq.read_table("out.parquet").column("export_error").to_pylist()
        assert [bool(each) for each in errors] == [False, True, False]
