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
# # 05 · A denoiser for images
#
# [Open in Colab](https://colab.research.google.com/github/OWNER/denoising-and-the-score/blob/main/notebooks/05-a-denoiser-for-images.ipynb)
#
# **Question.** How do I train a denoising autoencoder on images, and what has it understood when it is trained?
#
# **You will be able to** train a small U-Net with BCE on real digits; choose a noise level; read the loss against its floor; look at the
# directions in which a denoiser lets an image vary; compare the probability of two images without ever computing one.
#
# **Prerequisites.** Chapters 01 and 02; two results of chapter 04 are quoted. **Time.** Half an hour to read; the code takes about a minute on two CPU cores (the README has
# the measured times).
#
# **From the paper.** Statements P1 and P2 on images. The floor, the Jacobian and the energy are not taken from it: they are uses of the exact statement of chapter 02. Others have looked at a
# denoiser's Jacobian (Mohan, Kadkhodaie, Simoncelli & Fernandez-Granda 2020).

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

du.plotting.use_style()
images, _ = du.digits("train")
test, test_labels = du.digits("test")

# %% [markdown] tags=["slide"]
# ## One network for every noise level
#
# For the plane we trained one network for each noise level $\sigma$. Here the network is also *told* $\sigma$, which is drawn anew for each image of a batch.
# The optimum at each level is still its own posterior mean $R^*(\tilde x;\sigma)=E[x\mid\tilde x]$, so nothing in chapter 02 changes: at any fixed $\sigma$ this is a DAE for that $\sigma$.

# %% [markdown]
# The network is a U-Net: convolutions at three scales, a dense layer at the coarsest that sees the whole digit, and sums that carry detail across. It ends in
# logits, and its loss is BCE and nothing else. The levels follow a log-normal law with median $e^{-1}\approx0.37$.
#
# Each step goes along an *orthogonalised* gradient: the optimiser Muon (Jordan et al. 2024) replaces the gradient of a weight matrix, averaged over recent steps, by nearly the nearest orthogonal matrix, so that weak directions move as
# fast as strong ones (chapter 03 measures what that is worth). The weight of a convolution counts as a matrix with one row for each output channel. What is no matrix, the biases, is left to Adam. The learning
# rate falls to 0 along a cosine.

# %%
network = du.UNetDenoiser(noise_levels=True)
print(f"{sum(p.numel() for p in network.parameters()):,} parameters")
history = du.fit(
    network,
    images,
    sigma=du.corruption.log_normal(),
    steps=du.budget(quick=500, full=10_000),
)
network.requires_grad_(False)
device = du.pick_device()
test = test.to(device)

# %% [markdown]
# Has it learned enough? The loss will not tell before we know how low it can go. First look.
#
# ## Which noise level?
#
# Look at the same digits at five levels. At $\sigma=0.1$ there is little to do, and little to learn. At $\sigma=2$ there is little to see, and the answer is a blur of several digits. In
# between, the network has to know what digits look like.

# %% mystnb={"image": {"alt": "Pairs of rows at noise levels 0.1, 0.3, 0.6, 1 and 2: corrupted digits, and their reconstructions, which go from sharp to blurs of several digits."}} tags=["slide"]
generator = torch.Generator(device).manual_seed(0)
levels = [0.1, 0.3, 0.6, 1.0, 2.0]
rows, names = [test[:12]], ["clean x"]
for s in levels:
    noisy = du.corruption.gaussian(test[:12], s, generator)
    rows += [noisy, network(noisy, s)]
    names += [f"x̃, σ = {s:g}", "R(x̃)"]
du.plotting.show_images(rows, names, size=0.5)
plt.show()

# %% [markdown]
# Now one digit at a time. The fourth picture is the arrow of chapter 02, $R(\tilde x)-\tilde x=\sigma^2\hat s(\tilde x)$: one number for each pixel, red where it should get brighter, blue where darker. Move
# $\sigma$, with the noise $\varepsilon$ held fixed. At small $\sigma$ the arrow is little more than $-\sigma\varepsilon$, the noise turned round. At large $\sigma$ it still is that, to the eye: at which level does the
# *reconstruction* stop being this digit, and become another, or a blur of several? The static page shows one choice.

# %%
epsilon = torch.randn(10, 1, 28, 28, generator=torch.Generator().manual_seed(1)).to(
    device
)
one_each = torch.stack([test[test_labels == digit][0] for digit in range(10)])


# %% mystnb={"image": {"alt": "Four pictures of one digit: clean, corrupted with noise level 0.5, reconstructed, and the difference of reconstruction and corrupted image in red and blue, which looks like noise but for a trace of the strokes."}} tags=["nbval-ignore-output"]
def draw(sigma, digit):
    x = one_each[digit]
    noisy = x + sigma * epsilon[digit]
    reconstruction = network(noisy[None], sigma)[0]
    _, axes = plt.subplots(1, 4, figsize=(7, 2), layout="none")
    for ax, picture, title in zip(
        axes,
        [x, noisy, reconstruction, reconstruction - noisy],
        ["x", f"x̃, σ = {sigma:g}", "R(x̃)", "R(x̃) − x̃"],
    ):
        signed = ax is axes[3]
        look = (
            {"cmap": "RdBu_r", "vmin": -2 * sigma, "vmax": 2 * sigma}
            if signed
            else {"vmin": 0, "vmax": 1}
        )
        ax.imshow(picture[0].cpu(), **look)
        ax.set_title(title)
        ax.axis("off")


du.slide(
    draw,
    sigma=[0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 1.0, 1.5, 2.0, 3.0],
    digit=list(range(10)),
    start={"sigma": 0.5, "digit": 4},
)

# %% [markdown] tags=["slide"]
# ## The loss and its floor
#
# How far is the loss from the best possible? It cannot reach 0. By chapter 02 its least value is $H(R^*_i)$, the entropy of a coin with the posterior mean as its probability, averaged over pixels, images, noise and levels: for short, the entropy of the pixels *given the corrupted image*. Part of that is there without any noise: a grey pixel, $0<x_i<1$, costs $H(x_i)$ even if $x$ is known.

# %% [markdown]
# For the law of *all* digits nobody knows this floor. For the training set, as a law of 8,000 atoms, we do: its posterior mean is a weighted mean of the
# training images, with weights that fall with their distance from $\tilde x$. That is the exact optimum of the *training* loss. Call it the memoriser. Below, its loss at 1,000 training images with levels from the law of the
# training: **no network can get below that line**, but for the chance in a batch.

# %%
atoms = images.flatten(1).double()


def memoriser(x_noisy, sigma):
    """The posterior mean if the training images were all there is; sigma: a float, or (N, 1)."""
    distance = torch.cdist(x_noisy.flatten(1).double().cpu(), atoms)
    weights = (-(distance**2) / (2 * sigma**2)).softmax(1)
    return (weights @ atoms).clamp(0, 1).to(x_noisy).reshape(x_noisy.shape)


def bce_per_pixel(r, x):
    return (
        du.objectives.bce(r.clamp(1e-4, 1 - 1e-4).logit(), x).mean().item()
        / x[0].numel()
    )


def floor(
    r,
):  # the entropy of the pixels given the corrupted image, were r the posterior mean
    return du.objectives.entropy(r).mean().item() / r[0].numel()


# %%
drawn = images[
    torch.randperm(len(images), generator=torch.Generator().manual_seed(0))[:1000]
].to(device)
levels = du.corruption.log_normal()(1000, generator)  # the law of the training
noisy = du.corruption.gaussian(drawn, levels, generator)
least = bce_per_pixel(memoriser(noisy, levels[:, None].cpu()), drawn)
grey = floor(drawn)

# %% mystnb={"image": {"alt": "Training loss, binary cross-entropy per pixel, against step: it falls fast at first, then slowly, and levels off a little above a dashed line, the least value that the training loss can have, which is far above zero. A lower dashed line marks the entropy of the grey pixels alone."}} tags=["nbval-ignore-output", "slide"]
fig, ax = plt.subplots()
ax.plot(history.smoothed(25))
for height, name, place in [
    (least, "least possible: the memoriser's loss", "bottom"),
    (grey, "grey pixels alone", "top"),
]:
    ax.axhline(height, color="gray", ls="--", lw=1)
    ax.text(
        len(history.loss),
        height,
        name,
        ha="right",
        va=place,
        fontsize=9,
        color="gray",
    )
ax.set(
    xlabel="step",
    ylabel="BCE per pixel (nats)",
    ylim=(0, 0.25),
    title="Training loss over all noise levels, mean of 25 steps, and its floor",
)
plt.show()

# %%
du.claim(
    "the floor of the training loss is above zero, nats a pixel", least, at_least=0.06
)
du.claim(
    "mean loss of the last 100 steps over its floor",
    history.smoothed(100)[-1] / least,
    at_least=1.0,
    at_most=1.5,
)

# %% [markdown]
# So most of what is left on the curve is floor, and more of it may be: the law of all digits has more doubt in it than 8,000 atoms have. Now the same by noise level, and on **test** digits that neither the network nor the memoriser has seen. One kindness to the memoriser: all answers are held between $10^{-4}$ and $1-10^{-4}$. Otherwise a pixel of which it is sure, and wrong, would cost it far more, without limit as $\sigma\to0$.

# %%
some = test[:300]
sigmas = [0.1, 0.2, 0.4, 0.8, 1.6, 3.2]
table = {"network": [], "memoriser": [], "memoriser's own belief": []}
for s in sigmas:
    noisy = du.corruption.gaussian(some, s, generator)
    table["network"].append(bce_per_pixel(network(noisy, s), some))
    recalled = memoriser(noisy, s)
    table["memoriser"].append(bce_per_pixel(recalled, some))
    table["memoriser's own belief"].append(floor(recalled))

# %% mystnb={"image": {"alt": "Test BCE per pixel against noise level: the memoriser is far worse than the network at small noise and meets it at large noise; the entropy it believes in is far too low at small noise."}} tags=["nbval-ignore-output", "slide"]
fig, ax = plt.subplots()
for (name, values), style in zip(table.items(), ["-", "-", ":"]):
    du.plotting.curve(ax, sigmas, values, label=name, ls=style)
ax.set(
    xscale="log",
    xlabel=r"noise level $\sigma$",
    ylabel="test BCE per pixel (nats)",
    ylim=(0, 0.5),
    title="A network generalises where the optimum of its loss does not",
)
ax.set_xticks(sigmas, sigmas)
ax.minorticks_off()
ax.legend()
plt.show()

# %%
du.claim(
    "at sigma = 0.4 the network beats the exact optimum of its own training loss, on test digits",
    table["network"][2] / table["memoriser"][2],
    at_most=0.6,
)
du.claim(
    "at sigma = 3.2 there is nothing to beat: the two agree",
    table["network"][5] / table["memoriser"][5],
    at_least=0.9,
    at_most=1.1,
)
du.claim(
    "the loss has a floor above zero: at sigma = 1.6 even the memoriser believes in an entropy",
    table["memoriser's own belief"][4],
    at_least=0.1,
)

# %% [markdown]
# At large noise, the memoriser's own belief, the entropy of the pixels given $\tilde x$, meets the loss: the loss there *is* its floor, and cannot fall to 0. At small noise the memoriser is sure of the wrong image: a training image, where $x$ is none. The network does better than the optimum of its own training loss because it does not get there: the limits of its layers and of its training let it generalise.
#
# ## What may vary: the Jacobian
#
# By chapter 04 the derivative of $R^*$ with respect to its input, its Jacobian $J$, is $\mathrm{Cov}[x\mid\tilde x]/\sigma^2$: symmetric, with eigenvalues that are never negative. Its leading eigenvectors are the directions in which the digit, given what was seen,
# may still vary. A trained network need not be the gradient of anything. How far off is it? The asymmetry is $|J-J^{\mathsf T}|/|J+J^{\mathsf T}|$; the eigenvectors are those of the symmetric part $(J+J^{\mathsf T})/2$.

# %%
sigma = 0.4
noisy = du.corruption.gaussian(test[1:2], sigma, generator)
J = du.jacobian(network, noisy, sigma).cpu()  # (784, 784)
values, vectors = torch.linalg.eigh((J + J.mT) / 2)
du.claim(
    "the learned Jacobian is not symmetric: its asymmetry (0 for a gradient field)",
    du.asymmetry(J),
    at_least=0.1,
    at_most=0.6,
)
du.claim(
    "its most negative eigenvalue, against the largest",
    values[0].abs().item() / values[-1].item(),
    at_most=0.15,
)
du.claim(
    "few directions: half of the trace lies in 40 of 784",
    (values.flip(0)[:40].sum() / values.sum()).item(),
    at_least=0.5,
)

# %% mystnb={"image": {"alt": "A corrupted digit, its reconstruction, and the six leading eigenvectors of the Jacobian: patterns of red and blue along the strokes, ways for the digit to shift, thicken or close."}} tags=["slide"]
fig, axes = plt.subplots(1, 8, figsize=(9, 1.5))
panels = [noisy[0, 0].cpu(), network(noisy, sigma)[0, 0].cpu()] + [
    vectors[:, -k].reshape(28, 28) for k in range(1, 7)
]
for ax, panel, title in zip(
    axes, panels, ["x̃", "R(x̃)"] + [f"direction {k}" for k in range(1, 7)]
):
    signed = title.startswith("direction")
    reach = panel.abs().max()
    ax.imshow(
        panel,
        cmap="RdBu_r" if signed else "gray",
        vmin=-reach if signed else 0,
        vmax=reach if signed else 1,
    )
    ax.set_title(title, fontsize=8, loc="center")
    ax.axis("off")
plt.show()

# %% [markdown]
# The learned field is *not* a gradient field: its Jacobian is clearly asymmetric. Keep that in mind for the next section, where its arrows are added up along a path.
#
# ## Which image is more probable?
#
# The score is the gradient of $\log p_\sigma$, so its line integral from one image to another is the difference of their log-densities. We never learned a density, and yet can compare. Still at $\sigma=0.4$: from each of
# 100 test digits, walk in a straight line to six other images, and add up the arrows.

# %%
digits = test[:100]
shuffle = torch.randperm(784, generator=torch.Generator().manual_seed(0)).to(device)
others = {
    "the digit of another": test[100:200],
    "the digit, noise 0.2": du.corruption.gaussian(digits, 0.2, generator),
    "the digit, noise 0.4": du.corruption.gaussian(digits, 0.4, generator),
    "uniform noise": torch.rand(digits.shape, generator=generator, device=device),
    "its pixels shuffled": digits.flatten(1)[:, shuffle].reshape(digits.shape),
    "black on white": 1 - digits,
}
gain = {
    name: du.log_density_difference(network, digits, end, sigma, points=20).cpu()
    for name, end in others.items()
}

# %% mystnb={"image": {"alt": "Median change of log-density from a digit to another image: near zero for another digit, clearly negative for noisy digits and shuffled pixels, and most of all for uniform noise and the inverted digit."}} tags=["nbval-ignore-output", "slide"]
fig, ax = plt.subplots(figsize=(7, 2.6))
medians = [g.median().item() for g in gain.values()]
ax.barh(list(gain), medians, color=du.plotting.EXACT)
for i, g in enumerate(gain.values()):
    ax.plot(
        g.quantile(torch.tensor([0.1, 0.9])), [i, i], color=du.plotting.INK, lw=1.2
    )
ax.invert_yaxis()
ax.set(
    xlabel=r"$\log p_\sigma(\mathrm{image}) - \log p_\sigma(\mathrm{digit})$, nats (median; line: 10 to 90 %)"
)
plt.show()

# %%
order = ["the digit of another", "the digit, noise 0.2", "the digit, noise 0.4"]
for above, below in [*zip(order, order[1:]), (order[-1], "uniform noise")]:
    share = (gain[above] > gain[below]).float().mean().item()
    du.claim(
        f"more probable: {above}, than {below} (share of 100)", share, at_least=0.9
    )
share = (gain["black on white"] < 0).float().mean().item()
du.claim(
    "more probable: the digit, than black on white (share of 100)",
    share,
    at_least=0.9,
)

# %% [markdown]
# More probable means here: of higher density. It does not mean typical. A digit with noise 0.4 is just what $p_\sigma$ draws at $\sigma=0.4$, and a clean digit is what it hardly ever draws; yet the clean one has the higher density, by hundreds of nats. How the inverted digit compares with uniform *noise* we do not claim. Both lie further from the digits than noise of level 0.4 takes them; there the arrows mean little, and another seed of the training orders the two otherwise.

# %% [markdown] tags=["slide"]
# ## Recap
#
# * One call trains the network: BCE from logits, a law over noise levels, orthogonalised steps. At each $\sigma$ the optimum is that level's posterior mean.
# * The loss has a floor, the entropy of the pixels given the corrupted image. On test digits a network can beat the optimum of its own training loss.
# * The Jacobian of a denoiser shows what may vary, and the line integral of its arrows ranks images by probability.

# %% [markdown]
# **Check your understanding.** Open the answer that you would give: it says whether it is right, and why.

# %% tags=["remove-input"]
du.quiz("05")

# %% [markdown]
# **Exercises.** (a) Train at one level only, with `sigma=0.4`, for the same number of steps; compare the test BCE there. (b) Integrate along two different paths from a digit to another, and relate the difference to
# the asymmetry. (c) Predict the effect of `objective="mse"` on the figure of the floor, then try. (d) Train with `optimiser="adam"` for as many steps, and find how many it needs for the same test loss. (e) Move the noisy digit along
# the first eigenvector, by up to $\pm8$, and pass it through $R$ again: what does it turn into?
# They wait with checks in [exercises/05-a-denoiser-for-images.ipynb](exercises/05-a-denoiser-for-images.ipynb).
#
# **References.** Vincent et al. 2008; Alain & Bengio 2014; Creswell, Arulkumaran & Bharath 2017; Karras et al. 2022 (the law over noise levels); Jordan et al. 2024 (Muon); Mohan et al. 2020.
