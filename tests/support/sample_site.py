"""A small call centre as data: every step, outcome and section once."""

from ccctl.flow import graph as g
from ccctl.flow.sentences import fragment, words_of

TIER = g.Variable(name="tier", type="enum", values=("gold", "silver", "none"), default="none")
WEEK = tuple(g.OpenSpan(day, 8 * 60, 18 * 60) for day in range(5))


OVERFLOW = (
    g.Overflow(when=g.When(wait_ms=60_000), borrow=("billing",)),
    g.Overflow(when=g.When(estimated_ms=600_000), leave=True),
)


def prompt(name: str, text: str = "") -> g.Prompt:
    return g.Prompt(name=name, texts={"en": text or name}, digest="0badcafe")


def queue(name: str, **settings: object) -> g.Queue:
    return g.Queue(
        name=name, title=name.title(), agents=("anna", "ben"), whisper=("queue", "waited"), **settings
    )  # type: ignore[arg-type]


def user(name: str, extension: str, **settings: object) -> g.User:
    return g.User(
        name=name, title=f"{name.title()} Test", extension=extension, password=f"pw-{name}", **settings
    )  # type: ignore[arg-type]


def named(*things: object) -> dict:  # type: ignore[type-arg]
    return {thing.name: thing for thing in things}  # type: ignore[attr-defined]


def flow(name: str, *steps: g.AnyStep) -> g.Flow:
    return g.Flow(name=name, steps=steps)


def voicemail() -> tuple[g.AnyStep, ...]:
    return (g.VoicemailStep(mailbox="support"),)


TOLD = g.Say(
    text={
        "en": "Your case {{ case }} is open, and your tier is {{ tier }}.",
        "de": "{{ tier }}, das ist Ihre Stufe im Fall {{ case | number }}.",
    },
    say_as=None,
)


def parts(step: g.Say, *variables: g.Variable) -> tuple[g.Prompt, ...]:
    """The prompts of a sentence, as reading makes them."""
    pinned = g.Fragment(joined=True, pin="0badcafe")
    words = (
        g.Prompt(name=each.prompt, texts=each.texts, digest="0badcafe", fragment=fragment(each))
        for each in words_of(step)
    )
    values = (
        g.Prompt(name=f"{variable.name}.{value}", texts={"en": value, "de": value}, fragment=pinned)
        for variable in variables
        for value in variable.values
    )
    return (*words, *values)


def main_flow(menu_prompt: str = "main-menu") -> g.Flow:
    return flow(
        "main",
        g.Answer(delay_ms=100),
        g.Play(prompts=("welcome",)),
        g.HoursStep(
            hours="office",
            on_closed=(g.Goto(flow="after-hours"),),
            on_holiday=(g.Play(prompts=("holiday",)), g.Goto(flow="after-hours")),
        ),
        g.Menu(
            prompts=(menu_prompt,),
            timeout_ms=2000,
            interdigit_ms=1500,
            attempts=2,
            options=(
                g.Option(key="1", body=(g.Goto(flow="support"),)),
                g.Option(key="2", body=(g.Language(code="de"), g.Play(prompts=("welcome",)))),
                g.Option(key="0", body=(g.Dial(targets=("reception", "anna"), on_no_answer=voicemail()),)),
                g.Option(key="*", repeat=True),
            ),
            on_invalid=(g.Play(prompts=("invalid",)),),
            on_exhausted=voicemail(),
        ),
        g.Say(value="caller.number"),
        TOLD,
        g.HangupStep(),
    )


def support_flow() -> g.Flow:
    return flow(
        "support",
        g.QueueStep(
            queue="support",
            priority=5,
            max_wait_ms=600_000,
            exit_keys=(g.Option(key="0", body=voicemail()),),
            waiting=g.WaitingMenu(
                prompts=("main-menu",),
                after_ms=30_000,
                every_ms=60_000,
                options=(
                    g.WaitingOption(key="1", does=g.WaitingDoes.TELL, prompts=("welcome",)),
                    g.WaitingOption(key="2", does=g.WaitingDoes.QUIET),
                ),
            ),
            on_overflow=(g.Goto(flow="partner"),),
            on_timeout=voicemail(),
            offer=g.CallbackOffer(after_ms=90_000, prompts=("offer",), to="gather", on_withheld=voicemail()),
        ),
        g.Play(prompts=("goodbye",)),
        g.HangupStep(),
    )


def native_flow() -> g.Flow:
    return flow(
        "billing",
        g.QueueStep(
            queue="billing", max_wait_ms=1000, on_timeout=voicemail(), on_no_agents=(g.Goto(flow="partner"),)
        ),
        g.HangupStep(),
    )


def value(word: str) -> g.Text:
    return (g.Value(text=word),)


def variable(word: str) -> g.Text:
    return (g.Value(variable=word),)


def data_flow() -> g.Flow:
    return flow(
        "data",
        g.Consent(prompts=("notice",), on_declined=(g.Recording(on=False),)),
        g.Http(
            method="get",
            url=value("https://crm.acme.example/customers"),
            query=(g.Pair(name="phone", value=variable("caller.number")),),
            headers=(g.Pair(name="authorization", value=value("crm"), secret=True),),
            retries=1,
            save=(
                g.Save(variable="tier", source="$.tier"),
                g.Save(variable="case", source="$.cases[0].id"),
            ),
            on_error=(g.Play(prompts=("invalid",)),),
        ),
        g.Lookup(
            table="customers",
            key="caller.number",
            save=(g.Save(variable="tier", source="tier"),),
            on_missing=(g.Play(prompts=("invalid",)),),
        ),
        g.Http(
            method="post",
            url=value("https://crm.acme.example/seen"),
            body=(g.Pair(name="tier", value=variable("tier")),),
        ),
        g.Authenticate(prompts=("enter-pin",), pins=("0" * 40,), salt="5a17", on_denied=(g.HangupStep(),)),
        g.RecordMessage(name="complaint", prompts=("welcome",), on_empty=(g.Play(prompts=("invalid",)),)),
        g.SurveyStep(survey="csat"),
        g.Callback(queue="support", when="next-open", hours="office", on_failed=voicemail()),
        g.HangupStep(),
    )


def desk_flows() -> tuple[g.Flow, ...]:
    """Ringing people in every way."""
    hunt = g.Dial(
        targets=("ben", "+491711234567"),
        via="telco",
        strategy="hunt",
        timeout_ms=2000,
        confirm=("confirm",),
        caller_id="+49301234500",
        music="calm",
        max_ms=3_600_000,
        on_no_answer=voicemail(),
        on_busy=(g.HangupStep(cause=17),),
        on_failed=(g.Goto(flow="after-hours"),),
    )
    drawn = g.Dial(
        targets=("anna", "ben", "reception"),
        strategy="random",
        timeout_ms=1000,
        repeats=2,
        on_no_answer=voicemail(),
    )
    typed = g.Dial(targets=("{{ desk }}", "anna"), via="telco", timeout_ms=2000, on_no_answer=voicemail())
    return (
        flow("emergency", hunt),
        flow("anybody", drawn),
        flow("typed", typed),
        flow("by-name", g.Directory(on_none=(g.Goto(flow="after-hours"),))),
        flow("room", g.ConferenceStep(room="board"), g.Play(prompts=("goodbye",)), g.HangupStep()),
        flow("away", g.Transfer(target="+4930999", via="telco", on_failed=(g.Goto(flow="after-hours"),))),
        flow("refused", g.Reject(cause=17)),
        flow("own-greeting", g.VoicemailStep(mailbox="sales", on_failed=(g.Goto(flow="partner"),))),
    )


def site(**changes: object) -> g.Site:
    flows = (
        main_flow(),
        support_flow(),
        native_flow(),
        data_flow(),
        flow("after-hours", g.Play(prompts=("closed",)), g.VoicemailStep(mailbox="support", greeting="none")),
        flow("partner", g.Dial(targets=("+49305559999",), via="telco", on_busy=(g.HangupStep(cause=17),))),
        *desk_flows(),
    )
    values: dict[str, object] = {
        "defaults": g.Defaults(
            timezone="Europe/Berlin",
            languages=("en", "de"),
            pause_reasons={"1": "lunch", "2": "training"},
            pause_limits={"lunch": g.PauseLimit(2_700_000, "offline")},
            transfer_outside=("+49",),
        ),
        "trunks": named(
            g.Trunk(
                name="telco", host="127.0.0.1", port=25090, username="acme", password="pw-telco", channels=2
            )
        ),
        "numbers": {
            "+49301234500": g.Number(number="+49301234500", flow="main"),
            "+49301234510": g.Number(number="+49301234510", flow="main", language="de"),
            "+49301234520": g.Number(number="+49301234520", flow="support"),
            "+49301234530": g.Number(number="+49301234530", flow="billing"),
            "+49301234540": g.Number(number="+49301234540", flow="data"),
            **{
                f"+4930123456{at}": g.Number(number=f"+4930123456{at}", flow=each.name)
                for at, each in enumerate(desk_flows())
            },
        },
        "hours": named(
            g.Hours(
                name="office",
                timezone="Europe/Berlin",
                open=WEEK,
                holidays=("20261225",),
                switch="*27",
                emergency="*28",
            )
        ),
        "users": named(
            user("reception", "200"),
            user("anna", "201", mailbox="anna"),
            user("ben", "202", language="de"),
            user("dora", "210", roles=("supervisor",)),
        ),
        "agents": named(g.Agent(name="anna"), g.Agent(name="ben")),
        "queues": named(
            queue(
                "support",
                max_callers=40,
                record="always",
                accept_key="1",
                extension="310",
                overflow=OVERFLOW,
                direct_calls="ignore",
                membership="dynamic",
                forced=("anna",),
                wrap_up_max_ms=300_000,
                miss_limit=2,
                rest_ms=120_000,
            ),
            queue("billing", engine="native", music="calm"),
        ),
        "mailboxes": named(
            g.Mailbox(name="anna", number="201", pin="1111", title="Anna, Test"),
            g.Mailbox(
                name="support", number="900", pin="2222", email="support@acme.example", title="Support"
            ),
            g.Mailbox(name="sales", number="901", greeting="goodbye", operator="partner", title="Sales"),
        ),
        "flows": named(*flows),
        "vars": named(
            g.Variable(name="desk", type="digits", most=8),
            TIER,
            g.Variable(name="case", type="digits", most=10),
            g.Variable(name="csat", type="digits", most=1),
            g.Variable(name="comment", type="text", most=80),
        ),
        "tables": named(
            g.LookupTable(
                name="customers",
                columns=("tier", "name"),
                rows={"+491701112233": ("gold", "Zoe"), "201": ("silver", "")},
                phone=True,
            )
        ),
        "surveys": named(
            g.Survey(
                name="csat",
                questions=(
                    g.Question(prompts=("csat-score",), save="csat", least=1, most=5),
                    g.Question(prompts=("csat-comment",), save="comment", record_ms=30_000),
                ),
                thanks=("goodbye",),
            )
        ),
        "secrets": {"crm": "Bearer pw-crm"},
        "prompts": named(
            *(
                prompt(word)
                for word in ("notice", "offer", "enter-pin", "csat-score", "csat-comment", "confirm")
            ),
            *(prompt(word) for word in ("welcome", "main-menu", "holiday", "invalid", "goodbye", "closed")),
            prompt("queue-support"),
            *(prompt(f"callback-{word}") for word in ("agent", "customer", "noted", "number")),
            *(
                prompt(f"state-{word}")
                for word in ("auto", "open", "closed", "emergency-on", "emergency-off")
            ),
            prompt("queue-billing"),
            *parts(TOLD, TIER),
        ),
        "ring_groups": named(g.RingGroup(name="front", ring=("reception", "anna"), extension="300")),
        "conferences": named(g.Conference(name="board", pin="4711", max_members=2, extension="301")),
        "feature_codes": {
            "*97": g.FeatureCode(code="*97", action="voicemail"),
            "*8": g.FeatureCode(code="*8", action="pickup"),
            "*75": g.FeatureCode(code="*75", action="park"),
            "*80": g.FeatureCode(code="*80", action="page", people=("anna", "ben")),
            "*7": g.FeatureCode(code="*7", action="hold"),
            "*45": g.FeatureCode(code="*45", action="agent-login"),
            "*46": g.FeatureCode(code="*46", action="agent-pause"),
            "*222": g.FeatureCode(code="*222", action="listen", roles=("supervisor",)),
        },
    }
    return g.Site(**{**values, **changes})  # type: ignore[arg-type]
