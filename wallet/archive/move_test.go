package archive_test

import (
	"testing"

	"github.com/hongbao/hongbao/internal/devstack"
	"github.com/hongbao/hongbao/internal/shardmove"
	"github.com/hongbao/hongbao/wallet/archive"
	"github.com/hongbao/hongbao/wallet/audit"
)

// TestArchiveWhileAShardMoves moves a shard to another server and back while gifts are sent and ended, sealed and
// archived. A run that the fence stops says so, and the next one goes on; nothing is lost, and nothing is in two files.
func TestArchiveWhileAShardMoves(t *testing.T) {
	const shard, moves = 1, 4
	first, second := devstack.NewTestMariaDBWithLog(t), devstack.NewTestMariaDBWithLog(t)
	s := openScene(t, first.DSN(), second.DSN())
	dir := t.TempDir()
	archived, moved := make(chan error, 1), make(chan error, 1)
	go func() {
		at := s.Cluster.ServerOf(shard)
		for range moves {
			at = 1 - at
			_, err := shardmove.Move(t.Context(), shardmove.Config{Cluster: s.Cluster, Shard: shard,
				To: s.Cluster.ServerAddress(at), Drop: true})
			if err != nil {
				moved <- err
				return
			}
		}
		moved <- nil
	}()
	runs, stopped := 0, 0
	for over := false; !over; {
		select {
		case err := <-moved:
			if err != nil {
				t.Fatalf("move: %v", err)
			}
			over = true
		default:
		}
		s.gifts(1)
		s.audit(audit.Options{Incremental: true, Seal: true})
		go func() { _, err := s.archiver.Run(t.Context(), everything, dir); archived <- err }()
		s.gifts(1)
		if err := <-archived; err != nil {
			t.Logf("run %d: %v", runs, err)
			stopped++
		}
		runs++
	}
	t.Logf("%d runs of the archive during %d moves, %d of them stopped", runs, moves, stopped)
	s.remember()
	s.seal()
	s.run(dir)
	s.balanced()
	if n := s.rows("holds", "1=1"); n != 1 {
		t.Errorf("%d holds are left, want the open one", n)
	}
	m, err := archive.Verify(dir)
	if err != nil {
		t.Fatal(err)
	}
	wantOnce(t, dir, m, len(s.over))
}
