// Package group knows who is in which chat group. The groups belong to the chat application; the rest of the system
// asks only whether somebody is a member, many times a second, and gets the answer from memory.
package group

import (
	"context"

	"github.com/hongbao/hongbao/internal/refusal"
)

// MaxMembers is the most members a group may have, as in WeChat.
const MaxMembers = 500

// Codes of refusals.
const (
	CodeExists   = "group_exists"
	CodeTooLarge = "group_too_large"
	CodeNotFound = "group_not_found"
)

// ErrNotFound says that there is no such group.
var ErrNotFound = refusal.New(CodeNotFound, "there is no such group")

// Store keeps groups durably. Every method is safe to repeat.
type Store interface {
	// Create makes a group. Refusals: group_exists where one with other members is there.
	Create(ctx context.Context, group string, members []string) error
	// Members returns the members ordered by id, or ErrNotFound.
	Members(ctx context.Context, group string) ([]string, error)
	// Add and Remove return ErrNotFound where there is no such group; Add refuses group_too_large beyond MaxMembers.
	Add(ctx context.Context, group, user string) error
	Remove(ctx context.Context, group, user string) error
	// GroupsOf returns the groups that a user is a member of, ordered.
	GroupsOf(ctx context.Context, user string) ([]string, error)
}
