"""The disk that Asterisk records on, as far as it is this machine's."""

import os

from ccctl.asterisk.node import Node

LEAST_FREE = 1_000_000


def recording_fault(node: Node, path: str) -> str:
    """Why a recording that runs is not written; '' when it is, or when its disk is not this machine's."""
    if not os.path.isdir(node.spool_dir):
        return ""
    try:
        disk = os.statvfs(path)
    except OSError:
        return f"Asterisk wrote no file: may it write in {node.recordings_dir}?"
    free = disk.f_bavail * disk.f_frsize
    return f"the disk of {node.recordings_dir} is full" if free < LEAST_FREE else ""
