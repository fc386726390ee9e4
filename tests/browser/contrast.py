"""Contrasts in a page, as WCAG 2 defines them."""

from __future__ import annotations


def contrast_script(root: str, returned: str) -> str:
    """Return a function for `page.evaluate` that evaluates a JavaScript expression on the first element of `root`.

    In the expression, `textOf(selector)` gives the contrasts of the texts inside the element, and `ofHex("#0072B2")`
    the contrast of a colour, both to the background.
    """
    return f"""() => {{
        const root = document.querySelector('{root}');
        const parse = c => c.match(/[\\d.]+/g).map(Number);
        const linear = v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
        const light = ([r, g, b]) => [r, g, b].map(v => linear(v / 255))
            .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
        let at = root;
        while (at && parse(getComputedStyle(at).backgroundColor)[3] === 0) at = at.parentElement;
        const back = light(parse(at ? getComputedStyle(at).backgroundColor : 'rgb(255,255,255)'));
        const against = l => (Math.max(l, back) + 0.05) / (Math.min(l, back) + 0.05);
        const textOf = selector => [...root.querySelectorAll(selector)]
            .filter(e => e.textContent.trim() && e.getBoundingClientRect().width)
            .map(e => against(light(parse(getComputedStyle(e).color))));
        const ofHex = color => against(light(color.match(/[0-9A-F]{{2}}/gi).map(h => parseInt(h, 16))));
        return {returned};
    }}"""
