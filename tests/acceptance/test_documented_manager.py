"""`BatchManager` as the documents of 0.2.6 and 0.2.1 use it."""

import pytest
from pydantic import BaseModel

from batchata import BatchManager, Citation, load_results_from_disk

MODEL = "claude-haiku-5-5"
SUMMARY = {"total_items", "completed_items", "failed_items", "total_cost", "jobs_completed", "cost_limit_reached"}


class Bill(BaseModel):
    company_name: str
    total_amount: float
    invoice_number: str


def options(**more):
    usual = {
        "files": ["invoice1.pdf", "invoice2.pdf", "invoice3.pdf"],
        "prompt": "Extract invoice data",
        "model": MODEL,
        "response_model": Bill,
        "enable_citations": True,
        "items_per_job": 2,
        "max_parallel_jobs": 5,
        "max_cost": 50.0,
        "state_path": "batch_state.json",
    }
    return usual | more


@pytest.fixture
def manager(project):
    return BatchManager(**options(results_dir="results/"))


def test_the_long_example(manager, project, capsys):
    project.faults.outcome("refused", match=lambda custom_id: custom_id.endswith("-000001-1"))
    summary = manager.run(print_progress=True)
    assert capsys.readouterr().err
    assert summary.keys() >= SUMMARY
    assert (summary["total_items"], summary["completed_items"], summary["failed_items"]) == (3, 2, 1)

    retry_summary = manager.retry_failed()
    assert retry_summary.keys() >= SUMMARY | {"retry_count"}
    assert (retry_summary["completed_items"], retry_summary["failed_items"]) == (3, 0)
    assert (retry_summary["retry_count"], retry_summary["jobs_completed"]) == (1, 3)

    stats = manager.stats
    print(f"Completed: {stats['completed_items']}/{stats['total_items']}")
    print(f"Total cost: ${stats['total_cost']:.2f}")
    print(f"Results saved to: {stats['results_dir']}")
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == ["Completed: 3/3", "Total cost: $0.00"]
    assert lines[2].rstrip("/").endswith("results")

    results = manager.results()
    for entry in results:
        assert isinstance(entry["result"], Bill)
        assert entry["result"].company_name
        assert all(isinstance(each, Citation) for found in entry["citations"].values() for each in found)
    assert load_results_from_disk("results", Bill) == results


def test_it_resumes_by_itself(manager, project):
    manager.run()
    created = project.state()["create_calls"]
    assert BatchManager(**options(results_dir="results/")).run()["completed_items"] == 3
    assert project.state()["create_calls"] == created


def test_where_results_are_kept(manager, project, tmp_path):
    manager.run()
    assert len(list((tmp_path / "results" / "processed").iterdir())) == 2
    assert len(list((tmp_path / "results" / "raw").iterdir())) == 2


def test_the_former_names(project):
    with pytest.warns(DeprecationWarning, match="results_dir"):
        manager = BatchManager(**options(save_results_dir="saved/"))
    manager.run()
    with pytest.warns(DeprecationWarning, match=r"results\(\)"):
        results = manager.get_results_from_disk()
    assert results == manager.results() == load_results_from_disk("saved", Bill)
    assert len(results) == 3


def test_messages_without_anything_else(project):
    manager = BatchManager(messages=[[{"role": "user", "content": "Meeting at 3pm tomorrow"}]], model=MODEL)
    assert manager.run()["completed_items"] == 1
    assert manager.results()[0]["citations"] is None
    assert isinstance(manager.results()[0]["result"], str)
    assert list(project_files(manager)) == [".gitignore"]


def project_files(manager):
    return sorted(path.name for path in manager.state_path.parent.parent.iterdir() if path.is_file())


def test_two_runs_into_one_folder_do_not_mix(project):
    first = BatchManager(**options(results_dir="results"))
    first.run()
    second = BatchManager(**options(files=["document.pdf"], results_dir="results", state_path="other", cache=False))
    second.run()
    assert (len(first.results()), len(second.results())) == (3, 1)
    with pytest.raises(ValueError, match="run_id"):
        load_results_from_disk("results", Bill)
    assert load_results_from_disk("results", Bill, run_id=second.stats["run_id"]) == second.results()
