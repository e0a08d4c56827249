"""Wrong answers to the exercises of chapter 07, and words of the message that each must meet."""

_A = """
def healthy(denoiser, digits, n, sigma, steps):
    path = du.iterate(denoiser, digits[:n], steps, sigma, return_path=True)
    reference = {reference}
    return [frechet(features(x), {against}) for x in {path}]
"""


def _a(reference="features(digits[n:])", against="reference", path="path"):
    return _A.format(reference=reference, against=against, path=path)


_B = """
def labels_kept(path):
    classes = [probabilities(x).argmax(1) for x in path]
    return {kept}


def settled(distances, slack=0.05):
    return {settled}
"""


def _b(
    kept="[(c == classes[0]).double().mean().item() for c in classes]",
    settled="next(k for k, d in enumerate(distances) if min(distances[k:]) >= (1 - slack) * d)",
):
    return _B.format(kept=kept, settled=settled)


_C = """
def falling(denoiser, x, levels):
    path = [x]
    for s in {levels}:
        path.append(denoiser({point}, s))
    return torch.stack(path)


def rise(distances):
    return {rise}
"""


def _c(levels="levels", point="path[-1]", rise="distances[-1] / min(distances)"):
    return _C.format(levels=levels, point=point, rise=rise)


_D = """
def shortened(denoiser, t):
    return lambda y, sigma: {step}


def turn(distances, t):
    k = {turn}
    return k, t * k
"""


def _d(
    step="y + t * (denoiser(y, sigma) - y)",
    turn="min(range(len(distances)), key=lambda k: distances[k])",
):
    return _D.format(step=step, turn=turn)


_E = """
def changes(before, after, threshold):
    confidence, label = before.max(1)
    sure = {sure}
    changed = {changed}
    return sure.sum().item(), {share}
"""


def _e(
    sure="confidence >= threshold",
    changed="after.argmax(1) != label",
    share="changed[sure].double().mean().item()",
):
    return _E.format(sure=sure, changed=changed, share=share)


WRONG = {
    "ex07_a": [
        (_a(reference="features(digits[:n])"), "compared with themselves"),
        (_a(reference="features(digits)"), "the distance of these digits from the others"),
        (
            _a(reference="du.iterate(denoiser, digits[n:], steps, sigma)", against="features(reference)"),
            "only the refined digits change",
        ),
        (_a(path="path[1:]"), "the untouched digits included"),
    ],
    "ex07_b": [
        (
            _b(kept="[1.0] + [(a == b).double().mean().item() for a, b in zip(classes, classes[1:])]"),
            "not with the step before",
        ),
        (
            _b(kept="[probabilities(x).max(1).values.mean().item() for x in path]"),
            "count images, not confidence",
        ),
        (_b(settled="min(range(len(distances)), key=distances.__getitem__)"), "more than 5 per cent"),
        (
            _b(
                settled="next((k for k, (a, b) in enumerate(zip(distances, distances[1:]))"
                " if b >= (1 - slack) * a), len(distances) - 1)"
            ),
            "no later gain",
        ),
    ],
    "ex07_c": [
        (_c(point="x"), "goes on from the one before"),
        (_c(levels="sorted(levels)"), "the first level first"),
        (_c(levels="levels[:1] * len(levels)"), "at its own level"),
        (_c(rise="distances[-1] / distances[0]"), "the last over the least"),
    ],
    "ex07_d": [
        (_d(step="t * denoiser(y, sigma)"), "y plus t times the step"),
        (_d(step="(1 - t) * denoiser(y, sigma) + t * y"), "y plus t times the step"),
        (_d(step="denoiser(y, t * sigma)"), "y plus t times the step"),
        (
            _d(turn="next(k for k, d in enumerate(distances[1:], 1) if d > distances[k - 1])"),
            "least after step 2",
        ),
    ],
    "ex07_e": [
        (_e(sure="after.max(1).values >= threshold"), "were sure at 0.75 *before*"),
        (_e(share="changed.double().mean().item()"), "of the three sure ones"),
        (_e(changed="after.max(1).values < confidence"), "3 change"),
        (_e(share="(changed & sure).double().mean().item()"), "a share of 0.33"),
    ],
}
