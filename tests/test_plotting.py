"""Figures show what they are given, in the book's style."""

import re

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from oracles import seeded

import daeutils as du
from daeutils import plotting

IMAGES = torch.rand(4, 1, 5, 5, generator=seeded())


@pytest.fixture
def axes():
    with plt.rc_context():
        plotting.use_style()
        _, axes = plt.subplots()
        yield axes
        axes.figure.canvas.draw()  # what is drawn late fails here
        assert plt.get_fignums() == [axes.figure.number]  # no function opened another one


def shown(axes) -> np.ndarray:
    return axes.images[0].get_array().data


# Style


def test_the_style_is_that_of_the_book():
    with plt.rc_context():
        mpl.rcdefaults()
        plotting.use_style()
        colours = {c.upper() for c in mpl.rcParams["axes.prop_cycle"].by_key()["color"]}
        assert {plotting.EXACT[1:], plotting.LEARNED[1:]} <= {c.lstrip("#") for c in colours}
        assert mpl.rcParams["figure.constrained_layout.use"]
        assert not mpl.rcParams["axes.spines.top"] and mpl.rcParams["axes.grid"]


# Images


def test_tile_puts_each_image_in_its_place():
    images = torch.rand(6, 1, 3, 4, generator=torch.Generator().manual_seed(0)) * 2 - 0.5
    picture = plotting.tile(images[:3], images[3:])
    assert picture.shape == (6, 12)
    for i, image in enumerate(images):
        row, column = divmod(i, 3)
        part = picture[3 * row : 3 * row + 3, 4 * column : 4 * column + 4]
        assert torch.equal(part, image[0].clamp(0, 1))


def test_show_images_lays_out_rows_and_columns():
    figure = plotting.show_images(
        [IMAGES, IMAGES[:2, 0]], labels=["first", "second"], columns=["a", "b", "c", "d"], title="T"
    )
    assert plt.get_fignums() == [figure.number]
    grid = np.array(figure.axes).reshape(2, 4)
    assert [len(ax.images) for ax in grid.flat] == [1, 1, 1, 1, 1, 1, 0, 0]
    np.testing.assert_allclose(shown(grid[0, 2]), IMAGES[2, 0])
    np.testing.assert_allclose(shown(grid[1, 1]), IMAGES[1, 0])
    assert [ax.get_ylabel() for ax in grid[:, 0]] == ["first", "second"]
    assert [ax.get_title() for ax in grid[0]] == ["a", "b", "c", "d"]
    assert figure.get_suptitle() == "T"
    figure.canvas.draw()


def test_show_images_has_one_scale_and_clips_for_display():
    figure = plotting.show_images([torch.tensor([[[-3.0, 0.25], [0.75, 9.0]], [[0.3, 0.4], [0.5, 0.6]]])])
    np.testing.assert_array_equal(shown(figure.axes[0]), [[0, 0.25], [0.75, 1]])
    for ax in figure.axes:
        assert ax.images[0].get_clim() == (0, 1) and ax.images[0].get_cmap().name == "gray"


def test_show_images_takes_colour_and_networks_outputs():
    colour = torch.rand(2, 3, 4, 6, requires_grad=True)
    figure = plotting.show_images([colour])
    np.testing.assert_allclose(shown(figure.axes[1]), colour[1].detach().movedim(0, -1))


# The plane


def test_grid_goes_row_by_row():
    places = plotting.grid(3, -1, 1)
    assert places.tolist() == [[x, y] for y in (-1, 0, 1) for x in (-1, 0, 1)]
    with pytest.raises(ValueError, match="points is 1"):
        plotting.grid(1)


def test_density_background_shows_the_density_the_right_way_up(axes):
    law = du.GaussianMixture([[0.8, 0.2]], 0.005)
    plotting.density_background(axes, law, points=41)
    image = shown(axes)
    row, column = np.unravel_index(image.argmax(), image.shape)
    assert (column / 40, row / 40) == (0.8, 0.2)
    assert axes.images[0].origin == "lower"
    assert [*axes.get_xlim(), *axes.get_ylim()] == axes.images[0].get_extent() == [0, 1, 0, 1]
    assert axes.get_xlabel() and axes.get_ylabel()
    peak = law.log_prob(torch.tensor([[0.8, 0.2]])).exp().item()
    assert image.max() == pytest.approx(peak, rel=1e-4)


def test_density_contours_close_about_the_peak(axes):
    plotting.density_contours(axes, du.GaussianMixture([[0.8, 0.2]], 0.005))
    (contours,) = axes.collections
    inner = contours.get_paths()[-1].vertices
    assert np.allclose(inner.mean(0), [0.8, 0.2], atol=0.02) and np.ptp(inner, 0).max() < 0.1
    assert [*axes.get_xlim(), *axes.get_ylim()] == [0, 1, 0, 1] and axes.get_xlabel()


def test_arrows_start_at_their_points_and_have_their_length(axes):
    x, field = torch.rand(5, 2), torch.randn(5, 2, requires_grad=True)
    arrows = plotting.arrows(axes, x, field, scale=0.1, color=plotting.LEARNED, label="learned")
    np.testing.assert_allclose(arrows.XY, x)
    np.testing.assert_allclose(np.stack([arrows.U, arrows.V], 1), 0.1 * field.detach(), rtol=1e-6)
    assert (arrows.angles, arrows.scale_units, arrows.scale) == ("xy", "xy", 1)  # in units of the data
    assert arrows.get_label() == "learned"


def test_paths_have_a_line_for_each_walk_and_a_dot_at_its_end(axes):
    path = torch.rand(7, 3, 2)
    plotting.paths(axes, path)
    assert len(axes.lines) == 3
    for i, line in enumerate(axes.lines):
        np.testing.assert_allclose(line.get_xydata(), path[:, i])
    np.testing.assert_allclose(axes.collections[0].get_offsets(), path[-1])


def test_curve_draws_a_line_and_its_interval(axes):
    x, y = [1, 2, 4], np.array([3.0, 2.0, 1.0])
    line = plotting.curve(axes, x, y, (y - 0.5, y + 0.25), label="error", color=plotting.EXACT)
    np.testing.assert_array_equal(line.get_xydata(), np.stack([x, y], 1))
    assert line.get_label() == "error" and line.get_color() == plotting.EXACT
    (band,) = axes.collections
    box = band.get_datalim(axes.transData)
    assert (box.x0, box.x1, box.y0, box.y1) == (1, 4, 0.5, 3.25)
    plotting.curve(axes, x, y)
    assert len(axes.lines) == 2 and len(axes.collections) == 1  # no band without an interval


# rows that are no rows of images -> words of the error; {row} becomes code that makes one of it
NO_ROWS = {
    "a batch in place of a list": (IMAGES, "use {}"),
    "an array in place of a list": (IMAGES.numpy(), "use {}"),
    "nothing": ([], None),
    "channels last": ([torch.rand(2, 5, 5, 3)], "use {} where the channels come last"),
    "a single image": ([IMAGES[0, 0]], "use {} for a single image"),
    "flat digits": ([torch.rand(2, 784)], "use {} for flat digits"),
}


@pytest.mark.parametrize("kind", NO_ROWS)
def test_advice_on_rows_of_images_is_right_when_followed(kind):
    rows, advice = NO_ROWS[kind]
    with pytest.raises(ValueError, match=r"^rows.* expected ") as error:
        plotting.show_images(rows)
    if advice:
        words = re.escape(advice).replace(r"\{\}", r"(\S+\([^)]*\)+|\S+?)") + r"\.$"
        found = eval(re.search(words, str(error.value))[1], {"rows": rows})
        plotting.show_images(found if isinstance(found, list) else [found])


def test_images_of_numpy_are_shown_as_those_of_torch():
    plotting.show_images([IMAGES.numpy(), IMAGES[:, 0].double().numpy()])
    assert torch.equal(plotting.tile(IMAGES.numpy()), plotting.tile(IMAGES))


@pytest.mark.parametrize("words", [{"labels": ["a"]}, {"columns": list("abc")}])
def test_as_many_labels_as_rows_and_columns(words):
    with pytest.raises(ValueError, match=r"(labels|columns) has \d texts; expected \d, one for each"):
        plotting.show_images([IMAGES, IMAGES], **words)


def test_tile_says_that_rows_differ():
    with pytest.raises(ValueError, match=r"rows have shapes .*expected as many grey images in each row"):
        plotting.tile(IMAGES, IMAGES[:2])
