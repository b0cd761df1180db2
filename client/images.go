package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
)

// maxImageAnswer bounds what is read of an answer that is no image, in bytes, and maxImage what is read of one.
const (
	maxImageAnswer = 64 << 10
	maxImage       = 32 << 20
)

// UploadedImage is an image that was kept. Covers name it by its Hash.
type UploadedImage struct {
	Hash   string      `json:"hash"`
	Type   string      `json:"type"`  // image/png, image/jpeg
	Width  int         `json:"width"` // of the largest size, pixels
	Height int         `json:"height"`
	Sizes  []ImageSize `json:"sizes"` // the largest first
}

// ImageSize is one of the sizes that an image is kept in.
type ImageSize struct {
	Name   string `json:"name"` // large, medium, small
	Width  int    `json:"width"`
	Height int    `json:"height"`
	URL    string `json:"url"` // on the gateway
}

// UploadImage keeps a PNG, JPEG or WebP for the covers of a merchant's side, live or test. It goes to the gateway (see
// WithGateway) and is sent once; sending the same file again gives the same image.
func (s Covers) UploadImage(ctx context.Context, merchant int64, mode string, file io.Reader) (UploadedImage, error) {
	query := url.Values{"merchant_id": {strconv.FormatInt(merchant, 10)}, "mode": {mode}}
	var kept UploadedImage
	answer, err := s.overHTTP(ctx, http.MethodPost, "/v1/merchant/images?"+query.Encode(), true, file,
		maxImageAnswer)
	if err == nil {
		err = json.Unmarshal(answer, &kept)
	}
	if err != nil {
		return UploadedImage{}, call{method: "Covers.UploadImage"}.fail(1, err)
	}
	return kept, nil
}

// Art returns an image in a size, large, medium or small, of a cover that is shown to users. It goes to the gateway,
// and needs no token.
func (s Covers) Art(ctx context.Context, hash, size string) ([]byte, error) {
	path := "/v1/art/" + url.PathEscape(hash) + "/" + url.PathEscape(size)
	image, err := s.overHTTP(ctx, http.MethodGet, path, false, nil, maxImage)
	if err != nil {
		return nil, call{method: "Covers.Art"}.fail(1, err)
	}
	return image, nil
}

// OwnArt returns an image of a merchant whose cover need not be shown to users yet, as Art does. Scope: user, of a
// member; merchant; or operator.
func (s Covers) OwnArt(ctx context.Context, merchant int64, hash, size string) ([]byte, error) {
	path := "/v1/art/" + url.PathEscape(hash) + "/" + url.PathEscape(size) + "?merchant_id=" +
		strconv.FormatInt(merchant, 10)
	image, err := s.overHTTP(ctx, http.MethodGet, path, true, nil, maxImage)
	if err != nil {
		return nil, call{method: "Covers.OwnArt"}.fail(1, err)
	}
	return image, nil
}

// overHTTP asks the gateway, with a token where it is to know who asks. Error: *Refusal, and those of the network.
func (s Covers) overHTTP(
	ctx context.Context, verb, path string, known bool, body io.Reader, most int64,
) ([]byte, error) {
	if s.c.shared.config.gateway == "" {
		return nil, errNoGateway
	}
	address, err := url.JoinPath(s.c.shared.config.gateway, "/")
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequestWithContext(ctx, verb, address+path[1:], body)
	if err != nil {
		return nil, err
	}
	if known {
		token, err := s.c.tokens.get(ctx, "")
		if err != nil {
			return nil, err
		}
		request.Header.Set("Authorization", "Bearer "+token)
	}
	if body != nil {
		request.Header.Set("Content-Type", "application/octet-stream")
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(response.Body, most+1))
	switch {
	case err != nil:
		return nil, err
	case int64(len(answer)) > most:
		return nil, errors.New("the answer is too long")
	case response.StatusCode == http.StatusOK:
		return answer, nil
	}
	var problem Refusal // the fields of a problem document have the same names
	if json.NewDecoder(bytes.NewReader(answer)).Decode(&problem) == nil && problem.Code != "" {
		return nil, &problem
	}
	return nil, fmt.Errorf("%s answered %s", address, response.Status)
}
