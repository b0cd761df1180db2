#!/usr/bin/env bash
# Records bench/default.pgo, the profile with which builds are optimised: two minutes of hongbao up under grabs, sends,
# credits and listeners, in turns. Takes no input. Uses port 9199.
set -euo pipefail
cd "$(dirname "$0")/.."
go build -pgo=off -o bin/hongbao .
bin/hongbao bench run losers --for=4s --yardsticks --only=winners,many,sends,settle,http,ws,watched \
	--up=--metrics=127.0.0.1:9199 &
bench=$!
trap 'kill "$bench" 2>/dev/null || true' EXIT
at=http://127.0.0.1:9199
curl --silent --show-error --fail --retry 120 --retry-delay 1 --retry-connrefused --output /dev/null "$at/readyz"
# As the process gives it: what go tool pprof makes of it lacks the lines at which functions begin.
curl --silent --show-error --fail --output bench/default.pgo "$at/debug/pprof/profile?seconds=120"
go build -pgo=bench/default.pgo -o bin/hongbao .
