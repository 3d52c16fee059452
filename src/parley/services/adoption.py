"""A candidate becomes the desk's own, and can be put back: what it replaced is written down with it."""

from typing import Any

import msgspec
from sqlalchemy import Connection

from parley.core import events as e
from parley.core.errors import Conflict, Refused
from parley.core.trial import Before, Change, Wording
from parley.log.record import Tx
from parley.log.record import stream as history
from parley.services import candidates, knowledge, language_model, setup
from parley.services.candidates import ADOPTED, DISCARDED, Candidate
from parley.services.inbox import Viewer
from parley.services.trials import looks
from parley.services.understanding import CHOICE_KEY, PROMISE_KEY

REWRITES = "rewrites"


def adopt(tx: Tx, number: int, who: Viewer) -> None:
    """Make the change the desk's own, for everybody. A trial of it ends."""
    one = candidates.of_viewer(tx.conn, number, who)
    candidates.check_lead(who, one.brand)
    if one.state in (ADOPTED, DISCARDED):
        raise Conflict(f"“{one.name}” is {one.state} already.")
    _holds_for_all(tx.conn, one)
    before = _before(tx.conn, one)
    _write(tx, _after(tx.conn, one), who.by)
    tx.append(e.candidate(number), [e.CandidateAdopted(before=before)], who.by)


def undo(tx: Tx, number: int, who: Viewer) -> None:
    """Put back what it replaced, unless somebody has changed that since."""
    one = candidates.of_viewer(tx.conn, number, who)
    candidates.check_lead(who, one.brand)
    if one.state != ADOPTED:
        return
    if _before(tx.conn, one) != _after(tx.conn, one):
        raise Conflict("Something of it was changed since, which putting it back would undo. Change it by hand.")
    adopted = [r.event for r in history(tx.conn, e.candidate(number)) if isinstance(r.event, e.CandidateAdopted)]
    _write(tx, adopted[-1].before, who.by)
    tx.append(e.candidate(number), [e.AdoptionUndone()], who.by)


def _holds_for_all(conn: Connection, one: Candidate) -> None:
    """Promises and the language model are the whole desk's; an article may be."""
    if one.brand is None or len(setup.all_brands(conn)) == 1:
        return
    change = one.change
    if change.promise is not None or change.choice is not None or change.rewrites is not None:
        raise Refused("Promises and the language model are the same for all brands. Make a candidate for all of them.")
    numbers = [*change.hidden, *change.shown, *(other.article for other in change.wordings)]
    if any(article.brand is None for article in knowledge.some(conn, numbers)):
        raise Refused("An article for all brands cannot be changed for one. Make a candidate for all of them.")


def _before(conn: Connection, one: Candidate) -> Before:
    """What stands in the places that the change touches."""
    change = one.change
    found = {article.id: article for article in knowledge.some(conn, [other.article for other in change.wordings])}
    switched = knowledge.some(conn, [*change.shown, *change.hidden])
    return Before(
        articles=tuple(
            Wording(article=n, title=article.title, body=article.body) for n, article in sorted(found.items())
        ),
        audiences={str(article.id): article.audience for article in switched},
        looks={str(n): _limits(brand.look) for n, brand in _brands(conn, one).items()} if _of_looks(change) else {},
        settings=_settings(conn, change),
    )


def _after(conn: Connection, one: Candidate) -> Before:
    """What stands there once it is adopted."""
    change = one.change
    told: dict[str, Any] = {PROMISE_KEY: change.promise, CHOICE_KEY: change.choice, REWRITES: change.rewrites}
    audiences = {str(n): "public" for n in change.shown} | {str(n): "draft" for n in change.hidden}
    brands = _brands(conn, one) if _of_looks(change) else {}
    return Before(
        articles=tuple(sorted(change.wordings, key=lambda other: other.article)),
        audiences=audiences,
        looks={str(n): _limits(looks(brand.look, change)) for n, brand in brands.items()},
        settings={key: value for key, value in told.items() if value is not None},
    )


def _of_looks(change: Change) -> bool:
    return bool(change.does or change.leaves or change.limits)


def _brands(conn: Connection, one: Candidate) -> dict[int, setup.Brand]:
    return {n: brand for n, brand in setup.all_brands(conn).items() if one.brand in (None, n)}


def _limits(look: setup.Look) -> tuple[tuple[str, ...], tuple[str, ...], dict[str, int]]:
    return look.bot_does, look.bot_leaves, look.bot_limits


def _settings(conn: Connection, change: Change) -> dict[str, float | bool | None]:
    found: dict[str, float | bool | None] = {}
    if change.promise is not None:
        found[PROMISE_KEY] = setup.setting(conn, PROMISE_KEY)
    if change.choice is not None:
        found[CHOICE_KEY] = setup.setting(conn, CHOICE_KEY)
    if change.rewrites is not None:
        found[REWRITES] = language_model.settings(conn).rewrites
    return found


def _write(tx: Tx, state: Before, by: str) -> None:
    wordings = {other.article: other for other in state.articles}
    for article in knowledge.some(tx.conn, sorted({*wordings, *map(int, state.audiences)})):
        other = wordings.get(article.id)
        knowledge.write(
            tx, other.title if other else article.title, other.body if other else article.body, by,
            brand=article.brand, audience=state.audiences.get(str(article.id), article.audience), tags=article.tags,
            wordings=article.wordings, article=article.id,
        )  # fmt: skip
    brands = setup.all_brands(tx.conn)
    for number, (does, leaves, limits) in state.looks.items():
        brand = brands[int(number)]
        look = msgspec.structs.replace(brand.look, bot_does=does, bot_leaves=leaves, bot_limits=limits)
        setup.change_brand(tx, brand.id, brand.name, look)
    for key, value in state.settings.items():
        if key == REWRITES:
            language_model.keep(tx, msgspec.structs.replace(language_model.settings(tx.conn), rewrites=bool(value)))
        else:
            setup.set_setting(tx, key, value)
