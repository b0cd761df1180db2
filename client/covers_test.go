package client_test

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/jpeg"
	"image/png"
	"strings"
	"testing"

	"github.com/hongbao/hongbao/client"
	"github.com/hongbao/hongbao/kitex_gen/coverapi"
	"github.com/hongbao/hongbao/kitex_gen/merchantapi"
)

// picture is a small PNG.
func picture(width, height int) *bytes.Buffer {
	var file bytes.Buffer
	if err := png.Encode(&file, image.NewGray(image.Rect(0, 0, width, height))); err != nil {
		panic(err)
	}
	return &file
}

// A merchant uploads an image, makes a cover of it, and submits it.
func ExampleClient_covers() {
	ctx := context.Background()
	c, err := client.New(client.WithAddress(exampleAddress()), client.WithGateway(exampleGateway()),
		client.WithToken(exampleToken("example-hal", "user")))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.Close()
	m, err := applyForMerchant(ctx, c)
	if err != nil {
		fmt.Println(err)
		return
	}
	face, err := c.Covers.UploadImage(ctx, m.Id, "test", picture(30, 40))
	if err != nil {
		fmt.Println(err)
		return
	}
	cover, err := c.Covers.Create(ctx, &coverapi.CreateCoverRequest{
		Id: m.Id, Mode: "test", Design: &coverapi.CoverDesign{
			Name: "马年大吉", Face: face.Hash, Story: []*coverapi.CoverPage{{Text: "since 1912"}}, Colour: "#c8102e",
			Accent: "#ffd700", Greeting: "恭喜发财",
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	cover, err = c.Covers.Submit(ctx, &coverapi.SubmitCoverRequest{Id: m.Id, CoverId: cover.Id})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(cover.State, face.Width, face.Height)
	// Output: in_review 30 40
}

// TestCovers follows a cover from its image to what users see, by RPC and over HTTP.
func TestCovers(t *testing.T) {
	u := installation(t)
	c, ops, bob, ctx := u.as(t, "covers-ann"), u.with(t, "ops", "operator"), u.as(t, "covers-bob"), t.Context()
	m, err := applyForMerchant(ctx, c)
	if err != nil {
		t.Fatal(err)
	}
	_, err = ops.Merchants.Decide(ctx, &merchantapi.DecideRequest{Id: m.Id, Decision: "approve", Reason: "seen"})
	if err != nil {
		t.Fatal(err)
	}
	if a, err := c.Covers.UploadAllowance(ctx, m.Id, "live"); err != nil || a.MaxBytes != 8<<20 || a.Left != 2000 {
		t.Errorf("%+v, %v", a, err)
	}
	face, err := c.Covers.UploadImage(ctx, m.Id, "live", picture(600, 20))
	if err != nil || len(face.Sizes) != 3 || face.Type != "image/jpeg" {
		t.Fatalf("%+v, %v", face, err)
	}
	for _, size := range face.Sizes {
		data, err := c.Covers.OwnArt(ctx, m.Id, face.Hash, size.Name)
		if err != nil {
			t.Fatal(err)
		}
		shown, err := jpeg.DecodeConfig(bytes.NewReader(data))
		if err != nil || shown.Width != size.Width || shown.Height != size.Height {
			t.Errorf("%s is %d × %d, %v", size.Name, shown.Width, shown.Height, err)
		}
	}
	for what, err := range map[string]error{
		"anybody":    second(c.Covers.Art(ctx, face.Hash, "small")),
		"a stranger": second(bob.Covers.OwnArt(ctx, m.Id, face.Hash, "small")),
	} {
		if client.Code(err) != client.CodeArtNotFound {
			t.Errorf("before the review, %s sees the image: %v", what, err)
		}
	}
	if _, err := ops.Covers.OwnArt(ctx, m.Id, face.Hash, "small"); err != nil {
		t.Errorf("an operator: %v", err)
	}
	_, err = c.Covers.UploadImage(ctx, m.Id, "live", strings.NewReader("<svg><script>alert(1)</script></svg>"))
	if client.Code(err) != client.CodeImageRefused {
		t.Errorf("an SVG: %v", err)
	}
	_, err = c.Covers.UploadImage(ctx, m.Id, "live", bytes.NewReader(make([]byte, 9<<20)))
	if client.Code(err) != client.CodeImageTooLarge {
		t.Errorf("a long file: %v", err)
	}
	if _, err := bob.Covers.UploadImage(ctx, m.Id, "live", picture(2, 2)); client.Code(err) != "merchant_not_found" {
		t.Errorf("a stranger: %v", err)
	}
	if _, err := c.Covers.Art(ctx, strings.Repeat("0", 64), "large"); client.Code(err) != client.CodeArtNotFound {
		t.Errorf("an image that is not there: %v", err)
	}

	design := &coverapi.CoverDesign{
		Name: "red", Face: face.Hash, Story: []*coverapi.CoverPage{}, Colour: "#c8102e", Accent: "#ffd700",
	}
	cover, err := c.Covers.Create(ctx, &coverapi.CreateCoverRequest{Id: m.Id, Mode: "live", Design: design})
	if err != nil {
		t.Fatal(err)
	}
	design.Greeting = "恭喜"
	_, err = c.Covers.Edit(ctx, &coverapi.EditCoverRequest{Id: m.Id, CoverId: cover.Id, Design: design})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := bob.Covers.Look(ctx, cover.Id); client.Code(err) != client.CodeCoverNotFound {
		t.Errorf("a draft: %v", err)
	}
	if _, err := c.Covers.Submit(ctx, &coverapi.SubmitCoverRequest{Id: m.Id, CoverId: cover.Id}); err != nil {
		t.Fatal(err)
	}
	decide := func(decision string) *coverapi.Cover {
		t.Helper()
		decided, err := ops.Covers.Decide(ctx, &coverapi.DecideCoverRequest{
			CoverId: cover.Id, Decision: decision, Reason: "looked at",
		})
		if err != nil {
			t.Fatal(err)
		}
		return decided
	}
	for q, err := range ops.Covers.InState(ctx, "in_review") {
		if err != nil || q.Id == cover.Id && q.Design.Greeting != "恭喜" {
			t.Errorf("%+v, %v", q, err)
		}
	}
	decide("approve")
	until(t, "users see it", func() bool {
		seen, err := bob.Covers.Look(ctx, cover.Id)
		return err == nil && seen.State == "approved" && seen.Design.Name == "red"
	})
	report := coverapi.ReportCoverRequest{CoverId: cover.Id, Reason: "copied", Note: "mine"}
	reported, err := bob.Covers.Report(ctx, &report)
	if err != nil || reported.State != "open" {
		t.Errorf("%+v, %v", reported, err)
	}
	decided := 0
	for r, err := range ops.Covers.Reports(ctx) {
		if err != nil || r.Id != reported.Id {
			continue
		}
		done, err := ops.Covers.DecideReport(ctx, &coverapi.DecideCoverReportRequest{
			ReportId: r.Id, Outcome: "upheld", Reason: "a copy",
		})
		if decided++; err != nil || done.State != "upheld" {
			t.Errorf("%+v, %v", done, err)
		}
	}
	if decided != 1 {
		t.Errorf("%d reports were decided", decided)
	}
	decide("freeze")
	_, err = c.Covers.Appeal(ctx, &coverapi.AppealCoverRequest{Id: m.Id, CoverId: cover.Id, Reason: "it is ours"})
	if err != nil {
		t.Error(err)
	}
	if kept := decide("keep"); kept.Appeal != "dismissed" {
		t.Errorf("%+v", kept)
	}
	decide("take_down")
	until(t, "its image is gone", func() bool {
		_, err := bob.Covers.Art(ctx, face.Hash, "small")
		return client.Code(err) == client.CodeArtGone
	})
	var actions []string
	for line, err := range c.Covers.History(ctx, m.Id, cover.Id) {
		if err != nil {
			t.Fatal(err)
		}
		actions = append(actions, line.Action)
	}
	if got := strings.Join(actions, " "); got != "take_down keep appeal freeze approve submit edit create" {
		t.Errorf("the history is %s", got)
	}
	if seen, err := c.Covers.Get(ctx, m.Id, cover.Id); err != nil || seen.State != "taken_down" {
		t.Errorf("%+v, %v", seen, err)
	}
	listed := 0
	for l, err := range c.Covers.List(ctx, m.Id, "live") {
		if listed++; err != nil || l.Id != cover.Id {
			t.Errorf("%+v, %v", l, err)
		}
	}
	if ours, err := bob.Covers.Defaults(ctx); err != nil || len(ours) != 3 || listed != 1 {
		t.Errorf("%d covers, %d of ours, %v", listed, len(ours), err)
	}
}

func second[T any](_ T, err error) error { return err }
