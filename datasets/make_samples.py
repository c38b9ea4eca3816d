"""Makes the sample scans in datasets/samples: `python datasets/make_samples.py`.

The first three scenes of seed 9001 that are 20-ft containers, the first benign, the others concealed, on a
coarse 8.2 mm scanner of 10 bits with little noise, which keeps the files small. Not chosen by what a model
says of them.
"""

from dataclasses import replace
from pathlib import Path

from nii.io.write import write_tiff
from nii.physics.noise import for_beams
from nii.simulate.scan import simulate
from nii.simulate.scanners import PRESETS

SEED, WANTED = 9001, 3
OUT = Path(__file__).parent / "samples"

base = PRESETS["portal-6mv"]
noise = replace(for_beams(base.noise, base.beams()), open_beam=1000.0, bits=10, electronic=0.2, photons=8e5)
scanner = replace(base, name="sample-portal", pitch_mm=(8.2, 8.2), noise=noise)
OUT.mkdir(exist_ok=True)
made = index = 0
while made < WANTED:
    scan = simulate("cargo", SEED, index, concealed=made > 0, scanner=scanner)
    index += 1
    if scan.conveyance != "20ft":
        continue
    made += 1
    hidden = "-".join(one.family for one in scan.truth.hidden) or "benign"
    path = OUT / f"{made}-{scan.cargo.replace('+', '-')}-{hidden}.tif"
    write_tiff(
        path,
        scan.measured,
        open_beam=noise.open_beam,
        pitch_mm=scanner.pitch_mm,
        energies=scanner.energies,
        scanner=scanner.name,
    )
    print(path.name, path.stat().st_size // 1000, "kB")
