//===- GgufTest.cpp - GGUF files that are right ---------------------------------------------------------===//

#include "compiler/import/Gguf.h"
#include "Folder.h"
#include "GgufBytes.h"

namespace gemmac {
namespace {

class Gguf : public testing::Test {
protected:
  Folder folder;

  llvm::Expected<std::unique_ptr<GgufFile>> open(const std::string &file) {
    return GgufFile::open(folder.string() + "/" + file);
  }
  std::unique_ptr<GgufFile> opened(const GgufBytes &bytes) {
    folder.write("model.gguf", bytes.bytes());
    llvm::Expected<std::unique_ptr<GgufFile>> file = open("model.gguf");
    EXPECT_TRUE(bool(file)) << llvm::toString(file.takeError());
    return file ? std::move(*file) : nullptr;
  }
};

TEST_F(Gguf, ReadsTensors) {
  GgufBytes bytes;
  bytes.tensor("b", {2, 3}, kF32, "abcdabcdabcdabcdabcdabcd")
      .tensor("a", {64, 2, 5}, kQ8, zeros(2 * 5 * 2 * 34));
  bytes.tensor("scalar", {}, kF32, zeros(4));
  std::unique_ptr<GgufFile> file = opened(bytes);
  EXPECT_EQ(file->names(), (std::vector<std::string>{"a", "b", "scalar"}));
  const SourceTensor *b = file->find("b");
  EXPECT_EQ(b->scheme, "f32");
  EXPECT_EQ(b->shape, (std::vector<int64_t>{3, 2}));
  EXPECT_EQ(std::string(b->bytes.begin(), b->bytes.end()), "abcdabcdabcdabcdabcdabcd");
  const SourceTensor *a = file->find("a");
  EXPECT_EQ(a->scheme, "q8_0");
  EXPECT_EQ(a->shape, (std::vector<int64_t>{5, 2, 64}));
  EXPECT_EQ(a->bytes.data(), b->bytes.data() + 32);
  EXPECT_EQ(a->bytes.size(), 2u * 5 * 2 * 34);
  EXPECT_EQ(file->fileOf("a"), "model.gguf");
  EXPECT_EQ(file->find("c"), nullptr);
  EXPECT_EQ(file->fileOf("c"), "");
}

TEST_F(Gguf, TypesHaveTheNumbersOfGgml) {
  const struct {
    const char *name;
    uint32_t type;
    uint64_t numbers;
    size_t bytes;
  } types[] = {{"iq2_xxs", 16, 256, 66}, {"iq2_xs", 17, 256, 74}, {"iq3_xxs", 18, 256, 98},
               {"iq1_s", 19, 256, 50},   {"iq3_s", 21, 256, 110}, {"iq2_s", 22, 256, 82},
               {"iq4_xs", 23, 256, 136}, {"iq1_m", 29, 256, 56},  {"bf16", 30, 1, 2},
               {"tq1_0", 34, 256, 54},   {"tq2_0", 35, 256, 66},  {"mxfp4", 39, 32, 17},
               {"nvfp4", 40, 64, 36},    {"q1_0", 41, 128, 18}};
  GgufBytes bytes;
  for (const auto &type : types)
    bytes.tensor(type.name, {type.numbers}, type.type, zeros(type.bytes));
  std::unique_ptr<GgufFile> file = opened(bytes);
  for (const auto &type : types) {
    EXPECT_EQ(file->find(type.name)->scheme, type.name);
    EXPECT_EQ(file->find(type.name)->bytes.size(), type.bytes);
  }
}

TEST_F(Gguf, NumbersBeginAtTheAlignmentOfTheFile) {
  GgufBytes bytes;
  bytes.alignment = 256;
  bytes.key("general.alignment", Type::u32, uint32_t(256));
  bytes.tensor("a", {1}, kF32, "abcd").tensor("b", {1}, kF32, "efgh");
  std::unique_ptr<GgufFile> file = opened(bytes);
  EXPECT_EQ(file->find("b")->bytes[0], 'e');
  EXPECT_EQ(file->find("b")->bytes.data() - file->find("a")->bytes.data(), 256);
}

TEST_F(Gguf, ReadsValues) {
  GgufBytes bytes;
  bytes.version = 2;
  bytes.key("name", "gemma").key("empty", "");
  bytes.key("u8", Type::u8, uint8_t(200))
      .key("i8", Type::i8, int8_t(-3))
      .key("u16", Type::u16, uint16_t(60000));
  bytes.key("i16", Type::i16, int16_t(-300)).key("u32", Type::u32, 4000000000u).key("i32", Type::i32, -4);
  bytes.key("u64", Type::u64, uint64_t(1) << 40).key("i64", Type::i64, -(int64_t(1) << 40));
  bytes.key("f32", Type::f32, 0.5f).key("f64", Type::f64, 1e-6).key("yes", Type::boolean, uint8_t(1));
  std::unique_ptr<GgufFile> file = opened(bytes);
  EXPECT_EQ(**file->string("name"), "gemma");
  EXPECT_EQ(**file->string("empty"), "");
  EXPECT_EQ(**file->integer("u8"), 200);
  EXPECT_EQ(**file->integer("i8"), -3);
  EXPECT_EQ(**file->integer("u16"), 60000);
  EXPECT_EQ(**file->integer("i16"), -300);
  EXPECT_EQ(**file->integer("u32"), 4000000000);
  EXPECT_EQ(**file->integer("i32"), -4);
  EXPECT_EQ(**file->integer("u64"), int64_t(1) << 40);
  EXPECT_EQ(**file->integer("i64"), -(int64_t(1) << 40));
  EXPECT_EQ(**file->number("f32"), 0.5);
  EXPECT_EQ(**file->number("f64"), 1e-6);
  EXPECT_EQ(**file->number("i8"), -3.0);
  EXPECT_EQ(**file->boolean("yes"), true);
  EXPECT_EQ(*file->string("absent"), std::nullopt);
  EXPECT_TRUE(file->has("yes"));
  EXPECT_FALSE(file->has("no"));
  EXPECT_EQ(file->keys().size(), 13u);
}

TEST_F(Gguf, ReadsLists) {
  GgufBytes bytes;
  bytes.list("tokens", {"<pad>", "", "\xe2\x96\x81the"});
  bytes.list<int32_t>("types", Type::i32, {3, -1}).list<uint64_t>("wide", Type::u64, {});
  bytes.list<float>("scores", Type::f32, {0.25f, -1.0f}).list<uint8_t>("sliding", Type::boolean, {1, 0});
  std::unique_ptr<GgufFile> file = opened(bytes);
  EXPECT_EQ(**file->strings("tokens"), (std::vector<std::string_view>{"<pad>", "", "\xe2\x96\x81the"}));
  EXPECT_EQ(**file->integers("types"), (std::vector<int64_t>{3, -1}));
  EXPECT_EQ(**file->integers("wide"), (std::vector<int64_t>{}));
  EXPECT_EQ(**file->numbers("scores"), (std::vector<double>{0.25, -1.0}));
  EXPECT_EQ(**file->numbers("types"), (std::vector<double>{3.0, -1.0}));
  EXPECT_EQ(**file->booleans("sliding"), (std::vector<bool>{true, false}));
  EXPECT_EQ(*file->strings("absent"), std::nullopt);
  EXPECT_TRUE(file->isArray("tokens"));
  EXPECT_FALSE(file->isArray("absent"));
}

TEST_F(Gguf, RefusesValuesOfAnotherType) {
  GgufBytes bytes;
  bytes.key("name", "gemma").key("half", Type::f32, 0.5f).key("yes", Type::boolean, uint8_t(1));
  bytes.key("huge", Type::u64, ~uint64_t(0)).list<int32_t>("types", Type::i32, {3});
  std::unique_ptr<GgufFile> file = opened(bytes);
  EXPECT_SAYS(errorOf(file->integer("name")),
              "model.gguf: key 'name': is a string, but a signed integer of 64 bits is needed");
  EXPECT_SAYS(errorOf(file->integer("half")), "is a number, but a signed integer");
  EXPECT_SAYS(errorOf(file->integer("yes")), "is a boolean, but a signed integer");
  EXPECT_SAYS(errorOf(file->integer("huge")), "is an integer, but a signed integer of 64 bits");
  EXPECT_SAYS(errorOf(file->integer("types")), "is a list of which each is an integer, but a signed");
  EXPECT_SAYS(errorOf(file->number("yes")), "is a boolean, but a number is needed");
  EXPECT_SAYS(errorOf(file->boolean("half")), "is a number, but a boolean is needed");
  EXPECT_SAYS(errorOf(file->string("half")), "is a number, but a string is needed");
  EXPECT_SAYS(errorOf(file->strings("name")), "is a string, but a list is needed, of which each is a string");
  EXPECT_SAYS(errorOf(file->strings("types")), "element 0 is an integer, but a string is needed");
  EXPECT_SAYS(errorOf(file->booleans("types")), "element 0 is an integer, but a boolean is needed");
}

GgufBytes part(uint16_t number, uint16_t count, int32_t total = 2) {
  GgufBytes bytes;
  bytes.key("split.no", Type::u16, number).key("split.count", Type::u16, count);
  bytes.key("split.tensors.count", Type::i32, total);
  return bytes;
}

TEST_F(Gguf, ReadsAllPartsOfASplitCheckpoint) {
  folder.write("m-00001-of-00002.gguf",
               part(0, 2).key("name", "whole").tensor("a", {1}, kF32, zeros(4)).bytes());
  folder.write("m-00002-of-00002.gguf",
               part(1, 2).key("name", "not this").tensor("b", {1}, kF32, "abcd").bytes());
  auto file = open("m-00001-of-00002.gguf");
  ASSERT_TRUE(bool(file)) << llvm::toString(file.takeError());
  EXPECT_EQ((*file)->names(), (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ((*file)->fileOf("b"), "m-00002-of-00002.gguf");
  EXPECT_EQ((*file)->find("b")->bytes[3], 'd');
  EXPECT_EQ(**(*file)->string("name"), "whole");
}

TEST_F(Gguf, KnowsItsPartsByName) {
  using Files = std::vector<std::string>;
  EXPECT_EQ(ggufParts("d/m-00001-of-00003.gguf"),
            (Files{"d/m-00001-of-00003.gguf", "d/m-00002-of-00003.gguf", "d/m-00003-of-00003.gguf"}));
  for (const char *whole :
       {"m.gguf", "m-00001-of-00001.gguf", "m-00002-of-00003.gguf", "m-00001-of-0003.gguf",
        "m-00001-of-0000x.gguf", "m-00001-of--0003.gguf", "m-00001-of-00003", "", "d"})
    EXPECT_EQ(ggufParts(whole), Files{whole});
}

TEST_F(Gguf, GivesPagesBackAndStillHasThem) {
  std::string numbers(3 << 20, 'x');
  GgufBytes bytes;
  bytes.tensor("a", {numbers.size() / 4}, kF32, numbers);
  std::unique_ptr<GgufFile> file = opened(bytes);
  std::span<const uint8_t> all = file->find("a")->bytes;
  EXPECT_EQ(std::string(all.begin(), all.end()), numbers);
  for (size_t length : {size_t(0), size_t(1), size_t(5000), all.size()})
    file->release("a", all.subspan(0, length));
  file->release("absent", {});
  EXPECT_EQ(std::string(all.begin(), all.end()), numbers);
}

TEST_F(Gguf, RefusesWrongParts) {
  const std::string first = "m-00001-of-00002.gguf", second = "m-00002-of-00002.gguf";
  folder.write(first, part(0, 2).tensor("a", {1}, kF32, zeros(4)).bytes());
  EXPECT_SAYS(errorOf(open(first)), second);
  EXPECT_SAYS(errorOf(open(first)), "No such file");
  folder.write(second, part(1, 2).tensor("a", {1}, kF32, zeros(4)).bytes());
  EXPECT_SAYS(errorOf(open(first)), second + ": tensor 'a' appears twice");
  folder.write(second, part(1, 2).bytes());
  EXPECT_SAYS(errorOf(open(first)), "'split.tensors.count': is 2, but the 2 parts hold 1 tensors");
  folder.write(second, part(0, 2).bytes());
  EXPECT_SAYS(errorOf(open(first)), second + ": is not part 2 of 2");
  folder.write(second, part(1, 3).bytes());
  EXPECT_SAYS(errorOf(open(first)), second + ": is not part 2 of 2");
  folder.write(second, GgufBytes().bytes());
  EXPECT_SAYS(errorOf(open(first)), second + ": is not part 2 of 2");
  folder.write(second, part(1, 2).bytes());
  EXPECT_SAYS(errorOf(open(second)), "a split checkpoint is opened by its first part");
  folder.write("model.gguf", part(0, 2).bytes());
  EXPECT_SAYS(errorOf(open("model.gguf")), "its name must end with '-00001-of-00002.gguf'");
  folder.write("model.gguf", GgufBytes().key("split.count", Type::u64, uint64_t(1) << 62).bytes());
  EXPECT_SAYS(errorOf(open("model.gguf")), "there are at most 99999 parts");
}

TEST_F(Gguf, RefusesWhatIsNoFile) {
  EXPECT_SAYS(errorOf(open("absent.gguf")), "absent.gguf: No such file");
  EXPECT_SAYS(errorOf(GgufFile::open(folder.string())), "is not a regular file");
  folder.write("short.gguf", "GGUF");
  EXPECT_SAYS(errorOf(open("short.gguf")), "has 4 bytes, too few for a GGUF file");
}

} // namespace
} // namespace gemmac
