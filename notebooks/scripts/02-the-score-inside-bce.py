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
# A pixel arrives with the value 0.6. You know that the clean pixel was black (0) or white (1) with equal probability, and that Gaussian noise of standard deviation 0.3 was added to it. Chapter 01 worked out the best answer to give when it is graded by binary cross-entropy: 0.752, the probability that the pixel was white.
#
# Look at what that answer does. It was handed 0.6 and it says 0.752. It *moves* the pixel by $+0.152$, towards white, the more probable explanation. Divide the move by $\sigma^2=0.09$ and you get 1.69.
#
# Now forget about networks. Plot the density of the *corrupted* pixels: two bumps, around 0 and around 1. Figure 2.1 shows it, and next to it the logarithm. The slope of that logarithm at 0.6 is 1.69, too.

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

# %% tags=["hide-input"] mystnb={"image": {"alt": "Left: the density of corrupted pixels, two bumps around 0 and 1, with an arrow from 0.6 to 0.752. Right: the logarithm of that density; at 0.6 its tangent has slope 1.69."}, "figure": {"caption": "**Figure 2.1. A coincidence?** Left: the best answer moves a pixel from 0.6 to 0.752. Right: the slope of the log-density at 0.6 equals that move divided by $\\sigma^2$."}}
import matplotlib.pyplot as plt
import numpy as np
import sympy
import torch
from torch.nn import functional as F

du.plotting.use_style()

pixel = du.from_points(torch.tensor([[0.0], [1.0]]).double())
p_noisy = pixel.smooth(0.3)
here = torch.tensor([[0.6]]).double()
answer = pixel.posterior_mean(here, 0.3).item()
slope = p_noisy.score(here).item()
y = torch.linspace(-0.6, 1.6, 200).double()[:, None]
fig, (left, right) = plt.subplots(1, 2, figsize=(7.2, 2.8))
left.plot(y, p_noisy.log_prob(y).exp(), color=du.plotting.EXACT)
height = p_noisy.log_prob(here).exp().item()
left.annotate(
    "", (answer, height), (0.6, height), arrowprops={"arrowstyle": "-|>", "lw": 2}
)
left.text(0.68, height - 0.03, f"0.6 → {answer:.3f}", ha="center", va="top")
left.set(xlabel="corrupted pixel $y$", ylabel="density", ylim=(0, 0.75))
left.set_title("The best answer moves 0.6 to 0.752")
right.plot(y, p_noisy.log_prob(y), color=du.plotting.EXACT)
tangent = torch.tensor([0.4, 0.8])
right.plot(tangent, p_noisy.log_prob(here).item() + slope * (tangent - 0.6), "k")
right.plot(0.6, p_noisy.log_prob(here), "ko", ms=5)
right.text(0.62, p_noisy.log_prob(here).item() - 0.25, f"slope {slope:.2f}")
right.set(xlabel="corrupted pixel $y$", ylabel="log-density")
right.set_title("The log-density has slope 1.69 at 0.6")
plt.show()

# %% [markdown]
# It is not a coincidence. This chapter proves it for any data, any number of pixels and any noise level.
#
# **Question.** Why does a network trained with binary cross-entropy know the gradient of a log-density?
#
# **You will be able to** derive Tweedie's formula with a pencil, and say which density a denoiser knows about. You will know how far that density is from the data's, and how to bound the error of a network by its loss.
#
# **You need** chapter 01, gradients and densities. **Time.** Forty minutes to read; the code takes well under a minute on two CPU cores.
#
# **From the paper.** Statement P2: a DAE trained with BCE can be used to take gradient steps in data space towards regions of high probability under the data-generating distribution. It had previously been shown for the squared error (Alain & Bengio 2014). "The paper" is Creswell, Arulkumaran & Bharath (2017) throughout this book.
#
# [Open in Colab](https://colab.research.google.com/github/OWNER/denoising-and-the-score/blob/main/notebooks/02-the-score-inside-bce.ipynb)

# %% [markdown]
# ## Why anyone wants a score
#
# Suppose you want to model images by a density, say $p(x)=e^{-E(x)}/Z$ where a network computes $E$. The function $E$ is easy to write down. The constant $Z$ is not: it is the integral of $e^{-E}$ over all images of 784 pixels, and nobody can compute it. Without $Z$ you cannot evaluate $p$, and you cannot fit it by maximum likelihood in any direct way.
#
# The gradient of the logarithm does not contain $Z$ at all:
# $$\nabla\log p(x) = -\nabla E(x)-\nabla\log Z = -\nabla E(x).$$
# This vector is called the **score** of $p$. At each point it is an arrow. Its direction is the one in which the density grows fastest, and its length says how fast, relative to the density there. Arrows are enough for a great deal. Follow them and you climb to a probable image (chapter 04). Follow them with a little fresh noise and you draw samples; that is how diffusion models work (chapter 10).

# %% [markdown]
# ## The picture behind the theorem
#
# As in chapter 01, a clean $x$ is drawn from a distribution $p$ and corrupted: $\tilde x=x+\sigma\varepsilon$ with $\varepsilon\sim N(0,I)$. The corrupted points have a density as well. We call it $p_\sigma$. It is $p$ blurred by the noise,
# $$p_\sigma(y)=\int p(x)\,N(y;x,\sigma^2I)\,dx,$$
# where $N(y;x,\sigma^2I)$ is the Gaussian density with mean $x$ at the point $y$. (If $p$ consists of single points, as for the pixel, read a sum for the integral. Nothing else changes.)
#
# Now let a corrupted point $y$ arrive. Which clean points could it have come from? Those that are probable to begin with *and* not too far from $y$. Bayes' rule multiplies the two, and the result is the **posterior**, the distribution of $x$ given $\tilde x=y$. Its mean $R^*(y)$ is drawn towards the plausible clean points. Figure 2.2 shows this for a mixture of three Gaussians, with standard deviations from 0.04 to 0.07, and a point at $y=0.9$. Look at the arrow from the point to the posterior mean, and compare its direction with the slope of the blurred density.

# %% tags=["hide-cell"]
density = du.GaussianMixture(
    [[0.3], [0.62], [0.72]], [0.07**2, 0.04**2, 0.06**2], [0.5, 0.2, 0.3]
)


def draw_posterior(top, bottom, sigma, point):
    """Above: the posterior of a point, and its mean. Below: p, p_sigma, the move."""
    x = torch.linspace(-0.2, 1.2, 600)[:, None]
    p_sigma, here = density.smooth(sigma), torch.tensor([[point]])
    mean = density.posterior_mean(here, sigma)
    posterior = density.log_prob(x) - (x[:, 0] - point) ** 2 / (2 * sigma**2)
    posterior = posterior.softmax(0) / (x[1] - x[0])
    top.fill_between(x[:, 0], posterior, color=du.plotting.EXACT, alpha=0.3, lw=0)
    top.axvline(mean.item(), color=du.plotting.EXACT)
    top.axvline(point, color=du.plotting.INK, ls=":")
    top.set(yticks=[], title=f"$\\sigma$ = {sigma:g}")
    bottom.plot(
        x, density.log_prob(x).exp(), color=du.plotting.GREY, lw=1, label="$p$"
    )
    bottom.plot(
        x, p_sigma.log_prob(x).exp(), color=du.plotting.EXACT, label="$p_\\sigma$"
    )
    (a, b), at = (here.item(), mean.item()), p_sigma.log_prob(here).exp().item()
    bottom.plot(a, at, "o", ms=4, color=du.plotting.INK)
    bottom.annotate("", (b, at), (a, at), arrowprops={"arrowstyle": "-|>", "lw": 1.8})
    bottom.set(xlabel="position", ylim=(0, 4.2), xlim=(0, 1))


# %% tags=["hide-input"] mystnb={"image": {"alt": "Three columns for noise levels 0.05, 0.1 and 0.3. Above, the posterior given the point 0.9, with its mean marked. Below, the data density with its bumps, the blurred density, and an arrow from 0.9 to the left, to the posterior mean; it points uphill on the blurred curve and is longest at 0.3."}, "figure": {"caption": "**Figure 2.2. Posterior, mean, arrow.** Above: which clean points could $y=0.9$ (dotted) have come from? The blue line is their mean $R^*(y)$. Below: the arrow from $y$ to $R^*(y)$ points uphill on the blurred density $p_\\sigma$."}}
fig, axes = plt.subplots(
    2, 3, figsize=(7.2, 3.9), sharex=True, height_ratios=[1, 1.3]
)
for (top, bottom), s in zip(axes.T, [0.05, 0.1, 0.3]):
    draw_posterior(top, bottom, s, 0.9)
axes[0, 0].set_ylabel("posterior\ngiven $y$ = 0.9")
axes[1, 0].set_ylabel("density")
axes[1, 0].legend(loc="upper left")
plt.show()

# %% [markdown]
# Three things can be read off. At a small noise level only clean points close to $y$ are plausible, and the arrow is short. At a larger level distant bumps join in, and the arrow grows. And at each level the arrow follows the slope of the *blue* curve. At $\sigma=0.3$ all bumps have merged into one wide hill. The arrow climbs that hill, and the bumps of the grey curve no longer matter.
#
# The theorem of this chapter says exactly how long the arrow is. Part 1 is about the loss, Part 2 about the arrow. Parts 3 and 4 ask what is left of it for the density of the clean data, and for a network that is not perfect.

# %% [markdown]
# ## Part 1. The best answer under BCE is the posterior mean
#
# This is the result of chapter 01; here is the proof again, in the form that a network meets it. For one pixel with logit $a$ and answer $r=\mathrm{sigmoid}(a)$, and with $m=E[x\mid\tilde x]$, the expected cost given the input is
# $$E[\mathrm{BCE}(r,x)\mid\tilde x]=-m\log r-(1-m)\log(1-r),$$
# because BCE is linear in the target. The derivative of a sigmoid is $dr/da=r(1-r)$. Therefore
# $$\begin{aligned}\frac{d}{da}\big[-m\log r-(1-m)\log(1-r)\big]&=\Big(-\frac mr+\frac{1-m}{1-r}\Big)\,r(1-r)\\&=-m(1-r)+(1-m)\,r=r-m .\end{aligned}$$
# Differentiating again gives $r(1-r)>0$, so the cost is convex in the logit and lowest at $r=m$. (For $m=0$ or 1, which a sigmoid never reaches, it falls towards that end.) Pixel by pixel, $R^*(\tilde x)=E[x\mid\tilde x]$. The average gradient that reaches the network, $r-m$, is as simple as that of least squares.

# %% tags=["hide-cell"]
# The same by computer algebra.
m, r = sympy.symbols("m r", positive=True)
a = sympy.symbols("a", real=True)
risk = -m * sympy.log(r) - (1 - m) * sympy.log(1 - r)
sigmoid = 1 / (1 + sympy.exp(-a))
in_a = sympy.diff(risk.subs(r, sigmoid), a)
du.claim(
    "The derivative of the expected cost in the logit is sigmoid(a) - m",
    sympy.simplify(in_a - (sigmoid - m)) == 0,
)
du.claim(
    "Its second derivative is r (1 - r)",
    sympy.simplify(sympy.diff(in_a, a) - sigmoid * (1 - sigmoid)) == 0,
)

# %% [markdown]
# ## Part 2. The posterior mean contains the score
#
# We work in one dimension; with several pixels every line holds coordinate by coordinate. Let $y$ be a corrupted point. Bayes' rule says how probable each clean point is:
# $$p(x\mid y) = \frac{p(x)\,N(y; x, \sigma^2)}{p_\sigma(y)} .$$
# In the numerator only the Gaussian depends on $y$, and its derivative has a simple form. Differentiate $e^{-(y-x)^2/2\sigma^2}$:
# $$\frac{\partial}{\partial y} N(y; x, \sigma^2) = \frac{x-y}{\sigma^2}\, N(y; x, \sigma^2) .$$

# %% [markdown]
# Now differentiate $p_\sigma(y) = \int p(x)\,N(y;x,\sigma^2)\,dx$. We may do so under the integral sign, because the absolute value of the Gaussian's derivative is at most some constant $C$ for all $x$ and $y$, so that the integrand is at most $C\,p(x)$ in size. In the second step we use Bayes' rule from above, $p(x)N(y;x,\sigma^2)=p_\sigma(y)\,p(x\mid y)$:
# $$\begin{aligned}p_\sigma'(y) &= \int p(x)\,\frac{x-y}{\sigma^2}\,N(y;x,\sigma^2)\,dx\\ &= \frac{p_\sigma(y)}{\sigma^2}\int (x-y)\,p(x\mid y)\,dx\\ &= \frac{p_\sigma(y)}{\sigma^2}\,\bigl(E[x\mid \tilde x=y] - y\bigr) .\end{aligned}$$
# The last step is the definition of the posterior mean, together with $\int p(x\mid y)\,dx=1$. Divide by $p_\sigma(y)$; the left side becomes the derivative of $\log p_\sigma$:
# $$\boxed{\;R^*(y) - y \;=\; \sigma^2\,\nabla\log p_\sigma(y)\;}$$

# %% [markdown]
# This is **Tweedie's formula** (Robbins 1956, Miyasawa 1961, Efron 2011). In words: every candidate $x$ pulls $y$ towards itself with the force $(x-y)/\sigma^2$. The score is the average of these pulls, weighted by the posterior probabilities.
#
# Together the two parts say that a network trained to perfection with BCE knows a score. What it adds to its input is $\sigma^2$ times the gradient of the log-density of the corrupted data. The pixel of the opening obeyed: $0.752-0.6=0.152=0.09\cdot1.69$.

# %% [markdown]
# ## It is exact
#
# The proof assumed nothing about $p$, not even that it is smooth. Let us test that on a distribution with a jump: $p(x)=2x$ on $[0,1]$ and 0 outside. The cell below computes the two sides of Tweedie's formula in independent ways. The left side is a numerical average over clean points. The right side is the derivative of $\log p_\sigma$, for which there is a closed form here: integrating $2x\,N(y;x,\sigma^2)$ by parts gives normal densities and distribution functions. Figure 2.3 draws both.

# %%
x = torch.linspace(0, 1, 4001, dtype=torch.float64)  # clean points ...
p = 2 * x  # ... and their density: it jumps from 2 to 0 at x = 1


def left_side(y, sigma):
    """Posterior mean minus y: averages over the clean points."""
    weight = p * torch.exp(-((y[:, None] - x) ** 2) / (2 * sigma**2))
    return torch.trapezoid(weight * x, x) / torch.trapezoid(weight, x) - y


def right_side(y, sigma):
    """sigma^2 times the derivative of log p_sigma, from its closed form."""
    y = y.clone().requires_grad_()
    noise = torch.distributions.Normal(torch.zeros((), dtype=y.dtype), sigma)
    inside = noise.cdf(1 - y) - noise.cdf(-y)
    ends = noise.log_prob(y).exp() - noise.log_prob(1 - y).exp()
    p_sigma = 2 * (y * inside + sigma**2 * ends)
    return sigma**2 * torch.autograd.grad(p_sigma.log().sum(), y)[0]


# %% tags=["hide-input"] mystnb={"image": {"alt": "Left: the density 2x with a jump at 1, and its blurred versions. Right: reconstruction minus input against y for three noise levels. Lines from the posterior mean pass through the dots from the derivative."}, "figure": {"caption": "**Figure 2.3. A jump does not matter.** Left: a density with a jump, and its blurred versions at the noise levels of the legend. Right: posterior mean minus input (lines) and $\\sigma^2$ times the derivative of $\\log p_\\sigma$ (dots) agree at each noise level."}}
y = torch.linspace(-0.4, 1.6, 201, dtype=torch.float64)
fig, (left, right) = plt.subplots(1, 2, figsize=(7.2, 3))
left.plot([-0.4, 0, 1, 1, 1.6], [0, 0, 2, 0, 0], color=du.plotting.GREY, lw=1)
left.text(1.04, 1.9, "$p$", color="#666666")
gaps = []
for sigma, style in [(0.05, ":"), (0.2, "--"), (0.5, "-")]:
    near = (y - 0.5).abs() < 0.5 + 2 * sigma
    from_mean, from_slope = left_side(y, sigma), right_side(y, sigma)
    gaps.append((from_mean - from_slope)[near].abs().max().item())
    noise = torch.exp(-((y[:, None] - x) ** 2) / (2 * sigma**2)) / (2.5066 * sigma)
    left.plot(y, (p * noise).mean(1), style, color=du.plotting.EXACT)
    right.plot(
        y[near], from_mean[near], style, color=du.plotting.EXACT, label=f"{sigma:g}"
    )
    dots = near & (torch.arange(201) % 10 == 0)
    right.plot(y[dots], from_slope[dots], "o", ms=4, color=du.plotting.INK)
left.set(
    xlabel="position", ylabel="density", title="$p$ jumps; $p_\\sigma$ is smooth"
)
right.axhline(0, color=du.plotting.GREY, lw=0.8)
right.legend(title="$\\sigma$")
right.set(
    xlabel="corrupted point $y$",
    ylabel="$R^*(y)-y$",
    title="Both sides of the formula",
)
plt.show()

# %% tags=["hide-input"]
du.claim(
    "The two sides of the formula agree: their largest gap is {}",
    max(gaps),
    at_most=1e-5,
)

# %% [markdown]
# Each line in the right panel crosses zero at the top of the corresponding $p_\sigma$. To the left of the top the move is positive, to the right it is negative. The best reconstruction always sets out uphill, and chapter 04 proves that it arrives higher than it started.
#
# It is worth saying what the formula does *not* claim. It speaks of the best possible network, and chapter 03 asks whether a trained one comes close. And its score is that of $p_\sigma$, the density of *corrupted* data. What about the data themselves?

# %% [markdown]
# ## Part 3. Small noise, and the density of the data
#
# The paper speaks of the data-generating distribution, that is, of $p$. Where $p$ is positive, and smooth with bounded derivatives, the blurred density approaches it as $\sigma\to0$, and we can say how fast. (Digits do not qualify: many of their pixels are exactly black. The mixture of Figure 2.2 does.) First write the blur as an average, $p_\sigma(y)=E[p(y-\sigma\varepsilon)]$, and expand $p$ in a Taylor series. The odd moments of a Gaussian vanish, and the second is 1:
# $$\begin{aligned}p_\sigma(y) &= p(y)-\sigma E[\varepsilon]\,p'(y)+\tfrac{\sigma^2}{2}E[\varepsilon^2]\,p''(y)+\dots\\ &= p(y)+\tfrac{\sigma^2}{2}\,p''(y)+O(\sigma^4).\end{aligned}$$
# The derivative is an average of the same kind, $p_\sigma'(y)=E[p'(y-\sigma\varepsilon)]$, so it has the same expansion with one more prime: $p_\sigma'=p'+\tfrac{\sigma^2}{2}\,p^{(3)}+O(\sigma^4)$.

# %% [markdown]
# Now divide the two, using $1/(1+u)=1-u+O(u^2)$, and put Tweedie's formula on the left:
# $$\begin{aligned}\frac{R^*-y}{\sigma^2} = \frac{p_\sigma'}{p_\sigma} &= \frac{p'+\tfrac{\sigma^2}{2}p^{(3)}}{p+\tfrac{\sigma^2}{2}p''}+O(\sigma^4) = \frac{p'}{p}+\frac{\sigma^2}{2}\Big[\frac{p^{(3)}}{p}-\frac{p'\,p''}{p^2}\Big]+O(\sigma^4)\\ &= (\log p)'+\frac{\sigma^2}{2}\,\frac{d}{dy}\Big[\frac{p''}{p}\Big]+O(\sigma^4).\end{aligned}$$
# So what a denoiser knows differs from the score of the clean data by an error that shrinks like $\sigma^2$. Halve the noise, and the error falls to a quarter. How large is it at the noise levels that we use? Figure 2.4 measures it for the mixture of Figure 2.2. It shows the root mean square of the difference over the data, divided by the root mean square of the score.

# %% tags=["hide-cell"]
# The terms of the expansion by computer algebra, and the coefficient for these bumps.
e, s = sympy.symbols("e", real=True), sympy.symbols("sigma", positive=True)
normal = sympy.exp(-(e**2) / 2) / sympy.sqrt(2 * sympy.pi)
moments = [sympy.integrate(e**k * normal, (e, -sympy.oo, sympy.oo)) for k in range(5)]
du.claim("The moments of the noise are 1, 0, 1, 0, 3", moments == [1, 0, 1, 0, 3])
p2, p4 = sympy.symbols("p2 p4", real=True)  # second and fourth derivative, over p
series = sympy.series(sympy.log(1 + s**2 / 2 * p2 + s**4 / 8 * p4), s, 0, 4).removeO()
du.claim(
    "The term in sigma^2 is p''/(2p)", sympy.simplify(series - s**2 / 2 * p2) == 0
)

X = sympy.symbols("x", real=True)
p_sym = sum(
    float(w)
    * sympy.exp(-((X - float(mu)) ** 2) / (2 * float(v)))
    / sympy.sqrt(float(v))
    for w, mu, v in zip(
        density.weights, density.means[:, 0], density.covariances[:, 0, 0]
    )
)
term = sympy.lambdify(X, sympy.diff(sympy.diff(p_sym, X, 2) / p_sym, X) / 2, "numpy")

# %% tags=["hide-input"]
at = torch.linspace(0.1, 0.95, 400, dtype=torch.float64)[:, None]
weight = density.log_prob(at).exp()


def size(field):
    """Root mean square over the data."""
    return ((weight * field[:, 0] ** 2).sum() / weight.sum()).sqrt().item()


sigmas = [0.002, 0.004, 0.008, 0.016, 0.03, 0.05, 0.1, 0.2]
to_p, to_p_sigma = [], []
for s in sigmas:
    read_off = (density.posterior_mean(at, s) - at) / s**2
    to_p.append(size(read_off - density.score(at)) / size(density.score(at)))
    blurred = density.smooth(s).score(at)
    to_p_sigma.append(size(read_off - blurred) / size(blurred))

# %% tags=["hide-input"] mystnb={"image": {"alt": "Log-log plot of the relative distance to the score of p against the noise level. Dots rise along a line of slope 2 from 0.0016 at 0.002, leave it near 0.05, and reach 0.77 at 0.1 and 0.95 at 0.2."}, "figure": {"caption": "**Figure 2.4. What small noise buys.** Distance of $(R^*-y)/\\sigma^2$ from the score of the *clean* density, relative to that score. Along the line it falls as $\\sigma^2$. At $\\sigma=0.1$ it is 77 per cent: there the arrows belong to $p_\\sigma$ and hardly to $p$. At the dotted line the difference is as large as the score itself. (The distance to the score of $p_\\sigma$ is zero up to rounding.)"}}
lead = [size(s**2 * torch.from_numpy(term(at.numpy()))) for s in sigmas]
lead = np.array(lead) / size(density.score(at))
fig, ax = plt.subplots(figsize=(6, 3.2))
ax.loglog(sigmas[:6], lead[:6], color=du.plotting.GREY, lw=1.2)
ax.loglog(sigmas, to_p, "o", color=du.plotting.EXACT)
ax.text(0.0085, 0.012, "leading term, slope 2", color="#666666")
ax.annotate("77 %", (0.1, to_p[6]), (0.1, 0.4), ha="center", va="top")
ax.axhline(1, color=du.plotting.GREY, lw=0.8, ls=":")
ax.set(xlabel=r"noise level $\sigma$", ylabel="relative distance to the score of $p$")
ax.set_title("The smaller the noise, the nearer to the clean density")
ax.set_xticks([0.002, 0.01, 0.05, 0.2], ["0.002", "0.01", "0.05", "0.2"])
ax.minorticks_off()
plt.show()

# %% tags=["hide-input"]
slope = np.polyfit(np.log(sigmas[:4]), np.log(to_p[:4]), 1)[0]
du.claim(
    "At small noise the distance to the score of p falls with slope {}",
    slope,
    at_least=1.9,
    at_most=2.05,
)
du.claim(
    "At σ = 0.1 the relative distance to the score of p is {}",
    to_p[6],
    at_least=0.7,
    at_most=0.85,
)

# %% tags=["hide-cell"]
du.claim(
    "At the smallest sigma the distance is {} times what the leading term predicts",
    to_p[0] / lead[0],
    at_least=0.98,
    at_most=1.02,
)
du.claim(
    "The distance to the score of p_sigma is rounding: its largest value is {}",
    max(to_p_sigma),
    at_most=1e-8,
)

# %% [markdown]
# So "the denoiser knows the score of the data" is true in a limit, and only at very small noise. The bumps have standard deviations from 0.04 to 0.07, and even at $\sigma=0.05$ the relative difference is nearly one half. You will often read that the result holds "for small noise". It is better to say that it holds exactly, at every noise level, for the density of the *noisy* data.

# %% [markdown]
# ## Part 4. A network that is not perfect
#
# A real network stops before the optimum. How wrong is its score then? The loss itself can tell, if its floor is known. Take the expected cost of an answer $r$ and subtract the cost $h(m)$ of the best answer $m$:
# $$\begin{aligned}\big[-m\log r-(1-m)\log(1-r)\big]-h(m)&=m\log\frac mr+(1-m)\log\frac{1-m}{1-r}\\&=:\mathrm{kl}(m\,\|\,r).\end{aligned}$$
# This excess is the **Kullback-Leibler divergence** between two coins, with bias $m$ and with bias $r$. It is zero if $r=m$ and positive otherwise. Averaged over the corrupted data and summed over the pixels, it is the distance of the network's loss from its floor:
# $$\text{excess} = E[\mathrm{BCE}(R,x)]-E[\mathrm{BCE}(R^*,x)]=E\sum_i\mathrm{kl}(R^*_i\,\|\,R_i).$$

# %% [markdown]
# **Pinsker's inequality** turns the divergence into a distance: $\mathrm{kl}(m\|r)\ge2(m-r)^2$. To see it, look at the difference of the two sides as a function of $r$. It is zero at $r=m$, and its derivative is
# $$\begin{aligned}\frac{d}{dr}\big[\mathrm{kl}(m\|r)-2(m-r)^2\big]&=\frac{r-m}{r(1-r)}-4(r-m)\\&=(r-m)\Big(\frac1{r(1-r)}-4\Big).\end{aligned}$$
# The second factor is never negative, because $r(1-r)\le\frac14$. So the difference falls until $r=m$ and rises after it, and it is nowhere negative.
#
# Apply this to every pixel, $E|R-R^*|^2\le\text{excess}/2$, and divide by $\sigma^4$. With the score read off the network, $\hat s(y)=(R(y)-y)/\sigma^2$, and the true score $s_\sigma=\nabla\log p_\sigma$,
# $$\boxed{\;E|\hat s-s_\sigma|^2\;\le\;\frac{\text{excess}}{2\,\sigma^4}\;}$$

# %% [markdown]
# For the squared error the corresponding statement is an equality, $E|R-x|^2-E|R^*-x|^2=E|R-R^*|^2$; training on it is known as denoising score matching (Vincent 2011). For BCE the bound is nearly an equality in the middle of the grey scale: to second order $\mathrm{kl}(m\|r)\approx(r-m)^2/2m(1-m)$, which is $2(r-m)^2$ at $m=\frac12$. Next to black and white it is loose.
#
# Let us watch the bound while a small network trains on the bumps of Figure 2.2, where the floor is known. `du.MLPDenoiser` is a network for points of the line or the plane, and `du.fit` is the training loop of chapter 01, made faster (appendix A2 says how). The optimum $R^*$ is known here, so we know the floor, too. Take the square root of the bound in the box and divide it by the root mean square of the true score: this is the relative error that the loss **certifies**. Figure 2.5 shows it beside the true relative error.

# %% tags=["hide-input"]
sigma = 0.1
generator = torch.Generator().manual_seed(0)
clean = density.sample(50_000, generator)
x_noisy = clean + sigma * torch.randn(clean.shape, generator=generator)
best = density.posterior_mean(x_noisy, sigma)
exact = density.smooth(sigma).score(x_noisy)

rows = []
for steps in [10, 30, 100, 300, 1000]:
    network = du.MLPDenoiser(1, hidden=48, depth=2)
    du.fit(network, density, sigma=sigma, steps=steps, batch_size=512, device="cpu")
    with torch.no_grad():
        excess = (
            du.objectives.excess_risk(network.logits(x_noisy), best).mean().item()
        )
        learned = du.score_from_denoiser(network, x_noisy, sigma)
    certified = (excess / (2 * sigma**4) / exact.square().mean().item()) ** 0.5
    rows.append((steps, excess, certified, du.relative_error(learned, exact)))

# %% tags=["hide-input", "nbval-ignore-output"] mystnb={"image": {"alt": "Relative error of the score against training steps on logarithmic axes. The certified error lies just above the true error at each length; both fall from about 0.8 to below 0.02."}, "figure": {"caption": "**Figure 2.5. The excess of the loss bounds the error of the score.** Relative error of the network's score (orange) and the bound computed from its loss and the known floor (grey), after five training runs of different lengths at $\\sigma=0.1$."}}
steps, excesses, certified, true = zip(*rows)
fig, ax = plt.subplots(figsize=(6, 3))
ax.loglog(
    steps, certified, "o--", color=du.plotting.GREY, label="certified by the loss"
)
ax.loglog(steps, true, "o-", color=du.plotting.LEARNED, label="true error")
ax.set(xlabel="training steps", ylabel="relative error of the score")
ax.set_title("The distance from the floor certifies the score")
ax.set_xticks(steps, [f"{n:,}" for n in steps])
ax.set_yticks([0.02, 0.05, 0.1, 0.2, 0.5], ["2 %", "5 %", "10 %", "20 %", "50 %"])
ax.minorticks_off()
ax.legend()
plt.show()

# %% tags=["hide-input", "nbval-ignore-output"]
du.table(
    rows,
    {
        "training steps": ",",
        "loss above floor": ".6f",
        "certified error": ".3f",
        "true error": ".3f",
    },
)

# %% tags=["hide-cell"]
du.claim(
    "The certified error is never below the true one: their smallest ratio is {}",
    min(bound / error for _, _, bound, error in rows),
    at_least=1.0,
)
du.claim(
    "The certificate is useful: its largest ratio to the true error is {}",
    max(bound / error for _, _, bound, error in rows),
    at_most=1.5,
)
du.claim(
    "Training works: at the end the true relative error is {}",
    rows[-1][3],
    at_most=0.05,
)

# %% [markdown]
# Between 10 and 30 steps the loss falls and the error does not: the loss bounds the error, but does not determine it.
#
# Look at the column "loss above floor". The loss itself is about 0.62 nats, and all that distinguishes a hopeless network from an excellent one is its third decimal. A loss curve that looks flat may still hide all the progress that matters.
#
# ## A certificate for real digits
#
# On images the floor is unknown, but chapter 01 gave a number below it: the mean entropy of the clean pixels. Using that in place of the floor makes the excess larger and the bound weaker, but it stays a bound. The averages are over 1,000 test images, so the result is an estimate. We try it on the U-Net of chapter 05 at $\sigma=0.5$.
#
# To judge the result we need the size of the true score. Since $R^*$ is the posterior mean, its error $R^*-x$ is uncorrelated with every function of $\tilde x$, so that $E|\tilde x-x|^2=E|\tilde x-R^*|^2+E|R^*-x|^2$. The left side is $784\,\sigma^2$, and no network has a smaller squared error than $R^*$. Hence $\sigma^4E|s_\sigma|^2=E|R^*-\tilde x|^2\ge784\,\sigma^2-E|R-x|^2$.

# %%
unet, sigma = du.load("digits-unet-bce", "cpu"), 0.5
x = du.digits("test")[0][:1000]
generator = torch.Generator().manual_seed(0)
x_noisy = x + sigma * torch.randn(x.shape, generator=generator)
with torch.no_grad():
    logits = unet.logits(x_noisy, sigma)
loss = F.binary_cross_entropy_with_logits(logits, x).item() * 784  # nats per image
below_the_floor = du.objectives.entropy(x).mean().item()
error_at_most = (loss - below_the_floor) / (2 * sigma**4)
squared_error = (logits.sigmoid() - x).square().sum((1, 2, 3)).mean().item()
score_at_least = (784 * sigma**2 - squared_error) / sigma**4

# %% tags=["hide-input", "nbval-ignore-output"]
per_image = du.objectives.bce(logits, x) - du.objectives.entropy(x)
spread = per_image.std().item() / len(x) ** 0.5
mean_image = (x.mean(0) - x).square().sum((1, 2, 3)).mean().item()
constant = ((mean_image - squared_error) / sigma**4 / score_at_least) ** 0.5
print(f"loss above the bound: {per_image.mean():.1f} +- {spread:.1f} nats")
print(f"E|s^ - s|^2 is at most {error_at_most:.0f}")
print(f"E|s|^2 is at least {score_at_least:.0f}")
print(f"relative error of always answering the mean image: about {constant:.2f}")

# %% tags=["hide-input"]
du.claim(
    "On digits at σ = 0.5 the network's relative score error is at most {}",
    (error_at_most / score_at_least) ** 0.5,
    at_most=0.26,
)

# %% [markdown]
# Nobody knows the density of handwritten digits. Yet two losses and an entropy suffice to say that the root mean square error of this network's 784-dimensional arrows is about a quarter of the root mean square length of the true score, at most. A network that ignores its input and always answers with the mean image is off by about a half.

# %% [markdown]
# ## Try it
#
# Move the two sliders of Figure 2.6, for the noise level and for the corrupted point. Is there a setting at which the arrow points downhill on the blue curve? On the grey one? (On the blue curve there is none: that is the theorem. On the grey one there is, for instance at $\sigma=0.2$ and $y=0.6$.)


# %% tags=["hide-input", "nbval-ignore-output"] mystnb={"image": {"alt": "Above, the posterior given one corrupted point, with its mean. Below, the data density, the blurred density and the arrow from the point to the posterior mean."}, "figure": {"caption": "**Figure 2.6. One point, one step.** Above, where the clean point may have been. Below, the density of the data in grey, the blurred one in blue, and the step to the posterior mean."}}
def draw(sigma, point):
    _, axes = plt.subplots(2, 1, figsize=(5, 3.4), sharex=True, layout="none")
    draw_posterior(*axes, sigma, point)


du.slide(
    draw,
    sigma=[0.02, 0.05, 0.1, 0.2, 0.4],
    point=[0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9],
    start={"sigma": 0.1, "point": 0.9},
)

# %% [markdown]
# ## What to remember
#
# * The best answer under BCE is the posterior mean, and the posterior mean minus the input is $\sigma^2\nabla\log p_\sigma$. With Gaussian noise this is exact at every noise level and for every distribution.
# * The score is that of the corrupted data. It approaches the score of the clean data as $\sigma\to0$, with an error that shrinks like $\sigma^2$.
# * The distance of the loss from its floor bounds the error of the score: $E|\hat s-s_\sigma|^2\le\text{excess}/2\sigma^4$. You need to know the floor, or something below it.

# %% [markdown]
# **Check your understanding.** Pick an answer and click it to see whether it is right.

# %% tags=["remove-input"]
du.quiz("02")

# %% [markdown]
# **Exercises.** (a) Repeat the test of Tweedie's formula for a distribution with an atom at 0.5. Which line changes? (b) Show that the squared error has the same best answer, and derive the equality for its excess. (c) Move the bumps next to black. What happens to the ratio of certified and true error, and does $\mathrm{kl}\approx(r-m)^2/2m(1-m)$ predict it? They are in [exercises/02-the-score-inside-bce.ipynb](exercises/02-the-score-inside-bce.ipynb).
#
# **Further reading.** Creswell, Arulkumaran & Bharath (2017), [arXiv:1708.08487](https://arxiv.org/abs/1708.08487). Alain & Bengio (2014), What regularized auto-encoders learn from the data-generating distribution, [arXiv:1211.4246](https://arxiv.org/abs/1211.4246). Vincent (2011), [A connection between score matching and denoising autoencoders](https://doi.org/10.1162/NECO_a_00142). Efron (2011), [Tweedie's formula and selection bias](https://doi.org/10.1198/jasa.2011.tm11181). By Efron's account Robbins (1956) reported the formula first; Miyasawa (1961) has it as well. Banerjee, Guo & Wang (2005) characterise all losses whose best answer is the mean.
