"""The threshold explorer in an exported page: metrics compared with scikit-learn, appearance, drags and keys."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics

from .contrast import contrast_script
from .threshold_page import CLIPPED, CONTRAST, OVERLAPPING, Explorer, beats

# Colours of bars, of the threshold and of lines of sequences.
LINES = """[...root.querySelectorAll('.bars, .threshold line, .curve, .changed li path')]
    .map(e => against(light(parse(getComputedStyle(e).stroke))))"""


@pytest.fixture
def explore(page, tmp_path):
    def open_(*args, **kwargs):
        explorers.append(Explorer(page, tmp_path, *args, **kwargs))
        return explorers[-1]

    explorers = []
    yield open_
    for explorer in explorers:
        assert explorer.errors == []


def compare(explorer, scores, labels):
    """Compare every metric in the page with scikit-learn at the current threshold."""
    truth, flagged = labels != 0, scores > explorer.threshold
    rate = 5.001e-4  # three decimals
    counts = ("passed", "falseAlarms", "missed", "found")
    matrix = metrics.confusion_matrix(truth, flagged, labels=[False, True]).ravel()
    assert [int(explorer.metric(name)) for name in counts] == matrix.tolist()
    for name, expected in {
        "precision": metrics.precision_score(truth, flagged, zero_division=0),
        "recall": metrics.recall_score(truth, flagged),
        "f1": metrics.f1_score(truth, flagged, zero_division=0),
        "falseAlarmRate": flagged[~truth].mean(),
        "auroc": metrics.roc_auc_score(truth, scores),
        "averagePrecision": metrics.average_precision_score(truth, scores),
    }.items():
        assert float(explorer.metric(name)) == pytest.approx(expected, abs=rate), name
    assert float(explorer.metric("falseAlarmsPerThousand")) == pytest.approx(
        1000 * np.mean(flagged & ~truth), abs=0.051
    )
    assert f"{flagged.sum():,} of {len(scores):,} flagged" in explorer.metric("flagged")
    for place, label in enumerate(np.unique(labels)):
        of_class = flagged[labels == label]
        assert int(explorer.page.locator(f"[data-flagged='{place}']").text_content()) == of_class.sum()
        assert float(explorer.page.locator(f"[data-share='{place}']").text_content()) == pytest.approx(
            of_class.mean(), abs=rate
        )


@pytest.mark.parametrize("seed", [0, 1])
def test_every_metric_equals_scikit_learn(explore, seed):
    scores, labels = beats(seed=seed)
    explorer = explore(scores, labels, threshold=1.0)
    for threshold in (1.0, float(scores[7]), float(scores.min()), float(scores.max()), -3.0, 99.0, 2.3):
        explorer.set(threshold) if threshold != explorer.threshold else None
        compare(explorer, scores, labels)
    for key in ("ArrowLeft", "PageUp", "Shift+ArrowRight", "Shift+ArrowLeft", "Home", "End"):
        explorer.press(key)
        compare(explorer, scores, labels)


def test_metrics_of_two_hundred_thousand_scores_are_exact(explore):
    scores, labels = beats(200_000)
    explorer = explore(scores, labels, threshold=1.0)
    compare(explorer, scores, labels)
    explorer.move_mouse(0.2)
    explorer.page.mouse.down()
    explorer.move_mouse(0.5, steps=20)
    explorer.page.mouse.up()
    compare(explorer, scores, labels)
    for curve in explorer.page.locator("path.curve").all():
        assert len(curve.get_attribute("d")) < 30_000, "about as many points as the picture has pixel columns"
    assert explorer.page.locator(".changed li").count() == 13, "twelve, and the number of others"


def test_points_are_on_curves(explore):
    scores, labels = beats()
    explorer = explore(scores, labels, threshold=1.0)
    truth = labels != 0
    for threshold in (0.5, 1.5, 2.5):
        explorer.set(threshold)
        flagged = scores > threshold
        for curve, x, y in (
            (".roc", flagged[~truth].mean(), flagged[truth].mean()),
            (".pr", flagged[truth].mean(), truth[flagged].mean()),
        ):
            point = explorer.page.locator(f"{curve} circle")
            assert float(point.get_attribute("cx")) == pytest.approx(42 + 180 * x, abs=0.01)
            assert float(point.get_attribute("cy")) == pytest.approx(170 - 162 * y, abs=0.01)
    explorer.press("End")
    assert explorer.page.locator(".pr circle").count() == 0, "no precision if nothing is flagged"


def test_drag_moves_threshold_and_shows_changed_predictions(explore):
    scores, labels = beats()
    explorer = explore(scores, labels, threshold=1.0, sequences=np.outer(scores, np.sin(np.arange(30))))
    explorer.move_mouse(0.3)
    explorer.page.mouse.down()
    explorer.move_mouse(0.6, steps=7)
    explorer.move_mouse(0.5, steps=7)
    explorer.page.mouse.up()
    explorer.move_mouse(0.9)
    reached = explorer.threshold
    assert reached == pytest.approx(np.ptp(scores) * 0.5, rel=0.1), "the threshold stays after the button is released"
    between = (scores > 1.0) & (scores <= reached)
    text = explorer.page.locator(".moved").text_content()
    assert text.startswith(f"After the last move, {between.sum()} sequences are no longer flagged")
    assert f"{(between & (labels != 0)).sum()} now missed" in text
    assert f"{(between & (labels == 0)).sum()} no longer false alarms" in text
    pictures = explorer.page.locator(".changed li:has(svg)")
    nearest = np.argsort(np.where(between, reached - scores, np.inf))[:6]
    listed = [int(text.split("sequence ")[1].split("score")[0]) for text in pictures.all_text_contents()]
    assert sorted(scores[listed]) == sorted(scores[nearest])
    for text, position in zip(pictures.all_text_contents(), listed, strict=True):
        assert ("normal" if labels[position] == 0 else f"class {labels[position]}") in text


def test_changed_predictions_without_sequences_have_positions(explore):
    explorer = explore([0.1, 0.2, 0.3, 0.4], [0, 0, 1, 1], threshold=0.25)
    explorer.set(0.15)
    assert explorer.page.locator(".moved").text_content().endswith("is now flagged: 1 now a false alarm.")
    assert "sequence 1score 0.2" in explorer.page.locator(".changed").text_content()
    explorer.set(0.16)
    assert "The last move changed no prediction" in explorer.page.locator(".moved").text_content()


def test_keys_move_threshold_by_steps_pages_and_scores(explore):
    scores = np.array([1.0, 2.0, 2.0, 3.0, 11.0])
    explorer = explore(scores, threshold=2.5)
    explorer.press("ArrowRight")
    assert 2.5 < explorer.threshold < 2.6
    explorer.press("ArrowDown")
    assert explorer.threshold == pytest.approx(2.5, abs=0.01)
    explorer.press("PageUp")
    assert explorer.threshold == pytest.approx(2.5 + 0.05 * 10.6, abs=0.02)
    reached = []
    for _ in range(3):
        explorer.press("Shift+ArrowLeft")
        reached.append(int(np.sum(scores > explorer.threshold)))
    assert reached == [2, 4, 5], "equal scores have the same prediction"
    for _ in range(5):
        explorer.press("Shift+ArrowUp")
    assert explorer.threshold == 11.0
    explorer.press("Home")
    assert np.sum(scores > explorer.threshold) == 5
    assert explorer.page.locator(".changed li").count() == 5


def test_every_control_is_reached_by_tab_with_visible_focus(explore):
    scores, labels = beats()
    explorer = explore(scores + 0.1, labels, threshold=1.0, false_alarm_cost=1, miss_cost=5)
    found = []
    for _ in range(8):
        explorer.page.keyboard.press("Tab")
        found.append(
            explorer.page.evaluate("""() => {
                const e = document.activeElement, grip = e.querySelector('.grip');
                const look = getComputedStyle(grip || e);
                const seen = grip ? look.stroke !== 'none' : look.outlineStyle === 'solid';
                return [e.getAttribute('aria-label') || (e.labels?.[0] || e).textContent.trim(), seen];
            }""")
        )
    names = ["threshold", "hide the labels", "threshold", "log counts", "log scores", "a false alarm", "a miss"]
    assert found == [[name, True] for name in [*names, "go to the lowest cost"]]


@pytest.mark.parametrize("pictures", [False, True])
def test_hidden_labels_are_not_in_page(explore, pictures):
    scores, labels = beats()
    order = np.argsort(labels, kind="stable")  # so that a position would reveal the class
    scores, labels = scores[order], labels[order]
    more = {"sequences": np.outer(scores, np.arange(9.0))} if pictures else {}
    explorer = explore(scores, labels, threshold=1.0, hide_labels=True, false_alarm_cost=1, miss_cost=5, **more)
    explorer.press("PageUp", "PageDown", "PageUp")
    text = explorer.text()
    for word in (
        "precision",
        "recall",
        "AUROC",
        "class",
        "false alarm",
        "miss",
        "found",
        "cost",
        "is normal",
        "sequence ",
    ):
        assert word not in text.replace("sequences", ""), word
    assert explorer.page.locator(".histogram .bars").count() == 1
    assert explorer.page.locator(".truth [data-figure]:not(:empty)").count() == 0
    assert f"{np.sum(scores > explorer.threshold)} of 400 flagged" in text
    assert explorer.page.locator(".changed li").count() > 3
    for colour in ("#0072B2", "#B5790A"):
        assert colour not in explorer.page.locator(".histogram .bars").evaluate("e => e.outerHTML")
    explorer.page.get_by_label("hide the labels").uncheck()
    compare(explorer, scores, labels)
    assert explorer.page.locator(".histogram .bars").count() == 2
    assert "sequence " in explorer.page.locator(".changed").inner_text()
    explorer.page.get_by_label("hide the labels").check()
    assert explorer.text() == text


def test_without_labels_there_is_no_checkbox(explore):
    explorer = explore(beats()[0], threshold=1.0)
    assert not explorer.page.get_by_label("hide the labels").is_visible()
    assert "precision" not in explorer.text()
    explorer.press("PageUp")
    assert "sequence" in explorer.page.locator(".changed").inner_text(), "a position, to find the sequence"


def test_costs_give_total_cost_and_threshold_of_lowest_cost(explore):
    scores, labels = beats()
    truth = labels != 0
    explorer = explore(scores, labels, threshold=1.0)
    assert "Enter both costs" in explorer.page.locator(".cost").text_content()

    def total_cost(threshold, costs):
        flagged = scores > threshold
        return costs[0] * np.sum(flagged & ~truth) + costs[1] * np.sum(~flagged & truth)

    for costs in ((1, 5), (2.5, 0.1), (0, 1), (1, 0)):
        for name, value in zip(("a false alarm", "a miss"), costs, strict=True):
            field = explorer.page.get_by_label(name)
            field.fill(str(value).replace(".", ","))
            field.press("Enter")
        explorer.page.get_by_role("button", name="go to the lowest cost").click()
        explorer.settle()
        lowest = min(total_cost(t, costs) for t in (-1.0, *scores))
        assert total_cost(explorer.threshold, costs) == pytest.approx(lowest)
        for name in ("cost", "lowest"):
            total, per_thousand = explorer.metric(name).removesuffix(" per 1000 sequences)").split(" (")
            assert float(total) == pytest.approx(lowest)
            assert float(per_thousand) == pytest.approx(1000 * lowest / 400, rel=1e-3)
        assert explorer.page.locator("path.lowest").count() == 1
    assert explorer.type(field, "") == "", "without a cost"
    assert explorer.page.locator("path.lowest").count() == 0


def test_refused_value_is_named_beside_its_field_and_changes_nothing(explore):
    scores, labels = beats()
    explorer = explore(scores, labels, threshold=1.0, miss_cost=5)
    number, cost = explorer.page.locator("input.number"), explorer.page.get_by_label("a miss")
    for text in ("abc", "inf", "", "1e400", "1,2,3"):
        assert explorer.type(number, text) == f"threshold must be a finite number, got '{text}'."
        number.blur()
        assert explorer.page.get_by_role("alert").first.is_visible()
        assert (number.input_value(), explorer.threshold) == ("1", 1.0)
    for text in ("-1", "many", "1e400"):
        assert explorer.type(cost, text) == f"the cost of a miss must be a number of at least 0, got '{text}'."
        assert cost.input_value() == "5"
    assert explorer.page.get_by_role("alert").nth(0).is_visible(), "each field has its own error"
    assert explorer.page.evaluate(CLIPPED) == []
    assert explorer.type(number, "2,5") == ""
    assert explorer.threshold == 2.5
    assert explorer.type(cost, "3") == ""
    explorer.type(number, "abc")
    explorer.press("ArrowRight")
    assert not explorer.page.get_by_role("alert").first.is_visible(), "the error ends with the next move"
    compare(explorer, scores, labels)


def test_focus_shows_the_bulk_and_counts_what_is_outside(explore):
    scores = np.r_[np.linspace(0.1, 0.9, 300), -500.0, 1e4, 2e4]
    labels = (scores > 0.8).astype(int)
    explorer = explore(scores, labels, threshold=0.5, calibration=[0.2, 0.3, 3e4])
    note, beyond = explorer.page.locator(".note"), explorer.page.locator(".beyond")
    assert note.text_content() == "3 of 303 scores are outliers: focus fits the axis to the other scores."
    bars = explorer.page.locator("path.bars.normal")
    whole = bars.bounding_box()["width"]
    focus = explorer.page.get_by_role("button", name="focus")
    focus.click()
    assert focus.get_attribute("aria-pressed") == "true"
    assert bars.bounding_box()["width"] > 10 * whole
    assert beyond.all_text_contents() == ["← 1 more", "3 more →"]
    assert "3 of 303 scores are outside it. All are from -500 to 30000." in note.text_content()
    assert explorer.page.evaluate(CLIPPED) == []
    compare(explorer, scores, labels)
    explorer.press("End")
    assert explorer.threshold == 2e4
    assert beyond.all_text_contents() == ["← 1 more", "1 more →"], "the threshold stays visible"
    explorer.press("Home")
    assert explorer.metric("flagged").startswith("303 of 303")
    focus.click()
    assert beyond.count() == 0


def test_without_far_scores_there_is_no_focus(explore):
    explorer = explore(beats()[0], threshold=1.0)
    assert not explorer.page.get_by_role("button", name="focus").is_visible()


@pytest.mark.parametrize(
    ("scores", "text"),
    [([0.5], "There is only one score, 0.5."), ([0.3] * 20, "All 20 scores are equal, 0.3."), ([0.1, 0.2], "")],
)
def test_state_of_few_and_equal_scores_is_in_words(explore, scores, text):
    explorer = explore(scores)
    assert explorer.page.locator(".note").text_content() == text
    assert explorer.page.locator(".histogram .bars").bounding_box()["height"] > 50


def test_menu_selects_features_that_are_drawn(explore):
    values = np.random.default_rng(0).normal(size=(40, 12, 20))
    explorer = explore(np.arange(40.0), sequences=values, reconstructions=values, threshold=20)
    explorer.press("PageUp")
    menu, first = explorer.page.get_by_label("drawn"), explorer.page.locator(".changed svg").first
    assert menu.locator("option:checked").text_content() == "features 1 to 4 of 20"
    assert first.locator("path").count() == 8
    before = first.inner_html()
    menu.select_option("features 17 to 20 of 20")
    assert first.locator("path").count() == 8
    assert first.inner_html() != before
    menu.select_option("feature 9 of 20")
    assert first.locator("path").count() == 2


def test_calibration_scores_show_false_alarm_rate(explore):
    scores, labels = beats()
    calibration = np.abs(np.random.default_rng(5).normal(size=300))
    explorer = explore(scores, labels, calibration=calibration, hide_labels=True)
    assert "Of the 300 calibration sequences, known to be normal, 14 would" in explorer.text()
    explorer.set(1.0)
    assert f"normal, {np.sum(calibration > 1)} would be flagged" in explorer.text()
    assert explorer.page.locator(".histogram .bars").count() == 2


@pytest.mark.parametrize("label", [0, 1])
def test_metrics_that_need_a_missing_class_are_empty(explore, label):
    explorer = explore(np.arange(10.0), np.full(10, label), threshold=5.5)
    assert not explorer.page.locator(".roc").is_visible()
    assert ("All labels are normal" if label == 0 else "All labels are abnormal") in explorer.text()
    values = {name: explorer.metric(name) for name in ("precision", "recall", "f1", "falseAlarmRate")}
    if label == 0:
        assert values == {"precision": "–", "recall": "–", "f1": "–", "falseAlarmRate": "0.400"}
    else:
        assert values == {"precision": "1.000", "recall": "0.400", "f1": "0.571", "falseAlarmRate": "–"}


EXTREMES = {
    "constant": np.full(40, 0.25),
    "zero": np.zeros(40),
    "tiny": np.arange(40) * 1e-12,
    "huge": np.arange(40) * 1e298,
    "negative": -np.arange(40.0),
    "one outlier": np.r_[np.linspace(0.1, 0.2, 39), 1e5],
    "nearly equal": np.r_[np.full(39, 0.1), 0.10000000000000002],
    "far from zero": 1e6 + np.arange(40) / 100,
}


@pytest.mark.parametrize("case", EXTREMES)
def test_scores_of_any_scale_are_readable(explore, case):
    scores, labels = EXTREMES[case], np.arange(40) % 3
    explorer = explore(scores, labels, threshold=float(np.median(scores)))
    explorer.page.set_viewport_size({"width": 600, "height": 800})
    explorer.page.wait_for_timeout(200)
    compare(explorer, scores, labels)
    logs = [None, "log counts", *(["log scores"] if scores.min() > 0 else []), *["focus"] * (case == "one outlier")]
    for log in logs:
        if log:
            explorer.page.get_by_role("button", name=log).click()
        assert explorer.page.evaluate(CLIPPED) == []
        assert explorer.page.evaluate(OVERLAPPING) == []
        assert "NaN" not in explorer.page.locator(".kit-threshold").inner_html()
        assert "Infinity" not in explorer.page.locator(".kit-threshold").inner_html()
        explorer.press("ArrowRight", "PageDown")
        compare(explorer, scores, labels)
    assert explorer.page.get_by_role("button", name="log scores").is_visible() == (scores.min() > 0)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1200, 600, 400])
def test_exported_page_is_readable_offline(browser, tmp_path, scheme, width):
    context = browser.new_context(offline=True, color_scheme=scheme, viewport={"width": width, "height": 900})
    scores, labels = beats()
    sequences = np.outer(scores, np.sin(np.arange(40)))
    more = {"calibration": scores[labels == 0], "sequences": sequences, "reconstructions": 0.9 * sequences}
    explorer = Explorer(
        context.new_page(), tmp_path, scores, labels, class_names=["normal", "a", "a long name of a class", "c"],
        false_alarm_cost=1, miss_cost=5, **more,
    )  # fmt: skip
    explorer.press("PageUp")
    explorer.type(explorer.page.locator("input.number"), "abc")
    assert min(explorer.page.evaluate(CONTRAST)) >= 4.5, "WCAG AA"
    assert min(explorer.page.evaluate(contrast_script(".kit-threshold", LINES))) >= 3, "WCAG, graphics"
    assert explorer.page.evaluate(CLIPPED) == []
    assert explorer.page.evaluate(OVERLAPPING) == []
    explorer.page.screenshot(path=tmp_path / "page.png", full_page=True)
    assert explorer.errors == []
    context.close()


def test_cost_that_the_kernel_sets_removes_the_refusal(explore, tmp_path):
    explorer = explore(*beats(), miss_cost=5)
    path = tmp_path / "page.html"
    text = path.read_text(encoding="utf-8").replace("mount(document", "window.explorer = mount(document")
    path.write_text(text, encoding="utf-8")
    explorer.page.reload()
    cost = explorer.page.get_by_label("a miss")
    assert explorer.type(cost, "many")
    explorer.page.evaluate("window.explorer.set({ miss_cost: 7 })")
    assert explorer.page.locator(".costs [role=alert]").all_text_contents() == ["", ""]
