"""The contract between the dialplan that we generate and the daemon that drives it. Pure.

Marks: at the points below the dialplan runs `CELGenUserEvent(<mark>,<value>)`. Asterisk writes them
to its channel event log file and sends them over AMI, so the ledger gets the same facts live and
after a gap. `value` holds only names of ours, digits and letters.

Stasis: `Stasis(ccctl,<kind>,<generation>,...)`:
    queue   queue,<gen>,<queue>,<priority>,<max wait in s>,<exit keys>,<flags>[,<offer>[,<menu>]]
            max wait: 0 is for ever; flags: "n" when the flow has an on_no_agents edge (without it the caller
            waits), "r" when this call is to be recorded, "x" when it is not; offer, menu: names in the roster
    code    code,<gen>,<action>,<user>,<reason>           a feature code dialled by that user's phone
    listen  listen,<gen>,<user>,<extension of the agent>  the listen code
    taken   taken,<gen>                                   a phone that was fetched from the dialplan
Channels that the daemon makes have `leg` as their only argument.

Channel variables: __CC_CALL (unique id of the caller's channel), __CC_GEN (generation), CC_NUMBER (the DID),
CC_NUM and CC_NAME (caller, filtered), CC_USER (the user of a phone, set by its endpoint),
CC_RESULT (set by the daemon before it gives a caller back: one of RESULTS, CALLBACK_RESULTS, or key_<key>).
"""

APP = "ccctl"
TAKEN = "cc-taken"  # context into which phones are fetched that an agent consulted by himself
HOLD_BRIDGE = "ccctl-hold"  # where all who wait hear their music

CALL = "CC_CALL"  # value: direction "inbound" or "internal"; the first mark of a call
FLOW = "CC_FLOW"  # value: flow entered
QUEUE = "CC_QUEUE"  # value: queue; the caller is about to enter Stasis
NATIVE = "CC_NATIVE"  # value: queue; the caller is about to enter app_queue
NATIVE_END = "CC_NATIVE_END"  # value: QUEUESTATUS of app_queue
DIAL = "CC_DIAL"  # value: targets, separated by "+"
DIAL_END = "CC_DIAL_END"  # value: DIALSTATUS
VOICEMAIL = "CC_VOICEMAIL"  # value: mailbox name
VOICEMAIL_END = "CC_VOICEMAIL_END"  # value: VMSTATUS
CLOSED = "CC_CLOSED"  # value: hours name; the caller was turned to on_closed or on_holiday
CONSENT = "CC_CONSENT"  # value: yes or no; whether talks of this call may be recorded
SURVEY = "CC_SURVEY"  # value: survey/question=answer; a key, or the file of a spoken answer
SURVEY_END = "CC_SURVEY_END"  # value: survey; the caller was asked all of it
MESSAGE = "CC_MESSAGE"  # value: name=file, below the folder of the recordings; it is about to be recorded
MESSAGE_END = "CC_MESSAGE_END"  # value: RECORD_STATUS; missing when the caller hung up in it
CALLBACK = "CC_CALLBACK"  # value: queue/number/when/delay/retries/gap/language/second; when: now,
# next-open[-<hours>], at-<hour and minute: four digits>
DENIED = "CC_DENIED"  # value: how many calls of this number gave wrong PINs
SWITCH = "CC_SWITCH"  # value: hours, the new state, who switched: "office closed anna"
HANGUP = "CC_HANGUP"  # value: flow; the dialplan itself ends the call

CALLBACK_RESULTS = ("callback", "callback_gather", "callback_withheld")  # of a step that offers one
RESULTS = ("answered", "timeout", "full", "no_agents", "failed", "overflow")
DEADMAN_ENTRY_S = 3  # seconds a caller may be in Stasis before the daemon has taken him
DEADMAN_WAIT_S = 60
DEADMAN_RENEW_MS = 15_000  # so the daemon may be away for at least the difference
