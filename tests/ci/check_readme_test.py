"""ci/check_readme.py writes and runs what it should and refuses a block that says nothing about itself."""
import os
import subprocess
import sys
import tempfile
import unittest

SCRIPT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../ci/check_readme.py")


def check(text, *options):
    """(exit code, standard error, {file: text}) of a run on this README in an empty folder."""
    with tempfile.TemporaryDirectory() as folder:
        readme = os.path.join(folder, "README.md")
        with open(readme, "w") as file:
            file.write(text)
        done = subprocess.run([sys.executable, SCRIPT, "--readme", readme, *(o or folder for o in options)],
                              capture_output=True, text=True)
        written = {}
        for base, _, names in os.walk(folder):
            for name in names:
                with open(os.path.join(base, name)) as file:
                    written[os.path.relpath(os.path.join(base, name), folder)] = file.read()
        del written["README.md"]
        return done.returncode, done.stderr, written


class CheckReadme(unittest.TestCase):
    def test_writes_files(self):
        text = "Text.\n\n<!-- file: app/main.c -->\n```c\nint main(void) {\n\n}\n```\n"
        self.assertEqual(check(text, "--write", ""), (0, "", {"app/main.c": "int main(void) {\n\n}\n"}))

    def test_runs_commands_in_order(self):
        text = "<!-- run -->\n```sh\necho a > x\n```\n<!-- not run: no -->\n```\nfalse\n```\n" \
               "<!-- run -->\n```sh\necho b >> x\n```\n"
        self.assertEqual(check(text, "--run", ""), (0, "", {"x": "a\nb\n"}))

    def test_a_failing_command_fails(self):
        code, printed, written = check("<!-- run -->\n```sh\nfalse\ntouch x\n```\n", "--run", "")
        self.assertEqual((code, written), (1, {}))
        self.assertIn("README.md:3: this block failed with exit code 1", printed)

    def test_an_unmarked_block_is_refused(self):
        code, printed, _ = check("Text.\n```sh\ntrue\n```\n")
        self.assertEqual(code, 1)
        self.assertIn("README.md:3: this code block does not say", printed)

    def test_a_copy_of_a_file_has_to_be_one(self):
        block = "<!-- same as: x.c -->\n```c\nint x;\n```\n"
        self.assertIn("README.md:3: there is no x.c", check(block)[1])
        with tempfile.TemporaryDirectory() as folder:
            readme, source = os.path.join(folder, "README.md"), os.path.join(folder, "x.c")
            for held, code in (("int x;\n", 0), ("int y;\n", 1)):
                for path, text in ((readme, block), (source, held)):
                    with open(path, "w") as file:
                        file.write(text)
                done = subprocess.run([sys.executable, SCRIPT, "--readme", readme], capture_output=True, text=True)
                self.assertEqual(done.returncode, code, done.stderr)

    def test_an_open_block_is_refused(self):
        self.assertIn("never closed", check("<!-- run -->\n```sh\ntrue\n")[1])


if __name__ == "__main__":
    unittest.main()
