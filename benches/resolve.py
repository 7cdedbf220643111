#!/usr/bin/python3
"""How long `qclock resolve` takes beside dnf, on the same repositories, in one run.

    benches/resolve.py [--qclock PATH] [--rounds N] [FOLDER]

FOLDER holds Enterprise Linux 9 repositories (default: ../shared/el9 beside the checkout). Needs dnf (Debian: `apt-get install dnf`).
Both are asked for `httpd php-fpm` with the stream php:8.2. Cold: an empty cache, all metadata is read. Warm: the second question.
The two take turns, so that whatever else the machine does weighs on both; the medians are compared. Exits with 1 when cold is less
than 10 times as fast, warm less than 50 times, the answers differ, or a cold question takes more than 300 MB.
"""
import argparse
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
REPOSITORIES = {"appstream": "centos-stream9-appstream-2025-01", "baseos": "centos-stream9-baseos-2022-02"}
REQUEST = ["httpd", "php-fpm"]
MODULE = "[php]\nname=php\nstream=8.2\nprofiles=\nstate=enabled\n"


def run(command, environment=None):
    """Seconds, largest memory in MB, and what it printed."""
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment)
    output = process.stdout.read().decode()
    _, _, usage = os.wait4(process.pid, 0)
    return time.perf_counter() - start, usage.ru_maxrss / 1024, output


class Dnf:
    def __init__(self, folder, scratch):
        self.root = scratch / "root"
        modules = self.root / "etc/dnf/modules.d"
        modules.mkdir(parents=True)
        (modules / "php.module").write_text(MODULE)
        self.cache = self.root / "cache"
        places = [word for name, place in REPOSITORIES.items() for word in ("--repofrompath", f"{name},file://{folder / place}")]
        settings = ["reposdir=/nonexistent", "module_platform_id=platform:el9", "install_weak_deps=0", "best=1", "gpgcheck=0"]
        self.command = ["dnf", "-y", "--installroot", str(self.root), f"--setopt=cachedir={self.cache}", *places]
        self.command += [f"--setopt={setting}" for setting in settings] + ["--releasever", "9", "--forcearch", "x86_64"]
        self.command += ["install", "--assumeno", *REQUEST]
        self.environment = dict(os.environ, COLUMNS="300", LC_ALL="C")

    def forget(self):
        shutil.rmtree(self.cache, ignore_errors=True)

    def ask(self):
        return run(self.command, self.environment)

    @staticmethod
    def count(output):
        return sum(line.startswith(" ") and (" x86_64 " in line or " noarch " in line) for line in output.splitlines())


class Qclock:
    def __init__(self, program, folder, scratch):
        self.cache = scratch / "qclock"
        places = [word for name, place in REPOSITORIES.items() for word in ("--repo", f"{name}={folder / place}")]
        self.command = [program, "resolve", *REQUEST, "--module", "php:8.2", *places]
        self.environment = dict(os.environ, QCLOCK_CACHE_DIR=str(self.cache))

    def forget(self):
        shutil.rmtree(self.cache, ignore_errors=True)

    def ask(self):
        return run(self.command, self.environment)

    @staticmethod
    def count(output):
        return len(output.splitlines())


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--qclock", default=str(ROOT / "target/x86_64-unknown-linux-gnu/release/qclock"))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("folder", nargs="?", type=pathlib.Path, default=ROOT.parent / "shared/el9")
    arguments = parser.parse_args()
    if not arguments.folder.is_dir() or not shutil.which("dnf"):
        print(f"skipped: no `{arguments.folder}`, or no dnf")
        return 0
    cold, warm, memory, counts = {}, {}, [], set()
    with tempfile.TemporaryDirectory() as scratch:
        scratch = pathlib.Path(scratch)
        both = {"dnf": Dnf(arguments.folder, scratch), "qclock": Qclock(arguments.qclock, arguments.folder, scratch)}
        for _ in range(arguments.rounds):
            for name, program in both.items():
                program.forget()
                seconds, megabytes, output = program.ask()
                cold.setdefault(name, []).append(seconds)
                counts.add(program.count(output))
                if name == "qclock":
                    memory.append(megabytes)
            for name, program in both.items():
                warm.setdefault(name, []).append(program.ask()[0])
    print(f"answers: {sorted(counts)} packages; memory of a cold question: {max(memory):.0f} MB")
    good = len(counts) == 1 and max(memory) < 300
    for label, times, wanted in (("cold", cold, 10), ("warm", warm, 50)):
        theirs, ours = statistics.median(times["dnf"]), statistics.median(times["qclock"])
        print(f"{label}: dnf {theirs * 1000:.0f} ms, qclock {ours * 1000:.1f} ms: {theirs / ours:.0f} times as fast (wanted: {wanted})")
        good = good and theirs >= wanted * ours
    return 0 if good else 1


sys.exit(main())
