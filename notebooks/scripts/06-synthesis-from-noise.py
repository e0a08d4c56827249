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
# # 06 · Synthesis from noise
#
# [![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)](https://colab.research.google.com/github/OWNER/denoising-and-the-score/blob/main/notebooks/06-synthesis-from-noise.ipynb)
#
# **Question.** Start from random noise and apply a denoising autoencoder again and again. Do digits appear?
#
# **You will be able to** synthesise images with a plain denoiser; say what the noise level does to what appears; tell a confident image from a diverse set; design
# controls that could have failed.
#
# **Prerequisites.** Chapters 02 and 05; the Frechet distance is explained here. **Time.** Twenty minutes to read; the code takes about a minute on two CPU cores
# (the README has the measured times).
#
# **From the paper.** Statements P3 and P4: iterating a trained DAE moves a sample from low to higher probability; starting from random noise it synthesises novel samples consistent with the training data. The
# measurements, the controls and the counting of modes are ours; the data are the book's own 10,000 digits, so no number compares with the paper's.

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

du.plotting.use_style()
images, _ = du.digits("train")
test, _ = du.digits("test")
unet = du.load("digits-unet-bce")
device = du.pick_device()
n = du.budget(quick=400, full=2000)

# %% [markdown]
# The network is the U-Net of chapter 05, trained longer with BCE on 8,000 digits; its card, with the command that made it, ships with the book. It is told the noise level $\sigma$, and at any one $\sigma$ it is a DAE for that $\sigma$.
#
# ## What appears
#
# We start from pixels drawn uniformly from $[0,1]$, and repeat $x\leftarrow R(x;\sigma)$ thirty times, always at the same $\sigma$. By chapter 02 each pass climbs $\log p_\sigma$. What do you expect at $\sigma=0.2$, where the
# landscape is rugged, and what at $\sigma=0.8$, where it is smooth?


# %%
def noise(seed, kind=torch.rand):
    return kind(n, 1, 28, 28, generator=torch.Generator().manual_seed(seed)).to(device)


start = noise(0)
shown = [0, 1, 2, 5, 10, 30]
sigmas = [0.2, 0.5, 0.8]
paths = {s: du.iterate(unet, start, 30, s, return_path=True)[shown] for s in sigmas}

# %% mystnb={"image": {"alt": "Three blocks of rows, for noise levels 0.2, 0.5 and 0.8: uniform noise turns into tangled strokes at 0.2, into fragments and digits at 0.5, and into clean digits at 0.8 within ten passes."}}
rows = [paths[s][i][:14] for s in sigmas for i in range(len(shown))]
names = [f"σ = {s:g}, pass {k}" for s in sigmas for k in shown]
du.plotting.show_images(rows, names, size=0.48)
plt.show()

# %% [markdown]
# At the small noise level the chain is stuck in a tangle that thickens into blobs: there the network sees strokes everywhere, and sharpens them. At the large one,
# digits appear within a few passes. The numbers behind it:

# %%
reference = images.to(device)
far = du.evaluation.nearest(start, reference)[0].mean().item()
du.claim(
    "uniform noise is more than twice as far from its nearest training image as noise of sigma = 0.2 reaches",
    far / (0.2 * 28),
    at_least=2,
)
du.claim("and nearer than noise of sigma = 0.8 reaches", far / (0.8 * 28), at_most=0.9)
climbed = du.log_density_difference(unet, start[:100], paths[0.8][-1][:100], 0.8, points=20)
du.claim(
    "P3: at sigma = 0.8 each of 100 chains ends at a higher log-density, by the line integral of the learned score",
    climbed.min().item(),
    at_least=0.0,
)

# %% [markdown]
# Noise of standard deviation $\sigma$ moves an image of $28\times28$ pixels by about $28\sigma$. So the denoiser for $\sigma=0.2$ was never asked about inputs as far out as uniform noise; the one for $\sigma=0.8$ was.
#
# ## How good, how sure, how many?
#
# Three measurements, and none of them alone is enough.
#
# * **Frechet distance** to the test digits: fit a Gaussian to each set in the 64 features of a small classifier, and compare. It is 0 for equal sets; its *floor* is the distance of as many training digits. It compares only within this book.
# * **Confidence** of that classifier: the mean of its largest class probability.
# * **Diversity**: how many *different* images there are among the end points. By chapter 02 an ascent seeks modes, and starts in the same basin end at the same place.

# %%
test_features = du.evaluation.features(test)


def distance(x):
    return du.evaluation.frechet_between(du.evaluation.features(x.clamp(0, 1)), test_features)


def confidence(x):
    return du.evaluation.probabilities(x.clamp(0, 1)).max(1).values.mean().item()


floor = distance(images[:n])
vae = distance(du.load("digits-vae").sample(n, torch.Generator().manual_seed(0)))
by_pass = {s: [(distance(x), confidence(x)) for x in path] for s, path in paths.items()}
best = {s: min(d for d, _ in values) for s, values in by_pass.items()}

# %% mystnb={"image": {"alt": "Two panels against the number of passes: the Frechet distance falls and levels off far above the floor, lowest at the larger noise level; the classifier's confidence is near one throughout, even where the distance is large."}} tags=["nbval-ignore-output"]
fig, (left, right) = plt.subplots(1, 2, figsize=(8, 3.3))
for s, values in by_pass.items():
    d, c = zip(*values)
    du.plotting.curve(left, shown, d, label=f"σ = {s:g}")
    du.plotting.curve(right, shown, c, label=f"σ = {s:g}")
for height, name in [(floor, "floor: real digits"), (vae, "a VAE")]:
    left.axhline(height, color="gray", ls="--", lw=1)
    left.text(30, height, name, ha="right", va="bottom", fontsize=9, color="gray")
left.set(
    yscale="log",
    xlabel="passes",
    ylabel="Frechet distance to test digits",
    title="How far from real digits",
)
right.set(xlabel="passes", ylabel="mean confidence", ylim=(0, 1.05), title="How sure the classifier is")
right.legend(loc="lower right")
plt.show()
print(
    f"floor {floor:.0f}, VAE {vae:.0f}; best over passes: "
    + ", ".join(f"σ = {s:g}: {b:.0f}" for s, b in best.items())
)

# %%
du.claim("at sigma = 0.8 the best distance beats that of a VAE", best[0.8] / vae, at_most=0.85)
du.claim("but stays far from the floor of real digits", best[0.8] / floor, at_least=3)
du.claim(
    "at sigma = 0.2, stuck in a tangle: the best distance against the VAE's",
    best[0.2] / vae,
    at_least=2.5,
)
du.claim(
    "confident all the same: the classifier's confidence in those tangles",
    by_pass[0.2][-1][1],
    at_least=0.85,
)

# %% [markdown]
# **Confident is not good, and good is not diverse.** The tangles and blobs of $\sigma=0.2$ convince the classifier nearly as well as digits do.
#
# ## The fall of diversity
#
# An ascent finds modes. How many are there? Follow the starts at $\sigma=1$ for 40 passes, and count groups of end points, where two images belong together when a chain of images links them, each nearer than 1.5 to the next (in pixel distance; two test
# digits are ten apart).

# %%
from scipy.sparse.csgraph import connected_components


def groups(x, within=1.5):
    apart = torch.cdist(x.flatten(1), x.flatten(1)).cpu()
    return connected_components(apart.numpy() < within)[0]


tried = [0, 5, 10, 20, 30, 40]
long = du.iterate(unet, start, 40, 1.0, return_path=True)[tried]
counts = [groups(x) for x in long]

# %% mystnb={"image": {"alt": "The number of distinct images among the chains at noise level 1 falls steeply with the number of passes."}} tags=["nbval-ignore-output"]
fig, ax = plt.subplots(figsize=(7, 2.8))
du.plotting.curve(ax, tried, counts)
ax.set(
    xlabel="passes",
    ylabel=f"distinct images of {n}",
    ylim=(0, 1.03 * n),
    title="Plain iteration at σ = 1: modes, not samples",
)
plt.show()
print(f"distinct images among {n} chains:", dict(zip(tried, counts)))

# %%
du.claim("all starts are distinct", counts[0] == n)
du.claim("after 40 passes fewer than half of the images are distinct", counts[-1] / n, at_most=0.5)
du.claim("control: the same count of real digits, distinct share", groups(test[:n]) / n, at_least=0.95)

# %% mystnb={"image": {"alt": "End points of 40 passes at noise level 1: clean but repetitive digits."}}
du.plotting.show_images([long[-1][:14], long[-1][14:28], long[-1][28:42]], size=0.5)
plt.show()

# %% [markdown]
# ## Put the noise back
#
# The cure is known since Bengio, Yao, Alain & Vincent (2013): between passes, corrupt again. **Walkback**, $x\leftarrow R(x+\sigma\varepsilon;\sigma)$, keeps the chain moving, so it cannot settle in a mode. Chapter 10 has the full cure, many noise levels.

# %%
walked = du.walkback(unet, start, 30, 1.0, torch.Generator(device).manual_seed(1))
plain = long[tried.index(30)]

# %% mystnb={"image": {"alt": "Digits from plain iteration above and from walkback below: the walkback row is more varied."}}
du.plotting.show_images([plain[:14], walked[:14]], ["plain", "walkback"], size=0.55)
plt.show()

# %%
du.claim(
    "at sigma = 1, thirty passes: the distance with walkback against plain",
    distance(walked) / distance(plain),
    at_most=0.6,
)

# %% [markdown]
# ## Novel, or copied?
#
# "Novel samples" must not be copies of training images. Compare the distance to the nearest training image with the same distance for test digits, which are certainly not copies.

# %%
fresh = du.evaluation.nearest(test[:n].to(device), reference)[0]
made, index = du.evaluation.nearest(walked, reference)
du.claim(
    "not copies: median distance to the nearest training image, against test digits",
    (made.median() / fresh.median()).item(),
    at_least=0.5,
)
du.claim(
    "as near as the nearest hundredth of test digits: at most one in ten",
    (made < fresh.quantile(0.01)).float().mean().item(),
    at_most=0.1,
)

# %% mystnb={"image": {"alt": "Walkback samples above, the nearest training image of each below: similar in class and slant, but not the same strokes."}}
du.plotting.show_images([walked[:14], reference[index[:14]]], ["made", "nearest"], size=0.55)
plt.show()

# %% [markdown]
# ## Controls
#
# Two things could make digits appear without the theory: the architecture alone, or any repeated map. So: the same network *untrained*, and the trained one with the step *reversed*, $x\leftarrow x-(R(x)-x)$, which descends.

# %%
untrained = du.UNetDenoiser(noise_levels=True).requires_grad_(False).to(device)
control = du.iterate(untrained, start, 10, 0.8)
descent = du.iterate(lambda x, s: (2 * x - unet(x, s)).clamp(-1, 2), start, 10, 0.8)
du.claim("untrained: at least five times the distance", distance(control) / best[0.8], at_least=5)
du.claim("reversed: at least five times the distance", distance(descent) / best[0.8], at_least=5)

# %% [markdown]
# ## Verdict
#
# **P3 holds** as far as it can be seen on images: iteration turns improbable images into more probable ones. **P4 holds in part.** From random noise, one denoiser at one noise level, iterated, makes recognisable digits that are not copies; at $\sigma=0.8$, a few
# passes come closer to real digits than the samples of a VAE. But which $\sigma$ is chosen decides almost everything: at $\sigma=0.2$ the chain never leaves a tangle that the classifier finds convincing. And as samples of the *law* the images fall short: they stay at several times the
# floor, and they grow fewer with every pass, as an ascent must. "Consistent with the training data" is right for each image, and wrong for the set.
#
# ## Recap
#
# * Plain iteration at a large enough $\sigma$ makes digits from noise in a few passes.
# * Confidence does not measure quality, and quality of each image does not measure diversity.
# * Ascent finds modes; noise between the passes brings variety back.
#
# **Check your understanding.** (1) Why does a small $\sigma$ fail from uniform noise, though the theory is exact at every $\sigma$? (2) What would $\sigma=5$ give?
#
# *Answers.* (1) The theory speaks of the optimum; at inputs much farther from the data than the training noise reaches, the network was never asked anything. (2) One mode, near the mean digit: $p_\sigma$ is so smooth that it has one hill.
#
# **Exercises.** (a) Start from $N(0.13, \sigma^2 I)$ instead of uniform noise. Which noise levels gain? (b) Count the groups at $\sigma=0.5$. (c) Lower $\sigma$ by hand along the chain, from 1 to 0.1: that is most of chapter 10.
#
# **References.** Bengio, Yao, Alain & Vincent 2013; Creswell, Arulkumaran & Bharath 2017 (arXiv:1708.08487).
