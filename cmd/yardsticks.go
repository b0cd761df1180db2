package cmd

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"time"

	"github.com/redis/rueidis"

	"github.com/hongbao/hongbao/app"
	"github.com/hongbao/hongbao/bench"
	"github.com/hongbao/hongbao/bench/report"
	"github.com/hongbao/hongbao/bench/yardstick"
	"github.com/hongbao/hongbao/client"
)

// compare measures the yardsticks in turn with the deployment, on its own servers.
func (b benchRunCmd) compare(ctx context.Context, s *stage, plan bench.Plan, p bench.Progress, r *report.Report) error {
	echoes, err := s.echoes(ctx)
	if err != nil {
		return err
	}
	option, err := app.RedisOption([]string{s.servers.Redis})
	if err != nil {
		return err
	}
	client, err := rueidis.NewClient(option)
	if err != nil {
		return err
	}
	defer client.Close()
	mysql, err := yardstick.OpenMySQL(ctx, s.servers.MySQL)
	if err != nil {
		return err
	}
	yardsticks := append(echoes,
		yardstick.LPop{Client: client, Option: option}, yardstick.RueidisLPop{Client: client},
		yardstick.RowLock{MySQL: mysql}, yardstick.Commits{MySQL: mysql}, yardstick.Insert{MySQL: mysql})
	err = bench.Compare(ctx, s.target, plan, yardsticks, p, r)
	return errors.Join(err, mysql.Close(context.WithoutCancel(ctx)))
}

// echoes starts the echo servers, each as a process of its own, as the deployment is one, and makes their clients.
func (s *stage) echoes(ctx context.Context) ([]bench.Yardstick, error) {
	if s.folder == "" {
		folder, err := os.MkdirTemp("", "hongbao-bench-")
		if err != nil {
			return nil, err
		}
		s.folder = folder
	}
	rpc, err := s.startEcho(ctx, "echo")
	if err != nil {
		return nil, err
	}
	web, err := s.startEcho(ctx, "web-echo", "--web")
	if err != nil {
		return nil, err
	}
	token, err := s.access.Sign("hongbao-bench-user-1", "user")
	if err != nil {
		return nil, err
	}
	echo, err := yardstick.NewEcho(len(token), client.KitexOptions(echoTimeout, rpc))
	if err != nil {
		return nil, err
	}
	return []bench.Yardstick{echo, yardstick.HTTPEcho{Address: web, Token: len(token)},
		yardstick.SocketEcho{Address: web}}, nil
}

// startEcho starts an echo server and returns where it listens.
func (s *stage) startEcho(ctx context.Context, name string, flags ...string) (address string, err error) {
	announced := filepath.Join(s.folder, name+".address")
	echo, err := startChild(filepath.Join(s.folder, name+".log"), "",
		append([]string{"echo", "--announced", announced}, flags...)...)
	if err != nil {
		return "", err
	}
	s.echoServers = append(s.echoServers, echo)
	text, err := echo.await(ctx, announced)
	return string(text), err
}

// echoTimeout bounds an echo, as bench bounds a grab.
const echoTimeout = 5 * time.Second
