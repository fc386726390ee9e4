"""Settings of the course site: `make site` builds it from the notebooks, the guide and the docstrings.

The lessons have the outputs of their tests, with widgets as HTML that works without a kernel (`tested_lessons.py`). The
site loads nothing from another host.
"""

from __future__ import annotations

import sys
from pathlib import Path

SITE = Path(__file__).resolve().parent
ROOT = SITE.parents[1]
sys.path[:0] = [str(ROOT), str(SITE)]

project = "LSTM anomaly kit"
author = project
project_copyright = "the authors of the kit, MIT licence"
extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.napoleon",
    "myst_nb",
    "course_site",
    "reference",
]
# The solutions and the exam questions are not on the site.
exclude_patterns = ["course", "solutions", "exam_questions.md", "kept", "**/.ipynb_checkpoints"]
root_doc = "index"
default_role = "named"
nitpicky = False

# ---------------------------------------------------------------- notebooks

nb_execution_mode = "off"
nb_merge_streams = True
# A widget's live view does not work without a kernel, and its scripts would be loaded from another host.
nb_ipywidgets_js = {}
nb_mime_priority_overrides = [("html", "application/vnd.jupyter.widget-view+json", None)]
myst_enable_extensions = ["amsmath", "deflist", "dollarmath"]
myst_heading_anchors = 3
html_math_renderer = "mathml"

# ---------------------------------------------------------------- reference

autodoc_member_order = "bysource"
autodoc_default_options = {
    "members": True,
    "show-inheritance": True,
    "exclude-members": "set",
}  # matplotlib generates `set`
toc_object_entries_show_parents = "hide"
autodoc_typehints = "none"  # the docstrings contain the types
autodoc_class_signature = "mixed"
napoleon_google_docstring = False
napoleon_use_ivar = True  # otherwise properties would be described twice
napoleon_custom_sections = [("Hyperparameters", "params_style")]

# ---------------------------------------------------------------- appearance

html_theme = "pydata_sphinx_theme"
html_title = "Anomaly detection with LSTM autoencoders"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_context = {"default_mode": "auto"}
templates_path = ["templates"]
html_copy_source = False
html_show_sourcelink = False
# Summaries would be fetched, which does not work in a page opened as a file.
html_show_search_summary = False
html_use_index = True
html_domain_indices = False
html_sidebars = {"**": ["lessons.html"]}
html_theme_options = {
    "logo": {"text": "LSTM anomaly kit"},
    "navbar_center": [],
    "navbar_persistent": ["search-button"],
    "navbar_end": ["theme-switcher"],
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": [],
    "show_toc_level": 2,
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
}
