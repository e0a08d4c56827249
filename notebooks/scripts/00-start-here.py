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
# [Open in Colab](https://colab.research.google.com/github/OWNER/denoising-and-the-score/blob/main/notebooks/00-start-here.ipynb)
#
# **Question.** What is this book, and does my machine run it?
#
# **You will be able to** say in one sentence what a denoising autoencoder has to do with the gradient of a log-density; know that your machine is ready; choose a way through the book.
#
# **Prerequisites.** Python, gradients, densities. Nothing about autoencoders. **Time.** Ten minutes to read; the code takes seconds on two CPU cores (the README has
# the measured times).
#
# **From the paper.** This book is a companion to A. Creswell, K. Arulkumaran and A. A. Bharath, *On denoising autoencoders trained to minimise binary cross-entropy*, arXiv:1708.08487 (2017). It takes up five statements of that paper, P1 to P5 below.

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

# %% [markdown] tags=["slide"]
# ## In one sentence
#
# Show a network corrupted images, ask for the clean ones, score its answers by binary cross-entropy (BCE): then **its reconstruction minus its input points along the gradient of the log-density of the corrupted data**, at every noise level.
# Such a network is a **denoising autoencoder** (DAE), and the gradient of a log-density with respect to the data is called its **score**.
# So a denoiser, applied again and again, climbs towards more probable images. It can make digits from noise, mend the samples of another model, and with all noise levels together it is a diffusion model.

# %% [markdown]
# ## Does my machine run it?
#
# A graphics card (GPU) is used where there is one; none is needed. If the cell above or the next one fails, it says what is missing and how to get it.

# %% tags=["nbval-ignore-output"]
import os
import platform
from importlib.metadata import PackageNotFoundError, version

missing = []
print(f"Python {platform.python_version()}, {os.cpu_count()} CPU cores")
for package in [
    "torch",
    "torchvision",
    "matplotlib",
    "ipywidgets",
    "safetensors",
    "torchmetrics",
    "scipy",
    "sympy",
    "scikit-learn",
]:
    try:
        print(f"{package:13} {version(package)}")
    except PackageNotFoundError:
        missing.append(package)
if missing:
    raise ImportError(
        f"missing: {', '.join(missing)}. Run `make setup` in the book's folder, or: pip install {' '.join(missing)}"
    )
print(
    "device:",
    du.pick_device(),
    "  budget:",
    du.budget(quick="quick (set DAE_BUDGET=full for longer training)", full="full"),
)

# %% [markdown]
# ## A taste, in under a minute
#
# Ten real digits that the network has not seen, with Gaussian noise of standard deviation $\sigma = 0.6$ in units where black is 0 and white is 1. One pass of the denoiser reconstructs them. Then we feed each
# answer back, as the paper does.

# %%
import matplotlib.pyplot as plt
import torch

du.plotting.use_style()
digits, labels = du.digits("test")
denoiser = du.load("digits-unet-bce")
device = du.pick_device()

sigma = 0.6
clean = digits[:10].to(device)
noisy = du.corruption.gaussian(clean, sigma, torch.Generator(device).manual_seed(0))
path = du.iterate(denoiser, noisy, 5, sigma, return_path=True)

# %% mystnb={"image": {"alt": "Four rows of ten digits: clean, drowned in noise, reconstructed in one pass, and after five passes: crisp digits, not always the right ones."}} tags=["slide"]
du.plotting.show_images(
    [clean, noisy, path[1], path[5]], ["clean x", "noisy x̃", "one pass R(x̃)", "five passes"], size=0.62
)
plt.show()

# %% [markdown]
# Two numbers say what happened. A line that begins with ✓ is a claim of the book that was just checked: it shows the value found here and, in brackets, the bound that it must keep. The second claim needs no density, only the network: its score, a gradient, added up along the way from one image to
# another gives the difference of their log-densities (chapter 04 shows how).

# %%
error = [(x - clean).square().mean().item() for x in path]
du.claim("One pass leaves {} of the squared error", error[1] / error[0], at_most=0.1)
climb = du.log_density_difference(denoiser, noisy, path[1], sigma)
du.claim(
    "Every one of the ten images became more probable: by the learned score, the smallest gain in log p_sigma is {} nats",
    climb.min().item(),
    at_least=0.0,
)

# %% [markdown]
# Look at the last row. Five passes give crisper digits, and not always the one that was there: the chain seeks *a* probable image, not *the* clean one. Why it climbs, where it ends, and what that is good for is what the chapters are about.

# %% [markdown]
# ## The map
#
# | chapter | the question | the paper |
# |---|---|---|
# | 00 Start here | What is this, and does my machine run it? | |
# | 01 Corrupt and reconstruct | What is a denoising autoencoder, and why may its loss be BCE when pixels are grey? | P1 |
# | 02 The score inside BCE | Why does such a network know the gradient of log p? | P2 |
# | 03 Does a network know it? | Does a trained one agree, where the truth is known? | P2 |
# | 04 Walking uphill | What happens when it is applied again and again? | P3 |
# | 05 A denoiser for images | How do I train one on images, and what has it understood? | P1, P2 |
# | 06 Synthesis from noise | Do digits appear when noise is denoised again and again? | P3, P4 |
# | 07 Refining samples | Can it improve images that another model made? | P5 |
# | 08 BCE or MSE | Same optimum: does the choice of loss matter? | P1, P2 |
# | 09 Where the theory bends | When does it fail? | P1, P2, P3, P4 |
# | 10 From one noise level to many | What is a diffusion model, then? | beyond P4, P5 |
#
# Appendix A1 takes the same three calls to your own images.
#
# What the paper states, numbered for our own use: **P1** on images BCE is a natural loss; **P2** a DAE trained with BCE can be used to take gradient steps in data space towards regions of high probability; **P3** hence iterating it moves a sample from low
# to higher probability; **P4** from random noise, iteration synthesises novel samples consistent with the training data; **P5** samples made by other methods are improved by iterating it.
#
# **Three ways through.** *One lecture* (50 minutes): the figures of 01, the boxed line of 02, the arrows of 03, the grids of 06. *Three lectures*: 01 and 02; 03, 04 and 05; 06, 07 and 10, with 08 and 09 for the questions they raise. *On your own*: all of it in order, a chapter a sitting, with the exercises; each chapter runs
# alone, offline, in any order.

# %% [markdown] tags=["slide"]
# ## The symbols
#
# | symbol | meaning | in code |
# |---|---|---|
# | $x$ | clean data, in $[0,1]^d$, with law $p$ | `x` |
# | $\sigma$ | noise level: standard deviation of the corruption, in the units of $x$ | `sigma` |
# | $\tilde x = x + \sigma\varepsilon$ | corrupted data, $\varepsilon\sim N(0,I)$; never clamped | `x_noisy` |
# | $p_\sigma$ | density of the corrupted data: $p$ convolved with the noise, $p * N(0,\sigma^2I)$ | `law.smooth(sigma)` |
# | $s_\sigma = \nabla\log p_\sigma$ | its score | `law.smooth(sigma).score(x)` |
# | $a(\tilde x)$, $R(\tilde x) = \mathrm{sigmoid}(a(\tilde x))$ | logits and reconstruction of a network | `denoiser.logits`, `denoiser(x_noisy, sigma)` |
# | $R^*(\tilde x) = E[x\mid\tilde x]$ | posterior mean: the best possible reconstruction | `law.posterior_mean(x_noisy, sigma)` |
# | $\hat s(\tilde x) = (R(\tilde x)-\tilde x)/\sigma^2$ | score read off a denoiser | `du.score_from_denoiser` |

# %% [markdown]
# ## How the book keeps its word
#
# If a claim fails when you run a chapter, the cell raises an error that says by how much. All the lines that begin with ✓ together are the book's tests. A print of numbers that vary from machine to machine says so.

# %% [markdown] tags=["slide"]
# ## Recap
#
# * Reconstruction minus input is $\sigma^2$ times the score of the corrupted data: the line the whole book turns on.
# * Your machine runs it. Next: chapter 01.

# %% [markdown]
# **Check your understanding.** Open the answer that you would give: it says whether it is right, and why.

# %% tags=["remove-input"]
du.quiz("00")

# %% [markdown]
# **Exercises.** (a) Set `sigma = 1.0` in the taste. What changes, and why? (b) Give the denoiser a smaller sigma than the noise really has.
# (c) Write the sentence in bold as a formula, and check it on a law whose density is known.
# They wait with checks in [exercises/00-start-here.ipynb](exercises/00-start-here.ipynb).
#
# **References.** Creswell, Arulkumaran & Bharath 2017 (arXiv:1708.08487).
