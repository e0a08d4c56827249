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
# For [chapter 03](../03-does-a-network-know-it.ipynb). You need the relative error of a score; for (c), what a confidence interval is. The four exercises take about 100 minutes; exercise (a) is the core one. The code takes under a minute.
#
# Fill in the marked cells and run the check below each. A check prints a line when your function passes. It accepts Python numbers, NumPy arrays and PyTorch tensors. Write every prediction down, with its reason, before you run anything. At the end of each exercise you say what you conclude. The two together earn 2 points, given by hand: a wrong prediction that you can explain earns both.
#
# The networks here are smaller than the chapter's and trained more briefly, so their errors are larger.

# %% tags=["hide-cell"] jupyter={"source_hidden": true}
try:
    import daeutils as du
except ModuleNotFoundError as error:
    import os, subprocess, sys
    from importlib.metadata import version

    book = "git+https://github.com/OWNER/denoising-and-the-score"
    hosts = {"google.colab": sys.modules, "KAGGLE_KERNEL_RUN_TYPE": os.environ}
    if not any(sign in place for sign, place in hosts.items()):
        raise ImportError(
            f"{error.name} is missing in {sys.executable}. In the book's folder, use "
            "`make lab`, or choose the kernel of its .venv. Anywhere else, run\n"
            f"    %pip install {book}\n"
            "or, from a course, %pip install daeutils-0.1.0-py3-none-any.whl"
        ) from error
    # Colab and Kaggle have PyTorch: theirs stays, and what is missing is installed
    kept = [f"{name}=={version(name)}" for name in ("torch", "torchvision")]
    pip = [sys.executable, "-m", "pip", "install", "-q"]
    subprocess.check_call([*pip, book, *kept])
    import daeutils as du

# %%
import math

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


def fixed_sample(density):
    """100,000 clean points. BCE needs them in [0, 1]; noisy points are never clamped."""
    return density.sample(100_000, torch.Generator().manual_seed(1)).clamp(0, 1)


def error_of(network, density, sigma, n=5_000):
    """Relative error of the network's score, on n fresh noisy points."""
    generator = torch.Generator().manual_seed(2)
    x_noisy = du.corruption.gaussian(density.sample(n, generator), sigma, generator)
    exact = density.smooth(sigma).score(x_noisy)
    return du.relative_error(learned_score(network, x_noisy, sigma), exact)


ring = du.ring()
points = fixed_sample(ring)


# %%
# The checks read answers with these two functions.
from daeutils.teaching import number, numbers


# %% [markdown]
# ## (a) · Where are the errors?
#
# *About 30 minutes.*
#
# The next cells train a network on `du.checkerboard()` at $\sigma=0.1$ and compare its arrows with the exact ones on a grid of places.
#
# **Warm-up, with a pencil.** Nine noisy points in ten fall into a region A, where the squared error of the score is 1. One in ten falls into a region B, where it is 5. What is the average squared error, and which share of it comes from B? How large would the squared error in B have to be for half of the average to come from there?
#
# **Predict.** Which of these statements are true of the checkerboard?
#
# 1. The squared error $|\hat s-s_\sigma|^2$ is largest where $p_\sigma$ is small. (Compare the quarter of the places with the smallest density with the quarter with the largest.)
# 2. So more than half of the average error $E|\hat s-s_\sigma|^2$ comes from the quarter with the smallest density.

# %% [markdown]
# **My prediction, and the reason for it:** ...

# %%
# Your predictions: replace each None by True or False.
predictions = {1: None, 2: None}

# %% [markdown]
# Now write the function that says what each place adds to the average error, so that the integral of this map over the plane is $E|\hat s-s_\sigma|^2$.

# %%
board, sigma = du.checkerboard(), 0.1
on_board = train(du.MLPDenoiser(2, hidden=64), fixed_sample(board), sigma)
side = 81
places = du.plotting.grid(side, -0.2, 1.2)
cell_area = (1.4 / (side - 1)) ** 2
density = board.smooth(sigma).log_prob(places).exp()
exact, learned = board.smooth(sigma).score(places), learned_score(on_board, places, sigma)


# %% nbgrader={"grade": false, "grade_id": "ex03_a", "locked": false, "schema_version": 3, "solution": true, "task": false}
def error_map(learned, exact, density):
    """What each of M places adds to E|s_hat - s_sigma|^2: M numbers, to within one per cent.

    learned, exact: the arrows, tensors (M, 2); density: p_sigma, a tensor (M,).
    """
    ### BEGIN SOLUTION
    return density * (learned - exact).square().sum(1)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "ex03_a_check", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
one_place = error_map(torch.tensor([[3.0, 5.0]]), torch.tensor([[3.0, 1.0]]), torch.tensor([0.5]))
assert abs(number(one_place) - 8) < 0.08, (
    f"at a place of density 0.5 the arrow is (3, 5) instead of (3, 1): it adds 8; your map says {number(one_place):.3f}. "
    "An average over corrupted points weighs each place by p_sigma; squares are added up over both coordinates"
)
adds = numbers(error_map(learned, exact, density)).flatten()
assert adds.shape == (side**2,), (
    f"expected one number per grid point, {(side**2,)}; got {tuple(adds.shape)}"
)
### BEGIN HIDDEN TESTS
generator = torch.Generator().manual_seed(3)
x_noisy = du.corruption.gaussian(board.sample(100_000, generator), sigma, generator)
miss = learned_score(on_board, x_noisy, sigma) - board.smooth(sigma).score(x_noisy)
average = miss.square().sum(1).mean().item()
integral = adds.sum().item() * cell_area
assert abs(integral / average - 1) < 0.1, (
    f"the integral of your map is {integral:.3f}, the average over 100,000 corrupted points {average:.3f}. "
    "An average over corrupted points weighs each place by p_sigma; squares are added up over both coordinates"
)
### END HIDDEN TESTS
print("(a) passes")

# %% [markdown]
# The next cell measures both statements and puts your predictions beside them. Was one of them wrong? Find the reason: how often does the average visit a place?

# %% tags=["nbval-ignore-output"]
adds = numbers(error_map(learned, exact, density)).flatten()
quarter, order = len(density) // 4, density.argsort()
rare, dense = order[:quarter], order[-quarter:]
squared = (learned - exact).square().sum(1)
share = adds[rare].sum() / adds.sum()
print(
    f"squared error: {squared[rare].mean():.2f} where data are rare, {squared[dense].mean():.2f} where they are dense"
)
print(f"share of the average error that comes from the rare quarter: {share:.0%}")
print(f"1. is {bool(squared[rare].mean() > squared[dense].mean())}, you predicted {predictions.get(1)}")
print(f"2. is {bool(share > 0.5)}, you predicted {predictions.get(2)}")

# %% [markdown] nbgrader={"grade": true, "grade_id": "ex03_a_conclusion", "locked": false, "points": 2, "schema_version": 3, "solution": true, "task": false}
# **What I conclude**, with the numbers it rests on, and what became of my prediction (2 points):
#
# ### BEGIN SOLUTION
# The discussion below says what was found, and why.
# ### END SOLUTION

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
# **Warm-up.** The average is $0.9\cdot1+0.1\cdot5=1.4$, and $0.5/1.4=36$ per cent of it come from B. Half of it would come from there if the squared error in B were 9. A region counts by its error times the number of points that fall into it.
#
# **The experiment.** Place by place, the error is largest where data are rare, because there the network extrapolates. In the average it hardly counts, because hardly a noisy point falls there. So the first statement is true and the second is false. What counts is the middle of the board, where dark and light squares alternate within a few $\sigma$: fine structure that so short a training has not resolved.
#
# The average is what the loss sees and what the relative error reports. A chain that starts far away visits the other places, and chapter 06 meets them. So one relative error is half an answer.

# %% [markdown]
# ## (b) · Predict a smaller noise level
#
# *About 20 minutes.*
#
# The next cell trains on the ring at $\sigma=0.04$, 0.08 and 0.16. Predict the relative error at $\sigma=0.02$ *before* you train there: draw the straight line that fits the points best on log-log axes (least squares) and read it off.
#
# **Warm-up, with a pencil.** A straight line on log-log axes is a power law, error $=c\,\sigma^b$. In the chapter the network's errors were about 0.021, 0.054 and 0.118 at $\sigma=0.1$, 0.05 and 0.025. Compute the exponent $b$ between the first two and between the last two. Are they equal? Then **predict**: will the error at 0.02 lie above or below the line of this exercise?


# %%
sigmas = [0.04, 0.08, 0.16]
errors = [error_of(train(du.MLPDenoiser(2, hidden=64), points, s), ring, s) for s in sigmas]


# %% nbgrader={"grade": false, "grade_id": "ex03_b", "locked": false, "schema_version": 3, "solution": true, "task": false}
def extrapolate(sigmas, errors, sigma):
    """The error at `sigma`, one number to within one per cent.

    It is read off the least-squares line through log(errors) against log(sigmas).
    """
    ### BEGIN SOLUTION
    slope, height = np.polyfit(np.log(sigmas), np.log(errors), 1)
    return float(np.exp(height + slope * np.log(sigma)))
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "ex03_b_check", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
HINT = (
    "A power law is straight on log-log axes: fit the logarithms of all points by least squares, "
    "and take the exponential at the end"
)
for given, wanted in [([0.075, 0.0375, 0.01875], 0.15), ([0.09, 0.05, 0.02], 0.2017)]:
    read_off = number(extrapolate([0.04, 0.08, 0.16], given, 0.02))
    assert abs(read_off / wanted - 1) < 0.01, (
        f"with the errors {given} the line says {wanted} at 0.02; you read off {read_off:.4f}. {HINT}"
    )
### BEGIN HIDDEN TESTS
for seed in range(3):
    chance = np.random.default_rng(seed)
    levels = np.sort(chance.uniform(0.03, 0.3, 5))
    given = 0.004 / levels * np.exp(chance.normal(0, 0.4, 5))
    wanted = np.exp(np.polyval(np.polyfit(np.log(levels), np.log(given), 1), math.log(0.02)))
    read_off = number(extrapolate(list(levels), list(given), 0.02))
    assert abs(read_off / wanted - 1) < 0.01, (
        f"with five scattered errors the line says {wanted:.4f} at 0.02; you read off {read_off:.4f}. {HINT}"
    )
### END HIDDEN TESTS
print("(b) passes")

# %% tags=["nbval-ignore-output"]
predicted = number(extrapolate(sigmas, errors, 0.02))
measured = error_of(train(du.MLPDenoiser(2, hidden=64), points, 0.02), ring, 0.02)
print(
    f"relative error at sigma = 0.02 after 250 steps: the line says {predicted:.2f}, measured {measured:.2f}"
)

# %% [markdown] nbgrader={"grade": true, "grade_id": "ex03_b_conclusion", "locked": false, "points": 2, "schema_version": 3, "solution": true, "task": false}
# **What I conclude**, with the numbers it rests on, and my answer to the warm-up (2 points):
#
# ### BEGIN SOLUTION
# The discussion below says what was found, and why.
# ### END SOLUTION

# %% [markdown] tags=["discussion"]
# **Warm-up.** Halving $\sigma$ multiplies the error by $0.054/0.021=2.6$ and then by $0.118/0.054=2.2$, so $b=-\log_22.6=-1.4$ and $-1.1$. The exponents differ, and the curve is not a power law: it gets flatter towards small noise.
#
# **The experiment.** The error grows as $\sigma$ falls, and the line says too much, here by a factor of about two. The reason is that the network starts as the best linear denoiser, whose relative error is a little below 1, and training only lowers it. So the curve must bend before it reaches 1.
#
# Say with the number for how many *steps* it holds; after twelve thousand it is another curve. A prediction that fails and is explained is worth as much as one that holds. A number without a prediction is half an answer.

# %% [markdown]
# ## (c) · BCE or squared error?
#
# *About 25 minutes.*
#
# We train with three random seeds, each once with BCE and once with squared error (`objective="mse"`): same start, same batches, same steps. Is one of the losses better? Write the 95 % interval for the mean of the paired differences of log errors, $\log e_{\mathrm{BCE}}-\log e_{\mathrm{MSE}}$, from Student's $t$ distribution, and the verdict that follows from an interval.
#
# **Warm-up, with a pencil.** Three paired differences are 0.1, 0.2 and 0.3. Their mean is 0.2. What is their standard deviation (divide by $n-1$), and what is the 95 % interval for the mean? The quantile $t_{0.975}$ with two degrees of freedom is 4.303. All three differences are positive: is the sign of the mean certain?


# %%
def errors_with(objective, seeds=(0, 1, 2)):
    networks = [
        train(du.MLPDenoiser(2, hidden=64, seed=s), points, 0.1, 200, objective, s) for s in seeds
    ]
    return [error_of(network, ring, 0.1) for network in networks]


with_bce, with_mse = errors_with("bce"), errors_with("mse")


# %% nbgrader={"grade": false, "grade_id": "ex03_c", "locked": false, "schema_version": 3, "solution": true, "task": false}
def interval(first, second):
    """95 % interval (low, high) for the mean of log(first) - log(second), to within one per cent.

    first, second: lists of errors, paired.
    """
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


# %% nbgrader={"grade": true, "grade_id": "ex03_c_interval_check", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
def check_interval(first, second, wanted):
    low, high = (number(end) for end in interval(list(first), list(second)))
    width = wanted[1] - wanted[0]
    assert max(abs(low - wanted[0]), abs(high - wanted[1])) < 0.005 * width, (
        f"your interval is ({low:.3f}, {high:.3f}), expected ({wanted[0]:.3f}, {wanted[1]:.3f}). "
        "Take differences seed by seed, divide by n - 1 in the variance, by the square root of n for the "
        "mean, and take the quantile 0.975 of t with n - 1 degrees of freedom"
    )


check_interval([0.05, 0.08, 0.03], [0.04, 0.08, 0.02], (-0.295, 0.714))
### BEGIN HIDDEN TESTS
noisy_seeds = np.array([0.05, 0.08, 0.03, 0.06, 0.11])
for first, second in [
    (with_bce, with_mse),
    (noisy_seeds, noisy_seeds * [0.98, 1.03, 0.99, 1.06, 0.97]),
    (noisy_seeds, noisy_seeds * [1.05, 1.04, 1.06, 1.03, 1.05]),
]:
    test = stats.ttest_rel(np.log(first), np.log(second))
    check_interval(first, second, test.confidence_interval(0.95))
### END HIDDEN TESTS
print("(c), the interval, passes")

# %% nbgrader={"grade": true, "grade_id": "ex03_c_check", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
for (low, high), right in {
    (-0.2, -0.1): "first",
    (0.01, 0.3): "second",
    (-0.1, 0.2): "not clear",
    (-0.3, 0.1): "not clear",
}.items():
    said = verdict(low, high)
    assert said == right, (
        f"for the interval ({low}, {high}) of log(first) - log(second) you say {said!r}; expected {right!r}: "
        "the smaller error is the better one, and an interval that holds 0 decides nothing"
    )
print("(c) passes")

# %% tags=["nbval-ignore-output"]
for seed, pair in enumerate(zip(with_bce, with_mse)):
    print(f"seed {seed}: BCE {pair[0]:.3f}, MSE {pair[1]:.3f}")
low, high = (number(end) for end in interval(with_bce, with_mse))
print(f"error with BCE over that with MSE: {math.exp(low):.2f} to {math.exp(high):.2f}")
print(f"better, of BCE and MSE: {verdict(low, high)}")

# %% [markdown] nbgrader={"grade": true, "grade_id": "ex03_c_conclusion", "locked": false, "points": 2, "schema_version": 3, "solution": true, "task": false}
# **What I conclude**, with the numbers it rests on, and my answer to the warm-up (2 points):
#
# ### BEGIN SOLUTION
# The discussion below says what was found, and why.
# ### END SOLUTION

# %% [markdown] tags=["discussion"]
# **Warm-up.** The standard deviation is 0.1, so the interval is $0.2\pm4.303\cdot0.1/\sqrt3=0.2\pm0.25$, from $-0.05$ to 0.45. It holds 0. Three differences of one sign do not settle the sign of the mean.
#
# **The experiment.** Pairing removes what both trainings have in common, the start and the batches. Therefore the interval is much narrower than the spread of the errors. Three seeds cost a wide $t$ quantile, 4.3 instead of 2.
#
# Your result holds only for 200 steps, this distribution, this noise level, and a network with a sigmoid for both losses. Run it at 600 steps and see how the difference changes. Both losses have one optimum (chapter 02); which of them gets there faster, and in which measure, is the subject of chapter 08. One seed and a winner is half an answer.

# %% [markdown]
# ## (d) · Fourier features
#
# *About 25 minutes.*
#
# A plain network takes long to learn a field with fine structure. Give it $\sin(k\pi x_j)$ and $\cos(k\pi x_j)$ for $k=1,\dots,4$ and both coordinates, in addition to the coordinates themselves.
#
# **Warm-up, with a pencil.** What is the period of $\sin(k\pi x)$ for $k=1$ and for $k=4$? Neighbouring bumps of the ring have their centres $2\cdot0.3\,\sin(\pi/8)$ apart; how far is that? The bumps have the standard deviation 0.04. What is it after adding noise of level 0.05, and of level 0.4?
#
# **Predict.** Do the features help more at $\sigma=0.05$ or at $\sigma=0.4$, and why?

# %% [markdown]
# **My prediction, and the reason for it:** ...

# %%
# Your prediction: 0.05 or 0.4.
prediction = None


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
            z = torch.cat([z, numbers(self.features(x_noisy)).to(z)], 1)
        return self.net(z)


plain = {s: error_of(train(Plain(), points, s), ring, s) for s in (0.05, 0.4)}


# %% nbgrader={"grade": false, "grade_id": "ex03_d", "locked": false, "schema_version": 3, "solution": true, "task": false}
def fourier(x):
    """sin(k pi x_j) and cos(k pi x_j) for k = 1, ..., 4: a tensor (N, 2) -> (N, 16), in any order."""
    ### BEGIN SOLUTION
    angle = (x[:, :, None] * torch.arange(1, 5) * math.pi).flatten(1)
    return torch.cat([angle.sin(), angle.cos()], 1)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "ex03_d_check", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
point = torch.tensor([[0.5, 0.25]])
features = numbers(fourier(point))
assert features.shape == (1, 16), (
    f"2 functions, 4 frequencies and 2 coordinates make 16 columns for each point; got {tuple(features.shape)}"
)
found = sorted(features[0].tolist())
assert abs(found[0] + 1) < 1e-3 and abs(found[-1] - 1) < 1e-3 and abs(sum(found) - 1.414) < 2e-3, (
    "the 16 features of the point (0.5, 0.25) reach from -1 to 1 and add up to 1.414; yours reach from "
    f"{found[0]:.3f} to {found[-1]:.3f} and add up to {sum(found):.3f}: mind the factor pi, and both coordinates"
)
### BEGIN HIDDEN TESTS
x = du.plotting.grid(5, 0.03, 0.91)
features = numbers(fourier(x))
assert features.shape == (25, 16), (
    f"2 functions, 4 frequencies and 2 coordinates make 16 columns for each of 25 points; got {tuple(features.shape)}"
)
for k in range(1, 5):
    for function in (torch.sin, torch.cos):
        for coordinate in (0, 1):
            column = function(k * math.pi * x[:, coordinate])[:, None]
            assert ((features - column).abs().amax(0) < 1e-4).any(), (
                f"no column is {function.__name__}({k} pi x_{coordinate + 1}): mind the factor pi, and both coordinates"
            )
### END HIDDEN TESTS
print("(d) passes")

# %% tags=["nbval-ignore-output"]
gain = {s: plain[s] / error_of(train(Plain(fourier), points, s), ring, s) for s in plain}
for s, value in gain.items():
    print(f"sigma = {s}: the error without features is {value:.2f} times the error with them")
print(f"they help more at {max(gain, key=gain.get)}; you predicted {prediction}")

# %% [markdown] nbgrader={"grade": true, "grade_id": "ex03_d_conclusion", "locked": false, "points": 2, "schema_version": 3, "solution": true, "task": false}
# **What I conclude**, with the numbers it rests on, and what became of my prediction (2 points):
#
# ### BEGIN SOLUTION
# The discussion below says what was found, and why.
# ### END SOLUTION

# %% [markdown] tags=["discussion"]
# **Warm-up.** The period is $2/k$: 2 for $k=1$ and 0.5 for $k=4$. The centres are 0.23 apart. With noise of level 0.05 the bumps have the standard deviation $\sqrt{0.04^2+0.05^2}=0.064$, far less than their distance, so they are separate. With noise of level 0.4 it is 0.40, and the ring is one broad hill.
#
# **The experiment.** At $\sigma=0.05$ the field turns from bump to bump. The features bring the bends that a plain network would have to build first, so without them the error is several times as large. At $\sigma=0.4$ the field is nearly linear, and the plain network nearly has it from the start. There the features only give it more to unlearn, and at equal steps they may even harm. An answer from one noise level is half an answer.
#
# `MLPDenoiser` goes another way: it starts as the best *linear* denoiser, as appendix A2 explains.
