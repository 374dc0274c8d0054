"""The page: one file without requests and with one script of ours, held to that by its content security policy."""

from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from reports.content import Page
from reports.figures.palette import style_sheet
from reports.figures.svg import to_svg
from reports.live.script import digest, playing_script, table_script


def to_html(page: Page) -> str:
    """Writes a report as one self-contained HTML file."""
    return render_page("report.html.j2", page=page, is_live=page.live is not None)


def render_page(template: str, *, is_live: bool = False, **values: object) -> str:
    """Fills a template of a whole page, which gets the style sheet, the script and the policy that allows nothing else.

    Args:
        template: Its name.
        is_live: Whether there are nets to be played with.
        values: What else the template asks for.
    """
    environment = _environment()
    sheets = ("report.css", "live.css") if is_live else ("report.css",)
    style = style_sheet() + "".join(environment.get_template(name).render() for name in sheets)
    script = playing_script() if is_live else table_script()
    policy = (
        f"default-src 'none'; style-src '{digest(style)}'; script-src '{digest(script)}'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )
    # Style sheet and script are our own files, no value from outside is in them.
    own = {"style": Markup(style), "script": Markup(script)}  # noqa: S704
    return environment.get_template(template).render(**own, policy=policy, svg=to_svg, **values)


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
