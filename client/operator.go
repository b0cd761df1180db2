package client

import (
	"context"
	"time"

	"github.com/hongbao/hongbao/kitex_gen/operatorapi"
)

// auditTimeout bounds an audit, which may read for minutes: as long as the server allows it.
const auditTimeout = 15 * time.Minute

// Operator calls the OperatorService. Scope: operator.
type Operator struct{ c *Client }

// Installation returns what the installation is: its numbers, its servers, and what they promise.
func (s Operator) Installation(ctx context.Context) (*operatorapi.Installation, error) {
	return invoke(ctx, s.c, call{method: "Operator.Installation"}, s.c.shared.services.Operator.Installation,
		&operatorapi.InstallationRequest{})
}

// Backlog returns what has been acknowledged and not yet done, for each shard.
func (s Operator) Backlog(ctx context.Context) ([]*operatorapi.ShardBacklog, error) {
	answer, err := invoke(ctx, s.c, call{method: "Operator.Backlog"}, s.c.shared.services.Operator.Backlog,
		&operatorapi.BacklogRequest{})
	return converted((*operatorapi.BacklogResponse).GetShards, answer, err)
}

// Audit reads all the books and names each contradiction in them. It may take up to 15 minutes and is not repeated,
// because an audit without an answer may still be running: a process runs one at a time and refuses others as
// unavailable.
func (s Operator) Audit(ctx context.Context) (*operatorapi.AuditResponse, error) {
	k := call{method: "Operator.Audit", timeout: auditTimeout, once: true}
	return invoke(ctx, s.c, k, s.c.shared.services.Operator.Audit, &operatorapi.AuditRequest{})
}
