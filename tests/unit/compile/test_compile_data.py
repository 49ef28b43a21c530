"""What data steps and the words of queues become."""

import sqlite3
from pathlib import Path

from ccctl.flow import graph as g
from ccctl.flow.compile import compile_contexts
from ccctl.flow.compile_sections import queues
from ccctl.flow.dialplan import render
from ccctl.flow.model import model
from ccctl.flow.roster import roster
from ccctl.runtime.site import load_site
from tests.support import sample_site as s

GEN = "7f3a9c"


def test_no_secret_and_no_pin_is_in_a_dialplan_or_in_the_history() -> None:
    site = s.site()
    text = render(compile_contexts(site, GEN))
    assert "pw-crm" not in text
    assert "${DB(cc/secret/crm)}" in text
    assert "pw-crm" not in str(model(site, lambda text: "sealed"))


def test_native_queues_announce_and_choose() -> None:
    said = g.Announce(every_ms=45_000, position=True, prompts=("welcome", "goodbye"))
    wanted = g.Queue(
        name="vip",
        title="Vip",
        engine="native",
        strategy="most-skilled",
        skills={"technical": 1},
        agents=("anna", "ben"),
        announce=said,
    )
    agents = s.named(
        g.Agent(name="anna", skills={"technical": 5}), g.Agent(name="ben", skills={"technical": 2})
    )
    section = queues(s.site(queues={"vip": wanted}, agents=agents))[0]
    options = dict(section.options)
    assert options["strategy"] == "leastrecent"
    assert (options["announce-frequency"], options["announce-position"], options["announce-holdtime"]) == (
        "45",
        "yes",
        "no",
    )
    assert options["periodic-announce"] == "cc/welcome-0badcafe,cc/goodbye-0badcafe"
    members = [value.split(",")[:2] for key, value in section.options if key == "member"]
    assert members == [["PJSIP/anna", "0"], ["PJSIP/ben", "3"]]


def test_what_a_queue_step_offers_is_in_the_roster_under_the_name_it_says() -> None:
    offer = g.CallbackOffer(after_ms=90_000, every_ms=120_000, prompts=("welcome",))
    flow = s.flow("trial", g.QueueStep(queue="support", offer=offer), g.HangupStep())
    site = s.site(flows={"trial": flow})
    [(name, kept)] = roster(site, GEN).offers.items()
    assert (kept.queue, kept.after_ms, kept.media) == ("support", 90_000, ("sound:cc/welcome-0badcafe",))
    assert f",{name})" in render(compile_contexts(site, GEN))


def test_a_flow_says_who_hears_what_before_the_wait() -> None:
    greeted = g.Queue(name="support", title="Support", greeting=("welcome",))
    flow = s.flow("trial", g.QueueStep(queue="support"), g.HangupStep())
    site = s.site(flows={"trial": flow}, queues={"support": greeted})
    text = render(compile_contexts(site, GEN))
    assert text.index("Playback(cc/welcome-0badcafe)") < text.index("Stasis(ccctl,queue")


def test_a_table_out_of_a_database(tmp_path: Path) -> None:
    path = tmp_path / "crm.db"
    with sqlite3.connect(path) as base:
        base.execute("create table customers (phone text, tier text)")
        base.execute("insert into customers values ('0170 1112233', 'gold')")
    base.close()
    sql = "select phone, tier from customers"
    table = f'{{sql: "{sql}", database: !secret db, key: phone, keys: phone}}'
    text = f"ccctl: 1\ndefaults: {{country: DE}}\ntables:\n  c: {table}\n"
    (tmp_path / "site.yaml").write_text(text)
    (tmp_path / "secrets.yaml").write_text(f'db: "sqlite:///{path}"\n')
    (tmp_path / "secrets.yaml").chmod(0o600)
    site, found = load_site(tmp_path)
    assert site, [str(each) for each in found]
    assert site.tables["c"].rows == {"+491701112233": ("gold",)}
    (tmp_path / "site.yaml").write_text(text.replace("select phone", "selct phone"))
    site, found = load_site(tmp_path)
    assert site is None
    assert [(each.code, each.span.line, each.span.column) for each in found] == [("E525", 4, 12)]
    assert str(path) not in str(found)
