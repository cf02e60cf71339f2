# bench/harness/machine.py: what the figures were taken on, asked of the machine and of the build itself.

import datetime
import json
import os
import pathlib
import platform
import shlex
import subprocess


def describe(build, source):
    """A dict of words. Compiler and flags are those by which `build` compiled the file whose path ends in `source`."""
    compiler, flags = _compilation(pathlib.Path(build), source)
    return {
        "machine": f"{_processor()}, {os.cpu_count()} {'virtual ' if _is_virtual() else ''}cores",
        "system": f"{_distribution()}, Linux {platform.release()}",
        "compiler": first_line([compiler, "--version"]) if compiler else "unknown",
        "flags": flags or "unknown",
        "revision": _revision(),
        "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
    }


def first_line(argv):
    """The first line that a command prints, on either stream, or `unknown`."""
    return _output(argv).partition("\n")[0].strip() or "unknown"


def _output(argv):
    try:
        return subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True, timeout=20).stdout
    except (OSError, subprocess.SubprocessError):
        return ""


def _compilation(build, source):
    """The compiler and the flags that change code, from the build's own record; two empty words without one."""
    try:
        commands = json.loads((build / "compile_commands.json").read_text())
    except (OSError, ValueError):
        return "", ""
    for entry in commands:
        if pathlib.Path(entry["file"]).as_posix().endswith("/" + source):
            compiler, *words = shlex.split(entry["command"])
            return compiler, " ".join(word for word in words if word.startswith(("-std", "-O", "-m", "-f", "-D")))
    return "", ""


def _cpuinfo(field):
    with open("/proc/cpuinfo", encoding="ascii", errors="replace") as lines:
        for line in lines:
            name, _, value = line.partition(":")
            if name.strip() == field:
                return value.strip()
    return ""


def _processor():
    model = _cpuinfo("model name")
    if not model:
        return platform.machine()
    return f"{model} (family {_cpuinfo('cpu family')}, model {_cpuinfo('model')})"


def _is_virtual():
    return "hypervisor" in _cpuinfo("flags").split()


def _distribution():
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except (OSError, KeyError):
        return platform.system()


def _revision():
    git = ["git", "--no-optional-locks", "-C", pathlib.Path(__file__).parent]
    commit = _output([*git, "rev-parse", "--short=10", "--verify", "--quiet", "HEAD"]).strip()
    if not commit or " " in commit:  # not a repository, no git, or nothing committed
        return "unknown"
    return commit + (" with changes" if _output([*git, "status", "--porcelain"]) else "")
