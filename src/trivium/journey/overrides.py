"""Config fields set from outside: `base.steps=400`, `sft.optimizer.lr=1e-3`, or a whole house: `pretrain.steps=400`."""

from __future__ import annotations

from collections.abc import Sequence

from trivium.ground.config import field_names, replace_field
from trivium.ground.errors import ConfigError, UsageError
from trivium.journey.graph import Journey, unknown


def override(journey: Journey, settings: Sequence[str]) -> Journey:
    """The journey with each `<node or house>.<field[.sub]>=<value>` applied, in order.

    A house's name reaches all its nodes that have the field. Raises UsageError and ConfigError with a did-you-mean.
    """
    for setting in settings:
        path, equals, text = setting.partition("=")
        place, dot, dotted = path.partition(".")
        if not equals or not dot or not dotted:
            raise UsageError(f"{setting!r} is no setting.", "Write <stage>.<field>=<value>, as in base.steps=400.")
        journey = _set(journey, place, dotted, text)
    return journey


def _set(journey: Journey, place: str, dotted: str, text: str) -> Journey:
    named = [node for node in journey.nodes if node.name == place]
    nodes = named or [node for node in journey.nodes if node.house == place]
    if not nodes:
        known = sorted({node.name for node in journey.nodes} | {node.house for node in journey.nodes})
        raise unknown("stage", place, known)
    first = dotted.partition(".")[0]
    fitting = [
        node
        for node in nodes
        if first in field_names(node.config) or first.replace("-", "_") in field_names(node.config)
    ]
    for node in fitting or nodes[:1]:
        try:
            config = replace_field(node.config, dotted.replace("-", "_"), text)
        except ConfigError as error:
            raise ConfigError(f"--{place}.{dotted}: {error.what}", error.mend) from error
        journey = journey.replace(node.name, config)
    return journey
