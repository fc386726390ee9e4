"""Names, headers and notes that hold markup: in a real browser nothing of it runs."""

from __future__ import annotations

import pytest

from ..trainers.untrusted import HOSTILE, write_pages, write_report


# So long a name leaves no room for the curves.
@pytest.mark.filterwarnings("ignore:constrained_layout not applied")
def test_no_markup_of_a_name_runs_in_any_page(page, tmp_path):
    wrong = []
    page.on("dialog", lambda dialog: (wrong.append(dialog.message), dialog.dismiss()))
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("request", lambda request: request.url.startswith(("file:", "data:")) or wrong.append(request.url))
    page.context.set_offline(True)
    paths = [write_report(HOSTILE, tmp_path), *write_pages(HOSTILE, tmp_path)]
    assert len(paths) > 5
    for path in paths:
        page.goto(path.as_uri())
        page.evaluate("() => document.querySelectorAll('details').forEach(one => { one.open = true; })")
        # What is drawn only when it is pointed at, moved or chosen.
        page.evaluate(
            "() => document.querySelectorAll('button:enabled').forEach(one => one.checkVisibility() && one.click())"
        )
        for part in page.query_selector_all("[tabindex='0']"):
            if part.is_visible():
                part.focus()
                for key in ("ArrowRight", "Enter", "PageUp", "End", "Home", "n"):
                    page.keyboard.press(key)
        page.wait_for_timeout(100)
        assert page.evaluate("window.__xss") is None, path.name
        assert page.locator("img[src=x], svg[onload], [onmouseover], [onerror]").count() == 0, path.name
        assert (
            page.locator("script").evaluate_all("all => all.filter(one => one.text.startsWith('window')).length") == 0
        )
        words = page.evaluate(
            """() => document.body.textContent
            + [...document.querySelectorAll('[aria-label], [alt]')].map(one => one.ariaLabel || one.alt).join()"""
        )
        assert HOSTILE in words or HOSTILE.replace("'", r"\'") in words, path.name
        assert "&amp;amp;" not in page.locator("body").inner_text()
    assert wrong == []
