"""The cache of compiled models: what it lists, what it removes, and two processes that want the same."""
import json
import os
import signal
import subprocess
import time
import unittest

from gemmac_tool import BARD, CACHE, GEMMAC, ToolTest, gemmac

PROMPT = ["--prompt", "ROMEO:", "-n", 4, "--temp", 0]


class Cache(ToolTest):
    def setUp(self):
        super().setUp()
        self.models = self.folder / "gemmac" / "models"
        self.models.parent.mkdir()
        # Models of their own, kernels of all tests: they take their time.
        (CACHE / "gemmac" / "kernels").mkdir(parents=True, exist_ok=True)
        (self.models.parent / "kernels").symlink_to(CACHE / "gemmac" / "kernels")

    def run_model(self, scheme, *more, **options):
        done = gemmac("run", BARD, "--scheme", scheme, *PROMPT, *more, cache=self.folder, **options)
        self.assertEqual(done.returncode, 0, done.err)
        return done

    def cache(self, *words):
        return self.succeed("cache", *words, cache=self.folder)

    def listed(self):
        return json.loads(self.cache("list", "--json"))

    def start(self, *words):
        return subprocess.Popen([str(GEMMAC), *map(str, words)], env=dict(os.environ, XDG_CACHE_HOME=str(self.folder)),
                                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def test_an_empty_one(self):
        self.assertEqual(self.listed(), {"models": [], "bytes": 0, "limit": 50000000000})
        self.assertIn("0 models", self.cache("list"))
        self.assertEqual(self.cache("clear"), "")
        self.assertIn("there is no compiled model 'x'", self.refuse(1, "cache", "clear", "x", cache=self.folder))

    def test_the_limit_is_a_setting_that_stays(self):
        self.assertEqual(self.cache("limit"), "50.0 GB\n")
        for size, said in (("20GB", "20.0 GB"), ("1.5 tb", "1.50 TB"), ("300000", "300 kB"), ("none", "none")):
            self.assertEqual(self.cache("limit", size), "")
            self.assertEqual(self.cache("limit"), said + "\n")
        for size in ("many", "-1", "1e3GB", "20 apples", "1.5", "."):
            self.assertEqual(gemmac("cache", "limit", size, cache=self.folder).returncode, 2, size)

    def test_what_was_not_used_for_longest_goes_beyond_the_limit(self):
        said = self.run_model("q4_0").err
        self.assertRegex(said, r"compiling into '.*bard_e2b-[0-9a-f]{16}': about [\d.]+ MB of disk, of [\d.]+ [GT]B that are free")
        self.run_model("q8_0")
        time.sleep(1.1)  # times of use are in seconds
        self.run_model("q4_0")  # used again
        rows = self.listed()["models"]
        self.assertEqual(len(rows), 2)
        self.assertLess(rows[0]["last_use"], rows[1]["last_use"])
        self.assertGreater(rows[0]["bytes"], rows[1]["bytes"], "q8_0 is the older and the larger one")
        self.assertTrue(all(row["complete"] and not row["in_use"] for row in rows))
        self.assertIn(f"removed {rows[0]['name']}", self.cache("limit", rows[1]["bytes"] + 1))
        self.assertEqual([row["name"] for row in self.listed()["models"]], [rows[1]["name"]])
        # A new model, which is larger than the limit, pushes out the other and stays itself.
        self.assertIn(f"removed {rows[1]['name']}", self.run_model("q8_0").err)
        self.assertEqual([row["name"] for row in self.listed()["models"]], [rows[0]["name"]])
        self.assertIn("removed bard_e2b", self.cache("clear"))
        self.assertEqual(os.listdir(self.models), [])
        self.assertEqual(os.listdir(self.models.parent / "used"), [])

    def test_two_processes_share_one_compilation(self):
        both = [self.start("run", BARD, "--scheme", "q4_0", *PROMPT) for _ in range(2)]
        out, err = zip(*(process.communicate(timeout=600) for process in both))
        self.assertEqual([process.returncode for process in both], [0, 0], err)
        self.assertEqual(out[0], out[1])
        self.assertEqual(sum("weights: done" in text for text in err), 1, err)
        self.assertEqual(len(self.listed()["models"]), 1)

    def test_what_a_program_runs_stays(self):
        self.run_model("q4_0")
        running = self.start("run", BARD, "--scheme", "q4_0", "--prompt", "-", *PROMPT[2:])  # waits for its input
        while not self.listed()["models"][0]["in_use"]:
            self.assertIsNone(running.poll())
            time.sleep(0.05)
        done = gemmac("cache", "clear", cache=self.folder)
        self.assertEqual(done.returncode, 1)
        self.assertIn("stays: it is in use", done.err)
        self.cache("limit", 1)
        out, err = running.communicate("ROMEO:", timeout=100)
        self.assertEqual(running.returncode, 0, err)
        self.assertTrue(out.strip())
        self.assertIn("removed bard_e2b", self.cache("clear"))

    def test_what_a_failed_compilation_leaves_is_no_model(self):
        (self.models / "bard_e2b-0").mkdir(parents=True)
        (self.models / "bard_e2b-0" / "bard_e2b.weights").write_bytes(b"x" * 100000)
        self.assertIn("incomplete", self.cache("list"))
        self.assertIn("removed bard_e2b-0", self.cache("limit", 1000))

    def test_an_interrupt_leaves_nothing(self):
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
            running = self.start("run", BARD, "--scheme", "q4_0", *PROMPT)
            while not (self.models.parent / "used").exists():
                self.assertIsNone(running.poll())
                time.sleep(0.01)
            running.send_signal(number)
            running.communicate(timeout=100)
            self.assertEqual(running.returncode, -number)
            self.assertFalse(any(row["complete"] or row["in_use"] for row in self.listed()["models"]))
            self.cache("clear")
            self.assertEqual(os.listdir(self.models.parent / "used"), [])
            (self.models.parent / "used").rmdir()

    def test_files_that_are_none_do_no_harm(self):
        os.mkfifo(self.models.parent / "limit")
        self.assertEqual(self.cache("limit"), "50.0 GB\n")
        # A folder elsewhere belongs to somebody else, whatever points to it.
        elsewhere = self.folder / "elsewhere"
        elsewhere.mkdir()
        (elsewhere / "precious").touch()
        self.models.mkdir()
        (self.models / "link").symlink_to(elsewhere)
        self.assertEqual(self.listed()["models"], [])
        self.cache("clear")
        self.assertEqual(os.listdir(elsewhere), ["precious"])

    def test_a_failure_leaves_nothing(self):
        self.refuse(1, "run", BARD, "--scheme", "f32", *PROMPT, cache=self.folder, limit=1 << 20)
        self.assertEqual(os.listdir(self.models.parent / "used"), [])
        self.assertEqual(self.listed()["models"], [])


if __name__ == "__main__":
    unittest.main()
