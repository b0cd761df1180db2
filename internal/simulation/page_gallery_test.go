package simulation

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"golang.org/x/image/draw"
)

const (
	galleryScale   = 0.42
	galleryQuality = 52 // the folder has some MB
	galleryGap     = 12
	// README.md shows this view on a phone, in its own size.
	frontView  = "chat"
	frontWidth = 390
)

// galleryWidths are those of a small phone, a phone and a desktop.
var (
	galleryWidths = []int64{320, 390, 1280}
	looks         = []string{"light", "dark"}
)

// gallery is a contact sheet of each view: by day above, by night below, at all widths in each language. It is kept in
// the folder that HONGBAO_SCREENSHOT_GALLERY names; where it names none, nothing is kept.
type gallery struct {
	t      *testing.T
	folder string
	sheets map[string][]image.Image // by view
	front  map[string]image.Image   // by name of the file
	order  []string
}

func newGallery(t *testing.T) *gallery {
	return &gallery{t: t, folder: os.Getenv("HONGBAO_SCREENSHOT_GALLERY"), sheets: map[string][]image.Image{},
		front: map[string]image.Image{}}
}

// frozen makes every clock and date show the same, so that pictures of two days can be compared.
const frozen = `(() => {
	const usual = Object.getOwnPropertyDescriptor(Intl.DateTimeFormat.prototype, "format");
	const moment = new Date(2026, 1, 16, 20, 26, 8); // New Year's Eve
	Object.defineProperty(Intl.DateTimeFormat.prototype, "format", {
		get() {
			const format = usual.get.call(this);
			return () => format(moment);
		},
	});
})()`

// still replaces what differs each time in the texts of a page: ports, ids, hashes and lengths of time.
const still = `(() => {
	const changes = [
		[/127\.0\.0\.1:\d+/g, "127.0.0.1:8080"],
		[/\b[0-9a-f]{16,}\b/g, (all) => "0123456789abcdef".repeat(5).slice(0, all.length)],
		[/\b\d{15,}\b/g, (all) => "123456789012345678901234".slice(0, all.length)],
		[/\d+ h \d+ min/g, "23 h 59 min"], [/\d+ 小时 \d+ 分/g, "23 小时 59 分"],
		[/\d+\.\d\d s\b/g, "0.52 s"], [/\d+\.\d\d 秒/g, "0.52 秒"],
	];
	const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
	for (let node = walker.nextNode(); node; node = walker.nextNode()) {
		const text = changes.reduce((text, [from, to]) => text.replace(from, to), node.data);
		if (text !== node.data) node.data = text;
	}
	return true;
})()`

// freeze stops the clocks of a window for the gallery.
func (g *gallery) freeze(w *window) {
	g.t.Helper()
	if g.folder == "" {
		return
	}
	script := page.AddScriptToEvaluateOnNewDocumentParams{Source: frozen}
	if _, err := chromedp.Call(w.ctx, page.AddScriptToEvaluateOnNewDocument, script); err != nil {
		g.t.Fatal(err)
	}
}

// take takes the pictures of a view as a window shows it, in the window's language.
func (g *gallery) take(w *window, view string) {
	g.t.Helper()
	if g.folder == "" {
		return
	}
	if !slices.Contains(g.order, view) {
		g.order = append(g.order, view)
	}
	ask[bool](w, `document.activeElement?.blur() ?? true`)
	for _, look := range looks {
		ask[string](w, fmt.Sprintf("document.documentElement.dataset.look = %q", look))
		for _, width := range galleryWidths {
			w.do("resize", chromedp.EmulateViewport(width, windowHeight))
			w.until("the animations of "+view+" end", settled)
			ask[bool](w, still)
			data, err := chromedp.Run(w.ctx, chromedp.CaptureScreenshot())
			if err != nil {
				g.t.Fatal(err)
			}
			picture, err := png.Decode(bytes.NewReader(data))
			if err != nil {
				g.t.Fatal(err)
			}
			if view == frontView && width == frontWidth && len(g.sheets[view]) < len(looks)*len(galleryWidths) {
				g.front[fmt.Sprintf("%s-%d-%s.png", view, width, look)] = picture
			}
			g.sheets[view] = append(g.sheets[view], picture)
		}
	}
	ask[bool](w, `delete document.documentElement.dataset.look`)
}

// save writes a contact sheet for each view, under a name that begins with a prefix, and the pictures of README.md.
func (g *gallery) save(prefix string) {
	g.t.Helper()
	if g.folder == "" {
		return
	}
	if err := os.MkdirAll(g.folder, 0o755); err != nil {
		g.t.Fatal(err)
	}
	write := func(name string, data []byte) {
		g.t.Helper()
		if err := os.WriteFile(filepath.Join(g.folder, name), data, 0o644); err != nil {
			g.t.Fatal(err)
		}
	}
	for name, picture := range g.front {
		var file bytes.Buffer
		if err := png.Encode(&file, picture); err != nil {
			g.t.Fatal(err)
		}
		write(name, file.Bytes())
	}
	for _, view := range g.order {
		var file bytes.Buffer
		if err := jpeg.Encode(&file, contactSheet(g.sheets[view]), &jpeg.Options{Quality: galleryQuality}); err != nil {
			g.t.Fatal(err)
		}
		write(prefix+strings.ReplaceAll(view, " ", "-")+".jpg", file.Bytes())
	}
}

// contactSheet puts pictures into two rows, those of the dark look below those of the light one.
func contactSheet(pictures []image.Image) image.Image {
	row := len(galleryWidths)
	scaled := func(n int) int { return int(float64(n) * galleryScale) }
	width := galleryGap
	for i := 0; i < len(pictures); i += 2 * row {
		for _, picture := range pictures[i : i+row] {
			width += scaled(picture.Bounds().Dx()) + galleryGap
		}
	}
	height := scaled(windowHeight) + galleryGap
	sheet := image.NewRGBA(image.Rect(0, 0, width, 2*height+galleryGap))
	draw.Draw(sheet, sheet.Bounds(), image.NewUniform(color.Gray{150}), image.Point{}, draw.Src)
	at := [2]int{galleryGap, galleryGap}
	for i, picture := range pictures {
		below := i / row % 2
		size := image.Pt(scaled(picture.Bounds().Dx()), scaled(picture.Bounds().Dy()))
		place := image.Rectangle{Max: size}.Add(image.Pt(at[below], galleryGap+below*height))
		draw.CatmullRom.Scale(sheet, place, picture, picture.Bounds(), draw.Src, nil)
		at[below] += size.X + galleryGap
	}
	return sheet
}
