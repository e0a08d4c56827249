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
# Figure A1.1 shows two photographs, a temple above a lake and a dahlia. They come with scikit-learn, and no weights for them ship with this book. There are no labels, and most pixels are neither black nor white. Can you do with them what chapters 05 to 07 did with digits, that is, train a network, grow pictures from noise, and refine those of another model?
#
# This chapter does it with small squares that are cut from the photographs and written to a folder. If you put a folder of your pictures in the place of this one, the rest of the chapter needs few changes.

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
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import torch
from PIL import Image
from sklearn.datasets import load_sample_images
from torchvision.transforms.functional import gaussian_blur

du.plotting.use_style()
EXACT, LEARNED = du.plotting.EXACT, du.plotting.LEARNED
INK, GREY = du.plotting.INK, du.plotting.GREY
device = du.pick_device()
stored = load_sample_images()
photos = dict(zip(["temple", "dahlia"], map(Image.fromarray, stored.images)))

# %% tags=["hide-input"] mystnb={"image": {"alt": "Two photographs side by side. Left: a temple with three tiled roofs before a pale lake and sky, with trees in front. Right: an orange dahlia before a blurred dark green background. Four vertical bands in each are paler than the rest."}, "figure": {"caption": "**Figure A1.1. All the data of this chapter.** Squares of 48 pixels are cut from the clear parts to train on, and from the pale bands to test on."}}
fig, axes = plt.subplots(1, 2, figsize=(7.2, 2.6))
for ax, (name, photo) in zip(axes, photos.items()):
    ax.imshow(photo.reduce(2), extent=(0, photo.width, photo.height, 0))
    for left in range(112, 640, 160):
        ax.axvspan(left, left + 48, color="white", alpha=0.65, lw=0)
    ax.set(title=name, xticks=[], yticks=[], xlim=(0, 640))
    ax.spines[:].set_visible(False)
    ax.grid(False)
plt.show()

# %% [markdown]
# **Question.** How do you train a denoising autoencoder on your own pictures, make new ones with it, and refine those of another model?
#
# **You will be able to** go from a folder of image files to a trained denoiser, to new pictures and to refined ones. You will know how to keep a test set honest, what a noise level asks of a network, how to choose the starting noise, and which simple rivals to compare with. You will also know what to do about pictures that are not square.
#
# **You need** chapters 05, 06 and 07. **Time.** Twenty-five minutes to read; the code takes one to two minutes on two CPU cores.
#
# **From the paper.** Statements P1, P4 and P5 once more, on colour photographs: BCE as a loss for pixels in $[0,1]$, synthesis from random noise, and the refinement of samples that another method made. The data are the book's own choice, so no number compares with the paper's.
#
# [Open in Colab](https://colab.research.google.com/github/OWNER/denoising-and-the-score/blob/main/notebooks/A1-your-own-data.ipynb)

# %% [markdown]
# ## A folder of pictures
#
# Your own pictures are files in a folder, so we begin by making such a folder. The next cell cuts each photograph into overlapping squares of 48 pixels and writes every square to an image file. Each photograph gets its own subfolder, because `du.folder` uses the names of subfolders as labels.
#
# **The test set needs some thought.** Neighbouring squares overlap. If we drew test squares at random, most of their pixels would be in the training set as well, and the test would be far too easy. The same happens with the frames of a film, or with several photographs of one object. So we divide each *photograph*: of every 160 columns the last 48 are for testing (the bands of Figure A1.1), and no square may reach into both parts.

# %%
temporary = tempfile.TemporaryDirectory()  # removed when the notebook ends
pictures = Path(temporary.name)
for name, photo in photos.items():
    for part in ("train", "test"):
        (pictures / part / name).mkdir(parents=True)
    for top in range(0, photo.height - 47, 8):
        for left in range(0, photo.width - 47, 8):
            column = left % 160
            if column <= 64 or column == 112:
                part = "train" if column <= 64 else "test"
                square = photo.crop((left, top, left + 48, top + 48))
                square.save(pictures / part / name / f"{top:03}-{left:03}.png")

# %% [markdown]
# `du.folder` reads every picture below a folder, cuts out the central square and shrinks it to `side` pixels. `channels` is 3 for colour and 1 for grey. The result is one tensor of shape $(N,C,H,W)$ with values in $[0,1]$, which is all that the rest of the chapter asks for.

# %%
train, kinds = du.folder(pictures / "train", side=16, channels=3, held_out=0)
test, _ = du.folder(pictures / "test", side=16, channels=3, held_out=0)
print("train", tuple(train.shape), "of each kind", kinds.bincount().tolist())
print("test", tuple(test.shape))
train, test = train.to(device), test.to(device)

# %% [markdown]
# If your pictures are independent of one another, `du.folder` can divide them for you. By default it puts a fifth of each kind aside, chosen by a hash of the names: `du.folder(path, side=16, channels=3)` returns the others, and `du.folder(path, "test", side=16, channels=3)` returns that fifth.

# %% tags=["hide-cell"]
grey = ((train > 0.1) & (train < 0.9)).double().mean()
du.claim("The share of values between 0.1 and 0.9 is {}", grey, at_least=0.5)

# %% [markdown]
# ## Train two networks
#
# The first network is of the paper's kind: an encoder, a code of 128 numbers and a decoder in series, with a sigmoid at the end. It is convolutional this time, because neighbouring pixels of a photograph belong together. The second is the U-Net of chapter 05, whose skip connections carry detail past the code. Both must be given the shape of the pictures. Both are trained with BCE at one noise level, $\sigma=0.25$; a later section says what this level asks of a network.

# %%
sigma = 0.25
dae = du.PlainDAE(shape=(3, 16, 16), hidden=(32, 64), convolutional=True)
unet = du.UNetDenoiser(channels=3, side=16)
du.fit(dae, train, sigma=sigma, steps=du.budget(quick=900, full=10_000))
du.fit(unet, train, sigma=sigma, steps=du.budget(quick=250, full=4000))
for network in (dae, unet):
    network.requires_grad_(False)

# %% [markdown]
# First of all, look. Figure A1.2 shows twelve test squares with some contrast, the same squares with noise, and what the networks make of them. Compare the two lower rows with the first. What has come back, and what has not?

# %% tags=["hide-input"] mystnb={"image": {"alt": "Four rows of twelve small colour squares. First row: pieces of both photographs that have some contrast. Second row: the same under heavy noise. Third row: the plain network returns the colours and blurred large shapes. Fourth row: the U-Net returns more of the edges."}, "figure": {"caption": "**Figure A1.2. Colours and large edges come back, fine texture does not.** Test squares, the same with noise of level 0.25, and the reconstructions of the two networks."}}
noisy = du.corruption.gaussian(test, sigma, torch.Generator(device).manual_seed(0))
shown = (test.std((2, 3)).mean(1) > 0.08).nonzero()[:, 0]  # with some contrast
shown = shown[:: len(shown) // 12][:12]
rows = {"clean": test, "noisy": noisy, "plain DAE": dae(noisy), "U-Net": unet(noisy)}
du.plotting.show_images([x[shown] for x in rows.values()], list(rows), size=0.48)
plt.show()

# %% [markdown]
# A picture convinces too easily, so we compare errors on the test squares with five rivals. The first returns the noisy square. The second always answers with the mean training square. The third is the *memoriser* of chapter 05, the exact optimum of the training loss. The fourth is the best *linear* reconstruction, which knows only the mean $\mu$ and the covariance $\Sigma$ of the training squares:
# $$L(\tilde x)=\mu+\Sigma(\Sigma+\sigma^2I)^{-1}(\tilde x-\mu).$$
#
# The fifth is the best linear reconstruction through a code of a given size. It keeps the leading principal components of the squares and drops the others. We give it the 128 numbers that the plain network has, and then only 32.


# %% tags=["hide-input", "nbval-ignore-output"]
def linear(x_noisy, data, code=768):
    """The best linear reconstruction through a code of so many numbers."""
    mean, covariance = data.mean(0), torch.cov(data.flatten(1).T)
    variances, axes = torch.linalg.eigh(covariance)  # in rising order
    variances, axes = variances[-code:], axes[:, -code:]
    inside = (x_noisy - mean).flatten(1) @ axes * variances / (variances + sigma**2)
    return mean + (inside @ axes.T).reshape(x_noisy.shape)


memory = du.Memoriser(train)
answers = {
    "noisy square": noisy,
    "mean square": train.mean(0).expand_as(test),
    "memoriser": memory(noisy, sigma),
    "linear": linear(noisy, train),
    "linear, code of 128": linear(noisy, train, 128),
    "linear, code of 32": linear(noisy, train, 32),
    "plain DAE": dae(noisy),
    "U-Net": unet(noisy),
}
error = {name: (r - test).square().mean().item() for name, r in answers.items()}
du.table(error.items(), {"on test squares": "", "squared error per value": ".4f"})
seen = du.corruption.gaussian(train, sigma, torch.Generator(device).manual_seed(5))
for name, r in {"linear": linear(seen, train), "plain DAE": dae(seen)}.items():
    print(f"on training squares, {name}: {(r - train).square().mean():.4f}")

# %% tags=["hide-input"]
du.claim(
    "On test squares the U-Net's squared error is {} of the linear map's",
    error["U-Net"] / error["linear"],
    at_most=0.93,
)

# %% tags=["hide-cell"]
du.claim(
    "The plain network's squared error is {} of the memoriser's",
    error["plain DAE"] / error["memoriser"],
    at_most=0.75,
)
du.claim(
    "A linear map with a code of 32 has {} of the plain network's squared error",
    error["linear, code of 32"] / error["plain DAE"],
    at_most=0.95,
)

# %% [markdown]
# Read the table from the top. The memoriser answers with training squares and is far off, because the test squares come from other columns of the photographs. The plain network halves its error. But it stays behind the linear map, which needed no training at all! Without this rival we would have been satisfied too soon. Only the U-Net beats it.
#
# Is the plain network's code too small, with 128 numbers for the 768 of a square? The table says no. The linear map with a code of 128 is about as good as the one without a code, and even with 32 numbers it is ahead of the plain network. It has not learned the training squares by heart either: on these, too, it is behind the linear map, as the last two lines say. So it has learned too little. Train it with 4,500 steps, which takes about a minute, and see how near it comes to the linear map.

# %% [markdown]
# ## New squares from noise
#
# Chapter 06 found that the brightness of the starting noise decides what comes out. Let us work out what that means for photographs, before we look. A start is $z=m+s\varepsilon$ in every channel of every pixel. For the memoriser, the log-weight of the training square $x_k$ is $(m\,S_k-\frac12|x_k|^2)/\sigma^2$, plus a random part (chapter 06). Completing the square shows what $m$ votes for:
# $$m\,S_k-\tfrac12|x_k|^2=-\tfrac12\,|x_k-m\mathbf 1|^2+\text{const},\qquad S_k=\sum_ix_{k,i}.$$
#
# The vote goes to the squares that are closest to an even grey of brightness $m$. Digits are nearly black and white, so at the neutral brightness all of them are about equally far from that grey, and the vote is silent. Photographs contain squares of little contrast and of any brightness, so some are much closer to that grey than others, and these win. We therefore expect squares of brightness $m$, whatever $m$ is. The vote is that of the memoriser, so we shall also have to see whether a network follows it.
#
# We start at the neutral brightness of chapter 06, which is half the slope of $|x_k|^2$ against $S_k$. We also try a second kind of start, which gives each picture its particular colour: three numbers, the mean colour of a random training square, with noise on top.

# %%
n = 300
ink, square = train.flatten(1).sum(1), train.flatten(1).square().sum(1)
neutral = ((ink * square).sum() / (ink * ink).sum() / 2).item()
generator = torch.Generator().manual_seed(0)
eps = torch.randn(n, 3, 16, 16, generator=generator).to(device)
picked = torch.randint(len(train), (n,), generator=generator)
colour = train[picked].mean((2, 3), keepdim=True)  # (n, 3, 1, 1)
starts = {"grey noise": neutral + eps, "coloured noise": colour + eps}
print(f"neutral brightness {neutral:.2f}")

# %% [markdown]
# From each start the plain DAE goes both ways of chapter 06: ten plain steps, and thirty steps with the noise put back. In Figure A1.3 compare first the colours of the rows with those of the training squares, and then the number of flat squares. (In the table, a square is *flat* if the standard deviation within it is at most 0.05, and *textured* otherwise.)

# %% tags=["hide-input"] mystnb={"image": {"alt": "Five rows of twelve small colour squares. First row, training squares: sky, roof, leaves, petals. Two rows from grey noise: seven or eight of twelve are the same flat teal, the others show soft edges in orange, beige and blue. Two rows from coloured noise: dark, teal, pale blue and orange squares as in the first row, many of them flat. Last row, the U-Net: pale, teal and dark flat squares, and some that are mottled like foliage."}, "figure": {"caption": "**Figure A1.3. The start decides the colour.** Ten plain steps, or thirty steps with the noise put back, from noise about one grey and from noise about the mean colours of the squares in the first row. Plain DAE; in the last row the U-Net."}}
made = {}
for name, start in starts.items():
    made[name, "plain"] = du.iterate(dae, start, 10)
    back = torch.Generator(device).manual_seed(1)
    made[name, "noise back"] = du.walkback(dae, start, 30, sigma, back)
rows = {"training\nsquares": train[picked]} | {
    f"{name},\n{way}": x for (name, way), x in made.items()
}
back = torch.Generator(device).manual_seed(1)
twelve = starts["coloured noise"][:12]
rows["U-Net, coloured,\nnoise back"] = du.walkback(unet, twelve, 30, sigma, back)
du.plotting.show_images([x[:12] for x in rows.values()], list(rows), size=0.48)
plt.show()


# %% tags=["hide-input", "nbval-ignore-output"]
def textured(x):
    return x.std((2, 3)).mean(1) > 0.05  # standard deviation within a square


def spread(x):
    return x.mean((1, 2, 3)).std().item()


def nearest(x):
    return du.evaluation.nearest(x, train)[0].median().item()


rows = []
every = {("training squares", ""): train, ("test squares", ""): test} | made
for (name, way), x in every.items():
    far = nearest(x[textured(x)]) if name != "training squares" else None
    flat = 1 - textured(x).double().mean().item()
    brightness = f"{x.mean():.2f} ± {spread(x):.2f}"
    rows.append([", ".join(filter(None, (name, way))), brightness, flat, far])
columns = {"": "", "brightness ± spread": ">", "flat": ".0%"}
du.table(rows, columns | {"nearest training square (of textured)": ".2f"})

# %% [markdown]
# The vote speaks of any $m$, so let us ask for other brightnesses, too. The next table compares what the memoriser picks with where the network's chains end.

# %% tags=["hide-input", "nbval-ignore-output"]
by_brightness = {}
for m in (0.2, neutral, 0.6, 0.8):
    mine = train[memory.posterior(m + eps, sigma).argmax(1)]
    back = torch.Generator(device).manual_seed(1)
    by_brightness[m] = mine, du.walkback(dae, m + eps, 30, sigma, back)

rows = []
for m, images in by_brightness.items():
    bright = [f"{x.mean():.2f} ± {spread(x):.2f}" for x in images]
    flat = images[1][~textured(images[1])]
    typical = flat.mean((2, 3)).median(0)[0].tolist()
    rgb = " ".join(f"{value:.2f}" for value in typical)
    rows.append([m, *bright, len(flat) / n, rgb])
columns = {"m": ".2f", "memoriser's picks": ">", "plain DAE, noise back": ">"}
du.table(rows, columns | {"of these flat": ".0%", "typical red green blue": ">"})

new = by_brightness[neutral][1]
ended, known = [x[~textured(x)].mean((2, 3)) for x in (new, train)]  # flat: colours
teal = ended.median(0)[0]
for name, colours in {
    "network's flat squares": ended,
    "flat training squares": known,
}.items():
    close = (colours - teal).norm(dim=1) < 0.1
    print(f"{name}: {len(colours)}, of these within 0.1 of the teal: {close.sum()}")
print(
    f"nearest flat training square to the grey: {(known - neutral).norm(dim=1).min():.2f}"
)

# %% tags=["hide-input"]
narrow = spread(made["grey noise", "noise back"]) / spread(train)
du.claim(
    "From grey noise brightness spreads {} times as much as in the data",
    narrow,
    at_most=0.65,
)
broad = spread(made["coloured noise", "noise back"]) / spread(train)
du.claim("From coloured noise it spreads {} times as much", broad, at_least=0.8)

# %% tags=["hide-cell"]
recalled = memory.posterior(starts["grey noise"], sigma).argmax(1)
du.claim(
    "The memoriser's picks from grey noise spread {} times as much as the data",
    spread(train[recalled]) / spread(train),
    at_most=0.4,
)
wide = max(abs(mine.mean().item() - m) for m, (mine, _) in by_brightness.items())
du.claim(
    "The memoriser's picks miss the brightness that was asked for by up to {}",
    wide,
    at_most=0.08,
)
new = made["grey noise", "noise back"]
copies = (du.evaluation.nearest(new, train)[0] < 0.1).double().mean()
du.claim(
    "The share of copies among new squares from grey noise is {}",
    copies,
    at_most=0.02,
)

# %% [markdown]
# Half of the prediction comes true for the network. The brightness of its squares from grey noise spreads less than half as much as the data's, and the memoriser's picks spread even less. None of the twelve is pale sky. Several have an edge like that of a petal against the dark.
#
# The other half is *which* brightness comes out. The memoriser follows the request closely at all four levels of the second table. The network follows it only roughly. At $m=0.39$ more than half of its squares are flat, and nearly all of these are the same teal, a colour of the dahlia's background. It is darker than the grey we asked for. At $m=0.6$ the flat squares are a pale blue instead, brighter than the request.
#
# Why teal? The print-out suggests a reason. None of the flat training squares is near the grey, and many are near the teal. The squares that win the vote have some contrast. But the chains climb the density, which is high where many squares are nearly alike. We have not tested this reason, so the question stays open.
#
# Give each start its colour, and all colours of the photographs return, among them sky and orange petals. Their brightness spreads at least as much as that of the data. The price is in the column "flat": 44 per cent of the training squares are flat, and about three quarters of these new squares. Flat squares lie close together, so the density of noisy squares is high among them. It is no surprise that chains, which climb this density, end there too often.
#
# Are they copies? A flat square is always near to a training square, so the last column takes the others only. Their distance to the nearest training square is about that of test squares or up to a quarter smaller, and for a copy it would be 0. The U-Net's row of Figure A1.3 differs in kind: many of its squares are flat, too, and the others are mottled like foliage, with hardly any edges.

# %% [markdown]
# ## Refine the samples of another model
#
# The second model knows much less. `du.PCAGaussian` is a Gaussian with the mean and the 50 leading principal components of the training squares. It knows how pixels vary together, and it knows nothing about edges. Chapter 07 refined such samples for digits. Here we do the same.
#
# **A ruler.** The Frechet distance of chapters 06 and 07 looks through a classifier of digits, so it is of no use here. With photographs there is an old remedy.
#
# Take the differences $\delta$ between neighbouring pixels. In a square with an edge most of them are tiny and a few are large, because surfaces are smooth and edges are sharp. The *kurtosis* measures that:
# $$\kappa=\frac{E[\delta^4]}{E[\delta^2]^2}.$$
# It is 3 for every normal distribution with mean 0, and much larger where large values are rare. We compute it within each textured square and take the mean over these squares. (The kurtosis of all differences together would also rise if some squares were merely flatter than others.)
#
# Squares that the steps make flat drop out of this mean. So we also compute, for the squares that are left, the kurtosis that these very squares had before the steps.

# %%
gaussian = du.PCAGaussian(train, 50)


def kurtosis(x, chosen):
    x = x[chosen]
    difference = (x[..., 1:] - x[..., :-1]).double().flatten(1)
    each = difference.pow(4).mean(1) / difference.pow(2).mean(1) ** 2
    return each.mean().item()


def detail(x):
    return (x[..., 1:] - x[..., :-1]).abs().mean().item()


def refine(network, x, steps, seed=0):
    back = torch.Generator(device).manual_seed(seed)
    return du.walkback(network, x, steps, sigma, back)


# %% [markdown]
# Figure A1.4 shows samples of the Gaussian before and after five steps with the noise put back, for both networks. Look at the clouds: which of them get an edge?

# %% tags=["hide-input"] mystnb={"image": {"alt": "Four rows of twelve small colour squares. Samples of the Gaussian: coloured clouds without edges. After five steps of either network: smooth squares in the same colours, a few of them with a clear edge. Training squares: roofs, leaves and petals in fine detail."}, "figure": {"caption": "**Figure A1.4. Clouds become smooth surfaces, a few of them with an edge.** Samples of a Gaussian with 50 principal components, before and after five steps with the noise put back."}}
x = gaussian.sample(n, torch.Generator().manual_seed(0)).to(device)
rows = {"Gaussian": x}
rows |= {
    "plain DAE,\n5 steps": refine(dae, x, 5),
    "U-Net,\n5 steps": refine(unet, x, 5),
}
rows["training\nsquares"] = train[picked]
du.plotting.show_images([x[:12] for x in rows.values()], list(rows), size=0.48)
plt.show()

# %% [markdown]
# Now numbers, on five fresh sets of 300 samples. The first column is the share of flat squares. Then comes the kurtosis of the others, and what these same squares had before the steps. The *detail* is the mean absolute difference of neighbouring pixels, and the last column is the median distance to the nearest training square (both of all squares, flat ones too). A control blurs the samples a little.

# %% tags=["hide-input", "nbval-ignore-output"]
ways = {
    "Gaussian": lambda x, seed: x,
    "blurred": lambda x, seed: gaussian_blur(x, 3, 1.0),
    "plain DAE": lambda x, seed: refine(dae, x, 5, seed),
    "U-Net": lambda x, seed: refine(unet, x, 5, seed),
}
pairs = {name: [] for name in ways}  # of squares before the steps and after
for seed in range(1, 6):
    x = gaussian.sample(n, torch.Generator().manual_seed(seed)).to(device)
    for name, way in ways.items():
        pairs[name].append((x, way(x, seed)))
pairs["test squares"] = [(test, test)]


def numbers_of(before, after):
    left = textured(after)
    return [
        1 - left.double().mean().item(),
        kurtosis(before, left),
        kurtosis(after, left),
        detail(after),
        nearest(after),
    ]


measured = {
    name: torch.tensor([numbers_of(*pair) for pair in each]).mean(0).tolist()
    for name, each in pairs.items()
}
columns = {"flat": ".0%", "before": ".1f", "kurtosis": ".1f", "detail": ".4f"}
du.table(
    [[name, *m] for name, m in measured.items()],
    {"": ""} | columns | {"nearest training square": ".2f"},
)

# %% tags=["hide-input"]
gain = measured["U-Net"][2] / measured["U-Net"][1]
du.claim(
    "The U-Net multiplies the kurtosis of the same squares by {}", gain, at_least=1.2
)
loss = measured["U-Net"][3] / measured["test squares"][3]
du.claim(
    "Of the detail of test squares its refined samples have {}", loss, at_most=0.85
)

# %% tags=["hide-cell"]
gain = measured["plain DAE"][2] / measured["plain DAE"][1]
du.claim("The plain DAE multiplies the kurtosis by {}", gain, at_least=1.15)
control = measured["blurred"][2] / measured["blurred"][1]
du.claim("A blur multiplies the kurtosis by {}", control, at_most=1.1)

# %% [markdown]
# The steps turn clouds into smooth surfaces, and a few of these have an edge. Between four and five squares in ten end flat, about as many as among real squares. In the others the kurtosis rises from about 3, that of a normal distribution, to between 4 and 5 with either network. Dropping the flat squares cannot explain the rise, because both numbers are of the same squares. For real squares it is about 11, so most of the way remains.
#
# A blur leaves the kurtosis where it was. The refined samples are nearer to the training squares, too, but part of that is the smoothness itself.
#
# **The limit is texture.** Leaves and tiles do not come back. The plain DAE's samples have about half of the detail of real squares and the U-Net's about three fifths, and both have less than the clouds had. Chapter 07 found the same with clothes, and the reason is the same: the mean of all textures that fit a noisy square is a smooth surface.
#
# **The other limit is the data.** All of this is knowledge of two photographs. The networks know this temple and this dahlia, and nothing about temples or flowers.

# %% [markdown]
# ## Which noise level?
#
# We have used one noise level, $\sigma=0.25$, and we have tried no other. What does such a level ask of a network? Look at what a corrupted training square still tells. It may have come from any of the $N$ training squares, and Bayes' rule gives the probability $w_k$ of each. The exponential of the entropy of these probabilities is the **effective number of candidates**:
# $$c(\tilde x)=\exp\Big(-\sum_kw_k\log w_k\Big).$$
# It is 1 if $\tilde x$ can only have come from one square, and $N$ if it could have come from any. Figure A1.5 shows the median of $c/N$ for our squares, for the digits and for the clothes.


# %%
def candidates(data, sigma):
    """Number of images that a corrupted one may have come from: the median."""
    chance = torch.Generator().manual_seed(0)
    some = data[torch.randperm(len(data), generator=chance)[:200]]
    x_noisy = du.corruption.gaussian(some, sigma, chance)
    w = du.Memoriser(data).posterior(x_noisy, sigma)  # (200, N)
    return torch.special.entr(w).sum(1).exp().median().item()


# %% tags=["hide-input", "nbval-ignore-output"] mystnb={"image": {"alt": "Three curves of the share of candidates against the noise level on a logarithmic axis, all of the same S-shape: near zero on the left and near one on the right. A dotted vertical line at 0.25 lies in the flat part on the left."}, "figure": {"caption": "**Figure A1.5. Where a corrupted picture gives itself away.** Effective number of candidates, as a share of 3,000 training images, against the noise level. Dotted: the level of this chapter, 0.25."}}
sets = {
    "squares": (train, INK, "-"),
    "digits": (du.digits()[0], GREY, "-"),
    "clothes": (du.fashion()[0], GREY, "--"),
}
sigmas = torch.logspace(-1, 1.6, 14).tolist()
shares = {}
fig, ax = plt.subplots(figsize=(6.5, 2.9))
for name, (x, color, style) in sets.items():
    x = x[
        torch.randperm(len(x), generator=torch.Generator().manual_seed(0))[:3000]
    ].cpu()
    share = [candidates(x, s) / len(x) for s in sigmas]
    shares[name] = share
    ax.plot(sigmas, share, style, color=color, label=name)
ax.axvline(sigma, color=INK, ls=":", lw=1)
ax.set(xscale="log", xlabel=r"noise level $\sigma$", ylabel="candidates / N")
ax.set_xticks([0.1, 0.25, 1, 10], ["0.1", "0.25", "1", "10"])
ax.set_title("Below the rise a picture gives itself away")
ax.legend()
plt.show()

# %% tags=["hide-input", "nbval-ignore-output"]
for name, share in shares.items():
    for k in (6, 8):
        print(f"{name}: a share of {share[k]:.2f} at level {sigmas[k]:.1f}")
print(f"squares at level {sigma}: {candidates(train, sigma):.2f} candidates")

# %% [markdown]
# At our level of 0.25 the curve is at 0. The last line of the print-out says that the median number of candidates is about 1: the noisy square gives itself away, and the memoriser simply looks it up. A network cannot, so it must learn what squares look like. The curve of the squares rises earlier than the two others, because many flat squares are nearly alike. So the curve says what a level asks of the network, but it does not choose $\sigma$. Only a trial does: train at two or three levels and compare. Some rules of thumb say where to start.

# %% [markdown]
# * **One level, to refine** (chapter 07): well below the rise, where the picture is still known from what is left of it. Compare the levels on samples put aside for the choice.
# * **One level, from noise** (chapter 06): the curve gives no answer. Look at where the chains of each level end.
# * **Many levels** (chapter 10): cover the rise, and start the sampler of chapter 10 (`high` of `du.noise_schedule`) where nearly all are candidates. Double `high` for twice the side, because distances between pictures double.
# * **The last level of that sampler** (`low`): where noise is hard to see, 0.02 say.


# %% [markdown]
# ## Pictures that are not square
#
# `du.folder` cuts out the central square. That suits portraits and spoils panoramas, and it happens silently, so look at what is left. Figure A1.6 shows what rectangles of $72\times48$ pixels lose (the second row is drawn larger than the others). A plain DAE takes rectangles; the U-Net refuses them, because its dense layer is made for a square. So there are two ways out: read rectangles yourself and train a plain DAE, or pad every picture to a square with grey.

# %%
wide = []
for photo in photos.values():
    for top in range(0, photo.height - 47, 12):
        for left in range(0, photo.width - 71, 12):
            small = photo.crop((left, top, left + 72, top + 48)).resize((24, 16))
            wide.append(
                torch.from_numpy(np.array(small)).movedim(-1, 0).float() / 255
            )
wide = torch.stack(wide).to(device)  # (N, 3, 16, 24): height before width

oblong = du.PlainDAE(shape=(3, 16, 24), hidden=(256,), code=64)
du.fit(oblong, wide, sigma=sigma, steps=du.budget(quick=300, full=5000))
oblong.requires_grad_(False)
padded = torch.nn.functional.pad(wide, (0, 0, 4, 4), value=0.5)  # (N, 3, 24, 24)

# %% [markdown]
# The dense network above takes any shape. A convolutional one halves height and width with each size in `hidden`, so with two sizes both must be multiples of 4. The two messages below the figure are what you read if you forget.

# %% tags=["hide-input"] mystnb={"image": {"alt": "Five rows of eight small pictures: rectangles from the photographs; their central squares; the rectangles under noise; the reconstructions of the plain network, blurred; and the rectangles with grey bars above and below."}, "figure": {"caption": "**Figure A1.6. A square cuts off the sides.** Rectangles, the squares that `du.folder` would keep, a plain DAE trained on rectangles for a few seconds, and the same rectangles padded to a square."}}
some = (wide.std((2, 3)).mean(1) > 0.12).nonzero()[:, 0]  # with some contrast
some = some[:: len(some) // 8][:8]
seen = du.corruption.gaussian(
    wide[some], sigma, torch.Generator(device).manual_seed(0)
)
rows = [wide[some], wide[some][..., 4:20], seen, oblong(seen), padded[some]]
names = ["rectangle", "what du.folder\nkeeps", "noisy", "plain DAE", "padded"]
_, axes = plt.subplots(5, 8, figsize=(7.2, 3.6))
for line, images, name in zip(axes, rows, names):
    for ax, image in zip(line, images):
        ax.imshow(image.clamp(0, 1).movedim(0, -1).cpu())
        ax.set(xticks=[], yticks=[])
        ax.grid(False)
        ax.spines[:].set_visible(False)
    line[0].set_ylabel(name, rotation=0, ha="right", va="center")
plt.show()

# %% tags=["hide-input"]
for attempt in (
    lambda: du.fit(du.UNetDenoiser(channels=3, side=16), wide, sigma=sigma),
    lambda: du.PlainDAE(shape=(3, 18, 24), hidden=(32, 64), convolutional=True),
):
    try:
        attempt()
    except ValueError as problem:
        print(problem, end="\n\n")

# %% [markdown]
# ## More data, more devices
#
# A tensor of pictures takes $4\,N\,C\,H\,W$ bytes: the 60,000 pictures of Fashion-MNIST take 0.19 GB, and 162,770 faces of side 64 in colour take 8 GB. If that is too much, choose a smaller `side`, or keep bytes. `du.fit` also takes an object with a method `sample(n, generator)`, which can hold bytes and make floats of one batch at a time. By default `fit` takes larger batches for points than for pictures. From such an object it cannot see which of the two it will get, so give it the batch size.


# %%
class Bytes:
    """Pictures kept as bytes: a quarter of the memory."""

    def __init__(self, images):
        self.images = (255 * images).round().byte().cpu()

    def sample(self, n, generator):
        where = generator.device
        index = torch.randint(
            len(self.images), (n,), generator=generator, device=where
        )
        return self.images[index.cpu()].float() / 255


frugal = du.PlainDAE(shape=(3, 16, 16), hidden=(128,), code=32)
du.fit(frugal, Bytes(train), sigma=sigma, steps=60, batch_size=64)

# %% tags=["hide-cell"]
frugal.requires_grad_(False)
du.claim(
    "Trained on bytes, a network has a squared error of {} of the mean square's",
    (frugal(noisy) - test).square().mean().item() / error["mean square"],
    at_most=0.6,
)

# %% [markdown]
# Other loaders return the same pair of images and labels. `du.digits()` and `du.fashion()` come with the book. `du.mnist()`, `du.fashion_mnist()` and `du.celeba(side=64)` download once. CelebA's server often refuses, and the error then says which files to fetch with a browser. Its faces are those of real people: read its terms of use before you publish anything.
#
# **Several GPUs.** Write the training into a file, here `train.py`:
#
# ```python
# import daeutils as du
# from accelerate import PartialState
# from safetensors.torch import save_model
#
# images, _ = du.folder("pictures", side=64, channels=3)
# network = du.UNetDenoiser(channels=3, side=64, noise_levels=True)
# du.fit(network, images, sigma=du.corruption.log_normal(), steps=10_000,
#        batch_size=256, checkpoint="pictures.checkpoint")
# if PartialState().is_main_process:  # all hold the same weights: one writes them
#     save_model(network, "pictures.safetensors")
# ```
#
# Start it in a terminal with `accelerate launch --multi_gpu train.py`. All processes draw the same batch, each works on its share, and the gradients are averaged, so several GPUs take the steps that one would take. If a process dies, the same command goes on from the checkpoint. A notebook makes the same network and reads the weights by `load_model` of `safetensors.torch`. (A checkpoint can only be continued with as many processes as before.) ([Documentation of accelerate](https://huggingface.co/docs/accelerate/basic_tutorials/launch).)

# %% [markdown]
# ## Reading the errors
#
# An error of this book says what was given, what was expected, and what to do. Read the common ones once, now, while nothing is at stake.

# %% tags=["hide-input"]
(pictures / "notes").mkdir()
(pictures / "notes" / "plan.png").write_text("not a picture")
fresh = du.PlainDAE(shape=(3, 16, 16), hidden=(32, 64), convolutional=True)
mistakes = {
    "A frozen network": lambda: du.fit(dae, train, sigma=0.25),
    "Bytes instead of floats": lambda: du.fit(
        fresh, (train * 255).byte(), sigma=0.25
    ),
    "Values up to 255": lambda: du.fit(fresh, train * 255, sigma=0.25),
    "Channels last": lambda: du.fit(fresh, train.movedim(1, -1), sigma=0.25),
    "Grey pictures for a colour network": lambda: du.fit(
        fresh, train[:, :1], sigma=0.25
    ),
    "A side that is not a multiple of 4": lambda: du.UNetDenoiser(side=30),
    "Another noise level than in training": lambda: dae(noisy, 0.5),
    "A text file with a picture's ending": lambda: du.folder(
        pictures / "notes", held_out=0
    ),
    "A wrong path": lambda: du.folder(pictures / "trian"),
}
for mistake, attempt in mistakes.items():
    try:
        attempt()
    except ValueError as problem:
        print(f"{mistake}\n    {str(problem).replace(str(pictures), 'pictures')}\n")

# %% [markdown]
# Some mistakes raise no error. Look at `du.plotting.show_images([images[:12]])` before you train, and ask:
#
# * **Range.** Do the values fill $[0,1]$? Pictures between 0 and 0.004 were divided by 255 twice.
# * **Colour.** Does colour matter? If not, `channels=1` makes the task smaller.
# * **Crop.** Is everything that matters inside the central square?
# * **Number.** With few pictures a network begins to copy. Compare the distance to the nearest training picture with that of test pictures.
# * **Duplicates.** Are there copies, overlapping crops or frames of one film? Divide the data so that they stay on one side.

# %% [markdown]
# ## What to remember
#
# * Any pictures will do: bring them into one tensor $(N,C,H,W)$ with values in $[0,1]$, keep a test set that shares nothing with the training set, and compare with rivals that know less.
# * The starting noise of a chain is a request. On photographs, noise of one brightness asks for squares of that brightness, and a network follows roughly. So give each start its colour.
# * A step of a denoiser brings back surfaces and edges but not texture, because the mean of all textures that fit is smooth.

# %% [markdown]
# **Check your understanding.** Pick an answer and click it to see whether it is right.

# %% tags=["remove-input"]
du.quiz("A1")

# %% [markdown]
# **Exercises.** (a) Train with few steps and with many, and on ten pictures alone. When does a network copy? (b) Send the training to other noise levels. Which errors fall, and which rise? (c) Draw the curve of candidates for your own folder at three sizes. Where should a flow start? They are in [exercises/A1-your-own-data.ipynb](exercises/A1-your-own-data.ipynb).
#
# **Further reading.** Creswell, Arulkumaran & Bharath (2017), [arXiv:1708.08487](https://arxiv.org/abs/1708.08487). On chains with the noise put back: Bengio, Yao, Alain & Vincent (2013), [arXiv:1305.6663](https://arxiv.org/abs/1305.6663). On denoisers and photographs: Kadkhodaie & Simoncelli (2021), [arXiv:2007.13640](https://arxiv.org/abs/2007.13640). Photographs: "china.jpg" by danielbuechele and "flower.jpg" by vultilion, both under a Creative Commons licence (CC BY 2.0), as distributed with scikit-learn.
