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
# # 03 · Does a network know it?
#
# [Open in Colab](https://colab.research.google.com/github/OWNER/denoising-and-the-score/blob/main/notebooks/03-does-a-network-know-it.ipynb)
#
# **Question.** Chapter 02 speaks of the best possible reconstruction. Does a network that was *trained*, on a finite sample, agree?
#
# **You will be able to** measure a learned score against the exact one; say which density it belongs to; tell what limits it: steps, data,
# noise level, or what it was told beforehand; name the parts of the recipe that matter; use the loss as a certificate.
#
# **Prerequisites.** Chapter 02. **Time.** Half an hour to read; the code takes about a minute on two CPU cores (the README has
# the measured times).
#
# **From the paper.** Statement P2, put to the test: reconstruction minus input should track the gradient of the log-density. The comparison with
# exact scores, the certificate, the two rivals and the recipe are ours.

# %% tags=["hide-cell"] jupyter={"source_hidden": true}
try:
    import daeutils as du
except ModuleNotFoundError as error:
    import subprocess, sys

    if "google.colab" not in sys.modules:
        raise ImportError(
            f"{error.name} is missing in {sys.executable}. Stop Jupyter and start it by `make lab` in the book's "
            "folder, which installs everything once; or choose the kernel of the book's .venv."
        ) from error
    # on Colab the notebook travels alone
    source = "git+https://github.com/OWNER/denoising-and-the-score"
    subprocess.check_call([sys.executable, "-m", "pip", "install", "-q", source])
    import daeutils as du

# %%
import matplotlib.pyplot as plt
import torch
from sklearn.cluster import kmeans_plusplus
from sklearn.mixture import GaussianMixture as FittedMixture

du.plotting.use_style()

# %% [markdown] tags=["slide"]
# ## A place where the truth is known
#
# Add Gaussian noise to a mixture of Gaussians and it stays one: each covariance grows by $\sigma^2 I$. So for such a law we know $p_\sigma$,
# its score $s_\sigma = \nabla\log p_\sigma$ and the posterior mean exactly, at every noise level $\sigma$. Three laws in the unit square: a ring of eight bumps, two moons, a spiral. The moons and the spiral are mixtures too, of many small bumps along a curve.
# The network sees **a sample of 100,000 points and nothing else**: no density, no score. (A Gaussian has tails: less than a millionth of each law lies outside the square. Clean points
# there are moved to its edge, since BCE needs targets in $[0,1]$. Corrupted points are never clamped.)

# %%
laws = {"ring": du.ring(), "moons": du.moons(), "spiral": du.spiral()}
sigma = 0.1


def fixed_sample(law, n=100_000, seed=1):
    return law.sample(n, torch.Generator().manual_seed(seed)).clamp(0, 1)


def fresh_test(law, sigma, n=20_000, seed=2):
    generator = torch.Generator().manual_seed(seed)
    return du.corruption.gaussian(law.sample(n, generator), sigma, generator)


most_steps = du.budget(quick=500, full=12_000)


def train(law, sigma, steps=most_steps, n=100_000, seed=0):
    """A DAE for one noise level, trained with BCE on n fixed points."""
    network = du.MLPDenoiser(2, seed=seed)
    du.fit(network, fixed_sample(law, n), sigma=sigma, steps=steps, seed=seed)
    return network.cpu()


@torch.no_grad()
def learned_score(network, x_noisy, sigma):
    return du.score_from_denoiser(network, x_noisy, sigma)


networks = {(name, sigma): train(law, sigma) for name, law in laws.items()}

# %% [markdown]
# Now the arrows. Above, the exact score of $p_\sigma$; below, the network's $(R(\tilde x)-\tilde x)/\sigma^2$. No factor was fitted to make them agree.

# %% mystnb={"image": {"alt": "Six panels: exact score arrows above and learned arrows below, for ring, moons and spiral, over the blurred density. The two rows look the same."}} tags=["landing-picture", "slide"]
places = du.plotting.grid(17, 0.03, 0.97)
fig, axes = plt.subplots(2, 3, figsize=(7.2, 5), sharex=True, sharey=True)
for column, (name, law) in enumerate(laws.items()):
    smoothed = law.smooth(sigma)
    for ax, field, color, who in [
        (axes[0, column], smoothed.score(places), du.plotting.PAPER, "exact"),
        (
            axes[1, column],
            learned_score(networks[name, sigma], places, sigma),
            du.plotting.ACCENT,
            "learned",
        ),
    ]:
        du.plotting.density_background(ax, smoothed)
        du.plotting.arrows(ax, places, field, scale=0.003, color=color)
        ax.set_title(f"{name}, {who}")
        ax.label_outer()
plt.show()

# %% [markdown]
# One number for each: the **relative error** $\sqrt{E|\hat s-s_\sigma|^2/E|s_\sigma|^2}$ on 20,000 fresh noisy points (0 is perfect, 1 is no better than
# answering zero), and the mean **cosine** of the angle between the arrows.

# %%
for name, law in laws.items():
    x_noisy = fresh_test(law, sigma)
    exact, learned = (
        law.smooth(sigma).score(x_noisy),
        learned_score(networks[name, sigma], x_noisy, sigma),
    )
    error = du.relative_error(learned, exact)
    du.claim(f"On the {name} the relative error of the learned score is {{}}", error, at_most=0.05)
    du.claim(
        f"On the {name} the mean cosine between learned and exact arrows is {{}}",
        du.cosine(learned, exact).mean().item(),
        at_least=0.97,
    )

# %% [markdown]
# ## Which density?
#
# "The gradient of log p" is said quickly. The network's *input* was never without noise; clean points were only its targets. Compare its arrows with the score of $p_\sigma$ and with that of $p$ itself.

# %%
law = laws["ring"]
x_noisy = fresh_test(law, sigma)
learned = learned_score(networks["ring", sigma], x_noisy, sigma)
to_p_sigma = du.relative_error(learned, law.smooth(sigma).score(x_noisy))
to_p = du.relative_error(learned, law.score(x_noisy))
du.claim(
    "The arrows are far from the score of p: measured against it, their relative error is {}",
    to_p,
    at_least=0.5,
)
du.claim(
    "They are near the score of p_sigma: measured against it, their error is {} times as large",
    to_p_sigma / to_p,
    at_most=0.05,
)

# %% [markdown] tags=["slide"]
# ## Against the noise level, beside two rivals
#
# How good is good? Two other estimators get the same 100,000 points. A **kernel density estimate** puts a Gaussian on each point of the sample; with standard deviation (*bandwidth*) $\sigma$ it is the *smoothed sample*. Its score is what a network would reach that minimised the training loss perfectly. And a **maximum-likelihood mixture** of eight
# round bumps is told the true shape of the law, as the network is not: it shows what the sample is worth at most, or nearly.

# %%
sigmas = [0.025, 0.05, 0.1, 0.2]
sample = fixed_sample(law)
mixture = FittedMixture(8, covariance_type="spherical", tol=1e-5, random_state=0).fit(sample.numpy())
rivals = {
    "kernel density": du.from_points(sample),
    "likelihood": du.GaussianMixture(mixture.means_, mixture.covariances_, mixture.weights_),
}
by_sigma, certificates = {"network": [], **{name: [] for name in rivals}}, []
for s in sigmas:
    if ("ring", s) not in networks:
        networks["ring", s] = train(law, s)
    x_noisy = fresh_test(law, s)
    exact = law.smooth(s).score(x_noisy)
    learned = learned_score(networks["ring", s], x_noisy, s)
    by_sigma["network"].append(du.relative_error(learned, exact))
    for name, rival in rivals.items():
        estimate = torch.cat([rival.smooth(s).score(part) for part in x_noisy[:1000].split(100)])
        by_sigma[name].append(du.relative_error(estimate, exact[:1000]))
    with torch.no_grad():
        logits = networks["ring", s].logits(x_noisy)
    excess = du.objectives.excess_risk(logits, law.posterior_mean(x_noisy, s).clamp(0, 1)).mean().item()
    certificates.append((du.certificate(excess, s), (learned - exact).square().sum(1).mean().item()))


# %% mystnb={"image": {"alt": "Relative error of the score against noise level for the network, the kernel density estimate and the maximum-likelihood mixture: all grow as sigma falls, and after this short training the network is above both rivals."}} tags=["nbval-ignore-output", "slide"]
def draw_errors(ax, title, **legend):
    for name, errors in by_sigma.items():
        du.plotting.curve(ax, sigmas, errors, label=name)
    ax.set(
        xscale="log",
        yscale="log",
        xlabel=r"noise level $\sigma$",
        ylabel="relative error of the score",
        title=title,
    )
    ax.set_xticks(sigmas, sigmas)
    ax.set_yticks([0.003, 0.01, 0.03, 0.1], [0.003, 0.01, 0.03, 0.1])
    ax.minorticks_off()
    ax.legend(**legend)


fig, ax = plt.subplots()
draw_errors(ax, "Ring, 100,000 points: learned score and two rivals")
plt.show()
print("sigma    " + "".join(f"{name:>16}" for name in by_sigma))
for row in zip(sigmas, *by_sigma.values()):
    print(f"{row[0]:<9}" + "".join(f"{value:16.4f}" for value in row[1:]))

# %%
du.claim(
    "Every estimator is worse at sigma = 0.025 than at 0.2: its error grows by a factor of {} or more",
    min(e[0] / e[3] for e in by_sigma.values()),
    at_least=1.2,
)
for s, error, bound in zip(sigmas, by_sigma["network"], [0.12, 0.07, 0.035, 0.015]):
    du.claim(f"At sigma = {s} the network's relative error is {{}}", error, at_most=bound)
against_kde = [ours / kde for ours, kde in zip(by_sigma["network"], by_sigma["kernel density"])]
if du.budget(quick=True, full=False):
    du.claim(
        "After this short training the kernel density estimate is better at every sigma: the network's error is {} times as large or more",
        min(against_kde),
        at_least=1.2,
    )
else:
    du.claim(
        "After long training the network is better at sigma = 0.025: its error is {} of the kernel density estimate's",
        against_kde[0],
        at_most=0.95,
    )
    x_noisy, long = fresh_test(law, 0.025), by_sigma["network"][0]
    exact = law.smooth(0.025).score(x_noisy)
    three = [train(law, 0.025, steps=most_steps // 3, seed=k) for k in range(3)]
    learned = [learned_score(network, x_noisy, 0.025) for network in three]
    alone = sum(du.relative_error(one, exact) for one in learned) / 3 / long
    together = du.relative_error(sum(learned) / 3, exact) / long
    du.claim(
        "One network after a third of the steps has {} times the error of the long training",
        alone,
        at_most=1.05,
    )
    du.claim(
        "The mean of three such networks has {} times the error of the long training",
        together,
        at_most=0.97,
    )

# %% [markdown]
# After a few seconds of training the network is not yet at its limit, and the kernel density estimate is better. The network's limit is another one. A kernel density estimate follows every accident of
# the sample at the scale $\sigma$. A network prefers smooth answers, and at $\sigma=0.025$, where the sample shows most, twelve thousand steps take it below the kernel density estimate: `DAE_BUDGET=full` trains so
# long here, and the web book's page of benchmarks has the table, with three seeds.
#
# So long a training begins to follow the accidents, too: at $\sigma=0.025$ the ring's error is no smaller after twelve thousand steps than after four thousand. Each network follows them in its own way. Train three of them
# instead, a third of the steps each, and take the mean of their scores: for the same number of steps the error is a tenth smaller. That is no rule. At larger noise, and on mixtures drawn at random,
# the one long training is level or ahead: there, it seems, it was still learning. The table has both.
#
# Why is small noise hard? There the arrow is the small difference $R-\tilde x$ divided by $\sigma^2$, so errors of the reconstruction are magnified. The certificate of chapter 02
# says the same: excess over $2\sigma^4$. It holds for every one of these networks.

# %%
du.claim(
    "The certificate is never below the true error: the smallest ratio of the two is {}",
    min(bound / error for bound, error in certificates),
    at_least=1.0,
)
du.claim(
    "It is tight within a factor of three: the largest ratio is {}",
    max(bound / error for bound, error in certificates),
    at_most=3,
)

# %% [markdown]
# ## What it took
#
# A network of the kind that tutorials show has errors many times as large after the same number of steps. Three changes bring them down; each may see the sample only.
# None changes what is estimated: the optimum of the loss is the same.
#
# 1. **A network that starts near the answer.** A denoiser must above all *copy*: at $\sigma=0.05$ the step $R-\tilde x$ is a few hundredths of the side of the square. A plain network spends its training on
#    the copy. `MLPDenoiser` is given it: the best *linear* denoiser for data of mean $\frac12$ and variance $v=\frac1{12}$, plus a correction in units of that denoiser's own error,
#    $r(\tilde x)=\tfrac12+\tfrac{v}{v+\sigma^2}(\tilde x-\tfrac12)+\sigma\sqrt{\tfrac{v}{v+\sigma^2}}\;\mathrm{net}(\tilde x)$, then $a=\mathrm{logit}(r)$. (As $r$ may leave $(0,1)$, the logit is continued by its tangents below 0.05 and above 0.95.)
#    The scaling is that of Karras et al. (2022); the logit carries it to BCE.
# 2. **Even batches.** Random points and random noise clump, and the clumps make the gradient noisy. A Sobol sequence fills the cube evenly: its first coordinate picks $x$ along a curve
#    through the data, the others become $\varepsilon$ by the inverse of the normal distribution function.
# 3. **Orthogonalised steps.** The optimiser Muon (Jordan et al. 2024) takes the running mean of the gradient of each weight matrix and replaces it by the nearest orthogonal matrix, or nearly, so that weak directions move as fast as strong ones.
#
# For images `fit` uses Muon as well, a convolution's weight being a matrix with a row for each output channel; its batches are random, since a batch cannot cover so large a cube.
#
# Take them away one by one, then all at once. A source with a method `sample` gives `fit` random batches; the plain network is this:


# %%
class Plain(du.Denoiser):
    """Layers of the same size that give the logits directly."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.net = torch.nn.Sequential(
            *[torch.nn.Linear(2, 128), torch.nn.SiLU()],
            *[torch.nn.Linear(128, 128), torch.nn.SiLU()],
            *[torch.nn.Linear(128, 128), torch.nn.SiLU()],
            torch.nn.Linear(128, 2),
        )

    def logits(self, x_noisy, sigma=None):
        return self.net((x_noisy - 0.5) * 2)


class RandomBatches:
    def sample(self, n, generator=None):
        return sample[torch.randint(len(sample), (n,), generator=generator)]


# %%
s = 0.05
recipes = {
    "all three": (du.MLPDenoiser(2), sample, {}),
    "Adam": (du.MLPDenoiser(2), sample, {"optimiser": "adam"}),
    "random batches": (du.MLPDenoiser(2), RandomBatches(), {}),
    "plain network": (Plain(), sample, {}),
    "none of them": (Plain(), RandomBatches(), {"optimiser": "adam"}),
}
x_noisy = fresh_test(law, s)
exact, without = law.smooth(s).score(x_noisy), {}
for name, (network, source, how) in recipes.items():
    if name == "all three":
        network = networks["ring", s]  # trained above
    else:
        du.fit(network, source, sigma=s, steps=most_steps, **how)
    without[name] = du.relative_error(learned_score(network.cpu(), x_noisy, s), exact)

# %% mystnb={"image": {"alt": "Bars of the relative error of the score for the whole recipe, and with Adam, with random batches, with a plain network, and with none of the three parts: each part taken away makes the error larger, all of them by far."}} tags=["nbval-ignore-output", "slide"]
fig, ax = plt.subplots(figsize=(7, 2.4))
bars = ax.barh(list(without), list(without.values()), color=du.plotting.ACCENT)
bars[0].set_color(du.plotting.PAPER)
ax.bar_label(bars, fmt=" %.3f")
ax.invert_yaxis()
ax.set(
    xscale="log",
    xlim=(0.01, 1),
    xlabel="relative error of the score",
    title=f"Ring, $\\sigma$ = {s}, {most_steps} steps: one part taken away",
)
ax.grid(False, axis="y")
plt.show()

# %%
least = du.budget(
    quick={"Adam": 1.0, "random batches": 1.3, "plain network": 1.1, "none of them": 6},
    full={"Adam": 1.0, "random batches": 1.0, "none of them": 2},
)
in_words = {"Adam": "Adam in place of Muon", "random batches": "random batches"}
in_words |= {"plain network": "a plain network", "none of them": "none of the three parts"}
for name, bound in least.items():
    du.claim(
        f"With {in_words[name]} the error is {{}} times that of the whole recipe",
        without[name] / without["all three"],
        at_least=bound,
    )

# %% [markdown]
# No part is indispensable while the other two are there: each makes up for much of what another lacks. With none of the three the error is many times as large: that network is still learning to copy when the others are done. Time does some of it: after the full budget's 12,000 steps, with three sets of seeds, the factor is still 2.6 to 3.1 without any of them; random batches alone then cost 20 to 44 per cent, Adam alone 40 to 49, and the plain network with the other two is hardly behind.

# %% [markdown]
# ## Against steps and against data
#
# Two knobs are yours. More steps help until the sample is exhausted; more data help only if the steps suffice.

# %%
steps_tried = [30, 100, 250]
data_tried = [30, 300, 3000]


def error_at(network, law, sigma):
    x_noisy = fresh_test(law, sigma)
    return du.relative_error(learned_score(network, x_noisy, sigma), law.smooth(sigma).score(x_noisy))


now = error_at(networks["ring", sigma], law, sigma)
by_steps = [error_at(train(law, sigma, steps=n), law, sigma) for n in steps_tried] + [now]
by_data = [error_at(train(law, sigma, n=n), law, sigma) for n in data_tried] + [now]

# %% mystnb={"image": {"alt": "Two panels: the relative error falls with the number of training steps, and with the number of data points."}} tags=["nbval-ignore-output", "slide"]
fig, (left, right) = plt.subplots(1, 2, sharey=True)
du.plotting.curve(left, [*steps_tried, most_steps], by_steps)
left.set(
    xscale="log",
    yscale="log",
    xlabel="training steps, 100,000 points",
    ylabel="relative error of the score",
)
du.plotting.curve(right, [*data_tried, 100_000], by_data, color=du.plotting.ACCENT)
right.set(xscale="log", xlabel="data points, same steps")
for ax, tried in [(left, [*steps_tried, most_steps]), (right, [*data_tried, 100_000])]:
    ax.set_xticks(tried, [f"{n:,}" for n in tried])
    ax.set_yticks([0.02, 0.05, 0.1, 0.2, 0.5], [0.02, 0.05, 0.1, 0.2, 0.5])
    ax.minorticks_off()
plt.show()

# %%
du.claim(
    "More steps help: with the fewest the error is {} times that with the most",
    by_steps[0] / by_steps[-1],
    at_least=3,
)
du.claim(
    "Thirty points are too few: with them the error is {} times that with the whole sample",
    by_data[0] / by_data[-1],
    at_least=5,
)

# %% [markdown]
# ## A third knob: what it is told
#
# `MLPDenoiser` could become almost any function; that is why it needs many steps, and why it follows the accidents of the sample in the end. Tell a denoiser one thing before it sees any data: **they come in a few blobs.** If
# $p=\sum_k w_k\,\mathcal N(\mu_k,C_k)$, its best reconstruction is known (T2):
#
# $$R(\tilde x)=\tilde x+\sigma^2\,\nabla\log p_\sigma(\tilde x),\qquad p_\sigma=\sum_k w_k\,\mathcal N(\mu_k,\,C_k+\sigma^2I).$$
#
# `MixtureDenoiser` *is* this formula, and $w_k$, $\mu_k$, $C_k$ are the weights to train: on the same points, with the same loss, by the same `fit` (with Adam, as it has no layers for Muon). It is shown no density, and nobody tells it that there
# are eight bumps, or that they are round: it has sixteen components of any shape. They start at sixteen points of the sample that lie far apart (k-means++).
#
# Two things come free. Whatever the weights, the arrows are the score of *some* density (except where $R$ comes within 0.05 of an edge, since there the logit is continued, as for the MLP); an MLP's need not be (chapter 04 measures that). And $\sigma$ stands in the formula: what is trained at one noise level can be asked at all. So one training, at $\sigma=0.05$, meets
# the four networks above, each trained where it is asked.


# %%
def train_mixture(law, sigma=0.05, components=16, steps=most_steps, seed=0):
    points = fixed_sample(law)
    starts, _ = kmeans_plusplus(points[:10_000].numpy(), components, random_state=seed)
    network = du.MixtureDenoiser(torch.as_tensor(starts))
    du.fit(network, points, sigma=sigma, steps=steps, seed=seed)
    return network.cpu()


board = du.checkerboard()
blobs = {"ring": train_mixture(law), "checkerboard": train_mixture(board)}
by_sigma["learned mixture"] = [error_at(blobs["ring"], law, s) for s in sigmas]
on_the_board = {
    "network": error_at(train(board, 0.05), board, 0.05),
    "learned mixture": error_at(blobs["checkerboard"], board, 0.05),
}

# %% mystnb={"image": {"alt": "Left, the ring with the ellipses of sixteen learned components, two on most bumps. Middle, the checkerboard, whose squares the ellipses cover badly. Right, relative error against noise level: the learned mixture is far below the network and below the kernel density, near the likelihood."}} tags=["nbval-ignore-output", "slide"]
fig, axes = plt.subplots(1, 3, figsize=(7.4, 2.6))
turn = torch.linspace(0, 2 * torch.pi, 60, dtype=torch.float64)
circle = torch.stack([turn.cos(), turn.sin()])
for ax, (name, clean) in zip(axes, {"ring": law, "checkerboard": board}.items()):
    learned_law = blobs[name].law()
    du.plotting.density_background(ax, clean)
    for mean, cov, weight in zip(learned_law.means, learned_law.covariances, learned_law.weights):
        ellipse = mean[:, None] + 2 * torch.linalg.cholesky(cov) @ circle
        ax.plot(*ellipse, color="C3", lw=1, alpha=min(1.0, 0.2 + 16 * weight.item()))
    ax.set(title=f"16 components: {name}", xlim=(0, 1), ylim=(0, 1), xticks=[0, 1], yticks=[0, 1])
draw_errors(axes[2], "Error on the ring", fontsize=6.5)
plt.show()
for who, error in on_the_board.items():
    print(f"checkerboard, sigma = 0.05, {who}: {error:.3f}")

# %%
told = by_sigma["learned mixture"]
du.claim(
    "At sigma = 0.025 the mixture's error is {} of that of the network trained there",
    told[0] / by_sigma["network"][0],
    at_most=du.budget(quick=0.5, full=0.8),
)
du.claim(
    "At sigma = 0.025 the mixture's error is {} of the kernel density estimate's",
    told[0] / by_sigma["kernel density"][0],
    at_most=du.budget(quick=0.75, full=0.6),
)
du.claim(
    "At sigma = 0.05, where the mixture was trained, its error is {} of the network's",
    told[1] / by_sigma["network"][1],
    at_most=du.budget(quick=0.6, full=0.95),
)
du.claim(
    "Sixteen blobs are too few for squares: on the checkerboard the mixture's error is {} times that on the ring",
    on_the_board["learned mixture"] / told[1],
    at_least=4,
)

# %% [markdown]
# After as few steps as the network had, the error at the smallest noise is about half of the kernel density's: with three sets of seeds 0.35 to 0.56 of it. The kernel density believes each point of the sample; a blob is fitted to thousands of points, and their accidents average out.
# What is told is weak. The web book's page of benchmarks has 12,000 steps: every number of components that was tried from 8 to 256 gives an error of 0.013 to 0.017 at $\sigma=0.025$ (the kernel density 0.042, the likelihood, which knows that there are eight round ones, 0.009).
# Only with too few, four, it fails. And it is better to train at 0.05 and ask at 0.025 than to train at 0.025, where the sample's accidents are loudest (0.0165 against 0.0190).
#
# Is it true of your data? On random mixtures this denoiser is ahead of the network, or level with it. On the moons and the spiral, where a chain of ellipses must do for a curve, it is ahead after a short training and somewhat behind after a long one. On the checkerboard, whose squares have more edges than
# sixteen blobs can follow, the network wins by far if it is trained for long; sixty-four blobs are level with it. That is what an **inductive bias** is: it pays where it is true, or nearly. Nobody can write down such a formula for digits. There the bias lies in the layers, in convolutions that look at
# neighbours first, and it has to be good enough.

# %% [markdown]
# ## Look for yourself
#
# Choose a law and a noise level. Left the exact arrows, right the learned ones, each at one scale. At small $\sigma$ look at the far corners: no data there, and the two may differ.

# %%
for name in ("moons", "spiral"):
    for s in (0.05, 0.2):
        networks[name, s] = train(laws[name], s, steps=most_steps // 2)
few = du.plotting.grid(13, 0.04, 0.96)


# %% mystnb={"image": {"alt": "Exact arrows on the left and learned arrows on the right over the blurred density of the moons at noise level 0.1: they look alike."}} tags=["nbval-ignore-output"]
def draw(law, sigma):
    smoothed = laws[law].smooth(sigma)
    _, axes = plt.subplots(1, 2, figsize=(5.8, 3.1), layout="none", sharey=True)
    for ax, field, color, who in [
        (axes[0], smoothed.score(few), du.plotting.PAPER, "exact"),
        (axes[1], learned_score(networks[law, sigma], few, sigma), du.plotting.ACCENT, "learned"),
    ]:
        du.plotting.density_background(ax, smoothed, points=50)
        du.plotting.arrows(ax, few, field, scale=0.3 * sigma**2, color=color)
        ax.set(title=f"{law}, {who}", xlabel="", ylabel="", xticks=[0, 1], yticks=[0, 1])


du.slide(draw, law=list(laws), sigma=[0.05, 0.1, 0.2])

# %% [markdown] tags=["slide"]
# ## Recap
#
# * A network trained with BCE on a sample gives arrows that follow $\nabla\log p_\sigma$, in direction and in length. P2 holds here, with errors of a few per cent.
# * The arrows are those of $p_\sigma$, not of $p$.
# * The error grows as $\sigma$ falls; steps and data both limit it; the excess of the loss bounds it.
# * A network that starts near the answer, even batches and orthogonalised steps together make the error many times smaller at equal steps.
# * In the plane the kernel density estimate is a strong rival: better than a network that is told nothing after a short training, worse at small noise after a long one. A denoiser that is told that its data come in blobs beats it at once, where they do. A network earns its keep where there is no room for kernels: on images, from chapter 05 on.

# %% [markdown]
# **Check your understanding.** Open the answer that you would give: it says whether it is right, and why.

# %% tags=["remove-input"]
du.quiz("03")

# %% [markdown]
# **Exercises.** (a) Try `du.checkerboard()`. Where are the errors largest? (b) Train at $\sigma=0.02$ and predict the error from the curve. (c) Train with `objective="mse"` at the same steps, and compare (chapter 08 does).
# (d) Give the plain network Fourier features, $\sin$ and $\cos$ of $k\pi x$ for $k=1,\dots,4$. At which $\sigma$ do they help?
# They wait with checks in [exercises/03-does-a-network-know-it.ipynb](exercises/03-does-a-network-know-it.ipynb).
#
# **References.** Vincent 2011; Alain & Bengio 2014; Karras et al. 2022; Jordan et al. 2024; Creswell, Arulkumaran & Bharath 2017 (arXiv:1708.08487).
