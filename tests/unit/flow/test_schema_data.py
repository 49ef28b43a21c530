"""What the words about data and answers become."""

import hashlib
import sqlite3
from pathlib import Path

from ccctl.flow import graph as g
from ccctl.flow.numbering import costs, international
from ccctl.flow.values import Wrong
from ccctl.store.lookup import read_rows
from tests.support.site_cases import read

SITE = """
numbers: {"+49301234501": x}
vars:
  tier: {type: enum, values: [gold, none], default: none}
  case: {type: digits, max: 10}
surveys:
  csat: {questions: [{ask: welcome, digits: 1-10, save: score}, {ask: welcome, record: 30s}], thanks: sorry}
tables:
  customers: {file: c.csv, key: phone, keys: phone, columns: [tier]}
flows:
  x:
  - consent: {prompt: welcome, decline: "9"}
  - http: get https://crm.acme.example/customers
    query: {phone: "{{ caller.number }}"}
    headers: {authorization: !secret ph200}
    timeout: 2s
    save: {tier: $.tier, case: "$.cases[0].id"}
    on_error: continue
  - {lookup: customers, key: caller.number, save: {tier: tier}, on_missing: main}
  - {authenticate: {prompt: welcome, pins: !secret many, attempts: 2}, on_denied: main}
  - {record: wish, prompt: welcome, finish: any}
  - queue: support
    offer_callback: {after: 90s, every: 2m, prompt: welcome}
    on_timeout: main
  - survey: csat
  - hangup
"""
FILES = {"c.csv": 'phone,name,tier\n+49 170 1112233,Zoe,gold\n0170/1112234,"a, ${EVIL}",`none`\n'}


def steps() -> tuple[g.Site, tuple[g.AnyStep, ...]]:
    draft, found = read({"site": SITE, "files": FILES, "secrets": {"many": "4711, 0815 12345"}})
    assert [str(each) for each in found] == []
    return draft.site, draft.site.flows["x"].steps


def test_a_request() -> None:
    site, body = steps()
    http = body[1]
    assert isinstance(http, g.Http)
    assert (http.method, http.url[0].text) == ("get", "https://crm.acme.example/customers")
    assert [(pair.name, pair.value[0].variable) for pair in http.query] == [("phone", "caller.number")]
    assert [(pair.value[0].text, pair.secret) for pair in http.headers] == [("ph200", True)]
    assert [(save.variable, save.source) for save in http.save] == [
        ("tier", "$.tier"),
        ("case", "$.cases[0].id"),
    ]
    assert http.on_error == ()
    assert site.secrets == {"ph200": "ph200-kR7wuGh0"}


def test_a_table_has_one_key_for_all_spellings_and_nothing_that_asterisk_expands() -> None:
    table = steps()[0].tables["customers"]
    assert table.columns == ("tier",)
    assert table.rows == {"+491701112233": ("gold",), "+491701112234": ("none",)}


def test_pins_are_salted_digests_only() -> None:
    step = next(each for each in steps()[1] if isinstance(each, g.Authenticate))
    assert len(step.pins) == 3
    assert hashlib.sha1(f"{step.salt}4711".encode(), usedforsecurity=False).hexdigest() in step.pins
    assert step.attempts == 2


def test_answers_declare_their_variables() -> None:
    site, _ = steps()
    assert (site.vars["score"].type, site.vars["score"].most) == ("digits", 2)
    assert site.vars["question-2"].type == "text"


def test_an_offer_and_the_policy_of_recordings() -> None:
    site, body = steps()
    queue = next(each for each in body if isinstance(each, g.QueueStep))
    assert queue.offer
    assert (queue.offer.after_ms, queue.offer.key, queue.offer.to) == (90_000, "1", "caller")
    assert site.queues["support"].record == "consent"


def test_spellings_of_a_number() -> None:
    for text in ("+49 170 1112233", "0049170 1112233", "0170/1112233", "491701112233"):
        assert international(text, "DE") == "+491701112233"
    assert international("201", "DE") == "201"
    assert international("0170 1", "") == "01701"
    assert costs("+49900123456", "DE")
    assert not costs("+4930123456", "DE")


def test_rows_of_a_database(tmp_path: Path) -> None:
    path = tmp_path / "crm.db"
    with sqlite3.connect(path) as base:
        base.execute("create table customers (phone text, tier text, n integer)")
        base.execute("insert into customers values ('+491701112233', 'gold', 1), ('+491701112234', null, 2)")
    base.close()
    answer = read_rows(f"sqlite:///{path}", "select phone, tier from customers order by n", 10)
    assert answer == (("phone", "tier"), [("+491701112233", "gold"), ("+491701112234", "")])
    wrong = read_rows(f"sqlite:///{path}", "selct phone from customers", 10)
    assert isinstance(wrong, Wrong)
    assert "syntax error" in wrong.text
    assert isinstance(read_rows("no address with pw-top", "select 1", 10), Wrong)
    assert "pw-top" not in str(read_rows("no address with pw-top", "select 1", 10))
    assert isinstance(read_rows(f"sqlite:///{path}", "select phone from customers", 1), Wrong)
