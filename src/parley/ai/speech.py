"""Speech into text on this machine: faster-whisper or Vosk, where one is installed and has been given a model.

Neither comes with Parley; `pip install faster-whisper` or `pip install vosk`, and a folder with a model.
"""

import importlib
import importlib.util
import io
import json
import threading
import wave
from pathlib import Path
from typing import Any, Protocol


class Engine(Protocol):
    """Hears a recording. name: what the timeline calls it."""

    name: str

    def hear(self, sound: bytes, kind: str) -> str:
        """What was said, empty for nothing. Raises `Unheard` with a sentence where it cannot tell."""
        ...


class Unheard(Exception):
    """A recording could not be heard. passing: another try may help."""

    def __init__(self, reason: str, *, passing: bool = False) -> None:
        super().__init__(reason)
        self.passing = passing


def local(model: str) -> Engine | None:
    """The engine for a folder with a model; None where neither is installed."""
    if not model or not Path(model).is_dir():
        return None
    if importlib.util.find_spec("faster_whisper"):
        return Whisper(model)
    return Vosk(model) if importlib.util.find_spec("vosk") else None


class Whisper:
    """Every kind of sound file; loaded when the first one comes."""

    def __init__(self, model: str) -> None:
        self.name, self._folder = "faster-whisper", model
        self._model: Any = None
        self._lock = threading.Lock()

    def hear(self, sound: bytes, kind: str) -> str:
        with self._lock:
            if self._model is None:
                made = importlib.import_module("faster_whisper")
                self._model = made.WhisperModel(self._folder, device="cpu", compute_type="int8", local_files_only=True)
            try:
                segments, _ = self._model.transcribe(io.BytesIO(sound), vad_filter=True)
                return " ".join(segment.text.strip() for segment in segments).strip()
            except Exception as error:
                raise Unheard(f"The recording cannot be read ({type(error).__name__}).") from error


class Vosk:
    """WAV files with one channel of 16 bits, as telephone providers record."""

    def __init__(self, model: str) -> None:
        self.name, self._folder = "Vosk", model
        self._model: Any = None
        self._lock = threading.Lock()

    def hear(self, sound: bytes, kind: str) -> str:
        vosk = importlib.import_module("vosk")
        with self._lock:
            if self._model is None:
                vosk.SetLogLevel(-1)
                self._model = vosk.Model(self._folder)
        try:
            with wave.open(io.BytesIO(sound)) as read:
                if (read.getnchannels(), read.getsampwidth()) != (1, 2):
                    raise Unheard("The recording is not of the kind that Vosk reads.")
                hearer = vosk.KaldiRecognizer(self._model, read.getframerate())
                heard = []
                while frames := read.readframes(4000):
                    if hearer.AcceptWaveform(frames):
                        heard.append(_text(hearer.Result()))
        except (wave.Error, EOFError) as error:
            raise Unheard("The recording is no WAV file.") from error
        return " ".join(part for part in (*heard, _text(hearer.FinalResult())) if part)


def _text(result: str) -> str:
    return str(json.loads(result).get("text", ""))
