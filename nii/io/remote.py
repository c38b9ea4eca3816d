"""Files in object stores and on servers ("s3://bucket/scan.tif"), through fsspec where the user installed it."""

from typing import Any

from nii.errors import ScanError, UsageError

EXTRAS = {"s3": "s3fs", "gs": "gcsfs", "gcs": "gcsfs", "abfs": "adlfs", "az": "adlfs"}


def is_remote(source: str) -> bool:
    """Whether a source is an address and no path."""
    return "://" in source


def read_remote(address: str, most: int) -> bytes:
    """Content of a remote file. Raises ScanError for one that can't be read or holds more than `most` bytes."""
    files, path = _opened(address)
    try:
        size = files.size(path)
        if size is not None and size > most:
            raise ScanError(f"{address}: expected at most {most} bytes, came {size}")
        with files.open(path, "rb") as file:
            return bytes(file.read(most + 1))
    except ScanError:
        raise
    except Exception as error:  # noqa: BLE001 - each store has its own exceptions
        raise ScanError(f"{address}: expected a readable file, came {type(error).__name__}: {error}") from None


def list_remote(address: str, suffixes: tuple[str, ...]) -> list[str]:
    """Addresses of the files that a glob matches, or of the scans (by suffix) under a prefix; sorted.

    A file's own address stays as it is. Raises ScanError where there is none.
    """
    files, path = _opened(address)
    try:
        if any(mark in path for mark in "*?["):
            found = [one for one in files.glob(path) if files.isfile(one)]
        elif files.isdir(path):
            found = [one for one in files.find(path) if one.lower().endswith(suffixes)]
        else:
            return [address]
    except Exception as error:  # noqa: BLE001 - each store has its own exceptions
        raise ScanError(f"{address}: expected a list of files, came {type(error).__name__}: {error}") from None
    if not found:
        raise ScanError(f"{address}: expected scans, came none")
    return sorted(files.unstrip_protocol(one) for one in found)


def _opened(address: str) -> tuple[Any, str]:
    """The file system of an address, and the path on it."""
    protocol = address.partition("://")[0]
    try:
        import fsspec

        return fsspec.core.url_to_fs(address)  # type: ignore[no-any-return]
    except ImportError:
        needed = " ".join(["fsspec", *filter(None, [EXTRAS.get(protocol)])])
        raise UsageError(
            f"{address}: expected the packages for {protocol}://, came none; pip install {needed}"
        ) from None
    except ValueError as error:
        raise UsageError(f"{address}: expected an address that fsspec knows, came: {error}") from None
