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
# # A1 · Your own data
#
# [Open in Colab](https://colab.research.google.com/github/OWNER/denoising-and-the-score/blob/main/notebooks/A1-your-own-data.ipynb)
#
# **Question.** How do I train a denoising autoencoder on my own images, and make new ones?
#
# **You will be able to** go from a folder of pictures, or from a public data set, to a trained denoiser and to samples in three calls; choose noise levels for your data; check the result on
# images that were not trained on; read the errors on the way.
#
# **Prerequisites.** Chapters 05 and 10. **Time.** Twenty minutes to read; the code takes about a minute on two CPU cores (the README has
# the measured times).
#
# **From the paper.** P1 on other images than digits of MNIST: pixels in $[0,1]$, and a reconstruction in $(0,1)$. The synthesis is that of chapter 10, so beyond the paper.

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
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import torch
from PIL import Image, ImageDraw
from sklearn.datasets import load_digits

du.plotting.use_style()
device = du.pick_device()

# %% [markdown]
# ## The same three calls
#
# **Load, fit, use.** Whatever the images are, these three lines are the whole of it. What they ask of the data is one tensor of shape $(N, C, H, W)$ with values in $[0,1]$.
#
# We begin with 1,797 digits that come with scikit-learn, so nothing is downloaded. They are not those of MNIST: other writers, $8\times8$ pixels, grey levels from 0 to 16. One line brings them into
# shape. A fifth is kept for testing, drawn at random: every fifth in order would be a trap, because the file repeats 0, 1, 2, ..., 9, and the test would hold little but zeros and fives. Each writer wrote many, so a test digit
# may well be by a hand that was trained on. That makes the test easy, which is worth remembering.

# %%
stored = load_digits()
digits = (
    torch.from_numpy(stored.images).float()[:, None] / 16
)  # (N, 1, 8, 8) in [0, 1]
order = torch.randperm(len(digits), generator=torch.Generator().manual_seed(0))
held_out = torch.zeros(len(digits), dtype=torch.bool).index_fill(0, order[:360], True)
train, test = digits[~held_out].to(device), digits[held_out].to(device)
print(tuple(train.shape), "to train on,", tuple(test.shape), "to test on")

# %%
network = du.UNetDenoiser(noise_levels=True, side=8)
levels = du.corruption.log_normal()
du.fit(network, train, sigma=levels, steps=du.budget(quick=800, full=3000))
network = network.requires_grad_(False)

# %% [markdown]
# First use: reconstruct test digits. Below are three noise levels.

# %% mystnb={"image": {"alt": "A row of clean 8 by 8 digits; below it, for noise levels 0.2, 0.5 and 1, the corrupted digits and their reconstructions: close to the clean ones at 0.2, soft at 0.5, and blurred at 1."}} tags=["slide"]
generator = torch.Generator(device).manual_seed(0)
rows, names = [test[:14]], ["clean x"]
for s in [0.2, 0.5, 1.0]:
    noisy = du.corruption.gaussian(test[:14], s, generator)
    rows += [noisy, network(noisy, s)]
    names += [f"x̃, σ = {s:g}", "R(x̃)"]
du.plotting.show_images(rows, names, size=0.5)
plt.show()

# %% [markdown]
# They look right. A picture convinces too easily, so compare numbers, with rivals that know less. The first does nothing and returns $\tilde x$. The second always answers with the mean digit, the best *constant*.
# The third is the best *linear* reconstruction, which knows the mean $m$ and the covariance $\Sigma$ of the training digits: $m+\Sigma(\Sigma+\sigma^2I)^{-1}(\tilde x-m)$.


# %%
def linear(x_noisy, sigma, train):
    """The best linear reconstruction for data with the mean and covariance of train."""
    mean = train.mean(0, keepdim=True)
    covariance = torch.cov((train - mean).flatten(1).T)
    noise = sigma**2 * torch.eye(len(covariance), device=x_noisy.device)
    gain = torch.linalg.solve(covariance + noise, covariance)
    return mean + ((x_noisy - mean).flatten(1) @ gain).reshape(x_noisy.shape)


def errors(network, train, test, sigma):
    """Mean squared error per pixel on test images: the network's, and its rivals'."""
    x_noisy = du.corruption.gaussian(
        test, sigma, torch.Generator(device).manual_seed(1)
    )
    answers = {
        "network": network(x_noisy, sigma),
        "noisy image": x_noisy,
        "mean image": train.mean(0).expand_as(test),
        "linear": linear(x_noisy, sigma, train),
    }
    return {name: (r - test).square().mean().item() for name, r in answers.items()}


# %%
error = errors(network, train, test, sigma=0.3)
for rival, bound in [("noisy image", 0.3), ("mean image", 0.35), ("linear", 0.85)]:
    ratio = error["network"] / error[rival]
    du.claim(
        f"test error at sigma = 0.3, network against {rival}", ratio, at_most=bound
    )

# %% [markdown] tags=["slide"]
# Second use: new digits, by the probability flow of chapter 10, from pure noise of level 10 in twenty steps. For your own data keep to this list of checks; each has a number that it could fail by.
#
# * **Nearer to the data than noise is?** Take the distance to the nearest training image, for the samples, for images of uniform noise, and for images of which each pixel is drawn from the training set independently.
# * **Copies?** If so, that distance would be far smaller for samples than for test images. It must not be.
# * **All kinds?** With labels at hand, a classifier counts. Here the label of the nearest training image will do.


# %%
def make(network, train, n, seed=0):
    """n new images, from noise about the mean training image (chapter 10 says why there)."""
    chance = torch.Generator().manual_seed(seed)
    noise = 10 * torch.randn(n, *network.shape, generator=chance).to(device)
    schedule = du.noise_schedule(20, high=10.0, low=0.02)
    return du.probability_flow(network, train.mean(0) + noise, schedule).clamp(0, 1)


def mixed(train, n):
    """Each pixel from an image of its own: right pixel by pixel, and nothing else."""
    chance = torch.Generator(device).manual_seed(0)
    which = torch.rand(len(train), *train[0].shape, generator=chance, device=device)
    return train.gather(0, which.argsort(0)[:n])


def distances(made, train, test):
    """Median distance to the nearest training image, relative to that of test images."""
    noise = torch.rand(test.shape, generator=torch.Generator().manual_seed(0)).to(
        device
    )
    sets = {
        "made": made,
        "noise": noise,
        "mixed": mixed(train, len(test)),
        "test": test,
    }
    median = {
        name: du.evaluation.nearest(x, train)[0].median().item()
        for name, x in sets.items()
    }
    return {name: value / median["test"] for name, value in median.items()}


# %% mystnb={"image": {"alt": "Three rows of 8 by 8 digits made from noise, most of them readable; one row with the nearest training digit of each digit in the row above, similar but never the same; one row of test digits."}} tags=["slide"]
made = make(network, train, len(test))
index = du.evaluation.nearest(made, train)[1]
rows = [*made[:42].split(14), train[index[28:42]], test[:14]]
du.plotting.show_images(
    rows, ["made", "", "", "nearest in training", "test digits"], size=0.5
)
plt.show()

# %%
far = distances(made, train, test)
du.claim(
    "made digits lie nearer to the data than mixed pixels",
    far["made"] / far["mixed"],
    at_most=0.75,
)
du.claim("and than noise", far["made"] / far["noise"], at_most=0.45)
du.claim(
    "made digits are not copies: distance against test digits",
    far["made"],
    at_least=0.9,
)
kinds = torch.from_numpy(stored.target)[~held_out][index.cpu()].bincount(
    minlength=10
) / len(made)
du.claim(
    "all ten digits appear: share of the rarest", kinds.min().item(), at_least=0.02
)

# %% [markdown]
# ## A folder of pictures
#
# Your own images are files, of all sizes and several formats. So let us make such a folder: discs, squares and triangles in all colours, on pale paper, 200 of each, in one subfolder for each kind.


# %%
def picture(kind, chance):
    """One disc, square or triangle, on paper of any size."""
    wide, high = chance.integers(40, 120, 2).tolist()
    paper, ink = chance.integers(180, 256, 3), chance.integers(0, 150, 3)
    image = Image.new("RGB", (wide, high), tuple(paper.tolist()))
    x, y, r = wide / 2, high / 2, min(wide, high) * chance.uniform(0.25, 0.4)
    draw, colour = ImageDraw.Draw(image), tuple(ink.tolist())
    if kind == "discs":
        draw.ellipse((x - r, y - r, x + r, y + r), fill=colour)
    else:
        draw.regular_polygon((x, y, r), 4 if kind == "squares" else 3, fill=colour)
    return image


temporary = tempfile.TemporaryDirectory()  # removed when the notebook ends
folder = Path(temporary.name)
chance = np.random.default_rng(0)
for kind in ["discs", "squares", "triangles"]:
    (folder / kind).mkdir()
    for i in range(200):
        ending = ["png", "jpg", "webp", "gif", "bmp"][i % 5]
        picture(kind, chance).save(folder / kind / f"{i:03}.{ending}")

# %% [markdown]
# **Load.** `du.folder` finds the images below a folder, cuts the central square out of each, and shrinks it to `side` pixels. `channels` is 1 for grey, 3 for colour. The subfolders are the labels, numbered in order of their names.
# A share `held_out` of each kind, a fifth by default, is the test split. Which images these are depends on their names alone, so the two calls agree, today and on another machine.

# %%
shapes, labels = du.folder(folder, side=16, channels=3)
unseen, unseen_labels = du.folder(folder, "test", side=16, channels=3)
print(
    "train", tuple(shapes.shape), "images of each kind:", labels.bincount().tolist()
)
print(
    "test ",
    tuple(unseen.shape),
    "images of each kind:",
    unseen_labels.bincount().tolist(),
)
shapes, unseen = shapes.to(device), unseen.to(device)

# %% [markdown]
# **Fit, and use.** The network must be told what it will see: three channels, side 16. Nothing else changes.

# %%
painter = du.UNetDenoiser(channels=3, noise_levels=True, side=16)
du.fit(painter, shapes, sigma=levels, steps=du.budget(quick=600, full=2000))
painter.requires_grad_(False)
painted = make(painter, shapes, len(unseen))

# %% mystnb={"image": {"alt": "Colour images of 16 by 16 pixels. Rows: clean test shapes, discs, squares and triangles on pale paper; the same with noise of level 0.5; their reconstructions, with the right colours and mostly the right shapes; two rows made from noise: discs, squares and triangles in many colours on pale paper, some corners rounded; the nearest training images of the last row."}} tags=["slide"]
some = torch.arange(0, len(unseen), len(unseen) // 13)[:14]  # from each kind
noisy = du.corruption.gaussian(unseen[some], 0.5, generator)
nearest = shapes[du.evaluation.nearest(painted, shapes)[1]]
rows = [
    unseen[some],
    noisy,
    painter(noisy, 0.5),
    painted[:14],
    painted[14:28],
    nearest[14:28],
]
names = ["clean x", "x̃, σ = 0.5", "R(x̃)", "made", "", "nearest in training"]
du.plotting.show_images(rows, names, size=0.5)
plt.show()

# %%
error = errors(painter, shapes, unseen, sigma=0.5)
for rival, bound in [("noisy image", 0.2), ("mean image", 0.5), ("linear", 0.97)]:
    ratio = error["network"] / error[rival]
    du.claim(
        f"shapes, test error at sigma = 0.5, network against {rival}",
        ratio,
        at_most=bound,
    )
far = distances(painted, shapes, unseen)
du.claim(
    "made shapes lie nearer to the data than mixed pixels",
    far["made"] / far["mixed"],
    at_most=0.75,
)
du.claim(
    "made shapes are not copies: distance against test shapes",
    far["made"],
    at_least=0.8,
)

# %% [markdown]
# Most colours come out nearly right, even where the noise hides them from us: over many pixels it averages out. Corners are harder, and some squares come back rounded. In the last two rows, compare form and colours: the nearest training image is not the same picture.
#
# **Do all kinds appear?** The nearest image in pixel space is mostly the nearest in *colour*, so its label would tell little about the kind. Compare silhouettes instead: how much each pixel differs from the paper in the corner. A check has to fit the data.


# %%
def silhouettes(x):
    """How far each pixel is from the colour of the corner, from 0 to 1: (N, 1, H, W)."""
    difference = (x - x[:, :, :1, :1]).norm(dim=1, keepdim=True)
    return difference / difference.amax((1, 2, 3), keepdim=True).clamp(min=1e-6)


def kind_of(x):
    return labels[du.evaluation.nearest(silhouettes(x), silhouettes(shapes))[1].cpu()]


right = (kind_of(unseen) == unseen_labels).float().mean().item()
du.claim("silhouettes tell the kind of test shapes: share right", right, at_least=0.9)
share = kind_of(painted).bincount(minlength=3) / len(painted)
du.claim(
    "all three kinds are made: share of the rarest", share.min().item(), at_least=0.1
)

# %% [markdown]
# **Where the noise lies matters here.** The flow starts about the *mean* training image. These pictures are pale: their mean is longer than what noise of level 10 has in one direction. So what if we start about 0, as if it were all the same?

# %%
about_zero = make(painter, torch.zeros_like(shapes), len(painted))  # a mean of 0
wrong = kind_of(about_zero).bincount(minlength=3) / len(painted)
du.claim(
    "length of the mean image, against the noise",
    shapes.mean(0).norm() / 10,
    at_least=1,
)
du.claim("from noise about 0: share of the commonest kind", wrong.max(), at_least=0.5)
du.claim(
    "from noise about 0: brightness", about_zero.mean() / painted.mean(), at_most=0.95
)

# %% [markdown]
# Then what is made is darker on average, and about two in three are discs. Nothing else was changed, and no error is raised: a check that counts kinds is what tells.
#
# ## Which noise levels?
#
# So far we kept the law over noise levels of chapter 05. Does it fit your images? Ask what a corrupted training image still tells. For the training set as a law of $N$ atoms we know the probability that $\tilde x$ came from each of them; the exponential of the entropy of these probabilities is an **effective number of candidates**.
# It is 1 where $\tilde x$ gives the image away, and $N$ where it tells nothing. Between the two, something has to be decided. The levels to train on should cover that range, and the small levels below it, where details are cleaned.


# %%
def candidates(data, sigma):
    """Effective number of images that a corrupted one may have come from: the median."""
    chance = torch.Generator().manual_seed(0)
    x = data.flatten(1).cpu()
    some = x[torch.randperm(len(x), generator=chance)[:200]]
    x_noisy = du.corruption.gaussian(some, sigma, chance)
    p = du.from_points(x).smooth(sigma).responsibilities(x_noisy)  # (200, N)
    return torch.special.entr(p).sum(1).exp().median().item()


sigmas = torch.logspace(-2, 1.3, 34).tolist()
counts = {
    "digits, 8 × 8": [candidates(train, s) / len(train) for s in sigmas],
    "shapes, 16 × 16 × 3": [candidates(shapes, s) / len(shapes) for s in sigmas],
}

# %% mystnb={"image": {"alt": "Effective number of candidates, as a share of the training set, against noise level from 0.01 to 20: it is near zero up to a noise level of about 0.5 for digits and about 1 for shapes, rises steeply, and is near one at 10 and above. A shaded band from 0.08 to 1.7 shows the middle 80 per cent of the levels trained on."}} tags=["nbval-ignore-output", "slide"]
fig, ax = plt.subplots()
for name, values in counts.items():
    du.plotting.curve(ax, sigmas, values, label=name)
drawn = levels(100_000, torch.Generator().manual_seed(0))
band = drawn.quantile(torch.tensor([0.1, 0.9])).tolist()
ax.axvspan(*band, color="gray", alpha=0.15, lw=0)
ax.text(band[0] * 1.1, 0.6, "trained on:\nmiddle 80 %", fontsize=9, va="center")
ax.set(
    xscale="log",
    xlabel=r"noise level $\sigma$",
    ylabel="candidates / N",
    title="What a corrupted image still tells",
)
ax.legend()
plt.show()


# %%
def half(name):
    """The first noise level at which half of the training set are candidates."""
    return next(s for s, value in zip(sigmas, counts[name]) if value >= 0.5)


digits_half, shapes_half = map(half, counts)
du.claim(
    "larger images hold out longer: level of half the candidates",
    shapes_half / digits_half,
    at_least=1.5,
)
du.claim(
    "at 10, where the flow starts, digits tell almost nothing",
    counts["digits, 8 × 8"][-4],
    at_least=0.9,
)
du.claim("and shapes little more", counts["shapes, 16 × 16 × 3"][-4], at_least=0.85)

# %% [markdown]
# The larger the image, the more pixels there are over which noise averages out, and the more noise it takes to hide it. For the digits the band reaches into the rise of the curve. For the shapes it ends where the rise begins: the largest decisions, such as the kind, are
# made at levels that training saw rarely. What that costs, exercise (b) asks. Rules of thumb, to start from:
#
# * **Start of the flow** (`high` of `du.noise_schedule`): where nearly all are candidates. For images of larger side raise it in proportion to the side.
# * **Law to train on** (`mean` and `std` of `du.corruption.log_normal`, in $\log\sigma$): reach into the rise, by a larger `mean` or, so that the small levels keep their share, a larger `std`; and let `high` not be below that of the flow.
# * **End of the flow** (`low`): where noise is no longer seen. One grey level of 256 is 0.004, and 0.02 is hard to see.
# * **Number of levels**: 20 were enough here. If 40 give visibly better samples, keep 40; the cost is two passes for each.
# * **A single level**, to refine samples as in chapter 07: below the rise, where the image is still known from what is left of it. Chapter 07 shows how to choose it, on samples set aside.
#
# ## Public data sets
#
# The three calls again, as they would be typed. They need a network once, for the download, so they do not run here. At side 28, a GPU helps; at side 64 it is needed. The numbers of steps, the width and the levels for CelebA are where we would start, not tried here.
#
# ```python
# images, labels = du.fashion_mnist("train")                       # clothes, (60,000, 1, 28, 28)
# network = du.UNetDenoiser(noise_levels=True)
# du.fit(network, images, sigma=du.corruption.log_normal(), steps=10_000)
#
# images, labels = du.celeba("train", side=64, limit=20_000)       # faces, (20,000, 3, 64, 64)
# network = du.UNetDenoiser(channels=3, side=64, width=32, noise_levels=True)
# du.fit(network, images, sigma=du.corruption.log_normal(mean=0.4, high=80), steps=50_000)
# ```
#
# | loader | what | labels | `split="test"` |
# |---|---|---|---|
# | `du.digits()` | 10,000 digits of MNIST, in the package | 0 to 9 | 2,000 of them |
# | `du.mnist()` | all digits of MNIST | 0 to 9 | 10,000 more |
# | `du.fashion_mnist()` | clothes, the same size | 10 kinds | 10,000 more |
# | `du.celeba(side=64)` | faces, in colour | an attribute, or the person | other people |
# | `du.folder(path, side=28)` | your files | the subfolders | a share of each |
#
# CelebA comes from a server that often refuses. The error then says which files to fetch with a browser, and where to put them. Its faces are those of real people: read its terms of use before you publish anything.
#
# ## Does it fit?
#
# All images are kept in memory as 32-bit floats: $4\,N\,C\,H\,W$ bytes.

# %%
sizes = {
    "mnist(), fashion_mnist()": (60_000, 1, 28),
    "celeba(side=64)": (162_770, 3, 64),
    "celeba(side=64, limit=20_000)": (20_000, 3, 64),
    "celeba(side=32)": (162_770, 3, 32),
    "our shapes": (len(shapes), 3, 16),
}
for name, (n, channels, side) in sizes.items():
    print(f"{name:30} {4 * n * channels * side**2 / 1e9:6.3f} GB")

# %% [markdown]
# If that is too much: a smaller `side`, a `limit`, or bytes. `du.fit` takes anything with a method `sample(n)`, or `sample(n, generator)` where the seed shall count, so a class of a few lines can keep bytes, and make floats of each batch when it is drawn. `fit` cannot see that these are images, so two defaults for images have to be given by hand.


# %%
class Bytes:
    """Images kept as bytes: a quarter of the memory."""

    def __init__(self, images):
        self.images = (255 * images).round().byte().cpu()

    def sample(self, n, generator):
        index = torch.randint(
            len(self.images), (n,), generator=generator, device=generator.device
        )
        return self.images[index.cpu()].float() / 255


kept = Bytes(train)
frugal = du.UNetDenoiser(noise_levels=True, side=8)
du.fit(
    frugal, kept, sigma=levels, steps=du.budget(quick=100, full=1000),
    batch_size=64, lr=1e-2,
)  # fmt: skip
error = errors(frugal.requires_grad_(False), train, test, sigma=0.3)
du.claim(
    "bytes against floats: memory", kept.images.nbytes / train.nbytes, at_most=0.25
)
du.claim("and they train", error["network"] / error["mean image"], at_most=0.6)

# %% [markdown]
# ## More than one device
#
# `du.fit` runs unchanged in several processes, one for each GPU, where the library *accelerate*, which is installed with the book, starts them. All draw the same batch from the same seed, each works on its share of it, and the gradients are averaged. So several GPUs take the steps that one would take, up to rounding, and nothing has to be
# tuned again. A larger `batch_size` gives each more to do.
#
# The processes begin as copies of the notebook's, and one that has used a GPU cannot be copied. Ours may have, so this is not run here: it is the whole of a *new* notebook. Without a GPU the two processes share the CPU.
#
# ```python
# import daeutils as du
# from accelerate import PartialState, notebook_launcher
# from safetensors.torch import load_model, save_model
#
# def train(steps):
#     images, labels = du.digits()
#     network = du.UNetDenoiser(noise_levels=True)
#     du.fit(
#         network, images, sigma=du.corruption.log_normal(), steps=steps,
#         batch_size=128, checkpoint="digits.checkpoint",
#     )
#     if PartialState().is_main_process:  # all hold the same weights: one writes them
#         save_model(network, "digits.safetensors")
#
# notebook_launcher(train, (10_000,), num_processes=2)
# network = du.UNetDenoiser(noise_levels=True)
# load_model(network, "digits.safetensors")
# ```
#
# Should one process die, the others end with an error, and the same call goes on from the checkpoint. What takes hours belongs outside a notebook. Put the function and a call of it into a file, `train.py` say, and let accelerate start it in a terminal: `accelerate launch --multi_gpu train.py`. In this way
# `accelerate launch --multi_gpu tools/weights.py` trains the networks that come with the book, as `make weights` does on one device.
#
# A tensor lies whole on each GPU. What does not fit is streamed: an object with `sample(n)`, such as `Bytes` above, is the stream. Each process draws the whole batch from it, and keeps its share.

# %% [markdown]
# ## Reading the errors
#
# An error here says what was given, what was expected, and what to do. These are the common ones; read each once, now, when nothing is at stake.

# %%
(folder / "discs" / "notes.png").write_text("not an image")
one_level = du.UNetDenoiser(side=8)
mistakes = {
    "bytes": lambda: du.fit(network, (train * 255).byte(), sigma=0.3, progress=False),
    "0 to 255": lambda: du.fit(network, train * 255, sigma=0.3, progress=False),
    "no channel axis": lambda: du.fit(
        network, train[:, 0], sigma=0.3, progress=False
    ),
    "colour for a grey network": lambda: du.fit(
        network, shapes, sigma=0.3, progress=False
    ),
    "a side that is no multiple of 4": lambda: du.UNetDenoiser(side=30),
    "several levels, one-level network": lambda: du.fit(
        one_level, train, sigma=levels
    ),
    "a level of 0": lambda: du.fit(network, train, sigma=0.0),
    "a text file called .png": lambda: du.folder(folder / "discs", held_out=0),
    "a wrong path": lambda: du.folder(folder / "disks"),
}
for mistake, attempt in mistakes.items():
    try:
        attempt()
    except ValueError as error:
        print(f"{mistake}\n    {str(error).replace(str(folder), 'pictures')}\n")

# %% [markdown]
# What no error can tell, look at yourself, with `du.plotting.show_images([images[:14]])`, before training:
#
# * **Range.** Values in $[0,1]$, and using it: images that only fill 0 to 0.1 were divided by 255 twice.
# * **Grey or colour.** If colour carries nothing, `channels=1` makes the task smaller.
# * **Crop.** Is what matters inside the central square? If not, crop the files first.
# * **Number.** Here 480 simple shapes were enough. With few images a network begins to copy: watch the distance to the nearest training image, against that of test images.
# * **Doubles.** One picture under two names may land in both splits, and makes the test too kind. So do frames of one film.

# %% [markdown] tags=["slide"]
# ## Recap
#
# * Load, fit, use: one tensor $(N,C,H,W)$ in $[0,1]$, a network that is told channels and side, and the flow.
# * Compare with rivals that know less (nothing, a constant, the best linear map), and on images that were not trained on.
# * The noise levels follow from the data: cover the range from *gives the image away* to *tells nothing*.

# %% [markdown]
# **Check your understanding.** Open the answer that you would give: it says whether it is right, and why.

# %% tags=["remove-input"]
du.quiz("A1")

# %% [markdown]
# **Exercises.** (a) Train the digits with few steps and with many, and on ten images alone. How do the shares of the ten kinds change, and the distance to the nearest training image? (b) Train them with `du.corruption.log_normal(mean=0, std=1.5)`. Compare the errors at $\sigma=0.2$ and at 2 with those of the linear
# map, before and after. What was gained, and what was lost? (c) Make a
# folder of your own pictures, at least a few hundred of one kind of thing, and draw the figure of candidates for sides 8, 16 and 32. Where would you put `high`?
# They wait with checks in [exercises/A1-your-own-data.ipynb](exercises/A1-your-own-data.ipynb).
#
# **References.** Liu, Luo, Wang & Tang 2015 (CelebA); Xiao, Rasul & Vollgraf 2017 (FashionMNIST); LeCun, Bottou, Bengio & Haffner 1998 (MNIST); Alpaydin & Kaynak 1998 (the digits of scikit-learn); Karras et al. 2022.
