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
# # 01 · Corrupt and reconstruct
#
# The upper row of Figure 1.1 shows ten handwritten digits behind a lot of noise. You can still name most of them. That is because you know what digits look like: strokes are connected, loops tend to close, and a single bright dot far from everything else is noise.
#
# A program that removes the noise would have to know the same things. That suggests a way to *teach* them: take clean images, add noise, and train a network to undo it. Nobody has to label anything. We added the noise ourselves, so we own the right answers.
#
# But what is the right answer where the noise has destroyed the evidence? A pixel at the edge of a stroke may have belonged to the stroke or to the background, and nothing in the noisy image decides between the two. The network still has to write down one number.

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


# %% tags=["hide-input"] mystnb={"image": {"alt": "Two rows of ten digits: above, drowned in grey noise, below, the same digits clean: 5, 9, 8, 1 and so on."}, "figure": {"caption": "**Figure 1.1. You can read most of these.** Above: ten digits with Gaussian noise of standard deviation 0.6, where black is 0 and white is 1. Below: what they were."}}
import sys

import matplotlib.pyplot as plt
import torch
from matplotlib.patches import FancyBboxPatch
from torch import nn
from torch.nn import functional as F
from tqdm import tqdm

du.plotting.use_style()
images, labels = du.digits("train")
test_images, test_labels = du.digits("test")
clean = test_images[:10]

generator = torch.Generator().manual_seed(0)
du.plotting.show_images(
    [clean + 0.6 * torch.randn(clean.shape, generator=generator), clean],
    ["noisy", "clean"],
)
plt.show()

# %% [markdown]
# **Question.** What is a denoising autoencoder, and why may its loss be binary cross-entropy when the pixels are grey?
#
# **You will be able to** write and train a denoising autoencoder in thirty lines; compute by hand the best answer for one noisy pixel. You will know why the loss of a perfect network is not zero, and what to say when you hear that BCE needs binary data.
#
# **You need** Python, a little PyTorch, expectations and Bayes' rule; nothing about autoencoders. **Time.** Half an hour to read; the code takes about a minute on two CPU cores.
#
# **From the paper.** Statement P1: on images binary cross-entropy is a natural loss, because pixels lie in $[0,1]$ and a decoder can be built whose outputs lie in $(0,1)$.
#
# [Open in Colab](https://colab.research.google.com/github/OWNER/denoising-and-the-score/blob/main/notebooks/01-corrupt-and-reconstruct.ipynb)

# %% [markdown]
# ## An autoencoder, and why we corrupt its input
#
# An **autoencoder** is a network that is trained to output its own input. An *encoder* turns the image $x$ into a short list of numbers, the *code*; a *decoder* turns the code back into an image. That sounds pointless, and without a restriction it is. A network that copies its input does the job perfectly and has learned nothing about images.
#
# There are two classical ways to make the task worth solving. The first is a narrow code. Our images have $28\times28=784$ pixels, and a code of 64 numbers cannot hold 784 arbitrary values. So the encoder must find out what digits have in common. The second is to **corrupt the input**. The network sees a noisy image $\tilde x$ and must produce the clean $x$. Now copying is a bad answer, and the only way to a good one is to know which images are plausible. A network trained in this way is a **denoising autoencoder**, or DAE (Vincent, Larochelle, Bengio & Manzagol 2008).
#
# Figure 1.2 shows the whole arrangement. Our network has a narrow code as well, but it would not need one: corruption alone prevents copying, and several networks later in the book have no bottleneck at all.

# %% tags=["hide-input"] mystnb={"image": {"alt": "A drawing with boxes from left to right: clean image x, plus noise, corrupted image, encoder, code of 64 numbers, decoder with a sigmoid, reconstruction. An arrow below leads from the clean image and the reconstruction to the loss."}, "figure": {"caption": "**Figure 1.2. A denoising autoencoder.** The network sees only the corrupted image $\\tilde x$. Its output, the reconstruction $R(\\tilde x)$, is compared with the clean image $x$. (The answer drawn here is that of a larger network, which Figure 1.4 introduces.)"}}
fig, ax = plt.subplots(figsize=(7.2, 2.3))
ax.set(xlim=(0, 13.4), ylim=(-1.75, 2.1))
ax.axis("off")
g = torch.Generator().manual_seed(1)
picture, noise = test_images[0, 0], torch.randn(28, 28, generator=g)
with torch.no_grad():
    guess = du.load("digits-unet-bce", "cpu")(
        (picture + 0.5 * noise)[None, None], 0.5
    )[0, 0]
shown = [
    (0.7, picture, "clean $x$"),
    (3.5, picture + 0.5 * noise, r"corrupted $\tilde x$"),
]
for at, image, name in [*shown, (12.5, guess, r"$R(\tilde x)$")]:
    ax.imshow(
        image.clamp(0, 1),
        extent=(at - 0.7, at + 0.7, -0.2, 1.2),
        cmap="gray",
        zorder=2,
    )
    ax.text(at, 1.4, name, ha="center")
boxes = [
    (5.9, 1.5, "encoder"),
    (8.0, 0.9, "code\n64"),
    (10.1, 1.5, "decoder\n+ sigmoid"),
]
for at, width, name in boxes:
    box = FancyBboxPatch(
        (at - width / 2, 0),
        width,
        1,
        boxstyle="round,pad=0.08",
        fc="#EEEEEE",
        ec="#444444",
    )
    ax.add_patch(box)
    ax.text(at, 0.5, name, ha="center", va="center")
edges = [(1.5, 2.7), (4.3, 4.95), (6.8, 7.35), (8.6, 9.2), (11.0, 11.7)]
for a, b in edges:
    ax.annotate(
        "", (b, 0.5), (a, 0.5), arrowprops={"arrowstyle": "-|>", "color": "#444444"}
    )
ax.text(2.1, 0.72, "+ noise", ha="center", fontsize=9)
for at in (0.7, 12.5):
    ax.plot([at, at, 6.6], [-0.35, -1.15, -1.15], color="#444444", lw=1)
ax.text(
    6.6,
    -1.15,
    " loss: compare the two ",
    ha="center",
    va="center",
    backgroundcolor="white",
)
ax.set_aspect("equal")
plt.show()

# %% [markdown]
# ## The data
#
# Two sets of real images ship with the book. The first is a part of MNIST: 8,000 handwritten digits to train on and 2,000 others to test on. The second is an equally large part of Fashion-MNIST, small photographs of clothes (Xiao, Rasul & Vollgraf 2017). A pixel is a number from 0, black, to 1, white. The two sets differ in one respect that will matter: most pixels of a digit are nearly black or nearly white, whereas about half of the pixels of the clothes are grey.

# %%
clothes, _ = du.fashion("train")
test_clothes, _ = du.fashion("test")
for name, x in [("digits", test_images), ("clothes", test_clothes)]:
    grey = ((x > 0.02) & (x < 0.98)).float().mean().item()
    print(f"{name}: {tuple(x.shape)}, {x.min():g} to {x.max():g}, {grey:.0%} grey")

# %% [markdown]
# ## Corruption
#
# We corrupt an image by adding independent Gaussian noise to every pixel:
# $$\tilde x = x + \sigma\varepsilon,\qquad \varepsilon\sim N(0, I).$$
# The standard deviation $\sigma$ is called the **noise level**. It is measured in the units of the pixels, so $\sigma = 0.5$ is halfway from black to white. Figure 1.3 shows how much of a digit survives at four levels.
#
# The corrupted pixels leave the interval $[0,1]$, and we let them. If we clamped them back, the corruption would no longer be Gaussian, and the theory of the next chapter would no longer hold. Only the *display* clips.

# %% tags=["hide-input"] mystnb={"image": {"alt": "Five rows of the same ten digits: clean, then with noise of standard deviation 0.1, 0.3, 0.6 and 1. At 0.1 hardly anything is lost; at 1 the digits can hardly be guessed."}, "figure": {"caption": "**Figure 1.3. Four noise levels.** At 0.1 hardly anything is lost. At 1 the noise is as large as the step from black to white, and a digit can only be guessed."}}
rows = [
    clean + s * torch.randn(clean.shape, generator=generator)
    for s in (0.1, 0.3, 0.6, 1.0)
]
du.plotting.show_images(
    [clean, *rows], ["clean", "σ = 0.1", "σ = 0.3", "σ = 0.6", "σ = 1"]
)
plt.show()

# %% [markdown]
# ## The network and its loss
#
# The last layer of our network gives one real number $a_i$ for each pixel, called a **logit**. A sigmoid puts it between 0 and 1, and the result is the **reconstruction** $R(\tilde x) = \mathrm{sigmoid}(a(\tilde x))$.
#
# How should we grade a reconstruction? Write $r_i=R_i(\tilde x)$ for its answer at pixel $i$, and read it as a bet: the network claims that pixel $i$ is white with probability $r_i$. If the pixel turns out white, the network pays $-\log r_i$; if it turns out black, it pays $-\log(1-r_i)$. A confident bet that is wrong is expensive.
#
# For a grey pixel, say $x_i=0.6$, it pays 0.6 of the first price and 0.4 of the second. The sum over all pixels is the **binary cross-entropy** (BCE):
# $$\mathrm{BCE}(r, x) = -\sum_i\big[x_i\log r_i + (1-x_i)\log(1-r_i)\big].$$
# The logarithm is the natural one, so the unit is the *nat*. PyTorch's `binary_cross_entropy_with_logits` returns the mean over all pixels instead of the sum, and we quote that mean.

# %% [markdown]
# Here is the network, in plain PyTorch. It ends with the logits, because the loss is computed from them. In float32 a sigmoid rounds to exactly 0 or 1 when its input is large; then the logarithm would be infinite and the gradient lost.


# %%
def plain_network():
    return nn.Sequential(
        nn.Flatten(),  # (N, 1, 28, 28) -> (N, 784)
        nn.Linear(784, 256),
        nn.SiLU(),
        nn.Linear(256, 64),  # the code: 64 numbers
        nn.SiLU(),
        nn.Linear(64, 256),
        nn.SiLU(),
        nn.Linear(256, 784),  # the logits
        nn.Unflatten(1, (1, 28, 28)),
    )


# %% [markdown]
# And here is the training loop, in essence the same for every DAE in this book. Each iteration draws a batch of clean images, corrupts it, asks the network for a reconstruction, and takes a small step against the gradient of the loss.


# %%
def train_dae(images, sigma, steps=500, seed=0):
    torch.manual_seed(seed)
    network = plain_network()
    optimiser = torch.optim.Adam(network.parameters(), lr=2e-3)
    losses = []
    for _ in tqdm(range(steps), desc="training", leave=False, file=sys.stdout):
        x = images[torch.randint(len(images), (128,))]  # a batch of clean images
        x_noisy = x + sigma * torch.randn_like(x)  # corrupt
        logits = network(x_noisy)  # reconstruct
        loss = F.binary_cross_entropy_with_logits(logits, x)  # compare
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    return network, losses


# %% tags=["nbval-ignore-output"]
sigma = 0.5
dae, losses = train_dae(images, sigma)
for step in (0, 9, 99, 499):
    print(f"step {step + 1}: loss {losses[step]:.3f} nats per pixel")

# %% [markdown]
# The first loss is 0.69, which is $\log 2$. An untrained network says "one half" everywhere, and a bet at even odds costs $\log 2$ whatever happens. Figure 1.4 shows what 500 steps have changed. Look at the edges of the strokes in its third row, and then compare the digits of the first and the third row one by one. The second row is what both networks were given. The last three rows show a larger network, the U-Net that chapter 05 builds: its answer to the second row, then a noisier input and its answer to that. It is a convolutional network that was trained at many noise levels, so it takes $\sigma$ as a second input.

# %% tags=["hide-input"] mystnb={"image": {"alt": "Six rows of ten test digits: clean; corrupted with noise level 0.5; reconstructed by the small network with soft grey edges, where the second digit, a 9, looks like a 3 and the third, an 8, is a smudge; reconstructed by the larger network, all recognisable; corrupted with noise level 1, hard to read; and reconstructed by the larger network, soft, the 8 now like a 6 and the last digit between a 3 and an 8."}, "figure": {"caption": "**Figure 1.4. What the network answers.** Digits it has never seen, at noise level 0.5 (rows two to four) and at noise level 1 (the last two rows). Our network returns soft edges and two wrong digits. The larger one repairs both at 0.5; at 1 it makes such mistakes, too."}}
generator = torch.Generator().manual_seed(2)
noisy = test_images + sigma * torch.randn(test_images.shape, generator=generator)
noisier = test_images + torch.randn(test_images.shape, generator=generator)
unet = du.load("digits-unet-bce", "cpu")
with torch.no_grad():
    answers = dae(noisy).sigmoid()
    restored, guessed = (
        torch.cat([unet(part, level) for part in x.split(200)])
        for x, level in [(noisy, sigma), (noisier, 1.0)]
    )
rows = [test_images, noisy, answers, restored, noisier, guessed]
names = ["clean x", "x̃, σ = 0.5", "R(x̃)", "larger network"]
names += ["x̃, σ = 1", "larger network"]
du.plotting.show_images([row[:10] for row in rows], names)
plt.show()


# %% tags=["hide-input", "nbval-ignore-output"]
def squared_error(guess, x):
    return (guess - x).square().mean().item()


classifier = du.load("digits-classifier", "cpu")
mean_image = images.mean(0).expand_as(test_images)
rows = {
    "the clean image": test_images,
    "the corrupted image itself": noisy,
    "always the mean image": mean_image,
    "our network": answers,
    "the larger network": restored,
    "the larger network, at σ = 1": guessed,
}
table = []
for name, x in rows.items():
    with torch.no_grad():
        misread = (classifier(x).argmax(1) != test_labels).float().mean().item()
    table.append([name, squared_error(x, test_images), misread])
du.table(
    table,
    {
        "the answer": "",
        "squared error per pixel": ".3f",
        "misread by a classifier": ".0%",
    },
)

# %% tags=["hide-input"]
du.claim(
    "The reconstruction's squared error is {} of the mean image's",
    squared_error(answers, test_images) / squared_error(mean_image, test_images),
    at_most=0.45,
)

# %% [markdown]
# The network has learned a good deal: its error is about a third of that of the best constant image. Two things in Figure 1.4 need an explanation, though. The edges are much softer than in the clean images. And some digits have changed: the 9 in the second column came back as a 3, and the 8 beside it as a smudge.
#
# Is our network too small, or has the noise destroyed the evidence? Both happen. At $\sigma=0.5$ the larger network recovers the 9 and the 8 and leaves a third of our error, so those mistakes were ours. At $\sigma=1$ the larger network makes them as well: an 8 became a 6, and the last digit lies between a 3 and an 8. A still better network would make fewer, but none can avoid them all, because the noise leaves more than one digit possible. So what *should* a network answer when it cannot know?

# %% [markdown]
# ## The best answer is the mean
#
# Take a single pixel. Suppose that, given everything the network sees, several values of the target $x$ are still possible, and let $m$ be their mean. The network has to give one answer $r$. On average it pays
# $$\begin{aligned}E[\mathrm{BCE}(r,x)] &= E\big[-x\log r-(1-x)\log(1-r)\big]\\ &= -E[x]\log r-(1-E[x])\log(1-r)\\ &= -m\log r-(1-m)\log(1-r).\end{aligned}$$
# The second equality holds because $r$ is a fixed number and the loss is **linear in the target**, so the expectation passes through to $x$. This is the central observation of the chapter. Of everything that could be said about the uncertain target, only its mean matters.
#
# Which $r$ is cheapest? Differentiate:
# $$\frac{d}{dr}\big[-m\log r-(1-m)\log(1-r)\big] = -\frac mr+\frac{1-m}{1-r} = \frac{r-m}{r(1-r)} .$$
# The denominator is positive, so the cost falls while $r<m$ and rises once $r>m$. **The best answer is $r=m$.**

# %% [markdown]
# Nothing in these lines assumed that $x$ is 0 or 1. Figure 1.5 makes the point with three targets that have nothing in common but their mean: one is always 0.6, one is white with probability 0.6 and black otherwise, one is uniform between 0.2 and 1. Their expected losses are one and the same curve.

# %% tags=["hide-input"] mystnb={"image": {"alt": "Expected binary cross-entropy against the answer r. The three curves of the three targets lie on each other. Their minimum is at r = 0.6, at the height 0.673."}, "figure": {"caption": "**Figure 1.5. Three targets with one mean give one curve.** The cheapest answer is the mean, 0.6, and even that costs 0.673 nats."}}
r = torch.linspace(0.05, 0.95, 181)
even = (torch.arange(1000) + 0.5) / 1000  # evenly spaced in (0, 1)
targets = {
    "always 0.6": torch.full((1000,), 0.6),
    "1 with probability 0.6, else 0": (even < 0.6).float(),
    "uniform from 0.2 to 1": 0.2 + 0.8 * even,
}
fig, ax = plt.subplots(figsize=(6.2, 3.2))
best = []
for (name, x), style in zip(targets.items(), ["-", "--", ":"]):
    cost = torch.stack([F.binary_cross_entropy(r_i.expand(1000), x) for r_i in r])
    best.append((r[cost.argmin()].item(), cost.min().item()))
    ax.plot(
        r,
        cost,
        style,
        lw=3,
        label=name,
        color=["#AAAAAA", "#444444", "#000000"][len(best) - 1],
    )
ax.plot(0.6, best[0][1], "o", color=du.plotting.EXACT, zorder=5)
ax.annotate("mean 0.6, cost 0.673", (0.6, best[0][1]), (0.5, 0.5), ha="center")
ax.set(
    xlabel="answer $r$",
    ylabel="expected BCE (nats)",
    ylim=(0.4, 2),
    title="Only the mean of the target matters",
)
ax.legend(title="target")
plt.show()

# %% tags=["hide-cell"]
for (name, _), (r_best, cost) in zip(targets.items(), best):
    du.claim(
        f"target {name}: the distance of the cheapest answer from the mean is {{}}",
        abs(r_best - 0.6),
        at_most=0.0051,
    )
    coin = du.objectives.entropy(torch.tensor([[0.6]])).item()
    du.claim(
        f"target {name}: its cost misses the entropy of such a coin by {{}} nats",
        abs(cost - coin),
        at_most=1e-3,
    )

# %% [markdown]
# For an image, everything the network sees is the corrupted image $\tilde x$. The expected loss is a sum over pixels and an average over corrupted images, and the network may give a different answer to each. So each term can be made as small as possible by itself, and the best reconstruction is the mean of the clean image given the corrupted one:
# $$R^*(\tilde x) = E[x\mid\tilde x].$$
# It is called the **posterior mean**, and no network can do better.
#
# The last row of Figure 1.4 shows what this means, even though that network is not quite at the optimum either. Where a pixel may be stroke or background, the mean of the two is grey, and edges are soft. Where a noisy image may have come from a 3 or from an 8, the best answer is a *compromise between the two digits*, with more weight on the likelier one. It is not the likeliest image, and it need not look like a digit at all.

# %% [markdown]
# ## One pixel, by hand
#
# The posterior mean can be computed with pencil and paper for the smallest image there is: one pixel, black ($x=0$) or white ($x=1$) with equal odds. We add Gaussian noise and see $y=x+\sigma\varepsilon$. How probable is it that the pixel was white? By Bayes' rule, with the equal odds cancelled,
# $$P(x=1\mid y) = \frac{e^{-(y-1)^2/2\sigma^2}}{e^{-y^2/2\sigma^2}+e^{-(y-1)^2/2\sigma^2}} .$$
# Divide numerator and denominator by the numerator. The remaining exponent is $\big[(y-1)^2-y^2\big]/2\sigma^2=(1-2y)/2\sigma^2$, so
# $$P(x=1\mid y) = \frac1{1+e^{-(2y-1)/2\sigma^2}} = \mathrm{sigmoid}\Big(\frac{2y-1}{2\sigma^2}\Big).$$
# Since $x$ is 0 or 1, this probability is also its mean: $R^*(y)=\mathrm{sigmoid}\big((2y-1)/2\sigma^2\big)$.

# %% [markdown]
# Try it: let $\sigma=0.3$, and let the pixel arrive with the value $y=0.6$. Then $(2\cdot0.6-1)/(2\cdot0.09)=1.11$, and $R^*(0.6)=\mathrm{sigmoid}(1.11)=0.752$. The best answer to 0.6 is 0.752. We shall meet these two numbers again in the next chapter.
#
# Notice that nobody put the sigmoid there. It came out of Bayes' rule, and inside it the logit is a *linear* function of the input, with slope $1/\sigma^2$. So the smallest possible DAE, one weight and one bias before a sigmoid, should be able to learn the best answer exactly. Does it?

# %%
torch.manual_seed(0)
pixel_dae = nn.Linear(1, 1)  # logit a(y) = weight * y + bias
optimiser = torch.optim.Adam(pixel_dae.parameters(), lr=0.1)
for _ in range(2000):
    x = torch.randint(2, (4096, 1)).float()  # black or white
    y = x + 0.3 * torch.randn_like(x)
    loss = F.binary_cross_entropy_with_logits(pixel_dae(y), x)
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()

# %% tags=["hide-input", "nbval-ignore-output"]
weight, bias = pixel_dae.weight.item(), pixel_dae.bias.item()
print(f"weight {weight:.2f}, by Bayes {1 / 0.3**2:.2f}")
print(f"bias {bias:.2f}, by Bayes {-0.5 / 0.3**2:.2f}")

# %% tags=["hide-input"]
with torch.no_grad():
    learned = pixel_dae(torch.tensor([[0.6]])).sigmoid().item()
du.claim(
    "At σ = 0.3 the best answer to 0.6 is 0.752; the trained network's answer is {}",
    learned,
    at_least=0.732,
    at_most=0.772,
)

# %% tags=["hide-input"] mystnb={"image": {"alt": "Left: the answer to a corrupted pixel y, an S-shaped curve from 0 to 1 through one half at y = 0.5; the trained network's dots lie on the exact curve, and the point (0.6, 0.752) is marked. Right: the cost of the best answer, a bump of height 0.69 at y = 0.5 that falls to 0 on both sides, above the density of y with its two humps at 0 and 1."}, "figure": {"caption": "**Figure 1.6. One pixel at noise level 0.3.** Left: the best answer (blue) and what the smallest DAE has learned (orange). Right: what the best answer costs. Only pixels near the middle, whose origin is in doubt, cost anything; the grey shape, drawn at half its height, shows how often each $y$ occurs."}}
y = torch.linspace(-0.7, 1.7, 241)
exact = torch.sigmoid((2 * y - 1) / (2 * 0.3**2))
cost = du.objectives.entropy(exact[:, None])
density = du.from_points(torch.tensor([[0.0], [1.0]])).smooth(0.3)
density = density.log_prob(y[:, None]).exp()
fig, (left, right) = plt.subplots(1, 2, figsize=(7.2, 2.9))
left.plot(y, exact, color=du.plotting.EXACT)
with torch.no_grad():
    dots = pixel_dae(y[::12, None]).sigmoid()[:, 0]
left.plot(y[::12], dots, "o", ms=4, color=du.plotting.LEARNED)
left.plot([0.6, 0.6, -0.7], [0, 0.752, 0.752], ":", color=du.plotting.INK, lw=1)
left.text(-0.66, 0.79, "0.752")
left.text(0.63, 0.02, "0.6")
left.set(
    xlabel="corrupted pixel $y$",
    ylabel="answer",
    title="Noise makes the best answer grey",
    ylim=(-0.03, 1.06),
)
left.text(-0.66, 0.5, "best answer", color=du.plotting.EXACT)
left.text(-0.66, 0.38, "trained network", color=du.plotting.LEARNED)
right.fill_between(y, 0.5 * density, color="#DDDDDD", lw=0)
right.plot(y, cost, color=du.plotting.EXACT)
right.text(0.5, 0.71, "cost", color=du.plotting.EXACT, ha="center", va="bottom")
right.text(0.0, 0.1, "how often", color="#666666", ha="center")
right.set(
    xlabel="corrupted pixel $y$",
    ylabel="BCE of the best answer (nats)",
    title="For a black or white pixel, doubt is what costs",
    ylim=(0, 0.8),
)
plt.show()

# %% [markdown]
# ## The loss has a floor
#
# Even the best answer costs something. Put $r=m$ into the expected loss: what remains is
# $$h(m) = -m\log m-(1-m)\log(1-m),$$
# the entropy of a coin that comes up white with probability $m$. It is 0 only where $m$ is 0 or 1. For a whole image, the lowest value that any network can reach on average is therefore the following sum (divided by 784 where we quote it per pixel):
# $$\text{floor} = E\sum_i h\big(R_i^*(\tilde x)\big).$$
# For our single pixel at $\sigma=0.3$ the floor is the average of the blue curve in Figure 1.6 over the grey density: 0.122 nats (a folded cell computes it). A loss that stops there belongs to a perfect network.

# %% tags=["hide-cell"]
y = torch.linspace(-2, 3, 5001)
exact = torch.sigmoid((2 * y - 1) / (2 * 0.3**2))
ends = du.from_points(torch.tensor([[0.0], [1.0]])).smooth(0.3)
often = ends.log_prob(y[:, None]).exp().float()
du.claim(
    "The floor of one black-or-white pixel at σ = 0.3 is {} nats",
    torch.trapezoid(often * du.objectives.entropy(exact[:, None]), y).item(),
    at_least=0.1215,
    at_most=0.1225,
)

# %% [markdown]
# The floor is not quite "the uncertainty of the pixel". A pixel that is *always* 0.6 is in no doubt at all, and it still costs $h(0.6)=0.673$, because BCE treats grey as a coin. So there are two reasons for a high floor: noise that hides the image, and images that are grey.
#
# For real images we do not know $R^*$, so we cannot compute the floor. We can enclose it.
#
# *From below*: somebody who knew the clean image would still pay $h(x_i)$ for each pixel, and knowing less cannot be cheaper. This is Jensen's inequality. The function $h$ is concave, so its value at a mean is at least the mean of its values, $h(E[x_i\mid\tilde x])\ge E[h(x_i)\mid\tilde x]$. So the mean entropy of the clean pixels lies below the floor.
#
# *From above*: no network beats the floor, so the expected loss of any network lies above it. (We estimate both bounds by averages over 1,000 to 2,000 test images, so they carry some sampling error.) For digits the best that we have is the larger network of Figure 1.4; for clothes it is the network that we are about to train. Figure 1.7 draws the two bounds as a band in which the floor must lie.


# %%
def coin_entropy(x):
    return du.objectives.entropy(x).mean().item() / 784  # nats per pixel


with torch.no_grad():
    unet_loss = F.binary_cross_entropy_with_logits(
        unet.logits(noisy[:1000], sigma), test_images[:1000]
    ).item()
dae_clothes, losses_clothes = train_dae(clothes, sigma)
noisy_clothes = test_clothes + sigma * torch.randn(
    test_clothes.shape, generator=generator
)
with torch.no_grad():
    clothes_loss = F.binary_cross_entropy_with_logits(
        dae_clothes(noisy_clothes), test_clothes
    ).item()

# %% tags=["hide-input"] mystnb={"image": {"alt": "Two panels of training loss against steps. Left, digits: the loss falls from 0.69 to 0.13; the floor lies in a band between 0.058 and 0.084, below the curve. Right, clothes: the loss falls to 0.31, which is the upper edge of the band; its lower edge is at 0.242."}, "figure": {"caption": "**Figure 1.7. Where the floor lies.** Training loss (orange, means of 20 steps) on digits and on clothes. The floor lies somewhere in the blue band. For the digits its upper edge is the loss of a larger network; for the clothes it is the test loss of the network itself."}}
fig, axes = plt.subplots(1, 2, figsize=(7.2, 3), sharey=True)
lowest = [coin_entropy(test_images), coin_entropy(test_clothes)]
highest = [unet_loss, clothes_loss]
for ax, curve, low, high, name in zip(
    axes, [losses, losses_clothes], lowest, highest, ["digits", "clothes"]
):
    smooth = torch.tensor(curve).unfold(0, 20, 1).mean(1)
    ax.plot(torch.arange(len(smooth)) + 10, smooth, color=du.plotting.LEARNED)
    ax.axhspan(low, high, color=du.plotting.EXACT, alpha=0.2, lw=0)
    ax.axhline(low, color=du.plotting.EXACT, lw=1.2)
    ax.text(
        480,
        low - 0.01,
        "floor: in this band",
        ha="right",
        va="top",
        color=du.plotting.EXACT,
    )
    ax.set(
        xlabel="step",
        ylim=(0, 0.7),
        xlim=(0, 500),
        title=f"{name}: the loss cannot reach 0",
    )
axes[0].set_ylabel("BCE per pixel (nats)")
plt.show()

# %% [markdown]
# On the digits, our small network ends at a training loss of about 0.134 (a mean over its last steps). The floor lies between 0.058 and 0.084, so at least a third of that loss is *not* floor. It is what a larger network or longer training could still gain.
#
# The same architecture, trained on clothes, ends at about 0.306. Is this network the worse of the two? Its loss is more than twice as high, but so is its floor: no network can get below 0.242. Figure 1.8 shows its answers. The table compares both networks by a measure that grey does not inflate, the squared error as a share of the error of the mean image.

# %% tags=["hide-input"] mystnb={"image": {"alt": "Three rows of ten garments: clean, corrupted with noise level 0.5, and reconstructed as soft but recognisable shirts, shoes, trousers and bags."}, "figure": {"caption": "**Figure 1.8. The same network on clothes.** Its loss is more than twice that of the digits. Prints and folds are lost; shapes and shades are kept."}}
with torch.no_grad():
    dressed = dae_clothes(noisy_clothes).sigmoid()
rows = [test_clothes[:10], noisy_clothes[:10], dressed[:10]]
du.plotting.show_images(rows, ["clean x", "corrupted x̃", "R(x̃)"])
plt.show()


# %% tags=["hide-input", "nbval-ignore-output"]
def test_loss(network, x_noisy, x):
    with torch.no_grad():
        return F.binary_cross_entropy_with_logits(network(x_noisy), x).item()


loss_digits = test_loss(dae, noisy, test_images)
mean_clothes = clothes.mean(0).expand_as(test_clothes)
share_digits = squared_error(answers, test_images) / squared_error(
    mean_image, test_images
)
share_clothes = squared_error(dressed, test_clothes) / squared_error(
    mean_clothes, test_clothes
)
du.table(
    [
        ["digits", loss_digits, lowest[0], share_digits],
        ["clothes", clothes_loss, lowest[1], share_clothes],
    ],
    {
        "": "",
        "test BCE": ".3f",
        "floor, at least": ".3f",
        "squared error / mean image's": ".2f",
    },
)

# %% tags=["hide-input"]
du.claim(
    "The loss on clothes is higher than on digits, by a factor of {}",
    clothes_loss / loss_digits,
    at_least=1.8,
)
du.claim(
    "Yet on clothes a smaller share of the squared error is left, by a factor of {}",
    share_clothes / share_digits,
    at_most=0.85,
)

# %% [markdown]
# The network with the higher loss leaves the smaller share of the squared error. (That share has a floor as well: on digits the larger network brings it down to 0.11.) A BCE on its own says little about a network; it has to be compared with its floor, or at least with bounds on the floor.
#
# ## "But BCE needs binary data"
#
# You will hear that binary cross-entropy is meant for pixels that are 0 or 1, and that grey images call for another loss. But we have just proved that the best answer is the mean for grey targets, too, and an experiment agrees. Replace each grey target $x_i$ by the toss of a coin that comes up white with probability $x_i$. Now the targets *are* binary, and their mean is unchanged. So the expected loss is the same, the best answer is the same, and the floor is the same.
#
# Only the gradient becomes noisier. In the loop one line changes: the loss compares the logits with `torch.bernoulli(x)` in place of `x`.


# %% tags=["hide-cell"]
def train_on_tosses(images, sigma, steps=500, seed=0):
    """The loop above with coin tosses as targets."""
    torch.manual_seed(seed)
    network = plain_network()
    optimiser = torch.optim.Adam(network.parameters(), lr=2e-3)
    for _ in tqdm(range(steps), desc="training", leave=False, file=sys.stdout):
        x = images[torch.randint(len(images), (128,))]
        logits = network(x + sigma * torch.randn_like(x))
        loss = F.binary_cross_entropy_with_logits(logits, torch.bernoulli(x))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return network


# %% tags=["hide-input"]
dae_tosses = train_on_tosses(clothes, sigma)
loss_tosses = test_loss(dae_tosses, noisy_clothes, test_clothes)
du.claim(
    "Training on coin tosses changes the BCE on grey clothes by a factor of {}",
    loss_tosses / clothes_loss,
    at_least=0.97,
    at_most=1.04,
)

# %% [markdown]
# Coin tosses throw information away and make the training noisier, and still the network ends where it did. What BCE does need is a *mean* target in $[0,1]$, and data in $[0,1]$ guarantee that. If the mean given the input were 1.2, the term $0.2\log(1-r)$ would fall without bound as $r\to1$, and there would be no best answer. Exercise (c) asks how far a single target may leave the interval.
#
# Squared error has the same best answer. For a target with mean $m$ its expectation is $(r-m)^2$ plus the variance of the target, which is also smallest at $r=m$. Whether it makes a difference which of the two losses one trains with is the subject of chapter 08.

# %% [markdown]
# ## What to remember
#
# * A denoising autoencoder sees a corrupted image and is trained to produce the clean one. Corruption makes copying a bad answer.
# * BCE is linear in its target, so the best answer is the mean of the clean image given the corrupted one, $R^*(\tilde x)=E[x\mid\tilde x]$. This holds for grey pixels as well as for binary ones.
# * The loss of that best answer is not zero. It is the entropy of coins with bias $R^*_i$, so a loss means little until it is compared with its floor.

# %% [markdown]
# **Check your understanding.** Pick an answer and click it to see whether it is right.

# %% tags=["remove-input"]
du.quiz("01")

# %% [markdown]
# **Exercises.** (a) Predict, then measure, what the reconstruction looks like at $\sigma=3$. (b) Draw Figure 1.5 for the squared error: where are the minima, and how high are they? (c) Let targets leave $[0,1]$: when is there still a best answer? They are in [exercises/01-corrupt-and-reconstruct.ipynb](exercises/01-corrupt-and-reconstruct.ipynb).
#
# **Further reading.** Vincent, Larochelle, Bengio & Manzagol (2008), [Extracting and composing robust features with denoising autoencoders](https://doi.org/10.1145/1390156.1390294). Creswell, Arulkumaran & Bharath (2017), [arXiv:1708.08487](https://arxiv.org/abs/1708.08487). Xiao, Rasul & Vollgraf (2017), Fashion-MNIST, [arXiv:1708.07747](https://arxiv.org/abs/1708.07747).
