"""Answers that a student may well give, and words that the check must say about each."""

ERROR = """
def error_when_told(level):
    with torch.no_grad():
        return (denoiser(noisy[0.6], level) - clean).square().mean().item()
"""
CHOICE = "\ndef level_to_tell(levels): return min(levels, key=error_when_told)\n"

WRONG = {
    "ex00_a": [
        ("def grey_share(images): return (images > 0.1).float().mean().item()", "is 0.25"),
        ("def grey_share(images): return ((images > 0) & (images < 1)).float().mean().item()", "is 0.25"),
        ("def grey_share(images): return ((images > 0.1) & (images < 0.9)).sum().item()", "is 0.25"),
        ("def grey_share(images): return 0.25", "is 0.8"),
        (
            "def grey_share(images): return ((images > 0.1) & (images < 0.9)).float().mean((2, 3))[0]",
            "six random images",  # the share of the first image only
        ),
    ],
    "ex00_b": [
        (ERROR + "def level_to_tell(levels): return min(levels)", "1.0 has a smaller error"),
        (ERROR + "def level_to_tell(levels): return max(levels)", "0.9 has a smaller error"),
        (ERROR + "def level_to_tell(levels): return 0.6", "expected one of the levels"),
        (
            ERROR + "def level_to_tell(levels): return min(levels, key=lambda level: abs(level - 0.6))",
            "smaller error",
        ),
        (
            """
def error_when_told(level):
    with torch.no_grad():
        return (denoiser(noisy[0.6], level) - noisy[0.6]).square().mean().item()
"""
            + CHOICE,
            "compare with the clean digits",
        ),
        (
            """
def error_when_told(level):
    with torch.no_grad():
        return (denoiser(noisy[0.6], level) - clean).square().sum().item()
"""
            + CHOICE,
            "mean over pixels",
        ),
        (
            """
def error_when_told(level):
    with torch.no_grad():
        return (denoiser(du.corruption.gaussian(clean, level), level) - clean).square().mean().item()
"""
            + CHOICE,
            "Corrupt with 0.6",
        ),
        (
            """
def error_when_told(level):
    with torch.no_grad():
        return (denoiser(noisy[0.6], 0.6) - clean).square().mean().item()
"""
            + CHOICE,
            "give the network `level`",
        ),
    ],
    "ex00_c": [
        ("def score(reconstruction, x_noisy, sigma): return reconstruction - x_noisy", "power of sigma"),
        ("def score(reconstruction, x_noisy, sigma): return (reconstruction - x_noisy) / sigma", "power"),
        (
            "def score(reconstruction, x_noisy, sigma): return (x_noisy - reconstruction) / sigma**2",
            "sign",
        ),
        ("def score(reconstruction, x_noisy, sigma): return (reconstruction - x_noisy) / 0.3**2", "ring"),
    ],
}
