"""What the settings of a config.json of transformers mean."""

from collections.abc import Mapping
from typing import Any


def require(config: Mapping[str, Any], **settings: Any) -> None:
    """Refuse what would be built otherwise than described; what is left out, or null, is as expected.

    Raises:
        ValueError: for a setting of another value.
    """
    for name, expected in settings.items():
        found = expected if config.get(name) is None else config[name]
        if (list(found) if isinstance(found, tuple) else found) != expected:
            raise ValueError(f"{name} is {found}, supported is {expected}")


def side(config: Mapping[str, Any], name: str, default: int) -> Any:
    """Return the side of what transformers gives as one number, or as two of the same."""
    found = config.get(name, default)
    if isinstance(found, list) and len(set(found)) == 1:
        return found[0]
    return found


def tapped_blocks(backbone: Mapping[str, Any]) -> list[int]:
    """Return the tapped blocks, counted from 0; transformers counts stages, of which 0 is the stem."""
    stages = backbone.get("out_indices")
    if stages is None:
        stages = [int(name.removeprefix("stage")) for name in backbone["out_features"]]
    return [stage - 1 for stage in stages]
