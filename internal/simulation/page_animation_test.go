package simulation

import (
	"bytes"
	"cmp"
	"fmt"
	"image"
	"image/color"
	"image/gif"
	"image/png"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/animation"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"golang.org/x/image/draw"
)

const (
	filmWidth   = 400 // of each window, in CSS pixels
	filmHeight  = 620
	filmScale   = 0.8 // of a pixel of a window in the film
	filmGap     = 8   // between the windows
	frameTime   = 80 * time.Millisecond
	longestHold = 12 * frameTime // what does not change is shown for no longer
	lastHold    = 3 * time.Second
)

// film is what happens in windows that stand side by side, from record to save.
type film struct {
	t       *testing.T
	windows []*window
	stop    chan struct{}
	done    sync.WaitGroup
	frames  []frame

	mu       sync.Mutex
	slowness int
	now      time.Duration // of the film, at checked
	checked  time.Time
}

type frame struct {
	picture *image.RGBA
	at      time.Duration
}

// slower slows down the timers of a page, what it measures time by, and what it paints, like its animations: taking a
// picture takes longer than a frame.
const slower = `(() => {
	const slowness = %d, paintMs = 30, { setTimeout: wait, setInterval: repeat } = window;
	const clock = performance.now.bind(performance), since = clock();
	performance.now = () => since + (clock() - since) / slowness;
	window.setTimeout = (run, ms = 0) => wait(run, ms * slowness);
	window.setInterval = (run, ms = 0) => repeat(run, ms * slowness);
	window.requestAnimationFrame = (run) => wait(() => run(performance.now()), paintMs);
	return true;
})()`

// record begins to film windows for the file that HONGBAO_SCREENSHOT_FILM names. It returns nil where it names none;
// nil is saved as nothing.
func record(t *testing.T, windows ...*window) *film {
	t.Helper()
	if os.Getenv("HONGBAO_SCREENSHOT_FILM") == "" {
		return nil
	}
	for _, w := range windows {
		w.do("resize", chromedp.EmulateViewport(filmWidth, filmHeight))
	}
	f := &film{t: t, windows: windows, stop: make(chan struct{}), slowness: 1, checked: time.Now()}
	f.done.Go(f.run)
	return f
}

// slow goes on in slow motion, which nobody sees in the film.
func (f *film) slow() {
	if f == nil {
		return
	}
	f.t.Helper()
	const slowness = 5
	f.clock()
	f.mu.Lock()
	f.slowness = slowness
	f.mu.Unlock()
	for _, w := range f.windows {
		ask[bool](w, fmt.Sprintf(slower, slowness))
		rate := animation.SetPlaybackRateParams{PlaybackRate: 1.0 / slowness}
		if _, err := chromedp.Call(w.ctx, animation.SetPlaybackRate, rate); err != nil {
			f.t.Fatal(err)
		}
	}
}

// clock is the film's time.
func (f *film) clock() time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := time.Now()
	f.now, f.checked = f.now+now.Sub(f.checked)/time.Duration(f.slowness), now
	return f.now
}

func (f *film) run() {
	for {
		select {
		case <-f.stop:
			return
		case <-time.After(frameTime / 4):
		}
		picture := image.NewRGBA(image.Rect(0, 0, len(f.windows)*(filmWidth+filmGap)-filmGap, filmHeight))
		draw.Draw(picture, picture.Bounds(), image.White, image.Point{}, draw.Src)
		at := f.clock()
		var pictures sync.WaitGroup
		for i, w := range f.windows {
			pictures.Go(func() {
				fast := true
				shot, err := chromedp.Call(w.ctx, page.CaptureScreenshot,
					page.CaptureScreenshotParams{OptimizeForSpeed: &fast})
				if err != nil {
					f.t.Errorf("film: %v", err)
					return
				}
				one, err := png.Decode(bytes.NewReader(shot.Data))
				if err != nil {
					f.t.Errorf("film: %v", err)
					return
				}
				draw.Draw(picture, one.Bounds().Add(image.Pt(i*(filmWidth+filmGap), 0)), one, image.Point{}, draw.Src)
			})
		}
		pictures.Wait()
		f.frames = append(f.frames, frame{picture, at})
	}
}

// save ends the film and writes it as a GIF.
func (f *film) save() {
	if f == nil {
		return
	}
	f.t.Helper()
	for _, w := range f.windows {
		w.until("nothing moves any more", settled+` && document.querySelector(".sparks") === null`)
	}
	close(f.stop)
	f.done.Wait()
	for i, one := range f.frames {
		bounds := one.picture.Bounds()
		width, height := float64(bounds.Dx())*filmScale, float64(bounds.Dy())*filmScale
		small := image.NewRGBA(image.Rect(0, 0, int(width), int(height)))
		draw.CatmullRom.Scale(small, small.Bounds(), one.picture, bounds, draw.Src, nil)
		f.frames[i].picture = small
	}
	var file bytes.Buffer
	if err := gif.EncodeAll(&file, animate(f.frames)); err != nil {
		f.t.Fatal(err)
	}
	if err := os.WriteFile(os.Getenv("HONGBAO_SCREENSHOT_FILM"), file.Bytes(), 0o644); err != nil {
		f.t.Fatal(err)
	}
	f.t.Logf("%d frames, %d bytes", len(f.frames), file.Len())
	for _, w := range f.windows {
		w.do("resize", chromedp.EmulateViewport(windowWidth, windowHeight))
	}
}

// animate makes a GIF of frames: in one palette, each frame as what is different from the frame before.
func animate(frames []frame) *gif.GIF {
	palette := commonColours(frames)
	index := map[color.RGBA]uint8{}
	film := &gif.GIF{Config: image.Config{ColorModel: palette, Width: frames[0].picture.Bounds().Dx(),
		Height: frames[0].picture.Bounds().Dy()}}
	var before *image.Paletted
	var shown time.Duration
	for _, one := range frames {
		now := image.NewPaletted(one.picture.Bounds(), palette)
		for i := range now.Pix {
			p := one.picture.Pix[4*i:]
			c := color.RGBA{p[0], p[1], p[2], 255}
			if _, known := index[c]; !known {
				index[c] = uint8(1 + color.Palette(palette[1:]).Index(c))
			}
			now.Pix[i] = index[c]
		}
		changed := difference(before, now)
		if changed == nil {
			continue
		}
		if n := len(film.Delay); n > 0 {
			film.Delay[n-1] = int(min(one.at-shown, longestHold) / (10 * time.Millisecond))
		}
		shown, before = one.at, now
		film.Image, film.Delay = append(film.Image, changed), append(film.Delay, int(lastHold/(10*time.Millisecond)))
		film.Disposal = append(film.Disposal, gif.DisposalNone)
	}
	return film
}

// difference is the part of a frame that is not as it was before, with what is as it was left transparent; nil if
// nothing is different.
func difference(before, now *image.Paletted) *image.Paletted {
	if before == nil {
		return now
	}
	var part image.Rectangle
	for i, p := range now.Pix {
		if p != before.Pix[i] {
			at := image.Pt(i%now.Stride, i/now.Stride)
			part = part.Union(image.Rectangle{at, at.Add(image.Pt(1, 1))})
		}
	}
	if part.Empty() {
		return nil
	}
	changed := image.NewPaletted(part, now.Palette)
	for y := part.Min.Y; y < part.Max.Y; y++ {
		for x := part.Min.X; x < part.Max.X; x++ {
			if p := now.ColorIndexAt(x, y); p != before.ColorIndexAt(x, y) {
				changed.SetColorIndex(x, y, p)
			}
		}
	}
	return changed
}

// commonColours is a palette of the most frequent colours that are not nearly alike. Its first colour is transparent.
func commonColours(frames []frame) color.Palette {
	const alike = 12 // the sum of the differences of two colours that one stands for
	counts := map[color.RGBA]int{}
	for _, one := range frames {
		for i := 0; i < len(one.picture.Pix); i += 4 {
			p := one.picture.Pix[i:]
			counts[color.RGBA{p[0], p[1], p[2], 255}]++
		}
	}
	colours := make([]color.RGBA, 0, len(counts))
	for c := range counts {
		colours = append(colours, c)
	}
	slices.SortFunc(colours, func(a, b color.RGBA) int {
		return cmp.Or(counts[b]-counts[a], cmp.Compare(a.R, b.R), cmp.Compare(a.G, b.G), cmp.Compare(a.B, b.B))
	})
	palette := color.Palette{color.RGBA{}}
	away := func(a, b uint8) int { return max(int(a), int(b)) - min(int(a), int(b)) }
	for _, c := range colours {
		isNew := !slices.ContainsFunc(palette[1:], func(other color.Color) bool {
			o := other.(color.RGBA)
			return away(c.R, o.R)+away(c.G, o.G)+away(c.B, o.B) < alike
		})
		if isNew {
			palette = append(palette, c)
		}
		if len(palette) == 256 {
			break
		}
	}
	return palette
}
