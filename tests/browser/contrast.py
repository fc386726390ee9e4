"""Contrasts in a page, as WCAG 2 defines them."""

from __future__ import annotations


def contrast_script(root: str, returned: str) -> str:
    """A function for `page.evaluate` that returns a JavaScript expression about the first element that fits `root`.

    In it, `textOf(selector)` are the contrasts of the texts within, and `ofHex("#0072B2")` is that of a colour, each
    to the ground.
    """
    return f"""() => {{
        const root = document.querySelector('{root}');
        const parse = c => c.match(/[\\d.]+/g).map(Number);
        const linear = v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
        const light = ([r, g, b]) => [r, g, b].map(v => linear(v / 255))
            .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
        let ground = root;
        while (ground && parse(getComputedStyle(ground).backgroundColor)[3] === 0) ground = ground.parentElement;
        const back = light(parse(ground ? getComputedStyle(ground).backgroundColor : 'rgb(255,255,255)'));
        const against = l => (Math.max(l, back) + 0.05) / (Math.min(l, back) + 0.05);
        const textOf = selector => [...root.querySelectorAll(selector)]
            .filter(e => e.textContent.trim() && e.getBoundingClientRect().width)
            .map(e => against(light(parse(getComputedStyle(e).color))));
        const ofHex = color => against(light(color.match(/[0-9A-F]{{2}}/gi).map(h => parseInt(h, 16))));
        return {returned};
    }}"""
