"""Model to hub."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from skm2v._model.files import local_path
from skm2v._model.parts import ModelParts
from skm2v._model.sidecars import CARD, SIDECARS
from skm2v._model.writer import save
from skm2v.exceptions import MissingExtraError

__all__ = ["push"]


def push(
    parts: ModelParts,
    sha256: str,
    repo_id: str,
    *,
    subfolder: str = "",
    private: bool = False,
    token: str | bool | None = None,
    revision: str | None = None,
    commit_message: str | None = None,
    create_pr: bool = False,
) -> str:
    """Upload a model to the hub, as one commit.

    Parameters
    ----------
    parts, sha256
        See :func:`skm2v._model.writer.save`.
    repo_id : str
        Name on the hub; the repository is created if it is not there.
    subfolder : str, default=""
        Folder in the repository.
    private : bool, default=False
        Whether a repository that is created is private.
    token : str, bool or None, default=None
        Access token; None means the one that the hub's client has stored.
    revision : str or None, default=None
        Branch to write to.
    commit_message : str or None, default=None
    create_pr : bool, default=False
        Open a pull request instead of writing to the branch.

    Returns
    -------
    url : str
        Address of the commit.

    Raises
    ------
    MissingExtraError
        If huggingface_hub is not installed.
    OSError
        If the hub does not take the model.
    """
    try:
        from huggingface_hub import HfApi
    except ImportError as error:
        raise MissingExtraError(
            "To push a model, huggingface_hub is needed:"
            ' pip install "skm2v[distill]", or pip install huggingface_hub.'
        ) from error
    api = HfApi(token=token)
    try:
        api.create_repo(repo_id, private=private, exist_ok=True)
        with tempfile.TemporaryDirectory() as root:
            folder = local_path(Path(root) / subfolder)
            folder.mkdir(parents=True, exist_ok=True)
            card = f"{subfolder}/{CARD}" if subfolder else CARD
            if api.file_exists(repo_id, card, revision=revision):
                # Beside the model, so that one that a person wrote is left alone.
                kept = api.hf_hub_download(repo_id, card, revision=revision)
                shutil.copyfile(kept, folder / CARD)
            save(parts, sha256, folder, model_name=repo_id)
            commit = api.upload_folder(
                repo_id=repo_id,
                folder_path=folder,
                path_in_repo=subfolder or None,
                revision=revision,
                commit_message=commit_message or "Upload a static model",
                create_pr=create_pr,
                # Of another model, which had files that this one has not.
                delete_patterns=list(SIDECARS),
            )
    except Exception as error:  # whatever the client's version and its HTTP library raise
        raise OSError(
            f"The hub did not take the model as {repo_id!r}: {type(error).__name__}:"
            f" {str(error).strip()[:300]}. Is the name yours, and the token one that may write?"
        ) from error
    url: str = commit.commit_url
    return url
