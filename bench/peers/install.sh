#!/usr/bin/env bash
# Installs the engines that `npm run bench -- engine` compares with, each in its pinned versions and in a place of its
# own that git ignores: bash bench/peers/install.sh [airflow] [prefect] [dagster] [luigi] [temporal], and those of
# `npm run bench -- quality`: [great-expectations] [cuallee] [pydantic]
# [pandera], and of `npm run bench -- connect`: [dlt] (none: all).
# What is there in the right version stays. Needs Python 3.11 (python3.11, python3 or $PYTHON), for temporal also Go and
# npm; to run it, Airflow and Prefect need PostgreSQL's server (Debian: apt-get install postgresql).
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")" || exit 1

fail() {
  echo "install.sh: $*" >&2
  exit 1
}

# Runs a command quietly; when it fails says so in one line and where its words are.
quietly() {
  local log=$1 what=$2
  shift 2
  "$@" >"$log" 2>&1 || fail "$what failed: $(grep -v '^ *$' "$log" | tail -n 1) (all of it: $log)"
}

find_python() {
  local candidate
  for candidate in ${PYTHON:-python3.11 python3}; do
    if [ "$("$candidate" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null)" = 3.11 ]; then
      command -v "$candidate"
      return
    fi
  done
  fail "Python 3.11 is needed (the versions are pinned for it): install it, or name it in \$PYTHON"
}

# install_python NAME DISTRIBUTION: a virtual environment .venv-NAME with exactly what NAME.txt pins.
install_python() {
  local name=$1 distribution=$2 venv=.venv-$1 version found python
  version=$(sed -n "s/^$distribution==//p" "$name.txt")
  if ! cmp -s "$name.txt" "$venv/installed.txt"; then
    echo "$name $version: installing into bench/peers/$venv"
    python=$(find_python) || exit 1
    rm -rf "$venv"
    quietly "$(mktemp)" "$name: making $venv" "$python" -m venv "$venv"
    # Every dependency is pinned, so nothing is left to resolve; `pip check` says whether the pins fit together.
    quietly "$venv/install.log" "$name: pip install" \
      "$venv/bin/python" -m pip install --disable-pip-version-check --no-deps --requirement "$name.txt"
    quietly "$venv/check.log" "$name: pip check" "$venv/bin/python" -m pip check
  fi
  found=$("$venv/bin/python" -c "import importlib.metadata as m; print(m.version('$distribution'))" 2>/dev/null)
  [ "$found" = "$version" ] || fail "$name: $version is pinned, but $venv has ${found:-none}: remove it and run this again"
  cp "$name.txt" "$venv/installed.txt"
  echo "$name $found: installed"
}

# Server: the newest version of its command line that `go install` takes. Later ones replace a module by a folder of
# their own repository, which Go refuses outside of it.
install_temporal() {
  local server=.bin/temporal version built
  version=$(sed -n 's/^server CLI //p' temporal/server.version)
  if ! cmp -s temporal/server.version "$server.version"; then
    command -v go >/dev/null || fail "temporal: Go is needed to build its server: install it (Debian: apt-get install golang)"
    echo "temporal $version: building its server into bench/peers/.bin (some minutes)"
    mkdir -p .bin
    quietly .bin/install.log "temporal: go install" \
      env GOBIN="$PWD/.bin" go install "github.com/temporalio/cli/cmd/temporal@v$version"
    built=$(go version -m "$server" | sed -n 's|^\tmod\tgithub.com/temporalio/cli\tv\([^\t]*\).*|\1|p')
    [ "$built" = "$version" ] || fail "temporal: $version is pinned, but Go has built ${built:-nothing}"
    cp temporal/server.version "$server.version"
  fi
  if ! cmp -s temporal/package-lock.json temporal/node_modules/installed.json; then
    command -v npm >/dev/null || fail "temporal: npm is needed for its TypeScript SDK"
    # No install scripts: the SDK brings its native part along.
    quietly .bin/npm.log "temporal: npm ci" npm ci --prefix temporal --ignore-scripts --no-audit --no-fund
    cp temporal/package-lock.json temporal/node_modules/installed.json
  fi
  echo "temporal: $(cat "$server.version"), SDK $(node -p "require('./temporal/node_modules/@temporalio/worker/package.json').version"): installed"
}

names=("$@")
[ $# -gt 0 ] || names=(airflow prefect dagster luigi temporal great-expectations cuallee pydantic pandera dlt)
for name in "${names[@]}"; do
  case $name in
    airflow) install_python airflow apache-airflow ;;
    prefect | dagster | luigi | cuallee | pydantic | pandera | dlt) install_python "$name" "$name" ;;
    great-expectations) install_python great-expectations great_expectations ;;
    temporal) install_temporal ;;
    *) fail "there is no peer \"$name\": airflow, prefect, dagster, luigi, temporal, great-expectations, cuallee, pydantic, pandera or dlt" ;;
  esac
done
