"""The report as GitHub-flavoured markdown, with pictures beside it."""

import re

from jinja2 import Environment, PackageLoader, StrictUndefined

from reports.content import Page
from reports.figures.drawing import Figure
from reports.tables import Table

_MARKS = re.compile(r"([\\`*_\[\]~])")
_FIRST = re.compile(r"^([-+#=:]|\d+[.)](?=\s|$))")
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "|": "&#124;", "$": "&#36;", "@": "&#64;"}
_LINKS = re.compile(r"(?i)(https?|ftp|mailto|xmpp):|(www)\.")


def to_markdown(page: Page, folder: str) -> str:
    """Writes a report as markdown whose pictures lie in a folder beside it."""
    return render_markdown("report.md.j2", folder, page=page)


def render_markdown(template: str, folder: str, **values: object) -> str:
    """Fills a template; whatever is inserted is escaped, and pictures are taken from a folder beside the file."""
    environment = Environment(  # noqa: S701  what is inserted is escaped for markdown, which is stricter
        loader=PackageLoader("reports"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        finalize=_finalized,
    )
    environment.globals.update(table=_table, fenced=_fenced, picture=lambda figure: _picture(figure, folder))
    text = environment.get_template(template).render(**values)
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"


def escape(text: str) -> str:
    r"""Writes any text so that markdown shows it as it is, on one line: no emphasis, link, code, formula, tag or cell.

    Example:
        >>> escape("a|b <i> x_1 $y$")
        'a&#124;b &lt;i&gt; x\\_1 &#36;y&#36;'
    """
    text = " ".join(text.split())
    text = "".join(_ENTITIES.get(letter, letter) for letter in _MARKS.sub(r"\\\1", text))
    text = _LINKS.sub(lambda found: f"{found[1]}&#58;" if found[1] else f"{found[2]}&#46;", text)
    return _FIRST.sub(lambda found: f"{found[1][:-1]}\\{found[1][-1]}", text)


class _Plain(str):
    """Text that is markdown already."""

    __slots__ = ()


def _finalized(value: object) -> object:
    return escape(value) if isinstance(value, str) and not isinstance(value, _Plain) else value


def _table(table: Table) -> _Plain:
    """Writes a table; the first column and those of words to the left, numbers to the right."""
    lines = [
        [escape(column) for column in table.columns],
        [":--" if index in table.is_text else "--:" for index in range(len(table.columns))],
    ]
    for number, row in enumerate(table.rows):
        bold = "**" if number in table.marked else ""
        lines.append([f"{bold}{escape(cell)}{bold}" if cell else "" for cell in row])
    return _Plain("\n".join(f"| {' | '.join(line)} |" for line in lines))


def _picture(figure: Figure, folder: str) -> _Plain:
    alt = escape(f"{figure.title}: {figure.alt}")
    return _Plain(f"![{alt}]({folder}/{figure.name}.png)\n\n**{escape(figure.title)}.** {escape(figure.caption)}\n")


def _fenced(text: str, language: str = "") -> _Plain:
    """Writes a block of code inside a fence that is longer than any in it."""
    ticks = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, ticks + 1)
    return _Plain(f"{fence}{language}\n{text}\n{fence}")
