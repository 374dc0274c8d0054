"""The page: one file without scripts or requests, held to that by its content security policy."""

import base64
import hashlib
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from reports.content import Page
from reports.figures.palette import style_sheet
from reports.figures.svg import to_svg


def to_html(page: Page) -> str:
    """Writes a report as one self-contained HTML file."""
    return render_page("report.html.j2", page=page)


def render_page(template: str, **values: object) -> str:
    """Fills a template of a whole page, which gets the style sheet and the policy that allows nothing else."""
    environment = _environment()
    style = style_sheet() + environment.get_template("report.css").render()
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'; form-action 'none'"
    # The style sheet is our own file, no value from outside is in it.
    return environment.get_template(template).render(style=Markup(style), policy=policy, svg=to_svg, **values)  # noqa: S704


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("reports"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
