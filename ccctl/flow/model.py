"""A site as plain data without its secrets: what is kept of it beside each revision, and compared.

Made of any record, so a new section or step needs nothing here. A record's place in the files is under
"@", the kind of a step under "step". A secret becomes a keyed digest: a change shows, the value does not.
"""

import hashlib
import re
from collections.abc import Callable, Collection
from enum import Enum
from functools import cache
from typing import Any

import msgspec

from ccctl.diagnostics import Span
from ccctl.flow.graph import Site

Tree = dict[str, Any]
Seal = Callable[[str], str]

PLACE, STEP, SEALED = "@", "step", "sealed"
SECRET_FIELDS = frozenset({"password", "pin", "pins", "secret", "secrets", "token"})
_LEAST = 6  # characters of a secret that is looked for inside of longer texts


def seal(key: bytes) -> Seal:
    """A digest that nobody can make without the key, so a PIN cannot be guessed from it."""
    return lambda text: hashlib.blake2b(text.encode(), key=key, digest_size=8).hexdigest()


def model(site: Site, hide: Seal, secrets: Collection[str] = ()) -> Tree:
    """`secrets` are the values that came by !secret; what is in a field of SECRET_FIELDS is hidden anyway."""
    tree: Tree = _Model(hide, frozenset(secrets) - {""}).record(site)
    tree.pop("root", None)
    return tree


class _Model:
    def __init__(self, hide: Seal, secrets: frozenset[str]) -> None:
        self.hide = hide
        self.secrets = secrets
        self.inner = tuple(secret for secret in secrets if len(secret) >= _LEAST)

    def record(self, value: msgspec.Struct) -> Tree:
        tag = value.__struct_config__.tag
        tree: Tree = {STEP: _kind(str(tag))} if tag else {}
        for field in value.__struct_fields__:
            found = getattr(value, field)
            if type(found) is Span:
                tree[PLACE] = f"{found.file}:{found.line}"
            elif field in SECRET_FIELDS and found:
                tree[field] = self.sealed(found)
            else:
                tree[field] = self.plain(found)
        return tree

    def plain(self, value: Any) -> Any:
        kind = type(value)
        if kind is str:  # most values are, and a site may have a million of them
            return self.sealed(value) if self.is_secret(value) else value
        if value == () or value is None or kind is int or kind is bool:
            return [] if kind is tuple else value
        match value:
            case msgspec.Struct():
                return self.record(value)
            case dict():
                return {str(key): self.plain(each) for key, each in value.items()}
            case tuple() | list() | set() | frozenset():
                return [self.plain(each) for each in value]
            case Enum():
                return str(value.value)
            case float():
                return value
        return self.plain(str(value))

    def is_secret(self, text: str) -> bool:
        return text in self.secrets or any(secret in text for secret in self.inner)

    def sealed(self, value: Any) -> Tree:
        text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
        return {SEALED: self.hide(text)}


@cache
def _kind(tag: str) -> str:
    """HoursStep is written `hours` in a flow."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", tag.removesuffix("Step")).lower()
