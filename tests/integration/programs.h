// SPDX-License-Identifier: Apache-2.0
#pragma once
// The programs that integration tests run, and folders for what they write.

#include <string>

namespace osprey::testing {

// The path of `osprey` as built beside the tests.
std::string OspreyPath();

// Whether a program is found by PATH.
bool ProgramExists(const std::string& name);

// A private folder under the system's temporary folder, removed with all in it.
class ScopedFolder {
 public:
  ScopedFolder();
  ~ScopedFolder();
  ScopedFolder(const ScopedFolder&) = delete;
  ScopedFolder& operator=(const ScopedFolder&) = delete;

  std::string File(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

std::string ReadFile(const std::string& path);
void WriteFile(const std::string& path, const std::string& content);

}  // namespace osprey::testing
