#!/usr/bin/env bash
# Makes the secrets of compose.yaml in ./secrets, once: passwords, the key that signs tokens and its public half. The
# folder is for its owner alone; the files in it are readable, because containers run under other users.
set -euo pipefail
cd "$(dirname "$0")"
umask 022
mkdir -p -m 700 secrets
cd secrets
[ ! -e token.key ] || { echo "secrets/ is there already: remove it to make new ones" >&2; exit 1; }

password() { openssl rand -hex 24; }
password | tr -d '\n' >mysql.root
password | tr -d '\n' >mysql.password
password | tr -d '\n' >grafana
for server in mysql-0 mysql-1; do
	echo "hongbao:$(cat mysql.password)@tcp($server:3306)/"
done >mysql
(umask 077 && openssl genpkey -algorithm ed25519 -out token.key)
openssl pkey -in token.key -pubout -out token.pub
echo "made $(pwd)"
