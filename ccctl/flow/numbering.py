"""Telephone numbers by country: calling codes, and numbers that cost whoever calls them. Pure data."""

from collections.abc import Container

from ccctl.flow.values import COUNTRIES

LEAST_DIGITS, MOST_DIGITS = 7, 15
CALLING_CODES = {country: code for country, (code, _) in COUNTRIES.items()}

# Beginnings of premium and shared-cost numbers; nobody is called back there.
PREMIUM = {
    "AT": ("+43900", "+43901", "+43930", "+43931", "+43939"),
    "AU": ("+6119",),
    "BE": ("+3290",),
    "CA": ("+1900",),
    "CH": ("+41900", "+41901", "+41906"),
    "CZ": ("+42090",),
    "DE": ("+49900", "+49137", "+49118", "+49180"),
    "DK": ("+4590",),
    "ES": ("+34803", "+34806", "+34807", "+34905", "+34907"),
    "FI": ("+358600", "+358700"),
    "FR": ("+3389", "+33118"),
    "GB": ("+449", "+4487", "+44118"),
    "IE": ("+3531512", "+353152", "+353153", "+353155", "+353157", "+353158", "+353159"),
    "IT": ("+39892", "+39894", "+39895", "+39899"),
    "LU": ("+352900", "+352901", "+352905"),
    "NL": ("+31900", "+31906", "+31909"),
    "NO": ("+47820", "+47829"),
    "PL": ("+4870", "+48300"),
    "PT": ("+351601", "+351607", "+35160", "+351646", "+351648", "+351760"),
    "SE": ("+46900", "+46939", "+46944"),
    "TR": ("+90900", "+90898"),
    "US": ("+1900",),
}


def international(text: str, country: str) -> str:
    """A written number as E.164 where that can be told; else its digits."""
    bare = "".join(char for char in text if char.isascii() and (char.isdigit() or char == "+"))
    code = CALLING_CODES.get(country, "")
    if bare.startswith("00"):
        bare = f"+{bare[2:]}"
    if bare.startswith("0") and code:
        return f"+{code}{bare[1:]}"
    return f"+{bare}" if len(bare) > 7 and not bare.startswith("+") else bare


def costs(number: str, country: str) -> bool:
    return number.startswith(PREMIUM.get(country, ()))


def can_be_called(number: str, own: Container[str], country: str) -> bool:
    """A whole number of the world outside that costs no more than a call."""
    digits = number.removeprefix("+")
    whole = number.startswith("+") and digits.isdigit() and LEAST_DIGITS <= len(digits) <= MOST_DIGITS
    return whole and number not in own and not costs(number, country)


def is_number(caller: str) -> bool:
    """False for callers who withhold their number: they are not one and the same."""
    return caller.removeprefix("+").isdigit()
