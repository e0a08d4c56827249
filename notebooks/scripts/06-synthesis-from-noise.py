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
# Take a picture of pure noise and ask a denoising autoencoder to clean it. There is no digit behind the noise, but the network does not know that. It answers with a smudge. Ask it to clean the smudge, then to clean its own answer, and go on like this. Figure 6.1 shows what becomes of twelve such pictures. After ten steps most of them are digits, and nobody ever drew these digits.

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
from scipy.sparse.csgraph import connected_components

du.plotting.use_style()
EXACT, LEARNED = du.plotting.EXACT, du.plotting.LEARNED
INK, GREY = du.plotting.INK, du.plotting.GREY
images, labels = du.digits("train")
test, _ = du.digits("test")
device = du.pick_device()
n = du.budget(quick=400, full=2000)

# %% [markdown]
# **Question.** Start from random noise and apply a denoising autoencoder again and again. Do digits appear?
#
# **You will be able to** synthesise images with your own network and judge them by more than one measure. You will know what the best possible denoiser would do, and why it is good that a network is not the best. And you will predict from the data alone which noise to start from.
#
# **You need** chapters 02 and 04, and the memoriser of chapter 05. **Time.** Forty minutes to read; the code takes two to four minutes on two CPU cores.
#
# **From the paper.** Statement P4, offered there as a validation of the theory: starting from random noise, iterating a trained DAE synthesises novel samples that are consistent with the training data.
#
# [Open in Colab](https://colab.research.google.com/github/OWNER/denoising-and-the-score/blob/main/notebooks/06-synthesis-from-noise.ipynb)

# %% [markdown]
# ## The network and the chain
#
# The network is the kind that the paper is about: an encoder, a code of 128 numbers and a decoder in series, with a sigmoid at its end. It is trained with binary cross-entropy on 8,000 digits, corrupted at *one* noise level, $\sigma=0.5$. Train it now; it takes about a minute on one core.

# %%
sigma = 0.5
dae = du.PlainDAE()
steps = du.budget(quick=3000, full=16_000)
du.fit(dae, images, sigma=sigma, steps=steps, batch_size=64)
dae.requires_grad_(False)
print(f"{sum(p.numel() for p in dae.parameters()):,} weights")

# %% [markdown]
# Every pixel of a start is drawn from $N(\frac12,1)$, the normal distribution with mean $\frac12$ and standard deviation 1. Then the network is applied to its own answers, thirty times. Nothing else happens.


# %%
def noise(mean=0.5, seed=0, spread=1.0):
    generator = torch.Generator().manual_seed(seed)
    eps = torch.randn(n, 1, 28, 28, generator=generator)
    return (mean + spread * eps).to(device)


chain = [noise()]
for _ in range(30):
    chain.append(dae(chain[-1]))

# %% tags=["hide-input"] mystnb={"image": {"alt": "Six rows of twelve pictures. First row: noise. After one step: blurred shapes, several digits on top of each other. After five and ten steps most are clear digits: 3, 3, 2, 8, 7, 7, 0. After thirty steps they are clearer and thinner, and the last one has nearly faded away."}, "figure": {"caption": "**Figure 6.1. Digits out of noise.** Twelve chains of a plain DAE trained at $\\sigma=0.5$. Each row is the network's answer to the row above; the first row is noise."}}
shown = [0, 1, 2, 5, 10, 30]
after = ["noise", "1 step", *(f"{k} steps" for k in shown[2:])]
du.plotting.show_images([chain[k][:12] for k in shown], after, size=0.5)
plt.show()

# %% [markdown]
# The first answer is a blur of many digits on top of each other. That is what a posterior mean looks like if many digits could have been behind the noise. From then on every step decides a little more, and after ten steps most of the pictures can be read. Some change on the way (the first one ends as a 5), and in the last column a 0 fades away between the tenth and the thirtieth step.
#
# ## How good are they?
#
# We need numbers, and no single number is enough. Here are three.
#
# **Confidence.** A small classifier that was trained on digits gives each image ten class probabilities. Its confidence is the largest of them.
#
# **Distance.** Fit a Gaussian to the images in the 64 features of that classifier, fit another to the 2,000 test digits, and take the squared Frechet distance between the two (Heusel et al. 2017 do this in the features of another network). It is 0 for two equal sets. Because it grows when there are fewer images, compare it only between sets of one size, and always read it beside the value of real digits.
#
# **Coverage** (Naeem et al. 2020). Around each test digit draw a ball, in the features, that reaches to its fifth nearest other test digit. Coverage is the share of balls that contain one of our images. A set that misses whole kinds of digits has a low coverage, however good each image is. A set much smaller than the 2,000 test digits cannot reach all balls, so read coverage, too, beside the value of real digits.
#
# The table below compares the chain with real digits, and with samples of a variational autoencoder (VAE), another kind of network that makes digits. Chapter 07 looks at it closely.

# %% tags=["hide-cell"]
test_features = du.evaluation.features(test)


def measure(x):
    x = x.clamp(0, 1)
    found = du.evaluation.features(x)
    chances = du.evaluation.probabilities(x).max(1)
    return {
        "distance": du.evaluation.frechet_between(found, test_features),
        "coverage": du.evaluation.density_coverage(found, test_features)[1],
        "confidence": chances.values.mean().item(),
        "ones": (chances.indices == 1).double().mean().item(),
    }


def report(rows, columns=("distance", "coverage", "confidence")):
    formats = {c: ".0f" if c == "distance" else ".2f" for c in columns}
    du.table(
        [[r, *(m[c] for c in columns)] for r, m in rows.items()], {"": ""} | formats
    )


real = measure(
    images[torch.randperm(8000, generator=torch.Generator().manual_seed(0))[:n]]
)
vae = measure(du.load("digits-vae").sample(n, torch.Generator().manual_seed(0)))

# %% tags=["hide-input", "nbval-ignore-output"]
judged = {name: measure(chain[k]) for name, k in zip(after, shown)}
report({"real digits": real, "samples of a VAE": vae} | judged)

# %% [markdown]
# **Confident is not good.** Look at the last column. The classifier is sure of the untouched noise. It was trained on digits alone, must choose one of ten, and has no way to say "none". A table of confidences would have called the experiment a success before the first step.

# %% [markdown]
# The distance is more honest. On this page, whose sets have 400 images, real digits have the distance 57 and samples of a VAE 549. The first step comes close to the VAE, ten steps reach about 200, and twenty more steps bring nothing.

# %% tags=["hide-input"]
untouched = judged["noise"]["confidence"]
du.claim(
    "The classifier's confidence in untouched noise is {}", untouched, at_least=0.99
)
best = min(m["distance"] for m in judged.values())
du.claim(
    "The chain's smallest distance to the test digits is {} of the VAE's",
    best / vae["distance"],
    at_most=0.8,
    tolerance=0.6,
)

# %% tags=["hide-cell"]
untrained = du.PlainDAE(seed=1).requires_grad_(False).to(device)
mean_digit = images.mean(0).to(device)
fakes = {
    "untrained network": du.iterate(untrained, noise(), 10),
    "the mean digit": mean_digit.expand(n, 1, 28, 28),
    "half of the input": noise() / 2**10,
    "downhill": du.iterate(lambda x, s: (2 * x - dae(x)).clamp(-1, 2), noise(), 10),
}
least = min(measure(x)["distance"] for x in fakes.values())
du.claim(
    "Four maps that know nothing stay at {} times the VAE's distance or more",
    least / vae["distance"],
    at_least=2,
    tolerance=1,
)

# %% [markdown]
# ## Put the noise back
#
# There is a second way to iterate a denoiser. Corrupt the answer again before it is cleaned:
# $$x\;\leftarrow\;R(x+\sigma\varepsilon),\qquad\varepsilon\sim N(0,I)\text{ fresh at every step.}$$
# Now the network sees at every step what it was trained on, an image under noise of level $\sigma$. And the chain never stops: the noise keeps asking, and each time the network may decide differently.
#
# Bengio, Yao, Alain & Vincent (2013) study such chains. (Their chain *draws* the next image from its distribution given the corrupted one, and it then keeps the distribution of the data. Ours takes the mean instead, so we cannot expect that of it.)

# %%
generator = torch.Generator().manual_seed(1)
x = noise()
for _ in range(30):
    eps = torch.randn(x.shape, generator=generator).to(device)
    x = dae(x + sigma * eps)
renoised = x

# %% tags=["hide-input"] mystnb={"image": {"alt": "Four rows of twelve pictures. Cleaned 30 times: thin, smooth digits, one nearly faded. Noise put back: digits with broader strokes, none of them faded. A VAE: blurred, broken digits. Real digits."}, "figure": {"caption": "**Figure 6.2. Two ways to iterate, one network.** Thirty steps from the same starts, without and with fresh noise before each step, beside samples of a VAE and real digits."}}
rows = {
    "30 plain\nsteps": chain[30],
    "30 steps,\nnoise put back": renoised,
    "a VAE": du.load("digits-vae").sample(12, torch.Generator().manual_seed(0)),
    "real digits": test,
}
du.plotting.show_images([x[:12] for x in rows.values()], list(rows), size=0.5)
plt.show()


# %% tags=["hide-input", "nbval-ignore-output"]
def distinct(x, within=1.5):
    """How many images are left if neighbours nearer than `within` count as one."""
    apart = torch.cdist(x.flatten(1), x.flatten(1)).cpu()
    return connected_components(apart.numpy() < within)[0]


def alone(x, within=1.5):
    """The share of images that have no other image nearer than `within`."""
    near = torch.cdist(x.flatten(1), x.flatten(1)) < within
    return (near.sum(1) == 1).double().mean().item()


ways = {"real digits": real} | {k: judged[k] for k in ("10 steps", "30 steps")}
ways["30 steps, noise put back"] = measure(renoised)
sets = [test[:n], chain[10], chain[30], renoised]
for m, x in zip(ways.values(), sets):
    m |= {"distinct": distinct(x) / len(x), "alone": alone(x)}
report(ways, ("distance", "coverage", "distinct", "alone"))

# %% [markdown]
# Look at Figure 6.2, and at the last column of the table. An image is *alone* if no other image is nearer than 1.5 in pixel distance. Real digits are alone, so this test does not call different digits the same. After thirty plain steps only a third of the images are alone: two chains of three have met another one. Chapter 04 predicts it for an ascent, because chains that start in one basin end in one place. The column *distinct* counts the places: images that are linked by such neighbours count as one.
#
# **Fresh noise keeps the chains apart.** Nearly all images are alone. Does the set get nearer to real digits as well? Compare the best with the best: 146 with the noise, and 197 after ten plain steps, with about the same coverage. But this is one training. Over five trainings the two ways are level from starts with mean $\frac12$; the noise helps from another start, which we shall meet below. The section *What decides?* has the numbers.

# %% tags=["hide-cell"]
more = ways["30 steps, noise put back"]["distinct"] / ways["30 steps"]["distinct"]
du.claim(
    "With the noise put back {} times as many images are distinct", more, at_least=1.3
)
du.claim(
    "With the noise put back {} times as many images are alone",
    alone(renoised) / alone(chain[30]),
    at_least=1.7,
)

# %% [markdown]
# ## What would the best denoiser do?
#
# Chapter 05 introduced the *memoriser*. It is the exact optimum of the training loss: a weighted mean of the training images, where image $x_k$ has the weight
# $$w_k(y)\;\propto\;\exp\Big(-\frac{|y-x_k|^2}{2\sigma^2}\Big).$$
# Chapter 04 says that each of its steps climbs $\log p_\sigma$, where $p$ puts equal mass on the 8,000 training images. So let the memoriser walk from the same noise as our network.

# %%
memory = du.Memoriser(images.to(device))
recalled = [noise()]
for _ in range(10):
    recalled.append(memory(recalled[-1], sigma))

# %% tags=["hide-input"] mystnb={"image": {"alt": "Five rows of twelve pictures: noise; the memoriser's end points, twelve sharp digits; the nearest training images, identical to the row above; the network's end points, softer digits; the nearest training images, similar digits of another shape."}, "figure": {"caption": "**Figure 6.3. The optimum copies; the network does not.** From the same twelve starts: the memoriser's end point and the training image nearest to it, then the network's end point and the training image nearest to that."}}
reference = images.to(device)
end = {"memoriser": recalled[-1], "network": chain[30]}
near = {name: du.evaluation.nearest(x, reference) for name, x in end.items()}
rows, names = [noise()[:12]], ["noise"]
for name, x in end.items():
    rows += [x[:12], reference[near[name][1][:12]]]
    names += [name, "nearest\ntraining image"]
du.plotting.show_images(rows, names, size=0.5)
plt.show()

# %% tags=["hide-input"]
fresh = du.evaluation.nearest(test[:n].to(device), reference)[0].median().item()
copies = {
    name: (found[0] < 0.01).double().mean().item() for name, found in near.items()
}
du.claim(
    "Of the memoriser's end points a share of {} are training images, to every digit",
    copies["memoriser"],
    at_least=0.95,
)

# %% tags=["hide-cell"]
own = near["network"][0].median().item() / fresh
du.claim(
    "From training images the network's ends are as far as test digits, times {}",
    own,
    at_least=0.6,
)
du.claim("The share of copies among them is {}", copies["network"], at_most=0.01)

# %% [markdown]
# Figure 6.3 shows it: the memoriser ends in training images, pixel for pixel. Why can a chain stop there? The reason is the dimension. Let the memoriser stand on a training image $x_k$. Another image $x_j$ gets the weight $e^{-|x_k-x_j|^2/2\sigma^2}$ relative to $x_k$, so all the others together matter only if
# $$\sum_{j\ne k}e^{-|x_k-x_j|^2/2\sigma^2}\;\gtrsim\;1 .$$
#
# With 8,000 images at least at the distance $\delta$, the sum is at most $8000\,e^{-\delta^2/2\sigma^2}$. This is below 1 if $\delta$ exceeds $\sigma\sqrt{2\log 8000}=4.2\,\sigma$, and it vanishes soon beyond. In the plane neighbours are close and the bound is soon broken; that is why modes merged in chapter 04. Digits are far apart: the nearest neighbour is at the distance 4.7 (the median of 8,000). For $\sigma=0.5$ the bound asks for 2.1 only.
#
# For $\sigma=1$ it asks for 4.2, and many digits have a nearer neighbour. So the next cell computes the sum itself. It also counts how many of 100 training digits stay where they are in ten steps.

# %% tags=["hide-input", "nbval-ignore-output"]
levels = [0.5, 1.0, 1.5, 2.0]
flat, gaps, crowds = reference.flatten(1), [], []
for part in torch.arange(len(flat), device=device).split(1000):
    square = torch.cdist(flat[part], flat).square()
    square[part - part[0], part] = torch.inf  # not from itself
    gaps.append(square.amin(1).sqrt())
    sums = [(-square / (2 * s**2)).exp().sum(1) for s in levels]
    crowds.append(torch.stack(sums) >= 1)
gap = torch.cat(gaps)  # from each training digit to the nearest other one
crowded = torch.cat(crowds, 1).double().mean(1).tolist()
some = reference[:100]


def staying(denoiser, *sigma):
    moved = (du.iterate(denoiser, some, 10, *sigma) - some).flatten(1).norm(dim=1)
    return (moved < 0.5).sum().item()


rows = [
    [f"memoriser, σ = {s:g}", c, staying(memory, s)] for s, c in zip(levels, crowded)
]
rows.append(["the network, σ = 0.5", None, staying(dae)])
columns = {"sum at least 1, of all digits": ".1%", "stay, of 100 digits": "d"}
du.table(rows, {"": ""} | columns)
print(f"distance to the nearest other digit, median: {gap.median():.2f}")

# %% [markdown]
# Even at $\sigma=1$ the sum reaches 1 for only 4 % of the training digits, and 92 of 100 stay where they are. So nearly every training digit is a summit of its own. (The sum looks at the first step only, and at $\sigma=1.5$ more digits leave later.) This tells us that chains *can* stop at training images. The experiment shows that they stop nowhere else.

# %% tags=["hide-input", "nbval-ignore-output"]
ink = images.flatten(1).sum(1).to(device)
picked = near["memoriser"][1]
gathered = {"memoriser": recalled[-1], "the network, 10 steps": chain[10]}
gathered["the network, 30 steps"] = chain[30]
rows = [["real digits", 1.0, real["distance"], 1.0, gap.median().item()]]
for name, x in gathered.items():
    amount = (x.flatten(1).sum(1).mean() / ink.mean()).item()
    own_gap = gap[picked].median().item() if name == "memoriser" else None
    rows.append([name, alone(x), measure(x)["distance"], amount, own_gap])
columns = {"alone": ".2f", "distance": ".0f", "ink": ".2f"}
columns["to the nearest other training digit"] = ".1f"
du.table(rows, {"": ""} | columns)

# %% [markdown]
# **The memoriser climbs a rugged landscape, and the network a smoother one.** At $\sigma=0.5$ all of the 100 training digits are fixed points of the memoriser, and none is a fixed point of the network. From noise, five in six of the memoriser's chains end alone, but only a third of the network's do. So there are modes enough. Chains of the network meet because it is too smooth to follow all of them. It takes its time: after ten steps five in six of its chains, too, are still alone.
#
# **Novelty is the network's doing.** The better it minimised its training loss, the more it would copy. It makes new images because it does not follow 8,000 separate summits. It generalises. Its end points are not copies: the distance to the nearest training image is about three quarters of what it is for test digits, and for a copy it would be 0.
#
# **Real digits, and so far away?** The memoriser ends in real digits, and yet the distance of this set is 490. The ruler is not broken. It compares *sets*, and the noise has chosen untypical digits: they have 1.35 times the usual ink, and half of them lie further than 5.9 from every other training image, compared with 4.7 for all digits. In [chapter 07](07-refining-samples.ipynb) samples make the choice instead of noise, and the nearest training images have the smallest distance of all.

# %% [markdown]
# ## A shell of noise
#
# Does the network still know what it sees after the first step? It was trained on images under noise of level 0.5. In 784 dimensions such noise has nearly always the same length, $\sigma\sqrt{784}=28\,\sigma=14$: the training inputs lie on a thin shell around the digits, and none of them lies inside. Figure 6.4 shows where the chain runs. The start lies outside the shell, and all later inputs lie inside it, where no training input ever was.

# %% tags=["hide-input"] mystnb={"image": {"alt": "Four rows of narrow distributions on one axis. Corrupted digits lie at about 15, next to a dashed line at 14. The start lies at 30. After one step the chain lies at about 6, after ten steps at about 4."}, "figure": {"caption": "**Figure 6.4. Trained on a shell, used inside it.** Distance to the nearest training image, for corrupted test digits (what training looks like) and for the chain after 0, 1 and 10 steps."}}
noisy = du.corruption.gaussian(test[:n], sigma, torch.Generator().manual_seed(2)).to(
    device
)
groups = {"corrupted digits": noisy, "the start": chain[0]}
groups |= {"after 1 step": chain[1], "after 10 steps": chain[10]}
colours = [INK, GREY, LEARNED, LEARNED]
fig, ax = plt.subplots(figsize=(6.5, 2.4))
for row, (x, colour) in enumerate(zip(groups.values(), colours)):
    far = du.evaluation.nearest(x, reference)[0].cpu()
    parts = ax.violinplot(far, [-row], orientation="horizontal", widths=0.8)
    for part in (*parts["bodies"], parts["cbars"], parts["cmins"], parts["cmaxes"]):
        part.set_color(colour)
ax.axvline(28 * sigma, color=INK, ls="--", lw=1)
ax.text(28 * sigma + 0.3, 0.55, r"$28\,\sigma$")
ax.set_yticks([-row for row in range(len(groups))], list(groups))
ax.set(
    xlabel="distance to the nearest training image (pixels in [0, 1])", xlim=(0, 33)
)
ax.set_title("The start lies outside the shell, the chain inside", pad=16)
plt.show()

# %% tags=["hide-input", "nbval-ignore-output"]
clean = test[:n].to(device)
answers = {
    "the network, corrupted digits": dae(noisy),
    "the network, clean digits": dae(clean),
    "the memoriser, clean digits": memory(clean, sigma),
}
rows = []
for name, x in answers.items():
    off = (x - clean).flatten(1)
    rows.append([name, off.square().mean().item(), off.norm(dim=1).median().item()])
columns = {"squared error per pixel": ".4f", "distance to the clean digit": ".1f"}
du.table(rows, {"answers to test digits": ""} | columns)

# %% [markdown]
# How much harm does it do? The table tries *clean* test digits, which lie inside the shell as well. The network reproduces them better than corrupted ones, although it was never trained on clean images. But better is not well: it moves a clean digit by about 3.5, three quarters of the 4.7 that separate neighbours. A denoiser for this level must take a clean digit for a noisy one, and the memoriser moves it further still, to a training image.
#
# So the network does not break down inside the shell. The test says no more than that, because the chain's inputs are smudges and not clean digits. Chapter 09 shows a case that is not so kind. With the noise put back the inputs lie on the shell again.

# %% [markdown]
# ## What the starting noise votes for
#
# We have been lucky, and it is time to say so. The starts had the mean $\frac12$. Why? A digit's pixels have the mean 0.13, and one would expect noise with that mean to be the easier start. Figure 6.5 tries it, and also noise with mean 0, which many would call *the* random noise.

# %% tags=["hide-input"] mystnb={"image": {"alt": "Rows of twelve pictures after ten steps. From mean 0 and 0.13: nearly black pictures with a faint vertical stroke, and a few ones. From 0.3: digits, some faint. From 0.43 and 0.5: clear digits of many kinds. From 0.7: fat digits and a blob."}, "figure": {"caption": "**Figure 6.5. Dark noise fades to a faint stroke.** Ten steps of one network, from noise that differs only in its mean."}}
means = [0.0, 0.13, 0.3, 0.43, 0.5, 0.7]
ends = {m: du.iterate(dae, noise(m), 10) for m in means}
found = {m: measure(x) for m, x in ends.items()}
du.plotting.show_images(
    [x[:12] for x in ends.values()], [f"mean {m:g}" for m in means], size=0.5
)
plt.show()

# %% tags=["hide-input", "nbval-ignore-output"]
report(
    {f"mean {m:g}": row for m, row in found.items()}, ("distance", "coverage", "ones")
)

# %% tags=["hide-input"]
du.claim(
    "Out of noise with mean zero the share of images taken for ones is {}",
    found[0.0]["ones"],
    at_least=0.4,
)

# %% [markdown]
# The classifier calls nine in ten of the images from mean 0 ones. Look before you believe it: most of them are a faint upright stroke, and the classifier has no better word for that. In Figure 6.6 you can choose the mean of the noise and the number of steps.


# %% tags=["hide-input", "nbval-ignore-output"] mystnb={"image": {"alt": "Twenty-eight images after the chosen number of steps from noise of the chosen mean; the title gives the mean brightness of the result, and that of digits."}, "figure": {"caption": "**Figure 6.6. The vote, step by step.** Chains of the plain DAE from noise with the chosen mean."}}
paths = {m: du.iterate(dae, noise(m)[:28], 10, return_path=True) for m in means}


def draw(mean, steps):
    x = paths[mean][steps]
    _, ax = plt.subplots(figsize=(7.2, 1.5), layout="none")
    ax.imshow(du.plotting.tile(x[:14], x[14:]), vmin=0, vmax=1)
    ax.set_title(
        f"mean {mean:g}, {steps} steps: brightness {x.mean():.2f} (digits 0.13)"
    )
    ax.axis("off")


du.slide(draw, mean=means, steps=[1, 2, 3, 5, 10], start={"mean": 0.13, "steps": 5})

# %% [markdown]
# The effect is not the network's fault. Ask the memoriser, whose formula is known. Write the start as $z=m+s\varepsilon$ in every pixel, where $s$ is the spread of the noise (1 in our experiment), and expand the square in the exponent of $w_k(z)$. The term $|z|^2$ is the same for all images, so it does not matter:
# $$\log w_k(z)=\frac{z\cdot x_k-\frac12|x_k|^2}{\sigma^2}+\text{const}=\frac{1}{\sigma^2}\Big(\underbrace{m\,S_k-\tfrac12|x_k|^2}_{\text{vote}}+\underbrace{s\,\varepsilon\cdot x_k}_{\text{chance}}\Big)+\text{const}.$$
# Here $S_k=\sum_i x_{k,i}$ is the *ink* of the image. The first term does not depend on the noise at all. It is a vote on how much ink the answer should have, and it knows nothing about *which* digit the noise resembles.

# %% [markdown]
# For a binary image $|x_k|^2=S_k$, and the vote is $(m-\frac12)\,S_k$. Below $m=\frac12$ it goes to the images with the least ink, which are ones, and above $\frac12$ to the images with the most ink. At $m=\frac12$ the vote is silent and chance decides.
#
# Real digits have some grey pixels, which makes $|x_k|^2$ a little smaller than $S_k$. Plot $|x_k|^2$ against $S_k$ and fit a straight line through the origin. Half its slope is the mean $m$ at which the votes are as near to zero as they can be, in the mean square over the images. The book calls it the **neutral brightness**. It can be read off the data alone, before any network is trained.

# %% tags=["hide-input"] mystnb={"image": {"alt": "Left: squared length against ink. The points of the digits lie on a line; those of the clothes form a broad cloud below it. Right: ink of the memoriser's picks against the mean of the noise, rising from below a half to more than two; both curves cross one near their dashed lines."}, "figure": {"caption": "**Figure 6.7. Where the vote is silent.** Left: squared length against ink, a point for each training image. Half the slope of the line through the origin is the neutral brightness. Right: ink of the training images that the memoriser picks from 500 starts, compared with the ink of all. Dashed: the neutral brightness."}}
clothes, _ = du.fashion("train")
sets = {"digits": (images, INK), "clothes": (clothes, GREY)}
sweep = torch.linspace(0, 0.9, 10).tolist()
fig, (left, right) = plt.subplots(1, 2, figsize=(7.2, 2.9))
votes = []
eps = torch.randn(500, 1, 28, 28, generator=torch.Generator().manual_seed(3))
for name, (x, colour) in sets.items():
    ink, square = x.flatten(1).sum(1), x.flatten(1).square().sum(1)
    neutral = ((ink * square).sum() / (ink * ink).sum() / 2).item()
    spread = torch.stack([ink, square]).cov()
    free = (spread[0, 1] / spread[0, 0] / 2).item()  # the line may start anywhere
    left.plot(ink[:1500], square[:1500], ".", ms=2, color=colour, alpha=0.4)
    end = ink.max().item()
    left.plot([0, end], [0, 2 * neutral * end], color=colour, lw=1)
    memory_of = du.Memoriser(x)
    picks = [memory_of.posterior(m + eps, sigma).argmax(1) for m in sweep]
    shares = [(ink[pick].mean() / ink.mean()).item() for pick in picks]
    du.plotting.curve(right, sweep, shares, color=colour, label=name)
    right.axvline(neutral, color=colour, ls="--", lw=1)
    even = np.interp(1, shares, sweep)  # where the ink is right
    chance = (eps.flatten(1) @ x.flatten(1).T).std(1).mean().item()
    stds = [(m * ink - square / 2).std().item() for m in (neutral, free, 0.5)]
    votes.append([name, neutral, free, even, *stds, chance])
left.set(xlabel="ink $S_k$", ylabel="$|x_k|^2$", title="squared length and ink")
right.axhline(1, color=GREY, lw=0.8)
right.set(xlabel="mean of the noise", ylabel="ink, data = 1", ylim=(0, None))
right.set_title("what the memoriser picks")
right.legend()
plt.show()

# %% tags=["hide-input"]
columns = ["line through the origin", "any line", "picks have the right ink"]
du.table([row[:4] for row in votes], {"mean": ""} | dict.fromkeys(columns, ".2f"))
columns = ["vote, line through the origin", "vote, any line", "vote, 1/2", "chance"]
rows = [[row[0], *row[4:]] for row in votes]
du.table(rows, {"spread": ""} | dict.fromkeys(columns, ".1f"))

# %% [markdown]
# In the left panel of Figure 6.7 the digits lie nearly on a line, because most of their pixels are black or white; half of its slope is 0.43. The right panel asks the memoriser. Out of dark noise it picks images with less than half of the usual ink, and out of bright noise images with twice as much. Near the neutral brightness the ink is about right. The noise level $\sigma$ plays no part, since it divides the vote and the chance alike.
#
# **This number is not sharp.** A vote that is the same for all images changes nothing, so the line need not go through the origin. The best line of any kind gives 0.47 for the digits and 0.45 for the clothes, and it makes the vote a little quieter (second table). Even at $\frac12$ the votes differ a little less between images than at the neutral brightness. The line through the origin makes votes small, which is not the same as making them equal.
#
# Chance is not neutral: it favours images with much ink. The spread of $s\,\varepsilon\cdot x_k$ is $s\,|x_k|$, so images with more ink have the better chance of a large value. A start that is a little darker makes up for it, and so the curves cross 1 earlier, at 0.39 and 0.35. For digits, the vote is much weaker than chance from 0.43 to $\frac12$. So the theory says "between about 0.4 and $\frac12$", and no more. When this book speaks of neutral starts, it takes the line through the origin: 0.43 for digits and 0.38 for clothes.

# %% [markdown]
# The prediction for digits is rough, but it can fail. Starts with a mean between 0.4 and $\frac12$ should do well, much darker and much brighter ones should not. The table below Figure 6.5 agrees: the distance is 159 from 0.43 and 197 from $\frac12$, and more than twice as large from 0.3 and from 0.7. That 0.43 does better than $\frac12$ is a measurement, and no success of the theory.
#
# For the clothes of Fashion-MNIST the points of Figure 6.7 do not lie on a line. At equal ink the smaller $|x_k|^2$ wins the vote, and that is an evenly grey garment, without bright spots. The vote is therefore never quite silent, and its spread is larger than that of chance, whatever the line. We expect fewer kinds of garments whatever the mean. But the mean should decide how bright they are. Here is a plain DAE that was trained on clothes for less than half a minute.

# %% tags=["hide-input"] mystnb={"image": {"alt": "Five rows of twelve garments. From mean 0.15: dark shirts and faint sandals. From 0.38: a boot, grey bags, dark shirts, faint shoes. From 0.5: light boots, bags and shirts. From 0.6: white pullovers, bags, a T-shirt, boots. From 0.38 with the noise put back: bags, shoes, trousers, shirts."}, "figure": {"caption": "**Figure 6.8. The prediction for clothes.** A plain DAE trained on Fashion-MNIST at $\\sigma=0.5$: ten steps from noise with four means, and, in the last row, thirty steps with the noise put back."}}
wardrobe = du.PlainDAE()
steps = du.budget(quick=1000, full=16_000)
du.fit(wardrobe, clothes, sigma=sigma, steps=steps, batch_size=64)
wardrobe.requires_grad_(False)
rows = {
    f"mean {m:g}": du.iterate(wardrobe, noise(m), 10) for m in (0.15, 0.38, 0.5, 0.6)
}
generator = torch.Generator().manual_seed(1)
rows["mean 0.38,\nnoise back"] = du.walkback(
    wardrobe, noise(0.38), 30, sigma, generator
)
du.plotting.show_images([x[:12] for x in rows.values()], list(rows), size=0.5)
plt.show()

# %% tags=["hide-input", "nbval-ignore-output"]
judge = du.load("fashion-classifier")
worn, _ = du.fashion("test")
worn_features = du.evaluation.features(worn, judge)
rows = {"real clothes": clothes[:n]} | rows
table = []
for name, x in rows.items():
    x = x.clamp(0, 1)
    away = du.evaluation.frechet_between(
        du.evaluation.features(x, judge), worn_features
    )
    kind = du.evaluation.probabilities(x, judge).argmax(1)
    most = kind.bincount(minlength=10).max().item() / n
    table.append([" ".join(name.split()), away, most, x.mean()])
columns = {"distance": ".0f", "commonest kind": ".2f", "brightness": ".2f"}
du.table(table, {"": ""} | columns)

# %% [markdown]
# What was predicted about brightness comes true in Figure 6.8: the brighter the noise, the brighter the garments. From dark noise the network makes dark shirts and faint sandals, from bright noise white pullovers and bags. At 0.38 they are darker than real clothes, and at $\frac12$ brighter.
#
# About the distance the vote makes no prediction, because it is never silent here. In this figure 0.38 has the smallest distance of the four means. Over five trainings, with the best number of steps for each, $\frac12$ is better than 0.38, and for the memoriser itself both are worse than mean 0. The section *What decides?* has these numbers.
#
# But look at the size of the distances: real clothes have 26. These images are plainly garments, and as a set they are far from the data. The textures are gone, because a posterior mean is smooth and because the network was trained for seconds. The vote is never silent for clothes, and no choice of the start can change that.
#
# For *inverted* digits, black on white, no experiment is needed. If $x$ has the distribution of the digits, then $1-x$ has that of the inverted ones, and the noise is as likely as its negative. The best denoiser for inverted digits is therefore $1-R(1-y)$, and a start with mean $m$ there is a start with mean $1-m$ here. Their neutral brightness is one minus that of the digits.

# %% [markdown]
# ## Other networks
#
# Figure 6.1 shows one network. Would other networks do the same? Here is a comparison with the networks at hand. The shipped U-Net has skip connections and is told its noise level; one copy was trained with BCE, another with the squared error. The last network has the layers of our own and was never trained. All chains start from the same noise with mean $\frac12$ and take ten steps.

# %% tags=["hide-input"] mystnb={"image": {"alt": "Five rows of twelve pictures. Plain DAE: digits, two of them blots. U-Net told 0.5: some digits, four fat blobs. U-Net told 1: clean digits. MSE-trained U-Net told 1: clean digits. Untrained: grey noise."}, "figure": {"caption": "**Figure 6.9. Other networks, same noise.** Ten steps each. The plain DAE was trained in this chapter; the U-Nets ship with the book and were trained over all noise levels."}}
bce, mse = du.load("digits-unet-bce"), du.load("digits-unet-edm")
others = {
    "plain DAE, σ 0.5": (dae, None),
    "U-Net, told 0.5": (bce, 0.5),
    "U-Net, told 1": (bce, 1.0),
    "MSE U-Net, told 1": (mse, 1.0),
    "untrained": (untrained, None),
}
made = {name: du.iterate(net, noise(), 10, s) for name, (net, s) in others.items()}
du.plotting.show_images([x[:12] for x in made.values()], list(made), size=0.5)
plt.show()

# %% tags=["hide-input", "nbval-ignore-output"]
compared = {name: measure(x) for name, x in made.items()}
for name, x in made.items():
    compared[name]["distinct"] = distinct(x) / n
report(compared, ("distance", "coverage", "distinct"))

# %% [markdown]
# Look at the second row of Figure 6.9. At the very noise level at which the plain network does well, the U-Net turns a third of the starts into blobs; told $\sigma=1$ it makes clean digits. So neither "$\sigma=0.5$ works" nor "$\sigma=0.5$ fails" is a statement about the theory. Each is about a network, far from what it was trained on.
#
# The loss does not decide: the MSE-trained U-Net does about as well as the one trained with BCE, which chapter 02 leads us to expect. The U-Net's digits are cleaner than those of the plain network, and yet their distance is larger: more of them are alike. An untrained network makes nothing.
#
# ## What decides?
#
# The networks of Figure 6.9 differ in many ways at once, so the figure cannot tell which difference matters. A longer experiment changes one thing at a time. It takes hours on one core, so the next cells only show its stored results. Every number is a Frechet distance to one half of the test digits, at the number of steps that was best for the other half.
#
# From noise, each set has 2,000 images, and 2,000 real digits have the distance 41. So these numbers do not compare with those of 400 images above. They are means over five trainings for the plain DAE at $\sigma=0.5$, and over two for the other networks. Two trainings may differ by tens, so a small difference alone means nothing. The page [Benchmarks: objects](../benchmarks-objects.md) has the whole table, with the ranges.
#
# **The start** comes first. *Plain* and *noise* are the two kinds of steps: without noise, and with the noise put back.

# %% tags=["hide-input"]
import csv
from importlib.resources import files

with (files("daeutils") / "assets" / "objects.csv").open(encoding="utf-8") as file:
    stored = list(csv.DictReader(file))
WAYS = {"plain": "plain", "noise": "noise put back"}


def compare(starts, *networks, data="digits"):
    """Show stored distances: a line for each network with its σ, a column for each start."""
    table = []
    for network in networks:
        kind, level = network.rsplit(" ", 1)
        values = [f"{kind}, σ {level}"]
        for start in starts:
            where, way = start.rsplit(", ", 1)
            key = (data, kind, level, WAYS[way])
            values += [
                float(row[where]) if row[where] else None
                for row in stored
                if (row["data"], row["network"], row["sigma"], row["steps"]) == key
            ]
        table.append(values)
    du.table(table, {data: ""} | dict.fromkeys(starts, ".0f"))


FOUR = ["mean 1/2, plain", "neutral, plain", "mean 1/2, noise", "neutral, noise"]
compare(
    ["mean 0, plain", *FOUR],
    "plain DAE 0.5",
    "plain DAE 0.25",
    "U-Net 1",
    "memoriser 0.5",
)

# %% [markdown]
# From mean 0 every network fails. For the plain DAE at $\sigma=0.5$ the neutral brightness is better than $\frac12$, with either kind of step. At $\sigma=0.25$ it is slightly worse. The noise put back helps the first network from neutral starts (203 falls to 176), and from $\frac12$ it does not (224 and 223). For the U-Net at $\sigma=1$ it does harm: 230 rises to 416 and 247 to 528. The memoriser's real digits stay at 381 and more, because the noise chooses untypical ones, as we saw.
#
# **The noise level** comes next.

# %% tags=["hide-input"]
compare(
    FOUR, "plain DAE 0.25", "plain DAE 0.5", "plain DAE 1", "U-Net 0.5", "U-Net 1"
)

# %% [markdown]
# For the plain DAE 0.5 is better than 0.25 and much better than 1. For the U-Net it is the other way round: from noise, 1 is better than 0.5.
#
# **The code and the loss** come third. The code may have 16 or 512 numbers instead of 128, and the loss may be the squared error.

# %% tags=["hide-input"]
compare(
    FOUR,
    "plain DAE 0.5",
    "plain DAE, code 16 0.5",
    "plain DAE, code 512 0.5",
    "plain DAE, MSE 0.5",
)

# %% [markdown]
# Neither changes the distance by much. Of the noise put back all four lines say the same: it helps a little from neutral starts, by 15 to 27, and not from $\frac12$. Each of these differences is small, but all have the same sign.
#
# **The skip connections** come last. They lead details of the input past the code, whether these belong to a digit or to the noise.

# %% tags=["hide-input"]
compare(FOUR, "U-Net 0.5", "U-Net, no skips 0.5", "U-Net, all levels 0.5")
compare(["VAE, plain", "VAE, noise"], "plain DAE 0.5", "U-Net 0.5", "U-Net 1")

# %% [markdown]
# From noise it is better to take them out: trained as long as before, the U-Net then reaches a distance from neutral noise that is smaller by about a third. Training it on many levels, and telling it which, helps as much in this case, and less in the other three columns.
#
# The second table shows the other side. Here the chains start from samples of the VAE, which are nearly digits, and the U-Net with its skip connections does as well as the plain DAE. (These sets have only 1,000 images, so compare them with each other and with the untouched samples, which have 561. Numbers for 1,000 and for 2,000 images do not compare.)
#
# **On clothes** the start is less of a rule. Real clothes have the distance 12, and the U-Net has a single training here.

# %% tags=["hide-input"]
compare(
    ["mean 0, plain", *FOUR],
    "plain DAE 0.25",
    "plain DAE 0.5",
    "U-Net 0.5",
    "memoriser 0.5",
    data="clothes",
)

# %% [markdown]
# For the plain DAE the mean $\frac12$ is better than the neutral brightness in all four pairs. For the memoriser, from which we derived the vote, mean 0 is the best of the three, and $\frac12$ the worst. So the neutral brightness is a guide to the amount of ink. For digits it is also a fair guide to the distance, and for clothes it is not.
#
# ## Is it new?
#
# P4 says that the samples are *novel*. A test for copies can only show that they are not too close to a training image. There is a stronger test (Kadkhodaie, Guth, Simoncelli & Mallat 2024). Train two networks on two halves of the data, with no image in common, and start both from the same noise. Do they make the same image?
#
# The test needs a control. Two pure copiers may agree as well, because the same noise prefers similar images in either half. So let two memorisers, one for each half, walk from the same noise, and see by how much the networks agree more.


# %% tags=["hide-input"]
def pair(size, steps):
    """Two networks trained on `size` images each, none in common."""
    found = []
    for half in (images[:size], images[4000 : 4000 + size]):
        net = du.PlainDAE(hidden=(512,), code=64)
        du.fit(net, half, sigma=sigma, steps=steps, batch_size=64)
        found.append(net.requires_grad_(False))
    return found


def agreement(a, b):
    """Median cosine between images about the mean digit."""
    a, b = (a - mean_digit).flatten(1), (b - mean_digit).flatten(1)
    return torch.cosine_similarity(a, b).median().item()


def same_digit(a, b):
    """The share of pairs that the classifier takes for the same digit."""
    a, b = (du.evaluation.probabilities(x.clamp(0, 1)).argmax(1) for x in (a, b))
    return (a == b).double().mean().item()


twins = {}
for size, steps in {50: 300, 4000: du.budget(quick=1000, full=8000)}.items():
    nets = pair(size, steps)
    twins[f"networks, {size:,}"] = [du.iterate(net, noise(), 10) for net in nets]
for size in (50, 4000):
    halves = (images[:size], images[4000 : 4000 + size])
    stores = [du.Memoriser(half.to(device)) for half in halves]
    twins[f"memorisers, {size:,}"] = [
        du.iterate(s, noise(), 10, sigma) for s in stores
    ]

# %% tags=["hide-input"] mystnb={"image": {"alt": "Six rows of twelve digits from the same noise. Networks trained on 50 images each: sharp digits that differ in nearly every column. Networks trained on 4,000 each: softer digits, with similar strokes in about half of the columns. Memorisers of 4,000: sharp digits, the same in about five columns."}, "figure": {"caption": "**Figure 6.10. Two networks that share no training image, and the control.** From the same noise, after ten steps: networks trained on 50 digits each, networks trained on 4,000 each, and two memorisers of 4,000 digits each."}}
rows, names = [], []
for name in ("networks, 50", "networks, 4,000", "memorisers, 4,000"):
    rows += [x[:12] for x in twins[name]]
    names += [name, "the other half"]
du.plotting.show_images(rows, names, size=0.5)
plt.show()

# %% tags=["hide-input", "nbval-ignore-output"]
softened = [dae(x) for x in twins["memorisers, 4,000"]]
pairs = twins | {"memorisers, 4,000, softened": softened}
rows = []
for name, (a, b) in pairs.items():
    rows.append([name, agreement(a, b), agreement(a, b.roll(1, 0)), same_digit(a, b)])
columns = ["cosine, same noise", "cosine, other noise", "same digit, same noise"]
du.table(rows, {"pair, images each": ""} | dict.fromkeys(columns, ".2f"))

# %% tags=["hide-input"]
beyond = {
    name: agreement(a, b) - agreement(a, b.roll(1, 0))
    for name, (a, b) in twins.items()
}
du.claim(
    "Same noise instead of other noise raises the cosine by {} times as much as for copiers",
    beyond["networks, 4,000"] / beyond["memorisers, 4,000"],
    at_least=1.4,
    tolerance=1.2,
)

# %% tags=["hide-cell"]
first, second = twins["networks, 4,000"]
du.claim(
    "Trained on 50 images each, they agree with the cosine {}",
    agreement(*twins["networks, 50"]),
    at_most=0.3,
    tolerance=2,
)
du.claim(
    "Chains of the two networks from different noise have the cosine {}",
    agreement(first, second.roll(1, 0)),
    at_most=0.2,
    tolerance=5,
)

# %% [markdown]
# Look at the last two rows of Figure 6.10 first. Two memorisers of 4,000 images each agree in part: the median cosine between their images, after the mean digit is subtracted, is 0.32, and the classifier sees the same digit in four pairs of ten. So copiers agree, too, and with 4,000 images more than with 50 (0.12).
#
# The networks agree with the cosine 0.6, about twice as much, and for images from *different* noise it is 0. Is that because their images are softer, without the details in which sharp ones differ? The last line of the table tests this. The memorisers' images, softened by one step of our network, reach 0.4, so softness explains a part only. In kinds of digits the networks agree only a little more than the copiers.
#
# So the networks of 4,000 images agree by more than these controls explain. That speaks for something that both have learned from what their halves have in common. It is no proof, and the agreement is far from complete: our networks are small and were trained for seconds. Kadkhodaie and her co-authors find that it grows with the number of images until the two networks are practically the same.
#
# ## A verdict on P4
#
# P4 holds for the network that the paper is about, if one says from which noise.
#
# **Where it holds.** A plain DAE, trained with BCE on digits at $\sigma=0.5$ and started from Gaussian noise near the neutral brightness, makes digits in ten steps. They are not copies, and as a set they are nearer to real digits than the samples of a VAE. With the noise put back at each step nearly all of them are different, and from neutral starts the set comes nearer still. All of this disappears if the network is not trained.
#
# **Where it fails.** From noise with mean 0 nearly all images fade to a faint stroke, which the classifier calls a one. After thirty plain steps two chains of three have met another one. Every set stays at more than twice the distance that real digits have from one another, and in Figure 6.1 one picture of twelve has faded away. On clothes the images are plainly garments, but as a set they stay thirty-five to sixty-five times as far from the data as real clothes.
#
# **Why.** The theory is about the best denoiser, and the best denoiser for 8,000 images would end in copies of them. The experiment succeeds because a network is smoother than that.

# %% [markdown]
# ## What to remember
#
# * A plain DAE, trained with BCE at one noise level and applied to its own answers, makes digits out of noise. Plain chains run into one another; with the noise put back at each step they stay apart.
# * The best possible denoiser of the training loss would end in copies. New images exist because a network is smoother than the optimum.
# * The mean of the starting noise votes for an amount of ink. For digits, start between 0.4 and $\frac12$, near the neutral brightness, which can be computed from the data.

# %% [markdown]
# **Check your understanding.** Pick an answer and click it to see whether it is right.

# %% tags=["remove-input"]
du.quiz("06")

# %% [markdown]
# **Exercises.** (a) Iterate at $\sigma=2$ and 5, and count what is left. (b) Lower $\sigma$ from step to step. Where may the descent begin? (c) Which should come last, steps with noise or without? (d) How far is noise from the nearest digit? Predict it with a pencil. (e) Does the count of distinct images depend on the threshold? They are in [exercises/06-synthesis-from-noise.ipynb](exercises/06-synthesis-from-noise.ipynb).
#
# **Further reading.** Creswell, Arulkumaran & Bharath (2017), [arXiv:1708.08487](https://arxiv.org/abs/1708.08487). Bengio, Yao, Alain & Vincent (2013), [arXiv:1305.6663](https://arxiv.org/abs/1305.6663). Kadkhodaie, Guth, Simoncelli & Mallat (2024), [arXiv:2310.02557](https://arxiv.org/abs/2310.02557). Heusel et al. (2017), [arXiv:1706.08500](https://arxiv.org/abs/1706.08500). Naeem et al. (2020), [arXiv:2002.09797](https://arxiv.org/abs/2002.09797).
