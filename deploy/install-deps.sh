#!/bin/sh
# Installs what `hongbao up` and the tests need and the machine lacks. Does nothing, quickly, when all is there.
#
#   deploy/install-deps.sh [--browser] [--compiler] [--node] [--fonts] [--etcd] [--prometheus]
#
# Always: redis-server and mariadb-server, whose binaries hongbao runs as its own children. A server that this script
# installs is neither started nor enabled at boot; one that was there before is not touched.
#   --browser   Chromium, for the test that drives the page
#   --compiler  a C compiler, without which `go test -race` does not build (Linux)
#   --etcd      etcd, for the tests of discovery, which are skipped without it
#   --prometheus  Prometheus, which deploy/local-cluster then runs, too
#   --fonts     fonts for Chinese and emoji, for pictures of the page; no test needs them
#   --node      Node.js 18 or later and npm, for the check of the page's types and pure functions
#
# Exit status: 0 all is there; 1 something is missing and could not be installed; 3 only what tests can do without: a
# browser, etcd, Prometheus.
set -eu

browser=no compiler=no node=no fonts=no etcd=no prometheus=no
for arg in "$@"; do
	case $arg in
	--browser) browser=yes ;;
	--compiler) compiler=yes ;;
	--node) node=yes ;;
	--etcd) etcd=yes ;;
	--prometheus) prometheus=yes ;;
	--fonts) fonts=yes ;;
	*)
		echo "usage: $0 [--browser] [--compiler] [--node] [--fonts] [--etcd] [--prometheus]" >&2
		exit 2
		;;
	esac
done

# Where servers are that a user's PATH does not lead to; the same list is in internal/devstack.
PATH=$PATH:/usr/bin:/usr/sbin:/usr/libexec:/usr/local/bin:/usr/local/sbin:/usr/local/libexec:/usr/local/mysql/bin
PATH=$PATH:/usr/local/opt/mariadb/bin:/opt/homebrew/bin:/opt/homebrew/sbin:/opt/homebrew/opt/mariadb/bin
PATH=$PATH:/opt/homebrew/opt/redis/bin
export PATH

have() { command -v "$1" >/dev/null 2>&1; }
have_redis() { have redis-server; }
have_etcd() { have etcd; }
have_prometheus() { have prometheus; }
have_mariadb() { have mariadbd && have mariadb-install-db; }
have_compiler() {
	[ "$(uname -s)" != Linux ] || echo '#include <stdlib.h>' | "${CC:-gcc}" -E - >/dev/null 2>&1
}
have_node() {
	have npm && node -e 'process.exit(parseInt(process.versions.node) >= 18 ? 0 : 1)' 2>/dev/null
}
# macOS brings its own.
have_fonts() {
	[ "$(uname -s)" != Linux ] ||
		{ fc-list :lang=zh-cn 2>/dev/null | grep -q . && fc-list 2>/dev/null | grep -qi emoji; }
}
# The names that the page's test looks for; Homebrew's Chromium comes with the first.
have_browser() {
	for name in chromium chromium-browser google-chrome google-chrome-stable; do
		if have "$name"; then return 0; fi
	done
	return 1
}

# missing: the parts that are wanted and not there, in one line.
missing() {
	parts=
	have_redis || parts="$parts redis"
	have_mariadb || parts="$parts mariadb"
	[ $compiler = no ] || have_compiler || parts="$parts compiler"
	[ $node = no ] || have_node || parts="$parts node"
	[ $fonts = no ] || have_fonts || parts="$parts fonts"
	[ $etcd = no ] || have_etcd || parts="$parts etcd"
	[ $prometheus = no ] || have_prometheus || parts="$parts prometheus"
	[ $browser = no ] || have_browser || parts="$parts browser"
	echo "$parts"
}

# names PARTS: what a person has to install.
names() {
	for part in $1; do
		case $part in
		redis) printf ' redis-server (Redis 7; Homebrew: redis)' ;;
		mariadb) printf ' mariadb-server (MariaDB 10.5 or later; Homebrew: mariadb)' ;;
		compiler) printf ' gcc and libc6-dev (a C compiler)' ;;
		node) printf ' nodejs (18 or later) and npm (Homebrew: node)' ;;
		fonts) printf ' fonts-noto-cjk and fonts-noto-color-emoji (fonts for Chinese and emoji)' ;;
		prometheus) printf ' prometheus (Homebrew: prometheus)' ;;
		etcd) printf ' etcd-server (Homebrew: etcd)' ;;
		browser) printf ' chromium (or Google Chrome)' ;;
		esac
	done
}

# as_root COMMAND...: sudo may ask for a password only where somebody can answer.
as_root() {
	if [ "$(id -u)" -eq 0 ]; then
		"$@"
	elif [ -t 0 ]; then
		sudo "$@"
	else
		sudo -n "$@"
	fi
}

can_be_root() { [ "$(id -u)" -eq 0 ] || have sudo; }

apt_packages() {
	for part in $1; do
		case $part in
		redis) echo redis-server ;;
		mariadb) echo mariadb-server ;;
		compiler) echo gcc libc6-dev ;;
		node) echo nodejs npm ;;
		etcd) echo etcd-server ;;
		prometheus) echo prometheus ;;
		fonts) echo fontconfig fonts-noto-cjk fonts-noto-color-emoji ;;
		browser)
			# Ubuntu's package is a note that the snap is wanted, which helps neither a container nor CI.
			if apt-cache depends chromium 2>/dev/null | grep -q 'Depends:.*libc6'; then echo chromium; fi
			;;
		esac
	done
}

install_with_apt() {
	export DEBIAN_FRONTEND=noninteractive
	as_root apt-get -q update
	packages=$(apt_packages "$1")
	[ -n "$packages" ] || return 0
	# The answer 101 of this file is how Debian is told not to start what is being installed.
	policy=/usr/sbin/policy-rc.d
	wrote_policy=no
	if [ ! -e $policy ]; then
		printf '#!/bin/sh\nexit 101\n' | as_root tee $policy >/dev/null
		as_root chmod 755 $policy
		wrote_policy=yes
		trap 'as_root rm -f $policy' EXIT
		trap 'exit 130' INT
		trap 'exit 143' TERM HUP
	fi
	# shellcheck disable=SC2086  # one word is one package
	as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=120 \
		install --no-install-recommends $packages
	if [ $wrote_policy = yes ]; then
		as_root rm -f $policy
		trap - EXIT INT TERM HUP
	fi
	for part in $1; do
		case $part in
		redis) keep_down redis-server ;;
		mariadb) keep_down mariadb ;;
		etcd) keep_down etcd ;;
		prometheus) keep_down prometheus ;;
		esac
	done
}

# keep_down SERVICE: not now (another policy-rc.d may have let it start) and not at the next boot.
keep_down() {
	if [ -d /run/systemd/system ]; then
		as_root systemctl --quiet disable --now "$1"
	elif have systemctl; then
		as_root systemctl --quiet disable "$1" >/dev/null 2>&1 || true # an image that boots elsewhere, perhaps
	fi
}

install_with_brew() {
	for part in $1; do
		case $part in
		redis) brew install redis ;;
		mariadb) brew install mariadb ;;
		node) brew install node ;;
		etcd) brew install etcd ;;
		prometheus) brew install prometheus ;;
		browser) brew install --cask chromium ;;
		esac
	done
}

before=$(missing)
[ -n "$before" ] || exit 0
echo "installing:$before"
if have apt-get && can_be_root; then
	install_with_apt "$before" || true # what counts is what is there afterwards
elif have brew; then
	install_with_brew "$before" || true
fi

after=$(missing)
case $(echo "$after" | sed 's/ browser//; s/ etcd//; s/ prometheus//') in
'')
	[ -n "$after" ] || exit 0
	echo "install-deps: please install:$(names "$after")" >&2
	exit 3
	;;
*)
	echo "install-deps: please install:$(names "$after")" >&2
	exit 1
	;;
esac
