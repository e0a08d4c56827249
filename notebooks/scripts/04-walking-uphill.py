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
# # 04 · Walking uphill
#
# [Open in Colab](https://colab.research.google.com/github/OWNER/denoising-and-the-score/blob/main/notebooks/04-walking-uphill.ipynb)
#
# **Question.** What happens when I apply a denoiser again and again?
#
# **You will be able to** prove that the optimal denoiser never goes downhill; say for which passes a trained one shares the guarantee; recognise mean
# shift; predict where the walk stops; read differences of log-probability off a denoiser, and say how far to trust them.
#
# **Prerequisites.** Chapters 02 and 03. Jensen's inequality, eigenvalues, line integrals. **Time.** Forty minutes to read; the code takes about a minute
# on two CPU cores (the README has the measured times).
#
# **From the paper.** Statement P3: iterating a trained denoising autoencoder (DAE) moves a sample from low to higher probability. The inequality behind it is that of expectation-maximisation (EM), whose link with mean shift is due to Carreira-Perpinan (2007); its statement for any law, its form for trained networks and the measurements are ours.

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
import matplotlib.pyplot as plt
import torch
from matplotlib.colors import ListedColormap
from scipy.spatial.distance import cdist
from scipy.special import softmax
from torch.func import jacrev, vmap

du.plotting.use_style()

# %% [markdown] tags=["slide"]
# ## The best denoiser first
#
# The law of the data is $p$; with Gaussian noise of standard deviation $\sigma$ added it is $p_\sigma$, with score $s_\sigma=\nabla\log p_\sigma$. The best
# reconstruction is the posterior mean $R^*(y) = E[x\mid\tilde x=y]$, and chapter 02 showed $R^*(y) - y = \sigma^2 s_\sigma(y)$. So the walk
# $$y_0,\quad y_1 = R^*(y_0),\quad y_2 = R^*(y_1),\ \dots$$
# is gradient ascent on $\log p_\sigma$ with step $\sigma^2$. Gradient ascent with a fixed step may overshoot a narrow peak. Can this one?

# %% [markdown]
# **Take any $y$ and any other point $z$.** The posterior of $x$ given $\tilde x=y$ is $p(x)N(y;x,\sigma^2I)/p_\sigma(y)$. Therefore
# $$\log p_\sigma(z)-\log p_\sigma(y)=\log\int\frac{p(x)N(y;x,\sigma^2I)}{p_\sigma(y)}\,\frac{N(z;x,\sigma^2I)}{N(y;x,\sigma^2I)}\,dx
# =\log E\!\left[\frac{N(z;x,\sigma^2I)}{N(y;x,\sigma^2I)}\;\middle|\;\tilde x=y\right].$$
# **Jensen.** The logarithm is concave, so the log of the mean is at least the mean of the log, and the log of the ratio is a difference of squares:
# $$\log p_\sigma(z)-\log p_\sigma(y)\;\ge\;\frac{1}{2\sigma^2}\,E\big[\,|y-x|^2-|z-x|^2\;\big|\;\tilde x=y\big].$$

# %% [markdown] tags=["slide"]
# **Complete the square** about the posterior mean: $E[|z-x|^2\mid\tilde x = y]=|z-R^*(y)|^2+\mathrm{tr}\,\mathrm{Cov}[x\mid\tilde x = y]$, and the same for $y$. The traces cancel:
# $$\boxed{\;\log p_\sigma(z)-\log p_\sigma(y)\;\ge\;\frac{|y-R^*(y)|^2-|z-R^*(y)|^2}{2\sigma^2}\;}$$
# **Choose $z=R^*(y)$**, which makes the right side as large as it can be:
# $$\log p_\sigma(R^*(y))-\log p_\sigma(y)\;\ge\;\frac{|R^*(y)-y|^2}{2\sigma^2}.$$
# Every pass climbs, by at least this much, unless it stands still. It cannot overshoot, whatever $p$ and $\sigma$ are. The posterior is an E step, the best $z$ an M step:
# the walk is the EM algorithm (Carreira-Perpinan 2007). Keep the box in mind: nothing in it asks $z$ to be $R^*(y)$.

# %% [markdown]
# Now count violations, in float64: 400 starts for each of three laws, a quarter of them far outside the unit square, 300 passes.

# %%
laws = {"ring": du.ring(), "moons": du.moons(), "spiral": du.spiral()}
sigma = 0.05


def along(law, path):
    """log p_sigma at each point of a path (passes + 1, N, 2)."""
    return torch.stack([law.smooth(sigma).log_prob(points) for points in path])


generator = torch.Generator().manual_seed(0)
inside = torch.rand(300, 2, generator=generator, dtype=torch.float64)
far = 0.5 + 3 * torch.randn(100, 2, generator=generator, dtype=torch.float64)

walks, heights = {}, {}
for name, law in laws.items():
    starts = torch.cat([inside, far])
    walks[name] = du.iterate(law.posterior_mean, starts, 300, sigma, return_path=True)
    heights[name] = along(law, walks[name])
    promised = walks[name].diff(dim=0).square().sum(-1) / (2 * sigma**2)
    du.claim(
        f"{name}: measured minus promised gain, the least of 120,000 passes",
        (heights[name].diff(dim=0) - promised).min().item(),
        at_least=-1e-9,
    )

# %% [markdown]
# The bound $-10^{-9}$ is rounding: at the farthest starts $\log p_\sigma$ is minus twenty thousand or so. Below, thirty of the walks, from the open circles to the dots. Each line in the lower row rises, steeply in
# the first pass, hardly afterwards: on moons and spiral the walk reaches the ridge at once and then crawls along it. On the spiral 300 passes were not enough to arrive.

# %% mystnb={"image": {"alt": "Upper row: walks of the exact posterior mean over the blurred density of ring, moons and spiral reach the ridge in one or two passes; on the ring they end at the bumps, on the moons they crawl along the ridge to two points, on the spiral they are still on the way. Lower row: log-density along each walk against the number of passes; every line rises and then is flat."}} tags=["slide"]
fig, axes = plt.subplots(2, 3, figsize=(8.4, 5), height_ratios=[1.6, 1])
for (top, bottom), (name, law) in zip(axes.T, laws.items()):
    du.plotting.density_background(top, law.smooth(sigma))
    du.plotting.paths(top, walks[name][:, :30], color=du.plotting.INK)
    top.plot(*walks[name][0, :30].T, "o", ms=3, mfc="white", color=du.plotting.INK)
    top.set(title=f"{name}: 30 walks of $R^*$", xticks=[0, 0.5, 1], yticks=[0, 0.5, 1])
    bottom.plot(heights[name][:61, :30], color=du.plotting.PAPER, lw=0.8)
    bottom.set(xscale="symlog", xlim=(0, 60), xlabel="passes", ylim=(-32, 4))
    bottom.set_xticks([0, 1, 3, 10, 30], [0, 1, 3, 10, 30])
    bottom.set_xticks([], minor=True)
axes[1, 0].set_ylabel(r"$\log p_\sigma$ (nats)")
plt.show()

# %% [markdown]
# ## Where it stops
#
# The walk stands still where $R^*(y)=y$, that is where $s_\sigma(y)=0$: **the fixed points of $R^*$ are the stationary points of $p_\sigma$**. Which of them attract?
# Differentiate $R^*(y)=\int x\,p(x\mid y)\,dx$. Since $\log p(x\mid y)=\log p(x)+\log N(y;x,\sigma^2I)-\log p_\sigma(y)$, its gradient in $y$ is
# $(x-y)/\sigma^2-s_\sigma(y)=(x-R^*(y))/\sigma^2$ by Tweedie's formula. Hence
# $$\frac{\partial R^*}{\partial y}(y)=\frac{E\big[x\,(x-R^*(y))^{\mathsf T}\mid\tilde x=y\big]}{\sigma^2}=\frac{\mathrm{Cov}[x\mid\tilde x=y]}{\sigma^2}.$$
# A covariance: symmetric, with eigenvalues $\ge 0$. By Tweedie it is also $I+\sigma^2\nabla^2\log p_\sigma$, so a fixed point is a strict mode if all eigenvalues are below 1, and no mode if one is above 1. Close to a mode the largest is the factor by which the distance shrinks with a pass: on a flat ridge it is near 1 and the walk crawls.
#
# The check: automatic differentiation of $R^*$ on one side. On the other, the covariance from the *responsibilities* of the bumps, $r_k=P(\text{bump }k\mid\tilde x=y)$, with no derivative in it.


# %%
def posterior_covariance(law, y, sigma):
    """Cov[x given x~ = y] at one point y (1, 2), for a law of round bumps."""
    r = law.smooth(sigma).responsibilities(y)[0]  # (K,)
    v = law.covariances[:, 0, 0]  # variances of the bumps
    keep = (v / (v + sigma**2))[:, None]
    means = law.means + keep * (y - law.means)  # E[x given x~ = y, bump k]
    mean = r @ means
    within = (r * v * sigma**2 / (v + sigma**2)).sum() * torch.eye(2, dtype=y.dtype)
    between = torch.einsum("k,ki,kj->ij", r, means - mean, means - mean)
    return within + between


# %%
gaps, asymmetries, lowest = [], [], []
for law in laws.values():
    for y in inside[:20].split(1):
        J = du.jacobian(law.posterior_mean, y, sigma)
        gaps.append((J - posterior_covariance(law, y, sigma) / sigma**2).abs().max().item())
        asymmetries.append(du.asymmetry(J))
        lowest.append(torch.linalg.eigvalsh((J + J.T) / 2).min().item())
du.claim("Jacobian of R* minus covariance over sigma^2, largest entry", max(gaps), at_most=1e-9)
du.claim("asymmetry of the Jacobian of R*", max(asymmetries), at_most=1e-9)
du.claim("its smallest eigenvalue is not negative", min(lowest), at_least=-1e-9)

# %% [markdown]
# Now follow a grid of starts until they stand still, and sort out the end points: which are the same place?


# %%
def sort_out(ends, modes=(), within=0.03):
    """Places where walks ended, known `modes` first, and for each end the number of its place."""
    modes, labels = list(modes), []
    for end in ends:
        distance = (torch.stack(modes) - end).norm(dim=1) if modes else torch.tensor([1.0])
        if distance.min() > within:
            modes.append(end)
            labels.append(len(modes) - 1)
        else:
            labels.append(distance.argmin().item())
    return torch.stack(modes), torch.tensor(labels)


# %%
n = 36
starts = du.plotting.grid(n, 0.5 / n, 1 - 0.5 / n).double()
basins = {}
for name in ("ring", "moons"):
    ends = du.iterate(laws[name].posterior_mean, starts, 600, sigma)
    basins[name, "exact"] = sort_out(ends)
    left_over = (laws[name].posterior_mean(ends, sigma) - ends).norm(dim=1).max()
    du.claim(f"{name}: the walks stand still, longest last step", left_over, at_most=1e-6)

# %%
modes = basins["ring", "exact"][0]
slowest = [torch.linalg.eigvalsh(posterior_covariance(laws["ring"], m[None], sigma)).max() for m in modes]
du.claim("1,296 walks on the ring end in eight places", len(modes), at_least=8, at_most=8)
du.claim("on the moons in two", len(basins["moons", "exact"][0]), at_least=2, at_most=2)
du.claim(
    "each end is a strict mode: largest eigenvalue on the ring",
    (max(slowest) / sigma**2).item(),
    at_most=0.999,
)

# %% [markdown]
# Not every fixed point is a mode. By symmetry the centre of the ring is one, and it is a valley: a walk started exactly there stays, any other leaves.

# %%
centre = torch.full((1, 2), 0.5, dtype=torch.float64)
drift = (laws["ring"].posterior_mean(centre, sigma) - centre).norm().item()
smallest = (
    torch.linalg.eigvalsh(posterior_covariance(laws["ring"], centre, sigma) / sigma**2).min().item()
)
du.claim("the centre of the ring is a fixed point", drift, at_most=1e-12)
du.claim("but it repels, in every direction: smallest eigenvalue", smallest, at_least=1.001)

# %% [markdown]
# **Misconception: "iterating draws samples."** It finds modes. Draw 1,000 points of the ring, add noise, iterate. A thousand different starts end in eight places; of
# the spread of 0.04 within each bump nothing is left.

# %%
law = laws["ring"]
generator = torch.Generator().manual_seed(2)
noisy = du.corruption.gaussian(law.sample(1000, generator), sigma, generator).double()
ends = du.iterate(law.posterior_mean, noisy, 600, sigma)
places, label = sort_out(ends)
du.claim("1,000 noisy points end in eight places", len(places), at_least=8, at_most=8)
du.claim("the spread that is left within a place", (ends - places[label]).norm(dim=1).max(), at_most=1e-6)

# %% [markdown]
# ## On a finite data set this is mean shift
#
# Let $p$ be the data themselves: an atom at each of $x_1,\dots,x_N$. Then $p_\sigma$ is the kernel density estimate with bandwidth $\sigma$, and the posterior mean is
# $$R^*(y)=\sum_i w_i(y)\,x_i,\qquad w(y)=\mathrm{softmax}_i\big(-|y-x_i|^2/2\sigma^2\big).$$
# "Move to the weighted mean of the data around you, and repeat" is the **mean shift** of Fukunaga & Hostetler (1975), with a Gaussian kernel. They proposed it to find clusters
# by climbing an estimated density; Carreira-Perpinan (2007) showed that it is EM. A DAE trained to the optimum of its training loss would be mean shift on its training set.
# Two lines of SciPy know nothing of our package: do they walk the same path?

# %%
data = laws["ring"].sample(60, torch.Generator().manual_seed(3)).double()
atoms = du.from_points(data)


def mean_shift(y, sigma):
    weights = softmax(-cdist(y, data.numpy(), "sqeuclidean") / (2 * sigma**2), axis=1)
    return weights @ data.numpy()


path = du.iterate(atoms.posterior_mean, inside, 100, sigma, return_path=True)
shifted, differences = inside.numpy(), []
for point in path:
    differences.append(abs(point.numpy() - shifted).max())
    shifted = mean_shift(shifted, sigma)
du.claim("posterior mean against SciPy's mean shift, 100 passes", max(differences), at_most=1e-6)

# %% [markdown]
# The noise level decides what a mode is. Start at each of the 60 data points, iterate, and count the places where the walks end, for $\sigma$ from 0.0005 to 0.5.

# %%
sigmas = [0.0005, 0.001, 0.002, 0.004, 0.008, 0.016, 0.03, 0.05, 0.08, 0.12, 0.3, 0.5]
found = []
for s in sigmas:
    ends = du.iterate(atoms.posterior_mean, data, 1000, s)
    found.append(sort_out(ends, within=0.2 * s)[0])
counts = [len(m) for m in found]
du.claim("at the smallest sigma: modes for each data point", counts[0] / len(data), at_least=0.95)
du.claim(
    "each of them at a data point: largest distance",
    torch.cdist(found[0], data).min(1).values.max(),
    at_most=5e-4,
)
du.claim("at the largest sigma a single mode is left", counts[-1], at_most=1)
du.claim("its distance to the mean of the data", (found[-1] - data.mean(0)).norm(), at_most=0.02)
du.claim("the count never rises with sigma", max(b - a for a, b in zip(counts, counts[1:])), at_most=0)

# %% mystnb={"image": {"alt": "Left: at noise level 0.008 most walks started in the square stop at or beside single data points. Middle: at 0.05 they stop at seven places, one for each bump but one. Right: the number of modes falls from 60 to 1 as the noise level grows."}} tags=["slide"]
fig, axes = plt.subplots(1, 3, figsize=(8.4, 2.9), width_ratios=[1, 1, 1.15])
for ax, s in zip(axes, (0.008, 0.05)):
    du.plotting.density_background(ax, atoms.smooth(s))
    walk = du.iterate(atoms.posterior_mean, inside[:60], 1000, s, return_path=True)
    du.plotting.paths(ax, walk[[*range(30), -1]], color=du.plotting.INK)
    ax.plot(*data.T, "x", ms=4, color=du.plotting.ACCENT)
    ax.set_title(f"$\\sigma$ = {s:g}: data ×, ends ●")
du.plotting.curve(axes[2], sigmas, counts, color=du.plotting.PAPER)
axes[2].axhline(60, color="gray", lw=0.8)
axes[2].text(0.5, 54, "data points", ha="right", va="top", color="gray")
axes[2].axhline(8, color="gray", lw=0.8)
axes[2].text(0.0005, 7.4, "bumps of the law", va="top", color="gray")
axes[2].set(xscale="log", yscale="log", xlabel=r"noise level $\sigma$", title="modes of $p_\\sigma$")
axes[2].set_yticks([1, 3, 10, 30], [1, 3, 10, 30])
axes[2].minorticks_off()
plt.show()

# %% [markdown]
# At small $\sigma$ the modes are the training points: **memorisation** is what a perfect optimum does there. At $\sigma=0.05$ seven modes are left for eight bumps: the one at the lower right got only three of the 60 points, and walks from there
# slide up to its neighbour. At large $\sigma$ one mode is left, near the mean. (In
# one dimension the number of modes of a Gaussian kernel estimate can never rise with $\sigma$; in two it may, in rare arrangements. Here it did not.)
#
# ## A trained network
#
# Now networks, trained with BCE on 10,000 fixed points, at the same $\sigma=0.05$. The one for the moons is stopped early, so that there is something to see.
# The weights are then turned to float64, so that what follows is not about rounding.

# %%
steps = {
    "ring": du.budget(quick=1000, full=4000),
    "moons": du.budget(quick=500, full=4000),
}


def train(law, steps, seed=0):
    sample = law.sample(10_000, torch.Generator().manual_seed(1 + seed)).clamp(0, 1)
    network = du.MLPDenoiser(2, seed=seed)
    du.fit(network, sample, sigma=sigma, steps=steps, seed=seed)
    return network.cpu().double().requires_grad_(False)


networks = {name: train(laws[name], steps[name]) for name in steps}

# %% [markdown] tags=["slide"]
# Does each pass of such a network climb? The box above holds for *every* $z$. Put $z=R(y)$, the network's reconstruction:
# $$\log p_\sigma(R(y))-\log p_\sigma(y)\;\ge\;\frac{|R^*(y)-y|^2-|R(y)-R^*(y)|^2}{2\sigma^2}.$$
# The **true step** squared, minus the **error** squared. Wherever the network errs by less than the true step is long, its pass climbs: for certain, and by at least this much.
# Near a mode the true step shrinks to nothing and the error does not. There the guarantee must end. Start from 1,000 noisy points and look at the first 12 passes.

# %%
walk = du.iterate(networks["ring"], noisy, 12, return_path=True)
y, moved = walk[:-1].flatten(0, 1), walk[1:].flatten(0, 1)  # before and after each of 12,000 passes
p_sigma = laws["ring"].smooth(sigma)
optimum = laws["ring"].posterior_mean(y, sigma)

gain = p_sigma.log_prob(moved) - p_sigma.log_prob(y)
true_step, error = (optimum - y).norm(dim=1), (moved - optimum).norm(dim=1)
guaranteed = (true_step**2 - error**2) / (2 * sigma**2)
climbs, safe = gain > -1e-12, error < true_step

du.claim("measured minus guaranteed gain, the least", (gain - guaranteed).min().item(), at_least=-1e-9)
du.claim(
    "where the error is below the true step: share that climbs", climbs[safe].double().mean(), at_least=1
)
du.claim(
    "true step at least a fifth of sigma: share that climbs",
    climbs[true_step >= sigma / 5].double().mean(),
    at_least=0.995,
)
du.claim("share of first passes that climb", climbs[:1000].double().mean(), at_least=0.98)
du.claim("share of twelfth passes that climb", climbs[-1000:].double().mean(), at_most=0.75)

# %% mystnb={"image": {"alt": "Left: share of passes that climb against the length of the true step on a log axis. It is one for steps longer than about a tenth of the noise level and falls for shorter ones, to almost nothing for the shortest; the guaranteed share runs on it or just below. Right: measured gain against guaranteed gain; every point lies on or above the diagonal."}} tags=["slide"]
edges = torch.logspace(-4, -0.75, 14, dtype=torch.float64)
bins = [(low, high, (true_step >= low) & (true_step < high)) for low, high in zip(edges, edges[1:])]
bins = [((low * high).sqrt(), which) for low, high, which in bins if which.sum() >= 30]

fig, (left, right) = plt.subplots(1, 2, figsize=(8.4, 3.4))
for ok, color, label, mark in [
    (climbs, du.plotting.ACCENT, "climbs (measured)", "-"),
    (safe, du.plotting.INK, "must climb (error < true step)", "--"),
]:
    shares = [ok[which].double().mean() for _, which in bins]
    du.plotting.curve(left, [at for at, _ in bins], shares, label=label, color=color, ls=mark)
left.axvline(sigma, color="gray", lw=0.8)
left.text(sigma, 0.02, r" $\sigma$", color="gray")
left.set(
    xscale="log",
    xlabel=r"length of the true step $|R^*(y)-y|$",
    ylabel="share of passes",
    title="ring: first 12 passes of 1,000 walks",
    ylim=(0, 1.05),
)
left.legend(loc="lower right", bbox_to_anchor=(0.9, 0.1))
right.scatter(guaranteed, gain, s=2, color=du.plotting.ACCENT, rasterized=True)
right.axline((0, 0), (1, 1), color=du.plotting.INK, lw=1)
for scale in (right.set_xscale, right.set_yscale):
    scale("symlog", linthresh=1e-3)
ticks = [-1e-3, 0, 1e-3, 1e-2, 0.1, 1]
right.set_xticks(ticks, ["−0.001", "0", "0.001", "0.01", "0.1", "1"])
right.set_yticks(ticks, ["−0.001", "0", "0.001", "0.01", "0.1", "1"])
right.set(
    xlabel="guaranteed gain (nats)", ylabel="measured gain (nats)", title="no pass below the diagonal"
)
plt.show()

# %% [markdown]
# **Misconception: "a trained DAE always climbs."** The early passes do. The late ones, near the modes, go down about as often as up, just where the guarantee ends: the network
# heads for *its own* fixed point, which lies beside the mode. What this costs depends on the error. Here it is little:

# %%
first, last = p_sigma.log_prob(walk[0]), p_sigma.log_prob(walk[-1])
summit = p_sigma.log_prob(du.iterate(laws["ring"].posterior_mean, noisy, 600, sigma))
du.claim(
    "share of whole chains that end higher than they began", (last > first).double().mean(), at_least=0.98
)
du.claim("all losses over all gains", (-gain[~climbs].sum() / gain[climbs].sum()).item(), at_most=0.002)
du.claim(
    "what is missing at the end to the summit, mean, nats", (summit - last).mean().item(), at_most=0.005
)

# %% [markdown]
# So P3 holds in this form: a pass climbs while the error is smaller than the true step, a chain as a whole climbs, and the last passes may give a little back. Where
# the error is larger against the steps the guarantee ends earlier. On images nobody knows $R^*$; chapter 07 finds out by other means how many passes still help.
#
# ## The landscape that the network believes in
#
# Colour each start by the place where its walk ends. For $R^*$ ("exact") and for the network ("learned"), on the ring and on the moons. Black marks starts that end more than 0.03 from every mode of $p_\sigma$: at a *false mode*, a fixed point of the network that attracts.

# %%
for name in ("ring", "moons"):
    ends = du.iterate(networks[name], starts, 1000)
    basins[name, "learned"] = sort_out(ends, modes=basins[name, "exact"][0])

exact, learned = basins["ring", "exact"][1], basins["ring", "learned"][1]
du.claim("ring: places where the network's walks end", len(learned.unique()), at_least=8, at_most=8)
du.claim(
    "ring: share of starts that end at the same mode", (exact == learned).double().mean(), at_least=0.95
)

false = basins["moons", "learned"][0][2:]  # those beyond the two true modes
stray = (basins["moons", "learned"][1] >= 2).double().mean()  # starts that end there
if du.budget(quick=True, full=False):
    du.claim("moons: after the short training there are false modes", len(false), at_least=1)
    du.claim("moons: share of starts that end at one", stray, at_least=0.05)

# %% mystnb={"image": {"alt": "Four maps of the unit square, each start coloured by where its walk ends, stars at the end points. Ring: eight wedges, nearly the same for the exact denoiser and the network. Moons: two interleaved basins for the exact denoiser; for the network large parts are black, where walks end at false modes on the ridges."}} tags=["slide"]
colors = ["#56B4E9", "#E69F00", "#009E73", "#F0E442", "#0072B2", "#D55E00", "#CC79A7", "#999999"]
fig, axes = plt.subplots(1, 4, figsize=(8.6, 2.6), sharey=True)
shown = [(name, who) for name in ("ring", "moons") for who in ("exact", "learned")]
for ax, (name, who) in zip(axes, shown):
    places, label = basins[name, who]
    true = len(basins[name, "exact"][0])
    shade = label.where(label < true, torch.tensor(8)).reshape(n, n)
    ax.imshow(
        shade,
        origin="lower",
        extent=(0, 1, 0, 1),
        cmap=ListedColormap([*colors, "#222222"]),
        vmin=0,
        vmax=8,
    )
    used = places[label.unique()]
    ax.plot(*used.T, "*", ms=9, color="white", markeredgecolor="black", mew=0.8)
    ax.grid(False)
    ax.set(
        title=f"{name}, {who}: {len(used)} ends",
        xlabel="start $x_1$",
        xticks=[0, 0.5, 1],
        yticks=[0, 0.5, 1],
    )
axes[0].set_ylabel("start $x_2$")
plt.show()

# %% [markdown]
# On the ring the network has the right modes and nearly the right borders, corners included, which lie far from all data. On the moons its score is good on the whole, and still it has false modes: some beside the true ones, some elsewhere on the ridges. How many, and where, depends on the seed; with five seeds there were
# two to four places where $p_\sigma$ has no mode. Why there? Along a moon $p_\sigma$ is a nearly flat ridge. The true step is short along it, so a small error can turn it, and a
# walk that should crawl to the far mode stops on the way. At a fixed point of the network, $R(y)=y$: the error there *equals* the true step, and the guarantee is exactly zero. So
# false modes can only be where the true step is as short as the error.

# %%
if len(false):
    stuck = laws["moons"].posterior_mean(false, sigma) - false
    du.claim(
        "at the false modes: longest true step over sigma", stuck.norm(dim=1).max() / sigma, at_most=0.2
    )
    resting = (networks["moons"](false) - false).norm(dim=1).max()
    du.claim("and the network does stand still there", resting, at_most=1e-4)

# %% [markdown]
# ## Is it a gradient field at all?
#
# The Jacobian of $R^*$ is symmetric: $R^*(y)-y$ is $\sigma^2$ times a gradient. Nothing in our network enforces this (the learned mixture of chapter 03 is symmetric by its form). Measure $|J-J^{\mathsf T}|/|J+J^{\mathsf T}|$ at 300 noisy points, over training.
# Should it fall from the first step on? Our network starts near the best linear denoiser, whose Jacobian is a multiple of the identity, and as symmetric as $R^*$'s.


# %%
def jacobians(network, points):
    return vmap(jacrev(lambda y: network(y[None])[0]))(points)  # (N, 2, 2)


steps_tried = [20, 200, steps["ring"]]
trained = [train(laws["ring"], steps) for steps in steps_tried[:-1]] + [networks["ring"]]
spread = [torch.tensor([du.asymmetry(J) for J in jacobians(net, noisy[:300])]) for net in trained]
low, middle, high = torch.stack([s.quantile(torch.tensor([0.25, 0.5, 0.75])) for s in spread]).T
du.claim("the asymmetry first rises: 200 steps over 20", (middle[1] / middle[0]).item(), at_least=3)
du.claim("then falls: the last over 200 steps", (middle[2] / middle[1]).item(), at_most=0.7)
du.claim("but it is not zero", middle[2].item(), at_least=1e-3)

# %% [markdown]
# After 20 steps the network is symmetric and wrong. It loses symmetry as it learns to bend towards the ring, and wins part of it back as it nears $R^*$. So symmetry alone certifies nothing.
#
# ## Energy: reading differences of log-probability
#
# A gradient can be integrated. Along any path from $a$ to $b$, $\int s_\sigma\cdot dr=\log p_\sigma(b)-\log p_\sigma(a)$. With the score read off a denoiser, $\hat s(y)=(R(y)-y)/\sigma^2$,
# we can rank points by probability without ever knowing the constant of $p_\sigma$. Take 60 triples $a,b,c$ of noisy points. Integrate from $a$ to $b$ straight, and again by way of $c$.

# %%
generator = torch.Generator().manual_seed(4)
a, b, c = du.corruption.gaussian(law.sample(180, generator), sigma, generator).double().split(60)


def climb(denoiser, *stops):
    legs = zip(stops, stops[1:])
    return sum(du.log_density_difference(denoiser, p, q, sigma, points=401) for p, q in legs)


truth = p_sigma.log_prob(b) - p_sigma.log_prob(a)
straight, detour = climb(law.posterior_mean, a, b), climb(law.posterior_mean, a, c, b)
du.claim("R*: straight path against the exact difference", (straight - truth).abs().max(), at_most=1e-3)
du.claim("R*: the two paths agree", (straight - detour).abs().max(), at_most=1e-3)

straight, detour = climb(networks["ring"], a, b), climb(networks["ring"], a, c, b)
loop = detour - straight
together = torch.stack([straight, truth])
du.claim(
    "network: correlation of straight integral and truth", torch.corrcoef(together)[0, 1], at_least=0.97
)
du.claim("network: the two paths differ by, mean, nats", loop.abs().mean(), at_least=0.01, at_most=0.5)

# %% [markdown]
# The ranking survives, but the network gives two answers to one question. Their difference is an integral round the triangle $a\to c\to b\to a$, and **Green's theorem** says what it must be:
# $$\oint\hat s\cdot dr=\iint\Big(\frac{\partial\hat s_2}{\partial x_1}-\frac{\partial\hat s_1}{\partial x_2}\Big)\,dA=\iint\frac{J_{21}-J_{12}}{\sigma^2}\,dA ,$$
# the antisymmetric part of the Jacobian, summed over the (signed) area. Left side: values of the network on three edges. Right side: its derivatives inside. Cut each
# triangle into 1,600 small ones and add up.

# %%
k = 40
i, j = torch.meshgrid(*[torch.arange(k, dtype=torch.float64)] * 2, indexing="ij")
upward = torch.stack([i, j], -1)[i + j < k] + 1 / 3  # centres of the small triangles
downward = torch.stack([i, j], -1)[i + j < k - 1] + 2 / 3
u, v = (torch.cat([upward, downward]) / k).T

e, f = c - a, b - a  # the order of travel: a, c, b
area = (e[:, 0] * f[:, 1] - e[:, 1] * f[:, 0]) / 2  # signed
green = []
for corner, edge, other, size in zip(a, e, f, area):
    J = jacobians(networks["ring"], corner + u[:, None] * edge + v[:, None] * other)
    green.append(size * (J[:, 1, 0] - J[:, 0, 1]).mean() / sigma**2)
green = torch.stack(green)
miss = ((green - loop).norm() / loop.norm()).item()
du.claim("loop integral against the integral of the curl, relative", miss, at_most=0.02)

# %% mystnb={"image": {"alt": "Left: asymmetry of the network's Jacobian against training steps, with a quartile band: small at 20 steps, largest at 200, smaller again at the end. Middle: learned against exact difference of log-density for 60 pairs, by the straight path and by the detour; both scatter about the diagonal, at different places. Right: loop integral against integral of the curl; all points lie on the diagonal."}}
fig, axes = plt.subplots(1, 3, figsize=(8.6, 3))
du.plotting.curve(axes[0], steps_tried, middle, interval=(low, high), color=du.plotting.ACCENT)
axes[0].set(xscale="log", yscale="log", xlabel="training steps", title="asymmetry, median and quartiles")
axes[0].set_xticks(steps_tried, steps_tried)
axes[0].set_yticks([0.001, 0.003, 0.01, 0.03], [0.001, 0.003, 0.01, 0.03])
axes[0].minorticks_off()
axes[1].plot(truth, straight, "o", ms=4, color=du.plotting.ACCENT, label="straight")
axes[1].plot(truth, detour, "x", ms=4, color=du.plotting.INK, label="by way of $c$")
axes[1].set(xlabel=r"exact $\log p_\sigma(b)-\log p_\sigma(a)$", title="learned difference (nats)")
axes[1].legend()
axes[2].plot(green, loop, "o", ms=4, color=du.plotting.ACCENT)
axes[2].set(xlabel="integral of the curl (nats)", title="detour minus straight (nats)")
for ax in axes[1:]:
    ax.axline((0, 0), slope=1, color="gray", lw=1, zorder=0)
plt.show()

# %% [markdown]
# So the two answers differ by what the curl says, triangle by triangle. A network's energy depends on the path only as far as its Jacobian is not symmetric; it is right only as far as its score is. Three ways to make it depend less on the path: integrate over short paths
# through places with data; average over paths; or build $R$ as a gradient, at the price of a second differentiation.
#
# ## Drop a particle
#
# Choose a start and a number of passes. Left the exact walk, right the network's, over $p_\sigma$ of the moons on the unit square; the titles give $\log p_\sigma$ at the
# start and at the end. Look for starts whose two walks part, and for those where the
# network stops on a ridge. The static page shows one start.


# %% mystnb={"image": {"alt": "A particle's walk over the blurred density of the moons, for the exact denoiser on the left and for the trained network on the right; the titles give the log-density at the start and at the end."}} tags=["nbval-ignore-output"]
def draw(x1, x2, passes):
    start = torch.tensor([[x1, x2]], dtype=torch.float64)
    p_sigma = laws["moons"].smooth(sigma)
    _, axes = plt.subplots(1, 2, figsize=(5.6, 2.8), layout="none")
    for ax, denoiser, color, who in [
        (axes[0], laws["moons"].posterior_mean, du.plotting.PAPER, "exact"),
        (axes[1], networks["moons"], du.plotting.ACCENT, "learned"),
    ]:
        du.plotting.density_background(ax, p_sigma, points=50)
        walk = du.iterate(denoiser, start, passes, sigma, return_path=True)
        ax.plot(*walk[:, 0].T, ".-", ms=4, lw=1, color=color)
        ax.plot(*start[0], "o", ms=6, color=du.plotting.INK)
        ax.plot(*walk[-1, 0], "*", ms=11, color=color, markeredgecolor="white")
        before, after = p_sigma.log_prob(walk[[0, -1], 0])
        ax.set(
            title=f"{who}: {before:.2f} → {after:.2f}", xticks=[0, 1], yticks=[0, 1], xlabel="", ylabel=""
        )


places = [0.05, 0.2, 0.35, 0.5, 0.65, 0.8, 0.95]
du.slide(
    draw,
    x1=places,
    x2=places,
    passes=[0, 1, 2, 3, 5, 10, 30, 100],
    start={"x1": 0.35, "x2": 0.35, "passes": 100},
)

# %% [markdown] tags=["slide"]
# ## Recap
#
# * One inequality covers all: $\log p_\sigma(z)-\log p_\sigma(y)\ge(|y-R^*(y)|^2-|z-R^*(y)|^2)/2\sigma^2$. With $z=R^*(y)$: no pass of the optimum goes downhill (EM).
#   With $z=R(y)$: a trained network climbs wherever its error is below the true step.
# * P3 holds for early passes and whole chains. Near the modes, and along flat ridges, the guarantee ends, and single passes do go down.
# * The walk ends in modes of $p_\sigma$, not in samples. On a finite set it is mean shift; at small $\sigma$ the modes are the training points, at large $\sigma$ one is left.
# * The Jacobian of $R^*$ is a posterior covariance over $\sigma^2$. A network's is not quite symmetric, and its energy differences depend on the path by as much as its curl.

# %% [markdown]
# **Check your understanding.** Open the answer that you would give: it says whether it is right, and why.

# %% tags=["remove-input"]
du.quiz("04")

# %% [markdown]
# **Exercises.** (a) Over-relax: $z=y+t(R(y)-y)$. Prove which $t$ are safe for $R^*$; for a network, plot the share of passes that climb against $t$. (b) Find the $\sigma$ at which the centre of the ring becomes a mode,
# from the eigenvalues of the posterior covariance. (c) Symmetrise: train $R=x+\sigma^2\nabla\phi(x)$ for a scalar network $\phi$. What happens to the loop integrals? (d) Train on 60 points
# at $\sigma=0.01$. How many of the training points are fixed points of the network?
# They wait with checks in [exercises/04-walking-uphill.ipynb](exercises/04-walking-uphill.ipynb).
#
# **References.** Fukunaga & Hostetler 1975; Bengio, Yao, Alain & Vincent 2013; Alain & Bengio 2014; Carreira-Perpinan 2007;
# Creswell, Arulkumaran & Bharath 2017 (arXiv:1708.08487).
