"""`clipselect export`."""

from pathlib import Path

import onnxruntime
from helpers.command_line import Run, assert_refused
from helpers.sampling import tiny_ddnet


def test_the_file_is_written_and_described(run: Run, tmp_path: Path) -> None:
    model = tiny_ddnet(tmp_path / "tiny.safetensors")
    run("export", "--onnx", tmp_path / "net.onnx", "--model", model)
    assert run.code == 0 and run.out == ""
    [line] = run.err.splitlines()
    assert line.startswith(f"written: {tmp_path / 'net.onnx'}") and "clips [n, 4, 32, 32, 3] uint8" in line
    assert onnxruntime.InferenceSession(tmp_path / "net.onnx").get_inputs()[0].shape[1:] == [4, 32, 32, 3]


def test_what_cannot_be_exported_is_refused(run: Run, tmp_path: Path) -> None:
    assert run("export").code == 2 and "--onnx" in run.err
    assert_refused(run("export", "--onnx", ""), "--onnx", "empty")
    assert_refused(run("export", "--onnx", tmp_path / "net.onnx", "--model", "no-such"), "no-such")
    assert_refused(run("export", "--onnx", tmp_path / "no" / "net.onnx"), "net.onnx", "folder")
