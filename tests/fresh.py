"""A fresh environment that has daeutils from its wheel only, and a way to run in it without a network."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def run(*command, env=None, timeout=300, **keywords) -> str:
    """What a command printed; fails where it does. It does not see this checkout."""
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        list(map(str, command)),
        capture_output=True,
        text=True,
        timeout=timeout,
        env=inherited | (env or {}),
        **keywords,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def environment(home: Path, wheel: Path) -> Path:
    """A new environment at `home` into which the wheel was installed, offline; its Python."""
    run(sys.executable, "-m", "venv", "--without-pip", home)
    python = home / "bin" / "python"
    # The dependencies of this environment, but not its editable daeutils: that lies elsewhere.
    packages = run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip()
    borrowed = [path for path in sys.path if path.endswith(("site-packages", "dist-packages"))]
    Path(packages, "borrowed.pth").write_text("\n".join(borrowed) + "\n", encoding="utf-8")
    pip = [sys.executable, "-m", "pip", "--python", python, "--disable-pip-version-check"]
    run(*pip, "install", "--quiet", "--no-deps", "--no-index", wheel)
    return python


def offline(*command, **keywords) -> str:
    """`run` where no other machine can be reached; where that is refused, behind a dead proxy."""
    alone = ["unshare", "--map-root-user", "--net"]
    try:
        permitted = subprocess.run([*alone, "true"], capture_output=True).returncode == 0
    except FileNotFoundError:
        permitted = False
    if permitted:
        return run(*alone, *command, **keywords)
    dead = dict.fromkeys(("http_proxy", "https_proxy", "all_proxy"), "http://127.0.0.1:9")
    dead["no_proxy"] = ""
    return run(*command, env=dead | {name.upper(): value for name, value in dead.items()}, **keywords)
