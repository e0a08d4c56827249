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
# The distance is more honest. Real digits have the distance 57 and samples of a VAE 549. The first step comes close to the VAE, ten steps reach about 200, and twenty more steps bring nothing.

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
# There is a second way to iterate a denoiser, and the paper's authors sampled in this way in code of the same years. Corrupt the answer again before it is cleaned:
# $$x\;\leftarrow\;R(x+\sigma\varepsilon),\qquad\varepsilon\sim N(0,I)\text{ fresh at every step.}$$
# Now the network sees at every step what it was trained on, an image under noise of level $\sigma$. And the chain never stops: the noise keeps asking, and each time the network may decide differently.
#
# (Bengio, Yao, Alain & Vincent 2013 study such chains. Their chain *draws* the next image from its distribution given the corrupted one, and it then keeps the distribution of the data. Ours takes the mean instead, so we cannot expect that of it.)

# %%
generator = torch.Generator().manual_seed(1)
x = noise()
for _ in range(30):
    eps = torch.randn(x.shape, generator=generator).to(device)
    x = dae(x + sigma * eps)
renoised = x

# %% tags=["hide-input"] mystnb={"image": {"alt": "Four rows of twelve pictures. Cleaned 30 times: thin, smooth digits, one nearly faded. Noise put back: digits with broader strokes, more kinds of them. A VAE: blurred, broken digits. Real digits."}, "figure": {"caption": "**Figure 6.2. Two ways to iterate, one network.** Thirty steps from the same starts, without and with fresh noise before each step, beside samples of a VAE and real digits."}}
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


ways = {"real digits": real, "30 steps": judged["30 steps"]}
ways["30 steps, noise put back"] = measure(renoised)
sets = [test[:n], chain[30], renoised]
for m, x in zip(ways.values(), sets):
    m["distinct"] = distinct(x) / len(x)
report(ways, ("distance", "coverage", "distinct"))

# %% [markdown]
# Look at Figure 6.2 and at the table. With fresh noise at every step the distance falls to about 150, and 97 of 100 images are really different. Without it, half of the chains have run into one another, as chapter 04 predicts for an ascent: chains that start in one basin end in one place. The last column counts the images that are really different: two images count as one if they are nearer than 1.5 in pixel distance, or if a chain of such neighbours links them. Real digits pass this test, so it does not call different digits the same.

# %% tags=["hide-cell"]
more = ways["30 steps, noise put back"]["distinct"] / ways["30 steps"]["distinct"]
du.claim(
    "With the noise put back {} times as many images are distinct", more, at_least=1.3
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
# Figure 6.3 shows it: the memoriser ends in training images, pixel for pixel. It cannot do anything else, and the reason is the dimension. Let it stand on a training image $x_k$. Another image $x_j$ gets the weight $e^{-|x_k-x_j|^2/2\sigma^2}$ relative to $x_k$, so all the others together matter only if
# $$\sum_{j\ne k}e^{-|x_k-x_j|^2/2\sigma^2}\;\gtrsim\;1 .$$
#
# With 8,000 images at least at the distance $\delta$, the sum is at most $8000\,e^{-\delta^2/2\sigma^2}$. This is below 1 if $\delta$ exceeds $\sigma\sqrt{2\log 8000}=4.2\,\sigma$, and it vanishes soon beyond. In the plane neighbours are close and the bound is soon broken; that is why modes merged in chapter 04. Digits are far apart. The nearest neighbour is at the distance 4.8 (the median of 8,000), so even at $\sigma=1$ nearly every training digit is a summit.

# %% tags=["hide-input", "nbval-ignore-output"]
some = reference[:100]


def staying(denoiser, *sigma):
    moved = (du.iterate(denoiser, some, 10, *sigma) - some).flatten(1).norm(dim=1)
    return (moved < 0.5).sum().item()


du.table(
    [[f"memoriser, σ = {s:g}", staying(memory, s)] for s in (0.5, 1.0, 1.5, 2.0)]
    + [["the network, σ = 0.5", staying(dae)]],
    {"": "", "training digits that stay where they are, of 100": "d"},
)
du.table(
    [
        ["memoriser", distinct(recalled[-1]) / n],
        ["the network", distinct(chain[30]) / n],
    ],
    {"the same chains from noise": "", "share of distinct end points": ".2f"},
)

# %% [markdown]
# **The landscape of the training loss is rugged, and the network's is smoother.** At $\sigma=0.5$ all of the 100 training digits are fixed points of the memoriser, and none is a fixed point of the network. From noise, nine in ten of the memoriser's chains end at different images, but only half of the network's do. So there are modes enough. Chains of the network meet because it is too smooth to follow all of them. It takes its time: after ten steps nine in ten of its chains are still apart.
#
# **Novelty is the network's doing.** The better it minimised its training loss, the more it would copy. It makes new images because it does not follow 8,000 separate summits. It generalises. Its end points are not copies: the distance to the nearest training image is about three quarters of what it is for test digits, and for a copy it would be 0.

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
for name, x in {"corrupted": noisy, "clean": clean}.items():
    error = (dae(x) - clean).square().mean().item()
    print(f"squared error per pixel on {name} test digits: {error:.4f}")

# %% [markdown]
# It turns out to be harmless here. Given a *clean* test digit the network reproduces it better than a corrupted one, although it was never trained on clean images. Chapter 09 shows a case that is not so kind. With the noise put back the inputs lie on the shell again.

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
# For a binary image $|x_k|^2=S_k$, and the vote is $(m-\frac12)\,S_k$. Below $m=\frac12$ it goes to the images with the least ink, which are ones, and above $\frac12$ to the images with the most ink. At $m=\frac12$ the vote is silent and chance decides. Real digits have some grey pixels, which makes $|x_k|^2$ a little smaller than $S_k$. Then the **neutral brightness** is half the slope of $|x_k|^2$ against $S_k$. It can be read off the data alone, before any network is trained.

# %% tags=["hide-input"] mystnb={"image": {"alt": "Left: squared length against ink. The points of the digits lie on a line; those of the clothes form a broad cloud below it. Right: ink of the memoriser's picks against the mean of the noise, rising from below a half to more than two; both curves cross one near their dashed lines."}, "figure": {"caption": "**Figure 6.7. Where the vote is silent.** Left: squared length against ink, a point for each training image. Half the slope of the line through the origin is the neutral brightness. Right: ink of the training images that the memoriser picks from 500 starts, compared with the ink of all. Dashed: the neutral brightness."}}
clothes, _ = du.fashion("train")
sets = {"digits": (images, INK), "clothes": (clothes, GREY)}
sweep = torch.linspace(0, 0.9, 10).tolist()
fig, (left, right) = plt.subplots(1, 2, figsize=(7.2, 2.9))
neutral, picks = {}, {}
eps = torch.randn(500, 1, 28, 28, generator=torch.Generator().manual_seed(3))
for name, (x, colour) in sets.items():
    ink, square = x.flatten(1).sum(1), x.flatten(1).square().sum(1)
    neutral[name] = ((ink * square).sum() / (ink * ink).sum() / 2).item()
    left.plot(ink[:1500], square[:1500], ".", ms=2, color=colour, alpha=0.4)
    end = ink.max().item()
    left.plot([0, end], [0, 2 * neutral[name] * end], color=colour, lw=1)
    memory_of = du.Memoriser(x)
    picks[name] = [memory_of.posterior(m + eps, sigma).argmax(1) for m in sweep]
    shares = [(ink[pick].mean() / ink.mean()).item() for pick in picks[name]]
    du.plotting.curve(right, sweep, shares, color=colour, label=name)
    right.axvline(neutral[name], color=colour, ls="--", lw=1)
    print(f"{name}: neutral brightness {neutral[name]:.2f}")
left.set(xlabel="ink $S_k$", ylabel="$|x_k|^2$", title="squared length and ink")
right.axhline(1, color=GREY, lw=0.8)
right.set(xlabel="mean of the noise", ylabel="ink, data = 1", ylim=(0, None))
right.set_title("what the memoriser picks")
right.legend()
plt.show()

# %% [markdown]
# In the left panel of Figure 6.7 the digits lie on a line, because most of their pixels are black or white; half of its slope is 0.43. The right panel asks the memoriser. Out of dark noise it picks images with less than half of the usual ink, and out of bright noise images with twice as much. Near the neutral brightness the ink is about right.
#
# The curves cross 1 a little earlier, because chance leans towards ink as well: the spread of $s\,\varepsilon\cdot x_k$ is $s\,|x_k|$, so images with more ink have the better chance of a large value. The noise level $\sigma$ has dropped out, since it divides the vote and the chance alike.

# %% [markdown]
# The neutral brightness is a prediction. For the digits it says that noise with mean 0.43 should do better than the $\frac12$ that we had chosen blindly. The table below Figure 6.5 has tested that already: the distance is about 160 from 0.43 and about 200 from $\frac12$.
#
# For the clothes of Fashion-MNIST the points of Figure 6.7 do not lie on a line. At equal ink the smaller $|x_k|^2$ wins the vote, and that is an evenly grey garment, without bright spots. The vote is therefore never quite silent, and we expect fewer kinds of garments whatever the mean. But the mean should decide how bright they are. Here is a plain DAE that was trained on clothes for less than half a minute.

# %% tags=["hide-input"] mystnb={"image": {"alt": "Four rows of twelve garments. From mean 0.15: dark shirts and faint sandals. From 0.38: boots and bags of medium brightness, dark shirts, faint shoes. From 0.6: bright white pullovers, bags, a T-shirt, a boot. From 0.38 with the noise put back: boots, bags, shoes, shirts."}, "figure": {"caption": "**Figure 6.8. The prediction for clothes.** A plain DAE trained on Fashion-MNIST at $\\sigma=0.5$: ten steps from noise with three means, and, in the last row, thirty steps with the noise put back."}}
wardrobe = du.PlainDAE()
steps = du.budget(quick=1000, full=16_000)
du.fit(wardrobe, clothes, sigma=sigma, steps=steps, batch_size=64)
wardrobe.requires_grad_(False)
rows = {f"mean {m:g}": du.iterate(wardrobe, noise(m), 10) for m in (0.15, 0.38, 0.6)}
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
# What was predicted about brightness comes true in Figure 6.8. From dark noise the network makes dark shirts and faint sandals, from bright noise white pullovers and bags, and of the three means 0.38 gives the smallest distance. That number was known before the network was trained. Even so its images are too dark, because flat garments win the vote.
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
# The networks of Figure 6.9 differ in many ways at once, so the figure cannot tell which difference matters. A longer experiment changes one thing at a time. It takes hours on one core, so the next cell only shows its stored table. Every number is the Frechet distance of 2,000 images to one half of the test digits, at the number of steps that was best for the other half. The column "VAE" starts from samples of the VAE; the row "untouched" is their distance before any step, and "real images" that of as many real ones. An empty cell was not measured. The page [Benchmarks: objects](../benchmarks-objects.md) has the ranges over several trainings.

# %% tags=["hide-input"]
import csv
from importlib.resources import files

with (files("daeutils") / "assets" / "objects.csv").open(encoding="utf-8") as file:
    head, *rows = csv.reader(file)
texts = ("data", "network", "steps")
du.table(rows, {name: "" if name in texts else ">" for name in head})

# %% [markdown]
# Read the lines for digits in pairs. **The start** decides most: from mean 0 every network fails, and for the plain DAE at $\sigma=0.5$ the neutral brightness is better than $\frac12$, with either kind of step. **The noise level** comes next. For the plain DAE 0.5 is better than 0.25 and much better than 1; for the U-Net, from noise, 1 is better than 0.5. **The code** may have 16, 128 or 512 numbers, and **the loss** may be BCE or the squared error: neither changes the distance by much. On clothes the start is less of a rule: for the plain DAE the mean $\frac12$ is better than the neutral brightness in all four pairs.
#
# **The skip connections** matter when the U-Net is iterated from noise. Take them out at $\sigma=0.5$, train as long as before, and the distance from neutral noise falls by about a third. Skip connections carry details of the input past the code, whether these belong to a digit or to the noise. The last column shows the other side: on the VAE's samples, which are nearly digits, the U-Net with its skip connections does as well as the plain DAE. Training the U-Net on many levels, and telling it which, helps as well. (The plain DAE at $\sigma=0.5$ has five trainings on either data set, and the other lines have two; the memoriser is not trained, and the U-Net has one training on clothes.)
#
# ## Is it new?
#
# P4 says that the samples are *novel*. A test for copies can only show that they are not too close to a training image. There is a stronger test (Kadkhodaie, Guth, Simoncelli & Mallat 2024). Train two networks on two halves of the data, with no image in common, and start both from the same noise. If each has memorised its own half, the two chains have no reason to agree. If they agree, they cannot both have memorised it, because they share no image. It comes from what the halves have in common, the distribution.


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


generalise = {}
for size, steps in {50: 300, 4000: du.budget(quick=1000, full=8000)}.items():
    nets = pair(size, steps)
    generalise[size] = [du.iterate(net, noise(), 10) for net in nets]

# %% tags=["hide-input"] mystnb={"image": {"alt": "Four rows of twelve pictures from the same noise. Trained on 50 images each, the two networks make sharp digits that differ in nearly every column. Trained on 4,000 each, they make softer digits, and four to six of the columns show the same digit twice."}, "figure": {"caption": "**Figure 6.10. Two networks that share no training image.** From the same noise, after ten steps: above, trained on 50 digits each; below, on 4,000 each."}}
rows, names = [], []
for size, two in generalise.items():
    rows += [x[:12] for x in two]
    names += [f"{size} images", f"{size} others"]
du.plotting.show_images(rows, names, size=0.5)
plt.show()

# %% tags=["hide-input", "nbval-ignore-output"]
agree = {size: agreement(*two) for size, two in generalise.items()}
for size, cosine in agree.items():
    print(f"{size:,} images each: median cosine {cosine:.2f}")

# %% tags=["hide-input"]
du.claim(
    "From the same noise, networks that share no training image agree with cosine {}",
    agree[4000],
    at_least=0.35,
)

# %% tags=["hide-cell"]
du.claim(
    "Trained on 50 images each, they agree with the cosine {}",
    agree[50],
    at_most=0.3,
    tolerance=2,
)
first, second = generalise[4000]
du.claim(
    "Chains of the two networks from different noise have the cosine {}",
    agreement(first, second.roll(1, 0)),
    at_most=0.2,
    tolerance=5,
)

# %% [markdown]
# Trained on 50 images each, the two networks of Figure 6.10 disagree. Trained on 4,000 images each they agree in good part. The median cosine between their images, after the mean digit is subtracted, is about 0.6, and for images from *different* noise it is 0. To the eye four to six of the twelve columns show the same digit twice.
#
# What the two networks have in common cannot have been copied from either training set. The agreement is not complete, and it should not be: our networks are small and were trained for seconds. Kadkhodaie and her co-authors find that it grows with the number of images until the two networks are practically the same.
#
# ## A verdict on P4
#
# P4 holds for the network that the paper is about, if one says from which noise.
#
# **Where it holds.** A plain DAE, trained with BCE on digits at $\sigma=0.5$ and started from Gaussian noise near the neutral brightness, makes digits in ten steps. They are not copies, and as a set they are nearer to real digits than the samples of a VAE. With the noise put back at each step they come nearer still, and nearly all of them are different. All of this disappears if the network is not trained.
#
# **Where it fails.** From noise with mean 0 nearly all images fade to a faint stroke, which the classifier calls a one. Thirty plain steps leave only half of the images distinct. Every set stays at more than twice the distance that real digits have from one another, and in Figure 6.1 one picture of twelve has faded away. On clothes the images are plainly garments, but as a set they stay thirty-five to sixty-five times as far from the data as real clothes.
#
# **Why.** The theory is about the best denoiser, and the best denoiser for 8,000 images would end in copies of them. The experiment succeeds because a network is smoother than that.

# %% [markdown]
# ## What to remember
#
# * A plain DAE, trained with BCE at one noise level and applied to its own answers, makes digits out of noise; with the noise put back at each step it makes more kinds of them.
# * The best possible denoiser of the training loss would end in copies. New images exist because a network is smoother than the optimum.
# * The mean of the starting noise votes for an amount of ink. For digits, start near the neutral brightness, which can be computed from the data.

# %% [markdown]
# **Check your understanding.** Pick an answer and click it to see whether it is right.

# %% tags=["remove-input"]
du.quiz("06")

# %% [markdown]
# **Exercises.** (a) Iterate at $\sigma=2$ and 5, and count what is left. (b) Lower $\sigma$ from step to step. Where may the descent begin? (c) Which should come last, steps with noise or without? (d) How far is noise from the nearest digit? Predict it with a pencil. (e) Does the count of distinct images depend on the threshold? They are in [exercises/06-synthesis-from-noise.ipynb](exercises/06-synthesis-from-noise.ipynb).
#
# **Further reading.** Creswell, Arulkumaran & Bharath (2017), [arXiv:1708.08487](https://arxiv.org/abs/1708.08487). Bengio, Yao, Alain & Vincent (2013), [arXiv:1305.6663](https://arxiv.org/abs/1305.6663). Kadkhodaie, Guth, Simoncelli & Mallat (2024), [arXiv:2310.02557](https://arxiv.org/abs/2310.02557). Heusel et al. (2017), [arXiv:1706.08500](https://arxiv.org/abs/1706.08500). Naeem et al. (2020), [arXiv:2002.09797](https://arxiv.org/abs/2002.09797).
