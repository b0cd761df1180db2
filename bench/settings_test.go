package bench

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func write(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "settings.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestProfilesAreRead(t *testing.T) {
	files, err := filepath.Glob("profiles/*.yaml")
	if err != nil || len(files) != 3 {
		t.Fatalf("%v %v", files, err)
	}
	for _, file := range files {
		s, err := ReadSettings(file)
		if err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		found, err := suitesOf(s.Suite)
		if err != nil || len(found) != 1 {
			t.Errorf("%s: %v", file, err)
			continue
		}
		if _, err := s.choose(found[0].own, false, 100); err != nil {
			t.Errorf("%s: %v", file, err)
		}
	}
}

// TestFlagsGoBeforeTheFileAndTheFileBeforeTheSuite chooses each setting from another place.
func TestFlagsGoBeforeTheFileAndTheFileBeforeTheSuite(t *testing.T) {
	file, err := ReadSettings(write(t, "suite: send\nusers: 700\nshares: 7\nrate: max\np99: 7ms\nfor: 1m\n"))
	if err != nil {
		t.Fatal(err)
	}
	flags := Settings{Users: new(900), Rate: new(Rate(12.5))}
	suite, err := suitesOf("send")
	if err != nil {
		t.Fatal(err)
	}
	c, err := flags.Over(file).choose(suite[0].own, false, 100)
	if err != nil {
		t.Fatal(err)
	}
	if c.users != 500 || c.shares != 7 || c.rate != 12.5 || c.p99 != 7*time.Millisecond || c.span != time.Minute ||
		c.group != 500 || c.places != 512 {
		t.Errorf("%+v", c) // 900 users are one whole group
	}
	if shown := c.shown(suite[0]); shown["rate"] != "12.5" || shown["for"] != "1m0s" || shown["p99"] != "" {
		t.Errorf("%v", shown)
	}
	if quick, _ := flags.Over(file).choose(suite[0].own, true, 100); quick.span != 2*time.Second {
		t.Errorf("quick is %v", quick.span)
	}
}

// TestWhatIsNotGivenOfAMixIsTheUsual gives one number of it alone.
func TestWhatIsNotGivenOfAMixIsTheUsual(t *testing.T) {
	s, err := ReadSettings(write(t, "mix: {grabs_per_send: 2}"))
	if want := (Mix{GrabsPerSend: 2, ViewsPerSend: 1, Wave: .6}); err != nil || *s.Mix != want {
		t.Errorf("%+v, %v", s.Mix, err)
	}
}

// TestWhatFiguresDependOnIsShown changes a setting of a suite in which it matters: two reports differ by it.
func TestWhatFiguresDependOnIsShown(t *testing.T) {
	shown := func(name string, s Settings) map[string]string {
		found, err := suitesOf(name)
		if err != nil {
			t.Fatal(err)
		}
		c, err := s.choose(found[0].own, false, 100)
		if err != nil {
			t.Fatal(err)
		}
		return c.shown(found[0])
	}
	if s := shown("push", Settings{Listeners: new(7)}); s["listeners"] != "7" || s["mix"] != "" {
		t.Errorf("push: %v", s)
	}
	mix := &Mix{GrabsPerSend: 2, ViewsPerSend: 1, Wave: .5}
	if s := shown("spring", Settings{Mix: mix}); s["mix"] != "2 grabs and 1 views for each send, wave 0.5" {
		t.Errorf("spring: %v", s)
	}
	if s := shown("covers", Settings{}); s["rate"]+s["places"]+s["listeners"] != "" {
		t.Errorf("covers has a load of its own: %v", s)
	}
}

func TestBadSettingsAreNamed(t *testing.T) {
	for text, want := range map[string]string{
		"rat: 5":           "field rat not found",
		"rate: fast":       `rate "fast"`,
		"rate: 0":          `rate "0"`,
		"rate: -3":         `rate "-3"`,
		"rate: .nan":       "rate",
		"for: 10":          `"10" is not a duration`,
		"for: -1s":         `"-1s" is not a duration`,
		"users: many":      "cannot unmarshal",
		"users: 3":         "users 3 is out of range: 10 to 200000",
		"group: 501":       "group 501 is out of range: 2 to 500",
		"shares: 101":      "shares 101 is out of range: 1 to 100",
		"places: 0":        "places 0 is out of range",
		"for: 25h":         "at most 24h",
		"arrivals: sudden": `arrivals "sudden": give even or poisson`,
		"mix: {wave: 2}":   "the wave is a share from 0 to 1",
		"- a list":         "cannot unmarshal",
	} {
		s, err := ReadSettings(write(t, text))
		if err == nil {
			_, err = s.choose(suites()[0].own, false, 100)
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", text, err)
		}
	}
	if _, err := suitesOf("gras"); err == nil || !strings.Contains(err.Error(), "give one of grab, losers") {
		t.Error(err)
	}
	if _, err := ReadSettings(write(t, "")); err != nil {
		t.Errorf("an empty file: %v", err)
	}
}

func TestSuitesHaveAValueForEverything(t *testing.T) {
	all, err := suitesOf(All)
	if err != nil || len(all) != len(Suites()) {
		t.Fatal(err)
	}
	for _, s := range all {
		for _, quick := range []bool{false, true} {
			if _, err := (Settings{}).choose(s.own, quick, 100); err != nil {
				t.Errorf("%s: %v", s.name, err)
			}
		}
	}
}
