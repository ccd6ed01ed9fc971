// SPDX-License-Identifier: Apache-2.0
#include "tests/integration/programs.h"

#include <stdlib.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/check.h"

namespace osprey::testing {

namespace fs = std::filesystem;

// CTest says where programs are; a test run by hand lies beside them.
std::string OspreyPath() {
  if (const char* folder = std::getenv("OSPREY_BIN_DIR")) return std::string(folder) + "/osprey";
  return fs::read_symlink("/proc/self/exe").parent_path() / "osprey";
}

bool ProgramExists(const std::string& name) {
  const char* path = std::getenv("PATH");
  std::stringstream folders(path == nullptr ? "" : path);
  for (std::string folder; std::getline(folders, folder, ':');) {
    if (access((folder + "/" + name).c_str(), X_OK) == 0) return true;
  }
  return false;
}

ScopedFolder::ScopedFolder() : path_(fs::temp_directory_path() / "osprey-test-XXXXXX") {
  OSPREY_CHECK(mkdtemp(path_.data()) != nullptr);
}

ScopedFolder::~ScopedFolder() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

std::string ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream content;
  content << file.rdbuf();
  return content.str();
}

void WriteFile(const std::string& path, const std::string& content) {
  std::ofstream(path, std::ios::binary) << content;
}

}  // namespace osprey::testing
