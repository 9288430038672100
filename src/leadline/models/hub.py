"""Fetching published files, through huggingface_hub with its cache, mirrors and offline mode."""

import logging
from pathlib import Path

from leadline.types import LeadlineError


def fetch(repository: str, file: str) -> Path:
    """Return the local path of a hub's file, from the cache where it is there already.

    HF_HOME, HF_ENDPOINT (a mirror) and HF_HUB_OFFLINE work as everywhere.

    Raises:
        LeadlineError: where the file cannot be had, with what to fetch and where to put it.
    """
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

    try:
        return Path(hf_hub_download(repository, file, local_files_only=True))
    except HFValidationError as error:
        raise LeadlineError(f"{repository!r} is neither a file nor the name of a hub's repository") from error
    except LocalEntryNotFoundError:
        pass
    logging.getLogger("huggingface_hub").setLevel(logging.ERROR)  # of five attempts, only the outcome matters
    try:
        return Path(hf_hub_download(repository, file))
    except OSError as error:
        reason = str(error).partition("\n")[0]
        raise LeadlineError(
            f"cannot fetch {file} of {repository}: {reason} "
            f"Fetch https://huggingface.co/{repository}/resolve/main/{file} by other means and give "
            "its path, or set HF_ENDPOINT to a mirror"
        ) from error
