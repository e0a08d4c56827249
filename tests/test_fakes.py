"""Claims about trained networks fail for maps that know nothing, or that only copy.

Each chapter runs with a fake in the place of every trained denoiser. A claim whose value differs between
fakes speaks of a network, and at least one fake must fail it.
"""

import math
from contextlib import suppress

import matplotlib.pyplot as plt
import pytest
import torch
from torchvision.transforms.functional import gaussian_blur

import daeutils as du
from daeutils import training

from notebooks import chapters, read

DIGITS = du.digits()[0]
COPIER = du.Memoriser(DIGITS[:1000])
FAKES = {
    "the answer 1/2": lambda x, sigma: torch.full_like(x, 0.5),
    "the mean digit": lambda x, sigma: DIGITS.mean(0).expand_as(x).clone(),
    "a blur": lambda x, sigma: gaussian_blur(x, 5, 1.0),
    "a copier": lambda x, sigma: COPIER(x, 0.5 if sigma is None else sigma),
}
ENOUGH = {  # of the fakes, for each chapter; more cost time and catch no other claim
    "05": ["the answer 1/2", "a blur", "a copier"],
    "06": ["the answer 1/2", "the mean digit", "a copier"],
    "07": ["the answer 1/2", "the mean digit", "a blur", "a copier"],
}

LIMITS = (  # claims of what networks cannot do: a map that knows nothing cannot do it either
    "On training digits the network's loss is never below {} of the memoriser's",
    "In the twelve rows the smallest distance is {} times that of real digits",
    "One step takes real clothes to a distance of {} times that of the VAE's clothes",
    "The clothes DAE multiplies the distance of the VAE's clothes by {}",
)


def replace(network, fake):
    """The same network with another answer."""
    answer = FAKES[fake]
    network.forward = lambda x, sigma=None: answer(x, sigma)
    network.logits = lambda x, sigma=None: answer(x, sigma).clamp(1e-4, 1 - 1e-4).logit()
    return network.eval()


def claims_of(path, fake, monkeypatch) -> dict[str, tuple[float, bool]]:
    """The value of every claim and whether it holds, in a chapter whose denoisers are all this fake.

    A cell that cannot bear the fake (a division by its constant answer, say) makes no claim.
    """
    found, load = {}, du.load

    def fit(network, source, *, sigma, steps, **how):
        if not network.noise_levels:
            network.level.fill_(sigma)
        replace(network, fake)
        return training.History([1.0] * steps)

    def loaded(name, *where):
        network = load(name, *where)
        return replace(network, fake) if isinstance(network, du.Denoiser) else network

    def claim(text, value, *, at_least=-math.inf, at_most=math.inf, tolerance=None):
        found[text] = float(value), at_least <= float(value) <= at_most

    for name, stand_in in dict(fit=fit, load=loaded, claim=claim).items():
        monkeypatch.setattr(du, name, stand_in)
    for name in ("slide", "quiz"):
        monkeypatch.setattr(du, name, lambda *args, **kwargs: None)
    monkeypatch.setattr(plt, "show", lambda: plt.close("all"))
    names = {}
    for cell in read(path).cells:
        if cell.cell_type == "code":
            fewer = cell.source.replace("range(1, 21)", "range(1, 4)")  # sets to report on
            with suppress(Exception):
                exec(compile(fewer, path.name, "exec"), names)
        if "n" in names:
            names["n"] = 60  # images in a set: enough to tell a fake
    return found


@pytest.mark.filterwarnings("ignore")  # a chapter may be warned; tests of the notebooks look at that
@pytest.mark.parametrize("path", chapters(list(ENOUGH)), ids=lambda path: path.stem[:2])
def test_every_claim_about_a_network_fails_for_a_fake(path):
    runs = {}
    for fake in ENOUGH[path.stem[:2]]:
        with pytest.MonkeyPatch.context() as patch:
            runs[fake] = claims_of(path, fake, patch)
    texts = dict.fromkeys(text for claims in runs.values() for text in claims)
    assert all(len(claims) > len(texts) / 2 for claims in runs.values())
    about, passed = 0, {}
    for text in texts:
        found = [claims[text] for claims in runs.values() if text in claims]
        values = [value for value, _ in found]
        if len(found) < len(runs) or max(values) - min(values) > 1e-6 * max(map(abs, values)):
            about += 1
            if len(found) == len(runs) and all(holds for _, holds in found):
                passed[text] = values
    assert about >= 4
    for text in LIMITS:
        passed.pop(text, None)
    assert not passed, "no fake fails:\n" + "\n".join(
        f"{text} {values}" for text, values in passed.items()
    )
