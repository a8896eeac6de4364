"""The properties of the tree itself that no tool checks: sizes, words, names, paths, modes.

shape   a rule takes a file's name and text and yields its complaints, "NAME:LINE: what; mend"
reads   every file git would take: the tracked and the untracked that are not ignored
Each rule has a bad sample below, so that none can fall silent.
"""

import ast
import importlib
import os
import re
import subprocess
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("bin", "core", "journal", "live", "projections", "replay", "tests")
MODULE_LINES_MAX = 400
FUNCTION_LINES_MAX = 50
LINE_LENGTH_MAX = 100

LEFTOVER = re.compile(r"\b(?:TO" + r"DO|FIX" + r"ME)\b")
FOLDERS_FORBIDDEN = {"utils", "util", "common", "helpers", "misc"}
# A machine's own folders, and the hosts that packages come from: neither is part of the project.
FOLDER_OF_A_MACHINE = re.compile(r"(?<![\w.~-])/(?:work|root|home|Users)/")
REGISTRY = re.compile(
    r"pypi\.(?:org|io)|python" + r"hosted|registry\.(?:npmjs|yarnpkg)|(?:deb|ftp|security)\.debian"
)

Rule = Callable[[str, str], Iterator[str]]


def is_python(name: str, text: str) -> bool:
    """Whether the file is Python: by its suffix, or by its first line."""
    return name.endswith(".py") or text.startswith("#!/usr/bin/env python3\n")


def module_says_what_it_is(name: str, text: str) -> Iterator[str]:
    """Each module opens with a docstring."""
    if is_python(name, text) and not ast.get_docstring(ast.parse(text)):
        yield f"{name}:1: no docstring; open with a sentence that says what the module is"


def module_is_short(name: str, text: str) -> Iterator[str]:
    """Each module has at most 400 lines."""
    lines = text.count("\n")
    if is_python(name, text) and lines > MODULE_LINES_MAX:
        yield f"{name}:{lines}: {lines} lines, expected at most {MODULE_LINES_MAX}; split it"


def function_is_short(name: str, text: str) -> Iterator[str]:
    """Each function outside the tests has at most 50 lines."""
    if not is_python(name, text) or name.startswith("tests/"):
        return
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            if lines > FUNCTION_LINES_MAX:
                what = f"{node.name} has {lines} lines, expected at most {FUNCTION_LINES_MAX}"
                yield f"{name}:{node.lineno}: {what}; split it"


def line_is_short(name: str, text: str) -> Iterator[str]:
    """Each line of code has at most 100 characters."""
    if is_python(name, text) or text.startswith("#!"):
        for number, line in enumerate(text.splitlines(), start=1):
            if len(line) > LINE_LENGTH_MAX:
                found = f"{len(line)} characters, expected at most {LINE_LENGTH_MAX}"
                yield f"{name}:{number}: {found}; break it"


def nothing_is_left_for_later(name: str, text: str) -> Iterator[str]:
    """What is to be done stands in an issue, not in a comment."""
    for number, line in enumerate(text.splitlines(), start=1):
        if found := LEFTOVER.search(line):
            yield f"{name}:{number}: {found[0]} is left; do it, or open an issue"


def folder_has_a_subject(name: str, _text: str) -> Iterator[str]:
    """No folder is named after having no subject."""
    for folder in sorted(FOLDERS_FORBIDDEN.intersection(Path(name).parts[:-1])):
        yield f"{name}:1: a folder named {folder!r} has no subject; name it after what it holds"


def no_machine_is_named(name: str, text: str) -> Iterator[str]:
    """No file holds a path of one machine, nor a host that packages are fetched from."""
    for number, line in enumerate(text.splitlines(), start=1):
        if found := FOLDER_OF_A_MACHINE.search(line):
            yield f"{name}:{number}: {found[0]} is one machine's folder; use a relative path"
        if found := REGISTRY.search(line):
            yield f"{name}:{number}: {found[0]} is a registry's host; name the package instead"


def script_can_be_run(name: str, text: str, mode: int | None = None) -> Iterator[str]:
    """Whatever opens with #! can be executed, and nothing else in bin/ has no suffix."""
    in_bin = name.startswith("bin/") and "." not in Path(name).name
    if in_bin and not text.startswith("#!"):
        yield f"{name}:1: no #! line; a script in bin/ opens with #!/usr/bin/env python3"
    if in_bin or text.startswith("#!"):
        found = (ROOT / name).stat().st_mode if mode is None else mode
        if found & 0o111 != 0o111:
            yield f"{name}:1: mode {found & 0o777:o}, expected 755; chmod +x {name}"


RULES: tuple[Rule, ...] = (
    module_says_what_it_is,
    module_is_short,
    function_is_short,
    line_is_short,
    nothing_is_left_for_later,
    folder_has_a_subject,
    no_machine_is_named,
    script_can_be_run,
)
EXECUTABLE_TEXT = "#!/usr/bin/env python3\n"
BAD: tuple[tuple[Rule, str, str], ...] = (
    (module_says_what_it_is, "core/empty.py", ""),
    (module_says_what_it_is, "bin/script", EXECUTABLE_TEXT),
    (module_is_short, "core/long.py", "\n" * 401),
    (function_is_short, "core/long.py", "def long() -> None:\n" + "    pass\n" * 50),
    (function_is_short, "core/long.py", "async def long() -> None:\n" + "    pass\n" * 50),
    (line_is_short, "core/wide.py", "#" * 101),
    (line_is_short, ".ci/wide", "#!" + "#" * 99),
    (nothing_is_left_for_later, "core/later.py", "# TO" + "DO: the other half"),
    (nothing_is_left_for_later, "README.md", "this is a FIX" + "ME"),
    (folder_has_a_subject, "core/utils/text.py", ""),
    (folder_has_a_subject, "tests/helpers/build.py", ""),
    (no_machine_is_named, "README.md", "see /" + "root/notes"),
    (no_machine_is_named, "core/paths.py", "'/" + "home/x/y'"),
    (no_machine_is_named, "requirements.txt", "--index-url https://pypi" + ".org"),
    (script_can_be_run, "bin/script", ""),
)
GOOD: tuple[tuple[Rule, str, str], ...] = (
    (module_says_what_it_is, "core/module.py", '"""What it is."""\n'),
    (module_says_what_it_is, "README.md", ""),
    (module_is_short, "core/long.py", "\n" * 400),
    (function_is_short, "core/long.py", "def long() -> None:\n" + "    pass\n" * 49),
    (function_is_short, "tests/test_long.py", "def long() -> None:\n" + "    pass\n" * 50),
    (line_is_short, "core/wide.py", "#" * 100),
    (nothing_is_left_for_later, "core/words.py", "METHODOLOGY = 1"),
    (folder_has_a_subject, "core/helpers.py", ""),
    (no_machine_is_named, "README.md", "relative/work/file, core/root/x, and /tmp/somewhere"),
)


@cache
def tree() -> dict[str, str]:
    """Every text file that git would take, by its name from the root."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout
    texts: dict[str, str] = {}
    for name in sorted({os.fsdecode(raw) for raw in listed.split(b"\0") if raw}):
        path = ROOT / name
        content = path.read_bytes() if path.is_file() else b"\0"
        if b"\0" not in content[:8000]:
            texts[name] = content.decode("utf-8", errors="replace")
    return texts


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_tree_keeps(rule: Rule) -> None:
    complaints = [found for name, text in tree().items() for found in rule(name, text)]

    assert not complaints, "\n".join(complaints)


@pytest.mark.parametrize(("rule", "name", "text"), BAD)
def test_a_bad_sample_is_named(
    rule: Rule, name: str, text: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(globals(), "ROOT", tmp_path)
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / name).write_text(text)

    complaints = list(rule(name, text))

    assert complaints
    assert all(found.startswith(f"{name}:") for found in complaints)


@pytest.mark.parametrize(("rule", "name", "text"), GOOD)
def test_a_good_sample_is_not(rule: Rule, name: str, text: str) -> None:
    assert list(rule(name, text)) == []


def test_every_rule_has_a_bad_sample() -> None:
    assert {rule for rule, _, _ in BAD} == set(RULES)


@pytest.mark.parametrize(("mode", "complaints"), [(0o755, 0), (0o644, 1), (0o744, 1)])
def test_a_script_needs_every_executable_bit(mode: int, complaints: int) -> None:
    assert len(list(script_can_be_run("bin/run", EXECUTABLE_TEXT, mode))) == complaints


def lies_in(root: Path, package: str) -> bool:
    """Whether what `import package` finds is the folder of that name in `root`."""
    file = importlib.import_module(package).__file__
    return file is not None and Path(file).resolve() == root / package / "__init__.py"


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_is_the_one_of_this_checkout(package: str) -> None:
    """Another project's `replay` on the path was once imported in place of ours."""
    assert lies_in(ROOT, package), f"{package}/ in {ROOT} needs an __init__.py and to come first"


def test_a_package_of_another_checkout_is_told() -> None:
    assert not lies_in(ROOT, "pytest")
    assert not lies_in(ROOT / "elsewhere", "bin")
