#!/usr/bin/env bash
# Checks what is in deploy/ with the tools that will read it, in exact versions from the Go module proxy: Helm's lint
# and template, Kubernetes' own schemas, Docker Compose's loader, promtool, systemd-analyze. The first run builds them,
# which takes several minutes. It needs no cluster, no Docker engine and nothing else from the network.
#
#   deploy/check/check.sh [--write]     --write: accept what the chart now renders
#
# The tests of ./cmd check the rest at each `make test`: that each flag in a manifest exists, each metric, each runbook.
set -euo pipefail
cd "$(dirname "$0")/../.."

tools=$PWD/bin/tools
mkdir -p "$tools"
tool() { # name module@version: builds it once
	local stamp="$tools/.${1}-${2##*@}"
	[ -e "$stamp" ] || { GOBIN="$tools" GOFLAGS=-mod=mod "${GO:-go}" install "$2" && touch "$stamp"; }
}

failed=0
fail() {
	echo "deploy-check: $1" >&2
	failed=1
}

echo "deploy-check: the chart"
tool helm helm.sh/helm/v4/cmd/helm@v4.3.1
tool kubectl-validate sigs.k8s.io/kubectl-validate@v0.0.4
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
chart=deploy/helm/hongbao
render() { # name [helm's arguments]
	"$tools/helm" lint --strict "$chart" "${@:2}" || fail "helm lint of $1"
	"$tools/helm" template hongbao "$chart" --namespace hongbao --kube-version 1.30.0 "${@:2}" >"$scratch/$1.yaml" ||
		fail "helm template of $1"
	if [ "${write:-}" ]; then cp "$scratch/$1.yaml" deploy/check/rendered/; fi
	diff -u "deploy/check/rendered/$1.yaml" "$scratch/$1.yaml" ||
		fail "the chart renders something else than deploy/check/rendered/$1.yaml: look, then run with --write"
}
[ "${1:-}" != --write ] || write=1
render default
render everything --values deploy/check/everything.values.yaml
# A ServiceMonitor is no type of Kubernetes itself, so its schema is not here.
for rendered in default everything; do
	mkdir -p "$scratch/$rendered"
	awk -v dir="$scratch/$rendered" 'BEGIN { RS = "\n---\n" } /kind: ServiceMonitor/ { next } NF {
		file = sprintf("%s/%03d.yaml", dir, ++n); print > file; close(file) }' "$scratch/$rendered.yaml"
	"$tools/kubectl-validate" --version 1.30 "$scratch/$rendered" >"$scratch/validated" 2>&1 ||
		{ cat "$scratch/validated"; fail "Kubernetes refuses what the chart renders ($rendered)"; }
done
for wrong in rpc.replicas=513 work.replicas=511 config.redis=x rpc.replicas=0 gateway.drainSeconds=-1 \
	image.digest=latest funding.url=https://bank.example; do
	if "$tools/helm" template hongbao "$chart" --set "$wrong" >/dev/null 2>&1; then fail "the chart takes $wrong"; fi
done

echo "deploy-check: compose"
(cd deploy/check && GOFLAGS=-mod=mod "${GO:-go}" run ./compose ../compose/compose.yaml) || fail "compose.yaml"

echo "deploy-check: alerts"
promtool=$(command -v promtool || true)
if [ -z "$promtool" ]; then
	tool promtool github.com/prometheus/prometheus/cmd/promtool@v0.316.0
	promtool=$tools/promtool
fi
"$promtool" check rules deploy/prometheus/alerts.yml || fail "promtool check rules"
"$promtool" test rules deploy/prometheus/alerts.test.yml || fail "promtool test rules"
(cd deploy/compose && cp prometheus.yml ../prometheus/alerts.yml "$scratch" && cd "$scratch" &&
	"$promtool" check config prometheus.yml) || fail "promtool check config"

if command -v systemd-analyze >/dev/null; then
	echo "deploy-check: systemd units"
	for unit in deploy/systemd/*.service; do
		# A template is looked at as its instance 0, and /bin/true stands for the binary, which is not installed here.
		name=$(basename "$unit")
		sed 's|/usr/local/bin/hongbao|/bin/true|' "$unit" >"$scratch/${name/@./@0.}"
		systemd-analyze verify "$scratch/${name/@./@0.}" || fail "systemd-analyze verify $unit"
		systemd-analyze security --offline=true --threshold=15 "$scratch/${name/@./@0.}" >"$scratch/exposure" ||
			{ cat "$scratch/exposure"; fail "$unit exposes more than it has to"; }
		tail -1 "$scratch/exposure"
	done
else
	echo "deploy-check: no systemd-analyze here, the units are not checked"
fi

[ $failed -eq 0 ] && echo "deploy-check: all in order"
exit $failed
