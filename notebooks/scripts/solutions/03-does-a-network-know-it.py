# ---
# jupyter:
#   jupytext:
#     formats: notebooks///ipynb,notebooks/scripts///py:percent
#     text_representation:
#       extension: .py
#       format_name: percent
#       format_version: '1.3'
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 03 · Exercises: does a network know it?
#
# For [chapter 03](../03-does-a-network-know-it.ipynb). Needed: the relative error of a score; for (c), what a confidence interval is. About 75 minutes; the code takes about a quarter of a minute.
#
# Write in the cells that say so; run the check below each. A check that passes says so. The networks here are smaller than the chapter's and trained more briefly, so their errors are larger.

# %%
import math

import daeutils as du
import matplotlib.pyplot as plt
import numpy as np
import torch
from scipy import stats

du.plotting.use_style()


def train(network, sample, sigma, steps=250, objective="bce", seed=0):
    du.fit(
        network,
        sample,
        sigma=sigma,
        steps=steps,
        objective=objective,
        seed=seed,
        batch_size=512,
        device="cpu",
        progress=False,
    )
    return network


@torch.no_grad()
def learned_score(network, x_noisy, sigma):
    return du.score_from_denoiser(network, x_noisy, sigma)


def fixed_sample(law):
    return law.sample(100_000, torch.Generator().manual_seed(1)).clamp(0, 1)


def error_of(network, law, sigma, n=5_000):
    """Relative error of the network's score, on n fresh noisy points."""
    generator = torch.Generator().manual_seed(2)
    x_noisy = du.corruption.gaussian(law.sample(n, generator), sigma, generator)
    return du.relative_error(learned_score(network, x_noisy, sigma), law.smooth(sigma).score(x_noisy))


ring = du.ring()
points = fixed_sample(ring)

# %% [markdown]
# ## (a) · Where are the errors?
#
# The next cell trains a network on `du.checkerboard()` at $\sigma=0.1$ and compares its arrows with the exact ones on a grid of places. Predict, true or false:
#
# 1. the squared error $|\hat s-s_\sigma|^2$ is largest where $p_\sigma$ is small (the quarter of the places with the smallest density, against the quarter with the largest);
# 2. so it is from there that most of the average error $E|\hat s-s_\sigma|^2$ comes.
#
# Write your two predictions, and the map of what each place adds to the average error, so that its integral over the plane is $E|\hat s-s_\sigma|^2$.

# %%
board, sigma = du.checkerboard(), 0.1
on_board = train(du.MLPDenoiser(2, hidden=64), fixed_sample(board), sigma)
side = 81
places = du.plotting.grid(side, -0.2, 1.2)
cell_area = (1.4 / (side - 1)) ** 2
density = board.smooth(sigma).log_prob(places).exp()
exact, learned = board.smooth(sigma).score(places), learned_score(on_board, places, sigma)


# %% nbgrader={"grade": false, "grade_id": "ex03_a", "locked": false, "schema_version": 3, "solution": true, "task": false}
def predictions():
    """Two truth values, for the statements 1 and 2."""
    ### BEGIN SOLUTION
    return True, False
    ### END SOLUTION


def error_map(learned, exact, density):
    """What each place adds to E|s_hat - s_sigma|^2: (M, 2), (M, 2), (M,) -> (M,)."""
    ### BEGIN SOLUTION
    return density * (learned - exact).square().sum(1)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "ex03_a_check", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
adds = error_map(learned, exact, density)
assert adds.shape == (side**2,), f"one number a place is asked for, {(side**2,)}; got {tuple(adds.shape)}"
generator = torch.Generator().manual_seed(3)
x_noisy = du.corruption.gaussian(board.sample(100_000, generator), sigma, generator)
miss = learned_score(on_board, x_noisy, sigma) - board.smooth(sigma).score(x_noisy)
average = miss.square().sum(1).mean().item()
integral = adds.sum().item() * cell_area
assert abs(integral / average - 1) < 0.1, (
    f"the integral of your map is {integral:.3f}, the average over 100,000 corrupted points {average:.3f}. "
    "An average over corrupted points weighs each place by p_sigma; squares are added up over both coordinates"
)
quarter = len(density) // 4
order = density.argsort()
rare, dense = order[:quarter], order[-quarter:]
squared = (learned - exact).square().sum(1)
held = squared[rare].mean() > squared[dense].mean(), adds[rare].sum() > 0.5 * adds.sum()
numbers = (
    f"{squared[rare].mean():.2f} where data are rare, {squared[dense].mean():.2f} where they are dense",
    f"{adds[rare].sum() / adds.sum():.0%} of the average error comes from the rare quarter",
)
assert len(predictions()) == 2, "two statements ask for two truth values"
for number, (said, true, seen) in enumerate(zip(predictions(), held, numbers), start=1):
    assert bool(said) == bool(true), (
        f"statement {number}: you said {bool(said)}; measured: {seen}. How often does the average visit a place?"
    )
print("(a) passes")

# %% mystnb={"image": {"alt": "Two maps over the checkerboard. Left, the size of the error of the score: largest in the far corners, small over the board. Right, what each place adds to the average error: nothing far out, most in the middle of the board, in a chequered pattern."}} tags=["discussion"]
fig, axes = plt.subplots(1, 2, sharey=True, figsize=(7, 3.2))
for ax, values, title in [
    (axes[0], squared.sqrt(), r"size of the error $|\hat s-s_\sigma|$"),
    (axes[1], adds, r"what a place adds, $p_\sigma|\hat s-s_\sigma|^2$"),
]:
    image = ax.imshow(
        values.reshape(side, side).numpy(), origin="lower", extent=(-0.2, 1.2, -0.2, 1.2), cmap="Blues"
    )
    ax.contour(
        density.reshape(side, side).numpy(),
        [0.5],
        extent=(-0.2, 1.2, -0.2, 1.2),
        colors="gray",
        linewidths=0.8,
    )
    ax.set_title(title)
    ax.grid(False)
    fig.colorbar(image, ax=ax)
plt.show()

# %% [markdown] tags=["discussion"]
# Two questions, two answers. Place by place, the error is largest where data are rare: there the network extrapolates. In the average it hardly counts, because hardly a corrupted point falls there. What counts is
# the middle of the board, where dark and light squares alternate within a few $\sigma$: fine structure that so short a training has not resolved.
# The average is what the loss sees and what the relative error reports. A chain that starts far away visits the other places: chapter 06 meets them. One relative error is half an answer.

# %% [markdown]
# ## (b) · Predict a smaller noise level
#
# The next cell trains on the ring at $\sigma=0.04$, 0.08 and 0.16. Predict the relative error at $\sigma=0.02$ *before* training there: draw a straight line through the points on log-log axes (least squares) and read it off.


# %%
sigmas = [0.04, 0.08, 0.16]
errors = [error_of(train(du.MLPDenoiser(2, hidden=64), points, s), ring, s) for s in sigmas]


# %% nbgrader={"grade": false, "grade_id": "ex03_b", "locked": false, "schema_version": 3, "solution": true, "task": false}
def extrapolate(sigmas, errors, sigma):
    """The error at `sigma`, a number, on the line through log(errors) against log(sigmas)."""
    ### BEGIN SOLUTION
    slope, height = np.polyfit(np.log(sigmas), np.log(errors), 1)
    return float(np.exp(height + slope * np.log(sigma)))
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "ex03_b_check", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
for power in (-0.5, -1.5):
    law_of_error = [0.003 * s**power for s in sigmas]
    read_off = extrapolate(sigmas, law_of_error, 0.02)
    wanted = 0.003 * 0.02**power
    assert abs(read_off / wanted - 1) < 1e-6, (
        f"errors that follow 0.003 sigma^({power}) exactly are {wanted:.4f} at 0.02; you read off {read_off:.4f}. "
        "A power law is straight on log-log axes: fit the logarithms, and take the exponential at the end"
    )
predicted = extrapolate(sigmas, errors, 0.02)
measured = error_of(train(du.MLPDenoiser(2, hidden=64), points, 0.02), ring, 0.02)
assert 0.25 < measured / predicted < 2, (
    f"predicted {predicted:.3f}, measured {measured:.3f}: further apart than is plausible; check `errors`"
)
print("(b) passes")

# %% tags=["discussion", "nbval-ignore-output"]
print(
    f"relative error at sigma = 0.02 after 250 steps: predicted {predicted:.2f}, measured {measured:.2f}"
)

# %% [markdown] tags=["discussion"]
# The error grows as $\sigma$ falls, and the line says too much, here by a factor of about two. The curve is no power law: it bends at small $\sigma$, since a network that starts as the best linear denoiser starts with a relative error below 1, and training only lowers it. Say with the
# number for how many *steps* it holds; after twelve thousand it is another curve. A prediction that fails and is explained is worth as much as one that holds; a number without one is half an answer.

# %% [markdown]
# ## (c) · BCE or squared error?
#
# Three seeds, each once with BCE and once with squared error (`objective="mse"`), same start, same batches, same steps. Is one better? Write the 95 % interval for the mean of the paired differences of log errors, $\log e_{\mathrm{BCE}}-\log e_{\mathrm{MSE}}$, from Student's $t$ distribution, and
# the verdict that follows from an interval.


# %%
def errors_with(objective, seeds=(0, 1, 2)):
    networks = [
        train(du.MLPDenoiser(2, hidden=64, seed=s), points, 0.1, 200, objective, s) for s in seeds
    ]
    return [error_of(network, ring, 0.1) for network in networks]


with_bce, with_mse = errors_with("bce"), errors_with("mse")


# %% nbgrader={"grade": false, "grade_id": "ex03_c", "locked": false, "schema_version": 3, "solution": true, "task": false}
def interval(first, second):
    """95 % interval (low, high) for the mean of log(first) - log(second), paired lists of errors."""
    ### BEGIN SOLUTION
    difference = np.log(first) - np.log(second)
    n = len(difference)
    reach = stats.t.ppf(0.975, n - 1) * difference.std(ddof=1) / math.sqrt(n)
    return difference.mean() - reach, difference.mean() + reach
    ### END SOLUTION


def verdict(low, high):
    """ "first", "second" (the one with the smaller error), or "not clear"."""
    ### BEGIN SOLUTION
    if low > 0:
        return "second"
    return "first" if high < 0 else "not clear"
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "ex03_c_check", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
noisy_seeds = np.array([0.05, 0.08, 0.03, 0.06, 0.11])
for first, second in [
    (with_bce, with_mse),
    (noisy_seeds, noisy_seeds * [0.98, 1.03, 0.99, 1.06, 0.97]),
    (noisy_seeds, noisy_seeds * [1.05, 1.04, 1.06, 1.03, 1.05]),
]:
    low, high = interval(list(first), list(second))
    test = stats.ttest_rel(np.log(first), np.log(second))
    wanted = test.confidence_interval(0.95)
    assert np.allclose([low, high], wanted, rtol=1e-6), (
        f"your interval is ({low:.4f}, {high:.4f}); SciPy's paired t interval of the logarithms is "
        f"({wanted.low:.4f}, {wanted.high:.4f}). Take differences seed by seed, divide by n - 1 in the variance, "
        "by the square root of n for the mean, and take the quantile 0.975 of t with n - 1 degrees of freedom"
    )
for (low, high), right in {
    (-0.2, -0.1): "first",
    (0.01, 0.3): "second",
    (-0.1, 0.2): "not clear",
}.items():
    said = verdict(low, high)
    assert said == right, (
        f"for the interval ({low}, {high}) of log(first) - log(second) you say {said!r}; expected {right!r}: "
        "the smaller error is the better one, and an interval that holds 0 decides nothing"
    )
print("(c) passes")

# %% tags=["discussion", "nbval-ignore-output"]
for seed, pair in enumerate(zip(with_bce, with_mse)):
    print(f"seed {seed}: BCE {pair[0]:.3f}, MSE {pair[1]:.3f}")
low, high = np.exp(interval(with_bce, with_mse))
print(
    f"error with BCE over that with MSE: {low:.2f} to {high:.2f}; better: {verdict(low - 1, high - 1)} of the two"
)

# %% [markdown] tags=["discussion"]
# Pairing takes out what both have in common, the start and the batches: the interval is much narrower than the spread of the errors. Three seeds cost a wide $t$ quantile (4.3 instead of 2).
# Whatever your line says, it speaks of 200 steps, of one law, of one noise level, and of a network with a sigmoid for both losses. Here squared error is ahead; run it at 600 steps, and the difference shrinks to a few per cent. Both losses have one optimum (chapter 02); which gets there faster, and in which norm, is the subject of chapter 08. One seed and a winner is half an answer.

# %% [markdown]
# ## (d) · Fourier features
#
# A plain network takes long to learn a field with fine structure. Give it $\sin(k\pi x_j)$ and $\cos(k\pi x_j)$ for $k=1,\dots,4$ and both coordinates, beside the coordinates themselves. Predict: do the features help more at $\sigma=0.05$ or at $\sigma=0.4$?


# %%
class Plain(du.Denoiser):
    """The plain network of the chapter, smaller; `features` are put beside the coordinates."""

    def __init__(self, features=None):
        super().__init__()
        torch.manual_seed(0)
        self.features = features
        layers = [torch.nn.Linear(2 if features is None else 18, 64), torch.nn.SiLU()]
        layers += [torch.nn.Linear(64, 64), torch.nn.SiLU(), torch.nn.Linear(64, 2)]
        self.net = torch.nn.Sequential(*layers)

    def logits(self, x_noisy, sigma=None):
        z = (x_noisy - 0.5) * 2
        if self.features is not None:
            z = torch.cat([z, self.features(x_noisy)], 1)
        return self.net(z)


plain = {s: error_of(train(Plain(), points, s), ring, s) for s in (0.05, 0.4)}


# %% nbgrader={"grade": false, "grade_id": "ex03_d", "locked": false, "schema_version": 3, "solution": true, "task": false}
def fourier(x):
    """sin(k pi x_j) and cos(k pi x_j) for k = 1, ..., 4: (N, 2) -> (N, 16), in any order."""
    ### BEGIN SOLUTION
    angle = (x[:, :, None] * torch.arange(1, 5) * math.pi).flatten(1)
    return torch.cat([angle.sin(), angle.cos()], 1)
    ### END SOLUTION


def helps_more_at():
    """0.05 or 0.4: your prediction."""
    ### BEGIN SOLUTION
    return 0.05
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "ex03_d_check", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
x = du.plotting.grid(5, 0.03, 0.91)
features = fourier(x)
assert features.shape == (25, 16), (
    f"2 functions, 4 frequencies and 2 coordinates make 16 columns for each of 25 points; got {tuple(features.shape)}"
)
for k in range(1, 5):
    for function in (torch.sin, torch.cos):
        for coordinate in (0, 1):
            column = function(k * math.pi * x[:, coordinate])[:, None]
            assert ((features - column).abs().amax(0) < 1e-5).any(), (
                f"no column is {function.__name__}({k} pi x_{coordinate + 1}): mind the factor pi, and both coordinates"
            )
gain = {s: plain[s] / error_of(train(Plain(fourier), points, s), ring, s) for s in plain}
best = max(gain, key=gain.get)
assert helps_more_at() == best, (
    f"you said {helps_more_at()}; the error without features over that with them is {gain[0.05]:.2f} at sigma = 0.05 "
    f"and {gain[0.4]:.2f} at 0.4. At which level has the field fine structure?"
)
print("(d) passes")

# %% tags=["discussion", "nbval-ignore-output"]
for s, value in gain.items():
    print(f"sigma = {s}: error without features over error with them {value:.2f}")

# %% [markdown] tags=["discussion"]
# At $\sigma=0.05$ the field turns from bump to bump, and the features bring the bends that a plain network would have to build first: its error is several times as large. At $\sigma=0.4$ the ring is one broad hill, the field nearly linear, and the plain network nearly has it from the start; the features then only give it
# more to unlearn, and at equal steps they may even harm. An answer from one noise level is half an answer.
# `MLPDenoiser` goes another way: it is given the best *linear* denoiser to start from, which helps at every level.
