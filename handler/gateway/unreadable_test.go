package gateway_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/hongbao/hongbao/handler"
	"github.com/hongbao/hongbao/handler/auth"
	"github.com/hongbao/hongbao/handler/gateway"
	"github.com/hongbao/hongbao/handler/handlertest"
	"github.com/hongbao/hongbao/handler/problem"
)

// connectionTimeout bounds a conversation with the gateway over a connection of the test's own.
const connectionTimeout = 20 * time.Second

// exchange sends text to the gateway as it is, to its last byte, and only then reads the answer, until the connection
// ends.
func exchange(t *testing.T, r *handlertest.Harness, text io.Reader) handlertest.Answer {
	t.Helper()
	c, err := net.Dial("tcp", strings.TrimPrefix(r.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(connectionTimeout)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(c, text); err != nil {
		t.Fatalf("sending: %v", err)
	}
	in := bufio.NewReader(c)
	response, err := http.ReadResponse(in, nil)
	if err != nil {
		t.Fatalf("no answer: %v", err)
	}
	data, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatalf("half an answer: %v", err)
	}
	a := handlertest.Answer{Status: response.StatusCode, Header: response.Header, Text: string(data)}
	if err := json.Unmarshal(data, &a.Body); err != nil {
		t.Fatalf("%s: %v", data, err)
	}
	if rest, err := io.ReadAll(in); err != nil || len(rest) > 0 || !response.Close {
		t.Errorf("the connection was not closed after the answer: %q, %v", rest, err)
	}
	return a
}

func TestWhatIsNoHTTPGetsAProblem(t *testing.T) {
	r := handlertest.New(t, nil)
	const get, post = "GET /v1/wallet HTTP/1.1\r\n", "POST /v1/envelopes HTTP/1.1\r\nHost: h\r\n"
	const malformed, large = problem.CodeMalformedRequest, problem.CodeHeaderTooLarge
	for _, c := range []struct{ name, text, code, detail string }{
		{"not a request line", "hello\r\n\r\n", malformed, "400 Bad Request"},
		{"no version", "GET /v1/wallet\r\n\r\n", malformed, "400 Bad Request"},
		{"a space in the address", "GET /v1/a b HTTP/1.1\r\nHost: h\r\n\r\n", malformed, "400 Bad Request"},
		{"a malformed escape", "GET /v1/%zz HTTP/1.1\r\nHost: h\r\n\r\n", malformed, "400 Bad Request"},
		{"no Host", get + "\r\n", malformed, "missing required Host header"},
		{"two Hosts", get + "Host: a\r\nHost: b\r\n\r\n", malformed, "400 Bad Request"},
		{"a malformed header", get + "Host: h\r\na b: c\r\n\r\n", malformed, "400 Bad Request"},
		{"two lengths", post + "Content-Length: 1\r\nContent-Length: 2\r\n\r\n", malformed, "400 Bad Request"},
		{"an unknown coding", post + "Transfer-Encoding: gzip\r\n\r\n", malformed, "Unsupported transfer encoding"},
		{"HTTP/3.7", "GET / HTTP/3.7\r\nHost: h\r\n\r\n", malformed, "unsupported protocol version"},
		{"too many headers", get + "Host: h\r\nX: " + strings.Repeat("x", gateway.MaxHeader+8<<10) + "\r\n\r\n", large,
			"16384"},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := exchange(t, r, strings.NewReader(c.text))
			if detail, _ := a.Body["detail"].(string); a.Code() != c.code || !strings.Contains(detail, c.detail) {
				t.Errorf("got %d %s", a.Status, a.Text)
			}
			handlertest.CheckProblem(t, a)
			if a.Header.Get("X-Content-Type-Options") != "nosniff" {
				t.Errorf("headers %v", a.Header)
			}
		})
	}
}

// What handlers answer passes through unchanged, however much it looks like an answer of net/http.
func TestAnswersOfHandlersPassThrough(t *testing.T) {
	r := handlertest.New(t, func(_ *handler.ServerConfig, g *gateway.Config) {
		g.Page = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/plain; charset=utf-8")
			w.Header().Set("Connection", "close")
			w.WriteHeader(http.StatusBadRequest)
			_, _ = io.WriteString(w, "400 Bad Request")
		})
	})
	if a := r.Do(t, "GET", "/", "", ""); a.Status != 400 || a.Text != "400 Bad Request" {
		t.Errorf("got %d %s", a.Status, a.Text)
	}
}

// A body that is far too large is answered, also to a client that sends all of it before it reads.
func TestLargeBodyIsAnswered(t *testing.T) {
	const size = 10 << 20
	r := handlertest.New(t, nil)
	head := "POST /v1/envelopes HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\n" +
		"Authorization: Bearer " + r.Token(t, "alice", auth.ScopeUser) + "\r\n"
	body := strings.Repeat("x", size)
	for name, text := range map[string]string{
		"with its length": head + fmt.Sprintf("Content-Length: %d\r\n\r\n", size) + body,
		"in chunks": head + fmt.Sprintf("Transfer-Encoding: chunked\r\n\r\n%x\r\n", size) + body +
			"\r\n0\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			a := exchange(t, r, strings.NewReader(text))
			if a.Status != http.StatusRequestEntityTooLarge || a.Code() != problem.CodeBodyTooLarge {
				t.Errorf("got %d %s", a.Status, a.Text)
			}
			handlertest.CheckProblem(t, a)
		})
	}
}

// A client that waits to be asked for its body is refused without sending any of it.
func TestLargeBodyIsNotAskedFor(t *testing.T) {
	r := handlertest.New(t, nil)
	a := exchange(t, r, strings.NewReader("POST /v1/envelopes HTTP/1.1\r\nHost: h\r\n"+
		"Content-Type: application/json\r\nExpect: 100-continue\r\nContent-Length: 10485760\r\n"+
		"Authorization: Bearer "+r.Token(t, "alice", auth.ScopeUser)+"\r\n\r\n"))
	if a.Status != http.StatusRequestEntityTooLarge {
		t.Errorf("got %d %s", a.Status, a.Text)
	}
}
