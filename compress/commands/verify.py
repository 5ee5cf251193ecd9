"""verify: whether a bundle holds what its history says."""

from __future__ import annotations

from compress.commands.printing import say
from compress.stages.verify import VerifySettings
from compress.stages.verify import verify as check
from compress.verb import Answer, Verb
from deploy.errors import ModelError


def verify(settings: VerifySettings) -> Answer:
    from compress.text_table import aligned

    done = check(settings, say)
    table = aligned(done.rows())
    if done.fault:
        return Answer(done.to_json(), table, ModelError(done.fault))
    return Answer(done.to_json(), f"{table}\n{done.bundle}: all rungs hold on {done.images} images")


VERB = Verb("verify", "check a bundle's hashes, and whether all forms of its model agree", VerifySettings, verify)
