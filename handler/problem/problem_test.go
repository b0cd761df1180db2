package problem_test

import (
	"fmt"
	"testing"

	"github.com/redis/rueidis"

	"github.com/hongbao/hongbao/handler/problem"
	"github.com/hongbao/hongbao/internal/devstack"
	"github.com/hongbao/hongbao/internal/refusal"
)

// While a Redis starts or a replica takes its place, callers are asked to try again; what it refuses for good is our
// fault.
func TestRepliesOfRedis(t *testing.T) {
	option, err := rueidis.ParseURL("unix://" + devstack.TestRedis(t).Socket())
	if err != nil {
		t.Fatal(err)
	}
	client, err := rueidis.NewClient(option)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	for reply, code := range map[string]string{
		"CLUSTERDOWN The cluster is down":                       refusal.CodeUnavailable,
		"LOADING Redis is loading the dataset in memory":        refusal.CodeUnavailable,
		"READONLY You can't write against a read only replica.": refusal.CodeUnavailable,
		"MISCONF Errors writing to the AOF file: No space left": refusal.CodeUnavailable,
		"WRONGTYPE Operation against a key":                     problem.CodeInternal,
	} {
		err := client.Do(t.Context(), client.B().Eval().Script("return redis.error_reply(ARGV[1])").Numkeys(0).
			Arg(reply).Build()).Error()
		if p, cause := problem.FromError(fmt.Errorf("take: %w", err)); p.Code != code || cause == nil {
			t.Errorf("%s: %v, cause %v", reply, p, cause)
		}
	}
}
