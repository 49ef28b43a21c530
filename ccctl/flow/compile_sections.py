"""Phones, trunks, queues and boxes as sections of pjsip.conf, queues.conf and voicemail.conf."""

from ccctl.flow.compile_boxes import box_number, box_of, mailed
from ccctl.flow.compile_dial import TRUNKS
from ccctl.flow.compile_flow import VOICEMAIL
from ccctl.flow.compile_tables import INBOUND, PHONES
from ccctl.flow.dialplan import Section, name
from ccctl.flow.graph import Mailbox, Prompt, Queue, Site, Transport, Trunk, User
from ccctl.flow.roster import queue_prompt

CODECS = ("alaw", "ulaw")
QUALIFY_S = "60"

_STRATEGIES = {
    "longest-idle": "leastrecent",
    "most-skilled": "leastrecent",
    "fewest-calls": "fewestcalls",
    "least-occupied": "leastrecent",
    "round-robin": "rrmemory",
    "ring-all": "ringall",
    "random": "random",
    "linear": "linear",
}
Options = list[tuple[str, str]]
_SRTP: dict[str, Options] = {
    "off": [],
    "offer": [("media_encryption", "sdes"), ("media_encryption_optimistic", "yes")],
    "required": [("media_encryption", "sdes")],
}


# -- pjsip -----------------------------------------------------------------------------------------


def pjsip(site: Site) -> tuple[Section, ...]:
    phones = [section for user in site.users.values() if user.password for section in _phone(site, user)]
    trunks = [section for trunk in site.trunks.values() for section in _trunk(trunk)]
    return (*(_transport(each) for each in site.transports.values()), *phones, *trunks)


def _transport(transport: Transport) -> Section:
    """The name keeps away from those in Asterisk's own files."""
    options: Options = [
        ("type", "transport"),
        ("protocol", transport.type),
        ("bind", f"{transport.bind}:{transport.at}"),
    ]
    if transport.type == "tls":
        options += [
            ("cert_file", transport.certificate),
            ("priv_key_file", transport.key),
            ("method", "tlsv1_2"),
        ]
    return Section(f"cc-{name(transport.name)}", tuple(options))


def _phone(site: Site, user: User) -> list[Section]:
    """A user without a password gets no phone: anybody could take it."""
    who = name(user.name)
    endpoint: Options = [
        ("type", "endpoint"),
        ("context", PHONES),
        ("subscribe_context", PHONES),
        *_media(CODECS),
        ("auth", who),
        ("aors", who),
        ("callerid", f'"{_spoken(user.title)}" <{user.extension}>'),
        ("language", name(user.language or site.defaults.languages[0])),
        ("force_rport", "yes"),
        ("rewrite_contact", "yes"),
        ("named_call_group", PHONES),
        ("named_pickup_group", PHONES),
        ("set_var", f"CC_USER={who}"),
        *_box_options(site, user),
    ]
    if user.phone == "webrtc":
        endpoint.append(("webrtc", "yes"))
    else:
        endpoint += _SRTP[user.srtp or site.defaults.srtp]
    aor = [
        ("type", "aor"),
        ("max_contacts", "1"),
        ("remove_existing", "yes"),
        ("qualify_frequency", QUALIFY_S),
    ]
    return [Section(who, tuple(endpoint)), _auth(who, who, user.password), Section(who, tuple(aor))]


def _media(codecs: tuple[str, ...]) -> Options:
    return [
        ("disallow", "all"),
        ("allow", ",".join(name(codec) for codec in codecs)),
        ("direct_media", "no"),
        ("rtp_symmetric", "yes"),
        ("dtmf_mode", "rfc4733"),
    ]


def _box_options(site: Site, user: User) -> Options:
    box = site.mailboxes.get(user.mailbox)
    if not box:
        return []
    where = box_of(box)
    pin = [] if box.pin else [("set_var", "CC_BOX_OPTIONS=s")]
    return [("mailboxes", where), ("set_var", f"CC_BOX={where}"), *pin]


def _auth(section: str, username: str, password: str) -> Section:
    return Section(
        section,
        (("type", "auth"), ("auth_type", "userpass"), ("username", username), ("password", password)),
    )


def _trunk(trunk: Trunk) -> list[Section]:
    who = name(trunk.name)
    address = f"sip:{trunk.host}:{trunk.port}"
    endpoint: Options = [
        ("type", "endpoint"),
        ("context", INBOUND),
        *_media(trunk.codecs),
        ("aors", who),
        ("identify_by", "ip,auth_username,username" if trunk.username else "ip"),
        ("from_domain", trunk.host),
        ("send_pai", "yes"),
        ("set_var", f"GROUP({TRUNKS})={who}"),
        ("rewrite_contact", "yes"),
    ]
    if trunk.username:
        endpoint.append(("outbound_auth", who))
    if trunk.username and not trunk.caller_id:
        endpoint.append(("from_user", trunk.username))
    if trunk.channels:
        endpoint.append(("set_var", f"CC_TRUNK_MOST={trunk.channels}"))
    aor = (("type", "aor"), ("contact", address), ("qualify_frequency", QUALIFY_S))
    identify = (("type", "identify"), ("endpoint", who), ("match", trunk.host))
    login = [_auth(who, trunk.username, trunk.password)] if trunk.username else []
    register = [_registration(trunk, address)] if trunk.register else []
    return [Section(who, tuple(endpoint)), Section(who, aor), Section(who, identify), *login, *register]


def _registration(trunk: Trunk, address: str) -> Section:
    options: Options = [
        ("type", "registration"),
        ("server_uri", address),
        ("client_uri", f"sip:{trunk.username}@{trunk.host}:{trunk.port}"),
        ("contact_user", trunk.username),
        ("retry_interval", "30"),
        ("forbidden_retry_interval", "300"),
        ("line", "yes"),
        ("endpoint", trunk.name),
    ]
    if trunk.username:
        options.append(("outbound_auth", trunk.name))
    return Section(trunk.name, tuple(options))


# -- queues ----------------------------------------------------------------------------------------


def queues(site: Site) -> tuple[Section, ...]:
    """Native queues. Those of the ACD are the fallback for when the daemon is away."""
    return tuple(Section(name(queue.name), tuple(_queue(site, queue))) for queue in site.queues.values())


def _queue(site: Site, queue: Queue) -> Options:
    """A native queue turns callers away when nobody is there; the fallback keeps them."""
    strict = queue.engine == "native"
    options: Options = [
        ("strategy", _STRATEGIES[queue.strategy]),
        ("musicclass", name(queue.music)),
        ("timeout", str(max(1, queue.ring_ms // 1000))),
        ("retry", "1"),
        ("wrapuptime", str(-(-queue.wrap_up_ms // 1000))),
        ("maxlen", str(queue.max_callers)),
        ("servicelevel", str(queue.sl_ms // 1000)),
        ("autofill", "yes"),
        ("ringinuse", "no"),
        ("joinempty", "strict" if strict else "yes"),
        ("leavewhenempty", "strict" if strict else "no"),
        ("reportholdtime", "no"),
        *_announced(site, queue),
    ]
    if whisper := _whisper(site, queue):
        options.append(("announce", whisper))
    return options + [("member", _member(site, queue, agent)) for agent in queue.agents]


def _announced(site: Site, queue: Queue) -> Options:
    told = queue.announce
    if told is None:
        return [("announce-frequency", "0"), ("announce-holdtime", "no")]
    often = str(-(-told.every_ms // 1000))
    options = [
        ("announce-frequency", often if told.position or told.wait_time else "0"),
        ("announce-position", "yes" if told.position else "no"),
        ("announce-holdtime", "yes" if told.wait_time else "no"),
    ]
    if told.prompts:
        sounds = ",".join(site.prompts[prompt].sound for prompt in told.prompts)
        options += [("periodic-announce", sounds), ("periodic-announce-frequency", often)]
    return options


def _whisper(site: Site, queue: Queue) -> str:
    """app_queue plays one sound to the agent: the first that needs no arithmetic."""
    word = next((word for word in queue.whisper if word != "waited"), "")
    prompt: Prompt | None = site.prompts.get(queue_prompt(queue) if word == "queue" else word)
    return prompt.sound if prompt else ""


def _member(site: Site, queue: Queue, agent: str) -> str:
    """Where the best skilled are first, app_queue prefers the smaller penalty."""
    user, skills = site.users[agent], site.agents[agent].skills
    best = queue.strategy == "most-skilled"
    level = min((skills.get(skill, 0) for skill in queue.skills), default=5) if best else 5
    phone = f"PJSIP/{name(user.name)}"
    return f"{phone},{5 - level},{_spoken(user.title)},{phone}"


def _spoken(title: str) -> str:
    """A person's title where commas, quotes and brackets have a meaning."""
    return " ".join("".join(" " if char in ',"<>|;[]\\' else char for char in title).split())


# -- voicemail and music ---------------------------------------------------------------------------


def voicemail(site: Site) -> tuple[Section, ...]:
    mail = mailed(site.defaults)
    boxes = tuple((box_number(box), _box(box, mail)) for box in site.mailboxes.values())
    return (Section(VOICEMAIL, boxes),) if boxes else ()


def _box(box: Mailbox, mail: str) -> str:
    """Without `operator` the key 0 does nothing, whatever extension o says."""
    attach = f"attach=yes|{mail}" if box.email else "attach=no"
    options = f"operator=yes|{attach}"
    return f"{box.pin},{_spoken(box.title or box.name)},{_spoken(box.email)},,{options}"


def music_classes(site: Site, steps: frozenset[str]) -> tuple[str, ...]:
    """Those that queues, rooms and `steps` play."""
    played = steps | {queue.music for queue in site.queues.values()}
    played |= {room.music for room in site.conferences.values()}
    return tuple(sorted({name(music) for music in played if music} - {"default"}))
