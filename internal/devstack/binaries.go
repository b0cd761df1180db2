package devstack

import (
	"fmt"
	"os/exec"
	"path/filepath"
)

// searchDirs are looked through after PATH: servers are often installed where a user's PATH does not lead.
func searchDirs() []string {
	return []string{
		"/usr/bin", "/usr/sbin", "/usr/libexec", // Debian; Fedora keeps mariadbd in libexec
		"/usr/local/bin", "/usr/local/sbin", "/usr/local/libexec", "/usr/local/mysql/bin", "/usr/local/opt/mariadb/bin",
		"/opt/homebrew/bin", "/opt/homebrew/sbin", "/opt/homebrew/opt/mariadb/bin", "/opt/homebrew/opt/redis/bin",
	}
}

// findBinary returns the absolute path of a server's binary. The error names the package that has it.
func findBinary(name, pkg string) (string, error) {
	if path, err := exec.LookPath(name); err == nil {
		return filepath.Abs(path)
	}
	for _, dir := range searchDirs() {
		if path, err := exec.LookPath(filepath.Join(dir, name)); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("%s is not installed: install the package %s, or type `make run`, which does", name, pkg)
}
