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
# Eight handwritten digits stand in the first row of Figure 5.1, behind noise of standard deviation 0.5. Three programs were asked what the digits looked like before. None of them has seen these digits.
#
# Program A replaces each pixel by the mean of its neighbourhood. It knows nothing about digits. The answers of program B are clean and sharp, as if a person had written them. The answers of program C are a little softer. Compare each answer with the noisy digit above it, then decide: which of the three has understood something?

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
import sys

import matplotlib.pyplot as plt
import torch
from matplotlib.patches import FancyBboxPatch
from torch import nn
from torch.nn import functional as F
from tqdm import tqdm

du.plotting.use_style()
EXACT, LEARNED = du.plotting.EXACT, du.plotting.LEARNED
INK, GREY = du.plotting.INK, du.plotting.GREY
images, _ = du.digits("train")
test, test_labels = du.digits("test")
clothes, _ = du.fashion("train")
test_clothes, _ = du.fashion("test")

sigma = 0.5
shipped = du.load("digits-unet-bce", "cpu")  # a network, trained for longer
memoriser = du.Memoriser(images)  # explained below

generator = torch.Generator().manual_seed(2)
noisy = test + sigma * torch.randn(test.shape, generator=generator)

# %% tags=["hide-input"] mystnb={"image": {"alt": "Five rows of eight digits: noisy; blurred smudges by program A; sharp digits by program B, of which some are other digits than the noisy ones; slightly soft digits by program C; and the clean digits."}, "figure": {"caption": "**Figure 5.1. Three programs answer.** Above: digits with noise of standard deviation 0.5. A is a blur, B and C are explained in the text. Below: the truth."}}
pick = list(range(8))


def blur(x):  # each pixel becomes the mean of 5 x 5
    return F.avg_pool2d(x, 5, stride=1, padding=2)


seen = noisy[pick]
rows = [seen, blur(seen), memoriser(seen, sigma), shipped(seen, sigma), test[pick]]
du.plotting.show_images(rows, ["noisy", "A", "B", "C", "clean"])
plt.show()

# %% tags=["hide-input", "nbval-ignore-output"]
weights = memoriser.posterior(seen, sigma).max(1).values
print("largest weight of one stored digit:", *(f"{w:.2f}" for w in weights))

# %% [markdown]
# Program B is right six times and wrong twice. It took the 5 and the 9 at the beginning for a 3, and it shows no doubt. Its answers are so sharp because somebody did write them. B has stored 8,000 digits. It looks for the stored digits that could have produced the noisy one, and answers with their mean, weighted by their probabilities. The line above gives the largest weight in each mean: in every column most of the answer is one stored digit.
#
# Program C is a network that was trained on the same 8,000 digits with binary cross-entropy. And here is the strange part: B is the *exact optimum* of the loss that C was trained to minimise. If the training of C had gone perfectly, C would be B. We shall call B the **memoriser**, and it will come back in chapters 06 and 07.
#
# **Question.** How do you train a denoiser on images, and what has it understood when its training is done?
#
# **You will be able to** write two denoisers for images, a plain encoder-decoder and a U-Net, and train them on digits and on clothes. You will know what their loss can and cannot tell you, and how to ask a denoiser what may vary in an image and which of two images is more probable.
#
# **You need** chapters 01 and 02; two results of chapter 04 are quoted. **Time.** Forty minutes to read; the code takes one to two minutes on two CPU cores.
#
# **From the paper.** Statements P1 and P2 on images: binary cross-entropy as a natural loss, and a trained denoiser as a source of gradient steps. The paper's own object is an encoder and a decoder in series, trained at one noise level. The U-Net is a later invention.
#
# [Open in Colab](https://colab.research.google.com/github/OWNER/denoising-and-the-score/blob/main/notebooks/05-a-denoiser-for-images.ipynb)

# %% [markdown]
# ## Two networks
#
# The first network is the arrangement of chapter 01: an **encoder** squeezes the noisy image into 64 numbers, the **code**, and a **decoder** makes an image of them. It is a `du.Denoiser`, which is an ordinary `nn.Module` with one method to fill in, `logits`. Calling the network gives the reconstruction $R(\tilde x)=\mathrm{sigmoid}(a(\tilde x))$.


# %%
class Plain(du.Denoiser):
    def __init__(self, hidden=512, code=64):
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Flatten(),  # (N, 1, 28, 28) -> (N, 784)
            nn.Linear(784, hidden),
            nn.ReLU(),
            nn.Linear(hidden, code),
        )
        self.decoder = nn.Sequential(
            nn.Linear(code, hidden),
            nn.ReLU(),
            nn.Linear(hidden, 784),
            nn.Unflatten(1, (1, 28, 28)),
        )

    def logits(self, x_noisy, sigma=None):
        return self.decoder(self.encoder(x_noisy - 0.5))


# %% [markdown]
# This network treats an image as a list of 784 numbers. It does not know which pixels are neighbours, and what it learns about a stroke in one corner is of no use to it in another corner.
#
# A **convolution** knows both. It slides a small window of weights, here $3\times3$, over the image. At every place it multiplies the nine pixels under the window by the nine weights and adds them up. The results form an image again, called a *map*. Sixteen different windows give sixteen maps: one may respond to horizontal edges, another to dark gaps. The same few weights serve everywhere, because a stroke is a stroke wherever it lies.
#
# One window sees only nine pixels. To see more, the network shrinks its maps: a window that moves two pixels at a time halves the height and the width. After two such steps the maps measure $7\times7$, and one dense layer can look at the whole digit at once.

# %% [markdown]
# Shrinking has a price. On a $7\times7$ map nobody can say exactly where a thin stroke had its edge. A **skip connection** makes up for it: on the way up, the maps of each size are added to those that had the same size on the way down. The coarse maps know *what* the digit is, the fine ones *where* its edges are. Drawn with the shrinking on the left and the growing on the right the network looks like a U, hence **U-Net** (Ronneberger, Fischer & Brox 2015). Figure 5.2 shows both networks; follow the two arrows that bridge the U.

# %% tags=["hide-input"] mystnb={"image": {"alt": "Two drawings. Above, the plain network: bars for 784 pixels, 512 units, a code of 64 numbers, 512 units and 784 logits, in a row. Below, the U-Net: boxes of size 28, 14 and 7 go down on the left to a dense layer and come up on the right; horizontal arrows labelled skip lead from left to right at sizes 28 and 14."}, "figure": {"caption": "**Figure 5.2. The two networks.** Above: in the plain network everything must pass through the 64 numbers of the code. Below: in the U-Net the skip connections carry detail past the narrow part."}}
fig, (top, bottom) = plt.subplots(2, 1, figsize=(7.2, 4.6), height_ratios=[1, 1.9])
LINE = {"fc": "#EEEEEE", "ec": "#444444"}


def box(ax, x, y, width, height, text="", below=""):
    style = "round,pad=0.02"
    ax.add_patch(FancyBboxPatch((x, y), width, height, boxstyle=style, **LINE))
    ax.text(x + width / 2, y + height / 2, text, ha="center", va="center", fontsize=9)
    ax.text(x + width / 2, y - 0.12, below, ha="center", va="top", fontsize=9)


def arrow(ax, a, b, text="", **style):
    style = {"arrowstyle": "-|>", "color": "#444444", **style}
    ax.annotate("", b, a, arrowprops=style)
    middle = (a[0] + b[0]) / 2, (a[1] + b[1]) / 2 + 0.1
    ax.text(*middle, text, ha="center", va="bottom", fontsize=9)


layers = [(784, "pixels", 2.0), (512, "", 1.5), (64, "code", 0.5)]
layers += [(512, "", 1.5), (784, "logits", 2.0)]
for k, (size, name, height) in enumerate(layers):
    x = 0.9 + 2.1 * k
    box(top, x, 1.2 - height / 2, 0.45, height)
    top.text(x + 0.22, 0.02, f"{size}\n{name}", ha="center", va="top", fontsize=9)
    if k:
        arrow(top, (x - 1.55, 1.2), (x - 0.1, 1.2))
for x, name in [(3.2, "encoder"), (7.4, "decoder")]:
    top.text(x, 2.35, name, ha="center", fontsize=9)
top.set(xlim=(0, 11), ylim=(-0.9, 2.6), title="plain: everything through the code")

rows = [(3.3, 1.1, "16 maps\n28 × 28"), (1.75, 0.9, "32 maps\n14 × 14")]
for k, (y, height, text) in enumerate(rows):
    left, right = 1.1 + 1.5 * k, 8.3 - 1.5 * k
    box(bottom, left, y, 1.6, height, text)
    box(bottom, right, y, 1.6, height, text)
    middle = y + height / 2
    skip = {"lw": 2.2, "color": INK}
    arrow(bottom, (left + 1.7, middle), (right - 0.1, middle), "skip: add", **skip)
box(bottom, 4.0, 0.1, 1.2, 0.95, "64 maps\n7 × 7")
box(bottom, 5.8, 0.1, 1.2, 0.95, "dense:\nall at once")
arrow(bottom, (5.28, 0.75), (5.74, 0.75))
arrow(bottom, (5.74, 0.4), (5.28, 0.4))
arrow(bottom, (2.2, 3.22), (2.9, 2.72))
arrow(bottom, (3.7, 1.68), (4.3, 1.12))
arrow(bottom, (4.9, 1.12), (7.0, 1.7))
arrow(bottom, (8.1, 2.72), (8.8, 3.22))
arrow(bottom, (0.25, 3.85), (1.02, 3.85))
arrow(bottom, (10.0, 3.85), (10.75, 3.85))
bottom.text(0.6, 3.95, "image", ha="center", va="bottom", fontsize=9)
bottom.text(10.4, 3.95, "logits", ha="center", va="bottom", fontsize=9)
bottom.text(1.75, 2.85, "shrink", ha="center", fontsize=9)
bottom.text(9.25, 2.85, "grow", ha="center", fontsize=9)
bottom.set(xlim=(0, 11), ylim=(0, 4.6), title="U-Net: detail takes a short cut")
for ax in (top, bottom):
    ax.axis("off")
plt.show()

# %% [markdown]
# Here is the U-Net in code. A block adds a convolution of the maps to the maps themselves. That is a skip connection, too, a very short one. `shrink` halves the maps and `grow` doubles them. Read `logits` beside the drawing, from left to right.


# %%
class Block(nn.Module):
    def __init__(self, maps):
        super().__init__()
        self.convolution = nn.Conv2d(maps, maps, 3, padding=1)

    def forward(self, x):
        return x + self.convolution(F.silu(x))


def dense(maps, side, units=256):  # sees all maps at all places at once
    size = maps * side * side
    layers = nn.Flatten(), nn.Linear(size, units), nn.SiLU(), nn.Linear(units, size)
    return nn.Sequential(*layers, nn.Unflatten(1, (maps, side, side)))


# %%
class UNet(du.Denoiser):
    def __init__(self, a=16, b=32, c=64):
        super().__init__()
        self.enter, self.leave = nn.Conv2d(1, a, 3, 1, 1), nn.Conv2d(a, 1, 3, 1, 1)
        self.down1, self.up1, self.down2, self.up2 = map(Block, (a, a, b, b))
        self.shrink1, self.shrink2 = (
            nn.Conv2d(a, b, 4, 2, 1),
            nn.Conv2d(b, c, 4, 2, 1),
        )
        self.grow1 = nn.ConvTranspose2d(b, a, 2, stride=2)
        self.grow2 = nn.ConvTranspose2d(c, b, 2, stride=2)
        self.whole = dense(c, 7)

    def logits(self, x_noisy, sigma=None):
        fine = self.down1(self.enter(2 * x_noisy - 1))  # 16 maps of 28 x 28
        half = self.down2(self.shrink1(fine))  # 32 maps of 14 x 14
        coarse = self.shrink2(half)  # 64 maps of 7 x 7
        coarse = coarse + self.whole(coarse)
        half = self.up2(half + self.grow2(coarse))  # skip connection
        fine = self.up1(fine + self.grow1(half))  # skip connection
        return self.leave(F.silu(fine))


# %% tags=["hide-input"]
torch.manual_seed(0)
plain, unet, plain_clothes = Plain(), UNet(), Plain()


def count(module):
    return sum(p.numel() for p in module.parameters())


print(f"plain network: {count(plain):,} weights")
print(f"U-Net: {count(unet):,} weights, ", end="")
print(f"{count(unet) - count(unet.whole):,} of them in its windows")

# %% [markdown]
# ## Training
#
# The training loop is that of chapter 01. It draws clean images, corrupts them, asks for a reconstruction and takes a small step against the gradient of the loss. One line is new: the network notes its noise level in `level`, and refuses to be used at another.


# %%
def train(network, images, sigma, steps, batch_size=128, seed=1):
    torch.manual_seed(seed)
    network.level.fill_(sigma)
    optimiser = torch.optim.Adam(network.parameters(), lr=2e-3)
    losses = []
    for _ in tqdm(range(steps), desc="training", leave=False, file=sys.stdout):
        x = images[torch.randint(len(images), (batch_size,))]
        x_noisy = x + sigma * torch.randn_like(x)  # corrupt, never clamp
        logits = network.logits(x_noisy)  # reconstruct
        loss = F.binary_cross_entropy_with_logits(logits, x)  # compare
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    return losses


# %% tags=["nbval-ignore-output"]
steps = du.budget(quick=1000, full=4000)
plain_losses = train(plain, images, sigma, steps)
train(plain_clothes, clothes, sigma, steps)
print(f"plain network, after {steps} steps: {sum(plain_losses[-50:]) / 50:.3f} nats")

# %% [markdown]
# The U-Net is trained by `du.fit`, which does the same with additions. It lets the learning rate fall to zero and keeps a running average of the weights. For networks of convolutions it also uses the optimiser Muon (Jordan et al. 2024) in place of Adam. Appendix A2 measures what each addition is worth.

# %%
history = du.fit(
    unet,
    images,
    sigma=sigma,
    steps=du.budget(quick=300, full=3000),
    batch_size=64,
    device="cpu",
)

# %% [markdown]
# Figure 5.3 shows answers of the three networks on images that they have never seen. Compare the second column, and the edges of the strokes. Below are clothes: which parts of a garment come back, and which do not?

# %% tags=["hide-input"] mystnb={"image": {"alt": "Seven rows of eight images. Digits: noisy, answer of the plain network, answer of the U-Net, clean. The plain network turns the second digit, a 9, into a 3, the U-Net keeps it. Clothes: noisy, answer of the plain network, clean: shapes and shades return, prints and folds do not."}, "figure": {"caption": "**Figure 5.3. The U-Net keeps detail that the code loses.** Noise level 0.5, test images. Above: digits. Below: a plain network that was trained on clothes."}}
generator = torch.Generator().manual_seed(3)
noisy_clothes = test_clothes + sigma * torch.randn(
    test_clothes.shape, generator=generator
)
for network in (plain, unet, plain_clothes):
    network.requires_grad_(False)
dressed = noisy_clothes[:8]
rows = [seen, plain(seen), unet(seen), test[pick]]
rows += [dressed, plain_clothes(dressed), test_clothes[:8]]
names = ["noisy", "plain", "U-Net", "clean", "noisy", "plain", "clean"]
du.plotting.show_images(rows, names)
plt.show()

# %% [markdown]
# Both networks recover most digits, but the plain network turned the 9 of the second column into a 3, just as the memoriser did. The U-Net kept it, although it has seen fewer images: 300 batches of 64 are 19,200 draws from the training set, and 1,000 batches of 128 are 128,000. Two things differ here, the network with its small windows and its training, and this figure cannot tell which of them helped.
#
# On the clothes the shapes and the shades come back. Prints, buttons and folds do not, because the noise hides them and the answer is a mean over all that fits.

# %% [markdown]
# ## The loss and its floor
#
# The U-Net ends with a loss of about 0.09 nats per pixel. Is that good? It cannot be 0. Chapter 01 found that even the best answer $R^*$ pays the entropy $h$ of a coin that comes up white with probability $R_i^*$, averaged over pixels:
# $$\text{floor}=E\,\tfrac1{784}\sum_i h\big(R_i^*(\tilde x)\big),\qquad h(m)=-m\log m-(1-m)\log(1-m).$$
# For the distribution of *all* digits nobody knows $R^*$. But training does not use all digits. It uses 8,000 of them, each as probable as any other, and for these Bayes' rule gives the best answer exactly:
# $$R^*(\tilde x)=\sum_k w_k\,x_k,\qquad w_k=P(x_k\mid\tilde x)\;\propto\;\exp\Big(-\frac{|\tilde x-x_k|^2}{2\sigma^2}\Big).$$
# This is program B. It needs no training, only the training set.


# %%
def memorise(x_noisy, sigma):
    stored = images.flatten(1).double()
    distance = torch.cdist(x_noisy.flatten(1).double(), stored)
    weights = (-(distance**2) / (2 * sigma**2)).softmax(1)  # P(stored | x_noisy)
    return (weights @ stored).reshape(x_noisy.shape)


# %% [markdown]
# `du.Memoriser` is the same function, packaged as a denoiser. How does it do on the loss? We ask it and the networks twice: about 400 digits of the training set, and about 400 test digits.
#
# One detail first. The memoriser is often so certain of a black pixel that it answers with less than a millionth. If the pixel was grey after all, that costs more than it deserves in a comparison, and without limit as $\sigma\to0$. So we hold all answers between 0.0001 and 0.9999 before we compute a loss. This is a favour to the memoriser; the last line of the output shows how large. The squared error in the last column needs no favour.


# %% tags=["hide-input"]
def bce(r, x, edge=1e-4):  # nats per pixel
    return F.binary_cross_entropy(r.double().clamp(edge, 1 - edge), x.double()).item()


# %% tags=["hide-input", "nbval-ignore-output"]
generator = torch.Generator().manual_seed(4)
known = images[torch.randperm(len(images), generator=generator)[:400]]
known_noisy = known + sigma * torch.randn(known.shape, generator=generator)
new, new_noisy = test[1000:1400], noisy[1000:1400]
programs = {
    "plain, this chapter": lambda y: plain(y),
    "U-Net, this chapter": lambda y: unet(y),
    "U-Net, shipped": lambda y: shipped(y, sigma),
    "memoriser": lambda y: memoriser(y, sigma),
}
losses = {}
for name, program in programs.items():
    on_known, on_new = bce(program(known_noisy), known), bce(program(new_noisy), new)
    squares = (program(new_noisy) - new).square().mean().item()
    losses[name] = on_known, on_new, squares
columns = {"BCE, training": ".3f", "BCE, test": ".3f", "squared error, test": ".4f"}
du.table(
    [[name, *values] for name, values in losses.items()],
    {"noise level 0.5": ""} | columns,
)
grey = bce(known, known, 1e-9)
print(f"entropy of the grey pixels alone, training digits: {grey:.3f}")
sure = memoriser(new_noisy.double(), sigma)
print("memoriser, test BCE, if answers stay 0.0001 away from 0 and 1:", end=" ")
print(f"{bce(sure, new):.3f}, 0.000001: {bce(sure, new, 1e-6):.3f}, ", end="")
print(f"a millionth of a millionth: {bce(sure, new, 1e-12):.3f}")

# %% tags=["hide-input"]
du.claim(
    "On test digits the loss of the U-Net is {} of the plain network's",
    losses["U-Net, this chapter"][1] / losses["plain, this chapter"][1],
    at_most=0.92,
)

# %% tags=["hide-cell"]
du.claim(
    "The memoriser of the book and the function above differ by {} at most",
    (memoriser(new_noisy[:50], sigma) - memorise(new_noisy[:50], sigma)).abs().max(),
    at_most=1e-3,
    tolerance=100,
)
du.claim(
    "On training digits the memoriser pays more than the grey pixels cost by {} nats",
    losses["memoriser"][0] - grey,
    at_least=-0.002,
    at_most=0.004,
    tolerance=5,
)
du.claim(
    "On training digits the best network's loss is {} times the memoriser's",
    min(v[0] for k, v in losses.items() if k != "memoriser") / losses["memoriser"][0],
    at_least=1.1,
)
du.claim(
    "On test digits the memoriser's squared error is {} times the shipped network's",
    losses["memoriser"][2] / losses["U-Net, shipped"][2],
    at_least=2.5,
)

# %% [markdown]
# Read the first column: on training digits nothing comes near the memoriser. Its loss is 0.059, and that is hardly more than the entropy of the grey pixels: at this noise level it recognises every training digit and is in no doubt at all. The shipped network, with 15,000 steps in place of our 300, is a little closer. No network can get below it, except by the luck of a batch.
#
# Now read the other columns. On test digits the networks keep their order, and the memoriser falls from the first place to the last. It is the worst of the four, and it would be worse still without our favour. It is certain of a wrong image, because the right one is not in its store. The networks have hardly noticed the difference between the two sets.
#
# So a low training loss is not what we want. We want the network to miss the optimum of its training loss in a particular way: by answering sensibly about images that nobody stored. This is called **generalisation**. The loss does not ask for it. It comes from the limits of the network: from its code, from its small windows, from its training.

# %% [markdown]
# ## One network for every noise level
#
# The table looked at one noise level. For other levels we could train other networks, one each. It is more convenient to train one network for all levels and to *tell* it the level: $\sigma$ becomes a second input, drawn anew for each image of a batch. At any fixed level the best answer is still the posterior mean for that level. So nothing in chapter 02 changes.
#
# How does one tell a convolution a number? The usual way is an **embedding**. We turn $\log\sigma$ into sixteen numbers, sines and cosines of several frequencies. Some change slowly with $\sigma$, some quickly, so that both large and small differences are easy to see for the layers that follow. A dense layer makes one number for each map of them, and that number is added to the whole map before the convolution. In this way the level can make some windows respond and silence others.


# %%
def embed(sigma, pairs=8):  # (N,) -> (N, 16)
    angle = sigma.log()[:, None] * torch.linspace(0.25, 3, pairs)
    return torch.cat([angle.sin(), angle.cos()], 1)


class ToldBlock(nn.Module):
    def __init__(self, maps):
        super().__init__()
        self.shift = nn.Linear(16, maps)
        self.convolution = nn.Conv2d(maps, maps, 3, padding=1)

    def forward(self, x, level):  # level: from embed
        told = x + self.shift(level)[:, :, None, None]  # one number for each map
        return x + self.convolution(F.silu(told))


# %% [markdown]
# `du.UNetDenoiser(noise_levels=True)` is built on the same plan from such blocks, with two more of them at the coarsest scale. The shipped network is one of these. It was trained with BCE on the same 8,000 digits for 15,000 steps, and its levels were drawn from a log-normal distribution. Its logarithm has the mean $-1$ and the standard deviation 1.2, so half of the levels lie below 0.37 and about one in six above 1.2. Figure 5.4 puts it beside the memoriser at three levels. Look for the level at which the network stops showing *this* digit and shows a mixture.

# %% tags=["hide-input"] mystnb={"image": {"alt": "Three groups of rows at noise levels 0.25, 1 and 2: noisy digits, answers of the network, answers of the memoriser. The network's answers go from sharp to soft mixtures; the memoriser's are sharp at 0.25 and but for one at 1, and mostly soft at 2."}, "figure": {"caption": "**Figure 5.4. What the noise hides, the network leaves open.** Three noise levels. The network (R) answers with softer images as the noise grows. The memoriser (M) stays sharp until several of its stored digits fit."}}
generator = torch.Generator().manual_seed(0)
rows, names = [test[:10]], ["clean"]
for level in (0.25, 1.0, 2.0):
    y = du.corruption.gaussian(test[:10], level, generator)
    rows += [y, shipped(y, level), memoriser(y, level)]
    names += [f"σ = {level:g}", "R", "M"]
du.plotting.show_images(rows, names, size=0.55)
plt.show()

# %% [markdown]
# At 0.25 the network's answers are sharp. At 1 several are mixtures, and at 2 most are: the noisy image would fit many digits, and their mean is blurred. No training can remove that blur. At 1 nearly all answers of the memoriser are still sharp, because 8,000 digits are few in a space of 784 dimensions: one of them is usually much nearer to the noisy image than all others. At 2 the memoriser has to mix more often.
#
# Figure 5.5 turns this into numbers, with 300 digits of either set. Compare the two panels, which have the same range.

# %% tags=["hide-input"]
levels = [0.1, 0.2, 0.4, 0.8, 1.6, 3.2]
curves = {(who, on): [] for who in ("network", "memoriser") for on in ("old", "new")}
memory_squares, network_squares = [], []
generator = torch.Generator().manual_seed(5)
for level in levels:
    for on, x in [("old", known[:300]), ("new", test[1000:1300])]:
        y = du.corruption.gaussian(x, level, generator)
        by_network, by_memory = shipped(y, level), memoriser(y, level)
        curves["network", on].append(bce(by_network, x))
        curves["memoriser", on].append(bce(by_memory, x))
    network_squares.append((by_network - x).square().mean().item())
    memory_squares.append((by_memory - x).square().mean().item())

# %% tags=["hide-input"] mystnb={"image": {"alt": "Two panels of BCE per pixel against noise level. Left, training digits: the memoriser's curve lies below the network's at every level. Right, test digits: the memoriser's curve is high and flat at small noise, the network's lies far below; they meet at about noise level 1.6."}, "figure": {"caption": "**Figure 5.5. A network generalises where the optimum of its loss does not.** Left: on digits of the training set nothing beats the memoriser. Right: on test digits the network does, at every level at which a digit can still be recognised. All answers are held between 0.0001 and 0.9999."}}
fig, axes = plt.subplots(1, 2, figsize=(7.2, 3), sharey=True)
for ax, on, title in zip(
    axes,
    ("old", "new"),
    ("training digits: the memoriser wins", "test digits: the network wins"),
):
    du.plotting.curve(ax, levels, curves["memoriser", on], color=EXACT)
    du.plotting.curve(ax, levels, curves["network", on], color=LEARNED)
    ax.set(xscale="log", xlabel=r"noise level $\sigma$", ylim=(0, 0.3), title=title)
    ax.set_xticks(levels, [f"{s:g}" for s in levels])
    ax.minorticks_off()
axes[0].set_ylabel("BCE per pixel (nats)")
axes[0].text(0.1, 0.035, "memoriser", color=EXACT)
axes[0].text(0.1, 0.085, "network", color=LEARNED)
axes[1].text(0.1, 0.265, "memoriser", color=EXACT)
axes[1].text(0.1, 0.03, "network", color=LEARNED)
plt.show()

# %% tags=["hide-input"]
du.claim(
    "At noise level 0.4 the network's loss on test digits is {} of the memoriser's",
    curves["network", "new"][2] / curves["memoriser", "new"][2],
    at_most=0.5,
)

# %% tags=["hide-cell"]
du.claim(
    "At noise level 3.2 the network's loss on test digits is {} of the memoriser's",
    curves["network", "new"][5] / curves["memoriser", "new"][5],
    at_least=0.92,
    at_most=1.1,
)
excess = [a / b for a, b in zip(curves["network", "old"], curves["memoriser", "old"])]
du.claim(
    "On training digits the network's loss is never below {} of the memoriser's",
    min(excess),
    at_least=0.99,
)
du.claim(
    "At noise level 0.4 the network's squared error is {} of the memoriser's",
    network_squares[2] / memory_squares[2],
    at_most=0.4,
)
told, x = ToldBlock(16), torch.zeros(4, 16, 28, 28)
du.claim(
    "A told block keeps the shape", told(x, embed(torch.ones(4))).shape == x.shape
)
# %% [markdown]
# On training digits the memoriser wins at every level, as it must. On test digits the network's loss at noise level 0.4 is about a third of the memoriser's. At large noise the two curves meet: there so many stored digits fit the noisy image that their mean is nearly the mean over all digits that anybody could write.
#
# At the left end of the right panel the task is easiest, and the memoriser is at its worst. With little noise it is most certain, and it is certain of the wrong image.

# %% [markdown]
# ## Grey targets: is the network's doubt honest?
#
# Now the clothes. The loss of the plain network on clothes is about 0.29, more than twice that on digits. Chapter 01 gave the reason. BCE treats a grey pixel as a coin, and a coin costs its entropy even if everything is known. On clothes the grey pixels alone cost 0.24 nats.
#
# There is a test that is not disturbed by grey. Collect all pixels to which the network gave an answer near 0.3. If its answers are means, as chapter 01 demands, the *true* values of these pixels must have the mean 0.3. Do the same for every other answer; Figure 5.6 shows the result, and the dots should lie on the diagonal. A network that passes this test is called **calibrated**. It may still know little, but it does not pretend.


# %%
def calibration(answers, x, bins=10):
    which = (answers.flatten() * bins).long().clamp(max=bins - 1)
    count = which.bincount(minlength=bins)
    means = [which.bincount(v.flatten(), bins) / count for v in (answers, x)]
    return *means, count / count.sum()


# %% tags=["hide-input"] mystnb={"image": {"alt": "Two panels of the mean true value against the answer, with the diagonal. Digits: the orange dots of the plain network and of the U-Net lie on the diagonal; the blue dots of the memoriser lie on a much flatter curve from 0.04 to 0.8. Clothes: the orange dots of the plain network lie on the diagonal."}, "figure": {"caption": "**Figure 5.6. A network's grey means what it says.** Test images at noise level 0.5. All pixels are sorted by the answer they got; the dots show the mean of their true values. The memoriser's grey does not: it is too sure of black and of white."}}
fig, axes = plt.subplots(1, 2, figsize=(7.2, 3.3), sharey=True)
gaps, beliefs, whitest = {}, {}, {}
for ax, x, y, group in [
    (axes[0], new, new_noisy, {"memoriser": programs["memoriser"], "U-Net": unet}),
    (axes[1], test_clothes[1000:], noisy_clothes[1000:], {"plain": plain_clothes}),
]:
    ax.plot([0, 1], [0, 1], color=GREY, lw=1)
    for name, program in group.items():
        answers = program(y).float().clamp(0, 1)
        said, true, share = calibration(answers, x)
        gaps[name] = (share * (said - true).abs()).sum().item()
        whitest[name] = said[-1].item(), true[-1].item()
        beliefs[name] = bce(answers, answers), bce(answers, x), bce(x, x)
        color = EXACT if name == "memoriser" else LEARNED
        ax.plot(said, true, "o", ms=5, color=color)
    ax.set(xlabel="the answer", aspect="equal")
axes[0].set(
    ylabel="mean of the true pixels", title="digits: the memoriser is too sure"
)
axes[1].set_title("clothes: the network is honest")
axes[0].text(0.35, 0.75, "U-Net", color=LEARNED, ha="right")
axes[0].text(0.6, 0.32, "memoriser", color=EXACT)
axes[1].text(0.35, 0.75, "plain network", color=LEARNED, ha="center")
plt.show()

# %% tags=["hide-input", "nbval-ignore-output"]
du.table(
    [
        [
            f"{name}, {'clothes' if name == 'plain' else 'digits'}",
            paid,
            expected,
            grey,
        ]
        for name, (expected, paid, grey) in beliefs.items()
    ],
    {"test images, noise level 0.5": "", "paid": ".3f"}
    | {"expected to pay": ".3f", "grey alone": ".3f"},
)
said, true = whitest["memoriser"]
print(f"where the memoriser says {said:.2f} the true pixels have the mean {true:.2f}")

# %% tags=["hide-input"]
du.claim(
    "Between an answer on clothes and the mean of the true pixels lie {} on average",
    gaps["plain"],
    at_most=0.02,
    tolerance=1,
)

# %% [markdown]
# The networks' dots lie on the diagonal, for digits and for clothes. Where such a network says 0.3, the truth is 0.3 on average, grey or not. The memoriser's dots do not: the pixels that it calls nearly white, 0.98 on average, have a true mean of 0.83.
#
# The table says the same in nats. "Paid" is the loss on test images, for the networks of this chapter. "Expected to pay" is the entropy of the coins that the program believes in, $h(R_i)$. A calibrated network pays what it expects to pay. Its loss on clothes, 0.29, is high because 0.24 of it is the price of grey, and the network knows it. The memoriser expects to pay 0.066 on test digits, and it pays 0.218.

# %% [markdown]
# ## What may vary: the Jacobian
#
# A loss is one number. A denoiser knows more than that, and we can ask it. Here is a first question: which changes of this digit does the network consider possible?
#
# Chapter 04 showed that the derivative of the best denoiser with respect to its input, its Jacobian, is the covariance of what the clean image may have been, divided by $\sigma^2$:
# $$J(\tilde x)=\frac{\partial R^*}{\partial\tilde x}=\frac{\mathrm{Cov}[x\mid\tilde x]}{\sigma^2}.$$
# The eigenvectors of a covariance with the largest eigenvalues are the directions in which $x$ varies most. So the leading eigenvectors of $J$ are the ways in which the digit may differ from the answer. Mohan, Kadkhodaie, Simoncelli & Fernandez-Granda (2020) used the Jacobian to look into denoisers in this way.

# %% [markdown]
# We take the shipped network at noise level 0.5. A trained network need not have a symmetric Jacobian, so we use its symmetric part. We also measure how far it is from symmetric: $|J-J^{\mathsf T}|/|J+J^{\mathsf T}|$, which is 0 for $R^*$.


# %%
def leading(denoiser, y, sigma):
    J = du.jacobian(denoiser, y, sigma)  # (784, 784)
    values, vectors = torch.linalg.eigh((J + J.mT) / 2)  # rising
    vectors = vectors * vectors.sum(0).sign()  # forwards is where ink is added
    return values.flip(0), vectors.flip(1).mT.reshape(784, 1, 28, 28), J


# %% tags=["hide-input"]
three = [8, 4, 6]  # a 1, a 4 and a 0
modes = {i: leading(shipped, noisy[i : i + 1], sigma) for i in three}

# %% tags=["hide-input"] mystnb={"image": {"alt": "Three rows for a 1, a 4 and a 0. Each shows the noisy digit, the answer, two directions as grey patterns along the strokes, and three answers after a move. Along direction 1 the 1 becomes thin or thick, the left arm of the 4 stands upright or leans outwards, the 0 becomes thick or thin. After the random move the answer looks as before."}, "figure": {"caption": "**Figure 5.7. What may vary in a digit.** A digit and its answer, the two leading directions (white: brighter, black: darker), and the network's answers after the noisy digit was moved by 8 (the noise has the length 14) along the first direction, backwards and forwards, and by 8 along a random one."}}
chance = torch.randn(1, 1, 28, 28, generator=torch.Generator().manual_seed(3))
chance /= chance.norm()
fig, axes = plt.subplots(3, 7, figsize=(7.2, 3.4))
titles = ["noisy", "answer", "direction 1", "direction 2", "−8 along 1"]
titles += ["+8 along 1", "+8, random"]
for row, i in zip(axes, three):
    y, (_, vectors, _) = noisy[i : i + 1], modes[i]
    moved = [shipped(y + t * vectors[:1], sigma) for t in (0, -8, 8)]
    moved.append(shipped(y + 8 * chance, sigma))
    arrows = [0.5 + v / (2 * v.abs().max()) for v in vectors[:2]]
    pictures = [y[0], moved[0][0], *arrows, *(m[0] for m in moved[1:])]
    for ax, picture, title in zip(row, pictures, titles):
        ax.imshow(picture[0].clamp(0, 1), vmin=0, vmax=1)
        ax.axis("off")
        if i == three[0]:
            ax.set_title(title, fontsize=9, loc="center")
plt.show()


# %% tags=["hide-input", "nbval-ignore-output"]
def comes_back(denoiser, y, direction, t, sigma):
    """The share of a move of length t along the direction that the answer keeps."""
    moved = denoiser(y + t * direction, sigma) - denoiser(y, sigma)
    return (moved * direction).sum().item() / t


half, kept, rows = [], [], []
for i in three:
    y, (values, vectors, J) = noisy[i : i + 1], modes[i]
    half.append(int((values.cumsum(0) < values.sum() / 2).sum()) + 1)
    ways = [(vectors[:1], 0.1), (vectors[:1], 8), (vectors[:1], -8), (chance, 8)]
    small, far, back, other = (comes_back(shipped, y, v, t, sigma) for v, t in ways)
    kept.append((far + back) / 2 / small)
    top = " ".join(f"{v:.2f}" for v in values[:3])
    count = f"{half[-1]} of 784"
    moves = (small, far, other)
    rows.append([test_labels[i].item(), top, count, du.asymmetry(J), *moves])
columns = {"digit": "d", "largest eigenvalues": ">", "half the trace": ">"}
columns |= {"asymmetry": ".2f", "kept of a move of 0.1": ".2f"}
columns |= {"of 8": ".2f", "of 8, random direction": ".2f"}
du.table(rows, columns)

# %% tags=["hide-input"]
du.claim(
    "Half of a Jacobian's trace lies in its leading directions, whose number is {}",
    max(half),
    at_most=30,
)

# %% tags=["hide-cell"]
du.claim(
    "The asymmetry of the shipped network's Jacobians is {} at most",
    max(du.asymmetry(J) for _, _, J in modes.values()),
    at_least=0.1,
    at_most=0.6,
)
du.claim(
    "Of a move of eight, a share is kept that is {} of the one for a small move",
    max(kept),
    at_most=0.7,
)

# %% [markdown]
# Read Figure 5.7 from left to right. Each direction follows the strokes. It says where ink may come or go, and it ignores the background. Forwards along its first direction the 1 grows a thick stroke, backwards a thin one. The left arm of the 4 stands upright in one direction and leans outwards in the other, and the 0 becomes thick or thin. These are changes that the noise has left open. The last column is the control. A random move of the same length changes next to nothing, because the network takes it for noise.
#
# The table adds the numbers. A digit may vary in few ways: a dozen directions of 784 hold half of the trace. Small moves along the first one come back *enlarged*, by its eigenvalue, which is above 1. An eigenvalue above 1 means that the clean image is more uncertain in this direction than the noise alone could explain. The network is undecided between alternatives, such as two positions of a stroke, and a small hint tips the balance. Of a move by 8 only a third comes back, because a stroke cannot become whiter than white.
#
# The asymmetry is about 0.25 to 0.3 and not 0. So the field of this network is not exactly a gradient, and we shall see what that costs in the next section.

# %% [markdown]
# ## Which image is more probable?
#
# The second question compares two images. By chapter 02 a denoiser gives the score, $\hat s=(R(y)-y)/\sigma^2$, the slope of $\log p_\sigma$. Walk from an image $a$ to an image $b$ and add up the slopes along the way:
# $$\log p_\sigma(b)-\log p_\sigma(a)=\int_a^b \nabla\log p_\sigma\cdot dr .$$
# The network never learned a density, and nobody knows the constant that would normalise it. The difference comes out all the same. We walk in a straight line, with 20 points on the way, from each of 100 test digits to seven other images.


# %%
def log_ratio(denoiser, a, b, sigma, points=20):
    t = torch.linspace(0, 1, points)
    along = []
    for place in (a + s * (b - a) for s in t):
        score = (denoiser(place, sigma) - place) / sigma**2
        along.append((score * (b - a)).flatten(1).sum(1))
    return torch.trapezoid(torch.stack(along), t, dim=0)  # in nats, (N,)


# %% [markdown]
# How large would these numbers be for somebody who knows nothing? Suppose that $p_\sigma$ were a single Gaussian bump of width $\sigma$ on the digit $x$. Then an image $z$ would lie lower by $|z-x|^2/2\sigma^2$. Noise, for instance, moves an image far, so the bump predicts that a noisy digit is improbable. A network that says so has shown only that it can measure a distance. It shows knowledge where it *departs* from the bump.
#
# Before you look at Figure 5.8, put five images in order of probability. They are another digit, the digit with noise, the digit's own pixels in a shuffled order, an empty black page, and a double exposure. The last one is the mean of the digit and another digit. (The figure adds a second strength of noise, and uniform noise.)

# %% tags=["hide-input"]
generator = torch.Generator().manual_seed(6)
digits, others, via = test[1000:1100], test[1100:1200], test[1200:1300]
shuffle = torch.randperm(784, generator=torch.Generator().manual_seed(0))
ends = {
    "an empty page": torch.zeros_like(digits),
    "another digit": others,
    "a double exposure": (digits + others) / 2,
    "the digit, noise 0.2": du.corruption.gaussian(digits, 0.2, generator),
    "its pixels shuffled": digits.flatten(1)[:, shuffle].reshape(digits.shape),
    "the digit, noise 0.4": du.corruption.gaussian(digits, 0.4, generator),
    "uniform noise": torch.rand(digits.shape, generator=generator),
}


def squares(x):
    return x.double().flatten(1).square().sum(1)


def log_p_stored(y):  # exact for the training set, up to a constant
    match = y.flatten(1).double() @ memoriser.data.T - squares(memoriser.data) / 2
    return (match / sigma**2).logsumexp(1) - squares(y) / (2 * sigma**2)


gain = {name: log_ratio(shipped, digits, end, sigma) for name, end in ends.items()}
bump = {name: -squares(end - digits) / (2 * sigma**2) for name, end in ends.items()}
stored = {
    name: log_p_stored(end) - log_p_stored(digits) for name, end in ends.items()
}

# %% tags=["hide-input"] mystnb={"image": {"alt": "Pairs of horizontal bars, orange for the network and grey for a single bump, with blue diamonds. An empty page is slightly above zero and another digit at zero for the network, while the bump lies far below. The double exposure is slightly negative. With noise both bars are equally long. Shuffled pixels cost the network half of what the bump says. The blue diamonds lie near the ends of the orange bars."}, "figure": {"caption": "**Figure 5.8. The network departs from a single bump.** Change of $\\log p_\\sigma$ from a test digit to another image, $\\sigma=0.5$: medians over 100 digits, in nats; the thin lines hold the middle 80 per cent. Grey: one Gaussian bump on the digit. Blue: exact for the 8,000 training digits."}}
fig, ax = plt.subplots(figsize=(7.2, 3.6))
for i, name in enumerate(ends):
    for value, shift, color in [(gain, -0.18, LEARNED), (bump, 0.18, GREY)]:
        ax.barh(i + shift, value[name].median(), 0.34, color=color)
    low, high = gain[name].quantile(torch.tensor([0.1, 0.9]))
    ax.plot([low, high], [i - 0.18] * 2, color=INK, lw=1)
    ax.plot(
        stored[name].median(), i - 0.18, "D", ms=5, color=EXACT, mec="white", mew=0.7
    )
ax.axvline(0, color=INK, lw=0.8)
ax.set_yticks(range(len(ends)), list(ends))
ax.invert_yaxis()
ax.grid(False, axis="y")
ax.set_xlabel(r"$\log p_\sigma$(image) − $\log p_\sigma$(digit), in nats")
ax.set_title("What an image costs, by the network and by one bump")
ax.text(-268, 4.18, "one bump", ha="right", va="center", color="#666666")
ax.text(-268, 4.82, "network", ha="right", va="center", color=LEARNED)
ax.text(-25, 0.82, "training digits, exact", ha="right", va="center", color=EXACT)
plt.show()

# %% tags=["hide-input", "nbval-ignore-output"]
du.table(
    [[name, *(v[name].median() for v in (gain, bump, stored))] for name in ends],
    {"median, nats": "", "network": ".1f", "bump": ".1f"}
    | {"exact, of the training set": ".1f"},
)

# %% tags=["hide-input"]
double, another = gain["a double exposure"], gain["another digit"]
du.claim(
    "The share of double exposures that are less probable than both digits is {}",
    ((double < 0) & (double < another)).float().mean().item(),
    at_least=0.8,
)

# %% tags=["hide-cell"]
du.claim(
    "Shuffling the pixels of a digit costs {} nats",
    -gain["its pixels shuffled"].median().item(),
    at_least=90,
)

# %% [markdown]
# About Gaussian noise on the digit the network agrees with the bump to within a few nats, so these two rows show nothing. Uniform noise is so far away that we conclude nothing from its row either. Does the other digit? The bump would charge it about 186 nats, and to the network it is as probable as the first. But this looks better than it is. The sum along a line changes its sign when the two ends change places, and the two digits were drawn in the same way. So its median is near zero for *every* map, even for one that knows nothing.
#
# Two rows are evidence. The double exposure lies *between* two digits, and the network puts it in a valley between two hills. And the shuffled pixels have the same ink as the digit, yet they cost about 130 nats.
#
# The blue diamonds are another witness. For the 8,000 training digits $p_\sigma$ is known exactly, and we can put in the same images. The network was never given that density, and its medians come close to it. The double exposure is the exception; the short table below returns to it.
#
# One row may surprise you: the empty page is *more* probable than a digit. More probable means here of higher density, and that is not the same as typical. There is only one empty page, and there are very many digits, so a draw from $p$ is a digit all the same.
#
# Would anything pass these tests, find a double exposure less probable than both of its digits, and charge as much for shuffled pixels? The next table asks others. (It takes 11 points on the way and not 20, so its first row differs a little from the table above.) The four rows from the blur on are maps that have learned nothing about digits, or next to nothing. The short table below it asks the shipped network and the exact density about two kinds of pairs.

# %% tags=["hide-input", "nbval-ignore-output"]
average = images.mean(0, keepdim=True)
asked = {
    "U-Net, shipped": shipped,
    "U-Net, this chapter": unet,
    "plain, this chapter": plain,
    "a blur": lambda y, _: blur(y),
    "always the mean image": lambda y, _: average.expand_as(y),
    "always 1/2": lambda y, _: torch.full_like(y, 0.5),
    "half of the input": lambda y, _: y / 2,
}
shares, cost, rows = {}, {}, []
for name, denoiser in asked.items():
    one, both, mixed = (
        log_ratio(denoiser, digits, ends[end], sigma, 11)
        for end in ("another digit", "a double exposure", "its pixels shuffled")
    )
    shares[name] = ((both < 0) & (both < one)).float().mean().item()
    cost[name] = -mixed.median().item()
    rows.append([name, one.median(), -cost[name], both.median(), shares[name]])
columns = {"medians, nats": "", "another digit": ".1f", "pixels shuffled": ".1f"}
columns |= {"double exposure": ".1f", "below both digits": ".0%"}
du.table(rows, columns)
pairs = {"new": (digits, others), "stored": (known[:100], known[100:200])}
for kind, (a, b) in pairs.items():
    ways = (log_ratio(shipped, a, end, sigma, 11) for end in (b, (a + b) / 2))
    exact = (log_p_stored(end) - log_p_stored(a) for end in (b, (a + b) / 2))
    for who, (one, both) in [
        ("U-Net, shipped", ways),
        ("training set, exact", exact),
    ]:
        shares[who, kind] = ((both < 0) & (both < one)).float().mean().item()
du.table(
    [
        [who, shares[who, "new"], shares[who, "stored"]]
        for who in ("U-Net, shipped", "training set, exact")
    ],
    {"below both digits": "", "new digits": ".0%", "training digits": ".0%"},
)

# %% [markdown]
# The four maps without knowledge find the double exposure less probable than both digits in not a single pair. In the median it is *more* probable than either. A double exposure is paler and smoother than a digit and lies closer to the mean image, and these maps look at nothing else. Two of them find shuffled pixels improbable, because these lie far from the mean image and are not smooth. But they charge at most two thirds of what the shipped network does.
#
# The shipped network passes the test of the double exposure in nine pairs of ten. The U-Net of this chapter, after its short training, passes in about two of three. The plain network passes in about one of seven: for it double exposures are as probable as digits, although its loss is not bad at all.
#
# The short table answers the question of the beginning. Between two digits of the training set the exact density has a valley every time. Between two *new* digits it has one in only four pairs of ten, because for the memoriser a new digit does not lie on a hill. The network hardly distinguishes the two kinds. It has put hills under digits that nobody stored, and that is what it has understood.
#
# So what a denoiser has understood depends on the denoiser, and the loss alone does not show it. Keep this in mind for chapter 06, where the plain network is asked to make digits from noise.
#
# One doubt is left. The network's field is not exactly a gradient, so the sum depends on the way. We go from the digit to the other image by way of a third digit, and compare.

# %% tags=["hide-input", "nbval-ignore-output"]
gaps, rows = {}, []
for name in ("another digit", "its pixels shuffled"):
    first = log_ratio(shipped, digits, via, sigma)
    detour = first + log_ratio(shipped, via, ends[name], sigma)
    gaps[name] = (detour - gain[name]).abs().median().item()
    direct = gain[name]
    rows.append([name, direct.median(), direct.abs().median(), gaps[name]])
columns = {"medians over 100, nats": "", "straight": ".1f", "size": ".1f"}
du.table(rows, columns | {"the detour differs by": ".1f"})

# %% tags=["hide-cell"]
fakes = list(asked)[3:]
du.claim(
    "Shuffled pixels cost the network {} times what they cost the best of these maps",
    cost["U-Net, shipped"] / max(cost[name] for name in fakes),
    at_least=1.3,
)
du.claim(
    "For the exact density the share between stored digits is higher by {}",
    shares["training set, exact", "stored"] - shares["training set, exact", "new"],
    at_least=0.3,
)
du.claim(
    "Of the four maps that learned nothing the best fails in a share of pairs of {}",
    1 - max(shares[name] for name in fakes),
    at_least=0.8,
)
du.claim(
    "Two ways to another digit differ by {} nats",
    gaps["another digit"],
    at_least=0.5,
    at_most=8,
)

# %% [markdown]
# For shuffled pixels the way does not matter much: the two sums differ by about 2 nats of 130. Between two digits they differ by about 2 nats as well, but there the difference itself is small, about 9 nats in size. So what the network says of shuffled pixels hardly depends on the way. But it should not be asked which of two digits is the more probable one by a few nats. Exercise (b) explains the difference by the asymmetry of the Jacobian.

# %% [markdown]
# ## What to remember
#
# * A denoiser for images is trained by the loop of chapter 01. Convolutions and skip connections make the network better at it, and an embedding lets one network serve every noise level.
# * The exact optimum of the training loss is the memoriser, which answers with stored training images. A network is useful because it misses that optimum and generalises.
# * A trained denoiser can be questioned: calibration shows whether its grey is honest, the Jacobian shows what may vary, and the line integral of its score compares the probabilities of two images.

# %% [markdown]
# **Check your understanding.** Pick an answer and click it to see whether it is right.

# %% tags=["remove-input"]
du.quiz("05")

# %% [markdown]
# **Exercises.** (a) Does a network that serves all noise levels pay for it? (b) Integrate along two different paths from a digit to another, and explain the difference by the Jacobian. (c) Does another loss have another floor? (d) How many steps is an optimiser worth? (e) Move the noisy digit along the first eigenvector, by up to $\pm8$: what does it turn into? They are in [exercises/05-a-denoiser-for-images.ipynb](exercises/05-a-denoiser-for-images.ipynb).
#
# **Further reading.** Creswell, Arulkumaran & Bharath (2017), [arXiv:1708.08487](https://arxiv.org/abs/1708.08487). Vincent, Larochelle, Bengio & Manzagol (2008), [doi:10.1145/1390156.1390294](https://doi.org/10.1145/1390156.1390294). Karras, Aittala, Aila & Laine (2022), [arXiv:2206.00364](https://arxiv.org/abs/2206.00364), on the distribution of noise levels.
