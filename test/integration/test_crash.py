# SPDX-License-Identifier: Apache-2.0
"""kill -9 and Ctrl-C in the middle of work: nothing stored is lost, work is taken up again."""
import os
import random
import signal
import time
import unittest

from harness import HostileGateway, MIB, TestCase, wait_until


class Kill(TestCase):
    def test_a_pull_that_is_killed_twenty_times_resumes_and_fetches_only_what_was_in_flight_again(self):
        size, window = 96 * MIB, 64 * MIB
        seed = int(os.environ.get("ACCEL_SEED", time.time_ns() & 0xFFFF))
        print("seed", seed)
        generator = random.Random(seed)
        home = self.home()
        path = self.file("model.bin", size)
        cid = home.add(path)
        with self.daemon(home) as daemon:
            slow = HostileGateway(daemon.gateway, lambda handler, body: time.sleep(0.02))
            self.addCleanup(slow.close)
            other = self.home()
            kills, before = 0, 0
            for _ in range(20):
                process = other.start("pull", cid, "--from", slow.url, environment={"IPFS_ACCELERATE_PERFORMANCE_PARALLEL_REQUESTS": "4"})
                time.sleep(generator.uniform(0.02, 0.2))
                if process.poll() is None:
                    process.kill()
                    kills += 1
                process.communicate()
                if kills and process.returncode == 0:
                    break
            report = other.json("pull", cid, "--from", slow.url)
        # Four requests in flight at each kill: at most four leaves and the root are asked for again.
        sent = sum(slow.sent.values())
        print(f"{kills} kills, {sent / size:.3f} of the file sent in all, last pull reused {report['bytes_reused']}")
        self.assertGreater(kills, 5)
        self.assertLessEqual(sent, size + (kills + 1) * (6 * MIB))
        self.assertEqual(other.run("cat", cid, text=False)[1], path.read_bytes())
        self.assertEqual(other.json("verify")["damaged"], [])

    def test_an_add_that_is_killed_leaves_a_store_that_verifies(self):
        home = self.home()
        kept = home.add(self.file("kept", 3 * MIB, 7))
        path = self.file("big", 200 * MIB, 8)
        for delay in (0.01, 0.03, 0.06, 0.1, 0.2):
            process = home.start("add", path)
            time.sleep(delay)
            process.kill()
            process.communicate()
            self.assertEqual(home.json("verify")["damaged"], [], f"killed after {delay} s")
        self.assertEqual(home.run("cat", kept, text=False)[0], 0)
        home.ok("gc")
        cid = home.add(path)
        self.assertEqual(home.run("cat", cid, text=False)[1], path.read_bytes())

    def test_ctrl_c_ends_a_pull_with_130_and_leaves_nothing_half_done(self):
        home = self.home()
        path = self.file("model.bin", 32 * MIB)
        cid = home.add(path)
        with self.daemon(home) as daemon:
            slow = HostileGateway(daemon.gateway, lambda handler, body: time.sleep(0.1))
            self.addCleanup(slow.close)
            other = self.home()
            process = other.start("pull", cid, "--from", slow.url)
            time.sleep(0.6)
            process.send_signal(signal.SIGINT)
            _, err = process.communicate(timeout=20)
            self.assertEqual(process.returncode, 130, err)
            self.assertNotEqual(other.run("cat", cid)[0], 0)
            report = other.json("pull", cid, "--from", daemon.gateway)
        self.assertGreater(report["bytes_reused"], 0)

    def test_what_an_interrupted_pull_fetched_can_be_freed(self):
        home = self.home()
        cid = home.add(self.file("model.bin", 32 * MIB))
        with self.daemon(home) as daemon:
            slow = HostileGateway(daemon.gateway, lambda handler, body: time.sleep(0.1))
            self.addCleanup(slow.close)
            other = self.home()
            process = other.start("pull", cid, "--from", slow.url)
            self.assertTrue(wait_until(lambda: list((other.path / "store/partial").glob("*.part"))))
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=20)
        self.assertEqual(other.json("gc")["unfinished_freed"], 0)
        self.assertEqual(other.json("gc", "--unfinished")["unfinished_freed"], 1)

    def test_a_daemon_that_is_killed_leaves_a_home_that_the_next_one_takes_over(self):
        home = self.home()
        cid = home.add(self.file("a", MIB))
        with self.daemon(home) as daemon:
            daemon.process.kill()
            daemon.process.wait()
            self.assertEqual(home.run("cat", cid, text=False)[0], 0)
        with self.daemon(home) as daemon:
            self.assertTrue(home.json("status")["daemon"])


if __name__ == "__main__":
    unittest.main()
