"""The call centre that benches measure: three distributors for the same phones on one Asterisk.

Ours, app_queue by a native queue of the same site, and a minimal ARI application. Nothing in it takes
time: no wrap-up, no announcement, no recording.
"""

import asyncio
import os
import secrets
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

from ccctl.cli.benchcompile import asterisk_cpu
from ccctl.cli.lab import lab_of
from ccctl.cli.labcentre import Api, Centre, must_run, program
from ccctl.errors import LabError
from ccctl.lab import server
from ccctl.lab.phones import Carrier, IncomingCall, Phone, Phones
from ccctl.runtime.settings import Settings

OURS, NATIVE, MINIMAL = "ccctl", "app_queue", "minimal"  # the last is extension, endpoint and context, too
ALL = (NATIVE, MINIMAL, OURS)
PEERS = (NATIVE, MINIMAL)
NUMBERS = {OURS: "+4930100", NATIVE: "+4930200", MINIMAL: MINIMAL}
CALLERS = {OURS: "+49170", NATIVE: "+49170", MINIMAL: MINIMAL}
LOOK_S, QUIET_LOOKS = 0.2, 150
SITE = """\
ccctl: 1
defaults: {{timezone: UTC, languages: [en]}}
trunks:
  bench: {{host: 127.0.0.1, port: {port}, codecs: [ulaw]}}
numbers:
  "{ours}": ours
  "{native}": native
users:
{users}
agents:
{agents}
queues:
  ours: {{title: Ours, engine: acd, {queue}}}
  native: {{title: Native, engine: native, {queue}}}
flows:
  ours: [{{queue: ours, on_timeout: hangup}}, hangup]
  native: [{{queue: native, on_timeout: hangup}}, hangup]
feature_codes:
  "*45": agent-login
"""
QUEUE = "agents: [{names}], ring: 60s, wrap_up: 0s, whisper: none, record: never"
ENDPOINT = """
[minimal]
type = endpoint
context = minimal
disallow = all
allow = ulaw
direct_media = no
"""
DIALPLAN = """
[minimal]
exten => minimal,1,Answer(,i)
 same => n,Stasis(ccbench)
"""


class Trial:
    """The call centre while it is measured. Agents are a0, a1 ... with a phone each."""

    def __init__(self, centre: Centre, carrier: Carrier, desks: list[Phone], api: Api) -> None:
        self.centre, self.carrier, self.desks, self.api = centre, carrier, desks, api
        self.minimal_pid = 0

    async def staff(self, agents: int) -> list[Phone]:
        """So many are ready to take calls, for all three; nobody's call is left of what was before."""
        for desk in self.desks:
            desk.on_call = IncomingCall.reject
        await self.quiet()
        for number, desk in enumerate(self.desks):
            await self.api.post(f"agents/{desk.user}/{'login' if number < agents else 'logout'}")
        return self.desks[:agents]

    async def quiet(self) -> None:
        """Until the daemon knows of no call any more: what it still has to write is done, too."""
        for _ in range(QUIET_LOOKS):
            if not (await self.api.get("status"))["calls"]:
                return
            await asyncio.sleep(LOOK_S)
        raise LabError("calls of a measurement that is over do not end", "is the machine overloaded?")

    @property
    def pids(self) -> dict[str, int]:
        """Of the programs that distribute; app_queue is in Asterisk."""
        return {OURS: self.daemon_pid, MINIMAL: self.minimal_pid}

    @property
    def daemon_pid(self) -> int:
        if self.centre.daemon.pid is None:
            raise LabError("a daemon runs already in the bench's own home", "stop it first")
        return self.centre.daemon.pid

    @property
    def asterisk_pid(self) -> int:
        running = server.find(lab_of(self.centre.settings))
        if running is None:
            raise LabError("the lab's Asterisk does not run")
        return running.pid

    def cpu(self, name: str) -> tuple[float, float]:
        """Seconds of the processor so far: the distributor's own process (0: it is in Asterisk), Asterisk."""
        pid = self.pids.get(name)
        return asterisk_cpu(pid) if pid else 0.0, asterisk_cpu(self.asterisk_pid)


@asynccontextmanager
async def trial(home: str, agents: int) -> AsyncIterator[Trial]:
    """A call centre of its own with so many agents' phones; nobody is logged in."""
    names = [f"a{n}" for n in range(agents)]
    async with (
        Centre(home, Path(home) / "site", lambda settings: write_site(settings, names)) as centre,
        Api(centre.settings) as api,
        Phones((centre.settings.node.host, centre.settings.node.sip_port)) as phones,
    ):
        carrier = phones.carrier(trunk_port(centre.settings))
        carrier.audio = False
        desks = [phones.phone(name, centre.site.users[name].password) for name in names]
        for desk in desks:
            desk.audio, desk.on_call = False, IncomingCall.reject
            await desk.register()
        yield Trial(centre, carrier, desks, api)


@asynccontextmanager
async def minimal_app(of: Trial, agents: Iterable[Phone]) -> AsyncIterator[None]:
    """The yardstick as a process of its own, and the way to it in Asterisk."""
    home, settings = of.centre.home, of.centre.settings
    for file, text, module in (
        ("pjsip.conf", ENDPOINT, "res_pjsip.so"),
        ("extensions.conf", DIALPLAN, "pbx_config.so"),
    ):
        path = Path(settings.node.etc_dir) / file
        if text not in path.read_text():
            with path.open("a") as out:
                out.write(text)
        await must_run(home, "lab", "cli", "module", "reload", module)
    command = [*program(), "--home", home, "bench", "minimal-app", *(desk.user for desk in agents)]
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, start_new_session=True
    )
    try:
        assert process.stdout is not None
        async with asyncio.timeout(20):
            if b"ready" not in await process.stdout.readline():
                raise LabError("the minimal ARI app did not start")
        of.minimal_pid = process.pid
        yield
    finally:
        of.minimal_pid = 0
        if process.returncode is None:
            process.terminate()
        await process.wait()


def trunk_port(settings: Settings) -> int:
    """Where the carrier listens: in the lab's own block of ports, between SIP and AMI's."""
    return settings.node.sip_port + 10


def write_site(settings: Settings, names: list[str]) -> None:
    """As many agents as are wanted, one queue of each engine, nothing that takes time."""
    folder = Path(settings.home) / "site"
    folder.mkdir(parents=True, exist_ok=True)
    users = [f"  {name}: {{extension: {3000 + n}, password: !secret phone}}" for n, name in enumerate(names)]
    text = SITE.format(
        port=trunk_port(settings),
        ours=NUMBERS[OURS],
        native=NUMBERS[NATIVE],
        users="\n".join(users),
        agents="\n".join(f"  {name}: {{skills: {{any: 1}}}}" for name in names),
        queue=QUEUE.format(names=", ".join(names)),
    )
    (folder / "site.yaml").write_text(text)
    secret = folder / "secrets.yaml"
    if not secret.exists():
        with os.fdopen(os.open(secret, os.O_WRONLY | os.O_CREAT, 0o600), "w") as file:
            file.write(f"phone: {secrets.token_urlsafe(16)}\n")
