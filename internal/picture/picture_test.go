package picture

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

// small takes what the tests make, and nothing that takes time.
func small() *Maker {
	return NewMaker(Limits{Bytes: 64 << 10, Pixels: 64 * 64, Side: 256}, 1, Size{"large", 32}, Size{"small", 8})
}

// corners is an image whose corners are red, green, blue and white, clockwise from the upper left.
func corners(w, h int) *image.NRGBA {
	m := image.NewNRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			c := color.NRGBA{255, 0, 0, 255}
			switch right, low := x >= w/2, y >= h/2; {
			case right && !low:
				c = color.NRGBA{0, 255, 0, 255}
			case right:
				c = color.NRGBA{0, 0, 255, 255}
			case low:
				c = color.NRGBA{255, 255, 255, 255}
			}
			m.SetNRGBA(x, y, c)
		}
	}
	return m
}

func pngOf(t testing.TB, m image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func jpegOf(t testing.TB, m image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, m, &jpeg.Options{Quality: 100}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// withOrientation puts an EXIF segment behind a JPEG's first marker, with a text that must not survive.
func withOrientation(of []byte, orientation byte) []byte {
	tiff := append([]byte("MM\x00\x2a\x00\x00\x00\x08\x00\x01\x01\x12\x00\x03\x00\x00\x00\x01\x00"), orientation,
		0, 0, 0, 0, 0, 0)
	body := append(append([]byte("Exif\x00\x00"), tiff...), secret...)
	segment := binary.BigEndian.AppendUint16([]byte{0xff, 0xe1}, uint16(len(body)+2))
	return bytes.Join([][]byte{of[:2], segment, body, of[2:]}, nil)
}

const (
	secret = "48.8584N 2.2945E"
	webp1  = "UklGRiQAAABXRUJQVlA4IBgAAAAwAQCdASoBAAEAAwA0JaQAA3AA/vuUAAA=" // one pixel
)

// chunk is a chunk of a PNG.
func chunk(name, body string) []byte {
	c := binary.BigEndian.AppendUint32(nil, uint32(len(body)))
	c = append(c, name+body...)
	return binary.BigEndian.AppendUint32(c, crc32.ChecksumIEEE([]byte(name+body)))
}

// header is a PNG that declares so many pixels and has none.
func header(w, h uint32) []byte {
	ihdr := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, w), h)
	return append([]byte("\x89PNG\r\n\x1a\n"), chunk("IHDR", string(ihdr)+"\x08\x06\x00\x00\x00")...)
}

func make1(t *testing.T, data []byte) Picture {
	t.Helper()
	p, err := small().Make(t.Context(), iotest.OneByteReader(bytes.NewReader(data)))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestMakesTheSizesInOrder(t *testing.T) {
	see := corners(60, 40)
	through := corners(20, 60)
	through.SetNRGBA(3, 3, color.NRGBA{255, 0, 0, 128})
	webp, err := base64.StdEncoding.DecodeString(webp1)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, kind   string
		data         []byte
		large, small image.Point
	}{
		{"PNG", JPEG, pngOf(t, see), image.Pt(32, 21), image.Pt(8, 5)},
		{"JPEG", JPEG, jpegOf(t, see), image.Pt(32, 21), image.Pt(8, 5)},
		{"transparent", PNG, pngOf(t, through), image.Pt(20, 60), image.Pt(5, 16)},
		{"grey", JPEG, pngOf(t, image.NewGray(image.Rect(0, 0, 4, 2))), image.Pt(4, 2), image.Pt(4, 2)},
		{"deep", PNG, pngOf(t, image.NewNRGBA64(image.Rect(0, 0, 4, 2))), image.Pt(4, 2), image.Pt(4, 2)},
		{"thin", JPEG, pngOf(t, corners(1, 200)), image.Pt(1, 64), image.Pt(1, 16)},
		{"WebP", JPEG, webp, image.Pt(1, 1), image.Pt(1, 1)},
	} {
		p := make1(t, c.data)
		if p.Type != c.kind || len(p.Name) != 64 || len(p.Renditions) != 2 {
			t.Fatalf("%s: %s %q with %d renditions", c.name, p.Type, p.Name, len(p.Renditions))
		}
		for i, want := range []image.Point{c.large, c.small} {
			r := p.Renditions[i]
			got, kind, err := image.Decode(bytes.NewReader(r.Data))
			if err != nil || "image/"+kind != p.Type || got.Bounds().Size() != want ||
				image.Pt(r.Width, r.Height) != want {
				t.Errorf("%s: rendition %s is %s, %d × %d, %v; want %v", c.name, r.Size, kind, r.Width, r.Height, err,
					want)
			}
		}
		if again := make1(t, c.data); again.Name != p.Name {
			t.Errorf("%s: the same image has two names", c.name)
		}
	}
}

// The upper left corner is, from orientation 1 on, the colour of the corner that comes to stand there.
func TestTurnsAsEXIFSays(t *testing.T) {
	plain := jpegOf(t, corners(32, 16))
	names := map[string]bool{}
	for o, want := range []string{"rgbw", "grwb", "bwrg", "wbgr", "rwbg", "wrgb", "bgrw", "gbwr"} {
		data := withOrientation(plain, byte(o+1))
		p := make1(t, data)
		m, err := jpeg.Decode(bytes.NewReader(p.Renditions[0].Data))
		if err != nil {
			t.Fatal(err)
		}
		b := m.Bounds()
		if tall := b.Dy() > b.Dx(); tall != (o >= 4) {
			t.Errorf("orientation %d: %v", o+1, b)
		}
		var got string
		for _, at := range []image.Point{{2, 2}, {b.Dx() - 3, 2}, {b.Dx() - 3, b.Dy() - 3}, {2, b.Dy() - 3}} {
			got += nameOf(m.At(at.X, at.Y))
		}
		if got != want {
			t.Errorf("orientation %d: corners %s, want %s", o+1, got, want)
		}
		if data := p.Renditions[0].Data; bytes.Contains(data, []byte(secret)) || bytes.Contains(data, []byte("Exif")) {
			t.Errorf("orientation %d: metadata is left", o+1)
		}
		names[p.Name] = true
	}
	if len(names) != 8 {
		t.Errorf("8 turns have %d names", len(names))
	}
	if p := make1(t, withOrientation(plain, 200)); p.Name != make1(t, plain).Name {
		t.Error("an unknown orientation turns")
	}
}

func nameOf(c color.Color) string {
	r, g, b, _ := c.RGBA()
	switch high := uint32(0xc000); {
	case r > high && g > high && b > high:
		return "w"
	case r > high:
		return "r"
	case g > high:
		return "g"
	case b > high:
		return "b"
	}
	return "?"
}

func TestWhatIsRefused(t *testing.T) {
	good := pngOf(t, corners(8, 8))
	var animated bytes.Buffer
	if err := gif.Encode(&animated, corners(8, 8), nil); err != nil {
		t.Fatal(err)
	}
	scans := bytes.Repeat([]byte("\xff\xda\x00\x0c"), maxScans+1)
	photo := jpegOf(t, corners(8, 8))
	longHeader := "\xff\xe2\xff\xff" + strings.Repeat("x", 65533)
	for _, c := range []struct {
		name   string
		data   []byte
		large  bool
		reason string
	}{
		{"nothing", nil, false, "not an image"},
		{"text", []byte("<!doctype html><script>alert(1)</script>"), false, "not an image"},
		{"SVG", []byte(`<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>`), false, "not an image"},
		{"GIF", animated.Bytes(), false, "not an image"},
		{"BMP", []byte("BM\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"), false, "not an image"},
		{"archive", []byte("PK\x03\x04\x00\x00\x00\x00\x00\x00\x00\x00"), false, "not an image"},
		{"PNG magic alone", good[:8], false, "damaged"},
		{"bomb", header(50_000, 50_000), true, "pixels"},
		{"overflow", header(1<<31-1, 1<<31-1), false, "damaged"},
		{"wide", header(257, 1), true, "pixels"},
		{"many pixels", header(65, 64), true, "pixels"},
		{"no pixels", header(0, 5), false, "damaged"},
		{"truncated", good[:len(good)-20], false, "damaged"},
		{"truncated photo", photo[:len(photo)/2], false, "damaged"},
		{"header alone", header(8, 8), false, "damaged"},
		{"damaged", append(bytes.Clone(good[:50]), bytes.Repeat([]byte{7}, 60)...), false, "damaged"},
		{"long", append(bytes.Clone(good), make([]byte, 64<<10)...), true, "bytes"},
		{"long header", append(bytes.Clone(photo[:2]), longHeader...), true, "bytes"},
		{"endless scans", append(bytes.Clone(photo), scans...), false, "scans"},
		{"WebP magic alone", []byte("RIFF\x00\x00\x00\x00WEBPVP8 "), false, "damaged"},
	} {
		_, err := small().Make(t.Context(), bytes.NewReader(c.data))
		no, ok := errors.AsType[*RefusedError](err)
		if !ok || no.TooLarge != c.large || !strings.Contains(no.Reason, c.reason) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// A bomb is refused for its header, before the rest is read.
func TestDimensionsAreCheckedBeforePixels(t *testing.T) {
	rest := &counter{Reader: strings.NewReader(strings.Repeat("x", 1<<20))}
	_, err := small().Make(t.Context(), io.MultiReader(bytes.NewReader(header(9999, 9999)), rest))
	if _, ok := errors.AsType[*RefusedError](err); !ok || rest.n > 4<<10 {
		t.Errorf("%v after %d bytes behind the header", err, rest.n)
	}
}

type counter struct {
	io.Reader
	n int
}

func (c *counter) Read(b []byte) (int, error) {
	n, err := c.Reader.Read(b)
	c.n += n
	return n, err
}

// What stands in or behind an image beside its pixels is in no rendition.
func TestPolyglotsLoseWhatIsNoPixel(t *testing.T) {
	const script = "<script>alert(document.domain)</script>"
	plain := pngOf(t, corners(8, 8))
	end := len(plain) - 12 // IEND
	comment := bytes.Join([][]byte{plain[:33], chunk("tEXt", "Comment\x00"+script), plain[33:]}, nil)
	for name, data := range map[string][]byte{
		"HTML behind the end": append(bytes.Clone(plain), "<html>"+script...),
		"archive behind":      append(bytes.Clone(plain), "PK\x03\x04"+script...),
		"comment":             comment,
		"unknown chunk":       bytes.Join([][]byte{plain[:end], chunk("scRt", script), plain[end:]}, nil),
		"behind a JPEG":       append(jpegOf(t, corners(8, 8)), script...),
	} {
		for _, r := range make1(t, data).Renditions {
			if bytes.Contains(r.Data, []byte("alert")) || bytes.Contains(r.Data, []byte("PK\x03\x04")) {
				t.Errorf("%s: it is still in %s", name, r.Size)
			}
		}
	}
	if make1(t, comment).Name != make1(t, plain).Name {
		t.Error("a comment changes the name")
	}
}

func TestABrokenStreamIsNoRefusal(t *testing.T) {
	broken := errors.New("the client has gone")
	good := pngOf(t, corners(8, 8))
	for _, n := range []int{0, 5, 20, len(good) - 30} {
		_, err := small().Make(t.Context(), io.MultiReader(bytes.NewReader(good[:n]), iotest.ErrReader(broken)))
		if !errors.Is(err, broken) {
			t.Errorf("after %d bytes: %v", n, err)
		}
	}
}

// While all places are taken, a picture waits as long as its context lets it.
func TestAPictureWaitsForAPlace(t *testing.T) {
	m := small()
	m.places <- struct{}{}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		_, err := m.Make(ctx, bytes.NewReader(pngOf(t, corners(8, 8))))
		done <- err
	}()
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("it did not wait: %v", err)
	}
	<-m.places
	if _, err := m.Make(ctx, bytes.NewReader(pngOf(t, corners(8, 8)))); !errors.Is(err, context.Canceled) {
		t.Errorf("its context had ended: %v", err)
	}
}

// Whatever comes in, it is refused or comes out within the limits as an image of the type that is said.
func FuzzMake(f *testing.F) {
	webp, err := base64.StdEncoding.DecodeString(webp1)
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range [][]byte{
		webp, pngOf(f, corners(8, 8)), withOrientation(jpegOf(f, corners(8, 4)), 6), header(9999, 9999),
	} {
		f.Add(seed)
	}
	m := small()
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := m.Make(t.Context(), bytes.NewReader(data))
		if err != nil {
			if _, ok := errors.AsType[*RefusedError](err); !ok {
				t.Fatal(err)
			}
			return
		}
		for i, r := range p.Renditions {
			c, kind, err := image.DecodeConfig(bytes.NewReader(r.Data))
			if err != nil || "image/"+kind != p.Type || c.Width != r.Width || c.Height != r.Height ||
				r.Width > m.sizes[i].Width || r.Height > 2*m.sizes[i].Width {
				t.Fatalf("%s: %s %d × %d, %v", r.Size, kind, c.Width, c.Height, err)
			}
		}
	})
}
