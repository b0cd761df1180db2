package s3art_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"

	"github.com/hongbao/hongbao/cover"
	"github.com/hongbao/hongbao/cover/arttest"
	"github.com/hongbao/hongbao/cover/s3art"
)

// server is an S3 server on loopback with one bucket. It passes requests through watch first.
func server(t *testing.T, watch func(http.ResponseWriter, *http.Request) bool) (url, credentials string) {
	t.Helper()
	backend := s3mem.New()
	if err := backend.CreateBucket("covers"); err != nil {
		t.Fatal(err)
	}
	s3 := gofakes3.New(backend).Server()
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if watch == nil || watch(w, r) {
			s3.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(web.Close)
	credentials = filepath.Join(t.TempDir(), "credentials")
	text := "[default]\naws_access_key_id = EXAMPLEKEY\naws_secret_access_key = example-secret\n"
	if err := os.WriteFile(credentials, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return web.URL, credentials
}

func open(t *testing.T, url, credentials string) *s3art.Store {
	t.Helper()
	s, err := s3art.New(s3art.Config{URL: url, Region: "us-east-1", CredentialsFile: credentials})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestStore(t *testing.T) {
	var mu sync.Mutex
	var keys []string
	url, credentials := server(t, func(_ http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodPut {
			mu.Lock()
			keys = append(keys, r.URL.Path)
			mu.Unlock()
		}
		signed := r.Header.Get("Authorization")
		if !strings.HasPrefix(signed, "AWS4-HMAC-SHA256 Credential=EXAMPLEKEY/") {
			t.Errorf("%s %s is not signed: %q", r.Method, r.URL.Path, signed)
		}
		return true
	})
	for _, path := range []string{"/covers", "/covers/of/ours/"} {
		arttest.Run(t, open(t, url+path, credentials), open(t, url+path, credentials))
		mu.Lock()
		for _, key := range keys {
			if !strings.HasPrefix(key, strings.TrimSuffix(path, "/")+"/") {
				t.Errorf("%s was put, which is not under %s", key, path)
			}
		}
		if len(keys) == 0 {
			t.Error("nothing was put")
		}
		keys = nil
		mu.Unlock()
	}
}

// TestRealServer is TestStore on a server that runs already. MinIO is one that the module proxy has:
//
//	GOBIN=/tmp/minio go install github.com/minio/minio@v0.0.0-20260212201848-7aac2a2c5b7c
//	mkdir -p /tmp/minio/data/covers && /tmp/minio/minio server --address 127.0.0.1:9000 /tmp/minio/data &
//	printf '[default]\naws_access_key_id=minioadmin\naws_secret_access_key=minioadmin\n' >/tmp/minio/credentials
//	HONGBAO_TEST_S3=http://127.0.0.1:9000/covers HONGBAO_TEST_S3_CREDENTIALS=/tmp/minio/credentials \
//		go test -run TestRealServer -v ./cover/s3art
func TestRealServer(t *testing.T) {
	url, credentials := os.Getenv("HONGBAO_TEST_S3"), os.Getenv("HONGBAO_TEST_S3_CREDENTIALS")
	if url == "" {
		t.Skip("HONGBAO_TEST_S3 names no bucket")
	}
	arttest.Run(t, open(t, url, credentials), open(t, url, credentials))
	if _, err := open(t, url+"-that-is-not-there", credentials).Get(t.Context(), strings.Repeat("ab", 32),
		cover.SizeLarge); err == nil || err == cover.ErrNotFound {
		t.Errorf("a bucket that is not there: %v", err)
	}
}

// What the store cannot answer is an error, never an image that is not there.
func TestAStoreThatFails(t *testing.T) {
	hash := strings.Repeat("ab", 32)
	url, credentials := server(t, func(w http.ResponseWriter, _ *http.Request) bool {
		http.Error(w, "<Error><Code>AccessDenied</Code></Error>", http.StatusForbidden)
		return false
	})
	s := open(t, url+"/covers", credentials)
	if _, err := s.Get(t.Context(), hash, cover.SizeLarge); err == nil || err == cover.ErrNotFound {
		t.Errorf("denied: %v", err)
	}
	if s.Put(t.Context(), hash, cover.SizeLarge, nil) == nil || s.Hide(t.Context(), hash) == nil ||
		s.Show(t.Context(), hash) == nil || s.Delete(t.Context(), hash) == nil {
		t.Error("something was done all the same")
	}
	url, credentials = server(t, nil)
	if _, err := open(t, url+"/nothing", credentials).Get(t.Context(), hash, "large"); err == nil {
		t.Error("a bucket that is not there has an image")
	} else if strings.Contains(err.Error(), "example-secret") {
		t.Errorf("it tells the secret: %v", err)
	}
}

func TestAddresses(t *testing.T) {
	for _, url := range []string{
		"", "covers", "s3://covers", "https://", "https://host", "https://host/", "https://key:secret@host/covers",
		"https://host/covers?x=1",
	} {
		if _, err := s3art.New(s3art.Config{URL: url}); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: %v", url, err)
		}
	}
}
