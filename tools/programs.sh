#!/bin/sh
# Some tests need Chromium or nginx, which only a package manager brings.
set -eu
PATH="$PATH:/usr/sbin"

have() {
  for name in "$@"; do
    if command -v "$name" >/dev/null; then return 0; fi
  done
  return 1
}

bring() {
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "Installing $1 for the tests …"
    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$1" >/dev/null
  else
    echo "The tests need $1: install the package «$1», or put it on PATH." >&2
    exit 1
  fi
}

have chromium chromium-browser google-chrome || bring chromium
have nginx || bring nginx
