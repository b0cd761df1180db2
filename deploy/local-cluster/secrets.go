package main

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// makeSecrets makes, once, what compose/make-secrets.sh makes there: the password of MariaDB's user, the addresses of
// the servers with it, and the key that signs tokens. Only the owner may read them.
func makeSecrets(dir string, mysql ...string) error {
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		return err
	}
	raw := make([]byte, 24)
	_, _ = rand.Read(raw) // never fails
	password := hex.EncodeToString(raw)
	var servers strings.Builder
	for _, address := range mysql {
		fmt.Fprintf(&servers, "hongbao:%s@tcp(%s)/\n", password, address)
	}
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return err
	}
	privateDER, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return err
	}
	publicDER, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		return err
	}
	fresh := dir + ".new" // it gets its name when it is complete
	if err := errors.Join(os.RemoveAll(fresh), os.MkdirAll(fresh, 0o700)); err != nil {
		return err
	}
	for name, content := range map[string]string{
		"mysql": servers.String(),
		// MariaDB reads a statement from each line at every start.
		"user.sql": "CREATE USER IF NOT EXISTS 'hongbao'@'127.0.0.1' IDENTIFIED BY '" + password + "';\n" +
			"GRANT ALL PRIVILEGES ON `hongbao\\_s%`.* TO 'hongbao'@'127.0.0.1';\n" +
			// To move shards, and for backups.
			"GRANT REPLICATION SLAVE, BINLOG MONITOR, PROCESS, RELOAD ON *.* TO 'hongbao'@'127.0.0.1';\n",
		"token.key": string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: privateDER})),
		"token.pub": string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: publicDER})),
	} {
		if err := os.WriteFile(filepath.Join(fresh, name), []byte(content), 0o600); err != nil {
			return err
		}
	}
	return os.Rename(fresh, dir)
}
