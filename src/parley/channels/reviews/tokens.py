"""Access tokens: asked for with the client's secret (RFC 6749), or signed by ourselves (RFC 7519)."""

import base64
import time
from typing import Any
from urllib.parse import urlencode

import msgspec

from parley.channels.calling import call, secret
from parley.core.errors import SendFailed

EARLY = 120.0  # seconds before its end from which a token is no longer used

_known: dict[tuple[str, str, str], tuple[str, float]] = {}


async def refreshed(ours: Any, url: str) -> dict[str, str]:
    """The header with a token for the owner's consent at Google (developers.google.com/identity/protocols/oauth2)."""
    form = {
        "grant_type": "refresh_token",
        "client_id": ours.client_id,
        "client_secret": secret(ours.client_secret),
        "refresh_token": secret(ours.refresh_token),
    }
    return await _token(ours.token_url or url, form, {}, ours)


async def by_client(ours: Any, url: str) -> dict[str, str]:
    """The header with a token for the client alone (RFC 6749 section 4.4)."""
    login = base64.b64encode(f"{ours.client_id}:{secret(ours.client_secret)}".encode()).decode()
    form = {"grant_type": "client_credentials"}
    return await _token(ours.token_url or url, form, {"authorization": f"Basic {login}"}, ours)


async def _token(url: str, form: dict[str, str], headers: dict[str, str], ours: Any) -> dict[str, str]:
    key = (url, ours.client_id, secret(ours.refresh_token))
    token, until = _known.get(key, ("", 0.0))
    if time.monotonic() > until:
        asked = {"content-type": "application/x-www-form-urlencoded", **headers}
        status, said = await call("POST", url, urlencode(form).encode(), asked)
        said = said if isinstance(said, dict) else {}
        token = str(said.get("access_token") or "")
        if status >= 400 or not token:
            why = said.get("error_description") or said.get("error") or status
            raise SendFailed(f"No access token was given ({why}). Give the consent anew and enter it.", permanent=True)
        _known[key] = (token, time.monotonic() + _seconds(said.get("expires_in")) - EARLY)
    return {"authorization": f"Bearer {token}"}


def _seconds(told: Any) -> float:
    try:
        return float(told)
    except (TypeError, ValueError):
        return 3600.0


def es256(claims: dict[str, Any], key_id: str, pem: str) -> str:
    """A JSON Web Token signed by ECDSA on P-256 (RFC 7518 section 3.4). Raises SendFailed for a key that is none."""
    from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePrivateKey
    from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        key = load_pem_private_key(pem.replace("\\n", "\n").encode(), None)
    except ValueError:
        raise SendFailed("The private key cannot be read. Enter the whole file.", permanent=True) from None
    if not isinstance(key, EllipticCurvePrivateKey):
        raise SendFailed("The private key is not of the kind that the App Store gives.", permanent=True)
    head = {"alg": "ES256", "kid": key_id, "typ": "JWT"}
    signed = ".".join(_b64(msgspec.json.encode(part)) for part in (head, claims))
    r, s = decode_dss_signature(key.sign(signed.encode(), ECDSA(SHA256())))
    return f"{signed}.{_b64(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"


def _b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
