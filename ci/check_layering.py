#!/usr/bin/env python3
"""Checks that dependencies in the tree point down only.

Which folder may include from which (its own files always):

    lib/core      nothing
    lib/engine    core
    lib/io        core engine
    lib/models    core engine io
    lib/host      core engine io
    lib/metrics   core engine io models host
    lib/train     core engine io models metrics
    lib/analysis  core engine io models host metrics
    backends/X    core engine io                     never another backend
    datasets      all of lib
    bench         all of lib, datasets
    tests         everything

A public header, lib/include/polysem/x.hpp, belongs to the folder of lib/ (or datasets) that has the x.cpp which
includes it. One without a source of its own belongs to the first folder of the table, from lib/engine on, that may
include what it includes; C headers, and the C++ header of the same name, belong to lib/core.
Third-party headers appear only in the folders of THIRD_PARTY; public headers include the standard library alone; and
nothing in lib/ names a backend.

Usage: check_layering.py [ROOT]. Prints one line for each finding, exits 1 if there was one.
"""
import os
import re
import sys

LIB = {
    "lib/core": [],
    "lib/engine": ["lib/core"],
    "lib/io": ["lib/core", "lib/engine"],
    "lib/models": ["lib/core", "lib/engine", "lib/io"],
    "lib/host": ["lib/core", "lib/engine", "lib/io"],
    "lib/metrics": ["lib/core", "lib/engine", "lib/io", "lib/models", "lib/host"],
    "lib/train": ["lib/core", "lib/engine", "lib/io", "lib/models", "lib/metrics"],
    "lib/analysis": ["lib/core", "lib/engine", "lib/io", "lib/models", "lib/host", "lib/metrics"],
}
OTHERS = {"datasets": list(LIB), "bench": [*LIB, "datasets"]}

# First component of a third-party include -> folders that own it.
THIRD_PARTY = {
    "dnnl": ["backends/onednn"],
    "oneapi": ["backends/onednn"],
    "tbb": ["backends/onednn"],
    "vulkan": ["backends/vulkan", "tests"],
    "volk": ["backends/vulkan"],
    "cuda": ["backends/cuda"],
    "cublas": ["backends/cuda"],
    "nlohmann": ["lib/io", "datasets", "bench", "tests"],
    "openssl": ["lib/io", "tests"],
    "zlib": ["lib/io", "tests"],
    "cxxopts": ["bench"],
    "benchmark": ["bench"],
    "gtest": ["tests"],
    "gmock": ["tests"],
}
# C and POSIX headers that come with the system; the C++ standard library is recognised by having no suffix.
SYSTEM = re.compile(r"(sys/\w+|linux/\w+|assert|cpuid|dirent|dlfcn|errno|fcntl|float|inttypes|limits|link|malloc|math|pthread|sched|signal|stdbool|"
                    r"stddef|stdint|stdio|stdlib|string|termios|time|ucontext|unistd|immintrin|arm_neon)\.h")
PUBLIC_C = re.compile(r"(assert|float|limits|math|stdbool|stddef|stdint|string)\.h")

INCLUDE = re.compile(r'^\s*#\s*include\s*(?:<([^>]+)>|"([^"]+)")')
SUFFIXES = (".cpp", ".hpp", ".h", ".c", ".cu", ".cuh", ".inc", ".in")


def source_files(root):
    for top in ("lib", "backends", "datasets", "bench", "tests"):
        for folder, folders, names in os.walk(os.path.join(root, top)):
            folders.sort()
            for name in sorted(names):
                if name.endswith(SUFFIXES):
                    yield os.path.relpath(os.path.join(folder, name), root)


def includes_of(root, path):
    """[(line number, name, whether in angle brackets)]"""
    found = []
    with open(os.path.join(root, path), encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            if match := INCLUDE.match(line):
                found.append((number, match[1] or match[2], match[1] is not None))
    return found


def folder_of(path):
    """The row of the table that a file other than a public header belongs to; None for tests."""
    parts = path.split("/")
    if parts[0] in ("lib", "backends") and len(parts) > 2:
        return "/".join(parts[:2])
    return None if parts[0] == "tests" else parts[0]


def owner_by_source(header, files, includes):
    """The folder with the source that has the header's name and includes it, or None."""
    stem = os.path.splitext(os.path.basename(header))[0]
    name = header[len("lib/include/"):]
    folders = [folder_of(path) for path in files
               if os.path.basename(path) == stem + ".cpp" and path.startswith(("lib/", "datasets/"))
               and any(included == name for _, included, _ in includes[path])]
    return folders[0] if folders else None


def header_owners(files, includes):
    """Public header -> folder."""
    owners = {}

    def owner(header):
        if header not in owners:
            of_core = header.endswith(".h") or header.removesuffix("pp") in includes
            owners[header] = "lib/core" if of_core else owner_by_source(header, files, includes)
        if owners[header] is None:
            owners[header] = "lib/engine"  # also ends the recursion where headers include each other
            used = {owner("lib/include/" + name) for _, name, _ in includes[header] if "lib/include/" + name in includes}
            fitting = [folder for folder in LIB if folder != "lib/core" and used <= {folder, *LIB[folder]}]
            owners[header] = fitting[0] if fitting else "datasets"
        return owners[header]

    for path in files:
        if path.startswith("lib/include/"):
            owner(path)
    return owners


def allowed_from(folder):
    if folder.startswith("backends"):
        return ["lib/core", "lib/engine", "lib/io"]
    return LIB.get(folder, OTHERS.get(folder, []))


def check_own(path, folder, name, files, owners):
    """An include in quotes: None, or what is wrong with it."""
    target = "lib/include/" + name if name.startswith("polysem/") else name
    if target not in files:
        return "no such file; internal headers are included by their path from the root of the tree"
    if path.startswith("lib/include/") and not target.startswith("lib/include/"):
        return "a public header may include only public headers"
    to = owners.get(target) or folder_of(target)
    if folder is None or to == folder or to in allowed_from(folder):
        return None
    to = to or "tests"
    may = " ".join(allowed_from(folder)) or "nothing"
    return f"{folder} may not depend on {to} (it may use: {may})"


def check_third_party(path, folder, name):
    """An include in angle brackets: None, or what is wrong with it."""
    public = path.startswith("lib/include/")
    if re.fullmatch(r"[a-z0-9_]+", name) or (PUBLIC_C if public else SYSTEM).fullmatch(name):
        return None
    if public:
        return "a public header may include only the standard library and polysem"
    key = re.match(r"[A-Za-z0-9]*", name)[0].lower()
    owner = next((owners for prefix, owners in THIRD_PARTY.items() if key.startswith(prefix)), None)
    if owner is None:
        return "a header this project does not know; third-party headers are listed in ci/check_layering.py"
    return None if (folder or "tests") in owner else f"only {', '.join(owner)} may use it"


def strip_comments(text):
    """The text without comments, lines kept; strings stay."""
    pattern = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"', re.DOTALL)
    return pattern.sub(lambda m: m[0] if m[0].startswith('"') else "\n" * m[0].count("\n"), text)


def named_backends(root, path, backends):
    """[(line number, what)] for every place where code in lib/ names a backend."""
    names = "|".join(map(re.escape, sorted(backends)))
    pattern = re.compile(rf'"(?:{names})(?::[^"]*)?"|\b(?:{names})::|\bnamespace\s+(?:{names})\b|POLYSEM_BACKEND_\w+')
    with open(os.path.join(root, path), encoding="utf-8") as file:
        text = strip_comments(file.read())
    return [(number, match[0]) for number, line in enumerate(text.split("\n"), 1) for match in pattern.finditer(line)]


def check(root):
    files = list(source_files(root))
    includes = {path: includes_of(root, path) for path in files}
    owners = header_owners(files, includes)
    known = set(files)
    backends = {path.split("/")[1] for path in files if path.startswith("backends/") and path.count("/") > 1}
    problems = []
    for path in files:
        folder = owners.get(path) or folder_of(path)
        if folder is not None and folder not in LIB and folder not in OTHERS and not folder.startswith("backends"):
            problems.append(f"{path}:1: {folder} is not in the table of ci/check_layering.py")
            continue
        for number, name, angled in includes[path]:
            wrong = (check_third_party(path, folder, name) if angled and not name.startswith("polysem/")
                     else check_own(path, folder, name, known, owners))
            if wrong:
                problems.append(f"{path}:{number}: includes {name}: {wrong}")
        if path.startswith("lib/") and backends:
            problems += [f"{path}:{number}: names a backend, {what}: lib/ knows backends only by their interface"
                         for number, what in named_backends(root, path, backends)]
    return problems


def main():
    root = sys.argv[1] if len(sys.argv) > 1 else os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
    problems = check(root)
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
