"""Documents out of the files of a Debian package: one function a kind of package.

Each takes {path: bytes} and yields (name, path, text). Names are unique within a domain and do not change
when other documents come or go, because the held-out split is a hash of the name.
"""

import gzip
import os
import re
import struct
import subprocess
import tempfile
import zlib

import markup

GROUP = 4000  # characters: dictionary entries, fortunes are gathered to about this length


class ExtractError(Exception):
    """A package does not look as expected."""


def _decode(data):
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def _unpack(path, data):
    return gzip.decompress(data) if path.endswith((".gz", ".dz")) else data


# --- fiction --------------------------------------------------------------------------------------

_CHAPTER = re.compile(r"\s*chapter\s+(?:[ivxlc]+|\d+)\.?\s*$", re.IGNORECASE)
_BOOK_PARTS = re.compile(r"\s*(?:volume\s+[ivx\d]+|finis\.?|the end\.?)\s*$", re.IGNORECASE)
_EMPHASIS = re.compile(r"\b_([^_]+)_\b|(?<!\w)_([^_]+)_(?!\w)")


def rdata_records(data):
    """The objects of an R lazy-load database: u32 length when unpacked, then a zlib stream, repeated."""
    position = 0
    while position + 4 <= len(data):
        stream = zlib.decompressobj()
        record = stream.decompress(data[position + 4:])
        if not stream.eof or len(record) != struct.unpack_from(">I", data, position)[0]:
            raise ExtractError(f"damaged record at byte {position}")
        yield record
        position = len(data) - len(stream.unused_data)


def rdata_strings(record):
    """The lines of a character vector (R Internals, "Serialization Formats", XDR, version 2 or 3)."""
    if record[:2] != b"X\n":
        raise ExtractError("not an XDR serialisation")
    version = struct.unpack_from(">I", record, 2)[0]
    position = 14
    if version == 3:  # the name of the native encoding
        position += 4 + struct.unpack_from(">I", record, position)[0]
    kind, count = struct.unpack_from(">II", record, position)
    position += 8
    if kind & 0xFF != 16:
        raise ExtractError(f"not a character vector: type {kind & 0xFF}")
    for _ in range(count):
        flags, length = struct.unpack_from(">Ii", record, position)
        position += 8
        if flags & 0xFF != 9 or position + max(length, 0) > len(record):
            raise ExtractError(f"not a string at byte {position}")
        yield _decode(record[position:position + max(length, 0)])  # length -1 is NA
        position += max(length, 0)


def _chapters(lines):
    chapter = None
    for line in lines:
        if _CHAPTER.match(line):
            if chapter is not None:
                yield chapter
            chapter = []
        elif chapter is not None:
            chapter.append("" if _BOOK_PARTS.match(line) else line)
    if chapter is not None:
        yield chapter


def rdata(files):
    for path, data in files.items():
        for record in rdata_records(data):
            lines = list(rdata_strings(record))
            title = next((line for line in lines if line.strip()), "untitled")
            book = re.sub(r"[^a-z]+", "-", title.strip().lower()).strip("-")
            for number, chapter in enumerate(_chapters(lines), 1):
                paragraphs = [markup.join(run) for run in markup.runs("\n".join(chapter))]
                text = _EMPHASIS.sub(lambda m: m.group(1) or m.group(2), "\n\n".join(paragraphs))
                yield f"{book}/{number:02}", path, text


# --- scripture ------------------------------------------------------------------------------------

def _run_bible(folder, files):
    """Libraries among the files are those that the machine lacked."""
    libraries = sorted({os.path.join(folder, os.path.dirname(path)) for path in files if ".so" in path})
    environment = {"LD_LIBRARY_PATH": ":".join(libraries)} if libraries else {}
    program, data = os.path.join(folder, "usr/bin/bible"), os.path.join(folder, "usr/lib")
    return subprocess.run([program, "-p", data, "-f", "Gen1:1-Rev22:21"], env=environment,
                          stdin=subprocess.DEVNULL, capture_output=True, check=False)


def bible_chapters(listing):
    """`Ge1:1 text`, a verse a line, to (book, chapter, text with a verse a line)."""
    chapters = {}
    for line in listing.splitlines():
        verse = re.match(r"(\d?[A-Za-z]+)(\d+):(\d+) (.+)$", line)
        if not verse:
            raise ExtractError(f"not a verse: {line[:60]!r}")
        book, chapter, _, text = verse.groups()
        chapters.setdefault((book, int(chapter)), []).append(" ".join(text.split()))
    return [(book, chapter, "\n".join(verses)) for (book, chapter), verses in chapters.items()]


def bible(files):
    """The text is compressed in a form of its own: the package's program reads it."""
    with tempfile.TemporaryDirectory() as folder:
        for path, data in files.items():
            target = os.path.join(folder, path)
            os.makedirs(os.path.dirname(target), exist_ok=True)
            with open(target, "wb") as out:
                out.write(data)
        os.chmod(os.path.join(folder, "usr/bin/bible"), 0o755)
        result = _run_bible(folder, files)
    if result.returncode != 0 or not result.stdout:
        raise ExtractError(f"bible: exit code {result.returncode}: {_decode(result.stderr).strip()}")
    for book, chapter, text in bible_chapters(_decode(result.stdout)):
        yield f"{book}/{chapter:03}", "usr/lib/bible.data", text


# --- manuals --------------------------------------------------------------------------------------

def _manual(files, root, endings, paragraphs):
    for path, data in files.items():
        name = path.removeprefix(root)
        for ending in endings:
            name = name.removesuffix(ending)
        yield name, path, "\n\n".join(paragraphs(_decode(_unpack(path, data))))


def rst(files):
    root = os.path.commonpath(files) if len(files) > 1 else os.path.dirname(next(iter(files), ""))
    return _manual(files, root + "/", (".gz", ".txt", ".rst"), markup.rst_paragraphs)


def pod(files):
    root = os.path.commonpath(files) if len(files) > 1 else os.path.dirname(next(iter(files), ""))
    return _manual(files, root + "/", (".pod",), markup.pod_paragraphs)


# --- dictionaries ---------------------------------------------------------------------------------

def _grouped(entries, path):
    """(key, text) gathered to documents of about GROUP characters, named after the first key."""
    keys, texts, seen = [], [], {}

    def document():
        name = re.sub(r"[^a-z0-9]+", "-", keys[0].lower()).strip("-") or "symbol"
        seen[name] = seen.get(name, 0) + 1
        return (name if seen[name] == 1 else f"{name}.{seen[name]}"), path, "\n\n".join(texts)

    for key, text in entries:
        keys.append(key)
        texts.append(text)
        if sum(map(len, texts)) >= GROUP:
            yield document()
            keys, texts = [], []
    if texts:
        yield document()


def dictd_entries(text):
    """(headword, definition): the paragraphs of a definition that are prose, without links and category."""
    headword, paragraphs = "", []
    for run in markup.runs(text):
        if not run[0].startswith((" ", "{")):  # a link at column 0 is a slip of the editor's
            if paragraphs:
                yield headword, f"{headword}: " + "\n\n".join(paragraphs)
            headword, paragraphs = run[0].split("%%%")[0].strip(), []
            continue
        paragraph = re.sub(r"^\s*<[^<>]{1,60}>", "", markup.join(run)) if not paragraphs else markup.join(run)
        paragraph = markup.join([re.sub(r"[{}]", "", paragraph)])
        if markup.is_prose(paragraph) and not headword.startswith("00-database"):
            paragraphs.append(paragraph)
    if paragraphs:
        yield headword, f"{headword}: " + "\n\n".join(paragraphs)


def dictd(files):
    for path, data in files.items():
        yield from _grouped(dictd_entries(_decode(_unpack(path, data))), path)


def _jargon_sections(text):
    """(title, paragraphs): chapters stand at column 0, lexicon entries as `:headword:` at column 3."""
    title, paragraphs, lead = "preface", [], ""
    for run in markup.runs(text):
        entry = re.match(r"   :([^:\s][^:]*):(?:\s|$)", run[0])
        if entry or not run[0].startswith(" "):
            if paragraphs:
                yield title, paragraphs
            title, paragraphs = entry.group(1) if entry else run[0].strip(), []
            lead = f"{title}: " if entry else ""
        elif not any(line.startswith("    ") for line in run):  # deeper: quotations and code
            paragraph = markup.join([re.sub(r"[{}]", "", line) for line in run])
            if markup.is_prose(paragraph):
                paragraphs.append(lead + paragraph)
                lead = ""
    if paragraphs:
        yield title, paragraphs


def jargon(files):
    for path, data in files.items():
        sections = _jargon_sections(_decode(_unpack(path, data)))
        yield from _grouped(((title, "\n\n".join(paragraphs)) for title, paragraphs in sections), path)


# --- fortunes -------------------------------------------------------------------------------------

def fortune_entries(text):
    """Entries between lines of a single per cent sign, lines kept (verse, dialogue), overstriking undone."""
    overstruck = re.compile(r"[^\n\x08]\x08")
    while overstruck.search(text):
        text = overstruck.sub("", text)
    text = re.sub(r"[\x00-\x08\x0b-\x1f\x7f]", "", text)  # bells, mostly
    for entry in re.split(r"^%\s*$", text, flags=re.MULTILINE):
        lines = [" ".join(line.split()) for line in entry.split("\n")]
        entry = re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()
        if entry:
            yield entry


def fortune(files):
    for path, data in files.items():
        topic = os.path.basename(path)
        entries = list(fortune_entries(_decode(data)))
        for name, source, text in _grouped(((f"{topic}-{i:04}", e) for i, e in enumerate(entries, 1)), path):
            yield f"{topic}/{name.removeprefix(topic + '-')}", source, text


KINDS = {"rdata": rdata, "bible": bible, "rst": rst, "pod": pod, "dictd": dictd, "jargon": jargon,
         "fortune": fortune}
