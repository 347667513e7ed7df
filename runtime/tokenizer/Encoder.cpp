#include "runtime/tokenizer/Encoder.h"

#include "runtime/tokenizer/Utf8.h"

using namespace gemmac;

/// A list of symbols, linked so that merging two moves nothing, and above it a tree of groups of 16 that
/// finds the lowest rank.
struct Encoder::Scratch {
  uint32_t ids[kWindow];
  uint32_t begins[kWindow]; // byte of the window's text at which encoding can restart with this symbol as the
                            // first; kUnclean: it cannot
  uint16_t following[kWindow];
  uint16_t preceding[kWindow];
  // Rank of each symbol's merge with the following one; then the lowest of each 16, of each 16 of these, ….
  uint32_t ranks[kWindow + kWindow / 16 + kWindow / 256 + kGroup];
};

const size_t Encoder::kScratchBytes = sizeof(Encoder::Scratch);

static constexpr uint32_t kUnclean = 0xffffffffu;
static constexpr uint32_t kMostSymbols = 5; // of one character: a pending unk and four bytes
static constexpr uint32_t kLevelBegin[4] = {0, 8192, 8192 + 512, 8192 + 512 + 32};

// Where two windows are joined, in 64ths of the first: late, so that little is encoded twice; earlier where
// the end of the window influenced tokens before that.
static constexpr uint32_t kJoinAt[] = {60, 48, 32, 16, 4};
static constexpr uint32_t kJoinAttempts = sizeof(kJoinAt) / sizeof(kJoinAt[0]);

Encoder::Encoder(const Vocabulary &vocabulary, void *scratch)
    : vocabulary(vocabulary), scratch(*static_cast<Scratch *>(scratch)) {
  static_assert(kWindow == 8192 && kGroup == 16 && kLevels == 4, "kLevelBegin is written for these");
}

void Encoder::emit(uint32_t id) {
  if (count < capacity)
    out[count] = int32_t(id < vocabulary.size() ? id : 0);
  ++count;
}

bool Encoder::encode(const char *text, size_t size, const EncodeOptions &options, int32_t *ids, size_t space,
                     size_t &total) {
  plain = options.plain;
  out = ids;
  capacity = space;
  count = 0;
  if (options.bos && vocabulary.bos() >= 0)
    emit(uint32_t(vocabulary.bos()));
  const uint8_t *begin = reinterpret_cast<const uint8_t *>(text);
  if (size != 0 && !encodeStretch(begin, begin + size, vocabulary.added()))
    return false;
  total = count;
  return true;
}

// Splits at added tokens: first at those matched in the raw text, then at those matched after spaces became
// "▁".
bool Encoder::encodeStretch(const uint8_t *begin, const uint8_t *end, const Vocabulary::Trie &trie) {
  const auto encodeRest = [&](const uint8_t *from, const uint8_t *to) {
    return from == to ||
           (trie.normalized ? encodePlain(from, to) : encodeStretch(from, to, vocabulary.addedNormalized()));
  };
  if (trie.empty())
    return encodeRest(begin, end);
  const uint8_t *at = begin;
  while (at < end) {
    uint32_t token = kNoToken;
    const size_t length = trie.mayBegin(*at) ? trie.match(at, size_t(end - at), token) : 0;
    if (length == 0) {
      ++at;
      continue;
    }
    if (!plain || !(vocabulary.kind(token) & kSpecialToken)) {
      if (!encodeRest(begin, at))
        return false;
      emit(token);
      begin = at + length;
    }
    at += length;
  }
  return encodeRest(begin, end);
}

// Symbols are exactly those of Hugging Face's BPE: a pending unk is emitted before the next character that
// has a token, and byte tokens are emitted before it.
bool Encoder::encodePlain(const uint8_t *begin, const uint8_t *end) {
  next = begin;
  length = 0;
  unknown = failed = false;
  here = before = Seam();
  while (!failed) {
    if (next == end) {
      if (unknown && !pushAlone(vocabulary.unk(), next, false))
        continue;
      unknown = false;
      if (endPiece())
        return true;
      continue;
    }
    if (length + kMostSymbols > kWindow) {
      joinWindows();
      continue;
    }
    const uint8_t *character = next;
    uint32_t codePoint = 0, id = kNoToken;
    size_t size = readUtf8(character, size_t(end - character), codePoint);
    if (size != 0)
      id = vocabulary.ofCharacter(codePoint == ' ' ? kSpaceMark : codePoint);
    else
      size = 1;
    next = character + size;
    if (id == kNoToken) {
      fallBack(character, size);
      continue;
    }
    const bool clean = !unknown;
    if (unknown && !pushAlone(vocabulary.unk(), character, false))
      continue;
    unknown = false;
    push(id, character, clean);
  }
  return false;
}

// A character without a token becomes its bytes if all of them have tokens, else unk.
void Encoder::fallBack(const uint8_t *character, size_t size) {
  bool allBytes = true;
  for (size_t i = 0; i < size; ++i)
    allBytes = allBytes && vocabulary.ofByte(character[i]) != kNoToken;
  if (allBytes) {
    for (size_t i = 0; i < size; ++i)
      if (!pushAlone(vocabulary.ofByte(character[i]), character, i == 0 && !unknown))
        return;
  } else if (vocabulary.unk() != kNoToken) {
    if (unknown && !vocabulary.fuseUnk() && !pushAlone(vocabulary.unk(), character, false))
      return;
    unknown = true;
  }
}

// A byte or unk: where junctions are known, no merge contains one.
bool Encoder::pushAlone(uint32_t id, const uint8_t *begin, bool clean) {
  if (!vocabulary.hasCuts())
    return push(id, begin, clean);
  if (length != 0 && !endPiece())
    return false;
  emit(id);
  return true;
}

// Appends a symbol; first ends the piece if no merge can cross to it. False if encoding went back to an
// earlier place: the caller must not append more.
bool Encoder::push(uint32_t id, const uint8_t *begin, bool clean) {
  if (length != 0) {
    const uint64_t hash = hashPair(scratch.ids[length - 1], id);
    if (vocabulary.mayJoin(hash))
      scratch.ranks[length - 1] = vocabulary.rank(scratch.ids[length - 1], id, hash);
    else if (!endPiece())
      return false;
  }
  if (length == 0 && !here.begin) {
    here.begin = clean ? begin : nullptr;
    here.count = count;
  }
  scratch.ids[length] = id;
  scratch.begins[length] = clean && here.begin ? uint32_t(begin - here.begin) : kUnclean;
  ++length;
  return true;
}

// Ends the piece with this window. False if it did not match the window before, so that encoding went back,
// or if that failed.
bool Encoder::endPiece() {
  mergeWindow();
  if (here.firstToken != kNoToken && scratch.ids[0] != here.firstToken)
    return retryJoin();
  emitUpTo(length);
  length = 0;
  here = before = Seam();
  return true;
}

void Encoder::emitUpTo(uint32_t end) {
  for (uint32_t at = 0; at < end; at = scratch.following[at])
    emit(scratch.ids[at]);
}

// The window is full but its piece continues. The next window begins at one of its tokens; the tokens before
// are final if it begins with the same token.
bool Encoder::joinWindows() {
  mergeWindow();
  if (here.firstToken != kNoToken && scratch.ids[0] != here.firstToken)
    return retryJoin();
  const uint32_t latest = here.attempt < kJoinAttempts ? length * kJoinAt[here.attempt] / 64 : 0;
  uint32_t seam = 0;
  for (uint32_t at = 0; at <= latest && at < length; at = scratch.following[at])
    if (scratch.begins[at] != kUnclean)
      seam = at;
  if (seam == 0 || !here.begin) {
    failed = true;
    return false;
  }
  emitUpTo(seam);
  before = here;
  here = Seam();
  here.begin = next = before.begin + scratch.begins[seam];
  here.firstToken = scratch.ids[seam];
  here.count = count;
  length = 0;
  unknown = false;
  return true;
}

// Drops the tokens of the previous window and encodes it again, to join it at an earlier token.
bool Encoder::retryJoin() {
  length = 0;
  unknown = false;
  if (!before.begin) {
    failed = true;
    return false;
  }
  here = before;
  before = Seam();
  ++here.attempt;
  count = here.count;
  next = here.begin;
  return false;
}

static uint32_t lowestOf16(const uint32_t *ranks) {
  uint32_t lowest = kNoRank;
  for (uint32_t i = 0; i < 16; ++i)
    lowest = ranks[i] < lowest ? ranks[i] : lowest;
  return lowest;
}

void Encoder::setRank(uint32_t at, uint32_t rank) {
  scratch.ranks[at] = rank;
  for (uint32_t level = 1; level < levels; ++level) {
    const uint32_t group = at / kGroup;
    uint32_t &parent = scratch.ranks[kLevelBegin[level] + group];
    const uint32_t lowest = lowestOf16(scratch.ranks + kLevelBegin[level - 1] + group * kGroup);
    if (parent == lowest)
      return;
    parent = lowest;
    at = group;
  }
}

void Encoder::mergeWindow() {
  if (length == 0)
    return;
  for (uint32_t i = 0; i < length; ++i) {
    scratch.following[i] = uint16_t(i + 1);
    scratch.preceding[i] = uint16_t(i - 1);
  }
  if (length == 1)
    return;
  scratch.ranks[length - 1] = kNoRank;
  uint32_t width = length;
  for (levels = 1;; ++levels) {
    uint32_t *level = scratch.ranks + kLevelBegin[levels - 1];
    for (; width % kGroup != 0; ++width)
      level[width] = kNoRank;
    if (width == kGroup)
      break;
    width /= kGroup;
    for (uint32_t i = 0; i < width; ++i)
      scratch.ranks[kLevelBegin[levels] + i] = lowestOf16(level + i * kGroup);
  }
  while (true) {
    const uint32_t lowest = lowestOf16(scratch.ranks + kLevelBegin[levels - 1]);
    if (lowest == kNoRank)
      return;
    uint32_t at = 0; // index of the leftmost minimum, found from the root down
    for (uint32_t level = levels; level-- > 0;) {
      const uint32_t *group = scratch.ranks + kLevelBegin[level];
      while (group[at] != lowest)
        ++at;
      if (level != 0)
        at *= kGroup;
    }
    const uint32_t gone = scratch.following[at], after = scratch.following[gone];
    const uint32_t id = vocabulary.merged(lowest);
    scratch.ids[at] = id;
    scratch.following[at] = uint16_t(after);
    setRank(gone, kNoRank);
    if (after < length)
      scratch.preceding[after] = uint16_t(at);
    setRank(at, after < length ? rankOf(id, scratch.ids[after]) : kNoRank);
    if (at != 0)
      setRank(scratch.preceding[at], rankOf(scratch.ids[scratch.preceding[at]], id));
  }
}
