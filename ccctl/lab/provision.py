"""An Asterisk for the lab: unpacked from Debian's archive, or one that is installed already.

Debian 12 ships no Asterisk. `provision` lets apt resolve and fetch the packages of the release after it
into a private folder, unpacks them there, and runs the binary with the libraries unpacked beside it.
No root, no chroot, no install scripts, nothing outside the folder. The .debs stay in <folder>/apt/archives.
"""

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from pathlib import Path

import msgspec

from ccctl.errors import LabError
from ccctl.lab.archive import KEYRING, find_archive

SUITE = "forky"
PACKAGES = ("asterisk", "asterisk-modules", "asterisk-config", "asterisk-core-sounds-en-wav")
OLDEST = 20
FREE_BYTES = 500_000_000
ROOM = "make room and run it again"
# Debian architecture -> (library folder, dynamic loader)
MACHINES = {
    "amd64": ("x86_64-linux-gnu", "ld-linux-x86-64.so.2"),
    "arm64": ("aarch64-linux-gnu", "ld-linux-aarch64.so.1"),
}
# Packages that the unpacked Asterisk never loads: apt is told that they are installed. Should one become
# part of a versioned dependency, apt fails and the whole closure is taken instead.
UNUSED = """adduser base-passwd passwd login.defs debconf perl-base perl perl-modules-5.42 libperl5.42 gnupg
 gpg gpgsm gpgconf gpg-agent gnupg-l10n dirmngr pinentry-curses libgpgme45 libgpgmepp6t64 libpam0g
 libpam-modules libsnmp45 libsnmp-base libjack-jackd2-0 libportaudio2 libspandsp2t64 libcodec2-1.2 libicu78
 libical3t64 libgmime-3.0-0t64 libpq5 libsybdb5 libodbc2 libneon27t64 libiksemel3 libradcli4
 libunbound8 libjwt2 liblua5.1-0 libopencore-amrnb0 libopencore-amrwb0 libvo-amrwbenc0 libasound2t64 tzdata
 python3 libpython3-stdlib python3-minimal libglib2.0-0t64 libvorbis0a libvorbisenc2
 libvorbisfile3 libopusfile0 libopusenc0 libresample1 libgdbm6t64 libdb5.3t64""".split()

Say = Callable[[str], None]


# What a tree is made of: one that an older version of this file unpacked is made anew.
CONTENTS = hashlib.sha256("\n".join((SUITE, *PACKAGES, *UNUSED)).encode()).hexdigest()[:12]


class Tree(msgspec.Struct, frozen=True):
    """One runnable Asterisk: the program, its modules and its data (sounds, documentation, ARI models)."""

    program: str
    modules: str
    data: str
    version: str
    contents: str = ""


def provision(folder: Path, say: Say) -> Tree:
    """The Asterisk in `folder`; fetched and unpacked when it is not there yet."""
    for attempt in (_unpacked, _relinked):
        if tree := attempt(folder):
            return tree
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _locked(folder):
            return _unpacked(folder) or _make(folder, say)  # somebody else may have been faster
    except OSError as error:
        raise LabError(f"{folder}: {error.strerror}", "make room or choose another --home") from None


def _make(folder: Path, say: Say) -> Tree:
    _check_machine(folder)
    _fetch(folder, say)
    _unpack(folder, say)
    return _link(folder)


def installed_asterisk(given: str) -> Tree:
    """An Asterisk that is on this machine: `system`, or the path of its program."""
    program = shutil.which("asterisk" if given == "system" else given)
    for place in ("/usr/sbin/asterisk", "/usr/local/sbin/asterisk") if given == "system" else ():
        program = program or shutil.which(place)
    if not program:
        raise LabError(
            f"no Asterisk at {given}", "leave --asterisk out to have one unpacked beside the system"
        )
    version = _version(program)
    prefix = Path(program).resolve().parent.parent
    modules = [*prefix.glob("lib/*-linux-gnu/asterisk/modules"), *prefix.glob("lib*/asterisk/modules")]
    data = [
        path for path in (prefix / "share/asterisk", Path("/var/lib/asterisk")) if (path / "sounds").is_dir()
    ]
    if not modules or not data:
        raise LabError(
            f"{program}: its modules or sounds were not found below {prefix}", "install asterisk-modules"
        )
    return Tree(program, str(modules[0]), str(data[0]), version)


def _version(program: str) -> str:
    """What the program says it is; it must be new enough."""
    try:
        said = subprocess.run([program, "-V"], capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise LabError(f"{program} does not run: {error}") from None
    found = re.match(r"Asterisk (?:certified/)?(\d+)(\S*)", said.stdout)
    if not found:
        raise LabError(f"{program} -V: {(said.stderr or said.stdout).strip()[-200:] or 'said nothing'}")
    if int(found[1]) < OLDEST:
        raise LabError(f"{program} is Asterisk {found[1]}; ccctl needs {OLDEST} or newer")
    return found[1] + found[2]


# ---- the unpacked tree


def _unpacked(folder: Path) -> Tree | None:
    """What an earlier run left, when it still stands where it was made and still starts."""
    try:
        tree = msgspec.json.decode((folder / "tree.json").read_bytes(), type=Tree)
        if Path(tree.program).parent != folder / "bin":
            return None  # the folder was moved: the program holds the old path of its libraries
        if tree.contents != CONTENTS:
            return None
        return tree if _version(tree.program) == tree.version else None
    except (OSError, msgspec.MsgspecError, LabError):
        return None


def _relinked(folder: Path) -> Tree | None:
    """A complete tree whose folder was moved."""
    try:
        tree = msgspec.json.decode((folder / "tree.json").read_bytes(), type=Tree)
        return _link(folder) if tree.contents == CONTENTS and (folder / "root").is_dir() else None
    except (OSError, msgspec.MsgspecError, LabError):
        return None


def _link(folder: Path) -> Tree:
    """Make the program start with the libraries beside it.

    Never by LD_LIBRARY_PATH: the shells that Asterisk starts would load these libraries too.
    """
    libraries, loader = MACHINES[_architecture()]
    root, program = folder / "root", folder / "bin/asterisk"
    lib = root / "usr/lib" / libraries
    program.parent.mkdir(exist_ok=True)
    program.unlink(missing_ok=True)
    binary = root / "usr/sbin/asterisk"
    if shutil.which("patchelf"):  # the process then shows as asterisk, and can restart itself
        run = ["patchelf", "--set-interpreter", str(lib / loader), "--force-rpath", "--set-rpath", str(lib)]
        subprocess.run([*run, str(binary)], check=True, capture_output=True)
        program.symlink_to(binary)
    else:
        program.write_text(f'#!/bin/sh\nexec "{lib}/{loader}" --library-path "{lib}" "{binary}" "$@"\n')
        program.chmod(0o755)
    english = root / "usr/share/asterisk/sounds/en"
    if not english.exists():
        english.symlink_to("en_US_f_Allison")  # made by an install script otherwise
    data = root / "usr/share/asterisk"
    tree = Tree(str(program), str(lib / "asterisk/modules"), str(data), _version(str(program)), CONTENTS)
    (folder / "tree.json").write_bytes(msgspec.json.encode(tree))
    return tree


def _unpack(folder: Path, say: Say) -> None:
    debs = sorted((folder / "apt/archives").glob("*.deb"))
    fresh = folder / "root.new"
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir()
    with ThreadPoolExecutor(os.cpu_count() or 2) as pool:
        jobs = [pool.submit(_unpack_one, deb, fresh) for deb in debs]
        try:
            for done, job in enumerate(as_completed(jobs), 1):
                job.result()
                if done % 10 == 0 or done == len(debs):
                    say(f"unpacked {done} of {len(debs)} packages")
        except LabError:
            pool.shutdown(cancel_futures=True)
            shutil.rmtree(fresh, ignore_errors=True)
            raise
    shutil.rmtree(folder / "root", ignore_errors=True)
    fresh.rename(folder / "root")


def _unpack_one(deb: Path, root: Path) -> None:
    skipped = [
        f"--exclude=./usr/{name}" for name in ("share/doc", "share/man", "share/locale", "lib/systemd")
    ]
    with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", str(deb)], stdout=subprocess.PIPE) as reader:
        tar = ["tar", "-xf", "-", "-C", str(root), "--no-same-owner", *skipped]
        done = subprocess.run(tar, stdin=reader.stdout, capture_output=True, text=True, check=False)
    if "No space left" in done.stderr:
        raise LabError(f"the disk is full: {done.stderr.strip()[-200:]}", ROOM)
    if done.returncode or reader.returncode:
        raise LabError(
            f"{deb.name} could not be unpacked: {done.stderr.strip()[-200:]}", f"remove {deb} and retry"
        )


# ---- fetching


def _architecture() -> str:
    if not shutil.which("dpkg") or not shutil.which("apt-get"):
        raise LabError("this machine has no apt", "install Asterisk 20 or newer and give --asterisk system")
    run = ["dpkg", "--print-architecture"]
    return subprocess.run(run, capture_output=True, text=True, check=True).stdout.strip()


def _check_machine(folder: Path) -> None:
    architecture = _architecture()
    own = "install Asterisk 20 or newer yourself and give --asterisk system"
    if architecture not in MACHINES:
        raise LabError(f"the lab knows no packages for {architecture}", own)
    if not KEYRING.exists():
        raise LabError(f"{KEYRING} is missing", f"install debian-archive-keyring, or {own}")
    free = shutil.disk_usage(folder).free
    if free < FREE_BYTES:
        raise LabError(
            f"{folder}: {free // 1_000_000} MB free, the lab needs {FREE_BYTES // 1_000_000} MB", "make room"
        )


def _fetch(folder: Path, say: Say) -> None:
    """Have apt resolve and download the packages, unless an earlier run did."""
    complete = folder / "apt/complete"
    fetched = complete.exists() and complete.read_text() == CONTENTS
    if fetched and list((folder / "apt/archives").glob("asterisk_*.deb")):
        return
    complete.unlink(missing_ok=True)
    conf = _private_apt(folder)
    say(f"Asterisk is not unpacked yet: reading the package index of Debian {SUITE}")
    _apt(conf, say, "-q", "update", "--error-on=any")
    fetch = ("-q", "-y", "--download-only", "install", *PACKAGES)
    try:
        _apt(conf, say, *fetch)
    except LabError:
        (folder / "apt/status").write_text("")  # the list of unused packages does not fit any more
        say("fetching with all dependencies")
        _apt(conf, say, *fetch)
    shutil.rmtree(folder / "apt/lists", ignore_errors=True)  # large, and old by the next time
    complete.write_text(CONTENTS)


def _private_apt(folder: Path) -> Path:
    """A configuration that keeps apt inside `folder`; network settings are those of the machine."""
    archive = os.environ.get("CCCTL_DEBIAN_ARCHIVE") or find_archive()
    if not archive:
        raise LabError(
            "apt has no Debian archive configured (/etc/apt/sources.list, sources.list.d)",
            "add one, set CCCTL_DEBIAN_ARCHIVE to its address, or give --asterisk system",
        )
    apt, architecture = folder / "apt", _architecture()
    for part in ("lists/partial", "archives/partial", "etc/preferences.d"):
        (apt / part).mkdir(parents=True, exist_ok=True)
    source = f"deb [arch={architecture} signed-by={KEYRING}] {archive} {SUITE} main\n"
    (apt / "sources.list").write_text(source)
    (apt / "status").write_text("".join(_pretend(name, architecture) for name in UNUSED))
    conf = apt / "apt.conf"
    conf.touch(0o600)
    conf.write_text(_network_settings() + _apt_settings(apt, architecture))
    return conf


def _pretend(name: str, architecture: str) -> str:
    return (
        f"Package: {name}\nStatus: install ok installed\nVersion: 99:999\nArchitecture: {architecture}\n"
        "Multi-Arch: allowed\nMaintainer: nobody <nobody@localhost>\nDescription: not needed here\n\n"
    )


def _network_settings() -> str:
    """Proxies and the like. Not the rest: hooks of the machine would clean the machine's own cache."""
    dump = subprocess.run(["apt-config", "dump"], capture_output=True, text=True, check=False).stdout
    return "".join(f"{line}\n" for line in dump.splitlines() if line.startswith("Acquire::"))


def _apt_settings(apt: Path, architecture: str) -> str:
    # A testing release's index may have expired: its signature is checked, its date is not.
    settings = {
        "Dir::State": apt,
        "Dir::State::status": apt / "status",
        "Dir::State::lists": apt / "lists",
        "Dir::Cache": apt,
        "Dir::Cache::archives": apt / "archives",
        "Dir::Etc": apt / "etc",
        "Dir::Etc::sourcelist": apt / "sources.list",
        "Dir::Etc::sourceparts": "-",
        "Dir::Etc::parts": "/dev/null",
        "Dir::Etc::preferencesparts": apt / "etc/preferences.d",
        "Acquire::Check-Valid-Until": "false",
        "Acquire::Languages": "none",
        "Acquire::Retries": "3",
        "APT::Install-Recommends": "false",
        "APT::Architecture": architecture,
        "APT::Sandbox::User": "",
        "APT::Keep-Downloaded-Packages": "true",
        "DPkg::Use-Pty": "0",
    }
    return "".join(f'{name} "{value}";\n' for name, value in settings.items())


def _apt(conf: Path, say: Say, *args: str) -> None:
    """Run apt-get, telling how far it is; LabError with its own words when it fails."""
    environment = {**os.environ, "APT_CONFIG": str(conf), "LC_ALL": "C.UTF-8"}
    run = ["apt-get", *args]
    lines: list[str] = []
    with subprocess.Popen(
        run, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            lines.append(line.strip())
            _tell(line, lines, say)
    if process.returncode:
        raise _apt_error(lines)


def _tell(line: str, lines: list[str], say: Say) -> None:
    if line.startswith(("Need to get", "Fetched")):
        say(line.strip().removesuffix("."))
    got = re.match(r"Get:(\d+) .*/main \S+ (\S+) ", line)
    if got and int(got[1]) % 10 == 0:
        total = next(
            (found[1] for text in lines if (found := re.search(r"(\d+) newly installed", text))), "?"
        )
        say(f"fetching package {got[1]} of {total}: {got[2]}")


def _apt_error(lines: list[str]) -> LabError:
    errors = [line[2:].strip() for line in lines if line.startswith("E:")] or lines[-1:] or ["apt-get failed"]
    text = next((error for error in errors if "space" in error.lower()), errors[0])
    if "space" in text.lower():
        return LabError(f"the disk is full: {text}", ROOM)
    return LabError(
        f"the Debian archive could not be read: {text}",
        "check the network and /etc/apt/sources.list, or give --asterisk system",
    )


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """One at a time: several lab homes share a tree."""
    with (folder / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
