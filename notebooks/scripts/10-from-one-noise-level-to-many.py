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
# # 10 · From one noise level to many
#
# [![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)](https://colab.research.google.com/github/OWNER/denoising-and-the-score/blob/main/notebooks/10-from-one-noise-level-to-many.ipynb)
#
# **Question.** What is a diffusion model, then?
#
# **You will be able to** turn a denoiser for all noise levels into a sampler; refine samples by adding noise and flowing back; translate between the words of denoising autoencoders, DDPM and EDM.
#
# **Prerequisites.** Chapters 02, 05, 06 and 07. **Time.** Twenty minutes to read; the code takes about a minute on two CPU cores (the README has
# the measured times).
#
# **From the paper.** Beyond it. The paper iterates one denoiser; P4 and P5 are taken up again here with all noise levels at once. The probability flow is from Song et al. 2021, the levels and the solver from Karras et al. 2022. That its denoiser may be trained with BCE follows from chapter 02.

# %% tags=["hide-cell"]
try:
    import daeutils as du
except ModuleNotFoundError:  # on Colab the notebook travels alone
    import subprocess, sys

    source = "git+https://github.com/OWNER/denoising-and-the-score"
    subprocess.check_call([sys.executable, "-m", "pip", "install", "-q", source])
    import daeutils as du

# %%
import matplotlib.pyplot as plt
import torch

du.plotting.use_style()
images, _ = du.digits("train")
test, _ = du.digits("test")
unet = du.load("digits-unet-bce")
vae = du.load("digits-vae")
device = du.pick_device()
n = du.budget(quick=800, full=2000)

# %% [markdown]
# ## Slide down, do not jump
#
# Chapter 06 left a dilemma. A small $\sigma$ has sharp modes, but the chain gets stuck far from them. A large $\sigma$ attracts from everywhere, but has few modes. The way out is to use every level in turn, from large to small.
#
# Ask how a point must move so that its law stays $p_\sigma$ while $\sigma$ falls. As $\sigma^2$ grows, $p_\sigma$ spreads by the heat equation, $\partial p_\sigma/\partial\sigma = \sigma\,\Delta p_\sigma = \nabla\cdot(p_\sigma\,\sigma\nabla\log p_\sigma)$. That is
# a continuity equation for particles with velocity $-\sigma\nabla\log p_\sigma$. Hence, with chapter 02,
# $$\frac{dx}{d\sigma} = -\sigma\,\nabla\log p_\sigma(x) = \frac{x - R^*(x;\sigma)}{\sigma}.$$
# This is the **probability flow** (Song et al. 2021). Start at a large $\sigma$, where $p_\sigma$ is nearly $N(0,\sigma^2I)$, follow it down, and a sample of pure noise becomes a sample of $p$. No gradient of a density, no adversary:
# a denoiser, told its noise level. First where everything is known: the exact $R^*$ of the ring.

# %%
law = du.ring()
generator = torch.Generator().manual_seed(0)
sigmas = du.noise_schedule(40, high=10.0, low=0.005)
pure = sigmas[0].float() * torch.randn(4000, 2, generator=generator)
flowed = du.probability_flow(law.posterior_mean, pure, sigmas)
drawn = law.sample(4000, generator)

counts = law.responsibilities(flowed).argmax(1).bincount(minlength=8) / 4000
du.claim(
    "the flow fills the eight bumps evenly: rarest and commonest",
    (counts.min() / counts.max()).item(),
    at_least=0.7,
)
gap = (law.log_prob(flowed).mean() - law.log_prob(drawn).mean()).abs().item()
du.claim("mean log-density of flowed against drawn points", gap, at_most=0.08)

# %% mystnb={"image": {"alt": "Four panels: points of a wide Gaussian contract to a disc, to a ring, and to eight bumps as the noise level falls from 10 to 0.005."}}
path = du.probability_flow(law.posterior_mean, pure[:600], sigmas, return_path=True)
fig, axes = plt.subplots(1, 4, figsize=(9, 2.5))
for ax, level in zip(axes, (10, 0.4, 0.1, 0.005)):
    i = (sigmas - level).abs().argmin()
    reach = 3 * level + 0.5
    ax.scatter(*path[i].T, s=3, color=du.plotting.PAPER)
    ax.set(
        xlim=(0.5 - reach, 0.5 + reach),
        ylim=(0.5 - reach, 0.5 + reach),
        aspect="equal",
        title=f"σ = {sigmas[i]:.3g}",
    )
plt.show()

# %% [markdown]
# ## Digits from pure noise
#
# The same flow, with the U-Net. It was trained with BCE and nothing else, at levels drawn from a log-normal law, on 8,000 digits (chapter 05 trains a small one before your eyes; this one had 10,000 steps). Twenty levels from 10 to 0.02, Heun's second-order steps.


# %%
def noise(seed):
    return 10 * torch.randn(n, 1, 28, 28, generator=torch.Generator().manual_seed(seed)).to(device)


levels = du.noise_schedule(20, high=10.0, low=0.02)
path = du.probability_flow(unet, noise(0), levels, return_path=True)
made = path[-1].clamp(0, 1)

# %% mystnb={"image": {"alt": "Rows of images along the flow: pure noise at level 10, faint shapes near 1, digits at 0.3, and varied digits at the end."}}
shown = [0, 8, 11, 13, 15, 20]
names = [f"σ = {levels[i]:.2g}" if i < 20 else "end" for i in shown]
du.plotting.show_images([path[i][:14] for i in shown], names, size=0.5)
plt.show()

# %% mystnb={"image": {"alt": "A grid of 56 digits made from pure noise by the flow: varied, most of them clean, some with broken strokes."}}
du.plotting.show_images(list(made[:56].split(14)), size=0.5)
plt.show()

# %% [markdown]
# Varied, and not all perfect: some strokes are broken, as one would expect of a small network after 10,000 steps. The Frechet distance in the features of the book's small classifier, beside its floor (as many training digits), the VAE, and a twin of the U-Net that was trained with the **squared error** instead: same network, data, seed, number of steps and learning rate.

# %%
test_features = du.evaluation.features(test)


def distance(x):
    return du.evaluation.frechet_between(du.evaluation.features(x.clamp(0, 1)), test_features)


def interval(x):
    return du.evaluation.bootstrap(
        du.evaluation.frechet_between, du.evaluation.features(x.clamp(0, 1)), test_features
    )


vae_samples = vae.sample(n, torch.Generator().manual_seed(0)).to(device)
made_mse = du.probability_flow(du.load("digits-unet-mse"), noise(0), levels)
sets = {
    "real training digits (floor)": images[:n],
    "flow, trained with BCE": made,
    "flow, trained with MSE": made_mse,
    "VAE": vae_samples,
}
measured = {name: (distance(x), interval(x)) for name, x in sets.items()}

# %% tags=["nbval-ignore-output"]
for name, (d, (low, high)) in measured.items():
    print(f"{name:30} {d:5.0f}  [{low:.0f}, {high:.0f}]")

# %%
floor, flow, mse, vae_distance = (d for d, _ in measured.values())
du.claim("BCE flow against the floor", flow / floor, at_most=2.5)
du.claim("BCE flow against the VAE", flow / vae_distance, at_most=0.3)
du.claim(
    "the BCE flow lies clear of the VAE: upper end against lower end",
    measured["flow, trained with BCE"][1][1] / measured["VAE"][1][0],
    at_most=0.5,
)
du.claim("the MSE flow is a diffusion model as well", mse / vae_distance, at_most=0.5)

# %% [markdown]
# Both losses have the same optimum, and both make a diffusion model. Which is better, two networks with one seed and one learning rate each cannot tell; that needs several seeds and equal tuning, and is not claimed here.
#
# Are the digits copies? As in chapter 06, compare the distance to the nearest training image with that of test digits.

# %%
reference = images.to(device)
near_made = du.evaluation.nearest(made, reference)[0].median().item()
near_test = du.evaluation.nearest(test[:n].to(device), reference)[0].median().item()
du.claim(
    "not copies: median distance to the nearest training image, against test digits",
    near_made / near_test,
    at_least=0.8,
    at_most=1.3,
)
share = du.evaluation.probabilities(made).argmax(1).bincount(minlength=10) / n
du.claim("all ten digits appear: share of the rarest", share.min().item(), at_least=0.03)

# %% [markdown]
# ## Refining, again
#
# Chapter 07 refined a VAE's samples by plain passes, and it turned when the samples became too typical. The flow refines without seeking modes: add noise of level $\sigma_0$, and flow back down. The level says how much of the original is kept. At a small $\sigma_0$
# little changes; at a large one a new digit is made. So plot the distance *and* the share of samples whose label survives, for both ways. Which would you expect to mend better?

# %%
patients = vae_samples[:500]
labels = du.evaluation.probabilities(patients).argmax(1)


def measure(x):
    """Frechet distance, and share of labels kept."""
    same = du.evaluation.probabilities(x.clamp(0, 1)).argmax(1) == labels
    return distance(x), same.float().mean().item()


strengths = [0.2, 0.5, 1.0, 2.0]
refined = {}
for s0 in strengths:
    generator = torch.Generator(device).manual_seed(1)
    x = du.corruption.gaussian(patients, s0, generator)
    refined[s0] = du.probability_flow(unet, x, du.noise_schedule(8, high=s0, low=0.02))

passes = [1, 2, 3, 5, 8]
plain = du.iterate(unet, patients, 8, sigma=0.4, return_path=True)[passes]
untouched, floor_500 = measure(patients), distance(images[:500])
by_flow = {s0: measure(x) for s0, x in refined.items()}
by_passes = {k: measure(x) for k, x in zip(passes, plain)}

# %% mystnb={"image": {"alt": "Rows of the same fourteen VAE samples: untouched, after five plain passes, and after noise of level 0.2, 0.5, 1 and 2 was added and the flow followed back: crisper each time, and a different digit more and more often."}}
du.plotting.show_images(
    [patients[:14], plain[passes.index(5)][:14]] + [refined[s][:14] for s in strengths],
    ["VAE", "5 passes, σ = 0.4"] + [f"flow, σ₀ = {s:g}" for s in strengths],
    size=0.5,
)
plt.show()

# %% mystnb={"image": {"alt": "Frechet distance against the share of labels kept, for two ways of refining: plain passes lie below and to the right of the flow over most of the range, and turn; the flow alone goes on to small distances, where few labels are kept."}} tags=["nbval-ignore-output"]
fig, ax = plt.subplots(figsize=(6.5, 3.6))
for name, values, label in [
    ("add noise σ₀, flow back", by_flow, "σ₀ = {:g}"),
    ("k plain passes at σ = 0.4 (k at the point)", by_passes, "{}"),
]:
    d, share_kept = zip(untouched, *values.values())
    (line,) = ax.plot(share_kept, d, "o-", ms=4, label=name)
    for key, (y, x) in values.items():
        below = name.startswith("k")
        ax.annotate(
            label.format(key), (x, y), xytext=(0, -12 if below else 6), textcoords="offset points",
            fontsize=8, ha="center", color=line.get_color(),
        )  # fmt: skip
ax.axhline(floor_500, color="gray", ls="--", lw=1)
ax.text(1.0, floor_500, "floor", va="bottom", ha="right", fontsize=9, color="gray")
ax.set(xlabel="share of labels kept", ylabel="Frechet distance to test digits", yscale="log")
ax.set(xlim=(0.15, 1.05), title="Better, and still the same digit?")
ax.legend(loc="upper left")
plt.show()
for name, values in [("flow", by_flow), ("passes", by_passes)]:
    print(name, {key: (round(d), round(share, 2)) for key, (d, share) in values.items()})

# %%
ordered = [untouched[0]] + [d for d, _ in by_flow.values()]
du.claim(
    "flow: more noise, a smaller distance, at each strength",
    max(b / a for a, b in zip(ordered, ordered[1:])),
    at_most=0.95,
)
du.claim("flow at strength 2: distance against the VAE's", by_flow[2.0][0] / untouched[0], at_most=0.4)
du.claim("but few labels are kept", by_flow[2.0][1], at_most=0.5)
du.claim(
    "five plain passes come about as near as the flow from strength 1",
    by_passes[5][0] / by_flow[1.0][0],
    at_most=1.3,
)
du.claim("and keep more labels, by", by_passes[5][1] - by_flow[1.0][1], at_least=0.04)

# %% [markdown]
# The answer is not the one that the story so far suggests. **As a repair of these samples, plain passes of one denoiser are the better tool**: at the same distance they keep more labels. The noise that the flow adds wipes out part of what was there. The flow's strength is
# synthesis: it alone goes on towards the floor, where plain passes turn. So P5, the paper's second experiment, keeps its place beside diffusion.
#
# %% [markdown]
# ## One notation
#
# | this book | DDPM (Ho, Jain & Abbeel 2020) | EDM (Karras et al. 2022) |
# |---|---|---|
# | $\tilde x = x + \sigma\varepsilon$ | $x_t = \sqrt{\bar\alpha_t}\,(x + \sigma\varepsilon)$, $\sigma=\sqrt{(1-\bar\alpha_t)/\bar\alpha_t}$ | $x + n$, $n\sim N(0,\sigma^2I)$ |
# | reconstruction $R(\tilde x;\sigma)$ | $\hat x_0$ | $D(\tilde x;\sigma)$ |
# | $(\tilde x - R)/\sigma$ | predicted noise $\hat\varepsilon$ | $(\tilde x-D)/\sigma$, the slope |
# | score $(R-\tilde x)/\sigma^2$ | $-\hat\varepsilon/\sqrt{1-\bar\alpha_t}$, in the coordinates of $x_t$ | $(D-\tilde x)/\sigma^2$ |
# | Euler step of the flow | a deterministic (DDIM) step | Euler step |
#
# A table can be checked. A deterministic step of a DDPM sampler, from $\bar\alpha$ to $\bar\alpha'$, is $x' = \sqrt{\bar\alpha'}\,\hat x_0 + \sqrt{1-\bar\alpha'}\,\hat\varepsilon$. Take it with our network, and compare with an Euler step of the flow.

# %%
here, there = 1.0, 0.6
x = du.corruption.gaussian(test[:20].to(device), here, torch.Generator(device).manual_seed(2))
alpha, alpha_next = 1 / (1 + here**2), 1 / (1 + there**2)
x_t = alpha**0.5 * x  # DDPM's coordinates
x0_hat = unet(x_t / alpha**0.5, here)
eps_hat = (x_t - alpha**0.5 * x0_hat) / (1 - alpha) ** 0.5
ddim = alpha_next**0.5 * x0_hat + (1 - alpha_next) ** 0.5 * eps_hat
euler = x + (there - here) * (x - unet(x, here)) / here  # our flow
du.claim(
    "a deterministic DDPM step is an Euler step of the flow",
    (ddim / alpha_next**0.5 - euler).abs().max().item(),
    at_most=1e-4,
)

# %% [markdown]
# ## Recap
#
# * A diffusion model is a denoising autoencoder that is told its noise level, and a way to come down through the levels. Its denoiser may be trained with BCE.
# * From pure noise it makes digits much closer to real ones than plain iteration (chapter 06) or the VAE, and varied ones: P4 finds here what it lacked.
# * Adding noise and flowing back refines samples too, but plain passes keep more of the original at the same distance.
#
# **Check your understanding.** (1) Why does the flow not lose diversity as the ascent does? (2) What does the flow with the *memoriser* of chapter 05 produce?
#
# *Answers.* (1) It transports a whole law: each point moves so that the law stays $p_\sigma$; an ascent moves every point to a mode. (2) Training images: its $p_\sigma$ is the smoothed training set.
#
# **Exercises.** (a) Use 5, 10 and 40 levels. What is enough? (b) Put walkback between the levels (add a little noise at each). (c) Derive the flow for a single Gaussian, and check `du.probability_flow` against it.
#
# **References.** Kingma & Welling 2014; Creswell, Arulkumaran & Bharath 2017; Ho, Jain & Abbeel 2020; Song et al. 2021; Karras et al. 2022.
