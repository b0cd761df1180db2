package mysqlcover_test

import (
	"bytes"
	"fmt"
	"image"
	"image/png"
	"strings"
	"testing"

	"github.com/hongbao/hongbao/app/apptest"
	"github.com/hongbao/hongbao/cover"
	"github.com/hongbao/hongbao/cover/mysqlcover"
	"github.com/hongbao/hongbao/internal/devstack"
	"github.com/hongbao/hongbao/merchant"
)

// books is an installation with covers that a test breaks by hand.
type books struct {
	*apptest.Harness
	merchant int64
	face     string
}

func open(t *testing.T) *books {
	t.Helper()
	b := &books{Harness: apptest.NewHarness(t, nil, "ann", "bob")}
	m := apptest.Must(b.Merchants.Apply(t.Context(), "ann", merchant.Application{
		RequestID: b.RequestID(), Name: "shop", LegalID: "1", Country: "CN", MCC: "5812", Contact: "ann@example.org",
		Currencies: []string{"CNY"},
	}))
	b.merchant = m.ID
	var file bytes.Buffer
	if err := png.Encode(&file, image.NewGray(image.Rect(0, 0, 2, 2))); err != nil {
		t.Fatal(err)
	}
	apptest.Must(b.Merchants.Decide(t.Context(), "op", m.ID,
		merchant.Decision{RequestID: b.RequestID(), Verb: "approve", Reason: "seen"}))
	ann := cover.Caller{Subject: "ann"}
	b.face = apptest.Must(b.Covers.Upload(t.Context(), ann, m.ID, "live", &file)).Hash
	return b
}

// scene is a cover that was frozen and restored once, and is frozen again, with a report.
type scene struct{ cover, report int64 }

func (b *books) scene() scene {
	b.T.Helper()
	ctx, ann := b.T.Context(), cover.Caller{Subject: "ann"}
	d := cover.Design{Name: "red", Face: b.face, Colour: "#c8102e", Accent: "#ffd700"}
	c := apptest.Must(b.Covers.Create(ctx, ann, b.merchant, "live", b.RequestID(), d))
	apptest.Must(b.Covers.Submit(ctx, ann, b.merchant, c.ID, b.RequestID()))
	for _, verb := range []string{"approve", "freeze", "restore", "freeze"} {
		apptest.Must(b.Covers.Decide(ctx, "op", c.ID,
			cover.Decision{RequestID: b.RequestID(), Verb: verb, Reason: "looked at"}))
	}
	return scene{c.ID, apptest.Must(b.Covers.Report(ctx, "bob", c.ID, "copied", "")).ID}
}

// damage runs a statement on the covers' shard; {table} is there, and {away:table} on the next one.
func (b *books) damage(s scene, statement string) {
	b.T.Helper()
	home, _ := b.Cluster.ShardOf(b.merchant)
	for _, table := range []string{"covers", "cover_history", "cover_images", "cover_uses", "cover_reports"} {
		statement = strings.ReplaceAll(statement, "{"+table+"}", b.Cluster.Table(home, table))
		statement = strings.ReplaceAll(statement, "{away:"+table+"}",
			b.Cluster.Table((home+1)%b.Cluster.Shards(), table))
	}
	done, err := b.Cluster.DB(home).ExecContext(b.T.Context(), s.fill(statement))
	if err != nil {
		b.T.Fatalf("%s: %v", statement, err)
	}
	if n, err := done.RowsAffected(); err != nil || n == 0 {
		b.T.Fatalf("%s: changed %d rows, %v", statement, n, err)
	}
}

func (s scene) fill(text string) string {
	return strings.NewReplacer("$cover", fmt.Sprint(s.cover), "$report", fmt.Sprint(s.report)).Replace(text)
}

// TestCoversOfBefore: which images covers name is found out where that was not noted.
func TestCoversOfBefore(t *testing.T) {
	devstack.SkipInShort(t)
	b := open(t)
	ctx := t.Context()
	d := cover.Design{Name: "red", Face: b.face, Colour: "#c8102e", Accent: "#ffd700", Story: []cover.Page{
		{Text: "once"}, {Image: b.face}, {Text: "and again"},
	}}
	apptest.Must(b.Covers.Create(ctx, cover.Caller{Subject: "ann"}, b.merchant, "live", b.RequestID(), d))
	d.Face, d.Story = "", d.Story[1:]
	apptest.Must(b.Covers.Create(ctx, cover.Caller{Subject: "ann"}, b.merchant, "live", b.RequestID(), d))
	for shard := range b.Cluster.Shards() {
		for _, statement := range []string{
			"DROP TABLE " + b.Cluster.Table(shard, "cover_uses"), "DROP TABLE " + b.Cluster.Table(shard,
				"cover_purges"),
			"ALTER TABLE " + b.Cluster.Table(shard, "cover_images") + " DROP COLUMN gone_at",
			"DELETE FROM " + b.Cluster.Table(shard, "cover_version") + " WHERE version_id = 2",
		} {
			if _, err := b.Cluster.DB(shard).ExecContext(ctx, statement); err != nil {
				t.Fatal(err)
			}
		}
	}
	for range 2 {
		if err := mysqlcover.Migrate(ctx, b.Cluster); err != nil {
			t.Fatal(err)
		}
	}
	b.MustBalance()
}

// TestAuditNamesWhatIsWrongWithCovers breaks a cover in each way there is; each is named, and a whole one is not.
func TestAuditNamesWhatIsWrongWithCovers(t *testing.T) {
	devstack.SkipInShort(t)
	b := open(t)
	cases := []struct{ statement, code, what string }{
		{"UPDATE {covers} SET state = 'approved', frozen_at = 0 WHERE id = $cover",
			mysqlcover.AuditState, "cover $cover, against its history"},
		{"UPDATE {covers} SET frozen_at = 0 WHERE id = $cover", mysqlcover.AuditState, "cover $cover: frozen"},
		{"UPDATE {covers} SET state = 'approved', appeal = 'open' WHERE id = $cover",
			mysqlcover.AuditState, "cover $cover: an appeal"},
		{"INSERT INTO {away:covers} SELECT * FROM {covers} WHERE id = $cover",
			mysqlcover.AuditState, "cover $cover: the shard of its merchant"},
		{"DELETE FROM {covers} WHERE id = $cover", mysqlcover.AuditState, "rows of cover $cover in "},
		{"UPDATE {covers} SET history = history + 1 WHERE id = $cover", mysqlcover.AuditHistory, "cover $cover: lines"},
		{"DELETE FROM {cover_history} WHERE cover = $cover AND seq = 3",
			mysqlcover.AuditHistory, "cover $cover: the line after the one before"},
		{"UPDATE {cover_history} SET was = 'draft' WHERE cover = $cover AND seq = 3",
			mysqlcover.AuditHistory, "cover $cover: line 3, approve by operator from draft to approved"},
		{"UPDATE {cover_history} SET side = 'member' WHERE cover = $cover AND seq = 3",
			mysqlcover.AuditHistory, "cover $cover: line 3, approve by member"},
		{"UPDATE {cover_history} SET reason = '' WHERE cover = $cover AND seq = 4",
			mysqlcover.AuditHistory, "cover $cover: line 4"},
		{"UPDATE {covers} SET usable_until = usable_until + 1 WHERE id = $cover",
			mysqlcover.AuditValidity, "cover $cover, against its history"},
		{"UPDATE {cover_history} SET usable_until = usable_until + 86400000 WHERE cover = $cover AND seq = 5",
			mysqlcover.AuditValidity, "cover $cover: line 5"},
		{"UPDATE {cover_history} SET usable_until = 1 WHERE cover = $cover AND seq = 3",
			mysqlcover.AuditValidity, "cover $cover: line 3"},
		{"UPDATE {covers} SET opened = REPEAT('0', 64) WHERE id = $cover",
			mysqlcover.AuditImages, "cover $cover: images"},
		{"DELETE FROM {cover_uses} WHERE cover = $cover",
			mysqlcover.AuditImages, "cover $cover: images that are noted as its own"},
		{"UPDATE {covers} SET mode = 'test' WHERE id = $cover", mysqlcover.AuditImages, "cover $cover: images"},
		{"UPDATE {cover_reports} SET state = 'lost' WHERE id = $report",
			mysqlcover.AuditReports, "report $report of cover $cover"},
		{"UPDATE {cover_reports} SET state = 'upheld' WHERE id = $report",
			mysqlcover.AuditReports, "report $report of cover $cover"},
		{"UPDATE {cover_reports} SET outcome = 'x' WHERE id = $report",
			mysqlcover.AuditReports, "report $report of cover $cover"},
	}
	whole := b.scene()
	broken := make([]scene, len(cases))
	for i := range cases {
		broken[i] = b.scene()
	}
	b.MustBalance()
	for i, c := range cases {
		b.damage(broken[i], c.statement)
	}
	report := apptest.Must(b.Auditor.Audit(t.Context()))
	named := func(code, what string) bool {
		for _, d := range report.Discrepancies {
			if (code == "" || d.Code == code) && strings.Contains(d.What, what) && d.Expected != d.Found {
				return true
			}
		}
		return false
	}
	for i, c := range cases {
		if what := broken[i].fill(c.what); !named(c.code, what) {
			t.Errorf("%s: no %s about %q", c.statement, c.code, what)
		}
	}
	if named("", fmt.Sprint(whole.cover)) {
		t.Errorf("something is said of cover %d, which is whole: %+v", whole.cover, report.Discrepancies)
	}
}
