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
# [Open in Colab](https://colab.research.google.com/github/OWNER/denoising-and-the-score/blob/main/notebooks/06-synthesis-from-noise.ipynb)
#
# **Question.** Start from random noise and apply a denoising autoencoder again and again. Do digits appear?
#
# **You will be able to** synthesise images with a plain denoiser; say what the noise level does to what appears; tell a confident image from a good
# one, and good images from a varied set; look for copies; design controls that could have failed.
#
# **Prerequisites.** Chapters 02, 04 and 05; the measurements are explained here. **Time.** Twenty-five minutes to read; the code takes about a minute
# on two CPU cores (the README has the measured times).
#
# **From the paper.** Statements P3 and P4: iterating a trained denoising autoencoder (DAE) moves a sample from low to higher probability; starting from
# random noise it synthesises novel samples consistent with the training data. The measurements, the controls and the counting of modes are ours; the
# data are the book's own 10,000 digits, so no number compares with the paper's.

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
import torch
from scipy.sparse.csgraph import connected_components

du.plotting.use_style()
images, _ = du.digits("train")
order = torch.randperm(len(images), generator=torch.Generator().manual_seed(0))
images = images[order]  # so that the first n are a random sample
test, _ = du.digits("test")
unet = du.load("digits-unet-bce")
device = du.pick_device()
n = du.budget(quick=400, full=2000)

# %% [markdown]
# The network is the U-Net of chapter 05, trained longer with BCE on 8,000 digits; its card, with the command that made it, ships with the book. It is
# told the noise level $\sigma$, and at any one $\sigma$ it is a DAE for that $\sigma$.
#
# ## What appears
#
# Two kinds of random noise: pixels drawn uniformly from $[0,1]$, and Gaussian pixels, $N(\frac12,1)$. From each, repeat $x\leftarrow R(x;\sigma)$,
# always at the same $\sigma$. With the exact $R^*$ each pass is a step up $\log p_\sigma$; with a network, where its error is shorter than that step (chapter 04). What do you expect at $\sigma=0.1$, where the landscape is rugged,
# and what at $\sigma=1$, where it is smooth?

# %%
sigmas = [0.1, 0.5, 1.0]
shown = [0, 1, 2, 5, 10, 30]


def begin(kind, seed=0):
    generator = torch.Generator().manual_seed(seed)
    if kind == "uniform":
        return torch.rand(n, 1, 28, 28, generator=generator).to(device)
    return 0.5 + torch.randn(n, 1, 28, 28, generator=generator).to(device)


def chain(kind, sigma, passes):
    path = du.iterate(unet, begin(kind), passes, sigma, return_path=True)
    return {k: path[k] for k in shown if k <= passes}


chains = {("uniform", s): chain("uniform", s, 30) for s in sigmas}
chains |= {("Gaussian", s): chain("Gaussian", s, 10) for s in sigmas}

# %% [markdown]
# All pictures side by side, as one large picture: a row for each number of passes, a block of eight chains for each noise level. In each of the two
# pictures all blocks begin with the same eight starts.


# %%
def blocks(ax, kind, each=8):
    passes = list(chains[kind, sigmas[0]])
    rows = [torch.cat([chains[kind, s][k][:each] for s in sigmas]) for k in passes]
    ax.imshow(du.plotting.tile(*rows), vmin=0, vmax=1)
    for i in range(1, len(sigmas)):
        ax.axvline(28 * each * i - 0.5, color="white", lw=4)
    ax.set_xticks([28 * each * (i + 0.5) for i in range(len(sigmas))])
    ax.set_xticklabels([f"σ = {s:g}" for s in sigmas])
    ax.set_yticks([28 * (i + 0.5) for i in range(len(passes))], passes)
    ax.tick_params(length=0, labeltop=True, labelbottom=False)
    ax.set_ylabel("passes")
    ax.set_title(f"from {kind} noise")
    ax.grid(False)
    ax.spines[:].set_visible(False)


# %% mystnb={"image": {"alt": "From uniform noise and from Gaussian noise, three blocks of chains each, at noise levels 0.1, 0.5 and 1, a row for each number of passes. At 0.1 the noise turns into a tangle of strokes that thins slowly; at 0.5 into digits that grow fat, one of them a blob, or figures that are nearly digits; at 1 into clean digits within a few passes."}} tags=["slide"]
fig, axes = plt.subplots(2, 1, figsize=(7.2, 4.3), height_ratios=[6, 5])
blocks(axes[0], "uniform")
blocks(axes[1], "Gaussian")
plt.show()

# %% [markdown]
# At $\sigma=0.1$ a tangle forms: the network sees strokes everywhere, and sharpens them. It thins slowly, and after thirty passes it is still no digit. At $\sigma=0.5$ uniform noise becomes digits that grow fat with the passes, some of them to blobs, and Gaussian noise figures that are nearly digits. At $\sigma=1$ digits appear within a few passes, from both kinds of noise. Why does $\sigma$ decide?
#
# Noise of standard deviation $\sigma$ moves an image of $28\times28$ pixels by about $28\sigma$. Call that the reach of $\sigma$: at that distance from
# the data the network was trained for $\sigma$, and no further out.

# %%
reference = images.to(device)
for kind, s, low, high in [
    ("uniform", 0.1, 5, None),
    ("uniform", 1.0, None, 0.6),
    ("Gaussian", 0.1, 10, None),
    ("Gaussian", 1.0, 1.0, 1.2),
]:
    far = du.evaluation.nearest(begin(kind), reference)[0].mean().item()
    du.claim(
        f"{kind} noise to the nearest training image, in reaches of sigma = {s:g}",
        far / (28 * s),
        at_least=low,
        at_most=high,
    )
start, end = chains["uniform", 1.0][0][:100], chains["uniform", 1.0][10][:100]
climbed = du.log_density_difference(unet, start, end, 1.0, points=20)
du.claim(
    "P3: at sigma = 1 each of 100 chains climbs, by the line integral of the learned score, nats",
    climbed.min().item(),
    at_least=0.0,
)

# %% [markdown]
# So the denoiser for $\sigma=0.1$ was never asked about inputs as far out as this noise. What it answers there is extrapolation, and no theorem speaks
# of it. For $\sigma=1$ the Gaussian noise lies as far from the data as training put the corrupted digits. Uniform noise lies nearer: within reach, though less noisy than the network is told. We shall meet that difference again among the controls. Reach is needed, and it is not enough: uniform noise at $\sigma=0.5$ is 1.1 reaches away, no more than Gaussian noise at $\sigma=1$, and ends fat, in part in blobs. Equal distance does not mean equal law. Both kinds of noise have mean $\frac12$, a corrupted digit about 0.13, and at the smaller $\sigma$ the network is surer that what is bright is ink: a likely reason for the fat.
#
# ## How good, how sure, how many?
#
# Three measurements, and none of them alone is enough.
#
# * **Confidence**: the mean of the largest class probability, by a small classifier of digits. It asks whether an image looks like *some* digit, to one
#   judge.
# * **Frechet distance** to the test digits: fit a Gaussian to each set in the 64 features of that classifier, and take the squared Frechet distance between the two, as Heusel et al. (2017) do in another network's features. It is 0 for equal
#   sets; its *floor* is the distance of as many training digits. It compares only within this book, and sets of one size. A second mark is a
#   variational autoencoder (VAE), another kind of network that makes digits, and soft ones: the patient of chapter 07.
# * **Coverage** (Naeem et al. 2020): around each test digit, in the features, a ball that reaches to its fifth nearest other test digit. Which share of
#   the balls holds at least one made image? A set that misses whole kinds of digits scores low, however good each image is. In the short run 400 images cannot fill 2,000 balls: even real digits reach only about 0.6, so read each coverage beside theirs.

# %%
test_features = du.evaluation.features(test)


def measure(x):
    x = x.clamp(0, 1)
    f = du.evaluation.features(x)
    return {
        "distance": du.evaluation.frechet_between(f, test_features),
        "confidence": du.evaluation.probabilities(x).max(1).values.mean().item(),
        "coverage": du.evaluation.density_coverage(f, test_features)[1],
    }


real = measure(images[:n])
vae = measure(du.load("digits-vae").sample(n, torch.Generator().manual_seed(0)))
measured = {key: {k: measure(x) for k, x in c.items()} for key, c in chains.items()}

# %% mystnb={"image": {"alt": "Three panels against the number of passes, at three noise levels. The Frechet distance stays in the thousands at 0.1; at 0.5 and 1 it comes down to less than twice that of a VAE, far above that of real digits, and rises again a little. Confidence is near one everywhere, even before the first pass. Coverage is near zero at 0.1 and low at 0.5; at 1 it rises towards that of real digits and falls again."}} tags=["nbval-ignore-output", "slide"]
fig, axes = plt.subplots(1, 3, figsize=(9, 3))
for s in sigmas:
    for ax, what in zip(axes, real):
        values = [m[what] for m in measured["uniform", s].values()]
        du.plotting.curve(ax, shown, values, label=f"σ = {s:g}")
for ax, (what, value) in zip(axes, real.items()):
    ax.axhline(value, color="gray", ls="--", lw=1)
    ax.set(xlabel="passes", title=what)
axes[0].set(yscale="log", title="Frechet distance to test digits")
axes[0].set_yticks([100, 300, 1000, 3000], [100, 300, 1000, 3000])
axes[0].minorticks_off()
axes[0].axhline(vae["distance"], color="gray", ls=":", lw=1)
for name, m in [("a VAE (dotted)", vae), ("real digits (dashed)", real)]:
    axes[0].text(
        30, 0.97 * m["distance"], name, ha="right", va="top", fontsize=8, color="gray"
    )
axes[0].set_ylim(0.7 * real["distance"], None)
axes[1].set(ylim=(0, 1.05), title="confidence of the classifier")
axes[1].legend(loc="lower right")
axes[2].set(ylim=(0, None), title="coverage of test digits")
plt.show()

# %% tags=["nbval-ignore-output"]
print(f"{'':29} distance confidence coverage")
rows = {
    "real digits": real,
    "a VAE": vae,
    "uniform noise, untouched": measured["uniform", 0.1][0],
}
rows |= {f"{kind}, σ = {s:g}, 10 passes": c[10] for (kind, s), c in measured.items()}
for name, m in rows.items():
    print(
        f"{name:29} {m['distance']:8.0f} {m['confidence']:10.2f} {m['coverage']:8.2f}"
    )

# %%
least = min(m["confidence"] for m in measured["uniform", 0.1].values())
du.claim(
    "untouched noise: confidence",
    measured["uniform", 0.1][0]["confidence"],
    at_least=0.99,
)
du.claim("sigma = 0.1: the least confidence over all passes", least, at_least=0.8)
best = {
    s: min(m["distance"] for m in measured["uniform", s].values()) for s in sigmas
}
du.claim(
    "sigma = 0.1: best distance, against the VAE's",
    best[0.1] / vae["distance"],
    at_least=2,
)
covered = max(m["coverage"] for m in measured["uniform", 0.1].values())
du.claim(
    "sigma = 0.1: best coverage, against real digits'",
    covered / real["coverage"],
    at_most=0.2,
)
du.claim(
    "sigma = 1: best distance, against the VAE's",
    best[1.0] / vae["distance"],
    at_most=2,
)
du.claim("but against the floor", best[1.0] / real["distance"], at_least=3)
at = {
    kind: {s: measured[kind, s][10] for s in sigmas}
    for kind in ("uniform", "Gaussian")
}
du.claim(
    "from Gaussian noise, sigma = 0.1: confidence",
    at["Gaussian"][0.1]["confidence"],
    at_least=0.8,
)
gap = at["Gaussian"][0.1]["distance"] / at["Gaussian"][1.0]["distance"]
du.claim("and distance, against that at sigma = 1", gap, at_least=2)
gap = at["Gaussian"][1.0]["distance"] / at["uniform"][1.0]["distance"]
du.claim(
    "sigma = 1: distance from Gaussian noise, against that from uniform noise",
    gap,
    at_most=0.9,
)

# %% [markdown] tags=["slide"]
# **Confident is not good.** The classifier is sure of everything: of tangles, and of the untouched noise, too. It was trained on digits only, must
# choose one of ten, and has no way to say "none". A table of confidences would have called this experiment a success at every noise level and at every
# pass, the zeroth included.

# %% [markdown]
# Turn the page through a chain: the noise, the level, the passes. The title gives all three measurements. The static page shows one choice.


# %% mystnb={"image": {"alt": "Twenty-eight images after ten passes at noise level 0.1 from uniform noise: tangles of strokes, with a title that gives a high confidence, a large distance and a coverage near zero."}} tags=["nbval-ignore-output"]
def draw(noise, sigma, passes):
    x, m = chains[noise, sigma][passes], measured[noise, sigma][passes]
    _, ax = plt.subplots(figsize=(7.5, 1.5), layout="none")
    ax.imshow(du.plotting.tile(x[:14], x[14:28]), vmin=0, vmax=1)
    ax.set_title(
        f"σ = {sigma:g}, {passes} passes:  confidence {m['confidence']:.2f},"
        f"  distance {m['distance']:.0f},  coverage {m['coverage']:.2f}"
    )
    ax.axis("off")


du.slide(
    draw,
    noise=["uniform", "Gaussian"],
    sigma=sigmas,
    passes=[0, 1, 2, 5, 10],
    start={"noise": "uniform", "sigma": 0.1, "passes": 10},
)

# %% [markdown]
# ## The fall of diversity
#
# At $\sigma=1$ the images are good, a few passes bring the set within twice the VAE's distance, and then its coverage *falls*. Chapter 04 says why: an
# ascent seeks *modes*, and starts in one basin end at one place. How many places are left? Count the distinct images, where two belong together if a
# chain of images links them, each nearer than 1.5 to the next in pixel distance. Real digits, counted so, must stay apart: that is the control.


# %%
def distinct(x, within=1.5):
    apart = torch.cdist(x.flatten(1), x.flatten(1)).cpu()
    return connected_components(apart.numpy() < within)[0]


counts = {s: [distinct(x) for x in chains["uniform", s].values()] for s in sigmas}

# %% mystnb={"image": {"alt": "Distinct images against the number of passes at three noise levels: at 0.1 all stay distinct; at 0.5 their number falls late; at 1 their number falls steeply to a small share."}} tags=["nbval-ignore-output", "slide"]
fig, ax = plt.subplots(figsize=(7, 2.8))
for s in sigmas:
    du.plotting.curve(ax, shown, counts[s], label=f"σ = {s:g}")
ax.set(xlabel="passes", ylabel=f"distinct images of {n}", ylim=(0, 1.05 * n))
ax.set_title("Plain iteration finds modes, not samples")
ax.legend()
plt.show()
for s in sigmas:
    print(f"σ = {s:g}: distinct images after {shown} passes: {counts[s]}")

# %%
at = measured["uniform", 1.0]
du.claim("all starts are distinct", counts[1.0][0] == n)
du.claim(
    "sigma = 1, 30 passes: share still distinct", counts[1.0][-1] / n, at_most=0.35
)
du.claim(
    "sigma = 0.1, 30 passes: share still distinct", counts[0.1][-1] / n, at_least=0.9
)
du.claim(
    "control: real digits, share distinct", distinct(test[:n]) / n, at_least=0.95
)
fallen = at[30]["coverage"] / max(m["coverage"] for m in at.values())
du.claim(
    "sigma = 1: coverage after 30 passes, against its best", fallen, at_most=0.75
)
du.claim("while confidence is still", at[30]["confidence"], at_least=0.9)

# %% mystnb={"image": {"alt": "Forty-two end points of thirty passes at noise level 1: clean digits, many of them repeated."}}
ends = chains["uniform", 1.0][30]
du.plotting.show_images([ends[:14], ends[14:28], ends[28:42]], size=0.5)
plt.show()

# %% [markdown]
# **Good is not diverse.** Nearly all of these would pass for digits. Look for twins.
#
# So there is a dilemma. A small $\sigma$ has modes enough, by chapter 04 up to one for each training image, but from noise the network's chain does not get there: its end points are as distinct as the noise was, and no digits. (The exact optimum of the training loss would: its first pass lands at, or next to, the training image nearest to the noise.) A large $\sigma$ attracts from everywhere, and has few modes.

# %% [markdown] tags=["slide"]
# ## Two remedies
#
# **Come down by hand.** Begin at $\sigma=1$, where every start is within reach, and lower $\sigma$ with each pass, to 0.1. The smooth landscape leads
# to a hill, and as the blur is withdrawn the hill splits into many.
#
# **Put the noise back.** Bengio, Yao, Alain & Vincent (2013) corrupt again between the passes, and then *draw* $x$ from its law given $\tilde x$: with the exact law, that chain keeps $p$. We take the mean in the place of the draw, $x\leftarrow R(x+\sigma\varepsilon;\sigma)$, so ours does not. We call it **walkback**, their name for a way to train on such chains. It keeps moving, so it cannot settle in a mode.

# %%
annealed = begin("uniform")
for s in torch.logspace(
    0, -1, 10
).tolist():  # ten levels from 1 to 0.1, each 0.77 of the last
    annealed = du.iterate(unet, annealed, 1, s)
generator = torch.Generator(device).manual_seed(1)
walked = du.walkback(unet, begin("uniform"), 20, 1.0, generator)
made = {"plain": chains["uniform", 1.0][30], "annealed": annealed, "walkback": walked}
judged = {name: measure(x) | {"distinct": distinct(x)} for name, x in made.items()}

# %% mystnb={"image": {"alt": "Three rows of images: plain iteration gives clean, repetitive digits; annealing crisp digits with a fragment here and there; walkback varied digits, some of them blurred."}} tags=["slide"]
du.plotting.show_images([x[:14] for x in made.values()], list(made), size=0.55)
plt.show()

# %% tags=["nbval-ignore-output"]
print(f"{'':12} distance  coverage  distinct of {n}")
for name, m in judged.items():
    print(f"{name:12} {m['distance']:8.0f} {m['coverage']:9.2f} {m['distinct']:9}")
print(
    f"{'real digits':12} {real['distance']:8.0f} {real['coverage']:9.2f} {distinct(test[:n]):9}"
)

# %%
plain = judged["plain"]
for name in ("annealed", "walkback"):
    more = judged[name]["distinct"] / plain["distinct"]
    du.claim(f"{name}: distinct images against plain iteration's", more, at_least=2)
    wider = judged[name]["coverage"] / plain["coverage"]
    du.claim(f"{name}: coverage against plain iteration's", wider, at_least=1.3)
nearer = judged["walkback"]["distance"]
du.claim(
    "walkback: distance against plain iteration's",
    nearer / plain["distance"],
    at_most=0.5,
)
du.claim("against annealing's", nearer / judged["annealed"]["distance"], at_most=0.7)
du.claim("and against the floor", nearer / real["distance"], at_least=1.5)
wide = judged["walkback"]["coverage"] / real["coverage"]
du.claim("walkback: coverage against real digits'", wide, at_least=0.8)

# %% [markdown]
# Both remedies keep most chains apart and cover more kinds of digits. They differ in what they are good at. Annealing is still an ascent: its images
# are crisp, but some end as fragments, and as a set they stay far. Walkback comes much nearer as a set, yet not every image is better: each is a
# posterior mean at $\sigma=1$, and where the noise left a doubt between two digits, the mean of two digits is none. Chapter 10 has the cure: down
# through many levels, by a step that carries a whole law along instead of climbing to its modes.
#
# ## Novel, or copied?
#
# "Novel samples" must not be copies of training images. Compare the distance to the nearest training image with the same distance for test digits,
# which are certainly no copies. A shift by one pixel would fool the pixels, so look in the features as well. And see that the test can fail: give it
# training images under a little noise.

# %%
copies = images[:n].to(device) + 0.03 * torch.randn(
    n, 1, 28, 28, generator=generator, device=device
)
train_features = du.evaluation.features(images)
suspects = {"copies": copies, "test digits": test[:n].to(device), **made}
novelty = {}
for name, x in suspects.items():
    f = du.evaluation.features(x.clamp(0, 1))
    novelty[name] = {
        "pixels": du.evaluation.nearest(x, reference),
        "features": du.evaluation.nearest(f, train_features),
    }


def compare(name, space):
    """Median distance to the nearest, test digits = 1; and the share nearer than all but 1 % of those."""
    ours, fresh = novelty[name][space][0], novelty["test digits"][space][0]
    share = (ours < fresh.quantile(0.01)).float().mean()
    return (ours.median() / fresh.median()).item(), share.item()


# %% tags=["nbval-ignore-output"]
print(f"{'nearest training image':24} in pixels       in features")
for name in suspects:
    (p, p_share), (f, f_share) = compare(name, "pixels"), compare(name, "features")
    print(f"{name:24} {p:.2f} ({p_share:4.0%})     {f:.2f} ({f_share:4.0%})")

# %%
for space in ("pixels", "features"):
    caught = compare("copies", space)[1]
    du.claim(
        f"the test can fail: share of copies that it catches, in {space}",
        caught,
        at_least=0.9,
    )
    middle, share = compare("walkback", space)
    du.claim(
        f"walkback: median distance in {space}, test digits = 1", middle, at_least=0.7
    )
    du.claim("nearer than all but 1 % of test digits: share", share, at_most=0.06)
    middle = compare("plain", space)[0]
    du.claim(f"plain iteration: median distance in {space}", middle, at_most=0.8)
least = novelty["plain"]["pixels"][0].min() / novelty["copies"]["pixels"][0].max()
du.claim(
    "yet the nearest of all, against the farthest copy", least.item(), at_least=1.2
)

# %% mystnb={"image": {"alt": "Three rows: the fourteen walkback images that are nearest to a training image, nearly all of them ones; the training image nearest to each in pixels; and the one nearest in features: alike, not equal."}}
ours, index = novelty["walkback"]["pixels"]
most = ours.argsort()[:14]  # the most suspicious
beside = [index[most], novelty["walkback"]["features"][1][most]]
rows = [walked[most], *(reference[i] for i in beside)]
du.plotting.show_images(
    rows, ["made", "nearest\nin pixels", "nearest\nin features"], size=0.55
)
plt.show()

# %% [markdown]
# No copies, by this test, which was shown to catch training images under a little noise, not blurred ones. The most suspicious are all of one kind, straight strokes: ones vary least, so any new one has a near neighbour. Plain
# iteration ends nearer to training images than real digits are, and that is no copying either: a mode is a typical digit, the kind that has near
# neighbours on all sides. Compare chapter 04: on few points with a small $\sigma$ and the exact optimum, the modes *are* the training points.
#
# ## Controls
#
# What else could have made the digits appear? Three suspects. The *architecture* alone: the same network, untrained. Any *repeated map*: the trained
# network with its step reversed, $x\leftarrow x-(R(x)-x)$, which descends. And the *loss*: is it special to BCE? A twin with the same layers, data and
# number of steps was trained with the **squared error**, as in Alain & Bengio (2014). It has no sigmoid at its end; chapter 10 says how its output is
# scaled. By chapter 02 both losses have the same optimum, so it should tell the same story wherever the network knows its inputs. It gets Gaussian
# noise at $\sigma=1$, uniform noise at $\sigma=1$, and uniform noise at $\sigma=0.1$.

# %%
edm = du.load("digits-unet-edm")
untrained = du.UNetDenoiser(noise_levels=True).requires_grad_(False).to(device)


def reverse(x, sigma):
    return (2 * x - unet(x, sigma)).clamp(-1, 2)


trials = {
    "untrained": (untrained, "uniform", 1.0),
    "reversed": (reverse, "uniform", 1.0),
    "squared error, Gaussian": (edm, "Gaussian", 1.0),
    "squared error, uniform": (edm, "uniform", 1.0),
    "squared error, σ = 0.1": (edm, "uniform", 0.1),
}
controls = {
    name: du.iterate(how, begin(kind), 5, s).clamp(0, 1)
    for name, (how, kind, s) in trials.items()
}
outcome = {name: measure(x) for name, x in controls.items()}

# %% mystnb={"image": {"alt": "Seven rows of images after five passes: the BCE network gives digits from Gaussian and from uniform noise; untrained, flat grey; reversed, speckles; the squared error gives digits from Gaussian noise, many ones among them from uniform noise, and tangles at noise level 0.1."}} tags=["slide"]
rows = {
    "BCE, Gaussian": chains["Gaussian", 1.0][5],
    "BCE, uniform": chains["uniform", 1.0][5],
    **controls,
}
du.plotting.show_images([x[:14] for x in rows.values()], list(rows), size=0.45)
plt.show()

# %%
away = {name: m["distance"] for name, m in outcome.items()}
uniform, gaussian = (
    measured[kind, 1.0][5]["distance"] for kind in ("uniform", "Gaussian")
)
du.claim(
    "untrained: distance against the trained network's",
    away["untrained"] / uniform,
    at_least=4,
)
du.claim("reversed: likewise", away["reversed"] / uniform, at_least=4)
twin = away["squared error, Gaussian"] / gaussian
du.claim(
    "squared error against BCE, from Gaussian noise", twin, at_least=0.4, at_most=1.5
)
twin = away["squared error, uniform"] / uniform
du.claim("squared error against BCE, from uniform noise", twin, at_least=1.3)
ones = (
    (du.evaluation.probabilities(controls["squared error, uniform"]).argmax(1) == 1)
    .float()
    .mean()
)
du.claim(
    "there, share of ones (a tenth among real digits)", ones.item(), at_least=0.3
)
gathered = distinct(controls["squared error, uniform"]) / n
du.claim(
    "and its chains gather: share distinct after five passes", gathered, at_most=0.7
)
twin = away["squared error, σ = 0.1"] / gaussian
du.claim("squared error, sigma = 0.1, against BCE at sigma = 1", twin, at_least=3)
du.claim(
    "and confident", outcome["squared error, σ = 0.1"]["confidence"], at_least=0.85
)

# %% [markdown]
# The architecture does nothing alone, and the direction of the step matters. The loss hardly matters where the start is as noisy, and as far out, as the inputs of the training: Gaussian noise of spread 1, with the network told $\sigma=1$. From uniform noise, which is weaker than the network is told, the twin does worse: far too many of its images are ones. Off the law of its training a network's answer is its own affair, and two networks differ. Do not conclude that BCE is
# better there: this is one network of each loss. At $\sigma=0.1$ the twin ends in a confident tangle as ours does: that failure is not of BCE's making.
#
# ## Verdict
#
# **P3 holds** as far as we looked: each of 100 chains at $\sigma=1$ ends higher than it began. The judge is the score of the same network, so it is not an independent one; chapter 07 asks a second network.
#
# **P4 holds in part, and the part is this.** A denoising autoencoder trained with BCE, started from random noise and applied to its own output again
# and again, does synthesise digits: recognisable, in all likelihood not copied from the training set, and owed to the training, since an untrained network or a reversed step gives nothing of the kind. It needs a noise level whose reach includes the start, and that alone is not enough: here $\sigma=1$ serves, $0.5$ gives fat or broken digits, and $0.1$ none, whatever the classifier's confidence says. "Consistent with the training data" is then right for most of the images, and not yet for the
# set: as the theory of an ascent predicts, the chains gather in ever fewer modes, and the set stays at several times the distance that real digits
# have. This is no flaw of the loss, since a twin trained with the squared error does the same, nor of the network, since the same network covers nearly
# as much as real digits do once noise is put back between its passes. It is what climbing a density does, and drawing from it is another thing.
#
# The web book's page *Benchmarks: images* has the same from six noise levels, with 1,000 chains each, and three seeds at two of them: there, too, the largest levels come nearest, the chains gather in modes, and noise between the passes helps.

# %% [markdown] tags=["slide"]
# ## Recap
#
# * Plain iteration makes digits from noise in a few passes, at a noise level that reaches the noise.
# * Confident is not good: a classifier of digits is sure of noise. Good is not diverse: an ascent gathers in modes. Measure all three.
# * Lowering $\sigma$ along the chain keeps variety and gives crisp images; noise between the passes brings the set near. Chapter 10 joins the two.
# * A test for copies should be shown copies.

# %% [markdown]
# **Check your understanding.** Open the answer that you would give: it says whether it is right, and why.

# %% tags=["remove-input"]
du.quiz("06")

# %% [markdown]
# **Exercises.** (a) Run plain iteration at $\sigma=2$ and 5, and count. (b) Anneal from $\sigma=2$ instead of 1. Why does it fail, when larger reaches
# are safer? (c) Follow annealing by walkback at a falling $\sigma$, and the other way round. Which order, and why? (d) Start from the mean training
# image plus noise of level $\sigma$, for each $\sigma$ of the chapter: within reach at every level, or not? (e) Give `distinct` other values of
# `within`, from 0.5 to 4. Does the fall at $\sigma=1$ depend on the choice?
# They wait with checks in [exercises/06-synthesis-from-noise.ipynb](exercises/06-synthesis-from-noise.ipynb).
#
# **References.** Bengio, Yao, Alain & Vincent 2013; Alain & Bengio 2014; Creswell, Arulkumaran & Bharath 2017 (arXiv:1708.08487); Heusel et al. 2017 (Frechet distance); Naeem et al. 2020.
