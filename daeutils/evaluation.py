"""How far a set of images is from another, in the features of a small classifier.

The distances compare only within this book: print beside them those between training and test images,
which are their floor, and the VAE's. Density asks whether samples lie where images do, coverage whether
every kind of image is met, and the nearest training image whether a sample is a copy.
"""

import warnings
from functools import cache, partial

import torch
from torch import Tensor

from daeutils import _check
from daeutils.features import FeatureClassifier
from daeutils.sampling import BATCH
from daeutils.zoo import load_network


@cache
def feature_classifier() -> FeatureClassifier:
    """The shipped classifier, loaded once, on a CUDA GPU where there is one."""
    with torch.inference_mode(False):  # it is kept, and may be needed with gradients later
        return load_network("digits-classifier")


@torch.no_grad()
def _by_parts(function, images: Tensor, classifier) -> Tensor:
    _check.float_tensor(images, "images", ndim_at_least=4)
    _check.not_another_scale(images)
    weight = next(classifier.parameters())  # its dtype and device
    return torch.cat([function(part.to(weight)) for part in images.split(BATCH)])


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


def _check_features(**sets: Tensor) -> None:
    """Raise ValueError unless the two sets are features, (N, D) and (M, D), of two samples or more."""
    for name, x in sets.items():
        _check.float_tensor(x, name)
        if x.ndim > 2:
            raise ValueError(
                f"{name} has shape {tuple(x.shape)}; expected features, (N, D): use evaluation.features."
            )
        if len(x) < 2:
            raise ValueError(f"{name} holds {len(x)} sample; expected at least 2, better 1,000.")
    (first, a), (second, b) = sets.items()
    if a.shape[1] != b.shape[1]:
        raise ValueError(
            f"{first} and {second} hold {a.shape[1]} and {b.shape[1]} features; "
            "expected those of one network."
        )


def _compare(metric, a: Tensor, b: Tensor):
    """What a metric of torchmetrics makes of two sets of features, in double precision."""
    metric = metric.set_dtype(torch.float64).to(a.device)
    metric.update(a.double(), real=True)
    metric.update(b.double().to(a.device), real=False)
    return metric.compute()


def frechet_between(a: Tensor, b: Tensor) -> float:
    """Frechet distance between Gaussians fitted to two sets of features, (N, D) and (M, D).

    Through torchmetrics, in squared units of the features. It grows with fewer samples: compare sets
    of one size only.

    Raises:
        ValueError: a or b is not (N, D) of finite floats with N >= 2, or they differ in D.
    """
    _check_features(a=a, b=b)
    from torchmetrics.image.fid import FrechetInceptionDistance  # slow to import

    given = _Given()
    given.num_features = a.shape[1]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torchmetrics warns of the memory its features take
        metric = FrechetInceptionDistance(given, normalize=False, input_img_size=(a.shape[1],))
    return max(0.0, _compare(metric, a, b).item())  # rounding may go below


def kernel_between(a: Tensor, b: Tensor) -> float:
    """Kernel distance between two sets of features, (N, D) and (M, D).

    The unbiased estimate of the squared maximum mean discrepancy with the kernel (x.y / D + 1)^3
    (Binkowski et al. 2018), through torchmetrics. Its mean does not depend on the number of samples,
    and is 0 for two sets of one kind: there the estimate is often negative. It grows with up to the sixth
    power of the features, so it compares only within one network.

    Of equal sets all points are used. Where N != M, the mean is taken over ten draws, without return,
    of as many points of the larger set as the smaller holds: the same ones at each call, and whichever
    of the two comes first. Takes about 32 N^2 bytes of memory for the smaller N.

    Raises:
        ValueError: a or b is not (N, D) of finite floats with N >= 2, or they differ in D.
    """
    _check_features(a=a, b=b)
    from torchmetrics.image.kid import poly_mmd  # slow to import

    a, b = sorted((a.double(), b.double().to(a.device)), key=len)
    generator = torch.Generator("cpu").manual_seed(0)
    values = []
    for _ in range(1 if len(a) == len(b) else 10):
        some = torch.randperm(len(b), generator=generator, device="cpu")[: len(a)]
        values.append(poly_mmd(a, b[some.to(b.device)]))
    return torch.stack(values).mean().item()


def density_coverage(made: Tensor, real: Tensor, k: int = 5) -> tuple[float, float]:
    """Density and coverage (Naeem et al. 2020) of made features (N, D) about real ones (M, D).

    Around each real point lies a ball, surface included, that reaches to its k-th nearest other real
    point. Density is the number of balls that a made point lies in, over k, as a mean over made points:
    about 1 for sets of one kind, above 1 for samples that crowd where real points are close, 0 far from
    them. Coverage is the share of balls that hold at least one made point, in [0, 1]: for sets of one
    kind about 1 - (M-1)...(M-k) / ((M+N-1)...(M+N-k)), which is 0.969 for k = 5 and large N = M.

    To put an interval on them, draw the made points again and leave the real ones: a real point that
    is drawn twice shrinks its ball.

    Raises:
        ValueError: made or real is not (N, D) of finite floats with N >= 2, they differ in D, or k is
            not a whole number from 1 to M - 1.
    """
    _check_features(made=made, real=real)
    k = _check.count(k, "k")
    if k >= len(real):
        raise ValueError(
            f"k is {k} for {len(real)} real points; expected at most {len(real) - 1}, the number of "
            "others that a point has: lower k, or give more real points."
        )
    real = real.double()
    made = made.double().to(real.device)
    # Not by a matrix product: of a copy that says more than 0, and rounding moves it past a surface.
    distance = partial(torch.cdist, compute_mode="donot_use_mm_for_euclid_dist")
    inside = covered = 0
    for part in real.split(BATCH):
        radius = distance(part, real).topk(k + 1, largest=False).values[:, -1:]  # 0 is to itself
        held = (distance(part, made) <= radius).sum(1)  # made points in each ball
        inside += held.sum().item()
        covered += (held > 0).sum().item()
    return inside / (k * len(made)), covered / len(real)


def frechet_distance(a: Tensor, b: Tensor, classifier: FeatureClassifier | None = None) -> float:
    """Frechet distance between two sets of images, (N, 1, H, W) each, in the classifier's features.

    Through torchmetrics. It grows with fewer samples: compare sets of one size only.
    """
    return frechet_between(features(a, classifier), features(b, classifier))


def bootstrap(
    statistic, *samples: Tensor, draws: int = 30, seed: int = 0, paired: bool = False
) -> tuple[float, float]:
    """A 95 per cent bootstrap interval about statistic(*samples): each sample drawn again with return.

    Repeated points raise a Frechet distance, so the percentiles are shifted until the mean of the
    draws lies at the statistic: the interval shows spread, not that bias.

    Args:
        statistic: a function of the samples that gives one number.
        paired: draw the same members of every sample, as for accuracy(images, labels).

    Raises:
        ValueError: a sample is empty or no tensor, fewer than two draws, a seed below 0, a statistic
            that is no number, or paired samples of different lengths.
    """
    draws = _check.count(draws, "draws", at_least=2)
    seed = _check.seed(seed)
    for s in samples:
        if not isinstance(s, Tensor) or s.ndim == 0 or len(s) == 0:
            raise ValueError(f"a sample is {s!r}; expected a tensor with a row for each of its members.")
    sizes = [len(s) for s in samples]
    if paired and len(set(sizes)) > 1:
        raise ValueError(f"paired samples have {sizes} members; expected as many of each.")
    whole = _one_number(statistic(*samples))
    generator = torch.Generator("cpu").manual_seed(seed)
    values = []
    for _ in range(draws):
        picks = [torch.randint(n, (n,), generator=generator, device="cpu") for n in sizes]
        if paired:
            picks = picks[:1] * len(samples)
        drawn = (s[p.to(s.device)] for s, p in zip(samples, picks, strict=True))
        values.append(_one_number(statistic(*drawn)))
    drawn = torch.tensor(values, dtype=torch.float64, device="cpu")
    shift = whole - drawn.mean()
    low, high = drawn.quantile(drawn.new_tensor([0.025, 0.975])) + shift
    return low.item(), high.item()


def _one_number(value) -> float:
    try:
        return float(value)
    except (TypeError, ValueError, RuntimeError) as error:
        raise ValueError(
            f"statistic gave a {type(value).__name__}; expected one number: "
            "for the first of several use lambda *x: statistic(*x)[0]."
        ) from error


def nearest(images: Tensor, reference: Tensor) -> tuple[Tensor, Tensor]:
    """Distance to, and index of, the nearest reference image: (N,), (N,).

    Serves images (N, C, H, W), where the distance is the root of the summed squares over pixels in
    [0, 1], and features (N, D) alike.

    Raises:
        ValueError: images or reference is no batch of finite floats, or their shapes differ.
    """
    for x, name in [(images, "images"), (reference, "reference")]:
        _check.float_tensor(x, name)
    if images.shape[1:] != reference.shape[1:]:
        raise ValueError(
            f"images of shape {tuple(images.shape[1:])} and reference images of shape "
            f"{tuple(reference.shape[1:])}; expected one shape: both images, or both features."
        )
    images, reference = images.flatten(1), reference.flatten(1).to(images)
    middle = reference.mean(0)  # cdist rounds by the distance from the origin
    parts, centred = (images - middle).split(BATCH), reference - middle
    index = torch.cat([torch.cdist(part, centred).argmin(1) for part in parts])
    # cdist is fast, but of a copy it says 0.005: the distance itself is taken again
    return (images - reference[index]).norm(dim=1), index
