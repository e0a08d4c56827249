"""What `fit` and its networks refuse before anything is changed, and what they take although it is rare.

Each table is a kind of mistake, with its cases.
"""

import ast
import contextlib
import math
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
import torchvision
from oracles import seeded, weights
from sklearn.mixture import GaussianMixture as SklearnMixture
from torch import nn
from torch.utils.data import DataLoader, Dataset, IterableDataset, Subset, TensorDataset
from torchvision.transforms.functional import to_pil_image, to_tensor

import daeutils as du
from daeutils.features import FeatureClassifier

GOOD = torch.rand(10, 2, generator=seeded())
IMAGES = torch.rand(12, 1, 8, 8, generator=seeded())

fit = partial(du.fit, device="cpu", progress=False)


def small(**kwargs) -> du.MLPDenoiser:
    return du.MLPDenoiser(2, hidden=8, depth=1, **kwargs)


def small_unet(channels=1, **kwargs) -> du.UNetDenoiser:
    return du.UNetDenoiser(channels, side=8, width=4, dense=8, **kwargs)


class Own(du.Denoiser):
    """A reader's network, as the docstring of `Denoiser` shows it."""

    def __init__(self, *layers, **kwargs):
        super().__init__(**kwargs)
        self.layers = nn.Sequential(*layers or (nn.Linear(2, 8), nn.ReLU(), nn.Linear(8, 2)))

    def logits(self, x_noisy, sigma=None):
        return self.layers(x_noisy)


def world(network, folder) -> tuple:
    """All that a refused call could have changed: network, process-wide state, files."""
    stored = [] if "Lazy" in str(network) else getattr(network, "state_dict", dict)().values()
    stored = [value.clone() for value in stored]
    modes = torch.is_grad_enabled(), getattr(network, "training", None), torch.get_default_dtype()
    return stored, modes, torch.get_rng_state(), sorted(folder.rglob("*"))


def assert_same(before: tuple, after: tuple) -> None:
    for a, b in zip(before[0], after[0], strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=0, equal_nan=True)
    assert before[1] == after[1] and torch.equal(before[2], after[2]) and before[3] == after[3]


class OutOfTheCube:
    def sample(self, n):
        return torch.full((n, 2), 1.5)


class Scalar(du.Denoiser):
    def __init__(self):
        super().__init__()
        self.a = nn.Parameter(torch.zeros(()))

    def logits(self, x_noisy, sigma=None):
        return self.a


class NoLogits(du.Denoiser):
    def __init__(self):
        super().__init__()
        self.a = nn.Parameter(torch.zeros(2))


def frozen(network):
    return network.requires_grad_(False)


def made_in_inference_mode():
    with torch.inference_mode():
        return small()


def of(**kwargs):
    """A class with a method `sample` that gives this."""
    return type("Source", (), {"sample": lambda self, n: kwargs["gives"]})()


REFUSED = {
    "arguments": [
        (dict(objective="l1"), r"objective is 'l1'; expected one of \['bce', 'mse'\]"),
        (dict(optimiser="sgd"), "optimiser is 'sgd'; expected 'adam' or 'muon'"),
        (dict(weight=2.0), r"weight is 2\.0; expected a function"),
        (dict(steps=0), "steps is 0"),
        (dict(steps=2.5), "steps is 2.5"),
        (dict(steps=True), "steps is True"),
        (dict(lr=0), "lr is 0"),
        (dict(lr=math.nan), "lr is nan"),
        (dict(average=1.5), "average is 1.5"),
        (dict(batch_size=0), "batch_size is 0"),
        (dict(batch_size=1.5), "batch_size is 1.5"),
        (dict(seed=-1), "seed is -1; expected a whole number >= 0"),
        (dict(seed="a"), "seed is 'a'"),
        (dict(seed=2**63), "seed is .*below 2"),
    ],
    "noise levels": [
        (dict(sigma=0), "sigma is 0; expected a finite number > 0"),
        (dict(sigma=-0.1), "sigma is -0.1"),
        (dict(sigma=math.nan), "sigma is nan"),
        (dict(sigma="small"), "sigma is 'small'"),
        (dict(sigma=[0.1, 0.2]), "sigma is"),
        (dict(sigma=torch.tensor([0.1, 0.2])), "sigma is"),
        (dict(sigma=du.corruption.log_normal()), "noise_levels=True"),
        (
            dict(denoiser=small(noise_levels=True), sigma=lambda n, generator: torch.zeros(n)),
            r"sigma is .* > 0",
        ),
        (
            dict(denoiser=small(noise_levels=True), sigma=lambda n, generator: torch.ones(1)),
            r"sigma\(1024, generator\) gave \(1,\); expected a tensor of shape \(1024,\)",
        ),
    ],
    "data": [
        (dict(source=GOOD * 3), r"source holds values from .* expected \[0, 1\].*rescale"),
        (dict(source=-GOOD), r"expected \[0, 1\]"),
        (dict(source=GOOD * (1 + 1e-4) / GOOD.max()), r"to 1\.0001; expected \[0, 1\]"),
        (dict(source=GOOD.masked_fill(GOOD > 0.5, math.nan)), "source holds NaN"),
        (dict(source=GOOD.byte()), "source has dtype torch.uint8.*divide by 255"),
        (dict(source=GOOD.long()), "source has dtype torch.int64"),
        (dict(source=GOOD[:0]), "source is empty"),
        (dict(source=GOOD[0]), "source has shape"),
        (dict(source=GOOD.tolist()), r"source is a list; expected a tensor.*sample\(n, generator\)"),
        (dict(source=(GOOD, GOOD[:, 0])), r"source is a tuple; expected .*use source\[0\]"),
        (dict(source=OutOfTheCube()), r"2000 of 2000 numbers outside \[0, 1\]"),
        (dict(source=of(gives=torch.full((1000, 2), math.nan))), "NaN in 2000 of 2000"),
        (dict(source=of(gives="text")), r"sample\(1000\) of the source, a Source, gave a str"),
        (dict(source=of(gives=torch.rand(7, 2))), r"gave shape \(7, 2\); expected \(1000, d\)"),
        (dict(source=of(gives=torch.rand(1000))), r"gave shape \(1000,\); expected \(1000, d\)"),
    ],
    "networks": [
        (dict(denoiser=nn.Linear(2, 2)), "denoiser is a Linear; expected a daeutils.Denoiser: derive"),
        (dict(denoiser=nn.Sequential(small())), "give the network inside"),
        (dict(denoiser=torch.compile(small())), "OptimizedModule; expected a daeutils.Denoiser"),
        (dict(denoiser=lambda x, sigma: x), "denoiser is a function; expected"),
        (dict(denoiser=NoLogits()), "logits.*of this NoLogits failed"),
        (dict(denoiser=Scalar()), r"logits of \(2, 2\) are \(\); expected the same shape"),
        (dict(denoiser=Own(nn.Linear(3, 2))), r"logits.*of this Own failed on \(2, 2\)"),
        (dict(denoiser=Own(nn.Flatten())), "this Own has no weights"),
        (dict(denoiser=Own(nn.LazyLinear(2))), "lazy layers.*call it on a batch first"),
        (dict(denoiser=small(output="linear")), r"output 'linear'.*BCE is not defined.*objective=.mse."),
        (dict(denoiser=frozen(small())), r"frozen: call network\.requires_grad_\(True\)"),
        (dict(denoiser=made_in_inference_mode()), "inference_mode.*make it outside"),
        (dict(denoiser=small().half()), r"float16; expected all float32.*network\.float\(\)"),
        (dict(denoiser=small().bfloat16()), r"bfloat16; expected all float32.*network\.float\(\)"),
        (dict(denoiser=Own(nn.Linear(2, 2).double(), nn.Linear(2, 2))), "float32, torch.float64"),
    ],
    "checkpoints": [
        (dict(denoiser=Own(nn.Linear(2, 9), nn.Dropout(0.5), nn.Linear(9, 2))), "draws random numbers"),
    ],
}  # fmt: skip


@pytest.mark.parametrize(("change", "text"), [row for rows in REFUSED.values() for row in rows])
def test_a_refused_call_changes_nothing(change, text, tmp_path):
    arguments = dict(denoiser=small(), source=GOOD, sigma=0.1, steps=2) | change
    denoiser, source = arguments.pop("denoiser"), arguments.pop("source")
    before = world(denoiser, tmp_path)
    with pytest.raises(ValueError, match=text):
        fit(denoiser, source, checkpoint=tmp_path / "new folder" / "state", **arguments)
    assert_same(before, world(denoiser, tmp_path))


# Streams go wrong later


class Later:
    """Draws good points, and from the third draw on others."""

    def __init__(self, others):
        self.calls, self.others = 0, others

    def sample(self, n):
        self.calls += 1
        return torch.rand(n, 2, generator=seeded(self.calls)) if self.calls < 3 else self.others(n)


@pytest.mark.parametrize(
    ("others", "text"),
    [
        (lambda n: 255 * torch.rand(n, 2, generator=seeded()), r"numbers outside \[0, 1\].*rescale"),
        (lambda n: torch.rand(n, 2, generator=seeded()) - 0.01, r"numbers outside \[0, 1\]"),
        (lambda n: torch.full((n, 2), math.nan), "the source gave NaN"),
        (lambda n: torch.full((n, 2), math.inf), r"numbers outside \[0, 1\]"),
        (lambda n: torch.zeros(n - 1, 2), "gave shape"),
    ],
)
def test_a_stream_is_watched_to_the_end_and_then_named(others, text, tmp_path):
    network = small()
    before = world(network, tmp_path)
    with pytest.raises(ValueError, match=text):
        fit(network, Later(others), sigma=0.1, steps=9, checkpoint=tmp_path / "state")
    assert_same(before, world(network, tmp_path))


def test_the_tail_of_a_mixture_is_no_mistake():
    def with_a_tail(n):
        points = torch.rand(n, 2)
        points[: n // 2000] = 1.01
        return points

    assert fit(small(), Later(with_a_tail), sigma=0.1, steps=9).steps == 9


# One noise level

LEVELS = {
    "called": lambda net, x, sigma: net(x, sigma),
    "logits as a score": lambda net, x, sigma: du.score_from_denoiser(net, x, sigma),
    "iterate": lambda net, x, sigma: du.iterate(net, x, 2, sigma),
    "walkback": lambda net, x, sigma: du.walkback(net, x, 2, sigma),
    "langevin": lambda net, x, sigma: du.langevin(net, x, 2, sigma),
    "ancestral": lambda net, x, sigma: du.ancestral(net, x, [sigma, sigma / 2]),
    "probability_flow": lambda net, x, sigma: du.probability_flow(net, x, [sigma, sigma / 2]),
    "jacobian": lambda net, x, sigma: du.jacobian(net, x[:1], sigma),
    "log_density_difference": lambda net, x, sigma: du.log_density_difference(net, x, x + 0.1, sigma),
    "a level for each sample": lambda net, x, sigma: net(x, torch.full((len(x),), sigma)),
    "numpy": lambda net, x, sigma: net(x, np.float32(sigma)),
}


@pytest.mark.parametrize("use", LEVELS)
@pytest.mark.parametrize(
    ("make", "x"), [(small, GOOD), (Own, GOOD), (small_unet, IMAGES)], ids=["MLP", "own", "U-Net"]
)
def test_a_network_of_one_level_refuses_another_wherever_one_is_given(use, make, x):
    network = make()
    fit(network, x, sigma=0.2, steps=1)
    assert network.level.item() == pytest.approx(0.2)
    with pytest.raises(ValueError, match=r"trained at one noise level, 0\.2\. Leave sigma out"):
        LEVELS[use](network, x, 0.3)
    if use not in ("ancestral", "probability_flow"):  # which needs two
        LEVELS[use](network, x, 0.2)


def test_the_level_is_kept_with_the_weights():
    network, other = small(), small()
    fit(network, GOOD, sigma=0.25, steps=1)
    other.load_state_dict(network.state_dict())
    assert torch.equal(other(GOOD), network(GOOD, 0.25))
    assert "level" not in small(noise_levels=True).state_dict()


# Randomness of one's own

MADE = {
    "MLP": partial(du.MLPDenoiser, 2),
    "MLP of many levels": partial(du.MLPDenoiser, 2, noise_levels=True),
    "U-Net": partial(small_unet, noise_levels=True),
    "VAE": partial(du.VAE, (1, 8, 8)),
    "GAN": partial(du.GAN, (1, 8, 8)),
    "classifier": partial(FeatureClassifier, side=8),
}


@pytest.mark.parametrize("make", MADE.values(), ids=MADE)
def test_initial_weights_do_not_depend_on_other_threads(make):
    alone = weights(make())
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda _: weights(make()), range(40)))
    assert all(torch.equal(alone, each) for each in made)


@pytest.mark.parametrize("make", MADE.values(), ids=MADE)
def test_initial_weights_are_those_of_pytorch_with_that_seed(make):
    """Layer by layer in their order, as `reset_parameters` draws them from the process-wide generator."""
    network = make(seed=3)
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(3)
        again = make(seed=4)
        for layer in again.modules():
            if isinstance(layer, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
                layer.reset_parameters()
    assert torch.equal(weights(network), weights(again))


def test_no_function_seeds_the_process(monkeypatch):
    """torch.manual_seed would also seed every GPU, which nobody asked for."""

    def forbidden(*_):
        raise AssertionError("a process-wide generator was seeded")

    for place, name in [(torch, "manual_seed"), (torch.random, "manual_seed"), (torch, "seed"),
                        (torch.cuda, "manual_seed_all")]:  # fmt: skip
        monkeypatch.setattr(place, name, forbidden)
    a, b = torch.rand(40, 64), torch.rand(60, 64)
    state = torch.get_rng_state()
    for make in MADE.values():
        make()
    du.load("digits-unet-bce", device="cpu")
    fit(small(), GOOD, sigma=0.1, steps=2)
    du.VAE((1, 8, 8)).fit(IMAGES, steps=2, device="cpu", progress=False)
    du.GAN((1, 8, 8)).fit(IMAGES, steps=2, device="cpu", progress=False)
    labels = torch.arange(12) % 10
    FeatureClassifier(side=8).fit(IMAGES, labels, steps=2, device="cpu", progress=False)
    assert du.evaluation.kernel_between(a, b) == du.evaluation.kernel_between(a, b)
    assert torch.equal(torch.get_rng_state(), state)


# Autograd, dtypes, memory formats, numbers


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_fit_trains_whatever_the_caller_does_with_gradients(mode):
    alone, inside = small(), small()
    fit(alone, GOOD, sigma=0.1, steps=3)
    with mode():
        fit(inside, GOOD.clone(), sigma=0.1, steps=3)
    assert torch.equal(weights(alone), weights(inside))
    assert all(p.grad is None for p in inside.parameters())


def test_fit_does_not_follow_the_graph_of_its_data():
    data = nn.Sigmoid()(nn.Parameter(GOOD))
    assert data.requires_grad and fit(small(), data, sigma=0.1, steps=3).steps == 3

    class Decoder:
        def sample(self, n):
            return nn.Linear(1, 2)(torch.ones(n, 1)).sigmoid()

    assert fit(small(), Decoder(), sigma=0.1, steps=3).steps == 3


def test_a_network_may_be_frozen_in_part():
    network = small()
    network.net[0].requires_grad_(False)
    first, last = network.net[0].weight.clone(), network.net[-1].weight.clone()
    fit(network, GOOD, sigma=0.1, steps=3)
    assert torch.equal(network.net[0].weight, first) and not torch.equal(network.net[-1].weight, last)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("network", [torch.float32, torch.float64])
def test_data_of_any_precision_train_a_network_of_its_own(dtype, network):
    for make, data in [(small, GOOD), (small_unet, IMAGES)]:
        denoiser = make().to(network)
        fit(denoiser, data.to(dtype), sigma=0.1, steps=2)
        assert all(p.dtype == network and p.isfinite().all() for p in denoiser.parameters())


def test_the_default_dtype_plays_no_part():
    plain = small_unet()
    torch.set_default_dtype(torch.float64)
    try:
        network = small_unet()
        assert du.ring().sample(3, seeded()).dtype == torch.float32
        fit(network, IMAGES, sigma=0.1, steps=2)
        shipped = du.load("digits-unet-bce", device="cpu")
        assert shipped(du.digits("test")[0][:2], 0.5).dtype == torch.float32
    finally:
        torch.set_default_dtype(torch.float32)
    fit(plain, IMAGES, sigma=0.1, steps=2)
    assert torch.equal(weights(plain), weights(network))


def test_autocast_neither_stops_a_sampler_nor_changes_a_training():
    plain, network = small_unet(), small_unet()
    fit(plain, IMAGES, sigma=0.1, steps=2)
    with torch.autocast("cpu", torch.bfloat16):
        fit(network, IMAGES, sigma=0.1, steps=2)
        assert du.iterate(network, IMAGES, 3).dtype == torch.float32
        assert du.score_from_denoiser(network, IMAGES, 0.1).dtype == torch.float32
    assert torch.equal(weights(plain), weights(network))


@pytest.mark.parametrize("optimiser", ["muon", "adam"])
def test_the_memory_format_of_a_network_changes_nothing(optimiser):
    plain = small_unet(3)
    other = small_unet(3).to(memory_format=torch.channels_last)
    data = torch.rand(12, 3, 8, 8, generator=seeded())
    for network in (plain, other):
        fit(network, data, sigma=0.1, steps=4, optimiser=optimiser)
    torch.testing.assert_close(weights(plain), weights(other), rtol=0, atol=2e-3)


def test_rounding_does_not_put_data_out_of_the_cube():
    assert fit(small_unet(), (IMAGES / IMAGES.max()) * (1 + 1e-7), sigma=0.1, steps=2).steps == 2


WHOLE = [np.int64(3), np.uint8(3), torch.tensor(3), np.array(3)]


@pytest.mark.parametrize("three", WHOLE, ids=lambda n: type(n).__name__)
def test_whole_numbers_of_numpy_and_torch_are_whole_numbers(three):
    plain = small(seed=3)
    fit(plain, GOOD, sigma=0.1, steps=3, batch_size=3, seed=3)
    network = du.MLPDenoiser(2, hidden=8, depth=1, seed=three)
    fit(network, GOOD, sigma=np.array(0.1), steps=three, batch_size=three, seed=three)
    assert torch.equal(weights(plain), weights(network))
    assert du.ring(three).sample(three, seeded()).shape == (3, 2)
    assert du.iterate(network, GOOD, three).shape == GOOD.shape
    assert (
        du.UNetDenoiser(side=np.int64(8), width=three).config == du.UNetDenoiser(side=8, width=3).config
    )
    assert du.random_mixture(three, seed=three).means.shape == (3, 2)


# Advice on shapes is right when it is followed

RGB = torch.rand(5, 3, 8, 8, generator=seeded())
SHAPES = [
    (3, RGB.movedim(1, -1), RGB),
    (3, RGB[0], RGB[:1]),
    (3, RGB[0].movedim(0, -1), RGB[:1]),
    (3, RGB.flatten(1), RGB),
    (1, IMAGES[:, 0], IMAGES),
    (1, IMAGES[0, 0], IMAGES[:1]),
    (1, IMAGES.flatten(1), IMAGES),
]


@pytest.mark.parametrize(("channels", "given", "meant"), SHAPES)
def test_advice_on_the_shape_of_images_is_right_when_followed(channels, given, meant):
    with pytest.raises(ValueError, match="which this network was made for") as error:
        small_unet(channels)(given)
    advice = str(error.value).rsplit("use ", 1)[1].rstrip(".")
    assert torch.equal(eval(advice, {"x_noisy": given}), meant)
    if given.ndim > 1 and len(given) > 1 and given.min() >= 0:
        with pytest.raises(ValueError, match=r"source has shape .*made for"):
            fit(small_unet(channels), given, sigma=0.1, steps=1)


def test_advice_on_the_shape_of_points_is_right_when_followed():
    with pytest.raises(ValueError, match=r"use x_noisy\.flatten\(1\)"):
        du.MLPDenoiser(64)(IMAGES)
    with pytest.raises(ValueError, match=r"use x_noisy\[None\]"):
        small()(GOOD[0])


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16, torch.uint8])
def test_advice_on_the_dtype_names_the_one_of_the_weights(dtype):
    with pytest.raises(ValueError, match=r"use x_noisy\.to\(torch\.float32\)") as error:
        small()(GOOD.to(dtype))
    assert ("divide by 255" in str(error.value)) == (dtype == torch.uint8)
    with pytest.raises(ValueError, match=r"use x_noisy\.to\(torch\.float64\)"):
        small().double()(GOOD)


# Sources that follow another protocol


def test_sources_of_other_libraries_are_understood():
    uniform = torch.distributions.Independent(
        torch.distributions.Uniform(torch.zeros(2), torch.ones(2)), 1
    )
    foreign = SklearnMixture(2, covariance_type="spherical", random_state=0).fit(
        du.ring().sample(400, seeded()).numpy()
    )
    foreign.covariances_ = np.full(2, 1e-3)
    foreign.means_ = np.full((2, 2), 0.5)
    for source in (uniform, foreign, du.ring()):
        assert fit(small(), source, sigma=0.1, steps=2).steps == 2


POINTS = torch.rand(6, 2, generator=seeded())
KINDS = torch.arange(len(IMAGES))
BYTES = torch.stack([to_tensor(to_pil_image(image)) for image in IMAGES])
LABELLED = TensorDataset(IMAGES, KINDS)


class Bare(Dataset):
    """Images without labels, each made into something else."""

    def __init__(self, made=lambda image: image):
        self.made = made

    def __getitem__(self, index):
        return self.made(IMAGES[index])

    def __len__(self):
        return len(IMAGES)


class Stream(IterableDataset):
    """Images in their order alone."""

    def __iter__(self):
        return iter(IMAGES)


class Frame:
    """A table, as pandas has it: its `sample` means something else."""

    def sample(self, n):
        raise AssertionError("it was asked for a sample")

    def to_numpy(self):
        return POINTS.numpy()


# a source -> the tensor that the advice makes of it
SOURCES = {
    "an array": (POINTS.numpy(), POINTS),
    "a list of numbers": (POINTS.tolist(), POINTS),
    "a list of points": (list(POINTS), POINTS),
    "a list of arrays": (list(POINTS.numpy()), POINTS),
    "two images": (list(IMAGES[:2]), IMAGES[:2]),
    "images and labels": ((IMAGES, KINDS), IMAGES),
    "arrays and labels": ([IMAGES.numpy(), KINDS.numpy()], IMAGES.numpy()),
    "a Dataset of pairs": (LABELLED, IMAGES),
    "a Subset": (Subset(LABELLED, [1, 0]), IMAGES[[1, 0]]),
    "a Dataset of images": (Bare(), IMAGES),
    "a Dataset of dicts": (Bare(lambda image: {"id": 3, "x": image}), IMAGES),
    "a Dataset of files": (Bare(to_pil_image), BYTES),
    "a Dataset of pairs of files": (Bare(lambda image: (to_pil_image(image), 3)), BYTES),
    "a Dataset of dicts of files": (Bare(lambda image: {"image": to_pil_image(image)}), BYTES),
    "a stream of images": (Stream(), IMAGES),
    "a DataLoader of pairs": (DataLoader(LABELLED, batch_size=2), IMAGES),
    "a DataLoader of dicts": (DataLoader(Bare(lambda image: {"x": image}), batch_size=2), IMAGES),
    "a DataLoader of a stream": (DataLoader(Stream(), batch_size=2), IMAGES),
    "a table": (Frame(), POINTS),
    "numbers": (POINTS[:, 0], POINTS[:, :1]),
    "a number": (POINTS[0, 0], POINTS[:1, :1]),
    "sparse points": (POINTS.to_sparse(), POINTS),
    "complex points": (POINTS + 0j, POINTS),
    "whole numbers": (POINTS.round().int(), POINTS.round()),
}


def code(text: str) -> str:
    """The expression after the word `use`."""
    words = text.rsplit("use ", 1)[1]
    for end in range(len(words), 0, -1):
        with contextlib.suppress(SyntaxError):
            if not isinstance(ast.parse(words[:end], mode="eval").body, ast.Tuple):
                return words[:end]
    raise AssertionError(f"no code in {text!r}")


@pytest.mark.parametrize("kind", SOURCES)
def test_advice_on_a_source_is_right_when_followed(kind):
    given, meant = SOURCES[kind]
    with pytest.raises(ValueError, match=r"^source ") as error:
        fit(small(), given, sigma=0.1, steps=1)
    found = eval(code(str(error.value)), {"torch": torch, "torchvision": torchvision, "source": given})
    assert type(found) is type(meant) and found.shape == meant.shape
    assert np.allclose(found, meant)


def test_a_distribution_of_numbers_says_how_to_draw_a_column():
    network, uniform = du.MLPDenoiser(1, hidden=8, depth=1), torch.distributions.Uniform(0.0, 1.0)
    with pytest.raises(ValueError, match=r"gave shape \(1000,\); .* use source\.expand\(\[1\]\)"):
        fit(network, uniform, sigma=0.1, steps=1)
    assert fit(network, uniform.expand([1]), sigma=0.1, steps=1).steps == 1


@pytest.mark.parametrize("given", ["pictures", Path("pictures")])
def test_a_path_in_place_of_data_names_the_reader(given):
    with pytest.raises(ValueError, match=r"du\.folder\(source\)\[0\] reads the images"):
        fit(small_unet(), given, sigma=0.1, steps=1)


@pytest.mark.parametrize(
    ("given", "ways"),
    [
        (IMAGES[:, 0], {"images[:, None]": IMAGES, "images[None]": IMAGES[:, 0][None]}),
        (IMAGES[0, 0], {"images[None, None]": IMAGES[:1]}),
    ],
)
def test_advice_on_a_batch_of_images_offers_what_it_may_be(given, ways):
    with pytest.raises(ValueError, match=r"expected a batch, \(N, C, H, W\)") as error:
        du.evaluation.features(given)
    for way, meant in ways.items():
        assert way in str(error.value)
        assert torch.equal(eval(way, {"images": given}), meant)


@pytest.mark.parametrize("x", [POINTS.numpy(), POINTS.tolist(), None])
def test_a_network_says_that_it_takes_tensors(x):
    with pytest.raises(ValueError, match=r"x_noisy is a \w+; expected a torch tensor"):
        small()(x)


# What a process was started with


@pytest.mark.parametrize(
    "left", [{"WORLD_SIZE": ""}, {"WORLD_SIZE": "2", "LOCAL_RANK": "0"}, {"WORLD_SIZE": "1"}]
)
def test_what_an_old_launcher_left_behind_starts_nothing(left, monkeypatch):
    for name, value in left.items():
        monkeypatch.setenv(name, value)
    assert du.pick_device().type in ("cpu", "cuda")


@pytest.mark.parametrize("device", ["gpu", "cuda:x", 1.5])
def test_a_device_that_there_is_not_is_named(device):
    with pytest.raises(ValueError, match=r"device is .*; expected 'cpu', 'cuda'"):
        du.pick_device(device)


def test_the_default_device_plays_no_part():
    """A device that holds no values stands in for one that is not there."""
    torch.set_default_device("meta")
    try:
        made = [
            du.ring().sample(3), du.random_mixture(3).means, du.spiral().means, du.checkerboard().means,
            du.noise_schedule(5), du.plotting.grid(3), *du.digits("test"), *small().parameters(),
            du.UNetDenoiser(side=8, width=8)(IMAGES),
        ]  # fmt: skip
        low, high = du.evaluation.bootstrap(lambda x: x.mean().item(), GOOD)
        assert len(fit(small(), POINTS, sigma=0.1, steps=2).smoothed()) == 2
    finally:
        torch.set_default_device(None)
    assert {each.device.type for each in made if isinstance(each, torch.Tensor)} == {"cpu"}
    assert low <= high
