"""What users of comparable projects reported in public, tried here: each kind with its source.

Sources are repositories and numbers of issues; the situation is theirs, the code ours.
"""

import contextlib
import copy
import io
import pickle
from functools import partial

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from IPython.core.interactiveshell import InteractiveShell
from torch import nn

import daeutils as du
from daeutils import evaluation, plotting, teaching, zoo
from daeutils.features import FeatureClassifier

IMAGES, LABELS = (part[:60] for part in du.digits("test"))


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.fixture(scope="module")
def network():
    network = du.MLPDenoiser(2, hidden=16, depth=1)
    du.fit(network, du.ring(), sigma=0.1, steps=20, progress=False, device="cpu")
    return network


def test_a_jacobian_in_inference_mode_is_the_same(network):
    """pytorch/pytorch#128264, pypose/pypose#380: silently zero."""
    x = torch.tensor([[0.6, 0.5]])
    outside = du.jacobian(network, x, 0.1)
    with torch.inference_mode():
        assert torch.equal(du.jacobian(network, torch.tensor([[0.6, 0.5]]), 0.1), outside)
    with torch.no_grad():
        assert torch.equal(du.jacobian(network, x, 0.1), outside)
    assert du.asymmetry(outside) > 0


def test_a_paired_bootstrap_keeps_the_pairs():
    """ACCLAB/dabestr#193, scipy/scipy#21718: each arm drawn alone."""
    exact = torch.randn(1000, 2, generator=seeded())
    near = exact + 0.1 * torch.randn(1000, 2, generator=seeded(1))
    low, high = evaluation.bootstrap(du.relative_error, near, exact, paired=True)
    alone = evaluation.bootstrap(du.relative_error, near, exact)
    assert low < du.relative_error(near, exact) < high and high - low < (alone[1] - alone[0]) / 4
    scores = torch.rand(200, generator=seeded(2))
    # of the mean of a difference the standard error is known
    low, high = evaluation.bootstrap(
        lambda a, b: (a - b).mean(), scores + 1, scores, paired=True, draws=200
    )
    assert low == pytest.approx(1, abs=1e-6) == high
    with pytest.raises(ValueError, match=r"\[1000, 200\] members"):
        evaluation.bootstrap(du.relative_error, near, scores, paired=True)
    with pytest.raises(ValueError, match="statistic gave a tuple; expected one number"):
        evaluation.bootstrap(lambda x: (x.mean(), 1), scores)


class Own(du.Denoiser):
    def __init__(self, *layers):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(2, 16), nn.SiLU(), *layers, nn.Linear(16, 2))

    def logits(self, x_noisy, sigma=None):
        return self.net(x_noisy)


@pytest.mark.parametrize("layer", [nn.Dropout(0.5), nn.BatchNorm1d(16)], ids=["dropout", "batch norm"])
def test_a_trained_network_gives_one_answer(layer):
    """lucidrains/denoising-diffusion-pytorch#327, facebookresearch/VideoPose3D#113: no eval mode."""
    own = Own(layer)
    du.fit(own, du.ring(), sigma=0.1, steps=5, progress=False, device="cpu")
    x = torch.rand(8, 2, generator=seeded())
    together = du.score_from_denoiser(own, x, 0.1)
    assert torch.equal(together, du.score_from_denoiser(own, x, 0.1))
    alone = torch.cat([du.score_from_denoiser(own, each[None], 0.1) for each in x])
    assert torch.allclose(alone, together, atol=1e-3)


@pytest.mark.parametrize("whole", [torch.uint8, torch.uint16])
def test_bytes_are_shown_as_greys(whole):
    """pbashivan/EEGLearn#36: clipped to white."""
    rows = plotting._rows([(IMAGES[:2] * torch.iinfo(whole).max).to(whole)])
    assert torch.allclose(rows[0], IMAGES[:2, 0], atol=0.005)
    backwards = plotting._rows([np.asarray(IMAGES[:2, 0])[:, ::-1]])[0]
    assert torch.equal(backwards, IMAGES[:2, 0].flip(1))
    assert torch.equal(plotting._rows([list(IMAGES[:2])])[0], IMAGES[:2, 0])


def test_rows_that_cannot_be_shown_are_named():
    """acorg/dark-matter#477: no rows in a grid."""
    with pytest.raises(ValueError, match=r"rows\[0\] is empty; expected at least one image"):
        plotting.show_images([IMAGES[LABELS == 77]])
    for nothing in ([], np.empty((0, 8, 8))):
        with pytest.raises(ValueError, match=r"rows\[0\] is empty"):
            plotting.show_images([nothing])
    with pytest.raises(ValueError, match=r"rows\[0\] has shape \(\)"):
        plotting.show_images([0.5])
    with pytest.raises(ValueError, match=r"use rows\[0\]\[:, :3\], without transparency"):
        plotting.show_images([torch.rand(2, 4, 8, 8)])


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16])
def test_a_network_in_half_precision_knows_its_level(network, kind):
    """AUTOMATIC1111/stable-diffusion-webui#14071: the levels are cast with the model."""
    x = torch.rand(8, 2, generator=seeded())
    assert copy.deepcopy(network).to(kind)(x.to(kind), 0.1).dtype == kind
    for level in (torch.tensor(0.1, dtype=kind), np.float16(0.1), np.full(9, 0.1)[::-1][1:]):
        assert torch.equal(network(x, level), network(x, 0.1))
    with pytest.raises(ValueError, match="trained at one noise level"):
        copy.deepcopy(network).to(kind)(x.to(kind), 0.11)


def test_other_precisions_are_taken():
    """NVIDIA/MinkowskiEngine#170, Project-MONAI/GenerativeModels#231: dtypes differ."""
    a, b = IMAGES[:30], IMAGES[30:]
    usual = evaluation.frechet_distance(a, b)
    assert evaluation.frechet_distance(a.double(), b) == pytest.approx(usual, rel=1e-3)
    assert torch.allclose(evaluation.nearest(a.double(), b)[0].float(), evaluation.nearest(a, b)[0])
    memoriser = du.Memoriser(a)
    exact = memoriser(b, 0.3)
    assert torch.allclose(memoriser.float()(b, 0.3), exact, atol=1e-4)
    tiny = FeatureClassifier()
    tiny.fit(IMAGES.double(), LABELS.int(), steps=1, progress=False, device="cpu")


def test_images_on_another_scale_are_refused():
    """Lightning-AI/torchmetrics#1244, sbarratt/inception-score-pytorch#7: the range of the images."""
    for images, way in [
        (2 * IMAGES - 1, r"use \(images \+ 1\) / 2"),
        ((255 * IMAGES).round(), "use images / 255"),
    ]:
        with pytest.raises(ValueError, match=way):
            evaluation.frechet_distance(images, IMAGES)
        with pytest.raises(ValueError, match=way):
            evaluation.accuracy(images, LABELS)
    noise = 0.5 + torch.randn(60, 1, 28, 28, generator=seeded())
    for images in (noise, IMAGES + 0.1 * noise, torch.zeros_like(IMAGES), (IMAGES > 0.5).float()):
        evaluation.features(images)  # these are judged in the book


def test_training_in_inference_mode(network):
    """lucidrains/denoising-diffusion-pytorch#286: inference tensors cannot be saved for backward."""
    own = copy.deepcopy(network)
    with torch.inference_mode():
        du.fit(own, du.ring(), sigma=0.1, steps=3, progress=False, device="cpu")
        evaluation.feature_classifier.cache_clear()
        evaluation.features(IMAGES[:2])
    x = IMAGES[:2].clone().requires_grad_()
    evaluation.feature_classifier().features(x).sum().backward()
    assert x.grad.abs().sum() > 0


def test_arrays_that_run_backwards():
    """pytorch/pytorch#92680, aleju/imgaug#630: negative strides."""
    rising = np.linspace(0.02, 1, 5)
    many, x = du.MLPDenoiser(2, noise_levels=True), torch.rand(5, 2, generator=seeded())
    for sampler in (partial(du.ancestral, eta=0), du.probability_flow):
        expected = sampler(many, x, rising[::-1].copy())
        for levels in (rising[::-1], rising[::-1].astype(">f8")):
            assert torch.equal(sampler(many, x, levels), expected)
    told = many(x, rising[::-1])
    assert torch.equal(told, many(x, torch.from_numpy(rising[::-1].copy())))
    means = np.array([[0.2, 0.3], [0.6, 0.7]])
    assert torch.equal(du.GaussianMixture(means[::-1], 0.01).means, torch.from_numpy(means).flip(0))
    assert teaching.numbers(rising[::-1]).tolist() == rising[::-1].tolist()


@pytest.mark.parametrize("shift", [1, -1])
def test_labels_that_do_not_start_at_0_are_named(shift):
    """EricFillion/happy-transformer#248: target out of bounds."""
    with pytest.raises(ValueError, match=r"labels run from .* expected 0 to 9"):
        FeatureClassifier().fit(IMAGES, LABELS + shift, steps=1, progress=False, device="cpu")
    with pytest.raises(ValueError, match=r"use torch\.as_tensor\(labels\)"):
        evaluation.accuracy(IMAGES, LABELS.tolist())


def test_a_file_is_replaced_only_by_a_whole_one(network, tmp_path):
    """skydiscover-ai/skydiscover#46 (numpy in JSON), huggingface/transformers#10253 (own models)."""
    zoo.save_network(network, "mine", tmp_path, error=np.float32(0.3), seed=np.int64(4))
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert zoo.card("mine", tmp_path)["seed"] == 4
    broken = copy.deepcopy(network)
    with torch.no_grad():
        next(broken.parameters())[0] = 1e5
    for refused, about, words in [
        (network, {"what": {1, 2}}, "the card cannot be written"),
        (broken, {}, "numbers that half precision cannot"),
        (Own(), {}, "the network is a Own; expected one of"),
    ]:
        with pytest.raises(ValueError, match=words):
            zoo.save_network(refused, "mine", tmp_path, **about)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    x = torch.ones(1, 2)
    assert torch.allclose(zoo.load_network("mine", "cpu", tmp_path)(x), network(x), atol=1e-3)


def test_figures_take_arrays_and_gradients():
    """desy-ml/cheetah#287: plotting tensors that need grad."""
    _, ax = plt.subplots()
    x = np.random.default_rng(0).random((4, 2))
    plotting.arrows(ax, x, x[::-1], 0.1)
    plotting.arrows(ax, torch.rand(4, 2, requires_grad=True), torch.rand(4, 2).bfloat16(), 0.1)
    plotting.paths(ax, np.random.default_rng(0).random((3, 4, 2)))
    plt.close("all")


@pytest.mark.parametrize("shell", (False, True))
def test_a_redirected_claim_reaches_a_file_without_our_letters(shell):
    """isofit/isofit#684: a check mark in cp1252; with IPython's shell, which widgets start, as well."""
    InteractiveShell.instance() if shell else InteractiveShell.clear_instance()
    file = io.TextIOWrapper(io.BytesIO(), encoding="cp1252", write_through=True)
    with contextlib.redirect_stdout(file):
        du.claim("The value is {}", 0.3, at_most=0.6)
    assert b"The value is 0.30 (at most 0.6)" in file.buffer.getvalue()


def test_levels_can_be_pickled_for_other_processes():
    """yu4u/noise2noise#12: can't pickle local object."""
    draw = du.corruption.log_normal()
    assert torch.equal(pickle.loads(pickle.dumps(draw))(5, seeded()), draw(5, seeded()))


def test_a_forgotten_return_is_named():
    """hexlet-basics/exercises-python#256: the function gives None."""
    with pytest.raises(AssertionError, match="is there a return"):
        teaching.number(None)


def test_a_frozen_gan_is_refused():
    """STomoya/animeface#77: a training that changes nothing."""
    frozen = du.GAN(latent=4, width=8).requires_grad_(False)
    with pytest.raises(ValueError, match="frozen"):
        frozen.fit(IMAGES, steps=1, progress=False, device="cpu")
