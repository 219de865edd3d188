"""Makes the pictures of the README and of the how-tos.

    pip install scikit-image
    python docs/make_pictures.py --detector face_detection_yunet_2026may.onnx [--lfenet LFENET --base BASE]

docs/demo.png is the page of `clipselect demo`, as Chromium shows it.
docs/faces.png is `clipselect faces` on a video of a face with what makes frames bad. The face is `astronaut` of
scikit-image: Eileen Collins, photographed by NASA, in the public domain. docs/attention.png is where an LFENet
around that base, if it is given, looks in five versions of it. docs/persons.png draws benchmarks/results/reid.json.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import av
import matplotlib.pyplot as plt
import numpy as np
from skimage.data import astronaut

from clipselect import draw_attention, load_set_network
from clipselect.data.degradations import degrade, low_resolution, motion_blur, occlude
from clipselect.faces.alignment import align
from clipselect.faces.detection import YuNet
from clipselect.media.images import squash_image
from clipselect.sets.set_network import SetNetwork

HERE = Path(__file__).parent
FRAMES, SIZE = 24, 320
LINES = {"ddl": "K best by the DDNet", "even": "K evenly spread", "random": "K at random"}
POINTS = {"ddl_threshold": ("all above 0.5 (default)", "*"), "average": ("average of all", "s")}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--detector", type=Path, required=True, help="YuNet of OpenCV's model zoo")
    parser.add_argument("--lfenet", type=Path, help="weights of `clipselect train-set-network lfenet`")
    parser.add_argument("--base", help="the face network that it was built around")
    given = parser.parse_args()
    detector = given.detector.resolve()
    demo(HERE / "demo.png")
    faces(detector, HERE / "faces.png")
    if given.lfenet:
        attention(detector, load_set_network(given.lfenet, base=given.base, device="cpu"), HERE / "attention.png")
    persons(HERE / "persons.png")


def demo(out: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.executable, "-m", "clipselect", "demo"], check=True, cwd=folder, stdout=subprocess.DEVNULL)
        page = Path(folder, "clipselect-demo", "demo.html").as_uri()
        options = ("--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--window-size=1180,770")
        subprocess.run(["chromium", *options, f"--screenshot={out.resolve()}", page], check=True)


def faces(detector: Path, out: Path) -> None:
    picture, rng = astronaut(), np.random.default_rng(4)
    with tempfile.TemporaryDirectory() as folder:
        video = Path(folder) / "astronaut.mp4"
        with av.open(str(video), "w") as container:
            stream = container.add_stream("libx264", rate=12, width=SIZE, height=SIZE, pix_fmt="yuv420p")
            for number in range(FRAMES):
                left, top, side = 90 + 2 * number, 10 + number // 2, 230
                frame = squash_image(np.ascontiguousarray(picture[top : top + side, left : left + side]), SIZE, SIZE)
                if number % 3:
                    frame = degrade(frame, "faces", rng)
                container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
            container.mux(stream.encode())
        options = ["--detector", str(detector), "--k", "6", "--plot", str(out.resolve())]
        subprocess.run([sys.executable, "-m", "clipselect", "faces", video.name, *options], check=True, cwd=folder)


def attention(detector: Path, network: SetNetwork, out: Path) -> None:
    """From an eye that is hidden in the first face."""
    picture = astronaut()
    (face,) = YuNet(detector)(picture).faces
    crop, grey = align(picture, face).image, np.full(3, 40, np.uint8)
    versions = [
        occlude(crop, 40, 24, 24, 30, grey),
        motion_blur(crop, 17, 0.6),
        crop,
        low_resolution(crop, 6),
        occlude(crop, 60, 30, 52, 60, grey),
    ]
    draw_attention(network, versions, out, image=0, at=(0.45, 0.35))


def persons(out: Path) -> None:
    rows = json.loads((HERE.parent / "benchmarks" / "results" / "reid.json").read_text())["rows"]
    figure, axes = plt.subplots(1, 2, figsize=(9, 3.4), sharey=True, layout="constrained")
    for axis, (data, title) in zip(
        axes, [("mars, as they are", "as they are"), ("mars, 0.5 degraded", "half of the frames degraded")], strict=True
    ):
        mine = [row for row in rows if row["data"] == data]
        for method, label in LINES.items():
            found = sorted((row["clips"], row["map"]) for row in mine if row["method"] == method)
            axis.plot(*zip(*found, strict=True), marker="o", label=label)
        for method, (label, marker) in POINTS.items():
            row = next(row for row in mine if row["method"] == method)
            axis.plot(row["clips"], row["map"], marker, markersize=11, color="black", mfc="none", label=label)
        axis.set(title=title, xlabel="frames embedded per tracklet of 8")
        axis.grid(alpha=0.3)
    axes[0].set_ylabel("mAP, percent")
    axes[0].legend(fontsize=8)
    figure.savefig(out, dpi=110)


if __name__ == "__main__":
    main()
