"""Makes docs/faces.png: a video of a face with what makes frames bad, and `clipselect faces` on it.

    pip install scikit-image && python docs/make_pictures.py --k 6 --detector face_detection_yunet_2026may.onnx

The face is scikit-image's `astronaut`: Eileen Collins, photographed by NASA, in the public domain.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

import av
import numpy as np
from skimage.data import astronaut

from clipselect.degradations import degrade
from clipselect.images import squash_image

FRAMES, SIZE = 24, 320


def main() -> None:
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
        strip = Path(__file__).with_name("faces.png")
        command = [sys.executable, "-m", "clipselect", "faces", video.name, *sys.argv[1:], "--plot", str(strip)]
        subprocess.run(command, check=True, cwd=folder)


if __name__ == "__main__":
    main()
