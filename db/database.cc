// SPDX-License-Identifier: Apache-2.0
#include "db/database.h"

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/status/statusor.h"
#include "base/status_macros.h"
#include "db/compile.h"
#include "db/text_file.h"

namespace osprey::db {
namespace {

// Cached images carry no warnings; errors keep a text out of the cache.
bool HasErrors(const std::vector<Diagnostic>& diagnostics) {
  return std::any_of(diagnostics.begin(), diagnostics.end(),
                     [](const Diagnostic& d) { return d.severity == Severity::kError; });
}

// The cache is keyed by one name for each file, wherever the program was started.
std::string AbsolutePath(const std::string& path) {
  std::error_code error;
  const std::filesystem::path absolute = std::filesystem::canonical(path, error);
  return error ? path : absolute.string();
}

absl::StatusOr<Database> OpenBuiltin() {
  std::vector<Diagnostic> diagnostics;
  OSPREY_ASSIGN_OR_RETURN(Image image, ImageFromText(BuiltinText(), kBuiltinName, &diagnostics));
  return Database{
      std::move(image),      SourceKind::kBuiltin, OpenedFrom::kText, std::string(kBuiltinName), 0,
      std::move(diagnostics)};
}

absl::StatusOr<Database> OpenText(const std::string& path, SourceKind kind,
                                  const ImageCache& cache) {
  FileStamp stamp;
  if (FileStartsWith(path, std::string_view(kImageMagic.data(), kImageMagic.size()))) {
    OSPREY_ASSIGN_OR_RETURN(stamp, StampOf(path));
    OSPREY_ASSIGN_OR_RETURN(Image image, Image::Open(path));
    return Database{
        std::move(image), kind, OpenedFrom::kImage, path, stamp.mtime_ns / 1'000'000'000, {}};
  }
  const std::string key = AbsolutePath(path);
  if (auto image = cache.FindByStamp(key)) {
    OSPREY_ASSIGN_OR_RETURN(stamp, StampOf(path));
    return Database{
        *std::move(image), kind, OpenedFrom::kCache, path, stamp.mtime_ns / 1'000'000'000, {}};
  }
  OSPREY_ASSIGN_OR_RETURN(const std::string text, ReadTextFile(path, &stamp));
  const int64_t time_s = stamp.mtime_ns / 1'000'000'000;
  const SourceIdentity content = IdentityOf(text);
  if (auto image = cache.FindByContent(content)) {
    cache.Keep(key, stamp, content, nullptr);
    return Database{*std::move(image), kind, OpenedFrom::kCache, path, time_s, {}};
  }
  OSPREY_ASSIGN_OR_RETURN(CompiledText compiled, CompileText(text, path));
  if (!HasErrors(compiled.diagnostics)) cache.Keep(key, stamp, content, &compiled.bytes);
  OSPREY_ASSIGN_OR_RETURN(Image image, Image::FromBytes(std::move(compiled.bytes)));
  return Database{
      std::move(image), kind, OpenedFrom::kText, path, time_s, std::move(compiled.diagnostics)};
}

}  // namespace

absl::StatusOr<Database> OpenDatabase(const OpenOptions& options) {
  const DatabaseLocation location = Locate(options.path);
  if (location.kind == SourceKind::kBuiltin) return OpenBuiltin();
  std::string folder;
  if (options.use_cache) {
    folder = options.cache_folder.empty() ? DefaultCacheFolder() : options.cache_folder;
  }
  return OpenText(location.path, location.kind, ImageCache(folder));
}

}  // namespace osprey::db
