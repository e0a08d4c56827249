"""Right answers, written otherwise than the solution: each must pass."""

ERROR = """
def error_when_told(level):
    return (denoiser(noisy[0.6], level) - clean).square().mean()
"""

RIGHT = {
    "ex00_a": [
        "def grey_share(images): return np.mean((images.numpy() >= 0.1) & (images.numpy() <= 0.9))",
        "def grey_share(images): return (images.sub(0.5).abs() < 0.4).double().mean()",
        """
def grey_share(images):
    values = images.flatten().tolist()
    return sum(0.1 < value < 0.9 for value in values) / len(values)
""",
        "def grey_share(images): return [((images > 0.1) & (images < 0.9)).float().mean().item()]",
    ],
    "ex00_b": [
        ERROR
        + """
def level_to_tell(levels):  # a number of float32
    levels = torch.tensor(levels)
    errors = torch.stack([error_when_told(level.item()) for level in levels])
    return levels[errors.argmin()].item()
""",
        """
def error_when_told(level):
    with torch.no_grad():
        return np.mean((denoiser(noisy[0.6], level).numpy() - clean.numpy()) ** 2)
def level_to_tell(levels):
    return np.array(levels)[np.argmin([error_when_told(level) for level in levels])]
""",
        """
def error_when_told(level):
    with torch.no_grad():
        return torch.nn.functional.mse_loss(du.iterate(denoiser, noisy[0.6], 1, level), clean)
def level_to_tell(levels): return sorted(levels, key=error_when_told)[0]
""",
    ],
    "ex00_c": [
        "def score(reconstruction, x_noisy, sigma): return -(x_noisy - reconstruction) * sigma**-2",
        """
def score(reconstruction, x_noisy, sigma):
    return (np.asarray(reconstruction) - np.asarray(x_noisy)) / sigma / sigma
""",
        "def score(rec, x_noisy, sigma): return ((rec - x_noisy) / sigma**2).float()",
        "def score(rec, x_noisy, sigma): return ((rec - x_noisy) / sigma**2).tolist()",
    ],
}
