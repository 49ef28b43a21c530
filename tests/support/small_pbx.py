"""The configuration of a small PBX as somebody wrote it by hand, years ago, with habits."""

FILES = {
    "extensions.conf": """\
[general]
static=yes
writeprotect=no

[globals]
COMPANY=Miller & Sons
MAINQUEUE = sales

[from-phones]
exten => 10,1,NoOp(the front desk)
 same => n,CELGenUserEvent(CC_OWN,${COMPANY})
 same => n,Answer()
 same => n,Wait(60)
exten => 20,1,CELGenUserEvent(CC_OWN,queue ${MAINQUEUE})
 same => n,Answer()
 same => n,Queue(${MAINQUEUE})
exten => 500,1,Goto(cc-in,+49301234500,1)    ; to the call centre
""",
    "pjsip.conf": """\
[udp]
type=transport
protocol=udp
bind=127.0.0.1:{sip}

[desk](!)
type=endpoint
context=from-phones
disallow=all
allow=ulaw

[desk10](desk)
auth=desk10
aors=desk10

[desk10]
type=auth
username=desk10
password=own-secret

[desk10]
type=aor
max_contacts=1
""",  # and no [global]: the default order of Asterisk
    "queues.conf": "[general]\nautofill = yes\n\n[sales]\nstrategy = ringall\nmember => PJSIP/desk10",
    "voicemail.conf": "[general]\nformat = wav\n\n[default]\n10 => 4711,Front desk\n",
    "manager.conf": """\
[general]
enabled = yes
port = {ami}
bindaddr = 127.0.0.1

[monitoring]
secret = {other}
read = system
write =
""",
    "http.conf": "[general]\nenabled=yes\nbindaddr=127.0.0.1\nbindport={ari}\n",
    "modules.conf": "[modules]\nautoload=yes\nnoload => chan_sip.so\nnoload => app_amd.so\n",
    "cel_custom.conf": "[mappings]\nold.csv => ${CSV_QUOTE(${eventtype})},${CSV_QUOTE(${CHANNEL})}\n",
    "logger.conf": "[general]\n[logfiles]\nmessages => notice,warning,error\n",
    "rtp.conf": "[general]\nrtpstart={rtp_start}\nrtpend={rtp_end}\n",
}
KEPT = ("asterisk.conf",)  # of the lab: it says where everything is
