package web_test

import (
	"compress/gzip"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/andybalholm/brotli"
)

// A page's weight on the wire: 100 KB are two seconds at 50 KB/s.
const heaviest = 100 << 10 // bytes

// A browser gets a page as one script and one style sheet, small, and kept for as long as it likes.
func TestPagesAreBundled(t *testing.T) {
	server := serve(t, true)
	linked := regexp.MustCompile(`(?:src|href)="(/b/[0-9a-f]+\.(?:js|css))"`)
	get := func(path, encoding string) (*http.Response, []byte) {
		t.Helper()
		resp, body := fetch(t, "GET", server.URL+path, http.Header{"Accept-Encoding": {encoding}})
		if resp.StatusCode != http.StatusOK || resp.Header.Get("Vary") != "Accept-Encoding" {
			t.Fatalf("%s: %d, Vary %q", path, resp.StatusCode, resp.Header.Get("Vary"))
		}
		return resp, []byte(body)
	}
	for _, page := range []string{"/", "/c/41V0W", "/merchant", "/operator"} {
		_, html := get(page, "identity")
		parts := linked.FindAllStringSubmatch(string(html), -1)
		scripts, styles := strings.Count(string(html), "<script"), strings.Count(string(html), `rel="stylesheet"`)
		if len(parts) != 2 || scripts != 1 || styles != 1 {
			t.Fatalf("%s has %d scripts, %d style sheets and names %v", page, scripts, styles, parts)
		}
		weight, whole := 0, 0
		for _, part := range append(parts, []string{"", page}) {
			resp, plain := get(part[1], "br;q=0, identity")
			if resp.Header.Get("Content-Encoding") != "" {
				t.Errorf("%s is compressed for who does not take that", part[1])
			}
			forever := strings.Contains(resp.Header.Get("Cache-Control"), "immutable")
			if forever != (part[1] != page) {
				t.Errorf("%s: Cache-Control %q", part[1], resp.Header.Get("Cache-Control"))
			}
			br, small := get(part[1], "gzip, deflate, br")
			gz, other := get(part[1], "gzip")
			zipped, err := gzip.NewReader(strings.NewReader(string(other)))
			if err != nil {
				t.Fatal(err)
			}
			for encoding, reader := range map[string]io.Reader{
				"br": brotli.NewReader(strings.NewReader(string(small))), "gzip": zipped,
			} {
				if got, err := io.ReadAll(reader); err != nil || string(got) != string(plain) {
					t.Errorf("%s in %s: %d bytes of %d, %v", part[1], encoding, len(got), len(plain), err)
				}
			}
			if br.Header.Get("ETag") == gz.Header.Get("ETag") {
				t.Errorf("%s has one tag for two encodings", part[1])
			}
			weight, whole = weight+len(small), whole+len(plain)
		}
		t.Logf("%s weighs %d bytes on the wire, %d without compression", page, weight, whole)
		if weight > heaviest {
			t.Errorf("%s weighs %d bytes", page, weight)
		}
	}
}
