#!/usr/bin/env python3
"""Keeps README.md true: what stands in its fenced code blocks is compiled or run by the tests.

Every block says in a comment on the line before it what becomes of it:

    <!-- file: app/main.cpp -->      written to that file (check_readme.py --write FOLDER)
    <!-- same as: lib/x.c -->   is that file, which the tests compile and run
    <!-- run -->                     run by bash (check_readme.py --run FOLDER), in the order of the README
    <!-- not run: why -->            left alone

Without an option it only checks that every block says so. A command that fails ends it with its exit code.
"""
import argparse
import os
import re
import subprocess
import sys

README = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "README.md")
MARK = re.compile(r"<!-- (?:file: (?P<file>[\w./-]+)|same as: (?P<same>[\w./-]+)|(?P<run>run)|not run: \S.*?) -->")


def blocks(path):
    """[(line number of the first line inside, match of MARK or None, text)]"""
    found = []
    with open(path, encoding="utf-8") as file:
        lines = file.read().split("\n")
    start = None
    for index, line in enumerate(lines):
        if not line.startswith("```"):
            continue
        if start is None:
            start = index + 1
        else:
            mark = MARK.fullmatch(lines[start - 2]) if start >= 2 else None
            found.append((start + 1, mark, "\n".join(lines[start:index]) + "\n"))
            start = None
    if start is not None:
        raise SystemExit(f"{path}:{start}: this code block is never closed")
    return found


def copies_that_differ(found, readme):
    """A message for each block that is no longer the file it says it is."""
    root, wrong = os.path.dirname(os.path.abspath(readme)), []
    for line, mark, text in found:
        if mark and mark["same"]:
            path = os.path.join(root, mark["same"])
            if not os.path.isfile(path):
                wrong.append(f"{readme}:{line}: there is no {mark['same']}")
            elif open(path, encoding="utf-8").read() != text:
                wrong.append(f"{readme}:{line}: this code block is not what {mark['same']} holds")
    return wrong


def write(found, folder):
    for _, mark, text in found:
        if mark["file"]:
            path = os.path.join(folder, mark["file"])
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)


def run(found, readme, folder):
    for line, mark, text in found:
        if mark["run"]:
            print(f"{readme}:{line}: {text.strip()}", flush=True)
            code = subprocess.run(["bash", "-euo", "pipefail", "-c", text], cwd=folder).returncode
            if code != 0:
                raise SystemExit(f"{readme}:{line}: this block failed with exit code {code}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--readme", default=os.path.normpath(README))
    parser.add_argument("--write", metavar="FOLDER")
    parser.add_argument("--run", metavar="FOLDER")
    arguments = parser.parse_args()
    found = blocks(arguments.readme)
    unmarked = [f"{arguments.readme}:{line}: this code block does not say whether tests run it; see ci/check_readme.py"
                for line, mark, _ in found if not mark]
    if wrong := unmarked + copies_that_differ(found, arguments.readme):
        raise SystemExit("\n".join(wrong))
    if arguments.write:
        write(found, arguments.write)
    if arguments.run:
        run(found, arguments.readme, arguments.run)


if __name__ == "__main__":
    sys.exit(main())
