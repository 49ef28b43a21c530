"""What `ccctl doctor` asks Asterisk: both logins, version, modules, event log, clock, dialplan."""

import asyncio
import re
import time
from collections.abc import Awaitable, Callable

from ccctl.asterisk import conf
from ccctl.asterisk.ami import Ami
from ccctl.asterisk.ari import APP, Ari
from ccctl.asterisk.node import Node
from ccctl.cli.checkup import Finding, read_roster
from ccctl.errors import AsteriskDown, AsteriskRefused, CcctlError
from ccctl.runtime.settings import Settings

OLDEST = (20, 0)
OUTBOUND_SINCE = (22, 5)
CONNECT_S = 5.0
CLOCK_WARN_S, CLOCK_FAIL_S = 0.5, 5.0
NEEDED = (
    "app_celgenuserevent app_dial app_mixmonitor app_playback app_queue app_read app_record app_stasis "
    "app_voicemail cel_custom chan_pjsip func_callerid func_channel func_timeout pbx_config "
    "res_ari res_ari_applications res_ari_asterisk res_ari_bridges res_ari_channels res_ari_events "
    "res_ari_playbacks res_http_websocket res_musiconhold res_pjsip res_pjsip_endpoint_identifier_ip "
    "res_pjsip_registrar res_pjsip_session res_rtp_asterisk res_stasis res_stasis_answer "
    "res_stasis_playback res_stasis_snoop"
).split()


def version_of(text: str) -> tuple[int, int]:
    found = re.match(r"(?:certified[-/ ])?(\d+)\.(\d+)", text)
    return (int(found[1]), int(found[2])) if found else (0, 0)


async def pbx(settings: Settings) -> list[Finding]:
    """Both doors at once; each finding of a door that is shut is left out but for the first."""
    ari, ami = await asyncio.gather(_by_ari(settings), _by_ami(settings))
    return [*ari, *ami]


# -- ARI ----------------------------------------------------------------------------------------------


async def _by_ari(settings: Settings) -> list[Finding]:
    node = settings.node
    ari = Ari(node, lambda _: None, lambda *_: None)
    await ari.open()
    try:
        info = await ari.asterisk_get_info("system")
        found = [Finding("ARI", "ok", f"http://{node.host}:{node.ari_port}/ari answers")]
        found.append(_version(node, str(info.get("system", {}).get("version", ""))))
        found.append(await _try("modules", lambda: _modules(node, ari)))
        return found
    except AsteriskRefused as error:
        hint = "make [node] ari_user and ari_secret those of ari.conf" if error.status == 401 else ""
        return [Finding("ARI", "fail", error.text, hint)]
    except AsteriskDown as error:
        hint = "start Asterisk, or look at http.conf (enabled, bindaddr, bindport) and ari.conf"
        return [Finding("ARI", "fail", error.text, hint)]
    finally:
        await ari.shut()


async def _try(check: str, look: Callable[[], Awaitable[Finding]]) -> Finding:
    try:
        return await look()
    except CcctlError as error:
        return Finding(check, "fail", error.text, error.hint)


def _version(node: Node, text: str) -> Finding:
    have = version_of(text)
    if have < OLDEST:
        return Finding("version", "fail", f"Asterisk {text}", "Asterisk 20 or later is needed, 22 is best")
    if node.events_port and have < OUTBOUND_SINCE:
        text = f"Asterisk {text} cannot dial us with its events (since 22.5)"
        return Finding("version", "fail", text, "set node.events_port to 0 in the settings")
    return Finding("version", "ok", f"Asterisk {text}")


async def _modules(node: Node, ari: Ari) -> Finding:
    running = {
        module["name"].removesuffix(".so")
        for module in await ari.asterisk_list_modules()
        if module.get("status", "Running") == "Running"
    }
    wanted = [*NEEDED, *(["res_websocket_client"] if node.events_port else []), *_of_flows(node)]
    missing = sorted(set(wanted) - running)
    if missing:
        hint = "take them out of 'noload' in modules.conf, or install them, and restart Asterisk"
        return Finding("modules", "fail", f"not running: {', '.join(missing)}", hint)
    return Finding("modules", "ok", f"all {len(wanted)} that we use are running")


def _of_flows(node: Node) -> list[str]:
    """What only some sites need: those whose flows ask other systems."""
    current = conf.read_current(node)
    asks = current and any("CURL(" in text for path, text in current.files.items() if "dialplan/" in path)
    return ["func_curl", "func_json", "res_curl"] if asks else []


# -- AMI ----------------------------------------------------------------------------------------------


async def _by_ami(settings: Settings) -> list[Finding]:
    node = settings.node
    said: asyncio.Queue[tuple[bool, str]] = asyncio.Queue()
    ami = Ami(node, lambda _: None, lambda up, detail: said.put_nowait((up, detail)), wanted=frozenset())
    await ami.start()
    try:
        up, detail = await asyncio.wait_for(said.get(), CONNECT_S + 1)
        if not up:
            hint = "look at manager.conf: enabled, bindaddr, port, and the user's secret and permit"
            return [Finding("AMI", "fail", detail, hint)]
        found = [Finding("AMI", "ok", f"logged in as {node.ami_user}: {detail}")]
        found.append(await _try("clock", lambda: _clock(ami)))
        found.append(await _try("records", lambda: _cel(ami)))
        found.append(await _try("dialplan", lambda: _dialplan(settings, ami)))
        return found
    except TimeoutError:
        return [Finding("AMI", "fail", f"{node.host}:{node.ami_port} does not answer", "is Asterisk stuck?")]
    finally:
        await ami.close()


async def _clock(ami: Ami) -> Finding:
    before = time.time()
    theirs = float((await ami.action("Ping")).get("Timestamp", before))
    after = time.time()
    apart = max(before - theirs, theirs - after, 0.0)
    text = f"Asterisk's clock and ours differ by {apart:.1f} s"
    if apart < CLOCK_WARN_S:
        return Finding("clock", "ok", text)
    return Finding("clock", "fail" if apart > CLOCK_FAIL_S else "warn", text, "let both machines use NTP")


async def _cel(ami: Ami) -> Finding:
    output = (await ami.action("Command", Command="cel show status")).get("Output", "")
    lacks = [
        name
        for name in ("ANSWER", "HANGUP", "BRIDGE_ENTER", "BRIDGE_EXIT", "USER_DEFINED")
        if f"Tracking Event: {name}\n" not in output + "\n"
    ]
    if "CEL Logging: Enabled" not in output:
        return Finding("records", "fail", "the channel event log is off", "cel.conf: enable = yes")
    if lacks:
        return Finding("records", "fail", f"without {', '.join(lacks)}", "add them to events in cel.conf")
    if "CEL Custom CSV" not in output:
        return Finding("records", "fail", "nothing writes it to a file", "map ccctl.csv in cel_custom.conf")
    return Finding("records", "ok", "all that we need is logged to the file")


async def _dialplan(settings: Settings, ami: Ami) -> Finding:
    """The flows that Asterisk really has in memory, against the list that the daemon works with."""
    people = read_roster(settings)
    if people is None:
        return Finding("dialplan", "warn", "no site was applied yet", "run 'ccctl apply SITE'")
    try:
        output = (await ami.action("Command", Command="dialplan show cc-in")).get("Output", "")
    except AsteriskRefused:
        output = ""
    if people.generation and people.generation in output:
        return Finding("dialplan", "ok", f"calls enter generation {people.generation}; Stasis app is {APP}")
    text = f"calls do not enter generation {people.generation}"
    return Finding("dialplan", "fail", text, "run 'ccctl apply SITE', or 'dialplan reload' in Asterisk")
