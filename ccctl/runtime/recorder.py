"""One prompt recorded from a desk phone: the guide's sounds, the call, and where the recording goes."""

import asyncio
import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import cast

import msgspec

from ccctl.asterisk import prompts, shaping
from ccctl.asterisk.node import Node
from ccctl.asterisk.prompts import Sound
from ccctl.asterisk.studio import Guide, Session
from ccctl.errors import ApplyError
from ccctl.flow.graph import Site
from ccctl.runtime.prompting import ORIGINALS, convert

Say = Callable[[str], None]

GUIDE = {
    "en": (
        "Please speak after the tone, and end with the pound key.",
        "To keep the recording, press 1. To record it again, press 2. To listen to it again, press 3.",
        "The recording is kept.",
    ),
    "de": (
        "Bitte sprechen Sie nach dem Ton, und drücken Sie am Ende die Raute.",
        "Um die Aufnahme zu behalten, drücken Sie die Eins. Um sie neu aufzunehmen, drücken Sie die Zwei. "
        "Um sie noch einmal zu hören, drücken Sie die Drei.",
        "Die Aufnahme ist gespeichert.",
    ),
}


class Job(msgspec.Struct, frozen=True):
    """Who records which prompt. `folder` is the site's."""

    site: Site
    folder: Path
    user: str
    extension: str
    prompt: str
    language: str


class Outcome(msgspec.Struct, frozen=True):
    accepted: bool
    text: str


async def record(node: Node, job: Job, say: Say) -> Outcome:
    guide = await asyncio.to_thread(_guide, node, job, say)
    take = await Session(node, guide, job.language, say).run(job.user, f"{job.user} ({job.extension})")
    if not take.path:
        return Outcome(False, "nothing was recorded; nothing was changed")
    try:
        return await asyncio.to_thread(_put, Path(take.path), take.accepted, job)
    except ApplyError as error:
        raise ApplyError(error.text, f"the recording is still in {take.path}") from None


def _put(path: Path, accepted: bool, job: Job) -> Outcome:
    """Into the site when it was accepted, else beside it; then Asterisk's file may go."""
    target = f"sounds/{job.language}/{job.prompt}.wav"
    if accepted:
        done = convert(job.folder, path, target)
        kept = f" (before: {done.kept})" if done.kept else ""
        text = f"{done.target}{kept}\n'ccctl apply {job.folder}' puts it in force"
    else:
        spare = _spare(path, job)
        use = (
            f"ccctl prompts convert {spare} --site {job.folder} --language {job.language} --name {job.prompt}"
        )
        text = f"not accepted; the recording is kept in {spare}\n'{use}' takes it after all"
    path.unlink(missing_ok=True)
    return Outcome(accepted, text)


def _spare(path: Path, job: Job) -> Path:
    folder = job.folder / ORIGINALS / job.language
    try:
        folder.mkdir(parents=True, exist_ok=True)
        number = 1
        while (spare := folder / f"{job.prompt}.take{number}.wav").exists():
            number += 1
        shutil.copyfile(path, spare)
    except OSError as error:
        raise ApplyError(f"{folder} cannot be written: {error.strerror}") from None
    return spare


# -- what the person hears -------------------------------------------------------------------------


def _guide(node: Node, job: Job, say: Say) -> Guide:
    """In the language of the recording if there are such texts, else in English. Without a voice the person
    is guided by the terminal alone. The next apply removes these sounds."""
    language = job.language if job.language.split("_")[0] in GUIDE else "en"
    texts = GUIDE[language.split("_")[0]]
    sounds = [_sound(node, job.language, language, text) for text in texts]
    try:
        prompts.make_sounds(job.site, sounds, lambda done, of: None)
    except ApplyError as error:
        say(f"no spoken guide: {error}")
        return Guide()
    names = [f"sound:cc/{Path(sound.target).stem}" for sound in sounds]
    return Guide(*cast(tuple[str, str, str], tuple(names)))


def _sound(node: Node, folder: str, language: str, text: str) -> Sound:
    digest = hashlib.sha256(f"{shaping.VERSION} {language} {text}".encode()).hexdigest()[:8]
    target = f"{node.sounds_dir}/{folder}/cc/ccctl-guide-{digest}.wav"
    return Sound("guide of the recorder", language, target, text)
