"""Errors that end an operation. Few types; the class docstring is the default message.

Imports nothing of ours. A user's mistake in a site file is never an exception: see diagnostics.
Each error has a stable `id` (for the API and for scripts), a text and a hint that says what to do.
`exit_code` is what a command ends with.
"""


class CcctlError(Exception):
    """something went wrong"""

    id = "error"
    exit_code = 2

    def __init__(self, text: str = "", hint: str = "") -> None:
        self.text = text or (self.__doc__ or "").strip()
        self.hint = hint
        super().__init__(self.text)

    def __str__(self) -> str:
        return f"{self.text}; {self.hint}" if self.hint else self.text


class SettingsError(CcctlError):
    """the settings are wrong"""

    id = "settings"


class AsteriskDown(CcctlError):
    """Asterisk does not answer"""

    id = "asterisk-down"


class AsteriskRefused(CcctlError):
    """Asterisk refused the request"""

    id = "asterisk-refused"

    def __init__(self, text: str = "", hint: str = "", status: int = 0) -> None:
        super().__init__(text, hint)
        self.status = status  # HTTP status of ARI, 0 for AMI


class DaemonDown(CcctlError):
    """the ccctl daemon does not answer"""

    id = "daemon-down"


class Refused(CcctlError):
    """the request was refused"""

    id = "refused"
    exit_code = 1


class NotFound(CcctlError):
    """nothing has this name"""

    id = "not-found"
    exit_code = 4


class StoreError(CcctlError):
    """the database failed"""

    id = "store"


class ApplyError(CcctlError):
    """the change was not applied; the old configuration goes on serving"""

    id = "apply"


class LabError(CcctlError):
    """the lab could not be brought up"""

    id = "lab"
