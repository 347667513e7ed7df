"""What tests of the gemmac tool share: running it, and folders that are gone afterwards."""
import os
import pathlib
import resource
import shutil
import subprocess
import tempfile
import unittest

BUILD = pathlib.Path(os.environ["GEMMAC_BUILD"])
SOURCE = pathlib.Path(__file__).resolve().parents[2]
SHARED = pathlib.Path(os.environ.get("GEMMAC_SHARED", SOURCE.parent / "shared"))
GEMMAC = BUILD / "bin" / "gemmac"
BARD = SOURCE / "examples" / "bard-e2b"
# Of their own, so that a user's cache neither helps nor grows; kept between runs, because kernels take their time.
CACHE = BUILD / "test" / "cache"


def gemmac(*words, text=None, path=None, limit=None, cache=CACHE):
    """Runs the tool. `path` replaces PATH; `limit` is the most bytes that a file may grow to."""
    environment = dict(os.environ, XDG_CACHE_HOME=str(cache))
    if path is not None:
        environment["PATH"] = str(path)
    if isinstance(text, str):
        text = text.encode()

    def prepare():
        if limit is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    done = subprocess.run([str(GEMMAC), *map(str, words)], input=text, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          env=environment, preexec_fn=prepare)
    done.out = done.stdout.decode(errors="replace")
    done.err = done.stderr.decode(errors="replace")
    return done


class ToolTest(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="gemmac-test-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)

    def succeed(self, *words, **options):
        done = gemmac(*words, **options)
        self.assertEqual(done.returncode, 0, done.err)
        return done.out

    def refuse(self, code, *words, **options):
        """The words are refused with this exit code and nothing on standard output; returns the message."""
        done = gemmac(*words, **options)
        self.assertEqual(done.returncode, code, done.out + done.err)
        self.assertEqual(done.out, "")
        return done.err
