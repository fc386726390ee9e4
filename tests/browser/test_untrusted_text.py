"""Markup in names, headers and notes is not executed in a browser."""

from __future__ import annotations

import pytest

from ..trainers.untrusted import HOSTILE, write_pages, write_report


# Such a long name leaves no room for the curves.
@pytest.mark.filterwarnings("ignore:constrained_layout not applied")
def test_markup_in_names_is_not_executed(page, tmp_path):
    errors = []
    page.on("dialog", lambda dialog: (errors.append(dialog.message), dialog.dismiss()))
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("request", lambda request: request.url.startswith(("file:", "data:")) or errors.append(request.url))
    page.context.set_offline(True)
    paths = [write_report(HOSTILE, tmp_path), *write_pages(HOSTILE, tmp_path)]
    assert len(paths) > 5
    for path in paths:
        page.goto(path.as_uri())
        page.evaluate("() => document.querySelectorAll('details').forEach(one => { one.open = true; })")
        # Draw what appears only after a click or a key.
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
        text = page.evaluate(
            """() => document.body.textContent
            + [...document.querySelectorAll('[aria-label], [alt]')].map(one => one.ariaLabel || one.alt).join()"""
        )
        assert HOSTILE in text or HOSTILE.replace("'", r"\'") in text, path.name
        assert "&amp;amp;" not in page.locator("body").inner_text()
    assert errors == []
