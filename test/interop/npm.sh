# SPDX-License-Identifier: Apache-2.0
# What the suites with npm packages share; sourced. The packages go to the cache, never into the checkout; a warm run needs no network.

# install_packages FOLDER PROGRAM...: the packages that FOLDER's lock file pins and the programs that use them, in $cache.
install_packages() {
  local here=$1 program
  shift
  command -v npm >/dev/null || { echo "interop: npm and node 20 or newer are needed" >&2; exit 1; }
  cache=${XDG_CACHE_HOME:-$HOME/.cache}/ipfs-accelerate/interop/$(basename "$here")
  mkdir -p "$cache"
  exec 9>"$cache/lock" && flock 9
  if ! cmp -s "$here/package-lock.json" "$cache/installed.json"; then
    cp "$here/package.json" "$here/package-lock.json" "$cache/"
    [ ! -e "$here/.npmrc" ] || cp "$here/.npmrc" "$cache/"
    npm ci --prefix "$cache" --ignore-scripts --no-audit --no-fund --loglevel error
    cp "$here/package-lock.json" "$cache/installed.json"
  fi
  for program in "$@"; do cp "$here/$program" "$cache/"; done
  flock -u 9
}
