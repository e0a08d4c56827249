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
# [![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)](https://colab.research.google.com/github/OWNER/denoising-and-the-score/blob/main/notebooks/03-does-a-network-know-it.ipynb)
#
# **Question.** Chapter 02 speaks of the best possible reconstruction. Does a network that was *trained*, on a finite sample, agree?
#
# **You will be able to** measure a learned score against the exact one; say which density it belongs to; tell what limits it: steps, data, or
# noise level; use the loss as a certificate.
#
# **Prerequisites.** Chapter 02. **Time.** Half an hour to read; the code takes about a minute on two CPU cores (the README has
# the measured times).
#
# **From the paper.** Statement P2, put to the test: reconstruction minus input should track the gradient of the log-density. The comparison with
# exact scores, the certificate and the two rivals are ours.

# %% tags=["hide-cell"]
try:
    import daeutils as du
except ModuleNotFoundError:  # on Colab the notebook travels alone
    import subprocess, sys

    source = "git+https://github.com/OWNER/denoising-and-the-score"
    subprocess.check_call([sys.executable, "-m", "pip", "install", "-q", source])
    import daeutils as du

# %%
import matplotlib.pyplot as plt
import torch
from sklearn.mixture import GaussianMixture as FittedMixture

du.plotting.use_style()

# %% [markdown]
# ## A place where the truth is known
#
# Add Gaussian noise to a mixture of Gaussians and it stays one: each covariance grows by $\sigma^2 I$. So for such a law we know $p_\sigma$,
# its score $s_\sigma = \nabla\log p_\sigma$ and the posterior mean exactly, at every noise level $\sigma$. Three laws in the unit square: a ring of eight bumps, two moons, a spiral.
# The network sees **a sample of 10,000 points and nothing else**: no density, no score.

# %%
laws = {"ring": du.ring(), "moons": du.moons(), "spiral": du.spiral()}
sigma = 0.1


def fixed_sample(law, n=10_000, seed=1):
    return law.sample(n, torch.Generator().manual_seed(seed)).clamp(0, 1)


def fresh_test(law, sigma, n=20_000, seed=2):
    generator = torch.Generator().manual_seed(seed)
    return du.corruption.gaussian(law.sample(n, generator), sigma, generator)


most_steps = du.budget(quick=1000, full=12_000)


def train(law, sigma, steps=most_steps, n=10_000):
    """A DAE for one noise level, trained with BCE on n fixed points."""
    network = du.MLPDenoiser(2)
    du.fit(network, fixed_sample(law, n), sigma=sigma, steps=steps)
    return network.cpu()


@torch.no_grad()
def learned_score(network, x_noisy, sigma):
    return du.score_from_denoiser(network, x_noisy, sigma)


networks = {name: train(law, sigma) for name, law in laws.items()}

# %% [markdown]
# Now the arrows. Above, the exact score of $p_\sigma$; below, the network's $(R(\tilde x)-\tilde x)/\sigma^2$. Nothing was fitted to make them agree.

# %% mystnb={"image": {"alt": "Six panels: exact score arrows above and learned arrows below, for ring, moons and spiral, over the blurred density. The two rows look the same."}} tags=["landing-picture"]
places = du.plotting.grid(17, 0.03, 0.97)
fig, axes = plt.subplots(2, 3, figsize=(8.4, 5.8), sharex=True, sharey=True)
for column, (name, law) in enumerate(laws.items()):
    smoothed = law.smooth(sigma)
    for ax, field, color, who in [
        (axes[0, column], smoothed.score(places), du.plotting.PAPER, "exact"),
        (axes[1, column], learned_score(networks[name], places, sigma), du.plotting.ACCENT, "learned"),
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
    exact, learned = law.smooth(sigma).score(x_noisy), learned_score(networks[name], x_noisy, sigma)
    du.claim(
        f"{name}: relative error of the learned score", du.relative_error(learned, exact), at_most=0.10
    )
    du.claim(f"{name}: mean cosine", du.cosine(learned, exact).mean().item(), at_least=0.93)

# %% [markdown]
# ## Which density?
#
# "The gradient of log p" is said quickly. The network was never shown $p$ without noise. Compare its arrows with the score of $p_\sigma$ and with that of $p$ itself.

# %%
law = laws["ring"]
x_noisy = fresh_test(law, sigma)
learned = learned_score(networks["ring"], x_noisy, sigma)
to_p_sigma = du.relative_error(learned, law.smooth(sigma).score(x_noisy))
to_p = du.relative_error(learned, law.score(x_noisy))
du.claim("the arrows are far from the score of p at this noise level", to_p, at_least=0.5)
du.claim("and near that of p_sigma", to_p_sigma / to_p, at_most=0.15)

# %% [markdown]
# ## Against the noise level, beside two rivals
#
# How good is good? Two other estimators get the same 10,000 points. A **kernel density estimate** with bandwidth $\sigma$ is the exact score
# of the *smoothed sample*: it is what a network would reach that minimised the training loss perfectly. And a **maximum-likelihood mixture** of eight
# round bumps is told the true shape of the law, as the network is not: it shows what the sample is worth at most.

# %%
sigmas = [0.05, 0.1, 0.2, 0.4]
sample = fixed_sample(law)
mixture = FittedMixture(8, covariance_type="spherical", random_state=0).fit(sample.numpy())
rivals = {
    "kernel density": du.from_points(sample),
    "likelihood": du.GaussianMixture(mixture.means_, mixture.covariances_, mixture.weights_),
}
by_sigma, certificates = {"network": [], **{name: [] for name in rivals}}, []
for s in sigmas:
    network = networks["ring"] if s == sigma else train(law, s)
    x_noisy = fresh_test(law, s)
    exact = law.smooth(s).score(x_noisy)
    learned = learned_score(network, x_noisy, s)
    by_sigma["network"].append(du.relative_error(learned, exact))
    for name, rival in rivals.items():
        estimate = torch.cat([rival.smooth(s).score(part) for part in x_noisy[:4000].split(500)])
        by_sigma[name].append(du.relative_error(estimate, exact[:4000]))
    with torch.no_grad():
        excess = (
            du.objectives.excess_risk(network.logits(x_noisy), law.posterior_mean(x_noisy, s).clamp(0, 1))
            .mean()
            .item()
        )
    certificates.append((du.certificate(excess, s), (learned - exact).square().sum(1).mean().item()))

# %% mystnb={"image": {"alt": "Relative error of the score against noise level for the network, the kernel density estimate and the maximum-likelihood mixture: all grow as sigma falls, and after this short training the network is above both rivals."}} tags=["nbval-ignore-output"]
fig, ax = plt.subplots()
for name, errors in by_sigma.items():
    du.plotting.curve(ax, sigmas, errors, label=name)
ax.set(
    xscale="log",
    yscale="log",
    xlabel=r"noise level $\sigma$",
    ylabel="relative error of the score",
    title="Ring, 10,000 points: learned score and two rivals",
)
ax.set_xticks(sigmas, sigmas)
ax.minorticks_off()
ax.legend()
plt.show()
print("sigma    " + "".join(f"{name:>16}" for name in by_sigma))
for row in zip(sigmas, *by_sigma.values()):
    print(f"{row[0]:<9}" + "".join(f"{value:16.4f}" for value in row[1:]))

# %%
du.claim(
    "every estimator is worse at small noise than at large",
    min(e[0] / e[2] for e in by_sigma.values()),
    at_least=1.2,
)
du.claim(
    "the network's error at sigma = 0.05, after this short training", by_sigma["network"][0], at_most=0.25
)
du.claim("the network's error at sigma = 0.2", by_sigma["network"][2], at_most=0.06)
if du.budget(quick=True, full=False):
    du.claim(
        "honesty: after the short training the kernel density is better, at every sigma",
        min(ours / kde for ours, kde in zip(by_sigma["network"], by_sigma["kernel density"])),
        at_least=1.0,
    )

# %% [markdown]
# Why is small noise hard? There the arrow is the small difference $R-\tilde x$ divided by $\sigma^2$, so errors of the reconstruction are magnified. The certificate of chapter 02
# says the same: excess over $2\sigma^4$. It holds for every one of these networks.

# %%
du.claim(
    "the certificate is never below the true error",
    min(bound / error for bound, error in certificates),
    at_least=1.0,
)
du.claim(
    "and it is tight within a factor of ten",
    max(bound / error for bound, error in certificates),
    at_most=10,
)

# %% [markdown]
# ## Against steps and against data
#
# Two knobs are yours. More steps help until the sample is exhausted; more data help only if the steps suffice.

# %%
steps_tried = [50, 150, 500]
data_tried = [30, 100, 1000]
x_noisy = fresh_test(law, sigma)
exact = law.smooth(sigma).score(x_noisy)
now = du.relative_error(learned_score(networks["ring"], x_noisy, sigma), exact)


def error_of(network):
    return du.relative_error(learned_score(network, x_noisy, sigma), exact)


by_steps = [error_of(train(law, sigma, steps=n)) for n in steps_tried] + [now]
by_data = [error_of(train(law, sigma, n=n)) for n in data_tried] + [now]

# %% mystnb={"image": {"alt": "Two panels: the relative error falls with the number of training steps, and with the number of data points."}} tags=["nbval-ignore-output"]
fig, (left, right) = plt.subplots(1, 2, sharey=True)
du.plotting.curve(left, [*steps_tried, most_steps], by_steps)
left.set(
    xscale="log",
    yscale="log",
    xlabel="training steps, 10,000 points",
    ylabel="relative error of the score",
)
du.plotting.curve(right, [*data_tried, 10_000], by_data, color=du.plotting.ACCENT)
right.set(xscale="log", xlabel="data points, same steps")
plt.show()

# %%
du.claim("more steps, smaller error: first against last", by_steps[0] / by_steps[-1], at_least=3)
du.claim("thirty points are too few: first against last", by_data[0] / by_data[-1], at_least=2)

# %% [markdown]
# ## Recap
#
# * A network trained with BCE on a sample gives arrows that follow $\nabla\log p_\sigma$, in direction and in length. P2 holds here, with errors of a few per cent.
# * The arrows are those of $p_\sigma$, not of $p$.
# * The error grows as $\sigma$ falls; steps and data both limit it; the loss bounds it.
# * After this short training the kernel density estimate is better in the plane. A network earns its keep where there is no room for kernels: on images, from chapter 05 on.
#
# **Check your understanding.** (1) Why does the kernel density estimate with bandwidth $\sigma$ equal the optimum of the training loss? (2) The cosine is 0.99 and the relative error 0.3: what is wrong with the arrows?
#
# *Answers.* (1) The best reconstruction for the *sample* is its posterior mean; by Tweedie, minus the input it is $\sigma^2$ times the score of the sample smoothed by $N(0,\sigma^2I)$, which is that estimate.
# (2) Their direction is right and their length is not.
#
# **Exercises.** (a) Try `du.checkerboard()`. Where are the errors largest? (b) Train at $\sigma=0.02$ and predict the error from the curve. (c) Train with `objective="mse"` at the same steps, and compare.
#
# **References.** Vincent 2011; Alain & Bengio 2014; Creswell, Arulkumaran & Bharath 2017 (arXiv:1708.08487).
