"""Opening hours as they are meant, written without a thought of Asterisk: the judge of the dialplan."""

import datetime
from zoneinfo import ZoneInfo

from ccctl.flow.graph import Hours


def state(hours: Hours, at: int) -> str:
    """open, closed or holiday at a Unix second."""
    local = datetime.datetime.fromtimestamp(at, ZoneInfo(hours.timezone))
    day, minute = f"{local:%Y%m%d}", local.hour * 60 + local.minute
    for exception in hours.exceptions:
        if exception.day == day:
            return "open" if any(start <= minute < end for start, end in exception.spans) else "closed"
    half = any(part.day == day and part.start <= minute < part.end for part in hours.partial)
    if day in hours.holidays or half:
        return "holiday"
    week = (span for span in hours.open if span.day == local.weekday())
    return "open" if any(span.start <= minute < span.end for span in week) else "closed"
