//===- SafetensorsTest.cpp - files that are right, and files that lie -----------------------------------===//

#include "compiler/import/Safetensors.h"
#include "Folder.h"

namespace gemmac {
namespace {

const char *const kFile = "model.safetensors";
const char *const kIndex = "model.safetensors.index.json";

TEST(Safetensors, ReadsOneFile) {
  Folder folder;
  folder.writeSafetensors(kFile, R"({"__metadata__":{"format":"pt"},
      "b":{"dtype":"F32","shape":[2,1],"data_offsets":[4,12]},
      "a":{"dtype":"BF16","shape":[2],"data_offsets":[0,4]},
      "empty":{"dtype":"F16","shape":[0,7],"data_offsets":[4,4]},
      "scalar":{"dtype":"I64","shape":[],"data_offsets":[12,20]},
      "new":{"dtype":"F5_E9M9","shape":[3],"data_offsets":[20,22]}}  )",
                          22);
  auto source = openSafetensors(folder.string());
  ASSERT_TRUE(bool(source)) << llvm::toString(source.takeError());
  EXPECT_EQ((*source)->names(), (std::vector<std::string>{"a", "b", "empty", "new", "scalar"}));
  const SourceTensor *b = (*source)->find("b");
  ASSERT_TRUE(b);
  EXPECT_EQ(b->scheme, "f32");
  EXPECT_EQ(b->shape, (std::vector<int64_t>{2, 1}));
  EXPECT_EQ(b->bytes.size(), 8u);
  EXPECT_EQ(b->bytes.data(), (*source)->find("a")->bytes.data() + 4);
  EXPECT_EQ((*source)->fileOf("b"), kFile);
  EXPECT_EQ((*source)->find("c"), nullptr);
  EXPECT_EQ((*source)->fileOf("c"), "");
  EXPECT_EQ((*source)->find("new")->scheme, "f5_e9m9"); // nobody has asked for its numbers yet
}

TEST(Safetensors, ReadsShardsByTheirIndex) {
  Folder folder;
  folder.writeSafetensors("one.safetensors", R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})", 4);
  folder.writeSafetensors("two.safetensors", R"({"b":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})", 4);
  folder.write(kIndex, R"({"weight_map":{"a":"one.safetensors","b":"two.safetensors"},"metadata":{}})");
  auto source = openSafetensors(folder.string());
  ASSERT_TRUE(bool(source)) << llvm::toString(source.takeError());
  EXPECT_EQ((*source)->names(), (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ((*source)->fileOf("b"), "two.safetensors");
}

struct Lie {
  const char *name, *header;
  size_t numbers;
  const char *message;
};

const Lie kLies[] = {
    {"NotJson", "{\"a\":", 0, "is not valid JSON"},
    {"BadUtf8", "{\"\xff\":{}}", 0, "is not valid JSON"},
    {"NoObject", "[1]", 0, "a JSON object is needed"},
    {"Twice",
     R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})",
     1, "'a' appears twice"},
    {"NoEntry", R"({"a":3})", 0, "its entry is not an object"},
    {"NoDtype", R"({"a":{"shape":[1],"data_offsets":[0,4]}})", 4, "has no 'dtype'"},
    {"NoShape", R"({"a":{"dtype":"F32","data_offsets":[0,4]}})", 4, "has no 'shape'"},
    {"NoOffsets", R"({"a":{"dtype":"F32","shape":[1]}})", 4, "has no 'data_offsets'"},
    {"DtypeNumber", R"({"a":{"dtype":32,"shape":[1],"data_offsets":[0,4]}})", 4, "'dtype' is not a string"},
    {"OneOffset", R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[4]}})", 4,
     "'data_offsets' are not two positions"},
    {"NegativeOffset", R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[-4,0]}})", 4,
     "are not two positions"},
    {"FractionalOffset", R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4.0]}})", 4,
     "are not two positions"},
    {"Backwards", R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}})", 4, "do not lie in the file"},
    {"BeyondTheEnd", R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})", 4,
     "bytes [0, 8) do not lie in the file, which holds 4 bytes"},
    {"OffsetOverflow", R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,18446744073709551615]}})", 4,
     "do not lie in the file"},
    {"Overlap",
     R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}})",
     12, "overlap"},
    {"Hole",
     R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],"data_offsets":[8,12]}})",
     12, "the 4 bytes before it belong to no tensor"},
    {"Tail", R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})", 7,
     "the last 3 bytes belong to no tensor"},
    {"WrongSize", R"({"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}})", 8,
     "need 12 bytes, but 'data_offsets' span 8"},
    {"OddBits", R"({"a":{"dtype":"F4","shape":[3],"data_offsets":[0,2]}})", 2, "need 2 bytes, but"},
    {"ShapeText", R"({"a":{"dtype":"F32","shape":"1","data_offsets":[0,4]}})", 4, "'shape' is not a list"},
    {"ShapeNegative", R"({"a":{"dtype":"F32","shape":[-1,-1],"data_offsets":[0,4]}})", 4, "which is no size"},
    {"ShapeHuge", R"({"a":{"dtype":"F32","shape":[18446744073709551615],"data_offsets":[0,4]}})", 4,
     "which is no size"},
    {"ShapeOverflow", R"({"a":{"dtype":"F32","shape":[4294967296,4294967296,4],"data_offsets":[0,0]}})", 0,
     "more numbers than any file can hold"},
    {"ShapeDeep", R"({"a":{"dtype":"F32","shape":[1,1,1,1,1,1,1,1,1],"data_offsets":[0,4]}})", 4,
     "at most 8 sizes"},
};

class LyingSafetensors : public testing::TestWithParam<Lie> {};

TEST_P(LyingSafetensors, IsRefused) {
  Folder folder;
  folder.writeSafetensors(kFile, GetParam().header, GetParam().numbers);
  std::string error = errorOf(openSafetensors(folder.string()));
  EXPECT_SAYS(error, GetParam().message);
  EXPECT_SAYS(error, kFile);
  EXPECT_EQ(error.find('\n'), std::string::npos);
}

INSTANTIATE_TEST_SUITE_P(, LyingSafetensors, testing::ValuesIn(kLies),
                         [](const auto &info) { return info.param.name; });

TEST(Safetensors, RefusesWhatIsTooShort) {
  Folder folder;
  folder.write(kFile, "");
  EXPECT_SAYS(errorOf(openSafetensors(folder.string())), "has 0 bytes, too few");
  folder.write(kFile, "1234567");
  EXPECT_SAYS(errorOf(openSafetensors(folder.string())), "has 7 bytes, too few");
}

TEST(Safetensors, RefusesHeadersLongerThanTheFile) {
  Folder folder;
  for (uint64_t length : {uint64_t(3), uint64_t(1) << 40, ~uint64_t(0)}) {
    folder.write(kFile, std::string(reinterpret_cast<const char *>(&length), 8) + "{}");
    EXPECT_SAYS(errorOf(openSafetensors(folder.string())),
                "says that its header has " + std::to_string(length) + " bytes");
  }
}

TEST(Safetensors, RefusesDeepNesting) {
  Folder folder;
  folder.writeSafetensors(kFile, "{\"a\":" + std::string(100000, '['), 0);
  EXPECT_SAYS(errorOf(openSafetensors(folder.string())), "nested deeper");
}

TEST(Safetensors, NamesStayOnOneLineAndShort) {
  Folder folder;
  std::string name = "line\\nbreak" + std::string(5000, 'x') + "größe";
  folder.writeSafetensors(kFile, "{\"" + name + "\":1}", 0);
  std::string error = errorOf(openSafetensors(folder.string()));
  EXPECT_SAYS(error, "tensor 'line\\x0abreakxxx");
  EXPECT_SAYS(error, "xxx…xxx");
  EXPECT_SAYS(error, "größe'");
  EXPECT_LT(error.size(), 500u);
}

TEST(Safetensors, RefusesAnEmptyFolder) {
  Folder folder;
  EXPECT_SAYS(errorOf(openSafetensors(folder.string())), "holds neither model.safetensors nor");
}

TEST(Safetensors, RefusesAFolderInPlaceOfAFile) {
  Folder folder;
  std::filesystem::create_directory(std::filesystem::path(folder.string()) / kFile);
  EXPECT_SAYS(errorOf(openSafetensors(folder.string())), "is not a regular file");
}

struct BadIndex {
  const char *name, *index, *message;
};

const BadIndex kBadIndices[] = {
    {"NoMap", R"({"metadata":{}})", "has no 'weight_map'"},
    {"EmptyMap", R"({"weight_map":{}})", "has no 'weight_map'"},
    {"FileNumber", R"({"weight_map":{"a":1}})", "tensor 'a' stands in '1', which is no file"},
    {"Absolute", R"({"weight_map":{"a":"/etc/passwd"}})", "which is no file of this directory"},
    {"Upwards", R"({"weight_map":{"a":"sub/../../one.safetensors"}})", "which is no file of this directory"},
    {"NulByte", R"({"weight_map":{"a":"one.safetensors\u0000"}})", "which is no file of this directory"},
    {"LineBreak", R"({"weight_map":{"a":"one\nsafetensors"}})",
     "stands in 'one\\x0asafetensors', which is no file"},
    {"NoShard", R"({"weight_map":{"a":"three.safetensors"}})", "three.safetensors: "},
    {"NoTensor", R"({"weight_map":{"b":"one.safetensors"}})",
     "tensor 'b' should stand in 'one.safetensors', but does not"},
};

class IndexedSafetensors : public testing::TestWithParam<BadIndex> {};

TEST_P(IndexedSafetensors, RefusesABadIndex) {
  Folder folder;
  folder.writeSafetensors("one.safetensors", R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})", 4);
  folder.write(kIndex, GetParam().index);
  EXPECT_SAYS(errorOf(openSafetensors(folder.string())), GetParam().message);
}

INSTANTIATE_TEST_SUITE_P(, IndexedSafetensors, testing::ValuesIn(kBadIndices),
                         [](const auto &info) { return info.param.name; });

} // namespace
} // namespace gemmac
