// Package web is the pages that the gateway serves: the chat at `/`, what a cover's code is for at `/c/{code}`, the
// merchants' console at `/merchant`, the operators' at `/operator`. They are plain HTML, CSS and ES modules, embedded,
// so that they need neither a build step nor a network. They know nothing of the system but its HTTP and WebSocket API.
// A browser gets each page as one script and one style sheet, which the program makes of the files when it is first
// asked for the page (bundle.go). The chat can be installed as an app, and opens without a network (static/worker.js).
//
// In static/, each product has a folder (envelope, transfer, collection, wallet, cover) that knows core/ and no other
// product; chat/ puts them together, and claim/ is the page of a code. What both consoles have is in console/. In the
// chat, state is read from the services and changed only by actions and events; a view watches the changes that concern
// it. Everything else in this folder is for the checks of the pages (make page-check) and not embedded: the types that
// their comments state, and the tests of their pure functions under node.
package web

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"time"
)

//go:embed static
var static embed.FS

const (
	configFile = "config.json"
	forever    = "public, max-age=31536000, immutable"
)

// What the address of a code's page begins with, and its file. The page reads the code from its address itself.
const (
	codePrefix = "c/"
	codePage   = "claim/index.html"
)

// pages are the addresses that people open, and their files.
func pages() map[string]string {
	return map[string]string{
		"": "index.html", "merchant": "merchant/index.html", "operator": "operator/index.html",
	}
}

// contentTypes is what a file's extension means. It is our own list, because the system's depends on the machine.
var contentTypes = map[string]string{
	".html":        "text/html; charset=utf-8",
	".css":         "text/css; charset=utf-8",
	".js":          "text/javascript; charset=utf-8",
	".json":        "application/json",
	".svg":         "image/svg+xml",
	".png":         "image/png",
	".webmanifest": "application/manifest+json",
	".txt":         "text/plain; charset=utf-8", // licences of what is in vendor/
}

// asset is a file ready to be sent.
type asset struct {
	name        string
	contentType string
	etag        string
	body        []byte
}

// Handler serves the pages and their files; every other path is 404, every method but GET and HEAD is 405. Files are
// revalidated by ETag at each use, so that a new version is seen at once; the bundles that pages name never change.
// To a request that dev is true of, a page offers development tokens, groups made by oneself, and top-ups; it learns
// that from /config.json.
//
// The pages need no more than this Content-Security-Policy, which the gateway sets:
// default-src 'self'; img-src 'self' blob:; connect-src 'self' ws: wss:
func Handler(dev func(*http.Request) bool) http.Handler {
	assets, pages := load(), pages()
	bundled := newBundles(assets)
	configs := map[bool]asset{
		true:  newAsset(configFile, []byte(`{"dev":true}`)),
		false: newAsset(configFile, []byte(`{"dev":false}`)),
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := strings.TrimPrefix(r.URL.Path, "/")
		if page, ok := pages[name]; ok {
			name = page
		} else if code, ok := strings.CutPrefix(name, codePrefix); ok && code != "" && !strings.Contains(code, "/") {
			name = codePage
		}
		a, ok := assets[name]
		caching := "no-cache"
		var p packed
		switch {
		case name == configFile:
			a, ok = configs[dev(r)], true
		case strings.HasPrefix(name, bundleFolder):
			p, ok = bundled.part(name)
			caching = forever
		case path.Ext(name) == ".html":
			p, ok = bundled.page(name)
		}
		if !ok {
			problem(w, http.StatusNotFound, "not_found",
				"there is nothing at this address; the pages are at /, /c/{code}, /merchant and /operator")
			return
		}
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			problem(w, http.StatusMethodNotAllowed, "method_not_allowed", "a page can only be read: use GET or HEAD")
			return
		}
		if p.name != "" {
			a = p.forRequest(r, w.Header())
		}
		w.Header().Set("Content-Type", a.contentType)
		w.Header().Set("Cache-Control", caching)
		w.Header().Set("ETag", a.etag)
		http.ServeContent(w, r, a.name, time.Time{}, bytes.NewReader(a.body))
	})
}

// newAsset panics where the name has an unknown extension: the binary itself is broken then.
func newAsset(name string, body []byte) asset {
	contentType, ok := contentTypes[path.Ext(name)]
	if !ok {
		panic(fmt.Sprintf("web: no content type for %s", name))
	}
	sum := sha256.Sum256(body)
	return asset{name: name, contentType: contentType, etag: `"` + hex.EncodeToString(sum[:16]) + `"`, body: body}
}

// load panics where the embedded files cannot be read: the binary itself is broken then.
func load() map[string]asset {
	assets := make(map[string]asset)
	err := fs.WalkDir(static, "static", func(p string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		body, err := static.ReadFile(p)
		if err != nil {
			return err
		}
		name := strings.TrimPrefix(p, "static/")
		assets[name] = newAsset(name, body)
		return nil
	})
	if err != nil {
		panic(fmt.Sprintf("web: embedded files: %v", err))
	}
	return assets
}

// problem answers as RFC 9457 asks, like the API next door.
func problem(w http.ResponseWriter, status int, code, detail string) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	fmt.Fprintf(w, `{"type":"about:blank","title":%q,"status":%d,"code":%q,"detail":%q}`,
		http.StatusText(status), status, code, detail)
}
