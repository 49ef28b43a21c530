"""Facts from outside and answers of the caller that are kept: http, lookup, consent, surveys, PINs."""

from ccctl.flow.compile_flow import Branching, Plain

PLAIN: dict[type, Plain] = {}
BRANCHING: dict[type, Branching] = {}
