package yardstick

import (
	"context"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/cloudwego/kitex/client"
	"github.com/cloudwego/kitex/pkg/klog"
	"github.com/cloudwego/kitex/transport"
	"github.com/redis/rueidis"

	"github.com/hongbao/hongbao/internal/devstack"
)

// span is long enough for each to do something.
const span = 100 * time.Millisecond

func TestEcho(t *testing.T) {
	klog.SetLevel(klog.LevelFatal)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- ServeEcho(ctx, listener) }()
	options := []client.Option{client.WithHostPorts(listener.Addr().String()),
		client.WithTransportProtocol(transport.TTHeader), client.WithRPCTimeout(time.Minute),
		client.WithConnectTimeout(time.Minute)}
	echo, err := NewEcho(300, options)
	if err != nil {
		t.Fatal(err)
	}
	n, err := echo.Measure(t.Context(), span)
	if err != nil || n < 100 || len(echo.padding) != 300 {
		t.Errorf("%v a second, %v", n, err)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if _, err := echo.Measure(t.Context(), span); err == nil {
		t.Error("no error without a server")
	}
}

func TestWebEchoes(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- ServeWebEcho(ctx, listener) }()
	address := listener.Addr().String()
	for _, measure := range []func(context.Context, time.Duration) (float64, error){
		HTTPEcho{Address: address, Token: 300}.Measure, SocketEcho{Address: address}.Measure,
	} {
		if n, err := measure(t.Context(), span); err != nil || n < 100 {
			t.Errorf("%v a second, %v", n, err)
		}
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if _, err := (HTTPEcho{Address: address}).Measure(t.Context(), span); err == nil {
		t.Error("no error without a server")
	}
}

func TestRedisYardsticks(t *testing.T) {
	option, err := rueidis.ParseURL("unix://" + devstack.TestRedis(t).Socket())
	if err != nil {
		t.Fatal(err)
	}
	option.DisableCache = true
	option.AlwaysPipelining = true
	redis, err := rueidis.NewClient(option)
	if err != nil {
		t.Fatal(err)
	}
	defer redis.Close()
	for _, y := range []interface {
		Name() string
		What() string
		Measure(context.Context, time.Duration) (float64, error)
	}{LPop{Client: redis, Option: option}, RueidisLPop{Client: redis}} {
		n, err := y.Measure(t.Context(), span)
		if err != nil || n < 100 || !strings.Contains(y.What(), "LPOP") {
			t.Errorf("%s: %v a second, %v", y.Name(), n, err)
		}
		if n, err := redis.Do(t.Context(), redis.B().Exists().Key(lpopKey).Build()).AsInt64(); err != nil || n != 0 {
			t.Errorf("%s left its list behind: %v", y.Name(), err)
		}
	}
	connection, err := LPop{Option: option}.connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	if err := connection.pop(); err != errListEmpty {
		t.Errorf("an empty list: %v", err)
	}
	if err := redis.Do(t.Context(), redis.B().Set().Key(lpopKey).Value("no list").Build()).Error(); err != nil {
		t.Fatal(err)
	}
	if err := connection.pop(); err == nil || !strings.Contains(err.Error(), "WRONGTYPE") {
		t.Errorf("no list: %v", err)
	}
}

func TestMySQLYardsticks(t *testing.T) {
	m, err := OpenMySQL(t.Context(), devstack.TestMariaDB(t).DSN())
	if err != nil {
		t.Fatal(err)
	}
	n, err := RowLock{m}.Measure(t.Context(), span)
	if err != nil || n <= 0 {
		t.Errorf("row lock: %v a second, %v", n, err)
	}
	// As many were taken as grabs say, so no lock was missing.
	var taken, grabs int64
	if err := m.db.QueryRowContext(t.Context(),
		"SELECT (SELECT SUM(taken) FROM envelopes), (SELECT COUNT(*) FROM grabs)").Scan(&taken, &grabs); err != nil ||
		taken != grabs || grabs == 0 {
		t.Errorf("%d taken, %d grabs, %v", taken, grabs, err)
	}
	if n, err := (Commits{m}).Measure(t.Context(), span); err != nil || n <= 0 {
		t.Errorf("commits: %v a second, %v", n, err)
	}
	n, err = Insert{m}.Measure(t.Context(), span)
	var rows float64
	if scan := m.db.QueryRowContext(t.Context(), "SELECT COUNT(*) FROM credits").Scan(&rows); scan != nil ||
		err != nil || rows < rowsPerInsert || n > rows/span.Seconds() {
		t.Errorf("insert: %v a second, %v rows, %v, %v", n, rows, err, scan)
	}
	if err := m.Close(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err := OpenMySQL(t.Context(), "no address:secret"); err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("a malformed address: %v", err)
	}
}
