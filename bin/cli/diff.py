"""`diff`: the first difference of two journals, or of two configuration files."""

import argparse
import contextlib

from bin.cli.exits import Exit
from bin.cli.output import print_json, print_lines


def diff(options: argparse.Namespace) -> int:
    """Exit status 1 when they differ."""
    sides = (options.left, options.right)
    configs = all(side.endswith(".toml") for side in sides)
    first = _of_configs(*sides) if configs else _of_journals(options)
    if options.json:
        print_json({"equal": first is None, "first": first})
    elif first is None:
        print_lines(["equal"])
    elif configs:
        print_lines([f"first difference {first['key']}: {first['left']!r}, {first['right']!r}"])
    else:
        print_lines([f"first difference at sequence {first['sequence']}: {first['diff']}"])
    return Exit.GOOD if first is None else Exit.CHECK_FAILED


def _of_journals(options: argparse.Namespace) -> dict[str, object] | None:
    from bin.cli.journals import read
    from replay.difference import first_difference

    left = read(options, options.left)
    with contextlib.closing(left):
        right = read(options, options.right)
        with contextlib.closing(right):
            return first_difference(left.read(), right.read())


def _of_configs(left_path: str, right_path: str) -> dict[str, object] | None:
    """The first setting, by key, that two files make different; places are left out."""
    from core.config import flatten
    from live.configuration import load

    left, right = (flatten(load(path, {}, {}).config) for path in (left_path, right_path))
    for key in sorted({*left, *right}):
        if left.get(key) != right.get(key):
            return {"key": key, "left": left.get(key), "right": right.get(key)}
    return None
