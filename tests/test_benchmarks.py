"""The benchmarks: exact answers pass their adapters, and what was measured survives."""

import importlib.util
import json
import os
from collections import Counter

import estimators
import image_report
import images
import peers
import pytest
import report
import score_accuracy
import seeds
import torch
from torch import nn

import daeutils as du

RING = du.ring()
SMOOTH, SIGMAS = {"rtol": 1e-4, "atol": 1e-4}, [0.2, 0.025]


def needs(name: str):
    absent = importlib.util.find_spec(name) is None
    return pytest.mark.skipif(absent, reason=f"{name} is not installed: {peers.INSTALL}")


def in_units(law: du.GaussianMixture, units: peers.Units) -> du.GaussianMixture:
    """The law of y = scale (x - centre), from its parameters: no score is converted here."""
    return du.GaussianMixture(
        units.enter(law.means), law.covariances * units.scale**2, weights=law.weights
    )


def noisy(sigma: float, n: int = 500):
    generator = torch.Generator().manual_seed(0)
    return du.corruption.gaussian(RING.sample(n, generator), sigma, generator).double()


# Peers: an exact model in their coordinates gives the exact score in ours


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


@needs("smalldiffusion")
def test_the_peers_own_ideal_denoiser_gives_the_score_of_the_smoothed_sample():
    from smalldiffusion import IdealDenoiser

    sample, x_noisy = RING.sample(300, torch.Generator().manual_seed(1)).double(), noisy(0.1)
    score = peers.eps_score(IdealDenoiser(peers.SMALL.enter(sample)), peers.SMALL)(x_noisy, 0.1)
    torch.testing.assert_close(score, du.from_points(sample).smooth(0.1).score(x_noisy), **SMOOTH)


@pytest.mark.parametrize("sigma", SIGMAS)
def test_exact_log_density_gives_the_exact_score(sigma):
    units = peers.Units(torch.tensor([0.3, 0.6]), 4.5)
    exact = in_units(RING, units).smooth(units.scale * sigma)
    x_noisy = noisy(sigma)
    score = peers.density_score(exact.log_prob, units)(x_noisy, sigma)
    torch.testing.assert_close(score, RING.smooth(sigma).score(x_noisy), **SMOOTH)


@needs("smalldiffusion")
def test_smalldiffusion_learns():
    short, longer = (_error("smalldiffusion, tested levels", steps) for steps in (1, 300))
    assert longer < 0.6 < 0.9 < short


@needs("zuko")
def test_zuko_learns():
    short, longer = (_error("zuko", steps) for steps in (1, 60))
    assert longer < 0.6 * short


def _error(name: str, steps: int, sigma: float = 0.2) -> float:
    task = estimators.Task("ring", 5000, (sigma,), name, steps)
    sizes = score_accuracy.QUICK._replace(sigmas=(sigma,))
    return score_accuracy.measure(task, sizes)[0]["error"]


def test_a_missing_package_leaves_the_other_estimators(monkeypatch, capsys):
    monkeypatch.setattr(peers, "missing", lambda: ["zuko"])
    found = score_accuracy.tasks("peers", score_accuracy.QUICK)
    names = {task.estimator for task in found}
    assert "zuko" not in names and {"BCE-DAE", "smalldiffusion"} <= names
    assert "pip install -e '.[bench]'" in capsys.readouterr().out


# Estimators


def test_kernel_density_in_parts_is_the_plain_sum():
    points, x_noisy, sigma = RING.sample(200_001), noisy(0.05, 12), 0.05  # more than one part
    score = estimators.kde(points, None)(x_noisy, sigma)
    weights = torch.exp(-((x_noisy[:, None] - points) ** 2).sum(2) / (2 * sigma**2))
    mean = (weights[:, :, None] * points).sum(1) / weights.sum(1, keepdim=True)
    torch.testing.assert_close(score, (mean - x_noisy) / sigma**2, rtol=1e-6, atol=1e-6)


def test_likelihood_finds_the_law():
    points = RING.sample(20_000, torch.Generator().manual_seed(1))
    score = estimators.likelihood(points, estimators.Task("ring", 20_000, (0.05,), "likelihood"))
    x_noisy = noisy(0.05)
    assert du.relative_error(score(x_noisy, 0.05), RING.smooth(0.05).score(x_noisy)) < 0.03


def test_the_mean_of_three_is_of_three_networks_with_a_third_of_the_steps_each(monkeypatch):
    trained = []

    def dae(points, task):
        trained.append((task.steps, task.seed))
        at = 2.0 ** len(trained)  # 2, 4, 8: their mean is 14 / 3
        return lambda x_noisy, sigma: torch.full_like(x_noisy, at)

    monkeypatch.setattr(estimators, "dae", dae)
    task = estimators.Task("ring", 10, (0.1,), "BCE-DAE, mean of three", 12, seed=1)
    score = estimators.mean_of_three(RING.sample(10), task)
    assert trained == [(4, 3), (4, 4), (4, 5)]  # no seed is used twice
    torch.testing.assert_close(score(noisy(0.1), 0.1), torch.full((500, 2), 14 / 3).double())


def test_a_learned_mixture_is_trained_at_one_level_and_asked_at_all(monkeypatch):
    asked, fit = [], du.fit

    def counting(network, points, **how):
        asked.append((len(network.means), how["sigma"]))
        return fit(network, points, **how)

    monkeypatch.setattr(du, "fit", counting)
    points, x_noisy = RING.sample(2000).clamp(0, 1), noisy(0.1).float()
    for name in ("learned mixture", "learned mixture, one training", "learned mixture of 4"):
        estimator = estimators.ESTIMATORS[f"BCE-DAE, {name}"]
        task = estimators.Task("ring", 2000, (0.2, 0.1), name, 2)
        score = estimator.train(points, task)
        assert score(x_noisy, 0.1).shape == score(x_noisy, 0.2).shape == x_noisy.shape
        assert estimator.all_levels == (name != "learned mixture")
    assert asked == [(16, 0.2), (16, 0.05), (4, 0.05)]


def test_log_uniform_levels():
    levels = estimators.log_uniform(0.01, 1)(10_000, torch.Generator().manual_seed(0))
    assert 0.01 <= levels.min() < levels.max() <= 1
    assert levels.log10().mean().item() == pytest.approx(-1, abs=0.03)


def test_an_interrupted_training_is_no_result(monkeypatch):
    monkeypatch.setattr(du, "fit", lambda *_, **__: du.History(interrupted=True))
    with pytest.raises(KeyboardInterrupt):
        estimators.dae(RING.sample(10), estimators.Task("ring", 10, (0.1,), "BCE-DAE", 5))


def test_the_page_names_the_levels_that_were_used():
    (low, high), (least, most) = peers.SMALL_LEVELS, estimators.TESTED
    note = " ".join(report.NOTE.split())
    assert f"from {low:g} to {high:g}" in note and f"are {least:g} to {most:g}" in note
    sizes = score_accuracy.Sizes()
    assert least < min(sizes.sigmas) < max(sizes.sigmas) < most
    assert f"{sizes.test:,}; {sizes.test_kde:,}" in note
    assert f"*one training*, at sigma = {estimators.ONE_LEVEL:g}" in note


# Rows and files


@pytest.fixture
def counted(monkeypatch):
    """`measure` at once, with a made-up error; the tasks that it was asked for."""
    asked = []

    def measure(task, sizes):
        asked.append(task)
        rows = [score_accuracy.row_of(task, sigma, sizes) for sigma in task.sigmas]
        extra = {"seconds": 1.0, "device": "CPU, 1 thread", "torch": "2.11", "date": "2026-01-01"}
        return [row | extra | {"error": 0.01 * len(asked) + row["sigma"]} for row in rows]

    monkeypatch.setattr(score_accuracy, "measure", measure)
    return asked


def test_finished_rows_are_skipped_copied_and_measured_again(tmp_path, counted):
    score_accuracy.main(["sigma", "--quick", "--out", str(tmp_path)])
    first, before = len(counted), report.read(tmp_path)["sigma"]
    assert len(before) == 18 and first == 17  # nine estimators, two levels; one has both at once
    score_accuracy.main(["sigma", "--quick", "--out", str(tmp_path)])
    assert len(counted) == first and report.read(tmp_path)["sigma"] == before
    score_accuracy.main(["sigma", "--quick", "--again", "--out", str(tmp_path)])
    assert len(counted) == 2 * first and len(report.read(tmp_path)["sigma"]) == len(before)
    score_accuracy.main(["steps", "--quick", "--out", str(tmp_path)])
    assert {task.steps for task in counted[2 * first :]} == {25}  # those of 50 steps were copied
    rows = report.read(tmp_path)["steps"]
    assert {row["section"] for row in rows} == {"steps"} and len(rows) == 6
    assert len(report.read(tmp_path)["sigma"]) == len(before)


def test_one_estimator_is_measured_again(tmp_path, counted, capsys):
    here = ["--quick", "--out", str(tmp_path)]
    score_accuracy.main(["sigma", "--only", "no such estimator", *here])
    assert not counted and "|" not in capsys.readouterr().out  # no table of nothing
    score_accuracy.main(["sigma", *here])
    first, before = len(counted), report.read(tmp_path)["sigma"]
    score_accuracy.main(["sigma", "--again", "--only", "estimator = BCE-DAE, steps", *here])
    assert [task.estimator for task in counted[first:]] == ["BCE-DAE", "BCE-DAE"]  # at two levels
    after = report.read(tmp_path)["sigma"]
    changed = [new for old, new in zip(before, after, strict=True) if new != old]
    assert {row["estimator"] for row in changed} == {"BCE-DAE"} and len(changed) == 2


def test_an_interruption_keeps_the_finished_rows(tmp_path, monkeypatch, counted, capsys):
    quick = score_accuracy.measure

    def stopping(task, sizes):
        if len(counted) == 3:
            raise KeyboardInterrupt
        return quick(task, sizes)

    monkeypatch.setattr(score_accuracy, "measure", stopping)
    score_accuracy.main(["--quick", "--out", str(tmp_path)])
    assert len(report.read(tmp_path)["sigma"]) == 3
    assert "kept" in capsys.readouterr().out


def test_a_write_that_fails_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "rows.json"
    report.write(path, "old")
    monkeypatch.setattr(os, "replace", lambda *_: (_ for _ in ()).throw(OSError("full")))
    with pytest.raises(OSError, match="full"):
        report.write(path, "new")
    assert path.read_text() == "old"


def test_figure_and_tables_come_from_the_rows_alone(tmp_path, counted):
    score_accuracy.main(["--quick", "--out", str(tmp_path)])
    done = len(counted)
    (tmp_path / "score_accuracy.png").unlink()
    (tmp_path / "score_accuracy.md").unlink()
    score_accuracy.main(["--figure", "--quick", "--out", str(tmp_path)])
    assert len(counted) == done
    assert (tmp_path / "score_accuracy.png").read_bytes().startswith(b"\x89PNG")
    text = (tmp_path / "score_accuracy.md").read_text("utf-8")
    assert all(title in text for title, _ in report.SECTIONS.values())
    assert "CPU, 1 thread; 2026-01-01" in text and "| likelihood |" in text


def test_a_cell_is_the_mean_with_its_range():
    row = {"estimator": "BCE-DAE", "sigma": 0.1, "steps": 5, "n": 10, "law": "ring"}
    rows = [row | {"seed": seed, "error": error} for seed, error in enumerate([0.1, 0.2, 0.6])]
    assert "| BCE-DAE | 0.3000 (0.1000 to 0.6000) |" in report.page_section("sigma", rows)
    assert "ring, 10 points, 5 steps" in report.page_section("sigma", rows)


def test_an_unknown_section_is_named(capsys):
    with pytest.raises(SystemExit):
        score_accuracy.main(["sigmas"])
    assert "unknown section: sigmas; expected of sigma, data" in capsys.readouterr().err


def test_end_to_end(tmp_path):
    score_accuracy.main(["sigma", "peers", "--quick", "--out", str(tmp_path)])
    fields = "section law n sigma estimator objective output steps batch seed points error seconds device"
    for path in sorted((tmp_path / "score_accuracy").iterdir()):
        for row in json.loads(path.read_text("utf-8")):
            assert row.keys() >= set(fields.split())
            assert 0 < row["error"] < 1.5
    assert not list(tmp_path.rglob(".*"))  # no draft is left


# Images

ROW = {"frechet": 2.0, "kernel": 0.1, "density": 1.0, "coverage": 0.5, "confidence": 0.9, "n": 60,
       "rarest_class": 0.05, "near_pixels": 1.0, "near_features": 1.0, "labels_kept": 0.8}  # fmt: skip


def test_real_digits_are_judged_nearer_than_noise():
    training = images.judge(images.draw("training digits", 200, 0), images.QUICK)
    noise = images.judge(images.draw("uniform noise", 200, 0), images.QUICK)
    assert training.keys() == noise.keys() == ROW.keys() - {"n", "labels_kept"} | {"low", "high"}
    assert training["frechet"] < 0.2 * noise["frechet"] and training["coverage"] > noise["coverage"]
    assert training["low"] < training["frechet"] < training["high"]
    assert training["near_pixels"] == 0 and noise["near_pixels"] > 1  # they are training images


def test_labels_kept_are_those_the_classifier_still_sees():
    x = images.draw("training digits", 100, 1)
    labels = du.evaluation.probabilities(x).argmax(1)
    labels[:25] = (labels[:25] + 1) % 10
    assert images.judge(x, images.QUICK, labels)["labels_kept"] == 0.75


def test_image_runs_are_kept_and_not_repeated(tmp_path, monkeypatch):
    done = []

    def section(sizes, rows):
        for seed in (0, 1):
            yield {"seed": seed, "n": 3}, lambda seed=seed: done.append(seed) or [{"frechet": seed}]

    monkeypatch.setitem(images.SECTIONS, "ruler", section)
    images.run("ruler", tmp_path, images.QUICK, only="seed = 1")
    assert done == [1]
    images.run("ruler", tmp_path, images.QUICK)
    images.run("ruler", tmp_path, images.QUICK)
    assert done == [1, 0]
    images.run("ruler", tmp_path, images.QUICK, again=True)
    assert done == [1, 0, 0, 1]
    rows = image_report.read(tmp_path)["ruler"]
    assert [(row["seed"], row["frechet"]) for row in rows] == [(0, 0), (1, 1)]
    assert rows[0].keys() >= {"device", "torch", "date"}


def test_rates_and_passes_are_chosen_on_one_seed_and_reported_on_others():
    rows = [
        {"loss": "BCE", "lr": lr, "seed": seed, "frechet": frechet}
        for lr, seed, frechet in [(1, 0, 5.0), (2, 0, 4.0), (1, 1, 1.0), (2, 1, 6.0), (2, 2, 7.0)]
    ]
    assert images.best_rate("BCE", rows) == 2
    reported = image_report.chosen(rows, "loss", ("lr",))
    assert [row["frechet"] for row in reported] == [6.0, 7.0]


def _chosen(section):
    """All runs, with a distance that is smallest for BCE at the first rate and for EDM at the last."""
    kept = []
    for settings, _ in section(images.Sizes(), lambda: kept):
        order = settings["lr"] if settings["loss"] == "BCE" else -settings["lr"]
        kept.append(settings | {"frechet": order})
    return kept


def test_each_loss_is_compared_at_its_own_rate_on_fresh_seeds():
    kept = _chosen(images.training)
    fresh = {(row["loss"], row["lr"]) for row in kept if row["seed"]}
    assert fresh == {("BCE", images.Sizes().rates[0]), ("MSE, EDM", images.Sizes().rates[-1])}
    assert {row["seed"] for row in kept} == {0, 1, 2, 3} and len(kept) == 2 * 4 + 2 * 3


def test_for_a_longer_training_the_rates_are_chosen_again_and_the_weight_goes_at_that_of_bce():
    kept, rates = _chosen(images.longer), [2.5e-3, 5e-3, 1e-2, 2e-2]
    assert {row["steps"] for row in kept} == {images.Sizes().longer}
    tried = [(row["loss"], row["weight"], row["lr"]) for row in kept if row["seed"] == 0]
    assert sorted(tried) == sorted(
        (loss, words, lr) for lr in rates for loss, words in (("BCE", "none"), ("MSE, EDM", "EDM"))
    )
    fresh = Counter((row["loss"], row["weight"], row["lr"]) for row in kept if row["seed"])
    best = [("BCE", "none", rates[0]), ("BCE", "even", rates[0]), ("MSE, EDM", "EDM", rates[-1])]
    assert fresh == dict.fromkeys(best, len(images.Sizes().fresh))


def test_bce_is_trained_with_a_weight_and_without_beside_edm():
    quick = [{"loss": loss, "lr": 1, "seed": 0, "frechet": 1} for loss in images.LOSSES]
    runs = list(images.weight(images.Sizes(), {"training": quick}.get))
    assert {(run["loss"], run["weight"], work.args[6]) for run, work in runs} == {
        ("BCE", "none", None), ("BCE", "even", images.even), ("MSE, EDM", "EDM", None)
    }  # fmt: skip
    assert {run["seed"] for run, _ in runs} == set(images.Sizes().fresh)


def test_digits_kept_aside_are_judged_and_not_seen(monkeypatch):
    train, asked = du.digits("train")[0], []

    def fit(network, source, **how):
        asked.append(source)
        return du.History()

    monkeypatch.setattr(du, "fit", fit)
    monkeypatch.setattr(images, "errors", lambda network, x: asked.append(x) or {})
    runs = list(
        images.aside(images.QUICK, {"training": [{"loss": "BCE", "lr": 1, "seed": 0, "frechet": 1}]}.get)
    )
    assert [run["weight"] for run, _ in runs] == ["none", "even"]
    runs[0][1]()
    assert torch.equal(torch.cat(asked), train) and len(asked[1]) == images.QUICK.n


def test_the_error_of_a_network_is_that_of_each_noise_level():
    """Who answers the mean digit errs by the variance of the digits, at every level."""
    test = du.digits("test")[0]
    found = images.errors(lambda x, sigma: test.mean(0).expand_as(x))
    variance = test.var(0, correction=0).sum().item()
    assert list(found) == list(image_report.ERRORS)
    assert all(value == pytest.approx(variance, rel=1e-4) for value in found.values())
    noisy = images.errors(lambda x, sigma: x)  # and who returns what he is given, by the noise
    assert noisy["error_0.5"] == pytest.approx(0.25 * 784, rel=0.01)


def test_image_page_and_figure_come_from_the_rows_alone(tmp_path):
    about = {"device": "CPU, 1 thread", "torch": "2.11", "date": "2026-01-01"}
    settings = {
        "ruler": [{"set": "training digits"}],
        "training": [{"loss": "BCE", "lr": r, "steps": 3} for r in (0.1, 0.2)],
        "longer": [{"loss": "BCE", "weight": "even", "lr": 0.1, "steps": 5, "way": "flow"}],
        "weight": [
            {"loss": "BCE", "weight": "even", "lr": 0.1, "steps": 3}
            | dict.fromkeys(image_report.ERRORS, 1.5)
        ],
        "aside": [
            {"weight": "none", "lr": 0.1, "steps": 3, "n": 9} | dict.fromkeys(image_report.ERRORS, 2.5)
        ],
        "flow": [{"network": "digits-unet-bce", "way": "flow"}],
        "synthesis": [
            {"start": "uniform noise", "how": "plain", "sigma": 0.2, "passes": k} for k in (0, 1)
        ],
        "refinement": [{"set": "VAE", "how": "plain", "sigma": 0.2, "passes": k} for k in (0, 1, 2)],
        "repair": [{"set": "VAE", "how": "flow", "strength": s} for s in (0.5, 1.0)],
    }
    for section, lines in settings.items():
        rows = [
            {**line, "seed": seed, **ROW, "frechet": 10 * (1 + i) + seed, **about}
            for i, line in enumerate(lines)
            for seed in (0, 1, 2)
        ]
        report.write(tmp_path / "images" / f"{section}.json", json.dumps(rows))
    images.main(["--figure", "--out", str(tmp_path)])
    text = (tmp_path / "images.md").read_text("utf-8")
    assert "| VAE | plain | 0.2 | 1 | 22 (21 to 22) | 0.50 | 0.80 | 1.00 |" in text  # of seeds 1 and 2
    assert "| BCE | even | 0.1 | 3 | 1.50 |" in text and "| none | 0.1 | 3 | 60 | 2.50 |" in text
    assert "| BCE | even | 0.1 | 5 | flow | 12 (11 to 12) |" in text  # of seeds 1 and 2
    assert "| training digits | 60 | 11 (10 to 12) |" in text and "CPU, 1 thread" in text
    assert (tmp_path / "images.png").read_bytes().startswith(b"\x89PNG")


def test_the_image_benchmark_runs(tmp_path):
    images.main(["ruler", "repair", "--quick", "--only", "VAE", "--out", str(tmp_path)])
    rows = image_report.read(tmp_path)
    assert len(rows["ruler"]) == 1 and len(rows["repair"]) == len(images.REPAIRS) * 5
    assert all(0 <= row["labels_kept"] <= 1 and row["frechet"] > 0 for row in rows["repair"])
    for how in images.REPAIRS:
        kept = [row["labels_kept"] for row in rows["repair"] if row["how"] == how]
        assert kept[0] > kept[-1]  # much noise makes another digit


# Other seeds

SCRIPT = """
import numpy as np, torch
import daeutils as du
du.claim("a generator", torch.rand(1, generator=torch.Generator().manual_seed(1)), at_least=0)
torch.manual_seed(1)
du.claim("the global one", torch.rand(1), at_least=0)
du.claim("NumPy's", np.random.default_rng(1).random(), at_least=0)
du.claim("a network", du.MLPDenoiser(2, seed=1).logits(torch.zeros(1, 2), 0.1).sum().item(), at_least=-9)
du.claim("what does not hold", 2, at_most=1.0)
du.claim("what comes after it", 0, at_most=1.0)
"""


def test_a_chapter_runs_with_other_seeds_and_goes_on_after_a_claim_that_fails(tmp_path):
    path, rows = tmp_path / "script.py", {}
    path.write_text(SCRIPT, "utf-8")
    rows[5] = seeds.claims(path, 5, "quick")
    path.write_text(
        SCRIPT.replace("seed(1)", "seed(6)").replace("rng(1)", "rng(6)").replace("=1)", "=6)")
    )
    rows[0] = seeds.claims(path, 0, "quick")
    assert [row["value"] for row in rows[5]] == [row["value"] for row in rows[0]]
    assert [row["holds"] for row in rows[5]] == [True] * 4 + [False, True]


def test_a_chapter_that_breaks_with_other_seeds_is_no_result(tmp_path):
    path = tmp_path / "script.py"
    path.write_text("missing", "utf-8")
    with pytest.raises(RuntimeError, match=r"(?s)script with 5 added .*NameError"):
        seeds.claims(path, 5, "quick")


def test_the_seeds_benchmark_runs(tmp_path, capsys):
    seeds.main(["quick", "--quick", "--out", str(tmp_path)])
    assert "claims in 1 runs of chapters, 0 do not hold" in capsys.readouterr().out
    assert json.loads((tmp_path / "seeds" / "quick.json").read_text("utf-8"))[0]["shift"] == 1000
