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
# [Open in Colab](https://colab.research.google.com/github/OWNER/denoising-and-the-score/blob/main/notebooks/01-corrupt-and-reconstruct.ipynb)
#
# **Question.** What is a denoising autoencoder, and why may its loss be binary cross-entropy when the pixels are grey?
#
# **You will be able to** write and train a denoising autoencoder in thirty lines; read a BCE curve, and say where its floor is;
# answer "but BCE needs binary data".
#
# **Prerequisites.** Python, gradients, expectations; nothing about autoencoders. **Time.** Twenty minutes to read; the code takes
# well under a minute on two CPU cores (the README has the measured times).
#
# **From the paper.** Statement P1: on images, BCE is a natural loss, because pixels lie in $[0,1]$ and a decoder can be built
# whose outputs lie in $(0,1)$.

# %% tags=["hide-cell"] jupyter={"source_hidden": true}
try:
    import daeutils as du
except ModuleNotFoundError as error:
    import subprocess, sys

    if "google.colab" not in sys.modules:
        raise ImportError(
            f"{error.name} is missing in {sys.executable}. Stop Jupyter and start it by `make lab` in the book's "
            "folder, which installs everything once; or choose the kernel of the book's .venv."
        ) from error
    # on Colab the notebook travels alone
    source = "git+https://github.com/OWNER/denoising-and-the-score"
    subprocess.check_call([sys.executable, "-m", "pip", "install", "-q", source])
    import daeutils as du

# %%
import sys

import matplotlib.pyplot as plt
import torch
from torch import nn
from torch.nn import functional as F
from tqdm import tqdm

du.plotting.use_style()

# %% [markdown]
# ## The data
#
# Ten thousand real handwritten digits ship with the book: 8,000 to train on, 2,000 to test on. A pixel is a number in $[0,1]$, black 0 to white 1.
# Most pixels of a digit are near 0 or 1, but the edges are grey.

# %%
images, labels = du.digits("train")
test_images, test_labels = du.digits("test")
print(
    f"train {tuple(images.shape)}, test {tuple(test_images.shape)}, values {images.min():g} to {images.max():g}"
)
print(f"{((images > 0.02) & (images < 0.98)).float().mean():.0%} of the pixels are grey")

# %% [markdown] tags=["slide"]
# ## Corruption
#
# Add Gaussian noise of standard deviation $\sigma$, the **noise level**, in the units of the pixels:
# $$\tilde x = x + \sigma\varepsilon,\qquad \varepsilon\sim N(0, I).$$
# The corrupted image leaves $[0,1]$, and we let it: clamping would change the corruption, and with it the theory of chapter 02. Only the *display* clips.

# %% mystnb={"image": {"alt": "Rows of the same ten digits: clean, and with Gaussian noise of standard deviation 0.1, 0.3, 0.6 and 1."}} tags=["slide"]
generator = torch.Generator().manual_seed(0)
clean = test_images[:10]
rows = [clean] + [du.corruption.gaussian(clean, s, generator) for s in (0.1, 0.3, 0.6, 1.0)]
du.plotting.show_images(rows, ["clean x", "σ = 0.1", "σ = 0.3", "σ = 0.6", "σ = 1"])
plt.show()

# %% [markdown] tags=["slide"]
# ## The network and its loss
#
# A **denoising autoencoder** (DAE) is asked for $x$ and shown $\tilde x$ (Vincent, Larochelle, Bengio & Manzagol 2008). An encoder squeezes the image
# into a short code, a decoder unfolds it, and a sigmoid puts each output in $(0,1)$: that is the **reconstruction** $R(\tilde x)$. What goes
# into the sigmoid are the **logits** $a(\tilde x)$. The loss is binary cross-entropy,
# $$\mathrm{BCE}(r, x) = -\sum_i\big[x_i\log r_i + (1-x_i)\log(1-r_i)\big].$$
# The logarithm is the natural one, so the loss is in *nats*. Here is the whole thing in bare PyTorch. We compute the loss from the logits, because a sigmoid rounds to exactly 0 or 1 in float32 when its input is large.


# %%
def train_dae(images, sigma, steps=500, batch=128, lr=2e-3, binary=False, seed=0):
    torch.manual_seed(seed)
    network = nn.Sequential(
        nn.Flatten(),
        nn.Linear(784, 256),
        nn.SiLU(),  # encoder
        nn.Linear(256, 64),
        nn.SiLU(),  # the code
        nn.Linear(64, 256),
        nn.SiLU(),  # decoder
        nn.Linear(256, 784),
        nn.Unflatten(1, (1, 28, 28)),
    )
    optimiser = torch.optim.Adam(network.parameters(), lr=lr)
    losses = []
    for _ in tqdm(range(steps), desc="training", leave=False, file=sys.stdout):
        x = images[torch.randint(len(images), (batch,))]
        x_noisy = x + sigma * torch.randn_like(x)  # corrupt
        target = torch.bernoulli(x) if binary else x  # see below
        logits = network(x_noisy)
        loss = F.binary_cross_entropy_with_logits(logits, target)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    return network, losses


sigma = 0.5
dae, losses = train_dae(images, sigma)

# %% mystnb={"image": {"alt": "Test digits: clean, corrupted with sigma 0.5, and reconstructed by the network, which recovers the strokes with soft grey edges."}} tags=["slide"]
noisy = du.corruption.gaussian(clean, sigma, generator)
with torch.no_grad():
    reconstructed = dae(noisy).sigmoid()
du.plotting.show_images([clean, noisy, reconstructed], ["clean x", "corrupted x̃", "R(x̃)"])
plt.show()

# %% [markdown]
# Look at the edges: where the network cannot know whether a pixel belongs to the stroke, it answers grey. It answers with a *mean*. Two numbers say that it learned something:

# %%
all_noisy = du.corruption.gaussian(test_images, sigma, generator)
with torch.no_grad():
    test_bce = F.binary_cross_entropy_with_logits(dae(all_noisy), test_images).item()
    moved = (dae(all_noisy).sigmoid() - test_images).square().mean().item()
blank = images.mean(0).expand_as(test_images)
du.claim(
    "The reconstruction's squared error is {} of the corrupted image's",
    moved / sigma**2,
    at_most=0.2,
)
du.claim(
    "The reconstruction's squared error is {} of the mean image's",
    moved / (blank - test_images).square().mean().item(),
    at_most=0.6,
)

# %% [markdown] tags=["slide"]
# ## Why may the target be grey?
#
# Take a single pixel whose target is *always* 0.6. What should the network answer? The loss is $-0.6\log r - 0.4\log(1-r)$.
# Now take a pixel that is 1 with probability 0.6 and 0 otherwise, and one that is uniform on $[0.2, 1]$. The loss is **linear in the target**, so its
# expectation only asks for the mean of the target, and all three have the mean 0.6. One curve, three laws.

# %% mystnb={"image": {"alt": "Expected binary cross-entropy against the answer r, for three targets with mean 0.6: the three curves coincide, with their minimum at 0.6 and a height there of 0.673, not 0."}} tags=["slide"]
r = torch.linspace(0.02, 0.98, 97)
n = 200_000
targets = {
    "always 0.6": torch.full((n,), 0.6),
    "1 with probability 0.6, else 0": (torch.rand(n, generator=generator) < 0.6).float(),
    "uniform on [0.2, 1]": 0.2 + 0.8 * torch.rand(n, generator=generator),
}
fig, ax = plt.subplots()
best = {}
for (name, target), style in zip(targets.items(), ["-", "--", ":"]):
    # E[BCE(r, x)] over many draws of the target, for every r at once
    risk = torch.stack([F.binary_cross_entropy(r_i.expand(n), target) for r_i in r])
    best[name] = r[risk.argmin()].item(), risk.min().item()
    ax.plot(r, risk, style, lw=2.5, label=f"target {name}")
floor = du.objectives.entropy(torch.tensor([[0.6]])).item()
ax.plot(0.6, floor, "o", color=du.plotting.INK)
ax.annotate(
    f"  minimum at the mean 0.6,\n  floor {floor:.3f}, not 0", (0.6, floor), va="top", xytext=(0.6, 0.64)
)
ax.set(
    xlabel="answer r",
    ylabel="expected BCE (nats)",
    ylim=(0.4, 2),
    title="Three targets with one mean: one curve",
)
ax.legend()
plt.show()

du.claim(
    "Each of the three losses is least at r = 0.6: the largest deviation is {}",
    max(abs(r_best - 0.6) for r_best, _ in best.values()),
    at_most=0.011,
)
du.claim(
    "Each of the three minima is the entropy of Bernoulli(0.6): the largest deviation is {} nats",
    max(abs(low - floor) for _, low in best.values()),
    at_most=0.005,
)

# %% [markdown] tags=["slide"]
# So a BCE that does not reach 0 is no failure: it cannot. Its floor is the entropy of the pixels *given the corrupted image*.
#
# **Misconception: "BCE needs binary data."** Here is the experiment. Train the same network twice with the same seed, once on grey targets $x$,
# once on coin tosses with those probabilities, $\mathrm{Bernoulli}(x)$. The optimum is the same; the tosses add variance to the gradient and nothing else.

# %%
dae_binary, losses_binary = train_dae(images, sigma, binary=True)
with torch.no_grad():
    other = F.binary_cross_entropy_with_logits(dae_binary(all_noisy), test_images).item()
    apart = (dae(all_noisy).sigmoid() - dae_binary(all_noisy).sigmoid()).square().mean().item()
du.claim(
    "Bernoulli targets change the test BCE on grey digits by a share of {}",
    abs(other / test_bce - 1),
    at_most=0.05,
)
du.claim(
    "The squared distance between the two networks' answers is {} of the first one's squared error",
    apart / moved,
    at_most=0.4,
)

# %% tags=["nbval-ignore-output"]
print(
    f"test BCE per pixel, grey targets {test_bce:.4f}, Bernoulli targets {other:.4f}  (varies a little by machine)"
)

# %% mystnb={"image": {"alt": "Training loss against step for grey and for Bernoulli targets: the two curves lie on each other but for noise, and both flatten well above zero."}}
fig, ax = plt.subplots()
for curve, name in [(losses, "grey targets"), (losses_binary, "Bernoulli targets")]:
    ax.plot(torch.tensor(curve).unfold(0, 20, 1).mean(1), label=name)
ax.set(
    xlabel="step",
    ylabel="BCE per pixel (nats)",
    title="Training loss, mean of 20 steps: neither goes to 0",
    ylim=(0, 0.4),
)
ax.legend()
plt.show()

# %% [markdown]
# The expected loss on Bernoulli targets equals the one on grey targets (linearity again): the curves lie on each other but for noise.

# %% [markdown] tags=["slide"]
# ## Recap
#
# * A DAE sees $\tilde x = x + \sigma\varepsilon$ and answers with $R(\tilde x)$, pixel by pixel in $(0,1)$.
# * BCE is linear in its target, so the best answer is the mean of the target, and grey pixels are welcome. P1 holds; "natural" does not mean "only for binary images".
# * The floor of BCE is an entropy, not 0.

# %% [markdown]
# **Check your understanding.** Open the answer that you would give: it says whether it is right, and why.

# %% tags=["remove-input"]
du.quiz("01")

# %% [markdown]
# **Exercises.** (a) Predict, then measure, what the reconstruction looks like at $\sigma = 3$. (b) Plot the expected squared error in the figure above: where is its minimum, and its floor?
# (c) Give `train_dae` targets outside $[0,1]$, and watch the loss.
# They wait with checks in [exercises/01-corrupt-and-reconstruct.ipynb](exercises/01-corrupt-and-reconstruct.ipynb).
#
# **References.** Vincent, Larochelle, Bengio & Manzagol 2008; Creswell, Arulkumaran & Bharath 2017 (arXiv:1708.08487).
