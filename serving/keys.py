"""API keys: several, from a file, read again when the file changes, compared in constant time."""

import hashlib
import hmac
import threading
from pathlib import Path

from nii.errors import UsageError

SHORTEST = 16  # characters of a key


class Keys:
    """The keys of a file: per line a name and a key, or a key alone; # starts a comment.

    A key is replaced by adding the new one, moving the clients, and taking out the old one: the file is
    read again within a request of its change. A changed file that is wrong leaves the old keys in force.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._stamp = self._stamp_now()
        self._keys = read_keys(path)

    def owner(self, key: str) -> str | None:
        """Name of the key's owner; None for a wrong key. Every key is compared, whichever matches."""
        self._refresh()
        asked = hashlib.sha256(key.encode()).digest()
        owner = None
        for name, digest in self._keys:
            if hmac.compare_digest(digest, asked):
                owner = name
        return owner

    def _stamp_now(self) -> tuple[int, int]:
        try:
            status = self.path.stat()
        except OSError:
            return (0, 0)
        return (status.st_mtime_ns, status.st_size)

    def _refresh(self) -> None:
        stamp = self._stamp_now()
        if stamp == self._stamp:
            return
        with self._lock:
            self._stamp = stamp
            try:
                self._keys = read_keys(self.path)
            except UsageError as error:
                from serving.log import say

                say("keys file not usable, old keys stay in force", error=str(error))


def read_keys(path: Path) -> list[tuple[str, bytes]]:
    """(owner, SHA-256 of the key) per line. Raises UsageError."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: expected a readable file of API keys, came {error}") from None
    keys = []
    for number, line in enumerate(lines, start=1):
        words = line.split("#", 1)[0].split()
        if not words:
            continue
        if len(words) > 2 or len(words[-1]) < SHORTEST:
            raise UsageError(
                f"{path}, line {number}: expected a name and a key of at least {SHORTEST} characters, came another line"
            )
        keys.append((words[0] if len(words) == 2 else f"line {number}", hashlib.sha256(words[-1].encode()).digest()))
    if not keys:
        raise UsageError(f"{path}: expected at least one API key, came none")
    return keys
