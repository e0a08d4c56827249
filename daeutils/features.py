"""The small digit classifier in whose features images are compared (chapters 06, 07 and 10)."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from daeutils import _check
from daeutils.denoisers import draw_weights
from daeutils.training import History, optimise, pick_device


class FeatureClassifier(nn.Module):
    """Three convolutions and a 64-unit layer, whose output is the feature vector.

    Args:
        classes: how many labels.
        side: of the one-channel images.
        seed: of the initial weights.
    """

    def __init__(self, classes=10, side=28, seed=0):
        super().__init__()
        self.config = dict(classes=classes, side=side)
        self.shape, self.num_features = (1, side, side), 64
        with torch.device("meta"):
            self.body = nn.Sequential(
                nn.Conv2d(1, 24, 5, padding=2), nn.SiLU(), nn.MaxPool2d(2),
                nn.Conv2d(24, 48, 3, padding=1), nn.SiLU(), nn.MaxPool2d(2),
                nn.Conv2d(48, 64, 3, padding=1), nn.SiLU(), nn.Flatten(), nn.Identity(),
                nn.Linear(64 * (side // 4) ** 2, self.num_features), nn.SiLU(),
            )  # fmt: skip
            self.head = nn.Linear(self.num_features, classes)
        draw_weights(self, seed)

    def features(self, images: Tensor) -> Tensor:
        """(N, 1, H, W) in [0, 1] -> (N, 64)."""
        if tuple(images.shape[1:]) != self.shape:
            c, h, w = self.shape
            raise ValueError(f"images have shape {tuple(images.shape)}; expected (N, {c}, {h}, {w}).")
        return self.body(images)

    def forward(self, images: Tensor) -> Tensor:
        """Class logits, (N, classes)."""
        return self.head(self.features(images))

    def fit(
        self, images: Tensor, labels: Tensor, *, steps=2000, batch_size=128, lr=2e-3, seed=0,
        device=None, progress=True,
    ) -> History:  # fmt: skip
        """Train on images (N, 1, H, W) in [0, 1] and labels (N,), with shifts of up to two pixels.

        Raises:
            ValueError: images outside [0, 1], or another number of labels than of images.
        """
        _check.unit_interval(images, "images")
        batch_size, seed = _check.count(batch_size, "batch_size"), _check.seed(seed)
        _check.one_label_each(labels, images)
        device = pick_device(device)
        labels, classes = labels.long(), self.head.out_features
        if labels.min() < 0 or labels.max() >= classes:
            raise ValueError(
                f"labels run from {labels.min()} to {labels.max()}; expected 0 to {classes - 1} for a "
                f"classifier of {classes} classes: subtract the smallest, or give it more classes."
            )
        images, labels = images.to(next(self.parameters()).dtype).to(device), labels.to(device)
        generator, dropped = (torch.Generator(device).manual_seed(seed) for _ in range(2))
        shifts = torch.Generator("cpu").manual_seed(seed)  # read by Python

        def batches():
            while True:
                index = torch.randint(len(images), (batch_size,), generator=generator, device=device)
                dy, dx = torch.randint(-2, 3, (2,), generator=shifts, device="cpu").tolist()
                x = torch.roll(images[index], (dy, dx), (2, 3))  # digits have an empty margin
                yield x, labels[index]

        def loss(x, label):
            code = self.body[:9](x)  # as far as the flat code, of which three tenths are dropped
            kept = torch.empty_like(code).bernoulli_(0.7, generator=dropped) / 0.7
            return functional.cross_entropy(self.head(self.body[9:](code * kept)), label)

        self.to(device)
        return optimise(self, loss, batches(), steps=steps, lr=lr, progress=progress, name="classifier")
