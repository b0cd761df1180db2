package gateway

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/bytedance/gopkg/cloud/metainfo"

	hongbao "github.com/hongbao/hongbao/client"
	"github.com/hongbao/hongbao/cover"
	"github.com/hongbao/hongbao/handler/auth"
	"github.com/hongbao/hongbao/handler/problem"
	"github.com/hongbao/hongbao/internal/refusal"
	"github.com/hongbao/hongbao/kitex_gen/coverapi"
	"github.com/hongbao/hongbao/kitex_gen/coverapi/coverservice"
)

const (
	uploadPath   = "/v1/merchant/images"
	uploadMethod = "images.upload" // in logs and metrics
	artPath      = "/v1/art/{hash}/{size}"
	artMethod    = "images.art"
)

// Bounds of uploads.
const (
	// uploadTimeout is how long an image may take to come and to be made: 8 MiB at 1.1 Mbit/s.
	uploadTimeout = time.Minute
	// maxUploads is how many may come at a time, each held in memory.
	maxUploads = 16
)

// artSecurity is the Content-Security-Policy of images: whatever a browser takes one for, it runs nothing of it.
const artSecurity = "sandbox; default-src 'none'"

// Caching of images: everybody keeps one that is everybody's to see for ever, for its address names its content. Nobody
// keeps another.
const (
	artCaching        = "public, max-age=31536000, immutable"
	privateArtCaching = "private, no-store"
)

// Images is what uploads and art need of cover.Service.
type Images interface {
	Upload(ctx context.Context, c cover.Caller, of int64, mode string, stream io.Reader) (cover.Image, error)
	Show(ctx context.Context, v cover.Viewer, hash, size string) (data []byte, public bool, err error)
}

// images takes uploads, and shows what was made of them.
type images struct {
	gateway  *Gateway
	domain   Images
	covers   coverservice.Client
	verifier *auth.Verifier
	proxies  []netip.Prefix
	places   chan struct{} // one for each upload
}

// mountImages gives uploads and art their addresses.
func (g *Gateway) mountImages(config Config) error {
	c, err := coverservice.NewClient(hongbao.ServiceName, config.RPC...)
	if err != nil {
		return fmt.Errorf("client for images: %w", err)
	}
	if closer, ok := c.(io.Closer); ok {
		g.clients = append(g.clients, closer)
	}
	i := &images{g, config.Images, c, config.Verifier, config.Proxies, make(chan struct{}, maxUploads)}
	upload := action{name: uploadMethod, call: i.upload}
	g.mux.Handle(uploadPath, g.resource(map[string][]action{http.MethodPost: {upload}}))
	g.mux.Handle(artPath, http.HandlerFunc(i.art))
	return nil
}

// uploaded is the answer to an upload.
type uploaded struct {
	Hash   string         `json:"hash"`
	Type   string         `json:"type"`
	Width  int            `json:"width"` // of the largest size
	Height int            `json:"height"`
	Sizes  []uploadedSize `json:"sizes"` // the largest first
}

type uploadedSize struct {
	Name   string `json:"name"`
	Width  int    `json:"width"`
	Height int    `json:"height"`
	URL    string `json:"url"` // on this gateway
}

// upload keeps an image of a merchant. Who may is found out before anything of the image is read.
func (i *images) upload(w http.ResponseWriter, r *http.Request) (any, error) {
	token, caller, err := i.verifier.VerifyRequest(r)
	if err != nil {
		return nil, err
	}
	of, mode, err := parseUpload(r.URL, caller)
	if err != nil {
		return nil, err
	}
	if r.Header.Get("Content-Encoding") != "" {
		return nil, refusal.New(problem.CodeUnsupportedMediaType, "send the image as it is, without Content-Encoding")
	}
	ctx := metainfo.WithBackwardValues(hongbao.ContextWithToken(r.Context(), token))
	ctx = metainfo.WithValue(ctx, auth.AddressKey, addressOf(r, i.proxies).String())
	allowed, err := i.covers.GetUploadAllowance(ctx, &coverapi.UploadAllowanceRequest{Id: of, Mode: mode})
	limitHeaders(ctx, w.Header())
	if err != nil {
		return nil, err
	}
	if r.ContentLength > allowed.MaxBytes {
		return nil, refusal.New(cover.CodeImageTooLarge, "the image has more than %d bytes", allowed.MaxBytes)
	}
	if i.domain == nil {
		return nil, refusal.New(refusal.CodeUnavailable, "this node takes no images")
	}
	select {
	case i.places <- struct{}{}:
		defer func() { <-i.places }()
	default:
		return nil, refusal.New(refusal.CodeUnavailable, "too many images come at this moment: try again shortly")
	}
	return i.keep(w, r, caller, of, mode)
}

func (i *images) keep(w http.ResponseWriter, r *http.Request, caller auth.Caller, of int64, mode string) (any, error) {
	connection := http.NewResponseController(w)
	deadline := time.Now().Add(uploadTimeout)
	if err := connection.SetReadDeadline(deadline); err != nil {
		return nil, fmt.Errorf("read deadline: %w", err)
	}
	if err := connection.SetWriteDeadline(deadline.Add(answerTimeout)); err != nil {
		return nil, fmt.Errorf("write deadline: %w", err)
	}
	ctx, cancel := context.WithDeadline(r.Context(), deadline)
	defer cancel()
	body := &uploadBody{Reader: r.Body}
	c := cover.Caller{Subject: caller.Subject, Session: caller.Session}
	image, err := i.domain.Upload(ctx, c, of, mode, body)
	if err != nil && body.err != nil {
		return nil, invalid("the body could not be read to its end")
	}
	if err != nil {
		return nil, err
	}
	answer := uploaded{
		Hash: image.Hash, Type: image.Type, Width: image.Sizes[0].Width, Height: image.Sizes[0].Height,
	}
	for _, s := range image.Sizes {
		answer.Sizes = append(answer.Sizes, uploadedSize{
			Name: s.Name, Width: s.Width, Height: s.Height, URL: "/v1/art/" + image.Hash + "/" + s.Name,
		})
	}
	return answer, nil
}

// uploadBody remembers that its client has gone or was too slow.
type uploadBody struct {
	io.Reader
	err error
}

// Read implements io.Reader.
func (b *uploadBody) Read(p []byte) (n int, err error) {
	if n, err = b.Reader.Read(p); err != nil && err != io.EOF {
		b.err = err
	}
	return n, err
}

// parseUpload reads merchant_id and mode, which a merchant's token says already. Refusal: invalid_argument.
func parseUpload(u *url.URL, caller auth.Caller) (of int64, mode string, err error) {
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return 0, "", invalid("the query is malformed: give name=value pairs, percent-encoded, separated by &")
	}
	for name, values := range query {
		if !slices.Contains([]string{"merchant_id", "mode"}, name) {
			return 0, "", invalid("query parameter %q is unknown: give merchant_id, mode", refusal.Clip(name))
		}
		if len(values) > 1 {
			return 0, "", invalid("query parameter %q appears twice", name)
		}
	}
	if s := caller.Session; s != nil {
		of, mode = s.Merchant, string(s.Mode)
	}
	if query.Has("mode") {
		mode = query.Get("mode")
	}
	if text := query.Get("merchant_id"); text != "" || of == 0 {
		if of, err = strconv.ParseInt(text, 10, 64); err != nil {
			return 0, "", invalid("merchant_id %q is malformed: give the id of a merchant", refusal.Clip(text))
		}
	}
	return of, mode, nil
}

// viewer is who asks for an image: anybody, where there is no token. Refusals: unauthenticated, invalid_argument.
func (i *images) viewer(r *http.Request) (v cover.Viewer, err error) {
	if len(r.Header.Values("Authorization")) > 0 {
		_, caller, err := i.verifier.VerifyRequest(r)
		if err != nil {
			return v, err
		}
		v.Caller = cover.Caller{
			Subject: caller.Subject, Session: caller.Session, Operator: caller.Has(auth.ScopeOperator),
		}
		if s := caller.Session; s != nil {
			v.Merchant = s.Merchant
		}
	}
	if text := r.URL.Query().Get("merchant_id"); text != "" {
		if v.Merchant, err = strconv.ParseInt(text, 10, 64); err != nil {
			return v, invalid("merchant_id %q is malformed: give the id of a merchant", refusal.Clip(text))
		}
	}
	return v, nil
}

// art shows an image to who may see it.
func (i *images) art(w http.ResponseWriter, r *http.Request) {
	began := time.Now()
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		i.gateway.fail(w, r, artMethod, began, refusal.New(problem.CodeMethodNotAllowed,
			"%s is not possible here: use GET", refusal.Clip(r.Method)))
		return
	}
	hash, size := r.PathValue("hash"), r.PathValue("size")
	var data []byte
	var public bool
	v, err := i.viewer(r)
	switch {
	case err == nil && i.domain == nil:
		err = refusal.New(refusal.CodeUnavailable, "this node shows no images")
	case err == nil:
		data, public, err = i.domain.Show(r.Context(), v, hash, size)
	}
	if err != nil {
		i.gateway.fail(w, r, artMethod, began, err)
		return
	}
	h := w.Header()
	h.Set("Content-Type", artType(data))
	h.Set("Content-Security-Policy", artSecurity)
	h.Set("Cache-Control", privateArtCaching)
	if public {
		h.Set("Cross-Origin-Resource-Policy", "cross-origin") // pages of chat applications and of merchants show it
		h.Set("Cache-Control", artCaching)
	}
	h.Set("ETag", `"`+hash+"-"+size+`"`)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(data))
	i.gateway.seconds.WithLabelValues(artMethod, problem.OK).Observe(time.Since(began).Seconds())
}

// artType is one of the two types that art has; it never depends on what a client said.
func artType(data []byte) string {
	if bytes.HasPrefix(data, []byte("\x89PNG")) {
		return "image/png"
	}
	return "image/jpeg"
}
