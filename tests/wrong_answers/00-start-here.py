"""Answers that a student may well give, and words that the check must say about each."""

GREY = "def grey_share(images): return ((images > 0.1) & (images < 0.9)).float().mean().item()\n"
ERROR = """
def error_when_told(told):
    with torch.no_grad():
        return (denoiser(noisy[0.6], told) - clean).square().mean().item()
"""

WRONG = {
    "ex00_a": [
        (GREY + "def predictions(): return True, True, True, True", "statement 3"),
        (GREY + "def predictions(): return False, True, False, True", "statement 1"),
        (GREY + "def predictions(): return True, True, False, False", "statement 4"),
        (GREY + "def predictions(): return True, True", "four truth values"),
        (
            """
def grey_share(images): return (images > 0.1).float().mean().item()
def predictions(): return True, True, False, True
""",
            "is 0.8",
        ),
    ],
    "ex00_b": [
        (ERROR + "def level_to_tell(levels): return min(levels)", "you tell it 0.2"),
        (ERROR + "def level_to_tell(levels): return max(levels)", "you tell it 1.0"),
        (
            """
def error_when_told(told):
    with torch.no_grad():
        return (denoiser(noisy[0.6], told) - noisy[0.6]).square().mean().item()
def level_to_tell(levels): return min(levels, key=error_when_told)
""",
            "compare with the clean digits",
        ),
        (
            """
def error_when_told(told):
    with torch.no_grad():
        return (denoiser(noisy[0.6], told) - clean).square().sum().item()
def level_to_tell(levels): return min(levels, key=error_when_told)
""",
            "mean over pixels",
        ),
        (
            """
def error_when_told(told):
    with torch.no_grad():
        return (denoiser(du.corruption.gaussian(clean, told), told) - clean).square().mean().item()
def level_to_tell(levels): return min(levels, key=error_when_told)
""",
            "Corrupt with 0.6",
        ),
    ],
    "ex00_c": [
        ("def score(reconstruction, x_noisy, sigma): return reconstruction - x_noisy", "power of sigma"),
        ("def score(reconstruction, x_noisy, sigma): return (reconstruction - x_noisy) / sigma", "power"),
        (
            "def score(reconstruction, x_noisy, sigma): return (x_noisy - reconstruction) / sigma**2",
            "sign",
        ),
    ],
}
