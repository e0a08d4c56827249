"""Would the tests notice? Each fault is planted by patching an attribute, and one test must fail for it.

The test is called here with its parameters, first without the fault, where it must pass, and then with
it, where an assertion must fail. So a test that always fails catches nothing, and neither does a crash.
"""

import contextlib
import inspect
import math
import sys
from collections.abc import Callable
from functools import partial
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import NamedTuple

import matplotlib.pyplot as plt
import pytest
import test_baselines
import test_checkpoint
import test_corruption
import test_data
import test_defaults
import test_denoisers
import test_densities
import test_evaluation
import test_faults
import test_muon
import test_objectives
import test_plotting
import test_preconditions
import test_properties
import test_sampling
import test_score
import test_seeds
import test_teaching
import test_training
import torch
import torchmetrics.image.kid
import weights as recipes
from oracles import points, seeded

import daeutils as du
from daeutils import (
    _check,
    _engine,
    baselines,
    batches,
    corruption,
    data,
    denoisers,
    densities,
    evaluation,
    features,
    muon,
    objectives,
    pictures,
    plotting,
    sampling,
    score,
    teaching,
    training,
    zoo,
)

Patch = pytest.MonkeyPatch


class Fault(NamedTuple):
    """What goes wrong, how to plant it, and the test that must fail for it, with its arguments."""

    breaks: str
    plant: Callable[[Patch], None]
    test: Callable
    arguments: dict = {}  # noqa: RUF012 (never written to)


DEFAULT = test_defaults.test_default_is_the_documented_value

# Ways to plant one


def attribute(place, name: str, value) -> Callable[[Patch], None]:
    """Put a value in the place of an attribute."""
    return lambda patch: patch.setattr(place, name, value)


def wrapped(place, name: str, change: Callable) -> Callable[[Patch], None]:
    """Put change(original, *arguments) in the place of a function, wherever it was imported to.

    An attribute of a module is replaced in every module of the package and of the tests that holds the
    same function; a method is replaced in its class.
    """

    def plant(patch: Patch) -> None:
        original = inspect.getattr_static(place, name)

        def faulty(*args, **kwargs):
            return change(original, *args, **kwargs)

        patch.setattr(place, name, faulty)
        if inspect.ismodule(place):
            for module in list(sys.modules.values()):
                if getattr(module, "__name__", "").startswith(("daeutils", "test_")):
                    for other, value in list(vars(module).items()):
                        if value is original:
                            patch.setattr(module, other, faulty)

    return plant


def default(function, name: str, value) -> Callable[[Patch], None]:
    """Give an argument of a function another default."""
    function = inspect.unwrap(function)

    def plant(patch: Patch) -> None:
        if name in (function.__kwdefaults__ or {}):
            patch.setattr(function, "__kwdefaults__", function.__kwdefaults__ | {name: value})
            return
        taken = [
            value if parameter.name == name else parameter.default
            for parameter in inspect.signature(function).parameters.values()
            if parameter.default is not parameter.empty and parameter.kind != parameter.KEYWORD_ONLY
        ]
        patch.setattr(function, "__defaults__", tuple(taken))

    return plant


def other_default(breaks: str, function, name: str, value, row: str) -> Fault:
    """The fault that an argument has another default, which a row of test_defaults must notice."""
    return Fault(breaks, default(function, name, value), DEFAULT, dict(name=row, argument=name))


def instead(module, **names) -> SimpleNamespace:
    """A stand-in for a module that a module of the package uses, with other functions by these names."""
    return SimpleNamespace(**vars(module) | names)


# Faults that need more than a line


def euler(flow, denoiser, x, sigmas, *args, **kwargs):
    """Steps of first order down the levels."""
    levels = [*torch.as_tensor(sigmas).tolist(), 0.0]
    for here, there in pairwise(levels):
        x = x + (there - here) * (x - denoiser(x, here)) / here
    return x


def squared_where_per_sample(sigma, x, **kwargs):
    level = _check.per_sample(sigma, x, **kwargs)
    return level**2 if level.ndim else level


def one_sample_drawn(kept: int):
    """A bootstrap that draws only the other of two samples again."""

    def draw(bootstrap, statistic, *samples, **kwargs):
        if len(samples) == 1:
            return bootstrap(statistic, *samples, **kwargs)

        def of_one(drawn):
            return statistic(*(samples[0], drawn) if kept == 0 else (drawn, samples[1]))

        return bootstrap(of_one, samples[1 - kept], **kwargs)

    return draw


def quicker_bias(optimisers, network, lr, orthogonal):
    found = optimisers(network, lr, orthogonal)
    for group in (group for optimiser in found[1:] for group in optimiser.param_groups):
        group["initial_lr"] *= 5
    return found


@contextlib.contextmanager
def nothing_restored(network):
    network.train()
    with torch.enable_grad():
        yield


def slack(claim, text, value, *, at_least=None, at_most=None, **kwargs):
    low, high = (None if b is None else b + s * 0.05 * abs(b) for b, s in ((at_least, -1), (at_most, 1)))
    return claim(text, value, at_least=low, at_most=high, **kwargs)


class AnyDigest(str):
    """Equal to every digest."""

    __hash__ = str.__hash__

    def __eq__(self, other):
        return True

    def __ne__(self, other):
        return False


UNCHECKED = SimpleNamespace(sha256=lambda content: SimpleNamespace(hexdigest=lambda: AnyDigest("0" * 64)))


def rescaled(init, model, *args, **kwargs):
    init(model, *args, **kwargs)
    model.axes *= (40 / 39) ** 0.5


def plain_momentum(ahead, optimiser, weight, momentum):
    ahead(optimiser, weight, momentum)
    return optimiser.state[weight]["momentum_buffer"].flatten(1)


def equal_weights(sample, law, n, generator=None):
    return sample(du.GaussianMixture(law.means, law.covariances), n, generator)


def one_sobol_sequence(patch: Patch) -> None:
    engine = torch.quasirandom.SobolEngine
    patch.setattr(
        torch.quasirandom, "SobolEngine", lambda d, scramble, seed: engine(d, scramble=scramble, seed=0)
    )


def no_momentum_restored(checkpoint, stored):
    checkpoint.network.load_state_dict(stored["network"])
    checkpoint.losses[: len(stored["losses"])] = stored["losses"]


def overlapping(digits, split="train"):
    images, labels = digits("train")
    return (images, labels) if split == "train" else (images[:2000], labels[:2000])


def own_scale_for_each_image(patch: Patch) -> None:
    imshow = plt.Axes.imshow
    patch.setattr(plt.Axes, "imshow", lambda ax, image, vmin, vmax, **how: imshow(ax, image, **how))


FULL = dict(kind="full", dim=2, seed=1)
DOUBLE = dict(dtype=torch.float64)
SQUARE_LEVEL = torch.tensor([[0.2, 0.9], [1.1, -0.3]], dtype=torch.float64)
BATCH = test_properties.Batch(du.ring(), points(4), 0.5, 3)
LOGITS = dict(logits=4 * points(4, 3) - 1, x=points(4, 3, 1).clamp(0, 1))
HALF = dict(logits=torch.ones(3, 2), x=torch.zeros(3, 2))
GREYS = dict(x=torch.tensor([[0.2, 0.5, 0.9]], dtype=torch.float64))

FAULTS = {  # module -> its faults
  "densities": [
    Fault("the score points downhill",
          wrapped(densities.GaussianMixture, "score", lambda score, law, x: -score(law, x)),
          test_densities.test_score_is_the_slope_of_log_prob, FULL),
    Fault("smoothing adds sigma where it should add its square",
          wrapped(densities.GaussianMixture, "smooth", lambda smooth, law, s: smooth(law, s**0.5)),
          test_densities.test_smoothing_twice_adds_the_variances, dict(a=0.3, b=0.2, **FULL)),
    Fault("the posterior mean goes half of the way",
          wrapped(densities.GaussianMixture, "posterior_mean",
                  lambda R, law, x, s: (x + R(law, x, s)) / 2),
          test_densities.test_tweedie_at_every_noise_level, dict(sigma=0.3, **FULL)),
    Fault("log-densities are in bits",
          wrapped(densities.GaussianMixture, "log_prob", lambda f, law, x: f(law, x) / math.log(2)),
          test_densities.test_log_prob_is_that_of_scipy, dict(tight=1e-10, **DOUBLE, **FULL)),
    Fault("every component is drawn equally often",
          wrapped(densities.GaussianMixture, "sample", equal_weights),
          test_densities.test_samples_fall_on_the_components_by_weight),
    Fault("the width of a bump is taken for its variance",
          attribute(densities, "_bumps", du.GaussianMixture),
          test_densities.test_almost_no_mass_outside_the_unit_square, dict(make=du.ring)),
    other_default("the ring has wider bumps by default",
          densities.ring, "std", 0.05, "ring"),
    Fault("every random mixture and every network is that of seed 0",
          wrapped(_check, "seed", lambda seed, n, name="seed": 0),
          test_densities.test_a_random_mixture_is_unequal_anisotropic_and_its_own_for_each_seed),
  ],
  "corruption": [
    Fault("the noise is uniform", attribute(corruption, "noise", lambda x, generator=None:
          (torch.rand(x.shape, generator=generator, dtype=x.dtype) - 0.5) * 12**0.5),
          test_corruption.test_gaussian_adds_normal_noise_and_clamps_nothing, dict(sigma=0.5)),
    Fault("Gaussian noise is clamped to [0, 1]",
          wrapped(corruption, "gaussian", lambda f, x, s, generator=None: f(x, s, generator).clamp(0, 1)),
          test_corruption.test_gaussian_adds_normal_noise_and_clamps_nothing, dict(sigma=0.5)),
    Fault("noise comes from the process-wide generator",
          wrapped(corruption, "noise", lambda noise, x, generator=None: noise(x)),
          test_seeds.test_the_seed_decides_and_nothing_else, dict(name="gaussian")),
    Fault("half of the entries that should be masked are",
          wrapped(corruption, "_hit",
                  lambda hit, x, fraction, generator: hit(x, fraction / 2, generator)),
          test_corruption.test_masking_blackens_that_fraction, dict(fraction=0.25)),
    Fault("salt and pepper is pepper alone", attribute(corruption, "salt_and_pepper", corruption.masking),
          test_corruption.test_salt_and_pepper_hits_that_fraction_and_tosses_a_coin, dict(fraction=0.25)),
    Fault("the spread of log sigma is squared",
          wrapped(corruption, "log_normal", lambda f, mean, std, low, high: f(mean, std**2, low, high)),
          test_corruption.test_log_normal_levels_follow_their_law_between_the_bounds),
    other_default("noise levels reach up to 10 by default",
          corruption.log_normal, "high", 10.0, "log_normal"),
  ],
  "objectives": [
    Fault("BCE is computed from the rounded sigmoid",
          attribute(objectives, "functional", SimpleNamespace(
              binary_cross_entropy_with_logits=lambda logits, x, reduction:
              torch.nn.functional.binary_cross_entropy(logits.sigmoid(), x, reduction=reduction))),
          test_objectives.test_saturated_logits_stay_finite, dict(dtype=torch.float32)),
    Fault("the squared error is halved",
          wrapped(objectives, "squared_error", lambda f, r, x: f(r, x) / 2),
          test_objectives.test_mse_is_that_of_numpy, LOGITS),
    Fault("entropy is in bits", wrapped(objectives, "entropy", lambda f, x: f(x) / math.log(2)),
          test_objectives.test_entropy_is_that_of_scipy, GREYS),
    Fault("training by BCE minimises the squared error",
          lambda patch: patch.setitem(objectives.OBJECTIVES, "bce", objectives.mse),
          test_training.test_the_loss_is_the_objective_for_each_pixel),
  ],
  "_check": [
    Fault("data outside [0, 1] are welcome", attribute(_check, "unit_interval", lambda x, *a, **k: None),
          test_preconditions.test_a_refused_call_changes_nothing,
          dict(change=dict(source=3 * test_preconditions.GOOD), text="rescale the data")),
  ],
  "denoisers": [
    Fault("a network of one level takes any other",
          attribute(denoisers.Denoiser, "check_level", lambda network, sigma: None),
          test_preconditions.test_a_network_of_one_level_refuses_another_wherever_one_is_given,
          dict(use="called", make=test_preconditions.small, x=test_preconditions.GOOD)),
    Fault("the reconstruction is the logits",
          attribute(denoisers.Denoiser, "forward", lambda net, x, sigma=None: net.logits(x, sigma)),
          test_denoisers.test_reconstructions_are_images_of_the_same_shape,
          dict(name="unet", noise_levels=True)),
    Fault("a network hears of sigma, and not of its logarithm",
          wrapped(denoisers, "_level_features", lambda f, sigma: f(sigma.exp())),
          test_evaluation.test_the_card_states_what_the_weights_measure, dict(name="spiral-mlp-bce")),
    Fault("the U-Net's input is not scaled", attribute(denoisers, "_shrink", lambda x, sigma: x - 0.5),
          test_denoisers.test_what_enters_the_layers_has_about_unit_size_at_every_level,
          dict(name="unet", sigma=10.0)),
    Fault("the variance of the unit interval is 1/3", attribute(denoisers, "_VARIANCE", 1 / 3),
          test_denoisers.test_what_enters_the_layers_has_about_unit_size_at_every_level,
          dict(name="mlp", sigma=0.02)),
    Fault("EDM's weight is the root of what it should be",
          wrapped(denoisers.UNetDenoiser, "loss_weight",
                  lambda f, network, sigma: f(network, sigma) ** 0.5),
          test_training.test_edm_weighs_the_squared_error_until_it_is_that_of_the_layers),
    Fault("the logit is bent where the reconstruction is still inside",
          default(denoisers._logit, "edge", 0.2),
          test_denoisers.test_the_logit_goes_on_rising_outside_the_faces),
    Fault("the components of a mixture cannot turn",
          attribute(denoisers.MixtureDenoiser, "_axes",
                    lambda net: torch.eye(net.dim).to(net.means).expand(len(net.means), -1, -1)),
          test_denoisers.test_every_parameter_of_a_mixture_has_a_part_in_its_output),
  ],
  "batches": [
    Fault("one Sobol sequence serves every seed", one_sobol_sequence,
          test_seeds.test_the_seed_reaches_the_evenly_spread_batches, dict(dim=2)),
    Fault("the points are not ordered along a curve",
          attribute(batches, "_along_a_curve", lambda points: torch.arange(len(points))),
          test_training.test_even_batches_average_to_less_noise_than_random_ones),
    Fault("any share of a stream may lie outside [0, 1]", attribute(batches, "TAIL", 1.0),
          test_preconditions.test_a_stream_is_watched_to_the_end_and_then_named,
          dict(others=lambda n: 255 * torch.rand(n, 2, generator=seeded()), text="numbers outside")),
    Fault("the noise of a training ignores its seed",
          attribute(batches.Batches, "_noise", lambda self, x: torch.randn(x.shape)),
          test_seeds.test_the_seed_decides_and_nothing_else, dict(name="fit, images")),
  ],
  "training": [
    other_default("the weights are not averaged by default",
          training.fit, "average", 0.0, "fit, points"),
    other_default("the weights are averaged over ten times as many steps",
          training.fit, "average", 0.9999, "fit, long"),
    Fault("Adam's rate for points is a tenth of what is documented",
          attribute(training, "RATES", training.RATES | {"adam": (1e-3, 2e-3)}),
          DEFAULT, dict(name="fit, points, Adam", argument="lr")),
    Fault("Muon's rates for points and images are swapped",
          attribute(training, "RATES", training.RATES | {"muon": (1e-2, 2e-2)}),
          DEFAULT, dict(name="fit, images", argument="lr")),
    Fault("the learning rate does not fall",
          attribute(training, "_set_pace", lambda optimisers, pace: None),
          test_training.test_steps_fall_as_a_cosine_and_the_weights_are_averaged),
    Fault("the average holds on to the first weights",
          attribute(training, "_kept", lambda most, before: most),
          test_training.test_steps_fall_as_a_cosine_and_the_weights_are_averaged),
    Fault("biases move five times as fast beside Muon", wrapped(training, "_optimisers", quicker_bias),
          test_training.test_orthogonal_steps_move_every_direction_of_a_matrix_alike),
    Fault("a loss of NaN passes", attribute(training, "finite", lambda loss, step, lr: loss),
          test_training.test_a_loss_that_is_not_finite_is_an_error_and_leaves_the_network_as_it_was),
  ],
  "muon": [
    Fault("a coefficient of the polynomial is another", attribute(muon, "B", -4.5),
          test_muon.test_singular_values_go_five_times_through_the_polynomial,
          dict(shape=(3, 40), most=1e-9, **DOUBLE)),
    Fault("singular values go three times through the polynomial", attribute(muon, "TIMES", 3),
          test_muon.test_singular_values_go_five_times_through_the_polynomial,
          dict(shape=(3, 40), most=1e-9, **DOUBLE)),
    Fault("Muon does not look ahead", wrapped(muon.Muon, "_ahead", plain_momentum),
          test_muon.test_steps_are_those_of_pytorch_up_to_rounding),
    other_default("Muon's momentum is 0.9 by default",
          muon.Muon.__init__, "momentum", 0.9, "Muon"),
  ],
  "_engine": [
    Fault("a checkpoint does not look at the batches",
          attribute(_engine.Checkpoint, "_counted", lambda checkpoint, batches: batches),
          test_checkpoint.test_the_checkpoint_of_another_training_is_refused,
          dict(name="streams that differ later")),
    Fault("a training goes on without the momentum it had",
          attribute(_engine.Checkpoint, "_restore", no_momentum_restored),
          test_checkpoint.test_a_run_cut_in_two_is_the_run, dict(name="points", after=7)),
    Fault("after an error the network keeps the broken weights",
          attribute(_engine, "training", nothing_restored),
          test_training.test_a_loss_that_is_not_finite_is_an_error_and_leaves_the_network_as_it_was),
  ],
  "score": [
    Fault("the residual is divided by sigma and not by its square",
          wrapped(score, "score_from_denoiser", lambda f, R, x, s: f(R, x, s) * s),
          test_score.test_the_exact_denoiser_gives_the_exact_score,
          dict(tight=1e-8, kind="full", dim=2, sigma=0.3, **DOUBLE)),
    Fault("the relative error lacks its root",
          wrapped(score, "relative_error", lambda f, a, b: f(a, b) ** 2),
          test_score.test_relative_error_is_its_definition),
    Fault("the cosine ignores the sign", wrapped(score, "cosine", lambda f, a, b: f(a, b).abs()),
          test_score.test_cosine_is_its_definition),
    Fault("the certificate forgets the factor 2",
          wrapped(score, "certificate", lambda f, e, s: 2 * f(e, s)),
          test_score.test_the_certificate_is_tight_at_one_half),
    Fault("the Jacobian is transposed", wrapped(score, "jacobian", lambda f, R, x, s: f(R, x, s).mT),
          test_score.test_the_jacobian_of_a_network_by_finite_differences),
    Fault("asymmetry is compared with J alone",
          wrapped(score, "asymmetry", lambda f, J: ((J - J.mT).norm() / J.norm()).item()),
          test_properties.test_jacobian_of_a_matrix_is_the_matrix_and_asymmetry_has_no_unit,
          dict(matrix=torch.tensor([[1.0, 2, 0], [0, 1, 3], [4, 0, 1]], dtype=torch.float64), scale=2.0)),
    Fault("the path from start to end is walked backwards",
          wrapped(score, "log_density_difference",
                  lambda f, R, a, b, s, points=50: f(R, b, a, s, points)),
          test_score.test_log_density_difference_of_images),
    other_default("the integral has 20 points by default",
          score.log_density_difference, "points", 20, "log_density_difference"),
  ],
  "sampling": [
    Fault("a chain is one step short",
          wrapped(sampling, "iterate",
                  lambda f, R, x, steps, *a, **k: f(R, x, max(steps - 1, 0), *a, **k)),
          test_sampling.test_no_steps_is_the_start_and_each_step_asks_once,
          dict(sampler=lambda *a: du.iterate(*a))),
    Fault("walkback squares a level that is given for each sample",
          attribute(sampling, "_check", instead(_check, per_sample=squared_where_per_sample)),
          test_properties.test_each_row_may_have_a_level_of_its_own,
          dict(name="sampling.walkback", b=BATCH)),
    Fault("Langevin steps are twice as long by default",
          wrapped(sampling, "langevin", lambda f, R, x, n, sigma, step_size=None, **how:
                  f(R, x, n, sigma, step_size or sigma**2 / 5, **how)),
          DEFAULT, dict(name="langevin", argument="step_size")),
    Fault("Langevin noise is scaled by the step and not by its root",
          attribute(sampling, "math", instead(math, sqrt=lambda h: h)),
          test_sampling.test_langevin_on_a_gaussian_has_its_closed_form, dict(step_size=0.02)),
    Fault("the flow takes steps of first order", wrapped(sampling, "probability_flow", euler),
          test_sampling.test_the_flow_of_a_gaussian_has_its_closed_form_and_heun_is_of_second_order),
    Fault("the flow begins one level too low",
          wrapped(sampling, "probability_flow", lambda f, R, x, levels, **k: f(R, x, levels[1:], **k)),
          test_sampling.test_the_flow_of_a_gaussian_has_its_closed_form_and_heun_is_of_second_order),
    Fault("churn asks for noise and is given half of it",
          wrapped(sampling, "probability_flow", lambda f, *a, churn=0, **k: f(*a, churn=churn / 2, **k)),
          test_sampling.test_the_last_step_with_churn_is_walkback),
    Fault("a chain may end at NaN",
          attribute(sampling, "torch", instead(torch, isfinite=torch.ones_like)),
          test_sampling.test_a_chain_that_ends_at_infinity_is_an_error,
          dict(chain=test_sampling.CHAINS["iterate"])),
    other_default("the flow puts noise back by default",
          sampling.probability_flow, "churn", 0.1, "probability_flow"),
    other_default("noise levels are evenly spaced by default",
          sampling.noise_schedule, "rho", 1, "noise_schedule"),
    Fault("noise levels ignore rho",
          wrapped(sampling, "noise_schedule", lambda f, n, high, low, rho=7: f(n, high, low, 7)),
          test_sampling.test_schedule_falls_evenly_in_the_power_of_its_root),
    Fault("a long chain goes through the network whole",
          attribute(sampling, "_apply", lambda R, x, sigma: R(x, sigma)),
          test_sampling.test_large_sets_go_through_the_network_in_parts_and_without_gradients,
          dict(chain=test_sampling.CHAINS["iterate"])),
  ],
  "evaluation": [
    Fault("the Frechet distance counts the second set twice",
          wrapped(evaluation, "_compare", lambda f, metric, a, b: f(metric, a, torch.cat([b, b]))),
          test_evaluation.test_frechet_is_the_formula, dict(seed=0)),
    Fault("the kernel is a square and not a cube",
          attribute(torchmetrics.image.kid, "poly_mmd",
                  partial(torchmetrics.image.kid.poly_mmd, degree=2)),
          test_evaluation.test_kernel_distance_is_the_formula, dict(seed=0)),
    Fault("each ball reaches one neighbour too far",
          wrapped(evaluation, "density_coverage", lambda f, made, real, k=5: f(made, real, k + 1)),
          test_evaluation.test_density_and_coverage_by_loop, dict(k=1, n=40, m=60)),
    Fault("a bootstrap leaves the first sample as it is",
          wrapped(evaluation, "bootstrap", one_sample_drawn(kept=0)),
          test_evaluation.test_bootstrap_draws_every_sample_again, dict(place=0)),
    Fault("a bootstrap leaves the last sample as it is",
          wrapped(evaluation, "bootstrap", one_sample_drawn(kept=1)),
          test_evaluation.test_bootstrap_draws_every_sample_again, dict(place=1)),
    Fault("distances to the nearest image are squared",
          wrapped(evaluation, "nearest", lambda f, *a: (f(*a)[0] ** 2, f(*a)[1])),
          test_evaluation.test_nearest_in_features_by_brute_force, dict(move=0.0)),
  ],
  "features": [
    Fault("the features are those before the last activation",
          attribute(features.FeatureClassifier, "features", lambda net, images: net.body[:-1](images)),
          test_evaluation.test_the_card_states_what_the_weights_measure, dict(name="digits-classifier")),
  ],
  "baselines": [
    Fault("codes of the VAE are drawn with a spread of 0.9",
          attribute(baselines.VAE, "sample", lambda model, n, generator=None: model.decoder(
              0.9 * torch.randn(n, model.latent, generator=generator)).sigmoid().reshape(n, *model.shape)
              .detach()),
          test_baselines.test_samples_of_the_vae_are_decoded_codes),
    Fault("the VAE's reconstruction counts half",
          wrapped(baselines, "bce", lambda bce, a, x: bce(a, x) / 2),
          test_baselines.test_the_loss_is_reconstruction_plus_divergence),
    Fault("PCA divides by one sample too few", wrapped(baselines.PCAGaussian, "__init__", rescaled),
          test_baselines.test_with_all_components_it_keeps_the_whole_covariance),
    other_default("the VAE trains at half its rate by default",
          baselines.VAE.fit, "lr", 1e-3, "VAE.fit"),
  ],
  "data": [
    Fault("the test digits are among the training digits", wrapped(data, "digits", overlapping),
          test_data.test_digits_differ_from_one_another_and_the_splits_are_disjoint),
    Fault("damaged digits are read", attribute(data, "hashlib", UNCHECKED),
          test_faults.test_damaged_digits_are_refused, dict(damage=test_faults.replaced)),
  ],
  "pictures": [
    Fault("a folder holds out the first names",
          attribute(pictures, "_pick", lambda places, share: set(places[: round(share * len(places))])),
          test_data.test_folder_holds_out_the_names_with_the_smallest_hashes),
    Fault("a split is taken for a label", attribute(pictures, "_refuse_splits", lambda top, found: None),
          test_data.test_folder_takes_no_split_for_a_label, dict(folders=["train/a", "test/a"])),
  ],
  "zoo": [
    Fault("damaged weights are used", attribute(zoo, "hashlib", UNCHECKED),
          test_evaluation.test_damaged_weights_are_not_used, dict(damage=test_evaluation.flip_a_bit)),
    Fault("the VAE is measured on training digits",
          attribute(recipes, "data", instead(data, digits=lambda split="train": data.digits("train"))),
          test_evaluation.test_recipes_are_measured_on_the_test_split, dict(name="digits-vae")),
    Fault("a recipe has another number of steps than its card",
          default(recipes.spiral, "steps", 4000),
          test_evaluation.test_recipes_train_as_their_cards_say_on_the_training_split_alone,
          dict(name="spiral-mlp-bce")),
    Fault("the noise level of a stored network is rounded",
          wrapped(zoo, "save", lambda save, state: save({k: v.half() for k, v in state.items()})),
          test_evaluation.test_weights_come_back_in_half_precision,
          dict(make=test_evaluation.NETWORKS["unet"])),
    Fault("the weight of BCE's noise levels is squared",
          lambda patch: patch.setitem(recipes.RECIPES, "digits-unet-bce", partial(
              recipes.unet, "bce", "sigmoid", lambda sigma: recipes.even(sigma) ** 2)),
          test_evaluation.test_weight_of_the_bce_recipe_is_the_root_of_edms),
  ],
  "teaching": [
    Fault("a claim has five per cent of slack", wrapped(teaching, "claim", slack),
          test_teaching.test_bounds_are_included_and_nothing_beyond_them, dict(low=1.0, width=1.0)),
    Fault("a claim only prints", wrapped(teaching, "claim", lambda claim, text, *a, **k: print(text)),
          test_teaching.test_nan_holds_nowhere, dict(bound=dict(at_most=1e9))),
    Fault("a value is rounded to the bound that it misses",
          attribute(teaching, "_rounded", lambda value, bounds: f"{value:.1g}"),
          test_teaching.test_printed_value_is_on_the_same_side_of_its_bound_as_the_value,
          dict(bound=0.6, change=-0.0004)),
    Fault("the full budget is never used", wrapped(teaching, "budget", lambda f, *, quick, full: quick),
          test_teaching.test_the_budget_is_quick_unless_it_is_full),
    Fault("markup in a question is run", attribute(teaching, "escape", str),
          test_teaching.test_html_in_a_question_is_only_text),
  ],
  "plotting": [
    Fault("each image has a grey scale of its own", own_scale_for_each_image,
          test_plotting.test_show_images_has_one_scale_and_clips_for_display),
    Fault("rows and columns of a grid are exchanged",
          wrapped(plotting, "grid", lambda grid, *a: grid(*a).flip(1)),
          test_plotting.test_grid_goes_row_by_row),
    Fault("arrows are twice as long as the field",
          wrapped(plotting, "arrows",
                  lambda f, ax, x, field, scale, **k: f(ax, x, field, 2 * scale, **k)),
          test_plotting.test_arrows_start_at_their_points_and_have_their_length),
  ],
}  # fmt: skip
EACH = [fault for faults in FAULTS.values() for fault in faults]
SOUND = set()  # tests that passed without a fault


def call(test: Callable, arguments: dict, patch: Patch, tmp_path, capsys) -> None:
    """Call a test with its arguments and fixtures; a hypothesis test with this example alone."""
    body = test.hypothesis.inner_test if hasattr(test, "hypothesis") else test
    tmp_path.mkdir()
    fixtures = {
        "tmp_path": lambda: tmp_path,
        "monkeypatch": lambda: patch,
        "capsys": lambda: capsys,
        "often": lambda: inspect.unwrap(test_checkpoint.often)(patch),
        "whole": lambda: inspect.unwrap(test_sampling.whole)(patch),
        "shelf": lambda: inspect.unwrap(test_data.shelf)(tmp_path),
        "stored": lambda: inspect.unwrap(test_evaluation.stored)(tmp_path),
        "axes": lambda: plt.subplots()[1],
    }
    missing = [name for name in inspect.signature(body).parameters if name not in arguments]
    body(**arguments, **{name: fixtures[name]() for name in missing})
    plt.close("all")


@pytest.mark.parametrize("fault", EACH, ids=[fault.breaks for fault in EACH])
def test_planted_fault_is_caught(fault, tmp_path, capsys):
    key = fault.test.__name__, str(fault.arguments)
    if key not in SOUND:
        with pytest.MonkeyPatch.context() as patch:
            call(fault.test, fault.arguments, patch, tmp_path / "sound", capsys)
        SOUND.add(key)
    with (
        pytest.MonkeyPatch.context() as patch,
        pytest.raises((AssertionError, pytest.fail.Exception)),
    ):
        fault.plant(patch)
        call(fault.test, fault.arguments, patch, tmp_path / "faulty", capsys)


def test_every_module_has_a_planted_fault():
    modules = {path.stem for path in Path(du.__file__).parent.glob("*.py")} - {"__init__"}
    assert set(FAULTS) == modules
    assert len(EACH) == len({fault.breaks for fault in EACH}) >= 45
