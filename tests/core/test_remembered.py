"""May a flow run that was started again go on with the ledger it finds?"""

import pytest

from batchata.core.remembered import Remembered, refusal, work_of


def remembered(**changes):
    usual = {"ledger": "/a.jsonl", "host": "one", "run_id": "r1", "work": "w", "start": "s1", "cancels": False}
    return Remembered(**(usual | changes))


HERE = remembered(host="two", start="s2")


@pytest.mark.parametrize(
    ("known", "said"),
    [
        ([], ""),
        ([remembered()], ""),
        ([remembered(ledger="/mounted/elsewhere.jsonl")], ""),
        ([remembered(run_id="r0", start="s2")], ""),
        (
            [remembered(run_id="r0")],
            "began on host one with the ledger /a.jsonl of run r0, which is not here (host two)",
        ),
        ([remembered(run_id="r0", work="another")], "nothing was sent"),
        ([remembered(run_id="r0", ledger="/b.jsonl")], "Give `state_path='/b.jsonl'` to go on"),
        ([remembered(run_id="r0", ledger="/b.jsonl", work="another")], ""),
        ([remembered(run_id="r0", ledger="/b.jsonl", start="s2")], ""),
        ([remembered(run_id="r0", ledger="/b.jsonl"), remembered()], ""),
    ],
)
def test_only_the_ledger_it_began_with(known, said):
    told = refusal(known, HERE)
    assert (said in told) if said else told == ""


def test_work_is_known_by_items_and_settings():
    works = {
        work_of({"model": "m"}, ["a", "b"]),
        work_of({"model": "m"}, ["ab"]),
        work_of({"model": "n"}, ["a", "b"]),
        work_of({"model": "m"}, ["a", "b", "c"]),
    }
    assert len(works) == 4


def test_a_record_is_read_back_and_has_a_key_that_prefect_takes():
    each = remembered()
    assert Remembered.model_validate_json(each.model_dump_json()) == each
    assert each.key.replace("-", "").isalnum()
    assert each.key != remembered(run_id="r2").key
