"""Telegram's Bot API: takes messages, tells the path of a file for its id, gives the bytes below the token's path."""

from parley.demo.simulators.server import Asked, Platform, Said, as_json

TOKEN = "7:bot"
LARGEST = 20 * 1024 * 1024


class TelegramService(Platform):
    """media: bytes by file_id."""

    def __init__(self) -> None:
        super().__init__()
        self.media: dict[str, bytes] = {}

    def answer(self, asked: Asked) -> Said:
        if not asked.path.startswith((f"/bot{TOKEN}/", f"/file/bot{TOKEN}/")):
            return as_json({"ok": False, "error_code": 401, "description": "Unauthorized"}, 401)
        last = asked.path.rpartition("/")[2]
        if asked.path.startswith("/file/"):
            return Said(200, self.media[last]) if last in self.media else Said(404)
        if last == "getFile":
            return self._path(asked.query.get("file_id", ""))
        return as_json({"ok": True, "result": {"message_id": 1000 + len(self.asked)}})

    def _path(self, id: str) -> Said:
        if len(self.media.get(id, b"")) > LARGEST:
            return as_json({"ok": False, "description": "Bad Request: file is too big"}, 400)
        if id not in self.media:
            return as_json({"ok": False, "description": "Bad Request: invalid file_id"}, 400)
        return as_json({"ok": True, "result": {"file_id": id, "file_path": f"photos/{id}"}})
