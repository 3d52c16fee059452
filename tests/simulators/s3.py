"""Amazon's S3, as far as giving objects to whoever signs for them, and the certificate that SNS signs with."""

import hashlib
import hmac
import re

from parley.demo.simulators.server import Asked, Platform, Said

KEY, WORD, REGION = "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG", "eu-west-1"
_PROOF = re.compile(
    r"AWS4-HMAC-SHA256 Credential=([^/]+)/(\d{8})/([a-z0-9-]+)/s3/aws4_request, "
    r"SignedHeaders=([a-z0-9;-]+), Signature=([0-9a-f]{64})"
)


def _mac(key: bytes, text: str) -> bytes:
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


class S3Service(Platform):
    """objects: bytes by path (/bucket/key)."""

    def __init__(self, certificate: bytes) -> None:
        super().__init__()
        self.certificate = certificate
        self.objects: dict[str, bytes] = {}

    def answer(self, asked: Asked) -> Said:
        if asked.path == "/cert.pem":
            return Said(200, self.certificate)
        if not self._is_signed(asked):
            return Said(403, b"<Error><Code>SignatureDoesNotMatch</Code></Error>")
        if asked.path not in self.objects:
            return Said(404, b"<Error><Code>NoSuchKey</Code></Error>")
        return Said(200, self.objects[asked.path])

    def _is_signed(self, asked: Asked) -> bool:
        found = _PROOF.fullmatch(asked.headers.get("authorization", ""))
        if not found or found[1] != KEY or found[3] != REGION or "host" not in found[4].split(";"):
            return False
        day, names, time = found[2], found[4], asked.headers["x-amz-date"]
        signed = "".join(f"{name}:{asked.headers[name]}\n" for name in names.split(";"))
        payload = asked.headers["x-amz-content-sha256"]
        canonical = f"{asked.method}\n{asked.path}\n\n{signed}\n{names}\n{payload}"
        digest = hashlib.sha256(canonical.encode()).hexdigest()
        text = f"AWS4-HMAC-SHA256\n{time}\n{day}/{REGION}/s3/aws4_request\n{digest}"
        key = _mac(_mac(_mac(_mac(f"AWS4{WORD}".encode(), day), REGION), "s3"), "aws4_request")
        return time.startswith(day) and hmac.compare_digest(_mac(key, text).hex(), found[5])
