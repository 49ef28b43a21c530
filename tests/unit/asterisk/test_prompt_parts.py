"""What is spoken of prompts that are parts of sentences."""

from ccctl.asterisk.prompts import sounds
from ccctl.flow import graph as g


def test_the_voice_is_told_that_a_sentence_goes_on() -> None:
    """A prompt of its own, and the last part, end as they are written; a value may be last."""
    joined, last = g.Fragment(joined=True), g.Fragment()
    value = g.Fragment(joined=True, pin="11111111")
    prompts = (
        g.Prompt(name="welcome", texts={"en": "Welcome"}, digest="1"),
        g.Prompt(name="say-1", texts={"en": "Your case"}, digest="1", fragment=joined),
        g.Prompt(name="say-2", texts={"en": "Well,"}, digest="1", fragment=joined),
        g.Prompt(name="say-3", texts={"en": "is open"}, digest="1", fragment=last),
        g.Prompt(name="tier.gold", texts={"en": "gold"}, digest="1", fragment=value),
    )
    site = g.Site(defaults=g.Defaults(languages=("en",)), prompts={each.name: each for each in prompts})
    found = {each.prompt: (each.text, each.joined) for each in sounds(site, "/sounds")}
    assert found == {
        "welcome": ("Welcome", False),
        "say-1": ("Your case,", True),
        "say-2": ("Well,", True),
        "say-3": ("is open", False),
        "tier.gold": ("gold", True),
    }
    assert sounds(site, "/sounds")[-1].target == "/sounds/en/cc/tier.gold-11111111.wav"
