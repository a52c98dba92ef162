"""Paragraphs of prose out of plain text, reStructuredText and Perl's POD.

Every function is pure: text in, text out. What is dropped is dropped because a language model would read it
as noise (code, tables, titles, lists of options), and the rules are the same for every domain so that domains
differ by their subject and not by their treatment.
"""

import html
import re

MINIMUM_PARAGRAPH = 80
_SENTENCE_END = re.compile(r"[.!?:][\"')\]\u2019\u201d]*$")
_OPENING = "\"'\u2018\u201c"


def is_prose(paragraph):
    """A whole sentence or more, mostly letters."""
    if len(paragraph) < MINIMUM_PARAGRAPH or not _SENTENCE_END.search(paragraph):
        return False
    if not (paragraph[0].isalpha() or paragraph[0] in _OPENING):
        return False
    plain = sum(1 for c in paragraph if c == " " or (c.isascii() and c.isalpha()))
    return plain >= 0.8 * len(paragraph)


def runs(text):
    """Runs of non-blank lines, each a list of lines without their line ends."""
    run = []
    for line in text.splitlines():
        if line.strip():
            run.append(line.expandtabs(8).rstrip())
        elif run:
            yield run
            run = []
    if run:
        yield run


def join(lines):
    """One paragraph: lines joined by single spaces, inner runs of white space collapsed."""
    return " ".join(" ".join(lines).split())


def flush_left(lines):
    """No line is indented: not code, not a quotation, not the body of a definition or directive."""
    return not any(line.startswith(" ") for line in lines)


# --- reStructuredText -----------------------------------------------------------------------------

_RST_ADORNMENT = re.compile(r"([=\-~^\"'`#*+.:_<>])\1{2,}\s*$")
_RST_DROPPED = ("..", ":", "|", "+", "=", "- ", "* ", "#. ")
_RST_INLINE = [
    (re.compile(r":[A-Za-z][\w:+.-]*:`[!~]?([^`<]*?)\s*<[^`>]*>`"), r"\1"),  # :role:`text <target>`
    (re.compile(r":[A-Za-z][\w:+.-]*:`~(?:[^`]*\.)?([^`.]+)`"), r"\1"),      # :role:`~module.name`
    (re.compile(r":[A-Za-z][\w:+.-]*:`!?([^`]*)`"), r"\1"),                  # :role:`text`
    (re.compile(r"`([^`<]+?)\s*<[^`>]*>`__?"), r"\1"),                       # `text <target>`_
    (re.compile(r"`([^`]+)`(?:__?\b|__?(?!\w))?"), r"\1"),
    (re.compile(r"(?<!\\)\*\*(\S(?:.*?[^\s\\])?)\*\*"), r"\1"),
    (re.compile(r"(?<![\w*\\])\*(\S(?:[^*]*?[^\s*\\])?)\*(?![\w*])"), r"\1"),
    (re.compile(r"\s?\[(?:#[\w-]*|\d+|\*)\]_"), ""),                         # footnote marks
    (re.compile(r"\[([\w.-]+)\]_(?!\w)"), r"[\1]"),                          # citations
    (re.compile(r"(?<!\w)\|([^|\s](?:[^|]*[^|\s])?)\|_{0,2}(?!\w)"), r"\1"),  # |substitution|
    (re.compile(r"(?<![\w_])([A-Za-z][A-Za-z0-9-]*)__?(?=[\s.,;:!?)'\"]|$)"), r"\1"),  # reference_
    (re.compile(r"\\(?:\s|(.))"), r"\1"),  # escapes; an escaped space is nothing
]


def strip_rst(text):
    """Inline markup replaced by what it shows; nothing inside a ``literal`` is markup."""
    if text.endswith("::"):  # a literal block follows: "text::" shows "text:", "text ::" shows "text"
        text = text[:-2].rstrip() if text[-3:-2].isspace() else text[:-1]
    parts = re.split(r"``(.+?)``", text)
    for i in range(0, len(parts), 2):
        for pattern, replacement in _RST_INLINE:
            parts[i] = pattern.sub(replacement, parts[i])
    return "".join(parts)


def _without_titles(lines):
    """Blanks section titles with their adornments, also where the text follows without a blank line."""
    lines = list(lines)
    for i, line in enumerate(lines):
        if not _RST_ADORNMENT.match(line):
            continue
        if i > 0 and lines[i - 1].strip() and len(line.rstrip()) + 3 >= len(lines[i - 1].rstrip()):
            lines[i - 1] = ""
        lines[i] = ""
    return lines


def rst_paragraphs(text):
    body = "\n".join(_without_titles(text.splitlines()))
    for run in runs(body):
        if run[0].startswith(_RST_DROPPED) or not flush_left(run):
            continue
        paragraph = join([strip_rst(join(run))])
        if is_prose(paragraph):
            yield paragraph


# --- POD ------------------------------------------------------------------------------------------

_POD_CODE = re.compile(r"([A-Z])(<+)")


def _pod_close(text, start, opening):
    """Position of the end of a formatting code's content and of what follows its closing brackets."""
    if opening > 1:  # C<< ... >>: closed by white space and as many brackets
        close = re.compile(r"\s+>{%d}" % opening).search(text, start)
        return (close.start(), close.end()) if close else (len(text), len(text))
    depth = 0
    position = start
    while position < len(text):
        nested = _POD_CODE.match(text, position)
        if nested and len(nested.group(2)) > 1:
            position = _pod_close(text, nested.end(), len(nested.group(2)))[1]
        elif nested:
            depth += 1
            position = nested.end()
        elif text[position] == ">":
            if depth == 0:
                return position, position + 1
            depth -= 1
            position += 1
        else:
            position += 1
    return len(text), len(text)


def _pod_split(content):
    """The label and the target of an L<> code; a bar inside a nested code does not count."""
    position = 0
    while position < len(content):
        nested = _POD_CODE.match(content, position)
        if nested:
            position = _pod_close(content, nested.end(), len(nested.group(2)))[1]
        elif content[position] == "|":
            return content[:position], content[position + 1:]
        else:
            position += 1
    return None, content


def _pod_link(content):
    label, target = _pod_split(content)
    if label is not None:
        return strip_pod(label)
    target = strip_pod(target)
    if re.match(r"\w+://", target) or "/" not in target:
        return target
    page, section = target.split("/", 1)
    section = section.strip('"')
    return f"{section} in {page}" if page else section


def _pod_entity(name):
    if name in ("verbar", "sol"):
        return {"verbar": "|", "sol": "/"}[name]
    if re.fullmatch(r"0x[0-9A-Fa-f]{1,6}|\d{1,7}", name):
        code = int(name, 16) if name.startswith("0x") else int(name)
        return chr(code) if code <= 0x10FFFF and not 0xD800 <= code <= 0xDFFF else ""
    return html.unescape(f"&{name};")


def strip_pod(text):
    """Formatting codes replaced by what they show: perlpod, "Formatting Codes"."""
    out = []
    position = 0
    for code in iter(lambda: _POD_CODE.search(text, position), None):
        out.append(text[position:code.start()])
        end, after = _pod_close(text, code.end(), len(code.group(2)))
        content = text[code.end():end].strip() if len(code.group(2)) > 1 else text[code.end():end]
        kind = code.group(1)
        if kind == "E":
            out.append(_pod_entity(content))
        elif kind == "L":
            out.append(_pod_link(content))
        elif kind not in "XZ":  # index entries and zero-width codes show nothing
            out.append(strip_pod(content))
        position = after
    out.append(text[position:])
    return "".join(out)


def pod_paragraphs(text):
    hidden = None
    for run in runs(text):
        command = re.match(r"=(\w+)\s*(\S*)", run[0])
        if command:
            word, argument = command.groups()
            if word == "begin":
                hidden = argument
            elif word == "end" and argument == hidden:
                hidden = None
            continue
        if hidden is not None or run[0].startswith(" "):
            continue
        paragraph = join([strip_pod(join(run))])
        if is_prose(paragraph):
            yield paragraph
