#!/bin/sh
# Builds the kernels and their driver with the sanitizers and runs it: addresses and undefined
# behaviour first, then the thread pool and the allocator under the thread sanitizer.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
kernels=$here/../../../Sources/CKernels
clang=${CLANG:-clang}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# lld, because gold prints a warning for each of the runtime's thousand symbols.
build() {
  output=$1
  shift
  "$clang" -std=gnu11 -g -O1 -Wall -Wextra -Werror -Wno-pass-failed -fuse-ld=lld \
    -I"$kernels/include" "$here"/*.c "$kernels"/*.c -o "$output" -lm -lpthread "$@"
}

build "$work/address" -fsanitize=address,undefined -fno-sanitize-recover=undefined
"$work/address"

# The thread sanitizer of Swift's clang intercepts libdispatch and so needs it.
libraries=$("$clang" -print-resource-dir)/../../swift/linux
if [ -e "$libraries/libdispatch.so" ]; then
  set -- -L"$libraries" -Wl,-rpath,"$libraries" -ldispatch -lBlocksRuntime
fi
build "$work/thread" -fsanitize=thread "$@"
"$work/thread" threads
