"""espeak-ng 1.52 from its wheel, through ctypes; only the worker `speaking` loads it.

The library holds one state per process and is GPL-3: it lives in a process of its own, never in the server's.
Functions and constants are those of its speak_lib.h.
"""

import ctypes
from collections.abc import Callable

import espeakng_loader  # type: ignore[import-untyped]

_SYNCHRONOUS = 2
_DONT_EXIT = 0x8000
_BUFFER_MS = 100
_UTF8 = 1
_AT_CHARACTER = 1
_RATE = 1
_WORDS_PER_MINUTE = 175
_IPA = 2

_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)


class Espeak:
    """The engine. `rate` is in samples per second, one channel of 16 bits."""

    def __init__(self) -> None:
        self._library = ctypes.CDLL(espeakng_loader.get_library_path())
        folder = espeakng_loader.get_data_path().encode()
        self.rate = self._library.espeak_Initialize(_SYNCHRONOUS, _BUFFER_MS, folder, _DONT_EXIT)
        if self.rate <= 0:
            raise OSError(f"espeak-ng does not start: {self.rate}")

    def speak(self, text: str, voice: str, speed: float, take: Callable[[bytes], None]) -> None:
        """Hand the samples to `take` piece by piece. Text is text: neither SSML nor phonemes are read from it."""
        self._choose(voice)
        self._library.espeak_SetParameter(_RATE, round(_WORDS_PER_MINUTE * speed), 0)
        failure: list[BaseException] = []

        def on_samples(samples: "ctypes._Pointer[ctypes.c_short]", count: int, _events: int | None) -> int:
            try:
                if count > 0:
                    take(ctypes.string_at(samples, count * 2))
            except BaseException as error:  # noqa: BLE001  (C code cannot pass it on)
                failure.append(error)
            return len(failure)  # anything but 0 ends the synthesis

        callback = _Callback(on_samples)
        self._library.espeak_SetSynthCallback(callback)
        data = text.encode() + b"\0"
        self._library.espeak_Synth(data, ctypes.c_size_t(len(data)), 0, _AT_CHARACTER, 0, _UTF8, None, None)
        if failure:
            raise failure[0]

    def phonemes(self, text: str, voice: str) -> str:
        """How the text is pronounced, in the international phonetic alphabet, a clause per line."""
        self._choose(voice)
        translate = self._library.espeak_TextToPhonemes
        translate.restype = ctypes.c_char_p
        rest = ctypes.cast(ctypes.c_char_p(text.encode()), ctypes.c_void_p)
        clauses = []
        while rest.value:
            clauses.append((translate(ctypes.byref(rest), _UTF8, _IPA) or b"").decode())
        return "\n".join(clauses)

    def _choose(self, voice: str) -> None:
        if self._library.espeak_SetVoiceByName(voice.encode()):
            raise LookupError(voice)
