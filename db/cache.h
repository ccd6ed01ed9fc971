// SPDX-License-Identifier: Apache-2.0
#pragma once
// Compiled databases kept between runs, so that a text is compiled once.
//
// Two kinds of files in one folder:
//   image-F-SHA256.ospreydb  the image (format F) of the text with that SHA-256
//   text-HASH.stamp          for a text's path: size, time, inode and device it had, and its
//   SHA-256
// If a text still looks as its stamp says, its image is mapped without reading the text. Else the
// text is read and hashed, and compiled only if there is no image of that content.
//
// Files are replaced by rename only and never changed, so any number of processes may do this at
// once; at worst the same work is done twice. A folder or file is used only if it belongs to the
// user of this process and nobody else can write to it (so root never trusts another user's
// cache); images are verified in full like any other. Whatever goes wrong with the cache is no
// error: the text is then compiled in memory.

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "db/compile.h"
#include "db/image.h"
#include "db/text_file.h"

namespace osprey::db {

// $XDG_CACHE_HOME/osprey, else $HOME/.cache/osprey; for root /var/cache/osprey. Empty if none.
std::string DefaultCacheFolder();

class ImageCache {
 public:
  // Empty: nothing is found and nothing is kept.
  explicit ImageCache(std::string folder) : folder_(std::move(folder)) {}

  // The image of the text at `path`, if its stamp is still true.
  std::optional<Image> FindByStamp(const std::string& path) const;
  // The image of the text with this content.
  std::optional<Image> FindByContent(const SourceIdentity& content) const;
  // Keeps what it can. The stamp is the one that the text had when it was read.
  void Keep(const std::string& path, const FileStamp& stamp, const SourceIdentity& content,
            const ImageBytes* image) const;

 private:
  std::string StampPath(const std::string& path) const;
  std::string ImagePath(const std::string& sha256) const;
  std::optional<Image> OpenOwned(const std::string& image_path) const;
  bool PrepareFolder() const;

  std::string folder_;
};

}  // namespace osprey::db
