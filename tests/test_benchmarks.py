"""The benchmarks: apart are the data that train, choose and report; tables are what the rows say."""

import importlib
import importlib.util
import json
from functools import cache, partial

import images
import measure
import nbformat
import numpy as np
import objects
import pandas as pd
import peers
import pytest
import report
import run
import scores
import seeds
import speed
import torch
from store import ROOT, Store
from torch import nn
from torch.optim.optimizer import register_optimizer_step_pre_hook

import daeutils as du

RING = du.ring()
SMOOTH, SIGMAS = {"rtol": 1e-4, "atol": 1e-4}, [0.2, 0.025]


def needs(name: str):
    absent = importlib.util.find_spec(name) is None
    return pytest.mark.skipif(absent, reason=f"{name} is not installed: {peers.INSTALL}")


def rows_of(x: torch.Tensor) -> set:
    return set(map(tuple, x.flatten(1).tolist()))


# --- Data that train, choose and report ---------------------------------------------------------------


def test_no_digit_trains_and_judges_or_chooses_and_reports():
    sets = {split: rows_of(measure.digits(split)) for split in measure.SEEDS}
    assert [len(sets[split]) for split in ("train", "choose", "report")] == [8000, 1000, 1000]
    assert not sets["train"] & (sets["choose"] | sets["report"]) and not sets["choose"] & sets["report"]
    assert sets["choose"] | sets["report"] == rows_of(du.digits("test")[0])


def test_no_point_trains_and_judges_or_chooses_and_reports():
    sets = [rows_of(measure.points(RING, split, 500)[0]) for split in measure.SEEDS]
    assert all(not a & b for i, a in enumerate(sets) for b in sets[:i])


def test_a_score_is_judged_on_fresh_points(monkeypatch):
    """The training points would be a second draw of the same generator."""
    seen = []

    class Watched(du.GaussianMixture):
        def sample(self, n, generator=None):
            seen.append(generator.initial_seed())
            return super().sample(n, generator)

    ring = Watched(RING.means, RING.covariances, RING.weights)
    monkeypatch.setitem(scores.DISTRIBUTIONS, "ring", ring)
    task = scores.Task("ring", 300, (0.1,), 0, 0)
    scores.measure_errors(scores.KERNEL, task, "report", scores.QUICK)
    train, judge = seen
    assert train == measure.SEEDS["train"] and judge == measure.SEEDS["report"] != train


def test_an_exact_score_has_no_error_and_zero_has_the_error_one():
    def exact(x_noisy, sigma):
        return RING.smooth(sigma).score(x_noisy.double())

    assert measure.score_error(exact, RING, 0.1, n=1000) < 1e-12
    assert measure.score_error(lambda x, sigma: 0 * x, RING, 0.1, n=1000) == pytest.approx(1)


@pytest.mark.parametrize("task", ["points", "images"])
def test_a_network_is_judged_on_the_set_that_is_named(task, monkeypatch):
    asked, network = [], measure.network_of(task, 0)
    own = {"points": measure.points, "images": measure.digits}[task]

    def watched(*arguments):
        asked.append(arguments[0] if task == "images" else arguments[1])
        return own(*arguments)

    monkeypatch.setattr(measure, own.__name__, watched)
    errors = [measure.error_of(network, task, split) for split in ("choose", "report")]
    assert asked == ["choose", "report"] and errors[0] != errors[1]


def test_images_are_judged_by_test_digits_of_both_halves():
    """Training digits would have the distance 0 to themselves, and halves differ."""
    splits = ("train", "choose", "report")
    train, choose, report = (images.judge(measure.digits(split)[:1000]) for split in splits)
    assert report["frechet"] < 1e-3 < 10 < min(train["frechet"], choose["frechet"])
    assert choose["choose"] < 1e-3 and report["near"] == report["coverage"] == 1 and train["near"] == 0


def test_labels_kept_are_those_that_the_classifier_still_sees():
    x = measure.digits("train")[:100]
    labels = du.evaluation.probabilities(x).argmax(1)
    labels[:25] = (labels[:25] + 1) % 10
    assert images.judge(x, labels)["labels kept"] == 0.75


def test_the_starting_noise_has_the_mean_in_its_name():
    for name, mean in images.MEANS.items():
        assert name.endswith(f"{mean:g}")
        assert images.draw(name, 100, 0).mean().item() == pytest.approx(mean, abs=0.02)
    of_digits = images.MEANS["noise, mean 0.13"]
    assert measure.digits("train").mean().item() == pytest.approx(of_digits, abs=0.005)


# --- Rates, first passages, intervals -----------------------------------------------------------------

STEPS = ((50, 0.5), (100, 0.2), (150, 0.3), (200, 0.1))
CURVE = [{"steps": s, "seconds": s / 10, "error": e} for s, e in STEPS]
PASSAGES = [(0.5, 50), (0.25, 100), (0.2, 100), (0.15, 200), (0.05, None)]


@pytest.mark.parametrize(("target", "steps"), PASSAGES)
def test_a_first_passage_is_the_earliest_whatever_comes_after(target, steps):
    passage = measure.first_passage(CURVE[::-1], target)
    assert (passage and passage["steps"]) == steps


@pytest.mark.parametrize("best", [1e-5, 1e-3, 3e-3, 0.2])
def test_a_grid_of_rates_grows_until_the_best_is_inside(best):
    tried = []
    found = measure.best_rate(lambda lr: tried.append(lr) or abs(np.log(lr / best)), (1e-3, 3e-3, 9e-3))
    assert min(tried) < found < max(tried) and abs(np.log(found / best)) < np.log(3)


def test_a_grid_whose_best_rate_stays_at_an_edge_is_refused():
    with pytest.raises(RuntimeError, match="still at an edge"):
        measure.best_rate(lambda lr: -lr, (1e-3, 1e-2))


def test_a_rate_is_chosen_by_steps_and_then_by_nearness():
    assert speed.cost(CURVE, 0.2) < speed.cost(CURVE[:1] + CURVE[3:], 0.2) < speed.cost(CURVE, 0.05)
    assert speed.cost(CURVE, 0.05) < speed.cost(CURVE[:3], 0.05)


def race(way, lr, seed, split, curve):
    settings = {"part": "accuracy", "task": "points", "way": way, "lr": lr, "seed": seed, "split": split}
    return [
        settings | {"steps": steps, "seconds": seconds, "error": error} for steps, seconds, error in curve
    ]


def test_ratios_compare_the_seconds_of_one_seed_at_the_rate_that_was_chosen():
    tutorial = measure.TUTORIAL
    frame = pd.DataFrame(
        race(tutorial, 0.1, 0, "choose", [(50, 1, 0.05)])
        + race(tutorial, 0.3, 0, "choose", [(50, 1, 0.5), (100, 2, 0.05)])
        + race(tutorial, 0.1, 1, "report", [(50, 1, 0.5), (100, 8, 0.05)])
        + race(tutorial, 0.3, 1, "report", [(50, 1, 0.05)])  # was not chosen
        + race(tutorial, 0.1, 2, "report", [(50, 4, 0.05)])
        + race("fit, Muon", None, 1, "report", [(10, 2, 0.01)])
        + race("fit, Muon", None, 2, "report", [(10, 2, 0.01)])
    )
    found = speed.passages(frame, speed.QUICK._replace(targets={"points": (0.1,)}))
    fit = found[found.way == "fit, Muon"]
    assert fit.times.tolist() == [4, 2] and fit.steps.tolist() == [10, 10]
    assert speed.cell(fit) == "10 steps, 3.0 (2.0 to 4.0) times as fast"
    lost = fit.assign(steps=[10, np.nan])
    assert speed.cell(lost) == "reached with 1 of 2 seeds"


def test_an_interval_is_the_mean_with_its_range():
    assert report.spread("{:.1f}")(pd.Series([1.0, 2.0, 6.0])) == "3.0 (1.0 to 6.0)"
    assert report.spread("{:.1f}")(pd.Series([2.01, 2.02])) == "2.0"
    assert speed.slope([1, 10, 50], [3 * at**1.5 for at in (1, 10, 50)]) == pytest.approx(1.5)


def test_settings_are_chosen_on_one_seed_and_reported_on_others():
    row = {"part": "refinement", "set": "VAE", "how": "plain", "coverage": 1, "commonest": 1, "near": 1}
    frame = pd.DataFrame([
        row | {"sigma": sigma, "passes": 1, "seed": seed, "choose": choose, "frechet": frechet}
        for sigma, seed, choose, frechet in (
            (0.2, 0, 9, 1), (0.4, 0, 5, 99), (0.2, 1, 0, 1), (0.4, 1, 50, 30), (0.4, 2, 50, 40)
        )
    ])  # fmt: skip
    assert images.chosen(images.tidy(frame)).frechet.tolist() == [30, 40]
    assert images.table(frame)["Frechet distance"].tolist() == ["35 (30 to 40)"]


# --- Loops and peers ----------------------------------------------------------------------------------


def by_hand(steps, lr, cosine, average):
    """Adam on the tutorial's loss, written again: the weights to judge."""
    network, x = measure.network_of("points", 0), measure.training_set("points", 64)
    generators = [torch.Generator().manual_seed(5) for _ in range(2)]
    adam = torch.optim.Adam(network.parameters(), lr=lr)
    mean = [p.detach().clone() for p in network.parameters()]
    for t in range(steps):  # one batch is an epoch
        clean = x[torch.randperm(64, generator=generators[0])]
        noisy = clean + 0.1 * torch.randn(clean.shape, generator=generators[1])
        adam.param_groups[0]["lr"] = lr * (1 + np.cos(np.pi * t / steps)) / 2 if cosine else lr
        adam.zero_grad()
        nn.functional.binary_cross_entropy_with_logits(
            network.logits(noisy, 0.1), clean, reduction="none"
        ).sum(1).mean().backward()
        adam.step()
        keep = min(average, (1 + t) / (10 + t)) if average and t else 0
        mean = [
            keep * m + (1 - keep) * p.detach() for m, p in zip(mean, network.parameters(), strict=True)
        ]
    return mean


@pytest.mark.parametrize(("cosine", "average"), [(False, 0.0), (True, 0.99)])
def test_the_tutorials_loop_takes_the_steps_of_adam_at_the_rate_it_is_given(cosine, average):
    """A rival whose rate was divided by ten would end somewhere else."""
    network, x = measure.network_of("points", 0), measure.training_set("points", 64)
    judged = measure.by_hand(
        network, x, steps=4, batch=64, seed=5, lr=3e-3, cosine=cosine, average=average
    )
    for found, expected in zip(judged.parameters(), by_hand(4, 3e-3, cosine, average), strict=True):
        torch.testing.assert_close(found.detach(), expected, rtol=1e-4, atol=1e-6)


def test_every_rival_is_trained_at_the_rate_that_the_row_names(tmp_path, monkeypatch):
    asked = []

    def curve(task, way, *, lr, seed, split, **more):
        asked.append((way, lr))
        best = {measure.TUTORIAL: 3e-3}.get(way, 9e-3)
        error = 0.05 if lr is None else abs(np.log(lr / best)) + 0.5
        return [{"steps": 5, "seconds": 1.0, "error": error}]

    monkeypatch.setattr(measure, "curve", curve)
    store = Store(tmp_path / "speed.jsonl")
    for way in measure.WAYS:
        speed.race(store, speed.Sizes(), "points", way)
    rows = [row for row in store.flat() if row["split"] == "report"]
    assert {(row["way"], row["lr"]) for row in rows} == {
        (measure.TUTORIAL, 3e-3), (measure.IMPROVED, 9e-3), ("fit, Adam", None), ("fit, Muon", None)
    }  # fmt: skip
    assert {(run["settings"]["way"], run["settings"]["lr"]) for run in store.runs} == set(asked)
    assert all(row["seed"] for row in rows)  # seed 0 chose


def in_units(law: du.GaussianMixture, units: peers.Units) -> du.GaussianMixture:
    """The distribution of y = scale (x - centre), from its parameters: no score is converted here."""
    return du.GaussianMixture(
        units.enter(law.means), law.covariances * units.scale**2, weights=law.weights
    )


def noisy(sigma: float, n: int = 500):
    generator = torch.Generator().manual_seed(0)
    return du.corruption.gaussian(RING.sample(n, generator), sigma, generator).double()


@needs("smalldiffusion")
@pytest.mark.parametrize("sigma", SIGMAS)
@pytest.mark.parametrize("units", [peers.SMALL, peers.Units(torch.tensor([0.3, 0.6]), 3.7)])
def test_exact_eps_gives_the_exact_score(sigma, units):
    from smalldiffusion import ModelMixin

    class Exact(nn.Module, ModelMixin):
        law = in_units(RING, units)

        def forward(self, y_noisy, level, cond=None):
            return (y_noisy - self.law.posterior_mean(y_noisy, level.item())) / level

    x_noisy = noisy(sigma)
    score = peers.eps_score(Exact(), units)(x_noisy, sigma)
    torch.testing.assert_close(score, RING.smooth(sigma).score(x_noisy), **SMOOTH)


@pytest.mark.parametrize("sigma", SIGMAS)
def test_exact_log_density_gives_the_exact_score(sigma):
    units = peers.Units(torch.tensor([0.3, 0.6]), 4.5)
    exact = in_units(RING, units).smooth(units.scale * sigma)
    score = peers.density_score(exact.log_prob, units)(noisy(sigma), sigma)
    torch.testing.assert_close(score, RING.smooth(sigma).score(noisy(sigma)), **SMOOTH)


@needs("smalldiffusion")
@needs("zuko")
@pytest.mark.parametrize("name", scores.PEERS)
def test_a_peer_learns_at_the_rate_that_it_is_given(name):
    rates, steps = [], 30 if "zuko" in name else 100

    def error(steps):
        task = scores.Task("ring", 5000, (0.2,), steps, 0, 4e-3)
        return scores.measure_errors(name, task, "report", scores.QUICK)[0]["error"]

    hook = register_optimizer_step_pre_hook(lambda adam, *_: rates.append(adam.param_groups[0]["lr"]))
    try:
        learned = error(steps)
    finally:
        hook.remove()
    fall = (1 + np.cos(np.pi * np.arange(steps) / steps)) / 2 if name.endswith(scores.BETTER) else 1
    assert rates == pytest.approx(4e-3 * fall * np.ones(steps))
    assert learned < 0.8 * error(1)


# --- Other estimators ---------------------------------------------------------------------------------


def test_likelihood_finds_the_distribution():
    task = scores.Task("ring", 20_000, (0.05,), 0, 0)
    assert scores.measure_errors(scores.ORACLE, task, "report", scores.QUICK)[0]["error"] < 0.03


def test_an_interrupted_training_is_no_result(monkeypatch):
    monkeypatch.setattr(du, "fit", lambda *_, **__: du.History(loss=[1.0]))
    with pytest.raises(KeyboardInterrupt):
        scores.dae(RING.sample(10), scores.Task("ring", 10, (0.1,), 5, 0))


# --- Other seeds --------------------------------------------------------------------------------------

HEAD = "import numpy as np, torch, daeutils as du\n"
CLAIMS = """
du.claim("a generator", torch.rand(1, generator=torch.Generator().manual_seed(1)).item(), at_least=0)
torch.manual_seed(1)
du.claim("the global one", torch.rand(1).item(), at_least=0)
du.claim("NumPy's", np.random.default_rng(1).random(), at_least=0)
du.claim("what fails", 2, at_most=1.0)
du.claim("what comes after it", 0, at_most=1.0)
"""


def claims_of(path, shift, *sources):
    """What the benchmark finds in a chapter of these cells."""
    cells = [nbformat.v4.new_code_cell(source) for source in sources]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
    return seeds.claims(path, shift, "quick", 60)


def test_a_chapter_runs_with_other_seeds_goes_on_after_a_claim_that_fails_and_may_break(tmp_path):
    *found, end = claims_of(tmp_path / "a.ipynb", 5, HEAD + CLAIMS, "missing")
    moved = CLAIMS.replace("seed(1)", "seed(6)").replace("rng(1)", "rng(6)")
    *other, whole = claims_of(tmp_path / "b.ipynb", 0, HEAD + moved)
    assert [row["value"] for row in found] == [row["value"] for row in other]
    assert [row["holds"] for row in found] == [True] * 3 + [False, True] and whole["holds"]
    assert end["text"] == seeds.RUNS and not end["holds"] and "NameError" in end["error"]


def test_shifts_are_new_each_time_and_an_interrupted_measurement_goes_on(tmp_path, monkeypatch):
    for name in ("00-a", "01-b"):
        (tmp_path / f"{name}.ipynb").touch()
    sizes, asked = seeds.Sizes(shifts=1, notebooks=tmp_path), []

    def claims(path, shift, *_):
        if len(asked) == 1:
            asked.append(None)
            raise KeyboardInterrupt
        asked.append((path.stem, shift))
        return [{"text": "x", "value": 2.0, "at_least": None, "at_most": 1.0, "holds": False}]

    monkeypatch.setattr(seeds, "claims", claims)
    with pytest.raises(KeyboardInterrupt):
        seeds.run(Store(tmp_path / "seeds.jsonl"), sizes)
    seeds.run(Store(tmp_path / "seeds.jsonl"), sizes)
    (_, first), _, (name, same) = asked
    assert name == "01-b" and same == first  # the chapter that was missing, with the same seeds
    seeds.run(Store(tmp_path / "seeds.jsonl"), sizes)
    assert asked[3][1] != first
    frame = pd.DataFrame(Store(tmp_path / "seeds.jsonl").flat())
    table = seeds.table(frame)
    assert table.failed.tolist() == [2, 2] and "x (2)" in table.iloc[0, -1]
    assert "With 2 new sets of seeds, 4 of 4 checks fail" in seeds.conclusion(frame)


# --- Objects ------------------------------------------------------------------------------------------


def test_without_skips_all_goes_through_the_code():
    """If the code says nothing, no answer depends on its input; in the book's own U-Net it does."""
    x = torch.rand(2, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    for kind, sees in ((objects.NoSkips, False), (du.UNetDenoiser, True)):
        network = kind(seed=1)
        with torch.no_grad():
            network.dense_in.weight.zero_()
            first, second = network(x)
        assert torch.equal(first, second) != sees
    assert sum(p.numel() for p in objects.NoSkips().parameters()) == sum(
        p.numel() for p in du.UNetDenoiser().parameters()
    )


def test_the_first_set_of_samples_chooses_and_the_others_are_reported():
    def row(k, number, choose, report, start="VAE", seed=0):
        return dict(kind="plain DAE", data="digits", sigma=0.5, way="plain", start=start, seed=seed, k=k,
                    set=number, choose=choose, report=report, kept=0.5)  # fmt: skip

    frame = pd.DataFrame([
        row(1, 0, 30, 10), row(3, 0, 20, 40), row(1, 1, 10, 10), row(3, 1, 90, 50), row(3, 2, 90, 70),
        row(1, 0, 9, 5, "neutral"), row(1, 1, 7, 7, "neutral", 1), row(3, 0, 6, 8, "neutral"),
        row(3, 1, 9, 3, "neutral", 1),
    ])  # fmt: skip
    found = objects.each_training(objects.reported(frame)).set_index("start").report
    assert found["VAE"] == 60 and sorted(found["neutral"]) == [3, 8]
    assert "60" in objects.words_for(frame, "plain DAE", "digits", 0.5, "VAE", "plain")


def test_untouched_sets_and_copies_are_measured_as_what_they_are(monkeypatch):
    monkeypatch.setattr(objects, "SOURCES", ("Gaussian",))
    rows = pd.DataFrame(objects.before("digits", objects.QUICK)).set_index("start")
    assert (rows.loc["Gaussian, nearest image"].copies == 1).all()
    assert (rows.loc["Gaussian"].copies == 0).all()
    assert rows.loc["real images"].report.max() < rows.loc["Gaussian"].report.min()


# --- The store and the command ------------------------------------------------------------------------


def test_a_stored_run_is_read_and_a_line_that_was_cut_off_is_measured_again(tmp_path, capsys):
    path, done = tmp_path / "rows.jsonl", []

    def measured(seed):
        return Store(path).measure(lambda: done.append(seed) or [{"error": 0.5}], seed=seed)

    assert measured(0) == measured(0) == [{"error": 0.5}] and done == [0]
    measured(1)
    path.write_text(path.read_text()[:-20])
    measured(0)
    assert done == [0, 1]
    measured(1)
    assert done == [0, 1, 1] and "cut off" in capsys.readouterr().out
    assert [row["seed"] for row in Store(path).flat()] == [0, 1]
    assert Store(path).flat()[0].keys() >= {"device", "torch", "commit", "date"}


def test_an_unknown_page_is_named(capsys):
    with pytest.raises(SystemExit):
        run.main(["score"])
    assert "unknown page: score; expected scores, images" in capsys.readouterr().err


@pytest.mark.parametrize("name", run.PAGES)
def test_the_stored_page_is_what_the_program_makes_of_the_stored_rows(name):
    folder, page = ROOT / "docs" / "measured", importlib.import_module(name)
    stored = Store(folder / f"{name}.jsonl")
    text = (folder / f"{name}.md").read_text("utf-8")
    if stored.runs:
        assert text == report.markdown(page, pd.DataFrame(stored.flat()))
        assert (folder / f"{name}.png").read_bytes().startswith(b"\x89PNG")
        if hasattr(page, "summary"):  # a chapter shows it
            shown = ROOT / "daeutils" / "assets" / f"{name}.csv"
            assert shown.read_text("utf-8") == page.summary(pd.DataFrame(stored.flat()))
    else:
        assert text == "Nothing has been measured yet.\n"


@pytest.fixture
def quicker(monkeypatch):
    """Less than `--quick` takes: few digits, read once, small batches, and no search for a rate."""
    monkeypatch.setattr(measure, "digits", cache(lambda split, own=measure.digits: own(split)[:300]))
    for name in ("features", "nearness_of_test"):
        monkeypatch.setattr(images, name, cache(getattr(images, name).__wrapped__))
    monkeypatch.setattr(images, "WAYS", {"flow": (4, 0.0), "flow with noise": (4, 0.25)})
    monkeypatch.setattr(images, "QUICK", images.QUICK._replace(n=6))
    runs = [("plain DAE", data, 0.5, 0) for data in objects.DATA] + [("memoriser", "digits", 0.5, 0)]
    monkeypatch.setattr(objects, "plan", lambda sizes: runs)
    monkeypatch.setattr(scores, "QUICK", scores.QUICK._replace(steps=(2, 5), peer_steps=5, test=500))
    monkeypatch.setattr(measure, "best_rate", lambda cost, rates: (cost(rates[1]), rates[1])[1])
    monkeypatch.setattr(du, "fit", partial(du.fit, batch_size=8))


@pytest.mark.parametrize("name", ["scores", "speed", "images", "objects"])
def test_a_quick_measurement_runs_from_end_to_end(name, tmp_path, quicker):
    if name == "scores":
        for peer in ("smalldiffusion", "zuko"):
            pytest.importorskip(peer, reason="`make bench` installs the public packages")
    run.main([name, "--quick", "--out", str(tmp_path)])
    rows = [json.loads(line) for line in (tmp_path / f"{name}.jsonl").read_text("utf-8").splitlines()]
    assert rows and all(run["rows"] for run in rows)
    assert (tmp_path / f"{name}.png").read_bytes().startswith(b"\x89PNG")
    assert "| " in (tmp_path / f"{name}.md").read_text("utf-8")
