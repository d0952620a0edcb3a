"""Checkpoints from repositories of the Hugging Face Hub.

`huggingface_hub` downloads into its cache. It resumes downloads that were cut off, and reads the variables of its own
(HF_HOME, HF_ENDPOINT, HF_HUB_OFFLINE, HF_TOKEN) and those of proxies. Only the files of a checkpoint are downloaded:
JSON, safetensors and ONNX, none of which can run code.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from vpuformer.errors import CheckpointError
from vpuformer.extras import imported, installed_version, require
from vpuformer.model.manifest import CONFIG_FILE, FILES, WEIGHTS_FILE, check_sha256, read_config_file, read_manifest

if TYPE_CHECKING:
    from huggingface_hub import HfApi

_SECONDS = 10  # to wait for the first answer of a server


class Repository(NamedTuple):
    """A repository and one of its revisions."""

    id: str
    """`owner/name`."""
    revision: str
    """A branch, a tag or the hash of a commit."""

    @classmethod
    def parse(cls, name: str) -> "Repository":
        """The repository that `owner/name` or `owner/name@revision` names.

        >>> Repository.parse("owner/name@v1")
        Repository(id='owner/name', revision='v1')
        """
        repository, _, revision = name.partition("@")
        return cls(repository, revision or "main")


@cache
def download(name: str) -> Path:
    """The folder of a checkpoint, downloaded unless the cache holds this revision.

    The server is asked once per process. Without a network, or with HF_HUB_OFFLINE=1, the revision that was downloaded
    last is used.

    Args:
        name: `owner/name` or `owner/name@revision`.

    Raises:
        CheckpointError: there is no such repository or revision, it may not be read, the server cannot be reached and
            the cache does not hold the files, they are not a checkpoint, or the weights have another SHA-256 than
            `config.json` says.
        MissingDependencyError: the extra `hub` is not installed.
    """
    hub = open_hub(f"there is no folder {name!r}, and a download of this name from the Hugging Face Hub")
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import RemoteEntryNotFoundError

    repository, revision = Repository.parse(name)
    with _download_errors(name):
        if not isinstance(try_to_load_from_cache(repository, CONFIG_FILE, revision=revision), str):
            # Fails at once without a network, where a download goes on trying.
            hub.model_info(repository, revision=revision, timeout=_SECONDS)
        config = Path(hub.hf_hub_download(repository, CONFIG_FILE, revision=revision))
    try:
        read_config_file(config)
    except CheckpointError as error:
        raise CheckpointError(f"{name} is not a model of VPUFormer: {error}") from error
    if not (config.parent / WEIGHTS_FILE).is_file():
        for file in FILES:  # the weights last: if they are there, so are the graphs that the repository has
            missing_is_fine = [] if file == WEIGHTS_FILE else [RemoteEntryNotFoundError]
            with _download_errors(name), suppress(*missing_is_fine):
                # Of the same commit, even if the branch changes meanwhile.
                hub.hf_hub_download(repository, file, revision=config.parent.name)
    try:
        check_sha256(read_manifest(config.parent))
    except CheckpointError as error:
        raise CheckpointError(
            f"{name} is broken: {error}. Remove {config.parents[2]} to download it again; if it is broken again, its"
            " owner has to upload it again"
        ) from error
    return config.parent


def open_hub(purpose: str) -> "HfApi":
    """The client of the Hub, which reads the variables of its own.

    Args:
        purpose: what needs it, as the first words of the error; see `vpuformer.extras.require`.

    Raises:
        MissingDependencyError: the extra `hub` is not installed.
    """
    require("hub", purpose)
    imported("huggingface_hub")
    from huggingface_hub import HfApi

    return HfApi(library_name="vpuformer", library_version=installed_version("vpuformer"))


@contextmanager
def _download_errors(name: str) -> Iterator[None]:
    """Turn any error of a download into a `CheckpointError` of one sentence."""
    from huggingface_hub import constants, errors

    repository, revision = Repository.parse(name)
    page = f"{constants.ENDPOINT}/{repository}"
    try:
        yield
    except errors.RevisionNotFoundError as error:
        raise CheckpointError(f"{repository} has no revision {revision!r}; choose a branch or tag of {page}") from error
    except errors.RemoteEntryNotFoundError as error:
        file = Path(str(error.response.url)).name
        raise CheckpointError(f"{name} is not a model of VPUFormer: {page} has no {file}") from error
    except errors.GatedRepoError as error:
        raise CheckpointError(f"you may not read {repository} yet: ask for access on {page}; {LOG_IN}") from error
    except (errors.RepositoryNotFoundError, errors.HFValidationError) as error:
        raise CheckpointError(
            f"there is neither a folder {name!r} nor a repository {page}, or it is private; check the name; {LOG_IN}"
        ) from error
    except Exception as error:  # the HTTP libraries below huggingface_hub have classes of their own
        if is_refused(error):
            raise CheckpointError(f"you may not read {page} ({reason(error)}); {LOG_IN}") from error
        if constants.HF_HUB_OFFLINE:
            raise CheckpointError(
                f"{name} is not in the cache {constants.HF_HUB_CACHE}, and HF_HUB_OFFLINE forbids downloads; run the"
                " command once without it"
            ) from error
        if any(isinstance(each, OSError) and each.filename for each in _causes(error)):
            raise CheckpointError(
                f"{name} cannot be written to the cache {constants.HF_HUB_CACHE} ({reason(error)}); change its"
                " rights, or name another folder in HF_HUB_CACHE"
            ) from error
        raise CheckpointError(
            f"{name} cannot be downloaded from {constants.ENDPOINT} ({reason(error)}); check the network and the proxy,"
            " and run the command again"
        ) from error


LOG_IN = "to log in, run: hf auth login"


def is_refused(error: BaseException) -> bool:
    """Whether a server has refused access: it answered 401 or 403."""
    return any(getattr(getattr(each, "response", None), "status_code", None) in (401, 403) for each in _causes(error))


def reason(error: BaseException) -> str:
    """The first line of the error that led to this one."""
    first = list(_causes(error))[-1]
    return " ".join(str(first).split("\n")[0].split())[:200] or type(first).__name__


def _causes(error: BaseException) -> Iterator[BaseException]:
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__
