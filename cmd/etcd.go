package cmd

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/hongbao/hongbao/internal/certs"
	"github.com/hongbao/hongbao/internal/discovery"
)

// rpcService names the Kitex services in etcd.
const rpcService = "rpc"

// etcdFlags are the flags of processes that find each other in etcd.
type etcdFlags struct {
	Etcd            []string `type:"addresses" secret:"etcd" help:"etcd in which each rpc announces itself and each gateway finds them: http://user:password@host:2379 or https://…. Repeat the flag for its other members. file:PATH reads them from a file. Empty means none."`
	EtcdPrefix      string   `help:"What the keys in etcd begin with. It tells installations apart that share an etcd." default:"hongbao/"`
	EtcdCA          string   `name:"etcd-ca" help:"File with the authorities (PEM) of the certificates of --etcd. Default: those of the system." type:"existingfile"`
	EtcdCertificate string   `name:"etcd-cert" help:"File with the certificate to show to --etcd (PEM)." type:"existingfile"`
	EtcdKey         string   `name:"etcd-key" help:"File with the private key of --etcd-cert (PEM)." type:"existingfile"`
}

func (e etcdFlags) files() certs.Files {
	return certs.Files{Certificate: e.EtcdCertificate, Key: e.EtcdKey, Authorities: e.EtcdCA}
}

func (e etcdFlags) check() error {
	if e.EtcdCertificate != "" && e.EtcdCA == "" {
		return errors.New("--etcd-cert and --etcd-key go with --etcd-ca")
	}
	wrong := []error{checkFiles(e.files(), "--etcd-ca, --etcd-cert and --etcd-key")}
	for _, endpoint := range e.Etcd {
		wrong = append(wrong, discovery.CheckEndpoint(endpoint))
	}
	return errors.Join(wrong...)
}

// open makes no connection. It returns nil without etcd. The certificates are to be renewed.
func (e etcdFlags) open(at console, metrics prometheus.Registerer) (*discovery.Registry, *certs.Source, error) {
	if len(e.Etcd) == 0 {
		return nil, nil, nil
	}
	secured, err := openTLS(e.files(), "etcd_client", at, metrics)
	if err != nil {
		return nil, nil, err
	}
	config := discovery.Config{Endpoints: e.Etcd, Prefix: e.EtcdPrefix, Log: at.log}
	if secured != nil {
		config.TLS = secured.Client
	}
	registry, err := discovery.Open(config)
	return registry, secured, err
}

// announcement says where an rpc is announced: at announce, or where that is empty at its own address.
func announcement(announce, own string) (string, error) {
	if announce != "" {
		return announce, checkAddress("announce", announce)
	}
	host, _, err := net.SplitHostPort(own)
	if err != nil {
		return "", err
	}
	ip, err := netip.ParseAddr(host)
	if host == "" || err == nil && ip.IsUnspecified() {
		return "", fmt.Errorf("--rpc %s is no address that others can call: say with --announce which is", own)
	}
	return own, nil
}

// drainFor is how long an rpc serves after it was taken out of etcd: Kitex asks where servers are every five seconds.
const drainFor = 6 * time.Second

// announced lets serve run until the context ends, and announces it at an address. When the context ends, the
// announcement is taken back first, and serve ends after drain. registry may be nil.
func announced(registry *discovery.Registry, address string, drain time.Duration,
	serve func(context.Context) error) func(context.Context) error {
	if registry == nil {
		return serve
	}
	return func(ctx context.Context) error {
		serving, stop := context.WithCancel(context.WithoutCancel(ctx))
		defer stop()
		served := make(chan error, 1)
		go func() { served <- serve(serving) }()
		announcing, takeBack := context.WithCancel(ctx)
		defer takeBack()
		gone := make(chan struct{})
		go func() { defer close(gone); registry.Announce(announcing, rpcService, address) }()
		select {
		case err := <-served:
			takeBack()
			<-gone
			return err
		case <-gone:
		}
		select {
		case err := <-served:
			return err
		case <-time.After(drain):
		}
		stop()
		return <-served
	}
}

// followed keeps up to date who is announced until the context ends. found may be nil.
func followed(found *discovery.Found) func(context.Context) error {
	return func(ctx context.Context) error {
		if found != nil {
			found.Follow(ctx)
		}
		return nil
	}
}
