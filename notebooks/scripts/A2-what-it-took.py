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
# # A2 · What it took
#
# Figure A2.1 shows the score of the ring of chapter 03, at noise level 0.05, and two attempts to learn it. Both networks have three hidden layers of 64 units. Both saw the same 100,000 points, were trained with the same loss, and took 500 steps of 512 noisy points.
#
# One of them was trained as most tutorials do it: a plain network, random batches and the optimiser Adam. After 500 steps its arrows have found the circle and nothing else; they do not turn towards the eight bumps. The other one was made and trained by the recipe of this book, and its arrows are nearly right.
#
# The theory does not see this difference, because the optimum of the loss is the same for both. Anybody who wants to repeat the experiments sees it at once. What made the difference?

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

# %% tags=["hide-input"]
import copy
import math

import matplotlib.pyplot as plt
import torch
from sklearn.cluster import kmeans_plusplus
from torch import nn

from daeutils.batches import Batches
from daeutils.muon import orthogonalised

du.plotting.use_style()
EXACT, LEARNED = du.plotting.EXACT, du.plotting.LEARNED
INK, GREY = du.plotting.INK, du.plotting.GREY


def seeded(seed):
    return torch.Generator().manual_seed(seed)


def noisy_points(density, sigma, n=20_000):
    generator = seeded(2)
    return du.corruption.gaussian(density.sample(n, generator), sigma, generator)


@torch.no_grad()
def learned_score(network, x_noisy, sigma):
    return (network(x_noisy, sigma) - x_noisy) / sigma**2


def error_of(network, density, sigma):
    x_noisy = noisy_points(density, sigma)
    exact = density.smooth(sigma).score(x_noisy)
    return du.relative_error(learned_score(network, x_noisy, sigma), exact)


class Plain(du.Denoiser):
    """Three hidden layers; what the last one returns is the logit."""

    def __init__(self, seed=0):
        super().__init__()
        torch.manual_seed(seed)
        self.layers = nn.Sequential(
            *[nn.Linear(2, 64), nn.SiLU()],
            *[nn.Linear(64, 64), nn.SiLU()],
            *[nn.Linear(64, 64), nn.SiLU()],
            nn.Linear(64, 2),
        )

    def logits(self, x_noisy, sigma=None):
        return self.layers(2 * x_noisy - 1)


class RandomBatches:
    """A source from which `du.fit` draws points at random."""

    def sample(self, n, generator=None):
        return points[torch.randint(len(points), (n,), generator=generator)]


ring = du.ring()
points = ring.sample(100_000, seeded(1)).clamp(0, 1)
how = dict(sigma=0.05, steps=500, batch_size=512)
rates = {"muon": 0.08, "adam": 0.03}
ours, tutorial = du.MLPDenoiser(2, hidden=64), Plain()
du.fit(ours, points, lr=rates["muon"], **how)
du.fit(
    tutorial,
    RandomBatches(),
    optimiser="adam",
    lr=rates["adam"],
    average=0.0,
    **how,
)
trained = {(1, 1, 1, 1, 0): ours.cpu(), (0, 0, 0, 0, 0): tutorial.cpu()}

# %% tags=["hide-input", "nbval-ignore-output"] mystnb={"image": {"alt": "Three panels of arrows over contours of the ring at noise level 0.05. Left, exact, in blue: the arrows turn to eight bumps. Middle, the tutorial's network, in orange: the arrows lead to the circle through the bumps and not to the single bumps. Right, the book's network, in orange: almost the same arrows as on the left."}, "figure": {"caption": "**Figure A2.1. Same layers, same points, same number of steps.** Left: the exact score at $\\sigma=0.05$. Middle: a plain network after 500 steps of Adam on random batches. Right: the network and the recipe of this book after 500 steps. Long arrows are cut to 0.08."}}
places = du.plotting.grid(13, 0.05, 0.95)
smoothed = ring.smooth(0.05)


panels = [
    ("exact", smoothed.score(places), EXACT),
    ("tutorial, 500 steps", learned_score(tutorial, places, 0.05), LEARNED),
    ("this book, 500 steps", learned_score(ours, places, 0.05), LEARNED),
]
fig, axes = plt.subplots(1, 3, figsize=(7.2, 2.7), sharey=True)
for ax, (title, field, color) in zip(axes, panels):
    du.plotting.density_contours(ax, smoothed)
    length = 0.002 * field.norm(dim=1, keepdim=True)
    field = field * (0.08 / length).clamp(max=1)
    du.plotting.arrows(ax, places, field, scale=0.002, color=color)
    ax.set_title(title)
    ax.label_outer()
plt.show()

# %% tags=["hide-input", "nbval-ignore-output"]
attempts = {"tutorial": tutorial, "this book": ours}
du.table(
    [[name, error_of(network, ring, 0.05)] for name, network in attempts.items()],
    {"recipe": "", "relative error": ".3f"},
)

# %% [markdown]
# **Question.** Which parts of the training recipe bring a small network close to the score in few steps, and why?
#
# **You will be able to** derive the best linear denoiser and start a network from it; make batches that cover the data evenly. You will know what the optimiser Muon does to a gradient and when averaged weights help, and you can test by experiment which of these parts matter.
#
# **You need** chapters 01 to 03, and the singular value decomposition of a matrix. **Time.** Half an hour to read; the code takes about a minute and a half on two CPU cores.
#
# **From the paper.** Nothing here is in the paper. Its statement P2, that a denoising autoencoder trained with binary cross-entropy yields gradient steps, does not depend on how the training gets to the optimum.
#
# [Open in Colab](https://colab.research.google.com/github/OWNER/denoising-and-the-score/blob/main/notebooks/A2-what-it-took.ipynb)

# %% [markdown]
# ## Part 1. Start near the answer
#
# A denoiser must above all *copy*. At $\sigma=0.05$ the clean point lies within a few hundredths of the noisy one, so the best answer is the input and a small correction. All that we want to know, the score, is in the correction. A plain network does not know that. It starts with an answer that hardly depends on its input, and has to learn the copying as well.
#
# We can do the copying for it. Let the data have mean $m$ and variance $v$ in each coordinate. Which *linear* reconstruction $r=m+k\,(\tilde x-m)$ is the best?

# %% [markdown]
# ### The best linear denoiser
#
# Write $\tilde x-m=(x-m)+\sigma\varepsilon$. The two terms are independent, so in each coordinate the mean squared error is
# $$E\big[(x-m)-k(x-m)-k\sigma\varepsilon\big]^2=(1-k)^2\,v+k^2\sigma^2 .$$
# Its derivative with respect to $k$ is $-2(1-k)v+2k\sigma^2$, which vanishes at
# $$k=\frac{v}{v+\sigma^2}.$$
# Put this $k$ into the error. It becomes $\big(\sigma^4v+v^2\sigma^2\big)/(v+\sigma^2)^2=\sigma^2\,v/(v+\sigma^2)$. So the best linear denoiser misses by $c=\sigma\sqrt{v/(v+\sigma^2)}$, typically.

# %% [markdown]
# The network of this book adds its layers to this line, in units of what the line misses:
# $$r(\tilde x)=m+k\,(\tilde x-m)+c\;\mathrm{net}\Big(\frac{\tilde x-m}{\sqrt{v+\sigma^2}}\Big).$$
# Both the input and the output of the layers now have a size near 1, at every noise level. Karras et al. (2022) introduced such a scaling for diffusion models. For BCE we need logits, so the network returns $a=\mathrm{logit}(r)$, which the sigmoid turns back into $r$. (Where $r$ leaves the interval from 0.05 to 0.95, the logit is continued by its tangent, so that any $r$ is allowed.)
#
# Mean and variance are set before any data are seen, to those of the uniform distribution on $[0,1]$: $m=\frac12$ and $v=\int_0^1(x-\frac12)^2\,dx=\frac1{12}$. They need not be exact, because the layers correct them.


# %%
def linear_start(x_noisy, sigma, net, m=0.5, v=1 / 12):
    """The best linear denoiser plus a correction; `du.MLPDenoiser` does this."""
    k = v / (v + sigma**2)
    c = sigma * math.sqrt(k)
    features = (x_noisy - m) / math.sqrt(v + sigma**2)
    return m + k * (x_noisy - m) + c * net(features)


# %% [markdown]
# How much is that worth before the first step? We compare two untrained networks with somebody who copies the input, so that all arrows are zero.


# %% tags=["hide-input", "nbval-ignore-output"]
def start_at(sigma):
    """An untrained network with the linear start, made for one noise level."""
    network = du.MLPDenoiser(2, hidden=64)
    network.level.fill_(sigma)
    return network


fresh_plain, fresh_linear = Plain(), start_at(0.05)
fresh_plain.level.fill_(0.05)
untrained = {
    "plain network": error_of(fresh_plain, ring, 0.05),
    "copy of the input": 1.0,
    "linear start": error_of(fresh_linear, ring, 0.05),
}
du.table(
    untrained.items(),
    {"before training, σ = 0.05": "", "relative error of the score": ".2f"},
)

# %% tags=["hide-input"]
du.claim(
    "Before its first step the plain network has the relative error {}",
    untrained["plain network"],
    at_least=3,
)

# %% tags=["hide-cell"]
du.claim(
    "The untrained network with the linear start has the relative error {}",
    untrained["linear start"],
    at_most=1.05,
)
x_noisy = noisy_points(ring, 0.05, 1000)
with torch.no_grad():
    by_hand = linear_start(x_noisy, 0.05, fresh_linear.net)
    of_the_book = fresh_linear(x_noisy)
inside = ((by_hand > 0.05) & (by_hand < 0.95)).all(1)
du.claim(
    "Between 0.05 and 0.95 the function above is `du.MLPDenoiser` up to {}",
    (by_hand - of_the_book)[inside].abs().max().item(),
    at_most=1e-5,
)

# %% [markdown]
# The plain network begins far behind somebody who does nothing. It has to climb out of this hole before it can learn a score, and the network with the linear start begins at the edge of the hole.

# %% [markdown]
# ## Part 2. Even batches
#
# Each step sees one batch, and the gradient of the batch is a random estimate of the true gradient. Random points clump and leave gaps, as the left panel of Figure A2.2 shows, so the estimate is noisy. A **Sobol sequence** fills the unit cube much more evenly (right panel), and each single point of it is still distributed uniformly.

# %% tags=["hide-input"] mystnb={"image": {"alt": "Two unit squares with 256 points each. Left, random points: clumps and gaps. Right, points of a Sobol sequence: evenly spread, without large gaps."}, "figure": {"caption": "**Figure A2.2. Chance leaves gaps.** Left: 256 random points. Right: the first 256 points of a scrambled Sobol sequence."}}
sobol = torch.quasirandom.SobolEngine(2, scramble=True, seed=0)
squares = {
    "random": torch.rand(256, 2, generator=seeded(0)),
    "Sobol": sobol.draw(256),
}
fig, axes = plt.subplots(1, 2, figsize=(5.6, 2.9), sharey=True)
for ax, (name, square) in zip(axes, squares.items()):
    ax.plot(*square.T, ".", ms=4, color=INK)
    ax.set(xlim=(0, 1), ylim=(0, 1), aspect="equal", title=f"{name} points")
    ax.set(xticks=[0, 1], yticks=[0, 1], xlabel="$u_1$")
    ax.grid(False)
axes[0].set_ylabel("$u_2$")
plt.show()

# %% [markdown]
# How does a point $u$ of the unit cube become a training pair? In the plane we need three coordinates. The first one picks the clean point. The other two become the noise, by the inverse of the normal distribution function: if $u$ is uniform, then $\Phi^{-1}(u)$ is normal.
#
# For the first coordinate the sample must be put into an order in which neighbours are near each other in space. Then an even $u_1$ covers the data evenly. The cell sorts the ring's points by their angle, which is enough for a ring; `du.fit` takes a curve that works for any data.


# %%
def even_batches(points, size, seed=0):
    """Endless pairs (x, eps), spread evenly over the data and the noise."""
    centred = points - 0.5
    points = points[torch.atan2(centred[:, 1], centred[:, 0]).argsort()]
    sobol = torch.quasirandom.SobolEngine(3, scramble=True, seed=seed)
    while True:
        u = sobol.draw(size).clamp(1e-6, 1 - 1e-6)
        x = points[(u[:, 0] * len(points)).long()]
        yield x, torch.special.ndtri(u[:, 1:])


# %% [markdown]
# To see the effect we take one network, here the one that has been trained, and compute the gradient of the loss for 60 batches of each kind. The scatter of these gradients about their mean is the noise that the optimiser has to live with.


# %%
def gradient_noise(batches, network, sigma=0.05, count=60):
    """Root mean square distance of a batch's gradient from the mean gradient."""
    gradients = []
    for _ in range(count):
        x, eps = next(batches)
        loss = du.objectives.bce(network.logits(x + sigma * eps), x).mean()
        found = torch.autograd.grad(loss, list(network.parameters()))
        gradients.append(torch.cat([each.flatten() for each in found]))
    gradients = torch.stack(gradients)
    return (gradients - gradients.mean(0)).square().sum(1).mean().sqrt().item()


# %% tags=["hide-input", "nbval-ignore-output"]
def random_batches(size, generator):
    while True:
        index = torch.randint(len(points), (size,), generator=generator)
        yield points[index], torch.randn(size, 2, generator=generator)


noise = {
    "random": gradient_noise(random_batches(512, seeded(0)), ours),
    "even, as above": gradient_noise(even_batches(points, 512), ours),
    "even, of du.fit": gradient_noise(iter(Batches(points, 512, seeded(0))), ours),
}
du.table(
    [[name, value / noise["random"]] for name, value in noise.items()],
    {"batches of 512": "", "scatter of the gradient, random = 1": ".2f"},
)

# %% tags=["hide-input"]
du.claim(
    "With even batches the scatter of the gradient is multiplied by {}",
    noise["even, of du.fit"] / noise["random"],
    at_most=0.8,
)

# %% [markdown]
# With even batches the gradient scatters much less, for the same batch size. To get as much from random batches one would need larger ones: the scatter falls with the square root of the size, so half of it costs four times as many points.
#
# This works where a batch can cover the cube. Three dimensions are few. For an image with 784 pixels the cube has 785 dimensions, and no batch covers it. So for images `du.fit` uses random batches.

# %% [markdown]
# ## Part 3. Orthogonalised steps
#
# Write the gradient of a weight matrix with its singular value decomposition, $G=USV^\top$. Each term $s_i\,u_iv_i^\top$ is one direction in which the matrix can move, and $s_i$ says how strongly the loss asks for it. Gradient descent moves along each direction in proportion to $s_i$. If a few directions are strong and the others weak, the weak ones hardly ever move.
#
# The optimiser **Muon** (Jordan et al. 2024) replaces all singular values by 1. It steps along $UV^\top$, the orthogonal matrix nearest to $G$, so that every direction moves at the same pace.

# %%
x = points[:512]
x_noisy = du.corruption.gaussian(x, 0.05, seeded(3))
hidden_layer = ours.net[2]  # its weight is a matrix of 64 x 64
loss = du.objectives.bce(ours.logits(x_noisy), x).mean()
(gradient,) = torch.autograd.grad(loss, hidden_layer.weight)
U, S, Vh = torch.linalg.svd(gradient)
ideal_step = U @ Vh  # all singular values are 1

# %% [markdown]
# Figure A2.3 shows the singular values of this gradient, and those of the step that the book's optimiser takes instead. Count the directions that reach one per cent of the strongest.

# %% tags=["hide-input", "nbval-ignore-output"] mystnb={"image": {"alt": "The first 40 singular values in falling order on a logarithmic axis. The grey ones of the gradient fall by a factor of 100 within about ten directions and go on falling. The black ones of the step of Muon stay near 1 for about the first dozen directions and fall after that."}, "figure": {"caption": "**Figure A2.3. Muon gives the weak directions a turn.** Singular values of the gradient of one weight matrix for one batch, divided by the largest (grey), and of the step that Muon makes of it (black). Only the first 40 of 64 are shown."}}
muon_step = orthogonalised(gradient[None])[0]
fig, ax = plt.subplots(figsize=(6, 3))
shown = range(1, 41)
ax.plot(shown, (S / S[0])[:40], "o", ms=4, color=GREY)
ax.plot(shown, torch.linalg.svdvals(muon_step)[:40], "o", ms=4, color=INK)
ax.axhline(0.01, color=GREY, lw=1, ls=":")
ax.set(
    yscale="log",
    ylim=(1e-5, 4),
    xlabel="direction",
    ylabel="singular value",
    title="One gradient, forty directions",
)
ax.text(3, 1e-3, "gradient", color=GREY)
ax.text(17, 0.9, "step of Muon", color=INK)
plt.show()

# %% tags=["hide-input", "nbval-ignore-output"]
strong = (S > 0.01 * S[0]).sum().item()
pace = (torch.linalg.svdvals(muon_step) > 0.5).sum().item()
print(f"at least one per cent of the largest: {strong} of 64 singular values")
print(f"at least 0.5 after orthogonalisation: {pace} of 64 singular values")

# %% tags=["hide-cell"]
du.claim(
    "The ideal step is orthogonal up to {}",
    (ideal_step @ ideal_step.T - torch.eye(64)).abs().max().item(),
    at_most=1e-4,
)
du.claim(
    "The number of directions with one per cent of the strongest or more is {}",
    strong,
    at_most=30,
    tolerance=1,
)
du.claim(
    "Of these directions the weakest has in the step of Muon the strength {}",
    torch.linalg.svdvals(muon_step)[strong - 1].item(),
    at_least=0.5,
)

# %% [markdown]
# The gradient itself has about a dozen directions that reach one per cent of the strongest. Muon gives all of these nearly the same pace. Two details of the real optimiser are missing in the cell above. It orthogonalises the running mean of the gradients of many steps. And it avoids the decomposition, which is slow: it applies a polynomial to the matrix five times, which pushes the singular values towards 1. A tiny value grows by a factor of 485 at most, so the faintest directions stay behind in Figure A2.3.
#
# Muon is meant for matrices. Biases are vectors, so `du.fit` leaves them to Adam.

# %% [markdown]
# ## Part 4. Averaged weights
#
# Even a good optimiser is pushed about by the last few batches. If the learning rate stays constant, the weights end up jittering around the optimum. There are two ways to calm them: let the learning rate fall to zero, or average the weights over the last steps. `du.fit` does both. The cell trains with Adam on random batches, with a constant or a falling rate, and keeps a running average beside the weights.


# %%
def train_by_hand(falling, steps=500, rate=0.02):
    """The network with its last weights, and with averaged ones."""
    network = start_at(0.05)
    average, batches = copy.deepcopy(network), random_batches(512, seeded(0))
    optimiser = torch.optim.Adam(network.parameters(), lr=rate)
    for step in range(steps):
        if falling:
            share = (1 + math.cos(math.pi * step / steps)) / 2  # from 1 to 0
            optimiser.param_groups[0]["lr"] = rate * share
        x, eps = next(batches)
        loss = du.objectives.bce(network.logits(x + 0.05 * eps), x).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        kept = min(0.98, (1 + step) / (10 + step))  # less at the start
        for mean, weight in zip(average.parameters(), network.parameters()):
            mean.data.lerp_(weight.data, 1 - kept)
    return network, average


# %% tags=["hide-input", "nbval-ignore-output"]
jitter = {}
for name, falling in {"constant rate": False, "falling rate": True}.items():
    jitter[name] = [error_of(each, ring, 0.05) for each in train_by_hand(falling)]
du.table(
    [[name, *errors] for name, errors in jitter.items()],
    {"relative error": "", "last weights": ".3f", "averaged weights": ".3f"},
)

# %% tags=["hide-cell"]
du.claim(
    "At a constant rate averaging multiplies the error by {}",
    jitter["constant rate"][1] / jitter["constant rate"][0],
    at_most=0.7,
)
du.claim(
    "At a falling rate averaging changes the error by a factor of {}",
    jitter["falling rate"][1] / jitter["falling rate"][0],
    at_least=0.8,
    at_most=1.25,
)

# %% [markdown]
# At the constant rate the last weights are a bad choice, and their average is three times as good. With a falling rate the last weights are about as good as that average, and to average them as well brings nothing. So the two remedies do the same job. `du.fit` keeps both, since an average costs little and helps those who stop early.

# %% [markdown]
# ## Which parts matter?
#
# Now take the parts away, one at a time, and then all but one. The function below is the whole experiment, and you can repeat it on other data. One thing has to be fair: each optimiser needs a learning rate that suits it. We take 0.08 for Muon and 0.03 for Adam, and we shall check whether a row suffers from that. (The defaults of `du.fit` are smaller.)


# %%
def train(linear, even, muon, average, seed, rate=None):
    """A network for the ring at sigma = 0.05, with or without each part."""
    optimiser = "muon" if muon else "adam"
    if linear:
        network = du.MLPDenoiser(2, hidden=64, seed=seed)
    else:
        network = Plain(seed)
    du.fit(
        network,
        points if even else RandomBatches(),
        optimiser=optimiser,
        lr=rate or rates[optimiser],
        average=0.99 if average else 0.0,
        seed=seed,
        **how,
    )
    return network.cpu()


# %% [markdown]
# Each row of Figure A2.4 has two dots, for two random seeds that decide on the initial weights and the batches. The row "linear start only" has eight, because its runs differ the most. Compare the rows "without" with the first row, and the rows "only" with the last.

# %% tags=["hide-input"]
recipes = {
    "whole recipe": (1, 1, 1, 1),
    "without averaging": (1, 1, 1, 0),
    "without linear start": (0, 1, 1, 1),
    "without even batches": (1, 0, 1, 1),
    "without Muon": (1, 1, 0, 1),
    "Muon only": (0, 0, 1, 0),
    "linear start only": (1, 0, 0, 0),
    "even batches only": (0, 1, 0, 0),
    "none of the four": (0, 0, 0, 0),
}
ablation = {}
for name, parts in recipes.items():
    seeds = range(8 if name == "linear start only" else 2)
    for seed in seeds:
        if (*parts, seed) not in trained:
            trained[*parts, seed] = train(*parts, seed)
    ablation[name] = [error_of(trained[*parts, seed], ring, 0.05) for seed in seeds]

# %% tags=["hide-input", "nbval-ignore-output"] mystnb={"image": {"alt": "A dot plot with nine rows and two dots a row, but eight in one; the axis is the relative error on a logarithmic scale. The whole recipe has the smallest errors, about 0.04. Without averaging it is about the same. Without the linear start, without Muon or without even batches the errors are between 0.05 and 0.08. Muon alone has 0.1, the eight dots of the linear start alone lie between 0.08 and 0.2, and even batches alone and none of the four have about 0.5."}, "figure": {"caption": "**Figure A2.4. Each part makes up for another, and no part alone is enough.** Relative error of the score on the ring at $\\sigma=0.05$ after 500 steps, for two random seeds (eight for the linear start only). The grey line at 1 is the answer zero."}}
fig, ax = plt.subplots(figsize=(6.6, 3.2))
for row, errors in enumerate(ablation.values()):
    ax.plot(errors, [row] * len(errors), "o", color=LEARNED, ms=6)
ax.axvline(1, color=GREY, lw=1)
for line in (0.5, 4.5, 7.5):
    ax.axhline(line, color=GREY, lw=0.6)
ax.set_yticks(range(len(ablation)), list(ablation))
ax.invert_yaxis()
ax.set(
    xscale="log",
    xlim=(0.025, 1.2),
    xlabel="relative error of the score",
    title="One part taken away, and one part alone",
)
ax.set_xticks([0.03, 0.05, 0.1, 0.2, 0.5, 1], [0.03, 0.05, 0.1, 0.2, 0.5, 1])
ax.minorticks_off()
plt.show()


# %% tags=["hide-input", "nbval-ignore-output"]
def geometric_mean(errors):
    return math.exp(sum(map(math.log, errors)) / len(errors))


typical = {name: geometric_mean(errors) for name, errors in ablation.items()}
whole = typical["whole recipe"]
du.table(
    [
        [name, min(errors), typical[name], max(errors), typical[name] / whole]
        for name, errors in ablation.items()
    ],
    {"relative error": "", "smallest": ".3f", "mean": ".3f", "largest": ".3f"}
    | {"times that of the whole recipe": ".1f"},
)

# %% [markdown]
# (The mean is the geometric mean.) Do the rows at the bottom suffer from a bad learning rate? The next cell trains two of them again with Adam, at a smaller and at a larger rate.

# %% tags=["hide-input", "nbval-ignore-output"]
other_rates = {}
for name, count in {"linear start only": 4, "none of the four": 2}.items():
    for rate in (0.02, 0.045):
        networks = [train(*recipes[name], seed, rate) for seed in range(count)]
        other_rates[name, rate] = [error_of(each, ring, 0.05) for each in networks]
    other_rates[name, rates["adam"]] = ablation[name][:count]
du.table(
    [
        [name, rate, min(errors), geometric_mean(errors), max(errors)]
        for (name, rate), errors in sorted(other_rates.items())
    ],
    {"relative error": "", "rate": "g"}
    | {"smallest": ".3f", "mean": ".3f", "largest": ".3f"},
)

# %% tags=["hide-input"]
du.claim(
    "With none of the four the error is {} times that of the whole recipe",
    typical["none of the four"] / whole,
    at_least=6,
)
du.claim(
    "Whichever single part is missing, the error grows at most by the factor {}",
    max(error for name, error in typical.items() if name.startswith("without"))
    / whole,
    at_most=3.5,
)

# %% tags=["hide-cell"]
du.claim(
    "Whichever rate it gets, the error with none of the four is at least {}",
    min(min(errors) for (name, _), errors in other_rates.items() if "none" in name),
    at_least=0.35,
)
for name, bound in {
    "Muon only": 0.2,
    "linear start only": 0.3,
}.items():
    du.claim(f"{name}: the relative error is {{}}", typical[name], at_most=bound)
du.claim(
    "Even batches alone multiply the error of none of the four by {}",
    typical["even batches only"] / typical["none of the four"],
    at_least=0.85,
)
for name in ("linear start", "even batches", "Muon"):
    du.claim(
        f"Without {name} the error is {{}} times that of the whole recipe",
        typical[f"without {name}"] / whole,
        at_least=1,
    )

# %% [markdown]
# Read the figure from below. Even batches alone change nothing, so the noise in the gradients is not what holds a plain network back. The linear start alone and Muon alone each bring the error down by a large factor.
#
# The rate explains little of this. With none of the four the error stays near 0.5 at all three rates. With the linear start only, chance matters more than the rate: at one rate the largest error is up to twice the smallest. Part 4 trained by this recipe at the rate 0.02, with other batches, and its 0.103 lies in the same range.
#
# Two of the three main parts together do most of what three do. The one that is missing still costs something: here a factor between one and a half and two, as the table shows. Averaging is the exception: with a falling learning rate it hardly matters, as Part 4 has led us to expect.
#
# All this holds for 500 steps. Longer training closes part of the gap. The page [Benchmarks: scores](../benchmarks.md) of the web book has trainings of 12,000 steps.

# %% [markdown]
# ## A different kind of help: say what the data look like
#
# The recipe helps a network that could become almost any function. There is another way to learn fast: tell the denoiser something that is true of the data. Suppose that they come in a few blobs, so that $p$ is a mixture of Gaussians. Then chapter 02 gives the best reconstruction as a formula:
# $$R(\tilde x)=\tilde x+\sigma^2\,\nabla\log p_\sigma(\tilde x),\qquad p_\sigma=\sum_k w_k\,N(\mu_k,\,C_k+\sigma^2I).$$
# The class `du.MixtureDenoiser` computes this formula. (Answers below 0.05 or above 0.95 it draws smoothly inwards, so that they stay between 0 and 1.) What it learns are the weights $w_k$, the centres $\mu_k$ and the covariances $C_k$.

# %% [markdown]
# It is trained on the same points, with the same loss and by the same `du.fit`. Nobody tells it that there are eight blobs, or that they are round: it has sixteen of any shape. They start at sixteen points of the sample that lie far apart.
#
# The noise level stands in the formula, so a mixture that was trained at one level can be used at another. It is no evidence for the paper's statement P2, though, because the arrows of the formula are a score by construction. A network's arrows need not be one.


# %%
def train_mixture(points, components=16, steps=500):
    """A mixture of Gaussians as a denoiser, trained with BCE at one level."""
    starts, _ = kmeans_plusplus(points[:10_000].numpy(), components, random_state=0)
    network = du.MixtureDenoiser(torch.as_tensor(starts))
    du.fit(network, points, sigma=0.05, steps=steps, batch_size=512)
    return network.cpu()


# %% tags=["hide-input"]
board = du.checkerboard()
board_points = board.sample(100_000, seeded(1)).clamp(0, 1)
blobs = {"ring": train_mixture(points), "checkerboard": train_mixture(board_points)}
on_board = du.MLPDenoiser(2, hidden=64)
du.fit(on_board, board_points, lr=rates["muon"], **how)


def kde_error(sigma, n=500):
    x_noisy = noisy_points(ring, sigma, n)
    scores = []
    for y in x_noisy.split(250):
        weights = torch.softmax(-(torch.cdist(y, points) ** 2) / (2 * sigma**2), 1)
        scores.append((weights @ points - y) / sigma**2)
    exact = ring.smooth(sigma).score(x_noisy)
    return du.relative_error(torch.cat(scores), exact)


sigmas = [0.025, 0.05, 0.1, 0.2]
by_mixture = [error_of(blobs["ring"], ring, sigma) for sigma in sigmas]
by_kde = [kde_error(sigma) for sigma in sigmas]
at_005 = {
    ("ring", "network"): error_of(ours, ring, 0.05),
    ("ring", "mixture"): by_mixture[1],
    ("checkerboard", "network"): error_of(on_board.cpu(), board, 0.05),
    ("checkerboard", "mixture"): error_of(blobs["checkerboard"], board, 0.05),
}

# %% [markdown]
# Figure A2.5 shows what the sixteen blobs have become on two data sets, on the ring, where the assumption is true, and on a checkerboard, where it is false. The table below it compares errors. KDE is the kernel density estimate of chapter 03.

# %% tags=["hide-input", "nbval-ignore-output"] mystnb={"image": {"alt": "Left, the ring: orange ellipses lie on the eight bumps, on some bumps more than one. Right, the checkerboard: sixteen ellipses on eight dark squares, whose corners they do not fill."}, "figure": {"caption": "**Figure A2.5. Sixteen learned blobs.** The clean distribution (blue) and the learned components (orange, drawn at two standard deviations; fainter if their weight is small). Left: on the ring the blobs find the bumps. Right: sixteen blobs cannot fill eight squares."}}
turn = torch.linspace(0, 2 * torch.pi, 60, dtype=torch.float64)
circle = torch.stack([turn.cos(), turn.sin()])
fig, axes = plt.subplots(1, 2, figsize=(6, 3.1), sharey=True)
for ax, (name, clean) in zip(axes, {"ring": ring, "checkerboard": board}.items()):
    found = blobs[name].law()
    du.plotting.density_contours(ax, clean)
    for mean, cov, weight in zip(found.means, found.covariances, found.weights):
        ellipse = mean[:, None] + 2 * torch.linalg.cholesky(cov) @ circle
        alpha = min(1.0, 0.2 + 16 * weight.item())
        ax.plot(*ellipse, color=LEARNED, lw=1.2, alpha=alpha)
    ax.set_title(name)
    ax.label_outer()
plt.show()

# %% tags=["hide-input", "nbval-ignore-output"]
du.table(
    [["ring, mixture", *by_mixture], ["ring, KDE", *by_kde]],
    {"relative error": ""} | {f"σ = {sigma}": ".4f" for sigma in sigmas},
)
for (where, who), error in at_005.items():
    print(f"σ = 0.05, {where}, {who}: {error:.3f}")

# %% tags=["hide-input"]
du.claim(
    "At σ = 0.025 the mixture's error is {} of KDE's",
    by_mixture[0] / by_kde[0],
    at_most=0.8,
)

# %% tags=["hide-cell"]
du.claim(
    "On the ring the mixture's error is {} of that of the network",
    at_005["ring", "mixture"] / at_005["ring", "network"],
    at_most=0.7,
)
du.claim(
    "On the checkerboard the mixture's error is {} times that on the ring",
    at_005["checkerboard", "mixture"] / at_005["ring", "mixture"],
    at_least=5,
)
du.claim(
    "On the checkerboard the mixture's error is {} times that of the network",
    at_005["checkerboard", "mixture"] / at_005["checkerboard", "network"],
    at_least=1.1,
)

# %% [markdown]
# On the ring the mixture is well ahead of the network. At the smallest noise level, where it was not even trained, it also beats the kernel density estimate. KDE follows every point of the sample; a blob is fitted to thousands of points, so their accidents average out. At the three larger levels KDE is ahead.
#
# On the checkerboard the assumption is false, and the network is ahead. An assumption that is built into an estimator is called its **inductive bias**. It pays where it is true, or nearly true. Nobody can write down such a formula for images. There the bias lies in the layers, in convolutions that look at neighbouring pixels first, and it has to be good enough.

# %% [markdown]
# ## What to remember
#
# * The optimum of the loss does not depend on the recipe, but the way there does. A network that starts as the best linear denoiser has only the correction to learn.
# * Even batches make the gradient less noisy, Muon moves weak directions as fast as strong ones, and an average of the weights or a falling learning rate calms the last steps. Any two of the three main parts (the linear start, even batches, Muon) do most of what all three do.
# * Telling an estimator something true about the data helped more here than the whole recipe. Telling it something false limits it.

# %% [markdown]
# **Check your understanding.** Pick an answer and click it to see whether it is right.

# %% tags=["remove-input"]
du.quiz("A2")

# %% [markdown]
# **Exercises.** (a) Write the best linear denoiser with the mean and the covariance of the data in place of $\frac12$ and $\frac1{12}$. How much closer is it? (b) Orthogonalise a matrix without a decomposition, by a polynomial. (c) How much does averaging calm a noisy descent? Compute it, then measure it. They are in [exercises/A2-what-it-took.ipynb](exercises/A2-what-it-took.ipynb).
#
# **Further reading.** Karras, Aittala, Aila & Laine (2022), Elucidating the design space of diffusion-based generative models, [arXiv:2206.00364](https://arxiv.org/abs/2206.00364). Jordan et al. (2024), [Muon: an optimizer for hidden layers in neural networks](https://kellerjordan.github.io/posts/muon/). Creswell, Arulkumaran & Bharath (2017), [arXiv:1708.08487](https://arxiv.org/abs/1708.08487).
