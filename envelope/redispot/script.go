package redispot

import (
	"embed"

	"github.com/hongbao/hongbao/internal/pots/redisbucket"
)

//go:embed lua/*.lua
var lua embed.FS

type scripts struct{ take, fill, look, retire, unretired, missing redisbucket.Script }

func (s *scripts) load() error {
	return redisbucket.LoadScripts(lua, "lua", map[string]*redisbucket.Script{"take": &s.take, "fill": &s.fill,
		"look": &s.look, "retire": &s.retire, "unretired": &s.unretired,
		"missing": &s.missing})
}
