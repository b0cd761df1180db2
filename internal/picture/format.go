package picture

import (
	"bytes"
	"context"
	"image"
	"image/jpeg"
	"image/png"
	"io"

	"github.com/bep/imagemeta"
	"golang.org/x/image/webp"
)

// sniffed is how many bytes tell the format.
const sniffed = 12

// maxScans bounds the passes over all pixels that a progressive JPEG may ask for; encoders make about ten. Each costs
// the same time, however few bytes it has.
const maxScans = 100

// format is a type of images that is taken.
type format struct {
	name   string
	begins func(head []byte) bool
	config func(io.Reader) (image.Config, error)
	decode func(io.Reader) (image.Image, error)
	meta   imagemeta.ImageFormat
}

// formats are all that are taken. The registry of package image is not asked: others may add to it.
func formats() []format {
	starts := func(magic string) func([]byte) bool {
		return func(head []byte) bool { return bytes.HasPrefix(head, []byte(magic)) }
	}
	return []format{
		{"PNG", starts("\x89PNG\r\n\x1a\n"), png.DecodeConfig, png.Decode, imagemeta.PNG},
		{"JPEG", starts("\xff\xd8\xff"), jpeg.DecodeConfig, jpeg.Decode, imagemeta.JPEG},
		{"WebP", func(head []byte) bool {
			return len(head) >= sniffed && string(head[:4]) == "RIFF" && string(head[8:12]) == "WEBP"
		}, webp.DecodeConfig, webp.Decode, imagemeta.WebP},
	}
}

// formatOf is the format that a stream begins with, nil for none.
func formatOf(head []byte) *format {
	for _, f := range formats() {
		if f.begins(head) {
			return &f
		}
	}
	return nil
}

// decode decodes an image whose dimensions were checked. A decoder that panics has found damage that it does not know.
func decode(ctx context.Context, f *format, data []byte) (decoded image.Image, err error) {
	defer func() {
		if caught := recover(); caught != nil {
			decoded, err = nil, refused("the %s is damaged", f.name)
		}
	}()
	decoded, err = f.decode(&patient{ctx, bytes.NewReader(data)})
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err != nil {
		return nil, refused("the %s is damaged: it cannot be decoded", f.name)
	}
	return decoded, nil
}

// patient is a reader that ends with its context, and so whoever reads from it.
type patient struct {
	ctx context.Context
	io.Reader
}

// Read implements io.Reader.
func (p *patient) Read(b []byte) (int, error) {
	if err := p.ctx.Err(); err != nil {
		return 0, err
	}
	return p.Reader.Read(b)
}

// orientation is how an image is to be turned, as EXIF numbers it: 1 (or anything unknown) for not at all.
type orientation int

// orientationOf reads it from the metadata, which may be damaged without harm to the image.
func orientationOf(f *format, data []byte) (o orientation) {
	defer func() {
		if recover() != nil {
			o = 1
		}
	}()
	_, _ = imagemeta.Decode(imagemeta.Options{
		R: bytes.NewReader(data), ImageFormat: f.meta, Sources: imagemeta.EXIF, LimitNumTags: 500,
		ShouldHandleTag: func(tag imagemeta.TagInfo) bool {
			return tag.Tag == "Orientation" && tag.Namespace == "IFD0"
		},
		HandleTag: func(tag imagemeta.TagInfo) error {
			if n, ok := tag.Value.(uint16); ok && n <= 8 {
				o = orientation(n)
			}
			return imagemeta.ErrStopWalking
		},
	})
	return o
}

// swaps says whether width and height change places.
func (o orientation) swaps() bool { return o >= 5 && o <= 8 }

// turn returns the image as it is to be seen.
func (o orientation) turn(of *image.RGBA) *image.RGBA {
	if o < 2 || o > 8 {
		return of
	}
	w, h := of.Rect.Dx(), of.Rect.Dy()
	turned := image.NewRGBA(image.Rect(0, 0, w, h))
	if o.swaps() {
		turned = image.NewRGBA(image.Rect(0, 0, h, w))
	}
	for y := range turned.Rect.Dy() {
		for x := range turned.Rect.Dx() {
			fromX, fromY := o.source(x, y, w, h)
			copy(turned.Pix[turned.PixOffset(x, y):][:4], of.Pix[of.PixOffset(fromX, fromY):][:4])
		}
	}
	return turned
}

// source is where a pixel of the turned image comes from in the one of width w and height h (Exif 2.32, 4.6.4 A).
func (o orientation) source(x, y, w, h int) (fromX, fromY int) {
	switch o {
	case 2:
		return w - 1 - x, y
	case 3:
		return w - 1 - x, h - 1 - y
	case 4:
		return x, h - 1 - y
	case 5:
		return y, x
	case 6:
		return y, h - 1 - x
	case 7:
		return w - 1 - y, h - 1 - x
	case 8:
		return w - 1 - y, x
	}
	return x, y
}
