"""Distances between sets of images, the classifier behind them, and the networks that ship."""

import hashlib
import itertools
import json
import math

import numpy as np
import pytest
import torch
import weights as recipes
from hypothesis import given
from hypothesis import strategies as st
from oracles import seeded
from scipy.linalg import sqrtm
from scipy.spatial.distance import cdist
from scipy.stats import ortho_group

import daeutils as du
from daeutils import baselines, evaluation, training, zoo
from daeutils import features as features_module
from daeutils.features import FeatureClassifier
from daeutils.sampling import BATCH

DIGITS, LABELS = du.digits("test")


# Frechet distance


def frechet_by_scipy(a: np.ndarray, b: np.ndarray) -> float:
    gap = a.mean(0) - b.mean(0)
    c, d = np.cov(a.T), np.cov(b.T)
    return gap @ gap + np.trace(c + d - 2 * sqrtm(c @ d).real)


def some_features(seed: int, n: int = 300, d: int = 8) -> torch.Tensor:
    rng = np.random.default_rng(seed)
    mixed = rng.normal(size=(n, d)) @ rng.normal(size=(d, d)) + rng.normal(size=d)
    return torch.from_numpy(mixed)


@pytest.mark.parametrize("seed", range(3))
def test_frechet_is_the_formula(seed):
    a, b = some_features(seed), some_features(seed + 10, n=200)
    expected = frechet_by_scipy(a.numpy(), b.numpy())
    assert evaluation.frechet_between(a, b) == pytest.approx(expected, rel=1e-6)
    assert evaluation.frechet_between(b, a) == pytest.approx(expected, rel=1e-6)
    assert evaluation.frechet_between(a, a) == pytest.approx(0, abs=1e-6 * expected)


# Kernel distance


def kernel_by_numpy(a: np.ndarray, b: np.ndarray) -> float:
    """The two-sample U-statistic, pair by pair, for sets of any two sizes."""

    def mean(x, y, pairs):
        return np.mean([(x[i] @ y[j] / x.shape[1] + 1) ** 3 for i, j in pairs(len(x), len(y))])

    each = mean(a, a, lambda n, _: itertools.permutations(range(n), 2))
    each += mean(b, b, lambda n, _: itertools.permutations(range(n), 2))
    return each - 2 * mean(a, b, lambda n, m: itertools.product(range(n), range(m)))


@pytest.mark.parametrize("seed", range(3))
def test_kernel_distance_is_the_formula(seed):
    a, b = some_features(seed, n=60), some_features(seed + 10, n=60)
    expected = kernel_by_numpy(a.numpy(), b.numpy())
    assert evaluation.kernel_between(a, b) == pytest.approx(expected, rel=1e-9)
    assert evaluation.kernel_between(b, a) == pytest.approx(expected, rel=1e-9)
    assert evaluation.kernel_between(a.float(), b.float()) == pytest.approx(expected, rel=1e-4)


def test_kernel_distance_of_two_sizes_takes_equal_draws():
    a, b = some_features(0, n=80, d=4), some_features(10, n=50, d=4)
    found = evaluation.kernel_between(a, b)
    torch.manual_seed(5)  # the answer does not hang on the generator of the caller
    state = torch.get_rng_state()
    assert evaluation.kernel_between(a, b) == evaluation.kernel_between(b, a) == found
    assert torch.equal(torch.get_rng_state(), state)  # nor changes it
    rng = np.random.default_rng(0)
    single = [evaluation.kernel_between(a[rng.permutation(80)[:50]], b) for _ in range(200)]
    expected, spread = kernel_by_numpy(a.numpy(), b.numpy()), np.std(single)
    assert abs(np.mean(single) - expected) < 4 * spread / math.sqrt(200)
    assert abs(found - expected) < 4 * spread / math.sqrt(10)
    assert found != pytest.approx(evaluation.kernel_between(a[:50], b), rel=1e-6)  # not the first rows


# Density and coverage


def density_coverage_by_loop(made: np.ndarray, real: np.ndarray, k: int) -> tuple[float, float]:
    held = []
    for i, centre in enumerate(real):
        others = sorted(math.dist(centre, x) for j, x in enumerate(real) if j != i)
        held.append(sum(math.dist(centre, y) <= others[k - 1] for y in made))
    return sum(held) / (k * len(made)), sum(n > 0 for n in held) / len(real)


@pytest.mark.parametrize(("k", "n", "m"), [(1, 40, 60), (5, 60, 40), (5, 30, 430), (29, 20, 30)])
def test_density_and_coverage_by_loop(k, n, m):
    made, real = some_features(1, n, d=3), some_features(2, m, d=3)
    expected = density_coverage_by_loop(made.numpy(), real.numpy(), k)
    assert 0 < expected[0] and 0 < expected[1]
    assert evaluation.density_coverage(made, real, k) == pytest.approx(expected, rel=1e-12)
    assert evaluation.density_coverage(made.float(), real.float(), k) == pytest.approx(expected, rel=0.02)


def test_density_and_coverage_at_their_limits():
    real = some_features(0, n=300, d=4)
    # Each point lies in its own ball, and each ball holds its centre and k neighbours, the last on the
    # surface.
    assert evaluation.density_coverage(real, real, k=4) == (5 / 4, 1.0)
    assert evaluation.density_coverage(real + 1e6, real + 1e6, k=4) == (5 / 4, 1.0)
    assert evaluation.density_coverage(real + 1000, real) == (0.0, 0.0)
    density, coverage = evaluation.density_coverage(real[:1].expand(300, 4), real)
    assert coverage == density * 5 / 300 < 0.1  # the balls that the one point lies in
    # Balls about copies have the radius 0, and still hold a copy.
    alike = torch.ones(20, 4)
    assert evaluation.density_coverage(alike, alike) == (4.0, 1.0)


@pytest.mark.parametrize(("k", "n", "m"), [(5, 100, 100), (3, 50, 120)])
def test_density_and_coverage_of_one_law(k, n, m):
    """Of the m - 1 + n points about a real one, the k nearest are real by chance alone."""
    found = []
    for seed in range(60):
        x = torch.randn(n + m, 3, generator=seeded(seed), dtype=torch.float64)
        found.append(evaluation.density_coverage(x[:n], x[n:], k))
    mean, error = np.mean(found, 0), np.std(found, 0) / math.sqrt(60)
    expected = 1 - math.prod((m - j) / (m + n - j) for j in range(1, k + 1))
    assert abs(mean[0] - 1) < 4 * error[0]
    assert abs(mean[1] - expected) < 4 * error[1]
    assert error.max() < 0.03


# All of them


def test_every_distance_grows_with_noise_on_real_digits():
    half, other = DIGITS[:500], DIGITS[500:1000]
    noise = torch.randn(half.shape, generator=seeded())
    noisy = [evaluation.features((half + s * noise).clamp(0, 1)) for s in (0, 0.2, 0.4, 0.8)]
    real = evaluation.features(other)
    frechet = [evaluation.frechet_between(x, real) for x in noisy]
    by_scipy = frechet_by_scipy(*(x.double().cpu().numpy() for x in (noisy[0], real)))
    assert du.frechet_distance(half, other) == pytest.approx(by_scipy, rel=1e-3)
    kernel = [evaluation.kernel_between(x, real) for x in noisy]
    density, coverage = zip(*[evaluation.density_coverage(x, real) for x in noisy], strict=True)
    assert (np.diff(frechet) > 0).all() and frechet[-1] > 3 * frechet[0]
    assert (np.diff(kernel) > 0).all() and kernel[-1] > 3 * abs(kernel[0])
    assert (np.diff(density) < 0).all() and density[-1] < density[0] / 3
    assert (np.diff(coverage) < 0).all() and coverage[-1] < coverage[0] / 3


@pytest.mark.parametrize(
    ("between", "moves"),
    [(evaluation.frechet_between, True), (evaluation.kernel_between, False),
     (evaluation.density_coverage, True)],
)  # fmt: skip
@given(seed=st.integers(0, 10_000), n=st.integers(8, 30), d=st.integers(2, 6))
def test_a_distance_turns_and_moves_with_the_features(between, moves, seed, n, d):
    """The kernel distance does not move with them: its kernel knows the origin."""
    rng = np.random.default_rng(seed)
    made, real = some_features(seed, n, d), some_features(seed + 1, n + 3 * moves, d)
    expected = pytest.approx(between(made, real), rel=1e-6, abs=1e-5)
    turn, move = torch.from_numpy(ortho_group.rvs(d, random_state=rng)), moves * rng.normal(0, 10)
    assert between(made[rng.permutation(n)], real[rng.permutation(len(real))]) == expected
    assert between(made @ turn + move, real @ turn + move) == expected


# Bootstrap and neighbours


def test_bootstrap_of_a_mean_is_its_standard_error():
    x = torch.randn(400, generator=seeded())
    low, high = evaluation.bootstrap(lambda x: x.mean().item(), x, draws=400)
    assert high - low == pytest.approx(2 * 1.96 * x.std().item() / 20, rel=0.2)
    assert low < x.mean() < high


def test_bootstrap_lies_about_the_statistic_even_where_draws_are_biased():
    a, b = some_features(0, n=200).chunk(2)  # two halves of one set: points drawn twice part them
    found = evaluation.frechet_between(a, b)
    low, high = evaluation.bootstrap(evaluation.frechet_between, a, b)
    assert low < found < high


def test_bootstrap_draws_each_sample_independently():
    a = torch.randn(400, generator=seeded())
    low, high = evaluation.bootstrap(lambda a, b: (a - b).mean().item(), a, a.clone(), draws=400)
    assert high - low == pytest.approx(2 * 1.96 * 2**0.5 * a.std().item() / 20, rel=0.2)


@pytest.mark.parametrize("place", [0, 1])
def test_bootstrap_draws_every_sample_again(place):
    """A statistic of one sample alone has an interval with a width, whichever sample it is."""
    samples = torch.randn(40, generator=seeded(1)), torch.randn(50, generator=seeded(2))
    low, high = evaluation.bootstrap(lambda *x: x[place].mean().item(), *samples)
    assert high - low == pytest.approx(
        4 * samples[place].std().item() / len(samples[place]) ** 0.5, rel=0.5
    )


@pytest.mark.parametrize("move", [0.0, 1000.0])
def test_nearest_in_features_by_brute_force(move):
    images, reference = some_features(0, n=450).float() + move, some_features(1, n=300).float() + move
    table = cdist(images.double(), reference.double())
    distance, index = evaluation.nearest(images, reference)
    np.testing.assert_array_equal(index, table.argmin(1))
    np.testing.assert_allclose(distance, table.min(1), rtol=1e-5)


def test_a_copy_is_at_distance_zero():
    reference = DIGITS[:300]
    distance, index = evaluation.nearest(reference[40:80], reference)
    assert index.tolist() == list(range(40, 80))
    assert distance.max() < 1e-6


def test_large_sets_are_compared_in_parts(monkeypatch):
    """So the memory that a comparison takes does not grow with the product of the two sizes."""
    sizes, cdist_of_torch = [], torch.cdist

    def watched(x, y, **how):
        sizes.append(len(x))
        return cdist_of_torch(x, y, **how)

    monkeypatch.setattr(torch, "cdist", watched)
    images, network = DIGITS[:450], FeatureClassifier()
    network.body[0].register_forward_hook(lambda layer, inputs, out: sizes.append(len(out)))
    found = evaluation.features(images, network)
    evaluation.density_coverage(found, found + 0.1)
    evaluation.nearest(images, images)
    assert len(sizes) >= 9 and max(sizes) <= BATCH
    assert not found.requires_grad


# The classifier


def test_the_classifier_learns_and_stays_in_its_mode():
    images, labels = du.digits()
    network = FeatureClassifier(seed=0)
    network.fit(images[:400], labels[:400], steps=60, batch_size=64, device="cpu", progress=False)
    assert network.training
    assert evaluation.accuracy(DIGITS[:500], LABELS[:500], network) > 0.5  # chance: 0.1


def test_probabilities_and_features_are_those_of_the_network():
    network = FeatureClassifier().eval()
    images = DIGITS[:30]
    p = evaluation.probabilities(images, network)
    np.testing.assert_allclose(p.sum(1), 1, rtol=1e-5)
    torch.testing.assert_close(p, network(images).softmax(1).detach())
    torch.testing.assert_close(evaluation.features(images, network), network.features(images).detach())
    guesses = p.argmax(1).numpy()
    expected = np.mean(guesses == LABELS[:30].numpy())
    assert evaluation.accuracy(images, LABELS[:30], network) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: evaluation.features(DIGITS[:2, :, :14]), r"expected \(N, 1, 28, 28\)"),
        (lambda: FeatureClassifier().fit(DIGITS[:3], LABELS[:2]), r"labels have shape \(2,\)"),
        (lambda: FeatureClassifier().fit(DIGITS[:3] * 255, LABELS[:3]), r"expected \[0, 1\]"),
        (lambda: FeatureClassifier().fit(DIGITS[:3], LABELS[:3], batch_size=0), "batch_size is 0"),
    ],
)
def test_bad_images_and_labels(call, text):
    with pytest.raises(ValueError, match=text):
        call()


# What ships


def test_each_recipe_ships():
    assert zoo.names() == sorted(recipes.RECIPES)


@pytest.mark.parametrize("name", zoo.names())
def test_the_card_describes_the_weights(name):
    card = zoo.card(name)
    content = (zoo.SHIPPED / f"{name}.safetensors").read_bytes()
    assert hashlib.sha256(content).hexdigest() == card["sha256"]
    network = zoo.load_network(name, device="cpu")
    assert card["name"] == name and card["command"] == f"python tools/weights.py {name}"
    assert card["kind"] == type(network).__name__ and card["config"] == network.config
    assert card["parameters"] == sum(p.numel() for p in network.parameters())
    assert not network.training and not any(p.requires_grad for p in network.parameters())


def test_what_ships_is_small():
    sizes = [(zoo.SHIPPED / f"{name}.safetensors").stat().st_size for name in zoo.names()]
    assert max(sizes) <= 6e6 and sum(sizes) <= 24e6


@pytest.mark.parametrize("name", zoo.names())
def test_the_card_states_what_the_weights_measure(name, monkeypatch):
    """The recipe's own measurement, on the shipped weights: only its training is left out."""
    for owner in (du, du.GAN):
        monkeypatch.setattr(owner, "fit", lambda *args, **kwargs: training.History())
    for module in (baselines, features_module):
        monkeypatch.setattr(module, "optimise", lambda *args, **kwargs: training.History())
    _, _, measure = recipes.RECIPES[name]()
    found, told = measure(zoo.load_network(name)), zoo.card(name)["metrics"]
    assert found.keys() == told.keys() and told
    for key, value in told.items():
        tolerance = dict(abs=0.002) if key == "test_accuracy" else dict(rel=0.01)
        assert found[key] == pytest.approx(value, **tolerance)


@pytest.mark.parametrize("name", zoo.names())
def test_recipes_train_as_their_cards_say_on_the_training_split_alone(name, monkeypatch):
    seen = []

    def fit(network, source, *args, **kwargs):
        seen.append((source, kwargs["steps"], kwargs["seed"]))
        return training.History()

    for owner in (du, FeatureClassifier, du.VAE, du.GAN):
        monkeypatch.setattr(owner, "fit", fit)
    recipes.RECIPES[name]()
    ((source, steps, seed),) = seen
    card = zoo.card(name)
    assert (steps, seed) == (card["steps"], card["seed"])
    if not name.startswith("spiral"):
        assert torch.equal(source, images_of(name, "train"))


def images_of(name: str, split: str) -> torch.Tensor:
    """Of the set that a network's name begins with."""
    return getattr(du, name.split("-")[0])(split)[0]


@pytest.mark.parametrize("name", [name for name in zoo.names() if not name.startswith("spiral")])
def test_recipes_are_measured_on_the_test_split(name, monkeypatch):
    for owner in (du, FeatureClassifier, du.VAE, du.GAN):
        monkeypatch.setattr(owner, "fit", lambda *args, **kwargs: training.History())
    seen = []
    monkeypatch.setattr(evaluation, "accuracy", lambda images, labels, net: seen.append(images) or 1.0)
    monkeypatch.setattr(evaluation, "frechet_distance", lambda a, b, judge=None: seen.append(b) or 1.0)
    monkeypatch.setattr(du, "probability_flow", lambda net, start, sigmas: start)
    monkeypatch.setattr(du, "walkback", lambda net, start, *how: start)
    network, _, measure = recipes.RECIPES[name]()
    measure(network.cpu())
    assert len(seen) == 1 and torch.equal(seen[0], images_of(name, "test"))


def test_weight_of_the_bce_recipe_is_the_root_of_edms(monkeypatch):
    given = {}
    monkeypatch.setattr(du, "fit", lambda network, *data, **how: given.update(how, net=network))
    levels = torch.logspace(-2, 1, 20)
    recipes.RECIPES["digits-unet-edm"]()
    assert given["weight"] is None  # the network's own
    own = given["net"].loss_weight(levels)
    recipes.RECIPES["digits-unet-bce"]()
    torch.testing.assert_close(given["weight"](levels) ** 2, own)


def test_the_command_trains_writes_and_measures(tmp_path, monkeypatch, capsys):
    def recipe(checkpoint):
        checkpoint.parent.mkdir()
        checkpoint.write_text("of a run that is finished by now")
        network = FeatureClassifier(seed=1)
        history = network.fit(DIGITS[:50], LABELS[:50], steps=2)
        return network, history, lambda net: {"test_accuracy": 0.123456}

    monkeypatch.setitem(recipes.RECIPES, "digits-classifier", recipe)
    kept = tmp_path / "kept"
    recipes.main(["digits-classifier", "--out", str(tmp_path), "--checkpoints", str(kept)])
    assert not list(kept.iterdir())
    card = zoo.card("digits-classifier", tmp_path)
    assert card["steps"] == 2 and card["metrics"] == {"test_accuracy": 0.1235}
    assert zoo.load_network("digits-classifier", folder=tmp_path).config == card["config"]
    assert "0.1235" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        recipes.main(["no-such-network"])
    assert "no recipe is called ['no-such-network']" in capsys.readouterr().err


# Weights on disk

NETWORKS = {
    "mlp": lambda: du.MLPDenoiser(2, hidden=8, depth=1, noise_levels=True, seed=4),
    "unet": lambda: du.UNetDenoiser(side=8, width=4, dense=8, seed=4),
    "vae": lambda: du.VAE((1, 4, 4), latent=2, hidden=6, seed=4),
    "gan": lambda: du.GAN((1, 4, 4), latent=2, width=8, seed=4),
    "classifier": lambda: FeatureClassifier(seed=4),
}


@pytest.fixture
def stored(tmp_path):
    network = NETWORKS["mlp"]()
    card = zoo.save_network(network, "mine", tmp_path, seed=4)
    return tmp_path, card


@pytest.mark.parametrize("make", NETWORKS.values(), ids=NETWORKS)
def test_weights_come_back_in_half_precision(make, tmp_path):
    network = make()
    card = zoo.save_network(network, "mine", tmp_path, seed=4, data="none")
    again = zoo.load_network("mine", device="cpu", folder=tmp_path)
    assert card == zoo.card("mine", tmp_path) and card["data"] == "none"
    assert type(again) is type(network)
    assert not again.training and not any(p.requires_grad for p in again.parameters())
    for (key, a), b in zip(network.named_parameters(), again.parameters(), strict=True):
        assert torch.equal(b, a.half().float()), key
    for key, a in network.named_buffers():  # the noise level is no weight: it keeps all its digits
        assert torch.equal(again.get_buffer(key), a), key


def test_an_unknown_name_is_answered_with_the_known_ones(tmp_path):
    with pytest.raises(ValueError, match=r"no network is called 'nobody'.*digits-classifier"):
        zoo.load_network("nobody")
    zoo.save_network(NETWORKS["vae"](), "mine", tmp_path)
    for place, known in [(tmp_path, r"\['mine'\]"), (tmp_path / "nowhere", r"\[\]")]:
        with pytest.raises(ValueError, match=f"no network is called 'digits-classifier'.*{known}"):
            zoo.load_network("digits-classifier", folder=place)


def flip_a_bit(content: bytes) -> bytes:
    return content[:-1] + bytes([content[-1] ^ 1])


@pytest.mark.parametrize("damage", [flip_a_bit, lambda c: c[:-100], lambda c: b"", lambda c: c + b"0"])
def test_damaged_weights_are_not_used(stored, damage):
    folder, _ = stored
    path = folder / "mine.safetensors"
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(ValueError, match=r"sha256.*damaged or foreign.*make weights"):
        zoo.load_network("mine", folder=folder)


def changed(folder, **card):
    """Other words on the card."""
    told = json.loads((folder / "mine.json").read_text("utf-8")) | card
    (folder / "mine.json").write_text(json.dumps(told), "utf-8")


FOREIGN = {
    "another network": (
        lambda folder: changed(folder, config=du.MLPDenoiser(2, noise_levels=True).config),
        r"weights of 'mine' do not fit .*MLPDenoiser",
    ),
    "another kind": (
        lambda folder: changed(folder, kind="Transformer"),
        r"'Transformer'; expected one of .*MLPDenoiser",
    ),
    "no weights": (lambda folder: (folder / "mine.safetensors").unlink(), r"'mine' .*missing"),
}


@pytest.mark.parametrize("name", FOREIGN)
def test_weights_that_are_not_those_of_the_card_are_refused(name, stored):
    spoil, text = FOREIGN[name]
    spoil(stored[0])
    with pytest.raises(ValueError, match=text):
        zoo.load_network("mine", folder=stored[0])


@pytest.mark.parametrize("n", [2, 5, 100])
def test_the_distance_of_a_set_to_itself_is_never_below_zero(n):
    """Public reports of other implementations tell of small negative and of complex distances."""
    for seed in range(3):
        features = torch.randn(n, 16, generator=seeded(seed))
        assert 0 <= du.evaluation.frechet_between(features, features.clone()) < 1e-5
    assert du.evaluation.frechet_between(features, features[:1].expand(n, -1)) > 1  # collapsed: no nan
