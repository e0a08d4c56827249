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
# You look at two noisy pixels and may pass on only *one number* about them. Somebody else has to reconstruct both clean pixels from it. The first pixel is nearly black, either 0.05 or 0.11. The second is mid-grey, either 0.46 or 0.54. Which of the two will your number be about?
#
# The second pixel varies more. Whoever gives up on it and answers 0.50 makes a squared error of $0.04^2=0.0016$; giving up on the first costs only $0.03^2=0.0009$. So a network that is trained with the mean squared error (MSE) will keep the second pixel.
#
# A network that is trained with binary cross-entropy (BCE) keeps the first. This chapter shows why, and it asks when such a difference between the two losses matters.

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
import matplotlib.pyplot as plt
import numpy as np
import torch
from scipy import stats
from scipy.optimize import minimize
from scipy.special import expit
from torch import nn
from torch.nn import functional as F

du.plotting.use_style()
EXACT, LEARNED = du.plotting.EXACT, du.plotting.LEARNED
INK, GREY = du.plotting.INK, du.plotting.GREY
COLOR = {"BCE": INK, "MSE": "#009E73"}  # black and green


def interval(x):
    """Mean over the seeds, and half the width of its 95 per cent t interval."""
    x = np.asarray(x, dtype=float)
    spread = x.std(0, ddof=1) / len(x) ** 0.5
    return x.mean(0), stats.t.ppf(0.975, len(x) - 1) * spread


# %% [markdown]
# **Question.** BCE and MSE have the same best answer. Does it matter which of them we train with?
#
# **You will be able to** say what differs between the two losses and what does not, and predict for which pixels the choice matters. You will be able to separate the loss from the sigmoid at the output, and to compare two trainings with paired seeds and an interval.
#
# **You need** chapters 01 and 02; chapter 03 for the ring. **Time.** Half an hour to read; the code takes about two minutes on two CPU cores.
#
# **From the paper.** Statements P1 (on images BCE is a natural loss) and P2 (a denoising autoencoder trained with it can be used to take gradient steps towards high probability). Previously, P2 had been shown only for MSE (Alain & Bengio 2014; see also Vincent 2011). The paper asks whether BCE *may* be used. This chapter asks what one gains or loses by it.
#
# [Open in Colab](https://colab.research.google.com/github/OWNER/denoising-and-the-score/blob/main/notebooks/08-bce-or-mse.ipynb)

# %% [markdown]
# ## The answer in three lines
#
# 1. **Both losses have the same best answer,** the posterior mean $R^*(\tilde x)=E[x\mid\tilde x]$. So the theory of this book holds with either.
# 2. **They measure errors differently.** MSE counts every error alike; BCE finds an error more expensive the nearer the best answer is to black or white. Where a network has to give something up, each loss keeps what its own measure finds expensive.
# 3. **So they part where something is scarce:** room in the network, training steps, or data. Which loss is then ahead depends on what is scarce. With few data BCE is ahead for one pixel that is black or white. With few steps MSE is ahead on the ring. With few steps on digits and clothes neither is, in squared error, although most pixels of a digit are black.
#
# In our short trainings on digits and clothes the output layer and its first answer matter more than the loss. The rest of the chapter is the evidence.

# %% [markdown]
# ## Same best answer, other weights
#
# A network that is not perfect answers $R$ instead of $R^*$. Chapter 02 computed what each loss charges for that, over and above its lowest possible value:
# $$\text{BCE:}\quad E\sum_i \mathrm{kl}(R^*_i\,\|\,R_i),\qquad\qquad \text{MSE:}\quad E\sum_i (R_i-R^*_i)^2 .$$
# Both charges are 0 at $R^*$ and positive everywhere else. A network without limits, trained forever on endless data, therefore ends at $R^*$ with either loss.

# %% [markdown]
# Real networks have limits, and then it matters *which* errors a loss finds expensive. To compare the two charges, we expand the divergence about the best answer. Fix one pixel, write $m$ for $R^*_i$, and let
# $$f(r)=\mathrm{kl}(m\,\|\,r)=m\log\frac mr+(1-m)\log\frac{1-m}{1-r}.$$
# At $r=m$ both logarithms vanish, so $f(m)=0$. The first derivative is
# $$f'(r)=-\frac mr+\frac{1-m}{1-r}=\frac{r-m}{r(1-r)},$$
# which vanishes at $r=m$ as well.

# %% [markdown]
# Differentiate once more by the product rule, with $r-m$ as one factor and $1/(r(1-r))$ as the other. At $r=m$ the term that still contains $r-m$ drops out, and what remains is
# $$f''(m)=\frac1{m(1-m)} .$$
# Taylor's formula, $f(r)\approx f(m)+f'(m)(r-m)+\tfrac12f''(m)(r-m)^2$, now gives
# $$\mathrm{kl}(R^*\|R)\;\approx\;\frac{(R-R^*)^2}{2R^*(1-R^*)} .$$
# **Near its optimum BCE is a squared error with the weight $1/(2R^*(1-R^*))$.** The weight is smallest at mid-grey, where it is 2. At $R^*=0.08$ it is $1/(2\cdot0.08\cdot0.92)=6.8$, at $R^*=0.01$ it is 50.5, and it grows without bound towards black and white.
#
# This solves the puzzle of the opening. Giving up on the second pixel costs BCE about $2\cdot0.0016=0.0032$, and giving up on the first costs about $6.8\cdot0.0009=0.0061$. So BCE keeps the first.

# %% tags=["hide-cell"]
rule = 1 / (2 * 0.08 * 0.92)
exact_kl = sum(
    m * np.log(m / 0.08) + (1 - m) * np.log((1 - m) / 0.92) for m in (0.05, 0.11)
)
du.claim(
    "Giving up on the first pixel costs {} of what the expansion says",
    exact_kl / 2 / (rule * 0.03**2),
    at_least=0.9,
    at_most=1.1,
)
m, off = 0.01, 0.001
for side, r in (("bright", m + off), ("dark", m - off)):
    charge = m * np.log(m / r) + (1 - m) * np.log((1 - m) / (1 - r))
    du.claim(
        f"0.001 too {side} at 0.01 costs BCE {{}} times as much as MSE",
        charge / off**2,
        at_least=45,
        at_most=56,
    )

# %% [markdown]
# ## Few steps: a start that is wrong and confident
#
# The two losses also differ on the way to the optimum. Suppose that $R=\mathrm{sigmoid}(a)$. Since $\mathrm{sigmoid}'(a)=R(1-R)$, the chain rule turns the slope $f'$ from above, and the slope $2(R-m)$ of the squared error, into
# $$\frac{d\,\mathrm{BCE}}{da}=R-m,\qquad\qquad \frac{d\,\mathrm{MSE}}{da}=2\,(R-m)\,R(1-R).$$
# The factor $R(1-R)$ has cancelled in BCE and stays in MSE. It is nearly 0 where the network is sure of itself, whether it is right or wrong.
#
# Take one pixel with $m=0.1$ and start at $a=8$, where $R=0.9997$. There the slope of MSE is about $2\cdot0.9\,e^{-a}$, because $1-R\approx e^{-a}$. One gradient step of length 1 lowers $a$ by $\delta=1.8\,e^{-a}$. Since $e^{a-\delta}\approx e^a(1-\delta)$, the step takes about 1.8 off $e^a$, whatever $a$ is. Leaving the plateau takes about $e^8/1.8\approx1{,}656$ steps.


# %%
def descend(loss, steps=3000, a=8.0, m=0.1):
    """The answer R to one pixel after each step of plain gradient descent."""
    path = []
    for _ in range(steps):
        R = 1 / (1 + np.exp(-a))
        path.append(R)
        slope = R - m if loss == "BCE" else 2 * (R - m) * R * (1 - R)
        a = a - slope
    return np.array(path)


walks = {loss: descend(loss) for loss in COLOR}
arrival = {k: int(np.argmax(abs(path - 0.1) < 0.05)) for k, path in walks.items()}
for loss, step in arrival.items():
    print(f"{loss}: within 0.05 of the target after {step:,} steps")

# %% tags=["hide-input"] mystnb={"image": {"alt": "Left: weight of a squared error against the posterior mean, on a logarithmic axis. MSE is flat at 1; BCE is 2 at one half and rises to 50 near 0 and near 1. Right: the answer to one pixel against gradient steps on a logarithmic axis. BCE falls from 1 to 0.1 within some twenty steps; MSE stays at 1 for more than a thousand steps and then drops."}, "figure": {"caption": "**Figure 8.1. What BCE finds expensive.** Left: the weight of a squared error near the optimum. Right: plain gradient descent on one pixel, from an answer that is wrong and confident. BCE leaves at once; MSE is stuck for more than 1,500 steps."}}
fig, (left, right) = plt.subplots(1, 2, figsize=(7.2, 3))
R = np.linspace(0.01, 0.99, 300)
left.semilogy(R, 1 / (2 * R * (1 - R)), color=COLOR["BCE"])
left.axhline(1, color=COLOR["MSE"])
left.text(0.5, 4, "BCE: $1/(2R^*(1-R^*))$", color=COLOR["BCE"], ha="center")
left.text(0.5, 1.1, "MSE: 1", color=COLOR["MSE"], ha="center")
left.set(xlabel="posterior mean $R^*$", ylabel="weight of a squared error")
left.set(title="BCE charges more near black, white", ylim=(0.7, 80))
left.set_yticks([1, 2, 5, 10, 50], [1, 2, 5, 10, 50])
left.minorticks_off()
for loss, path in walks.items():
    right.semilogx(range(1, 3001), path, color=COLOR[loss])
right.axhline(0.1, color=GREY, lw=0.8)
right.text(1.2, 0.13, "target 0.1", color="#666666")
right.text(6, 0.6, "BCE", color=COLOR["BCE"], ha="right")
right.text(1200, 0.6, "MSE", color=COLOR["MSE"], ha="right")
right.set(xlabel="gradient steps", ylabel="answer $R$", ylim=(0, 1.05))
right.set(title="MSE is stuck when confident")
plt.show()

# %% tags=["hide-cell"]
du.claim(
    "From a confident wrong start BCE needs {} steps",
    arrival["BCE"],
    at_least=10,
    at_most=40,
)
du.claim(
    "MSE needs as many steps as the estimate says, times {}",
    arrival["MSE"] * 1.8 / np.exp(8),
    at_least=0.9,
    at_most=1.2,
)

# %% [markdown]
# The right panel of Figure 8.1 agrees: BCE arrives after 21 steps, MSE after 1,708. Most trainings of this book avoid the plateau, because they use Adam or Muon. These optimisers rescale the gradient, so a slope that is small *throughout* does not slow them down. For the same reason a constant factor between two losses changes nothing.
#
# ## Little room: one number for two pixels
#
# Now let a real network solve the puzzle of the opening. It sees two noisy pixels, and its code is a single number. Each clean pixel takes its two levels independently of the other, in bumps of standard deviation 0.006. Gaussian noise with $\sigma=0.02$ is added. From the code, one straight line and a sigmoid lead to the two reconstructions.


# %%
class OneNumber(nn.Module):
    """An autoencoder with a code of one number; returns the logits of two pixels."""

    def __init__(self, mean):
        super().__init__()
        self.mean = mean
        self.code = nn.Sequential(nn.Linear(2, 32), nn.Tanh(), nn.Linear(32, 1))
        self.decode = nn.Linear(1, 2)

    def forward(self, y):
        shift = 0.05 * self.decode(self.code((y - self.mean) / 0.05))
        return self.mean.logit() + shift / (self.mean * (1 - self.mean))


def two_pixels(centre):
    levels = torch.tensor([centre - 0.03, centre + 0.03]), torch.tensor([0.46, 0.54])
    return du.GaussianMixture(torch.cartesian_prod(*levels), 0.006**2)


# %% tags=["hide-input"]
def train_code(loss, centre, seed=0, steps=300):
    density = two_pixels(centre)
    torch.manual_seed(seed)
    network = OneNumber(density.mean().float())
    optimiser = torch.optim.Adam(network.parameters(), lr=1e-2)
    clean = density.sample(10_000, torch.Generator().manual_seed(1 + seed)).float()
    for _ in range(steps):
        x = clean[torch.randint(len(clean), (256,))]
        logits = network(x + 0.02 * torch.randn_like(x))
        if loss == "BCE":
            cost = F.binary_cross_entropy_with_logits(logits, x)
        else:
            cost = F.mse_loss(logits.sigmoid(), x)
        optimiser.zero_grad()
        cost.backward()
        optimiser.step()
    return network.requires_grad_(False)


def noisy_pixels(centre):
    generator = torch.Generator().manual_seed(2)
    x = two_pixels(centre).sample(4000, generator).float()
    return x + 0.02 * torch.randn(x.shape, generator=generator)


def code_errors(network, centre):
    """Error of each pixel over its spread; squared error, plain and weighted."""
    y = noisy_pixels(centre)
    best = two_pixels(centre).posterior_mean(y, 0.02)
    error = (network(y).sigmoid() - best).square()
    weighted = (error / (best * (1 - best))).sum(1).mean()
    over = (error.mean(0) / best.var(0)).sqrt()
    return [*over.tolist(), error.sum(1).mean().item(), weighted.item()]


centres = [0.08, 0.11, 0.14, 0.18, 0.30, 0.50]
codes = {(k, c): train_code(k, c) for k in COLOR for c in centres}
again = {(k, 1): train_code(k, 0.08, seed=1) for k in COLOR}
found = {key: code_errors(network, key[1]) for key, network in codes.items()}
found_again = {k: code_errors(network, 0.08) for (k, _), network in again.items()}

# %% [markdown]
# The weights predict more than the winner. They also say *how black* the first pixel must be for BCE to prefer it. Let $v_1$ and $v_2$ be what the network loses by giving up on a pixel: the variance of that pixel's posterior mean, since a denoiser cannot pass on more than that. If the first pixel has the mean level $m$, BCE is indifferent where
# $$\frac{v_1}{2m(1-m)}=2v_2 .$$
# Here $v_1/v_2$ can be computed from the known density, and the equation is quadratic in $m$. Its root below $\frac12$ is printed below. Under MSE the first pixel should lose at every level.
#
# Below, "error / spread" is the root of the mean squared error of a pixel, divided by the standard deviation of its posterior mean, and "weighted" means a squared error with BCE's weights.

# %% tags=["hide-input"]
spread = two_pixels(0.3).posterior_mean(noisy_pixels(0.3), 0.02).var(0)
switch = 0.5 - (0.25 - 0.25 * (spread[0] / spread[1]).item()) ** 0.5
print(f"v1 / v2 = {spread[0] / spread[1]:.2f}; indifferent at m = {switch:.3f}")
b, q = found["BCE", 0.08], found["MSE", 0.08]
du.table(
    [[f"error / spread, pixel {i + 1}", b[i], q[i]] for i in range(2)],
    {"pixel 1 at 0.08": "", "BCE": ".2f", "MSE": ".2f"},
)
print(f"squared error, MSE / BCE {q[2] / b[2]:.2f}, weighted {q[3] / b[3]:.2f}")

# %% tags=["hide-input", "nbval-ignore-output"] mystnb={"image": {"alt": "Left: pixel 2 against pixel 1. A grey cloud of noisy inputs around four blue crosses. The answers of the BCE network lie on a nearly horizontal black line from 0.05 to 0.11 at pixel 2 = 0.5; those of the MSE network on a nearly vertical green line from 0.46 to 0.54 at pixel 1 = 0.08. Right: error of pixel 1 over its spread against its mean grey level. Under BCE it is small up to about 0.14, jumps beside a dashed line at 0.142 and is 1 above; under MSE it is 1 everywhere."}, "figure": {"caption": "**Figure 8.2. One number for two pixels.** Left: noisy pixels (grey), the four clean pairs (blue crosses), and the answers of two networks whose code is one number. Right: the error of the first pixel, where 1 means that the network has given up on it. Dashed: where the weights say that BCE changes its mind."}}
fig, (left, right) = plt.subplots(1, 2, figsize=(7.2, 3.1))
y = noisy_pixels(0.08)[:1500]
best = two_pixels(0.08).posterior_mean(y, 0.02)
left.plot(*y.T, ".", ms=2, color="#CCCCCC")
for loss, at in (("BCE", (0.125, 0.505)), ("MSE", (0.086, 0.555))):
    left.plot(*codes[loss, 0.08](y).sigmoid().T, ".", ms=3, color=COLOR[loss])
    left.text(*at, loss, color=COLOR[loss], weight="bold")
left.plot(*two_pixels(0.08).means.T, "+", ms=12, mew=2, color=EXACT)
left.set(xlabel="pixel 1", ylabel="pixel 2", title="One keeps pixel 1, one pixel 2")
left.set(xlim=(0, 0.17), ylim=(0.4, 0.6))
for loss, color in COLOR.items():
    errors = [found[loss, c][0] for c in centres]
    du.plotting.curve(right, centres, errors, color=color)
right.axvline(switch, color=GREY, ls="--", lw=1)
right.text(0.2, 0.45, "dashed: predicted\nby the weights")
right.text(0.08, 0.14, "BCE", color=COLOR["BCE"])
right.text(0.08, 1.06, "MSE", color=COLOR["MSE"])
right.set(xlabel="mean grey level of pixel 1", ylabel="error / spread of pixel 1")
right.set(title="BCE changes its mind", ylim=(-0.05, 1.2))
plt.show()

# %% tags=["hide-input"]
du.claim(
    "With pixel 1 at 0.08 the BCE network's error in it is {} of its spread",
    b[0],
    at_most=0.3,
)

# %% tags=["hide-cell"]
du.claim("The MSE network's error in it is {} of its spread", q[0], at_least=0.9)
du.claim(
    "BCE should be indifferent at the level {}", switch, at_least=0.13, at_most=0.16
)
du.claim(
    "At 0.11 the BCE network still keeps pixel 1: {}",
    found["BCE", 0.11][0],
    at_most=0.5,
)
du.claim("At 0.30 it has given it up: {}", found["BCE", 0.30][0], at_least=0.9)
least = min(found["MSE", c][0] for c in centres)
du.claim("At every level the MSE network gives it up: {}", least, at_least=0.9)
du.claim("MSE has {} of the squared error of BCE", q[2] / b[2], at_most=0.85)
du.claim("By BCE's weights MSE has {} of BCE's error", q[3] / b[3], at_least=1.2)
other = found_again["BCE"][0], found_again["MSE"][1]
du.claim("With another seed the kept pixel's error is {}", max(other), at_most=0.35)

# %% [markdown]
# Figure 8.2 shows both predictions coming true. With the first pixel at 0.08, the answers of the BCE network run from about 0.05 to 0.12 along the first axis, and those of the MSE network from about 0.46 to 0.54 along the second. The right panel moves the first pixel towards grey. BCE changes its mind close to the predicted level.
#
# Which network is better? By the plain squared error the MSE network is, because that is what it minimises. By the error with BCE's weights the BCE network is, just as clearly (the line printed beside the table has both ratios). Neither is wrong. You have to know which error you would rather make.
#
# ## Little data: a pixel that is black or white
#
# BCE's weight has a second meaning. Take the pixel of chapter 01, black or white with equal odds. Given the noisy value $y$, it is white with probability $R^*(y)$, so its variance is $R^*(1-R^*)$. BCE's weight is one over twice that variance: **BCE trusts a target less where the target is more uncertain.** Statisticians weight their data in this way, too.
#
# For this pixel it is exactly the right thing to do. The probability of seeing $x$ is $r^x(1-r)^{1-x}$, and minus its logarithm is the BCE. So minimising BCE is *maximum likelihood*. In this sense BCE is natural for images of black and white pixels. An experiment shows what it is worth: fit $\mathrm{sigmoid}(c_0+c_1y)$, which contains $R^*$, to only 100 pairs, and repeat this 200 times.


# %% tags=["hide-input"]
def black_or_white(seed, n=100, sigma=0.5):
    """Squared error of R, plain and weighted, for n training pairs: BCE, then MSE."""
    rng = np.random.default_rng(seed)
    x = rng.integers(0, 2, n)
    y = x + sigma * rng.normal(size=n)
    at = np.linspace(-1.5, 2.5, 400)
    p = np.exp(-(at**2) / (2 * sigma**2)) + np.exp(-((at - 1) ** 2) / (2 * sigma**2))
    best = expit((at - 0.5) / sigma**2)
    risks = [
        lambda c: np.mean(np.logaddexp(0, c[0] + c[1] * y) - x * (c[0] + c[1] * y)),
        lambda c: np.mean((expit(c[0] + c[1] * y) - x) ** 2),
    ]
    fitted = [minimize(risk, [-2.0, 4.0]).x for risk in risks]
    errors = [(expit(c[0] + c[1] * at) - best) ** 2 for c in fitted]
    norms = (p, p / (best * (1 - best)))
    return [[np.average(error, weights=w) for w in norms] for error in errors]


fits = np.array([black_or_white(seed) for seed in range(200)])  # (200, loss, norm)
extra, half = interval(fits[:, 1] - fits[:, 0])
ratio = fits[:, 1].mean(0) / fits[:, 0].mean(0)
rows = []
for name, i in (("squared error", 0), ("weighted", 1)):
    low, high = 100 * (extra[i] + np.array([-1, 1]) * half[i]) / fits[:, 0].mean(0)[i]
    rows.append([name, ratio[i], f"{low:.0f} to {high:.0f} %"])
columns = {"": "", "MSE over BCE": ".2f"}
du.table(rows, columns | {"MSE is worse by (95 % interval)": ">"})

# %% tags=["hide-cell"]
du.claim(
    "On a black-or-white pixel MSE has {} times the squared error of BCE",
    ratio[0],
    at_least=1.1,
)
du.claim("By BCE's weights MSE has {} times the error of BCE", ratio[1], at_least=1.1)
du.claim(
    "Both intervals of the difference lie above 0, by {}",
    (extra - half).min(),
    at_least=0,
    tolerance=3,
)

# %% [markdown]
# Here BCE wins *by both measures*, even by the plain squared error, which is not its own. The reason is the match between its weights and the uncertainty of the pixel. A grey pixel whose uncertainty is the same at every level fits the equal weights of MSE instead, and then MSE wins by both measures (exercise (c)).
#
# ## Nothing near black or white: the ring
#
# In the plane we know the score, so the losses can be judged by what this book is about. The ring of chapter 03 keeps clear of the faces of the square: its coordinates are neither nearly 0 nor nearly 1, so BCE's weights differ little (the first line below prints how much). We do not expect them to matter. We train the network of chapter 03 with either loss at $\sigma=0.05$, for 200 steps of `du.fit`. Within a seed the initial weights, the sample and the batches are the same; only the loss differs.

# %% tags=["hide-input"]
ring, ring_sigma, n_seeds = du.ring(), 0.05, 15
fresh = ring.sample(5000, torch.Generator().manual_seed(1000))
fresh_noisy = du.corruption.gaussian(
    fresh, ring_sigma, torch.Generator().manual_seed(2000)
)
exact_score = ring.smooth(ring_sigma).score(fresh_noisy)
optimum = ring.posterior_mean(fresh_noisy, ring_sigma)
ring_steps = 200
weights = 1 / (2 * optimum * (1 - optimum))
middle = np.quantile(weights, 0.95)
print(
    f"BCE's weight on the ring: from 2 to {middle:.1f} for 95 per cent of coordinates"
)


def ring_errors(objective, seed, kind=du.MLPDenoiser):
    """Relative error of the score, and excess BCE in nats."""
    sample = ring.sample(10_000, torch.Generator().manual_seed(1 + seed))
    network = kind(2, hidden=64, seed=seed)
    how = dict(steps=ring_steps, batch_size=256, seed=seed, device="cpu")
    du.fit(network, sample.clamp(0, 1), sigma=ring_sigma, objective=objective, **how)
    with torch.no_grad():
        score = du.score_from_denoiser(network, fresh_noisy, ring_sigma)
        excess = du.objectives.excess_risk(network.logits(fresh_noisy), optimum)
    return du.relative_error(score, exact_score), excess.mean().item()


in_plane = {
    loss: np.array([ring_errors(loss.lower(), seed) for seed in range(n_seeds)])
    for loss in COLOR
}
apart = 100 * (in_plane["MSE"] / in_plane["BCE"] - 1)  # per cent, (seed, measure)
mean, half = interval(apart)

# %% tags=["hide-input", "nbval-ignore-output"] mystnb={"image": {"alt": "Two rows of fifteen dots each, difference of MSE against BCE in per cent. Upper row, error of the score: all dots lie left of zero. Lower row, excess BCE: all dots lie left of zero, too. Squares with intervals mark the means, left of zero."}, "figure": {"caption": "**Figure 8.3. On the ring MSE is ahead after a short training.** Each dot is a pair of trainings that differ in the loss only; squares: mean and 95 % interval. Left of the line MSE is better. It is better even by the excess BCE, the measure that BCE minimises."}}
fig, ax = plt.subplots(figsize=(7.2, 2.2))
for row in range(2):
    ax.plot(apart[:, row], [row] * n_seeds, "o", ms=4, color=GREY)
ax.errorbar(mean, np.arange(2) - 0.25, xerr=half, fmt="s", ms=5, capsize=4, color=INK)
ax.axvline(0, color=INK, lw=0.8)
ax.set_yticks([0, 1], ["error of the score", "excess BCE"])
ax.set(ylim=(1.5, -0.6), xlabel="MSE against BCE, per cent (left: MSE is better)")
ax.set_title("Fifteen pairs of trainings")
plt.show()

# %% tags=["hide-input", "nbval-ignore-output"]
errors = [in_plane[loss][:, 0].mean() for loss in COLOR]
print("relative error of the score: BCE {:.2f}, MSE {:.2f}".format(*errors))
rows = []
for i, name in enumerate(["error of the score", "excess BCE"]):
    better = f"{(apart[:, i] < 0).sum()} of {n_seeds}"
    rows.append([name, f"{mean[i]:+.1f} ± {half[i]:.1f} %", better])
du.table(rows, {"": "", "MSE against BCE": ">", "MSE better in": ">"})

# %% tags=["hide-input"]
du.claim(
    "On the ring the interval for MSE against BCE ends at {} per cent",
    mean[0] + half[0],
    at_most=-2,
    tolerance=2,
)

# %% [markdown]
# Figure 8.3 is not what we expected. MSE is ahead in every pair: its score is about 15 per cent nearer to the exact one. It is ahead by the excess BCE, too, which is the measure that BCE minimises. There its lead is about 27 per cent, and that is the same lead: the excess behaves like a squared error, and $0.85^2=0.72$.
#
# The weights must be the reason, because nothing else differs. This network adds its correction to the noisy point and hands the logit of the sum to the sigmoid, which returns that very sum. (It does so between 0.05 and 0.95.) So the sigmoid has no part in it, and we may compare the slopes in $R$ itself. That of BCE is $(R-x)/(R(1-R))$, and that of MSE is $2\,(R-x)$. The one is the other times $1/(2R(1-R))$: BCE's weight, taken at the network's own answer $R$ in place of $R^*$.
#
# Can weights that differ so little cost so much? A third arm of the experiment can tell. It trains with a squared error that has BCE's weight at the exact $R^*$, so its weights stay fixed while the network learns.


# %%
class FixedWeights(du.MLPDenoiser):
    """Trained with a squared error that has BCE's weight at R*."""

    def loss(self, x, x_noisy, sigma=None, objective="mse"):
        best = ring.posterior_mean(x_noisy, ring_sigma)
        weight = 1 / (2 * best * (1 - best))
        return (weight * (self(x_noisy) - x).square()).sum(1)


# %% tags=["hide-input", "nbval-ignore-output"]
fixed = [ring_errors("mse", seed, kind=FixedWeights) for seed in range(n_seeds)]
in_plane["fixed"] = np.array(fixed)
rows, leads = [], {}
for new, old in (("fixed", "BCE"), ("MSE", "fixed")):
    leads[new] = 100 * (in_plane[new] / in_plane[old] - 1)
    cells = ["{:+.1f} ± {:.1f} %".format(*c) for c in zip(*interval(leads[new]))]
    better = f"{(leads[new][:, 0] < 0).sum()} of {n_seeds}"
    rows.append(
        [f"{new} against {old}".replace("fixed", "fixed weights"), *cells, better]
    )
columns = {"": "", "error of the score": ">", "excess BCE": ">"}
du.table(rows, columns | {"smaller error of the score in": ">"})

variance = {}
for name, low, high in (("0 and 0.1", 0, 0.1), ("0.3 and 0.5", 0.3, 0.5)):
    away = (optimum - 0.5).abs()
    here = (away > low) & (away < high)
    variance[name] = (fresh - optimum).square()[here].mean().item()
    print(f"R* between {name} away from 1/2: variance of x {variance[name]:.4f}")

# %% tags=["hide-cell"]
du.claim(
    "Fixed weights lower the error of the score against BCE, in per cent, by {}",
    -leads["fixed"][:, 0].mean(),
    at_least=2,
    tolerance=2,
)
du.claim(
    "Equal weights lower it further, in per cent, by {}",
    -leads["MSE"][:, 0].mean(),
    at_least=2,
    tolerance=2,
)
du.claim(
    "Coordinates near 1/2 have {} times the variance of those far from it",
    variance["0 and 0.1"] / variance["0.3 and 0.5"],
    at_least=1.4,
)

# %% [markdown]
# The third arm ends about half-way. So weights between 2 and about 3.4 do account for half of the lead of MSE. The other half appears only when the weights follow the network's own answers, its mistakes included.
#
# This is not the match of the section before. There data were scarce, and the right weight was one over the variance of $x$ given the noisy point. On the ring this variance is *smaller* far from $\frac12$, where BCE's weight is larger (the two lines below the table). So that rule would speak for BCE, if anything.
#
# Here steps are scarce. We do not know why uneven weights slow this training down. It is a statement about one network, one optimiser and one length of training, and the trainings are far from their end: look at the relative errors of the score above. Exercise (a) repeats the comparison with another optimiser, where the answer depends on the number of steps.
#
# ## Digits and clothes: three arms
#
# On images two questions are often mixed up: the choice of the loss, and the choice of the output layer. BCE needs a sigmoid. MSE works with a sigmoid or without one, with a *linear* output. So there are three arms: BCE with a sigmoid, MSE with a sigmoid, MSE with a linear output. The first and the second differ in the loss only, the second and the third in the output only.
#
# The network is the plain one of chapter 01: encoder, code, decoder, nothing else. (Networks with a connection past the code may be another story. In the `MLPDenoiser` of chapter 03 a part of the input is added to the output. Most pixels of an image are nearly black, outside the range from 0.05 to 0.95 in which its sigmoid changes nothing. There such a part lets noise through when no sigmoid follows.)


# %%
def plain_network():  # chapter 01
    return nn.Sequential(
        nn.Flatten(),
        nn.Linear(784, 256),
        nn.SiLU(),
        nn.Linear(256, 64),
        nn.SiLU(),
        nn.Linear(64, 256),
        nn.SiLU(),
        nn.Linear(256, 784),
        nn.Unflatten(1, (1, 28, 28)),
    )


# %% [markdown]
# There is one more thing to watch, and it is easy to overlook: what the network answers *before* it has learned anything. All its outputs start near 0. With a linear output the first answer is therefore black. With a sigmoid it is $\mathrm{sigmoid}(0)=\frac12$, mid-grey, for every pixel. Most pixels of a digit are black. The sigmoid networks start further away from the data, and that has nothing to do with what a sigmoid can express.
#
# We can remove this difference. The biases of the last layer decide the first answer. Set them so that every arm starts with the *mean image*, and the three arms start equal. We train both ways.


# %%
def train_arm(images, loss, output, start, marks, seed):
    """Yield the network after each number of steps in marks."""
    torch.manual_seed(seed)
    network = plain_network()
    if start == "mean image":
        mean = images.mean(0).flatten().clamp(0.01, 0.99)
        network[-2].bias.data = mean.logit() if output == "sigmoid" else mean
    optimiser = torch.optim.Adam(network.parameters(), lr=2e-3)
    for step in range(max(marks) + 1):
        if step in marks:
            yield network
        x = images[torch.randint(len(images), (64,))]
        out = network(x + sigma * torch.randn_like(x))
        if loss == "BCE":
            cost = F.binary_cross_entropy_with_logits(out, x)
        else:
            cost = F.mse_loss(out.sigmoid() if output == "sigmoid" else out, x)
        optimiser.zero_grad()
        cost.backward()
        optimiser.step()


# %% [markdown]
# All arms see the same batches and the same noise within a seed, at $\sigma=0.5$, and there are three seeds. Nobody knows $R^*$ for real images. But the expected squared error against the *clean* image is the squared distance to $R^*$ plus a constant that is the same for all arms. So its differences show which arm is nearer to $R^*$, and hence has the better score. Digits are trained for 400 steps, clothes for 150, which keeps the chapter short. Figure 8.4 shows the squared error on 1,000 test images. Compare the left column with the right one.

# %% tags=["hide-input"]
sigma = 0.5
ARMS = [("BCE", "sigmoid"), ("MSE", "sigmoid"), ("MSE", "linear")]
STARTS = ["usual", "mean image"]
data = {"digits": du.digits, "clothes": du.fashion}
marks = {
    "digits": [0, 20, 50, 100, 200, 400],
    "clothes": [0, 20, 50, 150],
}
tests, noisy = {}, {}


def judge(out, output, x):
    """Squared error, the same clipped, BCE of a sigmoid; all per pixel."""
    r = out.sigmoid() if output == "sigmoid" else out
    bce = np.nan
    if output == "sigmoid":
        bce = F.binary_cross_entropy_with_logits(out, x).item()
    errors = [(v - x).square().mean().item() for v in (r, r.clamp(0, 1))]
    return [*errors, bce]


curves, answers = {}, {}
for name, load in data.items():
    images, x = load("train")[0], load("test")[0][:1000]
    generator = torch.Generator().manual_seed(5)
    y = x + sigma * torch.randn(x.shape, generator=generator)
    tests[name] = x
    for start in STARTS:
        for arm in ARMS:
            for seed in range(3):
                path = []
                for net in train_arm(images, *arm, start, marks[name], seed):
                    with torch.no_grad():
                        out = net(y)
                    path.append(judge(out, arm[1], x))
                curves[name, start, *arm, seed] = np.array(path)
                last = out.sigmoid() if arm[1] == "sigmoid" else out
                answers[name, start, *arm, seed] = last
    noisy[name] = y


def over_seeds(name, start, arm):
    """(seeds, marks, measures)"""
    return np.stack([curves[name, start, *arm, seed] for seed in range(3)])


# %% tags=["hide-input", "nbval-ignore-output"] mystnb={"image": {"alt": "Four panels of squared error against training steps. Digits, usual start: the two sigmoid curves lie on each other, far above the linear one, and approach it. Digits, from the mean image: all three curves are close; at the end the sigmoid curves are lowest. Clothes, usual start: the linear curve is lower at first, and at the end all are close. Clothes, from the mean image: the two sigmoid curves agree, and the linear one is lower at first and ends near them."}, "figure": {"caption": "**Figure 8.4. The first answer matters more than the loss.** Squared error on test images in short trainings, means of three seeds. Left: the usual start, where a sigmoid network first answers mid-grey and a linear one black. Right: all networks first answer the mean image."}}
fig, axes = plt.subplots(2, 2, figsize=(7.2, 5), sharex=True, sharey="row")
for row, name in zip(axes, data):
    for ax, start in zip(row, STARTS):
        for arm in ARMS:
            path = over_seeds(name, start, arm)[:, 1:, 0].mean(0)
            style = "-" if arm[1] == "sigmoid" else "--"
            ax.loglog(marks[name][1:], path, style, color=COLOR[arm[0]])
        title = "usual start" if start == "usual" else "start at the mean image"
        ax.set(title=f"{name}: {title}")
    ticks = [0.02, 0.03, 0.04, 0.06, 0.08]
    row[0].set_yticks(ticks, ticks)
    row[0].minorticks_off()
    row[0].set_ylabel("squared error per pixel")
for ax in axes[1]:
    ax.set_xlabel("training steps")
    ax.set_xticks([20, 50, 100, 200, 400], [20, 50, 100, 200, 400])
    ax.minorticks_off()
handles = [
    plt.Line2D([], [], color=COLOR[loss], ls="-" if out == "sigmoid" else "--")
    for loss, out in ARMS
]
axes[0, 0].legend(handles, [f"{loss}, {out}" for loss, out in ARMS])
plt.show()

# %% tags=["hide-input", "nbval-ignore-output"]
rows = []
for name in data:
    for start in STARTS:
        begin = f"{name}, {'usual start' if start == 'usual' else 'mean image'}"
        for arm in ARMS:
            m = over_seeds(name, start, arm).mean(0)
            rows.append([begin, ", ".join(arm), m[0, 0], *m[-1]])
columns = {
    "means of three seeds": "",
    "network": "",
    "squared error before training": ".3f",
}
columns |= {"after it": ".4f", "after it, clipped": ".4f"}
columns |= {"BCE per pixel, nats (sigmoid only)": ".4f"}
du.table(rows, columns)


def against(name, start, new, old, column):
    """Paired differences at the end in per cent: mean and half-width."""
    a, b = (over_seeds(name, start, arm)[:, -1, column] for arm in (new, old))
    return interval(100 * (a / b - 1))


rows = []
for name in data:
    for start in STARTS:
        found = (against(name, start, ARMS[1], ARMS[0], i) for i in (0, 2))
        rows.append(
            [f"{name}, {start}", *("{:+.1f} ± {:.1f} %".format(*f) for f in found)]
        )
columns = {"in squared error": ">", "in BCE": ">"}
du.table(rows, {"MSE against BCE, both with a sigmoid": ""} | columns)

# %% tags=["hide-input"]
linear = {
    start: 1 + against("digits", start, ARMS[2], ARMS[1], 0)[0] / 100
    for start in STARTS
}
du.claim(
    "Digits, usual start: the linear output's squared error over the sigmoid's is {}",
    linear["usual"],
    at_most=0.95,
)
du.claim(
    "From the mean image the same ratio is {}", linear["mean image"], at_least=1.0
)

# %% tags=["hide-cell"]
for name in data:
    square = against(name, "mean image", ARMS[1], ARMS[0], 0)[0]
    du.claim(
        f"On {name} the two losses differ in squared error, in per cent, by {{}}",
        abs(square),
        at_most=3,
        tolerance=20,
    )
    nats = against(name, "mean image", ARMS[1], ARMS[0], 2)[0]
    du.claim(
        f"On {name} training with MSE raises the BCE, in per cent, by {{}}",
        nats,
        at_least=0.1,
        tolerance=2,
    )

# %% [markdown]
# The left column of Figure 8.4 seems to say that the linear output is the best. On digits it leads at every step, and at the end its squared error is about 12 per cent below that of the sigmoid. The right column takes this back. If they start at the mean image, the sigmoid networks end a fifth lower than from the usual start, and the linear one ends about 7 per cent *behind* them.
#
# So on digits the first answer was to blame, and not the sigmoid. The column "before training" shows it: the mid-grey answer has about twice the squared error of the black one, and the mean image has far less than both. On clothes a black start is no advantage. There the linear output leads early in the training from either start, and at the end the three arms are within a few per cent of each other. Setting 784 biases before the training changed more than the loss did, on both data sets.
#
# Now compare the two losses, both with a sigmoid. In squared error their differences are smaller than the intervals: three seeds cannot tell them apart. Measured by BCE, the MSE-trained network is behind by about one or two per cent. (This is a share of the whole BCE. A part of the BCE is the floor, which nobody knows on real images. The share of the excess is larger.) So BCE wins by its own measure, a little, and in the measure of MSE nothing is decided.
#
# One more column of the long table is worth a look, "after it, clipped". A linear output may leave $[0,1]$, where no pixel lies. Clipping its answers costs nothing and brings the squared error down; from the mean image, the clipped network is as good on digits as the other two, and on clothes it is slightly ahead. Figure 8.5 shows the answers before clipping.

# %% tags=["hide-input"] mystnb={"image": {"alt": "Five rows of twelve test digits: clean; noisy; reconstructed with BCE and a sigmoid, with MSE and a sigmoid, with MSE and a linear output. The rows of the two losses look alike, with soft strokes on clean black. The linear row shows the same digits on a faintly mottled background."}, "figure": {"caption": "**Figure 8.5. Three arms, the same digits.** After the last training step, from the mean image. The two losses can hardly be told apart; the linear output leaves a faint mottle on the background. (Ripples below 0 are shown as black.)"}}
rows = {"clean": tests["digits"], "noisy": noisy["digits"]}
for arm in ARMS:
    rows[",\n".join(arm)] = answers["digits", "mean image", *arm, 0]
du.plotting.show_images([x[:12] for x in rows.values()], list(rows), size=0.5)
plt.show()

# %% [markdown]
# ## Can a nearly black pixel be believed?
#
# By the plain squared error three seeds could not tell the losses apart. The weights point to another place, near black. There is a test for it that needs no knowledge of $R^*$. Take all pixels that a network reconstructs as nearly black, say between 0.001 and 0.01. Average the *clean* pixels there, and divide by the average of the reconstructions. For the posterior mean the result is 1, since the mean of $x$ among all inputs with the same $R^*$ is $R^*$. We call this ratio the **calibration** near black.
#
# A squared error hardly cares about this ratio: an error of 0.001 costs it $0.000001$. Under BCE the same error at $R^*=0.01$ costs about fifty times as much, because its weight there is 50.5. (The exact factor is 47 if the answer is too bright and 54 if it is too dark.)
#
# Figure 8.6 shows the clean mean against the reconstruction for the three arms (three networks each, taken together). Beside them are two U-Nets that ship with the book. One was trained with BCE and has a sigmoid; the other was trained with a squared error and has a linear output, in the manner of Karras et al. (2022).


# %% tags=["hide-input"]
def calibration(r, x, low=0.001, high=0.01):
    """Mean clean pixel over mean reconstruction where low < r < high."""
    dark = (r > low) & (r < high)
    return (x[dark].mean() / r[dark].mean()).item()


def reliability(r, x):
    """Mean reconstruction and mean clean pixel in bins of the reconstruction."""
    edges = torch.logspace(-3, 0, 10)
    bins = [(r >= low) & (r < high) for low, high in zip(edges, edges[1:])]
    return np.array([(r[k].mean(), x[k].mean()) for k in bins if k.sum() > 300]).T


small = {
    arm: torch.cat([answers["digits", "mean image", *arm, k] for k in range(3)])
    for arm in ARMS
}
x_small, x_pair = tests["digits"].repeat(3, 1, 1, 1), tests["digits"][:500]
shipped = {
    ("BCE", "sigmoid"): du.load("digits-unet-bce", "cpu"),
    ("MSE", "linear"): du.load("digits-unet-edm", "cpu"),
}
with torch.no_grad():
    shipped = {k: net(noisy["digits"][:500], sigma) for k, net in shipped.items()}

# %% tags=["hide-input", "nbval-ignore-output"] mystnb={"image": {"alt": "Two panels with logarithmic axes, mean clean pixel against reconstruction, and a grey diagonal. Left, plain networks: the two sigmoid curves stay near the diagonal, the linear one falls far below it for reconstructions under 0.1. Right, U-Nets: BCE with a sigmoid follows the diagonal; MSE with a linear output falls to a tenth of it near 0.002."}, "figure": {"caption": "**Figure 8.6. Near black the output decides more than the loss.** Mean clean pixel against reconstruction on test digits at $\\sigma=0.5$. The posterior mean would follow the grey line. Left: the three arms of Figure 8.5. Right: two U-Nets, which differ in loss and output."}}
fig, axes = plt.subplots(1, 2, figsize=(7.2, 3.3), sharex=True, sharey=True)
for ax, sets, x in ((axes[0], small, x_small), (axes[1], shipped, x_pair)):
    for (loss, out), r in sets.items():
        style = "-" if out == "sigmoid" else "--"
        ax.loglog(
            *reliability(r, x), style, color=COLOR[loss], label=f"{loss}, {out}"
        )
    ax.plot([1e-3, 1], [1e-3, 1], color=GREY, lw=0.8)
    ax.set_xlabel("reconstruction, mean of a bin")
axes[0].legend(loc="lower right")
axes[0].set(ylabel="clean pixel, mean", title="plain networks")
axes[1].set_title("U-Nets")
plt.show()

# %% tags=["hide-input", "nbval-ignore-output"]
calibrated, share = {}, {}
for who, sets, x in (("plain", small, x_small), ("U-Net", shipped, x_pair)):
    for arm, r in sets.items():
        calibrated[who, arm] = calibration(r, x)
        share[who, arm] = ((r < 0) | (r > 1)).float().mean().item()
columns = {"clean / reconstructed": ".2f", "of all pixels, outside [0, 1]": ".2f"}
du.table(
    [
        [", ".join([who, *arm]), calibrated[who, arm], share[who, arm]]
        for who, arm in share
    ],
    {"pixels between 0.001 and 0.01": ""} | columns,
)

# %% tags=["hide-input"]
du.claim(
    "Where the linear network says nearly black, the clean mean is {} of its answer",
    calibrated["plain", ("MSE", "linear")],
    at_most=0.4,
    tolerance=0.6,
)

# %% tags=["hide-cell"]
for arm in ARMS[:2]:
    du.claim(
        f"With a sigmoid and {arm[0]} their mean over that of the answers is {{}}",
        calibrated["plain", arm],
        at_least=0.55,
        at_most=1.5,
        tolerance=0.5,
    )
du.claim(
    "Of the U-Net trained with BCE the ratio is {}",
    calibrated["U-Net", ARMS[0]],
    at_least=0.5,
    at_most=1.6,
)
du.claim(
    "Of the U-Net with the linear output the ratio is {}",
    calibrated["U-Net", ARMS[2]],
    at_most=0.45,
)
du.claim(
    "A linear output leaves [0, 1] in a share of at least {}",
    min(share["plain", ARMS[2]], share["U-Net", ARMS[2]]),
    at_least=0.25,
)

# %% [markdown]
# In the left panel of Figure 8.6 both sigmoid networks stay close to the grey line. The linear network falls far below it: pixels that it calls nearly black have on average about an eighth of the value that it gives them. More than a third of its values lie outside $[0,1]$. Most of these are small ripples around 0 on the black background, and a value of 0.005 is just such a ripple.
#
# The two U-Nets show the same contrast, although they are larger and were trained for longer. They differ in loss and output, so they could not tell which of the two is responsible. The three plain networks can, because the two that share a loss differ most: it is the output. The loss has a smaller part. Between 0.01 and 0.1 the green solid curve runs a little below the black one, which is the side on which the weights lead us to expect it; further left the two curves cross.
#
# A sigmoid is no guarantee. The ratios of the plain networks are 0.85 and 0.80, not 1, and with a path past the code the ratio can be far from 1 (exercise (d)).
#
# Does it matter? For the score in the plain norm, hardly: these errors are small in absolute size. It matters to whoever uses $\log R$, or wants to read a reconstruction as a probability.

# %% [markdown]
# ## Verdict
#
# | where | what is scarce | the loss | the output |
# |---|---|---|---|
# | one pixel, wrong and confident, plain gradient descent | steps | BCE leaves at once, MSE is stuck | the sigmoid makes the plateau |
# | two pixels through one number | room | each keeps another pixel and wins by its own measure | not varied |
# | a black-or-white pixel, 100 examples, a model that contains $R^*$ | data | BCE wins by both measures | not varied |
# | the ring, 200 steps | steps, but nothing is near black or white | MSE wins by both measures | no part, by construction |
# | digits and clothes, plain network | steps | squared error: not decided; in BCE, the BCE network by one or two per cent | matters more: on digits through the first answer, on clothes early in the training |
# | nearly black pixels of digits | steps | a little | matters most: the clean mean is 0.85 and 0.80 of the answer with a sigmoid, 0.13 with a linear output |

# %% [markdown]
# **P1** says that on images BCE is a natural loss, because pixels lie in $[0,1]$ and a decoder can be built whose outputs lie in $(0,1)$. It is natural in a precise sense: for black-or-white pixels it is maximum likelihood, and for grey ones it still has the right best answer. In our networks outputs in $(0,1)$ also had an advantage near black, with either loss. But P1 does not say that BCE gives the smaller squared error. It did for the single pixel with 100 examples. On digits and clothes we saw no difference.
#
# **P2** holds with either loss, because both have the posterior mean as their best answer. To take gradient steps, nothing in this chapter speaks against MSE. On the ring it came nearer to the exact score in the same number of steps. On images, after a short training, three seeds could not tell the two apart in squared error. Choose BCE where small errors near black and white count. Choose it, too, where pixels really are black or white, data are scarce and the network can express $R^*$, or where a network with a sigmoid may start out wrong and confident.

# %% [markdown]
# ## What to remember
#
# * BCE and MSE have the same best answer, the posterior mean. Near it, BCE is a squared error with the weight $1/(2R^*(1-R^*))$, which is large near black and white.
# * The choice of the loss matters where room, steps or data are scarce. With little room each loss wins by its own measure. With little data, and a model that contains $R^*$, the loss wins whose weights match the uncertainty of the pixels: BCE where they are black or white. In our short trainings on digits and clothes the loss mattered less than the network's first answer.
# * The loss, the output layer and the network's first answer are three choices. Change one at a time, pair the seeds, and give the interval.

# %% [markdown]
# **Check your understanding.** Pick an answer and click it to see whether it is right.

# %% tags=["remove-input"]
du.quiz("08")

# %% [markdown]
# **Exercises.** (a) Train the ring with Adam for three lengths. Is the same loss ahead at each of them? (b) Let pixel 2 of the narrow code vary by ± 0.05. Where does BCE change its mind now? Predict first. (c) In the black-or-white experiment replace the pixel by $x=R^*\pm0.05$, over a wide range of $R^*$. Which loss wins, and by which measure? (d) Train ten times longer. Does the difference of the two losses near black shrink? They are in [exercises/08-bce-or-mse.ipynb](exercises/08-bce-or-mse.ipynb).
#
# **Further reading.** On losses whose best answer is the mean: Banerjee, Guo & Wang (2005), [On the optimality of conditional expectation as a Bregman predictor](https://doi.org/10.1109/TIT.2005.850145). Vincent (2011), [A connection between score matching and denoising autoencoders](https://doi.org/10.1162/NECO_a_00142). Alain & Bengio (2014), [arXiv:1211.4246](https://arxiv.org/abs/1211.4246). Creswell, Arulkumaran & Bharath (2017), [arXiv:1708.08487](https://arxiv.org/abs/1708.08487). Karras et al. (2022), [arXiv:2206.00364](https://arxiv.org/abs/2206.00364).
