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
# # 02 · The score inside BCE
#
# [Open in Colab](https://colab.research.google.com/github/OWNER/denoising-and-the-score/blob/main/notebooks/02-the-score-inside-bce.ipynb)
#
# **Question.** Why does a network trained with binary cross-entropy know the gradient of log p?
#
# **You will be able to** derive the optimum of BCE for grey targets; derive Tweedie's formula; say what "small
# noise" buys and what it does not; turn the excess of the loss over its floor into a bound on the error of the score.
#
# **Prerequisites.** Chapter 01. Gradients, densities, Jensen's inequality. **Time.** Half an hour to read; the code
# takes well under a minute on two CPU cores (the README has the measured times).
#
# **From the paper.** Statement P2: a denoising autoencoder (DAE) trained with BCE can be used to take gradient steps
# in data space towards regions of high probability. Before, this was shown for the squared error (Alain & Bengio 2014).
# This chapter derives it in its sharpest form, at every noise level; the form used here is ours, its parts are older,
# and each is credited where it enters.

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
import numpy as np
import sympy
import torch
from scipy.integrate import quad

du.plotting.use_style()

# %% [markdown] tags=["slide"]
# ## The plan
#
# Clean data $x$ in $[0,1]^d$ follows a law $p$. We corrupt it, $\tilde x = x + \sigma\varepsilon$ with
# $\varepsilon \sim N(0, I)$, and never clamp the result. The corrupted data has the density
# $p_\sigma = p * N(0, \sigma^2 I)$, a blurred $p$. Its **score** is $s_\sigma = \nabla\log p_\sigma$: an arrow at each
# point, towards where corrupted data is more likely. A network sees $\tilde x$ and gives a reconstruction
# $R(\tilde x) = \mathrm{sigmoid}(a(\tilde x))$ from its logits $a$. Two steps lead from the loss to the score:
#
# 1. the best reconstruction under BCE is the **posterior mean** $R^*(\tilde x) = E[x \mid \tilde x]$;
# 2. the posterior mean, minus the input, is $\sigma^2$ times the score.

# %% [markdown]
# Then we ask what happens as $\sigma \to 0$, and what happens when the network is not the optimum. Each line of a derivation is followed by a cell that checks it, by computer
# algebra (sympy) or by quadrature. In several dimensions every line holds coordinate by coordinate; one dimension keeps the checks exact.

# %% [markdown] tags=["slide"]
# ## Step 1. The optimum of BCE is the posterior mean
#
# *(T1. The book numbers what it derives T1 to T9; the web book's page *Notation* lists them. It sharpens P1: BCE is natural for images, grey ones included.)*
#
# For one pixel, a reconstruction $r$ of a target $x$ costs
# $$\mathrm{BCE}(r, x) = -x\log r - (1-x)\log(1-r).$$
# This is *linear in the target*. So if many targets are possible, given the same input, the expected cost depends on
# them only through their mean $m = E[x \mid \tilde x]$:
# $$E[\mathrm{BCE}(r, x)\mid\tilde x] = -m\log r - (1-m)\log(1-r).$$
# Nothing was said of $x$ being 0 or 1. Let sympy differentiate, in $r$ and in the logit $a$.

# %%
m, r = sympy.symbols("m r", positive=True)
a = sympy.symbols("a", real=True)
risk = -m * sympy.log(r) - (1 - m) * sympy.log(1 - r)
sigmoid = 1 / (1 + sympy.exp(-a))

in_r = sympy.diff(risk, r)
in_a = sympy.diff(risk.subs(r, sigmoid), a)
curvature = sympy.diff(in_a, a)

du.claim("d risk / d r = (r - m) / (r (1 - r))", sympy.simplify(in_r - (r - m) / (r * (1 - r))) == 0)
du.claim("d risk / d a = sigmoid(a) - m", sympy.simplify(in_a - (sigmoid - m)) == 0)
du.claim("its curvature in a is r (1 - r) > 0", sympy.simplify(curvature - sigmoid * (1 - sigmoid)) == 0)

# %% [markdown]
# The derivative vanishes at $r = m$ and nowhere else, and the curvature is positive: $R^* = E[x \mid \tilde x]$ is the
# one minimum. The gradient that reaches the network, $\mathrm{sigmoid}(a) - m$, is as plain as that of least squares.
#
# What remains above the floor is a divergence, and it will matter in step 4. Write $H(m)$ for the risk at $r=m$, the entropy of Bernoulli($m$). Then
# $$E[\mathrm{BCE}(r,x)\mid\tilde x]-H(m)=m\log\frac mr+(1-m)\log\frac{1-m}{1-r}=\mathrm{kl}(m\,\|\,r).$$

# %%
kl = m * sympy.log(m / r) + (1 - m) * sympy.log((1 - m) / (1 - r))
gap = sympy.expand_log(risk - risk.subs(r, m) - kl, force=True)
du.claim("risk - entropy = kl(m || r), as expressions", sympy.simplify(gap) == 0)

# %% [markdown]
# **Misconception: "BCE needs binary data."** It needs data in $[0,1]$. Its *floor* is not 0: at the optimum the loss is the entropy of Bernoulli($m$), which is 0 only where $m$ is 0 or 1. A grey pixel raises it, and so does a black-or-white pixel that the noise leaves in doubt. A BCE that stops at 0.07
# nats a pixel may be perfect. So a second misconception falls with the first: **"a loss that does not reach 0 means a bad network."** The general reason: BCE minus the entropy of the target is a Bregman divergence, and
# every one of them is minimised by the mean (Banerjee, Guo & Wang 2005). Squared error is another; it has the same $R^*$.

# %% [markdown]
# ## Step 2. The posterior mean contains the score
#
# *(T2. With step 1 it is P2, made exact: gradient steps towards regions of high probability, at any noise level.)*
#
# The density of the corrupted data is $p_\sigma(y) = \int p(x)\,N(y; x, \sigma^2)\,dx$. Only the Gaussian depends on $y$, and its derivative is bounded, so we may differentiate under the integral, whatever $p$ is. The Gaussian obliges:

# %%
x, y = sympy.symbols("x y", real=True)
s = sympy.symbols("sigma", positive=True)
gaussian = sympy.exp(-((y - x) ** 2) / (2 * s**2)) / (sympy.sqrt(2 * sympy.pi) * s)
du.claim(
    "sigma^2 dN/dy = (x - y) N", sympy.simplify(s**2 * sympy.diff(gaussian, y) - (x - y) * gaussian) == 0
)

# %% [markdown] tags=["slide"]
# Multiply by $p(x)$, integrate over $x$, divide by $p_\sigma(y)$:
# $$\sigma^2\,\frac{p_\sigma'(y)}{p_\sigma(y)} = \frac{\int (x-y)\,p(x)N(y;x,\sigma^2)dx}{p_\sigma(y)} = E[x\mid\tilde x = y] - y .$$
# The left side is $\sigma^2$ times the derivative of $\log p_\sigma$. This is Tweedie's formula (Robbins 1956, Miyasawa 1961, Efron 2011). With step 1:
#
# $$\boxed{\;R^*(\tilde x) - \tilde x \;=\; \sigma^2\,\nabla\log p_\sigma(\tilde x)\;}$$

# %% [markdown]
# It is exact at every $\sigma$. No small noise, no smooth $p$: to insist on that, take a law with a jump,
# $p(x) = 2x$ on $[0,1]$, and compute both sides by quadrature, the left from its definition as a mean and the right
# as a numerical derivative of $\log p_\sigma$.


# %%
def noise_density(z, sigma):
    return np.exp(-(z**2) / (2 * sigma**2)) / np.sqrt(2 * np.pi * sigma**2)


def smoothed(y, sigma, power=0):
    """Integral of x^power p(x) N(y; x, sigma^2) for p(x) = 2x on [0, 1]."""
    where = [float(np.clip(y, 0.01, 0.99))]  # tell quad where the peak is
    return quad(lambda x: x**power * 2 * x * noise_density(y - x, sigma), 0, 1, points=where)[0]


places = np.linspace(-0.4, 1.6, 41)
h = 1e-4
sides = {}
for sigma in (0.05, 0.2, 0.5):
    left = [
        smoothed(y, sigma, 1) / smoothed(y, sigma) - y for y in places if abs(y - 0.5) < 0.5 + 3 * sigma
    ]
    right = [
        sigma**2 * (np.log(smoothed(y + h, sigma)) - np.log(smoothed(y - h, sigma))) / (2 * h)
        for y in places
        if abs(y - 0.5) < 0.5 + 3 * sigma
    ]
    sides[sigma] = np.array(left), np.array(right)
    du.claim(
        f"At sigma = {sigma} the two sides agree, although p jumps: the largest difference is {{}}",
        np.abs(sides[sigma][0] - sides[sigma][1]).max(),
        at_most=1e-5,
    )

# %% mystnb={"image": {"alt": "Reconstruction minus input against the place of the corrupted point, for three noise levels: lines from the posterior mean pass exactly through the dots from the derivative of the log density."}} tags=["slide"]
fig, ax = plt.subplots()
for sigma, (left, right) in sides.items():
    at = places[np.abs(places - 0.5) < 0.5 + 3 * sigma]
    (line,) = ax.plot(at, left, label=f"$\\sigma$ = {sigma}")
    ax.plot(at, right, "o", ms=4, color=line.get_color())
ax.axhline(0, color="gray", lw=0.8)
ax.set(
    xlabel=r"corrupted point $\tilde x$",
    ylabel=r"$R^*(\tilde x) - \tilde x$",
    title=r"Lines: posterior mean minus input.  Dots: $\sigma^2\,d\log p_\sigma/d\tilde x$.",
)
ax.legend()
plt.show()

# %% [markdown]
# **Misconception: "the DAE follows the data's density, so it needs a smooth one."** This $p$ jumps at 1, and atoms would do as well. What is differentiated is the Gaussian.
#
# Each line crosses zero at the mode of its own $p_\sigma$, is positive to the left of it and negative to the right: it always points uphill.
#
# ## What a step does
#
# So replacing $\tilde x$ by $R^*(\tilde x)$ is a gradient step of size $\sigma^2$ on $\log p_\sigma$. A gradient step may overshoot; this one cannot.
# A short argument (statement T5, derived in chapter 04; with it P3 becomes an inequality) shows
# $\log p_\sigma(R^*(y)) - \log p_\sigma(y) \ge |R^*(y)-y|^2 / (2\sigma^2)$. From here on we use a mixture of Gaussians, for which
# `daeutils` knows density, score and posterior mean exactly at every $\sigma$.

# %%
law = du.GaussianMixture([[0.3], [0.62], [0.72]], [0.07**2, 0.04**2, 0.06**2], [0.5, 0.2, 0.3])
sigma = 0.1
p_sigma = law.smooth(sigma)
start = torch.linspace(-0.3, 1.3, 200, dtype=torch.float64)[:, None]

point, gains = start, []
for _ in range(20):
    step = sigma**2 * p_sigma.score(point)
    moved = point + step
    gains.append(p_sigma.log_prob(moved) - p_sigma.log_prob(point) - (step**2).sum(1) / (2 * sigma**2))
    point = moved
du.claim(
    "No step gains less than |step|^2 / (2 sigma^2): the smallest surplus is {} nats",
    torch.stack(gains).min().item(),
    at_least=-1e-10,
)
du.claim(
    "point + sigma^2 score is the posterior mean: the largest difference is {}",
    (start + sigma**2 * p_sigma.score(start) - law.posterior_mean(start, sigma)).abs().max().item(),
    at_most=1e-10,
)

# %% [markdown]
# Move the sliders: the noise level, and a corrupted point. Above, the posterior: which clean points may it have been? Its mean is $R^*(\tilde x)$. Below, the law, the
# blurred law $p_\sigma$, and the step from $\tilde x$ to $R^*(\tilde x)$: always uphill on the blurred curve, not always on the other. The static page shows one choice.


# %% mystnb={"image": {"alt": "Above, the posterior of the clean point given one corrupted point, with its mean marked. Below, a law with several bumps, its blurred version, and an arrow along the blurred curve from the corrupted point to the posterior mean: it goes uphill."}} tags=["nbval-ignore-output"]
def draw(sigma, point):
    x = torch.linspace(-0.2, 1.2, 400)[:, None]
    p_sigma, here = law.smooth(sigma), torch.tensor([[point]])
    moved = law.posterior_mean(here, sigma)
    posterior = (law.log_prob(x) - (x[:, 0] - point) ** 2 / (2 * sigma**2)).softmax(0)
    _, (top, bottom) = plt.subplots(2, 1, figsize=(7, 3.8), sharex=True, layout="none")
    top.fill_between(x[:, 0], posterior, color=du.plotting.ACCENT, alpha=0.5)
    top.axvline(moved.item(), color=du.plotting.ACCENT)
    top.set(title=f"posterior of x given x̃ = {point:g}, and its mean; σ = {sigma:g}", yticks=[])
    bottom.plot(x, law.log_prob(x).exp(), color="gray", lw=1, label="$p$")
    bottom.plot(x, p_sigma.log_prob(x).exp(), color=du.plotting.PAPER, label=r"$p_\sigma$")
    ends = [(at.item(), p_sigma.log_prob(at).exp().item()) for at in (here, moved)]
    bottom.annotate("", ends[1], ends[0], arrowprops={"arrowstyle": "-|>", "lw": 2})
    bottom.set(xlabel="arrow: from x̃ to R*(x̃)", ylabel="density", ylim=(0, 4.2))
    bottom.legend()


du.slide(
    draw,
    sigma=[0.01, 0.02, 0.05, 0.1, 0.2, 0.4],
    point=[0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0],
    start={"sigma": 0.1, "point": 0.9},
)

# %% [markdown]
# ## Step 3. Small noise: the form of the statement for $p$ itself
#
# *(T3. P2 speaks of the data-generating law; this is the sense in which it holds for that law.)*
#
# The arrows belong to $p_\sigma$, not to $p$. Where $p$ is smooth and positive the two meet as $\sigma\to0$, in three lines.
#
# 1. Expand $p$ about $y$ under the integral. The odd moments of the noise vanish, the second is $\sigma^2$, the fourth $3\sigma^4$:
#    $p_\sigma(y) = E[p(y-\sigma\varepsilon)] = p + \tfrac{\sigma^2}{2}p'' + \tfrac{\sigma^4}{8}p^{(4)} + \dots$
# 2. Take the logarithm: $\log p_\sigma = \log p + \tfrac{\sigma^2}{2}\,p''/p + O(\sigma^4)$.
# 3. For any smooth positive $p$: $p''/p = (\log p)'' + ((\log p)')^2$.

# %%
e = sympy.symbols("e", real=True)
normal = sympy.exp(-(e**2) / 2) / sympy.sqrt(2 * sympy.pi)
moments = [sympy.integrate(e**k * normal, (e, -sympy.oo, sympy.oo)) for k in range(5)]
du.claim("line 1: the moments of the noise are 1, 0, 1, 0, 3", moments == [1, 0, 1, 0, 3])

p2, p4 = sympy.symbols("p2 p4", real=True)  # p''/p and p''''/p at one point
expanded = sympy.series(sympy.log(1 + s**2 / 2 * p2 + s**4 / 8 * p4), s, 0, 4).removeO()
du.claim("line 2: the term in sigma^2 is p''/(2p)", sympy.simplify(expanded - s**2 / 2 * p2) == 0)

q = sympy.Function("p", positive=True)
identity = q(y).diff(y, 2) / q(y) - sympy.log(q(y)).diff(y, 2) - sympy.log(q(y)).diff(y) ** 2
du.claim("line 3: p''/p = (log p)'' + ((log p)')^2, for any p", sympy.simplify(identity) == 0)

# %% [markdown]
# With Tweedie's formula, $(R^*(x)-x)/\sigma^2=(\log p_\sigma)'(x)$, these three give
# $$\frac{R^*(x)-x}{\sigma^2} = (\log p)'(x) + \frac{\sigma^2}{2}\,\frac{d}{dx}\Big[(\log p)'' + \big((\log p)'\big)^2\Big](x) + O(\sigma^4).$$
# (In $d$ dimensions read $\nabla$ for the derivative and the Laplacian for the second.) So the distance to $\nabla\log p$ falls with slope 2 on a log-log plot, and its size can be predicted from
# $p$ alone. The distance to $\nabla\log p_\sigma$ is zero at any $\sigma$.

# %%
X = sympy.symbols("x", real=True)
density = sum(
    float(w) * sympy.exp(-((X - float(mu)) ** 2) / (2 * float(v))) / sympy.sqrt(2 * sympy.pi * float(v))
    for w, mu, v in zip(law.weights, law.means[:, 0], law.covariances[:, 0, 0])
)
log_p = sympy.log(density)
term = sympy.diff(sympy.diff(log_p, X, 2) + sympy.diff(log_p, X) ** 2, X) / 2  # leading coefficient of T3
coefficient = sympy.lambdify(X, term, "numpy")

at = torch.linspace(0.1, 0.95, 200, dtype=torch.float64)[:, None]
weight = law.log_prob(at).exp()
sigmas = np.geomspace(0.002, 0.016, 7)


def distance(field, other):
    return ((weight * (field - other)[:, 0] ** 2).sum() / weight.sum()).sqrt().item()


read_off = {s: (law.posterior_mean(at, s) - at) / s**2 for s in sigmas}
to_p = [distance(read_off[s], law.score(at)) for s in sigmas]
to_p_sigma = [distance(read_off[s], law.smooth(s).score(at)) for s in sigmas]
predicted = [
    distance(torch.zeros_like(at), s**2 * torch.from_numpy(coefficient(at.numpy()))) for s in sigmas
]
slope = np.polyfit(np.log(sigmas), np.log(to_p), 1)[0]

du.claim(
    "On a log-log plot the distance to grad log p falls with slope {}", slope, at_least=1.9, at_most=2.1
)
du.claim(
    "At the smallest sigma that distance is {} times what the formula predicts",
    to_p[0] / predicted[0],
    at_least=0.98,
    at_most=1.02,
)
du.claim(
    "The distance to grad log p_sigma is zero at every sigma: the largest is {}",
    max(to_p_sigma),
    at_most=1e-6,
)

# %% mystnb={"image": {"alt": "Log-log plot: the distance of the read-off score to grad log p falls as sigma squared along the predicted line; the distance to grad log p_sigma stays at rounding level."}} tags=["slide"]
fig, ax = plt.subplots()
ax.loglog(sigmas, to_p, "o", label=r"distance to $\nabla\log p$, measured")
ax.loglog(sigmas, predicted, color=du.plotting.PAPER, lw=1, label=r"leading term, $\propto\sigma^2$")
ax.loglog(sigmas, to_p_sigma, "s", ms=4, label=r"distance to $\nabla\log p_\sigma$ (rounding)")
ax.set(xlabel=r"noise level $\sigma$", ylabel="root mean square distance", title="What small noise buys")
ax.set_xticks([0.002, 0.004, 0.008, 0.016], ["0.002", "0.004", "0.008", "0.016"])
ax.minorticks_off()
ax.legend()
plt.show()

# %% [markdown]
# **Misconception: "it holds only for small noise."** That is the price of speaking about $p$. About $p_\sigma$ it is exact.

# %% [markdown] tags=["slide"]
# ## Step 4. A certificate for a network that is not perfect
#
# *(T4. For squared error it is Vincent's; for BCE it is Pinsker's inequality put to use. It says how nearly P2 holds for the network that you have.)*
#
# A real network is not at the optimum. How far is its score? Average the identity of step 1 over $\tilde x$ and add up the pixels: the *excess* of a network's BCE over the best possible one is
# $$E[\mathrm{BCE}(R,x)] - E[\mathrm{BCE}(R^*,x)] = E\sum_i \mathrm{kl}(R^*_i\,\|\,R_i).$$
# **Pinsker's inequality** $\mathrm{kl}(m\|r)\ge 2(m-r)^2$ turns it into a distance. Proof: both sides vanish at $r=m$, and the derivative of their difference in $r$ is
# $(r-m)\big(\tfrac{1}{r(1-r)}-4\big)$, whose second factor is never negative. Division by $\sigma^4$ makes it a distance between scores:
# $$\boxed{\;E|\hat s - s_\sigma|^2 \;\le\; \frac{\text{excess}}{2\,\sigma^4}\;}, \qquad \hat s(\tilde x) = \frac{R(\tilde x)-\tilde x}{\sigma^2}.$$

# %% [markdown]
# For squared error there is equality, without the factor 2: $E|R-x|^2-E|R^*-x|^2=E|R-R^*|^2=\sigma^4E|\hat s-s_\sigma|^2$ (Vincent 2011: denoising score matching).
#
# The excess needs the floor. Here $R^*$ is known, and with it the floor. For images it is not; by Jensen's inequality the floor is at least the mean entropy of the clean pixels themselves, so the loss
# minus that is a bound on the excess, though a loose one.
#
# **How tight?** To second order $\mathrm{kl}(m\|r)\approx(r-m)^2/(2m(1-m))$. So near the optimum the ratio of certificate to error is the mean of $1/(4R^*(1-R^*))$, weighted by the squared
# errors: 1 at mid-grey, 4/3 at $R^*=\tfrac14$ or $\tfrac34$, large only next to black and white. First the ingredients, then a network in training. `du.MLPDenoiser` is a small network for points (chapter 03 opens it); `du.fit` is the training loop of chapter 01, here with fresh points of the law at each step.

# %%
difference = sympy.diff(kl - 2 * (m - r) ** 2, r)
by_hand = (r - m) * (1 / (r * (1 - r)) - 4)
du.claim("Pinsker: the derivative is (r - m)(1/(r(1-r)) - 4)", sympy.simplify(difference - by_hand) == 0)
square = (1 - 2 * r) ** 2 / (r * (1 - r))
du.claim("its second factor is a square over r(1-r)", sympy.simplify(1 / (r * (1 - r)) - 4 - square) == 0)

second = sympy.diff(kl, r, 2).subs(r, m) / 2
du.claim("kl to second order: 1/(2m(1-m))", sympy.simplify(second - 1 / (2 * m * (1 - m))) == 0)

mean, variance = sympy.symbols("mean variance", real=True)  # of x given x~: E[x^2] = variance + mean^2
excess_of_square = (r**2 - 2 * r * mean + variance + mean**2) - variance
du.claim(
    "squared error: the excess is (r - mean)^2", sympy.simplify(excess_of_square - (r - mean) ** 2) == 0
)

# %%
generator = torch.Generator().manual_seed(0)
x_noisy = du.corruption.gaussian(law.sample(50_000, generator), sigma, generator)
optimum = law.posterior_mean(x_noisy, sigma)
exact = law.smooth(sigma).score(x_noisy)

budgets = [10, 20, 40, 80, 160, 320, 640]
errors, bounds, predicted_ratio = [], [], []
for steps in budgets:
    network = du.MLPDenoiser(1, hidden=48, depth=2)
    du.fit(network, law, sigma=sigma, steps=steps, batch_size=512, device="cpu")
    with torch.no_grad():
        logits = network.logits(x_noisy)
        learned = du.score_from_denoiser(network, x_noisy, sigma)
    errors.append((learned - exact).square().sum(1).mean().item())
    excess = du.objectives.excess_risk(logits, optimum).mean().item()
    bounds.append(du.certificate(excess, sigma))
    share = (learned - exact) ** 2
    predicted_ratio.append(((share / (4 * optimum * (1 - optimum))).sum() / share.sum()).item())

du.claim(
    "The certificate is never below the true error: the smallest ratio of the two is {}",
    min(b / e for b, e in zip(bounds, errors)),
    at_least=1.0,
)
du.claim(
    "The certificate is never above twice the true error: the largest ratio is {}",
    max(b / e for b, e in zip(bounds, errors)),
    at_most=2.0,
)
du.claim(
    "After the longest training the error of the score is {} of that after the shortest",
    errors[-1] / errors[0],
    at_most=0.2,
)
slack = bounds[-1] / errors[-1] / predicted_ratio[-1]
du.claim(
    "At the end the ratio of certificate and error is {} times the predicted one",
    slack,
    at_least=0.9,
    at_most=1.1,
)

# %% tags=["nbval-ignore-output"]
print("steps   true error   certificate   ratio   predicted   (numbers vary a little by machine)")
for steps, *row in zip(budgets, errors, bounds, predicted_ratio):
    print(f"{steps:5d} {row[0]:12.4f} {row[1]:13.4f} {row[1] / row[0]:7.2f} {row[2]:11.2f}")

# %% mystnb={"image": {"alt": "The certificate lies above the true squared error of the score at every training length, and both fall as training goes on."}} tags=["nbval-ignore-output", "slide"]
fig, ax = plt.subplots()
ax.loglog(
    budgets, bounds, "o-", color=du.plotting.ACCENT, label="certificate: excess BCE / (2 $\\sigma^4$)"
)
ax.loglog(budgets, errors, "o-", color=du.plotting.PAPER, label=r"true error $E|\hat s - s_\sigma|^2$")
ax.set(xlabel="training steps", ylabel="squared error of the score", title="The loss certifies the score")
ax.set_xticks(budgets, budgets)
ax.minorticks_off()
ax.legend()
plt.show()

# %% [markdown] tags=["slide"]
# ## Recap
#
# * BCE is linear in its target, so its optimum is the posterior mean, for grey pixels as for binary ones.
# * The posterior mean minus the input is $\sigma^2\nabla\log p_\sigma$: exactly, at every $\sigma$, for every law. P2 holds in this sharper form.
# * About $p$ itself the statement is a limit, with an error of order $\sigma^2$ whose size we can predict.
# * The excess of the loss over its floor bounds the error of the score.

# %% [markdown]
# **Check your understanding.** Open the answer that you would give: it says whether it is right, and why.

# %% tags=["remove-input"]
du.quiz("02")

# %% [markdown]
# **Exercises.** (a) Repeat step 2 for a law with an atom at 0.5. What changes? (b) Show that the Bregman divergence
# of $\phi(t) = t^2$ has the same optimum, and derive the equality for squared error. (c) Move the law to
# the left, next to black, and make its bumps narrow enough to stay inside. What happens to the certificate's ratio, and does the prediction follow?
# They wait with checks in [exercises/02-the-score-inside-bce.ipynb](exercises/02-the-score-inside-bce.ipynb).
#
# **References.** Miyasawa 1961; Robbins 1956; Banerjee, Guo & Wang 2005; Efron 2011; Vincent 2011; Alain & Bengio 2014;
# Creswell, Arulkumaran & Bharath 2017 (arXiv:1708.08487).
