"""What a website's own analytics (Google Analytics 4) know: a browser's number in its cookie, and exported page views.

Read, never written. Of an export only four things are taken: which browser, when, which page, which campaign; whatever
else a row holds (user ids, places, devices) is not looked at.
"""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from parley.core.visits import clean

_GA = re.compile(r"GA1\.\d+\.(\d{1,20}\.\d{1,20})")


def client_id(cookie: str) -> str | None:
    """The client id in a `_ga` cookie: `GA1.1.1234567890.1712345678` holds `1234567890.1712345678`."""
    found = _GA.fullmatch(cookie)
    return found[1] if found else None


_GS = re.compile(r"GS1\.\d+\.(\d{1,20})(?:\..*)?|GS2\.\d+\.s(\d{1,20})(?:\$.*)?")


def session_id(cookie: str) -> str | None:
    """The session id in a `_ga_<container>` cookie, in its old form (`GS1.1.1712345678.3.…`) or the newer one
    (`GS2.1.s1712345678$o3$g…`); None for anything else."""
    found = _GS.fullmatch(cookie)
    return (found[1] or found[2]) if found else None


class View(msgspec.Struct, frozen=True, kw_only=True):
    """A page that a browser saw. client: as in its cookie. page: the path, cleaned. campaign: what brought it."""

    client: str
    at: datetime
    page: str
    campaign: str = ""


class _Row(msgspec.Struct, frozen=True, kw_only=True):
    """A row of the BigQuery export (table events_YYYYMMDD) as JSON; int64 come as text there."""

    event_name: str
    event_timestamp: str | int
    user_pseudo_id: str | None = None
    event_params: list[dict[str, Any]] = []
    collected_traffic_source: dict[str, Any] | None = None


_read = msgspec.json.Decoder(_Row).decode
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_CLIENT = re.compile(r"\d{1,20}\.\d{1,20}")
_CAMPAIGN = re.compile(r"[\w .,:()+-]{1,40}")


def view(line: bytes) -> View | None:
    """The page view in a row of an export; None for other events, and for browsers that agreed to no number.

    Raises msgspec.MsgspecError for what is no such row.
    """
    row = _read(line)
    client = row.user_pseudo_id or ""
    if row.event_name != "page_view" or not _CLIENT.fullmatch(client):
        return None
    values = {str(one.get("key")): one.get("value") or {} for one in row.event_params}
    source = row.collected_traffic_source or {}
    campaign = str(source.get("manual_campaign_name") or values.get("campaign", {}).get("string_value") or "")
    return View(
        client=client, at=_EPOCH + timedelta(microseconds=int(row.event_timestamp)),
        page=clean(str(values.get("page_location", {}).get("string_value") or "/")),
        campaign=named(campaign),
    )  # fmt: skip


def named(campaign: str) -> str:
    """A campaign's name as it is kept; empty where it holds an address or a long number, or is GA4's word for none."""
    good = _CAMPAIGN.fullmatch(campaign) and not campaign.startswith("(") and not re.search(r"\d{6}", campaign)
    return campaign if good else ""


class Sum(msgspec.Struct, frozen=True, kw_only=True):
    """What a report counted on a day (`2026-03-02`, in the property's time zone). page and campaign empty: of all."""

    day: str
    page: str = ""
    campaign: str = ""
    visitors: int
    views: int
