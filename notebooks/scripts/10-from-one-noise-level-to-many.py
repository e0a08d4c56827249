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
# # 10 · From one noise level to many
#
# The grey dots in Figure 10.1 are pure noise: they were drawn from one wide, round Gaussian. The black dots are where they end, and they are good samples of the ring with its eight bumps. Nothing was drawn at random on the way. Every point followed a fixed path, and at every place of the path the best denoiser $R^*$ said where to go next.
#
# Follow a few paths in the left panel. At first all of them run straight towards the middle, where there are no data at all. Now look at the right panel: close to the ring the paths turn, some of them right back, and every point enters one of the bumps. Why do they run towards the middle first? And what sends one eighth of them to each bump?

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
import math

import matplotlib.pyplot as plt
import torch
from scipy.stats import t as students_t

du.plotting.use_style()
EXACT, LEARNED = du.plotting.EXACT, du.plotting.LEARNED
INK, GREY = du.plotting.INK, du.plotting.GREY
device = du.pick_device()
ring = du.ring()
n = du.budget(quick=750, full=2000)  # images in the large set
few = du.budget(quick=250, full=1000)  # images in each of the smaller sets


def seeded(seed, device="cpu"):
    return torch.Generator(device).manual_seed(seed)


# %% tags=["hide-input"] mystnb={"image": {"alt": "Left: grey dots scattered over a wide square, each joined by a blue line to a small ring of black dots about the middle. Right: the middle enlarged. The blue lines come in from all sides, bend near the ring, some of them turn back inside it, and end in black dots that form eight separate clusters. Few of them come near the centre."}, "figure": {"caption": "**Figure 10.1. Noise bends into the eight bumps of the ring.** Left: the paths of 150 points of Gaussian noise as the noise level falls from 1 to 0.01, for the exact $R^*$. Right: the dashed square enlarged. Grey: start. Black: end."}}
fine = du.noise_schedule(200, high=1.0, low=0.01)
variance = ring.covariances.diagonal(dim1=1, dim2=2).mean()
variance = (variance + (ring.means - ring.mean()).square().mean()).item()
start = torch.randn(150, 2, generator=seeded(0), dtype=torch.float64)
start = (
    ring.mean() + (variance + 1.0**2) ** 0.5 * start
)  # p_1 is nearly this Gaussian
paths = du.probability_flow(ring.posterior_mean, start, fine, return_path=True)[:-1]
fig, (left, right) = plt.subplots(1, 2, figsize=(7.2, 3.7))
for ax, low, high, width in [(left, -2, 3, 0.5), (right, 0, 1, 0.9)]:
    ax.plot(*paths.movedim(-1, 0), color=EXACT, lw=width, alpha=0.7)
    ax.scatter(*paths[0].T, s=9, color=GREY, zorder=3)
    ax.scatter(*paths[-1].T, s=9, color=INK, zorder=4)
    ax.set(xlim=(low, high), ylim=(low, high), aspect="equal", xlabel="$x_1$")
left.plot([0, 1, 1, 0, 0], [0, 0, 1, 1, 0], "--", color=INK, lw=1, zorder=5)
left.set(ylabel="$x_2$", title="First straight towards the middle")
right.set_title("Then to one of eight bumps")
plt.show()

# %% [markdown]
# **Question.** How does a denoiser that is told its noise level turn noise into samples?
#
# **You will be able to** derive the probability flow, and write the sampler of a diffusion model in four lines. You will know what fresh noise on the way is good for, compute how probable a denoiser finds an image, and translate between the words of denoising autoencoders, DDPM, EDM and flow matching.
#
# **You need** chapters 02, 06 and 07. **Time.** Forty minutes to read; the code takes two to four minutes on two CPU cores.
#
# **From the paper.** This chapter goes beyond it. The paper iterates one denoiser at one noise level (its statements P4 and P5, chapters 06 and 07). We do the same with all noise levels at once, with a denoiser that was trained by BCE.
#
# [Open in Colab](https://colab.research.google.com/github/OWNER/denoising-and-the-score/blob/main/notebooks/10-from-one-noise-level-to-many.ipynb)

# %% [markdown]
# ## Why one noise level is not enough
#
# Chapters 04 to 07 iterated a denoiser at one noise level, and each level had its own fault. At a small $\sigma$ the density $p_\sigma$ is as sharp as the data, but a denoiser trained there knows nothing about points far away. At a large $\sigma$ it can be asked anywhere, but its answers are blurred. And at every single level plain steps end in modes, which are more probable than samples are.
#
# So use all levels, from large to small. At a large $\sigma$ the density $p_\sigma$ is nearly one wide Gaussian, which we can draw from without any network. If we knew how to move its points so that they stay samples of $p_\sigma$ while $\sigma$ falls, we would hold samples of the data in the end.

# %% [markdown]
# ## How must the points move?
#
# Let $p$ be any distribution of clean data $x_0$, $p_\sigma$ the density of $x_0+\sigma\varepsilon$, and $d$ the number of pixels. In what follows $x$ is the point that moves, so it carries noise. We look for a velocity $v(x,\sigma)=dx/d\sigma$ that carries samples of $p_\sigma$ to samples of $p_{\sigma'}$.
#
# **1. Noise spreads like heat.** Write $N(y;x_0)$ for the Gaussian density with mean $x_0$ and covariance $\sigma^2I$. Differentiate its logarithm $-d\log\sigma-|y-x_0|^2/2\sigma^2+\text{const}$ by $\sigma$, and differentiate $N$ twice by $y$:
# $$\frac{\partial N}{\partial\sigma}=\Big(\frac{|y-x_0|^2}{\sigma^3}-\frac d\sigma\Big)N,\qquad \Delta N=\Big(\frac{|y-x_0|^2}{\sigma^4}-\frac d{\sigma^2}\Big)N .$$
# The first is $\sigma$ times the second. Since $p_\sigma(y)=\int p(x_0)\,N(y;x_0)\,dx_0$, the same holds for $p_\sigma$:
# $$\frac{\partial p_\sigma}{\partial\sigma}=\sigma\,\Delta p_\sigma .$$

# %% [markdown]
# **2. Write the right side as a divergence.** The Laplacian is the divergence of the gradient, and $\nabla p_\sigma=p_\sigma\nabla\log p_\sigma$:
# $$\frac{\partial p_\sigma}{\partial\sigma}=\nabla\cdot\big(p_\sigma\;\sigma\,\nabla\log p_\sigma\big).$$
# **3. Moving points obey the continuity equation.** Points are neither made nor lost, so their number in a small box changes only by those that cross its walls:
# $$\frac{\partial p_\sigma}{\partial\sigma}=-\nabla\cdot\big(p_\sigma\,v\big).$$
# **4. Compare.** Both lines agree if $v=-\sigma\,\nabla\log p_\sigma$. (Other velocities agree as well, since one may add any current that leaves the density unchanged. This is the one that is a gradient.)
#
# **5. Insert Tweedie's formula** of chapter 02, $\nabla\log p_\sigma(x)=(R^*(x;\sigma)-x)/\sigma^2$:
# $$\boxed{\;\frac{dx}{d\sigma}=-\sigma\,\nabla\log p_\sigma(x)=\frac{x-R^*(x;\sigma)}{\sigma}\;}$$

# %% [markdown]
# This is the **probability flow** (Song et al. 2021). It needs nothing but a denoiser that is told its noise level. It also explains Figure 10.1. As $\sigma$ falls, each point moves towards $R^*(x;\sigma)$, the mean of all data that it may have come from. While the noise is large, it may have come from any bump, so this mean lies near the middle of the ring. When the noise is small, the point can only have come from the bump that is nearest, and the mean lies there. By then most points have not reached the middle, and they turn.
#
# An ascent at one level would move every point to the top of a bump. The flow keeps the points spread out, because it carries a whole distribution along. The next cell (folded) tests this with 4,000 points that start at $\sigma=10$. The rarest bump receives 0.87 times as many as the commonest, and for 4,000 points drawn from the ring this number is 0.85. The mean log-densities of the two sets differ by only 0.013 nats.

# %% tags=["hide-cell"]
level, h = 0.1, 1e-4
y = torch.rand(500, 2, generator=seeded(1), dtype=torch.float64)
up, down, here = (ring.smooth(level + s) for s in (h, -h, 0))
by_level = (up.log_prob(y).exp() - down.log_prob(y).exp()) / (2 * h)
laplacian = -4 * here.log_prob(y).exp()
for move in h * torch.tensor([[1.0, 0], [-1, 0], [0, 1], [0, -1]]).double():
    laplacian = laplacian + here.log_prob(y + move).exp()
laplacian = laplacian / h**2
du.claim(
    "The two sides of the heat equation on the ring differ by a relative {}",
    (by_level - level * laplacian).norm() / by_level.norm(),
    at_most=1e-4,
    tolerance=100,
)
sigmas = du.noise_schedule(40, high=10.0, low=0.005)
pure = ring.mean().float() + 10 * torch.randn(4000, 2, generator=seeded(0))
flowed = du.probability_flow(ring.posterior_mean, pure, sigmas)
counts = ring.responsibilities(flowed).argmax(1).bincount(minlength=8) / 4000
du.claim(
    "The rarest bump receives {} times as many points as the commonest",
    counts.min() / counts.max(),
    at_least=0.75,
)
drawn = ring.sample(4000, seeded(2))
counts = ring.responsibilities(drawn).argmax(1).bincount(minlength=8) / 4000
print(f"For points drawn from the ring it is {counts.min() / counts.max():.2f}.")
gap = ring.log_prob(flowed).mean() - ring.log_prob(drawn).mean()
du.claim(
    "The mean log-density of flowed and of drawn points differs by {} nats",
    gap.abs(),
    at_most=0.08,
    tolerance=100,
)

# %% [markdown]
# ## One step, and three famous samplers
#
# A computer moves from a level $\sigma$ to the next lower level $\sigma'$. The simplest step follows the slope for as long as the levels differ (Euler). Let $R=R(x;\sigma)$ be the network's answer, and call $\hat\varepsilon=(x-R)/\sigma$ the noise that the network *sees* in $x$. Then $x=R+\sigma\hat\varepsilon$, and Euler's step is
# $$x'=x+(\sigma'-\sigma)\,\frac{x-R}\sigma=R+\sigma\hat\varepsilon+(\sigma'-\sigma)\,\hat\varepsilon=R+\sigma'\hat\varepsilon .$$
# In words: remove all the noise that you see, and put a part of the *same* noise back. If the data were a single image, $R$ and $\hat\varepsilon$ would stay the same all the way, and the step would be exact. Only where $R$ changes on the way is there an error, and smaller steps make it smaller.

# %% [markdown]
# Why the same? We could put fresh noise $\varepsilon\sim N(0,I)$ in its place, or mix the two with a share $\eta$ between 0 and 1:
# $$x'=R+\sigma'\big(\sqrt{1-\eta^2}\;\hat\varepsilon+\eta\,\varepsilon\big).$$
# The squares of the two factors add up to 1. So if $\hat\varepsilon$ were the true noise, the image would carry noise of the level $\sigma'$ for every $\eta$. (It is the *mean* of the noise that fits $x$, which is a little smaller. We shall meet the consequence below.) Here is the whole family in code.


# %%
def step(denoiser, x, here, there, eta, generator=None):
    """From the noise level `here` down to the level `there`."""
    clean = denoiser(x, here)
    seen = (x - clean) / here
    fresh = torch.randn(x.shape, generator=generator, dtype=x.dtype, device=x.device)
    return clean + there * ((1 - eta**2) ** 0.5 * seen + eta * fresh)


# %% [markdown]
# Three values of $\eta$ have names.
#
# * $\eta=0$ puts back no fresh noise. This is the probability flow, and it is known as **DDIM** (Song, Meng & Ermon 2020).
# * $\eta^2=1-\sigma'^2/\sigma^2$ is **DDPM** (Ho, Jain & Abbeel 2020), the sampler that made diffusion models famous. The paragraph below says where this value comes from.
# * $\eta=1$ forgets the noise that was seen. This is chapter 06's way to put the noise back, at falling levels.
#
# For DDPM ask what $x'$ should be, if we knew the clean image $x_0$. Think of $x$ as an image of the lower level $\sigma'$ to which more noise was added. Given $x_0$ and $x$, Bayes' rule says that the image of level $\sigma'$ is Gaussian, with the mean $x_0+\frac{\sigma'^2}{\sigma^2}(x-x_0)$ and the variance $\sigma'^2\,(1-\frac{\sigma'^2}{\sigma^2})$ in every pixel. Draw from it with $R$ in place of $x_0$, and you have the formula with DDPM's $\eta$.

# %% [markdown]
# A sampler is this step in a loop. At the last level it ends with the network's answer, so it asks the network once at each level.


# %%
def descend(denoiser, x, sigmas, eta, generator=None):
    """Down the levels; eta None is DDPM's."""
    for here, there in zip(sigmas, sigmas[1:]):
        share = (1 - there**2 / here**2) ** 0.5 if eta is None else eta
        x = step(denoiser, x, here, there, share, generator)
    return denoiser(x, sigmas[-1])


# %% [markdown]
# (`du.ancestral` is the same with checks of its input, and it takes large sets in parts.)
#
# Is one of the three right? In the plane we can find out, because $R^*$ is known exactly. The next table shows how far 16,000 end points spread about the centres of the bumps, compared with points drawn from the ring. Points drawn from the ring have 1.00. But every sampler here ends with the answer $R^*$ at $\sigma=0.005$, which is a mean and takes a hundredth of the spread away. So a sampler without error would have 0.99, as the line below the table shows.

# %% tags=["hide-input", "nbval-ignore-output"]
width = 0.04  # of the ring's bumps


def spread(x):
    from_bump = torch.cdist(x.double(), ring.means).min(1).values
    return (from_bump.square().mean() / 2).sqrt().item() / width


names = {0: "0 (flow, DDIM)", None: "DDPM's", 0.85: "0.85", 1: "1 (all fresh)"}
counts = (10, 40, 160, 640)
pure = ring.mean().float() + 10 * torch.randn(16_000, 2, generator=seeded(3))
spreads = {}
for eta in names:
    for k in counts:
        sigmas = du.noise_schedule(k, high=10.0, low=0.005).tolist()
        x = descend(ring.posterior_mean, pure, sigmas, eta, seeded(4))
        spreads[eta, k] = spread(x)
du.table(
    [[name, *(spreads[eta, k] for k in counts)] for eta, name in names.items()],
    {"eta": ""} | {f"{k} levels": ".2f" for k in counts},
)
y = ring.smooth(0.005).sample(200_000, seeded(6))
print(f"exact: {spread(ring.sample(200_000, seeded(5))):.2f},", end=" ")
print(f"after the last answer: {spread(ring.posterior_mean(y, 0.005)):.2f}")

# %% [markdown]
# With many levels the flow and DDPM come to 0.99, and the other two do not. The reason is the mean. A step with fresh noise would be exact if it put a draw from the posterior in the place of $x_0$. Ours puts the posterior *mean* $R^*$ there, and each time some of the spread is lost. The flow needs no draw, because its paths were derived for the mean.
#
# DDPM's $\eta$ goes to 0 as the levels multiply, so it loses less and less: 0.94, 0.98 and 0.99 of the spread are left (chance moves each by about 0.01). With a fixed $\eta$ every level loses again, until the loss and the fresh noise balance. At $\eta=1$ this happens near $1/\sqrt2=0.71$ of the spread, of which the last answer takes another hundredth, and exercise (e) derives the number. (With ten levels the steps are too coarse for every sampler.)

# %% tags=["hide-cell"]
du.claim(
    "At 640 levels the flow's spread is {} of the ring's",
    spreads[0, 640],
    at_least=0.97,
    at_most=1.03,
)
du.claim(
    "At 640 levels DDPM's spread is {} of the ring's",
    spreads[None, 640],
    at_least=0.94,
    at_most=1.03,
)
du.claim(
    "At 640 levels the spread for all fresh noise is {} of the ring's",
    spreads[1, 640],
    at_least=0.66,
    at_most=0.75,
)
x = ring.smooth(1.0).sample(50, seeded(5))
three = [1.0, 0.6, 0.2]
ours = descend(ring.posterior_mean, x, three, None, seeded(6))
package = du.ancestral(ring.posterior_mean, x, three, None, seeded(6))
du.claim(
    "This sampler and du.ancestral end apart by {}",
    (ours - package).abs().max(),
    at_most=1e-5,
    tolerance=1000,
)

# %% [markdown]
# ## With a network
#
# Now take a network in place of $R^*$. The U-Net of chapter 05 is told its noise level, and it was trained with BCE, at all levels, on 8,000 digits. Its weights ship with the book. We come down in 40 levels, denser where $\sigma$ is small (Karras et al. 2022), so each image costs 40 evaluations of the network. The start is noise about the mean digit, because that is the centre of $p_\sigma$.

# %%
levels = du.noise_schedule(40, high=10.0, low=0.02)
unet = du.load("digits-unet-bce").requires_grad_(False)
train, test = (du.digits(part)[0].to(device) for part in ("train", "test"))
mean = train.mean(0)


def noise(count, seed=0):
    eps = torch.randn(count, 1, 28, 28, generator=seeded(seed))
    return mean + levels[0].item() * eps.to(device)


def sample(network, x, eta, seed=1):
    return du.ancestral(network, x, levels, eta, seeded(seed, device)).clamp(0, 1)


# %% [markdown]
# Figure 10.2 shows how a digit comes about. Above is the image $x(\sigma)$ on its way down, below is the network's answer $R(x;\sigma)$, the mean of all digits that the image may still become. Read each lower row from the left. What is settled first, and what last?

# %% tags=["hide-input"] mystnb={"image": {"alt": "Two pairs of rows, nine columns from noise level 10 to 0.02. The upper row of each pair is noise at first; a digit appears in it below noise level 1. The lower row begins as a grey blur. In the first pair it becomes a soft 9 and ends as a sharp 7, in the second it becomes a 4."}, "figure": {"caption": "**Figure 10.2. From a blur to a digit.** Two images on their way down the levels (DDPM), and below each the network's answer. Every column is one noise level."}}
way = du.ancestral(unet, noise(2, 7), levels, None, seeded(4, device), True)
shown = [0, 8, 14, 18, 21, 24, 27, 31, 39]
rows = []
for i in range(2):
    images = [way[k][i] for k in shown]
    answers = [unet(way[k][i : i + 1], levels[k].item())[0] for k in shown]
    rows += [torch.stack(images), torch.stack(answers)]
du.plotting.show_images(
    rows,
    [r"$x(\sigma)$", r"$R(x;\sigma)$"] * 2,
    [f"σ {levels[k]:.2g}" for k in shown],
    size=0.62,
)
plt.show()

# %% [markdown]
# At first the answer is a blur, close to the mean digit. Then the rough shape is settled, then the strokes, and at last their edges. The network may change its mind: the upper image looks like a 9 for a while and ends as a 7.
#
# An error that the network makes on the way is handed down to all later levels, and here the samplers differ. The flow keeps every error to the end. Fresh noise covers some of them up, because the next levels decide again. On the other hand, the plane has shown that much fresh noise makes samples too much alike. So we expect a best share $\eta$ in between.
#
# Figure 10.3 tries five shares and DDPM at equal cost, from the same starting noise. The left panel has the Frechet distance of chapter 06.
#
# The right panel has the **density** of a set of samples (Naeem et al. 2020). It is not a probability density but a count, the companion of chapter 06's coverage. Around each test digit lies a ball that reaches to its fifth nearest other test digit; density counts the balls that a sample lies in, divided by five. It is near 1 for real digits, and less for samples that lie where no digit is.
#
# Here we use the first 1,000 test digits, and for the report below the others. The stored digits are not in random order, and the halves differ: the first has more ink (0.137 against 0.127) and wider balls. Real digits have the density 0.97 against the first half and 0.82 against the second. (We had looked at both halves while writing this chapter, so the report is not a perfectly fresh test.)


# %% tags=["hide-input"]
choosing, reporting = du.evaluation.features(test).split(len(test) // 2)


def judge(x, real_features):
    found = du.evaluation.features(x)
    distance = du.evaluation.frechet_between
    density, coverage = du.evaluation.density_coverage(found, real_features)
    low, high = du.evaluation.bootstrap(distance, found, real_features)
    return {
        "distance": distance(found, real_features),
        "low": low,
        "high": high,
        "density": density,
        "coverage": coverage,
        "brightness": x.mean().item(),
    }


order = torch.randperm(len(train), generator=seeded(0)).to(device)
real = train[order]  # the first few are a random sample
shares = [0, 0.5, 0.7, 0.85, 1]
by_share = {share: sample(unet, noise(few), share) for share in shares}
ddpm = sample(unet, noise(n), None)  # as many as in the large set below
by_share[None] = ddpm[:few]
judged = {share: judge(x, choosing) for share, x in by_share.items()}
judged_real = judge(real[:few], choosing)
for half, x, found in [
    ("first", test[:1000], choosing),
    ("second", test[1000:], reporting),
]:
    radius = torch.cdist(found, found).topk(6, largest=False).values[:, -1].median()
    density, _ = du.evaluation.density_coverage(
        du.evaluation.features(real[:few]), found
    )
    print(f"{half} half of the test digits: ink {x.mean():.3f},", end=" ")
    print(f"median radius {radius:.1f}, density of real digits {density:.2f}")

# %% tags=["hide-input", "nbval-ignore-output"] mystnb={"image": {"alt": "Two panels against the share of fresh noise from 0 to 1. Left, Frechet distance with a wide band: about level up to 0.85, then a steep rise to more than twice as much; the lines of DDPM and of real digits lie near the level part. Right, density: it rises from about 0.8, crosses the line of real digits near 1 between 0.7 and 0.85, and goes on rising."}, "figure": {"caption": "**Figure 10.3. Some fresh noise helps, and only fresh noise harms.** Sets of 250 digits at 40 evaluations each, from the same starting noise. Band: 95 % bootstrap. Dashed: DDPM. Black: as many real digits."}}
fig, axes = plt.subplots(1, 2, figsize=(7.2, 3))
for ax, key in zip(axes, ("distance", "density")):
    values = [judged[share][key] for share in shares]
    ends = [[judged[share][end] for share in shares] for end in ("low", "high")]
    band = ends if key == "distance" else None
    du.plotting.curve(ax, shares, values, band, color=LEARNED)
    ax.axhline(judged[None][key], color=LEARNED, ls="--", lw=1)
    ax.axhline(judged_real[key], color=INK, lw=1)
    ax.set(xlabel=r"share of fresh noise $\eta$", ylim=(0, None))
axes[0].set(ylabel="Frechet distance", title="All fresh noise is too much")
axes[1].set(ylabel="density", title="Fresh noise brings samples closer")
axes[1].text(0, judged_real["density"] + 0.02, "real digits")
axes[1].text(1, judged[None]["density"] - 0.08, "DDPM", ha="right", color=LEARNED)
plt.show()

# %% tags=["hide-input"]
du.claim(
    "With fresh noise only, the distance is that of the best share times {}",
    judged[1]["distance"] / min(m["distance"] for m in judged.values()),
    at_least=1.5,
    tolerance=0.6,
)

# %% tags=["hide-cell"]
du.claim(
    "From the flow to a share of 0.85 the density of the samples grows by {}",
    judged[0.85]["density"] - judged[0]["density"],
    at_least=0.08,
    tolerance=1,
)
du.claim(
    "With fresh noise only, the digits have this share of the real ink: {}",
    judged[1]["brightness"] / train.mean(),
    at_most=0.9,
)

# %% [markdown]
# Read the left panel of Figure 10.3 first. Up to a share of 0.85 the distances cannot be told apart: with 250 images the band is wide, and the line of real digits runs through it. All fresh noise, however, is clearly too much. The distance about doubles that of real digits, and the digits have only 0.76 of the ink of real ones. We know the cause from the plane: a mean answers where a draw is needed.
#
# The right panel is clearer, because density looks at one sample at a time. It rises with the share of fresh noise and crosses the line of real digits just beyond 0.7. So fresh noise does repair single digits, and with much of it they become too much alike: they crowd where real digits are most frequent. We take $\eta=0.85$ for a closer look, the largest share tried whose distance has not yet risen clearly. A share of 0.7 would have been as good a choice.
#
# ## A hundred digits

# %%
eta = 0.85
made = sample(unet, noise(n), eta)

# %% tags=["hide-input"] mystnb={"image": {"alt": "A square of ten by ten digits. Nearly all can be read at once; they differ in slant, width and style. Four are broken: a curl in row 1, scattered strokes in rows 4 and 6, and an open ring with a gap in row 10."}, "figure": {"caption": "**Figure 10.4. A hundred digits from a denoiser trained with BCE.** The first hundred samples of one random seed, 40 evaluations of the network each. Nothing was selected."}}
fig, ax = plt.subplots(figsize=(5.6, 5.6), layout="none")
ax.imshow(du.plotting.tile(*made[:100].split(10)), cmap="gray", vmin=0, vmax=1)
ax.axis("off")
plt.show()

# %% [markdown]
# Count the broken ones in Figure 10.4 before you read on. By our count four are not digits (row 1, column 6; row 4, column 1; row 6, column 6; row 10, column 4), and six more are doubtful. A second reader named the same four and found eleven doubtful. In another set from the same sampler the first reader counted twelve that are broken or doubtful, and in a hundred of DDPM's about nineteen. Such counts are rough, and these were not blind. Repeat it: set `eta = None` in the cell above the figure, and count DDPM's.
#
# How good are the samples as a set? The next table compares sets of one size against the other 1,000 test digits. It contains real digits, which show what can be reached, samples of a VAE, and four samplers. The last row is a network with the same layers that was trained with the squared error in the way of Karras et al. (2022).

# %% tags=["hide-input", "nbval-ignore-output"]
edm, vae = du.load("digits-unet-edm"), du.load("digits-vae")
blurred = vae.sample(few, seeded(0)).to(device).clamp(0, 1)
by_square = sample(edm, noise(few), eta)
sets = {
    "real digits": real[:few],
    "a VAE": blurred,
    "eta 0 (flow)": by_share[0],
    "DDPM": by_share[None],
    f"eta {eta}": made[:few],
    "eta 1": by_share[1],
    f"eta {eta}, squared error": by_square,
}
table = {name: judge(x, reporting) for name, x in sets.items()}
columns = {f"{few} images in each set": "", "distance": ".0f", "95 % range": ">"}
columns |= {"density": ".2f", "coverage": ".2f", "brightness": ".3f"}
for m in table.values():
    m["95 % range"] = f"{m['low']:.0f} to {m['high']:.0f}"
du.table(
    [[name, *(m[c] for c in list(columns)[1:])] for name, m in table.items()], columns
)
large = {
    name: du.evaluation.frechet_between(du.evaluation.features(x), reporting)
    for name, x in [("real", real[:n]), ("made", made), ("DDPM", ddpm)]
}
print(f"{n:,} images: real {large['real']:.0f}, DDPM {large['DDPM']:.0f},", end=" ")
print(f"eta {eta} {large['made']:.0f}")

# %% tags=["hide-input"]
du.claim(
    "The distance of the chosen share is that of the VAE's samples times {}",
    table[f"eta {eta}"]["distance"] / table["a VAE"]["distance"],
    at_most=0.25,
    tolerance=0.5,
)

# %% tags=["hide-cell"]
du.claim(
    "The large set's distance is that of as many real digits, times {}",
    large["made"] / large["real"],
    at_most=2.2,
    tolerance=0.5,
)

# %% [markdown]
# Read the distances first. The VAE's samples lie at about 600, and only fresh noise at about 200. The flow, DDPM, the chosen share and as many real digits all lie near 100, with wide ranges: at this size the distance cannot tell them apart, and it means nothing that one of them lies below real digits. The line below the table is for sets of 750 images. All distances are smaller there, as they are for larger sets, and a gap appears. DDPM is close to real digits, and the share 0.85 is further away.
#
# The other columns say more about the single digits. The flow has the lowest density of our samplers, so more of its digits lie where no real digit is. The share 0.85 has about the density and the coverage of real digits, but its digits have too little ink, and DDPM's have less of this fault.
#
# So the two samplers seem to trade. The larger share of fresh noise may have broken fewer digits, but 12 against 19 in a hundred can be chance. DDPM made the better *set*, as far as one set of 750 can tell. With fresh noise only, coverage is the highest of all although the distance is double: thin and typical digits lie close to many real ones. The network that was trained with the squared error is level with ours at this size.
#
# A low distance alone would not impress us: chapter 07 has shown that it ranks a copier first. So look for copies, in pixels and in the classifier's features, because a copy that is shifted by one pixel would fool the pixels. Test digits show what is usual for digits that cannot be copies. Figure 10.5 shows the most suspicious sample of each class.

# %% tags=["hide-cell"]
spaces = {
    "pixels": (made, test, train),
    "features": tuple(map(du.evaluation.features, (made, test, train))),
}
near = {}
for space, (ours, fresh, reference) in spaces.items():
    of_ours, index = du.evaluation.nearest(ours, reference)
    of_fresh, _ = du.evaluation.nearest(fresh, reference)
    near[space] = (of_ours, index)
    who = f"Measured in {space},"
    du.claim(
        f"{who} samples are as far from training digits as test digits, times {{}}",
        of_ours.median() / of_fresh.median(),
        at_least=0.85,
        at_most=1.4,
    )
    du.claim(
        f"{who} a share of {{}} is nearer than the nearest hundredth of test digits",
        (of_ours < of_fresh.quantile(0.01)).double().mean(),
        at_most=0.05,
        tolerance=3,
    )
classes = du.evaluation.probabilities(made).argmax(1)
share = classes.bincount(minlength=10) / n
du.claim("The rarest of the ten digits has a share of {}", share.min(), at_least=0.04)

# %% tags=["hide-input"] mystnb={"image": {"alt": "Ten columns for the digits 0 to 9. Above, the sample that is nearest to a training image; below, that training image: the same digit with a similar slant, but with other stroke ends."}, "figure": {"caption": "**Figure 10.5. The most suspicious samples are not copies.** For each class the sample that is nearest to a training image in the features, and that training image."}}
distances, index = near["features"]
closest = [
    distances.masked_fill(classes != digit, torch.inf).argmin().item()
    for digit in range(10)
]
found = [index[i].item() for i in closest]
du.plotting.show_images(
    [made[closest], train[found]], ["sample", "nearest"], range(10), size=0.58
)
plt.show()

# %% [markdown]
# Compare the pairs: they are similar in slant and width, but their strokes end differently. (Two ones can hardly look different.) The samples are nearly as far from the training images as test digits are: the median distance is 0.92 times theirs in pixels and 0.94 times in the features. All ten digits appear, and the rarest has a share of 7 per cent. This is what P4 asks for, novel samples that are consistent with the data. One noise level came near to it in chapter 06, and all levels together come nearer.
#
# **The start must have the right mean.** The starting noise lies about the *mean digit*, because that is the centre of $p_\sigma$. Noise about 0 looks the same to the eye: the noise has a length of about $10\sqrt{784}=280$, and the mean digit, with a length of about 6, is short beside it. But in any *one* direction the noise only has standard deviation 10, so in the direction of the mean digit the start is displaced by 0.6 standard deviations. Chapter 06 has taught us what that does: the mean of the starting noise influences the amount of ink, even here. The same noise about 0 gives thinner digits.

# %% tags=["hide-input"]
dark = sample(unet, noise(few)[:100] - mean, 0)
print(f"length of the mean digit: {mean.norm():.1f}")
du.claim(
    "Started about zero, the flow's digits have this share of the ink: {}",
    dark.mean() / by_share[0][:100].mean(),
    at_most=0.95,
)

# %% [markdown]
# ## How probable is this image?
#
# Chapter 05 compared two images by the line integral of the score. Along the flow we can do more: compute $\log p_\sigma$ of a single image, with its normalising constant. Follow a path $x(\sigma)$ of the flow and ask how $\log p_\sigma(x(\sigma))$ changes on the way.
#
# **1. Chain rule.** The density changes because $\sigma$ does and because the point moves:
# $$\frac{d}{d\sigma}\log p_\sigma(x(\sigma))=\frac{\partial}{\partial\sigma}\log p_\sigma+\frac{dx}{d\sigma}\cdot s_\sigma,\qquad s_\sigma=\nabla\log p_\sigma .$$
# **2. The first term** is $\sigma\,\Delta p_\sigma/p_\sigma$ by the heat equation, and $\Delta p=\nabla\cdot(p\,s)=p\,(\nabla\cdot s+|s|^2)$:
# $$\frac{\partial}{\partial\sigma}\log p_\sigma=\sigma\,\nabla\cdot s_\sigma+\sigma\,|s_\sigma|^2 .$$

# %% [markdown]
# **3. The second term** is $-\sigma\,|s_\sigma|^2$, because the flow has the velocity $-\sigma s_\sigma$. The squares cancel:
# $$\frac{d}{d\sigma}\log p_\sigma(x(\sigma))=\sigma\,\nabla\cdot s_\sigma .$$
# **4. Insert Tweedie's formula** again. The divergence of $(R-x)/\sigma^2$ is $(\operatorname{tr}J-d)/\sigma^2$, where $J$ is the Jacobian of the denoiser, so the right side is $(\operatorname{tr}J-d)/\sigma$. Multiply by $\sigma$ to have a derivative by $\log\sigma$:
# $$\frac{d}{d\log\sigma}\log p_\sigma(x(\sigma))=-\big(d-\operatorname{tr}J\big).$$
# **5. Integrate** from a small level $\sigma_0$ up to a large one, $\sigma_1$, where $p_{\sigma_1}$ is nearly a Gaussian with the mean and the variance of the noisy data:
# $$\boxed{\;\log p_{\sigma_0}(x(\sigma_0))=\log p_{\sigma_1}(x(\sigma_1))+\int_{\sigma_0}^{\sigma_1}\big(d-\operatorname{tr}J\big)\,d\log\sigma\;}$$

# %% [markdown]
# The integrand has a meaning. The trace of $J$ roughly counts the directions that the denoiser lets pass, and $d-\operatorname{tr}J$ those that it takes for noise and removes. (Only roughly, because an eigenvalue may exceed 1 between two modes.) An image is probable if the denoiser removes many directions around it even at small noise levels.
#
# Whose density is it, if a trained network stands in the place of $R^*$? Its field $(x-R)/\sigma$ need not be the flow of any $p_\sigma$. But its points obey the continuity equation all the same, and this alone gives the same integral. So the result is the log-density of the points that *this network's own flow* makes of the Gaussian. It is $\log p_\sigma$ only as nearly as $R$ is $R^*$.
#
# Here is the whole computation. It climbs the levels from small to large with Heun's step, which averages the slopes at both ends of an Euler step, and it adds up the integral by the trapezoid rule.


# %%
def log_density(denoiser, x, sigmas, trace, log_end):
    """log p of x at sigmas[0], (N,); the noise levels go from small to large."""
    removed = []
    for here, there in zip(sigmas, [*sigmas[1:], None]):
        removed.append(x[0].numel() - trace(denoiser, x, here))
        if there is not None:
            slope = (x - denoiser(x, here)) / here
            guess = x + (there - here) * slope
            slope = (slope + (guess - denoiser(guess, there)) / there) / 2
            x = x + (there - here) * slope
    position = torch.tensor(sigmas, dtype=x.dtype, device=x.device).log()
    return torch.trapezoid(torch.stack(removed), position, dim=0) + log_end(x)


def gaussian(x, mean, variance):
    """log N(x; mean, variance I), (N,)."""
    square = (x - mean).flatten(1).square().sum(1)
    pixels = x[0].numel()
    return -square / (2 * variance) - pixels / 2 * math.log(2 * math.pi * variance)


# %% [markdown]
# First the plane, where the answer is known. We take 400 levels from 0.02 to 5, the exact $R^*$, and its Jacobian by automatic differentiation. The 300 test points are 200 samples of $p_{0.02}$ and 100 points anywhere in the unit square. The exact log-density comes from the formula of the mixture.

# %% tags=["hide-input"]
low = 0.02
plane_levels = du.noise_schedule(400, high=5.0, low=low).flip(0).tolist()
anywhere = torch.rand(100, 2, generator=seeded(7), dtype=torch.float64)
points = torch.cat([ring.smooth(low).sample(200, seeded(6)).double(), anywhere])


def exact_trace(denoiser, x, sigma):
    x = x.detach().requires_grad_()
    answer = denoiser(x, sigma)
    parts = [
        torch.autograd.grad(answer[:, i].sum(), x, retain_graph=True)[0][:, i]
        for i in range(x.shape[1])
    ]
    return sum(parts).detach()


along = log_density(
    ring.posterior_mean,
    points,
    plane_levels,
    exact_trace,
    lambda x: gaussian(x, ring.mean(), variance + 5.0**2),
)
exact = ring.smooth(low).log_prob(points)
du.claim(
    "At 300 points of the plane the largest error of the log-density is {} nats",
    (along - exact).abs().max(),
    at_most=0.01,
    tolerance=3,
)

# %% [markdown]
# The integral finds the density of every point, whether it lies on a bump or far from the ring; the left panel of Figure 10.6 shows all 300. Now digits. In 784 dimensions the exact trace would take 784 backward passes at every level. But if $z$ is a random vector of independent signs $\pm1$, then $E[z\cdot Jz]=\operatorname{tr}J$ (Hutchinson's estimate), and one backward pass through the network gives $z\cdot Jz$. We take one such vector for each image and level.
#
# Which images are probable? We compare real test digits with ones alone, with samples of the VAE, with digits in inverted colours, with digits whose pixels are shuffled (the same shuffle for all), with clothes, and with an entirely black image. All get noise of level 0.1 first, because $p_{0.1}$ is the density of noisy images. Guess the order before you look. (The table below the figure gives the differences of the means, with 95 % intervals that allow for both groups.)

# %% tags=["hide-input"]
low, m = 0.1, 16
digit = test[:: len(test) // m][:m]
shuffle = torch.randperm(784, generator=seeded(1)).to(device)
groups = {
    "black": torch.zeros_like(digit),
    "ones": test[du.digits("test")[1].to(device) == 1][:m],
    "test digits": digit,
    "VAE samples": blurred[:m],
    "shuffled": digit.flatten(1)[:, shuffle].reshape(digit.shape),
    "clothes": du.fashion("test")[0][:m].to(device),
    "inverted": 1 - digit,
}
signs = seeded(2)


def hutchinson(denoiser, x, sigma):
    z = 2.0 * torch.randint(0, 2, x.shape, generator=signs).to(x) - 1
    x = x.detach().requires_grad_()
    (pull,) = torch.autograd.grad((denoiser(x, sigma) * z).sum(), x)
    return (pull * z).flatten(1).sum(1)


eps = torch.randn(digit.shape, generator=seeded(3)).to(device)
everything = torch.cat([x + low * eps for x in groups.values()])
spread_of_pixels = train.var(0).mean().item() + 10.0**2
densities = {}
for count in (16, 32):
    image_levels = du.noise_schedule(count, high=10.0, low=low).flip(0).tolist()
    found = log_density(
        unet,
        everything,
        image_levels,
        hutchinson,
        lambda x: gaussian(x, mean, spread_of_pixels),
    )
    densities[count] = dict(zip(groups, found.cpu().split(m)))
density = densities[32]

# %% tags=["hide-input", "nbval-ignore-output"] mystnb={"image": {"alt": "Left: points on a straight diagonal line, exact against computed log-density. Right: seven rows of ticks with a dot for their mean. The black image and ones lie to the right of zero, test digits around zero, VAE samples left of it at about minus 80, and clothes, shuffled and inverted digits far to the left, between minus one and minus four thousand."}, "figure": {"caption": "**Figure 10.6. On average digits are more probable than their imitations, and black is more probable than digits.** Left: 300 points of the plane. Right: log-density at $\\sigma=0.1$, a tick for each of 16 images, and their mean with its own 95 % interval. Between -100 and 100 the axis is linear, beyond it is logarithmic."}}
reference = density["test digits"].mean()
fig, (left, right) = plt.subplots(
    1, 2, figsize=(7.2, 3), gridspec_kw={"width_ratios": [1, 1.7]}
)
left.plot(exact, along, ".", ms=4, color=EXACT)
left.set(xlabel="exact (nats)", ylabel="along the flow (nats)")
left.set_title("In the plane it is exact")
half = students_t.ppf(0.975, m - 1) / m**0.5
for row, values in enumerate(density.values()):
    relative = values - reference
    right.plot(relative, [row] * m, "|", ms=8, color=LEARNED, alpha=0.5)
    right.errorbar(
        relative.mean(), row, xerr=half * relative.std(), fmt="o", ms=5, color=INK
    )
right.set_yticks(range(len(density)), list(density))
right.invert_yaxis()
right.set_xscale("symlog", linthresh=100)
right.set_xlim(-8000, 160)
right.set_xticks([-1000, -100, 0, 100], ["-1000", "-100", "0", "100"])
right.minorticks_off()
right.axvline(0, color=GREY, lw=1)
right.set(xlabel="log-density, mean of test digits = 0 (nats)")
right.set_title("Black is more probable than most digits")
plt.show()


# %% tags=["hide-input", "nbval-ignore-output"]
def difference(values, reference):
    """Difference of two means, with the 95 % interval of Welch's t-test."""
    a, b = values.var() / m, reference.var() / m
    freedom = (m - 1) * (a + b) ** 2 / (a**2 + b**2)
    half = students_t.ppf(0.975, freedom.item()) * (a + b).sqrt()
    return f"{values.mean() - reference.mean():.0f} ± {half:.0f}"


others = [name for name in groups if name != "test digits"]
du.table(
    [
        [name, *(difference(d[name], d["test digits"]) for d in densities.values())]
        for name in others
    ],
    {"nats above test digits": ""} | {f"{count} levels": ">" for count in densities},
)

# %% tags=["hide-cell"]
level_of = {name: values.mean() - reference for name, values in density.items()}
for name, least in [("VAE samples", 30), ("shuffled", 500), ("inverted", 1500)]:
    du.claim(
        f"Test digits lie above the group '{name}' by a mean of {{}} nats",
        -level_of[name],
        at_least=least,
        tolerance=0.5,
    )
du.claim(
    "The black image lies above the mean test digit by {} nats",
    level_of["black"],
    at_least=15,
    tolerance=1,
)

# %% [markdown]
# Look at the right panel of Figure 10.6. Real digits are more probable than the VAE's imitations, by about 80 nats, and clothes, shuffled and inverted digits lie on average more than a thousand nats below. Shuffled digits have exactly the pixel values of digits, only in other places, so the network does not judge by brightness alone. (The figure has 32 levels. With half as many the small differences move by one or two nats and the largest by 7 per cent, so every group stays on its side of the test digits.)
#
# But the winner is the *black image*, which is not a digit at all. It lies about 70 nats above the average of the test digits. Ones, which have little ink, lie above it, too. This need not be an error, because a density is not a probability. There is hardly any room close to black, and very much room for digits of all shapes. So nearly all samples can be digits although nearly every digit has a lower density. Chapter 07 met the same thing: more probable is not more like a sample. A density alone cannot tell you whether an image belongs to the data.

# %% [markdown]
# ## The same denoiser in other notations
#
# Papers on diffusion models write the same thing in different coordinates. **EDM** is the recipe of Karras et al. (2022), in the coordinates of this book. **DDPM** shrinks the image by $\sqrt{\bar\alpha}$, where $\bar\alpha$ falls from 1 to 0 as the noise grows. **Flow matching** mixes image and noise, $(1-t)\,x+t\,\varepsilon$ with $t$ from 0 to 1, and its network gives the velocity $\varepsilon-x$.
#
# Every line of this table says what one quantity is called. As in the other chapters, $x$ is the clean image here and $\tilde x=x+\sigma\varepsilon$ the noisy one. Scores are those of each column's own noisy image, and $\hat x_0$ is the clean image of DDPM's column.
#
# | | this book, EDM | DDPM | flow matching |
# |---|---|---|---|
# | noisy image | $\tilde x=x+\sigma\varepsilon$ | $x_t=\sqrt{\bar\alpha}\,\tilde x$ | $x_t=(1-t)\,\tilde x$ |
# | noise level | $\sigma$ | $\sigma^2=(1-\bar\alpha)/\bar\alpha$ | $\sigma=t/(1-t)$ |
# | network | $R$, in EDM $D$ | $\hat\varepsilon=(\tilde x-R)/\sigma$ | $u=\hat\varepsilon-R$ |
# | its target | $x$ | $\varepsilon$ | $\varepsilon-x$ |
# | clean image | $R$ | $(x_t-\sqrt{1-\bar\alpha}\,\hat\varepsilon)/\sqrt{\bar\alpha}$ | $x_t-t\,u$ |
# | score | $(R-\tilde x)/\sigma^2$ | $-\hat\varepsilon/\sqrt{1-\bar\alpha}$ | $-(x_t+(1-t)\,u)/t$ |
# | squared error | $\lvert R-x\rvert^2$ | $\lvert R-x\rvert^2/\sigma^2$ | $(1+1/\sigma)^2\,\lvert R-x\rvert^2$ |
# | step to $\sigma'$ | $R+\sigma'\hat\varepsilon$ | $\sqrt{\bar\alpha'}\,\hat x_0+\sqrt{1-\bar\alpha'}\,\hat\varepsilon$ | $x_t+(t'-t)\,u$ |

# %% [markdown]
# The line of squared errors shows that all columns have the same optimum, and that DDPM and flow matching give each noise level another weight. EDM has a weight, too. Its layers $F$ do not give the clean image themselves. They stand in $D=c_\text{skip}\,\tilde x+c_\text{out}F$, where $c_\text{skip}=\sigma_d^2/(\sigma^2+\sigma_d^2)$, $c_\text{out}=\sigma\sigma_d/\sqrt{\sigma^2+\sigma_d^2}$ and $\sigma_d$ is the spread of the pixels. EDM multiplies the squared error of $D$ by $\lambda(\sigma)=1/c_\text{out}^2$, so its loss is the squared error of $F$. This book's U-Net was trained with BCE, multiplied by $\sqrt{\lambda(\sigma)}$ with $\sigma_d=\frac12$.
#
# Three traps remain. DDPM and EDM scale images to $[-1,1]$, so for the same picture their $\sigma$ is twice ours. Flow matching often counts $t$ the other way. And the paper on DDIM has an $\eta$ of its own, which is 1 for DDPM. Our $\eta$ is theirs times $\sqrt{1-\sigma'^2/\sigma^2}$.
#
# A table can be wrong, so check it. In the coordinates of DDPM the clean ring is a smaller ring, $\sqrt{\bar\alpha}\,x$, under noise of standard deviation $\sqrt{1-\bar\alpha}$. In those of flow matching it is $(1-t)\,x$ under noise of standard deviation $t$. For both the exact clean image and the exact score are known without any formula of the table. The next cell compares, and it also tests what we said of $\lambda$ and of the two $\eta$.


# %% tags=["hide-input"]
def other_coordinates(scale, noise_std, x_t):
    """Exact clean image and score where the data are scaled, then corrupted."""
    small = du.GaussianMixture(ring.means * scale, 0.04**2 * scale**2)
    clean = small.posterior_mean(x_t, noise_std) / scale
    return clean, small.smooth(noise_std).score(x_t)


gaps = {}
for sigma, after in [(0.05, 0.03), (0.3, 0.2), (2.0, 1.0)]:
    x = ring.sample(200, seeded(8)).double()
    e = torch.randn(200, 2, generator=seeded(9), dtype=torch.float64)
    y = x + sigma * e
    R = ring.posterior_mean(y, sigma)
    seen, error = (y - R) / sigma, (R - x).square().sum(1)
    down = R + after * seen
    gaps["EDM", "score", sigma] = (R - y) / sigma**2 - ring.smooth(sigma).score(y)
    skip = 0.5**2 / (sigma**2 + 0.5**2)
    out = sigma * 0.5 / (sigma**2 + 0.5**2) ** 0.5
    layers, target = (R - skip * y) / out, (x - skip * y) / out
    level = torch.tensor(sigma, dtype=torch.float64)
    weight = edm.loss_weight(level)  # of the shipped network
    gaps["EDM", "error", sigma] = (layers - target).square().sum(1) - weight * error

    a, a_next = 1 / (1 + sigma**2), 1 / (1 + after**2)
    x_t = a**0.5 * x + (1 - a) ** 0.5 * e  # DDPM's own corruption
    clean, score = other_coordinates(a**0.5, (1 - a) ** 0.5, x_t)
    gaps["DDPM", "clean", sigma] = (x_t - (1 - a) ** 0.5 * seen) / a**0.5 - clean
    gaps["DDPM", "score", sigma] = -seen / (1 - a) ** 0.5 - score
    gaps["DDPM", "error", sigma] = (seen - e).square().sum(1) - error / sigma**2
    ddim = a_next**0.5 * clean + (1 - a_next) ** 0.5 * seen
    gaps["DDPM", "step", sigma] = ddim / a_next**0.5 - down
    fresh = torch.randn(200, 2, generator=seeded(10), dtype=torch.float64)
    theirs = 0.5  # the eta of the DDIM paper, in its equations 12 and 16
    s_t = theirs * ((1 - a_next) / (1 - a) * (1 - a / a_next)) ** 0.5
    noisy = a_next**0.5 * clean + (1 - a_next - s_t**2) ** 0.5 * seen + s_t * fresh
    ours = theirs * (1 - after**2 / sigma**2) ** 0.5
    mixed = R + after * ((1 - ours**2) ** 0.5 * seen + ours * fresh)
    gaps["DDIM", "eta", sigma] = noisy / a_next**0.5 - mixed

    t, t_next = sigma / (1 + sigma), after / (1 + after)
    x_t = (1 - t) * x + t * e  # flow matching's own corruption
    u = seen - R
    clean, score = other_coordinates(1 - t, t, x_t)
    gaps["flow matching", "clean", sigma] = x_t - t * u - clean
    gaps["flow matching", "score", sigma] = -(x_t + (1 - t) * u) / t - score
    wrong = (u - (e - x)).square().sum(1)
    gaps["flow matching", "error", sigma] = wrong - (1 + 1 / sigma) ** 2 * error
    straight = x_t + (t_next - t) * u
    gaps["flow matching", "step", sigma] = straight / (1 - t_next) - down
du.claim(
    f"In {len(gaps)} comparisons the table is off by at most {{}}",
    max(gap.abs().max().item() for gap in gaps.values()),
    at_most=1e-8,
    tolerance=1e6,
)

# %% [markdown]
# So a denoising autoencoder that is told its noise level *is* the network of a diffusion model, and it may be trained with BCE, because chapter 02 gives BCE the same optimum. What differs between the columns is the weight of each level in the training, the way the network's output is scaled, and the sampler that people usually take with it. Which loss does better in this book is measured on the page [Benchmarks: images](../benchmarks-images.md): with the shipped pair, the two are level.
#
# Diffusion models also draw what they are asked for. Tell the network the label as well, train it with and without, and its two answers differ by the part that the label explains. Samplers exaggerate this difference (*guidance*). Everything in this chapter holds for such a network, with the distribution of the data given the label. It no longer holds exactly once the difference is exaggerated, because the exaggerated field is in general not the flow of any $p_\sigma$.

# %% [markdown]
# ## Refining once more
#
# Chapter 07 refined samples of a VAE at one noise level (statement P5). With all levels at hand there is another way. Add noise of level $\sigma_0$, then come down from $\sigma_0$ as before. Meng et al. (2022) edit pictures in this way and call it SDEdit. With little noise, little changes; with much noise a new digit is made. Figure 10.7 and the table below it show both. Watch how many samples remain the same digit.

# %% tags=["hide-input"]
some = blurred[:200]
labels = du.evaluation.probabilities(some).argmax(1)


def come_back(strength):
    """Add noise of this level, and come down from it in eight levels."""
    x = du.corruption.gaussian(some, strength, seeded(1, device))
    sigmas = du.noise_schedule(8, high=strength, low=levels[-1].item())
    return du.ancestral(unet, x, sigmas, eta, seeded(2, device)).clamp(0, 1)


refined = {"VAE samples": some}
refined["5 plain steps, 0.4"] = du.iterate(unet, some, 5, 0.4).clamp(0, 1)
strengths = [0.3, 0.6, 1.0, 2.0]
refined |= {f"noise {s:g} and back": come_back(s) for s in strengths}
kept, distance = {}, {}
for name, x in {"real digits": real[:200], **refined}.items():
    same = du.evaluation.probabilities(x).argmax(1) == labels
    kept[name] = same.double().mean().item()
    found = du.evaluation.features(x)
    distance[name] = du.evaluation.frechet_between(found, reporting)

# %% tags=["hide-input"] mystnb={"image": {"alt": "Six rows of fourteen digits. VAE samples are blurred and some have missing strokes. After five plain steps and after noise of level 0.3 and 0.6 most keep their shape and have clearer strokes, some are broken. After noise of level 1 and 2 the strokes are crisp and most digits differ from the first row."}, "figure": {"caption": "**Figure 10.7. More noise, clearer digits, and fewer of the same.** Fourteen samples of the VAE, after five plain steps at $\\sigma=0.4$, and after noise of level $\\sigma_0$ and the way back in eight levels."}}
du.plotting.show_images([x[:14] for x in refined.values()], list(refined), size=0.42)
plt.show()

# %% tags=["hide-input", "nbval-ignore-output"]
kept["real digits"] = None
du.table(
    [[name, distance[name], kept[name]] for name in distance],
    {f"{len(some)} images in each set": "", "distance": ".0f", "labels kept": ".0%"},
)

# %% tags=["hide-cell"]
before = distance["VAE samples"]
for s in (0.6, 2.0):
    du.claim(
        f"Noise {s:g} and the way back leave a share of {{}} of the distance",
        distance[f"noise {s:g} and back"] / before,
        at_most={0.6: 0.75, 2.0: 0.4}[s],
    )
du.claim(
    "After noise of level 2 the share of labels kept is {}",
    kept["noise 2 and back"],
    at_most=0.45,
)

# %% [markdown]
# The more noise, the nearer the set comes to real digits, and the fewer samples remain the same digit. Noise of level 0.6 ends about where five plain steps end: half of the distance, and a little more than half of the labels. After noise of level 2 only about a quarter of the distance is left, but the classifier sees the same digit as before in only about one sample in five. Look at the last row of Figure 10.7: this is synthesis with a hint.
#
# So P5 holds for these samples and this U-Net with all levels, as it did with one, and the old price remains. How much may change is the user's choice, and no sampler takes it away.

# %% [markdown]
# ## What to remember
#
# * A diffusion model is a denoiser that is told its noise level, and a way to come down through the levels; the denoiser may be trained with BCE.
# * One step removes the noise that the network sees and puts a smaller amount back. Old noise gives the probability flow (DDIM), a certain mixture of old and fresh noise gives DDPM, and only fresh noise makes samples too much alike.
# * The trace of the denoiser's Jacobian along the flow gives the log-density of an image, and an image that is very probable need not look like a sample.

# %% [markdown]
# **Check your understanding.** Pick an answer and click it to see whether it is right.

# %% tags=["remove-input"]
du.quiz("10")

# %% [markdown]
# **Exercises.** (a) How many levels are enough? (b) Replace Heun's step by Euler's at equal cost. (c) Solve the flow for one Gaussian with a pencil, and check `du.probability_flow` against it. (d) Stop the flow at $\sigma=0.1$ and denoise once. Which distribution do the points have? (e) Come down with fresh noise only. What share of the variance is left, and does it rise with the number of levels? They are in [exercises/10-from-one-noise-level-to-many.ipynb](exercises/10-from-one-noise-level-to-many.ipynb).
#
# **Lab.** [L2 · Your own sampler](exercises/L2-your-own-sampler.ipynb): write three kinds of steps and a sampler that makes digits in twenty evaluations, in about three hours.
#
# **Further reading.** The paper that the book is for: Creswell, Arulkumaran & Bharath (2017), [arXiv:1708.08487](https://arxiv.org/abs/1708.08487). DDPM: Ho, Jain & Abbeel (2020), [arXiv:2006.11239](https://arxiv.org/abs/2006.11239). DDIM: Song, Meng & Ermon (2020), [arXiv:2010.02502](https://arxiv.org/abs/2010.02502). The probability flow and its log-likelihood: Song et al. (2021), [arXiv:2011.13456](https://arxiv.org/abs/2011.13456). EDM: Karras et al. (2022), [arXiv:2206.00364](https://arxiv.org/abs/2206.00364). SDEdit: Meng et al. (2022), [arXiv:2108.01073](https://arxiv.org/abs/2108.01073). Density and coverage: Naeem et al. (2020), [arXiv:2002.09797](https://arxiv.org/abs/2002.09797). Many levels, but with small noisy steps at each: Song & Ermon (2019), [arXiv:1907.05600](https://arxiv.org/abs/1907.05600).
