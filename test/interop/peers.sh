#!/usr/bin/env bash
# Brings the programs of other gRPC libraries that `npm run interop` runs against: `test/interop/peers.sh [name ...]`, all of
# them without a name. They are installed once, in pinned versions, into a directory of their own outside the checkout:
# $BAREWIRE_PEERS, by default ~/.cache/barewire-peers. Debian's packages alone go where apt puts them.
#
# Says on stdout, in lines `key<TAB>value`, where everything is (`go.client`, `testdata`, ...), with `missing.<name>` and the
# reason for what could not be had. Exit code 1 when anything is missing. What is being done is said on stderr.
set -euo pipefail
cd "$(dirname "$0")/../.."

GRPC_GO=v1.85.0
GRPCURL=v1.9.4
GHZ=v0.121.0
GRPC_PYTHON=1.85.1
BUF=1.75.0

names=(testdata go ruby python grpcurl ghz buf grpc-js)
peers=${BAREWIRE_PEERS:-$HOME/.cache/barewire-peers}
mkdir -p "$peers"
log=$peers/peers.log

say() { printf '%s\t%s\n' "$1" "$2"; }

# What fails gives the reason as the last line of its standard error.
wanted() {
  command -v "$1" >/dev/null || {
    echo "$1 is not installed" >&2
    return 1
  }
}

# go_install DIRECTORY PACKAGE@VERSION: every program has a directory of its own, as several are called `client` or `server`.
go_install() {
  wanted go || return 1
  [[ -n $(ls "$1" 2>/dev/null) ]] && return
  GOBIN=$1.partly GOPATH=$peers/go GOCACHE=$peers/go-build GOFLAGS="-p=1 -modcacherw -buildvcs=false" \
    nice -n 10 go install "$2" >&2 && mv "$1.partly" "$1"
}

# The certificates of the official cases come with the source of grpc-go: a CA, and a server certificate for *.test.google.fr.
bring_testdata() {
  local dir
  wanted go || return 1
  # Not grpc-go's own go.mod alone, but the whole module is wanted, so it is downloaded from outside of any module.
  dir=$(cd "$peers" && GOPATH=$peers/go GOFLAGS=-modcacherw go mod download -json "google.golang.org/grpc@$GRPC_GO" |
    sed -n 's/^\t"Dir": "\(.*\)",*$/\1/p')/testdata
  for file in ca.pem server1.pem server1.key; do
    [[ -f $dir/$file ]] || { echo "grpc-go $GRPC_GO has no testdata/$file" >&2; return 1; }
  done
  say testdata "$dir"
}

bring_go() {
  go_install "$peers/go-client-$GRPC_GO" "google.golang.org/grpc/interop/client@$GRPC_GO"
  go_install "$peers/go-server-$GRPC_GO" "google.golang.org/grpc/interop/server@$GRPC_GO"
  say go.client "$peers/go-client-$GRPC_GO/client"
  say go.server "$peers/go-server-$GRPC_GO/server"
  say go.version "$GRPC_GO"
}

# C-core, through Ruby: Debian's package of the gem carries the official client and server.
bring_ruby() {
  local find='spec = Gem::Specification.find_by_name("grpc"); puts spec.version, spec.gem_dir' found dir
  if ! found=$(ruby -e "$find" 2>/dev/null); then
    wanted apt-get || return 1
    [[ $(id -u) == 0 ]] || { echo "the Debian package ruby-grpc is not installed, and only root can do that" >&2; return 1; }
    apt-get update >&2 || return 1
    DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends ruby-grpc >&2 || return 1
    found=$(ruby -e "$find") || return 1
  fi
  dir=$(sed -n 2p <<<"$found")/src/ruby/pb/test
  for file in client.rb server.rb; do
    [[ -f $dir/$file ]] || { echo "the grpc gem has no src/ruby/pb/test/$file" >&2; return 1; }
  done
  say ruby.client "$dir/client.rb"
  say ruby.server "$dir/server.rb"
  say ruby.version "$(sed -n 1p <<<"$found")"
}

bring_python() {
  local venv=$peers/python-$GRPC_PYTHON
  local packages="grpcio==$GRPC_PYTHON grpcio-tools==$GRPC_PYTHON grpcio-reflection==$GRPC_PYTHON"
  wanted python3 || return 1
  # Which packages it has is written down, so that an older one is made anew when there are more.
  if [[ $(cat "$venv/done" 2>/dev/null) != "$packages" ]]; then
    rm -rf "$venv"
    python3 -m venv "$venv" >&2 || return 1
    # shellcheck disable=SC2086
    "$venv/bin/pip" install --quiet $packages >&2 || return 1
    echo "$packages" >"$venv/done"
  fi
  say python "$venv/bin/python"
  say python.version "$GRPC_PYTHON"
}

bring_grpcurl() {
  go_install "$peers/grpcurl-$GRPCURL" "github.com/fullstorydev/grpcurl/cmd/grpcurl@$GRPCURL"
  say grpcurl "$peers/grpcurl-$GRPCURL/grpcurl"
  say grpcurl.version "$GRPCURL"
}

bring_ghz() {
  go_install "$peers/ghz-$GHZ" "github.com/bojand/ghz/cmd/ghz@$GHZ"
  say ghz "$peers/ghz-$GHZ/ghz"
  say ghz.version "$GHZ"
}

bring_buf() {
  local dir=$peers/buf-$BUF
  wanted npm || return 1
  if [[ ! -x $dir/node_modules/.bin/buf ]]; then
    mkdir -p "$dir"
    npm install --silent --no-save --prefix "$dir" "@bufbuild/buf@$BUF" >&2 || return 1
  fi
  say buf "$dir/node_modules/.bin/buf"
  say buf.version "$BUF"
}

# A dev dependency: nothing to bring but its version.
bring_grpc-js() {
  local version
  version=$(node -p 'require("@grpc/grpc-js/package.json").version' 2>/dev/null) ||
    { echo "@grpc/grpc-js is not installed: run npm ci" >&2; return 1; }
  say grpc-js.version "$version"
}

code=0
for name in "${@:-${names[@]}}"; do
  if ! declare -F "bring_$name" >/dev/null; then
    echo "there is no peer $name; there are ${names[*]}" >&2
    exit 2
  fi
  echo "bringing $name" >&2
  # A subshell that ends at the first failure: behind `if` and `||` it would go on.
  set +e
  (set -e && "bring_$name") 2>"$log"
  failed=$?
  set -e
  if ((failed != 0)); then
    cat "$log" >&2
    say "missing.$name" "$(grep . "$log" | tail -n 1)"
    code=1
  fi
done
exit $code
