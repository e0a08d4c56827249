"""Right answers, written otherwise than the solution: each must pass."""

KEPT = """
def labels_kept(path):
    first = probabilities(path[0]).argmax(1)
    return [(probabilities(x).argmax(1) == first).float().mean() for x in path]
"""
SETTLED = """
def settled(distances, slack=0.05):
    for k, d in enumerate(distances):
        if all(later >= (1 - slack) * d for later in distances[k:]):
            return k
"""
FALLING = """
def falling(denoiser, x, levels):
    path = x[None]
    for s in levels:
        path = torch.cat([path, denoiser(path[-1], s)[None]])
    return path
"""
RISE = "def rise(distances): return max(distances[-1] / d for d in distances)\n"
SHORTENED = """
def shortened(denoiser, t):
    def part(y, sigma=None): return (1 - t) * y + t * denoiser(y, sigma)
    return part
"""
TURN = """
def turn(distances, t):
    k = list(distances).index(min(distances))
    return k, k * t
"""

RIGHT = {
    "ex07_a": [
        """
def healthy(denoiser, digits, n, sigma, steps):  # a loop of its own
    x, others = digits[:n], features(digits[n:])
    distances = [frechet(features(x), others)]
    with torch.no_grad():
        for _ in range(steps):
            x = denoiser(x, sigma)
            distances.append(frechet(features(x), others))
    return torch.tensor(distances)
""",
        """
def healthy(denoiser, digits, n, sigma, steps):  # each chain from the start, the sets the other way round
    import numpy as np
    reference = features(digits[n:])
    ends = [du.iterate(denoiser, digits[:n], k, sigma) for k in range(steps + 1)]
    return np.array([frechet(reference, features(end)) for end in ends])
""",
        """
def healthy(denoiser, digits, n, sigma, steps):
    path = du.iterate(denoiser, digits[:n], steps, sigma, return_path=True).clamp(0, 1)
    return tuple(du.frechet_distance(x, digits[n:]) for x in path)
""",
        """
def healthy(denoiser, digits, n, sigma, steps):  # the Frechet distance from its formula
    import numpy as np
    b = features(digits[n:]).double().numpy()
    found = []
    for x in du.iterate(denoiser, digits[:n], steps, sigma, return_path=True):
        a = features(x).double().numpy()
        c, d = np.cov(a.T), np.cov(b.T)
        root = np.sqrt(np.linalg.eigvals(c @ d).astype(complex)).real.sum()
        found.append(((a.mean(0) - b.mean(0)) ** 2).sum() + np.trace(c) + np.trace(d) - 2 * root)
    return found
""",
    ],
    "ex07_b": [
        """
import numpy as np
def labels_kept(path):
    classes = np.stack([probabilities(x).numpy().argmax(axis=1) for x in path])
    return (classes == classes[0]).mean(axis=1)
def settled(distances, slack=0.05):
    d = np.asarray(distances)
    least = np.minimum.accumulate(d[::-1])[::-1]  # from here on
    return np.argmax(least >= (1 - slack) * d)
""",
        """
def labels_kept(path):
    classes = probabilities(path.flatten(0, 1)).argmax(1).unflatten(0, path.shape[:2])
    return classes.eq(classes[:1]).float().mean(1)
def settled(distances, slack=0.05):
    d = torch.tensor(distances, dtype=torch.float)
    return ((d.flip(0).cummin(0).values.flip(0) / d) >= 1 - slack).nonzero()[0, 0]
""",
        """
def labels_kept(path):
    first, shares = probabilities(path[0]).topk(1).indices[:, 0].tolist(), []
    for x in path:
        now = probabilities(x).topk(1).indices[:, 0].tolist()
        shares.append(sum(a == b for a, b in zip(first, now)) / len(first))
    return shares
def settled(distances, slack=0.05):  # from the end
    k = len(distances) - 1
    for i in reversed(range(len(distances))):
        if distances[i] - min(distances[i:]) <= slack * distances[i]:
            k = i
    return k
""",
        KEPT + SETTLED,
    ],
    "ex07_c": [
        """
from itertools import accumulate
def falling(denoiser, x, levels): return torch.stack(list(accumulate(levels, denoiser, initial=x)))
def rise(distances): return torch.tensor(distances)[-1] / torch.tensor(distances).min()
""",
        """
import numpy as np
def falling(denoiser, x, levels):
    path = x.new_empty(len(levels) + 1, *x.shape)
    path[0] = x
    for i in range(len(levels)):
        path[i + 1] = du.iterate(denoiser, path[i], 1, levels[i])
    return path
def rise(distances): return np.asarray(distances)[-1] / np.min(distances)
""",
        """
def falling(denoiser, x, levels):  # step by step up the score
    path = [x]
    for s in levels:
        x = x + s**2 * du.score_from_denoiser(denoiser, x, s)
        path.append(x)
    return torch.stack(path)
def rise(distances): return distances[-1] / sorted(distances)[0]
""",
        FALLING + RISE,
    ],
    "ex07_d": [
        """
import numpy as np
def shortened(denoiser, t): return lambda y, sigma: torch.lerp(y, denoiser(y, sigma), t)
def turn(distances, t): return np.argmin(distances), t * np.argmin(distances)
""",
        """
class shortened(torch.nn.Module):
    def __init__(self, denoiser, t):
        super().__init__()
        self.denoiser, self.t = denoiser, t
    def forward(self, x, sigma=None): return x - self.t * (x - self.denoiser(x, sigma))
def turn(distances, t): return torch.tensor(distances).argmin() * torch.tensor([1.0, t])
""",
        """
def shortened(denoiser, t):  # t sigma^2 times the score
    return lambda y, sigma: y + t * sigma**2 * du.score_from_denoiser(denoiser, y, sigma)
def turn(distances, t):
    place = 0
    for k, d in enumerate(distances):
        if d < distances[place]:
            place = k
    return [place, place * t]
""",
        SHORTENED + TURN,
    ],
    "ex07_e": [
        """
def changes(before, after, threshold):
    before, after = before.numpy(), after.numpy()
    sure = before.max(axis=1) >= threshold
    return sure.sum(), (before.argmax(axis=1) != after.argmax(axis=1))[sure].mean()
""",
        """
def changes(before, after, threshold):
    sure = (before >= threshold).any(dim=1)
    changed = before[sure].argmax(1).ne(after[sure].argmax(1))
    return len(changed), changed.float().mean()
""",
        """
def changes(before, after, threshold):  # sums in place of a selection
    sure = (before.amax(1) >= threshold).float()
    same = (before.argmax(1) == after.argmax(1)).float()
    return torch.stack([sure.sum(), 1 - (sure * same).sum() / sure.sum()])
""",
        """
def changes(before, after, threshold):
    count = changed = 0
    for old, new in zip(before, after):
        if old.max() >= threshold:
            count += 1
            changed += int(old.argmax() != new.argmax())
    return count, changed / count
""",
    ],
}

# Once rejected: the checks asked for more than the task did.
ONCE_REJECTED = {
    "ex07_c": [
        """
def falling(denoiser, x, levels):
    path = torch.zeros(len(levels) + 1, *x.shape)
    path[0] = x
    for i, s in enumerate(levels):
        path[i + 1] = denoiser(path[i], s)
    return path
def rise(distances): return distances[-1] / min(distances)
""",
        """
import numpy as np
def falling(denoiser, x, levels):
    path = [x]
    for s in levels:
        path.append(denoiser(path[-1], s))
    return np.stack([x.numpy() for x in path])
def rise(distances): return distances[-1] / min(distances)
""",
    ],
    "ex07_e": [
        """
def changes(before, after, threshold):
    count = changed = 0
    for old, new in zip(before.tolist(), after.tolist()):
        if max(old) >= threshold:
            count += 1
            changed += old.index(max(old)) != new.index(max(new))
    return count, changed / count
""",
        """
def changes(before, after, threshold):
    before, after = before.double(), after.double()
    sure = before.amax(1) >= threshold
    return sure.sum(), (before.argmax(1) != after.argmax(1))[sure].double().mean()
""",
    ],
}
for name, answers in ONCE_REJECTED.items():
    RIGHT[name] += answers
