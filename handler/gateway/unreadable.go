package gateway

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"

	"github.com/hongbao/hongbao/handler/problem"
)

// Listener makes what net/http answers by itself a problem document: it writes a line of text, and calls no handler,
// where a request cannot be read. Under TLS, which hides what is written, the text stays.
func (g *Gateway) Listener(l net.Listener) net.Listener { return problemListener{l} }

type problemListener struct{ net.Listener }

// Accept implements net.Listener.
func (l problemListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &problemConn{Conn: c}, nil
}

// problemConn replaces the answers of net/http that no handler gave.
type problemConn struct{ net.Conn }

// Write implements net.Conn.
func (c *problemConn) Write(p []byte) (int, error) {
	text, ours := answeredByNetHTTP(p)
	if !ours {
		return c.Conn.Write(p)
	}
	if _, err := c.Conn.Write(unreadable(text)); err != nil {
		return 0, err
	}
	return len(p), nil
}

// CloseWrite lets net/http end its half of a connection first, so that a client that is still sending gets the answer.
func (c *problemConn) CloseWrite() error {
	half, ok := c.Conn.(interface{ CloseWrite() error })
	if !ok {
		return c.Close()
	}
	return half.CloseWrite()
}

// plainAnswer is such an answer, whole in one call of Write. What handlers answer has a Date.
var plainAnswer = regexp.MustCompile(`^HTTP/1\.1 [45]\d\d [^\r\n]*\r\n` +
	`Content-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n([^\r\n]*)$`)

// answeredByNetHTTP returns the text of such an answer.
func answeredByNetHTTP(p []byte) (text string, ok bool) {
	const most = 512 // bytes; its texts are constants
	if len(p) > most || !bytes.HasPrefix(p, []byte("HTTP/1.1 ")) {
		return "", false
	}
	match := plainAnswer.FindSubmatch(p)
	if match == nil {
		return "", false
	}
	return string(match[1]), true
}

// unreadable is the answer to a request that cannot be read. text is what net/http says of it.
func unreadable(text string) []byte {
	p := problem.Problem{
		Code:   problem.CodeMalformedRequest,
		Detail: "the request cannot be read as HTTP/1.1 (" + text + "): see RFC 9112 for its form",
	}
	if text == "431 Request Header Fields Too Large" {
		p = problem.Problem{
			Code:   problem.CodeHeaderTooLarge,
			Detail: fmt.Sprintf("the request's line and headers are too large: about %d bytes are read", maxHeader),
		}
	}
	a := &heldAnswer{header: http.Header{}}
	securityHeaders(a.header)
	writeProblem(a, p)
	response := http.Response{
		StatusCode: a.status, ProtoMajor: 1, ProtoMinor: 1, Header: a.header, Close: true,
		Body: io.NopCloser(&a.body), ContentLength: int64(a.body.Len()),
	}
	var out bytes.Buffer
	_ = response.Write(&out) // to memory
	return out.Bytes()
}

// heldAnswer is an answer in memory.
type heldAnswer struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (a *heldAnswer) Header() http.Header         { return a.header }
func (a *heldAnswer) WriteHeader(status int)      { a.status = status }
func (a *heldAnswer) Write(p []byte) (int, error) { return a.body.Write(p) }
