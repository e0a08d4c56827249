"""Faults planted one at a time in a copy of the package: does a test notice?

python tests/mutants.py [module ...]

A fault is caught where a test of its module fails, not where the module no longer loads or the tests take
too long; and only where the same tests pass without it. The answers are
kept in docs/measured/mutants.json as they come: after an interruption the same command goes on, and asks
again only where a module or its tests have changed. Runs where processes can fork: Linux, macOS.
"""

import hashlib
import importlib
import json
import multiprocessing
import os
import platform
import re
import shutil
import sys
import tempfile
import time
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "docs" / "measured" / "mutants.json"
SECONDS = 240  # for the tests of one fault, most of them need a few
OPTIONS = """-x -q -p no:cacheprovider --tb=no --hypothesis-profile=unshrunk
  -W ignore::pytest.PytestAssertRewriteWarning""".split()
WARM = """pytest hypothesis.extra.numpy torch torch._dynamo torchmetrics matplotlib.pyplot
  scipy.stats scipy.optimize sklearn.neighbors ipywidgets jupytext nbclient""".split()  # before the forks

# The tests that answer for a module, the quick ones first, and what pytest is told besides.
TESTS = {
    "densities": ["test_densities.py", "test_properties.py"],
    "corruption": ["test_corruption.py", "test_properties.py"],
    "objectives": ["test_objectives.py", "test_properties.py"],
    "score": ["test_score.py", "test_properties.py"],
    "sampling": ["test_sampling.py", "test_properties.py"],
    "denoisers": ["test_denoisers.py"],
    "muon": ["test_muon.py"],
    "training": ["test_training.py", "test_recording.py"],
    "data": ["test_data.py", "test_faults.py", "test_security.py",
             "-k", "test_data or digits or downloaded or never_answers"],
    "train": ["test_evaluation.py", "-k", "recipes or (card_tells and classifier)"],
    "evaluation": ["test_evaluation.py", "test_properties.py", "-k", "not (card or recipes or command)"],
    "baselines": ["test_baselines.py"],
    "checkpoint": ["test_checkpoint.py"],
    "zoo": ["test_evaluation.py", "-k", "weights and not (tells or describes)"],
    "features": ["test_evaluation.py", "-k", "(classifier or bad_images) and not (card or recipes)"],
    "_check": ["test_properties.py"],
}  # fmt: skip


class Fault(NamedTuple):
    """Text that occurs once in a module, what replaces it, and what that breaks."""

    old: str
    new: str
    breaks: str
    why: str = ""  # no test can see it


FAULTS = {
    "densities": [
        Fault("_variances + float(sigma) ** 2", "_variances + float(sigma)",
              "the noise level is taken as a variance"),
        Fault("_variances + float(sigma) ** 2", "_variances + 2 * float(sigma) ** 2",
              "smoothing adds twice the variance"),
        Fault("return r @ (self.means.to(x) / v) - x * (r @ (1 / v))",
              "return x * (r @ (1 / v)) - r @ (self.means.to(x) / v)", "the score points downhill"),
        Fault("r @ (self.means.to(x) / v) - x * (r @ (1 / v))", "r @ self.means.to(x) - x",
              "the score is not divided by the variance"),
        Fault("pull = -self._centred(x) / v", "pull = self._centred(x) / v",
              "the score of full matrices points downhill"),
        Fault("r, self._rotations.to(x), pull)", "r, self._rotations.mT.to(x), pull)",
              "the score of full matrices is turned the wrong way"),
        Fault("keep = (self._variances / smoothed._variances)",
              "keep = (1 - self._variances / smoothed._variances)",
              "the posterior mean keeps what it should take away"),
        Fault("r @ (mu * (1 - keep)) + x_noisy * (r @ keep)", "r @ mu + x_noisy * (r @ keep)",
              "the posterior mean counts the centre whole"),
        Fault("r = smoothed.responsibilities(x_noisy)",
              "r = smoothed.smooth(sigma).responsibilities(x_noisy)",
              "the posterior mean asks which component at too much noise"),
        Fault("0.5 * (mahalanobis + log_det + constant)", "0.5 * (mahalanobis + constant)",
              "the density forgets how wide a component is"),
        Fault("log_det = self.dim * v[:, 0].log()", "log_det = v[:, 0].log()",
              "a round component has the volume of one dimension"),
        Fault("constant = self.dim * math.log(2 * math.pi)", "constant = math.log(2 * math.pi)",
              "the density does not integrate to 1 beyond one dimension"),
        Fault("return self.weights.to(x).log() - 0.5 *", "return -0.5 *",
              "all components weigh the same"),
        Fault("compute_mode=exact) ** 2 / v[:, 0]", "compute_mode=exact) / v[:, 0]",
              "the distance is not squared"),
        Fault('exact = "donot_use_mm', 'exact = "use_mm', "distances cancel in single precision"),
        Fault("self._log_joint(x).logsumexp(1)", "self._log_joint(x).amax(1)",
              "the density is that of the best component, not the sum"),
        Fault(".sqrt()[k] * eps", "[k] * eps", "samples spread by the variance, not its root"),
        Fault('"nij,nj->ni", self._rotations', '"nji,nj->ni", self._rotations',
              "samples of full matrices are turned the wrong way"),
        Fault("self.weights.to(device, torch.float32), n",
              "torch.ones(len(self.weights), device=device), n",
              "samples ignore the weights"),
        Fault("self.weights = w / w.sum()", "self.weights = w", "weights do not sum to 1"),
        Fault("return self.weights @ self.means", "return self.means.mean(0)",
              "the mean of the law ignores the weights"),
        Fault('None if hasattr(x, "dtype") else torch.float64', "None",
              "Python's numbers are rounded to single precision"),
        Fault("GaussianMixture(data.flatten(1), 0.0)", "GaussianMixture(data.flatten(1), 1e-4)",
              "a data set is no longer made of atoms"),
        Fault("grid[square % 2 == 0]", "grid[square >= 0]", "the checkerboard has no light squares"),
        Fault("(2 * math.pi / modes)", "(math.pi / modes)", "the ring is half a ring"),
    ],
    "corruption": [
        Fault("_check.per_sample(sigma, x) * noise", "_check.per_sample(sigma, x) ** 0.5 * noise",
              "the noise level is taken as a variance"),
        Fault("return x + _check.per_sample(sigma, x) * noise(x, generator)",
              "return (x + _check.per_sample(sigma, x) * noise(x, generator)).clamp(0, 1)",
              "the corruption is clamped"),
        Fault("return gaussian(x, sigma, generator).clamp(0, 1)", "return gaussian(x, sigma, generator)",
              "the corruption that should clamp does not"),
        Fault("torch.randn(x.shape, generator", "torch.randn(x[:1].shape, generator",
              "one noise for the whole batch"),
        Fault("return torch.randn(x.shape, generator=generator, ", "return torch.randn(x.shape, ",
              "the seed does not decide on the noise"),
        Fault("torch.randn(x.shape", "torch.rand(x.shape", "the noise is not Gaussian"),
        Fault(" < fraction", " > fraction", "the fraction is what stays"),
        Fault("masked_fill(hit, 0.0)", "masked_fill(hit, 0.5)", "lost pixels are grey"),
        Fault("device=x.device) < 0.5", "device=x.device) < 0.25", "the coin is not fair"),
        Fault("mean + std * z", "mean + std**2 * z", "the spread of levels is taken as a variance"),
        Fault("clamp(math.log(low), math.log(high))", "clamp(max=math.log(high))",
              "noise levels have no lower bound"),
    ],
    "objectives": [
        Fault("return loss.flatten(1).sum(1)", "return loss.flatten(1).mean(1)",
              "BCE is a mean over pixels instead of a sum"),
        Fault("with_logits(logits, x,", "with_logits(logits.sigmoid(), x,", "two sigmoids"),
        Fault("with_logits(logits, x, ", "with_logits(-logits, x, ", "the logits have the wrong sign"),
        Fault("binary_cross_entropy_with_logits(logits, x,",
              "binary_cross_entropy(logits.sigmoid().clamp(1e-7, 1 - 1e-7), x,",
              "BCE goes through a sigmoid that saturates"),
        Fault("squared_error(logits.sigmoid(), x)", "squared_error(logits, x)",
              "the squared error is that of the logits"),
        Fault("((reconstruction - x) ** 2).flatten(1).sum(1)",
              "((reconstruction - x) ** 2).flatten(1).mean(1)",
              "the squared error is a mean over pixels instead of a sum"),
        Fault("((reconstruction - x) ** 2)", "(reconstruction - x).abs()", "the error is not squared"),
        Fault(" - torch.special.xlog1py(1 - x, -x)", "", "the entropy of black pixels is left out"),
        Fault("- entropy(optimum)", "+ entropy(optimum)", "the floor is added to the excess"),
        Fault(" - entropy(optimum)", "", "the excess has no floor taken off"),
    ],
    "score": [
        Fault("_check.per_sample(sigma, x_noisy) ** 2", "_check.per_sample(sigma, x_noisy)",
              "the arrow is divided by sigma, not its square"),
        Fault(" / _check.per_sample(sigma, x_noisy) ** 2", "", "the score is read off without dividing"),
        Fault("(denoiser(x_noisy, sigma) - x_noisy) /", "(x_noisy - denoiser(x_noisy, sigma)) /",
              "the score points downhill"),
        Fault(".mean().item() / power) ** 0.5", ".mean().item() / power)",
              "the relative error has no root"),
        Fault("power = exact.double()", "power = estimate.double()",
              "the error is relative to the estimate"),
        Fault("excess / (2 * sigma**4)", "excess / (2 * sigma**2)",
              "the certificate misses sigma squared"),
        Fault("excess / (2 * sigma**4)", "excess / (8 * sigma**4)", "the certificate promises too much"),
        Fault(".reshape(d, d)", ".reshape(d, d).mT", "the Jacobian is transposed"),
        Fault("(jacobian + jacobian.mT).norm()", "jacobian.norm()",
              "the asymmetry is relative to something else"),
        Fault("step = end - start", "step = start - end", "energy has the wrong sign"),
        Fault("dx=1 / (points - 1)", "dx=1 / points", "the path is one interval short"),
        Fault("torch.trapezoid(along, dx=1 / (points - 1), dim=0)", "along.mean(0)",
              "the ends of the path count whole"),
        Fault("estimate.flatten(1), exact.flatten(1), dim=1",
              "estimate.flatten(1), exact.flatten(1), dim=0",
              "the cosine is taken across the samples"),
    ],
    "sampling": [
        Fault("x + scale * corruption.noise(x, generator), level)", "x, level)",
              "walkback puts no noise back"),
        Fault("scale * corruption.noise(x, generator), level)",
              "scale / 2 * corruption.noise(x, generator), level)",
              "walkback puts back noise of another weight"),
        Fault("x + scale * corruption.noise(x, generator), level)",
              "(x + scale * corruption.noise(x, generator)).clamp(0, 1), level)",
              "walkback clamps what it corrupts"),
        Fault("corruption.noise(x, generator), level)",
              "corruption.noise(x, torch.Generator().manual_seed(0)), level)",
              "the noise of walkback is not fresh between steps"),
        Fault("level), x, [sigma] * steps, return_path)",
              "level), x, [sigma] * (steps + 1), return_path)",
              "the chain takes a step too many"),
        Fault("path = [x]", "path = []", "the path leaves out its start"),
        Fault("h / 2 * score", "h * score", "Langevin's drift is twice too strong"),
        Fault("x + h / 2 * score", "x - h / 2 * score", "Langevin walks downhill"),
        Fault("per_sample(math.sqrt(h), x)", "per_sample(h, x)",
              "Langevin's noise is h, not its root"),
        Fault("per_sample(math.sqrt(h), x)", "per_sample(math.sqrt(2 * h), x)",
              "Langevin's noise has twice its variance"),
        Fault("h = sigma**2 / 10", "h = sigma / 10", "Langevin's default step misses a square"),
        Fault("(high ** (1 / rho) + t * (low ** (1 / rho) - high ** (1 / rho))) ** rho",
              "high + t * (low - high)", "levels are even, not denser near the low end"),
        Fault("return x - here * slope  #", "return x  #", "the flow forgets to denoise at its end"),
        Fault("return x + (there - here) / 2 * (slope + correction)", "return guess",
              "Euler's step for Heun's"),
        Fault("slope = (x - _apply(denoiser, x, here)) / here", "slope = x - _apply(denoiser, x, here)",
              "the slope is not divided by the level"),
        Fault("(guess - _apply(denoiser, guess, there))", "(guess - _apply(denoiser, guess, here))",
              "the correction asks at the level before"),
        Fault("math.sqrt(here**2 - level**2)", "here - level", "churn adds levels, not variances"),
        Fault("@torch.no_grad()\ndef _apply", "def _apply", "chains keep the gradients of every pass"),
    ],
    "denoisers": [
        Fault("variances = (2 * self.log_spreads).exp() + level[:, :, None] ** 2",
              "variances = (2 * self.log_spreads).exp() + level[:, :, None]",
              "a learned mixture takes the noise level for a variance"),
        Fault("along**2 / variances + variances.log()", "along**2 / variances",
              "wide components of a learned mixture weigh too much"),
        Fault("log_joint.softmax(1), axes, along", "log_joint.softmax(1), axes.mT, along",
              "the score of a learned mixture is turned the wrong way"),
        Fault("_logit(x_noisy - level**2 * pull)", "_logit(x_noisy + level**2 * pull)",
              "a learned mixture goes downhill"),
        Fault("self.turns - self.turns.mT", "self.turns", "axes are not at right angles"),
        Fault("r = _MEAN + _VARIANCE / total * x + correction", "r = x_noisy + correction",
              "a network for points starts from a copy, not from the best line"),
        Fault("inside.logit() + (r - inside) / (edge * (1 - edge))", "inside.logit()",
              "the logit is cut off near the faces"),
    ],
    "muon": [
        Fault("TIMES = 5", "TIMES = 4", "the polynomial is applied once too little"),
        Fault("beta=B, alpha=C", "beta=-B, alpha=C", "a coefficient has the wrong sign"),
        Fault("bracket.diagonal(dim1=-2, dim2=-1).add_(A)", "pass",
              "the polynomial has no linear term"),
        Fault("bracket if product is None else bracket @ product", "bracket",
              "only the last bracket meets the matrix"),
        Fault("bracket @ (bracket @ gram)", "bracket @ gram", "the Gram matrix meets its bracket once"),
        Fault(".norm(dim=(-2, -1), keepdim=True)", ".norm()",
              "matrices of one shape share their norm"),
        Fault(".clamp(min=1e-7)", "", "without a gradient the way is 0 / 0"),
        Fault("orthogonalised(matrices.mT).mT", "orthogonalised(matrices.mT).reshape(matrices.shape)",
              "a tall matrix is read row by row"),
        Fault("alpha=-rate", "alpha=rate", "the steps climb"),
        Fault("max(1, rows / columns)", "max(1, columns / rows)", "wide matrices move further"),
        Fault("max(1, rows / columns) ** 0.5", "max(1, rows / columns)",
              "tall matrices move too far"),
        Fault("weight.grad, 1 - momentum", "weight.grad, momentum",
              "the running mean keeps the wrong share"),
        Fault("return weight.grad.lerp(mean, momentum)", "return mean", "nothing looks ahead"),
        Fault('["momentum_buffer"].lerp_(', '["momentum_buffer"].lerp(', "the running mean is lost"),
        Fault("if not state:", "if True:", "the running mean begins again at each step"),
        Fault("if weight.ndim != 2:", "if False:", "what is no matrix is taken"),
    ],
    "training": [
        Fault('if device.type == "cuda" else Muon', "if True else Muon",
              "a CPU computes in sixteen bits"),
        Fault("denoiser.logits(x + shaped * eps, level)", "denoiser.logits(x + shaped**2 * eps, level)",
              "the noise level is squared once too often"),
        Fault("denoiser.logits(x + shaped * eps, level)",
              "denoiser.logits((x + shaped * eps).clamp(0, 1), level)", "the corruption is clamped"),
        Fault("denoiser.logits(x + shaped * eps, level)", "denoiser.logits(x, level)",
              "training sees no noise"),
        Fault("denoiser.logits(x + shaped * eps, level), x)",
              "denoiser.logits(x + shaped * eps, level), (x + shaped * eps).clamp(0, 1))",
              "the target is the corrupted image"),
        Fault("(values * factor).mean() / x[0].numel()", "(values * factor).mean()",
              "the loss is a sum over pixels"),
        Fault("sigma(len(x), generator)", "sigma(1, generator).expand(len(x))",
              "one noise level for the whole batch"),
        Fault("randn(x.shape, generator=generator, device=device)",
              "randn(x.shape, generator=torch.Generator(device).manual_seed(0), device=device)",
              "the noise is not fresh between steps"),
        Fault("u[:, 1:].clamp(2**-26", "u[:, :-1].clamp(2**-26", "the noise depends on the point"),
        Fault("(u[:, 0] * n).long()", "(u[:, 0] * (n - 1)).long()", "the last point is never drawn"),
        Fault("OBJECTIVES[objective] if", 'OBJECTIVES["bce"] if', "the objective asked for is ignored"),
        Fault("(values * factor).mean()", "values.mean()",
              "the squared error of many levels has no weights"),
        Fault("torch._foreach_copy_(present, means)", "pass", "averaging is forgotten"),
        Fault("min(most, (1 + before) / (10 + before))", "most",
              "the average holds a short run at its start"),
        Fault('group["lr"] = first * pace', 'group["lr"] = first', "the learning rate does not fall"),
        Fault("_approach(present, before, 1 - pace)", "pass", "a recorded rate does not fall"),
        Fault("_approach(means, present, share)", "_approach(means, present, pace)",
              "a recorded average follows the learning rate"),
        Fault("math.cos(math.pi * done)", "math.cos(math.pi * done / 2)",
              "the learning rate falls to a half"),
        Fault("parameter.grad = None", "pass", "gradients pile up"),
        Fault("while steps is None or taken < steps:", "while steps is None or taken <= steps:",
              "training takes a step too many"),
        Fault("generator = torch.Generator(device).manual_seed(seed)",
              "generator = torch.Generator(device).manual_seed(0)", "the seed is ignored"),
        Fault('_check.unit_interval(source, "source")', "pass", "data outside [0, 1] are not refused"),
        Fault(".to(device, torch.float32).clamp(0, 1)", ".to(device, torch.float32)",
              "the tails of a law reach BCE"),
        Fault("rate = lr / 5 if matrices else lr", "rate = lr",
              "what is no matrix moves five times too far"),
        Fault('getattr(denoiser, "optimiser", "muon") if optimiser is None else optimiser',
              '"muon" if optimiser is None else optimiser',
              "the optimiser that a network names is ignored"),
        Fault('orthogonal=optimiser == "muon"', "orthogonal=True", "the optimiser asked for is ignored"),
        Fault("start = (end - window)", "start = (end - window - 1)",
              "the running mean is one step too long"),
        Fault("denoiser.level.fill_(sigma)", "pass", "a network forgets the level it was trained at"),
        Fault("module.train(was_training)", "pass", "training leaves the network in another mode"),
    ],
    "data": [
        Fault("part = slice(None, TRAIN_DIGITS)", "part = slice(None, None)",
              "training on the test split too"),
        Fault("float().div_(255)[:, None]\n    return images",
              "float().div_(256)[:, None]\n    return images",
              "white is not 1"),
        Fault("slice(TRAIN_DIGITS, None)", "slice(TRAIN_DIGITS - 1, None)",
              "a training digit is in the test split"),
        Fault("if digest != DIGITS_SHA256:", "if False:", "damaged digits are used"),
        Fault('kind(root, train=split == "train")', "kind(root, train=True)",
              "the test split of MNIST is its training split"),
        Fault("stored.data.float().div_(255)[:, None]", "stored.data.float()[:, None]",
              "white of MNIST is 255"),
        Fault('if pickles := sorted(place.rglob("*.pt")):', "if pickles := []:",
              "an old pickle among the files of MNIST is not refused"),
        Fault("stack.callback(socket.setdefaulttimeout, socket.getdefaulttimeout())", "pass",
              "the time limit of a download stays when it is over"),
        Fault("stored.attr[:, attributes.index(label)]", "stored.attr[:, attributes.index(label) - 1]",
              "a face has the label of the attribute beside"),
        Fault("CelebA(root, split=split,", 'CelebA(root, split="train",',
              "the test split of the faces is their training split"),
        Fault('for place in group if (place in picked) == (split == "test")]', "for place in group]",
              "both splits of a folder hold all of it"),
        Fault("sorted(places, key=hashed)", "sorted(places)", "the test split of a folder is its start"),
        Fault("round(share * len(places))", "int(share * len(places))", "the test split is rounded down"),
        Fault("elif file.is_file() and not file.is_symlink():", "elif file.is_file():",
              "links are followed out of the folder"),
        Fault('folders[:] = [name for name in folders if not name.startswith(".")]', "pass",
              "hidden folders are read"),
        Fault("return sorted(found)", "return found[::-1]", "images are in no order"),
        Fault("ImageOps.exif_transpose(stored)", "stored.copy()", "a camera's rotation stays"),
        Fault("np.asarray(image) / 257", "np.asarray(image) / 256", "white of 16 bits is not white of 8"),
        Fault('if image.mode.startswith("I"):', "if False:", "16 bits a pixel are cut at 255"),
        Fault('Image.new("RGBA", image.size, background)', 'Image.new("RGBA", image.size, "white")',
              "the background is always white"),
        Fault("((length - short) // 2 for length in image.size)", "(0 for length in image.size)",
              "the crop is not in the middle"),
        Fault("Image.Resampling.BILINEAR", "Image.Resampling.NEAREST",
              "small images are not antialiased"),
        Fault("Image.open(path, formats=FORMATS)", "Image.open(path)", "any decoder is run"),
        Fault('simplefilter("error", Image.Decom', 'simplefilter("ignore", Image.Decom',
              "an image of up to twice the limit is unpacked"),
    ],
    "train": [
        Fault("*data.digits(), steps=steps", '*data.digits("test"), steps=steps',
              "the classifier trains on the test split"),
        Fault("data.digits()[0], steps=steps", 'data.digits("test")[0], steps=steps',
              "the VAE trains on the test split"),
        Fault("data.digits()[0],\n", 'data.digits("test")[0],\n', "the U-Nets train on the test split"),
        Fault('evaluation.accuracy(*data.digits("test"), net)',
              "evaluation.accuracy(*data.digits(), net)",
              "the classifier is measured on what it was trained on"),
    ],
    "evaluation": [
        Fault("images, classifier).softmax(1)", "images, classifier).softmax(0)",
              "probabilities sum to 1 over images, not classes"),
        Fault("probabilities(images, classifier).argmax(1)",
              "probabilities(images, classifier).argmin(1)",
              "the least probable class is the guess"),
        Fault("_by_parts(classifier.features, images, classifier)",
              "_by_parts(classifier, images, classifier)",
              "distances are taken in class scores, not features"),
        Fault("metric.update(b.double().to(a.device), real=False)",
              "metric.update(b.double().flip(1).to(a.device), real=False)",
              "the features of the second set are in another order"),
        Fault("draws = 1 if len(a) == len(b) else 10", "draws = 1",
              "the kernel distance of two sizes sees a part of the larger set"),
        Fault("subset_size=len(a))", "subset_size=len(a) // 2)",
              "the kernel distance takes half of the points"),
        Fault("torch.default_generator.manual_seed(0)", "torch.default_generator.seed()",
              "the kernel distance differs from call to call"),
        Fault("with torch.random.fork_rng(devices=[]):", "if True:",
              "the kernel distance moves the global generator"),
        Fault(".topk(k + 1, largest", ".topk(k, largest",
              "a ball reaches to the neighbour before the k-th"),
        Fault("(distance(part, made) <= radius)", "(distance(part, made) < radius)",
              "the surface of a ball is left out"),
        Fault("radius = distance(part, real)", "radius = distance(part, made)",
              "the balls reach to made points, not to real ones"),
        Fault("(held > 0).sum()", "(held > 1).sum()", "one made point in a ball does not cover it"),
        Fault("inside / (k * len(made))", "inside / len(made)", "density is not divided by k"),
        Fault("covered / len(real)", "covered / len(made)", "coverage is a share of the made points"),
        Fault('partial(torch.cdist, compute_mode="donot_use_mm_for_euclid_dist")', "torch.cdist",
              "rounding moves a copy past the surface of its ball"),
        Fault("torch.randint(len(s), (len(s),), generator=generator) for", "torch.randperm(len(s)) for",
              "the bootstrap draws without return"),
        Fault("generator = torch.Generator().manual_seed(seed)",
              "generator = torch.Generator().manual_seed(0)",
              "the bootstrap ignores its seed"),
        Fault("0.025, 0.975", "0.25, 0.75", "the interval holds half, not 95 per cent"),
        Fault("dtype=torch.float64)) + shift", "dtype=torch.float64))",
              "the bias of repeated points stays in the interval"),
        Fault("(images - reference[index]).norm(dim=1)", "(images - reference[index]).square().sum(1)",
              "the distance to the nearest is squared"),
        Fault("(images - reference[index]).norm(dim=1), index",
              "torch.cdist(images, reference).amin(1), index",
              "a copy is not at distance 0"),
        Fault("middle = reference.mean(0)", "middle = 0 * reference.mean(0)",
              "far from the origin rounding chooses the nearest"),
        Fault("(images - middle).split(BATCH), reference - middle",
              "images.split(BATCH), reference - middle",
              "one of the two sets alone is moved"),
    ],
    "baselines": [
        Fault("(log_var / 2).exp() * eps", "log_var.exp() * eps", "the code spreads by the variance"),
        Fault("mean + (log_var / 2).exp() * eps", "mean", "the code has no noise"),
        Fault("0.5 * (mean**2 + log_var.exp() - 1 - log_var)", "mean**2 + log_var.exp() - 1 - log_var",
              "the divergence counts twice"),
        Fault("- 1 - log_var).sum(1)", "- 1 + log_var).sum(1)", "the divergence rewards a narrow code"),
        Fault("- 1 - log_var).sum(1)", "- 1 - log_var).mean(1)",
              "the divergence is averaged over the code, the BCE summed over pixels"),
        Fault("(bce(logits, x) + kl).mean()", "bce(logits, x).mean()", "the prior is forgotten"),
        Fault("z = torch.randn(n, self.latent", "z = torch.rand(n, self.latent",
              "codes are drawn from another prior"),
        Fault("self.decoder(z).sigmoid()", "self.decoder(z)", "samples of the VAE are logits"),
        Fault("torch.randint(len(images), (batch_size,), generator",
              "torch.randint(1, (batch_size,), generator",
              "the VAE sees one image alone"),
        Fault("/ len(flat) ** 0.5) *", "/ len(flat)) *",
              "the axes are too short by the root of the number of images"),
        Fault("svd(flat - self.mean,", "svd(flat,", "the components are those of uncentred images"),
        Fault("* directions[:components]", "* directions[-components:]", "the last directions are kept"),
        Fault("(self.mean + z @ self.axes)", "(z @ self.axes)", "samples of PCA lack the mean"),
        Fault("(self.mean + z @ self.axes).clamp(0, 1)", "(self.mean + z @ self.axes)",
              "samples of PCA leave [0, 1]"),
    ],
    "checkpoint": [
        Fault("os.replace(draft, self.path)", "self.path.write_bytes(content)",
              "the last checkpoint is overwritten in place"),
        Fault("if _digest(header, tensors) != digest:", "if False:",
              "a flipped bit is taken for a weight"),
        Fault("        if names:\n", "        if False:\n",
              "the checkpoint of another training is taken"),
        Fault('state |= {f"optimiser{i}.{j}.{key}": value for key, value in values.items()}', "pass",
              "the momentum is not stored"),
        Fault("optimiser.state[weight][key] = value.to(weight.device)", "pass",
              "the momentum is not restored"),
        Fault('module.load_state_dict(under(f"{name}."))', "pass", "the weights are not restored"),
        Fault('return tensors["losses"], seconds', 'return tensors["losses"], 0.0',
              "a run that goes on begins its seconds anew"),
        Fault("file.get_tensor(name).clone()", "file.get_tensor(name)",
              "what was read changes with the file"),
        Fault("> 3600:", "> -1:", "the draft of a process that still writes is removed"),
        Fault("> 3600:", "> 1e18:", "the draft of a killed process stays"),
        Fault("if self.path.is_dir():", "if False:", "a folder is taken for a damaged file"),
        Fault('state = self._state() | {"losses": losses}',
              'state = self._state() | {"losses": losses[:-1]}',
              "the last loss is not stored, and its step is taken again"),
    ],
    "zoo": [
        Fault('if digest != about["sha256"]:', "if False:", "damaged weights are used"),
        Fault("value.half().contiguous()", "value.contiguous()",
              "weights are stored in single precision"),
        Fault('KINDS[about["kind"]](**about["config"])', 'KINDS[about["kind"]]()',
              "a network has its default shape, not its own"),
        Fault("requires_grad_(False)", "requires_grad_(True)",
              "a loaded network can be trained by mistake"),
        Fault(".eval().to(", ".train().to(", "a loaded network is in training mode"),
    ],
    "features": [
        Fault("self.eval()", "pass", "features are read with dropout"),
        Fault("torch.manual_seed(seed)  # dropout", "pass  # dropout",
              "the seed does not decide on dropout"),
        Fault('with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):',
              "if True:",
              "training the classifier moves the global generator"),
        Fault("if tuple(images.shape[1:]) != self.shape:", "if False:",
              "images of another size are not refused by name"),
        Fault("self(batch), labels[index])", "self(batch), labels[:len(batch)])",
              "the classifier learns the labels of other images"),
    ],
    "_check": [
        Fault("low < 0 or high > 1", "low < 0", "data above 1 are let through"),
        Fault("low < 0 or high > 1", "high > 1", "data below 0 are let through"),
        Fault("if finite and not torch.isfinite(x).all():", "if False:", "NaN is let through"),
        Fault("if x.numel() == 0:", "if False:", "an empty batch is let through"),
        Fault("if not x.is_floating_point():", "if False:", "bytes are let through"),
        Fault("if x.ndim < ndim_at_least:", "if False:", "a single point is taken for a batch"),
        Fault("(values >= FAINT) & ", "", "no noise, and less than none, is let through"),
        Fault("(values <= LOUD)", "(values <= float('inf'))", "endless noise is let through"),
        Fault("values.numel() >= 1 if several else values.ndim == 0", "values.numel() >= 1",
              "several levels are let through where one is asked for"),
        Fault("at_least <= value <= at_most", "at_least <= value", "a number has no upper bound"),
        Fault("if a.shape != b.shape:", "if False:", "shapes that broadcast are let through"),
        Fault("isinstance(n, bool) or ", "", "True counts as 1"),
        Fault("or n < at_least", "or n < 0", "a count of 0 is let through"),
        Fault("sigma.reshape(-1, *[1] * (x.ndim - 1))", "sigma.reshape(*[1] * (x.ndim - 1), -1)",
              "levels go along the last axis, not the first"),
        Fault("if sigma.shape != x.shape[:1]:", "if False:", "levels that broadcast are let through"),
    ],
}  # fmt: skip


def source(module: str) -> Path:
    return ROOT / "daeutils" / f"{module}.py"


def planted(module: str, fault: Fault) -> str:
    """The module's text with the fault in it; ValueError unless the old text occurs once."""
    text = source(module).read_text("utf-8")
    if text.count(fault.old) != 1:
        raise ValueError(
            f"{module}.py holds {fault.old!r} {text.count(fault.old)} times; expected once, where "
            f"{fault.breaks!r} is planted: bring the fault up to date."
        )
    return text.replace(fault.old, fault.new)


def state(module: str, fault: Fault) -> str:
    """Changes with the module, the fault or the tests that are asked."""
    tests = [(ROOT / "tests" / name).read_text("utf-8") for name in TESTS[module] if name.endswith(".py")]
    parts = [planted(module, fault), *fault, *TESTS[module], *tests]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


def _ask(folder: str, module: str, out: str) -> None:
    """In a process of its own: the module's tests, on the package that lies in the folder."""
    os.chdir(folder)
    sys.path.insert(0, folder)
    descriptor = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(descriptor, 1), os.dup2(descriptor, 2)
    names = [str(ROOT / "tests" / name) if name.endswith(".py") else name for name in TESTS[module]]
    import pytest

    code = pytest.main([*OPTIONS, "-c", str(ROOT / "pyproject.toml"), f"--rootdir={ROOT}", *names])
    import daeutils

    sys.stdout.flush()
    os._exit(code if Path(daeutils.__file__).is_relative_to(folder) else 99)


def ask(folder: Path, module: str, text: str) -> dict:
    """What the tests of the module say of a package with that text in it."""
    (folder / "daeutils" / f"{module}.py").write_text(text, "utf-8")
    out, start = folder / "out", time.monotonic()
    process = multiprocessing.get_context("fork").Process(
        target=_ask, args=(str(folder), module, str(out))
    )
    process.start()
    process.join(SECONDS)
    if process.is_alive():
        process.kill()
        process.join()
    said = out.read_text("utf-8", errors="replace")
    failed = re.search(r"^FAILED \S*?(test_\w+\.py::.*?)(?: - .*)?$", said, re.MULTILINE)
    told = {"seconds": round(time.monotonic() - start, 1)}
    if process.exitcode == 1 and failed:  # an error outside a test ends with 1 too
        return {"outcome": "caught", "by": failed[1], **told}
    if process.exitcode == 0 and " passed" in said:
        return {"outcome": "survived", **told}
    return {"outcome": "no answer", "said": said[-300:], **told}


def write(rows: list[dict]) -> None:
    """Everything that is known, with its totals."""
    caught = sum(row["outcome"] == "caught" for row in rows)
    names = ["torch", "numpy", "pytest", "hypothesis"]
    summary = {
        "date": date.today().isoformat(),
        "versions": {"python": platform.python_version(), **{name: version(name) for name in names}},
        "planted": len(rows),
        "caught": caught,
        "fraction": round(caught / len(rows), 4),
        "faults": rows,
    }
    draft = RESULTS.with_name(f".{os.getpid()}.{RESULTS.name}")  # an interruption leaves the old answers
    draft.write_text(json.dumps(summary, indent=1) + "\n", encoding="utf-8")
    os.replace(draft, RESULTS)


def main(wanted: list[str]) -> None:
    unknown = set(wanted) - set(FAULTS)
    if unknown:
        sys.exit(f"no faults are kept for {sorted(unknown)}; expected some of {list(FAULTS)}")
    wanted = wanted or list(FAULTS)
    todo = [(module, fault) for module, faults in FAULTS.items() for fault in faults]
    known = {}
    if RESULTS.exists():
        rows = json.loads(RESULTS.read_text("utf-8"))["faults"]
        known = {(row["module"], row["breaks"]): row for row in rows}
    os.environ |= {"OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1", "TQDM_DISABLE": "1"}
    for name in WARM:
        importlib.import_module(name)
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place).resolve()
        shutil.copytree(ROOT / "daeutils", folder / "daeutils")
        sound = set()
        for module, fault in todo:
            if module not in wanted:
                continue
            key, now = (module, fault.breaks), state(module, fault)
            if known.get(key, {}).get("state") != now:
                whole = source(module).read_text("utf-8")
                if module not in sound and (told := ask(folder, module, whole))["outcome"] != "survived":
                    sys.exit(f"the tests of {module} do not pass without any fault: {told}")
                sound.add(module)
                told = ask(folder, module, planted(module, fault))
                (folder / "daeutils" / f"{module}.py").write_text(whole, "utf-8")
                why = {"why": fault.why} if fault.why else {}
                known[key] = {"module": module, "breaks": fault.breaks, **told, **why, "state": now}
                write([known[m, f.breaks] for m, f in todo if (m, f.breaks) in known])
            row = known[key]
            print(f"{row['outcome']:12}{module:11} {fault.breaks:58} {row.get('by', '')}", flush=True)
    rows = [known[module, fault.breaks] for module, fault in todo if (module, fault.breaks) in known]
    caught = sum(row["outcome"] == "caught" for row in rows)
    print(f"{caught} of {len(rows)} faults caught ({caught / len(rows):.1%}), {len(todo)} are kept")


if __name__ == "__main__":
    main(sys.argv[1:])
