package mysqlwebhook

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/hongbao/hongbao/internal/shards/rows"
	"github.com/hongbao/hongbao/wallet/audit"
	"github.com/hongbao/hongbao/wallet/ledger"
	"github.com/hongbao/hongbao/webhook"
)

// Codes of discrepancies.
const (
	AuditSequence = "webhook_sequence" // events of an owner or of an object are not numbered 1, 2, 3 …
	AuditDelivery = "webhook_delivery" // an event lacks a delivery, or a delivery contradicts its attempts
	AuditKey      = "webhook_key"      // an endpoint has no key, several newest ones, or too many
)

// Audit is what webhooks add to the audit. All of it lies on one shard, so the early snapshot suffices; events on their
// way there are messages, which the ledger's audit looks at.
func (s *Store) Audit() audit.Product {
	return audit.Product{HoldCheck: ledger.HoldCheck{Subject: webhook.Subject}, Tables: s.audit}
}

// question is a query for what contradicts itself: columns what, expected and found.
type question struct{ code, query string }

func (s *Store) audit(ctx context.Context, r *audit.Reader) error {
	t := tablesOf(s.cluster, r.Shard())
	for _, q := range questions(t) {
		err := rows.Collect(ctx, r.Early(), func(row *sql.Rows) error {
			var what, expected, found string
			if err := row.Scan(&what, &expected, &found); err != nil {
				return err
			}
			r.Found(q.code, what, expected, found)
			return nil
		}, q.query+" LIMIT ?", ledger.MaxDiscrepancies)
		if err != nil {
			return fmt.Errorf("webhooks: %w", err)
		}
	}
	return nil
}

// numbered finds counters whose events are not numbered from the first that is not forgotten up to the last. Numbers
// are unique, so they have no gaps if there are as many as there should be between the lowest and the highest.
func numbered(number string) string {
	return "HAVING COUNT(e.id) <> o." + number + " - o.forgotten " +
		"OR COALESCE(MAX(e." + number + "), o.forgotten) <> o." + number +
		" OR COALESCE(MIN(e." + number + "), o.forgotten + 1) <> o.forgotten + 1"
}

// questions are answered by the server, which returns nothing but discrepancies.
func questions(t tables) []question {
	last := fmt.Sprint(len(webhook.Schedule()))
	return []question{
		{AuditSequence, "SELECT CONCAT('events of ', o.owner), CONCAT(o.forgotten + 1, ' to ', o.position), " +
			"CONCAT(COUNT(e.id), ', up to ', COALESCE(MAX(e.position), 0)) FROM " + t.owners + " o LEFT JOIN " +
			t.events + " e ON e.owner = o.owner GROUP BY o.owner, o.position, o.forgotten " +
			numbered("position")},
		{AuditSequence, "SELECT CONCAT('events of ', o.owner, ' about ', o.object), " +
			"CONCAT(o.forgotten + 1, ' to ', o.sequence), CONCAT(COUNT(e.id), ', up to ', " +
			"COALESCE(MAX(e.sequence), 0)) FROM " + t.objects + " o LEFT JOIN " + t.events +
			" e ON e.owner = o.owner AND e.object = o.object GROUP BY o.owner, o.object, o.sequence, o.forgotten " +
			numbered("sequence")},
		{
			AuditSequence,
			"SELECT CONCAT('event ', e.id), 'a count for its owner and its object', 'none' FROM " + t.events +
				" e LEFT JOIN " + t.owners + " w ON w.owner = e.owner LEFT JOIN " + t.objects +
				" o ON o.owner = e.owner AND o.object = e.object WHERE w.owner IS NULL OR o.owner IS NULL",
		},
		{AuditDelivery, "SELECT CONCAT('event ', d.event, ' at ', d.endpoint), 'an event', 'none' FROM " +
			t.deliveries + " d LEFT JOIN " + t.events + " e ON e.id = d.event WHERE e.id IS NULL"},
		{AuditDelivery, "SELECT CONCAT('deliveries of event ', e.id), e.deliveries, COUNT(d.event) FROM " + t.events +
			" e LEFT JOIN " + t.deliveries + " d ON d.event = e.id AND d.replayed = 0 GROUP BY e.id, e.deliveries " +
			"HAVING COUNT(d.event) <> e.deliveries"},
		{
			AuditDelivery,
			"SELECT CONCAT('attempts of event ', d.event, ' at ', d.endpoint), d.attempts, COUNT(a.number) FROM " +
				t.deliveries + " d LEFT JOIN " + t.attempts + " a ON a.event = d.event AND a.endpoint = d.endpoint " +
				"GROUP BY d.event, d.endpoint, d.attempts HAVING COUNT(a.number) <> d.attempts OR " +
				"COALESCE(MAX(a.number), 0) <> d.attempts",
		},
		{
			AuditDelivery,
			"SELECT CONCAT('event ', d.event, ' at ', d.endpoint), 'delivered by its last attempt', " +
				"COALESCE(a.outcome, 'none') FROM " + t.deliveries + " d LEFT JOIN " + t.attempts + " a " +
				"ON a.event = d.event AND a.endpoint = d.endpoint AND a.number = d.attempts " +
				"WHERE d.state = 'delivered' AND COALESCE(a.outcome, '') <> 'delivered'",
		},
		{
			AuditDelivery,
			"SELECT CONCAT('event ', d.event, ' at ', d.endpoint), " +
				"'due, delivered, or dead at the end of the schedule or of its webhook', " +
				"CONCAT(d.state, ' after ', d.tries) FROM " + t.deliveries + " d LEFT JOIN " + t.endpoints +
				" e ON e.id = d.endpoint WHERE NOT (d.state = 'delivered' OR d.state = 'due' AND d.tries < " + last +
				" OR d.state = 'dead' AND (d.tries = " + last + " OR e.state = 'disabled')) OR e.id IS NULL",
		},
		{
			AuditKey,
			"SELECT CONCAT('keys of ', e.id), 'one newest, and at most one before it', CONCAT(COUNT(k.number), ', ', " +
				"COALESCE(SUM(k.until = 0), 0), ' newest') FROM " + t.endpoints + " e LEFT JOIN " + t.keys + " k ON " +
				"k.endpoint = e.id " +
				"GROUP BY e.id HAVING COALESCE(SUM(k.until = 0), 0) <> 1 OR COUNT(k.number) > 2",
		},
	}
}
