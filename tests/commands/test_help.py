"""What the commands say of themselves, and their completion."""

import inspect
import re
import subprocess
import sys

import pytest
from rich.console import Console

from batchata.cli import build
from batchata.commands.options import Inputs, Money, Places, Work, param_option, prompt_option, spec_from
from batchata.core.exits import MEANINGS, Exit, UsageError, exit_of, exit_table

COMMANDS = ("run", "estimate", "status", "results", "export", "retry", "cancel", "reconcile", "models", "simulate",
            "demo", "init")  # fmt: skip


@pytest.fixture(scope="module")
def app():
    return build()


def told(app, *command, width=100):
    console = Console(width=width, no_color=True)
    with console.capture() as capture:
        app.help_print(list(command), console=console)
    return capture.get()


def test_the_first_page_names_every_command_and_exit_code(app):
    page = told(app)
    assert all(re.search(rf"│ {name}  ", page) for name in COMMANDS)
    assert all(f"{code.value}  {meaning}" in page for code, meaning in MEANINGS.items())


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_teaches_with_examples_and_describes_every_option(app, name):
    page = told(app, name)
    assert f"Usage: batchata {name}" in page
    assert f"\n  batchata {name}" in page.split("Examples:")[1]
    for argument in app[name].assemble_argument_collection(parse_docstring=True):
        if argument.parse and argument.show:
            assert argument.parameter.help, argument.names
    assert all(len(line) <= 80 for line in told(app, name, width=80).splitlines())
    examples = page.split("Examples:")[1]
    assert max(map(len, examples.splitlines())) <= 80


def test_a_command_says_the_same_of_itself_on_both_pages(app):
    for name in COMMANDS:
        function = app[name].default_command
        first = (inspect.getdoc(function) or "").split("\n")[0]
        assert app[name].help.startswith(first.rstrip(".")), name


def test_every_option_of_an_example_exists(app):
    for name in COMMANDS:
        known = {each for argument in app[name].assemble_argument_collection() for each in argument.names}
        lines = re.sub(r"\\\n", "", told(app, name).split("Examples:")[1]).splitlines()
        for line in (each for each in lines if each.strip().startswith(f"batchata {name} ")):
            used = set(re.findall(r"(?<= )--?[a-z][a-z-]*", re.sub(r"#.*|\|.*|'[^']*'|\"[^\"]*\"", "", line)))
            assert used <= known | {"--help"}, line


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_knows_the_commands(app, shell):
    script = app.generate_completion(shell=shell)
    assert all(name in script for name in COMMANDS)
    assert "response-model" in script


def test_the_common_options_come_first(app):
    page = told(app, "run")
    order = [
        page.index(f"{name} ")
        for name in ("─ Most used", "--prompt", "--max-cost", "--out -o", "─ Input", "--delimiter", "--orchestrator")
    ]
    assert order == sorted(order)


def test_a_shell_takes_the_completion(app, tmp_path):
    script = tmp_path / "completion.bash"
    script.write_text(app.generate_completion(shell="bash"))  # noqa: S604 - the name of a shell
    assert subprocess.run(["bash", "-n", str(script)], capture_output=True).stderr == b""


def test_help_loads_no_command(tmp_path):
    script = "import sys; from batchata.cli import build; build().help_print([]); print(sorted(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert "batchata.commands.run" not in loaded.splitlines()[-1]
    assert not {"'anthropic'", "'prefect'", "'pydantic'"} & set(re.findall(r"'[\w.]+'", loaded.splitlines()[-1]))


@pytest.mark.parametrize(
    ("figures", "code"),
    [
        ((0, 0, 0), Exit.DONE),
        ((2, 0, 0), Exit.FAILED),
        ((2, 3, 0), Exit.LEFT),
        ((0, 3, 0), Exit.LEFT),
        ((2, 3, 4), Exit.IN_FLIGHT),
    ],
)
def test_what_is_still_open_counts_more(figures, code):
    failed, pending, in_flight = figures
    assert exit_of(failed=failed, pending=pending, in_flight=in_flight) == code


def test_the_table_has_every_code():
    assert [line.count("|") for line in exit_table().splitlines()] == [3] * (len(Exit) + 2)
    assert set(MEANINGS) == set(Exit)


def test_a_prompt_is_itself_or_the_file_that_is_there():
    assert prompt_option("Is this spam?") == {"prompt": "Is this spam?"}
    assert prompt_option("@odd name") == {"prompt_file": "odd name"}
    assert prompt_option("Describe what is in notes.txt") == {"prompt": "Describe what is in notes.txt"}
    with pytest.raises(UsageError, match="no such file"):
        prompt_option("prompt.txt")


def test_parameters_are_json_or_text():
    assert param_option('thinking={"type":"adaptive"}') == ("thinking", {"type": "adaptive"})
    assert param_option("system=Be brief.") == ("system", "Be brief.")
    with pytest.raises(UsageError):
        param_option("system")


def test_options_make_a_description(tmp_path):
    (tmp_path / "run.toml").write_text('model = "claude-opus-5-5"\nmax_cost = 3\n')
    (tmp_path / "schema.json").write_text('{"type": "object", "properties": {"a": {"type": "string"}}}')
    spec = spec_from(
        ["a.pdf"],
        Inputs(),
        Work(prompt="x", response_model="schema.json", params=["temperature=0.5"]),
        Money(max_cost=7),
        Places(config=tmp_path / "run.toml", state_dir="out"),
    )
    assert (spec.model, spec.max_cost, spec.on_cost_limit) == ("claude-opus-5-5", 7, "stop")
    assert spec.response_model == {"type": "object", "properties": {"a": {"type": "string"}}}
    assert spec.params == {"temperature": 0.5}
    assert spec.state_dir == "out"


def test_without_an_input_there_must_be_a_run_to_go_on_with(tmp_path):
    with pytest.raises(UsageError, match="no run in"):
        spec_from([], Inputs(), Places(state_dir=str(tmp_path)))
