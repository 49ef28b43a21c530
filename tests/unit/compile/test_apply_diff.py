"""What `ccctl plan` says."""

import msgspec

from ccctl.asterisk import conf
from ccctl.asterisk.conf import Revision
from ccctl.flow import graph as g
from ccctl.flow.compile import compile_site, generation_id
from ccctl.runtime.apply import same
from ccctl.runtime.diff import describe, mask
from ccctl.runtime.plan import Meeting, Outlook
from tests.support import sample_site


def revision(site: g.Site, old: Revision | None = None, keep: set[str] | None = None) -> Revision:
    plan = compile_site(site, generation_id(site))
    return conf.build(plan, dict.fromkeys(plan.music, "moh"), old, keep or set())


OLD = revision(sample_site.site())


def other_menu() -> g.Site:
    site = sample_site.site()
    return msgspec.structs.replace(site, flows={**site.flows, "main": sample_site.main_flow("welcome")})


def test_a_flow_change_shows_only_its_own_lines() -> None:
    new = revision(other_menu(), OLD)
    shown = describe(Outlook(OLD, new, Meeting(OLD.manifest.generation)), files=True).splitlines()
    changed = [line for line in shown if line[:1] in "+-" and line[:3] not in ("+++", "---")]
    assert changed == [
        "- same => n,Background(cc/main-menu-0badcafe)",
        "+ same => n,Background(cc/welcome-0badcafe)",
    ]
    assert shown[-1] == "to reload: pbx_config"


def test_no_change_says_so() -> None:
    shown = describe(Outlook(OLD, revision(sample_site.site(), OLD), Meeting(OLD.manifest.generation)))
    assert shown.startswith("no change")


def test_asterisk_that_serves_something_else_is_a_change() -> None:
    shown = describe(Outlook(OLD, revision(sample_site.site(), OLD), Meeting("abcdef")))
    assert "Asterisk serves abcdef" in shown
    assert "no change" not in shown


def test_a_removed_queue_with_callers_is_told() -> None:
    site = sample_site.site()
    without = msgspec.structs.replace(
        site,
        queues={"support": site.queues["support"]},
        flows={name: flow for name, flow in site.flows.items() if name != "billing"},
        numbers={number: did for number, did in site.numbers.items() if did.flow != "billing"},
    )
    outlook = Outlook(
        OLD, revision(without, OLD), Meeting(OLD.manifest.generation, queues={"billing": 3, "support": 1})
    )
    shown = describe(outlook)
    assert "3 callers in queue billing; the queue is removed" in shown
    assert "1 callers in queue support\n" in shown


def test_secrets_are_hidden() -> None:
    for path, text in OLD.files.items():
        hidden = mask(path, text)
        for secret in ("pw-anna", "pw-telco", "= 1111", "= 2222"):
            assert secret not in hidden
    assert "201 = (hidden),Anna Test" in mask("voicemail.conf", OLD.files["voicemail.conf"])


def test_a_draining_generation_is_kept_and_dropped_whole() -> None:
    kept = revision(other_menu(), OLD, {OLD.manifest.generation})
    assert set(kept.manifest.generations) == {OLD.manifest.generation, kept.manifest.generation}
    assert conf.flows_file(OLD.manifest.generation) in kept.files["extensions.conf"]
    dropped = conf.without(kept, {OLD.manifest.generation})
    assert OLD.manifest.generation not in "".join(dropped.files.values())
    assert same(dropped, kept)
    assert not same(OLD, kept)
