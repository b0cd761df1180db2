package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// observed asks Prometheus, where it runs: every part is up by it, every rule of the alerts is evaluated, and every
// query of every board is answered. Each board has something to show.
func (c *topology) observed(t *testing.T) {
	t.Helper()
	if c.watcher == nil {
		t.Log("no Prometheus is installed: nobody has asked it")
		return
	}
	err := c.watcher.await(t.Context(), func(ctx context.Context) error { return c.allUp(ctx) })
	if err != nil {
		t.Fatal(err)
	}
	err = c.watcher.await(t.Context(), func(ctx context.Context) error { return c.rulesEvaluated(ctx) })
	if err != nil {
		t.Fatal(err)
	}
	boards, err := filepath.Glob("../grafana/*.json")
	if err != nil || len(boards) == 0 {
		t.Fatalf("no boards: %v", err)
	}
	for _, path := range boards {
		c.showBoard(t, path)
	}
}

// ask asks Prometheus' API.
func (c *topology) ask(ctx context.Context, path string, data any) error {
	text, err := get(ctx, "http://"+c.address(prometheusPort)+"/api/v1/"+path)
	if err != nil {
		return err
	}
	answer := struct {
		Status string
		Data   any
	}{Data: data}
	if err := json.Unmarshal([]byte(text), &answer); err != nil {
		return err
	}
	if answer.Status != "success" {
		return errors.New(text)
	}
	return nil
}

func (c *topology) allUp(ctx context.Context) error {
	var found struct {
		ActiveTargets []struct{ ScrapeURL, Health, LastError string }
	}
	if err := c.ask(ctx, "targets", &found); err != nil {
		return err
	}
	if len(found.ActiveTargets) != len(c.parts) {
		return fmt.Errorf("%d targets, want %d", len(found.ActiveTargets), len(c.parts))
	}
	for _, target := range found.ActiveTargets {
		if target.Health != "up" {
			return fmt.Errorf("%s is %s: %s", target.ScrapeURL, target.Health, target.LastError)
		}
	}
	return nil
}

func (c *topology) rulesEvaluated(ctx context.Context) error {
	var found struct {
		Groups []struct {
			Rules []struct{ Name, Health, LastError string }
		}
	}
	if err := c.ask(ctx, "rules", &found); err != nil {
		return err
	}
	rules := 0
	for _, group := range found.Groups {
		for _, r := range group.Rules {
			if rules++; r.Health != "ok" {
				return fmt.Errorf("rule %s is %s: %s", r.Name, r.Health, r.LastError)
			}
		}
	}
	if rules == 0 {
		return errors.New("no rule is loaded")
	}
	return nil
}

// showBoard asks what the panels of a board ask.
func (c *topology) showBoard(t *testing.T, path string) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var board struct {
		Title  string
		Panels []struct {
			Title   string
			Targets []struct{ Expr string }
		}
	}
	if err := json.Unmarshal(text, &board); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	shown, empty := 0, []string{}
	for _, panel := range board.Panels {
		for _, target := range panel.Targets {
			query := strings.NewReplacer("$__rate_interval", "1m", "$__range", "1h").Replace(target.Expr)
			var found struct{ Result []any }
			if err := c.ask(t.Context(), "query?query="+url.QueryEscape(query), &found); err != nil {
				t.Errorf("board %q, panel %q: %v", board.Title, panel.Title, err)
			}
			if len(found.Result) > 0 {
				shown++
			} else {
				empty = append(empty, panel.Title)
			}
		}
	}
	t.Logf("board %q: %d queries have data; none for %q", board.Title, shown, empty)
	if shown == 0 {
		t.Errorf("board %q shows nothing", board.Title)
	}
}
