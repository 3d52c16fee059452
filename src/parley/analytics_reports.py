"""Days of a website's analytics by GA4's Data API (`runReport`), signed for by a service account.

Three reports are asked for: by day, by day and page, by day and campaign. One with everything would not do: whoever saw
two pages is one active user, and its rows may not be added up.
"""

import base64
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import msgspec

from parley.core import visits
from parley.core.analytics import Sum, named
from parley.core.errors import BadConfig

REPORTS = "https://analyticsdata.googleapis.com"
SCOPE = "https://www.googleapis.com/auth/analytics.readonly"
PAGE_OF_ROWS = 10_000
MOST_ROWS = 1_000_000
SECONDS = 60.0


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """property: its number. days: whole ones, until yesterday by the property's own calendar."""

    property: str
    days: int = 28
    endpoint: str = REPORTS
    rows: int = PAGE_OF_ROWS


class _Account(msgspec.Struct):
    """What is read of a service account's key file."""

    client_email: str
    private_key: str
    token_uri: str = "https://oauth2.googleapis.com/token"


class _Value(msgspec.Struct):
    value: str = ""


class _Row(msgspec.Struct):
    dimensionValues: list[_Value]
    metricValues: list[_Value]


class _Report(msgspec.Struct):
    rows: list[_Row] = []
    rowCount: int = 0


def fetch(asked: Asked, key: Path) -> list[Sum]:
    """Every row of the three reports. BadConfig says in words what stands in the way, and never holds the key."""
    if not asked.property.isdigit() or not 1 <= asked.days <= 400:
        raise BadConfig("A property is named by its number, and 1 to 400 days are taken in.")
    try:
        account = msgspec.json.decode(key.read_bytes(), type=_Account)
    except (OSError, msgspec.MsgspecError) as error:
        raise BadConfig("The key file cannot be read: it is the JSON file that Google gave for the account.") from error
    try:
        with httpx.Client(timeout=SECONDS, follow_redirects=False) as client:
            token = _token(client, account)
            return [
                *(Sum(day=day, visitors=n, views=views) for day, _, n, views in _rows(client, asked, token, "")),
                *_pages(client, asked, token),
                *_campaigns(client, asked, token),
            ]
    except httpx.HTTPError as error:
        raise BadConfig(f"The Data API gave no answer ({type(error).__name__}). Nothing was taken in.") from error
    except (msgspec.MsgspecError, ValueError) as error:
        raise BadConfig("The Data API answered something that is no report. Nothing was taken in.") from error


def _pages(client: httpx.Client, asked: Asked, token: str) -> Iterator[Sum]:
    for day, page, n, seen in _rows(client, asked, token, "pagePath"):
        yield Sum(day=day, page=visits.clean(page), visitors=n, views=seen)


def _campaigns(client: httpx.Client, asked: Asked, token: str) -> Iterator[Sum]:
    for day, campaign, n, seen in _rows(client, asked, token, "sessionCampaignName"):
        if name := named(campaign):
            yield Sum(day=day, campaign=name, visitors=n, views=seen)


def _rows(client: httpx.Client, asked: Asked, token: str, by: str) -> Iterator[tuple[str, str, int, int]]:
    """Day, page or campaign, active users and views, a page of rows after the other."""
    dimensions = ["date", by] if by else ["date"]
    body: dict[str, Any] = {
        "dateRanges": [{"startDate": f"{asked.days}daysAgo", "endDate": "yesterday"}],
        "dimensions": [{"name": name} for name in dimensions],
        "metrics": [{"name": "activeUsers"}, {"name": "screenPageViews"}],
        "orderBys": [{"dimension": {"dimensionName": name}} for name in dimensions],
        "limit": str(asked.rows),
    }
    address = f"{asked.endpoint.rstrip('/')}/v1beta/properties/{asked.property}:runReport"
    offset = 0
    while True:
        headers = {"authorization": f"Bearer {token}"}
        answer = client.post(address, json=body | {"offset": str(offset)}, headers=headers)
        if answer.status_code != 200:
            raise _refused(answer, asked)
        report = msgspec.json.decode(answer.content, type=_Report)
        for row in report.rows:
            day, name = row.dimensionValues[0].value, row.dimensionValues[1].value if by else ""
            users, views = (int(one.value) for one in row.metricValues)
            yield f"{day[:4]}-{day[4:6]}-{day[6:8]}", name, users, views
        offset += len(report.rows)
        if not report.rows or offset >= min(report.rowCount, MOST_ROWS):
            return


def _refused(answer: httpx.Response, asked: Asked) -> BadConfig:
    """What a refusal means for whoever asked."""
    match answer.status_code:
        case 429:
            why = (
                "The property's quota at the Data API is used up. Tokens of the hour come back within the hour, those"
                " of the day at midnight, Pacific time"
            )
        case 401:
            why = "The Data API does not accept the service account's token; is this machine's clock right?"
        case 403:
            why = (
                f"The service account may not read property {asked.property}. Make it a viewer of the property, and"
                " switch on the Google Analytics Data API in its project"
            )
        case status:
            why = f"The Data API answered {status}"
    return BadConfig(f"{why.rstrip('.')}. Nothing was taken in.")


def _token(client: httpx.Client, account: _Account) -> str:
    """An access token for a signed claim (RFC 7523 section 2.1)."""
    now = int(time.time())
    claims = {"iss": account.client_email, "scope": SCOPE, "aud": account.token_uri, "iat": now, "exp": now + 3600}
    form = {
        "grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer",
        "assertion": rs256(claims, account.private_key),
    }
    answer = client.post(account.token_uri, data=form)
    said = answer.json() if answer.status_code == 200 else {}
    token = said.get("access_token") if isinstance(said, dict) else None
    if not isinstance(token, str) or not token:
        raise BadConfig(
            f"No access was given to the service account (it answered {answer.status_code}). Is its key still in use?"
            " Nothing was taken in."
        )
    return token


def rs256(claims: dict[str, Any], pem: str) -> str:
    """A JSON Web Token signed with RSA and SHA-256 (RFC 7518 section 3.3). BadConfig for a key that is none."""
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        key = load_pem_private_key(pem.encode(), None)
    except ValueError:
        raise BadConfig("The private key in the key file cannot be read.") from None
    if not isinstance(key, RSAPrivateKey):
        raise BadConfig("The private key in the key file is no RSA key.")
    parts = ({"alg": "RS256", "typ": "JWT"}, claims)
    signed = ".".join(_b64(msgspec.json.encode(part)) for part in parts)
    return f"{signed}.{_b64(key.sign(signed.encode(), PKCS1v15(), SHA256()))}"


def _b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
