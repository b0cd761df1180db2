//go:build unix

package client

import (
	"crypto/tls"
	"errors"
	"net"
	"syscall"
	"time"
)

// quiet says whether a connection is open and nothing has come on it. It does not wait.
func quiet(conn net.Conn) bool {
	secured, ok := conn.(*tls.Conn)
	if !ok {
		return true
	}
	socket, ok := secured.NetConn().(syscall.Conn)
	if !ok {
		return true
	}
	raw, err := socket.SyscallConn()
	if err != nil {
		return false
	}
	_ = secured.SetReadDeadline(time.Time{}) // of the call before; a closed connection says so below
	var found error
	err = raw.Read(func(fd uintptr) bool {
		var one [1]byte
		_, _, found = syscall.Recvfrom(int(fd), one[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		return true
	})
	return err == nil && (errors.Is(found, syscall.EAGAIN) || errors.Is(found, syscall.EWOULDBLOCK))
}
