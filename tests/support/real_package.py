"""Packages of other programs, which few machines have; `make test-integrations` installs them."""

import warnings
from types import ModuleType

import pytest


def real_package(module: str) -> ModuleType:
    """Import a package, or skip the tests. What it warns of while it is imported is not ours to mend."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip(module, reason=f"{module} is not installed; `make test-integrations` installs it")
