//===- Completion.cpp - gemmac completion ---------------------------------------------------------------===//
// The scripts are made from the commands and options themselves, so they never miss one.

#include "contract/Scheme.h"
#include "tools/gemmac/Commands.h"

#include <cstdio>

namespace gemmac {
namespace {

std::string joined(const std::vector<std::string> &words, const char *between) {
  std::string all;
  for (const std::string &word : words)
    all += (all.empty() ? "" : between) + word;
  return all;
}

std::vector<const CLI::App *> commandsOf(const CLI::App &app) {
  return app.get_subcommands([](const CLI::App *) { return true; });
}

/// "--scheme", "-o" of one option; nothing for a positional.
std::vector<std::string> spellings(const CLI::Option &option) {
  std::vector<std::string> all;
  for (const std::string &name : option.get_lnames())
    all.push_back("--" + name);
  for (const std::string &name : option.get_snames())
    all.push_back("-" + name);
  return all;
}

std::vector<std::string> optionsOf(const CLI::App &command) {
  std::vector<std::string> all;
  for (const CLI::Option *option : command.get_options())
    for (const std::string &spelling : spellings(*option))
      all.push_back(spelling);
  return all;
}

std::vector<std::string> namesOf(const std::vector<const CLI::App *> &commands) {
  std::vector<std::string> names;
  for (const CLI::App *command : commands)
    names.push_back(command->get_name());
  return names;
}

/// Those of weights, or of keys and values.
std::vector<std::string> schemes(bool SchemeRow::*use) {
  std::vector<std::string> names;
  for (const SchemeRow &row : allSchemes())
    if (row.*use)
      names.emplace_back(row.name);
  return names;
}

/// A text in single quotes of any shell.
std::string quoted(const std::string &text) {
  std::string result = "'";
  for (char c : text)
    result += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return result + "'";
}

std::string bash(const CLI::App &app) {
  std::string script =
      "_gemmac() {\n  local word=\"${COMP_WORDS[COMP_CWORD]}\" words=\n"
      "  if [ \"$COMP_CWORD\" -eq 1 ]; then\n    words=\"" +
      joined(namesOf(commandsOf(app)), " ") +
      "\"\n  else\n    case \"${COMP_WORDS[COMP_CWORD-1]}\" in\n"
      "      --target) COMPREPLY=($(compgen -W \"$(gemmac targets | cut -d' ' -f1) host\" -- \"$word\")); "
      "return;;\n"
      "      --scheme) COMPREPLY=($(compgen -W '" +
      joined(schemes(&SchemeRow::weights), " ") +
      " file' -- \"$word\")); return;;\n      --cache-scheme) COMPREPLY=($(compgen -W '" +
      joined(schemes(&SchemeRow::caches), " ") +
      " sliding=f16,global=q8_0' -- \"$word\")); return;;\n"
      "      --emit) COMPREPLY=($(compgen -W '" +
      joined(emitKinds(), " ") + "' -- \"$word\")); return;;\n    esac\n    case \"${COMP_WORDS[1]}\" in\n";
  for (const CLI::App *command : commandsOf(app))
    script += "      " + command->get_name() + ") words=\"" + joined(optionsOf(*command), " ") + "\";;\n";
  return script +
         "    esac\n  fi\n  case \"$word\" in\n    -*) COMPREPLY=($(compgen -W \"$words\" -- \"$word\"));;\n"
         "    *) [ \"$COMP_CWORD\" -eq 1 ] && COMPREPLY=($(compgen -W \"$words\" -- \"$word\")) || "
         "COMPREPLY=($(compgen -f -- \"$word\"));;\n  esac\n}\ncomplete -o filenames -F _gemmac gemmac\n";
}

/// zsh reads brackets and colons in a description as its own.
std::string zshText(const std::string &text) {
  std::string plain;
  for (char c : text)
    plain += c == '[' || c == ']' || c == ':' ? std::string("\\") + c : std::string(1, c);
  return plain;
}

std::string zsh(const CLI::App &app) {
  std::string script = "#compdef gemmac\n_gemmac() {\n  local -a commands\n  commands=(\n";
  for (const CLI::App *command : commandsOf(app))
    script += "    " + quoted(command->get_name() + ":" + zshText(command->get_description())) + "\n";
  script += "  )\n  if (( CURRENT == 2 )); then\n    _describe command commands\n    return\n  fi\n  case "
            "$words[2] in\n";
  for (const CLI::App *command : commandsOf(app)) {
    script += "    " + command->get_name() + ")\n      _arguments";
    for (const CLI::Option *option : command->get_options())
      for (const std::string &spelling : spellings(*option))
        script += " \\\n        " + quoted(spelling + "[" + zshText(option->get_description()) + "]" +
                                           (option->get_items_expected_max() ? ":value:_files" : ""));
    script += " \\\n        '*:file:_files'\n      ;;\n";
  }
  return script + "  esac\n}\ncompdef _gemmac gemmac\n";
}

std::string fish(const CLI::App &app) {
  std::string script;
  for (const CLI::App *command : commandsOf(app)) {
    script += "complete -c gemmac -n __fish_use_subcommand -a " + command->get_name() + " -d " +
              quoted(command->get_description()) + "\n";
    for (const CLI::Option *option : command->get_options()) {
      std::string names;
      for (const std::string &name : option->get_lnames())
        names += " -l " + name;
      for (const std::string &name : option->get_snames())
        names += " -s " + name;
      if (!names.empty())
        script += "complete -c gemmac -n '__fish_seen_subcommand_from " + command->get_name() + "'" + names +
                  (option->get_items_expected_max() ? " -r" : "") + " -d " +
                  quoted(option->get_description()) + "\n";
    }
  }
  return script;
}

} // namespace

void addCompletion(CLI::App &app, int &code) {
  auto shell = std::make_shared<std::string>();
  CLI::App *command =
      app.add_subcommand("completion", "Print a script that completes gemmac's words in a shell");
  command->add_option("SHELL", *shell, "bash, zsh or fish")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh", "fish"}));
  command->callback([shell, &app, &code] {
    std::string script = *shell == "bash" ? bash(app) : *shell == "zsh" ? zsh(app) : fish(app);
    std::fwrite(script.data(), 1, script.size(), stdout);
    code = kDone;
  });
}

} // namespace gemmac
