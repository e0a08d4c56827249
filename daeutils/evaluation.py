"""How far a set of images is from another, in the features of a small classifier.

The Frechet distance compares only within this book: print beside it the distance between training and
test images, which is its floor, and the VAE's.
"""

import warnings
from functools import cache

import torch
from torch import Tensor
from torchmetrics.image.fid import FrechetInceptionDistance

from daeutils import _check
from daeutils.features import FeatureClassifier
from daeutils.sampling import BATCH
from daeutils.zoo import load_network


@cache
def feature_classifier() -> FeatureClassifier:
    """The shipped classifier, loaded once, on a GPU where there is one."""
    return load_network("digits-classifier")


@torch.no_grad()
def _by_parts(function, images: Tensor, classifier) -> Tensor:
    _check.float_tensor(images, "images", ndim_at_least=4)
    device = next(classifier.parameters()).device
    return torch.cat([function(part.to(device)) for part in images.split(BATCH)])


def features(images: Tensor, classifier: FeatureClassifier | None = None) -> Tensor:
    """Feature vectors, (N, 64), on the device of the classifier."""
    classifier = classifier or feature_classifier()
    return _by_parts(classifier.features, images, classifier)


def probabilities(images: Tensor, classifier: FeatureClassifier | None = None) -> Tensor:
    """Class probabilities, (N, 10): their maximum is the classifier's confidence."""
    classifier = classifier or feature_classifier()
    return _by_parts(classifier, images, classifier).softmax(1)


def accuracy(images: Tensor, labels: Tensor, classifier: FeatureClassifier | None = None) -> float:
    """The fraction of images whose most probable class is their label."""
    _check.one_label_each(labels, images)
    guess = probabilities(images, classifier).argmax(1)
    return (guess == labels.to(guess.device)).double().mean().item()


class _Given(torch.nn.Module):
    """Stands where torchmetrics expects a feature network, for features that are computed already."""

    num_features = 64

    def forward(self, x: Tensor) -> Tensor:
        return x


def frechet_between(a: Tensor, b: Tensor) -> float:
    """Frechet distance between Gaussians fitted to two sets of features, (N, D) and (M, D)."""
    for x, name in [(a, "a"), (b, "b")]:
        _check.float_tensor(x, name)
        if len(x) < 2:
            raise ValueError(f"{name} holds {len(x)} sample; expected at least 2, better 1,000.")
    if a.shape[1:] != b.shape[1:]:
        raise ValueError(
            f"a and b hold {a.shape[1]} and {b.shape[1]} features; expected those of one network."
        )
    given = _Given()
    given.num_features = a.shape[1]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torchmetrics warns of the memory its features take
        metric = FrechetInceptionDistance(given, normalize=False, input_img_size=(a.shape[1],))
    metric = metric.set_dtype(torch.float64).to(a.device)
    metric.update(a.double(), real=True)
    metric.update(b.double().to(a.device), real=False)
    return metric.compute().item()


def frechet_distance(a: Tensor, b: Tensor, classifier: FeatureClassifier | None = None) -> float:
    """Frechet distance between two sets of images, (N, 1, H, W) each, in the classifier's features.

    Through torchmetrics. It grows with fewer samples: compare sets of one size only.
    """
    return frechet_between(features(a, classifier), features(b, classifier))


def bootstrap(statistic, *samples: Tensor, draws: int = 30, seed: int = 0) -> tuple[float, float]:
    """A 95 per cent bootstrap interval about statistic(*samples): each sample drawn again with return.

    Repeated points raise a Frechet distance, so the percentiles are shifted until the mean of the
    draws lies at the statistic: the interval shows spread, not that bias.
    """
    _check.count(draws, "draws", at_least=2)
    generator = torch.Generator().manual_seed(seed)
    values = []
    for _ in range(draws):
        picks = [torch.randint(len(s), (len(s),), generator=generator) for s in samples]
        values.append(statistic(*(s[p.to(s.device)] for s, p in zip(samples, picks, strict=True))))
    drawn = torch.tensor(values, dtype=torch.float64)
    shift = statistic(*samples) - drawn.mean()
    low, high = drawn.quantile(torch.tensor([0.025, 0.975], dtype=torch.float64)) + shift
    return low.item(), high.item()


def nearest(images: Tensor, reference: Tensor) -> tuple[Tensor, Tensor]:
    """Distance to, and index of, the nearest reference image in pixel space: (N,), (N,)."""
    for x, name in [(images, "images"), (reference, "reference")]:
        _check.float_tensor(x, name)
    if images.shape[1:] != reference.shape[1:]:
        raise ValueError(
            f"images of shape {tuple(images.shape[1:])} and reference images of shape "
            f"{tuple(reference.shape[1:])}; expected one shape."
        )
    images, reference = images.flatten(1), reference.flatten(1)
    index = torch.cat([torch.cdist(part, reference).argmin(1) for part in images.split(BATCH)])
    # cdist is fast, but of a copy it says 0.005: the distance itself is taken again
    return (images - reference[index]).norm(dim=1), index
