//===- ChatTemplate.h - the chat template of a checkpoint -----------------------------------------------===//

#ifndef GEMMAC_COMPILER_PACKAGE_CHATTEMPLATE_H
#define GEMMAC_COMPILER_PACKAGE_CHATTEMPLATE_H

#include "compiler/package/Tokenizer.h"

#include "nlohmann/json.hpp"

namespace gemmac {

/// Reads the chat template of a Hugging Face directory into the tokenizer: `chat_template.jinja`, else the
/// one in `tokenizer_config.json`, whose content is `config`, else the one in `chat_template.json`. Of
/// several named ones the default is taken. No code depends on it, so what cannot be read is left out with a
/// remark.
void readChatTemplate(const std::string &directory, const nlohmann::json &config, Tokenizer &tokenizer);

/// Gives the tokenizer a template that stands in a file. One with a zero byte is left out with a remark: the
/// runtime shows templates as C strings.
void takeChatTemplate(std::string text, const std::string &file, Tokenizer &tokenizer);

} // namespace gemmac

#endif
