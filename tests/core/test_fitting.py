"""What is expected of items that were not counted, and how far off that may be."""

import random
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchata.core.fitting import Known, Total, Traits, fit, total_of, widened
from batchata.core.sampling import student


def items(chance, size, kinds):
    """What requests of these kinds hold, and their tokens: by no rule that a fit could know exactly."""
    made = []
    for _ in range(size):
        each = chance.choice(kinds)
        text = pages = patches = 0
        if each == "picture":
            patches = chance.randint(100, 3_000)
        else:
            pages = chance.randint(1, 8) if each == "pdf" else 0
            text = int(sum(chance.lognormvariate(7, 0.5) for _ in range(pages)) or chance.lognormvariate(8, 1))
        tokens = text * chance.gauss(0.33, 0.04) + 1_560 * pages + min(patches, 1_568) + 30
        size = 0.3 * text + 2_000 * pages + patches + 50
        made.append((Traits(size, (float(text), float(pages), float(patches))), max(tokens, 1.0)))
    return made


def of_sample(made, count, chance):
    """The total of those that are not sampled as it is told from those that are, and as it is; and the fit."""
    chosen = set(chance.sample(range(len(made)), count))
    known = [each for index, each in enumerate(made) if index in chosen]
    others = [each for index, each in enumerate(made) if index not in chosen]
    values = [tokens for _, tokens in known]
    found = fit([traits for traits, _ in known], values)
    stretch = found.stretch([traits for traits, _ in others])
    told = total_of(
        Known(values, found.fitted, found.alone, found.freedom, stretch), [found.expected(each) for each, _ in others]
    )
    return told, sum(tokens for _, tokens in others), found


def test_the_interval_holds_the_true_total_in_93_of_100_cases_at_least():
    chance = random.Random(20261122)
    held, reach, reach_of_mean, tries = 0, [], [], 250
    for _ in range(tries):
        kinds = chance.choice((["text"], ["text", "picture"], ["text", "pdf", "picture"]))
        made, count = items(chance, chance.randint(120, 600), kinds), chance.choice((12, 30, 60))
        told, true, _ = of_sample(made, count, chance)
        held += abs(told.value - true) <= told.reach
        reach.append(told.reach / true)
        left = len(made) - count
        spread = statistics.stdev(tokens for _, tokens in made)
        reach_of_mean.append(student(count - 1) * spread * (left * len(made) / count) ** 0.5 / true)
    assert held / tries >= 0.93
    assert statistics.median(reach) < statistics.median(reach_of_mean) / 4


@pytest.mark.parametrize(("tokens", "methods"), [
    (lambda size, pages, chance: chance.gauss(500, 50), {"mean", "regression"}),
    (lambda size, pages, chance: size * chance.gauss(0.7, 0.1), {"ratio", "regression"}),
    (lambda size, pages, chance: size * chance.gauss(0.3, 0.02) + 2_000 * pages, {"regression"}),
])  # fmt: skip
def test_a_method_that_fits_is_found(tokens, methods):
    chance = random.Random(3)
    made = []
    for _ in range(80):
        size, pages = chance.uniform(100, 9_000), float(chance.randint(0, 4))
        made.append((Traits(size, (size, pages)), tokens(size, pages, chance)))
    told, true, found = of_sample(made, 40, chance)
    assert found.method in methods
    assert told.value == pytest.approx(true, rel=0.06)
    assert told.reach < 0.12 * true


def test_what_follows_a_rule_is_told_exactly():
    made = []
    chance = random.Random(3)
    for _ in range(80):
        size, pages = chance.uniform(100, 9_000), float(chance.randint(0, 4))
        made.append((Traits(size, (size, pages)), 30 + 0.3 * size + 2_000 * pages))
    told, true, found = of_sample(made, 40, chance)
    assert found.method == "regression"
    assert told.value == pytest.approx(true)
    assert told.reach == pytest.approx(0, abs=1e-3)


def test_a_kind_that_was_hardly_counted_is_told_by_its_size():
    """One picture among the counted says nothing of how far off pictures are."""
    chance = random.Random(5)
    known = [*items(chance, 60, ["text"]), *items(chance, 1, ["picture"])]
    found = fit([traits for traits, _ in known], [tokens for _, tokens in known])
    picture = Traits(2_050.0, (0.0, 0.0, 2_000.0))
    assert 500 < found.expected(picture) < 4_000


def test_nothing_known_is_no_fit_and_one_gives_no_interval():
    assert fit([], []) is None
    one = fit([Traits(100.0, (100.0,))], [30.0])
    assert one.expected(Traits(200.0, (200.0,))) == pytest.approx(60)
    told = total_of(Known([30.0], one.fitted, one.fitted, one.freedom), [60.0])
    assert (told.value, told.reach) == (pytest.approx(60), None)


def test_the_whole_is_told_from_those_that_were_looked_at():
    chance = random.Random(11)
    held = 0
    for _ in range(300):
        values = [chance.lognormvariate(3, 0.6) for _ in range(400)]
        told = widened(Total(sum(values[:80]), 0.0), values[:80], 400)
        held += abs(told.value - sum(values)) <= told.reach
    assert held / 300 >= 0.93
    assert widened(Total(5.0, 1.0), [5.0], 1) == Total(5.0, 1.0)
    assert widened(Total(5.0, 1.0), [5.0], 3) == Total(15.0, None)


@given(st.lists(st.tuples(st.floats(1, 1e6), st.floats(0, 1e6)), min_size=2, max_size=40))
def test_a_fit_of_anything_can_be_used(points):
    traits = [Traits(size, (size, 1.0)) for size, _ in points]
    values = [value for _, value in points]
    found = fit(traits, values)
    told = total_of(Known(values, found.fitted, found.alone, found.freedom), [found.expected(each) for each in traits])
    assert told.reach >= 0
    assert sum(found.fitted) == pytest.approx(sum(values), rel=1e-6, abs=1e-6)
