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
# # 08 · BCE or MSE
#
# [Open in Colab](https://colab.research.google.com/github/OWNER/denoising-and-the-score/blob/main/notebooks/08-bce-or-mse.ipynb)
#
# **Question.** Binary cross-entropy (BCE) and mean squared error (MSE) have the same optimum. Does the choice matter?
#
# **You will be able to** say what differs between the two losses, and what does not; separate the effect of the loss from that of the sigmoid; compare two training
# runs with paired seeds and intervals; predict for which pixels the choice matters.
#
# **Prerequisites.** Chapters 01 and 02; chapter 03 for the measurements. **Time.** Half an hour to read; the code takes about a minute on two CPU cores (the README has
# the measured times).
#
# **From the paper.** Statements P1 (BCE is a natural loss for images) and P2 (a denoising autoencoder (DAE) trained with it gives gradient steps towards high probability). The paper asks whether
# BCE *may* be used. Whether it *should* be is our question, and the measurements are ours. For the squared error see Vincent (2011) and Alain & Bengio (2014).

# %% tags=["hide-cell"] jupyter={"source_hidden": true}
try:
    import daeutils as du
except ModuleNotFoundError as error:
    import subprocess, sys

    if "google.colab" not in sys.modules:
        raise ImportError(
            f"{error.name} is missing in {sys.executable}. Stop Jupyter and start "
            "it by `make lab` in the book's folder, which installs everything once; "
            "or choose the kernel of the book's .venv."
        ) from error
    # on Colab the notebook travels alone
    source = "git+https://github.com/OWNER/denoising-and-the-score"
    subprocess.check_call([sys.executable, "-m", "pip", "install", "-q", source])
    import daeutils as du

# %%
import matplotlib.pyplot as plt
import numpy as np
import sympy
import torch
from scipy import stats
from scipy.optimize import minimize
from scipy.special import expit

du.plotting.use_style()

SEED = 0  # another number repeats the whole chapter with other seeds
seeds = range(5 * SEED, 5 * SEED + 5)

# %% [markdown] tags=["slide"]
# ## Same optimum, other weights
#
# Given the corrupted $\tilde x$, let $R^*=E[x\mid\tilde x]$ be the posterior mean. For a reconstruction $R$, chapter 02 found what each loss pays for not being at $R^*$:
# $$\text{BCE:}\quad E\sum_i \mathrm{kl}(R^*_i\,\|\,R_i),\qquad\qquad \text{MSE:}\quad E\sum_i (R_i-R^*_i)^2 .$$
# Both are Bregman divergences (Banerjee, Guo & Wang 2005): zero at $R^*$, positive elsewhere. So an unlimited network, trained for ever on endless data, ends at $R^*$ with either.
# No real network is like that. Then it matters *which* errors a loss finds expensive. Expand the divergence about $R^*$:
# $$\mathrm{kl}(R^*\|R)\approx\frac{(R-R^*)^2}{2R^*(1-R^*)}.$$
# BCE is, near its optimum, a squared error with the weight $1/(2R^*(1-R^*))$. Where $R^*=\tfrac12$ the weight is 2, its smallest value. It grows without bound towards black and white.

# %% [markdown]
# The gradients differ too. With $R=\mathrm{sigmoid}(a)$ and $m=R^*$, the slope of BCE in the logit is $\mathrm{sigmoid}(a)-m$. That of MSE carries a further factor, $2\,(\mathrm{sigmoid}(a)-m)\,\mathrm{sigmoid}'(a)$.

# %%
m, r = sympy.symbols("m r", positive=True)
a = sympy.symbols("a", real=True)
kl = m * sympy.log(m / r) + (1 - m) * sympy.log((1 - m) / (1 - r))
weight = sympy.diff(kl, r, 2).subs(r, m) / 2
sigmoid = 1 / (1 + sympy.exp(-a))
bce_slope = sympy.diff(-m * sympy.log(sigmoid) - (1 - m) * sympy.log(1 - sigmoid), a)
mse_slope = sympy.diff((sigmoid - m) ** 2, a)

du.claim("kl is zero at r = m", sympy.simplify(kl.subs(r, m)) == 0)
du.claim("and so is its slope", sympy.simplify(sympy.diff(kl, r).subs(r, m)) == 0)
du.claim(
    "its second-order weight is 1 / (2 m (1 - m))",
    sympy.simplify(weight - 1 / (2 * m * (1 - m))) == 0,
)
du.claim("that weight is 2 at m = 1/2", weight.subs(m, sympy.Rational(1, 2)) == 2)
du.claim(
    "slope of BCE: sigmoid(a) - m", sympy.simplify(bce_slope - (sigmoid - m)) == 0
)
du.claim(
    "slope of MSE: 2 (sigmoid(a) - m) sigmoid'(a)",
    sympy.simplify(mse_slope - 2 * (sigmoid - m) * sympy.diff(sigmoid, a)) == 0,
)

# %% [markdown]
# ## A start that is wrong and confident
#
# The factor $\mathrm{sigmoid}'(a)=R(1-R)$ vanishes where the sigmoid saturates. Take one pixel with mean 0.1 and start at $a=8$, where $R$ is nearly 1. Plain gradient descent with step 1.
# Far out, the slope of MSE is about $2\cdot0.9\,e^{-a}$, so $e^{a}$ falls by only about 1.8 a step: leaving takes about $e^8/1.8$ steps. Adam divides each gradient by its typical size. Does that help?


# %%
def descend(slope, steps, adam=False):
    """Reconstruction of one pixel after each step, from the logit 8; its mean is 0.1."""
    a, mean, square, path = 8.0, 0.0, 0.0, []
    for t in range(1, steps + 1):
        path.append(expit(a))
        g = slope(expit(a))
        mean, square = 0.9 * mean + 0.1 * g, 0.999 * square + 0.001 * g**2
        corrected = mean / (1 - 0.9**t), square / (1 - 0.999**t)
        a -= 0.1 * corrected[0] / corrected[1] ** 0.5 if adam else g
    return np.array(path)


slopes = {"BCE": lambda R: R - 0.1, "MSE": lambda R: 2 * (R - 0.1) * R * (1 - R)}
walks = {
    (loss, adam): descend(s, 3000, adam)
    for loss, s in slopes.items()
    for adam in (False, True)
}
arrival = {key: int(np.argmax(abs(path - 0.1) < 0.05)) for key, path in walks.items()}
du.claim(
    "BCE comes within 0.05: steps", arrival["BCE", False], at_least=10, at_most=40
)
du.claim("MSE: steps", arrival["MSE", False], at_least=1500, at_most=1900)
du.claim(
    "MSE: steps over exp(8) / 1.8",
    arrival["MSE", False] * 1.8 / np.exp(8),
    at_least=0.9,
    at_most=1.2,
)
du.claim("with Adam, BCE: steps", arrival["BCE", True], at_least=50, at_most=200)
du.claim("with Adam, MSE: steps", arrival["MSE", True], at_least=50, at_most=200)

# %% mystnb={"image": {"alt": "Left: the weight that a loss gives to a squared error, against the posterior mean. MSE is flat at 1; BCE is 2 at one half and rises steeply towards 0 and 1. Right: reconstruction of one pixel against gradient steps on a log axis. BCE falls to the target within some twenty steps; MSE stays at 1 for more than a thousand; with Adam both arrive after about a hundred."}} tags=["slide"]
COLORS = {"BCE": "#0072B2", "MSE": "#D55E00"}
fig, (left, right) = plt.subplots(1, 2, figsize=(8.4, 3.2))
R = np.linspace(0.01, 0.99, 300)
left.semilogy(R, 1 / (2 * R * (1 - R)), color=COLORS["BCE"])
left.axhline(1, color=COLORS["MSE"])
left.text(0.5, 3.6, "BCE: 1 / (2R*(1 − R*))", color=COLORS["BCE"], ha="center")
left.text(0.5, 1.1, "MSE: 1", color=COLORS["MSE"], ha="center")
left.set(
    xlabel="posterior mean R*",
    ylabel="weight of a squared error",
    title="Which errors are expensive?",
)
left.set_yticks([1, 2, 5, 10, 50], [1, 2, 5, 10, 50])
for (loss, adam), path in walks.items():
    right.semilogx(range(1, 3001), path, color=COLORS[loss], ls=":" if adam else "-")
right.axhline(0.1, color="gray", lw=0.8)
right.text(1.2, 0.13, "target 0.1", color="gray")
right.text(6, 0.6, "BCE", color=COLORS["BCE"], ha="right")
right.text(1000, 0.6, "MSE", color=COLORS["MSE"], ha="right")
right.text(95, 0.86, "both with Adam", color=du.plotting.INK, fontsize=9)
right.set(
    xlabel="steps",
    ylabel="reconstruction R",
    title="One pixel, from the logit 8",
    ylim=(0, 1.05),
)
plt.show()

# %% [markdown]
# Here the loss itself matters: with plain gradient descent MSE through a sigmoid is stuck, BCE is not. With Adam, at a step of 0.1, both arrive within two hundred steps, since the length of a gradient hardly matters to Adam. (That is so for a pixel with a logit of its own. In a network the pixels share weights, and Adam cannot lift the gradient of a stuck one above that of the others.) Our networks are trained with Adam or with Muon, whose steps depend as little on that length, and none starts confident. So do not expect this effect below.
# For the same reason the factor 2 between the losses at $R^*=\tfrac12$ changes nothing.
#
# ## Three arms in the plane
#
# Two questions are often mixed up: the loss, and the sigmoid at the output. Three arms separate them. BCE needs the sigmoid; MSE works with it or with a linear output. Network, initial weights, sample, batches
# and number of steps are the same in all arms. Law: the ring of chapter 03, whose score is known exactly. Five seeds, each with its own sample, weights and batches. We
# compare arms *within* a seed, and give the mean difference with a 95 per cent $t$ interval over the seeds. An interval that holds 0 means: not clear. The learning rate was not tuned for any arm.


# %%
ARMS = {
    "BCE, sigmoid": ("bce", "sigmoid"),
    "MSE, sigmoid": ("mse", "sigmoid"),
    "MSE, linear": ("mse", "linear"),
}


def interval(x):
    """Mean over the seeds (axis 0), and half the width of its 95 per cent t interval."""
    x = np.asarray(x, dtype=float)
    return x.mean(0), stats.t.ppf(0.975, len(x) - 1) * x.std(0, ddof=1) / len(
        x
    ) ** 0.5


def percent(new, old):
    """Paired differences in per cent: mean and half-width."""
    return interval(100 * (np.asarray(new) / np.asarray(old) - 1))


# %%
ring = du.ring()
fresh = ring.sample(5000, torch.Generator().manual_seed(1000 + SEED))


def ring_error(arm, sigma, steps, seed):
    """Relative error of the score, and excess BCE in nats (nan for a linear output)."""
    objective, output = ARMS[arm]
    sample = ring.sample(10_000, torch.Generator().manual_seed(1 + seed)).clamp(0, 1)
    network = du.MLPDenoiser(2, hidden=64, output=output, seed=seed)
    how = dict(
        objective=objective, steps=steps, batch_size=256, seed=seed, device="cpu"
    )
    du.fit(network, sample, sigma=sigma, **how)
    y = du.corruption.gaussian(
        fresh, sigma, torch.Generator().manual_seed(2000 + SEED)
    )
    with torch.no_grad():
        error = du.relative_error(
            du.score_from_denoiser(network, y, sigma), ring.smooth(sigma).score(y)
        )
        kl = (
            du.objectives.excess_risk(
                network.logits(y), ring.posterior_mean(y, sigma)
            )
            .mean()
            .item()
        )
    return error, kl if output == "sigmoid" else np.nan


sigmas = [0.2, 0.05]
steps = du.budget(quick=500, full=4000)
plane = {
    arm: np.array([[ring_error(arm, s, steps, k) for s in sigmas] for k in seeds])
    for arm in ARMS
}

# %% tags=["nbval-ignore-output"]
print(
    "relative error of the score in per cent, mean ± 95 per cent interval over five seeds"
)
for arm in ARMS:
    mean, half = interval(100 * plane[arm][..., 0])
    print(
        f"  {arm:13}",
        *[
            f" sigma {s:<5g} {v:5.2f} ± {h:.2f}"
            for s, v, h in zip(sigmas, mean, half)
        ],
    )
b, q, linear = (plane[arm] for arm in ARMS)
loss_gap, output_gap = (
    percent(q[..., 0], b[..., 0]),
    percent(linear[..., 0], q[..., 0]),
)
kl_gap = percent(q[..., 1], b[..., 1])
print("paired differences in per cent of the error")
for text, gap in [
    ("MSE against BCE, both sigmoid", loss_gap),
    ("linear against sigmoid, both MSE", output_gap),
    ("MSE against BCE, excess BCE", kl_gap),
]:
    print(
        f"  {text:33}",
        *[f" sigma {s:<5g} {v:+6.1f} ± {h:.1f}" for s, v, h in zip(sigmas, *gap)],
    )

# %%
for i, s in enumerate(sigmas):
    du.claim(
        f"sigma {s}, MSE: linear against sigmoid, per cent",
        abs(output_gap[0][i]),
        at_most=3,
    )
du.claim(
    "sigma 0.2, sigmoid: MSE against BCE, per cent", abs(loss_gap[0][0]), at_most=8
)
du.claim(
    "sigma 0.05, sigmoid: MSE against BCE, per cent",
    loss_gap[0][1],
    at_least=-20,
    at_most=5,
)

# %% mystnb={"image": {"alt": "Paired differences of the score error in per cent, five seeds and an interval for each of two noise levels. Left: MSE against BCE, both with a sigmoid; about zero at the large noise level, a few per cent below zero at the small one, with a wide spread. Right: linear against sigmoid, both with MSE; on zero, with a short interval."}} tags=["nbval-ignore-output", "slide"]
fig, axes = plt.subplots(1, 2, figsize=(8.4, 3), sharey=True)
panels = [
    ("MSE against BCE (both sigmoid)", q, b, loss_gap),
    ("linear against sigmoid (both MSE)", linear, q, output_gap),
]
for ax, (title, new, old, gap) in zip(axes, panels):
    for i in range(len(sigmas)):
        seeds_apart = 100 * (new[:, i, 0] / old[:, i, 0] - 1)
        ax.plot([i] * 5, seeds_apart, "o", ms=4, color=du.plotting.EXACT, alpha=0.6)
    ax.errorbar(
        np.arange(2) + 0.15, *gap, fmt="s", ms=5, capsize=4, color=du.plotting.LEARNED
    )
    ax.axhline(0, color="gray", lw=0.8)
    ax.set(title=title, xlabel=r"noise level $\sigma$", xlim=(-0.5, 1.6))
    ax.set_xticks(range(2), sigmas)
axes[0].set_ylabel("difference of the score error, %")
axes[1].text(
    0.02,
    0.04,
    "dots: seeds;  square: mean, 95 % interval",
    transform=axes[1].transAxes,
    fontsize=9,
)
plt.show()

# %% [markdown]
# **The sigmoid does not matter here, and by construction.** `MLPDenoiser` takes the logit of its answer before the sigmoid (chapter 03), so between 0.05 and 0.95 the two outputs are one function, and the data keep clear of the faces of the square. What is left is rounding, and the few inputs near a face. In an earlier trial of ours, with a plainer network, the linear output was much worse at small noise: that belonged to the parametrisation, not to the sigmoid as such.
#
# **The loss hardly matters**: nothing to tell at $\sigma=0.2$; at $\sigma=0.05$ the mean is a few per cent on the side of MSE, with an interval that reaches 0 or nearly so. Read the interval before the mean. If there is a difference, we see no sign that the weight is its cause. If it were, BCE should be ahead in the measure that it minimises itself, its *excess*, and in the last line of the table both intervals hold 0. On the ring $R^*(1-R^*)$ mostly varies by less than a factor of two, and the weights
# had no chance. We now look for a place where they have.
#
# ## One number for two pixels
#
# Let there be too little capacity. An autoencoder sees two noisy pixels, and its code is *one number*. Each clean pixel takes two grey levels, independently of the other. Pixel 2 is mid-grey, at 0.5 ± 0.04. Pixel 1 varies less, by ± 0.03, but is nearly black, at 0.08. The output, before a sigmoid, is a straight line in the code, so it can follow one of them and not both.
# Whichever is left out costs its variance, in the eyes of the loss. MSE sees $0.03^2$ against $0.04^2$ and should keep pixel 2. BCE divides by $m(1-m)$ at the mean level $m$, which is small near black: it should keep pixel 1.
# Let $v_1,v_2$ be the variances of the two posterior means. BCE should change its mind where $v_1/(m(1-m))=4v_2$.


# %%
class OneNumber(du.Denoiser):
    """An autoencoder with a code of one number; its output is a straight line in the code."""

    def __init__(self, mean, output, seed):
        super().__init__(output=output)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.code = torch.nn.Sequential(
                torch.nn.Linear(2, 32), torch.nn.Tanh(), torch.nn.Linear(32, 1)
            )
            self.decode = torch.nn.Linear(1, 2)
        self.mean = mean.float()

    def logits(self, y, sigma=None):
        shift = 0.05 * self.decode(self.code((y - self.mean) / 0.05))
        if self.output == "linear":
            return self.mean + shift
        return self.mean.logit() + shift / (
            self.mean * (1 - self.mean)
        )  # same slope at the mean


# %%
def two_pixels(centre):
    levels = torch.tensor([centre - 0.03, centre + 0.03]), torch.tensor([0.46, 0.54])
    return du.GaussianMixture(torch.cartesian_prod(*levels), 0.006**2)


def noisy_pixels(law, sigma=0.02):
    x = law.sample(5000, torch.Generator().manual_seed(3000 + SEED))
    return du.corruption.gaussian(
        x, sigma, torch.Generator().manual_seed(4000 + SEED)
    )


def one_number(arm, centre, seed, sigma=0.02):
    """Error of pixel 1 and 2 over their spread; error of the score, plain and weighted."""
    law, (objective, output) = two_pixels(centre), ARMS[arm]
    network = OneNumber(law.mean(), output, seed)
    sample = law.sample(10_000, torch.Generator().manual_seed(1 + seed)).clamp(0, 1)
    how = dict(optimiser="adam", lr=3e-2, batch_size=256, seed=seed, device="cpu")
    du.fit(network, sample, sigma=sigma, objective=objective, steps=200, **how)
    y = noisy_pixels(law)
    R = law.posterior_mean(y, sigma)
    with torch.no_grad():
        error = (network(y) - R) ** 2
    plain, weighted = error.sum(1).mean(), (error / (R * (1 - R))).sum(1).mean()
    return [
        *(error.mean(0) / R.var(0)).sqrt().tolist(),
        *(torch.stack([plain, weighted]).sqrt() / sigma**2).tolist(),
    ]


# %%
near_black = {
    arm: np.array([one_number(arm, 0.08, k) for k in seeds]) for arm in ARMS
}
centres = [0.06, 0.10, 0.13, 0.16, 0.20, 0.30, 0.50]
sweep = {
    arm: np.array([[one_number(arm, c, k)[:2] for c in centres] for k in seeds[:2]])
    for arm in list(ARMS)[:2]
}

spread = two_pixels(0.3).posterior_mean(noisy_pixels(two_pixels(0.3)), 0.02).var(0)
switch = 0.5 - (0.25 - 0.25 * (spread[0] / spread[1]).item()) ** 0.5

b, q, linear = (near_black[arm] for arm in ARMS)
du.claim(
    "BCE keeps pixel 1: its error over its spread", interval(b)[0][0], at_most=0.3
)
du.claim("and drops pixel 2", interval(b)[0][1], at_least=0.95)
du.claim("MSE drops pixel 1", interval(q)[0][0], at_least=0.95)
du.claim("and keeps pixel 2", interval(q)[0][1], at_most=0.3)
du.claim(
    "MSE with a linear output does as with a sigmoid",
    abs(interval(linear - q)[0][:2]).max(),
    at_most=0.15,
)
plain, weighted = percent(q[:, 2], b[:, 2]), percent(q[:, 3], b[:, 3])
du.claim(
    "plain error of the score: MSE against BCE, upper end, per cent",
    sum(plain),
    at_most=-20,
)
du.claim(
    "weighted error: MSE against BCE, lower end, per cent",
    weighted[0] - weighted[1],
    at_least=25,
)
bce_sweep = sweep["BCE, sigmoid"][..., 0].mean(0)
du.claim(
    "BCE changes its mind at a mean level of, predicted",
    switch,
    at_least=0.13,
    at_most=0.16,
)
du.claim("at 0.10 BCE still keeps pixel 1", bce_sweep[1], at_most=0.4)
du.claim("at 0.30 no longer", bce_sweep[5], at_least=0.9)
du.claim("MSE never does", sweep["MSE, sigmoid"][..., 0].min(), at_least=0.9)

# %% mystnb={"image": {"alt": "Left: error of each pixel over its spread when pixel 1 is nearly black. BCE reconstructs pixel 1 and leaves pixel 2; MSE with either output does the reverse. Right: error of pixel 1 against its mean grey level. Under BCE it is small below the predicted switch at about 0.145 and one above; under MSE it is one everywhere."}} tags=["nbval-ignore-output", "slide"]
fig, (left, right) = plt.subplots(1, 2, figsize=(8.4, 3.1))
for i, values in enumerate(near_black.values()):
    for pixel, mark in ((0, "o"), (1, "s")):
        left.plot(
            [i + 0.2 * pixel - 0.1] * 5,
            values[:, pixel],
            mark,
            mfc="none" if pixel else None,
            color=f"C{i}",
        )
left.set_xticks(range(3), ARMS, fontsize=9)
left.set(
    ylabel="error / spread of the pixel",
    ylim=(-0.05, 1.2),
    xlim=(-0.5, 2.5),
    title="Disc: near black.  Square: mid-grey.",
)
for values, color in zip(sweep.values(), COLORS.values()):
    du.plotting.curve(right, centres, values[..., 0].mean(0), color=color)
right.axvline(switch, color="gray", ls="--", lw=1)
right.text(
    switch + 0.01,
    0.5,
    "predicted from\nthe weights",
    color=du.plotting.INK,
    fontsize=9,
)
right.text(0.07, 0.19, "BCE", color=COLORS["BCE"], ha="center")
right.text(0.07, 1.06, "MSE", color=COLORS["MSE"], ha="center")
right.set(
    xlabel="mean grey level of pixel 1",
    ylabel="error / spread of pixel 1",
    ylim=(-0.05, 1.2),
    title="When does BCE change its mind?",
)
plt.show()

# %% [markdown]
# Here the loss decides everything, and the sigmoid nothing. In the plain norm **MSE wins**, clearly: that norm is what it minimises. In the norm weighted by $1/(R^*(1-R^*))$ BCE wins as clearly.
# Neither is wrong. The question is which error you would rather make.
#
# ## A pixel that is black or white
#
# The weight has a second reading. Given $\tilde x$, how uncertain is $x$? A pixel that is either black or white has the variance $R^*(1-R^*)$: exactly the inverse of BCE's weight, up to the factor 2. That is no accident: for such a pixel BCE is minus the logarithm of the likelihood, so to minimise it is *maximum likelihood*.
# The posterior mean is known, $R^*(y)=\mathrm{sigmoid}((y-\frac12)/\sigma^2)$ if black and white are equally likely. Fit $\mathrm{sigmoid}(c_0+c_1y)$, which contains it, to 100 pairs: no lack of capacity, no training to stop early, only chance. Repeat 200 times.


# %%
def black_or_white(seed, n=100, sigma=0.5):
    """Squared error of R, plain and weighted, for n training pairs: BCE, then MSE."""
    rng = np.random.default_rng(seed)
    x = rng.integers(0, 2, n)
    y = x + sigma * rng.normal(size=n)
    at = np.linspace(-1.5, 2.5, 400)
    p = np.exp(-(at**2) / (2 * sigma**2)) + np.exp(-((at - 1) ** 2) / (2 * sigma**2))
    best = expit((at - 0.5) / sigma**2)
    risks = {
        "bce": lambda c: np.mean(
            np.logaddexp(0, c[0] + c[1] * y) - x * (c[0] + c[1] * y)
        ),
        "mse": lambda c: np.mean((expit(c[0] + c[1] * y) - x) ** 2),
    }
    fitted = [minimize(risk, [-2.0, 4.0]).x for risk in risks.values()]
    errors = [(expit(c[0] + c[1] * at) - best) ** 2 for c in fitted]
    return [
        [np.average(e, weights=p * w) for w in (1, 1 / (best * (1 - best)))]
        for e in errors
    ]


pixels = np.array(
    [black_or_white(1000 * SEED + k) for k in range(200)]
)  # (repeats, loss, norm)
extra, half = interval(pixels[:, 1] - pixels[:, 0])
ratio = pixels[:, 1].mean(0) / pixels[:, 0].mean(0)
du.claim("squared error, MSE over BCE", ratio[0], at_least=1.1)
du.claim("weighted squared error, MSE over BCE", ratio[1], at_least=1.1)
du.claim(
    "both intervals of the paired difference lie above 0",
    (extra - half).min(),
    at_least=0,
)

# %% [markdown]
# **BCE wins in both norms**, the plain one included. Digits are mostly made of such pixels. For grey pixels whose uncertainty does not depend on the grey level, the equal weights of MSE are the ones that fit.
#
# ## Digits
#
# Now 784 pixels, most of them black. A small fully connected network, $\sigma=0.4$, the same three arms, five seeds, short training. Nobody knows $R^*$, but the expected squared error against the *clean* digit is the squared distance to $R^*$ plus a constant that is the same for all arms. So differences of the squared error, divided by $\sigma^4$, estimate differences of the squared error of the score (T4). The per cents below are of the whole squared error, constant included: do not compare them with those of the ring. Test BCE is the other norm; the linear output has none, since it leaves $(0,1)$. We
# also clip the linear output to $[0,1]$, to be fair to it.


# %%
train, test = du.digits("train")[0].flatten(1), du.digits("test")[0][:1000].flatten(1)
y = du.corruption.gaussian(test, 0.4, torch.Generator().manual_seed(5000 + SEED))
bands = {
    "black": test < 0.1,
    "grey": (test >= 0.1) & (test <= 0.9),
    "white": test > 0.9,
}


def digit_errors(arm, seed):
    """BCE a pixel; squared error of all, black, grey and white pixels; the same clipped; share outside."""
    objective, output = ARMS[arm]
    network = du.MLPDenoiser(784, hidden=128, depth=2, output=output, seed=seed)
    how = dict(optimiser="adam", lr=2e-3, batch_size=64, seed=seed, device="cpu")
    du.fit(
        network,
        train,
        sigma=0.4,
        objective=objective,
        steps=du.budget(quick=150, full=1500),
        **how,
    )
    with torch.no_grad():
        logits, r = network.logits(y), network(y)
    bce = (
        du.objectives.bce(logits, test).mean() / 784
        if output == "sigmoid"
        else torch.tensor(np.nan)
    )
    error, clipped = (r - test) ** 2, (r.clamp(0, 1) - test) ** 2
    outside = ((r < 0) | (r > 1)).float()
    parts = [
        error.mean(),
        *(error[band].mean() for band in bands.values()),
        clipped.mean(),
        outside.mean(),
    ]
    return [bce.item(), *(part.item() for part in parts)]


digits = {arm: np.array([digit_errors(arm, k) for k in seeds]) for arm in ARMS}
gap = percent(digits["MSE, sigmoid"][:, :5], digits["BCE, sigmoid"][:, :5])
to_linear = percent(digits["MSE, linear"][:, 1:6], digits["MSE, sigmoid"][:, 1:6])

# %% tags=["nbval-ignore-output"]
names = ["BCE", "sq. error", *bands, "clipped", "outside"]
print(
    "mean over five seeds, on test digits".ljust(14),
    *[f"{name:>9}" for name in names],
)
for arm in ARMS:
    print(f"{arm:36}", *[f"{v:9.4f}" for v in digits[arm].mean(0)])
print("MSE against BCE, %".ljust(36), *[f"{v:+9.1f}" for v in gap[0]])
print("  half-width of the interval".ljust(36), *[f"{v:9.1f}" for v in gap[1]])
print(
    "linear against sigmoid, %".ljust(36),
    " " * 9,
    *[f"{v:+9.1f}" for v in to_linear[0]],
)
print(
    "  half-width of the interval".ljust(36),
    " " * 9,
    *[f"{v:9.1f}" for v in to_linear[1]],
)

# %%
mean, half = gap
du.claim(
    "test BCE: MSE against BCE, lower end of the interval, per cent",
    mean[0] - half[0],
    at_least=0,
)
du.claim(
    "squared error: MSE against BCE, upper end, per cent",
    mean[1] + half[1],
    at_most=0,
)
du.claim(
    "grey pixels: MSE against BCE, lower end, per cent", mean[3] - half[3], at_least=1
)
du.claim(
    "white pixels: MSE against BCE, upper end, per cent",
    mean[4] + half[4],
    at_most=-3,
)
du.claim(
    "linear against sigmoid, squared error, per cent", to_linear[0][0], at_least=40
)
du.claim(
    "the same with the linear output clipped, per cent", to_linear[0][4], at_least=20
)
du.claim(
    "grey pixels only: linear against sigmoid, per cent", to_linear[0][2], at_most=-5
)
du.claim(
    "share of linear outputs outside [0, 1]",
    digits["MSE, linear"][:, 6].mean(),
    at_least=0.25,
)

# %% mystnb={"image": {"alt": "MSE against BCE on digits, both with a sigmoid, in per cent, five seeds and intervals. Test BCE is higher under MSE; squared error is a little lower; by clean pixel value, black nearly the same, grey higher, white clearly lower."}} tags=["nbval-ignore-output", "slide"]
fig, ax = plt.subplots(figsize=(7, 2.8))
each = 100 * (digits["MSE, sigmoid"][:, :5] / digits["BCE, sigmoid"][:, :5] - 1)
for i in range(5):
    ax.plot(each[:, i], [i] * 5, "o", ms=4, color=du.plotting.EXACT, alpha=0.6)
ax.errorbar(
    mean,
    np.arange(5) - 0.2,
    xerr=half,
    fmt="s",
    ms=5,
    capsize=4,
    color=du.plotting.LEARNED,
)
ax.axvline(0, color="gray", lw=0.8)
ax.set_yticks(
    range(5),
    ["test BCE", "squared error, all", "black pixels", "grey pixels", "white pixels"],
)
ax.invert_yaxis()
ax.set(
    xlabel="MSE against BCE, %  (left of 0: MSE better; squares: 95 % interval)",
    title="Digits, both with a sigmoid, same steps",
)
plt.show()

# %% [markdown]
# **Each loss wins by its own measure**, by a few per cent; both differences are clear. The split by clean pixel value is not the one we expected from the weights: MSE is ahead on white pixels, BCE on grey ones; black ones differ little. But the weight depends on $R^*$,
# not on the clean pixel. A bright pixel at the edge of a stroke has a grey $R^*$. Whoever hedges does better on grey pixels and worse on white ones. BCE, to which a confident mistake is dearest, seems to hedge more; we did not test that.
# **The sigmoid matters most, in this network.** The linear output is far behind, clipped or not, and about a third of its values lie outside $[0,1]$. It is a share of $\tilde x$, here 0.34, plus a correction by 128 hidden units. So it can cancel the noise in at most 128 of 784 directions. The rest, $\frac{656}{784}(0.34\cdot0.4)^2\approx0.016$ a pixel, stays however long it is trained, and is about as large as the gap in the table. On black pixels a saturated sigmoid swallows that noise. Only on grey pixels is the linear output ahead.
#
# ## The pair that ships
#
# Two U-Nets with many noise levels, 15,000 steps each, one seed each: this can illustrate, not decide. One was trained with BCE. The other was trained with the squared error in the manner of Karras et al. 2022 (EDM): no sigmoid; the layers correct a share of $\tilde x$, at a scale
# that suits each $\sigma$. In both trainings the loss at each $\sigma$ was multiplied by a weight: for the squared error the one with which every $\sigma$ counts alike, and for BCE the root of that one (chapter 10 says why). So more than the loss differs: the output, the scaling and the weights. Besides the squared error look at another thing. Of all pixels that a network reconstructs as nearly black, between 0.001 and 0.01 say, take the mean
# of the reconstructions and the mean of the clean pixels. For $R^*$ the two agree, since $E[x\mid R^*]=R^*$. The squared error has little reason to care: an error of 0.005 costs it $0.000025$. To BCE it is a large error there.

# %%
pair = {"BCE": "digits-unet-bce", "EDM": "digits-unet-edm"}
pair = {name: du.load(stored, device="cpu") for name, stored in pair.items()}
levels, images = [0.1, 0.2, 0.4, 0.8], test[:300].reshape(-1, 1, 28, 28)
shipped, curves = {}, {}
edges = torch.logspace(-3, 0, 10)
for level in levels:
    y = du.corruption.gaussian(
        images, level, torch.Generator().manual_seed(6000 + SEED)
    )
    for name, network in pair.items():
        with torch.no_grad():
            r = network(y, level)
        dark = (r > 0.001) & (r < 0.01)
        shipped[level, name] = (
            (r - images).square().mean().item(),
            (images[dark].mean() / r[dark].mean()).item(),
            ((r < 0) | (r > 1)).float().mean().item(),
        )
        bins = [(r >= low) & (r < high) for low, high in zip(edges, edges[1:])]
        curves[level, name] = [
            (r[k].mean(), images[k].mean()) for k in bins if k.sum() > 500
        ]

# %% tags=["nbval-ignore-output"]
print(
    "sigma  network  squared error   clean / reconstructed, dark pixels   outside [0, 1]"
)
for (level, name), (error, ratio, outside) in shipped.items():
    print(f"{level:5g}  {name:7} {error:13.5f} {ratio:22.2f} {outside:31.2f}")

# %%
by_level = np.array([[shipped[level, name] for name in pair] for level in levels])
relative = 100 * (by_level[:, 1, 0] / by_level[:, 0, 0] - 1)
du.claim(
    "squared errors of the two differ by, per cent, at most",
    abs(relative).max(),
    at_most=4,
)
du.claim(
    "dark pixels, BCE network: least ratio", by_level[:, 0, 1].min(), at_least=0.5
)
du.claim("its largest", by_level[:, 0, 1].max(), at_most=1.6)
du.claim(
    "the same of the EDM network: largest ratio",
    by_level[:, 1, 1].max(),
    at_most=0.45,
)
du.claim(
    "share of its values outside [0, 1], least",
    by_level[:, 1, 2].min(),
    at_least=0.25,
)

# %% mystnb={"image": {"alt": "Mean clean pixel against mean reconstruction on logarithmic axes, at noise level 0.4. Both follow the diagonal above about 0.1. Below, the network trained with BCE stays near it, and the one trained with the squared error, without a sigmoid, falls far under it."}} tags=["nbval-ignore-output", "slide"]
fig, ax = plt.subplots(figsize=(5.6, 3.6))
for name, color in zip(pair, COLORS.values()):
    du.plotting.curve(ax, *np.array(curves[0.4, name]).T, color=color, label=name)
ax.plot([1e-3, 1], [1e-3, 1], color="gray", lw=0.8)
ax.text(0.009, 0.014, "as $R^*$ must", color="gray", ha="right")
ax.set(
    xscale="log",
    yscale="log",
    xlabel="reconstruction, mean of a bin",
    ylabel="clean pixel, mean",
    title=r"Can a dark pixel be believed?  $\sigma$ = 0.4",
)
ax.legend()
plt.show()

# %% [markdown]
# By the plain error of the score the two are level. Near black they are not alike at all. More than a quarter of the EDM network's values lie outside $[0,1]$, small ripples about 0 for the most part; what it calls "nearly black" is black, and its small
# values cannot be believed. Those of the BCE network can, roughly. This is the place that the weights point to, and it matters to whoever uses $\log R$. How much of it is the loss and how much the output, this pair cannot tell.

# %% [markdown] tags=["slide"]
# ## Verdict
#
# | case | does the loss matter? | does the sigmoid? |
# |---|---|---|
# | one pixel, wrong and confident, plain gradient descent | **yes: MSE is stuck** | it is what sticks |
# | the same with Adam | little | no |
# | ring | hardly; at small noise MSE is a few per cent ahead, not clearly | no: the logit before it undoes it |
# | too small a code, one pixel near black | **yes: decides what is kept**; each wins by its own norm | no |
# | black-or-white pixel, 100 examples | **yes: BCE ahead in both norms** | not tried |
# | digits, small network, short training | a few per cent; each wins by its own norm | **yes, most of all** |
# | digits, 15,000 steps, BCE with a sigmoid or EDM without, one seed each | in squared error they are level; near black BCE is calibrated better | not told apart here |

# %% [markdown]
# For the score in the plain norm, which is what gradient steps need, there is no reason here to prefer BCE: MSE minimises that norm itself, and was ahead with the narrow code and on digits after short training, and on the ring not behind. The exception is a black-or-white pixel and a model that contains $R^*$: there BCE is maximum likelihood, and closer with 100 examples. BCE is the better choice where the *relative* error near black and white counts, or where a network may start saturated. On images with much pure black something must swallow the noise there: in the small network it was the sigmoid, and the loss mattered less. The EDM U-Net does it without one, by its layers. P2 holds with either loss, as T1 says. P1, that BCE is natural for images, holds in a precise sense: it is minus the log-likelihood of a black-or-white pixel, and its weights fit their uncertainty. It is not a claim that BCE gives the smaller squared error: after short training on digits it did not, and of the shipped pair, one network each, it did at three levels of four, by one to three per cent. All this for small networks, untuned learning rates, two optimisers, one data set of images.

# %% [markdown] tags=["slide"]
# ## Recap
#
# * BCE and MSE have one optimum. Near it BCE is a squared error with the weight $1/(2R^*(1-R^*))$.
# * The weights matter when something is scarce, capacity or data, and some pixels are near black or white.
# * The loss and the sigmoid are two choices. In the small network on digits the second one mattered more.
# * Say by which norm a loss wins, pair the seeds, give the interval.

# %% [markdown]
# **Check your understanding.** Open the answer that you would give: it says whether it is right, and why.

# %% tags=["remove-input"]
du.quiz("08")

# %% [markdown]
# **Exercises.** (a) Train the ring with `optimiser="adam"`. Does any difference become clear? (b) Make pixel 2 of the narrow code vary by ± 0.05. Where does BCE change its mind now? Predict first. (c) In the black-or-white experiment replace the pixel by $x=R^*\pm0.05$ with equal chance, over a wide range of $R^*$. Which loss wins, in which norm?
# (d) Train MSE with a sigmoid on the digits ten times longer. Does the difference near black shrink?
# They wait with checks in [exercises/08-bce-or-mse.ipynb](exercises/08-bce-or-mse.ipynb).
#
# **References.** Banerjee, Guo & Wang 2005; Vincent 2011; Alain & Bengio 2014; Creswell, Arulkumaran & Bharath 2017 (arXiv:1708.08487); Karras et al. 2022.
