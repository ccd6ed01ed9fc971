// SPDX-License-Identifier: Apache-2.0
#include "db/image.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <new>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_format.h"
#include "base/status_macros.h"

namespace osprey::db {
namespace {

constexpr std::align_val_t kAlignment{kSectionAlignment};

absl::Status FileError(const std::string& path, int error) {
  return absl::ErrnoToStatus(error, path);
}

}  // namespace

void ImageBytes::Free::operator()(std::byte* data) const { ::operator delete[](data, kAlignment); }

ImageBytes::ImageBytes(size_t size)
    : data_(static_cast<std::byte*>(::operator new[](size, kAlignment))), size_(size) {
  std::memset(data_.get(), 0, size);
}

absl::StatusOr<Image> Image::FromBytes(ImageBytes bytes) {
  auto owner = std::make_shared<const ImageBytes>(std::move(bytes));
  const std::span<const std::byte> view = owner->bytes();
  Image image(std::move(owner), view);
  OSPREY_RETURN_IF_ERROR(image.Verify());
  return image;
}

absl::StatusOr<Image> Image::FromBytes(std::span<const std::byte> bytes) {
  ImageBytes copy(bytes.size());
  if (!bytes.empty()) std::memcpy(copy.data(), bytes.data(), bytes.size());
  return FromBytes(std::move(copy));
}

absl::StatusOr<Image> Image::Open(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return FileError(path, errno);
  const auto close_fd = absl::MakeCleanup([fd] { ::close(fd); });
  struct stat status {};
  if (::fstat(fd, &status) != 0) return FileError(path, errno);
  if (!S_ISREG(status.st_mode)) {
    return absl::InvalidArgumentError(absl::StrFormat("%s: not a regular file", path));
  }
  const auto size = static_cast<size_t>(status.st_size);
  if (size < sizeof(ImageHeader)) {
    return absl::InvalidArgumentError(
        absl::StrFormat("%s: %u bytes are too few for a compiled database", path, size));
  }
  void* const data = ::mmap(nullptr, size, PROT_READ, MAP_SHARED | MAP_POPULATE, fd, 0);
  if (data == MAP_FAILED) return FileError(path, errno);
  std::shared_ptr<const void> owner(data, [size](void* p) { ::munmap(p, size); });
  Image image(std::move(owner), {static_cast<const std::byte*>(data), size});
  if (const absl::Status status_of_image = image.Verify(); !status_of_image.ok()) {
    return absl::Status(status_of_image.code(),
                        absl::StrFormat("%s: %s", path, std::string(status_of_image.message())));
  }
  return image;
}

const ExpressionRecord* Image::Find(size_t reference, AttributeId attribute) const {
  const uint32_t line = lines(reference)[static_cast<size_t>(Info(attribute).line)];
  if (line == kNone) return nullptr;
  const AttributeRecord& record = attributes_[attribute];
  for (const uint32_t part : parts(test_lines_[line])) {
    if (part >= record.first_expression && part - record.first_expression < record.expression_count)
      return &expressions_[part];
  }
  return nullptr;
}

}  // namespace osprey::db
