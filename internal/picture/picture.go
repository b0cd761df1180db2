// Package picture makes images that may be shown to anybody out of a stream that anybody may have sent.
//
// A stream is PNG, JPEG or WebP by its first bytes, whatever its name or type says. Its dimensions are read before its
// pixels, and both are bounded. The pixels are decoded, turned as the EXIF orientation says, resized and encoded anew:
// nothing else of the stream is in what comes out, neither metadata nor what stands behind the image. Colour profiles
// are dropped as well, so the pixels are taken for sRGB, as browsers take what has none.
package picture

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"image/png"
	"io"

	"golang.org/x/image/draw"
)

// Size is one of the sizes that a picture is made in: it fits into Width × 2·Width pixels and is never enlarged.
type Size struct {
	Name  string
	Width int
}

// Limits bound what is accepted. A decoded pixel takes up to 16 bytes, resizing up to 32 for each row and pixel of
// the largest Size's width.
type Limits struct {
	Bytes  int64 // of the stream
	Pixels int
	Side   int // pixels of width and of height
}

// DefaultLimits take what phones and drawing programs make: one picture takes up to about 250 MB while it is made.
func DefaultLimits() Limits { return Limits{Bytes: 8 << 20, Pixels: 8 << 20, Side: 4096} }

// Types of what comes out, which never changes for a name.
const (
	JPEG = "image/jpeg"
	PNG  = "image/png" // where some of it is transparent
)

// jpegQuality is where the loss cannot be seen in flat colours either.
const jpegQuality = 90

// Rendition is a picture in one size.
type Rendition struct {
	Size          string
	Width, Height int
	Data          []byte
}

// Picture is what was made of a stream.
type Picture struct {
	// Name is 64 lower-case hexadecimal digits: the SHA-256 of the SHA-256s of the renditions, in their order.
	Name       string
	Type       string      // of all renditions: JPEG or PNG
	Renditions []Rendition // in the order of the sizes
}

// RefusedError says why a stream became no picture. It is no failure: the same stream is refused again.
type RefusedError struct {
	Reason   string // for a person: what was wrong and what is allowed
	TooLarge bool   // in bytes or pixels
}

// Error implements error.
func (e *RefusedError) Error() string { return "picture: " + e.Reason }

func refused(format string, args ...any) error {
	return &RefusedError{Reason: fmt.Sprintf(format, args...)}
}

func tooLarge(format string, args ...any) error {
	return &RefusedError{Reason: fmt.Sprintf(format, args...), TooLarge: true}
}

// Maker makes pictures. It is safe for concurrent use.
type Maker struct {
	limits Limits
	sizes  []Size
	places chan struct{} // one for each picture that is being made
}

// NewMaker makes pictures in sizes, the largest first, parallel of them at a time: the others wait.
func NewMaker(limits Limits, parallel int, sizes ...Size) *Maker {
	return &Maker{limits: limits, sizes: sizes, places: make(chan struct{}, parallel)}
}

// Limits are what the maker accepts.
func (m *Maker) Limits() Limits { return m.limits }

// Make reads a stream to its end and makes a picture of it. Errors: *RefusedError, that of the stream, that of the
// context.
func (m *Maker) Make(ctx context.Context, stream io.Reader) (Picture, error) {
	data, kind, orientation, err := m.read(stream)
	if err != nil {
		return Picture{}, err
	}
	select {
	case m.places <- struct{}{}:
		defer func() { <-m.places }()
	case <-ctx.Done():
		return Picture{}, ctx.Err()
	}
	source, err := decode(ctx, kind, data)
	if err != nil {
		return Picture{}, err
	}
	return m.render(ctx, source, orientation)
}

// read returns a stream whose header and length are within the limits.
func (m *Maker) read(stream io.Reader) (data []byte, k *format, o orientation, err error) {
	source := &watched{Reader: stream}
	bounded := &io.LimitedReader{R: source, N: m.limits.Bytes + 1}
	var seen bytes.Buffer
	fail := func(err error) ([]byte, *format, orientation, error) { return nil, nil, 0, err }
	head := make([]byte, sniffed)
	n, err := io.ReadFull(io.TeeReader(bounded, &seen), head)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
		return fail(err)
	}
	if k = formatOf(head[:n]); k == nil {
		return fail(refused("this is not an image of a type that is taken: send PNG, JPEG or WebP"))
	}
	// What is decoded of the header decides before the rest is read, however long the stream is.
	config, err := k.config(io.MultiReader(bytes.NewReader(head[:n]), io.TeeReader(bounded, &seen)))
	switch w, h := config.Width, config.Height; {
	case source.err != nil:
		return fail(source.err)
	case bounded.N <= 0:
		return fail(tooLarge("the image has more than %d bytes", m.limits.Bytes))
	case err != nil:
		return fail(refused("the %s is damaged: its header cannot be read", k.name))
	case w < 1 || h < 1:
		return fail(refused("the %s has no pixels", k.name))
	case w > m.limits.Side || h > m.limits.Side || w*h > m.limits.Pixels:
		return fail(tooLarge("the image has %d × %d pixels: at most %d in all and %d to a side are taken", w, h,
			m.limits.Pixels, m.limits.Side))
	}
	if _, err := seen.ReadFrom(bounded); err != nil {
		return fail(err)
	}
	if bounded.N <= 0 {
		return fail(tooLarge("the image has more than %d bytes", m.limits.Bytes))
	}
	data = seen.Bytes()
	if scans := bytes.Count(data, []byte{0xff, 0xda}); k.name == "JPEG" && scans > maxScans {
		return fail(refused("the JPEG has %d scans: at most %d are taken", scans, maxScans))
	}
	return data, k, orientationOf(k, data), nil
}

// watched remembers why a stream broke off, for a decoder would take it for damage.
type watched struct {
	io.Reader
	err error
}

// Read implements io.Reader.
func (w *watched) Read(b []byte) (n int, err error) {
	if n, err = w.Reader.Read(b); err != nil && !errors.Is(err, io.EOF) {
		w.err = err
	}
	return n, err
}

// render makes the renditions. Each is made from the largest one, which is turned already.
func (m *Maker) render(ctx context.Context, source image.Image, o orientation) (Picture, error) {
	p := Picture{Type: JPEG}
	of := source
	names := sha256.New()
	for i, size := range m.sizes {
		if err := ctx.Err(); err != nil {
			return Picture{}, err
		}
		scaled := fit(of, size.Width, i == 0 && o.swaps())
		if i == 0 {
			scaled = o.turn(scaled)
			if of = scaled; !scaled.Opaque() {
				p.Type = PNG
			}
		}
		var out bytes.Buffer
		var err error
		if p.Type == PNG {
			err = png.Encode(&out, scaled)
		} else {
			err = jpeg.Encode(&out, scaled, &jpeg.Options{Quality: jpegQuality})
		}
		if err != nil {
			return Picture{}, fmt.Errorf("picture: encode: %w", err)
		}
		sum := sha256.Sum256(out.Bytes())
		names.Write(sum[:])
		p.Renditions = append(p.Renditions, Rendition{
			Size: size.Name, Width: scaled.Rect.Dx(), Height: scaled.Rect.Dy(), Data: out.Bytes(),
		})
	}
	p.Name = hex.EncodeToString(names.Sum(nil))
	return p, nil
}

// fit returns a copy that fits into width × 2·width pixels, or into 2·width × width where it lies on its side.
func fit(of image.Image, width int, onItsSide bool) *image.RGBA {
	maxW, maxH := width, 2*width
	if onItsSide {
		maxW, maxH = maxH, maxW
	}
	w, h := of.Bounds().Dx(), of.Bounds().Dy()
	if w > maxW {
		w, h = maxW, max(1, (h*maxW+w/2)/w)
	}
	if h > maxH {
		w, h = max(1, (w*maxH+h/2)/h), maxH
	}
	scaled := image.NewRGBA(image.Rect(0, 0, w, h))
	if of.Bounds().Dx() == w && of.Bounds().Dy() == h {
		draw.Draw(scaled, scaled.Rect, of, of.Bounds().Min, draw.Src)
	} else {
		draw.CatmullRom.Scale(scaled, scaled.Rect, of, of.Bounds(), draw.Src, nil)
	}
	return scaled
}
