//===- GgufLiesTest.cpp - GGUF files that lie -----------------------------------------------------------===//

#include "Folder.h"
#include "GgufBytes.h"
#include "compiler/import/Gguf.h"

namespace gemmac {
namespace {

constexpr uint64_t kMost = ~uint64_t(0);

std::string messageFor(const std::string &bytes) {
  return errorOf(readGgufPart("model.gguf", {reinterpret_cast<const uint8_t *>(bytes.data()), bytes.size()}));
}

struct Lie {
  const char *name;
  std::string bytes;
  const char *message;
};

GgufBytes file() {
  return {};
}

std::string withHeader(uint32_t version, int64_t keys, int64_t tensors) {
  GgufBytes bytes;
  bytes.version = version;
  bytes.moreKeys = keys;
  bytes.moreTensors = tensors;
  return bytes.header();
}

std::string key(std::string_view name, uint32_t type, const std::string &value) {
  GgufBytes bytes;
  bytes.moreKeys = 1;
  std::string text = bytes.header();
  GgufBytes::string(text, name);
  GgufBytes::number(text, type);
  return text + value;
}

std::string tensor(const std::vector<uint64_t> &sizes, uint32_t type, uint64_t offset, size_t numbers) {
  return file().describe("a", sizes, type, offset).bytes() + zeros(numbers);
}

GgufBytes aligned(uint32_t alignment) {
  return file().key("general.alignment", Type::u32, alignment);
}

const Lie kLies[] = {
    {"Magic", "GGML" + zeros(20), "does not begin with 'GGUF'"},
    {"Version1", withHeader(1, 0, 0), "is of version 1 of the format, but 2 or 3 is needed"},
    {"Version4", withHeader(4, 0, 0), "is of version 4"},
    {"Version0", withHeader(0, 0, 0), "is of version 0"},
    {"BigEndian", withHeader(0x03000000, 0, 0), "big-endian"},
    {"MoreKeys", withHeader(3, 1, 0), "key 0 of 1 goes beyond the end of the file"},
    {"ManyKeys", withHeader(3, -1, 0), "key 0 of 18446744073709551615 goes beyond the end of the file"},
    {"MoreTensors", withHeader(3, 0, 1), "tensor 0 of 1 goes beyond the end of the file"},
    {"ManyTensors", withHeader(3, 0, -1), "tensor 0 of 18446744073709551615 goes beyond the end"},
    {"NamelessKey", file().key("", "x").bytes(), "key 0 has 0 bytes, but 1 to 65535 make a name"},
    {"LongKey", file().key(std::string(65536, 'k'), "x").bytes(), "key 0 has 65536 bytes"},
    {"KeyTwice", file().key("k", "x").key("k", "y").bytes(), "key 'k': appears twice"},
    {"KeyType", key("k", 13, zeros(8)), "key 'k': its type is 13, but types have numbers from 0 to 12"},
    {"StringLength", key("k", 8, "\xff\xff\xff\xff\xff\xff\xff\xff"),
     "a string of 18446744073709551615 bytes, goes beyond the end of the file, which has 45 bytes"},
    {"Boolean", key("k", 7, "\x02"), "key 'k': holds 2, but a boolean is 0 or 1"},
    {"ListType", file().startList("k", Type(99), 0).bytes(), "the type of its elements is 99"},
    {"ListOfLists", file().startList("k", Type::array, 0).bytes(), "is a list of lists"},
    {"ListLength", file().startList("k", Type::u8, kMost).bytes(),
     "is a list of 18446744073709551615 elements, but at most 16777216 make sense"},
    {"ListBeyond", file().startList("k", Type::u64, 1 << 20).bytes(),
     "key 'k', of 1048576 elements, goes beyond the end"},
    {"StringsBeyond", file().startList("k", Type::string, 1 << 20).bytes(),
     "key 'k', of 1048576 elements, goes beyond the end"},
    {"StringInList", file().list<uint64_t>("k", Type::string, {0, 99}).bytes(),
     "key 'k', element 1, a string of 99 bytes, goes beyond the end"},
    {"BooleanInList", file().list<uint8_t>("k", Type::boolean, {1, 0, 255}).bytes(), "holds 255"},
    {"Alignment0", aligned(0).bytes(), "key 'general.alignment': is 0, but a power of two from 8"},
    {"Alignment48", aligned(48).bytes(), "is 48, but a power of two"},
    {"AlignmentHuge", aligned(1u << 31).bytes(), "is 2147483648, but a power of two from 8 to 1073741824"},
    {"AlignmentType", file().key("general.alignment", Type::u64, uint64_t(32)).bytes(),
     "must be an integer of 32 bits without sign"},
    {"NamelessTensor", file().tensor("", {1}, kF32, zeros(4)).bytes(), "has a name of 0 bytes"},
    {"LongName", file().tensor(std::string(65, 'n'), {1}, kF32, zeros(4)).bytes(),
     "has a name of 65 bytes, but 1 to 64 are allowed"},
    {"Rank", tensor({1, 1, 1, 1, 1}, kF32, 0, 4), "tensor 'a': has 5 axes, but at most 4 are allowed"},
    {"EmptyAxis", tensor({4, 0}, kF32, 0, 64), "has an axis of size 0"},
    {"HugeAxis", tensor({kMost}, kF32, 0, 64), "has an axis of size 18446744073709551615"},
    {"HugeProduct", tensor({1 << 30, 1 << 30}, kF32, 0, 64), "which makes it larger than any file"},
    {"TypeGap", tensor({32}, 4, 0, 64), "its type has the number 4, which this compiler does not know"},
    {"TypeFuture", tensor({32}, 4000000000u, 0, 64), "its type has the number 4000000000"},
    {"HalfBlock", tensor({48, 2}, kQ8, 0, 128), "have 48 numbers, which are no whole blocks of 32"},
    {"BlockOfScalar", tensor({}, kQ8, 0, 128), "have 1 numbers, which are no whole blocks of 32"},
    {"Misaligned", tensor({1}, kF32, 4, 64), "its offset 4 is no multiple of the file's alignment, 32"},
    {"OffsetBeyond", tensor({1}, kF32, 64, 64),
     "its 4 bytes at offset 64 do not lie in the file, which holds 64 bytes of numbers"},
    {"OffsetOverflow", tensor({16}, kF32, kMost - 31, 64), "at offset 18446744073709551584 do not lie"},
    {"NumbersBeyond", tensor({17}, kF32, 0, 64), "its 68 bytes at offset 0 do not lie in the file"},
    {"NoNumbers", file().describe("a", {1}, kF32, 0).header(), "which holds 0 bytes of numbers"},
    {"Overlap", file().describe("a", {9}, kF32, 0).describe("b", {1}, kF32, 32).bytes() + zeros(64),
     "tensor 'b': its bytes overlap those of 'a'"},
};

class GgufLies : public testing::TestWithParam<Lie> {};

TEST_P(GgufLies, AreRefused) {
  std::string message = messageFor(GetParam().bytes);
  EXPECT_SAYS(message, GetParam().message);
  EXPECT_EQ(message.find("model.gguf: "), 0u) << message;
}
INSTANTIATE_TEST_SUITE_P(All, GgufLies, testing::ValuesIn(kLies),
                         [](const auto &info) { return std::string(info.param.name); });

/// A file with everything that a file can hold.
GgufBytes full() {
  GgufBytes bytes;
  bytes.key("general.alignment", Type::u32, uint32_t(32)).key("name", "gemma");
  bytes.key("half", Type::f32, 0.5f)
      .key("wide", Type::u64, uint64_t(7))
      .key("yes", Type::boolean, uint8_t(1));
  bytes.list("tokens", {"a", "", "bcd"}).list<int16_t>("types", Type::i16, {1, 2, 3});
  bytes.list<uint8_t>("sliding", Type::boolean, {1, 0});
  bytes.tensor("a", {2, 3}, kF32, zeros(24))
      .tensor("b", {32}, kQ8, zeros(34))
      .tensor("c", {}, kF32, zeros(4));
  return bytes;
}

TEST(GgufTruncated, IsRefusedAtEveryByte) {
  std::string bytes = full().bytes();
  ASSERT_EQ(messageFor(bytes), "no error");
  for (size_t length = 0; length < bytes.size(); ++length) {
    std::string message = messageFor(std::string(bytes, 0, length));
    EXPECT_SAYS(message, "is it complete?");
  }
}

/// Whatever a byte says, the reader looks at nothing outside of the file: sanitizers watch.
TEST(GgufFlipped, IsReadOrRefused) {
  const std::string bytes = full().bytes();
  size_t refused = 0, read = 0;
  for (size_t position = 0; position < full().header().size(); ++position) {
    for (int value : {0x00, 0x01, 0x7f, 0x80, 0xff, bytes[position] ^ 1, bytes[position] + 1}) {
      // Of exactly its size, so that a step beyond the end is one beyond the allocation.
      std::vector<uint8_t> copy(bytes.begin(), bytes.end());
      copy[position] = uint8_t(value);
      llvm::Expected<GgufPart> part = readGgufPart("model.gguf", copy);
      ++(part ? read : refused);
      if (!part) {
        llvm::consumeError(part.takeError());
        continue;
      }
      for (const SourceTensor &tensor : part->tensors) {
        EXPECT_GE(tensor.bytes.data(), copy.data());
        EXPECT_LE(tensor.bytes.data() + tensor.bytes.size(), copy.data() + copy.size());
      }
    }
  }
  EXPECT_GT(refused, 0u);
  EXPECT_GT(read, 0u);
}

} // namespace
} // namespace gemmac
