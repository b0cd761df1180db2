package webhook

import (
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"github.com/hongbao/hongbao/internal/refusal"
)

// checkURL accepts an address that a delivery may be sent to, as far as its text says; the name is looked up when it is
// called, and the address checked then. Refusal: endpoint_refused.
func checkURL(text string, allowPrivate bool) error {
	refuse := func(why string) error {
		return refusal.New(CodeEndpointRefused, "url is refused: %s", why)
	}
	if len(text) > maxURL {
		return refuse("give at most 512 bytes")
	}
	for i := range len(text) {
		if text[i] <= ' ' || text[i] >= 0x7f {
			return refuse("give printable ASCII characters, a name in other letters as xn--…, a path with %XX")
		}
	}
	u, err := url.Parse(text)
	if err != nil || u.Opaque != "" || u.Hostname() == "" {
		return refuse("it is not an address as https://name/path")
	}
	if u.Scheme != "https" && !(allowPrivate && u.Scheme == "http") {
		return refuse("give one that begins with https://")
	}
	if u.User != nil || u.Fragment != "" || strings.Contains(text, "#") {
		return refuse("leave out user, password and fragment")
	}
	if allowPrivate {
		return nil
	}
	if port := u.Port(); port != "" || strings.HasSuffix(u.Host, ":") {
		// Below 1024 are the ports of mail servers and the like, which a request should not be sent to.
		if n, err := strconv.Atoi(port); err != nil || n != 443 && n < 1024 || n > 65535 {
			return refuse("give port 443, or one from 1024 to 65535")
		}
	}
	return checkHost(u.Hostname(), refuse)
}

// checkHost refuses what can be refused without looking a name up: it tells the owner early.
func checkHost(host string, refuse func(string) error) error {
	if a, err := netip.ParseAddr(host); err == nil {
		if !PublicAddress(a) {
			return refuse("its address is private, or reserved")
		}
		return nil
	}
	name := strings.ToLower(strings.TrimSuffix(host, "."))
	if !strings.Contains(name, ".") || strings.HasSuffix(name, ".localhost") || strings.HasSuffix(name, ".local") ||
		strings.HasSuffix(name, ".internal") ||
		strings.Trim(name[strings.LastIndexByte(name, '.')+1:], "0123456789") == "" {
		return refuse("its name is not one of the internet")
	}
	return nil
}
