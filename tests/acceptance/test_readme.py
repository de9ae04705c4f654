import re

import pytest

from batchata.core.exits import exit_table

from .conftest import ROOT

README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"^```python\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("number", range(len(BLOCKS)))
def test_every_block_of_the_readme_runs(project, number, capsys):
    exec(compile(BLOCKS[number], f"README.md block {number}", "exec"), {"__name__": "__main__"})  # noqa: S102
    assert capsys.readouterr().out


def test_there_are_blocks():
    assert len(BLOCKS) >= 5


def test_the_files_that_the_readme_links_to_are_there():
    for target in re.findall(r"\]\((?!https?:|#)([^)]+)\)", README):
        assert (ROOT / target).exists(), target


def test_the_exit_codes_are_those_of_the_code():
    assert exit_table() in README
