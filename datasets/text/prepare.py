#!/usr/bin/env python3
"""Prepares real text out of Debian packages for `polysem capture --text debian`.

Downloads the packages that manifest.json names (apt-get download: nothing is installed, root is not needed),
extracts documents of prose, and writes two files to text/debian in the cache, which is
${POLYSEM_CACHE:-${XDG_CACHE_HOME:-~/.cache}/polysem}:

  documents.jsonl  one document a line: name, source (package and file), label (domain), text
  manifest.json    versions and hashes of the packages, counts per domain, hash of documents.jsonl

The same packages give the same bytes. A second run finds everything done and needs no network.
"""

import argparse
import fnmatch
import hashlib
import io
import json
import os
import pathlib
import subprocess
import sys
import tarfile
import tempfile

import extract

HERE = pathlib.Path(__file__).resolve().parent
SOURCES = ("manifest.json", "prepare.py", "extract.py", "markup.py")


class PrepareError(Exception):
    """Something the user can act on."""


def cache_root():
    home = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return pathlib.Path(os.environ.get("POLYSEM_CACHE") or os.path.join(home, "polysem"))


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def held_out(name):
    """The split that the readers of text use: one name in ten, by the first eight bytes of its SHA-256."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big") % 10 == 0


# --- packages -------------------------------------------------------------------------------------

def run_tool(command, **options):
    try:
        return subprocess.run(command, capture_output=True, check=True, **options).stdout
    except FileNotFoundError:
        raise PrepareError(
            f"{command[0]} is missing: the text comes out of Debian packages and needs apt-get and dpkg-deb. "
            "On another system copy the folder text/debian of the cache from a Debian machine, or give "
            "`polysem capture --text` your own files.") from None
    except subprocess.CalledProcessError as error:
        lines = error.stderr.decode(errors="replace").strip().splitlines()
        errors = [line for line in lines if line.startswith(("E:", "dpkg-deb: error"))] or lines
        raise PrepareError(f"{' '.join(command)} failed: {errors[0] if errors else 'no message'}") from None


def download(name, folder):
    """The package file, from an earlier download where there is one."""
    found = sorted(folder.glob(f"{name}_*.deb"), key=lambda p: p.stat().st_mtime)
    if found:
        return found[-1]
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as partial:
        try:
            run_tool(["apt-get", "download", "-q", name], cwd=partial)
        except PrepareError as error:
            raise PrepareError(f"{error}\nWithout a package list run `apt-get update` as root first; without "
                               "a network nothing can be downloaded.") from None
        (package,) = pathlib.Path(partial).glob("*.deb")
        os.replace(package, folder / package.name)
        return folder / package.name


def read_package(package, include, exclude):
    """{path: bytes} of the files in a package that match, symbolic links within them followed."""
    files, links = {}, {}
    data = run_tool(["dpkg-deb", "--fsys-tarfile", str(package)])
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        for member in archive:
            path = os.path.normpath(member.name)
            if not any(fnmatch.fnmatchcase(path, p) for p in include):
                continue
            if any(fnmatch.fnmatchcase(path, p) for p in exclude) or path.startswith(("/", "..")):
                continue
            if member.isfile():
                files[path] = archive.extractfile(member).read()
            elif member.issym():
                links[path] = os.path.normpath(os.path.join(os.path.dirname(path), member.linkname))
    files.update({path: files[target] for path, target in links.items() if target in files})
    return dict(sorted(files.items()))


def fetch(pinned, folder, say):
    package = download(pinned["name"], folder)
    version = run_tool(["dpkg-deb", "-f", str(package), "Version"]).decode().strip()
    found = {"name": pinned["name"], "version": version, "sha256": sha256(package.read_bytes())}
    if version != pinned.get("version", version):
        say(f"note: {pinned['name']} is {version} here, {pinned['version']} when this was written")
    elif found["sha256"] != pinned.get("sha256", found["sha256"]):
        raise PrepareError(f"{package}: SHA-256 is {found['sha256']}, expected {pinned['sha256']}; "
                           "delete the file and try again")
    return package, found


# --- documents ------------------------------------------------------------------------------------

def read_domain(label, domain, folder, say):
    """Packages found, and the domain's documents."""
    found, files, origin = [], {}, {}

    def add(pinned):
        package, record = fetch(pinned, folder, say)
        found.append(record)
        for path, data in read_package(package, domain["include"], domain.get("exclude", [])).items():
            files[path] = data
            origin[path] = record["name"]

    for pinned in domain["packages"]:
        add(pinned)
    convert = extract.KINDS[domain["kind"]]
    try:
        parts = list(convert(files))
    except extract.ExtractError:
        if "helpers" not in domain:
            raise
        for name in domain["helpers"]:  # libraries that the package's program needs and this machine lacks
            add({"name": name})
        parts = list(convert(files))
        del found[len(domain["packages"]):]  # they do not shape the text
    return found, [
        {"name": f"{label}/{name}", "source": f"{origin[path]}:{path}", "label": label, "text": text}
        for name, path, text in parts]


def fill(documents, cap):
    """As many documents as the cap allows, in an order that only their names decide."""
    chosen, total = [], 0
    for document in sorted(documents, key=lambda d: sha256(b"select " + d["name"].encode())):
        if total + len(document["text"]) <= cap:
            chosen.append(document)
            total += len(document["text"])
    return chosen


def select(documents, cap, minimum):
    """Documents that are long enough, up to the cap; of a domain that reaches it a tenth is held out."""
    long_enough = [d for d in documents if len(d["text"]) >= minimum]
    train = [d for d in long_enough if not held_out(d["name"])]
    held = [d for d in long_enough if held_out(d["name"])]
    chosen = fill(train, cap - cap // 10) + fill(held, cap // 10)
    return sorted(chosen, key=lambda d: sha256(b"select " + d["name"].encode()))


def interleave(domains):
    """All domains advance together, so that any beginning of the file is a fair sample of all of it."""
    placed = []
    for documents in domains:
        total = sum(len(d["text"]) for d in documents)
        before = 0
        for document in documents:
            placed.append(((before + len(document["text"]) / 2) / total, document["name"], document))
            before += len(document["text"])
    return [document for _, _, document in sorted(placed, key=lambda p: p[:2])]


def summary(documents):
    characters = sum(len(d["text"]) for d in documents)
    held = [d for d in documents if held_out(d["name"])]
    return {"documents": len(documents), "characters": characters, "held_out_documents": len(held),
            "held_out_characters": sum(len(d["text"]) for d in held)}


def write_atomically(path, data):
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with open(temporary, "wb") as out:
            out.write(data)
            out.flush()
            os.fsync(out.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def done_before(out, recipe):
    """The manifest of an earlier run with the same recipe, if its documents are still what it wrote."""
    try:
        manifest = json.loads((out / "manifest.json").read_text())
        documents = (out / "documents.jsonl").read_bytes()
    except (OSError, ValueError):
        return None
    same = manifest.get("recipe") == recipe and manifest.get("documents_sha256") == sha256(documents)
    return manifest if same else None


def table(manifest):
    rows = [("domain", "documents", "characters", "held out")]
    for label, counts in manifest["domains"].items():
        share = counts["held_out_characters"] / max(counts["characters"], 1)
        rows.append((label, f"{counts['documents']:,}", f"{counts['characters']:,}", f"{share:.1%}"))
    return "\n".join(f"{a:<12}{b:>10}{c:>13}{d:>10}" for a, b, c, d in rows)


def prepare(labels, out, say):
    specification = json.loads((HERE / "manifest.json").read_text())
    labels = labels or specification["default_domains"]
    unknown = [label for label in labels if label not in specification["domains"]]
    if unknown:
        known = ", ".join(specification["domains"])
        raise PrepareError(f"--domains: no domain {unknown[0]!r}; there are {known}")
    recipe = sha256(b"".join((HERE / name).read_bytes() for name in SOURCES) + " ".join(labels).encode())
    manifest = done_before(out, recipe)
    if manifest:
        return manifest
    found, chosen = {}, {}
    for label in labels:
        say(f"{label} ...")
        packages, documents = read_domain(label, specification["domains"][label],
                                          cache_root() / "text" / "packages", say)
        if len({d["name"] for d in documents}) != len(documents):
            raise PrepareError(f"{label}: two documents have the same name")
        found[label] = packages
        chosen[label] = select(documents, specification["cap"], specification["minimum_document"])
        if not chosen[label]:
            raise PrepareError(f"{label}: no document found; the package's layout may have changed")
    documents = interleave(chosen.values())
    lines = "".join(json.dumps(d, ensure_ascii=False) + "\n" for d in documents).encode()
    manifest = {
        "schema": "polysem.text/1",
        "recipe": recipe,
        "documents_sha256": sha256(lines),
        "domains": {label: {"licence": specification["domains"][label]["licence"], "packages": found[label],
                            **summary(chosen[label])} for label in labels},
        "total": summary(documents),
    }
    out.mkdir(parents=True, exist_ok=True)
    write_atomically(out / "documents.jsonl", lines)
    write_atomically(out / "manifest.json", (json.dumps(manifest, indent=2) + "\n").encode())
    return manifest


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("--domains", help="comma-separated, or `all`; six are the default, see manifest.json")
    parser.add_argument("--out", type=pathlib.Path, default=cache_root() / "text" / "debian")
    parser.add_argument("--quiet", action="store_true", help="print nothing but errors")
    arguments = parser.parse_args()

    def say(message):
        if not arguments.quiet:
            print(message, file=sys.stderr)

    if arguments.domains == "all":
        labels = list(json.loads((HERE / "manifest.json").read_text())["domains"])
    else:
        labels = [label.strip() for label in (arguments.domains or "").split(",") if label.strip()]
    try:
        manifest = prepare(labels, arguments.out, say)
    except (PrepareError, extract.ExtractError, OSError) as error:
        print(f"prepare.py: {error}", file=sys.stderr)
        return 1
    if not arguments.quiet:
        print(f"{table(manifest)}\n{arguments.out / 'documents.jsonl'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
