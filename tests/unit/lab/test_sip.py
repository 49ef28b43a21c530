"""SIP texts: reading, writing, digests of the RFCs, SDP offers and answers."""

from ccctl.lab import sip

INVITE = (
    b"INVITE sip:anna@127.0.0.1:5062 SIP/2.0\r\nv: SIP/2.0/UDP 127.0.0.1:5060;rport;branch=z9hG4bKx1\r\n"
    b'f: "Zo\xc3\xab" <sip:+49170@127.0.0.1>;tag=abc\r\nt: <sip:anna@127.0.0.1>\r\ni: id-1\r\n'
    b"CSeq: 7 INVITE\r\nRecord-Route: <sip:proxy;lr>\r\nm: <sip:asterisk@127.0.0.1:5060>\r\nl: 0\r\n\r\n"
)


def message(data: bytes) -> sip.Message:
    parsed = sip.parse(data, 1.5, ("127.0.0.1", 5060))
    assert parsed is not None
    return parsed


def refusal(challenge: str, status: int = 401) -> sip.Message:
    name = "Proxy-Authenticate" if status == 407 else "WWW-Authenticate"
    return message(
        f"SIP/2.0 {status} Unauthorized\r\nCSeq: 1 REGISTER\r\n{name}: {challenge}\r\n\r\n".encode()
    )


def test_a_request_with_compact_headers_is_read() -> None:
    invite = message(INVITE)
    assert (invite.method, invite.cseq, invite.call_id, invite.user) == ("INVITE", 7, "id-1", "anna")
    assert (invite.branch, invite.is_response, invite.at) == ("z9hG4bKx1", False, 1.5)
    assert sip.address_of(invite.get("from")) == "sip:+49170@127.0.0.1"


def test_what_is_not_sip_is_nothing() -> None:
    assert sip.parse(b"\r\n\r\n", 0.0, ("", 0)) is None
    assert sip.parse(b"\x00\x01\xff", 0.0, ("", 0)) is None


def test_a_response_repeats_what_identifies_the_request() -> None:
    answer = message(sip.write_response(message(INVITE), 486, "mine", "sip:anna@127.0.0.1:5062"))
    assert (answer.status, answer.method, answer.cseq, answer.branch) == (486, "INVITE", 7, "z9hG4bKx1")
    assert answer.get("to") == "<sip:anna@127.0.0.1>;tag=mine"
    assert answer.get("record-route") == "<sip:proxy;lr>"
    assert answer.first == "SIP/2.0 486 Busy Here"


def test_a_trying_carries_no_tag() -> None:
    assert "tag=mine" not in sip.write_response(message(INVITE), 100, "mine", "sip:x").decode()


def test_content_length_counts_bytes() -> None:
    data = sip.write_request("MESSAGE", "sip:x", [], "ë")
    assert message(data).get("content-length") == "2"


def test_digest_of_rfc_2069_example() -> None:
    proof = sip.authorization(
        refusal('Digest realm="biloxi.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", opaque="5ccc"'),
        "bob",
        "zanzibar",
        "INVITE",
        "sip:bob@biloxi.com",
    )
    assert proof is not None
    assert proof[0] == "Authorization"
    assert 'response="bf57e4e0d0bffc0fbaedce64d59add5e"' in proof[1]
    assert 'opaque="5ccc"' in proof[1]


def test_the_first_known_algorithm_is_taken() -> None:
    both = (
        'Digest realm="a", nonce="n", algorithm=AKAv1-MD5\r\n'
        'Proxy-Authenticate: Digest realm="a", nonce="n", qop="auth", algorithm=SHA-256'
    )
    proof = sip.authorization(refusal(both, 407), "u", "p", "INVITE", "sip:x")
    assert proof is not None
    assert proof[0] == "Proxy-Authorization"
    assert "algorithm=SHA-256, qop=auth, nc=00000001" in proof[1]


def test_an_unknown_algorithm_is_not_answered() -> None:
    assert sip.authorization(refusal('Digest realm="a", nonce="n", algorithm=X'), "u", "p", "I", "s") is None


def test_an_offer_is_read_back() -> None:
    media = sip.read_sdp(sip.write_sdp(("127.0.0.1", 4000), (8, 0), "sendonly"))
    assert media == sip.Media(("127.0.0.1", 4000), (8, 0, 101), 101, "sendonly")
    assert media.answer == "recvonly"


def test_a_body_without_audio_is_nothing() -> None:
    assert sip.read_sdp("") is None
    assert sip.read_sdp("c=IN IP4 1.2.3.4\r\nm=audio 0 RTP/AVP 0\r\n") is None
