// Disks that are full or fail, memory that runs out: the program says what happened and loses nothing.
#include <gtest/gtest.h>

#include <cstdlib>

#include "tests/program/durable_run.hpp"

namespace polysem {
namespace {

constexpr int kSteps = 20;

class SlowFaults : public DurableRun {
 protected:
  std::string command() const { return train("topk", kSteps, "--k 2"); }

  /// whole: the run as it should be. begun: killed some way behind its first checkpoint.
  void begin() const {
    ASSERT_EQ(run(command() + "whole").code, 0);
    int calls = 30;
    do {
      std::filesystem::remove_all(folder_ / "begun");
      ASSERT_EQ(run(command() + "begun", fault("change:kill:" + std::to_string(calls++))).code, 128 + 9);
    } while (!std::filesystem::exists(folder_ / "begun/checkpoint/state.safetensors"));
  }

  /// Takes up `begun` with a fault. What is left must be a run that can be taken up again.
  Outcome hurt(const std::string& what) const {
    copy("begun", "pieces");
    const Outcome o = run(command() + "pieces", fault(what));
    if (o.code == 0) {
      expect_same_run("pieces", "whole");
      return o;
    }
    EXPECT_EQ(o.code, 1) << o.errors;
    const Outcome again = run(command() + "pieces");
    EXPECT_EQ(again.code, 0) << again.errors;
    expect_same_run("pieces", "whole");
    return o;
  }

  /// The fault at the first, second, ... call until the run has no more of them; returns how many it has.
  template <class Check>
  int at_every_call(const std::string& call, const Check& check) const {
    for (int number = 1; number < 1000; ++number) {
      SCOPED_TRACE(call + ":" + std::to_string(number));
      const Outcome o = hurt(call + ":" + std::to_string(number));
      if (!struck(o)) return number - 1;
      check(o);
      if (HasFailure()) return number;
    }
    return 1000;
  }

  int every_call_is_fatal(const std::string& call, const std::string& reason) const {
    return at_every_call(call, [&](const Outcome& o) {
      EXPECT_EQ(o.code, 1) << o.errors;
      EXPECT_NE(o.errors.find("pieces"), std::string::npos) << o.errors;  // which file
      EXPECT_NE(o.errors.find(reason), std::string::npos) << o.errors;
    });
  }
};

TEST_F(SlowFaults, EveryWriteThatFindsTheDiskFull) {
  if (!have_faults()) GTEST_SKIP() << kNoFaults;
  begin();
  EXPECT_GT(every_call_is_fatal("write:28", "No space left on device"), 40);
}

TEST_F(SlowFaults, EveryWriteThatIsCutShort) {
  if (!have_faults()) GTEST_SKIP() << kNoFaults;
  begin();
  EXPECT_GT(at_every_call("write:short", [](const Outcome& o) { EXPECT_EQ(o.code, 0) << o.errors; }), 40);
}

TEST_F(SlowFaults, EveryOpenFlushAndRenameThatFails) {
  if (!have_faults()) GTEST_SKIP() << kNoFaults;
  begin();
  EXPECT_GT(every_call_is_fatal("open:13", "Permission denied"), 4);
  EXPECT_GT(every_call_is_fatal("fsync:5", "Input/output error"), 8);
  EXPECT_GT(every_call_is_fatal("rename:30", "Read-only file system"), 4);
}

// Of some ten thousand requests for memory every 97th, in turn refused alone and with all that follow.
TEST_F(SlowFaults, MemoryThatRunsOut) {
  if (!have_faults()) GTEST_SKIP() << kNoFaults;
  begin();
  int failed = 0;
  for (int number = 1;; number += 97) {
    SCOPED_TRACE(number);
    const Outcome o = hurt("memory:12:" + std::to_string(number) + (number % 2 == 0 ? "+" : ""));
    if (!struck(o)) break;
    if (o.code == 0) continue;  // there was a way around it
    ++failed;
    const bool said = o.errors.find("out of memory") != std::string::npos ||
                      o.errors.find("cannot allocate") != std::string::npos;
    EXPECT_TRUE(said && o.errors.find("a smaller --batch") != std::string::npos) << o.errors;
    if (HasFailure()) break;
  }
  EXPECT_GT(failed, 50);
}

// A file system of 128 KiB that others have filled up; needs a kernel that lets users mount in a namespace of
// theirs.
TEST_F(SlowFaults, DiskThatIsReallyFull) {
  ASSERT_EQ(run(command() + "whole").code, 0);
  std::ofstream(folder_ / "script") << "set -e\n"
                                       "mount -t tmpfs -o size=128k none full\n"
                                       "touch mounted\n"
                                       "polysem() { \"$PROGRAM\" $COMMAND full/coder; }\n"
                                       "head -c 110000 /dev/zero > full/others\n"
                                       "polysem && exit 7\n"
                                       "[ -z \"$(find full -name '*.tmp')\" ]\n"
                                       "rm full/others\n"
                                       "polysem\n"
                                       "cp -r full/coder pieces\n";
  std::filesystem::create_directory(folder_ / "full");
  const std::string line = "cd '" + folder_.path().string() +
                           "' && PROGRAM='" POLYSEM_BINARY_DIR "/bin/polysem' COMMAND='" + command() +
                           "' unshare -rm sh script >/dev/null 2>errors";
  const int status = std::system(line.c_str());
  if (!std::filesystem::exists(folder_ / "mounted")) GTEST_SKIP() << "cannot mount here";
  const std::string errors = read_text(folder_ / "errors");
  EXPECT_EQ(status, 0) << errors;
  EXPECT_NE(errors.find("No space left on device"), std::string::npos) << errors;
  expect_same_run("pieces", "whole");
}

}  // namespace
}  // namespace polysem
