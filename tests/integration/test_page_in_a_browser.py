"""What the page shows in a real browser. Without one these tests are skipped, and fail where `CI` is set."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import pytest

from parity.gate.result import RunResult
from parity.judge.curves import Curve
from parity.judge.verdict import FirstDivergence, MetricSummary
from parity.metrics import METRICS, Stage
from parity.probe.values import VerdictKind
from parity.report.html import render_html
from tests.examples.browser import browser, needed
from tests.unit.made import HEADER, PROBE, cell, probe_result, verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Dialog, Locator, Page

AT = FirstDivergence(
    step=2, stage=Stage.LOSS, metric="loss", reference=2.0, candidate=2.25, delta=0.25, ulp=9, detail=""
)
CURVES = {
    "loss": Curve(
        steps=tuple(range(1, 31)),
        reference=tuple(3.0 - step / 20 for step in range(1, 31)),
        candidate=tuple(
            math.nan if step == 20 else None if step == 21 else 3.0 - step / 20 + (0.25 / step if step > 1 else 0)
            for step in range(1, 31)
        ),
    ),
    "grad_norm": Curve(steps=tuple(range(1, 31)), reference=(1.0,) * 30, candidate=(1.0,) * 30),
}


def run(curves: dict[str, Curve] = CURVES, probes: int = 1, **changed: Any) -> RunResult:
    """Probes of two seeds, of which the second parts at the loss of step 2."""
    equal = MetricSummary(max_abs=None, max_ulp=None, first_step=None, unequal=0, compared=30)
    metrics = dict.fromkeys(METRICS, equal)
    metrics |= {name: replace(equal, first_step=2, unequal=29) for name in ("loss", "params")}
    parted = replace(verdict(VerdictKind.DIVERGED, AT), metrics=metrics)
    steps = max((len(curve.steps) for curve in curves.values()), default=3)
    odd = replace(
        cell(42, VerdictKind.DIVERGED, AT), verdict=parted, curves=curves, steps=steps, provenance=HEADER.provenance
    )
    fine = replace(cell(1), provenance=HEADER.provenance)
    names = [PROBE.name, *(f"current/self{number}" for number in range(1, probes))]
    return RunResult(probes=tuple(probe_result(fine, odd, **{"name": name, **changed}) for name in names))


@dataclass
class Opened:
    """A page, and what became of it while it was open."""

    page: Page
    complaints: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    refused: list[tuple[str, str | None]] = field(default_factory=list)

    @property
    def plots(self) -> Locator:
        return self.page.locator(".plot")

    def dismiss(self, dialog: Dialog) -> None:
        self.complaints.append(dialog.message)
        dialog.dismiss()

    def drawn(self) -> Opened:
        self.page.locator(".curves[data-drawn]").first.wait_for(state="attached")
        return self


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browser(needed()) as started:
        yield started


@pytest.fixture
def opened(chromium: Browser, tmp_path: Path) -> Iterator[Callable[..., Opened]]:
    contexts = []

    def open_page(result: RunResult, *, width: int = 1200, scripts: bool = True, scheme: Any = "light") -> Opened:
        file = tmp_path / "report.html"
        file.write_text(render_html(result), encoding="utf-8")
        context = chromium.new_context(
            viewport={"width": width, "height": 3000}, color_scheme=scheme, java_script_enabled=scripts
        )
        contexts.append(context)
        found = Opened(context.new_page())
        found.page.on("console", lambda message: found.complaints.append(message.text))
        found.page.on("pageerror", lambda error: found.complaints.append(str(error)))
        found.page.on("dialog", found.dismiss)
        found.page.on("request", lambda request: found.asked.append(request.url))
        found.page.on("requestfailed", lambda request: found.refused.append((request.url, request.failure)))
        found.page.goto(file.as_uri())
        return found

    yield open_page
    for context in contexts:
        context.close()


def colours(canvas: Locator) -> int:
    found: int = canvas.evaluate(
        """each => { const data = each.getContext('2d').getImageData(0, 0, each.width, each.height).data;
        const seen = new Set(); for (let i = 0; i < data.length; i += 4) if (data[i + 3]) seen.add(
        data[i] << 16 | data[i + 1] << 8 | data[i + 2]); return seen.size; }"""
    )
    return found


def axis(plot: Locator) -> tuple[float, float]:
    return float(plot.get_attribute("data-from") or "nan"), float(plot.get_attribute("data-to") or "nan")


def test_verdict_stages_and_curves_are_seen_and_nothing_is_asked_of_anybody(opened: Callable[..., Opened]) -> None:
    found = opened(run()).drawn()
    heading = found.page.locator("h1")
    assert heading.inner_text().startswith("✗")
    assert "current/self diverged, because (seed 42), expected identical." in heading.inner_text()
    marked = found.page.locator(".strip li.first")
    assert marked.all_inner_texts() == ["loss\n≠\ndiverges first: step 2"]
    assert marked.is_visible()
    assert found.page.get_by_text("0 at every step.").is_visible()  # the norm's gaps, not left out
    canvases = found.page.locator("canvas")
    assert canvases.count() == 3
    assert all(colours(canvases.nth(number)) > 3 for number in range(3))
    assert not found.page.get_by_text("which did not run").is_visible()
    assert (found.complaints, len(found.asked)) == ([], 1)


def test_what_is_zero_or_no_number_is_counted_and_read_as_what_it_is(opened: Callable[..., Opened]) -> None:
    found = opened(run()).drawn()
    charts = found.page.locator("figure")
    assert charts.nth(0).locator(".readout").inner_text() == "× marks 2 without a number."
    assert charts.nth(1).locator(".readout").inner_text() == "1 of 30 drawn are 0. × marks 2 without a number."
    found.plots.nth(0).focus()
    read = []
    for key, times in (("Home", 1), ("ArrowRight", 1), ("ArrowRight", 18), ("ArrowRight", 1)):
        for _ in range(times):
            found.page.keyboard.press(key)
        read.append((charts.nth(0).locator(".readout").inner_text(), charts.nth(1).locator(".readout").inner_text()))
    assert read == [
        ("step 1: reference 2.95, candidate 2.95", "step 1: 0"),
        ("step 2: reference 2.9, candidate 3.025", "step 2: 0.125"),
        ("step 20: reference 2, candidate NaN", "step 20: NaN"),
        ("step 21: reference 1.95, candidate not recorded", "step 21: not recorded in one arm"),
    ]


def test_dragging_zooms_every_curve_of_the_seed_and_a_double_click_resets(opened: Callable[..., Opened]) -> None:
    found = opened(run()).drawn()
    assert axis(found.plots.nth(0)) == (1, 30)
    box = found.plots.nth(0).locator(".u-over").bounding_box()
    assert box is not None
    across = box["y"] + box["height"] / 2
    found.page.mouse.move(box["x"] + box["width"] * 0.25, across)
    found.page.mouse.down()
    found.page.mouse.move(box["x"] + box["width"] * 0.5, across, steps=5)
    found.page.mouse.up()
    zoomed = [axis(found.plots.nth(number)) for number in range(3)]
    assert zoomed[0] == zoomed[1] == zoomed[2]
    assert zoomed[0] == pytest.approx((1 + 29 * 0.25, 1 + 29 * 0.5), abs=0.3)
    found.page.mouse.dblclick(box["x"] + box["width"] / 2, across)
    assert axis(found.plots.nth(0)) == (1, 30)
    found.plots.nth(1).focus()
    found.page.keyboard.press("+")
    low, high = axis(found.plots.nth(1))
    assert high - low == 14.5
    found.page.keyboard.press("Escape")
    assert [axis(found.plots.nth(number)) for number in range(3)] == [(1, 30)] * 3


def test_thirty_thousand_steps_are_drawn_and_the_page_says_of_how_many(opened: Callable[..., Opened]) -> None:
    steps = tuple(range(1, 30_001))
    reference = tuple(2 + math.sin(step / 3000) for step in steps)
    candidate = tuple(value + (0.5 if step == 17_777 else 0.0) for step, value in zip(steps, reference, strict=True))
    found = opened(run({"loss": Curve(steps=steps, reference=reference, candidate=candidate)})).drawn()
    assert axis(found.plots.nth(0)) == (1, 30_000)
    assert all(colours(found.page.locator("canvas").nth(number)) > 3 for number in range(2))
    told = found.page.locator(".curves > p").inner_text()
    assert "of 30,000 steps are drawn, with the greatest gap" in told
    found.plots.nth(1).focus()
    found.page.keyboard.press("End")
    assert found.page.locator(".readout").nth(1).inner_text() == "step 30,000: 0"
    assert found.complaints == []


CONTRAST = """() => {
  const parts = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const light = (colour) => { const [r, g, b] = parts(colour).map((each) => { const c = each / 255;
    return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4; }); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  const ground = (each) => { for (; each; each = each.parentElement) {
    const colour = getComputedStyle(each).backgroundColor;
    if (parts(colour).length < 4 || parts(colour)[3] > 0) return colour; }
    return "rgb(255, 255, 255)"; };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT), found = [];
  while (walker.nextNode()) { const each = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || !each.checkVisibility() || each.tagName === "SCRIPT") continue;
    const [a, b] = [light(getComputedStyle(each).color), light(ground(each))].sort((x, y) => y - x);
    found.push([(a + 0.05) / (b + 0.05), walker.currentNode.data.trim()]); }
  return found; }"""


def test_light_and_dark_differ_and_every_word_can_be_read_in_both(opened: Callable[..., Opened]) -> None:
    grounds = []
    for scheme in ("light", "dark"):
        page = opened(run(), scheme=scheme).drawn().page
        grounds.append(page.evaluate("getComputedStyle(document.body).backgroundColor"))
        measured = page.evaluate(CONTRAST)
        assert len(measured) > 60
        assert [each for each in measured if each[0] < 4.5] == []
    assert grounds == ["rgb(252, 251, 249)", "rgb(21, 22, 24)"]


@pytest.mark.parametrize("width", [400, 1400])
def test_nothing_has_to_be_scrolled_sideways(opened: Callable[..., Opened], width: int) -> None:
    found = opened(run(name="current/" + "a-long-name" * 12, question="why" * 90), width=width).drawn()
    assert found.page.evaluate("document.documentElement.scrollWidth") == width
    assert found.page.locator("canvas").first.bounding_box()["width"] <= width  # type: ignore[index]


def test_of_many_probes_only_those_in_sight_are_drawn_and_the_expected_can_be_hidden(
    opened: Callable[..., Opened],
) -> None:
    many = run(probes=12)
    fine = replace(probe_result(cell(1), cell(42)), probe=replace(PROBE, name="current/fine"))
    found = opened(replace(many, probes=(*many.probes, fine)))
    found.page.locator("#p1").scroll_into_view_if_needed()
    found.drawn()
    assert 0 < found.page.locator(".curves[data-drawn]").count() < 12
    found.page.locator("#p12").scroll_into_view_if_needed()
    found.page.locator("#p12 .curves[data-drawn]").wait_for(state="attached")
    section = found.page.locator("details.probe", has_text="current/fine")
    assert section.is_visible()
    found.page.get_by_label("only what is not as expected").check()
    assert not section.is_visible()
    assert found.page.locator("#p3").is_visible()


def test_fifteen_seeds_are_seen_at_once_and_those_that_are_odd_in_words(opened: Callable[..., Opened]) -> None:
    (made,) = run().probes
    fine, odd = made.cells
    seeds = tuple(range(1, 16))
    probe = replace(made.probe, workload=replace(made.probe.workload, seeds=seeds))
    cells = tuple(replace(odd if seed == 15 else fine, seed=seed) for seed in seeds)
    found = opened(RunResult(probes=(replace(made, probe=probe, cells=cells),)))
    grid = found.page.get_by_role("region", name="Probes and seeds")
    assert grid.evaluate("each => each.scrollWidth <= each.clientWidth")
    shown = grid.get_by_role("row").nth(1).get_by_role("cell")
    assert shown.nth(15).inner_text().split("\n") == ["✗ diverged", "step 2 · loss"]
    assert shown.nth(1).get_by_text("identical").bounding_box()["width"] == 1  # type: ignore[index]


def test_on_paper_it_is_black_on_white_whatever_the_screen_is(opened: Callable[..., Opened]) -> None:
    page = opened(run(), scheme="dark").drawn().page
    page.emulate_media(media="print", color_scheme="dark")
    of = "getComputedStyle(document.body)"
    assert page.evaluate(f"[{of}.backgroundColor, {of}.color]") == ["rgb(255, 255, 255)", "rgb(0, 0, 0)"]
    assert not page.locator(".readout").first.is_visible()
    assert page.locator("canvas").first.is_visible()


def test_a_link_into_a_folded_section_unfolds_it(opened: Callable[..., Opened]) -> None:
    fine = replace(probe_result(cell(1), cell(42)), probe=replace(PROBE, name="current/fine"))
    found = opened(replace(run(), probes=(*run().probes, fine)))
    assert found.page.locator("#p2-42").get_attribute("open") is None
    found.page.get_by_role("link", name="identical").last.click()
    assert found.page.locator("#p2").get_attribute("open") is not None
    assert found.page.locator("#p2-42").get_attribute("open") is not None


def test_without_scripts_all_but_the_curves_is_there(opened: Callable[..., Opened]) -> None:
    found = opened(run(), scripts=False)
    assert found.page.get_by_text("The curves are drawn by a script, which did not run.").is_visible()
    assert found.page.locator(".strip li.first").is_visible()
    assert found.page.get_by_role("table", name="").count() >= 3
    assert found.page.locator("canvas").count() == 0
    assert "2.25" in found.page.locator("table.seeds").inner_text()


HOSTILE = "</script><img src=x onerror=alert(1)><script>alert(2)</script>"


def test_names_from_outside_do_nothing(opened: Callable[..., Opened]) -> None:
    result = run({HOSTILE: CURVES["loss"]}, name=HOSTILE, question=HOSTILE)
    found = opened(result).drawn()
    found.page.locator("figure").first.wait_for()
    assert found.page.locator("figcaption").first.inner_text().startswith(HOSTILE)
    assert found.page.locator("img").count() == 0
    assert (found.complaints, len(found.asked)) == ([], 1)


def test_a_script_that_got_in_all_the_same_is_not_run(opened: Callable[..., Opened]) -> None:
    found = opened(run()).drawn()
    found.page.evaluate(
        """() => { const put = document.createElement("script"); put.textContent = "window.harmed = 1";
        document.body.append(put); document.body.insertAdjacentHTML("beforeend",
        "<img src='https://example.invalid/x.png' onerror='window.harmed = 2'>"); }"""
    )
    found.page.wait_for_function("() => document.images.length === 1")
    assert found.page.evaluate("window.harmed") is None
    assert any("Content Security Policy" in said for said in found.complaints)
    assert found.refused == [("https://example.invalid/x.png", "csp")]
