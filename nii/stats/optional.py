"""The optional packages that only evaluation needs: the extra `evaluate`."""

from collections.abc import Iterator
from contextlib import contextmanager

from nii.errors import UsageError


@contextmanager
def evaluate_extra() -> Iterator[None]:
    """Turn a missing package, inside the block, into one line that names the extra."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise UsageError(
            f"nii evaluate: expected the package {error.name}, came none; install it with: pip install 'nii[evaluate]'"
        ) from error
