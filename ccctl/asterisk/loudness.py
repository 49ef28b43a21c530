"""How loud a sound is: EBU R 128 (ITU-R BS.1770) loudness and true peak, by libebur128.

The library is Debian's libebur128-1 (60 kB, no dependencies), reached through ctypes.
"""

import ctypes
import ctypes.util
import math
from array import array
from functools import cache

import msgspec

from ccctl.errors import ApplyError

SILENT = -70.0  # LUFS; what is below is silence
_WANTED = 1 << 0 | 1 << 2 | 1 << 4 | 1 << 5  # momentary, integrated, sample peak, true peak
_LEAST_S = 1.2  # the measure needs some blocks of 400 ms: shorter sounds are measured as a loop


class Loudness(msgspec.Struct, frozen=True):
    """`lufs` is the integrated loudness (-inf for silence), `peak` the true peak in dB of full scale."""

    lufs: float
    peak: float

    @property
    def silent(self) -> bool:
        return self.lufs < SILENT


@cache
def _library() -> ctypes.CDLL:
    try:
        library = ctypes.CDLL(ctypes.util.find_library("ebur128") or "libebur128.so.1")
    except OSError:
        raise ApplyError(
            "sounds are brought to one loudness, and libebur128 is not installed", "apt install libebur128-1"
        ) from None
    library.ebur128_init.restype = ctypes.c_void_p
    library.ebur128_init.argtypes = [ctypes.c_uint, ctypes.c_ulong, ctypes.c_int]
    return library


def present() -> bool:
    try:
        return bool(_library())
    except ApplyError:
        return False


def measure(samples: "array[float]", rate: int) -> Loudness:
    """Of one channel, samples between -1 and 1."""
    if not samples:
        return Loudness(-math.inf, -math.inf)
    library = _library()
    state = ctypes.c_void_p(library.ebur128_init(1, rate, _WANTED))
    if not state:
        raise MemoryError("libebur128 gave no state")
    try:
        block = (ctypes.c_float * len(samples)).from_buffer(samples)
        for _ in range(max(1, math.ceil(_LEAST_S * rate / len(samples)))):
            library.ebur128_add_frames_float(state, block, ctypes.c_size_t(len(samples)))
        lufs, peak = ctypes.c_double(), ctypes.c_double()
        library.ebur128_loudness_global(state, ctypes.byref(lufs))
        library.ebur128_true_peak(state, ctypes.c_uint(0), ctypes.byref(peak))
    finally:
        library.ebur128_destroy(ctypes.byref(state))
    return Loudness(lufs.value, 20 * math.log10(peak.value) if peak.value else -math.inf)
