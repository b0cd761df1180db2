package bench

import (
	"net"
	"strings"
	"testing"
)

// TestTheReceiverIsWhereTheDeploymentReachesIt has the deployment at each of this machine's addresses.
func TestTheReceiverIsWhereTheDeploymentReachesIt(t *testing.T) {
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range addresses {
		network, ok := a.(*net.IPNet)
		if !ok || network.IP.IsLinkLocalUnicast() {
			continue
		}
		r, err := newWebhookReceiver(net.JoinHostPort(network.IP.String(), "8888"))
		if err != nil {
			t.Errorf("%s: %v", network.IP, err)
			continue
		}
		if got := r.listener.Addr().String(); !strings.HasPrefix(got, net.JoinHostPort(network.IP.String(), "")) {
			t.Errorf("the deployment is at %s, the receiver at %s", network.IP, got)
		}
		r.close()
	}
}
