# SPDX-License-Identifier: Apache-2.0
# The Debian 12 packages that the scripts need, in one place, and how they get them. Sourced.

# What builds Osprey (cmake/Dependencies.cmake says why each library is there).
readonly kBuildPackages=(
  g++ cmake ninja-build pkg-config
  libabsl-dev liburing-dev libpcap-dev libnl-route-3-dev libsodium-dev libxxhash-dev libxml2-dev
  libxdp-dev libbpf-dev libnftables-dev zlib1g-dev libcli11-dev rapidjson-dev libconcurrentqueue-dev
)
# What makes networks in namespaces.
readonly kNetworkPackages=(iproute2 procps nftables util-linux perl-base)
# Nmap's OS database alone, without Nmap: the demonstration does without it if need be.
readonly kDatabasePackages=(nmap-common)
# What only the tests and benchmarks need: their libraries, the second compiler with its
# sanitizer runtimes, and Nmap with its XML description, which is the oracle.
readonly kTestPackages=(
  libgtest-dev libgmock-dev libbenchmark-dev clang-14 libclang-rt-14-dev llvm-14
  nmap libxml2-utils
)

# missing_packages PACKAGE...: prints those that are not installed.
missing_packages() {
  local package
  for package in "$@"; do
    dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed ||
      echo "$package"
  done
}

# install_packages PACKAGE...: installs what is missing. Needs root only if something is.
install_packages() {
  local missing
  mapfile -t missing < <(missing_packages "$@")
  ((${#missing[@]})) || return 0
  if ((EUID != 0)); then
    echo "these packages are missing; install them, or run this as root: ${missing[*]}" >&2
    return 1
  fi
  echo "installing: ${missing[*]}"
  export DEBIAN_FRONTEND=noninteractive
  apt-get -qq update
  apt-get -qq install -y --no-install-recommends "${missing[@]}" >/dev/null
}
