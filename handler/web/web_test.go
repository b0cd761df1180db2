package web_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/hongbao/hongbao/handler/web"
)

func serve(t *testing.T, dev bool) *httptest.Server {
	t.Helper()
	server := httptest.NewServer(web.Handler(func(*http.Request) bool { return dev }))
	t.Cleanup(server.Close)
	return server
}

func fetch(t *testing.T, method, url string, header http.Header) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for name := range header {
		req.Header.Set(name, header.Get(name))
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(body)
}

func TestFilesHaveTheirTypes(t *testing.T) {
	server := serve(t, true)
	for path, want := range map[string]string{
		"/":                    "text/html; charset=utf-8",
		"/?user=alice&group=x": "text/html; charset=utf-8",
		"/index.html":          "text/html; charset=utf-8",
		"/core/style.css":      "text/css; charset=utf-8",
		"/main.js":             "text/javascript; charset=utf-8",
		"/icon.svg":            "image/svg+xml",
		"/c/41V0W-00000":       "text/html; charset=utf-8",
		"/c/%3Cscript%3E":      "text/html; charset=utf-8",
		"/merchant":            "text/html; charset=utf-8",
		"/merchant?merchant=7": "text/html; charset=utf-8",
		"/operator":            "text/html; charset=utf-8",
		"/merchant/main.js":    "text/javascript; charset=utf-8",
		"/c/41V0W-…":           "text/html; charset=utf-8",
		"/vendor/uplot.css":    "text/css; charset=utf-8",
		"/config.json":         "application/json",
	} {
		resp, body := fetch(t, http.MethodGet, server.URL+path, nil)
		if resp.StatusCode != http.StatusOK || resp.Header.Get("Content-Type") != want {
			t.Errorf("%s: %d %q, want 200 %q", path, resp.StatusCode, resp.Header.Get("Content-Type"), want)
		}
		if body == "" {
			t.Errorf("%s: no content", path)
		}
		if got := resp.Header.Get("Cache-Control"); got != "no-cache" {
			t.Errorf("%s: Cache-Control %q", path, got)
		}
	}
}

func TestUnchangedFileIsNotSentAgain(t *testing.T) {
	server := serve(t, true)
	first, _ := fetch(t, http.MethodGet, server.URL+"/main.js", nil)
	tag := first.Header.Get("ETag")
	if tag == "" {
		t.Fatal("no ETag")
	}
	again, body := fetch(t, http.MethodGet, server.URL+"/main.js", http.Header{"If-None-Match": {tag}})
	if again.StatusCode != http.StatusNotModified || body != "" {
		t.Errorf("got %d with %d bytes, want 304 with none", again.StatusCode, len(body))
	}
	other, _ := fetch(t, http.MethodGet, server.URL+"/main.js", http.Header{"If-None-Match": {`"other"`}})
	if other.StatusCode != http.StatusOK {
		t.Errorf("with another tag: %d, want 200", other.StatusCode)
	}
}

func TestUnknownPathsAndMethodsAreProblems(t *testing.T) {
	server := serve(t, true)
	for _, c := range []struct {
		method, path string
		status       int
		code         string
	}{
		{http.MethodGet, "/nowhere", http.StatusNotFound, "not_found"},
		{http.MethodGet, "/c/", http.StatusNotFound, "not_found"},
		{http.MethodGet, "/c/a/b", http.StatusNotFound, "not_found"},
		{http.MethodGet, "/static/main.js", http.StatusNotFound, "not_found"},
		{http.MethodGet, "/../web.go", http.StatusNotFound, "not_found"},
		{http.MethodGet, "/c/one/two", http.StatusNotFound, "not_found"},
		{http.MethodPost, "/c/one", http.StatusMethodNotAllowed, "method_not_allowed"},
		{http.MethodGet, "/v1/nothing", http.StatusNotFound, "not_found"},
		{http.MethodPost, "/", http.StatusMethodNotAllowed, "method_not_allowed"},
		{http.MethodDelete, "/main.js", http.StatusMethodNotAllowed, "method_not_allowed"},
	} {
		resp, body := fetch(t, c.method, server.URL+c.path, nil)
		var problem struct {
			Status       int
			Code, Detail string
		}
		if err := json.Unmarshal([]byte(body), &problem); err != nil {
			t.Errorf("%s %s: %q is not JSON: %v", c.method, c.path, body, err)
			continue
		}
		if resp.StatusCode != c.status || problem.Status != c.status || problem.Code != c.code || problem.Detail == "" {
			t.Errorf("%s %s: %d %+v, want %d %s", c.method, c.path, resp.StatusCode, problem, c.status, c.code)
		}
		if got := resp.Header.Get("Content-Type"); got != "application/problem+json" {
			t.Errorf("%s %s: Content-Type %q", c.method, c.path, got)
		}
	}
}

func TestHeadSendsNoBody(t *testing.T) {
	resp, body := fetch(t, http.MethodHead, serve(t, true).URL+"/", nil)
	if resp.StatusCode != http.StatusOK || body != "" || resp.ContentLength <= 0 {
		t.Errorf("got %d, %d bytes, Content-Length %d", resp.StatusCode, len(body), resp.ContentLength)
	}
}

func TestPageLearnsWhetherThisIsDevelopment(t *testing.T) {
	for dev, want := range map[bool]string{true: `{"dev":true}`, false: `{"dev":false}`} {
		if _, body := fetch(t, http.MethodGet, serve(t, dev).URL+"/config.json", nil); body != want {
			t.Errorf("dev %t: %s", dev, body)
		}
	}
}

// The policy that the gateway sends forbids inline scripts, styles and handlers, and everything from elsewhere.
func TestPagesHaveNothingInline(t *testing.T) {
	server := serve(t, true)
	for _, page := range []string{"/", "/c/41V0W", "/merchant", "/operator"} {
		_, body := fetch(t, http.MethodGet, server.URL+page, nil)
		for _, forbidden := range []string{"<style", " style=", " onclick=", " onload=", "javascript:", "http://",
			"https://"} {
			if strings.Contains(body, forbidden) {
				t.Errorf("%s contains %q", page, forbidden)
			}
		}
	}
}

// withPolicy serves as the gateway does.
func withPolicy(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy",
			"default-src 'self'; img-src 'self' blob:; connect-src 'self' ws: wss:")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		next.ServeHTTP(w, r)
	})
}
