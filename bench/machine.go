package bench

import (
	"bufio"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"

	"github.com/hongbao/hongbao/bench/report"
)

// unknown stands for what the system does not say.
const unknown = "unknown"

// ThisMachine is what the report says of the machine.
func ThisMachine() report.Machine {
	m := report.Machine{OS: runtime.GOOS, Arch: runtime.GOARCH, CPUs: runtime.NumCPU(), CPU: unknown, Kernel: unknown}
	if model := procValue("/proc/cpuinfo", "model name"); model != "" {
		m.CPU = model
	}
	if release, err := os.ReadFile("/proc/sys/kernel/osrelease"); err == nil {
		m.Kernel = strings.TrimSpace(string(release))
	}
	if kib, ok := strings.CutSuffix(procValue("/proc/meminfo", "MemTotal"), " kB"); ok {
		if n, err := strconv.ParseInt(kib, 10, 64); err == nil {
			m.Memory = n << 10
		}
	}
	return m
}

// procValue is the first value of a name in a file of /proc, which only Linux has.
func procValue(path, name string) string {
	f, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if n, value, ok := strings.Cut(lines.Text(), ":"); ok && strings.TrimSpace(n) == name {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// KitexVersion is that of the Kitex that this binary is built with.
func KitexVersion() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, dep := range info.Deps {
			if dep.Path == "github.com/cloudwego/kitex" {
				return dep.Version
			}
		}
	}
	return unknown
}
