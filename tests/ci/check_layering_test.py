"""ci/check_layering.py finds what it is there to find: every case is a small tree on disk."""
import os
import subprocess
import sys
import tempfile
import unittest

SCRIPT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../ci/check_layering.py")

# A tree that keeps every rule; each test adds or replaces one file.
GOOD = {
    "lib/include/polysem/tensor.hpp": "#include <cstdint>\n",
    "lib/include/polysem/operand.hpp": '#include "polysem/tensor.hpp"\n',
    "lib/include/polysem/trainer.hpp": '#include "polysem/coder.hpp"\n',
    "lib/include/polysem/coder.hpp": '#include "polysem/operand.hpp"\n',
    "lib/engine/tensor.cpp": '#include "polysem/tensor.hpp"\n',
    "lib/io/json.hpp": "#include <nlohmann/json.hpp>\n#include <zlib.h>\n#include <sys/mman.h>\n",
    "lib/include/polysem/recipe.hpp": '#include "polysem/coder.hpp"\n',
    "lib/models/recipes.cpp": '#include "polysem/recipe.hpp"\n',
    "lib/models/coder.cpp": '#include "polysem/coder.hpp"\n#include "lib/io/json.hpp"\n',
    "lib/train/trainer.cpp": '#include "polysem/trainer.hpp"\n#include "polysem/coder.hpp"\n',
    "backends/registry.cpp.in": '#include "polysem/operand.hpp"\n',
    "backends/onednn/gemm.cpp": '#include "polysem/tensor.hpp"\n#include <oneapi/dnnl/dnnl.hpp>\n#include <tbb/tbb.h>\n',
    "backends/reference/tensor.cpp": '#include "polysem/tensor.hpp"\n',  # the name of a public header, by chance
    "backends/reference/gemm.cpp": '#include "polysem/tensor.hpp"\n',
    "datasets/text.cpp": '#include "polysem/tensor.hpp"\n',
    "bench/program/main.cpp": '#include "polysem/trainer.hpp"\n#include <cxxopts.hpp>\n',
    "tests/models/coder_test.cpp": '#include "polysem/coder.hpp"\n#include <gtest/gtest.h>\n',
}


def run(changes):
    with tempfile.TemporaryDirectory() as root:
        for path, text in {**GOOD, **changes}.items():
            os.makedirs(os.path.dirname(os.path.join(root, path)), exist_ok=True)
            with open(os.path.join(root, path), "w") as file:
                file.write(text)
        done = subprocess.run([sys.executable, SCRIPT, root], capture_output=True, text=True)
        return done.returncode, done.stderr


class CheckLayering(unittest.TestCase):
    def refused(self, path, text, message):
        code, printed = run({path: text})
        self.assertEqual(code, 1, printed)
        self.assertEqual(printed.strip().count("\n"), 0, printed)
        self.assertIn(message, printed)

    def test_accepts_a_tree_that_keeps_the_rules(self):
        self.assertEqual(run({}), (0, ""))

    def test_models_may_not_use_train(self):
        self.refused("lib/models/bad.cpp", '\n#include "polysem/trainer.hpp"\n',
                     "lib/models/bad.cpp:2: includes polysem/trainer.hpp: lib/models may not depend on lib/train")

    def test_a_public_header_has_the_rank_of_its_folder(self):
        self.refused("lib/include/polysem/tensor.hpp", '#include "polysem/coder.hpp"\n',
                     "lib/engine may not depend on lib/models")

    def test_a_header_without_source_has_the_rank_of_what_it_includes(self):
        self.refused("lib/engine/bad.cpp", '#include "polysem/recipe.hpp"\n',
                     "lib/engine may not depend on lib/models")

    def test_an_internal_header_has_the_rank_of_its_folder(self):
        self.refused("lib/engine/bad.cpp", '#include "lib/io/json.hpp"\n', "lib/engine may not depend on lib/io")

    def test_no_backend_includes_another(self):
        self.refused("backends/reference/bad.cpp", '#include "backends/onednn/gemm.cpp"\n',
                     "backends/reference may not depend on backends/onednn")

    def test_nothing_includes_tests(self):
        self.refused("bench/program/bad.cpp", '#include "tests/models/coder_test.cpp"\n', "may not depend on tests")

    def test_lib_may_not_use_the_program(self):
        self.refused("lib/io/bad.cpp", '#include "bench/program/main.cpp"\n', "lib/io may not depend on bench")

    def test_third_party_headers_stay_with_their_owner(self):
        self.refused("lib/engine/bad.cpp", "#include <tbb/tbb.h>\n", "only backends/onednn may use it")
        self.refused("lib/models/bad.cpp", "#include <nlohmann/json.hpp>\n", "only lib/io, datasets, bench, tests")
        self.refused("backends/reference/bad.cpp", "#include <oneapi/tbb/parallel_for.h>\n", "only backends/onednn")

    def test_unknown_third_party_header(self):
        self.refused("lib/io/bad.cpp", "#include <Eigen/Dense>\n", "a header this project does not know")

    def test_public_headers_include_no_third_party_header(self):
        self.refused("lib/include/polysem/bad.hpp", "#include <zlib.h>\n", "only the standard library and polysem")
        self.refused("lib/include/polysem/bad.hpp", '#include "lib/io/json.hpp"\n', "may include only public headers")

    def test_include_that_is_not_there(self):
        self.refused("lib/models/bad.cpp", '#include "json.hpp"\n', "no such file")

    def test_lib_names_no_backend(self):
        self.refused("lib/train/bad.cpp", 'auto b = make("onednn");\n', 'lib/train/bad.cpp:1: names a backend, "onednn"')
        self.refused("lib/train/bad.cpp", "\n\nint x = reference::kEntry;\n", "lib/train/bad.cpp:3: names a backend")

    def test_a_comment_may_name_a_backend(self):
        self.assertEqual(run({"lib/train/fine.cpp": '// "onednn" is the default\n/* reference::x\n */ int x;\n'}), (0, ""))

    def test_a_new_folder_needs_a_row(self):
        self.refused("lib/misc/bad.cpp", "int x;\n", "lib/misc is not in the table")


if __name__ == "__main__":
    unittest.main()
