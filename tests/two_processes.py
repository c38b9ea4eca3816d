"""A training script run by two processes of torchrun on one CPU."""

import os
import subprocess
import sys
from pathlib import Path

RESULT = "(out / f'rank {team.rank} of {team.size}').touch()\n"
"""Last line of a script: a file, since what two processes print may run together."""


def train_by_two(folder: Path, script: str, data: Path) -> None:
    """Run a script with `data` and the folder of the run as arguments; both processes must come to its end."""
    (folder / "two.py").write_text(script + RESULT)
    out = folder / "run"
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    found = subprocess.run(
        [*command, str(folder / "two.py"), str(data), str(out)],
        capture_output=True, text=True, timeout=500, env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert found.returncode == 0, found.stderr
    assert {"rank 0 of 2", "rank 1 of 2"} <= {path.name for path in out.iterdir()}, found.stdout
    assert (out / "last.pt").is_file()
