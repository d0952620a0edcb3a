"""Upload of a checkpoint to a repository of the Hugging Face Hub."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from vpuformer.errors import CheckpointError, ConfigError
from vpuformer.hub.card import CARD_FILE, model_card
from vpuformer.inference.graphs import Graphs
from vpuformer.model.manifest import CONFIG_FILE, FILES, GRAPHS_FILE, WEIGHTS_FILE, check_sha256, read_manifest
from vpuformer.model.repository import LOG_IN, Repository, is_refused, open_hub, reason

DEFAULT_MESSAGE = "Upload a model of VPUFormer"


def push_to_hub(
    name_or_path: str | os.PathLike[str],
    repository: str,
    *,
    private: bool | None = None,
    licence: str | None = None,
    results: Sequence[str | os.PathLike[str]] = (),
    message: str = DEFAULT_MESSAGE,
) -> str:
    """Upload a checkpoint, with its graphs and a model card, as one commit.

    The repository is created if it is missing. Nothing but the files of the checkpoint and the card is uploaded; graphs
    of an earlier upload that the checkpoint lacks are removed. See `vpuformer.hub.card.model_card` for the card.

    Args:
        name_or_path: a checkpoint; see `vpuformer.model.manifest.read_manifest`.
        repository: `owner/name`.
        private: who sees a new repository: its owner (True) or everybody (False); by default as the account is set.
        licence: the Hub's name of a licence, such as "apache-2.0".
        results: folders that `vpuformer evaluate` wrote for these weights; their figures go into the card.
        message: of the commit.

    Returns:
        URL of the commit.

    Raises:
        CheckpointError: the checkpoint is missing or broken, or the server cannot be reached or refuses the upload.
        ConfigError: the name is not of the form `owner/name`.
        InputError: the results are missing or broken, or those of other weights.
        MissingDependencyError: the extra `hub` is not installed.
    """
    hub = open_hub("an upload to the Hugging Face Hub")
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete

    if repository != Repository.parse(repository).id or repository.count("/") != 1:
        raise ConfigError(f"got {repository!r} as repository; wanted owner/name, such as jane/leaves")
    manifest = read_manifest(name_or_path)
    check_sha256(manifest)
    folder = manifest.weights.parent
    files = {WEIGHTS_FILE: manifest.weights, CONFIG_FILE: folder / CONFIG_FILE}
    if (folder / GRAPHS_FILE).is_file():
        graphs = Graphs.read(name_or_path)
        graphs.check_files()
        files |= {path.name: path for path in (folder / GRAPHS_FILE, graphs.encode, graphs.decode)}
    card = model_card(manifest, repository, licence=licence, results=results)
    additions = [CommitOperationAdd(CARD_FILE, card.encode())]
    additions += [CommitOperationAdd(name, path) for name, path in files.items()]
    with _upload_errors(repository):
        hub.create_repo(repository, private=private, exist_ok=True)
        present = {each.rfilename for each in hub.model_info(repository).siblings or []}
        stale = [CommitOperationDelete(name) for name in FILES if name in present and name not in files]
        commit = hub.create_commit(repository, [*additions, *stale], commit_message=message)
    return commit.commit_url


@contextmanager
def _upload_errors(repository: str) -> Iterator[None]:
    """Turn any error of an upload into a `CheckpointError` of one sentence."""
    from huggingface_hub import constants

    try:
        yield
    except Exception as error:  # the HTTP libraries below huggingface_hub have classes of their own
        if is_refused(error):
            raise CheckpointError(
                f"you may not write to {constants.ENDPOINT}/{repository} ({reason(error)}); log in with a token that"
                f" may write, or choose another owner; {LOG_IN}"
            ) from error
        raise CheckpointError(
            f"{repository} cannot be written on {constants.ENDPOINT} ({reason(error)}); check the network and the"
            " proxy, and run the command again"
        ) from error
