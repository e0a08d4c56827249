"""Claims can fail, print the same line everywhere, and leave a ledger; the budget is one switch."""

import json
import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import daeutils as du
from daeutils.lessons import ClaimError

numbers = st.floats(-1e6, 1e6)


@pytest.fixture(autouse=True)
def no_ledger(monkeypatch):
    for name in ("DAE_LEDGER", "DAE_CHAPTER", "DAE_BUDGET"):
        monkeypatch.delenv(name, raising=False)


def said(capsys, *args, **kwargs) -> str:
    du.claim(*args, **kwargs)
    return capsys.readouterr().out


@given(value=numbers, low=numbers, high=numbers)
def test_a_claim_holds_within_its_bounds_and_nowhere_else(value, low, high):
    for kwargs, holds in [
        (dict(at_least=low), value >= low),
        (dict(at_most=high), value <= high),
        (dict(at_least=low, at_most=high), low <= value <= high),
    ]:
        if holds:
            du.claim("it", value, **kwargs)
        else:
            with pytest.raises(ClaimError, match="does not hold: it: the value is"):
                du.claim("it", value, **kwargs)


def test_bounds_are_included():
    du.claim("it", 0.1, at_least=0.1, at_most=0.1)


def test_the_line_does_not_tell_the_value(capsys):
    """It is stored in the notebooks and compared on every machine."""
    lines = {said(capsys, "the error is small", value, at_most=0.05) for value in (0.0312, 0.0147)}
    assert lines == {"holds: the error is small (<= 0.05)\n"}
    assert said(capsys, "both", 2, at_least=1, at_most=3) == "holds: both (>= 1 and <= 3)\n"
    assert said(capsys, "a fact", True) == "holds: a fact (true)\n"


@pytest.mark.parametrize("value", [True, np.True_, torch.tensor(True)])
def test_truth_values_need_no_bound(value):
    du.claim("it", value)
    with pytest.raises(ClaimError, match="expected true"):
        du.claim("it", not value)


@pytest.mark.parametrize("value", [0.5, 2, 1, 1.0, 0, 0.0, np.float64(1), torch.tensor(1.0), math.nan])
def test_a_number_without_a_bound_is_no_claim(value):
    with pytest.raises(ValueError, match=r"no bound; give at_least="):
        du.claim("it", value)


@pytest.mark.parametrize("bound", [dict(at_least=-1e9), dict(at_most=1e9)])
def test_nan_holds_nowhere(bound):
    with pytest.raises(ClaimError, match="nan"):
        du.claim("it", math.nan, **bound)
    with pytest.raises(ClaimError):
        du.claim("it", 1.0, **{key: math.nan for key in bound})


def test_a_claim_that_fails_is_an_assertion_that_says_what_to_do():
    with pytest.raises(AssertionError, match=r"value is 3, expected <= 2\. Run the chapter again"):
        du.claim("it", 3, at_most=2)


@pytest.mark.parametrize("cast", [float, np.float64, np.float32, torch.tensor])
def test_the_ledger_has_a_line_for_each_claim(cast, tmp_path, monkeypatch, capsys):
    ledger = tmp_path / "ledger.jsonl"
    monkeypatch.setenv("DAE_LEDGER", str(ledger))
    monkeypatch.setenv("DAE_CHAPTER", "02-tweedie")
    du.claim("α is small", cast(0.5), at_most=cast(1.0))
    with pytest.raises(ClaimError):
        du.claim("it is large", cast(0.5), at_least=cast(1.0), at_most=cast(2.0))
    du.claim("it is so", True)
    chapter = dict(chapter="02-tweedie")
    assert [json.loads(line) for line in ledger.read_text("utf-8").splitlines()] == [
        chapter | dict(claim="α is small", value=0.5, bound="<= 1", holds=True),
        chapter | dict(claim="it is large", value=0.5, bound=">= 1 and <= 2", holds=False),
        chapter | dict(claim="it is so", value=1.0, bound="true", holds=True),
    ]


def test_no_ledger_is_written_where_none_is_asked_for(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    du.claim("it", 1, at_least=0)
    assert not list(tmp_path.iterdir())


def test_the_budget_is_quick_unless_it_is_full(monkeypatch):
    assert du.budget(quick=10, full=1000) == 10
    for choice, expected in [("quick", 10), ("full", 1000)]:
        monkeypatch.setenv("DAE_BUDGET", choice)
        assert du.budget(quick=10, full=1000) == expected
    for choice in ("Full", "", "fast"):
        monkeypatch.setenv("DAE_BUDGET", choice)
        with pytest.raises(ValueError, match=r"DAE_BUDGET is .*expected 'quick' or 'full'"):
            du.budget(quick=10, full=1000)
