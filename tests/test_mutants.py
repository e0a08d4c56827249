"""The planted faults: each still has its place, and nearly all of them are caught."""

import ast
import json
import re

import book
import mutants
import pytest
from mutants import FAULTS, Fault

EACH = [(module, fault) for module, faults in FAULTS.items() for fault in faults]


@pytest.mark.parametrize(("module", "fault"), EACH, ids=[f"{m}: {f.breaks}" for m, f in EACH])
def test_a_fault_has_one_place_and_changes_a_module_that_still_parses(module, fault):
    sound, broken = mutants.source(module).read_text("utf-8"), mutants.planted(module, fault)
    assert ast.dump(ast.parse(sound)) != ast.dump(ast.parse(broken))


@pytest.mark.parametrize("old", ["no such text", "import"])
def test_a_fault_without_one_place_is_an_error(old):
    with pytest.raises(ValueError, match="times; expected once"):
        mutants.planted("score", Fault(old, "", "nothing"))


def test_almost_every_fault_is_caught_and_each_survivor_is_explained():
    """By the last `make mutants`, which asked about these faults and no others."""
    told = json.loads(mutants.RESULTS.read_text("utf-8"))
    rows = {(row["module"], row["breaks"]): row for row in told["faults"]}
    assert rows.keys() == {(module, fault.breaks) for module, fault in EACH}
    assert len(rows) == len(EACH) == told["planted"] >= 45
    survivors = [row for row in rows.values() if row["outcome"] != "caught"]
    assert told["caught"] == len(EACH) - len(survivors) >= 0.95 * len(EACH)
    assert all(row.get("why") for row in survivors)


@pytest.mark.parametrize("why", [None, "No test can see it."])
def test_the_page_counts_what_was_told_and_hides_no_survivor(why):
    told = json.loads(mutants.RESULTS.read_text("utf-8"))
    if why:
        told["faults"][1] |= {"outcome": "survived", "breaks": "something", "why": why}
    page = book.mutants_table(told)
    counts = [tuple(map(int, row)) for row in re.findall(r"^\| `\w+` \| (\d+) \| (\d+) \|", page, re.M)]
    caught = [row for row in told["faults"] if row["outcome"] == "caught"]
    assert tuple(map(sum, zip(*counts, strict=True))) == (len(EACH), len(caught))
    assert (f"something. {why}" in page) == bool(why)
