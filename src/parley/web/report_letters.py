"""A saved report as a mail: the same figures, intervals and words as on its page, and the table as a file."""

from collections.abc import Mapping
from datetime import datetime
from html import escape

from sqlalchemy import Connection

from parley.core.channel import Attached, Channel, Inbox
from parley.services import reporting
from parley.services.inbox import Viewer
from parley.services.report_mail import Letter
from parley.services.saved_reports import Saved
from parley.web import report_page
from parley.web.report_page import ReportPage
from parley.web.report_words import names_in
from parley.web.reports import as_csv
from parley.web.words import translate as t

MOST_LINES = 60


def letter(
    conn: Connection,
    channels: Mapping[str, Channel],
    inboxes: Mapping[int, Inbox],
    url: str,
    who: Viewer,
    report: Saved,
    now: datetime,
) -> Letter:
    """What its reader would see on the page at this moment."""
    found = reporting.report(conn, who, report.query, now)
    page = report_page.of(found, names_in(conn, channels, inboxes, who), now)
    there = f"{url.rstrip('/')}/desk/reports/{report.id}"
    table = Attached(name="report.csv", type="text/csv", data=as_csv(found).encode())
    return Letter(
        subject=t("Report: {name}", name=report.name), text=_text(report, page, there), html=_html(report, page, there),
        files=(table,),
    )  # fmt: skip


def _text(report: Saved, page: ReportPage, there: str) -> str:
    lines = [report.name, page.title, ""]
    for figure in page.figures:
        lines.append(f"{figure.label}: {_told(figure.value, figure.interval, str(figure.n), figure.change)}")
    lines.append("")
    for line in page.lines[:MOST_LINES]:
        cells = (_told(cell.value, cell.interval, cell.n, cell.change) for cell in line.cells)
        lines.append(f"{' / '.join(line.names)}: {'; '.join(cells)}")
    if len(page.lines) > MOST_LINES:
        lines.append(t("{n} more lines are in the table that comes along.", n=len(page.lines) - MOST_LINES))
    return "\n".join([*lines, "", *page.notes, page.calendar, "", there])


def _told(value: str, interval: str, n: str, change: str) -> str:
    told = [f"{t('95 % interval')} {interval}"] if interval[:1].isdigit() or interval[:1] == "−" else [interval]
    return f"{value} ({', '.join(part for part in (*told, f'n = {n}', change) if part)})"


def _html(report: Saved, page: ReportPage, there: str) -> str:
    """Plain elements that every mail program draws; styles stand on them, since mails have no sheet of their own."""
    figures = "".join(
        f"<p><strong>{escape(f.label)}: {escape(f.value)}</strong><br>"
        f"{escape(_told('', f.interval, str(f.n), f.change).strip(' ()'))}</p>"
        for f in page.figures
    )  # fmt: skip
    return (
        f"<h2>{escape(report.name)}</h2><p>{escape(page.title)}</p>{figures}{_table(page)}"
        + "".join(f"<p><small>{escape(note)}</small></p>" for note in (*page.notes, page.calendar))
        + f'<p><a href="{escape(there)}">{escape(t("Open the report"))}</a></p>'
    )


def _table(page: ReportPage) -> str:
    if not page.lines:
        return ""
    head = "".join(f"<th{_CELL}>{escape(name)}</th>" for name in page.heading)
    for name, spread in page.measures:
        interval = f"<th{_CELL}>{escape(t('95 % interval'))}</th>" if spread else ""
        head += f"<th{_CELL}>{escape(name)}</th>{interval}<th{_CELL}>n</th>"
    rows = ""
    for line in page.lines[:MOST_LINES]:
        cells = "".join(f"<td{_CELL}>{escape(name)}</td>" for name in line.names)
        for cell in line.cells:
            interval = f"<td{_CELL}>{escape(cell.interval)}</td>" if cell.has_interval else ""
            cells += f"<td{_CELL}><strong>{escape(cell.value)}</strong></td>{interval}<td{_CELL}>{escape(cell.n)}</td>"
        rows += f"<tr>{cells}</tr>"
    return f'<table style="border-collapse:collapse"><tr>{head}</tr>{rows}</table>'


_CELL = ' style="text-align:left;padding:4px 12px 4px 0;border-bottom:1px solid #ddd"'
