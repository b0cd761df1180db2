package cmd

import (
	"context"
	"fmt"
	"os"
	"os/user"

	"github.com/hongbao/hongbao/internal/trail"
)

// actor is who gives a command that the trail records.
type actor struct {
	By string `help:"Who does it. It stands in the trail. By default the user of this machine." placeholder:"NAME"`
}

// recorded carries a command out between two records of it. What cannot be recorded is not done.
func (a actor) recorded(ctx context.Context, t *trail.Trail, action string, detail map[string]any,
	carryOut func() error) error {
	if a.By == "" {
		a.By = fmt.Sprint("uid:", os.Getuid()) // in a container nobody may know a name
		if who, err := user.Current(); err == nil {
			a.By = who.Username
		}
	}
	return t.Recorded(ctx, trail.Act{By: a.By, Action: action, Detail: detail}, carryOut)
}
