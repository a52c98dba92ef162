#!/usr/bin/env python3
"""The extraction rules of datasets/text on small fixtures, written by hand from each format's definition."""

import gzip
import hashlib
import io
import json
import os
import pathlib
import struct
import subprocess
import sys
import tarfile
import tempfile
import unittest
import zlib

sys.dont_write_bytecode = True
TEXT = pathlib.Path(__file__).resolve().parents[2] / "datasets" / "text"
sys.path.insert(0, str(TEXT))

import extract
import markup
import prepare

SENTENCE = "This sentence is long enough to be kept as a paragraph, because it has eighty letters or more."


def serialised(lines):
    """An R character vector, serialisation version 3, as R's saveRDS writes it in XDR."""
    out = b"X\n" + struct.pack(">III", 3, 0x040200, 0x030500) + struct.pack(">I", 5) + b"UTF-8"
    out += struct.pack(">II", 16, len(lines))
    for line in lines:
        data = line.encode()
        out += struct.pack(">II", 0x00040009 if line.isascii() else 0x00008009, len(data)) + data
    return out


def database(records):
    return b"".join(struct.pack(">I", len(r)) + zlib.compress(r) for r in records)


class Prose(unittest.TestCase):
    def test_keeps_sentences(self):
        self.assertTrue(markup.is_prose(SENTENCE))
        self.assertTrue(markup.is_prose('"' + SENTENCE + '"'))

    def test_drops_what_is_short_code_or_cut_off(self):
        self.assertFalse(markup.is_prose("Too short."))
        self.assertFalse(markup.is_prose(SENTENCE[:-1]))
        self.assertFalse(markup.is_prose("(" + SENTENCE + ")"))
        self.assertFalse(markup.is_prose("x = {1: 2, 3: 4}; " * 6 + "."))

    def test_joins_lines_and_collapses_white_space(self):
        self.assertEqual(list(markup.runs("a\n  b \n\n\tc\n")), [["a", "  b"], ["        c"]])
        self.assertEqual(markup.join(["a  b", "  c\td"]), "a b c d")


class Rst(unittest.TestCase):
    def test_inline_markup(self):
        cases = {
            "``x * y`` and ``a*``, *stressed* **strong**": "x * y and a*, stressed strong",
            ":c:func:`kfree` :ref:`the text <target>` :class:`~os.path.PathLike` :mod:`!x`":
                "kfree the text PathLike x",
            "`Python <https://python.org>`_ `a b`_ word_ |name|": "Python a b word name",
            "seen [1]_ here [#note]_ and [RFC822]_.": "seen here and [RFC822].",
            r":term:`iterator`\s, \*args, a\ b": "iterators, *args, ab",
            "It follows::": "It follows:",
            "It follows. ::": "It follows.",
            "__init__ and snake_case_name stay": "__init__ and snake_case_name stay",
        }
        for source, shown in cases.items():
            self.assertEqual(markup.strip_rst(source), shown)

    def test_paragraphs(self):
        text = "\n".join([
            "=====", "Title", "=====", "", ".. note:: dropped", "", SENTENCE + " ::", "", "    code = 1", "",
            "Section", "-------", SENTENCE.replace("This", "That"), "", "- " + SENTENCE, "", "* " + SENTENCE,
            "", "#. " + SENTENCE, "", ":field: " + SENTENCE, "", "| " + SENTENCE, "", "+---+", "",
            "==== ====", "a    b", "==== ====", "", "term", "   " + SENTENCE])
        self.assertEqual(list(markup.rst_paragraphs(text)), [SENTENCE, SENTENCE.replace("This", "That")])


class Pod(unittest.TestCase):
    def test_formatting_codes(self):
        cases = {
            "B<bold> I<it> C<code> F<file> S<a b> X<index>Z<>end": "bold it code file a b end",
            "C<< $x->{a} >> and C<<< a >> b >>>": "$x->{a} and a >> b",
            "B<I<nested> C<< -> >>>": "nested ->",
            "E<lt>E<gt>E<verbar>E<sol>E<eacute>E<0x41>E<66>": "<>|/\u00e9AB",
            "L<text|perlre> L<C<open>|perlfunc/open> L<perlop> L<perlfunc/open> L</\"Here\"> L<http://a/b>":
                "text open perlop open in perlfunc Here http://a/b",
            "if $a < $b": "if $a < $b",
            "unclosed C<code": "unclosed code",
        }
        for source, shown in cases.items():
            self.assertEqual(markup.strip_pod(source), shown)

    def test_paragraphs(self):
        text = "\n\n".join(["=head1 NAME", "B<" + SENTENCE[:4] + ">" + SENTENCE[4:], "  verbatim " + SENTENCE,
                            "=begin html", SENTENCE, "=end html", "=item " + SENTENCE])
        self.assertEqual(list(markup.pod_paragraphs(text)), [SENTENCE])


class Rdata(unittest.TestCase):
    def test_records_and_strings(self):
        lines = ["EMMA", "", "CHAPTER I", "", "One _two_", "three.", "", "\u00a320,000", "VOLUME II",
                 "chapter 2", "x"]
        data = database([serialised(lines), serialised(["B"])])
        records = list(extract.rdata_records(data))
        self.assertEqual(list(extract.rdata_strings(records[0])), lines)
        documents = list(extract.rdata({"f.rdb": data}))
        self.assertEqual(documents, [("emma/01", "f.rdb", "One two three.\n\n\u00a320,000"),
                                     ("emma/02", "f.rdb", "x")])

    def test_damage_is_refused(self):
        data = database([serialised(["a" * 100])])
        with self.assertRaises(extract.ExtractError):
            list(extract.rdata_records(data[:-8]))
        record = serialised(["a" * 100])
        with self.assertRaises(extract.ExtractError):
            list(extract.rdata_strings(record[:-1]))
        with self.assertRaises(extract.ExtractError):
            list(extract.rdata_strings(record.replace(struct.pack(">II", 16, 1), struct.pack(">II", 13, 1))))


class Others(unittest.TestCase):
    def test_bible(self):
        chapters = extract.bible_chapters("Ge1:1 In the  beginning.\nGe1:2 And.\n1Sm2:1 Then.\n")
        self.assertEqual(chapters, [("Ge", 1, "In the beginning.\nAnd."), ("1Sm", 2, "Then.")])
        with self.assertRaises(extract.ExtractError):
            extract.bible_chapters("no verse here")

    def test_dictd(self):
        text = (f"00-database-info\n\n   {SENTENCE}\n\nfirst%%%other name\nsynonym\n\n"
                f"   <language, x> {{{SENTENCE}}}\n\n   (1995-03-02)\n\nempty\n\n   {{see}}.\n\n"
                f"second\n\n   {SENTENCE}\n\n   {SENTENCE}\n")
        self.assertEqual(list(extract.dictd_entries(text)),
                         [("first", f"first: {SENTENCE}"), ("second", f"second: {SENTENCE}\n\n{SENTENCE}")])
        many = "".join(f"Word {i}\n\n   {SENTENCE}\n\n" for i in range(100)).encode()
        documents = list(extract.dictd({"d.dict.dz": gzip.compress(many)}))
        self.assertEqual(documents[0][0], "word-0")
        self.assertEqual("\n\n".join(d[2] for d in documents).count(SENTENCE), 100)
        self.assertTrue(all(len(d[2]) >= extract.GROUP for d in documents[:-1]))

    def test_jargon(self):
        text = f"Chapter 1. Title\n\n   {SENTENCE}\n\n"
        text += f"   :foo: /foo/, n.\n\n   {{{SENTENCE}}}\n\n        code\n"
        (document,) = extract.jargon({"j.txt": text.encode()})
        self.assertEqual(document, ("chapter-1-title", "j.txt", f"{SENTENCE}\n\nfoo: {SENTENCE}"))

    def test_fortune(self):
        entries = list(extract.fortune_entries("One\n\t\t-- Me\n%\n_\bT_\bw_\bo\a 100%\n%\n\n%\n"))
        self.assertEqual(entries, ["One\n-- Me", "Two 100%"])
        (document,) = extract.fortune({"games/art": b"One\n%\nTwo\n"})
        self.assertEqual(document, ("art/0001", "games/art", "One\n\nTwo"))


class Selection(unittest.TestCase):
    documents = [{"name": f"d/{i}", "label": "d", "source": "s", "text": "x" * 1000} for i in range(400)]

    def test_cap_minimum_and_split(self):
        short = {"name": "d/short", "label": "d", "source": "s", "text": "x" * 999}
        chosen = prepare.select(self.documents + [short], 100000, 1000)
        self.assertEqual(prepare.summary(chosen), {"documents": 100, "characters": 100000,
                                                   "held_out_documents": 10, "held_out_characters": 10000})
        self.assertEqual(prepare.select(list(reversed(self.documents)), 100000, 1000), chosen)

    def test_order_is_fair(self):
        other = [dict(d, name="e" + d["name"], label="e") for d in self.documents[:40]]
        mixed = prepare.interleave([self.documents, other])
        self.assertEqual(len(mixed), 440)
        for part in (mixed[:110], mixed[110:220]):
            self.assertAlmostEqual(sum(d["label"] == "e" for d in part), 10, delta=1)

    def test_split(self):
        # printf NAME | sha256sum | cut -c1-16, then that hexadecimal number modulo 10 by Perl's bigint
        remainders = {"a": 0, "b": 6, "": 2, "perl/perlre": 5, "fiction/emma/01": 6}
        for name, remainder in remainders.items():
            self.assertEqual(prepare.held_out(name), remainder == 0)


def archive(folder, name, files):
    """A Debian package made by hand: ar of debian-binary, control.tar.gz, data.tar.gz."""
    def tar(entries):
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode="w:gz") as made:
            for path, data in entries.items():
                member = tarfile.TarInfo("./" + path)
                if isinstance(data, str):
                    member.type, member.linkname = tarfile.SYMTYPE, data
                    made.addfile(member)
                else:
                    member.size = len(data)
                    made.addfile(member, io.BytesIO(data))
        return out.getvalue()

    control = f"Package: {name}\nVersion: 1.0\nArchitecture: all\nMaintainer: a <a@b.c>\nDescription: x\n"
    parts = {"debian-binary": b"2.0\n", "control.tar.gz": tar({"control": control.encode()}),
             "data.tar.gz": tar(files)}
    out = b"!<arch>\n"
    for part, data in parts.items():
        header = f"{part:<16}{0:<12}{0:<6}{0:<6}{100644:<8}{len(data):<10}`\n"
        out += header.encode() + data + b"\n" * (len(data) % 2)
    path = pathlib.Path(folder) / f"{name}_1.0_all.deb"
    path.write_bytes(out)
    return path


class Script(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.cache = pathlib.Path(self.folder.name)

    def run_script(self, *arguments, path=None):
        environment = dict(os.environ, POLYSEM_CACHE=str(self.cache), PYTHONDONTWRITEBYTECODE="1")
        if path is not None:
            environment["PATH"] = path
        return subprocess.run([sys.executable, str(TEXT / "prepare.py"), *arguments], env=environment,
                              capture_output=True, text=True, check=False)

    def test_without_apt(self):
        result = self.run_script("--domains", "jargon", path="/nonexistent")
        self.assertEqual(result.returncode, 1)
        self.assertIn("apt-get is missing", result.stderr)

    def test_unknown_domain(self):
        result = self.run_script("--domains", "nonsense")
        self.assertEqual(result.returncode, 1)
        self.assertIn("'nonsense'", result.stderr)
        self.assertIn("scripture", result.stderr)

    @unittest.skipUnless(any(os.access(os.path.join(p, "dpkg-deb"), os.X_OK)
                             for p in os.environ.get("PATH", "").split(":")), "needs dpkg-deb")
    def test_from_package_to_documents(self):
        packages = self.cache / "text" / "packages"
        packages.mkdir(parents=True)
        pages = {f"usr/share/perl/5.36.0/pod/perl{i}.pod": f"=head1 {i}\n\n{SENTENCE}\n\n".encode() * 11
                 for i in range(12)}
        pages["usr/share/perl/5.36.0/pod/perl5100delta.pod"] = (SENTENCE + "\n\n").encode() * 20
        pages["usr/share/perl/5.36.0/pod/perllink.pod"] = "perl3.pod"
        archive(packages, "perl-doc", pages)
        first = self.run_script("--domains", "perl")
        self.assertEqual(first.returncode, 0, first.stderr)
        out = self.cache / "text" / "debian"
        written = (out / "documents.jsonl").read_bytes()
        documents = [json.loads(line) for line in written.decode().splitlines()]
        self.assertEqual({d["name"] for d in documents},
                         {f"perl/perl{i}" for i in range(12)} | {"perl/perllink"})
        self.assertEqual(documents[0]["label"], "perl")
        self.assertTrue(documents[0]["source"].startswith("perl-doc:usr/share/perl/5.36.0/pod/perl"))
        manifest = json.loads((out / "manifest.json").read_text())
        self.assertEqual(manifest["documents_sha256"], hashlib.sha256(written).hexdigest())
        self.assertEqual(manifest["domains"]["perl"]["packages"][0]["version"], "1.0")

        stamp = (out / "documents.jsonl").stat().st_mtime_ns
        self.assertEqual(self.run_script("--domains", "perl", "--quiet").stdout, "")
        self.assertEqual((out / "documents.jsonl").stat().st_mtime_ns, stamp)  # done: nothing written again
        (out / "documents.jsonl").write_bytes(written[:-5])
        self.assertEqual(self.run_script("--domains", "perl").returncode, 0)
        self.assertEqual((out / "documents.jsonl").read_bytes(), written)  # damage is repaired, same bytes


if __name__ == "__main__":
    unittest.main()
