"""Transports and encryption in pjsip.conf."""

import msgspec
import pytest

from ccctl.flow import graph as g
from ccctl.flow.compile import compile_site
from ccctl.flow.dialplan import Section
from ccctl.flow.retire import retired
from ccctl.flowlab.rewrite import rewrite, rewrite_for_sip
from tests.support import sample_site
from tests.support.sample_site import user

SECURE = g.Transport(name="secure", type="tls", certificate="/etc/pbx.crt", key="/etc/pbx.key")


def pjsip(**settings: object) -> tuple[Section, ...]:
    site = g.Site(users={"anna": user("anna", "201", **settings)}, transports={"secure": SECURE})
    return compile_site(site, "7f3a9c").sections["pjsip.conf"]


def endpoint(sections: tuple[Section, ...]) -> dict[str, str]:
    return next(dict(each.options) for each in sections if ("type", "endpoint") in each.options)


def test_a_transport_has_its_certificate_and_the_usual_port() -> None:
    first = pjsip()[0]
    assert first.name == "cc-secure"
    assert dict(first.options) == {
        "type": "transport",
        "protocol": "tls",
        "bind": "0.0.0.0:5061",
        "cert_file": "/etc/pbx.crt",
        "priv_key_file": "/etc/pbx.key",
        "method": "tlsv1_2",
    }


@pytest.mark.parametrize(
    ("srtp", "options"),
    [
        ("off", {}),
        ("required", {"media_encryption": "sdes"}),
        ("offer", {"media_encryption": "sdes", "media_encryption_optimistic": "yes"}),
    ],
)
def test_media_is_encrypted_as_the_user_or_the_defaults_say(srtp: str, options: dict[str, str]) -> None:
    written = endpoint(pjsip(srtp=srtp))
    assert {key: value for key, value in written.items() if key.startswith("media_encryption")} == options
    site = g.Site(users={"anna": user("anna", "201")}, defaults=g.Defaults(srtp=srtp))
    assert endpoint(compile_site(site, "7f3a9c").sections["pjsip.conf"]) == written


def test_a_browser_agrees_on_keys_by_itself() -> None:
    site = g.Site(users={"eve": user("eve", "201", phone="webrtc")}, defaults=g.Defaults(srtp="required"))
    written = endpoint(compile_site(site, "7f3a9c").sections["pjsip.conf"])
    assert written["webrtc"] == "yes"
    assert "media_encryption" not in written


def test_a_transport_that_is_gone_does_not_keep_its_port() -> None:
    before = {"pjsip.conf": pjsip()}
    kept = retired(before, {"pjsip.conf": ()}, "lock")["pjsip.conf"]
    assert {each.name for each in kept} == {"anna"}


def test_a_lab_has_neither_the_ports_nor_the_encryption_of_the_site() -> None:
    site = msgspec.structs.replace(
        sample_site.site(), transports={"secure": SECURE}, defaults=g.Defaults(srtp="required")
    )
    plan = compile_site(site, "7f3a9c")
    for lab in (rewrite(plan, 8000), rewrite_for_sip(plan, 8000, 5090)):
        words = [word for each in lab.sections["pjsip.conf"] for pair in each.options for word in pair]
        assert not {"transport", "media_encryption"} & set(words)
        assert "endpoint" in words
