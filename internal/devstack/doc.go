// Package devstack is a private Redis and MariaDB as child processes of this one: started, stopped, and never left
// behind.
//
// `hongbao up` runs on it, and so do the tests. Both servers are set up as the ledger and the pots need them in
// production (every acknowledged write is on disk), listen on a unix socket in a directory of mode 0700 and on nothing
// else, and touch no server that is already on the machine.
//
// # Who owns a server
//
//	this process ──pipe──▶ guard (/bin/sh, own session) ──▶ redis-server | mariadbd
//
// A server is the child of a guard, a few lines of shell in a session of its own, so that Ctrl-C in a terminal reaches
// this process only and the servers are stopped in order. The guard's standard input is a pipe from this process. When
// the pipe ends before the server does, this process is gone (SIGKILL included), and the guard kills the server. Both
// servers are crash-safe, so nothing acknowledged is lost by that.
//
// Guard and server also hold a flock on server.lock. The kernel drops it when the last of them is dead, so a start that
// follows a crash waits for exactly that moment and two servers never share a data directory.
//
//	state     who lets go                    what follows
//	running   Stop                           SIGTERM, the server ends in order, and the guard with it
//	running   Kill                           SIGKILL, the server and the guard end
//	running   the server dies by itself      Lost reports it with the end of the server's log
//	running   the guard dies                 the server is killed, Lost reports it
//	running   this process dies              the guard kills the server and removes what was temporary
//
// A server's directory:
//
//	data/          the server's files; for MariaDB it appears, complete, by a rename
//	init-*/        a MariaDB initialisation under way; the next start removes what a crash left
//	tmp/           MariaDB's temporary files
//	server.log     what the server printed; server.log.old is the one before it
//	server.lock    see above
//	*.sock         the unix socket, unless the path would be too long for one
package devstack
