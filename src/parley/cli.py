"""The `parley` command. Heavy imports wait until a command needs them, so that `--help` is quick."""

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from parley import __version__
from parley.core.errors import BadConfig, ParleyError

if TYPE_CHECKING:
    from parley.app import Desk
    from parley.config import Config

app = typer.Typer(
    name="parley",
    help="A self-hosted customer service desk.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)
new = typer.Typer(help="Begin something of your own.", no_args_is_help=True)
app.add_typer(new, name="new")

RARELY = (50_000, 20, 20)  # when garbage is looked for: by default that takes a seventh of the start

Data = Annotated[Path | None, typer.Option("--data", help="Data directory (or PARLEY_DATA). Default: parley-data.")]


def main() -> None:
    """Entry point: shows a failure as a sentence, never as a traceback of ours."""
    gc.set_threshold(*RARELY)
    try:
        app()
    except ParleyError as error:
        typer.secho(str(error), err=True, fg="red")
        sys.exit(1)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"parley {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    pass


def _config(data: Path | None, **given: Any) -> "Config":
    from parley.config import load

    return load(data=data, **given)


@contextmanager
def _desk(data: Path | None) -> "Iterator[Desk]":
    """A desk to work on from outside its server: nothing is started."""
    from parley.app import Desk

    desk = Desk(_config(data))
    try:
        yield desk
    finally:
        desk.record.close()


# ── running ─────────────────────────────────────────────────────────────────────────────────


@app.command()
def serve(
    data: Data = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on.")] = None,
    web_only: Annotated[bool, typer.Option(help="Pages only; `parley work` does the rest elsewhere.")] = False,
) -> None:
    """Run the desk: pages, channels, bot, timers and delivery in one process."""
    from parley.running import run_server

    run_server(_config(data, host=host, port=port), work=not web_only)


@app.command()
def work(data: Data = None) -> None:
    """Run channels, bot, timers and delivery without pages: more hands for a desk on PostgreSQL."""
    from parley.running import run_worker

    run_worker(_config(data))


@app.command()
def demo(
    data: Annotated[Path | None, typer.Option(help="Keep the demo in this folder instead of a temporary one.")] = None,
    port: Annotated[int, typer.Option(help="First port to try.")] = 8080,
    quiet: Annotated[bool, typer.Option("--quiet", help="No simulated customers.")] = False,
) -> None:
    """Show Parley with a company that lives: shop, customers, mail, chat. Nothing leaves this machine."""
    from parley.demo.show import run_demo

    run_demo(data, port, living=not quiet)


# ── looking after it ────────────────────────────────────────────────────────────────────────


@app.command()
def check(data: Data = None) -> None:
    """Say what is wrong with the configuration and how to mend it. Exit code 1 when something is."""
    from rich.console import Console
    from rich.markup import escape

    from parley.checking import findings

    console, bad = Console(highlight=False), 0
    for finding in findings(lambda: _config(data)):
        mark = {"good": "[green]✓[/green]", "warn": "[yellow]![/yellow]", "bad": "[red]✗[/red]"}[finding.state]
        console.print(f"{mark} {escape(finding.sentence)}")
        bad += finding.state == "bad"
    raise typer.Exit(1 if bad else 0)


@app.command()
def login(mail: Annotated[str, typer.Argument(help="Mail address of an agent.")], data: Data = None) -> None:
    """Print a link that signs an agent in once, for whoever has lost their password."""
    from parley.services import access, setup

    with _desk(data) as desk:
        found = desk.record.ask(access.stored_password, mail)
        if found is None:
            raise ParleyError(f"There is no agent with the address {mail}.")
        secret = desk.record.do(lambda tx: access.login_link(tx, found[0]))
        served = desk.config.public_url or desk.record.ask(setup.setting, "served_at") or desk.config.url
        typer.echo(f"{served.rstrip('/')}/login/{secret}")


@app.command()
def rebuild(
    reader: Annotated[str, typer.Argument(help="Name of a reader, `figures` for those behind the numbers, or `all`.")],
    data: Data = None,
) -> None:
    """Make the tables of a reader anew from the log, or those of several in one pass over it."""
    from rich.progress import Progress

    with _desk(data) as desk, Progress(transient=True) as progress:
        bar = progress.add_task(reader)
        try:
            count = desk.rebuild(reader, lambda seq, top: progress.update(bar, completed=seq, total=top))
        except LookupError as error:
            raise ParleyError(str(error)) from error
        progress.console.print(f"{reader}: made anew from {count:,} events.")


@app.command()
def backup(target: Annotated[Path, typer.Argument(help="File to write.")], data: Data = None) -> None:
    """Write everything (log, setup, files, keys) into one file. The desk may go on working meanwhile."""
    from parley.log.backup import backup as write

    with _desk(data) as desk:
        folder = desk.config.data
        manifest = write(desk.record.database, folder / "files", folder / "secret.key", target)
        typer.echo(
            f"{target}: {sum(manifest.rows.values()):,} rows, {target.stat().st_size / 1e6:.1f} MB. Keep it safe."
        )


@app.command()
def restore(source: Annotated[Path, typer.Argument(help="File made by `parley backup`.")], data: Data = None) -> None:
    """Fill an empty data directory (or PostgreSQL database) from a backup."""
    from parley.log.backup import restore as fill

    if not source.is_file():
        raise ParleyError(f"There is no file {source}.")
    with _desk(data) as desk:
        manifest = fill(desk.record.database, desk.config.data, source)
        desk.rebuild("behind")
    typer.echo(f"Restored {sum(manifest.rows.values()):,} rows made at {manifest.made_at:%Y-%m-%d %H:%M} UTC.")


@app.command(name="import")
def import_(
    form: Annotated[str, typer.Argument(help="mbox, maildir, analytics, or config.")],
    path: Annotated[Path | None, typer.Argument(help="The mailbox, or the file of `parley assess`.")] = None,
    inbox: Annotated[str | None, typer.Option(help="Address of the mail inbox it belongs to.")] = None,
    property: Annotated[str | None, typer.Option(help="A GA4 property's number: ask its Data API, no file.")] = None,
    key: Annotated[Path | None, typer.Option(help="With --property: the service account's key, a JSON file.")] = None,
    days: Annotated[int, typer.Option(help="With --property: so many whole days until yesterday.")] = 28,
    endpoint: Annotated[
        str, typer.Option(help="With --property: the Data API's address.")
    ] = "https://analyticsdata.googleapis.com",
    close_after_days: Annotated[int, typer.Option(help="Close what was silent for this many days.")] = 7,
    data: Data = None,
) -> None:
    """Take a mailbox in through the same door as live mail, or a setup. May be repeated: nothing comes twice."""
    from parley.analytics_reports import Asked
    from parley.importing import import_analytics, import_mailbox, import_reports, import_setup

    with _desk(data) as desk:
        if form == "analytics" and property:
            if key is None:
                raise BadConfig("Say with --key where the service account's key lies, a JSON file.")
            seen = import_reports(desk, Asked(property=property, days=days, endpoint=endpoint), key, inbox)
            typer.echo(
                f"{seen.views:,} page views of {seen.days} days; {seen.matched:,} conversations found their page."
            )
            return
        if path is None:
            raise BadConfig("Say which file or folder is to be taken in.")
        if form == "config":
            new = import_setup(desk, path)
            typer.echo(
                f"New: {new.teams} teams, {new.tags} tags, {new.macros} macros, {new.articles} drafts of articles."
            )
            return
        if form == "analytics":
            seen = import_analytics(desk, path, inbox)
            typer.echo(
                f"{seen.views:,} page views of {seen.days} days; {seen.matched:,} conversations found their page."
            )
            return
        import_mailbox(desk, form, path, inbox, close_after_days)


@app.command()
def assess(
    paths: Annotated[
        list[Path] | None, typer.Argument(help="mbox files, maildir folders, or an export (JSON, CSV).")
    ] = None,
    live: Annotated[bool, typer.Option("--live", help="Read this desk's own log instead.")] = False,
    ours: Annotated[list[str] | None, typer.Option(help="A domain or address of the desk; else it is told.")] = None,
    zone: Annotated[str, typer.Option(help="Time zone in which hours and days are counted.")] = "UTC",
    figure: Annotated[str | None, typer.Option(help="Print this figure alone; `list` names them.")] = None,
    out: Annotated[Path, typer.Option(help="Where the report goes; the setup goes beside it.")] = Path(
        "assessment.html"
    ),
    data: Data = None,
) -> None:
    """Read a mailbox, another system's export or this desk, and write a report on the service in it: one page, "
    "every figure recountable."""
    from parley.assess.catalogue import ALL
    from parley.assess.catalogue import figure as counted
    from parley.assess.living import read_desk
    from parley.assess.run import printed, study_from, study_of, write
    from parley.assess.telling import watched

    if figure == "list":
        typer.echo("\n".join(ALL))
        return
    if bool(paths) == live:
        raise ParleyError("Say what to read: parley assess MAILBOX, or parley assess --live for this desk.")
    with watched() as told:
        if live:
            with _desk(data) as desk:
                study = study_from(read_desk(desk.record, told), zone, told)
        else:
            study = study_of(paths or (), ours or (), zone, told)
        if figure:
            text = printed(counted(study, figure))
        else:
            said = [
                *map(str, paths or ()),
                *["--live"] * live,
                *([f"--data={data}"] if live and data else []),
                *(f"--ours={one}" for one in ours or ()),
                *([f"--zone={zone}"] * (zone != "UTC")),
            ]
            beside = write(study, said, out)
            text = f"{out}: {len(study.cases):,} conversations. Take the setup in with: parley import config {beside}"
    typer.echo(text)


@new.command(name="channel")
def new_channel(
    name: Annotated[str, typer.Argument(help="Small letters, digits and _ only.")],
    into: Annotated[Path | None, typer.Option(help="Folder of channels; default: the installed ones.")] = None,
) -> None:
    """Lay out a folder for a new channel: manifest, code, a sample and a test. See docs/a-new-channel.md."""
    from parley.scaffold import lay_out_channel

    folder = lay_out_channel(name, into)
    typer.echo(f"{folder} is ready. Its test passes already; see docs/a-new-channel.md for what comes next.")


if __name__ == "__main__":
    main()
