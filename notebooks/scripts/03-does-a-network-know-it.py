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
# # 03 · Does a network know it?
#
# Look at Figure 3.1. On the left are some of the 100,000 points on which we trained a small denoising autoencoder. They fall into eight clumps. On the right are the arrows that this network draws after a few seconds of training: its reconstruction minus its input, divided by $\sigma^2$. The noise level was $\sigma=0.1$.
#
# Nobody gave the network a density. It saw noisy points and was trained to return the clean ones. Chapter 02 says that such arrows should point uphill, towards probable points. But these arrows lead to a circle. Between two clumps, where there are hardly any data, they do not turn towards either clump. It looks as if the network had not noticed the eight clumps at all.
#
# Are the arrows wrong?

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
import time

import matplotlib.pyplot as plt
import torch
from sklearn.mixture import GaussianMixture as FittedMixture
from torch import nn

du.plotting.use_style()
EXACT, LEARNED = du.plotting.EXACT, du.plotting.LEARNED
INK, GREY = du.plotting.INK, du.plotting.GREY


def seeded(seed):
    return torch.Generator().manual_seed(seed)


densities = {"ring": du.ring(), "moons": du.moons(), "spiral": du.spiral()}
points = {
    name: density.sample(100_000, seeded(1)).clamp(0, 1)
    for name, density in densities.items()
}
start = time.perf_counter()
network = du.MLPDenoiser(2, hidden=64)
du.fit(network, points["ring"], sigma=0.1, steps=500)
networks = {("ring", 0.1): network.cpu()}
seconds = time.perf_counter() - start

# %% tags=["hide-input", "nbval-ignore-output"] mystnb={"image": {"alt": "Left: grey points in the unit square that form eight round clumps on a circle. Right: orange arrows on a grid. They all point to the circle through the clumps, and they do not bend towards the single clumps."}, "figure": {"caption": "**Figure 3.1. What the network saw, and what it drew.** Left: 3,000 of the 100,000 training points. Right: the arrows of the trained network on a grid of places. The clumps can be counted on the left and not on the right."}}
places = du.plotting.grid(15, 0.04, 0.96)
with torch.no_grad():
    drawn = du.score_from_denoiser(networks["ring", 0.1], places, 0.1)
fig, axes = plt.subplots(1, 2, figsize=(6.6, 3.4), sharey=True)
axes[0].plot(*points["ring"][:3000].T, ".", ms=1.5, color=GREY)
axes[0].set_title("Eight clumps ...")
du.plotting.arrows(axes[1], places, drawn, scale=0.003, color=LEARNED)
axes[1].set_title("... and arrows that lead to a circle")
for ax in axes:
    ax.set(xlim=(0, 1), ylim=(0, 1), aspect="equal", xlabel="$x_1$")
    ax.set_xticks([0, 0.5, 1], ["0", "0.5", "1"])
    ax.set_yticks([0, 0.5, 1], ["0", "0.5", "1"])
    ax.grid(False)
axes[0].set_ylabel("$x_2$")
plt.show()
print(f"500 steps of training took {seconds:.0f} seconds")

# %% [markdown]
# **Question.** Chapter 02 speaks of the best possible reconstruction. Does a network that was *trained*, on a finite sample, agree with it?
#
# **You will be able to** measure a learned score against the exact one; say which density it belongs to; tell what limits it, and which number reveals it.
#
# **You need** chapter 02. **Time.** Half an hour to read; the code takes about a minute and a half on two CPU cores.
#
# **From the paper.** Statement P2: a denoising autoencoder trained with binary cross-entropy can be used to take gradient steps in data space towards regions of high probability under the data-generating distribution. Here we compare such gradients with the true ones.
#
# [Open in Colab](https://colab.research.google.com/github/OWNER/denoising-and-the-score/blob/main/notebooks/03-does-a-network-know-it.ipynb)

# %% [markdown]
# ## One pixel first
#
# There is a problem that we have solved by hand. A pixel is black or white with equal odds, and noise of standard deviation 0.3 is added. Chapter 01 found the best answer to $y=0.6$: it is 0.752. The network there had one weight and one bias, and with these two numbers it could hardly go wrong.
#
# Now we take a network that could become almost any function. It has three hidden layers of 64 units, and the output of the last layer is the logit. A sigmoid turns it into the reconstruction, as in the paper. We call it the **plain network**.


# %%
class Plain(du.Denoiser):
    """Three hidden layers; what the last one returns is the logit."""

    def __init__(self, dim, seed=0):
        super().__init__()
        torch.manual_seed(seed)
        self.layers = nn.Sequential(
            *[nn.Linear(dim, 64), nn.SiLU()],
            *[nn.Linear(64, 64), nn.SiLU()],
            *[nn.Linear(64, 64), nn.SiLU()],
            nn.Linear(64, dim),
        )

    def logits(self, x_noisy, sigma=None):
        return self.layers(2 * x_noisy - 1)


# %% [markdown]
# The call `du.fit` goes through the same four moves as the loop of chapter 01: draw clean data, add noise, reconstruct, step down the loss. It uses a faster optimiser and more even batches; appendix [A2](A2-what-it-took.ipynb) explains both. The data are the two values that a clean pixel can have. We train one network with BCE and one with squared error.

# %%
black_and_white = torch.tensor([[0.0], [1.0]])
pixel_networks = {"bce": Plain(1), "mse": Plain(1)}
for objective, pixel_network in pixel_networks.items():
    du.fit(
        pixel_network,
        black_and_white,
        sigma=0.3,
        steps=400,
        batch_size=512,
        objective=objective,
    )

# %% tags=["hide-input", "nbval-ignore-output"]
y = torch.tensor([[0.0], [0.3], [0.5], [0.6], [1.0]])
best_answer = torch.sigmoid((2 * y - 1) / (2 * 0.3**2))
with torch.no_grad():
    answers = {
        name: pixel_network.cpu()(y) for name, pixel_network in pixel_networks.items()
    }
given = torch.cat([best_answer, answers["bce"], answers["mse"]], 1)
scores = (given - y) / 0.3**2
du.table(
    torch.cat([y, given, scores], 1).tolist(),
    {"y": ".1f", "best answer": ".3f", "BCE's answer": ".3f", "MSE's answer": ".3f"}
    | {"exact score": ".2f", "BCE's score": ".2f", "MSE's score": ".2f"},
)

# %% tags=["hide-cell"]
du.claim(
    "The best answer to 0.6 is 0.752; the plain network trained with BCE answers {}",
    answers["bce"][3].item(),
    at_least=0.735,
    at_most=0.769,
)

# %% tags=["hide-cell"]
for name, answer in answers.items():
    du.claim(
        f"{name}: of all five pixels the largest error of the answer is {{}}",
        (answer - best_answer).abs().max().item(),
        at_most=0.03,
    )

# %% [markdown]
# Both networks found the table of best answers without knowing Bayes' rule. Subtract the input, divide by $\sigma^2=0.09$, and the score follows: the pixel that arrives as 0.6 is pushed towards white with a slope of about 1.7. So far the theory holds for a trained network, for one pixel. In two dimensions the answer is an arrow, and we need more than a table.

# %% [markdown]
# ## A place where the truth is known
#
# To judge arrows we need the exact score at every place and noise level. There is a family of distributions that provides it: mixtures of Gaussians, $p=\sum_kw_k\,N(\mu_k,C_k)$. Add noise to a point of component $k$. The sum of two independent Gaussian vectors is Gaussian, and their covariances add up. So the noisy point has the distribution $N(\mu_k,C_k+\sigma^2I)$, and altogether
# $$p_\sigma=\sum_k w_k\,N(\mu_k,\;C_k+\sigma^2I).$$
# **A mixture of Gaussians stays one under noise.** The centres stay, the bumps get wider.

# %% [markdown]
# This is a sum of functions that we can differentiate. Therefore we know $p_\sigma$, its score $s_\sigma=\nabla\log p_\sigma$ and the posterior mean $R^*$ without any approximation. On images nobody knows them. If the method failed here, we could not trust it there.
#
# Figure 3.2 shows the three distributions that we use. The ring consists of eight round bumps. The moons and the spiral consist of many small bumps along a curve. Compare the upper row, the clean distributions $p$, with the lower row, the distributions $p_\sigma$ of the noisy points.

# %% tags=["hide-input"] mystnb={"image": {"alt": "Six panels of blue contours in the unit square. Above: eight separate bumps on a circle, two thin half moons, a thin spiral. Below, the same with noise: a smooth ring without bumps, one broad blob with two dents, one broad blob with a small dent."}, "figure": {"caption": "**Figure 3.2. Noise blurs the data.** Above: the clean distributions $p$. Below: the distributions $p_\\sigma$ of points with noise of level 0.1. Darker is denser; each panel has its own scale."}}
clean_and_noisy = {"clean, $p$": None, r"noisy, $p_\sigma$": 0.1}


fig, axes = plt.subplots(2, 3, figsize=(6.8, 4.6), sharex=True, sharey=True)
for row, (label, level) in enumerate(clean_and_noisy.items()):
    for ax, (name, density) in zip(axes[row], densities.items()):
        du.plotting.density_contours(ax, density.smooth(level) if level else density)
        ax.set_title(f"{name}, {label}")
        ax.label_outer()
plt.show()

# %% [markdown]
# At this noise level little is left of the detail. The eight bumps of the ring melt into a smooth band, the moons become one dented blob, and the turns of the spiral run into each other. Keep the lower left panel in mind: it will settle the question about Figure 3.1.
#
# A Gaussian has tails, so a few clean points may fall outside the unit square: fewer than one in a million. BCE needs targets in $[0,1]$, so these points are moved to the edge. Noisy points are never moved.

# %% [markdown]
# ## Train, and read off the arrows
#
# The network `du.MLPDenoiser` has the layers of the plain network and one thing more. It begins as a linear denoiser, the best one for points spread evenly over the unit square (appendix A2 derives it). So its layers have to learn only the rest. It is trained on the same 100,000 points all the time and on nothing else, for 500 steps of 1,024 noisy points each.


# %%
def train(name, sigma, steps=500, n=100_000, **settings):
    """A network trained at one noise level on n points of a distribution."""
    network = du.MLPDenoiser(2, hidden=64)
    du.fit(network, points[name][:n], sigma=sigma, steps=steps, **settings)
    return network.cpu()


@torch.no_grad()
def learned_score(network, x_noisy, sigma):
    return (network(x_noisy) - x_noisy) / sigma**2


networks["moons", 0.1] = train("moons", 0.1)
networks["spiral", 0.1] = train("spiral", 0.1)

# %% [markdown]
# Figure 3.3 puts the exact arrows above and the learned arrows below, over the density of the noisy points. Both rows have one scale, and no factor was fitted. Try to find a place where the two rows differ.

# %% tags=["hide-input", "landing-picture"] mystnb={"image": {"alt": "Six panels: exact score arrows in blue above and learned arrows in orange below, for ring, moons and spiral, over contours of the noisy density. The two rows look the same, but for a few places near the corners."}, "figure": {"caption": "**Figure 3.3. The learned arrows are the exact ones, to the eye.** Above: the score $\\nabla\\log p_\\sigma$ at $\\sigma=0.1$, from the formula. Below: $(R(\\tilde x)-\\tilde x)/\\sigma^2$ of networks that saw only samples."}}
fig, axes = plt.subplots(2, 3, figsize=(7.2, 5), sharex=True, sharey=True)
for column, (name, density) in enumerate(densities.items()):
    smoothed = density.smooth(0.1)
    exact = smoothed.score(places)
    learned = learned_score(networks[name, 0.1], places, 0.1)
    for ax, field, color, who in [
        (axes[0, column], exact, EXACT, "exact"),
        (axes[1, column], learned, LEARNED, "learned"),
    ]:
        du.plotting.density_contours(ax, smoothed)
        du.plotting.arrows(ax, places, field, scale=0.003, color=color)
        ax.set_title(f"{name}, {who}")
        ax.label_outer()
plt.show()

# %% [markdown]
# ## Two numbers for a field of arrows
#
# To the eye the rows agree. How well? We draw 20,000 fresh noisy points and compare the learned arrow $\hat s$ with the exact arrow $s_\sigma$ at each of them. The **relative error** is
# $$\sqrt{\frac{E|\hat s-s_\sigma|^2}{E|s_\sigma|^2}} .$$
# It is 0 for perfect arrows. It is 1 for the answer zero everywhere. A value of 0.1 means that the arrows are off by a tenth of their typical length.
#
# The **mean cosine** averages the cosine of the angle between $\hat s$ and $s_\sigma$. It is 1 if all directions are right.

# %% [markdown]
# The two numbers see different faults. Let the exact arrow be $(3,4)$, which has the length 5. The answer $(3.3,4.4)$ is too long by a tenth: its cosine is 1 and its relative error 0.1. The answer $(4,3)$ has the right length and a wrong direction: its cosine is $24/25=0.96$ and its relative error $\sqrt2/5=0.28$. So the cosine does not see lengths. It also counts a tiny arrow as much as a long one, so we rely on the relative error.
#
# The table below has three more rows, all for the ring. In the fourth the same network is trained with squared error. In the fifth it is replaced by the plain network. In the sixth the plain network is also trained as most tutorials do it, with the optimiser Adam on random batches; we tried five learning rates and show the best.


# %% tags=["hide-input"]
def noisy_points(density, sigma, n=20_000):
    generator = seeded(2)
    return du.corruption.gaussian(density.sample(n, generator), sigma, generator)


def error_of(network, name, sigma):
    x_noisy = noisy_points(densities[name], sigma)
    exact = densities[name].smooth(sigma).score(x_noisy)
    return du.relative_error(learned_score(network, x_noisy, sigma), exact)


class RandomBatches:
    """A source that draws points of the ring's sample at random."""

    def sample(self, n, generator=None):
        sample = points["ring"]
        return sample[torch.randint(len(sample), (n,), generator=generator)]


plain, tutorial = Plain(2), Plain(2)
du.fit(plain, points["ring"], sigma=0.1, steps=500)
du.fit(tutorial, RandomBatches(), sigma=0.1, steps=500, optimiser="adam", lr=0.03)
rows = {
    "ring": ("ring", networks["ring", 0.1]),
    "moons": ("moons", networks["moons", 0.1]),
    "spiral": ("spiral", networks["spiral", 0.1]),
    "ring, squared error": ("ring", train("ring", 0.1, objective="mse")),
    "ring, plain network": ("ring", plain.cpu()),
    "ring, plain, Adam, random": ("ring", tutorial.cpu()),
}

# %% tags=["hide-input", "nbval-ignore-output"]
errors, cosines = {}, {}
for label, (name, each) in rows.items():
    x_noisy = noisy_points(densities[name], 0.1)
    exact = densities[name].smooth(0.1).score(x_noisy)
    learned = learned_score(each, x_noisy, 0.1)
    errors[label] = du.relative_error(learned, exact)
    cosines[label] = du.cosine(learned, exact).mean().item()
du.table(
    [[label, errors[label], cosines[label]] for label in rows],
    {"σ = 0.1, 500 steps": "", "relative error": ".3f", "mean cosine": ".4f"},
)

# %% tags=["hide-input"]
du.claim(
    "On none of the three distributions is the relative error larger than {}",
    max(errors[name] for name in densities),
    at_most=0.04,
)

# %% tags=["hide-cell"]
for name in densities:
    du.claim(
        f"On the {name} the mean cosine between learned and exact arrows is {{}}",
        cosines[name],
        at_least=0.97,
    )
du.claim(
    "Trained with squared error the relative error on the ring is {}",
    errors["ring, squared error"],
    at_most=0.04,
)
du.claim(
    "The plain network's error is {} times that of the network that starts linear",
    errors["ring, plain network"] / errors["ring"],
    at_most=2.5,
)
du.claim(
    "With Adam and random batches the plain network's error is {} times as large",
    errors["ring, plain, Adam, random"] / errors["ring"],
    at_least=2.5,
)

# %% [markdown]
# Some seconds of training give arrows with errors of about two per cent. The fourth row agrees with chapter 02: both losses have the same optimum, so good arrows do not show which of them was used. Chapter 08 compares the two.
#
# The last two rows are included for honesty's sake. The plain network, with an ordinary sigmoid on top, is closest to what the paper describes. With our training loop the plain network is nearly as good. With a tutorial's loop its error is several times as large after the same number of steps. So Figure 3.3 shows the statement and also some craft. Appendix [A2](A2-what-it-took.ipynb) takes the craft apart.
#
# (The last layer of `MLPDenoiser` gives the answer itself and not a logit. So that BCE can train it, the answer $r$ is turned into the logit $\log\frac r{1-r}$, and the sigmoid turns it back. Where $r$ lies outside $[0.05, 0.95]$, a straight line continues the logit.)

# %% [markdown]
# ## Whose gradient is it?
#
# People often say that a denoiser learns "the gradient of $\log p$". Chapter 02 says $p_\sigma$. The network itself could have learned either: its *input* was always noisy, but its targets were clean. So there are two candidates: the score of $p$, the distribution of the clean data, and the score of $p_\sigma$, the distribution of the noisy ones. Figure 3.4 draws both on one grid, beside the learned arrows.

# %% tags=["hide-input"] mystnb={"image": {"alt": "Three panels of the ring. Left, over the eight clean bumps, blue arrows that turn to the nearest bump, most of them cut to the largest length. Middle, over the smooth noisy band, short blue arrows that point to the circle. Right, over the same band, orange arrows like those in the middle."}, "figure": {"caption": "**Figure 3.4. The learned arrows belong to the noisy data.** Left: the score of $p$. Middle: the score of $p_\\sigma$. Right: the arrows of Figure 3.1. One grid, one scale and $\\sigma=0.1$; arrows that would be drawn longer than 0.07 are cut, which happens on the left only."}}
ring, few = densities["ring"], du.plotting.grid(13, 0.05, 0.95)


def cut(field, longest=0.07, scale=0.003):
    length = scale * field.norm(dim=1, keepdim=True)
    return field * (longest / length).clamp(max=1)


panels = [
    ("score of $p$", ring, ring.score(few), EXACT),
    (r"score of $p_\sigma$", ring.smooth(0.1), ring.smooth(0.1).score(few), EXACT),
    (
        "learned",
        ring.smooth(0.1),
        learned_score(networks["ring", 0.1], few, 0.1),
        LEARNED,
    ),
]
fig, axes = plt.subplots(1, 3, figsize=(7.2, 2.7), sharey=True)
for ax, (title, density, field, color) in zip(axes, panels):
    du.plotting.density_contours(ax, density)
    du.plotting.arrows(ax, few, cut(field), scale=0.003, color=color)
    ax.set_title(title)
    ax.label_outer()
plt.show()

# %% tags=["hide-input", "nbval-ignore-output"]
x_noisy = noisy_points(ring, 0.1)
learned = learned_score(networks["ring", 0.1], x_noisy, 0.1)
levels = [0, 0.05, 0.08, 0.1, 0.12, 0.2]
against = {
    level: du.relative_error(
        learned, (ring.smooth(level) if level else ring).score(x_noisy)
    )
    for level in levels
}
du.table(
    [
        [f"p blurred by {level}" if level else "p itself", error]
        for level, error in against.items()
    ],
    {"against the score of": "", "relative error of the learned arrows": ".3f"},
)

# %% tags=["hide-input"]
angle = torch.tensor(
    [0, torch.pi / 8], dtype=torch.float64
)  # in a clump; between two
on_circle = 0.5 + 0.3 * torch.stack([angle.cos(), angle.sin()], 1)
dips, rows = {}, []
for name, density in {"p": ring, "p_sigma": ring.smooth(0.1)}.items():
    inside, between = density.log_prob(on_circle).exp().tolist()
    dips[name] = inside / between
    rows.append([name, inside, between])
du.table(rows, {"density": "", "in a clump": ".2f", "between two": ".2f"})

# %% tags=["hide-input"]
du.claim(
    "Against the score of p itself, the same arrows have the relative error {}",
    against[0],
    at_least=0.8,
)
du.claim(
    "Among these candidates the arrows fit best to p blurred by {}",
    min(against, key=against.get),
    at_least=0.1,
    at_most=0.1,
)

# %% [markdown]
# The score of $p$ turns towards the nearest bump and is very long in between. The score of $p_\sigma$ leads to the circle, and so do the learned arrows. The table says the same with numbers. Against $p$ itself the arrows are hardly better than answering zero. Against $p$ blurred by 0.1 they are right, and even a blur of 0.08 or 0.12 fits much worse.
#
# So the arrows of Figure 3.1 were not wrong. The network answers a question about noisy points, and these have hardly any clumps. Walk along the circle from the middle of one clump towards the next. The printed densities say that $p$ falls by a factor of 36 on the way, but $p_\sigma$ by only seven per cent.
#
# At this noise level there is next to nothing to see. The slider at the end of the chapter shows that a network trained at $\sigma=0.025$ does see the clumps. So for P2, too, the density matters: these are gradient steps on $\log p_\sigma$, and at $\sigma=0.1$ hardly on the log-density of the clean data.

# %% [markdown]
# ## How good is good? Two rivals
#
# With less noise the task gets harder, as we shall see in a moment. To judge how hard it is, we give the same 100,000 points to two other estimators of the score.
#
# The first rival is the **maximum-likelihood mixture**. It is told that the data are eight round bumps and searches for the centres, widths and weights under which the sample is most probable. Unlike the network it knows the right family, so it shows roughly the best that this sample allows.
#
# The second rival is the **kernel density estimate** (KDE). It puts a Gaussian bump of width $\sigma$ on every point of the sample and adds them up:
# $$\hat p_\sigma(\tilde x)=\frac1n\sum_{k=1}^nN(\tilde x;\,x_k,\,\sigma^2I).$$

# %% [markdown]
# ## KDE is the optimum of the training loss
#
# A training loop draws its clean points from the sample $x_1,\dots,x_n$. As far as the loop is concerned, the data distribution consists of these $n$ atoms, each with probability $1/n$. With noise these atoms become $\hat p_\sigma$, the kernel density estimate. Apply chapter 02 to this distribution: the minimiser of the training loss is its posterior mean, and
# $$R(\tilde x)-\tilde x=\sigma^2\,\nabla\log\hat p_\sigma(\tilde x).$$
# **A network that minimised the training loss perfectly would have exactly the score of the KDE.**

# %% [markdown]
# So KDE is not just another method. It is the place to which the training would lead if it never stopped and the network could become any function. Its posterior mean is a weighted average of the sample, and Bayes' rule gives the weights:


# %%
def kde_score(x_noisy, sample, sigma):
    """Score of the kernel density estimate: every sample point pulls."""
    scores = []
    for y in x_noisy.split(250):
        squared_distance = torch.cdist(y, sample) ** 2
        weights = torch.softmax(-squared_distance / (2 * sigma**2), dim=1)
        scores.append((weights @ sample - y) / sigma**2)
    return torch.cat(scores)


# %% [markdown]
# Figure 3.5 compares the three on the ring. At each of the four noise levels a network was trained for 500 steps. Look at how the network compares with KDE, and at what happens to all three as the noise gets smaller.

# %% tags=["hide-input"]
sigmas = [0.025, 0.05, 0.1, 0.2]
for sigma in sigmas:
    if ("ring", sigma) not in networks:
        networks["ring", sigma] = train("ring", sigma)
fitted = FittedMixture(8, covariance_type="spherical", tol=1e-5, random_state=0)
fitted.fit(points["ring"].numpy())
likelihood = du.GaussianMixture(fitted.means_, fitted.covariances_, fitted.weights_)
curves = {"network": [], "KDE": [], "likelihood": []}
for sigma in sigmas:
    x_noisy = noisy_points(ring, sigma, 500)
    exact = ring.smooth(sigma).score(x_noisy)
    by_kde = kde_score(x_noisy, points["ring"], sigma)
    by_likelihood = likelihood.smooth(sigma).score(x_noisy)
    curves["network"].append(error_of(networks["ring", sigma], "ring", sigma))
    curves["KDE"].append(du.relative_error(by_kde, exact))
    curves["likelihood"].append(du.relative_error(by_likelihood, exact))

# %% tags=["hide-input", "nbval-ignore-output"] mystnb={"image": {"alt": "Relative error of the score against noise level, both axes logarithmic. All three curves fall from left to right. The network in orange is highest, KDE in grey is below it, the maximum-likelihood mixture in green is lowest; at the right the two rivals meet."}, "figure": {"caption": "**Figure 3.5. Small noise is hard, and after a short training KDE is ahead.** Relative error of the score on the ring, for three estimators that got the same 100,000 points. The network was trained for 500 steps at each level, and its error is measured at 20,000 points, that of the rivals at 500 of the same kind."}}
fig, ax = plt.subplots(figsize=(6, 3.3))
styles = {
    "network": (LEARNED, "o-"),
    "KDE": (GREY, "s-"),
    "likelihood": ("#009E73", "^-"),
}
notes = {"network": "network", "KDE": "KDE", "likelihood": "maximum\nlikelihood"}
for name, errors_of_one in curves.items():
    color, style = styles[name]
    ax.plot(sigmas, errors_of_one, style, color=color, ms=5)
    ax.annotate(
        notes[name],
        (sigmas[0], errors_of_one[0]),
        (-8, 0),
        textcoords="offset points",
        ha="right",
        va="center",
        color=color,
    )
ax.set(
    xscale="log",
    yscale="log",
    xlim=(0.0135, 0.23),
    xlabel=r"noise level $\sigma$",
    ylabel="relative error of the score",
    title="Errors grow as the noise gets smaller",
)
ax.set_xticks(sigmas, sigmas)
ax.set_yticks([0.003, 0.01, 0.03, 0.1], [0.003, 0.01, 0.03, 0.1])
ax.minorticks_off()
plt.show()

# %% tags=["hide-input", "nbval-ignore-output"]
du.table(zip(sigmas, *curves.values()), {"σ": "g"} | dict.fromkeys(curves, ".4f"))

# %% tags=["hide-input"]
du.claim(
    "After this training the network's error at σ = 0.025 is that of KDE times {}",
    curves["network"][0] / curves["KDE"][0],
    at_least=1.4,
)

# %% tags=["hide-cell"]
du.claim(
    "KDE is ahead at every level: the network's error is at least {} times as large",
    min(a / b for a, b in zip(curves["network"], curves["KDE"])),
    at_least=1,
)
for name, bound in {"network": 6, "KDE": 4, "likelihood": 1.1}.items():
    du.claim(
        f"{name}: from sigma = 0.2 to 0.025 the error grows by the factor {{}}",
        curves[name][0] / curves[name][3],
        at_least=bound,
    )
for sigma, error, bound in zip(sigmas, curves["network"], [0.2, 0.09, 0.04, 0.012]):
    du.claim(
        f"At sigma = {sigma} the relative error of the network is {{}}",
        error,
        at_most=bound,
    )

# %% [markdown]
# Small noise is hard for everybody, and for the network most of all. There the arrow is a small difference, $R-\tilde x$, divided by an even smaller number, $\sigma^2$. Any error of the reconstruction is magnified by the division. For KDE the reason is another one: at small noise each arrow depends on the few sample points that lie within about $\sigma$.
#
# In the plane, after a short training, KDE wins. KDE believes every point of the sample and so follows each accident of it, at the scale $\sigma$. A network need not follow each point, and with more steps it can go below KDE. On the ring at $\sigma=0.025$ it does after 12,000 steps, as the web book's page [Benchmarks: scores](../benchmarks.md) shows. At the three larger levels KDE stays ahead even then.
#
# That does not make KDE the better method. On images it would mostly return training images (chapter 05), and there the network's preference for smooth answers is what makes it useful.

# %% [markdown]
# ## Steps or data?
#
# What should you add, more training or more data? Figure 3.6 varies both. Each row has a different number of training points, each column a different number of steps. The last column is KDE with the same points. A training that never stops would approach it, if the network could become any function. Read each row from left to right.

# %% tags=["hide-input"]
steps_tried, data_tried = [30, 100, 500], [100, 3000, 100_000]
table = torch.zeros(3, 4)
x_noisy = noisy_points(ring, 0.1, 500)
exact = ring.smooth(0.1).score(x_noisy)
after = {}
for i, n in enumerate(data_tried):
    for j, steps in enumerate(steps_tried):
        last = steps == 500 and n == 100_000
        after[n, steps] = (
            networks["ring", 0.1] if last else train("ring", 0.1, steps=steps, n=n)
        )
        table[i, j] = error_of(after[n, steps], "ring", 0.1)
    table[i, 3] = du.relative_error(
        kde_score(x_noisy, points["ring"][:n], 0.1), exact
    )

# %% tags=["hide-input"] mystnb={"image": {"alt": "A table of relative errors in shades of grey, three rows for 100, 3,000 and 100,000 points, three columns for 30, 100 and 500 steps and one for KDE. After 30 and 100 steps all rows are nearly equal and dark. After 500 steps the error falls from row to row, and in the first two rows it nearly equals KDE; in the last it is several times as large."}, "figure": {"caption": "**Figure 3.6. Data help only once the steps suffice, and steps help only until the data are used up.** Relative error of the score on the ring at $\\sigma=0.1$; lighter is better. The last column is KDE on the same points, the optimum of the training loss."}}
fig, ax = plt.subplots(figsize=(6, 2.6))
ax.imshow(table.log(), cmap="Greys", vmin=-6, vmax=0.3, aspect="auto")
for i in range(3):
    for j in range(4):
        value = table[i, j].item()
        shown = f"{value:.2f}" if value > 0.1 else f"{value:.3f}"
        color = "white" if value > 0.1 else INK
        ax.text(j, i, shown, ha="center", va="center", color=color, fontsize=11)
ax.axvline(2.5, color="white", lw=4)
ax.set_xticks(range(4), [*(f"{n} steps" for n in steps_tried), "KDE"])
ax.set_yticks(range(3), [f"{n:,}" for n in data_tried])
ax.set(ylabel="training points", title="Steps first, then data")
ax.grid(False)
plt.show()

# %% tags=["hide-cell"]
du.claim(
    "From 3,000 to 100,000 points, at 100 steps, the error falls by the factor {}",
    (table[1, 1] / table[2, 1]).item(),
    at_most=1.3,
)
du.claim(
    "From 3,000 to 100,000 points, at 500 steps, the error falls by the factor {}",
    (table[1, 2] / table[2, 2]).item(),
    at_least=1.3,
)
du.claim(
    "From 100 to 100,000 points, at 500 steps, the error falls by the factor {}",
    (table[0, 2] / table[2, 2]).item(),
    at_least=5,
)
du.claim(
    "With 100 points the error after 500 steps is {} times that of KDE",
    (table[0, 2] / table[0, 3]).item(),
    at_least=0.75,
    at_most=1.25,
)
du.claim(
    "With 100,000 points it is still {} times that of KDE",
    (table[2, 2] / table[2, 3]).item(),
    at_least=1.6,
)

# %% [markdown]
# After 30 and after 100 steps it hardly matters whether the network has 100 points or 100,000. Its training limits it, so more data are wasted. After 500 steps the rows differ by a lot. With 100 points the network is as far from the truth as the KDE of these points, and with 3,000 the network is behind by about a quarter. There the sample is the limit, or nearly so. With 100,000 points the network is still far from KDE, so there more steps would help.

# %% [markdown]
# ## The loss as a certificate, and its condition
#
# So far we judged the arrows by comparing them with the exact score. Chapter 02 promises that the *loss* suffices, if we know its floor:
# $$E|\hat s-s_\sigma|^2\;\le\;\frac{\text{loss}-\text{floor}}{2\sigma^4} .$$
# The floor is the loss of the best reconstruction $R^*$. On the ring we know $R^*$, so we can compute both losses on the same fresh pairs of clean and noisy points. Their difference is an average over pairs and has some scatter. To be on the safe side, the function adds twice its standard error.


# %%
@torch.no_grad()
def certify(network, sigma, n=300_000):
    """Loss and floor on fresh pairs, in nats; certified and true relative error."""
    generator = seeded(3)
    x = ring.sample(n, generator).clamp(0, 1)
    x_noisy = du.corruption.gaussian(x, sigma, generator)
    exact = ring.smooth(sigma).score(x_noisy)
    best = (x_noisy + sigma**2 * exact).clamp(1e-6, 1 - 1e-6)  # the posterior mean
    loss = du.objectives.bce(network.logits(x_noisy), x).double()
    floor = du.objectives.bce(best.logit(), x).double()
    scatter = (loss - floor).std() / n**0.5  # standard error of the excess
    excess = (loss - floor).mean() + 2 * scatter
    power = exact.square().sum(1).mean()  # E|s|^2
    bound = (excess / (2 * sigma**4) / power).sqrt()
    true = du.relative_error(learned_score(network, x_noisy, sigma), exact)
    return loss.mean().item(), floor.mean().item(), bound.item(), true


# %% tags=["hide-input", "nbval-ignore-output"]
checked = {
    "σ = 0.1, 100 steps": (after[100_000, 100], 0.1),
    "σ = 0.1, 500 steps": (networks["ring", 0.1], 0.1),
    "σ = 0.05, 500 steps": (networks["ring", 0.05], 0.05),
    "σ = 0.025, 500 steps": (networks["ring", 0.025], 0.025),
}
results = {label: certify(*each) for label, each in checked.items()}
du.table(
    [[label, *values] for label, values in results.items()],
    {
        "network": "",
        "loss": ".6f",
        "floor": ".6f",
        "certified error": ".3f",
        "true error": ".3f",
    },
)

# %% tags=["hide-input"]
ratios = [certified / true for _, _, certified, true in results.values()]
du.claim(
    "The certified error is at most {} times the true error",
    max(ratios),
    at_most=1.6,
)

# %% tags=["hide-cell"]
du.claim(
    "The certified error is nowhere below the true one: the smallest ratio is {}",
    min(ratios),
    at_least=1,
)

# %% [markdown]
# As in chapter 02, the certified error is the root of the bound, divided by the root mean square of the true score. It lies a little above the true one in every row, so the two losses bound the error well. But look at the digits. In the rows with 500 steps loss and floor agree in the first four decimals, because even an error of some per cent in the score costs only about $10^{-5}$ nats. A training curve cannot show such a difference. One needs many pairs, the same pairs for both losses, and the floor.
#
# That is the condition. On images nobody knows $R^*$. All that we have there is a number *below* the floor, the mean entropy of the clean pixels, and chapter 02 has shown what it is worth on digits: a relative error of at most a quarter.

# %% [markdown]
# ## Look for yourself
#
# Change the noise level in Figure 3.7 and watch the ring. At which level do the learned arrows begin to see the eight clumps? At the smallest level, look at the corners and at the centre: there are no data, and the two panels may differ.


# %% tags=["hide-input", "nbval-ignore-output"] mystnb={"image": {"alt": "Exact arrows on the left and learned arrows on the right over contours of the ring with noise. At the level 0.05 both turn towards the eight clumps."}, "figure": {"caption": "**Figure 3.7. The ring at every noise level.** Exact arrows on the left, and the arrows of a network trained at the chosen level on the right."}}
def draw(sigma):
    smoothed = ring.smooth(sigma)
    learned = learned_score(networks["ring", sigma], few, sigma)
    _, axes = plt.subplots(1, 2, figsize=(5.4, 2.9), layout="none", sharey=True)
    for ax, field, color, who in [
        (axes[0], smoothed.score(few), EXACT, "exact"),
        (axes[1], learned, LEARNED, "learned"),
    ]:
        du.plotting.density_contours(ax, smoothed, points=60)
        du.plotting.arrows(ax, few, cut(field), scale=0.003, color=color)
        ax.set(title=f"ring, {who}", xlabel="", ylabel="")


du.slide(draw, sigma=sigmas, start={"sigma": 0.05})

# %% [markdown]
# ## What to remember
#
# * A network trained with BCE on a sample gives arrows that follow $\nabla\log p_\sigma$ in direction and in length, with errors of a few per cent after seconds of training where the noise is not too small. The score belongs to the noisy data, not to the clean ones.
# * The optimum of the training loss is the kernel density estimate. A short training is limited by its steps, a long one by its data, and small noise makes everything harder.
# * Loss minus floor bounds the error of the score, where the floor is known. A loss alone, without its floor or a number below it, says nothing about the score.

# %% [markdown]
# **Check your understanding.** Pick an answer and click it to see whether it is right.

# %% tags=["remove-input"]
du.quiz("03")

# %% [markdown]
# **Exercises.** (a) Try `du.checkerboard()`. Where are the errors largest, and where do they count? (b) Predict the error at $\sigma=0.02$ from three larger levels, then train there. (c) Compare BCE and squared error over several seeds, with an interval. (d) Give the plain network Fourier features, $\sin$ and $\cos$ of $k\pi x$ for $k=1,\dots,4$. At which $\sigma$ do they help? They are in [exercises/03-does-a-network-know-it.ipynb](exercises/03-does-a-network-know-it.ipynb).
#
# **Lab.** [L1 · A DAE from a blank cell](exercises/L1-a-dae-from-a-blank-cell.ipynb): write the noise, the loss, the network, its training and the score yourself, in about three hours.
#
# **Further reading.** Vincent (2011), [A connection between score matching and denoising autoencoders](https://doi.org/10.1162/NECO_a_00142). Alain & Bengio (2014), What regularized auto-encoders learn from the data-generating distribution, [arXiv:1211.4246](https://arxiv.org/abs/1211.4246). Creswell, Arulkumaran & Bharath (2017), [arXiv:1708.08487](https://arxiv.org/abs/1708.08487).
