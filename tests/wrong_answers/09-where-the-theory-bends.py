"""Plausible wrong answers to the exercises of chapter 09, and words of the message that each gets."""

FACES = """
def means_at_faces(p_sigma, sigma):
    means = []
    for face, sign, low, high in [(0.0, 1, -2.0, 0.0), (1.0, {sign}, 1.0, 3.0)]:
        z = torch.linspace(low, high, 20_001, dtype=torch.float64)
        density = p_sigma.log_prob(z[:, None]).exp()
        mass = torch.trapezoid(density, z)
        at_face = torch.tensor([[face]], dtype=torch.float64)
        clipped, there = torch.trapezoid(density * z, z), p_sigma.log_prob(at_face).exp()
        means.append({mean})
    return tuple(means)
"""
MEAN = "(clipped / mass + sign * {step} * there / mass).item()"

MASKS = """
def target(x, hit):
    return {target}

def whose_score(p, fraction):
    variance = torch.diagonal(p.covariances, dim1=1, dim2=2)
    keeps = torch.cartesian_prod(torch.tensor([0.0, 1.0]), torch.tensor([0.0, 1.0])).double(){masks}
    chance = torch.where(keeps == {kept}, 1 - fraction, fraction).prod(1)
    return du.GaussianMixture(
        (keeps[:, None] * p.means).flatten(0, 1),
        ({variance} * variance).flatten(0, 1),
        (chance[:, None] * p.weights).flatten(),
    )
"""
MASKED = "x.masked_fill(hit, 0.0)"
RIGHT = {"target": MASKED, "masks": "", "kept": 1, "variance": "keeps[:, None]"}

CHAINS = """
def train_linear(seed):
    network = du.MLPDenoiser(2, hidden=64, output={output!r}, seed={seed})
    how = dict(steps=500, batch_size=256, seed={seed}, device="cpu")
    du.fit(network, points, sigma=sigma, objective="mse", **how)
    return network.requires_grad_(False)

def fate(denoiser, exact):
    end = du.iterate(denoiser, start, {passes}, sigma=sigma)
    exact_end = {exact_end}
    off = {off}
    elsewhere = (end - exact_end).norm(dim=1) > 4 * sigma
    return off.float().mean().item(), elsewhere.float().mean().item()
"""
RIGHT_CHAINS = {
    "output": "linear",
    "seed": "seed",
    "passes": 100,
    "exact_end": "du.iterate(exact, start, 100, sigma=sigma)",
    "off": "torch.cdist(end, points).amin(1) > 4 * sigma",
}

WATCH = """
def held_out(network):
    best = {best}
    with torch.no_grad():
        mine = du.objectives.bce(network.logits(y_fresh), x_fresh).mean()
    return {value}

def watch(n):
    network, seen = du.MLPDenoiser(2, hidden=64), []
    for step in train(network, ring.sample({n}, seeded(0)).clamp(0, 1)):
        if step in looks:
            seen.append(held_out(network))
    return seen

def turn(looks, losses):
    {turn}
    best = min(range(len(losses)), key=losses.__getitem__)
    return None if best == len(losses) - 1 else looks[best]
"""
RIGHT_WATCH = {
    "best": "ring.posterior_mean(y_fresh, sigma).logit()",
    "value": "(mine - du.objectives.bce(best, x_fresh).mean()).item()",
    "n": "n",
    "turn": "",
}
FIRST_RISE = "return next((a for a, b, c in zip(looks, losses, losses[1:]) if c > b), None)"
LEAST = "return looks[losses.index(min(losses))]"

WRONG = {
    "ex09_a": [
        # the same sign at both faces
        (FACES.format(sign=1, mean=MEAN.format(step="sigma**2")), "Look at the sign"),
        (FACES.format(sign=-1, mean=MEAN.format(step="sigma")), "the factor of p_sigma"),
        # Tweedie's formula at the face itself
        (
            FACES.format(sign=-1, mean="(face + sigma**2 * p_sigma.score(at_face)).item()"),
            "You give R* at the face itself",
        ),
        (FACES.format(sign=-1, mean=MEAN.format(step="sigma**2 * mass")), "divide by the probability"),
    ],
    "ex09_b": [
        (MASKS.format(**RIGHT | {"target": "x"}), "what the *Gaussian* noise was added to"),
        (MASKS.format(**RIGHT | {"kept": 0}), "the probability of the mask"),
        # a masked coordinate keeps its variance
        (MASKS.format(**RIGHT | {"variance": "torch.ones_like(keeps)[:, None]"}), "no variance"),
        # never both at once
        (MASKS.format(**RIGHT | {"masks": "[1:]"}), "the probability of the mask"),
    ],
    "ex09_c": [
        (CHAINS.format(**RIGHT_CHAINS | {"passes": 10}), "100 steps"),
        # lost from the exact chain's end, not from the data
        (
            CHAINS.format(**RIGHT_CHAINS | {"off": "(end - exact_end).norm(dim=1) > 4 * sigma"}),
            "from the nearest of all points",
        ),
        (CHAINS.format(**RIGHT_CHAINS | {"exact_end": "exact(start, sigma)"}), "the exact chain"),
        (CHAINS.format(**RIGHT_CHAINS | {"output": "sigmoid"}), "still has a sigmoid"),
        (CHAINS.format(**RIGHT_CHAINS | {"seed": 0}), "hand the seed"),
    ],
    "ex09_d": [
        # the floor of a network that is shown the clean point
        (WATCH.format(**RIGHT_WATCH | {"best": "x_fresh.logit()"}), "the BCE of the exact R*"),
        (WATCH.format(**RIGHT_WATCH | {"value": "mine.item()"}), "above its floor"),
        (WATCH.format(**RIGHT_WATCH | {"turn": FIRST_RISE}), "not the first rise"),
        (WATCH.format(**RIGHT_WATCH | {"turn": LEAST}), "no turn has been seen"),
        (WATCH.format(**RIGHT_WATCH | {"n": "10_000"}), "train on these n points alone"),
    ],
}
