"""The demo's teams, and the reports that its leads keep."""

from collections.abc import Mapping

import msgspec

from parley.core.query import Filter, Query
from parley.log.record import Tx
from parley.services import prepared, saved_reports, setup
from parley.services.inbox import Viewer

TEAMS = (
    prepared.Team(name="Returns and refunds", skills=("returns", "refunds"), about="Boots that came back"),
    prepared.Team(name="Delivery", skills=("delivery", "furniture"), about="Where it is, and when it comes"),
    prepared.Team(name="Payments", skills=("payments", "fraud", "accounts"), about="Cards, invoices, accounts"),
)


def keep(tx: Tx, brands: Mapping[str, int], agents: Mapping[str, int]) -> None:
    setup.set_setting(tx, "teams", [msgspec.to_builtins(team) for team in TEAMS])
    lead, head = (Viewer(agent=agents[key], role="lead", brands=None) for key in ("tomasz", "orla"))
    first = next(iter(brands.values()))
    speed = Query(measures=("human_median", "csat"), by=("channel",), period="28d", compare=True)
    topics = Query(measures=("volume",), by=("week", "topic"), period="91d")
    teams = Query(measures=("resolution_median", "reopened"), by=("team",), period="28d",
                  filters=(Filter("brand", (str(first),)),))  # fmt: skip
    for name, query, who, shared in (
        ("How fast, how content, by channel", speed, head, 0),
        ("What people write about, week by week", topics, lead, 0),
        ("Teams: time to resolution", teams, lead, first),
    ):
        number = saved_reports.save(tx, name, query, who)
        saved_reports.share(tx, number, shared, who)
        if who is head:
            saved_reports.agree_on_mail(tx, number, saved_reports.WEEK, 0, 6, [agents["orla"], agents["tomasz"]], head)
