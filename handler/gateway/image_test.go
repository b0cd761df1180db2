package gateway_test

import (
	"context"
	"io"
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"github.com/hongbao/hongbao/client"
	"github.com/hongbao/hongbao/cover"
	"github.com/hongbao/hongbao/handler"
	"github.com/hongbao/hongbao/handler/auth"
	"github.com/hongbao/hongbao/handler/gateway"
	"github.com/hongbao/hongbao/handler/handlertest"
	"github.com/hongbao/hongbao/internal/refusal"
	"github.com/hongbao/hongbao/merchant"
)

// pictures are images that a test controls: what was uploaded, and a file for each size.
type pictures struct {
	caller   cover.Caller
	merchant int64
	mode     string
	body     string
	refuse   error
	files    map[string]string
	viewer   cover.Viewer
}

func (p *pictures) Upload(
	_ context.Context, c cover.Caller, of int64, mode string, stream io.Reader,
) (cover.Image, error) {
	body, err := io.ReadAll(stream)
	if err == nil {
		err = p.refuse
	}
	p.caller, p.merchant, p.mode, p.body = c, of, mode, string(body)
	return cover.Image{
		Hash: "ab", Type: "image/png", Sizes: []cover.ImageSize{{Name: "large", Width: 9, Height: 8}},
	}, err
}

func (p *pictures) Show(_ context.Context, v cover.Viewer, hash, size string) ([]byte, bool, error) {
	p.viewer = v
	if hash == "gone" {
		return nil, false, refusal.New(cover.CodeArtGone, "this image was taken down")
	}
	data, ok := p.files[size]
	if !ok {
		return nil, false, refusal.New(cover.CodeArtNotFound, "there is no image")
	}
	return []byte(data), hash != "private", nil
}

func withPictures(t *testing.T) (*handlertest.Harness, *pictures) {
	p := &pictures{files: map[string]string{"large": "\x89PNG large", "small": "\xff\xd8\xff small"}}
	return handlertest.New(t, func(_ *handler.ServerConfig, c *gateway.Config) { c.Images = p }), p
}

func TestUpload(t *testing.T) {
	h, p := withPictures(t)
	const path = "/v1/merchant/images"
	alice := h.Token(t, "alice", auth.ScopeUser)
	a := h.Do(t, http.MethodPost, path+"?merchant_id=5&mode=live", alice, "bytes of alice", "Content-Type: image/png")
	if a.Status != http.StatusOK || a.Body["hash"] != "ab" || a.Body["width"] != 9.0 ||
		!strings.Contains(a.Text, `"url":"/v1/art/ab/large"`) || a.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("%d %s", a.Status, a.Text)
	}
	if p.caller.Subject != "alice" || p.merchant != 5 || p.mode != "live" || p.body != "bytes of alice" {
		t.Errorf("uploaded: %+v", p)
	}
	a = h.Do(t, http.MethodPost, path, h.SessionToken(t), "bytes of a server")
	if a.Status != http.StatusOK || p.caller.Session == nil || p.caller.Session.Key != 2 || p.merchant != 1 ||
		p.mode != string(merchant.Test) || a.Header.Get("RateLimit") == "" {
		t.Errorf("%d %s: %+v", a.Status, a.Text, p)
	}
	p.body = ""
	elsewhere := h.SessionToken(t, netip.MustParsePrefix("203.0.113.0/24"))
	for _, c := range []struct {
		name, verb, path, token, code string
		header                        []string
	}{
		{"no token", http.MethodPost, path + "?merchant_id=5&mode=live", "", client.CodeUnauthenticated, nil},
		{"another scope", http.MethodPost, path + "?merchant_id=5&mode=live",
			h.Token(t, "op", auth.ScopeOperator), client.CodeForbidden, nil},
		{"another address", http.MethodPost, path, elsewhere, client.CodeIPNotAllowed, nil},
		{"no merchant", http.MethodPost, path + "?mode=live", alice, client.CodeInvalidArgument, nil},
		{"no number", http.MethodPost, path + "?merchant_id=5;6&mode=live", alice, client.CodeInvalidArgument, nil},
		{"an unknown parameter", http.MethodPost, path + "?merchant=5", alice, client.CodeInvalidArgument, nil},
		{"mode twice", http.MethodPost, path + "?merchant_id=5&mode=live&mode=test", alice,
			client.CodeInvalidArgument, nil},
		{"compressed", http.MethodPost, path + "?merchant_id=5&mode=live", alice, client.CodeUnsupportedMediaType,
			[]string{"Content-Encoding: gzip"}},
		{"GET", http.MethodGet, path, alice, client.CodeMethodNotAllowed, nil},
	} {
		a := h.Do(t, c.verb, c.path, c.token, "bytes", c.header...)
		handlertest.CheckProblem(t, a)
		if a.Code() != c.code {
			t.Errorf("%s: %s", c.name, a.Text)
		}
	}
	h.Fail(refusal.New(merchant.CodeRoleMissing, "no"))
	if a := h.Do(t, http.MethodPost, path+"?merchant_id=5&mode=live", alice, "bytes"); a.Code() != "role_missing" {
		t.Errorf("a viewer: %s", a.Text)
	}
	h.Fail(nil)
	long := strings.Repeat("x", 1<<20+1)
	if a := h.Do(t, http.MethodPost, path+"?merchant_id=5&mode=live", alice, long); a.Code() != "image_too_large" {
		t.Errorf("a long one: %s", a.Text)
	}
	if p.body != "" {
		t.Errorf("of what was refused, %d bytes were read", len(p.body))
	}
	p.refuse = refusal.New(cover.CodeImageRefused, "this is not an image")
	a = h.Do(t, http.MethodPost, path+"?merchant_id=5&mode=live", alice, "bytes")
	handlertest.CheckProblem(t, a)
	if a.Code() != client.CodeImageRefused {
		t.Errorf("not an image: %s", a.Text)
	}
}

func TestArt(t *testing.T) {
	h, _ := withPictures(t)
	for size, kind := range map[string]string{"large": "image/png", "small": "image/jpeg"} {
		a := h.Do(t, http.MethodGet, "/v1/art/ab/"+size, "", "")
		for name, want := range map[string]string{
			"Content-Type": kind, "Cache-Control": "public, max-age=31536000, immutable", "Etag": `"ab-` + size + `"`,
			"Content-Security-Policy": "sandbox; default-src 'none'", "X-Content-Type-Options": "nosniff",
			"Cross-Origin-Resource-Policy": "cross-origin",
		} {
			if a.Status != http.StatusOK || a.Header.Get(name) != want {
				t.Errorf("%s: %d, %s is %q, want %q", size, a.Status, name, a.Header.Get(name), want)
			}
		}
		if a := h.Do(t, http.MethodGet, "/v1/art/ab/"+size, "", "", `If-None-Match: "ab-`+size+`"`); a.Text != "" ||
			a.Status != http.StatusNotModified {
			t.Errorf("%s again: %d %q", size, a.Status, a.Text)
		}
		if a := h.Do(t, http.MethodHead, "/v1/art/ab/"+size, "", ""); a.Status != http.StatusOK || a.Text != "" {
			t.Errorf("HEAD %s: %d %q", size, a.Status, a.Text)
		}
	}
	for path, code := range map[string]string{
		"/v1/art/ab/huge": client.CodeArtNotFound, "/v1/art/gone/large": client.CodeArtGone,
		"/v1/art/ab": client.CodeNotFound, "/v1/art/ab/large/x": client.CodeNotFound,
		"/v1/art/../large": client.CodeNotFound,
	} {
		a := h.Do(t, http.MethodGet, path, "", "", `If-None-Match: "gone-large"`)
		handlertest.CheckProblem(t, a)
		if a.Code() != code {
			t.Errorf("%s: %s", path, a.Text)
		}
	}
	a := h.Do(t, http.MethodDelete, "/v1/art/ab/large", "", "")
	handlertest.CheckProblem(t, a)
	if a.Code() != client.CodeMethodNotAllowed {
		t.Errorf("DELETE: %s", a.Text)
	}
}

// An image that is not everybody's is kept by nobody, and shown to whom a token names.
func TestPrivateArt(t *testing.T) {
	h, p := withPictures(t)
	const path = "/v1/art/private/large?merchant_id=5"
	a := h.Do(t, http.MethodGet, path, h.Token(t, "alice", auth.ScopeUser), "")
	if a.Status != http.StatusOK || a.Header.Get("Cache-Control") != "private, no-store" ||
		a.Header.Get("Cross-Origin-Resource-Policy") != "same-origin" {
		t.Errorf("%d %v", a.Status, a.Header)
	}
	if v := p.viewer; v.Subject != "alice" || v.Merchant != 5 || v.Operator || v.Session != nil {
		t.Errorf("the viewer is %+v", v)
	}
	h.Do(t, http.MethodGet, path, h.Token(t, "op", auth.ScopeOperator), "")
	if !p.viewer.Operator {
		t.Errorf("the viewer is %+v", p.viewer)
	}
	h.Do(t, http.MethodGet, "/v1/art/private/large", "", "")
	if p.viewer != (cover.Viewer{}) {
		t.Errorf("the viewer is %+v", p.viewer)
	}
	for address, code := range map[string]string{
		"/v1/art/private/large?merchant_id=x": client.CodeInvalidArgument, path: client.CodeUnauthenticated,
	} {
		token := ""
		if code == client.CodeUnauthenticated {
			token = "forged"
		}
		if a := h.Do(t, http.MethodGet, address, token, ""); a.Code() != code {
			t.Errorf("%s: %s", address, a.Text)
		}
	}
}

// A gateway that keeps no images says so.
func TestNoImages(t *testing.T) {
	h := handlertest.New(t, nil)
	a := h.Do(t, http.MethodGet, "/v1/art/ab/large", "", "")
	b := h.Do(t, http.MethodPost, "/v1/merchant/images", h.SessionToken(t), "bytes")
	if a.Code() != client.CodeUnavailable || b.Code() != client.CodeUnavailable {
		t.Errorf("%s %s", a.Text, b.Text)
	}
}
