// SPDX-License-Identifier: Apache-2.0
#include "db/cache.h"

#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_format.h"
#include "base/clock.h"

namespace osprey::db {
namespace {

constexpr size_t kKeptImages = 8;
// A text changed less than this before it was read may change again without a new time.
constexpr int64_t kSettledNs = 2'000'000'000;

// Belongs to this user, and only this user can change it.
bool IsOurs(const std::string& path, mode_t kind) {
  struct stat status {};
  return ::lstat(path.c_str(), &status) == 0 && (status.st_mode & S_IFMT) == kind &&
         status.st_uid == ::geteuid() && (status.st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

std::string Hex(const std::array<uint8_t, 32>& sum) {
  return absl::BytesToHexString(
      absl::string_view(reinterpret_cast<const char*>(sum.data()), sum.size()));
}

std::string StampText(const std::string& path, const FileStamp& stamp) {
  return absl::StrFormat("osprey-stamp 1\n%s\n%d %d %d %d %d\n", path, stamp.device, stamp.inode,
                         stamp.bytes, stamp.mtime_ns, stamp.ctime_ns);
}

// Only the newest images are kept, so that the folder cannot grow without end. One that another
// process has mapped lives on until that process ends.
void RemoveOldImages(const std::string& folder) {
  std::error_code error;
  std::vector<std::pair<std::filesystem::file_time_type, std::filesystem::path>> images;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    if (entry.path().extension() != ".ospreydb") continue;
    images.emplace_back(entry.last_write_time(error), entry.path());
  }
  if (images.size() <= kKeptImages) return;
  std::sort(images.begin(), images.end(), std::greater<>());
  for (size_t i = kKeptImages; i < images.size(); ++i) {
    std::filesystem::remove(images[i].second, error);
  }
}

}  // namespace

std::string DefaultCacheFolder() {
  if (const char* const cache = std::getenv("XDG_CACHE_HOME"); cache != nullptr && *cache == '/') {
    return std::string(cache) + "/osprey";
  }
  if (::geteuid() == 0) return "/var/cache/osprey";
  if (const char* const home = std::getenv("HOME"); home != nullptr && *home == '/') {
    return std::string(home) + "/.cache/osprey";
  }
  return "";
}

std::string ImageCache::StampPath(const std::string& path) const {
  return absl::StrFormat("%s/text-%016x.stamp", folder_, XXH3_64bits(path.data(), path.size()));
}

std::string ImageCache::ImagePath(const std::string& sha256) const {
  return absl::StrFormat("%s/image-%d-%s.ospreydb", folder_, kImageFormatVersion, sha256);
}

std::optional<Image> ImageCache::OpenOwned(const std::string& image_path) const {
  if (!IsOurs(folder_, S_IFDIR) || !IsOurs(image_path, S_IFREG)) return std::nullopt;
  auto image = Image::Open(image_path);
  if (!image.ok()) return std::nullopt;
  return *std::move(image);
}

// The stamp's file is: what StampText gives for the path and its stamp, then the SHA-256.
std::optional<Image> ImageCache::FindByStamp(const std::string& path) const {
  if (folder_.empty()) return std::nullopt;
  const auto now = StampOf(path);
  const std::string stamp_path = StampPath(path);
  if (!now.ok() || !IsOurs(folder_, S_IFDIR) || !IsOurs(stamp_path, S_IFREG)) return std::nullopt;
  const auto text = ReadTextFile(stamp_path);
  const std::string expected = StampText(path, *now);
  if (!text.ok() || !text->starts_with(expected)) return std::nullopt;
  const std::string sum = text->substr(expected.size());
  if (sum.size() != 64 || sum.find_first_not_of("0123456789abcdef") != std::string::npos) {
    return std::nullopt;
  }
  return OpenOwned(ImagePath(sum));
}

std::optional<Image> ImageCache::FindByContent(const SourceIdentity& content) const {
  if (folder_.empty()) return std::nullopt;
  return OpenOwned(ImagePath(Hex(content.sha256)));
}

bool ImageCache::PrepareFolder() const {
  if (folder_.empty()) return false;
  std::error_code error;
  if (!std::filesystem::exists(folder_, error)) {
    std::filesystem::create_directories(folder_, error);
    ::chmod(folder_.c_str(), 0755);
  }
  return IsOurs(folder_, S_IFDIR);
}

void ImageCache::Keep(const std::string& path, const FileStamp& stamp,
                      const SourceIdentity& content, const ImageBytes* image) const {
  if (!PrepareFolder()) return;
  const std::string sum = Hex(content.sha256);
  if (image != nullptr) {
    if (!ReplaceFile(ImagePath(sum), image->bytes()).ok()) return;
    RemoveOldImages(folder_);
  }
  if (Clock::Real().RealtimeNs() - std::max(stamp.mtime_ns, stamp.ctime_ns) < kSettledNs) return;
  const std::string text = StampText(path, stamp) + sum;
  ReplaceFile(StampPath(path), std::as_bytes(std::span(text))).IgnoreError();
}

}  // namespace osprey::db
