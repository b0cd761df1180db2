package gateway_test

import (
	"log/slog"
	"os"
	"testing"

	"github.com/hongbao/hongbao/handler"
)

func TestMain(m *testing.M) {
	handler.RouteKitexLog(slog.New(slog.DiscardHandler))
	os.Exit(m.Run())
}
