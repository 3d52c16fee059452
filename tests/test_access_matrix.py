"""Every route × everybody who may come. The rows are compared with the routes the server really has,
so a new route without a row fails here, and so does a row whose route is gone."""

from collections.abc import Iterator
from email.message import EmailMessage
from typing import Any

import httpx
import msgspec
import pytest

from harness.desk import StoryDesk
from harness.web import WebDesk, serving
from parley.core import events as e
from parley.core.query import Query
from parley.core.trial import Change
from parley.core.watch import Alarm
from parley.log.record import Tx
from parley.services import (
    access,
    candidates,
    files,
    followups,
    gaps,
    inbox,
    incidents,
    knowledge,
    outgoing,
    people,
    replays,
    saved_reports,
    setup,
    surveys,
    tools,
    voice,
)
from parley.services.procedures import kept
from parley.web.procedure_editor import BEGINNING
from parley.web.server import make_app

# ── who comes ───────────────────────────────────────────────────────────────────────────────

PRINCIPALS = (
    "nobody",  # no cookie, no token
    "visitor",  # a customer: a widget's token, and a cookie of their own making
    "agent",  # serves this brand
    "stranger",  # an agent of another brand
    "reader",  # read-only, this brand
    "lead",
    "far lead",  # a lead of another brand
    "admin",
    "revoked",  # an agent whose session was ended
    "token",  # an API token of an agent of this brand
    "far token",  # an API token of an agent of another brand
    "reading token",  # a token of an agent of this brand that may only read
)


def outcomes(**expected: str) -> dict[str, str]:
    """What happens to each principal; `rest` to those not named."""
    rest = expected.pop("rest", "ok")
    named = {name.replace("_", " "): outcome for name, outcome in expected.items()}
    return {name: named.get(name, rest) for name in PRINCIPALS}


_OUTSIDE = {"nobody": "login", "visitor": "login", "revoked": "login", "token": "login", "far_token": "login",
            "reading_token": "login"}  # fmt: skip
_NO_KEY = {"nobody": "401", "visitor": "401", "revoked": "401"}
_FAR = {"stranger": "404", "far_lead": "404"}

ALL = outcomes()
PAGE = outcomes(**_OUTSIDE)
PAGE_ACT = outcomes(**_OUTSIDE, reader="403")
PAGE_LEAD = outcomes(**_OUTSIDE, reader="403", agent="403", stranger="403")
PAGE_GONE = outcomes(rest="404", **_OUTSIDE, reader="403", agent="403", stranger="403")
PAGE_ADMIN = outcomes(**_OUTSIDE, reader="403", agent="403", stranger="403", lead="403", far_lead="403")
OURS = outcomes(**_OUTSIDE, **_FAR)
OURS_ACT = outcomes(**_OUTSIDE, **_FAR, reader="403")
OURS_LEAD = outcomes(**_OUTSIDE, reader="403", agent="403", stranger="403", far_lead="404")
REPORT_OWN = outcomes(**_OUTSIDE, **_FAR, reader="403", agent="403", lead="403")
NOT_MINE = outcomes(rest="404", **_OUTSIDE, reader="403")
STREAM = outcomes(**_NO_KEY, token="401", far_token="401", reading_token="401")
API = outcomes(**_NO_KEY)
API_OURS = outcomes(**_NO_KEY, **_FAR, far_token="404")
API_OURS_ACT = outcomes(**_NO_KEY, **_FAR, far_token="404", reader="403", reading_token="403")
API_ACT = outcomes(**_NO_KEY, reader="403", reading_token="403")
API_LEAD = outcomes(**_NO_KEY, reader="403", agent="403", stranger="403", token="403", far_token="403",
                    reading_token="403")  # fmt: skip
API_GONE = {who: "404" if said == "ok" else said for who, said in API_LEAD.items()}
API_LEAD_OURS = {**API_LEAD, "far lead": "404"}
API_LEAD_BRAND = {**API_LEAD, "far lead": "403"}


# ── the table ───────────────────────────────────────────────────────────────────────────────


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """expected: outcome by principal: ok, login (sent there), or a status. ok: statuses that count as ok.

    path: filled in. send: what a well-formed request carries.
    """

    expected: dict[str, str]
    path: str = ""
    send: dict[str, Any] = {}
    ok: tuple[int, ...] = (200, 201, 202, 204)


def form(**fields: str) -> dict[str, Any]:
    return {"data": fields}


def json(body: Any) -> dict[str, Any]:
    return {"json": body}


DONE = (200, 201, 204, 303)
C = "/desk/conversations/{number:int}"
CALL = "/desk/calls/{call}"
AC = "/api/v1/conversations/{number:int}"
OWN = "/desk/settings/procedures/my_own"
TOOL = "/desk/settings/connections/opening_hours"
ARTICLE = {"title": "Delivery", "body": "Four days.", "brand": 1}
ORDER = {
    "number": "70001",
    "brand": 1,
    "mail": "kim@example.com",
    "status": "placed",
    "placed_at": "2026-03-01T08:00:00Z",
}

ROWS: dict[str, Row] = {
    # everybody
    "GET /": Row(expected=ALL, ok=(303,)),
    "GET /login": Row(expected=ALL, ok=(200, 303)),
    "POST /login": Row(expected=ALL, ok=(401, 429), send=form(mail="no@example.com", password="wrong")),
    "GET /login/{ticket:str}": Row(expected=outcomes(rest="404"), path="/login/made-up"),
    "GET /setup": Row(expected=ALL, ok=(303,)),
    "POST /setup": Row(
        expected=outcomes(rest="422"),
        send=form(brand="Mine", name="Eve", mail="eve@example.com", password="a long password"),
    ),
    "GET /help": Row(expected=ALL),
    "GET /help/of/{brand:int}": Row(expected=ALL, path="/help/of/1"),
    "GET /help/{slug:str}": Row(expected=ALL, path="/help/returns"),
    "GET /help/of/{brand:int}/{slug:str}": Row(expected=ALL, path="/help/of/1/returns"),
    "GET /rate/{token:str}": Row(expected=ALL, path="/rate/{rating}"),
    "POST /rate/{token:str}": Row(expected=ALL, path="/rate/{rating}", send=form(score="4")),
    "GET /leave/{token:str}": Row(expected=ALL, path="/leave/{leaving}"),
    "POST /leave/{token:str}": Row(expected=ALL, path="/leave/{leaving}"),
    "GET /file/{token:str}": Row(expected=outcomes(rest="404"), path="/file/f1.1.1.none"),
    "GET /static/{path:path}": Row(expected=ALL, path="/static/mark.svg"),
    "GET /pictures/{mac:str}": Row(
        expected=outcomes(rest="404"), path="/pictures/00?until=9999999999&url=http://a.test/"
    ),
    "GET /livez": Row(expected=ALL),
    "GET /readyz": Row(expected=ALL),
    "GET /healthz": Row(expected=ALL),
    "GET /metrics": Row(expected=ALL),
    "GET /api": Row(expected=ALL),
    "GET /api/openapi.json": Row(expected=ALL),
    "GET /api/{path:str}": Row(expected=outcomes(rest="404"), path="/api/nothing"),
    "GET /hooks/{number:int}": Row(expected=outcomes(rest="404"), path="/hooks/1"),
    "POST /hooks/{number:int}": Row(expected=outcomes(rest="404"), path="/hooks/1", send={"content": b"{}"}),
    "GET /hooks/{number:int}/{rest:path}": Row(expected=outcomes(rest="404"), path="/hooks/1/status"),
    "POST /hooks/{number:int}/{rest:path}": Row(
        expected=outcomes(rest="404"), path="/hooks/1/status", send={"content": b"{}"}
    ),
    "GET /widget.js": Row(expected=ALL),
    "GET /widget/{key:str}/panel": Row(expected=ALL, path="/widget/shop/panel"),
    "POST /widget/{key:str}/poll": Row(
        expected=outcomes(rest="422"), path="/widget/shop/poll", send={"content": b"{}"}
    ),
    "POST /widget/{key:str}/files": Row(
        expected=outcomes(rest="404"),
        path="/widget/shop/files",
        send={"content": b"x", "headers": {"x-file-name": "a.exe"}},
    ),
    "GET /widget/{key:str}/files/{ref:str}": Row(expected=outcomes(rest="404"), path="/widget/shop/files/1-0"),
    "WEBSOCKET /widget/{key:str}/socket": Row(expected={}),
    # the desk
    "GET /desk": Row(expected=PAGE, ok=(303,)),
    "GET /desk/inbox/{view:str}": Row(expected=PAGE, path="/desk/inbox/open"),
    "GET /desk/choices": Row(expected=PAGE),
    "GET /desk/live": Row(expected=STREAM),
    f"GET {C}": Row(expected=OURS),
    f"GET {C}/messages/{{message:int}}/secrets": Row(
        expected=OURS_ACT, path="/desk/conversations/{mailed}/messages/{attached}/secrets"
    ),
    f"POST {C}/messages/{{message:int}}/secrets": Row(
        expected=OURS_ACT, path="/desk/conversations/{mailed}/messages/{attached}/secrets"
    ),
    f"POST {C}/replies": Row(expected=OURS_ACT, send=form(text="Hello"), ok=DONE),
    f"POST {C}/notes": Row(expected=OURS_ACT, send=form(text="Hm"), ok=DONE),
    f"POST {C}/templates": Row(expected=OURS_ACT, send=form(via="1:1", template="none/en", client_id="t"), ok=(422,)),
    f"POST {C}/tone": Row(expected=OURS_ACT, send=form(text="Hello!")),
    f"POST {C}/closure": Row(expected=OURS_ACT, ok=DONE),
    f"DELETE {C}/closure": Row(expected=OURS_ACT, ok=DONE),
    f"GET {C}/assistance": Row(expected=OURS),
    f"POST {C}/summary": Row(expected=OURS_ACT, ok=(422,)),
    f"POST {C}/translation": Row(expected=OURS_ACT, send=form(text="Hello"), ok=(422,)),
    f"POST {C}/messages/{{message:int}}/translation": Row(
        expected=OURS_ACT, path="/desk/conversations/{mailed}/messages/{attached}/translation", ok=(422,)
    ),
    f"POST {C}/assistance/rejection": Row(expected=OURS_ACT, send=form(draft="Dear", source="macro"), ok=DONE),
    f"POST {C}/approval": Row(expected=OURS_ACT, ok=(422,)),
    f"POST {C}/refusal": Row(expected=OURS_ACT, ok=(422,)),
    f"GET {C}/findings": Row(expected=OURS),
    f"POST {C}/findings": Row(expected=OURS_ACT, send=form(what="priority", value="high"), ok=DONE),
    f"POST {C}/duplicates/{{of:int}}": Row(
        expected=OURS_ACT, path="/desk/conversations/{number}/duplicates/{mailed}", send=form(verdict="linked"), ok=DONE
    ),
    "GET /desk/incidents": Row(expected=PAGE),
    "GET /desk/incidents/{number:int}": Row(expected=OURS, path="/desk/incidents/1"),
    "POST /desk/incidents/{number:int}/name": Row(
        expected=OURS_ACT, path="/desk/incidents/1/name", send=form(name="Cards"), ok=DONE
    ),
    "POST /desk/incidents/{number:int}/replies": Row(
        expected=OURS_ACT, path="/desk/incidents/1/replies", send=form(text="We know."), ok=(200, 422)
    ),
    "POST /desk/incidents/{number:int}/replies/withdrawal": Row(
        expected=OURS_ACT, path="/desk/incidents/1/replies/withdrawal", ok=(*DONE, 422)
    ),
    "POST /desk/incidents/{number:int}/closure": Row(expected=OURS_ACT, path="/desk/incidents/1/closure", ok=DONE),
    "POST /desk/incidents/{number:int}/reopening": Row(expected=OURS_ACT, path="/desk/incidents/1/reopening", ok=DONE),
    "POST /desk/incidents/{number:int}/conversations/{one:int}": Row(
        expected=OURS_ACT, path="/desk/incidents/1/conversations/{number}", ok=DONE
    ),
    f"POST {C}/assignment": Row(expected=OURS_ACT, send=form(agent=""), ok=DONE),
    f"POST {C}/tags": Row(expected=OURS_ACT, send=form(tag="refund"), ok=DONE),
    f"DELETE {C}/tags/{{name:str}}": Row(expected=OURS_ACT, path="/desk/conversations/{number}/tags/refund", ok=DONE),
    f"POST {C}/snooze": Row(expected=OURS_ACT, send=form(until="2027-01-01T09:00:00Z"), ok=DONE),
    f"DELETE {C}/snooze": Row(expected=OURS_ACT, ok=DONE),
    f"PUT {C}/draft": Row(expected=OURS_ACT, send=form(text="Dear"), ok=DONE),
    f"POST {C}/presence": Row(expected=OURS, send=form(doing="viewing")),
    # A call is known to those of its brand; what is said on it, to whoever is on it.
    f"POST {C}/passes": Row(expected=OURS_ACT, send=form(inbox="0"), ok=(200, 422)),
    f"POST {C}/calls": Row(expected=OURS_ACT, ok=(200, 422)),
    "POST /desk/calls/{call:str}/acceptance": Row(expected=OURS_ACT, path=f"{CALL}/acceptance", ok=(200, 422)),
    "POST /desk/calls/{call:str}/refusal": Row(expected=OURS_ACT, path=f"{CALL}/refusal", ok=(204, 422)),
    "POST /desk/calls/{call:str}/connection": Row(expected=NOT_MINE, path=f"{CALL}/connection"),
    "POST /desk/calls/{call:str}/presence": Row(expected=NOT_MINE, path=f"{CALL}/presence"),
    "POST /desk/calls/{call:str}/signals": Row(expected=NOT_MINE, path=f"{CALL}/signals", send=form(data="{}")),
    "DELETE /desk/calls/{call:str}": Row(expected=NOT_MINE, path=CALL),
    "GET /desk/messages/{number:int}/html": Row(expected=OURS, path="/desk/messages/{html}/html"),
    "POST /desk/conversations/{number:int}/messages/{message:int}/cancellation": Row(
        expected=OURS_ACT, path="/desk/conversations/{number}/messages/{failed}/cancellation", ok=(200, 303, 422)
    ),
    "POST /desk/messages/{message:int}/replay": Row(
        expected=OURS_ACT, path="/desk/messages/{failed}/replay", ok=(200, 204, 303, 422)
    ),
    "POST /desk/messages/{message:int}/acceptance": Row(
        expected=OURS_ACT, path="/desk/messages/{failed}/acceptance", ok=(200, 204, 303, 422)
    ),
    "POST /desk/messages/{message:int}/rejection": Row(
        expected=OURS_ACT, path="/desk/messages/{failed}/rejection", ok=(200, 204, 303, 422)
    ),
    "GET /desk/deliveries/{number:int}/raw": Row(expected=OURS, path="/desk/deliveries/{delivery}/raw"),
    "PUT /desk/presence": Row(expected=PAGE_ACT, send=form(presence="away")),
    "PUT /desk/settings/keys": Row(expected=PAGE, send=form(keys="on")),
    "DELETE /desk/session": Row(expected=PAGE),
    "POST /logout": Row(expected=PAGE, ok=(303,)),
    "GET /files/{message:int}/{number:int}": Row(expected=OURS, path="/files/{attached}/0"),
    "GET /desk/search": Row(expected=PAGE, path="/desk/search?q=hello"),
    "GET /desk/people": Row(expected=PAGE),
    "GET /desk/people/{number:int}": Row(expected=OURS, path="/desk/people/{person}"),
    "POST /desk/people/{number:int}/merges": Row(
        expected=OURS_ACT, path="/desk/people/{person}/merges", send=form(absorbed="1"), ok=(422,)
    ),
    "POST /desk/people/{number:int}/apart": Row(
        expected=OURS_ACT, path="/desk/people/{person}/apart", send=form(absorbed="1"), ok=(422,)
    ),
    "POST /desk/people/{number:int}/merges/{absorbed:int}/undoing": Row(
        expected=OURS_ACT, path="/desk/people/{person}/merges/{person}/undoing", ok=(422,)
    ),
    "POST /desk/people/{number:int}/zone": Row(
        expected=OURS_ACT, path="/desk/people/{person}/zone", send=form(zone="Europe/Berlin"), ok=DONE
    ),
    "POST /desk/people/{number:int}/consents": Row(
        expected=OURS_ACT,
        path="/desk/people/{person}/consents",
        send=form(identity="1", purpose="surveys", evidence="on the phone"),
        ok=DONE,
    ),
    "GET /desk/knowledge": Row(expected=PAGE),
    "GET /desk/knowledge/new": Row(expected=PAGE_ACT),
    "POST /desk/knowledge": Row(
        expected={**PAGE_ACT, "stranger": "403", "far lead": "403"},
        send=form(title="Sizes", source="As marked.", brand="1"),
        ok=DONE,
    ),
    "GET /desk/knowledge/{number:int}": Row(expected=OURS, path="/desk/knowledge/{article}"),
    "GET /desk/knowledge/{number:int}/edit": Row(expected=OURS_ACT, path="/desk/knowledge/{article}/edit"),
    "POST /desk/knowledge/{number:int}": Row(
        expected=OURS_ACT,
        path="/desk/knowledge/{article}",
        send=form(title="Returns", source="Within 30 days.", brand="1"),
        ok=DONE,
    ),
    "GET /desk/forecast": Row(expected=PAGE),
    "GET /desk/forecast.csv": Row(expected=PAGE),
    "GET /desk/wall": Row(expected=PAGE),
    "GET /api/v1/wall": Row(expected=API),
    "GET /desk/knowledge/gaps": Row(expected=PAGE_LEAD),
    "GET /api/v1/knowledge/gaps": Row(expected=API_LEAD),
    "POST /desk/knowledge/drafts": Row(expected=OURS_LEAD, send=form(question="1"), ok=(*DONE, 422)),
    "POST /api/v1/knowledge/drafts": Row(expected=API_LEAD_OURS, send=json({"question": 1}), ok=(*DONE, 422)),
    "GET /desk/lab": Row(expected=PAGE_LEAD),
    "GET /desk/lab/new": Row(expected=PAGE_LEAD),
    "POST /desk/lab": Row(
        expected={**PAGE_LEAD, "far lead": "403"}, send=form(name="Bolder", brand="1", promise="80"), ok=DONE
    ),
    "GET /desk/lab/{number:int}": Row(expected=OURS_LEAD, path="/desk/lab/{candidate}"),
    "GET /desk/lab/replays/{number:int}": Row(expected=OURS_LEAD, path="/desk/lab/replays/{replay}"),
    "POST /desk/lab/replays/{number:int}/end": Row(expected=OURS_LEAD, path="/desk/lab/replays/{replay}/end", ok=DONE),
    "POST /desk/lab/{number:int}/replays": Row(
        expected=OURS_LEAD,
        path="/desk/lab/{candidate}/replays",
        send=form(since="2026-03-02", until="2026-03-01"),
        ok=(422,),
    ),
    "POST /desk/lab/{number:int}/rollout": Row(
        expected=OURS_LEAD, path="/desk/lab/{candidate}/rollout", send=form(share="10", holdout="10"), ok=DONE
    ),
    "POST /desk/lab/{number:int}/rollout/end": Row(
        expected=OURS_LEAD, path="/desk/lab/{candidate}/rollout/end", ok=DONE
    ),
    "POST /desk/lab/{number:int}/adoption": Row(
        expected=OURS_LEAD, path="/desk/lab/{candidate}/adoption", ok=(*DONE, 409)
    ),
    "POST /desk/lab/{number:int}/adoption/undoing": Row(
        expected=OURS_LEAD, path="/desk/lab/{candidate}/adoption/undoing", ok=DONE
    ),
    "POST /desk/lab/{number:int}/discarding": Row(expected=OURS_LEAD, path="/desk/lab/{candidate}/discarding", ok=DONE),
    "POST /desk/lab/{number:int}/discarding/undoing": Row(
        expected=OURS_LEAD, path="/desk/lab/{candidate}/discarding/undoing", ok=DONE
    ),
    "GET /api/v1/lab/candidates": Row(expected=API_LEAD),
    "POST /api/v1/lab/candidates": Row(
        expected=API_LEAD_BRAND, send=json({"name": "Bolder", "change": {"promise": 0.8}, "brand": 1}), ok=DONE
    ),
    "GET /api/v1/lab/candidates/{number:int}": Row(expected=API_LEAD_OURS, path="/api/v1/lab/candidates/{candidate}"),
    "POST /api/v1/lab/candidates/{number:int}/replays": Row(
        expected=API_LEAD_OURS,
        path="/api/v1/lab/candidates/{candidate}/replays",
        send=json({"since": "2026-03-02T00:00:00Z", "until": "2026-03-01T00:00:00Z"}),
        ok=(422,),
    ),
    "GET /api/v1/lab/replays/{number:int}": Row(expected=API_LEAD_OURS, path="/api/v1/lab/replays/{replay}"),
    "GET /api/v1/lab/replays/{number:int}/lines": Row(
        expected=API_LEAD_OURS, path="/api/v1/lab/replays/{replay}/lines"
    ),
    "PUT /api/v1/lab/candidates/{number:int}/rollout": Row(
        expected=API_LEAD_OURS,
        path="/api/v1/lab/candidates/{candidate}/rollout",
        send=json({"share": 10, "holdout": 10}),
        ok=DONE,
    ),
    "DELETE /api/v1/lab/candidates/{number:int}/rollout": Row(
        expected=API_LEAD_OURS, path="/api/v1/lab/candidates/{candidate}/rollout", ok=DONE
    ),
    "PUT /api/v1/lab/candidates/{number:int}/adoption": Row(
        expected=API_LEAD_OURS, path="/api/v1/lab/candidates/{candidate}/adoption", ok=(*DONE, 409)
    ),
    "DELETE /api/v1/lab/candidates/{number:int}/adoption": Row(
        expected=API_LEAD_OURS, path="/api/v1/lab/candidates/{candidate}/adoption", ok=DONE
    ),
    "PUT /api/v1/lab/candidates/{number:int}/discarding": Row(
        expected=API_LEAD_OURS, path="/api/v1/lab/candidates/{candidate}/discarding", ok=DONE
    ),
    "DELETE /api/v1/lab/candidates/{number:int}/discarding": Row(
        expected=API_LEAD_OURS, path="/api/v1/lab/candidates/{candidate}/discarding", ok=DONE
    ),
    "GET /desk/knowledge/review": Row(expected=PAGE),
    "GET /desk/knowledge/review.csv": Row(expected=PAGE),
    "GET /api/v1/knowledge/review": Row(expected=API),
    "POST /desk/knowledge/{number:int}/reviews": Row(
        expected=OURS_ACT, path="/desk/knowledge/{article}/reviews", ok=DONE
    ),
    "POST /desk/knowledge/{number:int}/care": Row(
        expected=OURS_ACT, path="/desk/knowledge/{article}/care", send=form(owner="", days="90"), ok=DONE
    ),
    "POST /desk/knowledge/rhythm": Row(
        expected={**PAGE_LEAD, "far lead": "403"}, send=form(brand="1", days="180"), ok=DONE
    ),
    "POST /desk/knowledge/agreements": Row(expected=NOT_MINE, send=form(pair="none")),
    "POST /api/v1/articles/{number:int}/reviews": Row(
        expected=API_OURS_ACT, path="/api/v1/articles/{article}/reviews", ok=DONE
    ),
    "PUT /api/v1/articles/{number:int}/care": Row(
        expected=API_OURS_ACT, path="/api/v1/articles/{article}/care", send=json({"days": 90}), ok=DONE
    ),
    "GET /desk/listening": Row(expected=PAGE_LEAD),
    "GET /desk/listening/aspects/{aspect:str}": Row(path="/desk/listening/aspects/delivery", expected=PAGE_LEAD),
    "GET /desk/listening/themes/{message:int}": Row(path="/desk/listening/themes/1", expected=PAGE_GONE),
    "GET /desk/journeys": Row(expected=PAGE_LEAD),
    "GET /desk/website": Row(expected=PAGE_LEAD),
    "GET /desk/website.csv": Row(expected=PAGE_LEAD),
    "GET /api/v1/website": Row(expected=API_LEAD),
    "GET /desk/journeys.csv": Row(expected=PAGE_LEAD),
    "GET /desk/people/{number:int}/journey": Row(expected=OURS, path="/desk/people/{person}/journey"),
    "GET /api/v1/journeys": Row(expected=API_LEAD),
    "GET /api/v1/listening": Row(expected=API_LEAD),
    "GET /api/v1/listening/aspects": Row(expected=API_LEAD),
    "GET /api/v1/listening/aspects/{aspect:str}": Row(path="/api/v1/listening/aspects/delivery", expected=API_LEAD),
    "GET /api/v1/listening/themes/{message:int}": Row(path="/api/v1/listening/themes/1", expected=API_GONE),
    "GET /desk/followups": Row(expected=PAGE),
    "POST /desk/followups/{number:int}/closure": Row(
        expected=OURS_ACT, path="/desk/followups/{task}/closure", send=form(done="Called them."), ok=DONE
    ),
    "POST /desk/followups/{number:int}/owner": Row(
        expected=OURS_ACT, path="/desk/followups/{task}/owner", send=form(owner=""), ok=DONE
    ),
    "POST /desk/followups/agreement": Row(expected=PAGE_LEAD, send=form(hours="24"), ok=DONE),
    "GET /desk/monday": Row(expected=PAGE),
    "GET /desk/monday.csv": Row(expected=PAGE),
    "GET /desk/monday/cases": Row(expected=PAGE, path="/desk/monday/cases?figure=volume"),
    "GET /api/v1/monday": Row(expected=API),
    "GET /desk/reports": Row(expected=PAGE),
    "GET /desk/reports/new": Row(expected=PAGE, path="/desk/reports/new?measure=csat&by=channel"),
    "GET /desk/reports/ask": Row(expected=PAGE, path="/desk/reports/ask?q=csat by channel"),
    "GET /desk/reports/{number:int}": Row(expected=OURS, path="/desk/reports/{report}"),
    "GET /desk/reports/cases": Row(expected=PAGE, path="/desk/reports/cases?measure=volume&figure=volume"),
    "GET /desk/reports.csv": Row(expected=PAGE, path="/desk/reports.csv?measure=volume&by=day"),
    "POST /desk/reports": Row(expected=PAGE_ACT, send=form(name="Week", query="measure=volume&by=day"), ok=DONE),
    "POST /desk/reports/{number:int}": Row(
        expected=REPORT_OWN, path="/desk/reports/{report}", send=form(name="Week", query="measure=volume"), ok=DONE
    ),
    "POST /desk/reports/{number:int}/name": Row(
        expected=REPORT_OWN, path="/desk/reports/{report}/name", send=form(name="Week"), ok=DONE
    ),
    "POST /desk/reports/{number:int}/sharing": Row(
        expected=REPORT_OWN, path="/desk/reports/{report}/sharing", send=form(shared="1"), ok=DONE
    ),
    "POST /desk/reports/{number:int}/mailing": Row(
        expected=REPORT_OWN, path="/desk/reports/{report}/mailing", send=form(every=""), ok=DONE
    ),
    "POST /desk/reports/{number:int}/removal": Row(
        expected=REPORT_OWN, path="/desk/reports/{removable}/removal", send={}, ok=DONE
    ),
    "POST /desk/reports/proposal": Row(expected=PAGE_ACT, send=form(q="what about the moon"), ok=DONE),
    "GET /api/v1/report": Row(expected=API, path="/api/v1/report?measure=csat&by=channel"),
    "GET /api/v1/report/question": Row(expected=API, path="/api/v1/report/question?q=csat by channel"),
    "GET /api/v1/reports": Row(expected=API),
    "GET /api/v1/reports/{number:int}": Row(expected=API_OURS, path="/api/v1/reports/{report}"),
    "GET /desk/numbers": Row(expected=PAGE),
    "GET /desk/numbers.csv": Row(expected=PAGE),
    "GET /desk/numbers/cases": Row(expected=PAGE, path="/desk/numbers/cases?figure=volume"),
    "GET /desk/settings": Row(expected=PAGE, ok=(200, 303)),
    "GET /desk/settings/surveys": Row(expected=PAGE_LEAD),
    "GET /desk/settings/quiet": Row(expected=PAGE_LEAD),
    "POST /desk/settings/quiet/{brand:int}": Row(
        expected=PAGE_ADMIN, path="/desk/settings/quiet/1", send=form(on="1", start="21:00", end="08:00"), ok=DONE
    ),
    "POST /desk/settings/surveys": Row(
        expected={**PAGE_LEAD, "far lead": "403"},
        ok=DONE,
        send=form(name="Recommend", measure="nps", share="50", brand="1"),
    ),
    "POST /desk/settings/surveys/pause": Row(expected=PAGE_ADMIN, send=form(days="14"), ok=DONE),
    "GET /desk/settings/promises": Row(expected=PAGE_LEAD),
    "POST /desk/settings/promises/hours": Row(
        expected={**PAGE_LEAD, "far lead": "403"}, ok=DONE, send=form(brand="1", own="yes", zone="UTC", day0="9-17")
    ),
    "POST /desk/settings/promises/policies": Row(
        expected={**PAGE_LEAD, "far lead": "403"}, ok=DONE, send=form(name="Fast", first="5 min", brand="1")
    ),
    "POST /desk/settings/promises/policies/{key:str}/promotion": Row(
        expected={**PAGE_LEAD, "lead": "403", "far lead": "403"},
        path="/desk/settings/promises/policies/usual/promotion",
        ok=(*DONE, 404),
    ),
    "POST /desk/settings/promises/policies/{key:str}/removal": Row(
        expected={**PAGE_LEAD, "lead": "403", "far lead": "403"},
        path="/desk/settings/promises/policies/usual/removal",
        ok=(*DONE, 404),
    ),
    "GET /desk/settings/you": Row(expected=PAGE),
    "POST /desk/settings/you": Row(expected=PAGE, send=form(name="Ana", theme="auto"), ok=DONE),
    "GET /desk/settings/tokens": Row(expected=PAGE),
    "POST /desk/settings/tokens": Row(expected=PAGE, send=form(name="script"), ok=DONE),
    "POST /desk/settings/tokens/{number:int}/revocation": Row(
        expected=PAGE, path="/desk/settings/tokens/999/revocation", ok=(*DONE, 404)
    ),
    "GET /desk/settings/inboxes": Row(expected=PAGE),
    "GET /desk/settings/inboxes/{number:int}": Row(expected=PAGE_ADMIN, path="/desk/settings/inboxes/1"),
    "POST /desk/settings/inboxes/{number:int}": Row(
        expected=PAGE_ADMIN, path="/desk/settings/inboxes/1", ok=(*DONE, 422)
    ),
    "GET /desk/settings/inboxes/new/{channel:str}": Row(expected=PAGE_ADMIN, path="/desk/settings/inboxes/new/console"),
    "POST /desk/settings/inboxes/new/{channel:str}": Row(
        expected=PAGE_ADMIN, path="/desk/settings/inboxes/new/console", ok=(*DONE, 422)
    ),
    "GET /desk/settings/brands": Row(expected=PAGE),
    "POST /desk/settings/brands": Row(expected=PAGE_ADMIN, ok=(*DONE, 422)),
    "POST /desk/settings/brands/{number:int}": Row(
        expected=PAGE_ADMIN, path="/desk/settings/brands/1", ok=(*DONE, 422)
    ),
    "GET /desk/settings/procedures": Row(expected=PAGE),
    "GET /desk/settings/procedures/{name:str}": Row(expected=PAGE, path="/desk/settings/procedures/refund"),
    "POST /desk/settings/procedures/{name:str}/brands/{brand:int}": Row(
        expected=PAGE_ADMIN,
        path="/desk/settings/procedures/refund/brands/1",
        send={"data": {"on": "1", "limit.days": "30", "limit.alone": "20"}},
        ok=DONE,
    ),
    "POST /desk/settings/procedures/{name:str}/trial": Row(
        expected=PAGE_ADMIN, path="/desk/settings/procedures/invoice/trial"
    ),
    "POST /desk/settings/procedures/check": Row(expected=PAGE_ADMIN, send=form(text="procedure: x")),
    "GET /desk/settings/procedures/new": Row(expected=PAGE_ADMIN),
    "POST /desk/settings/procedures/new": Row(expected=PAGE_ADMIN, send=form(text="procedure: No"), ok=(422,)),
    "GET /desk/settings/procedures/{name:str}/draft": Row(expected=PAGE_ADMIN, path=f"{OWN}/draft"),
    "POST /desk/settings/procedures/{name:str}/draft": Row(
        expected=PAGE_ADMIN, path=f"{OWN}/draft", send=form(text="procedure: my_own", seen="99"), ok=(409,)
    ),
    "POST /desk/settings/procedures/{name:str}/draft/trial": Row(
        expected=PAGE_ADMIN, path=f"{OWN}/draft/trial", send=form(text="procedure: my_own"), ok=(422,)
    ),
    "POST /desk/settings/procedures/{name:str}/versions": Row(
        expected=PAGE_ADMIN, path=f"{OWN}/versions", send=form(text="procedure: my_own"), ok=(422,)
    ),
    "GET /desk/settings/procedures/{name:str}/versions/{number:int}": Row(
        expected=PAGE_ADMIN, path=f"{OWN}/versions/1"
    ),
    "POST /desk/settings/procedures/{name:str}/versions/{number:int}/return": Row(
        expected=PAGE_ADMIN, path=f"{OWN}/versions/1/return", ok=DONE
    ),
    "POST /desk/settings/procedures/{name:str}/withdrawal": Row(
        expected=PAGE_ADMIN, path="/desk/settings/procedures/none/withdrawal", ok=(404,)
    ),
    "POST /desk/settings/procedures/{name:str}/disposal": Row(
        expected=PAGE_ADMIN, path="/desk/settings/procedures/none/disposal", ok=(404,)
    ),
    "GET /desk/settings/connections": Row(expected=PAGE_LEAD),
    "GET /desk/settings/connections/new": Row(expected=PAGE_ADMIN),
    "POST /desk/settings/connections/new": Row(expected=PAGE_ADMIN, send=form(name="No"), ok=(422,)),
    "GET /desk/settings/connections/{name:str}": Row(expected=PAGE_LEAD, path=TOOL),
    "POST /desk/settings/connections/{name:str}": Row(expected=PAGE_ADMIN, path=TOOL, send=form(title=""), ok=(422,)),
    "POST /desk/settings/connections/{name:str}/removal": Row(
        expected=PAGE_ADMIN, path="/desk/settings/connections/none/removal", ok=(404,)
    ),
    "POST /desk/settings/connections/{name:str}/trial": Row(expected=PAGE_ADMIN, path=f"{TOOL}/trial"),
    "POST /desk/settings/inner-hosts": Row(expected=PAGE_ADMIN, send=form(hosts=""), ok=DONE),
    "GET /desk/settings/costs": Row(expected=PAGE_ADMIN),
    "POST /desk/settings/costs": Row(expected=PAGE_ADMIN, send=form(hour="28"), ok=DONE),
    "GET /desk/settings/analytics": Row(expected=PAGE_ADMIN),
    "POST /desk/settings/analytics/{brand:int}": Row(
        expected=PAGE_ADMIN, path="/desk/settings/analytics/1", send=form(), ok=DONE
    ),
    "POST /desk/settings/analytics/{brand:int}/trial": Row(
        expected=PAGE_ADMIN, path="/desk/settings/analytics/1/trial"
    ),
    "GET /desk/settings/model": Row(expected=PAGE_ADMIN),
    "POST /desk/settings/model": Row(expected=PAGE_ADMIN, send=form(url="", name=""), ok=DONE),
    "POST /desk/settings/model/trial": Row(expected=PAGE_ADMIN),
    "GET /desk/settings/topics": Row(expected=PAGE),
    "POST /desk/settings/topics": Row(expected=PAGE_LEAD, ok=(*DONE, 422)),
    "POST /desk/settings/topics/learning": Row(expected=PAGE_LEAD, ok=DONE),
    "POST /desk/settings/topics/return": Row(expected=PAGE_LEAD, ok=(*DONE, 422)),
    "GET /desk/settings/triage": Row(expected=PAGE),
    "POST /desk/settings/triage": Row(expected=PAGE_LEAD, send=form(do="save"), ok=DONE),
    "GET /desk/settings/agents": Row(expected=PAGE),
    "POST /desk/settings/agents": Row(expected=PAGE_ADMIN, ok=(*DONE, 422)),
    "POST /desk/settings/agents/{number:int}": Row(
        expected=PAGE_ADMIN, path="/desk/settings/agents/{colleague}", send=form(role="agent", capacity="1"), ok=DONE
    ),
    # the API
    "GET /api/v1/forecast": Row(expected=API),
    "GET /api/v1/numbers": Row(expected=API),
    "GET /api/v1/followups": Row(expected=API),
    "GET /api/v1/incidents": Row(expected=API),
    f"GET {AC}/findings": Row(expected=API_OURS),
    f"POST {AC}/findings": Row(expected=API_OURS_ACT, send=json({"what": "priority", "value": "high"})),
    "POST /api/v1/followups/{number:int}/closure": Row(
        expected=API_OURS_ACT, path="/api/v1/followups/{task}/closure", send=json({"done": "Called them."})
    ),
    "GET /api/v1/promises": Row(expected=API),
    f"GET {AC}/promises": Row(expected=API_OURS),
    "GET /api/v1/conversations": Row(expected=API),
    f"GET {AC}": Row(expected=API_OURS),
    f"GET {AC}/events": Row(expected=API_OURS),
    f"POST {AC}/replies": Row(expected=API_OURS_ACT, send=json({"text": "Hello"})),
    f"GET {AC}/templates": Row(expected=API_OURS),
    f"POST {AC}/templates": Row(
        expected=API_OURS_ACT, send=json({"inbox": 1, "identity": 1, "key": "none/en"}), ok=(422,)
    ),
    f"POST {AC}/notes": Row(expected=API_OURS_ACT, send=json({"text": "Hm"})),
    f"POST {AC}/closure": Row(expected=API_OURS_ACT),
    f"DELETE {AC}/closure": Row(expected=API_OURS_ACT),
    f"PUT {AC}/assignment": Row(expected=API_OURS_ACT, send=json({"agent": None})),
    f"PUT {AC}/tags/{{name:str}}": Row(expected=API_OURS_ACT, path="/api/v1/conversations/{number}/tags/refund"),
    f"DELETE {AC}/tags/{{name:str}}": Row(expected=API_OURS_ACT, path="/api/v1/conversations/{number}/tags/refund"),
    f"PUT {AC}/snooze": Row(expected=API_OURS_ACT, send=json({"until": "2027-01-01T09:00:00Z"})),
    f"DELETE {AC}/snooze": Row(expected=API_OURS_ACT),
    "GET /api/v1/people": Row(expected=API_OURS, path="/api/v1/people?kind=console&value=kim"),
    "GET /api/v1/people/{number:int}/consents": Row(expected=API_OURS, path="/api/v1/people/{person}/consents"),
    "POST /api/v1/people/{number:int}/consents": Row(
        expected=API_OURS_ACT,
        path="/api/v1/people/{person}/consents",
        send=json({"identity": 1, "purpose": "surveys", "given": False, "evidence": "on the phone"}),
    ),
    "GET /api/v1/people/{number:int}": Row(expected=API_OURS, path="/api/v1/people/{person}"),
    "GET /api/v1/search": Row(expected=API, path="/api/v1/search?q=hello"),
    "GET /api/v1/articles": Row(expected=API),
    "GET /api/v1/articles/{number:int}": Row(expected=API_OURS, path="/api/v1/articles/{article}"),
    "POST /api/v1/articles": Row(
        expected={**API_ACT, "stranger": "403", "far lead": "403", "far token": "403"}, send=json(ARTICLE)
    ),
    "PUT /api/v1/articles/{number:int}": Row(
        expected=API_OURS_ACT, path="/api/v1/articles/{article}", send=json(ARTICLE)
    ),
    "POST /api/v1/orders": Row(expected=API_LEAD_BRAND, send=json([ORDER])),
    "GET /api/v1/orders/{number:str}": Row(expected=API_OURS, path="/api/v1/orders/70001"),
    "GET /api/v1/inboxes": Row(expected=API),
    "POST /api/v1/inboxes/{number:int}/deliveries": Row(
        expected=API_LEAD_OURS,
        path="/api/v1/inboxes/1/deliveries",
        send={"content": b'{"id":"a1","who":"lee","text":"Hi"}'},
    ),
    "GET /api/v1/agents": Row(expected=API),
    "GET /api/v1/deliveries": Row(expected=API_LEAD),
    "GET /api/v1/deliveries/{number:int}/raw": Row(expected=API_LEAD_OURS, path="/api/v1/deliveries/{delivery}/raw"),
    "GET /api/v1/dead-letters": Row(expected=API),
    "POST /api/v1/conversations/{number:int}/messages/{message:int}/cancellation": Row(
        expected=API_OURS_ACT, path="/api/v1/conversations/{number}/messages/{failed}/cancellation", ok=(200, 422)
    ),
    "POST /api/v1/dead-letters/{message:int}/replay": Row(
        expected=API_OURS_ACT, path="/api/v1/dead-letters/{failed}/replay", ok=(202, 422)
    ),
    "GET /api/v1/events": Row(expected=API),
}


# ── the desk they come to ───────────────────────────────────────────────────────────────────


class Door:
    """A served desk with one of everything, and the keys of everybody."""

    def __init__(self, web: WebDesk, things: dict[str, Any]) -> None:
        self.web, self.things = web, things
        self.http = web.browser()
        self.agents = {
            "agent": web.story.agent("ana", brands=(1,)).number,
            "stranger": web.story.agent("ben", brands=(2,)).number,
            "reader": web.story.agent("rea", "read-only", brands=(1,)).number,
            "lead": web.story.agent("lea", "lead", brands=(1,)).number,
            "far lead": web.story.agent("leo", "lead", brands=(2,)).number,
            "admin": web.story.agent("ada", "admin").number,
        }
        self.tokens = {
            "token": self._token("agent"),
            "far token": self._token("stranger"),
            "reading token": self._token("agent", "read"),
        }

    def _token(self, principal: str, scope: str = "write") -> str:
        agent = self.agents[principal]
        return self.web.story.record.do(lambda tx: access.issue_token(tx, agent, "matrix", scope))

    def keys(self, principal: str) -> dict[str, str]:
        """The headers that principal comes with; a fresh session each time."""
        if principal == "nobody":
            return {}
        if principal == "visitor":
            return {"authorization": "Bearer visitor-kim-0123456789abcdef", "cookie": "parley=of-my-own-making"}
        if principal in self.tokens:
            return {"authorization": f"Bearer {self.tokens[principal]}"}
        return self.session(self.agents["agent" if principal == "revoked" else principal], ended=principal == "revoked")

    def session(self, agent: int, ended: bool = False) -> dict[str, str]:
        record = self.web.story.record
        secret = record.do(lambda tx: access.begin_session(tx, agent))
        session = record.ask(access.session_of, secret, record.clock())
        assert session is not None
        if ended:
            record.do(lambda tx: access.end_session(tx, secret))
        return {"cookie": f"parley={secret}", "x-csrf-token": session.csrf}

    def ask(self, name: str, keys: dict[str, str]) -> httpx.Response:
        """The request of a row; of a stream only its beginning."""
        method, _, template = name.partition(" ")
        row = ROWS[name]
        path = (row.path or template.replace("{number:int}", "{number}")).format(**self.things)
        send = dict(row.send)
        headers = {**send.pop("headers", {}), **keys}
        request = self.http.build_request(method, path, headers=headers, **send)
        answer = self.http.send(request, stream=True)
        if "event-stream" not in answer.headers.get("content-type", ""):
            answer.read()
        answer.close()
        return answer


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    story = StoryDesk(tmp_path_factory.mktemp("matrix"))
    things = one_of_everything(story)
    with serving(story) as web:
        yield Door(web, things)


def one_of_everything(story: StoryDesk) -> dict[str, Any]:
    story.change(lambda tx: setup.add_brand(tx, "Elsewhere"))
    story.visitor("kim").says("Hello there").sends_rubbish()
    delivery = story.events(e.Quarantined)[0].event.delivery
    number = next(state.id for state in story.conversations() if not state.quarantined)
    story.console.fail("Blocked.", permanent=True)
    failed = story.agent("ana", brands=(1,)).replies("Hello?", conversation=number)
    story.desk.intake.take(story.mail_inbox, "mail-1", mail_with_a_file()).result(10)
    story.settle()
    with story.record.reading() as conn:
        with_file = conn.execute(files.files.select()).first()
        attached, mailed = with_file.message, with_file.conversation
    survey = story.change(lambda tx: surveys.plan(tx, inbox.state(tx.conn, number), tx.at))
    identity = story.record.ask(people.identities_of, story.record.ask(inbox.state, number).person)[0].id
    assert identity == 1, "the requests above name it"
    missing = gaps.Found(name="hello", asked=(gaps.Question(1, number),))
    kept = gaps.Kept(at=story.clock.now, gaps={"1": (missing,)}, whole={"1": 1})
    story.change(lambda tx: setup.set_setting(tx, gaps.KEY, msgspec.to_builtins(kept)))
    story.change(written_here)
    article = story.change(lambda tx: knowledge.write(tx, "Returns", "Within *30* days.", "agent/1", brand=1))
    who, limits = inbox.Viewer(agent=1, role="lead", brands=None), Change(limits={"refund.days": 20})
    candidate = story.change(lambda tx: candidates.make(tx, "Stricter", limits, who, 1))
    began = story.clock.now
    alarm = Alarm("card_payment", story.clock.now.timestamp(), story.clock.now.timestamp(), 4, 0.1, 4, 1e-6)
    story.change(lambda tx: incidents.suspect(tx, (1, "card_payment"), "Paying does not work", alarm, [number]))
    return {
        "candidate": candidate,
        "replay": story.change(lambda tx: replays._begin(tx, candidate, began, began, True, who)),
        "number": number,
        "person": story.record.ask(inbox.state, number).person,
        "leaving": outgoing.leaving_token(story.desk.config.key, identity, "surveys"),
        "delivery": delivery,
        "failed": failed,
        "attached": attached,
        "mailed": mailed,
        "html": attached,
        "task": story.change(lambda tx: followups.open_(tx, inbox.state(tx.conn, number), "1 of 5", tx.at, None)),
        "rating": outgoing.rating_token(story.desk.config.key, survey),
        "article": article,
        "colleague": (colleague := story.agent("col")).number,
        "call": call_of(story, colleague.number),
        "report": shared_report(story, colleague.number),
        "removable": shared_report(story, colleague.number),
    }


def written_here(tx: Any) -> None:
    """A connection and a procedure of the company's own."""
    tools.keep(tx, tools.Tool(name="opening_hours", title="Hours", address="https://x.test/", personal=False), {}, "a")
    text = BEGINNING.replace("my_procedure", "my_own")
    kept.draft(tx, "my_own", text, "agent/1", None)
    kept.publish(tx, "my_own", text, "agent/1")


def shared_report(story: StoryDesk, owner: int) -> int:
    """A colleague's report that whoever serves the first brand may look at."""
    who = inbox.Viewer(agent=owner, role="agent", brands=None)

    def save(tx: Tx) -> int:
        number = saved_reports.save(tx, "Week", Query(measures=("volume",), by=("day",)), who)
        saved_reports.share(tx, number, 1, who)
        return number

    return int(story.change(save))


def call_of(story: StoryDesk, agent: int) -> str:
    """A call that a colleague makes to a visitor of the chat."""
    exchange = voice.Exchange(story.desk.channels, story.desk.inboxes, story.desk.intake.take_within)
    who, at = story.record.ask(setup.agent, agent), story.inbox(story.chat_inbox)
    story.change(lambda tx: exchange.call_out(tx, at, "v" * 32, "call-1", who))
    return "call-1"


def mail_with_a_file() -> bytes:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "Lee <lee@example.com>", "help@larkspur.test", "Broken"
    mail["Message-ID"], mail["Date"] = "<broken@example.com>", "Mon, 02 Mar 2026 09:00:00 +0000"
    mail.set_content("See the picture.")
    mail.add_alternative("<p style='color:red'>See <b>the</b> picture.</p>", subtype="html")
    mail.add_attachment(b"<script>alert(1)</script>", maintype="text", subtype="html", filename="page.html")
    return mail.as_bytes()


# ── the walk ────────────────────────────────────────────────────────────────────────────────


def routes_of(web: WebDesk) -> dict[str, dict[str, Any]]:
    """The server's routes as "METHOD /path", each with its handler's `opt`."""
    found: dict[str, dict[str, Any]] = {}
    for route in make_app(web.room).routes:
        for handler in getattr(route, "route_handlers", None) or [route.route_handler]:
            for method in getattr(handler, "http_methods", ["WEBSOCKET"]):
                found[f"{method} {route.path}"] = dict(handler.opt)
    return {name: opt for name, opt in found.items() if not name.startswith("OPTIONS ")}


def test_every_route_has_a_row(door: Door) -> None:
    routes = set(routes_of(door.web))
    assert sorted(routes - set(ROWS)) == [], "routes without a row: say who may use them"
    assert sorted(set(ROWS) - routes) == [], "rows whose route is gone"


@pytest.mark.parametrize("name", ROWS, ids=str)
def test_everybody_at(name: str, door: Door) -> None:
    row = ROWS[name]
    seen = {}
    for principal in row.expected:
        answer = door.ask(name, door.keys(principal))
        seen[principal] = outcome(answer, row)
    assert seen == row.expected


def outcome(answer: httpx.Response, row: Row) -> str:
    if answer.status_code == 303 and answer.headers["location"].startswith("/login?"):
        return "login"
    if answer.status_code == 303 and answer.headers["location"] == "/login" and 303 not in row.ok:
        return "login"
    if answer.status_code == 303 and answer.headers["location"] == "/login" and "set-cookie" not in answer.headers:
        return "login"
    return "ok" if answer.status_code in row.ok else str(answer.status_code)


def needs_csrf(name: str) -> bool:
    return name.split()[0] not in ("GET", "WEBSOCKET") and "login" in ROWS[name].expected.values()


@pytest.mark.parametrize("name", [name for name in ROWS if needs_csrf(name)], ids=str)
def test_nothing_changes_without_the_sessions_csrf(name: str, door: Door) -> None:
    keys = door.session(door.agents["admin"])
    cookie = {"cookie": keys["cookie"]}
    assert door.ask(name, cookie).status_code == 403
    assert door.ask(name, cookie | {"x-csrf-token": "wrong"}).status_code == 403
    assert door.ask(name, keys | {"origin": "https://elsewhere.test"}).status_code == 403
    assert door.ask(name, keys | {"sec-fetch-site": "cross-site"}).status_code == 403
    assert door.http.get("/desk/choices", headers=cookie).status_code == 200, "the session itself is good"


@pytest.mark.parametrize("name", [name for name in ROWS if name.startswith("GET ")], ids=str)
def test_no_page_may_run_what_it_did_not_bring(name: str, door: Door) -> None:
    """Every answer has a policy; no HTML has script or style of its own inside."""
    answer = door.ask(name, door.keys("admin"))
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe-eval" not in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "referrer-policy" in answer.headers
    if not answer.headers.get("content-type", "").startswith("text/html"):
        return
    if name == "GET /desk/messages/{number:int}/html":
        assert "sandbox" in policy
        assert "script-src" not in policy
        return
    assert "unsafe-inline" not in policy
    html = answer.text
    for piece in html.split("<script")[1:]:
        tag = piece.partition(">")[0]
        assert "src=" in tag or 'type="application/json"' in tag, f"inline script: <script{tag}>"
    assert "<style" not in html
    assert " style=" not in html
    assert not any(f" {event}=" in html for event in ("onclick", "onload", "onerror", "onsubmit", "onchange"))


def test_the_table_is_not_made_of_one_outcome(door: Door) -> None:
    """A guard for the guard: an agent of another brand is refused where one of ours is let in."""
    name = "GET /desk/conversations/{number:int}"
    assert door.ask(name, door.keys("agent")).status_code == 200
    assert door.ask(name, door.keys("stranger")).status_code == 404
    assert "Hello there" not in door.ask(name, door.keys("stranger")).text


def test_files_are_downloads(door: Door) -> None:
    answer = door.ask("GET /files/{message:int}/{number:int}", door.keys("agent"))
    assert answer.headers["content-disposition"].startswith("attachment")
    assert answer.headers["content-type"] == "application/octet-stream"
    assert "sandbox" in answer.headers["content-security-policy"]
