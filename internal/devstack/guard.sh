# The guard of one server; see doc.go. POSIX sh only: dash, bash 3.2 and busybox run it.
#
#   sh -c "$guard" guard DATA SOCKETS COMMAND...
#
# DATA and SOCKETS are directories to remove when the parent dies, or empty.
# stdin: a pipe on which the parent never writes. fd 3: report to the parent. fd 4: the lock of the server's directory.
# The exit status is the server's.
data=$1
sockets=$2
shift 2

exec 5<&0 </dev/null
# The server keeps fd 3, whose end tells the parent that nobody is left, and fd 4, so that the directory stays locked
# as long as the server lives.
"$@" 5<&- &
server=$!
# Whoever stops a whole process tree (systemd, say) must not take the guard away before its server. Set after the start
# because the server would inherit it.
trap '' HUP INT TERM

# The watcher returns from read only when the pipe ends: the parent is dead. From there on USR1 cannot end it, so it
# succeeds if and only if it is what killed the server.
{
	read -r _ <&5
	trap '' USR1
	kill -KILL "$server"
	exit 0
} 3>&- 4>&- &
watcher=$!
exec 5<&-
echo "$server" >&3

wait "$server"
status=$?
kill -USR1 "$watcher" 2>/dev/null
wait "$watcher" 2>/dev/null || exit "$status"

# The parent is dead, so the rest is ours. A helper of the server (the bootstrap of an initialisation) can outlive it by
# a moment and write once more.
tries=100
for dir in "$data" "$sockets"; do
	[ -n "$dir" ] || continue
	until rm -rf "$dir" || [ "$tries" -eq 0 ]; do
		tries=$((tries - 1))
		sleep 0.1
	done
done 2>/dev/null
# Whatever the server forked, and this shell.
kill -s KILL -- "-$$"
