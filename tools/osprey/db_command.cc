// SPDX-License-Identifier: Apache-2.0
#include "tools/osprey/db_command.h"

#include <algorithm>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "db/check.h"
#include "db/compile.h"
#include "db/database.h"
#include "db/dump.h"
#include "db/info.h"
#include "db/locate.h"
#include "db/text_file.h"
#include "io/writers/output_sink.h"
#include "tools/osprey/database.h"
#include "tools/osprey/exit_codes.h"

namespace osprey::tools {
namespace {

struct DbOptions {
  std::string input;
  std::string output;
};

// Runs `body` and turns its status into messages and an exit status.
template <class Body>
int Guarded(const Body& body) {
  const absl::StatusOr<int> exit_status = body();
  if (exit_status.ok()) return *exit_status;
  PrintError(exit_status.status());
  return kExitCannotStart;
}

int PrintText(std::string_view text, int exit_status) {
  auto sink = io::FdSink::Open("-");
  absl::Status status = (*sink)->Write(text);
  status.Update((*sink)->Flush());
  if (status.ok()) return exit_status;
  PrintError(status);
  return kExitOutputFailed;
}

bool IsImage(std::string_view bytes) {
  constexpr std::string_view kMagic(db::kImageMagic.data(), db::kImageMagic.size());
  return bytes.substr(0, kMagic.size()) == kMagic;
}

struct NamedText {
  std::string name;
  std::string text;
};

// The database as text: as it is, or dumped from an image.
absl::StatusOr<NamedText> ReadAsText(const std::string& named) {
  const db::DatabaseLocation location = db::Locate(named);
  if (location.kind == db::SourceKind::kBuiltin) {
    return NamedText{std::string(db::kBuiltinName), std::string(db::BuiltinText())};
  }
  OSPREY_ASSIGN_OR_RETURN(std::string text, db::ReadTextFile(location.path));
  if (!IsImage(text)) return NamedText{location.path, std::move(text)};
  OSPREY_ASSIGN_OR_RETURN(const db::Image image, db::Image::Open(location.path));
  return NamedText{absl::StrCat(location.path, " (dumped)"), db::Dump(image)};
}

absl::StatusOr<int> Info(const DbOptions& options) {
  db::OpenOptions open;
  open.path = options.input;
  OSPREY_ASSIGN_OR_RETURN(const db::Database database, db::OpenDatabase(open));
  const std::string text =
      absl::StrCat("Database: ", DescribeSource(database), "\n", db::InfoOf(database.image).Text());
  WarnAboutDiagnostics(database);
  return PrintText(text, kExitOk);
}

absl::StatusOr<int> Check(const DbOptions& options) {
  OSPREY_ASSIGN_OR_RETURN(const NamedText named, ReadAsText(options.input));
  OSPREY_ASSIGN_OR_RETURN(const db::CheckResult result, db::CheckText(named.text, named.name));
  std::string text;
  for (const db::Finding& finding : result.findings) {
    absl::StrAppend(&text, finding.diagnostic.Text(named.name), "\n");
  }
  absl::StrAppend(&text, named.name, ": ", result.references, " references, ",
                  result.findings.size(),
                  result.findings.size() == 1 ? " finding\n" : " findings\n");
  return PrintText(text, result.findings.empty() ? kExitOk : kExitSomeFailed);
}

// Replacing is by rename: that must not hit a device or a folder.
absl::Status CheckOutput(const std::string& path) {
  std::error_code error;
  const auto status = std::filesystem::status(path, error);
  if (!std::filesystem::exists(status) || std::filesystem::is_regular_file(status)) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(absl::StrCat(path, ": not a regular file"));
}

absl::StatusOr<int> Compile(const DbOptions& options) {
  OSPREY_RETURN_IF_ERROR(CheckOutput(options.output));
  OSPREY_ASSIGN_OR_RETURN(const std::string text, db::ReadTextFile(options.input));
  if (IsImage(text)) {
    return absl::InvalidArgumentError(
        absl::StrCat(options.input,
                     ": is a compiled image already; to get its text: osprey db "
                     "dump ",
                     options.input));
  }
  OSPREY_ASSIGN_OR_RETURN(const db::CompiledText compiled, db::CompileText(text, options.input));
  int exit_status = kExitOk;
  for (const db::Diagnostic& diagnostic : compiled.diagnostics) {
    PrintError(diagnostic.Text(options.input));
    if (diagnostic.severity == db::Severity::kError) exit_status = kExitSomeFailed;
  }
  if (const absl::Status status = db::ReplaceFile(options.output, compiled.bytes.bytes());
      !status.ok()) {
    PrintError(status);
    return kExitOutputFailed;
  }
  return exit_status;
}

absl::StatusOr<int> Dump(const DbOptions& options) {
  OSPREY_ASSIGN_OR_RETURN(const db::Image image, db::Image::Open(options.input));
  return PrintText(db::Dump(image), kExitOk);
}

void Add(CLI::App& db, const char* name, const char* description,
         const std::shared_ptr<DbOptions>& options, CommandList& commands,
         absl::StatusOr<int> (*run)(const DbOptions&), const char* input, bool required) {
  CLI::App* command = db.add_subcommand(name, description);
  command->add_option("file", options->input, input)->type_name("FILE")->required(required);
  commands.push_back({command, [options, run] { return Guarded([&] { return run(*options); }); }});
}

}  // namespace

void RegisterDbCommand(CLI::App& app, CommandList& commands) {
  CLI::App* db = app.add_subcommand("db", "Look into databases of fingerprints, and compile them");
  db->require_subcommand(1);
  const auto options = std::make_shared<DbOptions>();
  constexpr const char* kAny = "Text or compiled image; without it the one a scan would use";
  Add(*db, "info", "Show what a database holds", options, commands, Info, kAny, false);
  Add(*db, "check", "Report mistakes in a database", options, commands, Check, kAny, false);
  Add(*db, "compile", "Compile a text into an image that opens at once", options, commands, Compile,
      "Text in the format of nmap-os-db", true);
  commands.back()
      .app->add_option("-o,--output", options->output, "The image to write")
      ->type_name("FILE")
      ->required();
  Add(*db, "dump", "Print the text of an image, which compiles back to the same bytes", options,
      commands, Dump, "Compiled image", true);
}

}  // namespace osprey::tools
