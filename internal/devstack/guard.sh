# The guard of one server; see doc.go. POSIX sh only: dash, bash 3.2 and busybox run it.
#
#   sh -c "$guard" guard DATA SOCKETS COMMAND...
#
# DATA and SOCKETS are directories to remove when the parent dies, or empty.
# stdin: the parent's pipe. fd 3: report to the parent. fd 4: the lock of the server's directory.
data=$1
sockets=$2
shift 2

exec 5<&0 </dev/null
# The server keeps fd 3 until it ends, which is how the parent learns of its end, and fd 4, so that the directory stays
# locked as long as the server lives.
"$@" 5<&- &
server=$!
# Whoever stops a whole process tree (systemd, say) must not take the guard away before its server. Set after the start
# because the server would inherit it.
trap '' HUP INT TERM
echo "$server" >&3
exec 3>&-

# A line: the parent has seen the server end. The end of the pipe: the parent is dead.
if read -r _ <&5; then
	wait "$server"
	exit
fi
kill -KILL "$server"
wait "$server"

# A helper of the server (the bootstrap of an initialisation) can outlive it by a moment and write once more.
tries=100
for dir in "$data" "$sockets"; do
	[ -n "$dir" ] || continue
	until rm -rf "$dir" || [ "$tries" -eq 0 ]; do
		tries=$((tries - 1))
		sleep 0.1
	done
done 2>/dev/null
# Its own group, and with it whatever the server forked.
kill -s KILL -- "-$$"
