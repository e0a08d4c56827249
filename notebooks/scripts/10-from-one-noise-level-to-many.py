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
# [Open in Colab](https://colab.research.google.com/github/OWNER/denoising-and-the-score/blob/main/notebooks/10-from-one-noise-level-to-many.ipynb)
#
# **Question.** What is a diffusion model, then?
#
# **You will be able to** turn a denoiser for all noise levels into a sampler, in four ways; judge samples by distance, variety and novelty; refine samples by adding noise and flowing back; translate between the words of denoising autoencoders, DDPM and EDM.
#
# **Prerequisites.** Chapters 02, 05, 06 and 07. **Time.** Half an hour to read; the code takes about a minute on two CPU cores (the README has
# the measured times).
#
# **From the paper.** Beyond it. The paper iterates one denoiser; P4 and P5 are taken up again here with all noise levels at once. Annealed Langevin is from Song & Ermon 2019, the probability flow from Song et al. 2021, the levels, the solver and its noise from Karras et al. 2022. That their denoiser may be trained with BCE follows from chapter 02.

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
order = torch.randperm(len(images), generator=torch.Generator().manual_seed(0))
images = images[order]  # so that the first n are a random sample
test, _ = du.digits("test")
unet = du.load("digits-unet-bce")
vae = du.load("digits-vae")
device = du.pick_device()
n = du.budget(quick=1000, full=2000)

# %% [markdown] tags=["slide"]
# ## Slide down, do not jump
#
# Chapter 06 left a dilemma. A small $\sigma$ has sharp modes, but the chain gets stuck far from them. A large $\sigma$ attracts from everywhere, but has few modes. The way out is to use every level in turn, from large to small.
#
# Ask how a point may move so that its law stays $p_\sigma$ while $\sigma$ falls. As $\sigma^2$ grows, $p_\sigma$ spreads by the heat equation, $\partial p_\sigma/\partial\sigma = \sigma\,\Delta p_\sigma = \nabla\cdot(p_\sigma\,\sigma\nabla\log p_\sigma)$. That is
# a continuity equation for particles with velocity $-\sigma\nabla\log p_\sigma$. Hence, with chapter 02,
# $$\frac{dx}{d\sigma} = -\sigma\,\nabla\log p_\sigma(x) = \frac{x - R^*(x;\sigma)}{\sigma}.$$
# This is the **probability flow** (Song et al. 2021). Start at a large $\sigma$, where $p_\sigma$ is nearly $N(E[x],\sigma^2I)$, follow it down, and a sample of pure noise becomes a sample of $p$. No gradient of a density, no adversary:
# a denoiser, told its noise level. First where everything is known: the exact $R^*$ of the ring.

# %%
law = du.ring()
generator = torch.Generator().manual_seed(0)
sigmas = du.noise_schedule(40, high=10.0, low=0.005)
pure = law.mean().float() + sigmas[0].float() * torch.randn(
    4000, 2, generator=generator
)
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

# %% mystnb={"image": {"alt": "Four panels: points of a wide Gaussian contract to a disc, to a ring, and to eight bumps as the noise level falls from 10 to 0.005."}} tags=["slide"]
path = du.probability_flow(law.posterior_mean, pure[:600], sigmas, return_path=True)
fig, axes = plt.subplots(1, 4, figsize=(9, 2.5))
for ax, level in zip(axes, (10, 0.4, 0.1, 0.005)):
    i = (sigmas - level).abs().argmin()
    reach = 3 * level + 0.5
    ax.scatter(*path[i].T, s=3, color=du.plotting.EXACT)
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
# The same flow, with the U-Net. It was trained with BCE and nothing else, at levels drawn from a log-normal law, on 8,000 digits. Chapter 05 trains one before your eyes; this one had more steps, and its card tells how many.
#
# And it had a weight, `du.fit(..., weight=...)`: the loss at $\sigma$ was multiplied by $2\sqrt{\sigma^2+\frac14}\,/\sigma$. Where there is little noise, little is in doubt and BCE is small, so that without a weight the steps hear mostly of the noisy levels. No weight moves an optimum: each level has its own, and a factor does not shift it (chapter 02).
# It says where a network that cannot be perfect should try hardest. In a quick training of 1,000 steps (the web book's page *Benchmarks: images*, three seeds) it takes more than a third off the squared error at $\sigma=0.05$ and an eighth off that at 0.1, and leaves those from 0.5 on as they were. (It was found with the test digits in view; on a thousand training digits that the networks were not shown it does the same.) The
# Frechet distance (*How near?*, below) does not gain from that, it even loses a little: a likely reason is that coarse shapes, which are settled at the large levels, decide it so early. After 5,000 steps it still loses with the plain flow (54 against 52) and gains where the flow has fresh noise on its way (*Noise for the flow*, below; 38 against 41; three seeds of the training). After 15,000 steps the plain flow gains, too: on that page's measure the same training without the weight came to 42, with it to 36 (one training each; leave `even` out in `tools/weights.py` to repeat the first, half an hour on one core).
#
# Twenty levels from 10 to 0.02, denser where $\sigma$ is small.
# Each step is Heun's: an Euler step, a second look at the slope where it led, and then the step along the mean of both slopes. At the last level the answer is $R$ itself. So each image costs $2\cdot19+1=39$ evaluations of the network.

# %%
print(f"{du.zoo.card('digits-unet-bce')['steps']:,} training steps, {n:,} images")
levels = du.noise_schedule(20, high=10.0, low=0.02)
mean = images.mean(0)


def noise(seed):
    eps = torch.randn(n, 1, 28, 28, generator=torch.Generator().manual_seed(seed))
    return (mean + 10 * eps).to(device)


path = du.probability_flow(unet, noise(0), levels, return_path=True)
made = path[-1].clamp(0, 1)

# %% [markdown]
# Move the slider down the flow. Above, the images $x(\sigma)$ themselves; below, what the network makes of them, $R(x;\sigma)$: the mean of all digits that the image may still become. First it is one blur for all, then the rough shape is settled, then the strokes, at last the edges.
# The static page shows one level.

# %%
few = path[:-1, :14]
guesses = torch.stack([unet(x, s.item()) for x, s in zip(few, levels)])
names = [float(f"{s:.2g}") for s in levels]


# %% mystnb={"image": {"alt": "Two rows at one noise level of the flow: above, fourteen images under noise; below, the network's guess at each, blurred digits whose rough shape is settled."}} tags=["nbval-ignore-output"]
def draw(sigma):
    i = names.index(sigma)
    _, ax = plt.subplots(figsize=(7.5, 1.6), layout="none")
    ax.imshow(du.plotting.tile(few[i], guesses[i]), vmin=0, vmax=1)
    ax.set(title=rf"$\sigma$ = {sigma:g}", xticks=[], yticks=[14, 42])
    ax.set_yticklabels([r"$x(\sigma)$", r"$R(x;\sigma)$"])
    ax.grid(False)


du.slide(draw, sigma=names, start={"sigma": names[11]})

# %% mystnb={"image": {"alt": "A grid of 56 digits made from pure noise by the flow: varied, most of them clean, some with broken strokes."}} tags=["slide"]
du.plotting.show_images(list(made[:56].split(14)), size=0.5)
plt.show()

# %% [markdown]
# **A small thing that matters.** The start is noise *about the mean digit*, since that is where $p_{10}$ lies. Noise about 0 looks just the same, and the mean digit is short beside it: its length is about six tenths of what noise of level 10 has in any one direction. But the flow keeps what it is given. Start about 0, and the
# digits come out thin.

# %%
about_zero = (noise(0) - mean.to(device))[:300]
thin = du.probability_flow(unet, about_zero, levels).clamp(0, 1)
du.claim(
    "length of the mean digit, against one direction of the noise",
    mean.norm() / 10,
    at_most=0.7,
)
du.claim(
    "ink of the flow from about 0, against about the mean",
    thin.mean() / made.mean(),
    at_most=0.95,
)
du.claim(
    "about the mean: ink against training digits",
    made.mean() / images.mean(),
    at_least=0.93,
)

# %% [markdown]
# ## How near?
#
# Chapter 07's ruler, the Frechet distance in the features of the book's small classifier, fits one Gaussian to each set. Three more numbers look at what it averages over. The **kernel distance** compares all moments up to the third, and is 0 on average for two sets of one law, whatever their size
# (Binkowski et al. 2018). **Density and coverage** (Naeem et al. 2020) draw a ball about each test digit, in the features, that reaches to its fifth nearest other test digit. Density counts the balls that a sample lies in, over five: about 1 for real digits. Coverage is the share of balls that
# hold a sample at all. What real digits score is in the first row, for as many training digits, drawn at random: it is the mark to reach.
#
# Beside the network stands a twin that was trained with the **squared error**: same layers, data, seed and number of steps. It has no sigmoid. It is dressed as diffusion models usually are, by Karras et al. (2022): input and output are scaled so that what the layers see, and what they must produce,
# has unit size at every level. The section on notation takes this dress off.

# %%
edm = du.load("digits-unet-edm")
vae_samples = vae.sample(n, torch.Generator().manual_seed(0)).to(device)
sets = {
    "training digits (floor)": images[:n],
    "flow, BCE": made,
    "flow, squared error": du.probability_flow(edm, noise(0), levels).clamp(0, 1),
    "VAE": vae_samples.clamp(0, 1),
}
features = {name: du.evaluation.features(x) for name, x in sets.items()}
test_features = du.evaluation.features(test)


def frechet(f):
    return du.evaluation.frechet_between(f, test_features)


measured = {}
for name, f in features.items():
    low, high = du.evaluation.bootstrap(
        du.evaluation.frechet_between, f, test_features
    )
    density, coverage = du.evaluation.density_coverage(f, test_features)
    kernel = du.evaluation.kernel_between(f, test_features)
    measured[name] = dict(
        frechet=frechet(f),
        low=low,
        high=high,
        kernel=kernel,
        density=density,
        coverage=coverage,
    )

# %% tags=["nbval-ignore-output"]
print(f"{n:,} images each         Frechet (95 %)       kernel  density  coverage")
for name, m in measured.items():
    print(
        f"{name:24} {m['frechet']:4.0f}  [{m['low']:.0f}, {m['high']:.0f}]".ljust(43),
        f"{m['kernel']:8.0f} {m['density']:8.2f} {m['coverage']:9.2f}",
    )

# %%
real, flow, squared, old = measured.values()
du.claim(
    "BCE flow: Frechet distance against the floor, near but not there",
    flow["frechet"] / real["frechet"],
    at_least=1.1,
    at_most=4,
)
du.claim("BCE flow against the VAE", flow["frechet"] / old["frechet"], at_most=0.3)
du.claim(
    "BCE flow, upper end, against the VAE, lower end",
    flow["high"] / old["low"],
    at_most=0.35,
)
du.claim(
    "BCE flow: kernel distance against the VAE's",
    flow["kernel"] / old["kernel"],
    at_most=0.3,
)
du.claim(
    "BCE flow: coverage against real digits'",
    flow["coverage"] / real["coverage"],
    at_least=0.7,
)
du.claim(
    "VAE: coverage against real digits'",
    old["coverage"] / real["coverage"],
    at_most=0.4,
)
du.claim(
    "BCE flow: density against real digits'",
    flow["density"] / real["density"],
    at_most=0.9,
)
du.claim(
    "the squared error makes a diffusion model too: against the VAE",
    squared["frechet"] / old["frechet"],
    at_most=0.3,
)

# %% [markdown]
# So the flow is far nearer to real digits than the VAE, and still not at the floor. Coverage says that most kinds of digit are met; density, that too many samples lie where no real digit is: the broken strokes in the grid above.
#
# A warning about such numbers. The distance falls as $n$ grows, for the floor too, so only sets of one size compare; and it moves with the seed of the noise. The interval shows the chance in the samples and in the test digits. It does not show that in the *training*: another seed makes another network.
#
# Both losses have the same optimum (chapter 02), and both make a diffusion model. Which is better, one network each cannot tell, nor could it be laid to the loss alone: the twin differs in its dress, too (chapter 08 takes loss and sigmoid apart in small networks, and cannot for this pair). The web book's page *Benchmarks: images* trains three fresh seeds of each, with learning rates tuned alike on another seed: after 1,000 steps BCE is clearly ahead. Where, the errors on that page tell: from $\sigma=0.5$ on, where shapes are settled, BCE's squared error is smaller by 2 to 5 per cent, with the weight or without, and the twin's only at the small levels. So it is not the weight that makes the difference there; whether the loss or the output does, we did not take apart.
#
# More steps use the lead up. For 5,000, each rate was chosen again, and both losses want half the rate that was best for 1,000: a rate tuned in a short training is too high for a long one. (The twin kept at its old one comes to 116 on the tuning seed, at half of it to 73. Left there it would have seemed far behind.) On three fresh seeds the flow then comes to 52 (49 to 55) with BCE and to 59 (53 to 65) with the twin, which is the nearer one on one seed of the three; with fresh noise on the way (*Noise for the flow*, below) they are level, at 41 and 43. The pair here had 15,000 steps. In the table above, and on that page with three seeds of the noise and 2,000 images, the two are level.
#
# ## Copies? Classes?
#
# As in chapter 06, compare the distance to the nearest training image with that of test digits, which are certainly no copies. Pixels alone could be fooled by a shift, so do it in the features as well.

# %%
train_features = du.evaluation.features(images)
spaces = {
    "pixels": (made, test.to(device), images.to(device)),
    "features": (features["flow, BCE"], test_features, train_features),
}
near = {}
for space, (ours, fresh, reference) in spaces.items():
    of_ours, index = du.evaluation.nearest(ours, reference)
    of_fresh, _ = du.evaluation.nearest(fresh, reference)
    near[space] = (of_ours / of_fresh.median(), index)
    du.claim(
        f"median distance to the nearest training image, in {space}, against test digits",
        (of_ours.median() / of_fresh.median()).item(),
        at_least=0.85,
        at_most=1.4,
    )
    du.claim(
        f"nearer than the nearest hundredth of test digits, in {space}: share",
        (of_ours < of_fresh.quantile(0.01)).float().mean().item(),
        at_most=0.05,
    )
classes = du.evaluation.probabilities(made).argmax(1)
share = classes.bincount(minlength=10) / n
du.claim(
    "all ten digits appear: share of the rarest", share.min().item(), at_least=0.04
)

# %% mystnb={"image": {"alt": "For each digit from 0 to 9 the made image that is nearest to a training image in the features, above, and that training image below: alike in class and slant, with different strokes."}}
distances, index = near["features"]
closest = [
    distances.masked_fill(classes != digit, torch.inf).argmin().item()
    for digit in range(10)
]
found = [index[i].item() for i in closest]
du.plotting.show_images(
    [made[closest], images[found]], ["made", "nearest"], columns=range(10), size=0.6
)
plt.show()

# %% [markdown]
# These are the most suspicious of each class, and they are no copies: look at the ends of the strokes.
#
# ## Down through the levels with noise
#
# The flow is not the only way down. **Langevin's** step climbs a little and adds a little noise,
# $$x\leftarrow x+\tfrac h2\,\hat s_\sigma(x)+\sqrt h\,\varepsilon,\qquad h\ll\sigma^2,$$
# so that the two balance: for a small step $h$, and after many steps, $x$ is a draw from $p_\sigma$. At one small level that takes forever from far away, where chapter 06's chains got lost. *Annealed* Langevin (Song & Ermon 2019) takes some steps at each level from large to small: theirs takes 100, with $h=0.2\,\sigma^2$. We can afford three or nine, so we take $h=0.7\,\sigma^2$, more than the theory likes. And chapter 06's **walkback**, $x\leftarrow R(x+\sigma\varepsilon;\sigma)$, can come down
# the levels as well. Neither is exact here: Langevin has a finite step, and few of them; walkback answers with a mean where a draw would be needed.
#
# Langevin gets as many evaluations of the network as the flow, or nearly, and then three times as many; walkback gets half, and then as many. Both begin at $\sigma=2$, where $R$ is still close to one blur. Walkback starts from plain grey there, for only $R$'s answer goes on. Which order do you expect?

# %%
m = 200  # images of each kind


def anneal(steps, levels=13, high=2.0):
    """A few Langevin steps at each level, then R."""
    generator = torch.Generator(device).manual_seed(0)
    x = high * torch.randn(
        m, 1, 28, 28, generator=generator, device=device
    ) + mean.to(device)
    for s in du.noise_schedule(levels, high=high, low=0.05).tolist():
        x = du.langevin(unet, x, steps, s, step_size=0.7 * s**2, generator=generator)
    return unet(x, s)


def walk_down(x, levels, high, low):
    """One step of walkback at each level."""
    generator = torch.Generator(device).manual_seed(0)
    for s in du.noise_schedule(levels, high=high, low=low).tolist():
        x = du.walkback(unet, x, 1, s, generator)
    return x


grey = torch.full((m, 1, 28, 28), 0.5, device=device)
ways = {
    "flow, 39": made[:m],
    "walkback, 20": walk_down(grey, 20, 2.0, 0.02),
    "walkback, 40": walk_down(grey, 40, 2.0, 0.02),
    "Langevin, 40": anneal(3),
    "Langevin, 118": anneal(9),
}

# %% mystnb={"image": {"alt": "Five rows of digits, by the flow, by walkback with 20 and with 40 evaluations, and by annealed Langevin with 40 and with 118 evaluations."}} tags=["slide"]
du.plotting.show_images([x[:14] for x in ways.values()], list(ways), size=0.5)
plt.show()

# %% tags=["nbval-ignore-output"]
ways = {"training digits (floor)": images[:m], **ways}
by_way = {
    name: frechet(du.evaluation.features(x.clamp(0, 1))) for name, x in ways.items()
}
for name, value in by_way.items():
    print(f"{name:26} {value:5.0f}   ({m} images)")

# %%
du.claim(
    "Langevin at equal cost: distance against the flow",
    by_way["Langevin, 40"] / by_way["flow, 39"],
    at_least=1.5,
)
du.claim(
    "walkback at half the cost: distance against the flow",
    by_way["walkback, 20"] / by_way["flow, 39"],
    at_most=2.0,
)
du.claim(
    "walkback at twice as many levels: distance against half as many",
    by_way["walkback, 40"] / by_way["walkback, 20"],
    at_least=1.1,
)
du.claim(
    "three times the evaluations bring Langevin nearer, by a factor",
    by_way["Langevin, 40"] / by_way["Langevin, 118"],
    at_least=1.1,
)

# %% [markdown]
# At equal cost Langevin is far behind. Its noise and its climb balance only after many small steps at each level, and each level hands its lag to the next. More steps help it. The flow has no noise to average out, so a few large steps of second order do. And walkback, with half the evaluations,
# does not look worse, though with 200 images and three seeds its distance is 1.16 to 1.50 times the flow's. So count more. With 2,000 images and three seeds (the page *Benchmarks: images*) it is 1.9 times. Its digits miss in another way: they cover as many kinds of real digit or more, but they crowd where real digits are densest, nearer to the training images than test digits are. So they are too typical, as T6 has it, while the flow's miss by broken strokes:
# a flow keeps every error that it has made, and fresh noise covers some of them up. Do not conclude that more of it is better: with twice as many levels it gets worse. That a mean answers where a draw is needed does not explain it alone: for one Gaussian and its exact $R^*$ more levels lose less of the variance, while these digits lose ink and variance (exercise e). A likely reason is that digits have many modes: each pass also climbs, and what it climbs to is thin and typical, as in chapters 06 and 07. The network's own errors, one for each pass, may add to it.
#
# ## Noise for the flow
#
# So take both: the flow's careful steps, and noise that covers its errors. Before each step from the level $\sigma$ add noise until the level is $(1+c)\,\sigma$, and come down from there; Karras et al. (2022) call it churn. For the exact $R^*$, and but for the error of finite steps, nothing is gained and nothing lost: noise takes
# $p_\sigma$ to $p_{(1+c)\sigma}$, the flow brings it back, and the ring is filled as before. For a network, what it did wrong above is partly forgotten. At the same number of evaluations, will more digits lie where real ones do?

# %%
generator = torch.Generator().manual_seed(1)
churned = du.probability_flow(
    law.posterior_mean, pure, sigmas, churn=0.4, generator=generator
)
counts = law.responsibilities(churned).argmax(1).bincount(minlength=8) / 4000
du.claim(
    "exact R: the eight bumps stay even",
    (counts.min() / counts.max()).item(),
    at_least=0.7,
)
gap = (law.log_prob(churned).mean() - law.log_prob(drawn).mean()).abs().item()
du.claim(
    "exact R: mean log-density of churned against drawn points", gap, at_most=0.08
)

some = n // 2
generator = torch.Generator(device).manual_seed(1)
forgetful = du.probability_flow(
    unet, noise(0)[:some], levels, churn=0.4, generator=generator
)
pairs = {"real": train_features[:some], "flow": features["flow, BCE"][:some]}
pairs["with noise"] = du.evaluation.features(forgetful.clamp(0, 1))
by_noise = {
    name: (frechet(f), *du.evaluation.density_coverage(f, test_features))
    for name, f in pairs.items()
}

# %% tags=["nbval-ignore-output"]
print(f"{some} images each, 39 evaluations    Frechet  density  coverage")
for name, (distance, density, coverage) in by_noise.items():
    print(f"{name:32} {distance:9.0f} {density:8.2f} {coverage:9.2f}")

# %%
du.claim(
    "density, against the flow's without noise",
    by_noise["with noise"][1] / by_noise["flow"][1],
    at_least=1.02,
)

# %% mystnb={"image": {"alt": "Two rows of fourteen digits from the same noise: by the flow, some with broken strokes; by the flow with noise put back, other digits, some of them broken too."}}
du.plotting.show_images([made[:14], forgetful[:14]], ["flow", "with noise"], size=0.5)
plt.show()

# %% [markdown]
# The density has risen at equal cost, by about a tenth: too little to see in two rows. A likely reason is that errors of single steps, which the flow carries to the end, are partly forgotten. The distance of sets as small as these moves with the seed by so much that it can fall below that of real digits, as here: it says no more. The web
# book's page *Benchmarks: images* has three seeds of 2,000 images, with 40 levels and $c=0.25$, so at twice the evaluations: there the distance falls by a third, for both losses: to 1.2 times that of as many training digits with BCE, and 1.3 times with the squared error. How much of that the extra levels alone would bring, it does not measure.
#
# ## Refining, again
#
# Chapter 07 refined a VAE's samples by plain passes, and it turned when the samples became too typical. The flow refines without seeking modes: add noise of level $\sigma_0$, and flow back down from $\sigma_0$. Meng et al. (2022, SDEdit) edit images so, coming down with noise. At a small $\sigma_0$
# little changes; at a large one a new digit is made. So plot the distance *and* the share of samples whose label survives.
#
# The third way is walkback from $\sigma_0$ down to 0.2, in five passes. Which of the three would you expect to mend best?

# %%
patients = vae_samples[:500]
labels = du.evaluation.probabilities(patients).argmax(1)


def measure(x):
    """Frechet distance, and share of labels kept."""
    x = x.clamp(0, 1)
    same = du.evaluation.probabilities(x).argmax(1) == labels
    return frechet(du.evaluation.features(x)), same.float().mean().item()


def flow_back(strength):
    """Add noise, and follow the flow down from its level."""
    x = du.corruption.gaussian(
        patients, strength, torch.Generator(device).manual_seed(1)
    )
    return du.probability_flow(unet, x, du.noise_schedule(8, high=strength, low=0.02))


passes = [1, 2, 3, 5, 8]
by_flow = {s: flow_back(s) for s in [0.5, 1.0, 2.0]}
by_walk = {s: walk_down(patients, 5, s, 0.2) for s in [0.4, 0.6, 0.8, 1.2]}
path = du.iterate(unet, patients, 8, sigma=0.4, return_path=True)
plain = {k: path[k] for k in passes}
untouched, floor_500 = measure(patients), frechet(train_features[:500])
flow_scores, walk_scores, plain_scores = [
    {key: measure(x) for key, x in kind.items()} for kind in (by_flow, by_walk, plain)
]

# %% mystnb={"image": {"alt": "Rows of the same fourteen VAE samples: untouched; after five plain passes; after walkback from 0.6; and after noise of level 0.5, 1 and 2, flowed back: crisper than the VAE's each time, and after much noise often a different digit."}}
rows = {
    "VAE": patients,
    "5 passes, σ = 0.4": plain[5],
    "walkback, σ₀ = 0.6": by_walk[0.6],
}
rows |= {f"flow, σ₀ = {s:g}": x for s, x in by_flow.items()}
du.plotting.show_images([x[:14] for x in rows.values()], list(rows), size=0.5)
plt.show()

# %% mystnb={"image": {"alt": "Frechet distance against the share of labels kept, for three ways of refining: the flow's curve lies highest; walkback down the levels lies well below it, and both go on to small distances, where few labels are kept; plain passes keep as many labels or more while their distance falls, then turn."}} tags=["nbval-ignore-output", "slide"]
fig, ax = plt.subplots(figsize=(7, 3.8))
for name, values, beside in [
    ("noise σ₀, flow back", flow_scores, (-4, 5)),
    ("walkback from σ₀ to 0.2", walk_scores, (-12, 4)),
    ("k plain passes at σ = 0.4", plain_scores, (4, -11)),
]:
    d, share_kept = zip(untouched, *values.values())
    (line,) = ax.plot(share_kept, d, "o-", ms=4, label=name)
    for key, (y, x) in values.items():
        ax.annotate(
            f"{key:g}", (x, y), xytext=beside, textcoords="offset points",
            fontsize=8, ha="center", color=line.get_color(),
            bbox={"fc": "white", "ec": "none", "pad": 0.5},
        )  # fmt: skip
ax.axhline(floor_500, color="gray", ls="--", lw=1)
ax.text(1.0, floor_500, "floor", va="bottom", ha="right", fontsize=9, color="gray")
ax.set(
    xlabel="share of labels kept",
    ylabel="Frechet distance to test digits",
    yscale="log",
)
ax.set_yticks([100, 200, 300, 500], [100, 200, 300, 500])
ax.minorticks_off()
ax.set(
    xlim=(0.15, 1.05),
    title="Better, and still the same digit? (at the points: σ₀, or k)",
)
ax.legend(loc="upper left")
plt.show()
for name, values in [
    ("flow", flow_scores),
    ("walkback", walk_scores),
    ("passes", plain_scores),
]:
    print(
        name, {key: (round(d), round(share, 2)) for key, (d, share) in values.items()}
    )
print(f"untouched {untouched[0]:.0f}, floor {floor_500:.0f}")

# %%
distances = [untouched[0]] + [d for d, _ in flow_scores.values()]
du.claim(
    "flow: more noise, a smaller distance, at each strength",
    max(b / a for a, b in zip(distances, distances[1:])),
    at_most=0.95,
)
du.claim(
    "at strength 2: distance against the VAE's",
    flow_scores[2.0][0] / untouched[0],
    at_most=0.35,
)
du.claim("but few labels are kept", flow_scores[2.0][1], at_most=0.4)
(d, kept), (d_flow, kept_flow) = walk_scores[0.6], flow_scores[1.0]
du.claim(
    "walkback from 0.6: distance against the VAE's", d / untouched[0], at_most=0.4
)
du.claim("with labels kept, share", kept, at_least=0.43)
du.claim("against the flow from 1: distance", d / d_flow, at_most=0.95)
du.claim(
    "and labels kept, less those that the flow keeps",
    kept - kept_flow,
    at_least=-0.02,
)
du.claim("against five plain passes: distance", d / plain_scores[5][0], at_most=1.1)
du.claim("but fewer labels than they, by", plain_scores[5][1] - kept, at_least=0.0)

# %% [markdown]
# The deterministic flow is the poorest tool here: at the same distance it keeps fewer labels. A likely reason: it carries the errors of the patient along its path, and to drown them takes so much noise that the digit drowns too. Walkback from 0.6 takes five evaluations, comes down to about a third of the distance, and about half of the labels survive. On the page *Benchmarks: images*, with sets of 1,000 and three seeds, about a quarter
# of the distance is left, again with half of the labels. There the flow with noise lies between the flow and walkback, except at the largest $\sigma_0$; and walkback at the one level 0.6, as in chapter 07, does nearly as well in five passes as walkback at falling levels. So it is the noise that pays, more than the levels. **Plain passes, the paper's P5, keep the most** for what they gain, and then turn. No way keeps every label, and none could: the classifier is unsure of many a patient, and a smudge between two digits has to become one of them.

# %% [markdown] tags=["slide"]
# ## One notation
#
# | this book | DDPM (Ho, Jain & Abbeel 2020) | EDM (Karras et al. 2022) |
# |---|---|---|
# | $\tilde x = x + \sigma\varepsilon$ | $x_t = \sqrt{\bar\alpha_t}\,(x + \sigma\varepsilon)$, $\sigma=\sqrt{(1-\bar\alpha_t)/\bar\alpha_t}$ | $x + n$, $n\sim N(0,\sigma^2I)$ |
# | reconstruction $R(\tilde x;\sigma)$ | $\hat x_0$ | $D(\tilde x;\sigma)$ |
# | $(\tilde x - R)/\sigma$ | predicted noise $\hat\varepsilon$ | $(\tilde x-D)/\sigma$, the slope |
# | score $(R-\tilde x)/\sigma^2$ | $-\hat\varepsilon/\sqrt{1-\bar\alpha_t}$, in the coordinates of $x_t$ | $(D-\tilde x)/\sigma^2$ |
# | Euler step of the flow | a deterministic (DDIM) step | Euler step |
# | $R$ as a network: sigmoid of logits | layers predict $\hat\varepsilon$ | $D=c_{\mathrm{skip}}\tilde x+c_{\mathrm{out}}F(c_{\mathrm{in}}\tilde x;\sigma)$ |

# %% [markdown]
# A table can be checked. Mind the units: both papers scale images to $[-1,1]$, so for the same picture their $\sigma$ is twice ours. The deterministic sampler for such a network is DDIM (Song, Meng & Ermon 2020). Its step, from $\bar\alpha$ to $\bar\alpha'$, is $x' = \sqrt{\bar\alpha'}\,\hat x_0 + \sqrt{1-\bar\alpha'}\,\hat\varepsilon$. Take it with our network, and compare with an Euler step of the flow.

# %%
here, there = 1.0, 0.6
x = du.corruption.gaussian(
    test[:20].to(device), here, torch.Generator(device).manual_seed(2)
)
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
# Now the last column's last row, EDM's dress. With $\sigma_d$ the spread of the data, $c_{\mathrm{skip}}=\sigma_d^2/(\sigma^2+\sigma_d^2)$ is the best *single factor*, the same for all pixels (the best linear map would use their covariance), $c_{\mathrm{out}}=\sigma\sigma_d/\sqrt{\sigma^2+\sigma_d^2}$ the size of what it misses, and
# $c_{\mathrm{in}}=1/\sqrt{\sigma^2+\sigma_d^2}$ brings the input to unit size. The layers $F$ learn the rest, in units of $c_{\mathrm{out}}$, and the squared error at $\sigma$ is weighed by $1/c_{\mathrm{out}}^2$, which makes it that of $F$. Here data are centred at grey, $\frac12$, and $\sigma_d=\frac12$.
# Look into the twin: catch what its first layer is given and what its last layer returns, and put its $R$ together by the formula.

# %%
caught = {}
first = edm.enter.register_forward_pre_hook(
    lambda layer, given: caught.update(given=given[0])
)
last = edm.leave.register_forward_hook(
    lambda layer, given, result: caught.update(F=result)
)
for s in (0.05, 0.5, 5.0):
    spread = 0.5
    x_noisy = du.corruption.gaussian(
        test[:200].to(device), s, torch.Generator(device).manual_seed(3)
    )
    c_skip = spread**2 / (s**2 + spread**2)
    c_out = s * spread / (s**2 + spread**2) ** 0.5
    c_in = 1 / (s**2 + spread**2) ** 0.5
    reconstruction = edm(x_noisy, s)
    built = 0.5 + c_skip * (x_noisy - 0.5) + c_out * caught["F"]
    du.claim(
        f"EDM's formula gives the twin's R, sigma = {s}",
        (built - reconstruction).abs().max().item(),
        at_most=1e-4,
    )
    given = (caught["given"] - c_in * (x_noisy - 0.5)).abs().max().item()
    du.claim("and its layers are given c_in times the input", given, at_most=1e-4)
    target = (test[:200].to(device) - 0.5 - c_skip * (x_noisy - 0.5)) / c_out
    sizes = [t.square().mean().sqrt().item() for t in (caught["given"], target)]
    du.claim(
        "what they see and must learn has unit size: smallest",
        min(sizes),
        at_least=0.9,
    )
    du.claim("and largest", max(sizes), at_most=1.1)
first.remove()
last.remove()

# %% [markdown] tags=["slide"]
# ## Recap
#
# * A diffusion model is a denoising autoencoder that is told its noise level, and a way to come down through the levels. Its denoiser may be trained with BCE.
# * From pure noise the flow makes digits far closer to real ones than the VAE does, varied and no copies: P4 finds here what it lacked. The floor of real digits is still not reached.
# * Noise on the way down works too: walkback at falling levels for half the evaluations, with digits that are too typical, Langevin at a price in evaluations. Two hundred images made walkback look nearly as near as the flow; with two thousand it is not. A flow that puts some noise back at each level forgets errors: more of its digits lie where real ones do.
# * Noise on the way refines samples further than plain passes do, and keeps fewer of the labels; walkback at one level (chapter 07) does it about as well as at falling ones: how far to go is a choice, not a discovery.
# * DAE, DDPM and EDM are three notations of one thing, and a line of algebra translates.

# %% [markdown]
# **Check your understanding.** Open the answer that you would give: it says whether it is right, and why.

# %% tags=["remove-input"]
du.quiz("10")

# %% [markdown]
# **Exercises.** (a) Use 5, 10 and 40 levels. What is enough? (b) Replace Heun's step by Euler's, with twice the levels. (c) Derive the flow for a single Gaussian, and check `du.probability_flow` against it. (d) Run the flow on the ring with the exact $R^*$, but stop at $\sigma=0.1$ and apply $R^*$ once. What law do the points then have?
# (e) Walk down in 10, 20, 40 and 80 levels. Where is the best, and why is there one?
# They wait with checks in [exercises/10-from-one-noise-level-to-many.ipynb](exercises/10-from-one-noise-level-to-many.ipynb).
#
# **References.** Bengio, Yao, Alain & Vincent 2013 (walkback); Kingma & Welling 2014; Creswell, Arulkumaran & Bharath 2017; Binkowski et al. 2018; Song & Ermon 2019; Ho, Jain & Abbeel 2020; Naeem et al. 2020; Song, Meng & Ermon 2020; Song et al. 2021; Karras et al. 2022; Meng et al. 2022.
