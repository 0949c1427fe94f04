# SPDX-License-Identifier: Apache-2.0
"""tools/export_efficientnet_onnx.py on files that are not what they should be: nothing in them runs, and what is wrong is said."""
import pickle
import struct
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

TOOL = Path(__file__).resolve().parents[3] / "tools/export_efficientnet_onnx.py"
MAGIC = 0x1950A86A20F9469CFC6C


class Runs:
    """What a hostile file would run."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


class ExportEfficientNet(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def refused(self, *parts):
        (self.folder / "net.pth").write_bytes(b"".join(part if isinstance(part, bytes) else pickle.dumps(part, 2) for part in parts))
        done = subprocess.run([sys.executable, TOOL, self.folder, self.folder / "out"], capture_output=True, text=True)
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertNotIn("Traceback", done.stderr)
        return done.stderr

    def test_a_file_that_would_run_something_runs_nothing(self):
        marker = self.folder / "ran"
        self.assertIn("asks for", self.refused(MAGIC, 1001, {}, Runs(marker)))
        self.assertIn("asks for", self.refused(Runs(marker)))
        self.assertFalse(marker.exists())

    def test_other_formats_and_files_that_end_early_are_told(self):
        self.assertIn("format", self.refused(5))
        self.refused(b"")
        self.refused(MAGIC, 1001)
        self.assertIn("_conv_stem", self.refused(MAGIC, 1001, {}, {}, []))
        self.refused(MAGIC, 1001, {}, {}, ["1"], struct.pack("<Q", 1 << 60))

    def test_a_folder_without_one_file_is_told(self):
        done = subprocess.run([sys.executable, TOOL, self.folder, self.folder / "out"], capture_output=True, text=True)
        self.assertEqual((done.returncode, "0 .pth files" in done.stderr), (1, True))


if __name__ == "__main__":
    unittest.main()
