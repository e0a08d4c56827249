"""Denoising autoencoders and the score: what more than one chapter needs.

What is known exactly (densities, data, pictures, corruption, objectives), how a denoiser is trained
(denoisers, batches, muon, training), what is done with one (score, sampling, baselines, features, zoo,
evaluation), and how it is shown (plotting, teaching).

    import daeutils as du
    ring = du.ring()
    denoiser = du.MLPDenoiser(2)
    du.fit(denoiser, ring, sigma=0.1)
    score = du.score_from_denoiser(denoiser, x_noisy, sigma=0.1)
"""

from daeutils import corruption, evaluation, objectives, plotting, sampling, zoo
from daeutils.baselines import GAN, VAE, PCAGaussian
from daeutils.data import celeba, digits, fashion, fashion_mnist, mnist
from daeutils.denoisers import (
    Denoiser,
    Memoriser,
    MixtureDenoiser,
    MLPDenoiser,
    PlainDAE,
    UNetDenoiser,
)
from daeutils.densities import (
    GaussianMixture,
    checkerboard,
    from_points,
    moons,
    pinwheel,
    random_mixture,
    ring,
    spiral,
)
from daeutils.evaluation import frechet_distance
from daeutils.muon import Muon
from daeutils.pictures import folder
from daeutils.sampling import ancestral, iterate, langevin, noise_schedule, probability_flow, walkback
from daeutils.score import (
    asymmetry,
    certificate,
    cosine,
    jacobian,
    log_density_difference,
    relative_error,
    score_from_denoiser,
)
from daeutils.teaching import budget, claim, quiz, slide, table
from daeutils.training import History, fit, pick_device
from daeutils.zoo import load_network as load

__version__ = "0.1.0"

__all__ = [
    "GAN", "VAE", "Denoiser", "GaussianMixture", "History", "MLPDenoiser", "Memoriser",
    "MixtureDenoiser", "Muon", "PCAGaussian", "PlainDAE", "UNetDenoiser", "ancestral", "asymmetry",
    "budget", "celeba", "certificate", "checkerboard", "claim", "corruption", "cosine", "digits",
    "evaluation", "fashion", "fashion_mnist", "fit", "folder", "frechet_distance", "from_points",
    "iterate", "jacobian", "langevin", "load", "log_density_difference", "mnist", "moons",
    "noise_schedule", "objectives", "pick_device", "pinwheel", "plotting", "probability_flow", "quiz",
    "random_mixture", "relative_error", "ring", "sampling", "score_from_denoiser", "slide", "spiral",
    "table", "walkback", "zoo",
]  # fmt: skip
