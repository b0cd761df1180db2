// Package mysqlchat keeps conversations and names in the shards of a ledger: messages on the shard of their
// conversation's owner, names on that of whom they are of.
package mysqlchat

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/hongbao/hongbao/chat"
	"github.com/hongbao/hongbao/internal/refusal"
	"github.com/hongbao/hongbao/internal/shards"
	"github.com/hongbao/hongbao/internal/shards/rows"
	"github.com/hongbao/hongbao/wallet/ledger"
	"github.com/hongbao/hongbao/wallet/mysqlledger"
)

//go:embed migrations/*.sql
var migrationFiles embed.FS

// errBefore says that the sender used the request id in this conversation already.
var errBefore = errors.New("mysqlchat: sent before")

// Store is a chat.Store. It is safe for concurrent use. Every method may fail with shards.ErrUnavailable.
type Store struct {
	cluster *shards.Cluster
	ledger  *mysqlledger.Ledger
}

var _ chat.Store = (*Store)(nil)

// New makes a Store. It makes no connection.
func New(c *shards.Cluster, l *mysqlledger.Ledger) *Store { return &Store{cluster: c, ledger: l} }

// Migrate brings the tables of every shard up to date, after those of the ledger; see shards.Cluster.MigrateAll.
func Migrate(ctx context.Context, c *shards.Cluster) error {
	files, err := fs.Sub(migrationFiles, "migrations")
	if err != nil {
		return err
	}
	return c.MigrateAll(ctx, shards.Migrations{FS: files, Table: "chat_version"})
}

const columns = "id, sender, recipient, conversation, text, reply_to, about, created_at"

func (s *Store) messages(shard int) string { return s.cluster.Table(shard, "chat_messages") }
func (s *Store) names(shard int) string    { return s.cluster.Table(shard, "chat_names") }

// Send implements chat.Store. The unique key of a sender's request decides between two that come together.
func (s *Store) Send(
	ctx context.Context, requestID string, m chat.Message, events []ledger.Event,
) (chat.Message, error) {
	in := m.In()
	shard := s.cluster.ForUser(in.Owner)
	if of, ok := s.cluster.ShardOf(m.ID); !ok || of != shard {
		return chat.Message{}, fmt.Errorf("mysqlchat: message %d: the id is not one for %q", m.ID, in.Owner)
	}
	table := s.messages(shard)
	err := s.ledger.SQLTx(ctx, m.ID, func(tx *mysqlledger.Tx) error {
		if err := checkReply(ctx, tx.SQL(), table, in, m); err != nil {
			return err
		}
		isFirst, err := s.begin(ctx, tx.SQL(), shard, in, m)
		if err != nil {
			return err
		}
		_, err = tx.SQL().ExecContext(ctx, "INSERT INTO "+table+" ("+columns+", request_id) VALUES "+rows.In(9),
			m.ID, m.Sender, m.To, in.Key, m.Text, m.ReplyTo, m.About, m.CreatedAt.UnixMilli(), requestID)
		if shards.IsDuplicate(err) {
			return errBefore
		}
		if err != nil {
			return err
		}
		if isFirst {
			if err := tx.Index(ctx, ledger.IndexEntry{Of: m.Sender, Subject: chat.Subject, Reference: m.ID},
				ledger.IndexEntry{Of: m.To, Subject: chat.Subject, Reference: m.ID}); err != nil {
				return err
			}
		}
		return tx.Publish(ctx, events...)
	})
	if errors.Is(err, errBefore) {
		first, ok, err := s.Sent(ctx, requestID, m)
		if err == nil && !ok {
			err = mysqlledger.ErrIDExists
		}
		return first, err
	}
	if err != nil {
		return chat.Message{}, fmt.Errorf("message %d: %w", m.ID, err)
	}
	return m, nil
}

// checkReply checks what a message answers.
func checkReply(ctx context.Context, tx *sql.Tx, table string, in chat.Conversation, m chat.Message) error {
	if m.ReplyTo == 0 {
		return nil
	}
	found, err := rows.Select(ctx, tx, rows.Scalar[int], "SELECT 1 FROM "+table+" WHERE id = ? AND conversation = ?",
		m.ReplyTo, in.Key)
	if err == nil && len(found) == 0 {
		err = refusal.New(refusal.CodeInvalidArgument, "reply_to %d is no message of this conversation", m.ReplyTo)
	}
	return err
}

// begin says whether a message begins a conversation of two people. Of two that come together the second waits for the
// row of the first.
func (s *Store) begin(
	ctx context.Context, tx *sql.Tx, shard int, in chat.Conversation, m chat.Message,
) (isFirst bool, err error) {
	if m.Group != "" {
		return false, nil
	}
	done, err := tx.ExecContext(ctx, "INSERT IGNORE INTO "+s.cluster.Table(shard, "chat_conversations")+
		" (conversation) VALUES (?)", in.Key)
	if err != nil {
		return false, err
	}
	if n, err := done.RowsAffected(); err != nil || n == 0 {
		return false, err
	}
	before, err := rows.Select(ctx, tx, rows.Scalar[int], // by a process that does not know the row
		"SELECT 1 FROM "+s.messages(shard)+" WHERE conversation = ? LIMIT 1", in.Key)
	return len(before) == 0, err
}

// Sent implements chat.Store.
func (s *Store) Sent(ctx context.Context, requestID string, m chat.Message) (first chat.Message, ok bool, err error) {
	in := m.In()
	before, err := s.read(ctx, s.cluster.ForUser(in.Owner), "WHERE conversation = ? AND sender = ? AND request_id = ?",
		in.Key, m.Sender, requestID)
	if err != nil || len(before) == 0 {
		return chat.Message{}, false, err
	}
	first = before[0]
	if first.Text != m.Text || first.ReplyTo != m.ReplyTo || first.About != m.About {
		return chat.Message{}, false, refusal.New(refusal.CodeRequestConflict,
			"request_id %q was used for another message: use a new one", requestID)
	}
	return first, true, nil
}

// Messages implements chat.Store.
func (s *Store) Messages(
	ctx context.Context, c chat.Conversation, before int64, limit int,
) ([]chat.Message, error) {
	where, args := "WHERE conversation = ?", []any{c.Key}
	if before > 0 {
		where, args = where+" AND id < ?", append(args, before)
	}
	return s.read(ctx, s.cluster.ForUser(c.Owner), where+" ORDER BY id DESC LIMIT ?", append(args, limit)...)
}

// Partners implements chat.Store.
func (s *Store) Partners(ctx context.Context, user string, before int64, limit int) ([]chat.Partner, error) {
	firsts, err := s.ledger.Indexed(ctx, user, chat.Subject, before, limit)
	if err != nil {
		return nil, err
	}
	byShard := map[int][]any{}
	for _, id := range firsts {
		if shard, ok := s.cluster.ShardOf(id); ok {
			byShard[shard] = append(byShard[shard], id)
		}
	}
	others := map[int64]string{}
	for shard, ids := range byShard {
		found, err := s.read(ctx, shard, "WHERE id IN "+rows.In(len(ids)), ids...)
		if err != nil {
			return nil, err
		}
		for _, m := range found {
			if others[m.ID] = m.To; m.To == user {
				others[m.ID] = m.Sender
			}
		}
	}
	partners := make([]chat.Partner, 0, len(firsts))
	for _, id := range firsts {
		if other, ok := others[id]; ok {
			partners = append(partners, chat.Partner{User: other, First: id})
		}
	}
	return partners, nil
}

func (s *Store) read(ctx context.Context, shard int, where string, args ...any) (list []chat.Message, err error) {
	err = rows.Collect(ctx, s.cluster.DB(shard), func(row *sql.Rows) error {
		var m chat.Message
		var conversation string
		var created int64
		err := row.Scan(&m.ID, &m.Sender, &m.To, &conversation, &m.Text, &m.ReplyTo, &m.About, &created)
		m.CreatedAt = rows.Millis(created)
		m.Group, _ = strings.CutPrefix(conversation, "group:")
		if m.To != "" {
			m.Group = ""
		}
		list = append(list, m)
		return err
	}, "SELECT "+columns+" FROM "+s.messages(shard)+" "+where, args...)
	if err != nil {
		return nil, shards.Classify(fmt.Errorf("messages: %w", err))
	}
	return list, nil
}

func owner(n chat.Named) string {
	if n.IsGroup {
		return "group:" + n.ID
	}
	return "user:" + n.ID
}

// Rename implements chat.Store.
func (s *Store) Rename(ctx context.Context, of chat.Named, name string, events []ledger.Event) error {
	return s.ledger.SQLTxOn(ctx, s.cluster.ForUser(of.ID), func(tx *mysqlledger.Tx) error {
		table := s.names(tx.Shard())
		var err error
		if name == "" {
			_, err = tx.SQL().ExecContext(ctx, "DELETE FROM "+table+" WHERE owner = ?", owner(of))
		} else {
			_, err = tx.SQL().ExecContext(ctx, "INSERT INTO "+table+
				" (owner, name) VALUES (?,?) ON DUPLICATE KEY UPDATE name = VALUES(name)", owner(of), name)
		}
		if err != nil {
			return err
		}
		return tx.Publish(ctx, events...)
	})
}

// Names implements chat.Store.
func (s *Store) Names(ctx context.Context, of []chat.Named) (map[chat.Named]string, error) {
	byShard := map[int][]any{}
	byOwner := map[string]chat.Named{}
	for _, n := range of {
		if _, twice := byOwner[owner(n)]; twice {
			continue
		}
		byOwner[owner(n)] = n
		shard := s.cluster.ForUser(n.ID)
		byShard[shard] = append(byShard[shard], owner(n))
	}
	names := map[chat.Named]string{}
	for shard, owners := range byShard {
		err := rows.Collect(ctx, s.cluster.DB(shard), func(row *sql.Rows) error {
			var of, name string
			err := row.Scan(&of, &name)
			names[byOwner[of]] = name
			return err
		}, "SELECT owner, name FROM "+s.names(shard)+" WHERE owner IN "+rows.In(len(owners)), owners...)
		if err != nil {
			return nil, shards.Classify(fmt.Errorf("names: %w", err))
		}
	}
	return names, nil
}
