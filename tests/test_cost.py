"""The page on what faces would cost: it counts what the networks do, and computes what it shows."""

import json

import cost
import pytest
from torch.utils.flop_counter import FlopCounterMode

STORED = json.loads((cost.STORED / "cost.json").read_text("utf-8"))
TINY = dict(side=8, width=4, dense=8)


def test_the_stored_page_is_made_of_the_stored_numbers():
    assert (cost.STORED / "cost.md").read_text("utf-8") == cost.page(STORED)


@pytest.mark.parametrize("name", cost.NETWORKS)
def test_the_stored_operations_are_those_of_the_network(name):
    counted = cost.operations(cost.NETWORKS[name][0])
    assert counted == pytest.approx({key: STORED[name][key] for key in counted}, rel=0.01)


def test_a_step_costs_what_its_images_cost_and_the_optimiser():
    """Counted at batches of 1 and 2, foretold at 7. PyTorch's optimiser, on a GPU, costs more."""
    found = cost.operations(TINY)
    with FlopCounterMode(display=False) as counter:
        cost.train(TINY, 7, 1)
    assert counter.get_total_flops() == 7 * found["image"] + found["step"]
    assert found["image"] > 0 and 0 < found["step"] < found["gpu_step"]


def test_gpus_share_the_images_and_not_the_optimiser():
    shared, own = {"image": 1e9, "gpu_step": 0}, {"image": 0, "gpu_step": 1e9}
    assert cost.hours(shared, 1e12, 1) == pytest.approx(8 * cost.hours(shared, 1e12, 8))
    assert cost.hours(own, 1e12, 1) == cost.hours(own, 1e12, 8)
    assert cost.hours(shared, 1e12, 1) == pytest.approx(cost.STEPS * cost.BATCH * 1e-3 / 3600)
