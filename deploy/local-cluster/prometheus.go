package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

// prometheusPort is from topology.base.
const prometheusPort = 36

// prometheus is the one of compose.yaml, with its settings and rules; nil where none is installed.
func (c *topology) prometheus() (*process, error) {
	binary, err := exec.LookPath("prometheus")
	if err != nil {
		return nil, nil
	}
	dir := filepath.Join(c.dir, "prometheus")
	if err := c.writePrometheusSettings(dir); err != nil {
		return nil, err
	}
	address := c.address(prometheusPort)
	return &process{
		name: "prometheus", dir: dir,
		argv: []string{binary, "--config.file=prometheus.yml", "--storage.tsdb.path=data",
			"--storage.tsdb.retention.time=7d", "--web.listen-address=" + address,
			"--enable-feature=exemplar-storage"},
		ready: func(ctx context.Context) error { return isReady(ctx, "http://"+address+"/-/ready") },
	}, nil
}

// writePrometheusSettings copies the settings beside those of Hongbao, and the rules beside them, with the addresses
// that the parts have here.
func (c *topology) writePrometheusSettings(dir string) error {
	settings, err := os.ReadFile(filepath.Join(filepath.Dir(c.config), "prometheus.yml"))
	if err != nil {
		return err
	}
	rules, err := os.ReadFile(filepath.Join(filepath.Dir(c.config), "..", "prometheus", "alerts.yml"))
	if err != nil {
		return err
	}
	text := string(settings)
	for i, p := range c.parts {
		port := "9100"
		if strings.HasPrefix(p.name, "gateway") {
			port = "8080" // where it has no management port
		}
		there := strconv.Quote(p.name + ":" + port)
		if !strings.Contains(text, there) {
			return fmt.Errorf("prometheus.yml does not have the target %s", there)
		}
		text = strings.ReplaceAll(text, there, strconv.Quote(c.address(managed+i)))
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "alerts.yml"), rules, 0o600); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "prometheus.yml"), []byte(text), 0o600)
}
