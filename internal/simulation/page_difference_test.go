package simulation

import (
	"image"
	"image/color"
	_ "image/jpeg" // of contact sheets
	"image/png"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// alike is how much two values of a colour may differ and still be the same: the least steps of a JPEG.
const alike = 12

// TestGalleryDifferences names the pictures that differ in two folders, HONGBAO_SCREENSHOT_BEFORE and
// HONGBAO_SCREENSHOT_AFTER, and keeps pictures of what differs in the folder "differences" of the second. See make
// gallery-diff.
func TestGalleryDifferences(t *testing.T) {
	before, after := os.Getenv("HONGBAO_SCREENSHOT_BEFORE"), os.Getenv("HONGBAO_SCREENSHOT_AFTER")
	if before == "" || after == "" {
		t.Skip("for make gallery-diff")
	}
	names := map[string]bool{}
	for _, folder := range []string{before, after} {
		files, err := filepath.Glob(filepath.Join(folder, "*.*g"))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			names[filepath.Base(file)] = true
		}
	}
	folder := filepath.Join(after, "differences")
	if err := os.MkdirAll(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		old, fresh := picture(t, filepath.Join(before, name)), picture(t, filepath.Join(after, name))
		if old == nil || fresh == nil {
			t.Logf("%s: only in one of the folders", name)
			continue
		}
		shown, count := differences(old, fresh)
		if count == 0 {
			continue
		}
		t.Logf("%s: %d pixels differ (%.2f %%)", name, count, 100*float64(count)/float64(len(shown.Pix)/4))
		file, err := os.Create(filepath.Join(folder, strings.TrimSuffix(name, filepath.Ext(name))+".png"))
		if err != nil {
			t.Fatal(err)
		}
		if err := png.Encode(file, shown); err != nil {
			t.Fatal(err)
		}
		if err := file.Close(); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("compared %d pictures; what differs is in %s", len(names), folder)
}

// picture is nil where there is none.
func picture(t *testing.T, path string) image.Image {
	t.Helper()
	file, err := os.Open(path)
	if os.IsNotExist(err) {
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	decoded, _, err := image.Decode(file)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return decoded
}

// differences is the second picture, pale, with what differs from the first in red, and how many pixels do.
func differences(before, after image.Image) (shown *image.NRGBA, count int) {
	bounds := before.Bounds().Union(after.Bounds())
	shown = image.NewNRGBA(bounds)
	away := func(a, b uint32) int { return (max(int(a), int(b)) - min(int(a), int(b))) >> 8 }
	for y := bounds.Min.Y; y < bounds.Max.Y; y++ {
		for x := bounds.Min.X; x < bounds.Max.X; x++ {
			r, g, b, a := after.At(x, y).RGBA()
			r2, g2, b2, a2 := before.At(x, y).RGBA()
			if max(away(r, r2), away(g, g2), away(b, b2), away(a, a2)) > alike {
				count++
				shown.SetNRGBA(x, y, color.NRGBA{R: 230, A: 255})
				continue
			}
			pale := func(v uint32) uint8 { return uint8(190 + v>>8/4) }
			shown.SetNRGBA(x, y, color.NRGBA{pale(r), pale(g), pale(b), 255})
		}
	}
	return shown, count
}

// What differs is counted and marked, and what a JPEG makes of the same is not.
func TestDifferencesAreMarked(t *testing.T) {
	before, after := image.NewNRGBA(image.Rect(0, 0, 4, 2)), image.NewNRGBA(image.Rect(0, 0, 4, 3))
	for i := range before.Pix {
		before.Pix[i], after.Pix[i] = 200, 200+alike
		if i%4 == 3 {
			before.Pix[i], after.Pix[i] = 255, 255
		}
	}
	after.SetNRGBA(1, 1, color.NRGBA{R: 10, G: 200, B: 200, A: 255})
	after.SetNRGBA(2, 2, color.NRGBA{A: 255})
	shown, count := differences(before, after)
	if count != 2 {
		t.Errorf("%d pixels differ, want the one that was changed and the one that was added", count)
	}
	for _, at := range []image.Point{{1, 1}, {2, 2}} {
		if got := shown.NRGBAAt(at.X, at.Y); got.G != 0 {
			t.Errorf("%v is %v", at, got)
		}
	}
	if got := shown.NRGBAAt(0, 0); got.G < 190 {
		t.Errorf("what is the same is %v", got)
	}
}
