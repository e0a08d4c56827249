"""The state of a training on disk, in one file that is replaced whole: safetensors with a JSON header.

Whatever ends the process, the file holds the last complete state. It is never pickle.
"""

import contextlib
import glob
import hashlib
import json
import os
import time
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

KEY = "daeutils"  # of the entry in the header that says whose training it is


class Checkpoint:
    """Where one training is kept; with path None, nowhere.

    Args:
        path: of the file.
        about: the arguments of the training, as JSON takes them: a file that was written under others
            is refused.
        modules, optimisers: what has a state, restored in place by `load`.
        writes: whether `save` does anything: of several processes, one writes and all read.
    """

    def __init__(
        self, path, about: dict, modules: dict[str, nn.Module], optimisers: list, *, writes=True
    ):  # fmt: skip
        self.path, self.writes = None if path is None else Path(path), writes
        self.about, self.modules, self.optimisers = about, modules, optimisers

    def save(self, losses: Tensor, seconds: float) -> None:
        """Replace the file by the present state, or leave it as it is. losses: of the steps so far.

        Raises:
            OSError: the folder cannot be written, or the disk is full. The last checkpoint stays.
        """
        if self.path is None or not self.writes:
            return
        state = self._state() | {"losses": losses}
        state = {name: value.detach().cpu().contiguous() for name, value in state.items()}
        draft = self.path.with_name(f".{self.path.name}.{os.getpid()}")
        header = json.dumps({"training": self.about, "seconds": seconds})
        content = save(state, {KEY: header, "sha256": _digest(header, state)})
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with open(draft, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())  # on the disk before it takes the old one's place
            os.replace(draft, self.path)
        except OSError as error:
            raise OSError(
                f"the checkpoint {self.path} could not be written ({error.strerror or error}); expected "
                "a writable folder with room: free some, or name another. The last one is kept."
            ) from error
        finally:
            with contextlib.suppress(OSError):
                draft.unlink(missing_ok=True)

    def load(self) -> tuple[Tensor, float]:
        """Restore networks and optimisers; the losses so far and the seconds spent: none, 0 at first.

        Raises:
            ValueError: the file is damaged or a folder, or belongs to another training.
        """
        if self.path is None:
            return torch.zeros(0), 0.0
        if self.path.is_dir():
            raise ValueError(
                f"the checkpoint {self.path} is a folder; expected the name of a file, "
                f"{self.path / 'state'} say."
            )
        if self.writes:
            self._tidy()
        if not self.path.exists():
            return torch.zeros(0), 0.0
        try:
            with safe_open(self.path, framework="pt") as file:
                told = file.metadata() or {}
                header, digest = told[KEY], told["sha256"]
                # clone: else they stay bound to the file, and change with whatever is copied over it
                tensors = {name: file.get_tensor(name).clone() for name in file.keys()}
            if _digest(header, tensors) != digest:
                raise ValueError("its contents are not those that were written")
            stored = json.loads(header)
            there, seconds = dict(stored["training"]), float(stored["seconds"])
        except (SafetensorError, OSError, KeyError, TypeError, ValueError) as error:
            raise ValueError(
                f"{self.path} is no checkpoint of this book, or a damaged one ({error}); "
                "expected the file of an earlier run: remove it to begin again, or name another."
            ) from error
        here = self.about
        names = sorted(name for name in {*here, *there} if here.get(name) != there.get(name))
        if names:
            differ = ", ".join(f"{n} is {here.get(n)!r}, there {there.get(n)!r}" for n in names)
            raise ValueError(
                f"the checkpoint {self.path} belongs to another training ({differ}); "
                "expected the same arguments: repeat them, or name another file."
            )
        wanted = {name: value.shape for name, value in self._state().items()}
        found = {name: value.shape for name, value in tensors.items()}
        if not wanted.items() <= found.items() or len(found.get("losses", ())) != 1:
            raise ValueError(
                f"{self.path} does not hold the tensors of this training; expected the file of an "
                "earlier run: remove it to begin again, or name another."
            )
        self._restore(tensors)
        return tensors["losses"], seconds

    def _tidy(self) -> None:
        """Remove drafts an hour old: whoever wrote them was killed meanwhile."""
        for draft in self.path.parent.glob(f".{glob.escape(self.path.name)}.*"):
            with contextlib.suppress(OSError):
                if time.time() - draft.stat().st_mtime > 3600:
                    draft.unlink()

    def _state(self) -> dict[str, Tensor]:
        state = {
            f"{name}.{key}": value
            for name, module in self.modules.items()
            for key, value in module.state_dict().items()
        }
        for i, optimiser in enumerate(self.optimisers):
            for j, values in optimiser.state_dict()["state"].items():
                state |= {f"optimiser{i}.{j}.{key}": value for key, value in values.items()}
        return state

    def _restore(self, tensors: dict[str, Tensor]) -> None:
        def under(start: str) -> dict[str, Tensor]:
            return {k[len(start) :]: value for k, value in tensors.items() if k.startswith(start)}

        for name, module in self.modules.items():
            module.load_state_dict(under(f"{name}."))
        for i, optimiser in enumerate(self.optimisers):
            weights = [p for group in optimiser.param_groups for p in group["params"]]
            for j, weight in enumerate(weights):
                for key, value in under(f"optimiser{i}.{j}.").items():
                    optimiser.state[weight][key] = value.to(weight.device)


def _digest(header: str, tensors: dict[str, Tensor]) -> str:
    """sha256 of all that a checkpoint says: safetensors would take a flipped bit for a weight."""
    told = hashlib.sha256(header.encode())
    for name, tensor in sorted(tensors.items()):
        told.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        told.update(tensor.reshape(-1).view(torch.uint8).numpy())
    return told.hexdigest()
