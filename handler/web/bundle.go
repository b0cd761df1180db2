package web

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"path"
	"regexp"
	"strings"
	"sync"

	"github.com/andybalholm/brotli"
	"github.com/evanw/esbuild/pkg/api"
)

const (
	bundleFolder = "b/" // addresses in it name what is in them, so they never change
	brotliLevel  = 9    // of 11: the last two levels take ten times as long for two per cent
)

var (
	scriptTag = regexp.MustCompile(`<script type="module" src="/([^"]+)"></script>`)
	styleTag  = regexp.MustCompile(`(?m)^\s*<link rel="stylesheet" href="/([^"]+)" />\n`)
)

// bundles are the pages as a browser gets them: each with one script and one style sheet, whose addresses hold the hash
// of what is in them. A first visit on a slow network waits for three answers instead of a hundred. Each page is made
// out of the embedded files once, when it is first asked for: that takes about half a second.
type bundles struct {
	assets map[string]asset
	pages  map[string]func() packed // by the file of the page
	parts  sync.Map                 // address to packed, of the pages that were made
}

// packed is an asset in the encodings that browsers take.
type packed struct {
	asset
	brotli, gzip []byte
}

func newBundles(assets map[string]asset) *bundles {
	b := &bundles{assets: assets, pages: map[string]func() packed{}}
	for name, a := range assets {
		if path.Ext(name) == ".html" {
			b.pages[name] = sync.OnceValue(func() packed { return pack(newAsset(name, b.html(string(a.body)))) })
		}
	}
	return b
}

// page panics where a page cannot be bundled: the binary itself is broken then.
func (b *bundles) page(name string) (p packed, ok bool) {
	made, ok := b.pages[name]
	if !ok {
		return packed{}, false
	}
	return made(), true
}

// part is a script or a style sheet. The page that names it may have come from another process: then all are made.
func (b *bundles) part(address string) (packed, bool) {
	p, ok := b.parts.Load(address)
	if !ok {
		for _, made := range b.pages {
			made()
		}
		if p, ok = b.parts.Load(address); !ok {
			return packed{}, false
		}
	}
	return p.(packed), true
}

// html puts the parts of a page into one script and one style sheet, and names these instead.
func (b *bundles) html(html string) []byte {
	var imports strings.Builder
	for _, match := range styleTag.FindAllStringSubmatch(html, -1) {
		fmt.Fprintf(&imports, "@import %q;\n", "/"+match[1])
	}
	style := b.add("style.css", imports.String(), api.LoaderCSS)
	isFirst := true
	html = styleTag.ReplaceAllStringFunc(html, func(string) string {
		if !isFirst {
			return ""
		}
		isFirst = false
		return fmt.Sprintf("    <link rel=\"stylesheet\" href=%q />\n", style)
	})
	return []byte(scriptTag.ReplaceAllStringFunc(html, func(tag string) string {
		entry := fmt.Sprintf("import %q;\n", "/"+scriptTag.FindStringSubmatch(tag)[1])
		return fmt.Sprintf(`<script type="module" src=%q></script>`, b.add("page.js", entry, api.LoaderJS))
	}))
}

// add bundles what an entry imports, and returns the address under which it is served.
func (b *bundles) add(name, entry string, loader api.Loader) string {
	result := api.Build(api.BuildOptions{
		Stdin:  &api.StdinOptions{Contents: entry, Sourcefile: name, Loader: loader},
		Bundle: true, Write: false, Format: api.FormatESModule, Charset: api.CharsetUTF8, LogLevel: api.LogLevelSilent,
		MinifyWhitespace: true, MinifyIdentifiers: true, MinifySyntax: true, LegalComments: api.LegalCommentsNone,
		Plugins: []api.Plugin{embedded(b.assets)},
	})
	if len(result.Errors) > 0 || len(result.OutputFiles) != 1 {
		panic(fmt.Sprintf("web: bundle of %s: %v", entry, result.Errors))
	}
	body := result.OutputFiles[0].Contents
	sum := sha256.Sum256(body)
	address := bundleFolder + hex.EncodeToString(sum[:8]) + path.Ext(name)
	b.parts.Store(address, pack(newAsset(address, body)))
	return "/" + address
}

// embedded finds the files that the binary carries.
func embedded(assets map[string]asset) api.Plugin {
	return api.Plugin{Name: "embedded", Setup: func(build api.PluginBuild) {
		build.OnResolve(api.OnResolveOptions{Filter: `.*`}, func(a api.OnResolveArgs) (api.OnResolveResult, error) {
			file := strings.TrimPrefix(a.Path, "/")
			if strings.HasPrefix(a.Path, ".") {
				file = path.Join(path.Dir(a.Importer), a.Path)
			}
			if _, ok := assets[file]; !ok {
				return api.OnResolveResult{}, fmt.Errorf("%s imports %s, which does not exist", a.Importer, a.Path)
			}
			return api.OnResolveResult{Path: file, Namespace: "embedded"}, nil
		})
		load := api.OnLoadOptions{Filter: `.*`, Namespace: "embedded"}
		build.OnLoad(load, func(a api.OnLoadArgs) (api.OnLoadResult, error) {
			text, loader := string(assets[a.Path].body), api.LoaderJS
			if path.Ext(a.Path) == ".css" {
				loader = api.LoaderCSS
			}
			return api.OnLoadResult{Contents: &text, Loader: loader}, nil
		})
	}}
}

// pack compresses an asset. Writing to memory cannot fail.
func pack(a asset) packed {
	var br, gz bytes.Buffer
	b := brotli.NewWriterLevel(&br, brotliLevel)
	_, _ = b.Write(a.body)
	_ = b.Close()
	g, _ := gzip.NewWriterLevel(&gz, gzip.BestCompression)
	_, _ = g.Write(a.body)
	_ = g.Close()
	return packed{asset: a, brotli: br.Bytes(), gzip: gz.Bytes()}
}

// forRequest is the asset in the best encoding that a request takes. Each encoding has a tag of its own.
func (p packed) forRequest(r *http.Request, h http.Header) asset {
	h.Add("Vary", "Accept-Encoding")
	a := p.asset
	switch {
	case accepts(r, "br"):
		h.Set("Content-Encoding", "br")
		a.body, a.etag = p.brotli, strings.TrimSuffix(a.etag, `"`)+`-br"`
	case accepts(r, "gzip"):
		h.Set("Content-Encoding", "gzip")
		a.body, a.etag = p.gzip, strings.TrimSuffix(a.etag, `"`)+`-gz"`
	}
	return a
}

// accepts says whether a request names an encoding and does not rule it out.
func accepts(r *http.Request, encoding string) bool {
	for _, value := range r.Header.Values("Accept-Encoding") {
		for one := range strings.SplitSeq(value, ",") {
			name, parameters, _ := strings.Cut(one, ";")
			if !strings.EqualFold(strings.TrimSpace(name), encoding) {
				continue
			}
			q := strings.ReplaceAll(parameters, " ", "")
			return strings.Trim(strings.TrimPrefix(q, "q="), "0.") != "" || q == ""
		}
	}
	return false
}
