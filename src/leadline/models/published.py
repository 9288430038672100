"""From what a person calls a model to its weights on this machine."""

from difflib import get_close_matches
from pathlib import Path
from typing import Any

from leadline.models.checkpoints import describe, is_ours, load_network
from leadline.models.configs import CONFIG
from leadline.models.foreign import AmbiguousError, name_of
from leadline.models.hub import fetch
from leadline.models.network import Network
from leadline.models.variants import VARIANTS, find_variant
from leadline.specs import typed_path
from leadline.types import LeadlineError

BUNDLED = "leadline-small"
"""Name of the model that the package brings along, trained by its own pipeline."""
BUNDLED_FILE = Path(__file__).parents[1] / "weights" / f"{BUNDLED}.safetensors"


def load_model(model: Path | str, *, network: str | None = None) -> tuple[Network, dict[str, Any]]:
    """Build a model by name, repository or path, and return it with what is known about it.

    `network` tells which network a file of the authors holds where the file does not.

    Raises:
        LeadlineError: where there is no such model, or its file cannot be had, read, or told apart.
    """
    path, name = find_weights(str(model))
    return load_network(path, network=network or name)


def load_start(model: str, *, network: str) -> tuple[Network, dict[str, Any]]:
    """Build the model that a run starts from, as the run's `network` where its file fits several.

    Raises:
        LeadlineError: as `load_model`.
    """
    try:
        return load_model(model)
    except AmbiguousError:
        return load_model(model, network=network)


def find_weights(model: str) -> tuple[Path, str | None]:
    """Return a model's file or folder, fetched where it must be, and its network's name where that is known.

    `model` is the bundled one's name, a path, a name of the variants table, or a repository of the Hugging
    Face hub.

    Raises:
        LeadlineError: where there is no such model, or its file cannot be had.
    """
    if model == BUNDLED:  # whatever lies in the current folder
        return BUNDLED_FILE, None
    path = typed_path(model)
    if path.exists() and model:
        return path, None
    if model in VARIANTS:
        return _fetch_published(model), model
    if is_published(model):
        return _fetch_repository(model), None
    near = get_close_matches(model, (BUNDLED, *VARIANTS), n=1)
    hint = (
        f"did you mean {near[0]!r}?" if near else "leadline models lists the networks with published weights"
    )
    raise LeadlineError(f"there is neither a file nor a network called {model!r}; {hint}")


def network_of(model: str) -> str | None:
    """Return which network a model is, as far as its name, its file or its folder tells.

    Raises:
        LeadlineError: where it cannot be read, or fits several networks.
    """
    if model in VARIANTS:
        return model
    path = BUNDLED_FILE if model == BUNDLED else typed_path(model)
    if not (path.is_file() or (path / CONFIG).exists()):
        return None
    found: str | None = describe(path).get("network") if is_ours(path) else name_of(path)
    return found


def is_published(model: str) -> bool:
    """Whether `model` is a name that we know, or looks like a repository of the hub."""
    return model == BUNDLED or model in VARIANTS or (model.count("/") == 1 and not Path(model).suffix)


def _fetch_published(name: str) -> Path:
    origin = find_variant(name).origin
    if not origin.file:
        raise LeadlineError(
            f"no weights of {name!r} are published ({origin.licence or 'train them'}): "
            "give the path of a checkpoint"
        )
    if origin.url:
        if origin.transformers:  # the same weights, on the hub
            return _fetch_repository(origin.transformers)
        raise LeadlineError(f"{name!r} is not on the hub: fetch {origin.url} and give the file's path")
    return fetch(origin.repository, origin.file)


def _fetch_repository(repository: str) -> Path:
    """Fetch the authors' file where the table knows the repository, else transformers' two files."""
    for variant in VARIANTS.values():
        if variant.origin.repository == repository:
            return fetch(repository, variant.origin.file)
    try:
        fetch(repository, CONFIG)
        return fetch(repository, "model.safetensors").parent
    except LeadlineError as error:
        raise LeadlineError(
            f"{error} (both {CONFIG} and model.safetensors, in one folder, whose path is then the model)"
        ) from error
