package handler_test

import (
	"log/slog"
	"os"
	"testing"

	"github.com/hongbao/hongbao/handler"
	"github.com/hongbao/hongbao/handler/handlertest"
)

// kitexLines is what Kitex logs in the tests of this package. Its logger is one for the process.
var kitexLines handlertest.LogBuffer

func TestMain(m *testing.M) {
	handler.RouteKitexLog(slog.New(slog.NewTextHandler(&kitexLines, nil)))
	os.Exit(m.Run())
}
