// Package s3art keeps the files of images in a bucket of an S3-compatible store: <prefix><hash>/<size>. An image is
// hidden by an object beside its own. The store is asked to be consistent after writes, as S3 and its likes are.
package s3art

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/hongbao/hongbao/cover"
)

// maxFile bounds what is read of an object, in bytes: more than the largest image that is ever made.
const maxFile = 32 << 20

// goneObject is beside the objects of an image that is hidden. No size has its name.
const goneObject = "gone"

// Config says where the bucket is.
type Config struct {
	// URL is https://host/bucket or https://host/bucket/prefix; http:// for a store on this machine or network.
	URL    string
	Region string // empty to find it out
	// CredentialsFile is a file as that of the AWS tools (~/.aws/credentials), of which the profile default is used.
	// Empty for the environment (AWS_ACCESS_KEY_ID and so on), that file, and the machine's own role.
	CredentialsFile string
	Transport       http.RoundTripper // nil for the usual one
}

// Store is a cover.Art in a bucket. It is safe for concurrent use.
type Store struct {
	client         *minio.Client
	bucket, prefix string
}

var _ cover.Art = (*Store)(nil)

// New makes a store. It makes no connection.
func New(c Config) (*Store, error) {
	u, err := url.Parse(c.URL)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" {
		return nil, errors.New("s3art: the address of the bucket is malformed: give https://host/bucket")
	}
	bucket, prefix, _ := strings.Cut(strings.Trim(u.Path, "/"), "/")
	if bucket == "" {
		return nil, errors.New("s3art: the address names no bucket: give https://host/bucket")
	}
	if prefix != "" {
		prefix += "/"
	}
	who := credentials.NewFileAWSCredentials(c.CredentialsFile, "default")
	if c.CredentialsFile == "" {
		who = credentials.NewChainCredentials([]credentials.Provider{
			&credentials.EnvAWS{}, &credentials.FileAWSCredentials{}, &credentials.IAM{},
		})
	}
	client, err := minio.New(u.Host, &minio.Options{
		Creds: who, Secure: u.Scheme == "https", Region: c.Region, Transport: c.Transport,
	})
	if err != nil {
		return nil, fmt.Errorf("s3art: %w", err)
	}
	return &Store{client, bucket, prefix}, nil
}

// object is the name of an image's object.
func (s *Store) object(hash, name string) string { return s.prefix + hash + "/" + name }

func check(hash, size string) error {
	if !cover.IsHash(hash) {
		return fmt.Errorf("s3art: %q is no hash", hash)
	}
	for _, w := range cover.Widths() {
		if w.Name == size {
			return nil
		}
	}
	return fmt.Errorf("s3art: %q is no size", size)
}

// Put implements cover.Art.
func (s *Store) Put(ctx context.Context, hash, size string, data []byte) error {
	if err := check(hash, size); err != nil {
		return err
	}
	return s.put(ctx, s.object(hash, size), data)
}

func (s *Store) put(ctx context.Context, object string, data []byte) error {
	_, err := s.client.PutObject(ctx, s.bucket, object, bytes.NewReader(data), int64(len(data)),
		minio.PutObjectOptions{ContentType: http.DetectContentType(data), DisableMultipart: true})
	if err != nil {
		return fmt.Errorf("s3art: %w", err)
	}
	return nil
}

// Get implements cover.Art.
func (s *Store) Get(ctx context.Context, hash, size string) ([]byte, error) {
	if err := check(hash, size); err != nil {
		return nil, err
	}
	_, err := s.client.StatObject(ctx, s.bucket, s.object(hash, goneObject), minio.StatObjectOptions{})
	if err == nil {
		return nil, cover.ErrGone
	}
	if !isMissing(err) {
		return nil, fmt.Errorf("s3art: %w", err)
	}
	object, err := s.client.GetObject(ctx, s.bucket, s.object(hash, size), minio.GetObjectOptions{})
	if err != nil {
		return nil, fmt.Errorf("s3art: %w", err)
	}
	defer object.Close()
	data, err := io.ReadAll(io.LimitReader(object, maxFile+1))
	switch {
	case isMissing(err):
		return nil, cover.ErrNotFound
	case err != nil:
		return nil, fmt.Errorf("s3art: %w", err)
	case len(data) > maxFile:
		return nil, fmt.Errorf("s3art: %s/%s has more than %d bytes", hash, size, maxFile)
	}
	return data, nil
}

// isMissing says whether an object is not there. A bucket that is not there is an error of whoever configured it.
func isMissing(err error) bool {
	return err != nil && minio.ToErrorResponse(err).Code == minio.NoSuchKey
}

// Hide implements cover.Art.
func (s *Store) Hide(ctx context.Context, hash string) error {
	if err := check(hash, cover.SizeLarge); err != nil {
		return err
	}
	return s.put(ctx, s.object(hash, goneObject), []byte("taken down\n"))
}

// Show implements cover.Art.
func (s *Store) Show(ctx context.Context, hash string) error { return s.remove(ctx, hash, goneObject) }

// Delete implements cover.Art.
func (s *Store) Delete(ctx context.Context, hash string) error {
	for _, w := range cover.Widths() {
		if err := s.remove(ctx, hash, w.Name); err != nil {
			return err
		}
	}
	return nil
}

// remove deletes an object, which need not be there.
func (s *Store) remove(ctx context.Context, hash, name string) error {
	if err := check(hash, cover.SizeLarge); err != nil {
		return err
	}
	err := s.client.RemoveObject(ctx, s.bucket, s.object(hash, name), minio.RemoveObjectOptions{})
	if err != nil && !isMissing(err) {
		return fmt.Errorf("s3art: %w", err)
	}
	return nil
}
