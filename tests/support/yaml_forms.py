"""The values that programs see in a YAML text: all as text, and with the types of YAML 1.1 and 1.2."""

import datetime
from typing import Any

import yaml
from ruamel.yaml import YAML

from ccctl.flow.source import Mapping, Node, Sequence, parse


def forms(text: str) -> dict[str, Any]:
    """What ccctl, a YAML 1.1 and a YAML 1.2 editor make of a file; keys are strings, as in JSON."""
    root = parse(text.encode(), "x.yaml").root
    modern = YAML(typ="safe", pure=True)
    modern.constructor.add_constructor("!secret", lambda loader, node: node.value)
    return {
        "text": None if root is None else plain(root),
        "yaml 1.1": keyed(yaml.load(text, Loader=Old)),
        "yaml 1.2": keyed(modern.load(text)),
    }


class Old(yaml.SafeLoader):
    pass


Old.add_constructor("!secret", lambda loader, node: node.value)


def plain(node: Node) -> Any:
    """Everything is text."""
    if isinstance(node, Mapping):
        return {key.text: plain(value) for key, value in node.entries}
    if isinstance(node, Sequence):
        return [plain(item) for item in node.items]
    return node.text


def keyed(value: Any) -> Any:
    match value:
        case dict():
            return {_key(key): keyed(each) for key, each in value.items()}
        case list():
            return [keyed(each) for each in value]
        case datetime.date():
            return value.isoformat()
        case _:
            return value


def _key(key: Any) -> str:
    return str(key).lower() if isinstance(key, bool) else str(key)
