// The emitted program's command line, seen from outside: fake-program is the real main around fake_model.

#include "FakeModel.h"
#include "TestPackage.h"

#include "gemmac/gemmac.h"
#include "runtime/program/Options.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <regex>
#include <set>
#include <sstream>
#include <sys/wait.h>
#include <unistd.h>

using namespace gemmac;

namespace {

struct Result {
  int code;
  std::string out, err;
};

std::string readFile(const std::string &path) {
  std::string text;
  if (FILE *file = fopen(path.c_str(), "rb")) {
    char buffer[4096];
    for (size_t got; (got = fread(buffer, 1, sizeof(buffer), file)) > 0;)
      text.append(buffer, got);
    fclose(file);
  }
  return text;
}

struct ProgramTest : testing::Test {
  Result run(const std::string &arguments, const std::string &input = "") {
    return command("--weights " + file.path + " " + arguments, input);
  }
  Result command(const std::string &arguments, const std::string &input = "") {
    test::TemporaryFile in("program.in", test::Bytes(input.begin(), input.end()));
    test::TemporaryFile out("program.out", {}), err("program.err", {});
    int status = system((std::string(RUNNER " " PROGRAM " ") + arguments + " <" + in.path + " >" + out.path +
                         " 2>" + err.path)
                            .c_str());
    return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, readFile(out.path), readFile(err.path)};
  }
  test::TemporaryFile file{"program.weights", test::write(test::fakeContents())};
};

/// Ids as the program prints them.
std::string greedy(std::vector<int32_t> ids, int count) {
  std::string text;
  for (int i = 0; i < count; ++i) {
    ids.push_back(fake_next(ids.data(), ids.size()));
    text += (i ? " " : "") + std::to_string(ids.back());
  }
  return text + "\n";
}

TEST_F(ProgramTest, HelpAndVersion) {
  Result help = command("--help");
  EXPECT_EQ(help.code, 0);
  EXPECT_NE(help.out.find("a context of 48 positions, chunks of up to 8 tokens"), std::string::npos);
  for (const program::Option &option : program::kOptions)
    EXPECT_NE(help.out.find(std::string("\n  ") + option.name), std::string::npos) << option.name;
  for (const char *line :
       {"  --n-predict, -n N       tokens to generate; -1: until a stop token or the end of the "
        "context (128)\n",
        "  --print text|ids        generated text as it comes, or ids between blanks (text)\n",
        "  --top-p P               of the best whose probabilities sum up to P, 0 to 1 "
        "(the model's)\n",
        "  --threads N             threads that share the work, 1 to 64 (one a CPU)\n"})
    EXPECT_NE(help.out.find(line), std::string::npos) << help.out;
  EXPECT_EQ(command("--version").out, "fake for any, gemmac API " + std::to_string(GEMMAC_API_VERSION) +
                                          ", model version " + std::to_string(GEMMAC_MODEL_VERSION) + "\n");
}

// Every option has a name of its own and says how its value is called.
TEST(Options, OfTheTable) {
  std::set<std::string> names;
  for (const program::Option &option : program::kOptions) {
    EXPECT_TRUE(names.insert(option.name).second) << option.name;
    EXPECT_EQ(program::findOption(option.name, strlen(option.name)), &option);
    EXPECT_EQ(option.value.kind == program::Value::flag, option.valueName == nullptr) << option.name;
  }
  EXPECT_EQ(program::findOption("-n", 2), program::findOption("--n-predict", 11));
  EXPECT_EQ(program::findOption("--n", 3), nullptr);
}

TEST_F(ProgramTest, IdsInAndOut) {
  std::string expected = greedy({3, 8, 13}, 10);
  for (const char *more : {"", "--chunk 1", "--chunk 2 --threads 1", "--chunk 64 --threads 3"}) {
    Result result = run("--ids-file - --n-predict 10 --temp 0 --ignore-eos --print ids " + std::string(more),
                        " 3 8\n13\n");
    EXPECT_EQ(result.code, 0) << result.err;
    EXPECT_EQ(result.out, expected) << more;
    EXPECT_EQ(result.err, "limit: 10 generated tokens are as many as --n-predict allows\n");
  }
}

TEST_F(ProgramTest, PromptFromTheCommandLineOrStandardInput) {
  Result line = run("--prompt 'a bad cab' -n 8 --temp 0 --ignore-eos --print ids");
  EXPECT_EQ(line.code, 0) << line.err;
  EXPECT_EQ(run("--prompt - -n 8 --temp 0 --ignore-eos --print ids", "a bad cab").out, line.out);
  EXPECT_EQ(run("- -n 8 --temp=0 --ignore-eos --print=ids", "a bad cab").out, line.out);
  EXPECT_NE(run("--prompt 'a bad cab' --no-bos -n 8 --temp 0 --ignore-eos --print ids").out, line.out);
}

TEST_F(ProgramTest, TextAndStats) {
  Result result = run("--prompt 'a bad' -n 5 --ignore-eos --stats");
  EXPECT_EQ(result.code, 0) << result.err;
  EXPECT_EQ(result.out.back(), '\n');
  EXPECT_NE(result.err.find("prompt: "), std::string::npos) << result.err;
  EXPECT_NE(result.err.find("generation: 5 tokens in "), std::string::npos) << result.err;
}

TEST_F(ProgramTest, SameSeedSameText) {
  std::string sampled = "--prompt a -n 20 --temp 2 --top-k 30 --top-p 0.99 --min-p 0.001 --repeat-penalty "
                        "1.1 --ignore-eos --seed ";
  EXPECT_EQ(run(sampled + "7").out, run(sampled + "7").out);
  EXPECT_NE(run(sampled + "7").out, run(sampled + "8").out);
}

TEST_F(ProgramTest, EndlessStopsAtTheContext) {
  Result result = run("--ids-file - -n -1 --temp 0 --ignore-eos --print ids", "3 8 13");
  EXPECT_EQ(result.code, 0) << result.err;
  EXPECT_EQ(result.out, greedy({3, 8, 13}, FAKE_CONTEXT - 3));
  EXPECT_EQ(result.err, "context full: 3 tokens of the prompt and 45 generated ones fill the context of 48 "
                        "positions\n");
}

TEST_F(ProgramTest, AStopTokenIsSaid) {
  Result result = run("--ids-file - --temp 0 --print ids", "1"); // whose best next token is the stop token, 1
  EXPECT_EQ(result.code, 0);
  EXPECT_EQ(result.out, "\n");
  EXPECT_EQ(result.err, "stop: a stop token came after 0 generated tokens\n");
}

TEST_F(ProgramTest, APromptThatFillsTheContextLeavesNothingToGenerate) {
  std::string ids;
  for (int i = 0; i < FAKE_CONTEXT; ++i)
    ids += "7 ";
  Result full = run("--ids-file - -n 5", ids);
  EXPECT_EQ(full.code, 1);
  EXPECT_EQ(full.out, "");
  EXPECT_EQ(full.err,
            "the prompt has 48 tokens and fills the context: no position is left to generate for\n");
  EXPECT_EQ(run("--ids-file - -n 0", ids).code, 0) << "nothing is to be generated";
  EXPECT_EQ(run("--ids-file - -n 5", ids + "7").code, 1);
  Result last = run("--ids-file - -n 5 --ignore-eos --temp 0 --print ids", ids.substr(2));
  EXPECT_EQ(last.code, 0);
  EXPECT_EQ(last.out, greedy(std::vector<int32_t>(FAKE_CONTEXT - 1, 7), 1));
  EXPECT_EQ(last.err.find("context full: "), 0u) << last.err;
}

TEST_F(ProgramTest, LogitsAsNumpy) {
  std::string ids;
  std::vector<int32_t> all;
  for (int i = 0; i < 21; ++i) {
    all.push_back(i * 3 % FAKE_VOCAB);
    ids += std::to_string(all.back()) + " ";
  }
  std::string path = file.path + ".npy", first;
  for (const char *chunk : {"", "--chunk 1", "--chunk 7"}) {
    Result result = run("--ids-file - --logits " + path + " " + chunk, ids);
    EXPECT_EQ(result.code, 0) << result.err;
    std::string npy = readFile(path);
    unlink(path.c_str());
    ASSERT_EQ(npy.size(), 128u + 21 * FAKE_VOCAB * 4);
    EXPECT_EQ(npy.substr(0, 10), std::string("\x93NUMPY\x01\x00\x76\x00", 10));
    EXPECT_NE(npy.find("{'descr': '<f4', 'fortran_order': False, 'shape': (21, 64), }"), std::string::npos);
    EXPECT_EQ(npy[127], '\n');
    for (int i = 0; i < 21; ++i) {
      float best;
      memcpy(&best, &npy[128 + (i * FAKE_VOCAB + fake_next(all.data(), i + 1)) * 4], 4);
      EXPECT_EQ(best, 4.0f) << i;
    }
    EXPECT_EQ(npy, first.empty() ? first = npy : first);
  }
}

TEST_F(ProgramTest, NoHalfWrittenLogits) {
  const test::TemporaryFolder folder;
  const std::string path = folder / "logits.npy";
  EXPECT_EQ(run("--ids-file - --logits " + path, "1 2 64").code, 1);
  EXPECT_TRUE(std::filesystem::is_empty(folder.path));
  EXPECT_EQ(run("--ids-file - --logits " + path, "1 2").code, 0);
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder.path), {}), 1);
  namespace fs = std::filesystem;
  const fs::perms plain = fs::status(file.path).permissions();
  EXPECT_EQ(fs::status(path).permissions(), plain) << "as any new file";
  EXPECT_EQ(run("--ids-file - --logits /nowhere/out.npy", "1 2").code, 1);
  Result full = run("--ids-file - --logits /dev/full", "1 2");
  EXPECT_EQ(full.code, 1);
  EXPECT_NE(full.err.find("/dev/full: No space left on device"), std::string::npos) << full.err;
  EXPECT_EQ(access("/dev/full", F_OK), 0);
}

TEST_F(ProgramTest, WrongCommandLines) {
  for (const char *arguments : {"",
                                "--prompt",
                                "--prompt a --ids-file b",
                                "--bench --prompt a",
                                "--what",
                                "word",
                                "--prompt a --temp hot",
                                "--prompt a --temp -1",
                                "--prompt a --top-p -0.1",
                                "--prompt a --top-p 1.1",
                                "--prompt a --min-p nan",
                                "--prompt a --threads 0",
                                "--prompt a --threads 65",
                                "--prompt a -n -2",
                                "--prompt a -n 3x",
                                "--prompt a --chunk 0",
                                "--prompt a --print words",
                                "--prompt a --seed -1",
                                "--prompt a --repeat-penalty 0",
                                "--prompt a --stats=yes"}) {
    Result result = run(arguments);
    EXPECT_EQ(result.code, 2) << arguments;
    EXPECT_EQ(result.out, "") << arguments;
    EXPECT_NE(result.err, "") << arguments;
  }
  EXPECT_EQ(run("--prompt a --threads 65").err, "--threads: '65' is no number from 1 to 64\n");
  EXPECT_EQ(run("--prompt a --print words").err, "--print: 'words' is none of text|ids\n");
  EXPECT_EQ(run("--prompt a -n 3x").err, "-n: '3x' is no number from -1 to 2147483647\n");
  EXPECT_EQ(run("--prompt a --temp -1").err, "--temp: '-1' is no number from 0\n");
  EXPECT_EQ(run("--prompt a --top-p -1").err, "--top-p: '-1' is no number from 0 to 1\n");
}

TEST_F(ProgramTest, WhatGoesWrongIsOneLine) {
  auto expect = [](const Result &result, const char *words) {
    EXPECT_EQ(result.code, 1);
    EXPECT_EQ(result.out, "");
    EXPECT_NE(result.err.find(words), std::string::npos) << result.err;
    EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 1) << result.err;
  };
  expect(command("--prompt a --weights /nowhere"), "/nowhere: No such file");
  expect(run("--ids-file /nowhere"), "/nowhere: No such file");
  expect(run("--ids-file -", "1 two 3"), "'two' at byte 2 is no token id");
  expect(run("--ids-file -", "1 -2"), "'-2' at byte 2");
  expect(run("--ids-file -", "99999999999"), "is no token id");
  expect(run("--ids-file -", "64"), "id 64 at 0 is outside the vocabulary");
  expect(run("--ids-file -", ""), "the prompt has no tokens");
}

TEST_F(ProgramTest, CorruptWeights) {
  test::Bytes bytes = test::write(test::fakeContents());
  bytes[test::headerOf(bytes).tensors_offset + 4096] ^= 1;
  test::TemporaryFile broken("broken.weights", bytes);
  Result result = command("--prompt a --verify --weights " + broken.path);
  EXPECT_EQ(result.code, 1);
  EXPECT_EQ(result.err, broken.path + ": tensor 'norm' does not fit its checksum: bytes have changed\n");
  EXPECT_EQ(command("--prompt a -n 1 --weights " + broken.path).code, 0);
}

TEST_F(ProgramTest, BenchAnswersEveryCommandWithALine) {
  Result result = run("--bench --threads 2", "prompt 20\ngenerate 4\ngenerate 4\nforget\nprompt 1\nmemory\n");
  EXPECT_EQ(result.code, 0) << result.err;
  std::istringstream lines(result.out);
  std::string line;
  for (const char *expected :
       {R"({"nanoseconds": \d+})", R"({"nanoseconds": \d+})", R"({"nanoseconds": \d+})", R"({})",
        R"({"nanoseconds": \d+})", R"({"dirty_bytes": \d+})"}) {
    ASSERT_TRUE(std::getline(lines, line));
    EXPECT_TRUE(std::regex_match(line, std::regex(std::string("\\") + expected))) << line;
  }
  EXPECT_FALSE(std::getline(lines, line)) << line;
}

TEST_F(ProgramTest, BenchSaysWhatDoesNotFit) {
  std::string before = "{\"error\": \"";
  EXPECT_EQ(run("--bench", "generate 4").out, before + "no prompt\"}\n");
  EXPECT_EQ(run("--bench", "prompt 0").out, before + "invalid argument\"}\n");
  EXPECT_EQ(run("--bench", "prompt -1").out, before + "context full\"}\n");
  EXPECT_EQ(run("--bench", "lunch").out,
            before + "no command of those: prompt N, generate N, trace, forget, memory\"}\n");
  std::string full = run("--bench", "prompt 40\ngenerate 20\n").out;
  EXPECT_NE(full.find(before + "context full\"}\n"), std::string::npos) << full;
  EXPECT_EQ(run("--bench", "").out, "");
}

TEST_F(ProgramTest, BenchTracesTheNextCommand) {
  // Twenty tokens in chunks of 8: prefill of 8, 8 and 3, decode of the last; the fake model shares out its
  // logits alone.
  std::string out = run("--bench", "prompt 1\ntrace\nprompt 20\nprompt 1\n").out;
  std::string traced = out.substr(out.find("{}\n") + 3);
  std::string step = R"("begin": \d+, "end": \d+, "calls": \[)", call = R"(\d+, \d+\]\})";
  std::regex expected(
      R"(\{"nanoseconds": \d+, "steps": \[\{"phase": "prefill", "tokens": 8, "position": 1, )" + step +
      R"(\]\}, )" + R"(\{"phase": "prefill", "tokens": 8, "position": 9, )" + step + R"(\]\}, )" +
      R"(\{"phase": "prefill", "tokens": 3, "position": 17, )" + step + R"(\]\}, )" +
      R"(\{"phase": "decode", "tokens": 1, "position": 20, )" + step + call +
      R"(\]\}\n\{"nanoseconds": \d+\}\n)");
  EXPECT_TRUE(std::regex_match(traced, expected)) << traced;
}

TEST_F(ProgramTest, InterruptEndsTheTextAfterTheStep) {
  test::TemporaryFile out("interrupt.out", {}), err("interrupt.err", {});
  // Interrupted as soon as a first id has come.
  std::string script = "GEMMAC_FAKE_SLOW=1 " RUNNER " " PROGRAM
                       " --prompt a -n 40 --ignore-eos --print ids --weights " +
                       file.path + " >" + out.path + " 2>" + err.path + " & pid=$!; while ! [ -s " +
                       out.path + " ]; do sleep 0.05; done; kill -INT $pid; wait $pid";
  int status = system(script.c_str());
  EXPECT_EQ(WEXITSTATUS(status), 1);
  std::string ids = readFile(out.path), said = readFile(err.path);
  EXPECT_LT(std::count(ids.begin(), ids.end(), ' '), 39);
  EXPECT_EQ(ids.back(), '\n');
  EXPECT_EQ(said.find("cancelled after "), 0u) << said;
}

TEST_F(ProgramTest, WeightsBesideTheProgram) {
  std::string folder = file.path + ".d";
  ASSERT_EQ(system(("mkdir " + folder + " && cp " PROGRAM " " + folder + "/p && cp " + file.path + " " +
                    folder + "/fake.weights")
                       .c_str()),
            0);
  EXPECT_EQ(system((std::string(RUNNER " ") + folder + "/p --prompt a -n 1 >/dev/null").c_str()), 0);
  EXPECT_EQ(system(("rm -r " + folder).c_str()), 0);
}

} // namespace
