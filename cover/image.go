package cover

import (
	"context"
	"errors"
	"io"
	"slices"

	"github.com/hongbao/hongbao/internal/refusal"
	"github.com/hongbao/hongbao/merchant"
)

// Names of the sizes that each image is kept in, the largest first. An image fits into a size's width and twice that
// height, and is never enlarged. The model product asks for 957 × 1278 pixels.
const (
	SizeLarge  = "large"
	SizeMedium = "medium"
	SizeSmall  = "small"
)

// Widths are those of the sizes, in pixels, the largest first.
func Widths() []ImageSize {
	return []ImageSize{{SizeLarge, 960, 1920}, {SizeMedium, 480, 960}, {SizeSmall, 160, 320}}
}

// Pictures makes what may be shown to anybody out of what anybody may have sent.
type Pictures interface {
	// Make reads a stream to its end. Refusals: image_refused, image_too_large.
	Make(ctx context.Context, stream io.Reader) (Picture, error)
	// Limits of a stream, in bytes, and of its image, in pixels.
	Limits() (bytes, pixels int64)
}

// Picture is an image in each of the sizes.
type Picture struct {
	Hash  string
	Type  string
	Files []File // in the order of Widths
}

// File is an image in one size.
type File struct {
	ImageSize
	Data []byte
}

// Allowance is what a caller may upload.
type Allowance struct {
	Bytes, Pixels int64
	Left          int // images
}

// Allowance says what a caller may upload for a side of a merchant. Refusals: merchant_not_found, role_missing,
// mode_mismatch, permission_missing, merchant_not_active, invalid_argument, cover_limit_reached.
func (s *Service) Allowance(ctx context.Context, c Caller, of int64, mode string) (Allowance, error) {
	m, err := s.editor(ctx, c, of, mode)
	if err != nil {
		return Allowance{}, err
	}
	return s.allowance(ctx, of, m)
}

func (s *Service) allowance(ctx context.Context, of int64, m merchant.Mode) (Allowance, error) {
	n, err := s.store.CountImages(ctx, of, m)
	if err != nil {
		return Allowance{}, err
	}
	if n >= MaxImages {
		return Allowance{}, errTooManyImages
	}
	bytes, pixels := s.pictures.Limits()
	return Allowance{Bytes: bytes, Pixels: pixels, Left: MaxImages - n}, nil
}

var errTooManyImages = refusal.New(CodeTooMany, "a side of a merchant has at most %d images", MaxImages)

// Upload keeps an image: its files first, then its row, so a row never names files that are not there. Then it shows
// the files, where they were hidden. Repeating it gives the same image. Refusals: as Allowance, image_refused,
// image_too_large, unavailable.
func (s *Service) Upload(ctx context.Context, c Caller, of int64, mode string, stream io.Reader) (Image, error) {
	if s.art == nil {
		return Image{}, errNoArt
	}
	m, err := s.editor(ctx, c, of, mode)
	if err != nil {
		return Image{}, err
	}
	if _, err := s.allowance(ctx, of, m); err != nil {
		return Image{}, err
	}
	p, err := s.pictures.Make(ctx, stream)
	if err != nil {
		return Image{}, err
	}
	side, by := c.side()
	image := Image{Merchant: of, Mode: m, Hash: p.Hash, Type: p.Type, Side: side, By: by}
	for _, f := range p.Files {
		if err := s.art.Put(ctx, p.Hash, f.Name, f.Data); err != nil {
			return Image{}, err
		}
		image.Sizes = append(image.Sizes, f.ImageSize)
	}
	if err := s.store.AddImage(ctx, image); errors.Is(err, ErrTooMany) {
		return Image{}, errTooManyImages
	} else if err != nil {
		return Image{}, err
	}
	return image, s.art.Show(ctx, p.Hash)
}

// Art returns a file of an image. Refusals: art_not_found, art_gone, unavailable.
func (s *Service) Art(ctx context.Context, hash, size string) ([]byte, error) {
	if s.art == nil {
		return nil, errNoArt
	}
	known := slices.ContainsFunc(Widths(), func(w ImageSize) bool { return w.Name == size })
	if !known || !IsHash(hash) {
		return nil, errArtNotFound
	}
	data, err := s.art.Get(ctx, hash, size)
	switch {
	case errors.Is(err, ErrNotFound):
		return nil, errArtNotFound
	case errors.Is(err, ErrGone):
		return nil, refusal.New(CodeArtGone, "this image was taken down")
	}
	return data, err
}

var (
	errArtNotFound = refusal.New(CodeArtNotFound, "there is no image with this hash in this size")
	errNoArt       = refusal.New(refusal.CodeUnavailable, "this node keeps no images")
)
