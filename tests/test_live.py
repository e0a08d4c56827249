"""The live page in a real browser: its networks are PyTorch's, and hand, keyboard and finger work it."""

import math
import re
from contextlib import contextmanager

import pytest
import torch
from serving import served

import daeutils as du

import live_models

DESK, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
DENSITY = live_models.DENSITY


@pytest.fixture(scope="module")
def address(site):
    with served(site) as found:
        yield f"{found}live.html"


@contextmanager
def opened(browser, address, *, live=True, before=None, **settings):
    """The page, once it is ready; afterwards: no script failed, no other server was asked."""
    errors, asked = [], []
    with browser.new_context(**{"viewport": DESK, **settings}) as context:
        context.on("request", lambda request: asked.append(request.url))
        context.set_default_timeout(30_000)
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        if before:
            page.add_init_script(before)
        page.goto(address)
        if live:  # the digits come when the reader does
            page.locator("#plane").wait_for()
            page.locator("#digits-note").scroll_into_view_if_needed()
            page.locator("#strip li").first.wait_for()
            page.evaluate("scrollTo(0, 0)")
        yield page
    home = address.removesuffix("live.html")
    assert errors == []
    assert [url for url in asked if not url.startswith((home, "data:", "blob:"))] == []


@pytest.fixture(scope="module")
def page(browser, address):
    with opened(browser, address) as page:
        yield page


def trails(page) -> list[torch.Tensor]:
    """Where each particle has been, (steps + 1, 2) each."""
    found = page.evaluate("async () => (await import('./_static/live.js')).particles")
    return [torch.tensor(trail, dtype=torch.float64) for trail in found]


def assert_climbed(trail, sigma) -> None:
    """Up at every step that is worth the name, and much in all (P3); near a mode T5 promises nothing."""
    log_p = DENSITY.smooth(sigma).log_prob(trail)
    long = trail.diff(dim=0).norm(dim=1) > 0.01
    assert long.any() and (log_p.diff()[long] > 0).all()
    assert log_p[-1] > log_p[0] + 1


def sigma_of(page, part) -> float:
    return float(page.locator(f"#{part}-sigma").get_attribute("aria-valuetext"))


# The networks


@pytest.mark.parametrize("file", ["points", "digits"])
def test_the_browser_computes_what_pytorch_computes(page, file):
    name = {"points": live_models.POINTS, "digits": live_models.DIGITS}[file]
    denoiser, generator = du.load(name, device="cpu"), torch.Generator().manual_seed(0)
    levels = {"points": [0.02, 0.07, 0.4], "digits": [0.1, 0.5, 2.0]}[file]
    cases = []
    for n, sigmas in [*((n, [s] * n) for n in (1, 5) for s in levels), (3, levels)]:
        clean = torch.rand(n, *live_models.SHAPES[name], generator=generator)
        x_noisy = du.corruption.gaussian(clean, torch.tensor(sigmas), generator)
        expected = denoiser(x_noisy, torch.tensor(sigmas))
        cases.append({
            "x": x_noisy.flatten().tolist(), "sigma": sigmas, "expected": expected.flatten().tolist(),
        })  # fmt: skip
    difference = page.evaluate(
        """async ([name, cases]) => {
          const { reconstruct } = await import("./_static/live.js");
          let largest = 0;
          for (const { x, sigma, expected } of cases) {
            const found = await reconstruct(name, x, sigma);
            if (found.length !== expected.length) throw new Error(`${found.length} numbers`);
            found.forEach((value, i) => { largest = Math.max(largest, Math.abs(value - expected[i])); });
          }
          return largest;
        }""",
        [file, cases],
    )
    assert difference < 1e-4


def test_the_exact_density_of_the_page_is_exact(page):
    x = torch.rand(20, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    found = page.evaluate(
        """async (x) => {
          const { logDensity } = await import("./_static/live.js");
          return [0.02, 0.3].map((sigma) => x.map((place) => logDensity(place, sigma)));
        }""",
        x.tolist(),
    )
    exact = torch.stack([DENSITY.smooth(sigma).log_prob(x) for sigma in (0.02, 0.3)])
    torch.testing.assert_close(torch.tensor(found, dtype=torch.float64), exact)


# Points


MODES = "async (sigma) => (await import('./_static/live.js')).exactModes(sigma)"


@pytest.mark.parametrize("sigma", [0.02, 0.05, 0.08, 0.2, 0.4])
def test_the_crosses_of_the_page_are_modes(page, sigma):
    found = torch.tensor(page.evaluate(MODES, sigma), dtype=torch.float64)
    assert DENSITY.smooth(sigma).score(found).norm(dim=1).max() < 1e-4
    for mode in found:
        J = du.jacobian(DENSITY.posterior_mean, mode[None], sigma)
        assert torch.linalg.eigvalsh((J + J.T) / 2).max() < 1


@pytest.mark.parametrize("sigma", [0.1, 0.2, 0.4])
def test_the_best_denoiser_ends_at_a_cross_of_the_page_and_at_each(page, sigma):
    found = torch.tensor(page.evaluate(MODES, sigma), dtype=torch.float64)
    ends = du.iterate(DENSITY.posterior_mean, DENSITY.means, 10_000, sigma)
    apart = torch.cdist(ends, found)
    assert apart.min(1).values.max() < 0.001 and apart.min(0).values.max() < 0.001


def test_particles_that_the_best_denoiser_moves_never_go_down(browser, address):
    with opened(browser, address, reduced_motion="reduce") as page:
        page.locator("#plane-who").select_option("exact")
        side = page.locator("#plane").bounding_box()["width"]
        page.locator("#plane").click(position={"x": 0.1 * side, "y": 0.15 * side})
        for _ in range(30):
            page.locator("#plane-step").click()
        page.get_by_text("1 particle, 30 steps").wait_for()
        (trail,) = trails(page)
        sigma = sigma_of(page, "plane")
        expected = du.iterate(DENSITY.posterior_mean, trail[:1], 30, sigma, return_path=True)[:, 0]
        torch.testing.assert_close(trail, expected, atol=0.02, rtol=0)  # the page shows sigma rounded
        assert (DENSITY.smooth(sigma).log_prob(trail).diff() > -1e-3).all()
        assert "Farthest from a mode: " in page.locator("#plane-said").inner_text()


def rest(page, who: str, sigma: float, x: float, y: float) -> float:
    """Run one particle from (x, y) until it is at rest: its distance from the nearest mode."""
    page.locator("#plane-clear").click()
    page.locator("#plane-who").select_option(who)
    page.locator("#plane-sigma").evaluate(
        """(slider, share) => {
          slider.value = 100 * share;
          slider.dispatchEvent(new Event("input"));
        }""",
        math.log(sigma / 0.02) / math.log(0.4 / 0.02),
    )
    side = page.locator("#plane").bounding_box()["width"]
    page.locator("#plane").click(position={"x": x * side, "y": (1 - y) * side})
    page.locator("#plane-run").click()
    page.get_by_text(re.compile(r", at rest\.")).wait_for()
    end = trails(page)[0][-1]
    modes = torch.tensor(page.evaluate(MODES, sigma), dtype=torch.float64)
    return torch.cdist(end[None], modes).min().item()


@pytest.mark.parametrize("sigma", [0.08, 0.2])
def test_particles_that_the_best_denoiser_moves_come_to_rest_at_a_mode(browser, address, sigma):
    with opened(browser, address, reduced_motion="reduce") as page:
        for x, y in [(0.1, 0.85), (0.9, 0.4), (0.02, 0.02)]:
            assert rest(page, "exact", sigma, x, y) < 0.01


def test_the_network_comes_to_rest_far_from_every_mode_as_the_page_says(browser, address):
    with opened(browser, address, reduced_motion="reduce") as page:
        assert rest(page, "network", 0.08, 0.1, 0.85) > 0.4
        assert "Farthest from a mode: 0.4" in page.locator("#plane-said").inner_text()


def test_a_click_drops_a_particle_that_climbs_as_in_pytorch(page):
    plane, said = page.locator("#plane"), page.locator("#plane-said")
    side = plane.bounding_box()["width"]
    starts = torch.tensor([[0.1, 0.85], [0.9, 0.4], [0.6, 0.1]])
    for x, y in starts.tolist():
        plane.click(position={"x": x * side, "y": (1 - y) * side})
    for _ in range(4):
        page.locator("#plane-step").click()
    page.get_by_text("3 particles, 4 steps").wait_for()
    found, sigma = torch.stack(trails(page)), sigma_of(page, "plane")
    torch.testing.assert_close(found[:, 0].float(), starts, atol=0.01, rtol=0)
    for trail in found:
        assert_climbed(trail, sigma)
    assert sigma == 0.05
    path = du.iterate(du.load(live_models.POINTS, device="cpu"), found[:, 0].float(), 4, sigma, True)
    torch.testing.assert_close(found.float(), path.transpose(0, 1), atol=1e-4, rtol=0)

    page.locator("#plane-clear").click()
    assert trails(page) == [] and said.inner_text() == "No particle yet."


def test_the_status_follows_a_run_and_another_level_starts_the_curves_anew(browser, address):
    with opened(browser, address) as page:
        page.locator("#plane-who").select_option("exact")
        page.locator("#plane").click()
        page.locator("#plane-run").click()
        page.get_by_text(re.compile(r"^1 particle, ([5-9]|\d\d+) steps")).wait_for()
        assert page.locator("#plane-run").inner_text() == "Pause"
        page.locator("#plane-run").click()
        page.get_by_role("button", name="Run").wait_for()
        here = trails(page)[0][-1]
        page.locator("#plane-sigma").press("ArrowRight")
        page.get_by_text("1 particle, 0 steps.").wait_for()
        assert len(trails(page)[0]) == 1
        torch.testing.assert_close(trails(page)[0][0], here)


def test_the_keyboard_alone_drops_a_particle_and_moves_it(browser, address):
    with opened(browser, address, reduced_motion="reduce") as page:

        def tab_to(name: str) -> None:
            for _ in range(100):
                page.keyboard.press("Tab")
                if page.evaluate("document.activeElement.id") == name:
                    return
            raise AssertionError(f"the Tab key does not reach {name}")

        tab_to("plane")
        page.wait_for_timeout(300)  # the page has come to rest
        place = page.evaluate("scrollY")
        for key in 4 * ["Shift+ArrowUp", "Shift+ArrowRight"] + ["ArrowLeft", "ArrowDown", "Enter"]:
            page.keyboard.press(key)
        assert page.evaluate("scrollY") == place, "the arrow keys scrolled the page"
        torch.testing.assert_close(trails(page)[0], torch.tensor([[0.88, 0.88]], dtype=torch.float64))
        tab_to("plane-sigma")
        before = sigma_of(page, "plane")
        for _ in range(20):
            page.keyboard.press("ArrowRight")
        assert sigma_of(page, "plane") > before
        tab_to("plane-run")
        page.keyboard.press("Enter")
        page.locator("#plane-said").filter(has_not_text=", 0 steps").wait_for()
        assert_climbed(trails(page)[0], sigma_of(page, "plane"))


# Digits


def strip(page) -> list[str]:
    return [" ".join(text.split()) for text in page.locator("#strip li").all_inner_texts()]


PIXELS = """canvas => [...canvas.getContext("2d").getImageData(0, 0, 28, 28).data]
  .filter((_, i) => i % 4 === 0)"""


def pictures(page) -> torch.Tensor:
    """The images of the strip as shown, (n, 784) in [0, 1]."""
    found = [canvas.evaluate(PIXELS) for canvas in page.locator("#strip canvas").all()]
    return torch.tensor(found) / 255


def test_a_drawn_digit_is_noised_and_denoised_step_by_step(page):
    pad = page.locator("#pad")
    page.locator("#pad-blank").click()
    pad.scroll_into_view_if_needed()  # the mouse draws only on what is in view
    box = pad.bounding_box()
    for i, (x, y) in enumerate([(0.5, 0.2), (0.5, 0.5), (0.5, 0.8)]):
        page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"])
        if i == 0:
            page.mouse.down()
    page.mouse.up()
    page.locator("#pad-noise").click()
    for i in (1, 2):
        page.locator("#pad-denoise").click()
        page.get_by_text(f"Step {i} changed").wait_for()
    level = f"σ = {sigma_of(page, 'pad'):.2f}"
    assert strip(page) == [
        "blank",
        "drawn",
        *(f"{what} {level}" for what in ("noise", "step 1", "step 2")),
    ]
    blank, drawn, noisy, first, _ = pictures(page)
    assert blank.sum() == 0 and 20 < drawn.sum() < 120
    stroke = drawn.unflatten(0, (28, 28)).nonzero()
    assert stroke[:, 0].min() < 7 and stroke[:, 0].max() > 20  # one line from top to bottom
    assert (first - drawn).norm() < 0.4 * (noisy - drawn).norm()


def test_a_test_digit_and_random_noise_are_starts(page):
    page.get_by_role("button", name="test digit 3,").click()
    assert strip(page) == ["test digit 3"]
    torch.testing.assert_close(
        pictures(page)[0], live_models.digits()[3][1].flatten(), atol=0.003, rtol=0
    )
    page.locator("#pad-random").click()
    assert strip(page) == ["random noise"]
    assert 0.2 < pictures(page)[0].std() < 0.5


def test_the_keyboard_draws(page):
    page.locator("#pad-blank").click()
    page.locator("#pad").focus()
    page.keyboard.press("ArrowUp")
    page.keyboard.down("Shift")
    for _ in range(6):
        page.keyboard.press("ArrowLeft")
    page.keyboard.up("Shift")
    assert strip(page) == ["blank", "drawn"]
    assert 10 < pictures(page)[1].sum() < 60


# Everywhere


def test_a_finger_on_a_phone_does_all_and_nothing_is_wider_than_the_page(browser, address):
    with opened(browser, address, viewport=PHONE, has_touch=True, is_mobile=True) as page:
        page.locator("#plane").tap()
        page.locator("#plane-run").tap()
        page.get_by_text("1 particle,").wait_for()
        page.locator("#pad-noise").tap()
        page.locator("#pad-denoise").tap()
        page.get_by_text("Step 1 changed").wait_for()
        assert page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]


def test_the_plane_is_there_before_anything_of_the_digits_is_loaded(browser, address):
    asked = []
    with opened(browser, address, live=False) as page:
        page.on("request", lambda request: asked.append(request.url))
        page.reload()
        page.locator("#plane").click()
        page.locator("#plane-step").click()
        page.get_by_text("1 particle, 1 step.").wait_for()
        assert not [url for url in asked if "onnx" in url]
        sizes = page.evaluate(
            "performance.getEntriesByType('resource').map((it) => [it.name, it.encodedBodySize])"
        )
        assert 100_000 < sum(size for name, size in sizes if "/live/" in name) < 250_000

        page.locator("#digits-note").scroll_into_view_if_needed()
        page.locator("#strip li").first.wait_for()
        sizes = page.evaluate(
            "performance.getEntriesByType('resource').map((it) => [it.name, it.encodedBodySize])"
        )
        loaded = sum(size for name, size in sizes if "onnx" in name) / 1e6
        said = page.evaluate("fetch('_static/live/data.json').then((it) => it.json())")["megabytes"]
        assert abs(loaded - said) < 1


def test_digits_that_do_not_arrive_leave_the_plane_alone(browser, address):
    with opened(browser, address, live=False) as page:
        page.route("**/*.onnx", lambda route: route.abort())
        page.locator("#digits-note").scroll_into_view_if_needed()
        page.locator("#digits-note").get_by_text("You see a picture").wait_for()
        assert (
            page.locator(".live-picture.digits img").is_visible()
            and not page.locator("#pad").is_visible()
        )
        page.locator("#plane").click()
        page.get_by_text("1 particle, 0 steps.").wait_for()


@pytest.mark.parametrize("why", ["no WebAssembly", "no script", "a file"])
def test_where_networks_cannot_run_there_is_a_picture_and_a_sentence(browser, address, site, why):
    settings = {"java_script_enabled": why != "no script"}
    part, says = "points", "not from a file"
    if why == "no WebAssembly":  # only the digits need it
        settings, part, says = {"before": "delete globalThis.WebAssembly"}, "digits", "no WebAssembly"
    if why == "a file":
        address = (site / "live.html").as_uri()
    with opened(browser, address, live=False, viewport=PHONE, **settings) as page:
        if part == "digits":
            page.locator("#plane").wait_for()
            page.locator("#digits-note").scroll_into_view_if_needed()
        note = page.locator(f"#{part}-note").filter(has_text=says)
        note.wait_for()
        assert "You see" in note.inner_text()
        assert not page.locator(".live-part.digits").is_visible()
        pictures = page.locator(
            ".live-picture.digits img" if part == "digits" else ".live-picture img"
        ).all()
        assert len(pictures) == (1 if part == "digits" else 2)
        for picture in pictures:
            assert picture.is_visible() and len(picture.get_attribute("alt")) > 50
            assert picture.evaluate("img => img.decode().then(() => img.naturalWidth)") > 500
