"""Trained networks that several chapters share: safetensors with a JSON card, never pickle.

`make weights` (tools/weights.py) trains them again and writes both files.
"""

import hashlib
import json
from importlib.resources import files
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import nn

from daeutils import _check
from daeutils._engine import pick_device
from daeutils.baselines import GAN, VAE
from daeutils.denoisers import MLPDenoiser, PlainDAE, UNetDenoiser
from daeutils.features import FeatureClassifier

KINDS = {
    kind.__name__: kind for kind in (MLPDenoiser, PlainDAE, UNetDenoiser, VAE, GAN, FeatureClassifier)
}
SHIPPED = files("daeutils") / "assets"


def names(folder=None) -> list[str]:
    """The networks in a folder, or those that ship with the package."""
    place = _place(folder)
    stems = (Path(entry.name) for entry in place.iterdir()) if place.is_dir() else ()
    return sorted(path.stem for path in stems if path.suffix == ".safetensors")


def _place(folder):
    """The given folder, or the one that ships with the package."""
    return SHIPPED if folder is None else _check.path(folder, "folder")


def card(name: str, folder=None) -> dict:
    """What is known of a network: how it was made, on what, and what it measured.

    Raises:
        ValueError: an unknown name, or a card that cannot be read.
    """
    path = _place(folder) / f"{name}.json"
    if not path.is_file():
        raise ValueError(f"no network is called {name!r}; expected one of {names(folder)}.")
    try:
        about = json.loads(path.read_text(encoding="utf-8"))
        about["kind"], about["config"], about["sha256"]
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f"the card of {name!r} is damaged or foreign ({error!r}); expected JSON with kind, config "
            "and sha256. Install the package again, or train it anew: make weights."
        ) from error
    return about


def load_network(name: str, device=None, folder=None) -> nn.Module:
    """A shipped network in evaluation mode, on a CUDA GPU where there is one.

    Raises:
        ValueError: an unknown name, or weights that are not the ones on the card.
    """
    about = card(name, folder)
    if about["kind"] not in KINDS:
        raise ValueError(f"{name!r} is a {about['kind']!r}; expected one of {sorted(KINDS)}.")
    path = _place(folder) / f"{name}.safetensors"
    if not path.is_file():
        raise ValueError(f"the weights of {name!r} are missing: train them again, make weights.")
    content = path.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    if digest != about["sha256"]:
        raise ValueError(
            f"the weights of {name!r} have sha256 {digest[:12]}..., their card says "
            f"{about['sha256'][:12]}...: the file is damaged or foreign, and was not used. "
            "Install the package again, or train it anew: make weights."
        )
    network = KINDS[about["kind"]](**about["config"])
    try:
        state = load(content)
    except SafetensorError as error:
        raise ValueError(f"the weights of {name!r} cannot be read: {error}.") from error
    try:
        network.load_state_dict(state)
    except RuntimeError as error:
        raise ValueError(
            f"the weights of {name!r} do not fit the {about['kind']} on their card: {error}"
        ) from error
    return network.requires_grad_(False).eval().to(pick_device(device))


def save_network(network: nn.Module, name: str, folder, **about) -> dict:
    """Write weights in half precision and their card, and return the card. Buffers keep their digits.

    Raises:
        ValueError: a network that `load_network` could not make again, weights that half precision
            cannot hold, or facts in `about` that are no JSON. Nothing is written then.
    """
    folder = _check.path(folder, "folder")
    if type(network) not in KINDS.values():
        raise ValueError(
            f"the network is a {type(network).__name__}; expected one of {sorted(KINDS)}. Keep "
            "the weights of your own by torch.save(network.state_dict(), path)."
        )
    weights = dict(network.named_parameters())
    state = {
        key: (value.half() if key in weights else value).contiguous().cpu()
        for key, value in network.state_dict().items()
    }
    for key, value in state.items():
        if value.is_floating_point() and not torch.isfinite(value).all():
            raise ValueError(f"{key} holds numbers that half precision cannot: expected below 65,504.")
    content = save(state)
    about = {
        "name": name,
        "kind": type(network).__name__,
        "config": network.config,
        "parameters": sum(p.numel() for p in network.parameters()),
        "torch": torch.__version__.split("+")[0],
        "sha256": hashlib.sha256(content).hexdigest(),
        **about,
    }
    try:
        text = json.dumps(about, indent=2, default=lambda value: value.item())
    except (TypeError, ValueError, AttributeError) as error:
        raise ValueError(f"the card cannot be written ({error}); expected numbers and texts.") from error
    (folder / f"{name}.safetensors").write_bytes(content)
    (folder / f"{name}.json").write_text(text + "\n", encoding="utf-8")
    return about
