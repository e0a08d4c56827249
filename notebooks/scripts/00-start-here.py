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
# # 00 · Start here
#
# Take handwritten digits, add so much noise that they are hard to read, and show them to a network that was trained to remove noise. We tell the network how strong the noise is. The third row of Figure 0.1 is its answer. It is very good.
#
# Now feed the answer back to the network, as if it were noisy, and repeat that until the network has been applied five times. The last row shows what comes out. Compare it with the first row, digit by digit.

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

# %% tags=["hide-input"] mystnb={"image": {"alt": "Four rows of ten digits: clean, noisy, after one step, and after five steps. After one step nearly all digits are restored. After five steps all are crisp, but the fourth, a 7, has turned into a 9, and the seventh, a 3, has turned into a 1; both are framed in orange."}, "figure": {"caption": "**Figure 0.1. Sharper is not truer.** Test digits at noise level 0.6, after one and after five applications of a trained denoiser. We chose eight that survive and two that turn into other digits (framed); of all 200 that we tried, about one in fifteen is read as another digit by a classifier. Below: the name that a classifier gives to the last row."}}
import base64
import io
import os
import platform
from importlib.metadata import PackageNotFoundError, version

import matplotlib.pyplot as plt
import torch
from IPython.display import HTML
from PIL import Image

du.plotting.use_style()
digits, labels = du.digits("test")
clean, labels = digits[:200], labels[:200]
denoiser = du.load("digits-unet-bce", "cpu")  # trained with BCE on other digits
classifier = du.load("digits-classifier", "cpu")  # names the digit in an image

sigma = 0.6  # black is 0, white is 1
generator = torch.Generator().manual_seed(0)
noisy = clean + sigma * torch.randn(clean.shape, generator=generator)
path = du.iterate(denoiser, noisy, 5, sigma, return_path=True)
shown = [0, 3, 5, 50, 6, 7, 183, 8, 9, 12]
rows = [clean[shown], noisy[shown], path[1][shown], path[5][shown]]
fig = du.plotting.show_images(rows, ["clean", "noisy", "1 step", "5 steps"])
with torch.no_grad():
    unspoilt, after_one, names = (
        classifier(x).argmax(1) for x in (clean, path[1], path[5])
    )
for column, (i, ax) in enumerate(zip(shown, fig.axes[30:])):
    ax.set_xlabel(names[i].item(), fontsize=9)
    if names[i] != labels[i]:
        for framed in (ax, fig.axes[column]):
            framed.spines[:].set(
                visible=True, color=du.plotting.LEARNED, linewidth=2.5
            )
plt.show()

# %% tags=["hide-input", "nbval-ignore-output"]
error = [(x - clean).square().mean().item() for x in path]
misread = [(read != labels).sum().item() for read in (unspoilt, after_one, names)]
du.table(
    [
        ["clean", 0.0, misread[0]],
        ["noisy", error[0], None],
        ["after 1 step", error[1], misread[1]],
        ["after 5 steps", error[5], misread[2]],
    ],
    {"": "", "squared error per pixel": ".3f", "digits misread, of 200": "d"},
)

# %% [markdown]
# Two numbers make the surprise precise. The first application reduces the squared error per pixel from 0.36 to 0.010. Four more make the strokes crisper, and the error *rises* to 0.019. So the network does not simply remove what is left of the noise. Applied again and again, it moves an image towards something else. This book shows that it is a more *probable* image, which need not be the one we started from.
#
# What happens if there is no digit at all to start from? Figure 0.2 shows 40 images of pure noise, and the same network, applied ten times. (The noise has mean $\frac12$, mid-grey. Chapter 06 finds out why that matters.)


# %% tags=["hide-cell"]
def looping(frames, columns=10):
    """A GIF and its last frame as bytes; frames: (steps + 1, N, 1, 28, 28)."""
    pictures = []
    for images in frames.clamp(0, 1):
        rows = [torch.cat(list(row[:, 0]), 1) for row in images.split(columns)]
        grey = (torch.cat(rows) * 255).byte().numpy()
        pictures.append(Image.fromarray(grey).resize((560, 224), 0).quantize(32))
    moving, still = io.BytesIO(), io.BytesIO()
    milliseconds = [900, *[350] * (len(pictures) - 2), 2500]
    settings = dict(append_images=pictures[1:], duration=milliseconds, loop=0)
    pictures[0].save(moving, "gif", save_all=True, **settings)
    pictures[-1].save(still, "png")
    return moving.getvalue(), still.getvalue()


def shown_as(kind, content):
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"


# %%
generator = torch.Generator().manual_seed(3)
noise = 0.5 + torch.randn(40, 1, 28, 28, generator=generator)
synthesis = du.iterate(denoiser, noise, 10, 1.0, return_path=True)  # 10 steps, σ = 1

# %% tags=["hide-input", "nbval-ignore-output", "animation"]
moving, still = looping(synthesis)
alt = "Forty images of noise, which become forty handwritten digits within ten steps."
last = shown_as("png", still)
calm = f'<source media="(prefers-reduced-motion: reduce)" srcset="{last}">'
loop = f'<img alt="{alt}" width="100%" src="{shown_as("gif", moving)}">'
paper = (
    f'<img class="still" style="display: none" alt="{alt}" width="100%" src="{last}">'
)
HTML(f"<picture>{calm}{loop}</picture>{paper}")

# %% [markdown]
# **Figure 0.2. Noise becomes digits.** The same network, told that the noise level is 1, is applied ten times to Gaussian noise. It was trained to denoise; nobody trained it to generate.
#
# **Question.** What is this book about, and how do I use it?
#
# **You will be able to** say in one sentence what a denoising autoencoder has to do with the gradient of a log-density, and choose your way through the book.
#
# **You need** Python, a little PyTorch, calculus and probability; nothing about autoencoders. **Time.** Ten minutes to read; the code takes seconds on two CPU cores.
#
# **From the paper.** The book is a companion to A. Creswell, K. Arulkumaran and A. A. Bharath, *On denoising autoencoders trained to minimise binary cross-entropy*, [arXiv:1708.08487](https://arxiv.org/abs/1708.08487) (2017).
#
# [Open in Colab](https://colab.research.google.com/github/OWNER/denoising-and-the-score/blob/main/notebooks/00-start-here.ipynb)

# %% [markdown]
# ## The book in one sentence
#
# A **denoising autoencoder** (DAE) is a network that is shown a corrupted image $\tilde x$ and trained to produce the clean image $x$; its answer is called the reconstruction $R(\tilde x)$. Here the corruption is Gaussian noise, with a standard deviation that we call $\sigma$. The difference between answer and input, $R(\tilde x)-\tilde x$, is an arrow in the space of images. The book turns on one fact about it:
#
# > **For the best possible network, trained with binary cross-entropy, this arrow is $\sigma^2$ times the gradient of the log-density of the corrupted data.**
#
# That gradient is called the **score**. It points to where noisy images become more probable. So an application of the best denoiser is a step uphill, and chapter 04 shows that it never overshoots. (Binary cross-entropy is not the only loss with this property. It is the natural one for pixels, and chapter 08 compares it with the squared error.)

# %% [markdown]
# Why would anyone want the *gradient* of a density, rather than the density? Because the density of images is hard to write down. Let a network compute any positive function of an image: to make it a density you must divide by its integral over all possible images, and nobody can compute that constant. (There are networks built so that the constant is 1. That restricts what they may compute.) Take the logarithm and then the gradient, and the constant disappears. What is left, an arrow at each point, can be learned by a network that merely removes noise. And arrows suffice to climb to probable images, to repair the samples of another model, and to generate new ones. Today's diffusion models are built on this idea.

# %% [markdown]
# ## What the paper states
#
# We number the paper's statements for later reference. Each chapter says which of them it takes up. Note that P2 and P3 speak of the distribution that generated the *clean* data, whereas the sentence above is about the *corrupted* data. Chapter 02 makes the difference precise, and chapter 04 measures it.
#
# * **P1.** On images, binary cross-entropy (BCE) is a natural loss.
# * **P2.** A DAE trained with BCE can be used to take gradient steps in data space towards regions of high probability under the data-generating distribution.
# * **P3.** Hence iterating it moves a sample from regions of low to regions of higher probability under the data-generating distribution.
# * **P4.** Starting from random noise, iteration synthesises novel samples consistent with the training data.
# * **P5.** Samples made by other methods are improved by iterating it.

# %% [markdown]
# ## The map
#
# | chapter | the question | paper |
# |---|---|---|
# | [01 Corrupt and reconstruct](01-corrupt-and-reconstruct.ipynb) | What is a denoising autoencoder, and what should it answer when it cannot know? | P1 |
# | [02 The score inside BCE](02-the-score-inside-bce.ipynb) | Why does such a network know the gradient of a log-density? | P2 |
# | [03 Does a network know it?](03-does-a-network-know-it.ipynb) | Does a trained one agree, where the truth is known? | P2 |
# | [04 Walking uphill](04-walking-uphill.ipynb) | What happens when it is applied again and again? | P3 |
# | [05 A denoiser for images](05-a-denoiser-for-images.ipynb) | How do I train one on images, and what has it understood? | P1, P2 |
# | [06 Synthesis from noise](06-synthesis-from-noise.ipynb) | Do digits appear when noise is denoised again and again? | P3, P4 |
# | [07 Refining samples](07-refining-samples.ipynb) | Can it improve images that another model made? | P5 |
# | [08 BCE or MSE](08-bce-or-mse.ipynb) | Does the choice of the loss matter? | P1, P2 |
# | [09 Where the theory bends](09-where-the-theory-bends.ipynb) | When does it fail? | P1 to P4 |
# | [10 From one noise level to many](10-from-one-noise-level-to-many.ipynb) | What is a diffusion model, then? | beyond |
# | [A1 Your own data](A1-your-own-data.ipynb) | How do I do this with my own images? | |
# | [A2 What it took](A2-what-it-took.ipynb) | Which parts of the training recipe matter? | |
#
# Read the chapters in order if you can, one at a sitting, with the exercises. If you have an hour, read 01 and 02, look at the first figures of 03, and at the grids of images in 06. If you come for diffusion models, read 01, 02, 03 and 10. Each chapter runs alone, offline and in any order.

# %% [markdown]
# ## How to read a chapter
#
# On the web pages most code is folded away; click *Show code* to see it. What stays open is the idea itself. A line that begins with ✓ is a statement of the book that was checked while the chapter ran. It shows the value that was found and, in brackets, the bound it must satisfy. If a bound is broken, the chapter stops with an error. Here are two such lines, about the experiment above.

# %% tags=["hide-input"]
du.claim("One step leaves {} of the squared error", error[1] / error[0], at_most=0.05)
du.claim(
    "After five steps the error is larger than after one, by a factor of {}",
    error[5] / error[1],
    at_least=1.4,
)

# %% [markdown]
# ## The symbols
#
# | symbol | meaning | in code |
# |---|---|---|
# | $x$ | clean data in $[0,1]^d$, distributed according to $p$ | `x` |
# | $\sigma$ | noise level: the standard deviation of the noise, in the units of $x$ | `sigma` |
# | $\tilde x = x + \sigma\varepsilon$ | corrupted data, $\varepsilon\sim N(0,I)$; never clamped to $[0,1]$ | `x_noisy` |
# | $p_\sigma$ | density of the corrupted data: $p$ blurred by the noise | `density.smooth(sigma)` |
# | $s_\sigma = \nabla\log p_\sigma$ | its score | `density.smooth(sigma).score(x)` |
# | $a(\tilde x)$, $R(\tilde x) = \mathrm{sigmoid}(a(\tilde x))$ | logits and reconstruction of a network | `denoiser.logits`, `denoiser(x_noisy, sigma)` |
# | $R^*(\tilde x) = E[x\mid\tilde x]$ | posterior mean: the best possible reconstruction | `density.posterior_mean(x_noisy, sigma)` |
# | $\hat s(\tilde x) = (R(\tilde x)-\tilde x)/\sigma^2$ | score read off a denoiser | `du.score_from_denoiser` |

# %% [markdown]
# ## Does your machine run the book?
#
# This page was made by running it. An NVIDIA graphics card is used where there is one, and none is needed. If you run the notebook yourself, the folded cell below names the versions it found, or says what is missing and how to get it.

# %% tags=["hide-cell", "nbval-ignore-output"]
missing, found = [], []
print(f"Python {platform.python_version()}, {os.cpu_count()} CPU cores")
packages = (
    "torch torchvision matplotlib ipywidgets safetensors torchmetrics scipy sympy"
)
for package in [*packages.split(), "scikit-learn"]:
    try:
        found.append(f"{package} {version(package)}")
    except PackageNotFoundError:
        missing.append(package)
if missing:
    names = " ".join(missing)
    raise ImportError(
        f"missing: {names}. Run `make setup` in the book's folder, "
        f"or: pip install {names}"
    )
print(", ".join(found))
amount = du.budget(quick="quick (DAE_BUDGET=full trains longer)", full="full")
print(f"device: {du.pick_device()}, budget: {amount}")

# %% [markdown]
# ## What to remember
#
# * A denoising autoencoder is trained to undo noise. Applied again and again, it does something else: it moves its input towards images that are more probable under the density of the noisy data. (For the best denoiser this is a theorem.)
# * Where the noise is Gaussian, what the best such network adds to its input is $\sigma^2$ times the score, the gradient of the log-density of the corrupted data.
# * Sharper is not truer: after five steps the digits look better and lie further from the originals than after one.

# %% [markdown]
# **Check your understanding.** Pick an answer and click it to see whether it is right.

# %% tags=["remove-input"]
du.quiz("00")

# %% [markdown]
# **Exercises.** (a) Set the noise level of the experiment to 1. What changes, and why? (b) Give the denoiser a smaller noise level than the noise really has. (c) Write the sentence in bold as a formula, and check it on a distribution whose density is known. They are in [exercises/00-start-here.ipynb](exercises/00-start-here.ipynb).
