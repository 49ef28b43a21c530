"""The lab's Asterisk process: start it, wait until it serves, ask it, stop it.

It runs in a session of its own and is known by the pid in run/lab.json; a pid counts only while that process
really runs this lab's configuration file, so a stale file or reused pid never stops another's program.
"""

import os
import re
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import msgspec

from ccctl.errors import LabError
from ccctl.lab.folder import Lab, prepare
from ccctl.lab.ports import check_free, check_held
from ccctl.lab.provision import Tree

BOOT_SECONDS = 60.0
STOP_SECONDS = 8.0
POLL_SECONDS = 0.05
NEEDED_MODULES = (
    "app_celgenuserevent app_chanspy app_dial app_mixmonitor app_playback app_queue app_read app_stasis"
    " app_voicemail bridge_holding bridge_native_rtp bridge_simple bridge_softmix cel_custom cel_manager"
    " chan_pjsip codec_alaw codec_ulaw format_wav func_callerid func_channel func_cut func_db func_global"
    " func_hangupcause func_logic func_strings func_timeout pbx_config res_ari_bridges res_ari_channels"
    " res_ari_applications res_ari_asterisk res_ari_events res_ari_playbacks res_ari_recordings"
    " res_musiconhold res_pjsip res_pjsip_session res_stasis_playback res_stasis_recording res_stasis_snoop"
).split()


class Running(msgspec.Struct, frozen=True):
    """What was started; kept in run/lab.json."""

    pid: int
    program: str
    version: str


class Health(msgspec.Struct, frozen=True):
    pid: int
    version: str
    uptime_s: int
    rss_bytes: int
    channels: int


def start(lab: Lab, tree: Tree) -> tuple[Running, float]:
    """The running Asterisk of this lab and the seconds it took to boot (0 when it ran already)."""
    if running := find(lab):
        return running, 0.0
    check_free(lab.ports)
    prepare(lab, tree)
    began = time.monotonic()
    running = _launch(lab, tree)
    try:
        _wait_booted(lab, running, began + BOOT_SECONDS)
        _check_modules(lab, running)
        check_held(lab.ports, running.pid)
    except BaseException:
        stop(lab)
        raise
    return running, time.monotonic() - began


def stop(lab: Lab) -> bool:
    """Stop this lab's Asterisk; False when none ran."""
    running = find(lab)
    if not running:
        return False
    for number, seconds in ((signal.SIGTERM, STOP_SECONDS), (signal.SIGKILL, STOP_SECONDS)):
        with suppress(ProcessLookupError):
            os.kill(running.pid, number)
        if _ended(running.pid, lab, seconds):
            _record(lab).unlink(missing_ok=True)
            return True
    raise LabError(f"Asterisk (pid {running.pid}) does not stop, not even killed")


def find(lab: Lab) -> Running | None:
    """The Asterisk of this lab that runs now."""
    try:
        running = msgspec.json.decode(_record(lab).read_bytes(), type=Running)
    except (OSError, msgspec.MsgspecError):
        return None
    return running if _is_ours(running.pid, lab) else None


def ask(lab: Lab, running: Running, command: str) -> str:
    """The answer to one command of Asterisk's own CLI."""
    run = [running.program, "-C", str(lab.conf), "-rx", command]
    try:
        done = subprocess.run(run, capture_output=True, text=True, errors="replace", timeout=20, check=False)
    except subprocess.TimeoutExpired:
        raise LabError(
            f"Asterisk (pid {running.pid}) does not answer", "ccctl lab down, then ccctl lab up"
        ) from None
    return done.stdout + done.stderr


def health(lab: Lab, running: Running) -> Health:
    uptime = re.search(r"System uptime: (\d+)", ask(lab, running, "core show uptime seconds"))
    channels = re.search(r"(\d+) active channel", ask(lab, running, "core show channels count"))
    pages = Path(f"/proc/{running.pid}/statm").read_text().split()[1]
    return Health(
        pid=running.pid,
        version=running.version,
        uptime_s=int(uptime[1]) if uptime else 0,
        rss_bytes=int(pages) * os.sysconf("SC_PAGE_SIZE"),
        channels=int(channels[1]) if channels else 0,
    )


# ---- the process


def _record(lab: Lab) -> Path:
    return lab.run / "lab.json"


def _launch(lab: Lab, tree: Tree) -> Running:
    console = lab.log / "console"
    with console.open("wb") as output:
        process = subprocess.Popen(
            [tree.program, "-f", "-C", str(lab.conf)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            cwd=lab.folder,
        )
    while process.poll() is None and not _is_ours(process.pid, lab):
        time.sleep(0.001)  # for a moment after exec a process has no arguments yet
    # It outlives us, on purpose: without this the interpreter would warn about a child left behind.
    process.returncode = 0
    running = Running(process.pid, tree.program, tree.version)
    _record(lab).write_bytes(msgspec.json.encode(running))
    return running


def _wait_booted(lab: Lab, running: Running, deadline: float) -> None:
    while time.monotonic() < deadline:
        if _ended(running.pid, lab, 0):
            raise LabError(f"Asterisk ended while starting: {_last_words(lab)}", f"see {lab.log}")
        if "fully booted" in ask(lab, running, "core waitfullybooted"):
            return
        time.sleep(POLL_SECONDS)
    raise LabError(f"Asterisk did not finish starting in {BOOT_SECONDS:.0f} s", f"see {lab.log}")


def _check_modules(lab: Lab, running: Running) -> None:
    loaded = set(re.findall(r"^(\w+)\.so .* Running ", ask(lab, running, "module show"), re.M))
    if missing := [name for name in NEEDED_MODULES if name not in loaded]:
        raise LabError(f"this Asterisk lacks {', '.join(missing)}", f"see {lab.log}/messages")


def _last_words(lab: Lab) -> str:
    for name in ("console", "messages"):
        with suppress(OSError):
            if lines := (lab.log / name).read_text(errors="replace").strip().splitlines():
                return lines[-1]
    return "it said nothing"


def _is_ours(pid: int, lab: Lab) -> bool:
    try:
        arguments = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return False
    return os.fsencode(lab.conf) in arguments  # a zombie has no arguments


def _is_gone(pid: int, lab: Lab) -> bool:
    """It has ended and its ports are free. A process that ends loses its arguments first and its
    sockets a moment later: only when all its threads are gone are those closed."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
        arguments = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return True
    if arguments:
        return not _is_ours(pid, lab)  # the number may be another program's by now
    return re.search(r"^State:\s+[ZX]", status, re.M) is not None and "\nThreads:\t1\n" in status


def _ended(pid: int, lab: Lab, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while True:
        with suppress(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)  # when we are its parent, else it would stay as a zombie
        if _is_gone(pid, lab):
            return True
        if time.monotonic() >= deadline:
            return False
        time.sleep(POLL_SECONDS)
