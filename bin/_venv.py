"""The start of every script in bin/: the locked environment, made once, and the jump into it.

layout  .venvs/KIND-PYTHON-PLATFORM-LOCK/   one environment for each lock and Python
        .venv, .venv-dev                    links to the newest of each, for people and editors
stamp   written last: an environment without it was killed in the making and is made anew
errors  one line on standard error, exit status 2
needs   the standard library; parses under Python 3.6, so that an old Python gets a clear line

A finished environment is never changed or removed here: a live runner may be running from it.
"""

import os
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
OLDEST = (3, 11)
LOCKS = {".venv": "requirements.txt", ".venv-dev": "requirements-dev.txt"}

# Of the caller's pip settings, those that say where packages come from are kept. The rest say
# where they go or which to take (PIP_TARGET, PIP_USER, PIP_NO_DEPS), which is the lock's to say.
SOURCES = (
    *("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_NO_INDEX", "PIP_FIND_LINKS", "PIP_PROXY"),
    *("PIP_TRUSTED_HOST", "PIP_CERT", "PIP_CLIENT_CERT", "PIP_TIMEOUT", "PIP_DEFAULT_TIMEOUT"),
    *("PIP_RETRIES", "PIP_CACHE_DIR", "PIP_NO_CACHE_DIR", "PIP_CONFIG_FILE"),
)
FOREIGN = ("PIP_", "PYTHON")


def start(link: str, module: str, *arguments: str) -> None:
    """Become `python -m module arguments` in the environment behind `link`; never returns.

    The checkout is first on the import path and the caller's folder is not on it, so that a
    random.py lying there is not imported; relative paths in `arguments` still mean that folder.
    """
    refuse(sys.version_info, os.name)
    foreign = [os.path.abspath(p) for p in os.environ.get("PYTHONPATH", "").split(os.pathsep)]
    sys.path[:] = [entry for entry in sys.path if entry not in foreign]
    python = os.path.join(environment(link), "bin", "python")
    variables = dict(os.environ, PYTHONPATH=ROOT, PYTHONSAFEPATH="1")
    variables.pop("PYTHONHOME", None)
    os.execve(python, [python, "-m", module, *arguments], variables)


def refuse(version: "tuple[object, ...]", system: str) -> None:
    """Stop where refold cannot run, in words and not in a traceback."""
    if tuple(version[:2]) < OLDEST:
        found, expected = ".".join(map(str, version[:2])), ".".join(map(str, OLDEST))
        raise cannot(
            f"{sys.executable} is Python {found}, expected {expected} or newer; "
            f"name a newer one: python{expected} {sys.argv[0]}"
        )
    if system != "posix":
        raise cannot(f"this system is {system!r}, expected Linux or macOS; use WSL or a container")


def environment(link: str) -> str:
    """The path of the environment behind `link`, made first where it is not there whole."""
    import hashlib

    lock = os.path.join(ROOT, LOCKS[link])
    try:
        with open(lock, "rb") as file:
            digest = hashlib.sha256(file.read()).hexdigest()
    except OSError as error:
        raise cannot(f"{lock}: {error.strerror}; restore it: git checkout {LOCKS[link]}") from error
    python = ".".join(map(str, sys.version_info[:3]))
    parts = (link.strip("."), python, sys.platform, os.uname().machine, digest[:12])
    path = os.path.join(ROOT, ".venvs", "-".join(parts))
    stamp = f"{digest}\n{python}\n{path}\n"
    if not whole(path, stamp):
        try:
            build(link, lock, path, stamp)
        except OSError as error:
            where = error.filename or path
            raise cannot(f"{where}: {error.strerror}; mend that and start again") from error
        except KeyboardInterrupt as error:
            raise cannot(f"interrupted; the next start makes {link} anew") from error
    return path


def whole(path: str, stamp: str) -> bool:
    """Whether the environment was finished, here, from this lock, and its Python still exists."""
    try:
        with open(os.path.join(path, "stamp"), encoding="utf-8", errors="surrogateescape") as file:
            return file.read() == stamp and os.path.exists(os.path.join(path, "bin", "python"))
    except OSError:
        return False


def build(link: str, lock: str, path: str, stamp: str) -> None:
    """Make the environment and stamp it; of two at once, the second waits and finds it made."""
    import fcntl
    import shutil

    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(os.path.join(os.path.dirname(path), "lock"), "ab") as turn:
        try:
            fcntl.flock(turn, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            sys.stderr.write(f"waiting for another start that sets up {link} ...\n")
            fcntl.flock(turn, fcntl.LOCK_EX)
        if whole(path, stamp):
            return
        sys.stderr.write(f"setting up {link} (once, about 15 s) ...\n")
        if os.path.exists(path):
            shutil.rmtree(path)
        # -I: neither the caller's folder nor PYTHONPATH. Wheels only: building a source package
        # would fetch its build tools past the lock. Not compiled: that would double the time.
        run([sys.executable, "-I", "-m", "venv", path], path + ".log", turn.fileno())
        pip = [os.path.join(path, "bin", "python"), "-I", "-m", "pip", "install", "--no-input"]
        pip += ["--no-user", "--no-compile", "--only-binary=:all:", "--require-hashes", "-r", lock]
        run(pip, path + ".log", turn.fileno())
        os.sync()  # the packages reach the disk before the stamp that vouches for them
        new = os.path.join(path, "stamp.new")
        with open(new, "w", encoding="utf-8", errors="surrogateescape") as file:
            file.write(stamp)
        os.rename(new, os.path.join(path, "stamp"))
        point(os.path.join(ROOT, link), path)


def run(command: "list[str]", log: str, turn: int) -> None:
    """Run one step of the set-up, its output in `log`; stop with the first error it names.

    The step inherits the lock: should only this process be killed, the pip it leaves behind still
    writes, and the next start waits for it to end instead of building beside it.
    """
    import subprocess

    kept = {k: v for k, v in os.environ.items() if k in SOURCES or not k.startswith(FOREIGN)}
    with open(log, "wb") as out:
        step = subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, pass_fds=[turn], env=kept
        )
    if step.returncode:
        with open(log, encoding="utf-8", errors="replace") as file:
            said = [line.strip() for line in file if line.strip()] or ["nothing"]
        first = next((line for line in said if line.lower().startswith("error")), said[0])
        raise cannot(
            f"set-up failed: {' '.join(command[2:5])}, status {step.returncode}: {first}; "
            f"see {log}; check network, disk and pip's settings, then start again"
        )


def point(link: str, path: str) -> None:
    """Make `link` lead to the environment; a folder of someone's own in its place stays."""
    new = link + ".new"
    if os.path.lexists(new):
        os.remove(new)
    os.symlink(os.path.relpath(path, ROOT), new)
    try:
        os.replace(new, link)
    except IsADirectoryError:
        os.remove(new)


def cannot(sentence: str) -> SystemExit:
    """Say in one line why nothing can be done; what to raise, with the status of "cannot run"."""
    sys.stderr.write(f"refold: {sentence}\n")
    return SystemExit(2)
