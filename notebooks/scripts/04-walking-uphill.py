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
# # 04 · Walking uphill
#
# A pixel arrives with the value 0.6. As in chapter 02 the clean pixel was black (0) or white (1), each half of the time, and Gaussian noise of standard deviation 0.3 was added to it. The best denoiser answers with the probability that the pixel was white, 0.752.
#
# Now hand this answer back to the denoiser, as if it were another corrupted pixel. The denoiser answers 0.943. Hand that back as well, and go on: 0.993, 0.996, 0.996. The numbers have stopped changing. They stopped close to white, but not at 1. What is special about 0.996?
#
# Figure 4.1 shows the same numbers twice. On the left they are a staircase between the curve of the denoiser and the diagonal. On the right they lie on the density of the corrupted pixels. Look at what stands above 0.996 on the right.

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
import torch
from matplotlib.colors import ListedColormap
from scipy.spatial.distance import cdist
from scipy.special import softmax

du.plotting.use_style()
EXACT, LEARNED = du.plotting.EXACT, du.plotting.LEARNED
INK, GREY = du.plotting.INK, du.plotting.GREY

# %% tags=["hide-input"] mystnb={"image": {"alt": "Left: the S-shaped curve of the best denoiser and the diagonal; a staircase from 0.6 climbs between them and ends where they meet, near 1. Right: the density of the corrupted pixels with two hills; dots numbered 0 to 3 climb the right-hand hill and the last one lies at its top."}, "figure": {"caption": "**Figure 4.1. Every answer is more probable than the one before.** Left: each answer of the best denoiser $R^*$ becomes its next input; the staircase ends where $R^*(y)=y$. Right: the same numbers on the density of the corrupted pixels. They climb a hill and stop at its top, 0.996."}}
pixel = du.from_points(torch.tensor([[0.0], [1.0]]).double())
start = torch.tensor([[0.6]]).double()
chain = du.iterate(pixel.posterior_mean, start, 8, 0.3, return_path=True)[:, 0]
y = torch.linspace(-0.4, 1.4, 200).double()[:, None]
fig, (left, right) = plt.subplots(1, 2, figsize=(7.2, 3))
left.plot(y, y, color=GREY, lw=1)
left.plot(y, pixel.posterior_mean(y, 0.3), color=EXACT)
corners = chain.repeat_interleave(2)
left.plot(corners[:-1], corners[1:], color=INK, lw=1.2)
left.plot(0.6, 0.6, "o", ms=5, mfc="white", color=INK)
left.text(0.64, 0.6, "start", va="center")
left.text(-0.35, 0.12, "$R^*(y)$", color=EXACT)
left.text(1.12, 1.27, "$y$", color="#666666")
left.set(xlabel="input $y$", ylabel="answer", xlim=(-0.4, 1.4), ylim=(-0.4, 1.4))
left.set_title("Each answer is handed back")
density = pixel.smooth(0.3)
right.plot(y, density.log_prob(y).exp(), color=EXACT)
heights = density.log_prob(chain).exp()
right.plot(chain[:4], heights[:4], "o", ms=5, color=INK)
for k in range(3):
    right.text(chain[k] - 0.05, heights[k], k, ha="right", va="center")
right.text(0.98, heights[3] + 0.03, "3, 4, 5, ...", ha="left")
right.set(xlabel="corrupted pixel $y$", ylabel="density", ylim=(0, 0.8))
right.set_title("Each answer is higher up the hill")
plt.show()

# %% [markdown]
# The place 0.996 is a **mode**, the top of a hill in the density of the corrupted pixels. Every answer lay higher than the one before, and at the top the denoiser had nowhere to go. This chapter proves that the best denoiser always climbs: for any data, any number of pixels and any noise level. Then it asks what is left of the proof when the denoiser is a trained network.
#
# **Question.** What happens when a denoiser is applied to its own answers, again and again?
#
# **You will be able to** prove that the best denoiser never goes downhill, and predict where it stops. You will know which steps of a trained network are certain to climb, on which density they climb, and why a network must not judge the ascent that it made.
#
# **You need** chapters 02 and 03, Jensen's inequality, and eigenvalues of a symmetric matrix. **Time.** Forty minutes to read; the code takes one to two minutes on two CPU cores.
#
# **From the paper.** Statement P3: iterating a trained denoising autoencoder (DAE) moves a sample from regions of low probability to regions of higher probability "under the data-generating distribution". We prove it for the best denoiser and the distribution of the corrupted data. Then we measure what remains of it for the data themselves, and for trained networks.
#
# [Open in Colab](https://colab.research.google.com/github/OWNER/denoising-and-the-score/blob/main/notebooks/04-walking-uphill.ipynb)

# %% [markdown]
# ## Can a step overshoot?
#
# Call one application of a denoiser a **step**, and the sequence of its answers a **chain**:
# $$y_0,\quad y_1 = R^*(y_0),\quad y_2 = R^*(y_1),\ \dots$$
# As before $p$ is the distribution of the clean data, $p_\sigma$ that of the corrupted data $\tilde x=x+\sigma\varepsilon$, and $R^*(y)=E[x\mid\tilde x=y]$ the posterior mean. Chapter 02 found $R^*(y)-y=\sigma^2\,\nabla\log p_\sigma(y)$. So a chain of $R^*$ is gradient ascent on $\log p_\sigma$, and the step size is $\sigma^2$.

# %% [markdown]
# Gradient ascent with a fixed step size comes with a worry: it can jump across a narrow peak and land lower on the other side. Take the peak $f(y)=-\frac k2y^2$ and the step size $\eta$. A step leads from $y$ to $(1-\eta k)\,y$, so on a peak with $k>2/\eta$ every step leads further away from the top.
#
# Here nobody has tuned the step size; the noise has set it. But the noise has also blurred the density, and no peak of $p_\sigma$ is narrower than $\sigma$. Is that enough to keep every step from overshooting? Make a guess before you read the proof.

# %% [markdown]
# ## The proof, line by line
#
# Let $p$ be any distribution on $\mathbb R^d$, with a density, with atoms, or with both, and let $\sigma>0$. Nothing else is assumed; for atoms, read sums in place of the integrals. Fix a corrupted point $y$. We compare it with any other point $z$, and write $N(y;x)$ for the Gaussian density with mean $x$ and covariance $\sigma^2I$ at the point $y$.
#
# **1. Bayes' rule.** Given $y$, the clean point has the distribution
# $$p(x\mid y)=\frac{p(x)\,N(y;x)}{p_\sigma(y)} .$$
# **2. Write the ratio of the densities as a mean.** By definition $p_\sigma(z)=\int p(x)\,N(z;x)\,dx$. Divide by $p_\sigma(y)$, then multiply and divide by $N(y;x)$, which is never zero:
# $$\frac{p_\sigma(z)}{p_\sigma(y)}=\int\frac{p(x)\,N(y;x)}{p_\sigma(y)}\;\frac{N(z;x)}{N(y;x)}\;dx=E\!\left[\frac{N(z;x)}{N(y;x)}\;\middle|\;\tilde x=y\right].$$

# %% [markdown]
# **3. Jensen's inequality.** Take the logarithm. It is a concave function, so the logarithm of a mean is at least the mean of the logarithm:
# $$\log p_\sigma(z)-\log p_\sigma(y)\;\ge\;E\!\left[\log\frac{N(z;x)}{N(y;x)}\;\middle|\;\tilde x=y\right].$$
# **4. Insert the Gaussians.** Both have the same normalising constant, so only the exponents remain:
# $$\log p_\sigma(z)-\log p_\sigma(y)\;\ge\;\frac{1}{2\sigma^2}\,E\big[\,|y-x|^2-|z-x|^2\;\big|\;\tilde x=y\big].$$

# %% [markdown]
# **5. Complete the square.** Write $z-x=(z-R^*)+(R^*-x)$ with $R^*=R^*(y)$, square it, and take the mean over the posterior:
# $$E\big[|z-x|^2\mid\tilde x=y\big]=|z-R^*|^2+2\,(z-R^*)\cdot E\big[R^*-x\mid\tilde x=y\big]+E\big[|R^*-x|^2\mid\tilde x=y\big].$$
# The middle term is zero, because $R^*$ is the posterior mean. The last term is the trace of the posterior covariance, and $z$ does not occur in it. You may know this line as "squared bias plus variance":
# $$E\big[|z-x|^2\mid\tilde x=y\big]=|z-R^*|^2+\mathrm{tr}\,\mathrm{Cov}[x\mid\tilde x=y].$$
# **6. Subtract.** Line 5 holds for $z=y$ as well, with the same trace. In the difference of line 4 the two traces cancel:
# $$\boxed{\;\log p_\sigma(z)-\log p_\sigma(y)\;\ge\;\frac{|y-R^*(y)|^2-|z-R^*(y)|^2}{2\sigma^2}\;}$$

# %% [markdown]
# **7. Choose $z=R^*(y)$.** This makes the right side as large as it can be:
# $$\log p_\sigma(R^*(y))-\log p_\sigma(y)\;\ge\;\frac{|R^*(y)-y|^2}{2\sigma^2}.$$
# Every step of the best denoiser climbs, unless it stands still. The gain in $\log p_\sigma$, in nats, is at least half the square of the step measured in units of $\sigma$. No step overshoots, whatever $p$ and $\sigma$ are.
#
# Keep the box in mind. It does not ask $z$ to be $R^*(y)$, and later we shall put the answer of a trained network there.

# %% [markdown]
# Check it on the pixel with a pocket calculator. The first step leads from 0.6 to 0.752, so the inequality promises a gain of $0.1523^2/(2\cdot0.09)=0.129$ nats. The density of the corrupted pixels is proportional to $e^{-y^2/0.18}+e^{-(y-1)^2/0.18}$. That sum is 0.546 at 0.6 and 0.754 at 0.752, and the logarithm of their ratio is 0.322. The gain is more than twice what was promised. The cell below does the same for five steps.

# %%
sigma, y = 0.3, 0.6


def denoise(y):  # R*(y): the probability of white, by Bayes' rule
    return torch.sigmoid((2 * y - 1) / (2 * sigma**2))


def log_p_sigma(y):  # up to a constant
    return torch.logaddexp(-(y**2) / (2 * sigma**2), -((y - 1) ** 2) / (2 * sigma**2))


y = torch.tensor(y, dtype=torch.float64)
steps = []
for _ in range(5):
    answer = denoise(y)
    promised = (answer - y) ** 2 / (2 * sigma**2)
    gain = log_p_sigma(answer) - log_p_sigma(y)
    steps.append([y, answer, promised, gain])
    y = answer
columns = {"from y": ".3f", "to R*(y)": ".3f"}
columns |= {"promised gain": ".6f", "measured gain": ".6f"}
du.table(steps, columns)

# %% [markdown]
# **Where you may have met this.** In expectation-maximisation (EM) one fits a model whose explanation $x$ of the data is hidden. The E step asks how probable each explanation is under the present guess; the M step moves the guess to where the average log-likelihood over these explanations is largest. Lines 1 and 4 are the E step of our chain, line 7 is its M step, and Jensen's inequality is the usual proof that EM never goes downhill. (Carreira-Perpinan 2007 showed this for the finite data sets that we shall meet below.) Nothing that follows needs EM.

# %% [markdown]
# ## Chains in the plane
#
# Now the same in two dimensions, with three distributions whose $p_\sigma$ and $R^*$ are known exactly: a ring of eight bumps, two moons and a spiral. We start 400 chains for each at $\sigma=0.05$, a quarter of them far outside the unit square, and take 300 steps. The numbers are float64, so that rounding does not hide anything.

# %%
shapes = {"ring": du.ring(), "moons": du.moons(), "spiral": du.spiral()}
sigma = 0.05
generator = torch.Generator().manual_seed(0)
inside = torch.rand(300, 2, generator=generator, dtype=torch.float64)
far = 0.5 + 3 * torch.randn(100, 2, generator=generator, dtype=torch.float64)

chains, heights, margins = {}, {}, []
for name, p in shapes.items():
    starts = torch.cat([inside, far])
    chain = du.iterate(p.posterior_mean, starts, 300, sigma, return_path=True)
    height = torch.stack([p.smooth(sigma).log_prob(points) for points in chain])
    promised = chain.diff(dim=0).square().sum(-1) / (2 * sigma**2)
    margins.append((height.diff(dim=0) - promised).min().item())
    chains[name], heights[name] = chain, height

# %% tags=["hide-input"]
du.claim(
    "In 360,000 steps of R* the smallest margin above the promised gain is {} nats",
    min(margins),
    at_least=-1e-9,
    tolerance=1000,
)

# %% [markdown]
# The bound $-10^{-9}$ allows for rounding. Figure 4.2 shows thirty of the chains. In the lower row the height is measured downwards from where the chain is after 3,000 more steps, and the axis is logarithmic. (On ring and moons that is the summit. On the spiral even these steps are not enough to reach it.) A straight line there means that each step removes the same share of what is still missing. Compare how steep the lines are.

# %% tags=["hide-input"] mystnb={"image": {"alt": "Upper row: blue chains of the exact denoiser over the blurred density of ring, moons and spiral. They reach the ridge in a step or two and then follow it to a few end points. Lower row: what is missing to the place 3,000 steps later against the number of steps, on a logarithmic axis. On the ring the lines plunge below a millionth within about a dozen steps, on the moons they fall slowly, on the spiral more slowly still."}, "figure": {"caption": "**Figure 4.2. First a leap, then a crawl.** Above: thirty chains of the exact $R^*$ from the open circles to the dots. Below: $\\log p_\\sigma$ where the chain is 3,000 steps after its end here, minus that of the chain. One or two steps reach the ridge; along a flat ridge each step removes only a small share of the rest."}}
titles = {"ring": "ring: a leap", "moons": "moons: leap, then crawl"}
titles["spiral"] = "spiral: it hardly moves"
fig, axes = plt.subplots(2, 3, figsize=(7.2, 4.6), dpi=85, height_ratios=[1.5, 1])
for (top, bottom), (name, p) in zip(axes.T, shapes.items()):
    p_sigma, chain = p.smooth(sigma), chains[name][:, :30]
    du.plotting.density_background(top, p_sigma)
    top.plot(*chain.movedim(-1, 0), color=EXACT, lw=0.9)
    top.plot(*chain[0].T, "o", ms=3, mfc="white", color=INK)
    top.plot(*chain[-1].T, "o", ms=5, color=EXACT, mec="white", mew=0.6)
    top.set(xticks=[0, 0.5, 1], yticks=[0, 0.5, 1])
    top.set_title(titles[name])
    later = p_sigma.log_prob(du.iterate(p.posterior_mean, chain[-1], 3000, sigma))
    missing = (later - heights[name][:, :30]).clamp(min=1e-12)
    bottom.plot(missing, color=EXACT, lw=0.8, alpha=0.7)
    bottom.set(yscale="log", xlabel="steps", ylim=(1e-8, 1e3), xlim=(0, 300))
    bottom.set_yticks([1e-8, 1e-4, 1, 1e3])
    bottom.minorticks_off()
for ax in axes[:, 1:].flat:
    ax.set_ylabel("")
    ax.tick_params(labelleft=False)
axes[1, 0].set_ylabel("missing to 3,000\nsteps later (nats)")
plt.show()

# %% [markdown]
# No line ever rises, which is the theorem. On all three shapes the first step or two bring nearly all of the gain for most chains: they leap onto the ridge. What follows differs. On the ring, with its round bumps, the rest disappears quickly. On the moons and on the spiral the chain crawls along the ridge towards the nearest summit, and on the spiral 300 steps are often not enough. The next section explains the slopes.

# %% [markdown]
# ## Where it stops
#
# A chain stands still where $R^*(y)=y$. Since $R^*(y)-y=\sigma^2\nabla\log p_\sigma(y)$, **the fixed points of $R^*$ are exactly the points where the gradient of $p_\sigma$ is zero**: tops, saddles and bottoms. And every chain comes to rest in the end: by line 7 the squares of all its steps add up to at most $2\sigma^2$ times the height that there is to climb, so the steps tend to zero. Which of these points attract?
#
# Begin with the pixel. Differentiate $R^*(y)=\mathrm{sigmoid}\big((2y-1)/2\sigma^2\big)$ by the chain rule. The sigmoid contributes $R^*(1-R^*)$ and the inner function $1/\sigma^2$:
# $$\frac{dR^*}{dy}=\frac{R^*(1-R^*)}{\sigma^2} .$$
# The numerator is the variance of a coin that falls white with probability $R^*$. So the slope of the curve in Figure 4.1 is the posterior variance over $\sigma^2$. That holds in general.

# %% [markdown]
# **Differentiate under the integral** $R^*(y)=\int x\,p(x\mid y)\,dx$. Every positive function satisfies $\nabla p=p\,\nabla\log p$, therefore
# $$\frac{\partial R^*}{\partial y}(y)=\int x\,\big(\nabla_y\log p(x\mid y)\big)^{\mathsf T}\,p(x\mid y)\,dx .$$
# **Take the gradient of Bayes' rule**, $\log p(x\mid y)=\log p(x)+\log N(y;x)-\log p_\sigma(y)$. The first term does not depend on $y$, the second has gradient $(x-y)/\sigma^2$, and the third is the score $s_\sigma(y)=(R^*(y)-y)/\sigma^2$ by Tweedie's formula:
# $$\nabla_y\log p(x\mid y)=\frac{x-y}{\sigma^2}-\frac{R^*(y)-y}{\sigma^2}=\frac{x-R^*(y)}{\sigma^2} .$$
# **Insert the second line into the first.** Subtracting $R^*$ from the left factor changes nothing, since $E[x-R^*\mid\tilde x=y]=0$:
# $$\boxed{\;\frac{\partial R^*}{\partial y}(y)=\frac{E\big[(x-R^*)(x-R^*)^{\mathsf T}\mid\tilde x=y\big]}{\sigma^2}=\frac{\mathrm{Cov}[x\mid\tilde x=y]}{\sigma^2}\;}$$

# %% [markdown]
# Close to a fixed point, a step multiplies the chain's displacement from it by this matrix. A covariance matrix is symmetric, and its eigenvalues are never negative, so the chain approaches a mode from one side and does not jump across it.
#
# Tweedie's formula gives a second reading of the same matrix, $\partial R^*/\partial y=I+\sigma^2\,\nabla^2\log p_\sigma$. Since no eigenvalue is negative, $\log p_\sigma$ curves downwards by at most $1/\sigma^2$. So no peak of $p_\sigma$ is narrower than $\sigma$, as the beginning of this chapter said, and a step of $\sigma^2$ times the gradient is never too long. If all eigenvalues are below 1, the fixed point is a mode and attracts. If one is above 1, the chain moves away in that direction.
#
# The largest eigenvalue is also the factor by which the distance to the mode shrinks in a step. It is near 1 on a flat ridge, where $\log p_\sigma$ hardly curves. Here are its values for the chains of Figure 4.2, where they are after 300 steps. On the ring and on the moons the chains have arrived, and the values explain the slopes: the missing height shrinks by the square of this factor in every step. On the spiral most chains have not come near a mode. The value 1.000 belongs to a ridge along which $\log p_\sigma$ hardly curves, and they crawl along it.

# %% tags=["hide-input"]


def largest_eigenvalue(p, y, sigma):
    """Of the Jacobian of R* at the points y, (N,)."""
    J = torch.stack(
        [du.jacobian(p.posterior_mean, point[None], sigma) for point in y]
    )
    return torch.linalg.eigvalsh((J + J.mT) / 2)[:, -1]


def places(ends, within, known=()):
    """Distinct places among `ends`, the `known` first, and the place of each end."""
    found, labels = list(known), []
    for end in ends:
        apart = torch.stack(found) - end if found else torch.ones(1, 2)
        if apart.norm(dim=1).min() > within:
            found.append(end)
        labels.append((torch.stack(found) - end).norm(dim=1).argmin().item())
    return torch.stack(found), torch.tensor(labels)


du.table(
    [
        [name, largest_eigenvalue(p, chains[name][-1, :30], sigma).median()]
        for name, p in shapes.items()
    ],
    {
        "thirty chains after 300 steps": "",
        "largest eigenvalue where they are, median": ".3f",
    },
)

# %% [markdown]
# ### Two modes become one
#
# For the pixel we can follow the modes by hand. At the midpoint $y=\frac12$ black and white are equally probable, so $R^*(\frac12)=\frac12$ is a fixed point at every noise level. The slope there is $\frac12\cdot\frac12/\sigma^2=1/4\sigma^2$. It is above 1 as long as $\sigma<\frac12$: the midpoint is then a valley between two modes, and the chains on either side move away from it. From $\sigma=\frac12$ on the midpoint is the only mode, and every chain ends there, at a pixel that is half black and half white. Figure 4.3 shows how the two modes approach each other and merge.

# %% tags=["hide-input"] mystnb={"image": {"alt": "Left: the fixed points of the denoiser against the noise level. Two solid branches start at 0 and 1, bend towards each other and meet at one half when sigma is one half; between them a dashed line at one half. Right: the density of corrupted pixels at noise levels 0.3, 0.45 and 0.6, with dots at its modes: two, two and one."}, "figure": {"caption": "**Figure 4.3. At $\\sigma=1/2$ two modes merge.** Left: where chains of the pixel end (solid), and the valley between (dashed), for each noise level. Right: the density at three noise levels, with its modes."}}
levels = torch.linspace(0.1, 0.7, 241, dtype=torch.float64)
upper = torch.ones_like(levels)
for _ in range(6_000):
    upper = torch.sigmoid((2 * upper - 1) / (2 * levels**2))
fig, (left, right) = plt.subplots(1, 2, figsize=(7.2, 2.9))
left.plot(levels, upper, color=EXACT)
left.plot(levels, 1 - upper, color=EXACT)
below = levels <= 0.5
left.plot(levels[below], torch.full_like(levels[below], 0.5), "--", color=GREY)
left.text(0.12, 0.53, "valley", color="#666666")
left.text(0.12, 0.9, "mode", color=EXACT)
left.text(0.12, 0.05, "mode", color=EXACT)
left.set(xlabel=r"noise level $\sigma$", ylabel="fixed point $y$", ylim=(-0.05, 1.05))
left.set_title("Where chains of the pixel end")
y = torch.linspace(-0.8, 1.8, 200).double()[:, None]
for s, style in [(0.3, "-"), (0.45, "--"), (0.6, ":")]:
    density, k = pixel.smooth(s), (levels - s).abs().argmin()
    right.plot(y, density.log_prob(y).exp(), style, color=EXACT)
    at = torch.stack([upper[k], 1 - upper[k]])[:, None]
    right.plot(at, density.log_prob(at).exp(), "o", ms=5, color=INK)
right.text(1.25, 0.6, r"$\sigma$ = 0.3", color=EXACT)
right.text(0.5, 0.53, "0.45", color=EXACT, ha="center")
right.text(0.5, 0.39, "0.6", color=EXACT, ha="center")
right.set(xlabel="corrupted pixel $y$", ylabel="density", ylim=(0, 0.75))
right.set_title("The hills merge")
plt.show()

# %% tags=["hide-cell"]


def posterior_covariance(p, y, sigma):
    """Cov[x given x~ = y] at a point y (1, 2), for round bumps; no derivative."""
    r = p.smooth(sigma).responsibilities(y)[0]  # P(bump k given x~ = y)
    v = p.covariances[:, 0, 0]  # variances of the bumps
    keep = (v / (v + sigma**2))[:, None]
    means = p.means + keep * (y - p.means)  # E[x given x~ = y, bump k]
    mean = r @ means
    within = (r * v * sigma**2 / (v + sigma**2)).sum() * torch.eye(2, dtype=y.dtype)
    return within + torch.einsum("k,ki,kj->ij", r, means - mean, means - mean)


gaps, lowest = [], []
for p in shapes.values():
    for y in inside[:20].split(1):
        J = du.jacobian(p.posterior_mean, y, sigma)
        gaps.append((J - posterior_covariance(p, y, sigma) / sigma**2).abs().max())
        lowest.append(torch.linalg.eigvalsh((J + J.T) / 2).min())
du.claim(
    "The Jacobian of R* is the posterior covariance over sigma^2 up to {}",
    max(gaps).item(),
    at_most=1e-9,
    tolerance=1000,
)
du.claim(
    "The smallest eigenvalue of the Jacobian of R* at 60 points is {}",
    min(lowest).item(),
    at_least=-1e-9,
)
centre = torch.full((1, 2), 0.5, dtype=torch.float64)
drift = shapes["ring"].posterior_mean(centre, sigma) - centre
du.claim(
    "The centre of the ring is a fixed point: R* moves it by {}",
    drift.norm().item(),
    at_most=1e-12,
    tolerance=1000,
)
du.claim(
    "The centre repels in every direction: its smallest eigenvalue is {}",
    torch.linalg.eigvalsh(posterior_covariance(shapes["ring"], centre, sigma))[
        0
    ].item()
    / sigma**2,
    at_least=1.001,
)
du.claim(
    "At sigma 0.51 the pixel's two modes are one: their distance is {}",
    (2 * upper[(levels - 0.51).abs().argmin()] - 1).abs().item(),
    at_most=1e-6,
    tolerance=1000,
)
du.claim(
    "At sigma 0.49 the pixel has two modes, at a distance of {}",
    (2 * upper[(levels - 0.49).abs().argmin()] - 1).item(),
    at_least=0.3,
)

# %% [markdown]
# **A misconception: "iterating a denoiser draws samples."** A sampler would return the data's variety, and a chain of $R^*$ removes it. Draw 1,000 points of the ring, add noise, and follow the chains until they stand still:

# %% tags=["hide-input"]
ring = shapes["ring"]
generator = torch.Generator().manual_seed(2)
noisy = du.corruption.gaussian(
    ring.sample(1000, generator), sigma, generator
).double()
ends = du.iterate(ring.posterior_mean, noisy, 600, sigma)
stops, label = places(ends, within=0.01)
du.claim(
    "The chains of 1,000 noisy points of the ring end in {} places",
    len(stops),
    at_least=8,
    at_most=8,
)

# %% tags=["hide-cell"]
du.claim(
    "At each of the eight modes of the ring the largest eigenvalue is at most {}",
    largest_eigenvalue(shapes["ring"], stops, sigma).max().item(),
    at_most=0.999,
)
du.claim(
    "Within a place the ends of the chains differ by {} at most",
    (ends - stops[label]).norm(dim=1).max().item(),
    at_most=1e-6,
    tolerance=1000,
)

# %% [markdown]
# Eight places for eight bumps, although the data of each bump are spread out, with a standard deviation of 0.04. How to draw samples from a denoiser instead is the subject of chapters 06 and 10.

# %% [markdown]
# ## On a finite data set this is mean shift
#
# Let $p$ be a data set: an atom at each of $x_1,\dots,x_N$. Then $p_\sigma$ is a Gaussian bump of width $\sigma$ around each point, the kernel density estimate of chapter 03. The posterior probability of $x_i$ is a softmax of squared distances, and the posterior mean is
# $$R^*(y)=\sum_i w_i(y)\,x_i,\qquad w(y)=\mathrm{softmax}_i\big(-|y-x_i|^2/2\sigma^2\big).$$
# In words: move to the weighted mean of the data around you, and repeat. This is **mean shift**, a method to find clusters by climbing an estimated density. Two lines of SciPy that know nothing of denoisers compute it:


# %%
def mean_shift(y, data, sigma):
    weights = softmax(-cdist(y, data, "sqeuclidean") / (2 * sigma**2), axis=1)
    return weights @ data


data = ring.sample(60, torch.Generator().manual_seed(3)).double()
atoms = du.from_points(data)  # the exact R* of these 60 points
one_step = mean_shift(inside.numpy(), data.numpy(), sigma)
difference = atoms.posterior_mean(inside, sigma).numpy() - one_step
print("largest difference below 1e-9:", abs(difference).max() < 1e-9)

# %% [markdown]
# Fukunaga and Hostetler (1975) invented mean shift; in their version the data points themselves move. Cheng (1995) let other points climb while the data stay, as we do here. Carreira-Perpinan (2007) showed that with a Gaussian kernel each step is an EM step. For us it means: a DAE that reached the optimum of its training loss would be mean shift on its training set.
#
# On a finite set the noise level decides what a mode is. Figure 4.4 starts chains at many places for two noise levels, and counts the modes for twelve. Look for the training points at the left, and for the eight bumps of the ring in the middle.

# %% tags=["hide-input"]
sigmas = [0.0005, 0.001, 0.002, 0.004, 0.008, 0.016, 0.03, 0.05, 0.08, 0.12, 0.3, 0.5]
found = []
for s in sigmas:
    ends = du.iterate(atoms.posterior_mean, data, 600, s)
    found.append(places(ends, within=0.2 * s)[0])
counts = [len(m) for m in found]

# %% tags=["hide-input"] mystnb={"image": {"alt": "Left: at noise level 0.008 most chains started in the square stop at or beside single data points. Middle: at 0.05 they stop at seven places, one for each bump but one. Right: the number of modes falls from 60 to 1 as the noise level grows."}, "figure": {"caption": "**Figure 4.4. The noise level decides what a mode is.** Sixty points of the ring (×) and the ends of chains of their exact $R^*$ (blue dots). At small $\\sigma$ every training point is a mode, at large $\\sigma$ one mode is left, near the mean."}}
fig, axes = plt.subplots(1, 3, figsize=(7.2, 2.6), width_ratios=[1, 1, 1.15])
for ax, s in zip(axes, (0.008, 0.05)):
    du.plotting.density_background(ax, atoms.smooth(s))
    chain = du.iterate(atoms.posterior_mean, inside[:60], 600, s, return_path=True)
    du.plotting.paths(ax, chain[[*range(30), -1]], color=EXACT)
    ax.plot(*data.T, "x", ms=4, color=INK)
    ax.set(xticks=[0, 0.5, 1], yticks=[0, 0.5, 1])
    ax.set_title(f"$\\sigma$ = {s:g}: {counts[sigmas.index(s)]} modes")
axes[1].set_ylabel("")
axes[1].tick_params(labelleft=False)
du.plotting.curve(axes[2], sigmas, counts, color=EXACT)
axes[2].axhline(60, color=GREY, lw=0.8)
axes[2].text(0.6, 54, "data points", ha="right", va="top", color="#666666")
axes[2].axhline(8, color=GREY, lw=0.8)
axes[2].text(0.0005, 7.4, "bumps", va="top", color="#666666")
axes[2].set(xscale="log", yscale="log", xlabel=r"noise level $\sigma$")
axes[2].set_ylabel("modes of $p_\\sigma$")
axes[2].set_title("From 60 modes to one")
axes[2].set_yticks([1, 3, 10, 30, 60], [1, 3, 10, 30, 60])
axes[2].set_xticks([0.001, 0.01, 0.1], ["0.001", "0.01", "0.1"])
axes[2].minorticks_off()
plt.show()

# %% [markdown]
# At small $\sigma$ the modes are the training points: a perfect optimum of the training loss would **memorise**. At $\sigma=0.05$ seven modes are left for eight bumps. The bump at the lower right got few of the sixty points, and chains from there slide up to its neighbour. At large $\sigma$ one mode remains, near the mean of the data. (On the line the number of modes can never rise with $\sigma$. In the plane it can, in rare arrangements; here it did not.)

# %% tags=["hide-cell"]
du.claim(
    "At the smallest sigma the share of data points that are modes is {}",
    counts[0] / len(data),
    at_least=0.95,
)
du.claim(
    "At the smallest sigma each mode is a data point up to a distance of {}",
    torch.cdist(found[0], data).min(1).values.max().item(),
    at_most=5e-4,
    tolerance=10,
)
du.claim("At the largest sigma the number of modes is {}", counts[-1], at_most=1)
du.claim(
    "The last mode is near the mean of the data, at a distance of {}",
    (found[-1] - data.mean(0)).norm().item(),
    at_most=0.02,
)
du.claim(
    "From one sigma to the next the number of modes rises by {} at most",
    max(b - a for a, b in zip(counts, counts[1:])),
    at_most=0,
)

# %% [markdown]
# ## Under which distribution?
#
# The theorem is about $p_\sigma$, the density of the corrupted data. The paper says "under the data-generating distribution", and that is $p$. Are the two the same thing? Chapter 02 said: only as $\sigma\to0$. Since we know $p$ and $R^*$ exactly for our shapes, we can follow $\log p$ along the chains and see.
#
# Figure 4.5 draws chains of the exact $R^*$ on the *clean* density of the moons, at three noise levels. Look at where the chains end, and whether that is a dark place.

# %% tags=["hide-input"]
rising, at_the_end = {}, {}
for name, p in shapes.items():
    for s in (0.05, 0.1, 0.2):
        generator = torch.Generator().manual_seed(0)
        begin = du.corruption.gaussian(
            p.sample(1000, generator), s, generator
        ).double()
        chain = du.iterate(p.posterior_mean, begin, 30, s, return_path=True)
        before, after = p.log_prob(chain[0]), p.log_prob(chain[-1])
        p_sigma = p.smooth(s)
        higher = p_sigma.log_prob(chain[-1]) > p_sigma.log_prob(chain[0])
        rising[name, s] = (after > before).double().mean(), higher.double().mean()
        at_the_end[name, s] = chain[:, :30], (before.median(), after.median())

# %% tags=["hide-input"] mystnb={"image": {"alt": "Three panels with the clean density of the moons and thirty exact chains each. At noise level 0.05 the chains end on the two moons. At 0.1 they end at two places just inside the arcs of the moons. At 0.2 they all end at one place in the middle, between the moons."}, "figure": {"caption": "**Figure 4.5. The hills of $p_\\sigma$ are not the hills of $p$.** Thirty chains of the exact $R^*$, 30 steps each, drawn on the clean density $p$ of the moons. Every chain climbs $p_\\sigma$. At $\\sigma=0.1$ and 0.2 its end is nevertheless a place where $p$ is small."}}
fig, axes = plt.subplots(1, 3, figsize=(7.2, 2.7), sharey=True)
for ax, s in zip(axes, (0.05, 0.1, 0.2)):
    du.plotting.density_background(ax, shapes["moons"])
    chain = at_the_end["moons", s][0]
    ax.plot(*chain.movedim(-1, 0), color=EXACT, lw=0.7, alpha=0.5)
    ax.plot(*chain[-1].T, "o", ms=5, color=EXACT, mec="white", mew=0.6)
    ax.set(xticks=[0, 0.5, 1], yticks=[0, 0.5, 1], ylabel="")
    ax.set_title(f"$\\sigma$ = {s:g}: {rising['moons', s][0]:.0%} rise in $\\log p$")
axes[0].set_ylabel("$x_2$")
plt.show()

# %% tags=["hide-input", "nbval-ignore-output"]
levels = (0.05, 0.1, 0.2)
du.table(
    [[name, *(rising[name, s][0] for s in levels)] for name in shapes],
    {"share of 1,000 exact chains that end higher in log p": ""}
    | {f"σ = {s:g}": ".2f" for s in levels},
)
everywhere = min(share for _, share in rising.values())
medians = {
    key: "{:.1f} to {:.1f}".format(*end) for key, (_, end) in at_the_end.items()
}
du.table(
    [[name, *(medians[name, s] for s in levels)] for name in shapes],
    {"median log p, at the start and at the end": ""}
    | {f"σ = {s:g}": ">" for s in levels},
)

# %% tags=["hide-input"]
du.claim(
    "On the moons at σ = 0.1 the share of exact chains that rise in log p is {}",
    rising["moons", 0.1][0],
    at_least=0.35,
    at_most=0.6,
)

# %% tags=["hide-cell"]
for name, at_least in [("ring", 0.99), ("moons", 0.88), ("spiral", 0.85)]:
    du.claim(
        f"{name}, sigma 0.05: the share of exact chains that rise in log p is {{}}",
        rising[name, 0.05][0],
        at_least=at_least,
    )
du.claim(
    "Ring, sigma 0.2: the share of exact chains that rise in log p is {}",
    rising["ring", 0.2][0],
    at_most=0.5,
)
du.claim(
    "In log p_sigma the smallest share of chains that end higher is {}",
    everywhere,
    at_least=1,
)

# %% [markdown]
# In $\log p_\sigma$ every chain ends higher, as it must. In $\log p$ that is nearly true at $\sigma=0.05$, where the blur is narrow against the gap between the moons. At $\sigma=0.1$ it is not. The modes of $p_\sigma$ have moved off the ridges, into the hollows of the moons, and about half of the chains end lower than they began, although the denoiser is perfect.
#
# So P3 has two readings. For $p_\sigma$, the density of the corrupted data, it holds always. For $p$, the data-generating distribution of the paper's sentence, it holds only while $\sigma$ is small against the structure of $p$. (The share need not fall steadily with $\sigma$. On the spiral at $\sigma=0.2$ the median start lies so far from all data, at $\log p=-10.4$, that almost any end is higher.)

# %% [markdown]
# ## A trained network
#
# So far the denoiser was perfect. Now we train networks with BCE on 10,000 points, at $\sigma=0.05$: one on the ring, and five on the moons that differ in the seed only. The networks for the moons stop early, after 500 steps of training, so that there is something to see. Then the weights are turned to float64, so that what follows does not depend on rounding.


# %%
def train(p, training_steps, batch_size, seed=0):
    sample = p.sample(10_000, torch.Generator().manual_seed(1 + seed))
    # the targets of BCE lie in [0, 1]; the corrupted inputs are never clamped
    sample = sample.clamp(0, 1)
    network = du.MLPDenoiser(2, seed=seed)
    settings = {"sigma": sigma, "steps": training_steps, "batch_size": batch_size}
    du.fit(network, sample, seed=seed, **settings)
    return network.cpu().double().requires_grad_(False)


ring_network = train(ring, 1000, 1024)
moons_networks = [train(shapes["moons"], 500, 512, seed) for seed in range(5)]

# %% [markdown]
# Does each step of such a network $R$ climb? The box above holds for every $z$. Put $z=R(y)$:
# $$\boxed{\;\log p_\sigma(R(y))-\log p_\sigma(y)\;\ge\;\frac{|R^*(y)-y|^2-|R(y)-R^*(y)|^2}{2\sigma^2}\;}$$
# On the right stands the square of the **true step**, the step that $R^*$ would take, minus the square of the network's **error**. Wherever the error is shorter than the true step, the network's step is certain to climb. Near a mode the true step shrinks to nothing and the error does not. There the guarantee ends. We start 1,000 chains of the network at noisy points of the ring and look at the first twelve steps of each.

# %%
chain = du.iterate(ring_network, noisy, 12, return_path=True)
y, moved = (
    chain[:-1].flatten(0, 1),
    chain[1:].flatten(0, 1),
)  # before and after a step
p_sigma = ring.smooth(sigma)
optimum = ring.posterior_mean(y, sigma)

true_step = (optimum - y).norm(dim=1)
error = (moved - optimum).norm(dim=1)
guaranteed = (true_step**2 - error**2) / (2 * sigma**2)
gain = p_sigma.log_prob(moved) - p_sigma.log_prob(y)
climbs, certain = gain > 0, error < true_step

# %% [markdown]
# Figure 4.6 sorts the 12,000 steps by the length of the true step. Look at where the orange curve leaves 1, and compare it with the dashed curve, the share of steps that are certain to climb. On the right no dot may lie below the diagonal.

# %% tags=["hide-input"] mystnb={"image": {"alt": "Left: share of the network's steps that climb against the length of the true step on a logarithmic axis. It is one for true steps longer than about a tenth of sigma and falls for shorter ones; the dashed share of steps that must climb runs on it or just below. Right: measured gain against guaranteed gain; every dot lies on or above the diagonal."}, "figure": {"caption": "**Figure 4.6. A network climbs while its error is shorter than the true step.** Left: the share of steps that climb (orange), and of those that must (dashed), by the length of the true step. Right: each step's gain in $\\log p_\\sigma$ against the guaranteed gain; none lies below the diagonal."}}
edges = torch.logspace(-4, -0.75, 14, dtype=torch.float64)
bins = [(a, b, (true_step >= a) & (true_step < b)) for a, b in zip(edges, edges[1:])]
bins = [((a * b).sqrt(), which) for a, b, which in bins if which.sum() >= 30]
fig, (left, right) = plt.subplots(1, 2, figsize=(7.2, 3.2))
for ok, color, mark in [(climbs, LEARNED, "-"), (certain, INK, "--")]:
    shares = [ok[which].double().mean() for _, which in bins]
    du.plotting.curve(left, [at for at, _ in bins], shares, color=color, ls=mark)
left.axvline(sigma, color=GREY, lw=0.8)
left.text(sigma * 1.1, 0.03, r"$\sigma$", color="#666666")
left.text(0.0042, 0.62, "climbs", color=LEARNED)
left.text(0.0042, 0.5, "must climb\n(error < true step)", va="top")
left.set(xscale="log", xlabel=r"length of the true step $|R^*(y)-y|$", ylim=(0, 1.05))
left.set(ylabel="share of steps", title="Short true steps are a gamble")
right.scatter(guaranteed, gain, s=2, color=LEARNED, rasterized=True)
right.axline((0, 0), (1, 1), color=INK, lw=1)
ticks, names = [-1e-3, 0, 1e-3, 1e-2, 0.1, 1], ["−0.001", "0", "", "0.01", "0.1", "1"]
for axis in "xy":
    right.set(**{f"{axis}scale": "symlog"})
right.set_xscale("symlog", linthresh=1e-3)
right.set_yscale("symlog", linthresh=1e-3)
right.set_xticks(ticks, names)
right.set_yticks(ticks, names)
right.set(xlabel="guaranteed gain (nats)", ylabel="measured gain (nats)")
right.set_title("No step gains less than the guarantee")
plt.show()

# %% tags=["hide-input"]
first, last = p_sigma.log_prob(chain[0]), p_sigma.log_prob(chain[-1])
du.claim(
    "Of the network's chains a share of {} is higher up after twelve steps",
    (last > first).double().mean(),
    at_least=0.98,
)

# %% tags=["hide-cell"]
du.claim(
    "The smallest margin of the measured over the guaranteed gain is {} nats",
    (gain - guaranteed).min().item(),
    at_least=-1e-9,
    tolerance=1000,
)
du.claim(
    "Of the steps whose error is below the true step the share that climbs is {}",
    (gain > -1e-12)[certain].double().mean(),
    at_least=1,
)
du.claim(
    "Of the true steps longer than a fifth of sigma the share that climbs is {}",
    climbs[true_step >= sigma / 5].double().mean(),
    at_least=0.995,
)
du.claim(
    "Of the first steps the share that climbs is {}",
    climbs[:1000].double().mean(),
    at_least=0.98,
)
du.claim(
    "Of the twelfth steps the share that climbs is {}",
    climbs[-1000:].double().mean(),
    at_most=0.75,
    tolerance=0.6,
)
du.claim(
    "All losses together are a share of all gains of {}",
    (-gain[~climbs].sum() / gain[climbs].sum()).item(),
    at_most=0.002,
    tolerance=3,
)
summit = p_sigma.log_prob(du.iterate(ring.posterior_mean, noisy, 600, sigma))
du.claim(
    "On average the end of a network's chain lies below the summit by {} nats",
    (summit - last).mean().item(),
    at_most=0.005,
    tolerance=1,
)

# %% [markdown]
# **A misconception: "a trained DAE always climbs."** Its early steps do, and its chain as a whole does. The late steps, close to a mode, go down about as often as up. The network is heading for its *own* fixed point, which lies beside the mode, and it does not care that the last bit of the way is downhill. On the ring the price is small: on average the ends lie less than a hundredth of a nat below the summit. Where the error is larger relative to the steps, the guarantee runs out sooner.
#
# So for this network, on the ring and at $\sigma=0.05$, P3 holds in the following form: early steps and whole chains climb $\log p_\sigma$, and the last few steps may give a little back.

# %% [markdown]
# ## A test that cannot fail
#
# On images nobody knows $p_\sigma$. How could one see there that a chain climbs? A tempting test adds up the network's own arrows along its own chain. With the score read off the network, $\hat s(y)=(R(y)-y)/\sigma^2$, the gain of a step would be the line integral of $\hat s$ from $y$ to $R(y)$. But the integrand at the start is
# $$\hat s(y)\cdot\big(R(y)-y\big)=\frac{|R(y)-y|^2}{\sigma^2}\;\ge\;0,$$
# for *every* map $R$. Unless the arrows turn round within a step, whoever follows their own arrows seems to climb. The table tries it with five denoisers on the ring. The exact one and the trained one know the ring; the other three know nothing about it.

# %% tags=["hide-input", "nbval-ignore-output"]
untrained = du.MLPDenoiser(2, seed=5).double().requires_grad_(False)
candidates = {
    "exact R*": ring.posterior_mean,
    "trained network": ring_network,
    "untrained network": lambda y, sigma: untrained(y),
    "R(y) = y / 2": lambda y, sigma: y / 2,
    "R(y) = 1/2": lambda y, sigma: torch.full_like(y, 0.5),
}
own, exact = {}, {}
for name, denoiser in candidates.items():
    path = du.iterate(denoiser, noisy[:300], 12, sigma, return_path=True)
    legs = zip(path, path[1:])
    climb = sum(du.log_density_difference(denoiser, a, b, sigma, 20) for a, b in legs)
    own[name] = (climb > 0).double().mean()
    rise = p_sigma.log_prob(path[-1]) - p_sigma.log_prob(path[0])
    exact[name] = (rise > 0).double().mean()
print("Share of 300 chains that climb, 12 steps:")
du.table(
    [[name, own[name], exact[name]] for name in candidates],
    {"": "", "by its own arrows": ".2f", "by the exact log p_sigma": ".2f"},
)

# %% tags=["hide-input"]
du.claim(
    "By the exact density R(y) = y / 2 climbs in a share of {} of its chains",
    exact["R(y) = y / 2"],
    at_most=0.02,
)

# %% tags=["hide-cell"]
du.claim(
    "By their own arrows all five denoisers climb: the smallest share is {}",
    min(own.values()),
    at_least=1,
)
du.claim(
    "By the exact density the untrained network climbs in a share of {} of chains",
    exact["untrained network"],
    at_most=0.1,
)
du.claim(
    "By the exact density the trained network climbs in a share of {} of its chains",
    exact["trained network"],
    at_least=0.98,
)

# %% [markdown]
# By their own arrows all five climb in every chain, even the one that halves every point and ends in a corner of the square. The exact density tells them apart. So a chain must be judged by something other than the network that made it. In this chapter that is the exact density. On images it will be a second network, or the exact denoiser of the training set (chapters 05 to 07).

# %% [markdown]
# ## The landscape that the network believes in
#
# Where do the chains of a network end? Figure 4.7 colours each start by the end of its chain, for the exact $R^*$ and for a network, on the ring and on the moons. Filled stars are the exact modes. In the panels of the networks the marks are the networks' own end points. An end within $\sigma$ of an exact mode gets that mode's colour and a hollow star, and we call it **displaced**. An end further away from every mode is a **false mode**: a fixed point of the network that attracts where $p_\sigma$ has no mode. Its basin is black, with a cross.

# %% tags=["hide-input"]
n = 30
starts = du.plotting.grid(n, 0.5 / n, 1 - 0.5 / n).double()
basins = {}
for name, network in [("ring", ring_network), ("moons", moons_networks[-1])]:
    p = shapes[name]
    ends = du.iterate(p.posterior_mean, starts, 500, sigma)
    true, label = places(ends, within=0.01)
    basins[name, "exact"] = true, label, len(true)
    ends = du.iterate(network, starts, 500)
    label = places(ends, sigma, known=true)[1]
    means = [ends[label == k].mean(0) for k in label.unique()]
    basins[name, "network"] = torch.stack(means), label, len(true)

# %% tags=["hide-input"] mystnb={"image": {"alt": "Four maps of the unit square, each start coloured by where its chain ends. Ring, exact and network: eight wedges with nearly the same borders and a star in each. Moons, exact: two interleaved basins with a filled star in each. Moons, network: the same two basins with hollow stars, and between them a black patch with a cross."}, "figure": {"caption": "**Figure 4.7. On the moons the network has a false mode.** Colour: where the chain from each start ends. Filled stars: modes of $p_\\sigma$. Hollow stars: the network's own ends within $\\sigma$ of a mode. Cross in a black basin: a false mode."}}
light = [
    "#88CCAA",
    "#F3E79B",
    "#D9A6C4",
    "#C9C9C9",
    "#4FA37F",
    "#D8C24A",
    "#B56B95",
    "#9A9A9A",
]
dark = ["#111111", "#5B2A6E", "#5A4A1F", "#1E4D4A", "#6E1F3A"]
fig, axes = plt.subplots(1, 4, figsize=(7.2, 2.3), sharey=True)
for ax, (name, who) in zip(axes, basins):
    ends, label, true = basins[name, who]
    shade = label.where(label < true, 8 + (label - true)).clamp(max=12)
    ax.imshow(
        shade.reshape(n, n),
        origin="lower",
        extent=(0, 1, 0, 1),
        cmap=ListedColormap([*light, *dark]),
        vmin=0,
        vmax=12,
    )
    for place, k in zip(ends, label.unique()):
        fill = "black" if who == "exact" else "none"
        mark = {"marker": "*", "ms": 9, "mfc": fill, "mec": "black", "mew": 1}
        if k >= true:
            mark = {"marker": "x", "ms": 6, "mec": "white", "mew": 1.6}
        ax.plot(*place, ls="", **mark)
    ax.grid(False)
    ax.set(xlabel="start $x_1$", xticks=[0, 0.5, 1], yticks=[0, 0.5, 1])
    ax.set_title(
        f"{name}, {who}: {len(ends)} ends"
        if who == "exact"
        else f"{who}: {len(ends)} ends"
    )
axes[0].set_ylabel("start $x_2$")
plt.show()

# %% [markdown]
# On the ring the network has eight ends beside the eight modes and nearly the right borders, even far from all data. On the moons it has three ends where $p_\sigma$ has two modes. Two of the three are displaced along the ridge by a part of $\sigma$, and hardly any height is lost there. The third is a false mode on the flank of the upper moon, from where the exact chain would crawl on to the top.
#
# One network may be an accident, so here are all five, which differ in the seed alone. Figure 4.7 shows the last of them.

# %% tags=["hide-input", "nbval-ignore-output"]
few = du.plotting.grid(12, 0.5 / 12, 1 - 0.5 / 12).double()
moons, true = shapes["moons"], basins["moons", "exact"][0]
false_modes, displaced, rows = [], [], []
summit = moons.smooth(sigma).log_prob(true).max()
for seed, network in enumerate(moons_networks):
    ends = du.iterate(network, few, 1000)
    stops, label = places(ends, within=0.01)
    apart = torch.cdist(stops, true).min(1).values
    false = stops[apart > sigma]
    below = summit - moons.smooth(sigma).log_prob(stops)
    displaced.append(below[apart <= sigma].max())
    share = label.bincount(minlength=len(stops)) / len(label)
    each = [
        f"{apart[k] / sigma:.1f} ({share[k]:.0%})"
        for k in apart.argsort()
        if apart[k] > sigma
    ]
    rows.append([seed, len(stops) - len(false), len(false), ", ".join(each) or None])
    false_modes.append(false)
columns = {"seed": "d", "displaced": "d", "false modes": "d"}
du.table(rows, columns | {"distance of each, in σ (share of starts)": ">"})

# %% tags=["hide-cell"]
du.claim(
    "Of the five networks on the moons the number with a false mode is {}",
    sum(len(false) > 0 for false in false_modes),
    at_least=2,
)
du.claim(
    "A displaced end of a network lies below the summit by {} nats at most",
    max(displaced).item(),
    at_most=0.05,
    tolerance=2,
)
false = torch.cat(false_modes)
stuck = (moons.posterior_mean(false, sigma) - false).norm(dim=1).max() / sigma
du.claim(
    "At the false modes the longest true step is {} sigma",
    stuck.item(),
    at_most=0.2,
    tolerance=1,
)
exact_label, learned = basins["ring", "exact"][1], basins["ring", "network"][1]
du.claim(
    "On the ring the share of starts that end at the same mode as with R* is {}",
    (exact_label == learned).double().mean(),
    at_least=0.95,
)
du.claim(
    "On the ring the number of ends of the network is {}",
    len(learned.unique()),
    at_least=8,
    at_most=8,
)

# %% [markdown]
# Most of these networks have false modes. How many there are, where they lie and how many starts they catch is an accident of the seed. Those that catch many starts lie on the ridge, one or two $\sigma$ beside the mode. Those that lie further away catch fewer.
#
# Why there? Along a moon $p_\sigma$ is a nearly flat ridge. The true step along it is short, so a small error can turn it round, and a chain that should crawl on to the far mode stops on the way. At a fixed point of the network $R(y)=y$, so the error *equals* the true step and the guarantee is exactly zero. False modes can lie only where the true step is as short as the error. That is also the advice: trust the early steps.

# %% [markdown]
# ## Reading log-probabilities off a denoiser
#
# A gradient can be integrated. Along any path from $a$ to $b$, the line integral of $s_\sigma=\nabla\log p_\sigma$ is $\log p_\sigma(b)-\log p_\sigma(a)$. Put in the score $\hat s$ of a denoiser, and you can rank two points by probability without knowing the normalising constant. The test above could not fail because the network had chosen the path itself. Here the two end points are given: 60 pairs of noisy points of the ring.
#
# For $R^*$ the path does not matter, since its Jacobian is symmetric. Nothing makes a network's Jacobian symmetric, so two paths may give two answers. We integrate from $a$ to $b$ straight, and again by way of a third point $c$:

# %% tags=["hide-input", "nbval-ignore-output"]
generator = torch.Generator().manual_seed(4)
three = du.corruption.gaussian(ring.sample(180, generator), sigma, generator)
a, b, c = three.double().split(60)


def climb(denoiser, *stops):
    legs = zip(stops, stops[1:])
    return sum(du.log_density_difference(denoiser, *leg, sigma, 201) for leg in legs)


truth = p_sigma.log_prob(b) - p_sigma.log_prob(a)
straight, detour = climb(ring_network, a, b), climb(ring_network, a, c, b)
correlation = torch.corrcoef(torch.stack([straight, truth]))[0, 1].item()
loop = (detour - straight).abs().mean().item()
print(f"correlation of the straight integral with the truth: {correlation:.3f}")
print(f"size of the true differences, mean: {truth.abs().mean():.2f} nats")
print(f"the two paths differ by, mean: {loop:.2f} nats")

# %% tags=["hide-cell"]
exactly = climb(ring.posterior_mean, a, b)
du.claim(
    "For R* the straight integral misses the exact difference by {} at most",
    (exactly - truth).abs().max().item(),
    at_most=1e-3,
    tolerance=1,
)
du.claim(
    "For R* the two paths differ by {} at most",
    (exactly - climb(ring.posterior_mean, a, c, b)).abs().max().item(),
    at_most=1e-3,
    tolerance=1,
)
du.claim(
    "The network's differences correlate with the exact ones by {}",
    correlation,
    at_least=0.97,
)
du.claim(
    "The network's two paths differ by {} nats on average",
    loop,
    at_least=0.01,
    at_most=0.5,
    tolerance=0.6,
)

# %% [markdown]
# The ranking survives, and the network gives two answers to one question. The difference of the two paths is an integral round the triangle $a\to c\to b\to a$. By Green's theorem its size is that of the integral of $(J_{21}-J_{12})/\sigma^2$ over the triangle, where $J$ is the network's Jacobian; the sign depends on the direction in which one goes round. So a difference of log-probabilities that is read off a network depends on the path exactly as far as its Jacobian is not symmetric. Exercise (c) builds a denoiser whose Jacobian is symmetric by construction.

# %% [markdown]
# ## Drop a particle
#
# In Figure 4.8, choose one of six starts and a number of steps. The exact chain is on the left and the network's chain is on the right, both on $p_\sigma$ of the moons; the titles give $\log p_\sigma$ at the start and at the end. Look for a start whose two chains part, and for one where the network stops on the ridge.


# %% tags=["hide-input", "nbval-ignore-output"] mystnb={"image": {"alt": "A particle's chain on the blurred density of the moons, for the exact denoiser on the left and for the trained network on the right; the titles give the log-density at the start and at the end."}, "figure": {"caption": "**Figure 4.8. Drop a particle.** Its chain under the exact denoiser on the left and under the network on the right."}}
def draw(place, steps):
    point = torch.tensor([[float(v) for v in place.split(", ")]], dtype=torch.float64)
    p_sigma = moons.smooth(sigma)
    _, axes = plt.subplots(1, 2, figsize=(5.2, 2.7), layout="none")
    for ax, denoiser, color, who in [
        (axes[0], moons.posterior_mean, EXACT, "exact"),
        (axes[1], moons_networks[-1], LEARNED, "learned"),
    ]:
        du.plotting.density_background(ax, p_sigma, points=50)
        chain = du.iterate(denoiser, point, steps, sigma, return_path=True)
        ax.plot(*chain[:, 0].T, ".-", ms=4, lw=1, color=color)
        ax.plot(*point[0], "o", ms=6, mfc="white", color=INK)
        ax.plot(*chain[-1, 0], "*", ms=11, color=color, markeredgecolor="white")
        before, after = p_sigma.log_prob(chain[[0, -1], 0])
        ax.set(xticks=[0, 1], yticks=[0, 1], xlabel="", ylabel="")
        ax.set_title(f"{who}: {before:.2f} → {after:.2f}")


du.slide(
    draw,
    place=[
        "0.1, 0.2",
        "0.5, 0.95",
        "0.35, 0.35",
        "0.5, 0.5",
        "0.65, 0.65",
        "0.9, 0.4",
    ],
    steps=[1, 3, 10, 30, 100],
    start={"place": "0.65, 0.65", "steps": 100},
)

# %% [markdown]
# ## What to remember
#
# * A step of the best denoiser never goes downhill on $\log p_\sigma$, and a step of a trained network climbs wherever its error is shorter than the true step.
# * Chains end at fixed points and not at samples: for the best denoiser, from almost every start, these are modes of $p_\sigma$, which at large $\sigma$ are not modes of $p$, and for a network some of them are false modes.
# * A chain must be judged by something other than the network that made it, because by their own arrows even maps that know nothing climb.

# %% [markdown]
# **Check your understanding.** Pick an answer and click it to see whether it is right.

# %% tags=["remove-input"]
du.quiz("04")

# %% [markdown]
# **Exercises.** (a) Take longer steps, $z=y+t\,(R(y)-y)$: which $t$ are safe for $R^*$, and which for a network? (b) At which $\sigma$ does the centre of the ring become a mode? (c) Build a denoiser that is a gradient. What happens to the integrals round a triangle? (d) Train on 60 points. How many of them are fixed points of the network? They are in [exercises/04-walking-uphill.ipynb](exercises/04-walking-uphill.ipynb).
#
# **Further reading.** Creswell, Arulkumaran & Bharath (2017), [arXiv:1708.08487](https://arxiv.org/abs/1708.08487). Alain & Bengio (2014), [arXiv:1211.4246](https://arxiv.org/abs/1211.4246). On mean shift: Fukunaga & Hostetler (1975), [doi:10.1109/TIT.1975.1055330](https://doi.org/10.1109/TIT.1975.1055330); Cheng (1995), [doi:10.1109/34.400568](https://doi.org/10.1109/34.400568); Carreira-Perpinan (2007), [doi:10.1109/TPAMI.2007.1057](https://doi.org/10.1109/TPAMI.2007.1057).
