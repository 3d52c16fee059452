"""Settings of a running desk: from the environment, or from `parley.toml` in the data directory.

Every setting is `PARLEY_…` in the environment or the same name in lower case in the file; the
environment wins. A secret may come from a file: `PARLEY_X_FILE=/run/secrets/x`.
"""

import os
import secrets
import tomllib
from collections.abc import Mapping
from pathlib import Path

import msgspec

from parley.core.embeddings import Wish, wished
from parley.core.errors import BadConfig
from parley.core.ice import Ice, checked


class Config(msgspec.Struct, frozen=True, kw_only=True):
    """
    data: folder for the database, files and keys.
    database_url: where the log is; empty means an SQLite file in `data`.
    host, port: where the web server listens.
    public_url: how customers reach it; begins every link that is sent out.
    secret: signs reply tokens and links; made on the first start and kept in `data/secret.key`.
    log_level: debug, info, warning or error.
    trusted_proxies: addresses whose X-Forwarded-For is believed.
    ice_servers: STUN and TURN servers that calls between browsers may use. turn_secret: what the TURN servers share.
    speech_url: an OpenAI-compatible interface, up to and with `/v1`, that writes down what recordings say, with
    speech_key. speech_model: its model; without an address, a folder with a model for faster-whisper or Vosk.
    ai: "meaning": the bot goes by the sentence encoder where it is there; "words": by words alone.
    embeddings: which encoder that is (core/embeddings.py), with embeddings_key for an endpoint; embeddings_prefix
    stands before every text.
    """

    data: Path
    database_url: str = ""
    host: str = "127.0.0.1"
    port: int = 8080
    public_url: str = ""
    secret: str = ""
    log_level: str = "info"
    trusted_proxies: tuple[str, ...] = ()
    ice_servers: tuple[str, ...] = ()
    turn_secret: str = ""
    speech_url: str = ""
    speech_model: str = ""
    speech_key: str = ""
    ai: str = "meaning"
    embeddings: str = ""
    embeddings_key: str = ""
    embeddings_prefix: str = ""

    @property
    def database(self) -> str:
        return self.database_url or f"sqlite:///{self.data / 'parley.db'}"

    @property
    def url(self) -> str:
        """Where links begin; an address that means "every network card" can be listened on, but not opened."""
        everywhere = {"0.0.0.0": "127.0.0.1", "::": "[::1]", "": "127.0.0.1"}
        host = everywhere.get(self.host, f"[{self.host}]" if ":" in self.host else self.host)
        return (self.public_url or f"http://{host}:{self.port}").rstrip("/")

    @property
    def key(self) -> bytes:
        return self.secret.encode()

    @property
    def ice(self) -> Ice:
        return checked(self.ice_servers, self.turn_secret)

    @property
    def encoder(self) -> Wish:
        return wished(self.embeddings, self.embeddings_key, self.embeddings_prefix)

    @property
    def encoder_settings(self) -> dict[str, str]:
        """As environment variables, for a process that shall use the same encoder."""
        names = ("embeddings", "embeddings_key", "embeddings_prefix")
        return {f"PARLEY_{name.upper()}": getattr(self, name) for name in names}

    @property
    def secure(self) -> bool:
        """Whether customers come over TLS, so that cookies must too."""
        return self.url.startswith("https://")


LISTS = ("trusted_proxies", "ice_servers")
LEVELS = ("debug", "info", "warning", "error")
NAMES = tuple(field.name for field in msgspec.structs.fields(Config))


def load(environment: Mapping[str, str] | None = None, **given: object) -> Config:
    """Read the settings; `given` wins over everything. Makes the data folder and the secret if missing."""
    environment = os.environ if environment is None else environment
    data = Path(str(given.get("data") or environment.get("PARLEY_DATA") or "parley-data")).expanduser().absolute()
    _make_folder(data)
    values: dict[str, object] = _from_file(data / "parley.toml")
    values |= _from_environment(environment)
    values |= {key: value for key, value in given.items() if value is not None}
    values["data"] = data
    if not values.get("secret"):
        values["secret"] = _own_secret(data / "secret.key")
    try:
        config = msgspec.convert(values, Config, strict=False, dec_hook=lambda kind, value: kind(value))
    except msgspec.ValidationError as error:
        name = str(error).rpartition("$.")[2].partition("[")[0].rstrip("`")
        wanted = "a whole number" if name == "port" else "text"
        raise BadConfig(f"PARLEY_{name.upper()} must be {wanted}, not “{values.get(name)}”.") from error
    _refuse_nonsense(config)
    return config


def _refuse_nonsense(config: Config) -> None:
    if not 1 <= config.port <= 65535:
        raise BadConfig(f"PARLEY_PORT is {config.port}; ports go from 1 to 65535.")
    if config.log_level.lower() not in LEVELS:
        raise BadConfig(f"PARLEY_LOG_LEVEL is “{config.log_level}”. Choose one of {', '.join(LEVELS)}.")
    if config.ai not in ("meaning", "words"):
        raise BadConfig(f"PARLEY_AI is “{config.ai}”. Choose meaning or words.")
    checked(config.ice_servers, config.turn_secret)
    wished(config.embeddings, config.embeddings_key, config.embeddings_prefix)
    if config.speech_url and not config.speech_url.startswith(("https://", "http://")):
        raise BadConfig("PARLEY_SPEECH_URL is no address. Write it whole, such as http://localhost:8000/v1.")
    if config.public_url and not config.public_url.startswith(("https://", "http://")):
        raise BadConfig(
            f"PARLEY_PUBLIC_URL is “{config.public_url}”. Write it whole, such as https://desk.example.com."
        )


def _make_folder(data: Path) -> None:
    try:
        data.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadConfig(
            f"The data folder {data} cannot be made ({error.strerror}). Set PARLEY_DATA to a folder you may write."
        ) from error


def _from_file(path: Path) -> dict[str, object]:
    if not path.exists():
        return {}
    try:
        values = tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise BadConfig(f"{path.name} cannot be read: {error}.") from error
    if unknown := sorted(set(values) - set(NAMES)):
        raise BadConfig(f"{path.name} has unknown settings: {', '.join(unknown)}. Known: {', '.join(NAMES)}.")
    return dict(values)


def _from_environment(environment: Mapping[str, str]) -> dict[str, object]:
    values: dict[str, object] = {}
    for name in NAMES:
        key = f"PARLEY_{name.upper()}"
        if path := environment.get(f"{key}_FILE"):
            try:
                values[name] = Path(path).read_text("utf-8").strip()
            except OSError as error:
                raise BadConfig(f"{key}_FILE names a file that cannot be read ({error.strerror}).") from error
        elif environment.get(key):
            values[name] = environment[key].split(",") if name in LISTS else environment[key]
    return values


def _own_secret(path: Path) -> str:
    if path.exists():
        return path.read_text("ascii").strip()
    secret = secrets.token_urlsafe(48)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w") as out:
        out.write(secret)
    return secret
