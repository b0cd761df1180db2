package cmd

import (
	"fmt"
	"syscall"
)

// filesystem names that of a folder; empty where it cannot be found out.
func filesystem(path string) string {
	var stat syscall.Statfs_t
	if err := syscall.Statfs(path, &stat); err != nil {
		return ""
	}
	// From statfs(2).
	names := map[int64]string{0x01021994: "tmpfs", 0xef53: "ext4", 0x58465342: "xfs", 0x9123683e: "btrfs",
		0x794c7630: "overlayfs", 0x2fc12fc1: "zfs", 0xf2f52010: "f2fs", 0x6969: "nfs"}
	if name, ok := names[int64(stat.Type)]; ok {
		return name
	}
	return fmt.Sprintf("type %#x", stat.Type)
}
